"""`vigil watch`, `publish` and `register` against `vigil serve`, on each transport."""

import pidf
from matrix import Scenario
from processes import Skipped, equal, has_ipv6


def scenario_on(transport, host):
    def scenario(world):
        if ":" in host and not has_ipv6():
            raise Skipped("no IPv6 on loopback")
        world.serve(host=host)
        watch = world.watch("alice", "bob", transport)
        alice = world.uri("alice")

        def shown():
            return pidf.summary(watch.object_with(event="presence")["document"])

        publish = world.start("publish", world.vigil, "publish", alice, "--status", "open",
                              "--activity", "away", "--note", "Zur\u00fcck um 3",
                              *world.client(transport, "alice"))
        seen = watch.object_with(event="presence")
        equal("published", pidf.summary(seen["document"]),
              (alice, [("open", alice, ["Zur\u00fcck um 3"])]))
        equal("activities", seen["activities"], ["away"])
        equal("exit code of publish", publish.stop(), 130)
        equal("unpublished", shown(), (alice, [("closed", alice, [])]))
        register = world.start("register", world.vigil, "register", alice,
                               *world.client(transport, "alice"))
        equal("registered", shown(), (alice, [("open", alice, [])]))
        equal("exit code of register", register.stop(), 130)
        equal("removed", shown(), (alice, [("closed", alice, [])]))
        equal("exit code of watch", watch.stop(), 130)
        world.stop_server()
    return scenario


SCENARIOS = [Scenario("all", "watch, publish, register", f"{transport} on {host}",
                      scenario_on(transport, host))
             for transport in ("udp", "tcp") for host in ("127.0.0.1", "[::1]")]
