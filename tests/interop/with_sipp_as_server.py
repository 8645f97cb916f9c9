"""`vigil watch`, `publish` and `register` against SIPp as notifier, compositor and registrar."""

import datetime
import re
import socket

from matrix import FAMILIES, Scenario, on
from processes import PATIENCE_S, equal
from sipp import Sipp, body, field


def watch_at(world, sipp, *options):
    return world.start("watch", world.vigil, "watch", "sip:alice@localhost", "--server",
                       sipp.address, "--as", "sip:bob@localhost", "--password",
                       world.users["bob"], "--json", *options)


def publish_at(world, sipp, *options):
    return world.start("publish", world.vigil, "publish", "sip:bob@localhost", "--server",
                       sipp.address, "--password", world.users["bob"], "--status", "open", "--note",
                       "from Vigil", "--json", *options)


def sees(watch, basic, note):
    """The next thing that the watcher is shown."""
    seen = watch.object_with(event="presence")
    equal("what the watcher was shown", (seen["basic"], seen["notes"]), (basic, [note]))


def leave(started, sipp):
    equal("exit code after Ctrl-C", started.stop(), 130)
    sipp.finish()


def time_of(line):
    return datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00"))


def identity(request):
    """What has to be another one in a new dialog."""
    return field(request, "Call-ID"), re.search(r";tag=([^;>]+)", field(request, "From"))[1]


def are_new(what, first, second):
    for name, one, other in zip(("Call-ID", "From tag"), identity(first), identity(second)):
        equal(f"{what}: the {name} is another one", one != other, True)


def numbers(requests):
    """CSeq numbers, from the first of them on."""
    found = [int(field(each, "CSeq").split()[0]) for each in requests]
    return [each - found[0] for each in found]


def expiries(requests):
    return [field(each, "Expires") for each in requests]


