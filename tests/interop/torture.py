"""The torture messages, of ours and, where a standards folder is there, the originals, sent to a
running server: it lives, says yes to none of them, and keeps nothing of them."""

import glob
import os
import re
import select
import socket
import time

from capture import captured
from matrix import Scenario
from processes import equal, wait_for

VECTORS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "vectors",
                       "torture")
QUIET_S = 0.02
LIVE_S = 5


def vectors(world):
    """(name, bytes) of each message."""
    originals = os.path.join(world.standards, "torture")
    paths = sorted(glob.glob(os.path.join(VECTORS, "*.sip")))
    paths += sorted(glob.glob(os.path.join(originals, "*.dat")))
    paths += sorted(glob.glob(os.path.join(originals, "ipv6", "*.dat")))
    found = []
    for path in paths:
        with open(path, "rb") as file:
            found.append((os.path.basename(path), file.read()))
    if len(found) < 61:
        raise AssertionError(f"only {len(found)} torture messages are there")
    return found


def ping(number):
    """An OPTIONS that is easy to answer."""
    return (f"OPTIONS sip:localhost SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKping"
            f"{number}\r\nMax-Forwards: 70\r\nFrom: <sip:ping@localhost>;tag=ping\r\n"
            f"To: <sip:localhost>\r\nCall-ID: ping-{number}\r\nCSeq: {number} OPTIONS\r\n"
            f"Content-Length: 0\r\n\r\n").encode()


def check_answers(world):
    """What the server sent: each response but those to our own questions is a refusal."""
    wrong, refusals = [], 0
    for port, payload in captured(world.path("trace.pcap")):
        if port != world.port() or b"Call-ID: ping-" in payload:
            continue
        if not payload.startswith(b"SIP/2.0 "):
            wrong.append(payload)
        elif int(payload[8:11]) < 300:
            wrong.append(payload)
        else:
            refusals += 1
    equal("requests, and answers that are no refusal", wrong, [])
    if refusals < 20:
        raise AssertionError(f"only {refusals} of the messages were refused")


def check_alive(world):
    """It still serves, and ends without anything to end."""
    watch = world.watch("alice", "bob")
    world.publish_once("alice", "--status", "open")
    watch.object_with(event="presence", basic="open")
    equal("exit code of watch", watch.stop(), 130)
    world.stop_server()
    ended = re.search(r"stopping, (\d+) subscriptions", world.server.told())
    equal("subscriptions that were left", ended and ended[1], "0")


def over_udp(world):
    world.serve("--trace", world.path("trace.pcap"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.connect(("127.0.0.1", world.port()))
        peer.settimeout(LIVE_S)
        for number, (name, message) in enumerate(vectors(world), 1):
            peer.send(message)
            peer.send(ping(number))
            # Some answers go to the port that Via names; ours comes here, behind them.
            while b"Call-ID: ping-%d\r\n" % number not in (answer := peer.recv(65536)):
                pass
            equal(f"the answer after {name}", answer[:11], b"SIP/2.0 200")
    wait_for("the capture", lambda: any(b"ping-61\r\n" in payload for _, payload
                                        in captured(world.path("trace.pcap"))))
    check_answers(world)
    check_alive(world)


def stream_answer(world, message):
    """All that comes back on a connection of its own until it is quiet or closed."""
    answer = b""
    with socket.create_connection(("127.0.0.1", world.port("tcp")), timeout=LIVE_S) as peer:
        peer.sendall(message)
        while select.select([peer], [], [], QUIET_S)[0]:
            try:
                part = peer.recv(65536)
            except ConnectionResetError:
                break
            if not part:
                break
            answer += part
    return answer


def over_tcp(world):
    world.serve()
    answered = 0
    for name, message in vectors(world):
        answer = stream_answer(world, message)
        for status in re.findall(rb"^SIP/2\.0 (\d{3})", answer, re.M):
            answered += 1
            if int(status) < 300:
                raise AssertionError(f"{name} was answered {answer!r}")
    if answered < 20:
        raise AssertionError(f"only {answered} messages were answered")
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", world.port("tcp")), timeout=LIVE_S) as peer:
        peer.sendall(ping(1).replace(b"/UDP", b"/TCP"))
        equal("the answer afterwards", peer.recv(65536)[:11], b"SIP/2.0 200")
    if time.monotonic() - start > LIVE_S:
        raise AssertionError("the server is slow afterwards")
    check_alive(world)


SCENARIOS = [Scenario("client", "each of them, and the server lives", transport, run)
             for transport, run in (("udp", over_udp), ("tcp", over_tcp))]
