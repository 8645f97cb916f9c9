"""The program as scripts see it: `program_test.py build/vigil`.

Servers and clients are started on ports that are free on loopback. Nothing is waited for by time
alone: each step waits for a line, or for the end of a process, for so long at most.
"""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

VIGIL = ""
PATIENCE_S = 30
USERS = ["--user", "alice:wonderland", "--user", "bob:builder"]
LISTEN = ["--listen", "udp:127.0.0.1:0", "--listen", "tcp:127.0.0.1:0"]
ALICE, BOB = "sip:alice@localhost", "sip:bob@localhost"
AS_BOB = ["--as", BOB, "--password", "builder"]
AS_ALICE = ["--password", "wonderland"]


# Where servers put their control sockets.
RUNTIME = tempfile.TemporaryDirectory()
ENVIRONMENT = {"XDG_RUNTIME_DIR": RUNTIME.name, "RUNTIME_DIRECTORY": ""}


class Program:
    """A running program whose lines are read as they come."""

    def __init__(self, *arguments, environment=None, before=None, stdin=subprocess.DEVNULL):
        self.process = subprocess.Popen(
            [VIGIL, *arguments], stdin=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, preexec_fn=before,
            env={**os.environ, **ENVIRONMENT, **(environment or {})})
        self.lines = self._read(self.process.stdout)
        self.errors = self._read(self.process.stderr)

    @staticmethod
    def _read(stream):
        lines = queue.Queue()

        def run():
            for line in stream:
                lines.put(line.decode())
            lines.put(None)

        threading.Thread(target=run, daemon=True).start()
        return lines

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def line(self, lines=None):
        """The next line, without its end; None when there is no more."""
        line = (lines or self.lines).get(timeout=PATIENCE_S)
        return line.rstrip("\n") if line is not None else None

    def line_with(self, part, lines=None):
        while (line := self.line(lines)) is not None:
            if part in line:
                return line
        raise AssertionError(f"no line with {part!r} came")

    def error_with(self, part):
        return self.line_with(part, self.errors)

    def object_with(self, **fields):
        """The next JSON line that has these fields."""
        while (line := self.line()) is not None:
            found = json.loads(line)
            if all(found.get(name) == value for name, value in fields.items()):
                return found
        raise AssertionError(f"no object with {fields} came")

    def end(self):
        """Waits for the end: exit code, what is left of both outputs."""
        code = self.process.wait(timeout=PATIENCE_S)
        rest = []
        for lines in (self.lines, self.errors):
            text = ""
            while (line := lines.get(timeout=PATIENCE_S)) is not None:
                text += line
            rest.append(text)
        return code, *rest

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.end()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()


class Server(Program):
    def __init__(self, *arguments, listen=LISTEN, users=USERS, environment=None, before=None):
        super().__init__("serve", *listen, *users, *arguments, environment=environment,
                         before=before)
        self.ready = self.line()
        if self.ready is None:
            raise AssertionError("the server ended: " + self.end()[2])
        self.names = self.ready.split()[1:]

    def at(self, transport):
        return ["--server", next(name for name in self.names if name.startswith(transport))]