def enrol(world, sipp, capabilities):
    """alice has a contact at SIPp. The server of this world believes everybody."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.settimeout(PATIENCE_S)
        phone.bind(("127.0.0.1", 0))
        own = f"127.0.0.1:{phone.getsockname()[1]}"
        uri = f"sip:alice@127.0.0.1:{sipp.port};transport={sipp.transport}"
        lines = ["REGISTER sip:localhost SIP/2.0", f"Via: SIP/2.0/UDP {own};branch=z9hG4bK-{own}",
                 "Max-Forwards: 70", "From: <sip:alice@localhost>;tag=1",
                 "To: <sip:alice@localhost>", f"Call-ID: {own}", "CSeq: 1 REGISTER",
                 f"Contact: <{uri}>{capabilities}", "Expires: 300", "Content-Length: 0", "", ""]
        phone.sendto("\r\n".join(lines).encode(), ("127.0.0.1", world.port()))
        answer = phone.recv(65_536).decode()
    equal("answer to REGISTER", answer.split()[1], "200")


AGENT = ';methods="INVITE,SUBSCRIBE";events="presence"'


def agent(world, transport):
    """R3856-6.11.2-3: one that says so serves its watcher, who is told so."""
    world.serve(digest=False)
    watch = world.watch("alice", "bob", transport)
    sipp = Sipp.server(world, "agent", transport)
    enrol(world, sipp, AGENT)
    watch.object_with(event="subscription", state="terminated", reason="deactivated")
    watch.object_with(event="presence", basic="open", notes=["first"])
    watch.object_with(event="presence", basic="closed", notes=["refreshed"])
    leave(watch, sipp)
    world.stop_server()


def no_agent(scenario, capabilities, *options):
    def flow(world, transport):
        """R3856-6.11.2-4 R3856-6.11.2-5: it is asked once, and the server serves instead."""
        world.serve(*options, digest=False)
        sipp = Sipp.server(world, scenario, transport)
        enrol(world, sipp, capabilities)
        for _ in range(2):
            watch = watch_at_server(world, transport)
            watch.object_with(event="presence", basic="open")
            equal("exit code of watch", watch.stop(), 130)
        sipp.finish()
        world.stop_server()
    return flow


def watch_at_server(world, transport):
    return world.start("watch", world.vigil, "watch", world.uri("alice"),
                       *world.client(transport, "bob"))


def notifier(world, transport):
    sipp = Sipp.server(world, "notifier", transport)
    watch = watch_at(world, sipp, "--expires", "600")
    sees(watch, "open", "first")
    sees(watch, "closed", "second")
    sees(watch, "open", "refreshed")
    leave(watch, sipp)
    asked = sipp.requests("SUBSCRIBE")
    equal("Expires of the SUBSCRIBEs", expiries(asked), ["600", "600", "0"])
    equal("CSeq of the SUBSCRIBEs", numbers(asked), [0, 1, 2])
    equal("one dialog", len(set(map(identity, asked))), 1)


def early(world, transport):
    sipp = Sipp.server(world, "early_notifier", transport)
    watch = watch_at(world, sipp)
    sees(watch, "open", "early")
    sees(watch, "closed", "after the 200")
    leave(watch, sipp)
    equal("one dialog", len(set(map(identity, sipp.requests("SUBSCRIBE")))), 1)


def late(world, transport):
    sipp = Sipp.server(world, "late_notifier", transport, "-d", "4000")
    watch = watch_at(world, sipp)
    sees(watch, "open", "late")
    leave(watch, sipp)
    equal("SUBSCRIBEs", len(sipp.requests("SUBSCRIBE")), 2)


def forgetful(world, transport):
    sipp = Sipp.server(world, "forgetful_notifier", transport, calls=2)
    watch = watch_at(world, sipp)
    sees(watch, "open", "before")
    sees(watch, "closed", "after")
    leave(watch, sipp)
    asked = sipp.requests("SUBSCRIBE")
    are_new("subscribed anew", asked[1], asked[2])


def comes_again(ending, wait_s):
    def flow(world, transport):
        sipp = Sipp.server(world, "terminating_notifier", transport, calls=2, ending=ending)
        watch = watch_at(world, sipp)
        sees(watch, "open", "before")
        over = watch.object_with(event="subscription", state="terminated")
        reason = re.search(r"reason=(\w+)", ending)
        equal("the reason", over.get("reason"), reason and reason[1])
        again = watch.object_with(event="subscription", state="active")
        seconds = (time_of(again) - time_of(over)).total_seconds()
        equal(f"comes again after {wait_s} s at least: {seconds}", seconds >= wait_s - 0.01, True)
        sees(watch, "closed", "after")
        leave(watch, sipp)
        are_new("subscribed anew", *sipp.requests("SUBSCRIBE")[:2])
    return flow


def stays_away(ending):
    def flow(world, transport):
        sipp = Sipp.server(world, "terminating_notifier", transport, ending=ending)
        watch = watch_at(world, sipp)
        sees(watch, "open", "before")
        equal("the reason", watch.object_with(event="subscription", state="terminated")["reason"],
              ending.partition("reason=")[2])
        equal("exit code of watch", watch.ended(), 1)
        sipp.finish()
        equal("SUBSCRIBEs", len(sipp.requests("SUBSCRIBE")), 1)
    return flow


def brief(world, transport):
    sipp = Sipp.server(world, "brief_notifier", transport)
    watch = watch_at(world, sipp, "--expires", "5")
    sees(watch, "open", "long enough")
    leave(watch, sipp)
    equal("Expires of the SUBSCRIBEs", expiries(sipp.requests("SUBSCRIBE")), ["5", "90", "0"])


def busy(world, transport):
    sipp = Sipp.server(world, "busy_notifier", transport, calls=2)
    watch = watch_at(world, sipp)
    over = watch.object_with(event="subscription", state="terminated")
    again = watch.object_with(event="subscription", state="active")
    seconds = (time_of(again) - time_of(over)).total_seconds()
    equal(f"comes again after 2 s at least: {seconds}", seconds >= 1.99, True)
    sees(watch, "open", "free again")
    leave(watch, sipp)
    are_new("subscribed anew", *sipp.requests("SUBSCRIBE")[:2])


def challenging(world, transport):
    sipp = Sipp.server(world, "challenging_notifier", transport)
    watch = watch_at(world, sipp)
    sees(watch, "open", "proved")
    leave(watch, sipp)
    equal("CSeq of the SUBSCRIBEs", numbers(sipp.requests("SUBSCRIBE")), [0, 1, 2, 3])


def holds_our_document(requests):
    for each in requests:
        for wanted in ("<basic>open</basic>", "<note>from Vigil</note>",
                       'entity="sip:bob@localhost"'):
            if wanted not in body(each):
                raise AssertionError(f"{wanted} is not in {each}")


def tags(publish, *wanted):
    for each in wanted:
        equal("entity-tag", publish.object_with(status=200).get("etag"), each)


def compositor(world, transport):
    sipp = Sipp.server(world, "compositor", transport)
    publish = publish_at(world, sipp)
    tags(publish, "tag-1", "tag-2")
    leave(publish, sipp)
    asked = sipp.requests("PUBLISH")
    holds_our_document(asked[:1])
    equal("SIP-If-Match", [field(each, "SIP-If-Match") for each in asked],
          [None, "tag-1", "tag-2"])


def forgetful_compositor(world, transport):
    sipp = Sipp.server(world, "forgetful_compositor", transport)
    publish = publish_at(world, sipp)
    tags(publish, "tag-1", "tag-2")
    leave(publish, sipp)
    asked = sipp.requests("PUBLISH")
    holds_our_document([asked[0], asked[2]])
    equal("SIP-If-Match", [field(each, "SIP-If-Match") for each in asked],
          [None, "tag-1", None, "tag-2"])


def brief_compositor(world, transport):
    sipp = Sipp.server(world, "brief_compositor", transport)
    publish = publish_at(world, sipp, "--expires", "5")
    tags(publish, "tag-1")
    leave(publish, sipp)
    equal("Expires of the PUBLISHes", expiries(sipp.requests("PUBLISH")), ["5", "90", "0"])


def busy_compositor(world, transport):
    sipp = Sipp.server(world, "busy_compositor", transport)
    publish = publish_at(world, sipp)
    tags(publish, "tag-1")
    leave(publish, sipp)
    holds_our_document(sipp.requests("PUBLISH")[:2])


def challenging_compositor(world, transport):
    sipp = Sipp.server(world, "challenging_compositor", transport)
    publish = publish_at(world, sipp)
    tags(publish, "tag-1")
    leave(publish, sipp)
    holds_our_document(sipp.requests("PUBLISH")[:3])


def registrar(world, transport):
    sipp = Sipp.server(world, "registrar", transport)
    register = world.start("register", world.vigil, "register", "sip:bob@localhost", "--server",
                           sipp.address, "--password", world.users["bob"], "--expires", "5",
                           "--json")
    contact = re.search(r"<([^>]*)>", field(sipp_first(sipp, "REGISTER"), "Contact"))[1]
    for _ in range(2):
        equal("contacts", register.object_with(status=200)["contacts"], [contact])
    leave(register, sipp)
    asked = sipp.requests("REGISTER")
    equal("REGISTERs", numbers(asked), [0, 1, 2, 3, 4])
    equal("all of one Call-ID", len({field(each, "Call-ID") for each in asked}), 1)


def sipp_first(sipp, method):
    sipp.wait_for(method)
    return sipp.requests(method)[0]


FLOWS = [
    ("notifier", "subscribe, two changes, refresh, unsubscribe", notifier),
    ("notifier", "NOTIFY before the 200", early),
    ("notifier", "NOTIFY four seconds after the 200", late),
    ("notifier", "R6665-OUR-1: 481 on refresh, subscribed anew", forgetful),
    ("notifier", "terminated;reason=probation;retry-after=2: comes again then",
     comes_again("terminated;reason=probation;retry-after=2", 2)),
    ("notifier", "terminated;reason=giveup;retry-after=2: comes again then",
     comes_again("terminated;reason=giveup;retry-after=2", 2)),
    ("notifier", "terminated;reason=deactivated: comes again at once",
     comes_again("terminated;reason=deactivated", 0)),
    ("notifier", "terminated without a reason, retry-after=2: comes again then",
     comes_again("terminated;retry-after=2", 2)),
    ("notifier", "terminated;reason=rejected: stays away",
     stays_away("terminated;reason=rejected")),
    ("notifier", "terminated;reason=noresource: stays away",
     stays_away("terminated;reason=noresource")),
    ("notifier", "423 with Min-Expires", brief),
    ("notifier", "503 with Retry-After", busy),
    ("notifier", "401, stale nonce, nc counted on", challenging),
    ("compositor", "publish, refresh, remove", compositor),
    ("compositor", "412 on refresh, published anew", forgetful_compositor),
    ("compositor", "423 with Min-Expires", brief_compositor),
    ("compositor", "503 with Retry-After", busy_compositor),
    ("compositor", "401, stale nonce, nc counted on", challenging_compositor),
    ("registrar", "401, 423, refresh, remove", registrar),
    ("presence agent", "found by its capabilities: serves the watcher, who proves himself to us",
     agent),
    ("phone", "says that it is a presence agent, and answers 489: served here",
     no_agent("no_presence", AGENT)),
    ("phone", "--migrate always: says nothing of itself, and answers 405: served here",
     no_agent("no_subscribe", "", "--migrate", "always")),
]


SCENARIOS = [Scenario(role, text, transport, on(flow, transport))
             for role, text, flow in FLOWS for transport in FAMILIES]
