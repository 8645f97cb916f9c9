// RFC 3857 5 and what RFC 3856 asks of watcher information, message by message, at the server that
// `vigil serve` runs.

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "tests/presence/watcher_info/winfo_world.hpp"
#include "tests/support/server_world.hpp"

using presence::Policy;
using sip::seconds;
using Lines = std::vector<std::string>;

namespace {

/// What presentities decided.
class Decided final : public presence::PolicySource {
public:
    std::map<std::string, Policy, std::less<>> policies;
    std::optional<Policy> policy_of(std::string_view presentity) const override {
        const auto found = policies.find(presentity);
        if (found == policies.end()) return {};
        return found->second;
    }
};

struct FlowWorld : ServerWorld {
    explicit FlowWorld(Decided& decided, const sip::Limits& limits = {})
        : ServerWorld([&](ServerWorld& w) {
              presence::ServerOptions options = w.closed(Policy::confirm);
              options.policies = &decided;
              options.limits = limits;
              return options;
          }) {}

    static RawRequest watch_watchers(const std::string& who, const std::string& whose = "alice",
                                     const std::string& event = "presence.winfo",
                                     unsigned expires = 3'600) {
        RawRequest request = subscribe(who, whose, expires);
        request.fields[0] = "Event: " + event;
        request.call_id = event + "-" + who + "-" + whose;
        return request;
    }
    void decide(Decided& decided, Policy policy) {
        decided.policies["alice@example.com"] = policy;
        server.policy_changed(raw.now, "alice@example.com");
        raw.drain();
    }
    /// The next NOTIFY of that event.
    RawMessage next(const std::string& event) {
        for (auto at = raw.sent.begin(); at != raw.sent.end(); ++at) {
            if (at->method() != "NOTIFY" || at->field("Event") != event) continue;
            RawMessage found = std::move(*at);
            raw.sent.erase(at);
            return found;
        }
        return {};
    }
    WinfoDocument next_winfo(const std::string& event = "presence.winfo") {
        const RawMessage notify = next(event);
        return WinfoDocument(notify ? notify.body() : std::string{});
    }
};

}  // namespace

TEST_CASE(
    "R3857-5-1 R3856-6.6.2-6 R3856-6.11.1-1 R3857-4.6-1: RFC 3857 5, from SUBSCRIBE to approved") {
    Decided decided;
    FlowWorld w(decided);
    // Joe subscribes, is challenged, and does so again.
    RawRequest subscribe = FlowWorld::watch_watchers("alice");
    CHECK(w.raw.ask(subscribe).status() == 401);
    const RawMessage accepted = w.ask_as("alice", subscribe);
    CHECK(accepted.status() == 200);
    CHECK(accepted.field("Expires") == "3600");
    CHECK(accepted.has("Contact"));

    // The current state: nobody.
    const RawMessage first = w.next("presence.winfo");
    CHECK(first.field("Subscription-State") == "active;expires=3600");
    CHECK(first.field("Content-Type") == "application/watcherinfo+xml");
    CHECK(first.field("From") == accepted.field("To"));
    CHECK(first.field("Call-ID") == accepted.field("Call-ID"));
    const WinfoDocument none(first.body());
    CHECK((none.version == "0" && none.state == "full"));
    CHECK((none.resource == "sip:alice@example.com" && none.package == "presence"));
    CHECK(none.rows.empty());

    // A watcher comes, about whom nobody has decided.
    w.raw.pass(seconds{60});
    w.ask_as("alice", w.publish("alice", pidf_document("open")));
    w.raw.sent.clear();
    CHECK(w.ask_as("bob", ServerWorld::subscribe("bob")).status() == 200);
    const RawMessage waits = w.next("presence");
    CHECK(waits.field("Subscription-State") == "pending;expires=600");
    CHECK(waits.body().empty());
    WinfoDocument told = w.next_winfo();
    CHECK((told.version == "1" && told.state == "partial"));
    CHECK(told.brief() == Lines{"bob pending subscribe"});
    const std::string id = told.rows.at(0)["id"];

    // She approves.
    w.raw.pass(seconds{60});
    w.decide(decided, Policy::allow);
    const RawMessage granted = w.next("presence");
    CHECK(granted.field("Subscription-State").starts_with("active;expires="));
    CHECK(count_of(granted.body(), "<basic>open</basic>") == 1);
    const RawMessage second = w.next("presence.winfo");
    CHECK(second.field("CSeq") == std::to_string(std::stoi(first.field("CSeq")) + 2) + " NOTIFY");
    told = WinfoDocument(second.body());
    CHECK((told.version == "2" && told.state == "partial"));
    CHECK(told.brief() == Lines{"bob active approved"});
    CHECK(told.rows.at(0)["id"] == id);

    // And rejects, in the end.
    w.raw.pass(seconds{60});
    w.decide(decided, Policy::block);
    CHECK(w.next("presence").field("Subscription-State") == "terminated;reason=rejected");
    CHECK(w.next_winfo().brief() == Lines{"bob terminated rejected"});
    CHECK(w.server.watchers().size() == 0);
}

