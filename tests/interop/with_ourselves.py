"""`vigil watch`, `publish` and `register` against `vigil serve`, on each transport."""

import pidf
from capture import messages
from matrix import FAMILIES, FAMILIES_6, Scenario, on
from processes import equal


def whole_life(world, transport):
    world.serve()
    watch = world.watch("alice", "bob", transport)
    alice = world.uri("alice")

    def shown():
        return pidf.summary(watch.object_with(event="presence")["document"])

    publish = world.start("publish", world.vigil, "publish", alice, "--status", "open",
                          "--activity", "away", "--note", "Zur\u00fcck um 3",
                          *world.client(transport, "alice"))
    seen = watch.object_with(event="presence")
    equal("published", pidf.summary(seen["document"]),
          (alice, [("open", alice, ["Zur\u00fcck um 3"])]))
    equal("activities", seen["activities"], ["away"])
    equal("exit code of publish", publish.stop(), 130)
    equal("unpublished", shown(), (alice, [("closed", alice, [])]))
    register = world.start("register", world.vigil, "register", alice,
                           *world.client(transport, "alice"))
    equal("registered", shown(), (alice, [("open", alice, [])]))
    equal("exit code of register", register.stop(), 130)
    equal("removed", shown(), (alice, [("closed", alice, [])]))
    equal("exit code of watch", watch.stop(), 130)
    world.stop_server()


def server_forgets(world, transport):
    """It is killed and started again; nothing tells the clients."""
    short = ("--min-expires", "1", "--max-expires", "6")
    world.serve(*short)
    watch = world.watch("alice", "bob", transport)
    publish = world.start("publish", world.vigil, "publish", world.uri("alice"), "--status", "open",
                          "--note", "still here", *world.client(transport, "alice"))
    there = world.uri("alice"), [("open", world.uri("alice"), ["still here"])]
    equal("before", pidf.summary(watch.object_with(event="presence")["document"]), there)
    first = publish.object_with(status=200)["etag"]
    trace = world.path("trace.pcap")
    world.serve(*short, "--trace", trace, port=world.kill_server())
    second = publish.object_with(status=200)["etag"]
    equal("published anew under another entity-tag", second != first, True)
    watch.object_with(event="subscription", state="terminated")
    watch.object_with(event="subscription", state="active")
    # Whichever of the two came first: it ends with the state that is published.
    equal("exit code of watch", watch.stop(), 130)
    documents = [line for line in watch.text.splitlines() if '"event":"presence"' in line]
    equal("the last state that was shown", "still here" in documents[-1], True)
    equal("exit code of publish", publish.stop(), 130)
    world.stop_server()
    check_subscribed_anew(messages(trace))


def check_subscribed_anew(seen):
    """The SUBSCRIBEs at the new server: one in the dialog of before, 481, then another dialog."""
    asked = [each for each in seen if each.method == "SUBSCRIBE"]
    inside = [each for each in asked if each.to_tag]
    lost = inside[0]
    answers = [each.status for each in seen if each.call_id == lost.call_id and each.status]
    equal("the refresh is answered 481 in the end", answers[-1], 481)
    anew = [each for each in asked if each.call_id != lost.call_id]
    equal("it is subscribed anew, without a To tag", anew[0].to_tag, "")
    equal("the From tag is another one", anew[0].from_tag != lost.from_tag, True)


def edge(world, transport):
    """The watcher is sent to a presence agent of alice's own, and comes back when that goes."""
    world.serve()
    watch = world.watch("alice", "bob", transport)
    agent = start_edge(world, transport, "Straight from here")
    watch.object_with(event="subscription", state="terminated", reason="deactivated")
    agent.object_with(event="watcher", watcher=world.uri("bob"), state="active")
    seen = watch.object_with(event="presence", notes=["Straight from here"])
    equal("what the agent says", (seen["basic"], seen["activities"]), ("open", ["meeting"]))
    equal("exit code of edge", agent.stop(), 130)
    watch.object_with(event="subscription", state="terminated", reason="deactivated")
    watch.object_with(event="subscription", state="active")
    watch.object_with(event="presence", basic="closed")
    equal("exit code of watch", watch.stop(), 130)
    world.stop_server()


def start_edge(world, transport, note):
    server, *client = world.client(transport, "alice")
    place = client.index("--as")
    return world.start("edge", world.vigil, "edge", world.uri("alice"), "--activity", "meeting",
                       "--note", note, server, *client[:place], *client[place + 2:])


def learnt(world, transport):
    """The server asks the agent, and shows what it says as long as it is there."""
    world.serve("--migrate", "never", "--learn")
    watch = world.watch("alice", "bob", transport)
    agent = start_edge(world, transport, "On being asked")
    agent.object_with(event="watcher", watcher=world.uri("alice"), state="active")
    seen = watch.object_with(event="presence", notes=["On being asked"])
    equal("what the agent says", (seen["basic"], seen["activities"]), ("open", ["meeting"]))
    equal("exit code of edge", agent.stop(), 130)
    watch.object_with(event="presence", basic="closed", notes=[])
    equal("exit code of watch", watch.stop(), 130)
    world.stop_server()


SCENARIOS = [Scenario("all", "watch; publish, remove; register, remove", transport,
                      on(whole_life, transport)) for transport in FAMILIES + FAMILIES_6]
SCENARIOS += [Scenario("all", "R6665-OUR-1: the server restarts, watcher and publisher come back",
                       transport, on(server_forgets, transport)) for transport in FAMILIES]
SCENARIOS += [Scenario("all", "R3856-6.11.2-1: the watcher is sent to vigil edge, and comes back",
                       transport, on(edge, transport)) for transport in FAMILIES]
SCENARIOS += [Scenario("all", "R3856-6.11.1-2: the server learns from vigil edge", transport,
                       on(learnt, transport)) for transport in FAMILIES]
