"""The control socket as people, scripts and the ill-behaved see it.

`control_test.py build/vigil`.
"""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import unittest

import program_test
from program_test import (ALICE, AS_ALICE, AS_BOB, BOB, LISTEN, PATIENCE_S, Program, Server, run)


class ControlTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        # Where servers put their sockets, and commands look for them.
        self.where = {"XDG_RUNTIME_DIR": self.folder, "RUNTIME_DIRECTORY": ""}

    def server(self, *arguments, **more):
        started = Server("--policy", "allow", *arguments, environment=self.where, **more)
        self.addCleanup(started.__exit__)
        return started

    def path_of(self, server):
        return os.path.join(self.folder, "vigil", server.names[0] + ".control")

    def watch(self, server, *arguments):
        started = Program("watch", ALICE, *AS_BOB, *server.at("udp"), *arguments)
        self.addCleanup(started.__exit__)
        started.line_with("active")
        return started

    def asked(self, *arguments):
        return run(*arguments, environment=self.where)

    def objects(self, *arguments):
        code, out, err = self.asked(*arguments, "--json")
        self.assertEqual((code, err), (0, ""))
        return [json.loads(line) for line in out.splitlines()]

    def refused(self, *arguments, says, code=1):
        got, out, err = self.asked(*arguments)
        self.assertEqual(got, code, err)
        self.assertIn(says, err)
        self.assertEqual((err.count("\n"), out), (1, ""))
        got, out, _ = self.asked(*arguments, "--json")
        self.assertEqual(got, code)
        self.assertIn(says, json.loads(out)["error"])


class Show(ControlTest):
    def test_nothing_is_configured_and_it_is_found(self):
        server = self.server()
        self.watch(server)
        code, out, err = self.asked("show", "subscriptions")
        self.assertEqual((code, err), (0, ""))
        header, row = out.splitlines()
        self.assertTrue(header.startswith("WATCHER        PRESENTITY       EVENT     STATE"))
        self.assertTrue(row.startswith("bob@localhost  alice@localhost  presence  active"), row)
        mode = os.lstat(self.path_of(server)).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        folder = os.lstat(os.path.join(self.folder, "vigil")).st_mode
        self.assertEqual(stat.S_IMODE(folder), 0o700)
        self.assertEqual(server.stop(signal.SIGTERM)[0], 0)
        self.assertFalse(os.path.lexists(self.path_of(server)))

    def test_all_of_it(self):
        server = self.server()
        self.watch(server)
        self.assertEqual(run("publish", ALICE, *AS_ALICE, *server.at("tcp"), "--status", "open",
                             "--activity", "busy", "--contact", "sip:alice@192.0.2.7",
                             "--once")[0], 0)
        self.assertEqual(run("register", ALICE, *AS_ALICE, *server.at("udp"), "--contact",
                             "sip:alice@192.0.2.7", "--once")[0], 0)
        (published,) = self.objects("show", "publications")
        self.assertEqual((published["kind"], published["uri"], published["basic"],
                          published["activities"]), ("publication", ALICE, "open", ["busy"]))
        (registered,) = self.objects("show", "registrations", ALICE)
        self.assertEqual(registered["contact"], "sip:alice@192.0.2.7")
        kinds = [each["kind"] for each in self.objects("show", "presentity", "alice@localhost")]
        self.assertEqual(kinds, ["presentity", "subscription", "publication", "registration",
                                 "left-out", "document"])
        code, out, _ = self.asked("show", "presentity", ALICE, "--raw")
        self.assertEqual(code, 0)
        self.assertIn("<rpid:busy/>", out)
        self.assertIn("a publication speaks for the same contact", out)
        self.assertNotIn("<rpid:busy/>", self.asked("show", "presentity", ALICE)[1])
        self.assertEqual(self.asked("show", "publications", BOB)[1], "no publications\n")
        self.refused("show", "presentity", "sip:zed@localhost",
                     says="no such address here: zed@localhost")

    def test_explain(self):
        server = self.server()
        self.watch(server)
        code, out, err = self.asked("explain", BOB, ALICE)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("bob@localhost watches alice@localhost (presence): active\n", out)
        self.assertIn("proved by digest, from udp:127.0.0.1:", out)
        self.assertIn("decided by:    policy allow\n", out)
        self.assertIn("answered 200", out)
        code, out, _ = self.asked("explain", ALICE, BOB)
        self.assertEqual(code, 0)
        self.assertIn("alice@localhost does not watch bob@localhost.\n", out)
        self.assertIn("would be answered 200, and be active", out)
        # A password that is wrong is what nobody finds without this.
        self.assertEqual(run("watch", ALICE, "--as", BOB, "--password", "x", *server.at("udp"),
                             "--once")[0], 1)
        self.assertIn("only said to be bob@localhost", self.asked("explain", BOB, ALICE)[1])

    def test_a_policy_that_changes_is_explained_as_it_is_now(self):
        with open(os.path.join(self.folder, "vigil.toml"), "w+") as config:
            config.write('policy = "allow"\n')
            config.flush()
            server = Server("--config", config.name, environment=self.where)
            self.addCleanup(server.__exit__)
            self.watch(server)
            config.seek(0)
            config.truncate()
            config.write('policy = "polite-block"\n')
            config.flush()
            server.process.send_signal(signal.SIGHUP)
            server.error_with("configuration read")
            (watching,) = self.objects("show", "subscriptions")
            self.assertEqual((watching["because"], watching["sees"]),
                             ("policy polite-block", "the closed document"))