TEST_CASE("R3857-4.7.1-3 R3856-6.6.2-6: a decision reaches him who came while nobody looked") {
    for (const Policy policy : {Policy::allow, Policy::polite_block, Policy::block}) {
        Decided decided;
        FlowWorld w(decided);
        w.ask_as("bob", ServerWorld::subscribe("bob", "alice", 60));
        w.raw.pass(seconds{3'600});
        CHECK(w.server.notifier().size() == 0);
        w.ask_as("alice", FlowWorld::watch_watchers("alice"));
        CHECK(w.next_winfo().brief() == Lines{"bob waiting timeout"});
        w.raw.pass(seconds{10});
        w.decide(decided, policy);
        CHECK(w.next_winfo().brief() == Lines{policy == Policy::block ? "bob terminated rejected"
                                                                      : "bob terminated approved"});
        w.raw.sent.clear();
        const int status = w.ask_as("bob", ServerWorld::subscribe("bob", "alice", 600)).status();
        CHECK(status == (policy == Policy::block ? 403 : 200));
    }
}

TEST_CASE("R3857-4.7.2-3: polite block is no other than allow, to the watcher's own eyes") {
    std::array<std::string, 2> seen;
    for (std::size_t i = 0; i < 2; ++i) {
        Decided decided;
        FlowWorld w(decided);
        decided.policies["alice@example.com"] = i == 0 ? Policy::allow : Policy::polite_block;
        CHECK(w.ask_as("bob", ServerWorld::subscribe("bob")).status() == 200);
        CHECK(w.ask_as("bob", FlowWorld::watch_watchers("bob")).status() == 200);
        w.raw.pass(seconds{10});
        RawMessage notify = w.next("presence.winfo");
        seen[i] = notify.body();
        // From pending, as from nothing.
        w.decide(decided, Policy::confirm);
        while (w.next("presence.winfo")) {
        }
        w.decide(decided, i == 0 ? Policy::allow : Policy::polite_block);
        RawRequest again = FlowWorld::watch_watchers("bob");
        again.call_id = "again";
        CHECK(w.ask_as("bob", again).status() == 200);
        seen[i] += w.next("presence.winfo").body();
    }
    CHECK(seen[0] == seen[1]);
    CHECK(count_of(seen[0], "status=\"active\" event=\"subscribe\"") == 1);
    CHECK(count_of(seen[0], "status=\"active\" event=\"approved\"") == 1);
}

TEST_CASE("R3857-4.6-2 R3857-4.1-1: presence.winfo.winfo is the owner's, and no more is served") {
    Decided decided;
    FlowWorld w(decided);
    decided.policies["alice@example.com"] = Policy::allow;
    CHECK(w.ask_as("bob", FlowWorld::watch_watchers("bob")).status() == 200);
    CHECK(w.ask_as("bob", FlowWorld::watch_watchers("bob", "alice", "presence.winfo.winfo"))
              .status() == 403);
    CHECK(w.ask_as("alice", FlowWorld::watch_watchers("alice", "alice", "presence.winfo.winfo"))
              .status() == 200);
    const WinfoDocument document = w.next_winfo("presence.winfo.winfo");
    CHECK(document.package == "presence.winfo");
    CHECK(document.brief() == Lines{"bob active subscribe"});
    const RawMessage refused = w.ask_as(
        "alice", FlowWorld::watch_watchers("alice", "alice", "presence.winfo.winfo.winfo"));
    CHECK(refused.status() == 489);
    CHECK(refused.field("Allow-Events") == "presence, presence.winfo, presence.winfo.winfo");
    // Nobody publishes them.
    RawRequest publish = w.publish("alice", "<watcherinfo/>");
    publish.fields[0] = "Event: presence.winfo";
    CHECK(w.ask_as("alice", publish).status() == 489);
}

TEST_CASE("R3857-4.6-1: watcher information ends with the right to it, and comes back with it") {
    Decided decided;
    FlowWorld w(decided);
    decided.policies["alice@example.com"] = Policy::allow;
    w.ask_as("bob", ServerWorld::subscribe("bob"));
    w.ask_as("bob", FlowWorld::watch_watchers("bob"));
    CHECK(w.next_winfo().brief() == Lines{"bob active subscribe"});
    w.decide(decided, Policy::confirm);
    const RawMessage last = w.next("presence.winfo");
    CHECK(last.field("Subscription-State") == "terminated;reason=rejected");
    CHECK(last.body().empty());
    RawRequest again = FlowWorld::watch_watchers("bob");
    again.call_id = "again";
    CHECK(w.ask_as("bob", again).status() == 403);
}

TEST_CASE(
    "a server that stops tells who watches its watchers of all that end, and of its own end") {
    Decided decided;
    FlowWorld w(decided);
    w.ask_as("bob", ServerWorld::subscribe("bob"));
    w.ask_as("alice", FlowWorld::watch_watchers("alice"));
    w.raw.sent.clear();
    w.server.shut_down(w.raw.now, presence::Server::Stop::deactivate);
    w.raw.drain();
    CHECK(w.next("presence").field("Subscription-State") == "terminated;reason=deactivated");
    CHECK(w.next("presence.winfo").field("Subscription-State") == "terminated;reason=deactivated");
    CHECK(w.server.idle());
    CHECK(w.server.watchers().size() == 0);
    CHECK(w.server.watchers_of_watchers().size() == 0);
    w.server.trim(w.raw.now);
}
