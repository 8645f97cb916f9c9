"""What is tried with whom, and the table of it in docs/interop.md."""

import dataclasses
import re
import shutil
import subprocess
import typing

from processes import Skipped, has_ipv6

FAMILIES = ("udp", "tcp")
FAMILIES_6 = ("udp on [::1]", "tcp on [::1]")


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One row of the table. `role` is the peer's; `outcome` is what a run that passes has shown."""

    role: str
    flow: str
    transport: str
    run: typing.Callable
    outcome: str = "works"

    @property
    def title(self):
        return f"{self.role}: {self.flow} over {self.transport}"


def on(flow, transport):
    """A scenario to run: `flow` with a transport, on IPv6 where that says so."""
    def run(world):
        if transport in FAMILIES_6:
            if not has_ipv6():
                raise Skipped("no IPv6 on loopback")
            world.host = "[::1]"
        flow(world, transport[:3])
    return run


@dataclasses.dataclass(frozen=True)
class Peer:
    """A program that Vigil is tried with: how its version is asked for, and all its scenarios."""

    name: str
    program: str | None
    version_options: tuple
    version_pattern: str
    scenarios: list

    def is_missing(self):
        return self.program is not None and shutil.which(self.program) is None

    def version(self, vigil):
        """As the program itself says it, with a space in front; nothing for who has none."""
        if not self.version_pattern:
            return ""
        asked = subprocess.run([self.program or vigil, *self.version_options], text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=20, check=False)
        found = re.search(self.version_pattern, asked.stdout)
        return " " + (found[1] if found else "of unknown version")


HEAD = """# Interoperability

Who Vigil is tried with, in which role, and what came of it. Written by `./dev interop --write`
from a run on Debian 12 with the programs that Debian has; do not edit. A row is a scenario of
`tests/interop/` over real sockets: what is asserted is what the other side's user saw, or what
stood in the messages, and not an exit code alone. *Role* is the peer's. The SIPp scenarios can be
run by hand against any presence server: [tests/interop/sipp](../tests/interop/sipp/README.md).

"""


def page(results, version_of):
    """The text of the page; `results` is [(peer, scenario, result)]."""
    works = sum(result.startswith("works") for _, _, result in results)
    lines = [HEAD + f"{len(results)} scenarios, of which {works} work.", "",
             "| peer | its role | flow | transport | result |",
             "| --- | --- | --- | --- | --- |"]
    rows = {}
    for peer, scenario, result in results:
        rows.setdefault((peer.name, scenario.role, scenario.flow, result),
                        []).append(scenario.transport)
    versions = {peer.name: version_of(peer) for peer, _, _ in results}
    lines += [f"| {name}{versions[name]} | {role} | {flow} | {', '.join(transports)} | {result} |"
              for (name, role, flow, result), transports in rows.items()]
    return "\n".join(lines) + "\n"