class Finding(ControlTest):
    def test_nobody_is_there(self):
        self.refused("show", "subscriptions", says="no server runs here that could be asked")
        self.refused("explain", BOB, ALICE, "--control", os.path.join(self.folder, "none"),
                     says="there is no such socket; is the server running?")

    def test_usage(self):
        self.refused("show", "subscriptions", "bogus", code=2, says="it wants an address")
        self.refused("explain", "sip:localhost", ALICE, code=2, says="it wants an address")
        for arguments in (["show"], ["show", "bogus"], ["show", "presentity"], ["explain", BOB]):
            self.assertEqual(self.asked(*arguments)[0], 2)

    def test_two_servers_do_not_clash_and_are_told_apart(self):
        one, two = self.server(), self.server()
        self.refused("show", "subscriptions", says="2 servers run here; say which one")
        self.watch(two)
        at = ["--control", self.path_of(two)]
        self.assertEqual(len(self.objects("show", "subscriptions", *at)), 1)
        at = ["--control", self.path_of(one)]
        self.assertEqual(self.objects("show", "subscriptions", *at), [])
        one.stop(signal.SIGTERM)
        self.assertEqual(len(self.objects("show", "subscriptions")), 1)

    def test_a_path_of_ones_own_or_none(self):
        path = os.path.join(self.folder, "own")
        self.server("--control", path)
        self.assertEqual(self.objects("show", "registrations", "--control", path), [])
        code, out, err = run("serve", *LISTEN, "--user", "a:b", "--control", path,
                             environment=self.where)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("another server listens there", err)
        self.server("--control", "none")
        self.refused("show", "subscriptions", says="no server runs here")

    def test_what_a_killed_server_left_is_taken_over(self):
        killed = self.server()
        port = killed.names[0].rsplit(":", 1)[1]
        killed.stop(signal.SIGKILL)
        self.assertTrue(os.path.lexists(self.path_of(killed)))
        self.refused("show", "subscriptions", says="no server runs here")
        # So does any other one, by the way.
        other = self.server()
        self.assertFalse(os.path.lexists(self.path_of(killed)))
        other.stop(signal.SIGTERM)
        again = self.server(listen=["--listen", "udp:127.0.0.1:" + port, "--listen",
                                    "tcp:127.0.0.1:" + port])
        self.assertEqual(again.names, killed.names)
        self.assertEqual(self.objects("show", "subscriptions"), [])

    def test_where_its_socket_cannot_be_it_serves_and_says_so(self):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        os.mkdir(os.path.join(self.folder, "vigil"), 0o700)
        name = os.path.join(self.folder, "vigil", f"udp:127.0.0.1:{port}.control")
        with open(name, "w"):
            pass
        server = self.server(listen=["--listen", "udp:127.0.0.1:" + port, "--listen",
                                     "tcp:127.0.0.1:" + port])
        self.assertIn("--control PATH", server.error_with("no control socket"))
        self.assertEqual(run("watch", ALICE, *AS_BOB, *server.at("udp"), "--once")[0], 0)
        self.assertEqual(server.stop(signal.SIGTERM)[0], 0)
        self.assertTrue(os.path.exists(name))

    def test_a_runtime_folder_that_is_another_users_is_passed_over(self):
        where = {"RUNTIME_DIRECTORY": os.path.join(self.folder, "none", "such"), **{
            "XDG_RUNTIME_DIR": self.folder}}
        server = Server(environment=where)
        self.addCleanup(server.__exit__)
        self.assertTrue(os.path.lexists(self.path_of(server)))
        os.chmod(os.path.join(self.folder, "vigil"), 0o777)
        self.refused("show", "subscriptions", says="no server runs here")

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_others_may_not_ask(self):
        os.chmod(self.folder, 0o755)
        path = os.path.join(self.folder, "own")
        self.server("--control", path)
        program = os.path.join(self.folder, "vigil-program")
        shutil.copy(program_test.VIGIL, program)
        os.chmod(program, 0o755)
        done = subprocess.run(
            [program, "show", "subscriptions", "--control", path], capture_output=True,
            timeout=PATIENCE_S, preexec_fn=lambda: (os.setgid(65534), os.setuid(65534)))
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"no permission; its owner and root alone may ask", done.stderr)


