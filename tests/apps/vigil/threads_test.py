"""Everything at once, on a server of several threads: `threads_test.py build/vigil [throwaway_ca]`.

Load by UDP and TCP, questions by the control socket, reloads and changed rules, and a stop in the
middle of it. `./dev test --threads` runs it under ThreadSanitizer, which ends the server with
another exit code where two threads touched one thing.
"""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

import program_test
from faults_test import Tcp, statuses
from program_test import ENVIRONMENT, LISTEN, PATIENCE_S, Server, run

THROWAWAY_CA = ""
PASSWORD = ["--password", "secret"]
RULES = """<?xml version="1.0"?>
<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"
  xmlns:pr="urn:ietf:params:xml:ns:pres-rules"><rule id="a"><conditions/>
  <actions><pr:sub-handling>{}</pr:sub-handling></actions><transformations>
  <pr:provide-services><pr:all-services/></pr:provide-services>
  <pr:provide-persons><pr:all-persons/></pr:provide-persons>
  <pr:provide-devices><pr:all-devices/></pr:provide-devices>
  <pr:provide-all-attributes/></transformations></rule></ruleset>
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
        self.auth, self.log = "none", "warn"
        self.trouble = []

    def configure(self, policy):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f'auth = "{self.auth}"\npolicy = "{policy}"\nlog = "{self.log}"\n')

    def serve(self, workers, *more, listen=LISTEN):
        self.configure("allow")
        started = Server("--config", self.config, "--workers", str(workers), "--notify-interval",
                         "0", "--rules", self.rules, *self.control, *more, users=[],
                         listen=listen)
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

    def all_at_once(self, server):
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
        self.all_at_once(self.serve(2))

    def test_four_workers(self):
        self.all_at_once(self.serve(4))

    def test_passwords_log_and_capture(self):
        """The same users at all workers, each line and each message written whole."""
        self.auth, self.log = "digest", "debug"
        users = os.path.join(self.folder, "users")
        people = ["--presentities", "6", "--watchers", "3", "--connections", "4"]
        for i in range(18):
            code, _, err = run("user", "add", f"u{i:07}@localhost", "--users", users,
                               "--password-stdin", text=b"secret\n")
            self.assertEqual(code, 0, err)
        capture = os.path.join(self.folder, "all.pcap")
        server = self.serve(3, "--users", users, "--trace", capture)
        loads = [Load(server, "refresh", "udp", *people, *PASSWORD, "--count", "500", prefix="u"),
                 Load(server, "boot-storm", "tcp", *people, *PASSWORD, prefix="u")]
        for _ in range(3):
            server.process.send_signal(signal.SIGHUP)
            server.process.send_signal(signal.SIGUSR1)
            self.assertEqual(run("show", "subscriptions", "--json", *self.control)[0], 0)
        for load in loads:
            code, phases, err = load.end()
            self.assertEqual(code, 0, f"{err}{phases}")
        server.process.send_signal(signal.SIGTERM)
        code, _, err = server.end()
        self.assertEqual(code, 0, err[-20_000:])
        line_of_log = r"^(\d{4}-\d\d-\d\dT\S+Z (debug|info |warn |error) |vigil serve)"
        for line in err.splitlines():
            self.assertRegex(line, line_of_log)
        self.assertGreater(os.path.getsize(capture), 500_000)

    def test_tls_by_all_workers(self):
        """One context, and sessions that go on at another worker; certificates are read again."""
        if not THROWAWAY_CA:
            self.skipTest("no openssl")
        subprocess.run([THROWAWAY_CA, self.folder, "localhost"], check=True)
        own = [os.path.join(self.folder, "localhost" + end) for end in (".pem", ".key")]
        server = self.serve(4, "--cert", own[0], "--key", own[1],
                            listen=["--listen", "tls:127.0.0.1:0"])
        port = int(server.names[0].rsplit(":", 1)[1])
        told = []

        def phone(number):
            context = ssl.create_default_context(cafile=os.path.join(self.folder, "ca.pem"))
            session = None
            for turn in range(4):
                with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as plain, \
                        context.wrap_socket(plain, server_hostname="localhost",
                                            session=session) as secure:
                    name = f"t{number}x{turn}"
                    secure.sendall(
                        f"SUBSCRIBE sip:{name}@localhost SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1;"
                        f"branch=z9hG4bK{name}\r\nMax-Forwards: 70\r\nFrom: <sip:w@localhost>;"
                        f"tag=1\r\nTo: <sip:{name}@localhost>\r\nCall-ID: {name}\r\n"
                        "CSeq: 1 SUBSCRIBE\r\nContact: <sip:w@127.0.0.1;transport=tls>\r\n"
                        "Event: presence\r\nContent-Length: 0\r\n\r\n".encode())
                    answer = b""
                    while b"NOTIFY" not in answer and (got := secure.recv(65536)):
                        answer += got
                    told.append(answer[:11])
                    session = secure.session
        phones = [threading.Thread(target=phone, args=(i,)) for i in range(12)]
        for each in phones:
            each.start()
        for _ in range(5):
            server.process.send_signal(signal.SIGHUP)
            self.assertEqual(run("show", "server", "--json", *self.control)[0], 0)
        for each in phones:
            each.join()
        self.assertEqual(set(told), {b"SIP/2.0 200"})
        self.assertEqual(len(told), 48)
        code, _, err = server.stop(signal.SIGTERM)
        self.assertEqual(code, 0, err[-20_000:])


if __name__ == "__main__":
    program_test.VIGIL = os.path.abspath(sys.argv.pop(1))
    if len(sys.argv) > 1 and os.path.exists(sys.argv[1]):
        THROWAWAY_CA = os.path.abspath(sys.argv.pop(1))
    unittest.main()
