"""SIPp calls SIPp through `vigil serve`: what is carried on for phones that are registered."""

from matrix import FAMILIES, Scenario, on
from processes import equal, free_port, listens, wait_for
from sipp import Sipp, field

CALLS = 200


def enroll(world, transport, port, q="1.0"):
    """bob is at that port from now on."""
    Sipp.client(world, "enrolled", "bob", transport, "-key", "contact_port", str(port), "-key",
                "q", q, digest_uri="localhost").finish()


def phone(world, scenario, transport, port, calls):
    started = Sipp(world, scenario, transport, port=port, calls=calls, user="bob")
    wait_for("SIPp to listen",
             lambda: listens(transport, port) or not started.process.is_running())
    return started


def caller(world, transport, *options, calls=1):
    return Sipp.client(world, "caller", "alice", transport, "-s", "bob", "-m",
                       str(calls), *options, digest_uri="bob@localhost")


def checked(calls_of_callee):
    """What every copy that went on has, and what nobody but the proxy has to know."""
    for invite in calls_of_callee.requests("INVITE"):
        equal("Vias", invite.count("\nVia: "), 2)
        equal("Max-Forwards", field(invite, "Max-Forwards"), "69")
        equal("credentials go no further", field(invite, "Proxy-Authorization"), None)
        equal("the body", invite.partition("\n\n")[2].strip(), "hello")


def calls(world, transport):
    world.serve()
    port = free_port()
    enroll(world, transport, port)
    callee = phone(world, "callee", transport, port, CALLS)
    caller(world, transport, "-r", "50", calls=CALLS).finish()
    callee.finish()
    equal("calls", len(callee.requests("INVITE")), CALLS)
    checked(callee)
    world.stop_server()


def busy_and_free(world, transport):
    world.serve()
    ports = free_port(), free_port()
    for port in ports:
        enroll(world, transport, port)
    refuser = phone(world, "refuser", transport, ports[0], 1)
    callee = phone(world, "callee", transport, ports[1], 1)
    caller(world, transport).finish()
    refuser.finish()
    callee.finish()
    world.stop_server()


def one_after_the_other(world, transport):
    world.serve()
    ports = free_port(), free_port()
    enroll(world, transport, ports[0], "0.9")
    enroll(world, transport, ports[1], "0.2")
    refuser = phone(world, "refuser", transport, ports[0], 1)
    callee = phone(world, "callee", transport, ports[1], 1)
    caller(world, transport).finish()
    refuser.finish()
    callee.finish()
    world.stop_server()


FLOWS = [
    ("caller and callee", f"407, {CALLS} calls, 50 a second: INVITE, 180, 200, ACK, BYE", calls),
    ("caller and callees", "two phones ring, one is busy, one answers", busy_and_free),
    ("caller and callees", "two phones by q, the first is busy", one_after_the_other),
]
SCENARIOS = [Scenario(role, text, transport, on(flow, transport))
             for role, text, flow in FLOWS for transport in FAMILIES]
