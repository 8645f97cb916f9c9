"""`vigil load` against `vigil serve`, over loopback: `load_test.py build/vigil`.

Small counts; what is checked is what was done and told, never how long it took.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

VIGIL = ""
PATIENCE_S = 60
SMALL = ["--presentities", "6", "--watchers", "3"]
RUNTIME = tempfile.TemporaryDirectory()
ENVIRONMENT = {**os.environ, "XDG_RUNTIME_DIR": RUNTIME.name, "RUNTIME_DIRECTORY": ""}


class Process:
    """A server, or the responder: `names` are its addresses."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([VIGIL, *arguments], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True, env=ENVIRONMENT)
        self.names = self.process.stdout.readline().split()[1:]
        assert self.names, "it did not start"

    def at(self, transport):
        return ["--server", next(name for name in self.names if name.startswith(transport))]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=PATIENCE_S)
        self.process.stdout.close()


def serve(*more, auth=("--auth", "none"), policy="allow"):
    return Process("serve", "--listen", "udp:127.0.0.1:0", "--listen", "tcp:127.0.0.1:0",
                   "--policy", policy, "--notify-interval", "0", *auth, *more)


def load(*arguments):
    done = subprocess.run([VIGIL, "load", *arguments], capture_output=True, text=True,
                          timeout=PATIENCE_S, stdin=subprocess.DEVNULL, env=ENVIRONMENT)
    return done.returncode, done.stdout, done.stderr


def phases(*arguments, code=0):
    """Runs a scenario that ends with `code`: its phases by name, errors left out. What each kind
    of a mixed one did is there by PHASE/KIND."""
    got, out, err = load(*arguments, "--json")
    assert got == code, f"exit code {got}: {out}{err}"
    lines = [json.loads(line) for line in out.splitlines()]
    return {"/".join(filter(None, (line["phase"], line.get("operation")))): line
            for line in lines if "phase" in line}


