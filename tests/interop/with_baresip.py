"""baresip as publisher and as watcher at once, asked and told through its control port.

Its module mwi is never loaded: it subscribes again without end. At its start it publishes twice at
once, without SIP-If-Match, and at its end removes only one of the two, now and then; the lifetime
is short here, so that the other one runs out.
"""

import glob
import json
import os
import re
import socket
import wave

import pidf
from matrix import Scenario
from processes import PATIENCE_S, equal, free_port, wait_for

CONFIGURATION = """poll_method epoll
sip_listen 127.0.0.1:0
module_path {modules}
module account.so
module contact.so
module menu.so
module ctrl_tcp.so
module presence.so
ctrl_tcp_listen 127.0.0.1:{control}
{trust}
"""
ACCOUNT = ('<{uri};transport={transport}>;auth_user={user};auth_pass={password};'
           'outbound="sip:127.0.0.1:{port};transport={transport}";regint={regint}{publishes}\n')
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def modules_folder():
    found = glob.glob("/usr/lib/baresip/modules") + glob.glob("/usr/lib/*/baresip/modules")
    if not found:
        raise AssertionError("no modules of baresip are installed")
    return found[0]


class Control:
    """baresip's control port: JSON objects as netstrings."""

    def __init__(self, port):
        self.socket = wait_for("baresip's control port", lambda: self._connect(port))
        self.socket.settimeout(PATIENCE_S)
        self.input = self.socket.makefile("rb")

    @staticmethod
    def _connect(port):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        except OSError:
            return None

    def ask(self, command, params=""):
        text = json.dumps({"command": command, "params": params, "token": "interop"}).encode()
        self.socket.sendall(b"%d:%s," % (len(text), text))
        while True:
            answer = self._object()
            if answer.get("response"):
                equal(f"baresip on {command}", answer["ok"], True)
                return COLOURS.sub("", answer.get("data") or "")

    def _object(self):
        length = b""
        while (byte := self.input.read(1)).isdigit():
            length += byte
        equal("a netstring of baresip", (byte, length != b""), (b":", True))
        return json.loads(self.input.read(int(length) + 1)[:-1])

    def close(self):
        self.input.close()
        self.socket.close()


def start(world, transport, regint=0, pubint=5):
    folder = world.path("baresip")
    os.mkdir(folder)
    control = free_port()
    account = ACCOUNT.format(uri=world.uri("bob"), user="bob", password=world.users["bob"],
                             port=world.port(transport), transport=transport, regint=regint,
                             publishes=f";pubint={pubint}" if pubint else "")
    trust = f"sip_cafile {world.path('ca/ca.pem')}" if transport == "tls" else ""
    for name, text in (
            ("config", CONFIGURATION.format(modules=modules_folder(), control=control,
                                            trust=trust)),
            ("accounts", account), ("contacts", f'"alice" <{world.uri("alice")}>;presence=p2p\n')):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    return world.start("baresip", "baresip", "-4", "-s", "-f", folder), Control(control)


def both(transport):
    def scenario(world):
        world.serve("--min-expires", "5", *(world.tls() if transport == "tls" else []))
        watch = world.watch("bob", "alice", transport)
        bob = world.uri("bob")

        def shown():
            return pidf.summary(watch.object_with(event="presence")["document"])

        baresip, control = start(world, transport)
        try:
            # As publisher. Before its user has said anything it writes a status that is none.
            equal("nothing said", shown(), (bob, []))
            control.ask("presence_online")
            equal("online", shown(), (bob, [("open", bob, [])]))
            control.ask("presence_offline")
            equal("offline", shown(), (bob, [("closed", bob, [])]))

            # As watcher: what it lists for its contact.
            def listed(status):
                wait_for(f"baresip to list alice as {status}",
                         lambda: re.search(status + r" +alice <", control.ask("contacts")))

            listed("Offline")
            first = world.publish_once("alice", "--status", "open", transport=transport)
            listed("Online")
            second = world.publish_once("alice", "--status", "open", "--activity", "busy",
                                        transport=transport)
            listed("Busy")
            for etag in (second, first):
                world.run("remove", world.vigil, "publish", world.uri("alice"), "--remove", etag,
                          *world.client(transport, "alice"))
            listed("Offline")
            # At its end it takes back what it published, and unsubscribes.
            baresip.stop()
            wait_for("nothing to be left", lambda: shown() == (bob, [("closed", bob, [])]))
        finally:
            control.close()
        world.stop_server()
    return scenario


