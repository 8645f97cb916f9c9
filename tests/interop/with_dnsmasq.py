"""`vigil watch`, `publish` and `register` find their server by name: dnsmasq answers."""

import pidf
from matrix import Scenario
from processes import equal, free_port, listens, wait_for

DOMAIN = "example.test"


def name_server(world, *records):
    """A dnsmasq that knows these records and nothing else: the options that ask it."""
    port = free_port()
    world.start("dnsmasq", "dnsmasq", "--no-daemon", "--conf-file=/dev/null", f"--port={port}",
                "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts",
                "--pid-file=", "--local-ttl=30", "--local=/test/", "--log-queries", *records)
    wait_for("dnsmasq", lambda: listens("udp", port))
    return ["--dns", f"127.0.0.1:{port}"]


def host(name):
    return f"--host-record={name}.{DOMAIN},127.0.0.1"


def srv(service, name, port, priority):
    return f"--srv-host={service}.{DOMAIN},{name}.{DOMAIN},{port},{priority},1"


def watch(world, asking, server, uri=f"sip:alice@{DOMAIN}"):
    """`vigil watch`, once it has seen the first state."""
    started = world.start("watch", world.vigil, "watch", uri, "--server", server, "--as",
                          world.uri("bob"), "--password", world.users["bob"], "--json", "--raw",
                          *asking)
    started.object_with(event="subscription", state="active")
    return started, started.object_with(event="presence")


def told(world):
    return next(each for each in world.started if each.name == "dnsmasq").told()


def dead_first(world):
    """NAPTR, SRV, A: the server of the best priority is dead, the next one answers."""
    world.serve(domain=DOMAIN)
    asking = name_server(world, f"--naptr-record={DOMAIN},10,10,s,SIP+D2U,,_sip._udp.{DOMAIN}",
                         f"--naptr-record={DOMAIN},5,10,s,SIP+D2S,,_sip._sctp.{DOMAIN}",
                         srv("_sip._udp", "dead", free_port(), 1),
                         srv("_sip._udp", "alive", world.port(), 2), host("dead"), host("alive"))
    started, first = watch(world, asking, "dns")
    equal("the first state", first["basic"], "closed")
    client = ["--server", "dns", "--as", world.uri("alice"), "--password", world.users["alice"],
              "--json", *asking]
    publish = world.start("publish", world.vigil, "publish", world.uri("alice"), "--status",
                          "open", "--note", "found you", *client)
    equal("published", pidf.summary(started.object_with(event="presence")["document"]),
          (world.uri("alice"), [("open", world.uri("alice"), ["found you"])]))
    equal("exit code of publish", publish.stop(), 130)
    started.object_with(event="presence")
    register = world.start("register", world.vigil, "register", world.uri("alice"), *client)
    equal("registered", started.object_with(event="presence")["basic"], "open")
    equal("exit code of register", register.stop(), 130)
    equal("exit code of watch", started.stop(), 130)
    for question in (f"NAPTR] {DOMAIN}", f"SRV] _sip._udp.{DOMAIN}", f"A] dead.{DOMAIN}"):
        equal(f"it was asked for {question}", question in told(world), True)
    equal("what we do not speak was left out", "_sctp" in told(world), False)
    world.stop_server()


def by_transport(world):
    """--server tcp:NAME: SRV of that transport alone; tcp:NAME:PORT: the address alone."""
    world.serve(domain=DOMAIN)
    asking = name_server(world, srv("_sip._tcp", "alive", world.port("tcp"), 1), host("alive"))
    for server in (f"tcp:{DOMAIN}", f"tcp:alive.{DOMAIN}:{world.port('tcp')}"):
        started, first = watch(world, asking, server)
        equal("the first state", first["basic"], "closed")
        equal("exit code of watch", started.stop(), 130)
    equal("no NAPTR", "NAPTR" in told(world), False)
    world.stop_server()


def presence_uri(world):
    """A pres URI by _pres._sip; it stays the Request-URI."""
    world.serve(domain=DOMAIN)
    asking = name_server(world, srv("_pres._sip", "alive", world.port(), 1), host("alive"))
    started, first = watch(world, asking, "dns", f"pres:alice@{DOMAIN}")
    equal("the first state", first["basic"], "closed")
    equal("exit code of watch", started.stop(), 130)
    equal("by its own SRV", f"SRV] _pres._sip.{DOMAIN}" in told(world), True)
    world.stop_server()


def nowhere(world):
    """A domain without servers, and a name server that is gone, are told in a word."""
    asking = name_server(world)
    for closed in (False, True):
        if closed:
            next(each for each in world.started if each.name == "dnsmasq").end()
        failed = world.start("watch", world.vigil, "watch", f"sip:alice@{DOMAIN}", "--server",
                             "dns", *asking)
        equal("exit code", failed.ended(), 1)
        wanted = "the name system did not answer" if closed else "no such host"
        equal(f"it says: {wanted}", wanted in failed.told(), True)


SCENARIOS = [
    Scenario("name server", "R3263-4.3-1: NAPTR and SRV; the first server is dead", "udp",
             dead_first),
    Scenario("name server", "R3263-4.1-1: SRV of one transport; an address and a port", "tcp",
             by_transport),
    Scenario("name server", "R3861-4-1: a pres URI by _pres._sip", "udp", presence_uri),
    Scenario("name server", "no such domain; a name server that is gone", "udp", nowhere),
]
