"""A running server and what goes wrong around it: `faults_test.py build/vigil`.

Descriptors run out, an address goes, peers do not read, send rubbish or come by the thousand, and
signals come in the middle of it. Each time: the server lives, others are served, a counter or a
line says what happened, and afterwards it works as before. On loopback and ports that are free.
"""

import os
import random
import re
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import program_test
from program_test import ALICE, AS_ALICE, AS_BOB, PATIENCE_S, USERS, Program, Server, run

OPEN = ["--policy", "allow", "--notify-interval", "0"]
TRUSTING = [*OPEN, "--auth", "none"]


def endpoint(server, transport="udp"):
    host, port = server.at(transport)[1].split(":", 1)[1].rsplit(":", 1)
    return host, int(port)


class Phone:
    """Writes requests, each in a dialog and a transaction of its own."""

    def __init__(self, name, transport, local):
        self.name, self.transport, self.local = name, transport, "%s:%d" % local
        self.number = 0

    def request(self, method, to="alice", fields="", body=""):
        self.number += 1
        key = f"{self.name}-{self.number}-{method}"
        contact = f"{self.local};transport={self.transport.lower()}"
        return (f"{method} sip:{to}@localhost SIP/2.0\r\n"
                f"Via: SIP/2.0/{self.transport} {self.local};rport;branch=z9hG4bK{key}\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:{self.name}@localhost>;tag=t{key}\r\n"
                f"To: <sip:{to}@localhost>\r\nCall-ID: {key}\r\nCSeq: 1 {method}\r\n"
                f"Contact: <sip:{self.name}@{contact}>\r\n{fields}"
                f"Content-Length: {len(body)}\r\n\r\n{body}").encode()

    def subscribe(self, to="alice", expires=600):
        return self.request("SUBSCRIBE", to, f"Event: presence\r\nExpires: {expires}\r\n")

    def publish(self, note):
        body = ("<presence xmlns='urn:ietf:params:xml:ns:pidf' "
                f"entity='sip:{self.name}@localhost'><tuple id='t'><status><basic>open</basic>"
                f"</status></tuple><note>{note}</note></presence>")
        return self.request("PUBLISH", self.name, "Event: presence\r\nExpires: 600\r\n"
                            "Content-Type: application/pidf+xml\r\n", body)


def field(message, name):
    found = re.search(rb"\r\n" + name + rb": ([^\r]*)", message)
    return found[1].decode() if found else ""


def ok_to(request, more=b""):
    kept = re.findall(rb"\r\n((?:Via|From|To|Call-ID|CSeq): [^\r]*)", request)
    return b"SIP/2.0 200 OK\r\n" + b"\r\n".join(kept) + b"\r\n" + more + \
        b"Content-Length: 0\r\n\r\n"


