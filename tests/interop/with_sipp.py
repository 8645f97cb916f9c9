"""SIPp as watcher, as publisher and as registrant. Its scenarios stand in sipp/."""

import os
import re

import pidf
from processes import equal, free_port, wait_for

SCENARIOS_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sipp")
MODES = {"udp": "u1", "tcp": "t1"}


def start(world, scenario, user, digest_uri, transport):
    return world.start(
        "sipp", "sipp", "-sf", os.path.join(SCENARIOS_FOLDER, scenario + ".xml"), "-t",
        MODES[transport], "-i", "127.0.0.1", "-p", str(free_port()), "-m", "1", "-nostdin",
        "-timeout", "20", "-key", "user", user, "-key", "presentity", "alice", "-au", user, "-ap",
        world.users[user], "-auth_uri", digest_uri, "-trace_msg", "-message_file",
        world.path("messages"), "-trace_err", "-error_file", world.path("errors"),
        f"127.0.0.1:{world.port(transport)}")


def messages(world, direction):
    """What SIPp has "received" or "sent" so far."""
    try:
        with open(world.path("messages"), "rb") as file:
            text = file.read()
    except FileNotFoundError:
        return []
    found = []
    for head in re.finditer(rb"message " + direction.encode() + rb" [\[(](\d+)[\])] bytes ?:\s+",
                            text):
        message = text[head.end():head.end() + int(head[1])].decode()
        found.append(message.replace("\r\n", "\n"))
    return found


def finish(world, sipp):
    code = sipp.ended()
    if code == 0:
        return
    errors = ""
    if os.path.exists(world.path("errors")):
        with open(world.path("errors"), encoding="utf-8", errors="replace") as file:
            errors = file.read()
    raise AssertionError(f"SIPp: exit code {code}: {errors[-2000:]}")


def notifications(world):
    """(Subscription-State, document) of each NOTIFY, a retransmitted one once."""
    found = []
    for message in messages(world, "received"):
        if not message.startswith("NOTIFY "):
            continue
        head, _, body = message.partition("\n\n")
        number = re.search(r"\nCSeq: *(\d+)", head)[1]
        state = re.search(r"\nSubscription-State: *(.*)", head)[1]
        if not found or found[-1][0] != number:
            found.append((number, state, body))
    return [(state, pidf.summary(body)) for _, state, body in found]


def watcher(transport):
    def scenario(world):
        world.serve()
        sipp = start(world, "watcher", "bob", "alice@localhost", transport)
        wait_for("SIPp's first NOTIFY", lambda: not sipp.is_running() or notifications(world))
        world.publish_once("alice", "--status", "open", "--note", "seen by SIPp")
        finish(world, sipp)
        alice = world.uri("alice")
        closed = (alice, [("closed", alice, [])])
        there = (alice, [("open", alice, ["seen by SIPp"])])
        shown = notifications(world)
        equal("what SIPp was shown", [document for _, document in shown],
              [closed, there, there, there])
        equal("states of its subscription", [re.sub(r"\d+", "N", state) for state, _ in shown],
              ["active;expires=N"] * 3 + ["terminated;reason=timeout"])
        world.stop_server()
    return scenario


def publisher(transport):
    def scenario(world):
        world.serve()
        watch = world.watch("alice", "bob")
        finish(world, start(world, "publisher", "alice", "alice@localhost", transport))
        alice = world.uri("alice")
        shown = [pidf.summary(watch.object_with(event="presence")["document"]) for _ in range(3)]
        equal("what the watcher was shown", shown,
              [(alice, [("open", alice, ["SIPp is here"])]),
               (alice, [("closed", alice, ["SIPp is away"])]),
               (alice, [("closed", alice, [])])])
        tags = re.findall(r"\nSIP-ETag: *(\S+)", "".join(messages(world, "received")))
        equal("entity-tags given, none of them twice", (len(tags), len(set(tags))), (4, 4))
        world.stop_server()
    return scenario


def registrant(transport):
    def scenario(world):
        world.serve()
        watch = world.watch("alice", "bob")
        finish(world, start(world, "registrant", "alice", "localhost", transport))
        alice = world.uri("alice")
        shown = [pidf.summary(watch.object_with(event="presence")["document"]) for _ in range(2)]
        equal("what the watcher was shown", shown,
              [(alice, [("open", alice, [])]), (alice, [("closed", alice, [])])])
        world.stop_server()
    return scenario


SCENARIOS = [(f"{made.__name__} over {transport}", made(transport))
             for made in (watcher, publisher, registrant) for transport in MODES]