class Hostile(ControlTest):
    def connect(self, server):
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(made.close)
        made.settimeout(PATIENCE_S)
        made.connect(self.path_of(server))
        return made

    def assert_serves(self, server):
        self.assertEqual(run("watch", ALICE, *AS_BOB, *server.at("udp"), "--once")[0], 0)

    def test_sip_is_served_whatever_comes_by_the_socket(self):
        server = self.server()
        self.watch(server)
        garbage = self.connect(server)
        garbage.sendall(os.urandom(2000).replace(b"\n", b"x") + b"\n")
        self.assertIn("error", json.loads(garbage.makefile().readline()))
        endless = self.connect(server)
        try:
            endless.sendall(b"x" * 1_000_000)
        except OSError:
            pass  # it was let go in the middle
        slow = self.connect(server)
        for byte in b"show subscr":
            slow.sendall(bytes([byte]))
        deaf = self.connect(server)
        deaf.sendall(b"show presentity alice@localhost\n")
        gone = self.connect(server)
        gone.sendall(b"show subscriptions\n")
        gone.close()
        self.assert_serves(server)
        # The slow one gets its answer.
        slow.sendall(b"iptions\n")
        self.assertEqual(json.loads(slow.makefile().readline())["watcher"], BOB)
        self.assert_serves(server)

    def test_more_than_it_hears_at_one_time(self):
        server = self.server()
        held = [self.connect(server) for _ in range(8)]
        self.refused("show", "subscriptions", "--control", self.path_of(server),
                     says="too many others ask at this moment")
        self.assert_serves(server)
        held.pop().close()
        while self.asked("show", "subscriptions")[0] != 0:
            pass  # it hears of the end in its own time
        self.assertEqual(server.stop(signal.SIGTERM)[0], 0)