class Udp:
    """A datagram peer: says 200 to every request, keeps all that came."""

    def __init__(self, server, name, host="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((host, 0))
        self.socket.connect(endpoint(server))
        self.phone = Phone(name, "UDP", self.socket.getsockname())
        self.came = []

    def send(self, message):
        self.socket.send(message)

    def take(self, wait_s):
        """What came, at least one message unless `wait_s` is over."""
        messages = []
        try:
            while select.select([self.socket], [], [], 0 if messages else wait_s)[0]:
                messages.append(self.socket.recv(65536))
                if not messages[-1].startswith(b"SIP/2.0"):
                    self.socket.send(ok_to(messages[-1]))
        except ConnectionRefusedError:
            pass  # the server is gone
        self.came += messages
        return messages

    def close(self):
        self.socket.close()


class Tcp:
    """The same by stream."""

    def __init__(self, server, name, host="127.0.0.1", receive_buffer=0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.bind((host, 0))
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(endpoint(server, "tcp"))
        self.phone = Phone(name, "TCP", self.socket.getsockname())
        self.came, self.rest, self.ended = [], b"", False

    def send(self, message):
        try:
            self.socket.sendall(message)
        except OSError:
            self.ended = True

    def take(self, wait_s):
        messages = []
        while not self.ended and select.select([self.socket], [], [],
                                               0 if messages else wait_s)[0]:
            try:
                got = self.socket.recv(1 << 20)
            except OSError:
                got = b""
            self.ended = not got
            self.rest += got
            while (end := self.rest.find(b"\r\n\r\n")) >= 0:
                size = end + 4 + int(field(self.rest[:end + 2], b"Content-Length") or 0)
                if len(self.rest) < size:
                    break
                message, self.rest = self.rest[:size], self.rest[size:]
                messages.append(message)
                if not message.startswith((b"SIP/2.0", b"\r\n")):
                    self.send(ok_to(message))
        self.came += messages
        return messages

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()


def statuses(peer, method):
    """Status by Call-ID of what was answered to requests of that method."""
    return {field(each, b"Call-ID"): int(each[8:11]) for each in peer.came
            if each.startswith(b"SIP/2.0 ") and field(each, b"CSeq").endswith(method)}


class Faults(unittest.TestCase):
    def memory_kb(self, server):
        with open(f"/proc/{server.process.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])

    def counters(self, server):
        """What the server says about itself when asked."""
        server.process.send_signal(signal.SIGUSR1)
        text = server.error_with("now: ")
        run("parse", text=b"")  # a moment, in which the other lines are written
        text += ", " + server.error_with("counted: ").split("counted: ")[1]
        while not server.errors.empty():
            if "counted: " in (line := server.line(server.errors)):
                text += ", " + line.split("counted: ")[1]
        return {name: int(value) for name, value in re.findall(r"(\w+) (\d+)(?:,|$)", text)}

    def serves(self, server, transport, host="127.0.0.1"):
        """OPTIONS by a newcomer is answered 200."""
        peer = (Udp if transport == "udp" else Tcp)(server, "honest", host)
        peer.send(peer.phone.request("OPTIONS"))
        end = time.monotonic() + PATIENCE_S
        while not any(each.startswith(b"SIP/2.0 200") for each in peer.came):
            self.assertLess(time.monotonic(), end, f"no answer by {transport}")
            peer.take(1)
        peer.close()

    def works_as_before(self, server, as_bob=AS_BOB, as_alice=AS_ALICE):
        note = f"note {time.monotonic()}"
        for publisher, watcher in (("udp", "tcp"), ("tcp", "udp")):
            code, out, err = run("publish", ALICE, "--status", "open", "--note", note, "--once",
                                 *as_alice, *server.at(publisher))
            self.assertEqual(code, 0, err)
            code, shown, err = run("watch", ALICE, "--once", *as_bob, *server.at(watcher))
            self.assertEqual(code, 0, err)
            self.assertIn(note, shown)
            code, _, err = run("publish", ALICE, "--remove", out.split()[1], *as_alice,
                               *server.at(publisher))
            self.assertEqual(code, 0, err)
        self.assertIsNone(server.process.poll())


class Resources(Faults):
    def test_few_descriptors(self):
        """T-34: as many connections as there are descriptors for, and UDP goes on."""
        limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80))
        with Server(*OPEN, before=limit) as server:
            crowd = [Tcp(server, f"c{i}") for i in range(60)]
            server.error_with("accept_pauses")
            self.serves(server, "udp")
            found = self.counters(server)
            self.assertLess(found["connections"], 60)
            self.assertGreater(found["connections"], 5)
            # The user file and the like can still be opened.
            server.process.send_signal(signal.SIGHUP)
            server.error_with("SIGHUP: configuration read")
            for peer in crowd:
                peer.close()
            self.works_as_before(server)
            self.assertEqual(server.stop(signal.SIGTERM)[0], 0)

    def test_no_descriptor(self):
        """T-34: not one descriptor is left: TCP waits, UDP goes on, and then TCP is served."""
        with Server(*OPEN) as server:
            pid = server.process.pid
            before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            lowest = len(os.listdir(f"/proc/{pid}/fd"))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest, before[1]))
            crowd = [Tcp(server, f"c{i}") for i in range(20)]
            for peer in crowd:
                peer.send(peer.phone.request("OPTIONS"))
            server.error_with("accept_errors")
            for _ in range(3):
                self.serves(server, "udp")
            self.assertEqual(self.counters(server)["connections"], 0)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
            for peer in crowd:
                self.assertTrue(peer.take(PATIENCE_S)[0].startswith(b"SIP/2.0 200"))
                peer.close()
            self.works_as_before(server)

    def test_log_that_nobody_reads(self):
        """T-36: standard error is a pipe that is full, and the server goes on."""
        read, write = os.pipe()
        server = subprocess.Popen(
            [program_test.VIGIL, "serve", *program_test.LISTEN, *USERS, *OPEN, "--log", "debug"],
            stdout=subprocess.PIPE, stderr=write)
        try:
            os.close(write)
            names = server.stdout.readline().decode().split()[1:]
            at = type("At", (), {"at": staticmethod(
                lambda kind: ["--server", next(n for n in names if n.startswith(kind))])})
            for _ in range(600):
                peer = Udp(at, "loud")
                peer.send(peer.phone.request("OPTIONS"))
                self.assertTrue(peer.take(PATIENCE_S))
                peer.close()
            server.send_signal(signal.SIGTERM)
            self.assertEqual(server.wait(PATIENCE_S), 0)
        finally:
            server.kill()
            server.wait()
            server.stdout.close()
            os.close(read)