def run(*arguments, text=None, environment=None):
    """Runs to the end: exit code, standard output, standard error."""
    done = subprocess.run([VIGIL, *arguments], input=text, capture_output=True,
                          timeout=PATIENCE_S,
                          env={**os.environ, **ENVIRONMENT, **(environment or {})},
                          **({"stdin": subprocess.DEVNULL} if text is None else {}))
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class CommandLine(unittest.TestCase):
    def wrong(self, *arguments, says):
        code, out, err = run(*arguments)
        self.assertEqual(code, 2, err)
        self.assertIn(says, err)
        self.assertEqual(err.count("\n"), 1, err)
        self.assertEqual(out, "")

    def test_help_and_version(self):
        for arguments in (["help"], ["--help"], ["serve", "--help"], ["help", "watch"],
                          ["version"]):
            code, out, err = run(*arguments)
            self.assertEqual((code, err), (0, ""))
            self.assertIn("igil", out)

    def test_wrong_usage_is_exit_code_2(self):
        self.wrong(says="a command is missing")
        self.wrong("bogus", says="no such command: bogus")
        self.wrong("serve", "--lisen", "x", says="did you mean --listen?")
        self.wrong("serve", says="there are no users")
        self.wrong("serve", *USERS, "--policy", "x", says="--policy")
        self.wrong("serve", *USERS, "--listen", "ws:127.0.0.1:0", says="not built in yet")
        self.wrong("serve", *USERS, "--state", "x.db", says="not built in yet")
        self.wrong("serve", *USERS, "--http", "127.0.0.1:0", says="not built in yet")
        self.wrong("serve", *USERS, "--users", "/no/such/file", says="/no/such/file")
        self.wrong("serve", *USERS, "--trace", "/no/such/f.pcap", says="/no/such/f.pcap")
        self.wrong("serve", *USERS, "--config", "/no/such/file", says="/no/such/file")
        self.wrong("serve", "--auth", "none", "--listen", "udp:0.0.0.0:0",
                   says="--auth-none-anywhere")
        self.wrong("edge", says="URI")
        self.wrong("edge", ALICE, "--policy", "x", says="use allow, confirm")
        self.wrong("edge", ALICE, "--trust", "1.2.3.4/40", says="--trust")
        self.wrong("edge", ALICE, "--status", "opn", says="use open or closed")
        self.wrong("edge", ALICE, "--as", BOB, says="speaks for itself")
        self.wrong("edge", ALICE, "--listen", "x", says="--listen")
        self.wrong("watch", says="URI")
        self.wrong("watch", "alice", says="sip:alice@example.com")
        self.wrong("watch", ALICE, "--event", "dialog", says="not built in yet")
        self.wrong("watch", ALICE, "--server", "wss:127.0.0.1:5061", says="not built in yet")
        self.wrong("watch", ALICE, "--password-env", "NO_SUCH_VARIABLE", says="NO_SUCH_VARIABLE")
        self.wrong("publish", ALICE, says="say what to publish")
        self.wrong("publish", ALICE, "--body", "/no/such/file", says="/no/such/file")
        self.wrong("register", ALICE, "--expires", "0", says="--expires")

    def test_json_errors(self):
        code, out, _ = run("watch", ALICE, "--count", "0", "--json")
        self.assertEqual(code, 2)
        self.assertIn("--count", json.loads(out)["error"])

    def test_nobody_answers(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
            deaf.bind(("127.0.0.1", 0))
            server = f"udp:127.0.0.1:{deaf.getsockname()[1]}"
            code, _, err = run("watch", ALICE, "--server", server, "--timeout", "0.2")
            self.assertEqual(code, 1)
            self.assertIn("no notification came", err)
        # Nobody listens there any more.
        code, _, err = run("publish", ALICE, "--status", "open", "--server",
                           server.replace("udp", "tcp"))
        self.assertEqual(code, 1)
        self.assertIn("could not be sent", err)


class Parse(unittest.TestCase):
    def test_sip(self):
        text = (b"OPTIONS sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
                b"From: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
                b"Max-Forwards: 70\r\n")
        code, out, err = run("parse", text=text + b"\r\n")
        self.assertEqual((code, err), (0, ""))
        self.assertTrue(out.startswith("SIP request OPTIONS sip:a@h\n"))
        code, out, err = run("parse", "--json", text=text + b"\r\n")
        self.assertEqual(json.loads(out), {"ok": True, "kind": "request"})
        code, out, err = run("parse", "--json", text=text + b"Expires: x\r\n\r\n")
        self.assertEqual(code, 1)
        found = json.loads(out)
        self.assertEqual(set(found), {"ok", "kind", "error", "offset", "rule"})
        self.assertEqual((found["ok"], found["offset"]), (False, len(text) + len("Expires: ")))
        self.assertIn(":8:10: ", found["error"])

    def test_pidf(self):
        head = b'<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@h">\n'
        with tempfile.NamedTemporaryFile() as file:
            file.write(head + b'<tuple id="t1"><status><basic>open</basic></status></tuple>'
                              b'</presence>')
            file.flush()
            code, out, _ = run("parse", file.name)
        self.assertEqual(code, 0)
        self.assertIn("tuple t1: open", out)
        code, out, _ = run("parse", "--json", text=head + b"<tuple></presence>")
        self.assertEqual(code, 1)
        self.assertEqual(json.loads(out)["kind"], "pidf")

    def test_absent_file(self):
        self.assertEqual(run("parse", "/no/such/file")[0], 2)


class Limits(unittest.TestCase):
    def test_what_fits_into_a_memory_grows_with_it(self):
        held = 0
        for size in ("1M", "8M", "1G"):
            code, out, _ = run("limits", "--memory", size, "--json")
            self.assertEqual(code, 0)
            limits = json.loads(out)
            self.assertGreater(limits["subscriptions"], 3 * held)
            self.assertLess(limits["subscriptions"] * limits["subscription_bytes"],
                            limits["memory_bytes"])
            held = limits["subscriptions"]

    def test_what_is_too_small_or_no_size_is_said(self):
        code, _, err = run("limits", "--memory", "100K")
        self.assertEqual(code, 1)
        self.assertIn("no server runs in 100K", err)
        code, _, err = run("limits", "--memory", "8MB")
        self.assertEqual(code, 2)
        self.assertIn("--memory wants a size", err)
        self.assertEqual(run("limits")[0], 2)


class Rules(unittest.TestCase):
    FAMILY = os.path.join(os.path.dirname(__file__), "../../../docs/examples/rules/family.xml")

    def test_check(self):
        code, out, err = run("rules", "check", self.FAMILY)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("2 rules", out)
        with open(self.FAMILY, "rb") as file:
            text = file.read().replace(b' id="family-at-home"', b"")
        line = text[:text.index(b"<rule>")].count(b"\n") + 1
        code, _, err = run("rules", "check", "-", text=text)
        self.assertEqual(code, 1)
        self.assertIn(f"standard input:{line}: rule: id is missing", err)
        self.assertEqual(err.count("\n"), 1)
        self.assertEqual(run("rules", "check", "/no/such/file")[0], 2)

    def test_try(self):
        document = (b'<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:alice@localhost">'
                    b'<tuple id="t1"><status><basic>open</basic></status></tuple></presence>')
        dora = ["rules", "test", self.FAMILY, "--as", "sips:dora@example.net", "--json"]
        code, out, _ = run(*dora, "--document", "-", "--at", "2026-01-01T00:00:00Z", text=document)
        found = json.loads(out)
        self.assertEqual((code, found["decision"], found["rules"]), (0, "allow", ["family"]))
        self.assertIn("<basic>open</basic>", found["document"])
        _, out, _ = run(*dora, "--sphere", "HOME")
        self.assertEqual(json.loads(out), {"decision": "allow",
                                           "rules": ["family", "family-at-home"]})
        code, out, _ = run("rules", "test", self.FAMILY, "--anonymous")
        self.assertEqual(code, 0)
        self.assertTrue(out.startswith("block for somebody for whom nobody vouches"))
        for wrong in (["--as", "dora"], ["--as", "sip:a@h", "--at", "noon"],
                      ["--as", "sip:a@h", "--document", "/no/such/file"], []):
            self.assertEqual(run("rules", "test", self.FAMILY, *wrong)[0], 2)


class UserFile(unittest.TestCase):
    def test_add_list_check_remove(self):
        with tempfile.TemporaryDirectory() as folder:
            users = ["--users", os.path.join(folder, "users")]
            code, out, err = run("user", "add", "alice@localhost", *users, text=b"wonderland\n")
            self.assertEqual((code, out), (0, "added alice of localhost\n"), err)
            code, _, err = run("user", "add", "bob", *users, "--password-env", "P",
                               environment={"P": "builder"})
            self.assertEqual(code, 0, err)
            with open(users[1]) as file:
                self.assertNotIn("wonderland", file.read())
            self.assertEqual(os.stat(users[1]).st_mode & 0o777, 0o600)
            _, out, _ = run("user", "list", *users, "--json")
            self.assertEqual([json.loads(line)["name"] for line in out.splitlines()],
                             ["alice", "bob"])
            self.assertEqual(run("user", "check", "alice", *users, text=b"wonderland\n")[0], 0)
            self.assertEqual(run("user", "check", "alice", *users, text=b"wrong\n")[0], 1)
            self.assertEqual(run("user", "check", *users)[0], 0)
            with Server("--policy", "allow", users=users) as server:
                code, _, err = run("publish", ALICE, "--status", "open", "--once", *AS_ALICE,
                                   *server.at("udp"))
                self.assertEqual(code, 0, err)
                # A new user counts from SIGHUP on, and one that is gone does not.
                self.assertEqual(run("user", "remove", "alice", *users)[0], 0)
                self.assertEqual(run("user", "remove", "alice", *users)[0], 1)
                server.process.send_signal(signal.SIGHUP)
                server.error_with("SIGHUP: configuration read, 1 users")
                code, _, err = run("publish", ALICE, "--status", "open", "--once", *AS_ALICE,
                                   *server.at("udp"))
                self.assertEqual(code, 1, err)
                # What cannot be read changes nothing.
                with open(users[1], "a") as file:
                    file.write("broken\n")
                server.process.send_signal(signal.SIGHUP)
                server.error_with("all stays as it was")
                code, _, err = run("publish", BOB, "--status", "open", "--once", "--password",
                                   "builder", *server.at("udp"))
                self.assertEqual(code, 0, err)


class Serve(unittest.TestCase):
    def test_ready_and_stop(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Server() as server:
                self.assertRegex(server.ready,
                                 r"^ready udp:127\.0\.0\.1:(\d+) tcp:127\.0\.0\.1:\1$")
                self.assertEqual(server.stop(number)[:2], (0, ""))

    def test_default_policy_says_how_decisions_are_given(self):
        with Server() as server:
            server.error_with("--policy allow")
            with Program("watch", ALICE, "--json", *AS_BOB, *server.at("udp")) as watch:
                self.assertEqual(watch.object_with(event="subscription")["state"], "pending")
                server.error_with("a watcher is pending")

    def test_watchers(self):
        """R3856-6.6.2-6 R3857-4.7.1-2 R3857-4.8-1: who watches is listed, and watched."""
        with Server() as server:
            at = server.at("udp")
            with Program("watch", ALICE, "--json", *AS_BOB, *at) as bob:
                bob.object_with(event="subscription", state="pending")
                code, out, err = run("watchers", ALICE, "--once", "--json", *AS_ALICE, *at)
                self.assertEqual(code, 0, err)
                shown = [json.loads(line) for line in out.splitlines()]
                row = next(each for each in shown if each["event"] == "watcher")
                self.assertEqual((row["watcher"], row["status"], row["cause"], row["package"]),
                                 (BOB, "pending", "subscribe", "presence"))
                with Program("watch", ALICE, "--event", "presence.winfo", "--json", *AS_ALICE,
                             *at) as watchers:
                    known = watchers.object_with(event="watcher", watcher=BOB)
                    self.assertEqual(known["id"], row["id"])
                    self.assertEqual(bob.stop()[0], 130)
                    told = watchers.object_with(event="watcher", status="waiting")
                    self.assertEqual((told["id"], told["cause"]), (row["id"], "timeout"))
            code, out, _ = run("watchers", ALICE, "--once", *AS_ALICE, *at)
            self.assertEqual(code, 0)
            self.assertRegex(out, r"(?m)^\S+ sip:alice@localhost watcher sip:bob@localhost waiting "
                                  r"timeout$")
            # Nobody else is told.
            code, _, err = run("watchers", ALICE, "--once", *AS_BOB, *at)
            self.assertEqual(code, 1)
            self.assertIn("403", err)
            self.wrong_of_watchers()

    def wrong_of_watchers(self):
        code, _, err = run("watchers", "alice")
        self.assertEqual(code, 2)
        self.assertIn("vigil watchers: ", err)

    def test_port_in_use(self):
        with Server() as server:
            name = server.names[0]
            code, _, err = run("serve", *USERS, "--listen", name)
            self.assertEqual(code, 1)
            self.assertIn(name, err)
            self.assertEqual(err.splitlines()[-1].count(name), 1)

    def test_auth_none_is_loud(self):
        with Server("--auth", "none", users=[]) as server:
            server.error_with("NOBODY IS ASKED FOR A PASSWORD")
            code, out, err = run("publish", ALICE, "--status", "open", "--once", *server.at("udp"))
            self.assertEqual(code, 0, err)
            self.assertTrue(out.startswith("etag "))

    def test_systemd(self):
        with tempfile.TemporaryDirectory() as folder, \
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            path = os.path.join(folder, "notify")
            manager.bind(path)
            manager.settimeout(PATIENCE_S)
            with Server(environment={"NOTIFY_SOCKET": path}) as server:
                self.assertEqual(manager.recv(1000), b"READY=1")
                self.assertEqual(server.stop(signal.SIGTERM)[0], 0)
                self.assertEqual(manager.recv(1000), b"STOPPING=1")

    def test_configuration_file(self):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write('listen = ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]\n'
                       'user = "alice:wonderland"\npolicy = "allow"\n')
            file.flush()
            with Server("--config", file.name, listen=[], users=[]) as server:
                code, _, err = run("watch", ALICE, "--once", *AS_ALICE, *server.at("tcp"))
                self.assertEqual(code, 0, err)

    def test_policy_is_read_again(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "vigil.toml")

            def write(policy):
                with open(path, "w") as file:
                    file.write(f'policy = "{policy}"\nmin-expires = 60\n')

            write("confirm")
            with Server("--config", path) as server:
                with Program("watch", ALICE, "--json", *AS_BOB, *server.at("udp")) as watch:
                    watch.object_with(event="subscription", state="pending")
                    write("allow")
                    server.process.send_signal(signal.SIGHUP)
                    watch.object_with(event="subscription", state="active")
                    watch.object_with(event="presence", basic="closed")
                    write("none")
                    server.process.send_signal(signal.SIGHUP)
                    server.error_with(path + ":1: policy \"none\"")
                    with open(path, "w") as file:
                        file.write('policy = "allow"\nmin-expires = 30\n')
                    server.process.send_signal(signal.SIGHUP)
                    server.error_with("min-expires was changed, and takes a restart")

    def test_deactivate(self):
        with Server("--policy", "allow", "--on-stop", "deactivate") as server:
            with Program("watch", ALICE, "--json", *AS_BOB, *server.at("udp")) as watch:
                watch.object_with(event="presence")
                self.assertEqual(server.stop(signal.SIGTERM)[0], 0)
                told = watch.object_with(event="subscription", state="terminated")
                self.assertEqual(told["reason"], "deactivated")

    def test_trace_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "t.pcap")
            with Server("--trace", path) as server:
                run("publish", ALICE, "--status", "open", "--once", *AS_ALICE, *server.at("udp"))
                server.stop(signal.SIGTERM)
            with open(path, "rb") as file:
                self.assertIn(b"PUBLISH sip:alice@localhost SIP/2.0\r\n", file.read())

    def test_log_is_quiet_and_keeps_secrets(self):
        with Server("--log", "debug") as server:
            run("publish", ALICE, "--status", "open", "--once", *AS_ALICE, *server.at("udp"))
            _, _, err = server.stop(signal.SIGTERM)
        self.assertIn("PUBLISH", err)
        self.assertNotIn("wonderland", err)
        self.assertNotIn("Digest", err)
        with Server() as server:
            for _ in range(3):
                run("publish", ALICE, "--status", "open", "--once", *AS_ALICE, *server.at("udp"))
            _, _, err = server.stop(signal.SIGTERM)
        self.assertNotIn("PUBLISH", err)

    def test_stop_is_bounded_where_a_watcher_is_silent(self):
        with Server("--policy", "allow") as server:
            with Program("watch", ALICE, "--json", *AS_BOB, *server.at("udp")) as watch:
                watch.object_with(event="presence")
                watch.process.send_signal(signal.SIGSTOP)
                self.assertEqual(server.stop(signal.SIGTERM)[0], 0)


class Presence(unittest.TestCase):
    def follow(self, transport):
        with Server("--policy", "allow", "--notify-interval", "0") as server:
            at = server.at(transport)
            with Program("watch", ALICE, "--json", "--raw", *AS_BOB, *at) as watch:
                first = watch.object_with(event="subscription")
                self.assertEqual((first["uri"], first["state"]), (ALICE, "active"))
                self.assertLessEqual(first["expires"], 3600)
                closed = watch.object_with(event="presence")
                self.assertEqual(closed["basic"], "closed")
                with Program("publish", ALICE, "--json", "--status", "open", "--activity", "away",
                             "--note", "Out for \u00fc", *AS_ALICE, *at) as publish:
                    given = publish.object_with(status=200)
                    self.assertEqual(set(given), {"time", "uri", "status", "etag", "expires"})
                    shown = watch.object_with(event="presence")
                    self.assertEqual(shown["basic"], "open")
                    self.assertEqual(shown["activities"], ["away"])
                    self.assertEqual(shown["notes"], ["Out for \u00fc"])
                    self.assertEqual(shown["tuples"][0]["basic"], "open")
                    self.assertIn("<presence", shown["document"])
                    # Ctrl-C takes it away first.
                    self.assertEqual(publish.stop()[0], 130)
                self.assertEqual(watch.object_with(event="presence")["basic"], "closed")
                code, out, err = watch.stop()
                self.assertEqual(code, 130, err)
                self.assertEqual(json.loads(out.splitlines()[-1])["state"], "terminated")

    def test_over_udp(self):
        self.follow("udp")

    def test_over_tcp(self):
        self.follow("tcp")

    def test_text_lines(self):
        with Server("--policy", "allow") as server:
            at = server.at("udp")
            code, out, _ = run("publish", ALICE, "--status", "open", "--note", "hi", "--once",
                               *AS_ALICE, *at)
            self.assertEqual(code, 0)
            etag = out.split()[1]
            code, out, err = run("watch", ALICE, "--count", "1", *AS_BOB, *at)
            self.assertEqual(code, 0, err)
            lines = [line.split(" ", 1)[1] for line in out.splitlines()]
            self.assertTrue(lines[0].startswith(ALICE + " subscription active "))
            self.assertEqual(lines[1], ALICE + ' open - "hi"')
            code, out, err = run("publish", ALICE, "--remove", etag, *AS_ALICE, *at)
            self.assertEqual((code, out), (0, "removed\n"), err)
            code, out, err = run("publish", ALICE, "--remove", etag, *AS_ALICE, *at)
            self.assertEqual(code, 1)
            self.assertIn("412", err)

    def test_fetch_and_several_uris(self):
        with Server("--policy", "allow") as server:
            at = server.at("tcp")
            code, out, err = run("watch", ALICE, BOB, "--once", "--json", *AS_BOB, *at)
            self.assertEqual(code, 0, err)
            found = [json.loads(line) for line in out.splitlines()]
            self.assertEqual({each["uri"] for each in found if each["event"] == "presence"},
                             {ALICE, BOB})

    def test_wrong_password(self):
        with Server() as server:
            for command in (["watch", ALICE], ["publish", ALICE, "--status", "open"],
                            ["register", ALICE]):
                code, out, err = run(*command, "--json", "--password", "wrong", *server.at("udp"))
                self.assertEqual(code, 1)
                self.assertEqual(json.loads(out)["status"], 401)
                self.assertIn("password", err)
                self.assertEqual(run(*command, *server.at("udp"))[0], 1)

    def test_refused(self):
        with Server("--policy", "block") as server:
            at = server.at("udp")
            code, out, err = run("watch", ALICE, "--json", *AS_BOB, *at)
            self.assertEqual(code, 1, err)
            self.assertEqual(json.loads(out.splitlines()[-1])["status"], 403)
            code, _, err = run("watch", "sip:nobody@localhost", *AS_BOB, *at)
            self.assertEqual(code, 1)
            self.assertIn("404", err)
            code, _, err = run("publish", ALICE, "--status", "open", *AS_BOB, *at)
            self.assertEqual(code, 1)
            self.assertIn("403", err)

    def test_whose_output_nobody_reads_any_more_ends(self):
        with Server("--policy", "allow") as server:
            at = server.at("udp")
            read, write = os.pipe()
            watch = subprocess.Popen([VIGIL, "watch", ALICE, *AS_BOB, *at], stdout=write,
                                     stderr=subprocess.DEVNULL)
            os.close(write)
            with os.fdopen(read) as output:
                self.assertIn("subscription active", output.readline())
                self.assertIn("closed", output.readline())
            run("publish", ALICE, "--status", "open", "--once", *AS_ALICE, *at)
            self.assertEqual(watch.wait(timeout=PATIENCE_S), 1)

    def test_ipv6_and_a_large_document(self):
        listen = ["--listen", "udp:[::1]:0", "--listen", "tcp:[::1]:0"]
        with Server("--policy", "allow", listen=listen) as server:
            self.assertRegex(server.ready, r"^ready udp:\[::1\]:(\d+) tcp:\[::1\]:\1$")
            at = server.at("udp")
            note = "n" * 4000
            with Program("watch", ALICE, "--json", *AS_BOB, *at) as watch:
                watch.object_with(event="presence", basic="closed")
                code, _, err = run("publish", ALICE, "--status", "open", "--note", note, "--once",
                                   *AS_ALICE, *at)
                self.assertEqual(code, 0, err)
                self.assertEqual(watch.object_with(event="presence", basic="open")["notes"], [note])
                self.assertEqual(watch.stop()[0], 130)

    def test_a_document_of_your_own(self):
        with Server("--policy", "allow") as server, tempfile.NamedTemporaryFile() as file:
            at = server.at("tcp")
            file.write(b"<presence")
            file.flush()
            code, _, err = run("publish", ALICE, "--body", file.name, "--once", *AS_ALICE, *at)
            self.assertEqual(code, 1)
            self.assertIn("400", err)

    def test_stop_tells_watchers(self):
        with Server("--policy", "allow") as server:
            with Program("watch", ALICE, "--json", *AS_BOB, *server.at("tcp")) as watch:
                watch.object_with(event="presence")
                self.assertEqual(server.stop(signal.SIGTERM)[0], 0)
                told = watch.object_with(event="subscription", state="terminated")
                self.assertEqual(told["reason"], "probation")
                line = watch.error_with("trying again in")
                self.assertIn(int(line.split()[-2]), range(4, 32))
                self.assertEqual(watch.stop()[0], 130)

    def test_hard_state(self):
        with tempfile.TemporaryDirectory() as folder:
            def keep(name, note, end="</presence>"):
                with open(os.path.join(folder, name + "@localhost.xml"), "w") as file:
                    file.write('<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:a@b">'
                               '<tuple id="t"><status><basic>closed</basic></status>'
                               f'<note>{note}</note></tuple>{end}')

            keep("alice", "back on Monday")
            with Server("--policy", "allow", "--notify-interval", "0", "--hard-state",
                        folder) as server:
                at = server.at("udp")
                with Program("watch", ALICE, "--json", "--raw", *AS_BOB, *at) as watch:
                    self.assertEqual(watch.object_with(event="presence")["notes"],
                                     ["back on Monday"])
                    keep("alice", "back on Tuesday")
                    server.process.send_signal(signal.SIGHUP)
                    self.assertEqual(watch.object_with(event="presence")["notes"],
                                     ["back on Tuesday"])
                    # One that cannot be read changes nothing, and is named.
                    keep("bob", "x", end="")
                    keep("alice", "never seen")
                    server.process.send_signal(signal.SIGHUP)
                    server.error_with("bob@localhost.xml")
                    with Program("publish", ALICE, "--status", "open", *AS_ALICE, *at) as publish:
                        self.assertEqual(watch.object_with(event="presence")["basic"], "open")
                        publish.stop()
                    self.assertEqual(watch.object_with(event="presence")["notes"],
                                     ["back on Tuesday"])

    def test_register(self):
        with Server("--policy", "allow", "--notify-interval", "0") as server:
            at = server.at("udp")
            with Program("watch", ALICE, "--json", *AS_BOB, *at) as watch:
                watch.object_with(event="presence", basic="closed")
                with Program("register", ALICE, "--json", "--contact", "sip:alice@192.0.2.5",
                             *AS_ALICE, *at) as register:
                    given = register.object_with(status=200)
                    self.assertEqual(given["contacts"], ["sip:alice@192.0.2.5"])
                    watch.object_with(event="presence", basic="open")
                    code, out, _ = register.stop()
                    self.assertEqual(code, 130)
                    self.assertEqual(json.loads(out.splitlines()[-1])["contacts"], [])
                watch.object_with(event="presence", basic="closed")
            code, out, err = run("register", ALICE, "--once", *AS_ALICE, *at)
            self.assertEqual(code, 0, err)
            self.assertTrue(out.startswith("contact <sip:alice@127.0.0.1:"))

    def test_edge(self):
        """R3856-7.1-1 R3856-6.11.2-2: it registers as a presence agent, and is one."""
        with Server("--policy", "allow", "--log", "debug") as server:
            with Program("edge", ALICE, "--listen", "udp:127.0.0.1:0", "--notify-interval", "0",
                         "--note", "Hello", *AS_ALICE, *server.at("udp"),
                         stdin=subprocess.PIPE) as edge:
                ready = edge.line()
                self.assertRegex(ready, "^ready udp:127.0.0.1:[0-9]+$")
                self.assertEqual(edge.line(), "state open note Hello")
                straight = ["--server", ready.split()[1]]
                with Program("watch", ALICE, "--json", *AS_ALICE, *straight) as watch:
                    watch.object_with(event="presence", basic="open", notes=["Hello"])
                    self.assertEqual(edge.line(), f"watcher {ALICE} active")
                    edge.type("busy")
                    watch.object_with(event="presence", activities=["busy"])
                    edge.type("clsed")
                    edge.error_with("say open, closed")
                    edge.type("closed")
                    watch.object_with(event="presence", basic="closed")
                    # Nobody else's password is known there.
                    code, _, err = run("watch", ALICE, "--once", *AS_BOB, *straight)
                    self.assertEqual(code, 1)
                    self.assertIn("401", err)
                    code, out, _ = edge.stop()
                    self.assertEqual(code, 130)
                    self.assertIn(f"watcher {ALICE} terminated deactivated", out)
                    watch.object_with(event="subscription", state="terminated",
                                      reason="deactivated")

    def test_edge_with_the_wrong_password(self):
        with Server("--policy", "allow") as server:
            code, out, err = run("edge", ALICE, "--json", "--password", "x", *server.at("udp"))
            self.assertEqual(code, 1)
            self.assertIn("the user or the password is wrong", err)
            self.assertEqual(json.loads(out)["status"], 401)


if __name__ == "__main__":
    VIGIL = os.path.abspath(sys.argv.pop(1))
    unittest.main()