def registered(world):
    world.serve("--min-expires", "5")
    watch = world.watch("bob", "alice")
    baresip, control = start(world, "udp", regint=300)
    try:
        shown = watch.object_with(event="presence", basic="open")
        equal("registered", pidf.summary(shown["document"])[1][-1][0], "open")
        baresip.stop()
        bob = world.uri("bob")
        gone = bob, [("closed", bob, [])]
        wait_for("nothing to be left", lambda: gone == pidf.summary(
            watch.object_with(event="presence")["document"]))
    finally:
        control.close()
    world.stop_server()


def edge_by_trying(world):
    """R3856-6.11.2-1: it says nothing of what it can do, is tried, and serves its watchers."""
    world.serve("--min-expires", "5", "--migrate", "always")
    watch = world.watch("bob", "alice")
    baresip, control = start(world, "udp", regint=300, pubint=0)
    bob = world.uri("bob")
    try:
        watch.object_with(event="subscription", state="terminated", reason="deactivated")
        granted = watch.object_with(event="subscription", state="active")["expires"]
        equal("what baresip grants", 590 < granted <= 600, True)
        control.ask("presence_online")
        watch.object_with(event="presence", basic="open")
        control.ask("presence_offline")
        shown = watch.object_with(event="presence", basic="closed")
        equal("who it speaks for", pidf.summary(shown["document"])[0], bob)
        equal("exit code of watch", watch.stop(), 130)
        baresip.stop()
    finally:
        control.close()
    world.stop_server()


PHONE = """poll_method epoll
sip_listen 127.0.0.1:0
module_path {modules}
module g711.so
module aufile.so
module account.so
module menu.so
module ctrl_tcp.so
audio_player aufile,{folder}/heard.wav
audio_source aufile,{folder}/said.wav
ctrl_tcp_listen 127.0.0.1:{control}
"""
PHONE_ACCOUNT = ('<{uri};transport={transport}>;auth_user={user};auth_pass={password};'
                 'outbound="sip:127.0.0.1:{port};transport={transport}";regint=300;'
                 'answermode={answermode}\n')


def phone(world, user, transport, answermode):
    folder = world.path("baresip-" + user)
    os.mkdir(folder)
    with wave.open(os.path.join(folder, "said.wav"), "wb") as said:
        said.setnchannels(1)
        said.setsampwidth(2)
        said.setframerate(8000)
        said.writeframes(bytes(2 * 8000 * 10))
    control = free_port()
    account = PHONE_ACCOUNT.format(uri=world.uri(user), user=user, password=world.users[user],
                                   port=world.port(transport), transport=transport,
                                   answermode=answermode)
    for name, text in (("config", PHONE.format(modules=modules_folder(), control=control,
                                               folder=folder)),
                       ("accounts", account), ("contacts", "")):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    return world.start("baresip-" + user, "baresip", "-4", "-f", folder), Control(control)


def call(transport):
    def scenario(world):
        world.serve()
        bob, at_bob = phone(world, "bob", transport, "auto")
        alice, at_alice = phone(world, "alice", transport, "manual")
        try:
            def registered(control):
                return "OK" in control.ask("reginfo")

            wait_for("bob to be registered", lambda: registered(at_bob))
            wait_for("alice to be registered", lambda: registered(at_alice))
            at_alice.ask("dial", world.uri("bob"))

            def calls(control, words):
                return words in control.ask("listcalls")

            wait_for("alice to talk", lambda: calls(at_alice, "ESTABLISHED"))
            wait_for("bob to talk", lambda: calls(at_bob, "ESTABLISHED"))
            at_bob.ask("hangup")
            wait_for("alice to be hung up on", lambda: not calls(at_alice, "ESTABLISHED"))
            alice.stop()
            bob.stop()
        finally:
            at_alice.close()
            at_bob.close()
        world.stop_server()
    return scenario


OUTCOME = "works; of two publications that it makes at its start one may be left to expire"
SCENARIOS = [Scenario("publisher and watcher", "publish, modify, remove; watch, unsubscribe",
                      transport, both(transport), OUTCOME) for transport in ("udp", "tcp", "tls")]
SCENARIOS.append(Scenario("registrant", "registers, is watched, removes", "udp", registered,
                          OUTCOME))
SCENARIOS += [Scenario("caller and callee", "both register, one calls, the other hangs up",
                       transport, call(transport)) for transport in ("udp", "tcp")]
SCENARIOS.append(Scenario("presence agent", "--migrate always: serves its watchers itself", "udp",
                          edge_by_trying, "works; it grants 600 s whatever is asked for"))
