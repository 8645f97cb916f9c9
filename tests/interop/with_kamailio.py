"""Kamailio as presence server for our clients, and its pua modules as clients of `vigil serve`.

It is started here from kamailio.cfg, in the foreground, and is told and asked by JSON-RPC over
HTTP; one that runs as a service of the machine has nothing to do with it. It could keep
publications in memory alone (publ_cache 2), but then a refresh empties them, as one scenario shows.
"""

import json
import os
import re
import shutil
import signal
import urllib.request

import pidf
from matrix import FAMILIES, Scenario, on
from processes import PATIENCE_S, equal, free_port, listens, wait_for
from sipp import Sipp

HERE = os.path.dirname(os.path.abspath(__file__))
TABLES = "/usr/share/kamailio/dbtext/kamailio"
# A numeric domain: Kamailio would look any other up in the DNS.
DOMAIN = "127.0.0.1"
ALICE, BOB = f"sip:alice@{DOMAIN}", f"sip:bob@{DOMAIN}"


class Kamailio:
    def __init__(self, world, port=None, min_expires=0, outbound="", authentication=False,
                 publ_cache=0, proxy=False):
        self.world, self.port = world, port or free_port()
        database = world.path("db")
        if not os.path.isdir(database):
            shutil.copytree(TABLES, database)
        with open(os.path.join(HERE, "kamailio.cfg"), encoding="utf-8") as file:
            text = file.read()
        for name, value in (("PORT", self.port), ("FOLDER", world.folder),
                            ("MIN_EXPIRES", min_expires), ("OUTBOUND", outbound),
                            ("PUBL_CACHE", publ_cache)):
            text = text.replace(f"@{name}@", str(value))
        with open(world.path("kamailio.cfg"), "w", encoding="utf-8") as file:
            file.write(text)
        options = ["-A", "WITH_AUTHENTICATION"] if authentication else []
        options += ["-A", "WITH_PROXY"] if proxy else []
        self.process = world.start("kamailio", "kamailio", "-f", world.path("kamailio.cfg"), "-DD",
                                   "-E", "-Y", world.folder, "-m", "32", "-M", "4", *options)
        wait_for("Kamailio to listen",
                 lambda: (listens("udp", self.port) and listens("tcp", self.port))
                 or not self.process.is_running())

    def ask(self, method, *parameters):
        """The result of a remote procedure."""
        question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/",
                                         json.dumps(question).encode())
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)["result"]

    def told(self, pattern):
        """What its script wrote about the requests that came."""
        return re.findall(r"<script>: " + pattern, self.process.told())

    def notified(self, number):
        """The newest of its notifications once it has so many: the state, and what stood there."""
        found = wait_for(f"NOTIFY number {number} at Kamailio", lambda: (
            (all_of := self.told(r"notified (\S+) ([0-9a-fA-F]*)")) and len(all_of) >= number
            and all_of))
        equal("NOTIFYs", len(found), number)
        state, document = found[-1]
        return re.sub(r"\d+", "N", state), pidf.summary(bytes.fromhex(document))


# ---- As presence server --------------------------------------------------------------------------

def client(world, kamailio, transport, user, *options):
    return ["--server", f"{transport}:127.0.0.1:{kamailio.port}", "--as", f"sip:{user}@{DOMAIN}",
            "--password", world.users[user], "--json", *options]


def watch(world, kamailio, transport, *options):
    started = world.start("watch", world.vigil, "watch", ALICE, "--raw",
                          *client(world, kamailio, transport, "bob", *options))
    started.object_with(event="subscription", state="active")
    return started


def publish(world, kamailio, transport, note, *options):
    return world.start("publish", world.vigil, "publish", ALICE, "--status", "open", "--activity",
                       "busy", "--note", note,
                       *client(world, kamailio, transport, "alice", *options))


def shows(started, basic, contact, notes):
    """The next document that the watcher is shown."""
    seen = started.object_with(event="presence")
    equal("what the watcher was shown", pidf.summary(seen["document"]),
          (ALICE, [(basic, contact, notes)]))
    return seen


def leaves(started):
    equal("exit code after Ctrl-C", started.stop(), 130)


def whole_life(world, transport, **options):
    kamailio = Kamailio(world, **options)
    watcher = watch(world, kamailio, transport)
    # Six seconds: refreshed after two.
    publisher = publish(world, kamailio, transport, "at Kamailio", "--expires", "6")
    seen = shows(watcher, "open", ALICE, ["at Kamailio"])
    equal("activities", seen["activities"], ["busy"])
    tags = [publisher.object_with(status=200)["etag"] for _ in range(2)]
    equal("a refresh gives another entity-tag", len(set(tags)), 2)
    leaves(publisher)
    # Kamailio says with one closed tuple that nothing is published any more.
    shows(watcher, "closed", None, [])
    leaves(watcher)
    equal("Expires of the last SUBSCRIBE", kamailio.told(r"asked SUBSCRIBE \d+ (\d+)")[-1], "0")


