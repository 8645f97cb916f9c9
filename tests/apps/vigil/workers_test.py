"""A server of several workers is one server to all who see it from outside.

`workers_test.py build/vigil`.
"""

import collections
import hashlib
import json
import os
import re
import select
import signal
import socket
import sys
import tempfile
import unittest

import program_test
from faults_test import OPEN, TRUSTING, Tcp, Udp, endpoint, field, ok_to, statuses
from program_test import LISTEN, PATIENCE_S, Server, run

# So many that each worker has some, but for a chance of one in a million.
PRESENTITIES = [f"p{i}" for i in range(48)]


def counters(server):
    server.process.send_signal(signal.SIGUSR1)
    line = server.error_with("now: subscriptions")
    text = line + server.error_with("counted:")
    found = dict(re.findall(r"([a-z_]+) (\d+)", text))
    return {name: int(value) for name, value in found.items()}


def of_each(server, count):
    """What the workers say of themselves, one after the other."""
    server.process.send_signal(signal.SIGUSR1)
    lines = [server.error_with(f"of worker {i}:") for i in range(count)]
    return [{name: int(value) for name, value in re.findall(r"([a-z_]+) (\d+)",
                                                            line.split(":", 4)[-1])}
            for line in lines]


def until(peers, done):
    """Reads what comes to `peers` until `done()`."""
    for _ in range(PATIENCE_S * 10):
        for peer in peers:
            peer.take(0.02)
        if done():
            return True
    return False


def within_dialog(request, answer, sender, number):
    """`request` once more, in the dialog that `answer` made, from the socket of `sender`."""
    text = request.decode()
    target = re.search(r"<(sip:[^>]*)>", field(answer, b"Contact"))[1]
    text = re.sub(r"^SUBSCRIBE \S+", "SUBSCRIBE " + target, text)
    text = text.replace("branch=z9hG4bK", f"branch=z9hG4bKr{number}")
    text = text.replace("CSeq: 1", f"CSeq: {number}")
    text = re.sub(r"\r\nTo: [^\r]*", "\r\nTo: " + field(answer, b"To"), text)
    return re.sub(r"(Via: SIP/2.0/UDP )[^;]*", r"\g<1>" + sender.phone.local, text).encode()