class Peers(Faults):
    def test_peer_that_never_reads(self):
        """T-17: what waits for it is bounded; then its connection is reset, and no other."""
        with Server(*OPEN) as server:
            other = Tcp(server, "other")
            deaf = Tcp(server, "deaf", receive_buffer=4096)
            before = self.memory_kb(server)
            deaf.socket.settimeout(0.2)
            flood = b"".join(deaf.phone.request("MESSAGE") for _ in range(500))
            sent = 0
            while not deaf.ended and sent < 200 << 20:
                try:
                    sent += deaf.socket.send(flood)
                except TimeoutError:
                    pass
                except OSError:
                    deaf.ended = True
            self.assertTrue(deaf.ended)
            self.assertEqual(self.counters(server)["write_overflows"], 1)
            self.assertLess(self.memory_kb(server) - before, 64 << 10)
            other.send(other.phone.request("OPTIONS"))
            self.assertTrue(other.take(PATIENCE_S)[0].startswith(b"SIP/2.0 200"))
            other.close()
            deaf.close()
            self.works_as_before(server)

    def test_one_address_is_held_to_its_connections(self):
        """T-17: connections of one address are bounded, another address is served."""
        with Server(*OPEN, "--limit-exempt", "none") as server:
            crowd = []
            for i in range(300):
                try:
                    crowd.append(Tcp(server, f"c{i}", "127.0.0.9"))
                except ConnectionResetError:
                    pass
            server.error_with("limit_flows_per_address")
            self.serves(server, "tcp", "127.0.0.10")
            self.serves(server, "udp", "127.0.0.9")
            found = self.counters(server)
            self.assertEqual((found["connections"], found["connections_refused"]), (256, 44))
            for peer in crowd:
                peer.reset()
            self.serves(server, "tcp", "127.0.0.9")
            self.works_as_before(server)

    def test_thousands_of_addresses(self):
        """T-10 T-16: each is asked who it is, and nothing is kept of any."""
        with Server(*OPEN) as server:
            def crowd(first):
                for i in range(first, first + 2000):
                    peer = Udp(server, "stranger", f"127.1.{i // 250}.{i % 250 + 1}")
                    peer.send(peer.phone.subscribe())
                    answer = peer.take(PATIENCE_S)
                    self.assertTrue(answer and answer[0].startswith(b"SIP/2.0 401"), answer)
                    peer.close()
            crowd(0)
            before = self.counters(server)
            resident = self.memory_kb(server)
            crowd(2000)
            after = self.counters(server)
            self.assertEqual(after["subscriptions"], 0)
            self.assertEqual(after["memory_bytes"], before["memory_bytes"])
            # A sanitizer has memory of its own, which grows with what was freed.
            most = 16 << 10 if "ASAN_OPTIONS" in os.environ else 1 << 10
            self.assertLess(self.memory_kb(server) - resident, most)
            self.works_as_before(server)

    def test_garbage(self):
        """T-1 T-24 T-38: rubbish by both transports; no line of log for each of them."""
        chance = random.Random(7)
        with Server(*OPEN) as server:
            udp = Udp(server, "noise")
            good = udp.phone.subscribe()
            for i in range(4000):
                text = bytearray(good if i % 2 else chance.randbytes(chance.randrange(1500)))
                for _ in range(chance.randrange(1, 8)):
                    if text:
                        text[chance.randrange(len(text))] = chance.randrange(256)
                udp.send(bytes(text))
                if i % 50 == 0:
                    udp.take(0)
            for i in range(200):
                peer = Tcp(server, f"n{i}")
                text = peer.phone.subscribe()
                peer.send((chance.randbytes(300), text[:chance.randrange(len(text))],
                           b"\r\n" * chance.randrange(1, 2000), text[:-4] + b"x" * 300)[i % 4])
                if i % 3:
                    peer.reset()
                else:
                    peer.close()
            self.works_as_before(server)
            found = self.counters(server)
            self.assertGreater(found["malformed_requests"], 100)
            self.assertEqual(found["subscriptions"], 0)
            udp.close()
            self.works_as_before(server)
            _, _, err = server.stop(signal.SIGTERM)
            self.assertLess(err.count("\n"), 300)

    def test_keep_alives(self):
        """T-38: a flood of them is answered within bounds, and none by UDP."""
        # A sanitizer that holds back what was freed would hide what is taken.
        held = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}
        with Server(*OPEN, environment=held) as server:
            udp, tcp = Udp(server, "u"), Tcp(server, "t")
            before = self.memory_kb(server)
            for _ in range(1000):
                udp.send(b"\r\n\r\n")
            self.assertEqual(udp.take(0.1), [])
            # Who reads gets every answer.
            for _ in range(50):
                tcp.send(b"\r\n\r\n" * 1000)
                got = 0
                while got < 2000:
                    got += len(tcp.socket.recv(2000 - got))
            self.assertEqual(self.counters(server)["keepalive_pings"], 50_000)
            # Who does not is cut off before much waits for him.
            crowd = [Tcp(server, f"c{i}", receive_buffer=4096) for i in range(20)]
            for peer in crowd:
                while not peer.ended:
                    peer.send(b"\r\n\r\n" * 10_000)
                peer.close()
            counters = self.counters(server)
            self.assertEqual(counters["write_overflows"], 20)
            self.assertNotIn("limit_memory", counters)
            self.assertLess(self.memory_kb(server) - before, 32 << 10)
            udp.close()
            tcp.close()
            self.works_as_before(server)

    def test_storm_of_connections(self):
        """T-17: connections that come and go, some in the middle of a message, leave nothing."""
        with Server(*OPEN) as server:
            for i in range(1500):
                peer = Tcp(server, f"s{i}")
                if i % 3 == 1:
                    peer.send(peer.phone.subscribe())
                elif i % 3 == 2:
                    peer.send(peer.phone.subscribe()[:200])
                if i % 2:
                    peer.reset()
                else:
                    peer.close()
            self.works_as_before(server)
            end = time.monotonic() + PATIENCE_S
            while self.counters(server)["connections"] > 0:
                self.assertLess(time.monotonic(), end)