class Load(unittest.TestCase):
    def whole(self, found, names):
        self.assertEqual(list(found), names)
        for name, phase in found.items():
            self.assertEqual(phase["failed"], 0, name)
            self.assertEqual(phase["started"], phase["succeeded"], name)
            self.assertGreater(phase["succeeded"], 0, name)
            if "operation" in phase:
                continue
            self.assertEqual((phase["strange"], phase["ended"]), (0, 0), name)

    def scenarios(self, at, *options):
        run = [*at, *SMALL, *options]
        ends = ["unsubscribe", "unpublish"]
        found = phases("fan-out", *run, "--count", "12")
        self.whole(found, ["subscribe", "publish", "fan-out", *ends])
        self.assertEqual(found["subscribe"]["succeeded"], 18)
        self.assertEqual(found["fan-out"]["succeeded"], 12)
        # Each watcher is told of each publication.
        self.assertEqual(found["fan-out"]["notifications"], 36)
        self.assertEqual(found["fan-out"]["lamp_count"], 36)
        self.assertLessEqual(found["fan-out"]["lamp_p50_ns"], found["fan-out"]["lamp_max_ns"])
        self.assertEqual(found["unsubscribe"]["notifications"], 18)
        found = phases("refresh", *run)
        self.whole(found, ["subscribe", "refresh", "unsubscribe"])
        self.assertEqual(found["refresh"]["notifications"], 18)
        self.whole(phases("boot-storm", *run), ["boot-storm", "boot-storm/subscribe",
                                                "boot-storm/publish", *ends])
        found = phases("mixed", *run, "--count", "200", "--window", "4")
        # Watchers go, and then come back.
        self.whole(found, ["subscribe", "publish", "mixed", *(f"mixed/{kind}" for kind in (
            "fan-out", "refresh", "touch", "options", "subscribe", "unsubscribe")), *ends])
        self.assertGreaterEqual(found["mixed"]["succeeded"], 200)
        return found

    def test_over_udp(self):
        with serve() as server:
            self.scenarios(server.at("udp"))
            self.scenarios(server.at("udp"), "--connections", "3")

    def test_over_tcp(self):
        with serve() as server:
            self.scenarios(server.at("tcp"), "--connections", "4")

    def test_publications(self):
        with serve() as server:
            found = phases("publish", *server.at("udp"), "--presentities", "5", "--publications",
                           "3", "--pid", str(server.process.pid))
            self.whole(found, ["publish", "modify", "touch", "unpublish"])
            self.assertEqual({phase["succeeded"] for phase in found.values()}, {15})
            self.assertGreater(found["publish"]["server_pss_after"], 0)
            self.assertIn("server_cpu_ns", found["publish"])
            # Nothing is left of them, and the server would say so with 412.
            self.assertEqual(found["unpublish"]["statuses"], ["200 15"])

    def test_seconds_rate_and_probe(self):
        with serve() as server:
            found = phases("fan-out", *server.at("udp"), *SMALL, "--seconds", "0.3", "--rate",
                           "100", "--probe", "50", "--warm-up", "0.1")
            self.whole(found, ["subscribe", "publish", "fan-out", "unsubscribe", "unpublish"])
            self.assertGreater(found["fan-out"]["succeeded"], 0)
            self.assertGreater(found["fan-out"]["probe_count"], 0)

    def test_digest(self):
        with tempfile.NamedTemporaryFile() as users:
            for number in range(6):
                subprocess.run([VIGIL, "user", "add", "--users", users.name, f"x{number:07}",
                                "--password-stdin"], input="secret\n", text=True, check=True,
                               capture_output=True, env=ENVIRONMENT)
            with serve("--users", users.name, auth=()) as server:
                at = [*server.at("udp"), "--user-prefix", "x"]
                found = self.scenarios(at, "--password", "secret")
                self.assertTrue(found["subscribe"]["statuses"][1].startswith("401 "))
                found = phases("subscribe", *at, *SMALL, code=1)
                self.assertEqual(found["subscribe"]["statuses"], ["401 18"])
                found = phases("subscribe", *at, *SMALL, "--password", "wrong", code=1)
                self.assertEqual(found["subscribe"]["failed"], 18)

    def test_refused(self):
        with serve(policy="block") as server:
            code, out, err = load("subscribe", *server.at("udp"), *SMALL)
            self.assertEqual(code, 1)
            self.assertIn("403 18", out)
            self.assertIn("18 operations failed", err)

    def test_nobody_there(self):
        found = phases("options", "--server", "udp:127.0.0.1:9", "--count", "3", "--timeout", "1",
                       code=1)
        self.assertEqual(found["options"]["timeouts"], 3)
        self.assertGreaterEqual(found["options"]["retransmissions"], 3)
        code, _, err = load("options", "--server", "tcp:127.0.0.1:9")
        self.assertEqual(code, 1)
        self.assertIn("refused", err)

    def test_connections_that_end_and_that_are_never_read(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            at = ["--server", f"tcp:127.0.0.1:{listener.getsockname()[1]}", "--connections", "2"]
            kept = []

            def accept(keep):
                for _ in range(2):
                    connection, _ = listener.accept()
                    if keep:
                        kept.append(connection)
                    else:
                        connection.recv(1)
                        connection.close()

            for keep in (False, True):
                thread = threading.Thread(target=accept, args=(keep,))
                thread.start()
                found = phases("options", *at, "--count", "50", "--timeout", "1", code=1)
                thread.join(PATIENCE_S)
                self.assertEqual(found["options"]["failed"], 50)
                self.assertEqual(found["options"]["lost_connections"], 0 if keep else 2)
            for connection in kept:
                connection.close()

    def test_mute(self):
        with serve() as server:
            found = phases("fan-out", *server.at("tcp"), *SMALL, "--count", "6", "--mute", "--keep")
            self.whole(found, ["subscribe", "publish", "fan-out"])
            # The PUBLISHs and what came for them; no NOTIFY was answered.
            self.assertEqual(found["fan-out"]["sent"], 6)
            self.assertEqual(found["fan-out"]["received"], 24)

    def test_floor(self):
        with Process("load", "responder", "--listen", "udp:127.0.0.1:0", "--watchers",
                     "3") as floor:
            at = floor.at("udp")
            found = phases("fan-out", *at, *SMALL)
            self.whole(found, ["subscribe", "publish", "fan-out", "unsubscribe", "unpublish"])
            self.assertEqual(found["fan-out"]["lamp_count"], 18)
            self.whole(phases("refresh", *at, *SMALL), ["subscribe", "refresh", "unsubscribe"])

    def test_wrong_usage(self):
        for arguments, says in ((["dance"], "no such scenario"), ([], "SCENARIO"),
                                (["publish", "--window", "0"], "--window"),
                                (["publish", "--server", "tls:127.0.0.1:1"], "use udp or tcp"),
                                (["publish", "--rate", "1", "--window", "2"], "--"),
                                (["fan-out", "--watchers", "0"], "--watchers"),
                                (["fan-out", "--watchers", "100000", "--presentities", "100000"],
                                 "--watchers")):
            code, out, err = load(*arguments)
            self.assertEqual((code, out), (2, ""), err)
            self.assertIn(says, err)

    def test_people_read_it(self):
        with serve() as server:
            code, out, err = load("subscribe", *server.at("udp"), *SMALL)
            self.assertEqual((code, err), (0, ""))
            self.assertIn("subscribe: 18 of 18 done", out)
            self.assertIn("of CPU a message", out)


if __name__ == "__main__":
    VIGIL = sys.argv.pop(1)
    unittest.main()