class Workers(unittest.TestCase):
    def peer(self, kind, *arguments):
        made = kind(*arguments)
        self.addCleanup(made.close)
        return made

    def test_a_dialog_whose_messages_come_from_many_ports(self):
        for workers in ("2", "4"):
            with self.subTest(workers=workers), Server(*TRUSTING, "--workers", workers) as server:
                watcher = self.peer(Udp, server, "watcher")
                others = [self.peer(Udp, server, f"o{i}") for i in range(8)]
                # NOTIFYs are answered, each from another port than it came to.
                watcher.take = lambda wait_s, plain=watcher: self.answer_by(plain, others, wait_s)
                requests = [watcher.phone.subscribe(to) for to in PRESENTITIES]
                for request in requests:
                    watcher.send(request)
                self.assertTrue(until([watcher], lambda: len(
                    statuses(watcher, "SUBSCRIBE")) == len(requests)))
                answers = {field(each, b"Call-ID"): each for each in watcher.came
                           if each.startswith(b"SIP/2.0 200")}
                for number in (2, 3):
                    for i, request in enumerate(requests):
                        sender = others[(i + number) % len(others)]
                        sender.send(within_dialog(request, answers[field(request, b"Call-ID")],
                                                  sender, number))
                    self.assertTrue(until([watcher, *others], lambda n=number: sum(
                        len([1 for each in peer.came if each.startswith(b"SIP/2.0 ") and
                             field(each, b"CSeq") == f"{n} SUBSCRIBE"])
                        for peer in others) == len(requests)))
                refused = [each for peer in others for each in peer.came
                           if each.startswith(b"SIP/2.0 ") and not each.startswith(b"SIP/2.0 200")]
                self.assertEqual(refused, [])
                now = {}
                self.assertTrue(until([watcher, *others], lambda: now.update(
                    counters(server)) or now["client_transactions"] == 0))
                self.assertEqual(now["subscriptions"], len(requests))
                self.assertGreater(now["handed_over"], 0)
                self.assertEqual(now["handed_over"], now["taken_over"])
                self.assertNotIn("transaction_timeouts", now)
                self.assertEqual(server.stop(signal.SIGTERM)[0], 0)

    @staticmethod
    def answer_by(peer, others, wait_s):
        while select.select([peer.socket], [], [], wait_s)[0]:
            message = peer.socket.recv(65536)
            peer.came.append(message)
            if not message.startswith(b"SIP/2.0"):
                others[len(peer.came) % len(others)].send(ok_to(message))
            wait_s = 0
        return []

    def test_one_connection_for_presentities_of_all_workers(self):
        with Server(*TRUSTING, "--workers", "4") as server:
            watcher = self.peer(Tcp, server, "watcher")
            second = self.peer(Tcp, server, "second")
            for to in PRESENTITIES:
                watcher.send(watcher.phone.subscribe(to))
                second.send(second.phone.subscribe(to))
            self.assertTrue(until([watcher, second], lambda: all(
                len(statuses(each, "SUBSCRIBE")) == len(PRESENTITIES)
                for each in (watcher, second))))
            publisher = self.peer(Tcp, server, "publisher")
            for to in PRESENTITIES:
                publisher.phone.name = to
                publisher.send(publisher.phone.publish(f"here is {to}."))
            told = lambda peer: {note for each in peer.came
                                 for note in re.findall(rb"here is (p\d+)\.", each)}
            self.assertTrue(until([watcher, second, publisher], lambda: all(
                len(told(each)) == len(PRESENTITIES) for each in (watcher, second))))
            self.assertEqual(set(statuses(publisher, "PUBLISH").values()), {200})
            # A connection that goes is gone at all of them.
            watcher.reset()
            now = {}
            self.assertTrue(until([second], lambda: now.update(counters(server)) or
                                  now.get("suspect_watchers", 0) == len(PRESENTITIES)))
            # And at the end everybody is told by the one that is left.
            server.process.send_signal(signal.SIGTERM)
            ended = lambda: sum(field(each, b"Subscription-State").startswith("terminated")
                                for each in second.came)
            self.assertTrue(until([second], lambda: ended() == len(PRESENTITIES)))
            self.assertEqual(server.end()[0], 0)

    def test_connections_and_presentities_are_spread_over_all(self):
        for workers, connections in ((2, 40), (4, 80)):
            with self.subTest(workers=workers), \
                    Server(*TRUSTING, "--workers", str(workers)) as server:
                watchers = [self.peer(Tcp, server, f"w{i}") for i in range(connections)]
                for watcher, to in zip(watchers, PRESENTITIES):
                    watcher.send(watcher.phone.subscribe(to))
                for watcher in watchers[:len(PRESENTITIES)]:
                    self.assertTrue(until([watcher], lambda one=watcher: statuses(
                        one, "SUBSCRIBE")))
                each = of_each(server, workers)
                self.assertEqual(sum(one["connections"] for one in each), connections)
                self.assertEqual(sum(one["subscriptions"] for one in each),
                                 min(connections, len(PRESENTITIES)))
                # Four standard deviations of a fair draw below its mean, and one would be missed
                # by chance once in 30,000 runs.
                for one in each:
                    mean, away = connections / workers, connections * (workers - 1) / workers ** 2
                    self.assertGreater(one["connections"], mean - 4 * away ** 0.5, each)
                    self.assertGreater(one["subscriptions"], 0, each)

    def test_a_reload_reaches_every_worker(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "vigil.toml")

            def write(policy):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(f'policy = "{policy}"\nauth = "none"\nworkers = 3\n')
            write("allow")
            with Server("--config", path, users=[]) as server:
                watcher = self.peer(Udp, server, "watcher")
                for to in PRESENTITIES:
                    watcher.send(watcher.phone.subscribe(to))
                self.assertTrue(until([watcher], lambda: len(
                    statuses(watcher, "SUBSCRIBE")) == len(PRESENTITIES)))
                write("block")
                server.process.send_signal(signal.SIGHUP)
                ended = lambda: {field(each, b"Call-ID") for each in watcher.came
                                 if field(each, b"Subscription-State").startswith("terminated")}
                self.assertTrue(until([watcher], lambda: len(ended()) == len(PRESENTITIES)))

    def test_show_and_explain_ask_them_all(self):
        with tempfile.TemporaryDirectory() as folder:
            where = ["--control", os.path.join(folder, "control")]
            with Server(*TRUSTING, "--workers", "4", *where) as server:
                watcher = self.peer(Udp, server, "watcher")
                for to in PRESENTITIES:
                    watcher.send(watcher.phone.subscribe(to))
                self.assertTrue(until([watcher], lambda: len(
                    statuses(watcher, "SUBSCRIBE")) == len(PRESENTITIES)))

                def objects(*arguments):
                    code, out, err = run(*arguments, "--json", *where)
                    self.assertEqual((code, err), (0, ""))
                    return [json.loads(line) for line in out.splitlines()]
                shown = objects("show", "subscriptions")
                self.assertEqual({each["uri"] for each in shown},
                                 {f"sip:{to}@localhost" for to in PRESENTITIES})
                (all_together,) = objects("show", "server")
                self.assertEqual(all_together["subscriptions"], len(PRESENTITIES))
                for to in PRESENTITIES[:8]:
                    (one,) = objects("show", "subscriptions", f"sip:{to}@localhost")
                    self.assertEqual(one["state"], "active")
                    code, out, _ = run("explain", "sip:watcher@localhost", f"sip:{to}@localhost",
                                       *where)
                    self.assertEqual(code, 0)
                    self.assertIn(f"watcher@localhost watches {to}@localhost (presence): active",
                                  out)
                code, _, err = run("show", "presentity", "sip:p0@nowhere", *where)
                self.assertEqual((code, err.count("no such address here")), (1, 1))

    def answered(self, peer, count):
        """How many got which status, once `count` SUBSCRIBEs are answered."""
        self.assertTrue(until([peer], lambda: len(statuses(peer, "SUBSCRIBE")) == count))
        return dict(collections.Counter(statuses(peer, "SUBSCRIBE").values()))

    def test_a_user_has_no_more_for_spreading_over_workers(self):
        """ROUR-4: presentities of all workers count together."""
        with Server(*TRUSTING, "--workers", "4", "--limit", "subscriptions_per_user=5") as server:
            watcher, other = self.peer(Udp, server, "watcher"), self.peer(Udp, server, "other")
            for to in PRESENTITIES:
                watcher.send(watcher.phone.subscribe(to))
            self.assertEqual(self.answered(watcher, 48), {200: 5, 503: 43})
            for to in PRESENTITIES[:5]:
                other.send(other.phone.subscribe(to))
            self.assertEqual(self.answered(other, 5), {200: 5})
            self.assertEqual(counters(server)["limit_subscriptions_per_user"], 43)

    def test_credentials_are_good_once_at_all_workers_together(self):
        """T-13: whoever saw a request cannot have it taken again by another worker."""
        users = [each for name in PRESENTITIES for each in ("--user", f"{name}:x")]
        with Server(*OPEN, "--workers", "4", users=["--user", "bob:builder", *users]) as server:
            watcher = self.peer(Udp, server, "bob")
            watcher.send(watcher.phone.subscribe("p0"))
            self.assertEqual(self.answered(watcher, 1), {401: 1})
            nonce = re.search('nonce="([^"]*)"', field(watcher.came[0], b"WWW-Authenticate"))[1]
            watcher.came.clear()
            md5 = lambda text: hashlib.md5(text.encode()).hexdigest()

            def proof(count):
                # The user is left out, so that it fits whatever presentity the request names.
                response = md5(f"{md5('bob:localhost:builder')}:{nonce}:{count:08x}:c:auth:"
                               f"{md5('SUBSCRIBE:sip:localhost')}")
                return (f'Authorization: Digest username="bob",realm="localhost",nonce="{nonce}",'
                        f'uri="sip:localhost",response="{response}",algorithm=MD5,qop=auth,'
                        f'nc={count:08x},cnonce="c"\r\n')
            for to in PRESENTITIES:
                watcher.send(watcher.phone.request(
                    "SUBSCRIBE", to, "Event: presence\r\nExpires: 600\r\n" + proof(1)))
            self.assertEqual(self.answered(watcher, 48), {200: 1, 401: 47})
            # Counts that nobody has used are good, in whatever order they come.
            for to, count in zip(PRESENTITIES, range(len(PRESENTITIES) + 1, 1, -1)):
                watcher.send(watcher.phone.request(
                    "SUBSCRIBE", to, "Event: presence\r\nExpires: 600\r\n" + proof(count)))
            self.assertEqual(self.answered(watcher, 96), {200: 49, 401: 47})

    def test_a_route_that_lies_brings_nobody_to_another_worker(self):
        """What one worker has is not begun anew at another, by whatever way a request comes."""
        with Server(*TRUSTING, "--workers", "4") as server:
            watcher = self.peer(Udp, server, "watcher")
            host, port = endpoint(server)
            for worker in range(4):
                for to in PRESENTITIES[:12]:
                    token = "rr-" + f"{worker:016x}" + "0" * 16
                    watcher.send(watcher.phone.request(
                        "SUBSCRIBE", to, "Event: presence\r\nExpires: 600\r\n"
                        f"Route: <sip:{token}@{host}:{port};lr>\r\n"))
            self.assertEqual(self.answered(watcher, 48), {200: 12, 481: 36})

    def test_a_device_is_reached_by_its_gruu_from_every_worker(self):
        """RFC 5627 5.3: bob's phone gives its GRUU as Contact, and comes back by another way."""
        with Server(*TRUSTING, "--workers", "4", "--gruu") as server:
            phone = self.peer(Tcp, server, "bob")
            phone.send(phone.phone.request("REGISTER", "bob").replace(
                b"REGISTER sip:bob@localhost", b"REGISTER sip:localhost").replace(
                b">\r\nContent-Length", b'>;+sip.instance="<urn:uuid:1>";reg-id=1\r\n'
                b"Supported: gruu, outbound, path\r\nExpires: 600\r\nContent-Length"))
            self.assertTrue(until([phone], lambda: phone.came))
            given = field(phone.came[0], b"Contact")
            for number, kind in ((1000, "pub-gruu"), (2000, "temp-gruu")):
                with self.subTest(kind):
                    gruu = re.search(f'{kind}="([^"]*)"', given)[1]
                    watcher = self.peer(Tcp, server, "bob")
                    watcher.phone.number = number
                    for to in PRESENTITIES:
                        watcher.send(re.sub(rb"Contact: <[^>]*>",
                                            f"Contact: <{gruu}>".encode(),
                                            watcher.phone.subscribe(to)))
                    self.assertEqual(self.answered(watcher, 48), {200: 48})
                    # The connection that the watcher came by goes: his GRUU is what is left.
                    watcher.reset()
                    publisher = self.peer(Udp, server, "publisher")
                    publisher.phone.number = number
                    for to in PRESENTITIES:
                        publisher.phone.name = to
                        publisher.send(publisher.phone.publish(f"{kind} {to}."))
                    self.assertTrue(until([phone, publisher], lambda: {
                        note for each in phone.came for note in
                        re.findall(f"{kind} (p[0-9]+)[.]".encode(), each)} ==
                        {to.encode() for to in PRESENTITIES}))

    def test_who_reads_a_long_answer_slowly_holds_nobody_up(self):
        with tempfile.TemporaryDirectory() as folder:
            control = os.path.join(folder, "control")
            with Server(*TRUSTING, "--workers", "3", "--control", control) as server:
                code, _, err = run("load", "subscribe", *server.at("udp"), "--presentities", "300",
                                   "--watchers", "20", "--connections", "4", "--keep")
                self.assertEqual(code, 0, err)
                with socket.socket(socket.AF_UNIX) as slow:
                    slow.settimeout(PATIENCE_S)
                    slow.connect(control)
                    slow.sendall(b"show subscriptions\n")
                    # It reads nothing yet; all others are served, and others that ask, too.
                    peer = self.peer(Udp, server, "peer")
                    for to in PRESENTITIES:
                        peer.send(peer.phone.subscribe(to))
                    self.assertEqual(self.answered(peer, 48), {200: 48})
                    code, out, _ = run("show", "server", "--json", "--control", control)
                    self.assertEqual(json.loads(out)["subscriptions"], 6048)
                    with slow.makefile("rb") as lines:
                        kinds = collections.Counter(json.loads(line).get("kind", "end")
                                                    for line in lines)
                self.assertEqual(kinds["end"], 1)
                # Those who came meanwhile may be in it.
                self.assertGreaterEqual(kinds["subscription"], 6000)
                self.assertLessEqual(kinds["subscription"], 6048)

    def test_a_port_that_is_taken_is_not_shared(self):
        with Server(*TRUSTING, "--workers", "2") as server:
            code, _, err = run("serve", *TRUSTING, "--workers", "2", "--listen", server.names[0])
            self.assertEqual(code, 1)
            self.assertIn("address already in use", err)
            host, port = endpoint(server)
            self.assertEqual(server.ready.count(f"{host}:{port}"), len(LISTEN) // 2)

    def test_what_does_not_go_together_is_said(self):
        for arguments, says in ((["--workers", "0"], "at least one does the work"),
                                (["--workers", "65"], "from 0 to 64"),
                                (["--workers", "2", "--gruu", "--relay", "none"],
                                 "--gruu with --relay none and several workers")):
            code, _, err = run("serve", *arguments)
            self.assertEqual(code, 2)
            self.assertIn(says, err)


if __name__ == "__main__":
    program_test.VIGIL = os.path.abspath(sys.argv.pop(1))
    unittest.main()