class Address(Faults):
    def test_listeners_address_goes(self):
        """What was bound to it is told once and given up; the other listeners go on."""
        if os.environ.get("VIGIL_OWN_NETWORK") != "yes":
            inside = ["unshare", "--net", "--map-root-user"]
            if not (shutil.which("unshare") and shutil.which("ip")) or \
                    subprocess.run([*inside, "true"], capture_output=True).returncode != 0:
                self.skipTest("no network namespace of our own to be had here")
            done = subprocess.run(
                [*inside, sys.executable, __file__, program_test.VIGIL,
                 "Address.test_listeners_address_goes"], capture_output=True, timeout=60,
                env={**os.environ, "VIGIL_OWN_NETWORK": "yes"})
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            return
        for command in ("link set lo up", "addr add 192.0.2.7/32 dev lo"):
            subprocess.run(["ip", *command.split()], check=True)
        going = [f"{kind}:192.0.2.7:5060" for kind in ("udp", "tcp")]
        staying = [f"{kind}:127.0.0.1:5060" for kind in ("udp", "tcp")]
        listen = [word for name in (*going, *staying) for word in ("--listen", name)]
        with Server(*OPEN, listen=listen) as server:
            self.assertEqual(server.names, [*going, *staying])
            server.names = going
            with Program("watch", ALICE, "--json", *AS_BOB, *server.at("udp")) as watch:
                watch.object_with(event="presence", basic="closed")
                subprocess.run(["ip", "addr", "del", "192.0.2.7/32", "dev", "lo"], check=True)
                server.names = staying
                # Its watcher would have been told of this.
                self.works_as_before(server)
                self.assertIn("send_refused", server.error_with("lost: "))
                self.works_as_before(server)
                subprocess.run(["ip", "addr", "add", "192.0.2.7/32", "dev", "lo"], check=True)
                server.names = going
                self.works_as_before(server)
            _, _, err = server.stop(signal.SIGTERM)
            self.assertLessEqual(err.count("lost: "), 1)  # again after ten seconds at most


