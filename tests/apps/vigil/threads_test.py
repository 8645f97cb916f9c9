"""Everything at once, on a server of several threads: `threads_test.py build/vigil`.

Load by UDP and TCP, questions by the control socket, reloads and changed rules, and a stop in the
middle of it. `./dev test --threads` runs it under ThreadSanitizer, which ends the server with
another exit code where two threads touched one thing.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

import program_test
from faults_test import Tcp, statuses
from program_test import ENVIRONMENT, PATIENCE_S, Server, run

RULES = """<?xml version="1.0"?>
<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"
  xmlns:pr="urn:ietf:params:xml:ns:pres-rules"><rule id="a"><conditions/>
  <actions><pr:sub-handling>{}</pr:sub-handling></actions></rule></ruleset>
"""


class Load:
    """A generator that runs beside the test."""

    def __init__(self, server, scenario, transport, *arguments, prefix):
        name = next(each for each in server.names if each.startswith(transport))
        self.process = subprocess.Popen(
            [program_test.VIGIL, "load", scenario, "--server", name, "--user-prefix", prefix,
             "--timeout", "20", *arguments, "--json"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **ENVIRONMENT})

    def end(self):
        out, err = self.process.communicate(timeout=4 * PATIENCE_S)
        return self.process.returncode, [json.loads(line) for line in out.splitlines()], err


class Threads(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.rules = os.path.join(self.folder, "rules")
        os.mkdir(self.rules)
        self.control = ["--control", os.path.join(self.folder, "control")]
        self.config = os.path.join(self.folder, "vigil.toml")
        self.configure("allow")

    def configure(self, policy):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f'auth = "none"\npolicy = "{policy}"\nlog = "warn"\n')

    def serve(self, workers):
        started = Server("--config", self.config, "--workers", str(workers), "--notify-interval",
                         "0", "--rules", self.rules, *self.control, users=[])
        self.addCleanup(started.__exit__)
        return started

    def pester(self, server, until):
        """Asks and changes what it can until told to stop."""
        turn = 0
        while not until.is_set():
            turn += 1
            for words in (["show", "server"], ["show", "subscriptions"], ["show", "publications"],
                          ["explain", "sip:a@localhost", "sip:udp0000001@localhost"]):
                code, _, err = run(*words, "--json", *self.control)
                if code != 0:
                    self.trouble.append(err)
            with open(os.path.join(self.rules, "default.xml"), "w", encoding="utf-8") as file:
                file.write(RULES.format("allow"))
            self.configure("allow" if turn % 2 else "confirm")
            server.process.send_signal(signal.SIGHUP)
            server.process.send_signal(signal.SIGUSR1)

    def all_at_once(self, workers):
        self.trouble = []
        server = self.serve(workers)
        people = ["--presentities", "20", "--watchers", "4", "--connections", "6"]
        loads = [Load(server, "mixed", "udp", *people, "--count", "600", prefix="udp"),
                 Load(server, "refresh", "tcp", *people, "--count", "400", prefix="tcp"),
                 Load(server, "fan-out", "udp", *people, "--count", "200", prefix="fan"),
                 Load(server, "boot-storm", "tcp", *people, prefix="storm")]
        done = threading.Event()
        pesterer = threading.Thread(target=self.pester, args=(server, done))
        pesterer.start()
        for load in loads:
            code, phases, err = load.end()
            self.assertEqual(code, 0, f"{err}{phases}")
        # More of it, and in the middle of it a stop.
        loads = [Load(server, "mixed", "udp", *people, "--seconds", "60", prefix="last"),
                 Load(server, "fan-out", "tcp", *people, "--seconds", "60", prefix="tail")]
        watcher = Tcp(server, "watcher")
        self.addCleanup(watcher.close)
        watcher.send(watcher.phone.subscribe("last0000001"))
        for _ in range(PATIENCE_S * 10):
            watcher.take(0.1)
            if statuses(watcher, "SUBSCRIBE"):
                break
        done.set()
        pesterer.join()
        self.assertEqual(self.trouble, [])
        self.assertEqual(list(statuses(watcher, "SUBSCRIBE").values()), [200])
        server.process.send_signal(signal.SIGTERM)
        for load in loads:
            load.process.kill()
            load.end()
        code, _, err = server.end()
        self.assertEqual(code, 0, err[-20_000:])

    def test_two_workers(self):
        self.all_at_once(2)

    def test_four_workers(self):
        self.all_at_once(4)


if __name__ == "__main__":
    program_test.VIGIL = os.path.abspath(sys.argv.pop(1))
    unittest.main()
