"""Rules that are broken on purpose, one at a time: the simulator has to find each.

    mutations.py --check                   each still stands once in its source
    mutations.py --list                    name and source of each, with a tab between
    mutations.py --write NAME OUTPUT       the source with that rule broken
    mutations.py --found PROGRAM           exit code 0 if that simulator finds a failure by itself
    mutations.py --table BUILD             runs every mutant in BUILD/tests/sim, prints a table

A mutation replaces a text that stands once in its source. The mutant is linked with that one source
in place of the library's, so nothing of the product knows of it. The first one is the canary, which
every run of the tests has to find.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SEEDS_MAX = 800

# name, what is broken, source, the text that stands there, what stands there instead
MUTATIONS = [
    ("last_state", "What changes during the hold is told when it ends (RFC 3856 6.10)",
     "sip/event/notifier.cpp",
     "if (!view->held) refresh_view(now, handle);",
     "if (!view->held && *name != ViewName::hold) refresh_view(now, handle);"),
    ("timer_n", "Timer N ends a subscription that no NOTIFY comes for (RFC 6665 4.1.2.4)",
     "sip/event/subscriber.cpp", "usage.timers.set(shard().timers, Name::n, n);", "(void)n;"),
    ("rate_hold", "Changes are held to one NOTIFY in 5 s (RFC 3856 6.10)",
     "sip/event/walks.cpp",
     "    view.held = true;\n    view.timers.set(core_.shard.timers, ViewName::hold,\n"
     "                    later(now.mono, traits.notify_interval_min));", ""),
    ("old_entity_tag", "A refresh gives a new entity-tag and ends the old one (RFC 3903 6)",
     "sip/event/compositor.cpp", "    entry->tag = staged.tag;",
     "    if (staged.operation != Operation::refresh) entry->tag = staged.tag;"),
    ("notify_order", "A NOTIFY whose CSeq is not above the last is refused (RFC 3261 12.2.2)",
     "sip/dialog/dialog.cpp", "if (body_->heard && number <= body_->remote_cseq) return false;",
     "if (body_->heard && number < body_->remote_cseq / 1000) return false;"),
    ("notify_481", "A 481 to a NOTIFY ends the subscription (RFC 6665 4.2.2)",
     "sip/event/notify.cpp", "default: return status >= 480 && status <= 485;",
     "default: return false;"),
    ("subscription_expiry", "A subscription that is not refreshed ends (RFC 6665 4.2.1.3)",
     "sip/event/notifier.cpp",
     "    s->timers.set(core_.shard.timers, Name::expires, later(now.mono, seconds{expires_s}));",
     ""),
    ("publication_expiry", "A publication that is not refreshed is removed (RFC 3903 6)",
     "sip/event/compositor.cpp",
     "    entry->timers.set(core_.shard.timers, Name::expires, "
     "later(now.mono, staged.expires));", ""),
    ("binding_expiry", "A binding that is not refreshed is removed (RFC 3261 10.3)",
     "sip/registrar/registrar.cpp",
     "    entry.timers.set(core_.shard.timers, Name::expires, is_lost ? now.mono : "
     "entry.expires_at);", "    (void)is_lost;"),
    ("policy_change", "A change of policy acts on live subscriptions (requirement ROUR-9)",
     "presence/server.cpp", "notifier_.decide_again(now, presence_number, presentity);",
     "(void)now, (void)presentity;"),
    ("polite_block", "A politely blocked watcher sees the closed document (RFC 5025 3.2.1)",
     "presence/presence_package.cpp", "if (view == closed_view) return finish(now, inputs, room);",
     "if (view == closed_view) return compose_of(now, id, inputs, room);"),
    ("nonce_count", "A nonce count is good once (RFC 7616 3.4)",
     "sip/auth/nonce_table.cpp",
     "if (behind >= window || (entry.seen >> behind & 1) != 0) return Use::repeated;",
     "if (behind >= window) return Use::repeated;"),
    ("hops", "Who carries a request on takes one off its hops (RFC 3261 16.6)",
     "sip/proxy/copy.cpp", "(hops ? *hops - 1 : 70)", "(hops ? *hops : 70)"),
    ("device", "A device that comes back has one lamp (its old subscription goes)",
     "sip/event/suspects.cpp", "return i != but.index && device_of(slab_.at(i)) == device &&",
     "return i == UINT32_MAX && device_of(slab_.at(i)) == device &&"),
    ("retransmission", "A copy of a request is not a new request (RFC 3261 17.2.3)",
     "sip/transaction/completed_transactions.cpp",
     "return at(i).key == key;", "return at(i).key != key;"),
    ("last_notify", "With its last NOTIFY answered a subscription is gone (RFC 6665 4.4.1)",
     "sip/event/notify.cpp", "    if (s.last_told) {\n", "    if (s.last_told && s.due) {\n"),
    ("who_is_behind", "Whoever was told another document is told this one",
     "sip/event/walks.cpp", "s.sent_body.view().data() == view.body.view().data())",
     "s.sent_body.view().size() == view.body.view().size())"),
    ("quota", "A user has no more subscriptions than the limit (requirement ROUR-4)",
     "sip/event/notifier.cpp", "comes_back ? Tally::any_number : limits.subscriptions_per_user)",
     "comes_back ? Tally::any_number : limits.subscriptions_per_user + 1)"),
    ("aggregation", "Watchers of several devices stay with the server (RFC 3856 6.11.2)",
     "presence/migration.cpp", "if (devices != 1 ||", "if (devices == 0 ||"),
    ("provide", "An attribute is shown by its own permission alone (RFC 5025 3.3.2)",
     "presence/rules/privacy_filter.cpp", '{"mood", Provide::mood},', '{"mood", Provide::note},'),
    ("class", "A component is chosen by its class (RFC 5025 3.3.1)",
     "presence/rules/privacy_filter.cpp",
     "return !is.empty() && same_token(selector.value, is);", "return !is.empty();"),
    ("registration", "What is registered is held back as what is published is (RFC 5025 3.3.1)",
     "presence/composition.cpp",
     "if (inputs_.permissions != nullptr) filter(*inputs_.permissions, *document);", ""),
    ("validity", "When a validity begins or ends, it is decided again (RFC 4745 7.4)",
     "presence/reconsideration.cpp", "    who_.decide_again(now, entry->presentity.view());\n", ""),
    ("sphere", "In another sphere it is decided again (RFC 4745 7.3)",
     "presence/server.cpp",
     "if (package == presence_number && package_.state_may_have_changed(now, resource))",
     "if (package_.state_may_have_changed(now, resource) && package != presence_number)"),
    ("withdrawal", "No copy leaves of what other permissions showed (requirement ROUR-9)",
     "sip/event/notifier.cpp", "(other_view || !s.may_see) && withdraw(s);",
     "!s.may_see && withdraw(s);"),
    ("refused_refresh", "What a refresh ended is not refreshed (RFC 6665 4.2.1.2)",
     "sip/event/notifier.cpp", "if (!initial && lives()) step(", "if (!initial) step("),
    ("silence", "Who sees the same as before is not told (a politely blocked one would notice)",
     "sip/event/notify.cpp", "    if (view.rendered && view.body.view() == text) return;\n", ""),
    ("watcher_end", "Who watches is told of each that ends (RFC 3857 4.7.2)",
     "presence/watcher_info/watcher_info_package.cpp", "    return knows_of_it && !is_old;",
     "    return knows_of_it && !is_old && row.waited;"),
    ("giveup", "Who waits without a decision is given up (RFC 3857 4.7.1)",
     "presence/watcher_info/watchers.cpp",
     "timers_.set(shard_.timers, name, rows_.at(line.first).giveup_at);", "(void)name;"),
    ("owner", "A request within a dialog goes to the worker that has it",
     "sip/transaction/owner.cpp",
     "    if (!tag.empty()) return marked(place, tag);\n", "    if (!tag.empty()) return {};\n"),
    ("answer", "A response goes to the worker that sent the request",
     "sip/transaction/owner.cpp", "return branch ? place.marked(branch->value) : std::nullopt;",
     "return branch && branch->value == 0 ? place.marked(1) : std::nullopt;"),
    ("common_count", "A user has no more for spreading over workers (requirement ROUR-4)",
     "apps/edge/workers/worker_counts.cpp", "sum += found & number_mask;",
     "sum += found & number_mask & 1;"),
    ("common_nonce", "A nonce count is good once, whichever worker it reaches (RFC 7616 3.4)",
     "apps/edge/workers/worker_counts.cpp", "fetch_or(mask) & mask) != 0",
     "fetch_or(mask) & mask) == 2"),
    ("relay", "What an owner sends by a connection of another worker goes by it",
     "apps/edge/workers/worker_link.cpp",
     "    send(found->second.holder, head, packet.head.view(), packet.body.view());\n", ""),
]


def mutate(name):
    _, _, path, before, after = next(m for m in MUTATIONS if m[0] == name)
    source = (ROOT / path).read_text(encoding="utf-8")
    count = source.count(before)
    if count != 1:
        raise SystemExit(f"mutations.py: {name}: the text stands {count} times in {path}")
    return source.replace(before, after)


def find(program):
    """(seed, invariant) that the program fails with, or None."""
    def run_to(last):
        return subprocess.run(
            [program, "--seeds", f"1..{last}", "--no-shrink", "--passages", "0"],
            capture_output=True, text=True, check=False)

    run = run_to(SEEDS_MAX)
    found = re.search(r"^seed (\d+) FAILED.*\n  (.*)$", run.stdout, re.M)
    if run.returncode == 1 and found:
        return int(found.group(1)), found.group(2)
    if run.returncode < 0:
        least, most = 1, SEEDS_MAX
        while least < most:
            middle = (least + most) // 2
            least, most = (least, middle) if run_to(middle).returncode < 0 else (middle + 1, most)
        return most, f"killed by signal {-run.returncode}"
    return None


def table(build):
    missed = 0
    print("| mutation | the rule that it breaks | worlds |\n| --- | --- | ---: |")
    for name, rule, _, _, _ in MUTATIONS:
        found = find(str(build / "tests/sim" / ("sim_mutant_" + name)))
        missed += found is None
        print(f"| `{name}` | {rule} | {found[0] if found else '*not found*'} |", flush=True)
    return 1 if missed else 0


def main(arguments):
    if arguments == ["--list"]:
        print("\n".join(f"{m[0]}\t{m[2]}" for m in MUTATIONS))
        return 0
    if arguments == ["--check"]:
        return sum(not mutate(m[0]) for m in MUTATIONS)
    if arguments[:1] == ["--write"] and len(arguments) == 3:
        pathlib.Path(arguments[2]).write_text(mutate(arguments[1]), encoding="utf-8")
        return 0
    if arguments[:1] == ["--found"] and len(arguments) == 2:
        found = find(arguments[1])
        print(f"found by world {found[0]}: {found[1]}" if found else "not found")
        return 0 if found else 1
    if arguments[:1] == ["--table"] and len(arguments) == 2:
        return table(pathlib.Path(arguments[1]))
    return __doc__


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
