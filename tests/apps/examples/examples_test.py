"""The examples against `vigil serve` and against each other.

`examples_test.py build/vigil build/apps/examples apps/examples`: everything runs on ports that are
free on loopback. Nothing is waited for by time alone: each step waits for a line, or for the end of
a process, for so long at most.
"""

import os
import queue
import signal
import subprocess
import sys
import threading
import unittest

VIGIL = PROGRAMS = SOURCES = ""
PATIENCE_S = 30
LINES_BELOW = 80
EXAMPLES = ["custom_package", "edge_presence_agent", "publish", "watch", "watch_by_poll"]
ALICE, BOB = "sip:alice@localhost", "sip:bob@localhost"


class Program:
    """A running program whose lines are read as they come."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.decode().rstrip("\n"))
        self.lines.put(None)

    def line_with(self, part):
        seen = []
        while (line := self.lines.get(timeout=PATIENCE_S)) is not None:
            seen.append(line)
            if part in line:
                return line
        raise AssertionError(f"no line with {part!r} came, but {seen}")

    def ready(self, transport):
        names = self.line_with("ready ").split()
        return next(name for name in names if name.startswith(transport))

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def stop(self, number=signal.SIGINT):
        """Its exit code, and the lines that nobody has read."""
        self.process.send_signal(number)
        return self.end()

    def end(self):
        code = self.process.wait(timeout=PATIENCE_S)
        rest = []
        while (line := self.lines.get(timeout=PATIENCE_S)) is not None:
            rest.append(line)
        return code, rest

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.reader.join(timeout=PATIENCE_S)
        self.process.stdout.close()


def example(name, *arguments):
    return Program(os.path.join(PROGRAMS, name), *arguments)


def serve(*options):
    return Program(VIGIL, "serve", "--listen", "udp:127.0.0.1:0", "--listen", "tcp:127.0.0.1:0",
                   "--user", "alice:wonderland", "--user", "bob:builder", "--policy", "allow",
                   "--notify-interval", "0", "--log", "error", *options)


class Examples(unittest.TestCase):
    def test_each_is_short(self):
        sources = sorted(name for name in os.listdir(SOURCES) if name.endswith(".cpp"))
        self.assertEqual(sources, [name + ".cpp" for name in EXAMPLES])
        for name in [*sources, "udp_edge.hpp"]:
            with open(os.path.join(SOURCES, name), encoding="utf-8") as source:
                self.assertLess(len(source.readlines()), LINES_BELOW, name)

    def test_wrong_usage_is_exit_code_2(self):
        for name in EXAMPLES:
            with example(name, "x") as program:
                self.assertEqual(program.end()[0], 2, name)

    def watch_and_publish(self, server):
        with example("watch", server, ALICE, BOB, "builder") as watch:
            watch.line_with("active ")
            watch.line_with("<basic>closed</basic>")
            with example("publish", server, ALICE, "wonderland", "open", "Soup & <bread>") as alice:
                self.assertRegex(alice.line_with("200 "), "^200 [0-9a-f]{24}$")
                watch.line_with("<basic>open</basic>")
                watch.line_with("<note>Soup &amp; &lt;bread&gt;</note>")
                self.assertEqual(alice.stop()[0], 0)
            watch.line_with("<basic>closed</basic>")
            code, rest = watch.stop()
            self.assertEqual(code, 0)
            self.assertTrue(any(line.startswith("terminated ") for line in rest), rest)
            self.assertEqual(rest[-1], "ended 0")

    def test_watch_and_publish_against_the_server_by_udp(self):
        with serve() as server:
            self.watch_and_publish(server.ready("udp"))
            self.assertEqual(server.stop()[0], 0)

    def test_watch_and_publish_against_the_server_by_tcp(self):
        with serve() as server:
            self.watch_and_publish(server.ready("tcp"))
            self.assertEqual(server.stop()[0], 0)

    def test_a_watcher_on_poll_sees_what_is_published(self):
        with serve() as server:
            at = server.ready("udp")
            with example("watch_by_poll", at.rsplit(":", 1)[1], ALICE, BOB, "builder") as watch:
                watch.line_with("active ")
                watch.line_with("<basic>closed</basic>")
                with example("publish", at, ALICE, "wonderland", "open") as alice:
                    watch.line_with("<basic>open</basic>")
                    self.assertEqual(alice.stop()[0], 0)
                watch.line_with("<basic>closed</basic>")
                code, rest = watch.stop()
                self.assertEqual((code, rest[-1]), (0, "ended 0"))
            with example("watch_by_poll", at.rsplit(":", 1)[1], ALICE, BOB, "wrong") as watch:
                self.assertEqual(watch.end(), (1, ["ended 401"]))

    def test_a_wrong_password_ends_both(self):
        with serve() as server:
            at = server.ready("udp")
            with example("watch", at, ALICE, BOB, "wrong") as watch:
                self.assertEqual(watch.end(), (1, ["ended 401"]))
            with example("publish", at, ALICE, "wrong", "open") as publish:
                self.assertEqual(publish.end(), (1, ["401 "]))

    def agent(self, at):
        return example("edge_presence_agent", at.rsplit(":", 1)[1], "alice", "localhost",
                       "wonderland")

    def test_an_agent_on_poll_serves_its_user(self):
        """R3856-7.1-1 R3856-6.11.2-2: watchers are sent to the agent, and see what is typed."""
        with serve() as server, self.agent(at := server.ready("udp")) as agent:
            self.assertEqual(agent.line_with(""), "200")
            with example("watch", at, ALICE, BOB, "builder") as watch:
                watch.line_with("<basic>open</basic>")
                agent.type("Soup & <bread>")
                watch.line_with("<note>Soup &amp; &lt;bread&gt;</note>")
                self.assertEqual(watch.stop()[0], 0)
            self.assertEqual(agent.stop()[0], 0)
            self.assertEqual(server.stop()[0], 0)

    def test_an_agent_that_ends_tells_its_watchers(self):
        """R3856-6.11.2-1: they come back to the server, which knows of nobody there."""
        with serve() as server, self.agent(at := server.ready("udp")) as agent:
            self.assertEqual(agent.line_with(""), "200")
            with example("watch", at, ALICE, BOB, "builder") as watch:
                watch.line_with("<basic>open</basic>")
                self.assertEqual(agent.stop()[0], 0)
                watch.line_with("terminated ")
                watch.line_with("<basic>closed</basic>")

    def test_a_package_of_our_own_is_served(self):
        with example("custom_package", "udp:127.0.0.1:0") as door:
            at = door.ready("udp")
            with example("watch", at, "sip:front@house", BOB, "any", "door", "text/plain") as watch:
                watch.line_with("active 600")
                self.assertEqual(watch.line_with(""), "closed")
                door.process.send_signal(signal.SIGUSR1)
                watch.line_with("active ")
                self.assertEqual(watch.line_with(""), "open")
                self.assertEqual(watch.stop()[0], 0)
            with example("watch", at, "sip:back@house", BOB, "any", "door", "text/plain") as watch:
                self.assertEqual(watch.end(), (1, ["ended 404"]))
            with example("watch", at, "sip:front@house", BOB, "any") as watch:
                self.assertEqual(watch.end(), (1, ["ended 489"]))
            self.assertEqual(door.stop()[0], 0)


if __name__ == "__main__":
    VIGIL, PROGRAMS, SOURCES = sys.argv[1:4]
    unittest.main(argv=sys.argv[:1])
