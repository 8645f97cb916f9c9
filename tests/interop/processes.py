"""What scenarios start, on loopback and on free ports, and end again by its pid."""

import json
import os
import queue
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

PATIENCE_S = 20
STOP_S = 5
THROWAWAY_CA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                            "support", "throwaway_ca")


class Skipped(Exception):
    """This machine lacks what the scenario needs; says what."""


def wait_for(what, probe):
    """Asks `probe` until it gives something; fails after a while."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := probe():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {PATIENCE_S} s in vain for {what}")


def equal(what, found, wanted):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r} instead of {wanted!r}")


class Ports:
    """Ports for programs that cannot pick one themselves: free for udp and tcp, each given once.

    They lie below those that the system gives to whoever asks for any, so that nobody is given one
    between the look at it and its use.
    """

    given = set()
    lock = threading.Lock()

    @classmethod
    def take(cls, host):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with cls.lock:
            for _ in range(1000):
                port = random.randrange(20000, 32000)
                if port not in cls.given and cls.is_free(family, host, port):
                    cls.given.add(port)
                    return port
        raise AssertionError(f"no free port on {host}")

    @staticmethod
    def is_free(family, host, port):
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(family, kind) as probe:
                    probe.bind((host, port))
            return True
        except OSError:
            return False


def free_port(host="127.0.0.1"):
    return Ports.take(host)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def listens(transport, port):
    """Whether somebody on 127.0.0.1 has that port; nothing is sent to find out."""
    wanted = f"0100007F:{port:04X}"
    with open(f"/proc/net/{transport}", encoding="ascii") as table:
        for line in table.readlines()[1:]:
            fields = line.split()
            if fields[1] == wanted and (transport == "udp" or fields[3] == "0A"):
                return True
    return False


class Process:
    """A started program: its output as lines, and as text for the report of a failure."""

    def __init__(self, command, folder, name):
        self.errors = os.path.join(folder, name + ".err")
        with open(self.errors, "wb") as errors:
            # A group of its own, so that what it has started can be ended with it.
            self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=errors,
                                            start_new_session=True)
        self.name, self.text = name, ""
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            text = line.decode(errors="replace")
            self.text += text
            self.lines.put(text.rstrip("\n"))
        self.lines.put(None)

    def line(self):
        """The next line; None when there is no more."""
        try:
            return self.lines.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise AssertionError(f"{self.name} said nothing for {PATIENCE_S} s") from None

    def object_with(self, **wanted):
        """The next JSON line that has these fields; what stands between is passed over."""
        seen = []
        while (line := self.line()) is not None:
            found = json.loads(line)
            if all(found.get(name) == value for name, value in wanted.items()):
                return found
            seen.append(line)
        raise AssertionError(f"{self.name} never showed {wanted}, but {seen}")

    def ended(self):
        """Waits for the end: its exit code."""
        try:
            code = self.process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end in {PATIENCE_S} s") from None
        self.reader.join(timeout=PATIENCE_S)
        return code

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.ended()

    def is_running(self):
        return self.process.poll() is None

    def end(self):
        if self.is_running():
            self.process.terminate()
            try:
                self.process.wait(timeout=STOP_S)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.reader.join(timeout=STOP_S)
        self.process.stdout.close()

    def told(self):
        with open(self.errors, encoding="utf-8", errors="replace") as errors:
            return self.text + errors.read()


class World:
    """One scenario: a folder of its own and everything that it started."""

    users = {"alice": "wonderland", "bob": "builder"}

    def __init__(self, vigil):
        self.vigil, self.started = vigil, []
        self.folder = tempfile.mkdtemp(prefix="vigil-interop-")
        self.domain, self.host, self.listeners, self.server = "localhost", "127.0.0.1", {}, None
        self.closed = False

    def path(self, name):
        return os.path.join(self.folder, name)

    def uri(self, user):
        return f"sip:{user}@{self.domain}"

    def start(self, name, *command):
        if self.closed:
            raise AssertionError("out of time")
        started = Process(command, self.folder, name)
        self.started.append(started)
        return started

    def run(self, name, *command):
        """Runs to the end, which has to be exit code 0: what it wrote to standard output."""
        started = self.start(name, *command)
        code = started.ended()
        if code != 0:
            raise AssertionError(f"{name}: exit code {code}: {started.told()[-2000:]}")
        return started.text

    def tls(self):
        """The options of a server with a certificate for localhost of an authority made here."""
        subprocess.run([THROWAWAY_CA, self.path("ca"), "localhost"], check=True)
        return ["--listen", f"tls:{self.host}:0", "--cert", self.path("ca/localhost.pem"), "--key",
                self.path("ca/localhost.key")]

    def serve(self, *options, domain="localhost", port=0, digest=True):
        """A server; `listeners` then holds "udp:HOST:PORT" and "tcp:HOST:PORT"."""
        self.domain = domain
        users = [part for user, password in self.users.items()
                 for part in ("--user", f"{user}:{password}")] if digest else ["--auth", "none"]
        self.server = self.start(
            "serve", self.vigil, "serve", "--listen", f"udp:{self.host}:{port}", "--listen",
            f"tcp:{self.host}:{port}", "--domain", domain, *users, "--policy", "allow",
            # What is granted is what was asked for: scenarios look at the number.
            "--expires-jitter", "0", "--notify-interval", "0", *options)
        ready = self.server.line()
        if ready is None or not ready.startswith("ready "):
            raise AssertionError(f"the server did not start: {self.server.told()}")
        self.listeners = {name[:3]: name for name in ready.split()[1:]}

    def kill_server(self):
        """The server is gone without a word to anybody: the port that it had."""
        port = self.port()
        self.server.stop(signal.SIGKILL)
        return port

    def port(self, transport="udp"):
        return int(self.listeners[transport].rsplit(":", 1)[1])

    def client(self, transport, user):
        trust = ["--ca", self.path("ca/ca.pem")] if transport == "tls" else []
        return ["--server", self.listeners[transport], "--as", self.uri(user), "--password",
                self.users[user], "--json", *trust]

    def watch(self, presentity, watcher, transport="udp"):
        """`vigil watch`, after it has shown that nothing is there yet."""
        started = self.start("watch", self.vigil, "watch", self.uri(presentity), "--raw",
                             *self.client(transport, watcher))
        started.object_with(event="subscription", state="active")
        equal("the first state", started.object_with(event="presence")["basic"], "closed")
        return started

    def publish_once(self, user, *what, transport="udp"):
        """`vigil publish --once`: the entity-tag."""
        text = self.run("publish", self.vigil, "publish", self.uri(user), *what, "--once",
                        *self.client(transport, user))
        return json.loads(text.splitlines()[-1])["etag"]

    def stop_server(self):
        """The server ends cleanly, and was alive until then."""
        if not self.server.is_running():
            raise AssertionError("the server has ended: " + self.server.told()[-2000:])
        equal("exit code of the server", self.server.stop(signal.SIGTERM), 0)

    def close(self):
        self.closed = True
        for started in reversed(self.started):
            started.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def report(self):
        return "\n".join(f"--- {each.name}\n{each.told()[-4000:]}" for each in self.started)
