"""SIPp as watcher, publisher and registrant, with its scenarios in sipp/, against `vigil serve`."""

import re
import signal
import time

import pidf
from capture import messages
from matrix import FAMILIES, FAMILIES_6, Scenario, on
from processes import equal
from sipp import Sipp, body, field


def notifications(sipp):
    """(Subscription-State, document) of each NOTIFY, a retransmitted one once."""
    return [(field(notify, "Subscription-State"),
             pidf.summary(body(notify)) if body(notify) else None)
            for notify in sipp.requests("NOTIFY")]


def without_numbers(states):
    return [re.sub(r"\d+", "N", state) for state, _ in states]


def closed(world):
    alice = world.uri("alice")
    return alice, [("closed", alice, [])]


def published(world, note, basic="open"):
    alice = world.uri("alice")
    return alice, [(basic, alice, [note])]


def shown(watch, number):
    return [pidf.summary(watch.object_with(event="presence")["document"]) for _ in range(number)]


def watcher(world, transport):
    world.serve()
    sipp = Sipp.client(world, "watcher", "bob", transport)
    sipp.wait_for("NOTIFY")
    world.publish_once("alice", "--status", "open", "--note", "seen by SIPp")
    sipp.finish()
    told = notifications(sipp)
    there = published(world, "seen by SIPp")
    equal("what SIPp was shown", [document for _, document in told],
          [closed(world), there, there, there])
    equal("states of its subscription", without_numbers(told),
          ["active;expires=N"] * 3 + ["terminated;reason=timeout"])
    world.stop_server()


def fetch(world, transport):
    world.serve()
    world.publish_once("alice", "--status", "open", "--note", "fetched")
    sipp = Sipp.client(world, "fetch", "bob", transport)
    sipp.finish()
    equal("what SIPp was told", notifications(sipp),
          [("terminated;reason=timeout", published(world, "fetched"))])
    world.stop_server()


def refresh(world, transport):
    world.serve()
    world.publish_once("alice", "--status", "open", "--note", "the same")
    sipp = Sipp.client(world, "refresh", "bob", transport)
    sipp.finish()
    told = notifications(sipp)
    equal("what SIPp was shown", [document for _, document in told],
          [published(world, "the same")] * 4)
    equal("the subscription ends", told[-1][0], "terminated;reason=timeout")
    equal("CSeq of the NOTIFYs counts by one",
          [int(field(each, "CSeq").split()[0]) - int(field(sipp.requests("NOTIFY")[0],
                                                           "CSeq").split()[0])
           for each in sipp.requests("NOTIFY")], [0, 1, 2, 3])
    world.stop_server()


def slow(world, transport):
    world.serve()
    sipp = Sipp.client(world, "slow_watcher", "bob", transport, "-d", "2500")
    sipp.wait_for("NOTIFY")
    for note in ("passed over", "the latest"):
        world.run("publish", world.vigil, "publish", world.uri("alice"), "--status", "open",
                  "--note", note, "--once", *world.client("tcp", "alice"))
    sipp.finish()
    told = notifications(sipp)
    equal("NOTIFYs", without_numbers(told), ["active;expires=N"] * 2 +
          ["terminated;reason=timeout"])
    equal("the first", told[0][1], closed(world))
    equal("the latest stands first", told[1][1][1][0], ("open", world.uri("alice"), ["the latest"]))
    copies = len(sipp.messages("received", "NOTIFY ")) - len(told)
    equal("the unanswered one came again", copies > 0, transport == "udp")
    world.stop_server()


def forgotten_watcher(world, transport):
    world.serve()
    sipp = Sipp.client(world, "forgotten_watcher", "bob", transport, "-d", "5000")
    sipp.wait_for("NOTIFY")
    world.serve(port=world.kill_server())
    world.publish_once("alice", "--status", "open", "--note", "after the restart")
    sipp.finish()
    told = notifications(sipp)
    equal("what SIPp was told", [(state.partition(";")[0], document) for state, document in told],
          [("active", closed(world)), ("active", published(world, "after the restart"))])
    world.stop_server()


def terminated(world, transport):
    world.serve()
    sipp = Sipp.client(world, "terminated_watcher", "bob", transport)
    sipp.wait_for("NOTIFY")
    equal("exit code of the server", world.server.stop(signal.SIGTERM), 0)
    sipp.finish()
    last = field(sipp.requests("NOTIFY")[-1], "Subscription-State")
    seconds = int(re.fullmatch(r"terminated;reason=probation;retry-after=(\d+)", last)[1])
    equal(f"retry-after={seconds} is one of 5 to 30", 5 <= seconds <= 30, True)


def authentication(world, transport):
    world.serve()
    world.publish_once("alice", "--status", "open", "--note", "for bob alone")
    sipp = Sipp.client(world, "authentication", "bob", transport)
    sipp.finish()
    equal("status codes", [each[8:11] for each in sipp.messages("received", "SIP/2.0")],
          ["401", "401", "401", "200"])
    equal("what SIPp was told", notifications(sipp),
          [("terminated;reason=timeout", published(world, "for bob alone"))])
    world.stop_server()


