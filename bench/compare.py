"""Ours, the floor and the peers in one interleaved run: medians of the rounds, and ratios."""
import os
import sys
import time

import servers
from servers import Floor, Kamailio, Vigil, each_us, load, median

ROWS = [
    ("notify", "NOTIFY out and its 200 in", "CPU us", 2),
    ("publish", "PUBLISH alone", "CPU us", 2),
    ("subscribe", "SUBSCRIBE set-up, with its NOTIFY", "CPU us", 2),
    ("refresh", "refresh", "CPU us", 2),
    ("unsubscribe", "unsubscribe", "CPU us", 2),
    ("notifications", "notifications on one core, 20 watchers", "a second", 0),
    ("lamp_p50", "publish to lamp, 300/s x 5, p50", "us", 0),
    ("lamp_p99", "publish to lamp, p99", "us", 0),
    ("lamp_max", "publish to lamp, longest", "us", 0),
    ("subscription", "memory a subscription", "bytes PSS", 0),
    ("live", "memory a live transaction (NOTIFY)", "bytes PSS", 0),
    ("completed", "memory a completed one (PUBLISH)", "bytes PSS", 0),
    ("idle", "idle", "KB PSS", 0),
    ("ready", "start to ready", "ms", 1),
]
WATCHERS = 20


class Sizes:
    def __init__(self, quick):
        self.rounds = 1 if quick else 3
        self.subscriptions = 2_000 if quick else 20_000
        self.publications = 2_000 if quick else 20_000
        self.seconds = 1 if quick else 4
        self.slice = 2_000 if quick else 33_000  # of subscriptions, for their memory
        self.slice_wait_s = 0 if quick else 34   # until their transactions are gone


def measure(kind, sizes):
    """One round of one server: each part has a server of its own, so that none inherits."""
    found = {}
    is_floor = kind is Floor
    presentities = sizes.subscriptions // WATCHERS
    people = ["--presentities", presentities, "--watchers", WATCHERS]
    with kind() as server:
        time.sleep(0.3)
        if not is_floor:
            found["idle"] = server.pss() / 1024
            found["ready"] = server.ready_s * 1000
        phases = load("refresh", *people, at=server.at())
        for name in ("subscribe", "refresh", "unsubscribe"):
            found[name] = each_us(phases[name])
        troubles(kind, phases)
    with kind() as server:
        phases = load("publish", "--presentities", sizes.publications // 10, "--count",
                      sizes.publications, "--keep", at=server.at())
        modify = phases["modify"]
        found["publish"] = each_us(modify)
        if not is_floor:
            found["completed"] = growth(modify) / modify["succeeded"]
        # Kamailio forgets a document that is refreshed; that phase is not looked at.
        troubles(kind, {"modify": modify})
    with kind(*(["--watchers", str(WATCHERS)] if is_floor else [])) as server:
        phases = load("fan-out", *people, "--seconds", sizes.seconds, "--window", 32, "--keep",
                      at=server.at())
        burst = phases["fan-out"]
        told = burst["notifications"]
        publishing = burst["succeeded"] * found["publish"] * 1000
        found["notify"] = (burst["server_cpu_ns"] - publishing) / told / 1000
        found["notifications"] = told / burst["duration_ns"] * 1e9
        troubles(kind, phases)
    if not is_floor:
        measure_pace(kind, sizes, found)
        measure_live(kind, people, found)
    return found


def measure_pace(kind, sizes, found):
    with kind() as server:
        phases = load("fan-out", "--presentities", 1_000 if sizes.rounds > 1 else 200,
                      "--watchers", 5, "--rate", 300, "--seconds", sizes.seconds, "--keep",
                      at=server.at())
        lamp = phases["fan-out"]
        for name in ("p50", "p99", "max"):
            found[f"lamp_{name}"] = lamp[f"lamp_{name}_ns"] / 1000
        troubles(kind, phases)


def measure_live(kind, people, found):
    with kind() as server:
        phases = load("fan-out", *people, "--mute", "--keep", at=server.at())
        burst = phases["fan-out"]
        found["live"] = growth(burst) / burst["notifications"]


def growth(phase):
    return phase["server_pss_after"] - phase["server_pss_before"]


def troubles(kind, phases):
    for name, phase in phases.items():
        if phase["failed"] or phase["retransmissions"] or phase["dropped_here"]:
            print(f"  {kind.name}, {name}: {phase['failed']} failed, {phase['retransmissions']} "
                  f"retransmitted, {phase['dropped_here']} dropped here {phase['statuses']}",
                  file=sys.stderr)


class Memory:
    """A server that gets a slice of subscriptions more each round. It is looked at before the next
    one, when the transactions are gone that brought the last: they take the room of those."""

    def __init__(self, kind, sizes):
        self.server, self.sizes, self.slices, self.seen = kind(), sizes, 0, []

    def add(self):
        self.look()
        load("subscribe", "--presentities", self.sizes.slice // WATCHERS, "--watchers", WATCHERS,
             "--keep", "--user-prefix", "abcdefgh"[self.slices % 8], "--expires", 7_000,
             at=self.server.at())
        self.slices += 1

    def look(self):
        if self.slices:
            self.seen.append((self.slices, self.server.pss()))

    def slope(self):
        (first, low), (last, high) = self.seen[0], self.seen[-1]
        return (high - low) / max(1, (last - first) * self.sizes.slice)


def run(quick, rounds=None):
    sizes = Sizes(quick)
    rounds = rounds or sizes.rounds
    kinds = [Floor, Vigil]
    if os.path.exists(servers.KAMAILIO):
        kinds.append(Kamailio)
    figures = {kind.name: [] for kind in kinds}
    memory = {kind.name: Memory(kind, sizes) for kind in kinds if kind is not Floor}
    begun = time.monotonic()
    try:
        for number in range(rounds):
            for each in memory.values():
                each.add()
            added = time.monotonic()
            for kind in kinds:
                figures[kind.name].append(measure(kind, sizes))
                print(f"  round {number + 1} of {rounds}, {kind.name}: "
                      f"{time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
            time.sleep(max(0.0, sizes.slice_wait_s - (time.monotonic() - added)))
        if rounds == 1:
            for each in memory.values():
                each.add()
            time.sleep(sizes.slice_wait_s)
        for name, each in memory.items():
            each.look()
            figures[name].append({"subscription": each.slope()})
    finally:
        for each in memory.values():
            each.server.stop()
    return {name: {row: median([f.get(row) for f in all_of]) for row, *_ in ROWS}
            for name, all_of in figures.items()}


def text_of(value, digits):
    return "" if value is None else f"{value:,.{digits}f}"


def ratio_of(a, b):
    return "" if not a or not b else f"{a / b:.2f}"


def table(figures):
    """Rows of texts, the first one the head."""
    ours, floor = figures["Vigil"], figures["floor"]
    peer = figures.get("Kamailio", {})
    rows = [["", "", "floor", "Kamailio", "Vigil", "of the floor", "of Kamailio"]]
    for row, title, unit, digits in ROWS:
        rows.append([title, unit, *(text_of(each.get(row), digits) for each in (floor, peer, ours)),
                     ratio_of(ours[row], floor.get(row)), ratio_of(ours[row], peer.get(row))])
    return rows


def print_table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(text.ljust(widths[i]) if i < 2 else text.rjust(widths[i])
                        for i, text in enumerate(row)), flush=True)
