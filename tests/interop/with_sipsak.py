"""sipsak asks what we can, registers, and removes all with a star."""

import pidf
from matrix import Scenario
from processes import equal

CONTACT = "sip:bob@192.0.2.77"


def sipsak(world, *options, user="bob"):
    # A numeric domain: sipsak would look any other up in the DNS.
    return world.run("sipsak", "sipsak", "-i", "-vv", *options, "-s",
                     f"sip:{user}@127.0.0.1:{world.port()}")


def options(transport):
    def scenario(world):
        world.serve(domain="127.0.0.1")
        answer = sipsak(world, "-E", transport)
        for wanted in ("SIP/2.0 200 OK", "Allow: OPTIONS, ", "SUBSCRIBE", "PUBLISH",
                       "Allow-Events: presence", "Accept: application/pidf+xml"):
            if wanted not in answer:
                raise AssertionError(f"{wanted!r} is not in the answer: {answer}")
        world.stop_server()
    return scenario


def register(transport):
    def scenario(world):
        world.serve(domain="127.0.0.1")
        watch = world.watch("bob", "alice")
        bob = world.uri("bob")
        credentials = ["-E", transport, "-u", "bob", "-a", world.users["bob"], "-U"]

        def shown():
            return pidf.summary(watch.object_with(event="presence")["document"])

        sipsak(world, *credentials, "-C", CONTACT, "-x", "60")
        equal("registered", shown(), (bob, [("open", bob, [])]))
        bindings = sipsak(world, *credentials, "-v", "-C", "empty")
        if f"Contact: <{CONTACT}>;expires=" not in bindings:
            raise AssertionError(f"the binding is not in the answer: {bindings}")
        sipsak(world, *credentials, "-C", "*", "-x", "0")
        equal("removed", shown(), (bob, [("closed", bob, [])]))
        world.stop_server()
    return scenario


def wrong_password(world):
    world.serve(domain="127.0.0.1")
    try:
        sipsak(world, "-u", "bob", "-a", "wrong", "-U", "-C", CONTACT, "-x", "60")
    except AssertionError as refused:
        if "authorization failed" not in str(refused):
            raise
    else:
        raise AssertionError("sipsak registered with a wrong password")
    world.watch("bob", "alice")  # who sees that nothing is there
    world.stop_server()


def no_user_name(world):
    """Without -u it writes username="bob@", but hashes "bob"."""
    world.serve(domain="127.0.0.1")
    sent = world.start("sipsak", "sipsak", "-i", "-vv", "-a", world.users["bob"], "-U", "-C",
                       CONTACT, "-x", "60", "-s", f"sip:bob@127.0.0.1:{world.port()}")
    equal("it fails", sent.ended() != 0, True)
    for wanted in ('username="bob@"', "SIP/2.0 401", "authorization failed"):
        if wanted not in sent.told():
            raise AssertionError(f"{wanted} is not in what it said: {sent.told()}")
    world.watch("bob", "alice")  # who sees that nothing is there
    world.stop_server()


FLOWS = [("OPTIONS", options), ("register, ask, remove with a star", register)]
SCENARIOS = [Scenario("client", text, transport, made(transport)) for text, made in FLOWS
             for transport in ("udp", "tcp")]
SCENARIOS.append(Scenario("client", "register without -u", "udp", no_user_name,
                          outcome='fails: it writes username="bob@", but hashes "bob"'))
SCENARIOS.append(Scenario("client", "a wrong password is refused", "udp", wrong_password))