class Storm:
    """Subscribers and publishers by both transports, each asking anew as soon as it is answered."""

    def __init__(self, server):
        kinds = (Udp, Tcp)
        self.watchers = [kinds[i % 2](server, f"w{i}") for i in range(8)]
        self.publishers = [kinds[i % 2](server, f"p{i}") for i in range(4)]
        self.peers = self.watchers + self.publishers
        self.asked = {peer: 0 for peer in self.peers}
        self.noted = {peer: "" for peer in self.publishers}
        self.told = {peer: {} for peer in self.watchers}
        for peer in self.peers:
            self.ask(peer)

    def ask(self, peer):
        self.asked[peer] += 1
        number = self.asked[peer]
        if peer in self.noted:
            peer.send(peer.phone.publish(f"note-{number}."))
        # Subscriptions add up; what the last NOTIFYs of all fit into is one socket's buffer.
        elif number <= (200 if isinstance(peer, Tcp) else 40):
            peer.send(peer.phone.subscribe(f"p{number % 4}"))

    def turn(self, wait_s=0.02):
        """True: something came."""
        ready = select.select([p.socket for p in self.peers if not getattr(p, "ended", False)],
                              [], [], wait_s)[0]
        for peer in self.peers:
            if peer.socket not in ready:
                continue
            for message in peer.take(0):
                if message.startswith(b"SIP/2.0 "):
                    self.ask(peer)
        return bool(ready)

    def for_a_while(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.turn()

    def until_it_blows(self):
        """However slow the machine is, enough has been asked for something to be in full swing."""
        end = time.monotonic() + PATIENCE_S
        while sum(self.asked[peer] for peer in self.watchers) < 250 and time.monotonic() < end:
            self.turn()

    def close(self):
        for peer in self.peers:
            peer.close()


class Signals(Faults):
    def check_accounts(self, storm, log):
        """T-39: who was told 200 was told the end as well; what was taken was shown."""
        taken = 0
        # A machine may be too slow for all to answer in time; the server knows of each of those.
        silent = re.search(r"(\d+) watchers have not answered", log)
        untold = int(silent[1]) if silent else 0
        for peer in storm.watchers:
            accepted = {call for call, status in statuses(peer, "SUBSCRIBE").items()
                        if status == 200}
            ended = {field(each, b"Call-ID") for each in peer.came
                     if each.startswith(b"NOTIFY") and
                     field(each, b"Subscription-State").startswith("terminated")}
            untold -= len(accepted - ended)
            taken += len(accepted)
        self.assertGreaterEqual(untold, 0)
        self.assertGreater(taken, 100)
        shown = b"".join(each for peer in storm.watchers for each in peer.came
                         if each.startswith(b"NOTIFY"))
        for peer in storm.publishers:
            published = [status for status in statuses(peer, "PUBLISH").values() if status == 200]
            self.assertGreater(len(published), 0)
            # Publications add up to 16: each that was taken is among what is shown at the end.
            name = peer.phone.name.encode()
            for number in range(1, len(published) + 1):
                self.assertRegex(shown, rb"(?s)entity=\"sip:" + name + rb"@localhost\".*note-%d\."
                                 % number)

    def test_stop_under_load(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Server(*TRUSTING, users=[]) as server:
                storm = Storm(server)
                storm.for_a_while(0.5)
                storm.until_it_blows()
                asked = time.monotonic()
                server.process.send_signal(number)
                while server.process.poll() is None:
                    storm.turn()
                    self.assertLess(time.monotonic() - asked, PATIENCE_S)
                self.assertLess(time.monotonic() - asked, 8)
                while storm.turn(0.1):
                    pass
                code, _, log = server.end()
                self.assertEqual(code, 0)
                self.check_accounts(storm, log)
                storm.close()

    def test_second_signal_waits_for_nobody(self):
        lasted = []
        for number in (1, 2):
            with Server(*TRUSTING, users=[]) as server:
                silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                silent.bind(("127.0.0.1", 0))
                silent.sendto(Phone("silent", "UDP", silent.getsockname()).subscribe(),
                              endpoint(server))
                silent.recv(65536)
                asked = time.monotonic()
                server.process.send_signal(signal.SIGTERM)
                server.error_with("stopping, 1 subscriptions")
                if number == 2:
                    server.process.send_signal(signal.SIGTERM)
                self.assertEqual(server.end()[0], 0)
                lasted.append(time.monotonic() - asked)
                silent.close()
        self.assertLess(lasted[1], lasted[0])

    def test_reload_and_counters_under_load(self):
        with Server(*TRUSTING, users=[]) as server:
            storm = Storm(server)
            for _ in range(10):
                server.process.send_signal(signal.SIGHUP)
                server.process.send_signal(signal.SIGUSR1)
                storm.for_a_while(0.05)
            for _ in range(3):
                server.error_with("SIGHUP: configuration read")
            storm.until_it_blows()
            server.process.send_signal(signal.SIGTERM)
            while server.process.poll() is None:
                storm.turn()
            while storm.turn(0.1):
                pass
            code, _, log = server.end()
            self.assertEqual(code, 0)
            self.check_accounts(storm, log)
            storm.close()

    def start_up(self, *signals):
        """A server that gets signals while it reads its users, and then the users."""
        with tempfile.TemporaryDirectory() as folder:
            fifo, users = os.path.join(folder, "users"), os.path.join(folder, "real")
            code, _, err = run("user", "add", "alice@localhost", "--users", users,
                               text=b"wonderland\n")
            self.assertEqual(code, 0, err)
            os.mkfifo(fifo, 0o600)
            with Program("serve", *program_test.LISTEN, "--users", fifo, *OPEN) as server:
                with open(fifo, "wb") as pipe:  # waits until the server reads
                    with open(users, "rb") as file:
                        text = file.read()
                    os.rename(users, fifo)  # for a reload
                    for number in signals:
                        server.process.send_signal(number)
                    pipe.write(text)
                yield server

    def test_stop_while_starting(self):
        """T-39: it starts, and stops as it would at any other time."""
        for number in (signal.SIGTERM, signal.SIGINT):
            for server in self.start_up(number):
                code, out, err = server.end()
                self.assertEqual(code, 0, err)
                self.assertTrue(out.startswith("ready "))
                self.assertIn("stopping, 0 subscriptions", err)

    def test_reload_while_starting(self):
        for server in self.start_up(signal.SIGHUP, signal.SIGUSR1):
            server.line_with("ready ")
            server.error_with("SIGHUP: configuration read, 1 users")
            self.assertEqual(server.stop(signal.SIGTERM)[0], 0)


if __name__ == "__main__":
    program_test.VIGIL = os.path.abspath(sys.argv.pop(1))
    unittest.main()
