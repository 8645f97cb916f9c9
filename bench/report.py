"""How a server grows: series of measurements, each a table and plots, written between the markers
of docs/performance.md. A series is bounded in time: sizes that it did not come to are not shown.
"""
import contextlib
import os
import re
import resource
import subprocess
import sys
import textwrap
import time

import plot
from servers import BESIDE_MANY, HERE, MANY, ManyWorkers, Vigil, each_us, load

COLUMNS = 100
US = "us: microseconds of CPU of the server."
DOCS = os.path.join(os.path.dirname(HERE), "docs")


class Series:
    """What one series gives: a table, and plots by name."""

    def __init__(self, head, note=""):
        self.head, self.note, self.rows, self.plots, self.cut = head, note, [], {}, []

    def add(self, *row):
        self.rows.append(row)
        print("    " + ", ".join(f"{title} {text(value)}" for title, value in zip(self.head, row)),
              file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def trying(self, size):
        """A size that this machine cannot have is said, and the series goes on."""
        try:
            yield
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            print(f"    {size}: {error}", file=sys.stderr, flush=True)
            self.cut.append(size)

    def draw(self, name, title, y_title, columns, x_log=True, y_log=False):
        self.plots[name] = (title, y_title, columns, x_log, y_log)

    def markdown(self, page):
        lines = ["| " + " | ".join(self.head) + " |", "|" + "---:|" * len(self.head)]
        lines += ["| " + " | ".join(text(value) for value in row) + " |" for row in self.rows]
        if self.cut:
            sizes = ", ".join(plot.short(size) for size in self.cut)
            lines += ["", *textwrap.wrap("Not reached in the time of the series, or on this "
                                         f"machine: {sizes}.", COLUMNS)]
        if self.note:
            lines += ["", *textwrap.wrap(self.note, COLUMNS)]
        for name, (title, *_) in self.plots.items():
            lines += ["", f"![{title}]({page}/{name}.svg)"]
        return "\n".join(lines)

    def drawings(self):
        for name, (title, y_title, columns, x_log, y_log) in self.plots.items():
            lines = {name: [(row[0], row[c]) for row in self.rows]
                     for c, name in columns.items()}
            yield name, plot.line_plot(title, self.head[0], y_title, lines, x_log, y_log)


def text(value):
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def within(budget_s, sizes, series, grows=True):
    """The sizes in their order, as long as there is time: a size takes longer than the one before
    it by what it is greater, or as long where nothing grows."""
    begun = last = time.monotonic()
    spent = 0.0
    for i, size in enumerate(sizes):
        growth = size / sizes[i - 1] if i and grows else 1
        if last - begun + spent * growth > budget_s:
            series.cut += sizes[i:]
            return
        yield size
        now = time.monotonic()
        spent, last = now - last, now


def ms(phase, name):
    value = phase.get(name)
    return None if value is None else value / 1e6


# ---- The series ----------------------------------------------------------------------------------

def subscriptions(quick):
    sizes = [1_000, 2_000, 5_000] if quick else [1_000, 10_000, 100_000, 300_000, 1_000_000]
    series = Series(["subscriptions", "set-up, us", "refresh, us", "PSS, MB", "bytes each",
                     "set-up p99, ms"],
                    f"{US} "
                    "20 watchers a presentity. Memory is looked at when the last one is set up: "
                    "the transactions of the last 32 seconds are still there.")
    for size in within(20 if quick else 240, sizes, series):
        with series.trying(size):
            with Vigil() as server:
                phases = load("refresh", "--presentities", size // 20, "--watchers", 20, "--count",
                              min(size, 50_000), "--keep", "--expires", 7_000, at=server.at())
                made = phases["subscribe"]
                grown = made["server_pss_after"] - made["server_pss_before"]
                series.add(size, each_us(made), each_us(phases["refresh"]),
                           made["server_pss_after"] / 2 ** 20, grown / size,
                           ms(made, "whole_p99_ns"))
    series.draw("subscriptions_cpu", "CPU time by subscriptions held", "us of CPU each",
                {1: "set-up, with its NOTIFY", 2: "refresh, with its NOTIFY"})
    series.draw("subscriptions_memory", "Memory by subscriptions held", "bytes each",
                {4: "a subscription and its transactions"})
    return series


def watchers(quick):
    sizes = [1, 10, 100] if quick else [1, 10, 100, 1_000, 10_000, 100_000]
    series = Series(["watchers", "last, ms", "NOTIFY, us", "burst, MB", "OPTIONS p50, ms",
                     "p99", "longest", "sent again"],
                    f"{US} "
                    "One presentity publishes, one change at a time; by UDP. The time is that from "
                    "sending the PUBLISH to the last NOTIFY. OPTIONS come at 200 a second from "
                    "another socket meanwhile; how long they take. Sent again: NOTIFYs that were "
                    "lost, or their 200.")
    for size in within(20 if quick else 120, sizes, series):
        with series.trying(size):
            with Vigil() as server:
                phases = load("fan-out", "--presentities", 1, "--watchers", size, "--window", 1,
                              "--count", 3 if size > 1_000 else 100, "--probe", 200, "--keep",
                              at=server.at())
                burst = phases["fan-out"]
                if burst["succeeded"] == 0:
                    series.cut.append(size)
                    continue
                series.add(size, ms(burst, "whole_p50_ns"),
                           each_us(burst, burst["notifications"]),
                           max(0, burst["server_pss_after"] - burst["server_pss_before"]) / 2 ** 20,
                           ms(burst, "probe_p50_ns"), ms(burst, "probe_p99_ns"),
                           ms(burst, "probe_max_ns"), burst["repeated"] + burst["dropped_here"])
    series.draw("watchers_time", "One publication to all watchers", "ms",
                {1: "PUBLISH to the last NOTIFY", 6: "longest OPTIONS meanwhile"}, y_log=True)
    series.draw("watchers_cpu", "CPU time by watchers a presentity", "us of CPU a NOTIFY",
                {2: "NOTIFY, with its share of the PUBLISH"})
    return series


def publications(quick):
    sizes = [1, 2, 5] if quick else [1, 2, 5, 10, 20, 50, 100]
    series = Series(["publications", "PUBLISH alone, us", "with 5 watchers, us",
                     "bytes a NOTIFY"],
                    f"{US} "
                    "Each is of a device of its own, and all stand in the document that watchers "
                    "see; by TCP, since they do not fit into a datagram of 1300 bytes.")
    for size in within(15 if quick else 60, sizes, series):
        with series.trying(size):
            people = ["--presentities", 100, "--publications", size, "--connections", 4]
            count = 1_000 if quick else max(2_000, 100 * size)
            with Vigil() as server:
                alone = load("publish", *people, "--count", count, "--keep", at=server.at("tcp"))
            with Vigil() as server:
                told = load("fan-out", *people, "--watchers", 5, "--count", count // 4, "--window",
                            16, "--keep", at=server.at("tcp"))["fan-out"]
            series.add(size, each_us(alone["modify"]), each_us(told) if told["succeeded"] else None,
                       told["received_bytes"] / max(1, told["notifications"]))
    series.draw("publications", "CPU time by publications a presentity", "us of CPU a PUBLISH",
                {1: "alone", 2: "with 5 watchers"}, y_log=True)
    return series


def documents(quick):
    sizes = [300, 1_000, 4_000] if quick else [300, 1_000, 4_000, 16_000, 60_000]
    series = Series(["document, bytes", "PUBLISH alone, us", "NOTIFY, us", "NOTIFYs a second",
                     "MB a second"],
                    f"{US} "
                    "20 watchers a presentity, by TCP, 4 connections.")
    for size in within(15 if quick else 60, sizes, series):
        with series.trying(size):
            people = ["--presentities", 100, "--connections", 4, "--body-bytes", size]
            seconds = 0.5 if quick else 2
            with Vigil() as server:
                alone = load("publish", *people, "--count", 1_000, "--keep", at=server.at("tcp"))
            with Vigil() as server:
                told = load("fan-out", *people, "--watchers", 20, "--seconds", seconds, "--window",
                            8, "--keep", at=server.at("tcp"))["fan-out"]
            publish_us = each_us(alone["modify"])
            each = (told["server_cpu_ns"] / 1000 - told["succeeded"] * publish_us) \
                / max(1, told["notifications"])
            a_second = told["notifications"] / told["duration_ns"] * 1e9
            series.add(size, publish_us, each, a_second,
                       told["received_bytes"] / told["duration_ns"] * 1e3)
    series.draw("documents", "CPU time by size of the document", "us of CPU",
                {1: "PUBLISH alone", 2: "NOTIFY and its 200"}, y_log=True)
    return series


def rate(quick):
    series = Series(["changes a second", "held: NOTIFYs each", "not held", "held: us each",
                     "not held"],
                    f"{US} "
                    "Changes are those of one presentity. RFC 3856 6.10: a watcher is told of "
                    "changes at most once in 5 seconds (the default), or of each. 50 presentities "
                    "with 5 watchers each.")
    for size in within(30 if quick else 100, [1, 4, 20], series, grows=False):
        with series.trying(size):
            row = []
            for interval in ("5", "0"):
                with Vigil("--notify-interval", interval) as server:
                    changes = load("publish", "--presentities", 50, "--watchers", 5, "--rate",
                                   size * 50, "--seconds", 2 if quick else 11, "--keep",
                                   at=server.at())["modify"]
                    row.append((changes["notifications"] / max(1, changes["succeeded"]),
                                each_us(changes)))
            series.add(size, row[0][0], row[1][0], row[0][1], row[1][1])
    series.draw("rate", "What changes cost, held back and not", "us of CPU a change",
                {3: "held 5 s", 4: "not held"})
    return series


def connections_max():
    """20,000, or as many as a process may open here."""
    return min(20_000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500)


def connections(quick):
    sizes = [1, 10, 100] if quick else [1, 10, 100, 1_000, 5_000, connections_max()]
    series = Series(["connections", "set-up, us", "refresh, us", "NOTIFY, us", "bytes each"],
                    f"{US} "
                    "TCP; subscriptions are spread over them, 5 watchers a presentity. A NOTIFY "
                    "has its share of the PUBLISH in it.")
    first = None  # memory with one connection
    for size in within(20 if quick else 120, sizes, series):
        with series.trying(size):
            people = ["--presentities", max(200 if quick else 2_000, size // 5), "--watchers", 5,
                      "--connections", size, "--keep"]
            with Vigil() as server:
                made = load("refresh", *people, at=server.at("tcp"))
            with Vigil() as server:
                told = load("fan-out", *people, "--seconds", 0.5 if quick else 2, "--window", 16,
                            at=server.at("tcp"))["fan-out"]
            opened = made["subscribe"]["server_pss_before"]
            first = first or opened
            series.add(size, each_us(made["subscribe"]), each_us(made["refresh"]),
                       each_us(told, told["notifications"]),
                       (opened - first) / size if size >= 100 else None)
    series.draw("connections", "CPU time by connections", "us of CPU each",
                {1: "set-up", 2: "refresh", 3: "NOTIFY"})
    return series


def workers(quick):
    sizes = [n for n in (1, 2, 4, 8, 16, 32, 64) if n <= max(2, len(MANY))]
    series = Series(["workers", "SUBSCRIBE, us", "/s", "gen.", "PUBLISH, us",
                     "/s", "gen.", "NOTIFY, us", "/s", "gen."],
                    f"{US} The generator sends from 16 UDP sockets. What it takes itself is told "
                    "as its share of one processor. " +
                    ("It has a processor of its own, and the server all others."
                     if MANY != BESIDE_MANY else
                     f"It and the server share {len(MANY)} processors, so what it takes is not "
                     "there for the second worker.") +
                    " A SUBSCRIBE has its NOTIFY in it, a NOTIFY its share of the PUBLISH; 20 "
                    "watchers a presentity.")
    many = {"--connections": 16, "--window": 256}
    options = [part for pair in many.items() for part in pair]
    for size in within(30 if quick else 120, sizes, series, grows=False):
        with series.trying(size):
            row = []
            people = ["--presentities", 100 if quick else 2_000, "--watchers", 20, *options]
            count = ["--count", 1_000 if quick else 100_000]
            with ManyWorkers(str(size)) as server:
                row += spent(load("subscribe", *people, "--keep", at=server.at(),
                                  processors=BESIDE_MANY)["subscribe"])
            with ManyWorkers(str(size)) as server:
                row += spent(load("publish", "--presentities", 2_000, *options, *count, "--keep",
                                  at=server.at(), processors=BESIDE_MANY)["modify"])
            with ManyWorkers(str(size)) as server:
                told = load("fan-out", *people, "--seconds", 0.5 if quick else 5, "--keep",
                            at=server.at(), processors=BESIDE_MANY)["fan-out"]
                row += spent(told, told["notifications"])
            series.add(size, *row)
    series.draw("workers", "Throughput by workers", "operations a second",
                {2: "SUBSCRIBE, with its NOTIFY", 5: "PUBLISH", 8: "NOTIFY"}, x_log=False)
    return series


def spent(phase, count=None):
    """CPU of the server for each, how many a second, and what the generator took meanwhile."""
    done = count or phase["succeeded"]
    return [each_us(phase, done), done / phase["duration_ns"] * 1e9,
            f"{phase['own_cpu_ns'] / phase['duration_ns']:.0%}"]


ALL = {"subscriptions": subscriptions, "watchers": watchers, "publications": publications,
       "documents": documents, "rate": rate, "connections": connections, "workers": workers}


# ---- The page ------------------------------------------------------------------------------------

def put(page, name, content):
    """The page with what stands between the markers of `name` replaced."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    found = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.S)
    if not found.search(page):
        raise SystemExit(f"bench: docs/performance.md has no markers {begin} and {end}")
    return found.sub(lambda _: f"{begin}\n{content}\n{end}", page, count=1)


def run(options):
    chosen = options.series or [*ALL, "comparison"]
    for name in chosen:
        if name not in ALL and name != "comparison":
            raise SystemExit(f"bench: no such series: {name}; there are {', '.join(ALL)} and "
                             "comparison")
    target = options.out or DOCS
    folder = os.path.join(target, "performance")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(DOCS, "performance.md")) as file:
        page = file.read()
    for name in chosen:
        print(f"{name}:", file=sys.stderr, flush=True)
        if name == "comparison":
            page = put(page, name, comparison(options))
        else:
            series = ALL[name](options.quick)
            for title, drawing in series.drawings():
                with open(os.path.join(folder, f"{title}.svg"), "w") as file:
                    file.write(drawing)
            page = put(page, name, series.markdown("performance"))
        # Each series as it ends: what is done is not lost where the next one fails.
        with open(os.path.join(target, "performance.md"), "w") as file:
            file.write(page)
    print(f"wrote {os.path.join(target, 'performance.md')}")
    return 0


def comparison(options):
    import compare
    rows = compare.table(compare.run(options.quick, options.rounds))
    lines = ["| " + " | ".join(rows[0]) + " |", "|---|---|" + "---:|" * (len(rows[0]) - 2)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows[1:]])