def digest(world, transport):
    whole_life(world, transport, authentication=True)
    kamailio = Kamailio(world, authentication=True)
    refused = world.start("refused", world.vigil, "watch", ALICE, "--server",
                          f"{transport}:127.0.0.1:{kamailio.port}", "--as", BOB, "--password",
                          "wrong")
    equal("exit code with a wrong password", refused.ended(), 1)
    if "401" not in refused.told():
        raise AssertionError(f"no word of 401: {refused.told()}")


def refreshed(world, transport):
    kamailio = Kamailio(world)
    watcher = watch(world, kamailio, transport, "--expires", "4")
    wait_for("a refresh", lambda: len(kamailio.told("asked SUBSCRIBE")) >= 2)
    publish(world, kamailio, transport, "after the refresh", "--once").ended()
    shows(watcher, "open", ALICE, ["after the refresh"])
    leaves(watcher)


def fetched(world, transport):
    kamailio = Kamailio(world)
    publish(world, kamailio, transport, "fetched", "--once").ended()
    started = world.start("fetch", world.vigil, "watch", ALICE, "--raw", "--once",
                          *client(world, kamailio, transport, "bob"))
    shows(started, "open", ALICE, ["fetched"])
    equal("exit code", started.ended(), 0)


def too_brief(world, transport):
    kamailio = Kamailio(world, min_expires=60)
    watcher = watch(world, kamailio, transport, "--expires", "10")
    equal("Expires of the SUBSCRIBEs", kamailio.told(r"asked SUBSCRIBE \d+ (\d+)"), ["10", "60"])
    publish(world, kamailio, transport, "long enough", "--once").ended()
    shows(watcher, "open", ALICE, ["long enough"])
    leaves(watcher)


def forgets(world, transport):
    kamailio = Kamailio(world)
    watcher = watch(world, kamailio, transport, "--expires", "6")
    publisher = publish(world, kamailio, transport, "kept fresh", "--expires", "6")
    shows(watcher, "open", ALICE, ["kept fresh"])
    first = publisher.object_with(status=200)["etag"]
    equal("exit code of Kamailio", kamailio.process.stop(signal.SIGTERM), 0)
    shutil.rmtree(world.path("db"))
    again = Kamailio(world, port=kamailio.port)
    # Both come back by themselves. The watcher is shown the same document, which is no news.
    watcher.object_with(event="subscription", state="terminated")
    watcher.object_with(event="subscription", state="active")
    equal("another entity-tag", publisher.object_with(status=200)["etag"] != first, True)
    leaves(publisher)
    shows(watcher, "closed", None, [])
    leaves(watcher)
    equal("Kamailio was asked anew", "1" in again.told(r"asked SUBSCRIBE (\d+)"), True)


def memory_alone(world, transport):
    kamailio = Kamailio(world, publ_cache=2)
    watcher = watch(world, kamailio, transport)
    publisher = publish(world, kamailio, transport, "until the refresh", "--expires", "6")
    shows(watcher, "open", ALICE, ["until the refresh"])
    for _ in range(2):
        publisher.object_with(status=200)
    wait_for("what Kamailio says of it",
             lambda: "Empty notify body record" in kamailio.process.told())
    started = world.start("fetch", world.vigil, "watch", ALICE, "--once",
                          *client(world, kamailio, transport, "bob"))
    equal("exit code", started.ended(), 0)
    equal("nothing is left of the document", '"event":"presence"' in started.text, False)
    leaves(publisher)
    leaves(watcher)


def registers(world, transport):
    kamailio = Kamailio(world)
    register = world.start("register", world.vigil, "register", ALICE,
                           *client(world, kamailio, transport, "alice"))
    contact = register.object_with(status=200)["contacts"][0]
    bound = kamailio.ask("ul.dump")
    equal(f"{contact} is bound", contact in json.dumps(bound), True)
    leaves(register)
    equal("it is no more", contact in json.dumps(kamailio.ask("ul.dump")), False)


# ---- As client -----------------------------------------------------------------------------------

def serve(world, transport):
    """A server of ours, and Kamailio whose requests go there."""
    world.serve(domain=DOMAIN, digest=False)
    parameter = ";transport=tcp" if transport == "tcp" else ""
    return Kamailio(world, outbound=f"sip:127.0.0.1:{world.port(transport)}{parameter}")


def document(note):
    return ('<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" '
            f'entity="{ALICE}"><tuple id="k"><status><basic>open</basic></status>'
            f"<note>{note}</note></tuple></presence>")


def publishes(world, transport):
    kamailio = serve(world, transport)
    watcher = world.watch("alice", "bob")

    def ask(expires, body=None):
        parameter = [ALICE, str(expires), "presence", "application/pidf+xml" if body else ".",
                     "interop", ".", ".", "."]
        return kamailio.ask("pua.publish", *parameter, *([body] if body else []))["SIP-ETag"]

    tags = [ask(300, document("from Kamailio"))]
    shows(watcher, "open", ALICE, ["from Kamailio"])
    tags.append(ask(300))
    tags.append(ask(300, document("changed")))
    # Neither did the refresh show anything, nor is the first publication still there.
    shows(watcher, "open", ALICE, ["changed"])
    ask(0)
    shows(watcher, "closed", ALICE, [])
    equal("entity-tags, none of them twice", len(set(tags)), 3)
    leaves(watcher)
    world.stop_server()