class Decisions(ControlTest):
    """vigil allow and its like at a server that runs."""

    def setUp(self):
        super().setUp()
        self.rules = os.path.join(self.folder, "rules")
        os.mkdir(self.rules)
        self.file = os.path.join(self.rules, "alice@localhost.xml")

    def started(self, *arguments):
        started = Server("--rules", self.rules, *arguments, environment=self.where)
        self.addCleanup(started.__exit__)
        return started

    def test_every_decision_acts_at_once(self):
        """R5025-3.2.1-2 R5025-3.2.1-3 R5025-3.2.1-4 R5025-3.2.1-5: as the presentity decides."""
        server = self.started("--notify-interval", "0")
        at = server.at("udp")
        with Program("publish", ALICE, "--status", "open", *AS_ALICE, *at) as alice:
            alice.line_with("etag")
            with Program("watch", ALICE, "--json", *AS_BOB, *at) as bob:
                bob.object_with(event="subscription", state="pending")
                code, out, err = self.asked("allow", ALICE, BOB)
                self.assertEqual((code, err), (0, ""))
                self.assertIn(self.file, out)
                bob.object_with(event="presence", basic="open")
                self.assertEqual(self.asked("polite-block", ALICE, BOB)[0], 0)
                bob.object_with(event="presence", basic="closed")
                # Everybody else is asked about: as the policy had it before there were rules.
                self.assertEqual(self.asked("confirm", ALICE, BOB)[0], 0)
                bob.object_with(event="subscription", state="pending")
                self.assertEqual(self.asked("block", ALICE, BOB)[0], 0)
                bob.object_with(event="subscription", state="terminated", reason="rejected")
        code, _, err = run("watch", ALICE, "--once", *AS_BOB, *at)
        self.assertEqual(code, 1)
        self.assertIn("403", err)

    def test_a_file_that_is_no_good(self):
        server = self.started()
        self.assertEqual(self.asked("allow", ALICE, BOB)[0], 0)
        server.error_with("rules of alice@localhost changed")
        with open(self.file, "a") as file:
            file.write("<")
        line = server.error_with(self.file + ":")
        self.assertIn("stays in force", line)
        shown, decision = self.objects("explain", BOB, ALICE)[:2]
        self.assertEqual(shown["rules_file"], self.file)
        self.assertIn(self.file + ":", shown["rules_error"])
        self.assertEqual(decision["state"], "active")
        self.assertIn("vigil-allow", decision["because"])
        self.assertIn("not in force:", self.asked("explain", BOB, ALICE)[1])
        # What is no document is not edited either.
        self.refused("allow", ALICE, "sip:carol@localhost", says=self.file)
        os.remove(self.file)
        server.error_with("rules of alice@localhost changed")
        self.assertEqual(self.objects("explain", BOB, ALICE)[1]["because"], "policy confirm")

    def test_default_and_reload(self):
        server = self.started()
        with open(os.path.join(self.rules, "default.xml"), "w") as file:
            file.write('<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>')
        server.error_with("default rules changed")
        self.assertEqual(self.objects("explain", BOB, ALICE)[1]["status"], 403)
        server.process.send_signal(signal.SIGHUP)
        server.error_with("SIGHUP: configuration read")

    def test_where_rules_are(self):
        plain = self.server()
        self.refused("allow", ALICE, BOB, says="has no rules")
        plain.stop(signal.SIGTERM)
        self.refused("allow", ALICE, BOB, says="--rules DIR")
        self.refused("allow", ALICE, ALICE, "--rules", self.rules, says="themself", code=2)
        self.refused("allow", "alice", BOB, "--rules", self.rules, says="no address", code=2)
        code, out, _ = self.asked("block", ALICE, BOB, "--rules", self.rules, "--others", "allow",
                                  "--json")
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(out)["decision"], "block")
        self.assertEqual(self.asked("rules", "check", self.file)[0], 0)
        code, out, _ = self.asked("rules", "test", self.file, "--as", "sip:carol@localhost",
                                  "--json")
        self.assertEqual((code, json.loads(out)["decision"]), (0, "allow"))


if __name__ == "__main__":
    program_test.VIGIL = sys.argv[1]
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