def publisher(world, transport):
    world.serve()
    watch = world.watch("alice", "bob")
    sipp = Sipp.client(world, "publisher", "alice", transport)
    sipp.finish()
    equal("what the watcher was shown", shown(watch, 3),
          [published(world, "SIPp is here"), published(world, "SIPp is away", "closed"),
           closed(world)])
    tags = re.findall(r"\nSIP-ETag: *(\S+)", "".join(sipp.messages("received")))
    equal("entity-tags given, none of them twice", (len(tags), len(set(tags))), (4, 4))
    world.stop_server()


def forgotten_publisher(world, transport):
    world.serve()
    sipp = Sipp.client(world, "forgotten_publisher", "alice", transport, "-d", "5000")
    watch = world.start("watch", world.vigil, "watch", world.uri("alice"), "--raw",
                        *world.client("udp", "bob"))
    while shown(watch, 1) != [published(world, "before")]:
        pass
    world.serve(port=world.kill_server())
    after = world.watch("alice", "bob")
    sipp.finish()
    equal("what a watcher of the new server was shown", shown(after, 1),
          [published(world, "after")])
    world.stop_server()


def expiring_publisher(world, transport):
    world.serve("--min-expires", "1")
    watch = world.watch("alice", "bob")
    sipp = Sipp.client(world, "expiring_publisher", "alice", transport)
    equal("what the watcher was shown", shown(watch, 2),
          [published(world, "short"), closed(world)])
    sipp.finish()
    world.stop_server()


def registrant(world, transport):
    world.serve()
    watch = world.watch("alice", "bob")
    Sipp.client(world, "registrant", "alice", transport, digest_uri="localhost").finish()
    alice = world.uri("alice")
    equal("what the watcher was shown", shown(watch, 2),
          [(alice, [("open", alice, [])]), closed(world)])
    world.stop_server()


def rfc_3856_8(world, transport):
    world.serve()
    world.publish_once("alice", "--status", "closed", "--note", "at first")
    sipp = Sipp.client(world, "rfc3856_8", "bob", transport)
    sipp.wait_for("NOTIFY")
    first = sipp.requests("NOTIFY")[0]
    left = int(field(first, "Subscription-State").partition("expires=")[2])
    time.sleep(1.2)  # so that the time that is left can be seen to be less
    world.publish_once("alice", "--status", "open", "--note", "updated")
    sipp.finish()
    second = sipp.requests("NOTIFY")[1]
    equal("CSeq", int(field(second, "CSeq").split()[0]), int(field(first, "CSeq").split()[0]) + 1)
    left_then = int(field(second, "Subscription-State").partition("expires=")[2])
    equal(f"less than {left} s are left: {left_then}", left_then < left, True)
    equal("at first", pidf.summary(body(first)), published(world, "at first", "closed"))
    equal("the newest stands first", pidf.summary(body(second))[1][0],
          ("open", world.uri("alice"), ["updated"]))
    world.stop_server()


def rfc_3903_15(world, transport):
    trace = world.path("trace.pcap")
    world.serve("--trace", trace)
    watch = world.watch("alice", "bob", transport)
    sipp = Sipp.client(world, "rfc3903_15", "alice", transport)
    equal("what the watcher was shown", shown(watch, 2),
          [published(world, "initial"), published(world, "modified", "closed")])
    sipp.finish()
    tags = re.findall(r"\nSIP-ETag: *(\S+)", "".join(sipp.messages("received")))
    equal("entity-tags given, none of them twice", (len(tags), len(set(tags))), (3, 3))
    world.stop_server()
    # A request that is challenged, or comes again, counts once: as what it was answered in the end.
    equal("what was done, in order",
          [each.method for each in messages(trace) if each.status == 200][:7],
          ["SUBSCRIBE", "NOTIFY", "PUBLISH", "NOTIFY", "PUBLISH", "PUBLISH", "NOTIFY"])


FLOWS = [
    ("watcher", "subscribe, a change, refresh, unsubscribe, 481 afterwards", watcher),
    ("watcher", "fetch with Expires 0", fetch),
    ("watcher", "refresh: shorter, from another Contact, longer", refresh),
    ("watcher", "a NOTIFY is answered late", slow),
    ("watcher", "server forgot: stale nonce, 481 on refresh, subscribe anew", forgotten_watcher),
    ("watcher", "server stops: terminated with retry-after", terminated),
    ("watcher", "no credentials, wrong ones, right ones", authentication),
    ("publisher", "initial, refresh, stale tag 412, 423, modify, remove, 412", publisher),
    ("publisher", "server forgot: stale nonce, 412, publish anew", forgotten_publisher),
    ("publisher", "publication expires, 412", expiring_publisher),
    ("registrant", "register, ask, 423, remove", registrant),
    ("watcher", "R3856-8-1: the flow of RFC 3856 8", rfc_3856_8),
    ("publisher", "R3903-15-1: the flow of RFC 3903 15", rfc_3903_15),
]
# A connection ends with its server, and SIPp opens no other: these are for udp alone. RFC 3856 8
# is a flow over TCP.
ONLY = {forgotten_watcher: ("udp",), forgotten_publisher: ("udp",), rfc_3856_8: ("tcp",)}
ON_IPV6_TOO = (watcher, fetch, publisher, registrant)


SCENARIOS = [Scenario(role, text, transport, on(flow, transport))
             for role, text, flow in FLOWS for transport in ONLY.get(flow, FAMILIES)
             + (FAMILIES_6 if flow in ON_IPV6_TOO else ())]