def subscribes(world, transport):
    kamailio = serve(world, transport)
    parameter = ";transport=tcp" if transport == "tcp" else ""
    resource = f"sip:alice@{DOMAIN}:{world.port(transport)}{parameter}"
    watcher = f"sip:bob@{DOMAIN}:{kamailio.port}{parameter}"

    def ask(expires):
        kamailio.ask("pua.subscribe", resource, watcher, "presence", expires)

    ask(300)
    equal("the first NOTIFY", kamailio.notified(1),
          ("active;expires=N", (ALICE, [("closed", ALICE, [])])))
    world.publish_once("alice", "--status", "open", "--note", "seen by Kamailio")
    there = ALICE, [("open", ALICE, ["seen by Kamailio"])]
    equal("the NOTIFY of the change", kamailio.notified(2), ("active;expires=N", there))
    ask(200)
    equal("the NOTIFY of the refresh", kamailio.notified(3), ("active;expires=N", there))
    ask(0)
    equal("the last NOTIFY", kamailio.notified(4), ("terminated;reason=timeout", there))
    ended = world.server
    world.stop_server()
    if "stopping, 0 subscriptions" not in ended.told():
        raise AssertionError(f"a subscription was left: {ended.told()}")


def publishes_registrations(world, transport):
    kamailio = serve(world, transport)
    watcher = world.watch("alice", "bob")
    register = world.start("register", world.vigil, "register", ALICE, "--contact",
                           "sip:alice@192.0.2.9", *client(world, kamailio, transport, "alice"))
    seen = watcher.object_with(event="presence")
    equal("registered at Kamailio", seen["basic"], "open")
    # Our watcher is told before our 200 is at Kamailio, which needs an entity-tag to remove it.
    wait_for("the answer to its PUBLISH", lambda: int(kamailio.ask("tm.stats")["waiting"]))
    leaves(register)
    shows(watcher, "closed", ALICE, [])
    leaves(watcher)
    world.stop_server()


# ---- As the proxy of another domain --------------------------------------------------------------

def phone(world, transport):
    port = free_port()
    callee = Sipp(world, "callee", transport, port=port, calls=5, user="bob")
    wait_for("SIPp to listen",
             lambda: listens(transport, port) or not callee.process.is_running())
    return callee, port


def calls_out(world, transport):
    world.serve("--relay", "authenticated")
    kamailio = Kamailio(world, proxy=True)
    callee, port = phone(world, transport)
    register = world.start("register", world.vigil, "register", BOB, "--contact",
                           f"sip:bob@127.0.0.1:{port};transport={transport}",
                           *client(world, kamailio, transport, "bob"))
    register.line()
    peer = f"127.0.0.1:{kamailio.port};transport={transport}"
    Sipp.client(world, "caller", "alice", transport, "-s", "bob", "-m", "5",
                digest_uri=f"bob@{peer}", peer=peer).finish()
    callee.finish()
    equal("Vias", {invite.count("\nVia: ") for invite in callee.requests("INVITE")}, {3})
    leaves(register)
    world.stop_server()


def calls_in(world, transport):
    world.serve(domain=DOMAIN)
    kamailio = Kamailio(world, proxy=True)
    callee, port = phone(world, transport)
    Sipp.client(world, "enrolled", "bob", transport, digest_uri=DOMAIN, domain=DOMAIN,
                contact_port=str(port), q="1.0").finish()
    peer = f"{DOMAIN}:{world.port(transport)};transport={transport}"
    Sipp.client(world, "stranger", "alice", transport, "-s", "bob", "-m", "5", peer=peer,
                domain="elsewhere.invalid", target=f"127.0.0.1:{kamailio.port}").finish()
    callee.finish()
    world.stop_server()


FLOWS = [
    ("presence server", "watch; publish, refresh, remove", whole_life),
    ("presence server", "digest MD5: the same, and a wrong password", digest),
    ("presence server", "a watch is refreshed", refreshed),
    ("presence server", "fetch with Expires 0", fetched),
    ("presence server", "423 with Min-Expires to watch", too_brief),
    ("presence server", "R6665-OUR-1: it restarts, watcher and publisher come back", forgets),
    ("registrar", "register, remove", registers),
    ("publisher (pua)", "publish, refresh, modify, remove", publishes),
    ("watcher (pua)", "subscribe, a change, refresh, unsubscribe", subscribes),
    ("publisher (pua_usrloc)", "who registers there is published with us",
     publishes_registrations),
    ("proxy of another domain", "calls from our user to its user, by 407", calls_out),
    ("proxy of another domain", "calls from its user to our user", calls_in),
]


SCENARIOS = [Scenario(role, text, transport, on(flow, transport))
             for role, text, flow in FLOWS for transport in FAMILIES]
SCENARIOS += [Scenario("presence server", "publications in memory alone (publ_cache 2)", transport,
                       on(memory_alone, transport),
                       outcome="fails: a refresh without a body empties what Kamailio kept, and "
                               "watchers get no document")
              for transport in FAMILIES]
