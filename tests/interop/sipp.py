"""Starts SIPp, on the side that asks and on the side that answers, and reads what it logged."""

import os
import re

from processes import free_port, listens, wait_for

SCENARIOS_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sipp")
MODES = {"udp": "u1", "tcp": "t1"}


class Sipp:
    """One SIPp with one of the scenarios of sipp/."""

    def __init__(self, world, scenario, transport, *options, port, calls=1, **keys):
        self.world, self.port, self.transport = world, port, transport
        keys = {"domain": "localhost", "presentity": "alice", "peer": "localhost", **keys}
        pairs = [part for key, value in keys.items() for part in ("-key", key, value)]
        self.process = world.start(
            "sipp", "sipp", "-sf", os.path.join(SCENARIOS_FOLDER, scenario + ".xml"), "-t",
            MODES[transport], "-i", world.host.strip("[]"), "-p", str(port), "-m", str(calls),
            "-nostdin", "-timeout", "40", *pairs, "-trace_msg", "-message_file",
            world.path("messages"), "-trace_err", "-error_file", world.path("errors"), *options)

    @classmethod
    def client(cls, world, scenario, user, transport, *options, digest_uri="alice@localhost",
               target=None, **keys):
        """It asks the server of this world as a user of it."""
        return cls(world, scenario, transport, "-au", user, "-ap", world.users[user], "-auth_uri",
                   digest_uri, *options, target or f"{world.host}:{world.port(transport)}",
                   port=free_port(world.host.strip("[]")), user=user, **keys)

    @classmethod
    def server(cls, world, scenario, transport, *options, calls=1, user="bob", **keys):
        """It answers one of our clients, whose --server is `address`."""
        made = cls(world, scenario, transport, *options, port=free_port(), calls=calls, user=user,
                   password=world.users[user], **keys)
        wait_for("SIPp to listen",
                 lambda: listens(transport, made.port) or not made.process.is_running())
        return made

    @property
    def address(self):
        return f"{self.transport}:127.0.0.1:{self.port}"

    def messages(self, direction, start=""):
        """What it has "received" or "sent" so far and begins so."""
        try:
            with open(self.world.path("messages"), "rb") as file:
                text = file.read()
        except FileNotFoundError:
            return []
        found = []
        head_of = rb"message " + direction.encode() + rb" [\[(](\d+)[\])] bytes ?:\s+"
        for head in re.finditer(head_of, text):
            message = text[head.end():head.end() + int(head[1])].decode()
            found.append(message.replace("\r\n", "\n"))
        return [message for message in found if message.startswith(start)]

    def requests(self, method):
        """Those that it has received, a retransmitted one once."""
        return list(dict.fromkeys(self.messages("received", method + " ")))

    def wait_for(self, method, number=1):
        wait_for(f"the {method} number {number} at SIPp",
                 lambda: not self.process.is_running() or len(self.requests(method)) >= number)

    def finish(self):
        code = self.process.ended()
        if code == 0:
            return
        errors = ""
        if os.path.exists(self.world.path("errors")):
            with open(self.world.path("errors"), encoding="utf-8", errors="replace") as file:
                errors = file.read()
        raise AssertionError(f"SIPp: exit code {code}: {errors[-2000:]}")


def field(message, name):
    found = re.search(rf"^{name}: *(.*)$", message.partition("\n\n")[0], re.M | re.I)
    return found[1] if found else None


def body(message):
    return message.partition("\n\n")[2]
