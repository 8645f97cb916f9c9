#!/usr/bin/env python3
"""What programs weigh: text, rodata, data and unwind tables of what is ours, in bytes.

.ci/sizes.py BUILD PROFILE            shows it beside bench/sizes.tsv; exit code 1 past a budget
.ci/sizes.py BUILD PROFILE --parts NAME   the same by folder, and the largest functions

The C and C++ libraries are linked dynamically and so weigh nothing here. Of a program with
third-party headers (vigil: CLI11, nlohmann, toml11, fmt) what they instantiate is told by its
mangled name and left out; what the standard library's templates instantiate is ours.
"""
import collections
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BUDGETS = os.path.join(os.path.dirname(HERE), "bench", "sizes.tsv")
PROGRAMS = {"watch_by_poll": "apps/examples/watch_by_poll",
            "edge_presence_agent": "apps/examples/edge_presence_agent",
            "whole_core": "whole_core", "vigil": "vigil"}
COUNTED = re.compile(r"\.(text|rodata|data|data\.rel\.ro|eh_frame|eh_frame_hdr|gcc_except_table)$")
# A function's own scope: the first name of its mangled name.
THIRD_PARTY = re.compile(r"^_ZG?[TVRISH]*[NKLZ]*(8nlohmann|3CLI|4toml|3fmt|8rapidxml)")
# A program of the small profile asks nothing of these.
FORBIDDEN = re.compile(r"__cxa_(throw|begin_catch|allocate)|__gxx_personality|_ZT[IVS]St|_ZNSt|"
                       r"_ZNKSt|_ZSt4cout|locale|__dynamic_cast")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def sections(path):
    rows = (line.split() for line in output("size", "-A", path).splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 3 and COUNTED.match(row[0])}


def symbols(path):
    """(size, name) of each place once: aliases share theirs."""
    at = {}
    for line in output("nm", "-S", path).splitlines():
        row = line.split()
        if len(row) == 4 and row[2] in "tTwWrRdDvVuB":
            at[row[0]] = (int(row[1], 16), row[3])
    return at.values()


def weigh(path):
    total = sum(sections(path).values())
    others = sum(size for size, name in symbols(path) if THIRD_PARTY.match(name))
    return total - others, others


def budgets(profile):
    found = {}
    with open(BUDGETS, encoding="utf-8") as rows:
        for row in rows:
            if row.startswith("#") or not row.strip():
                continue
            of, program, most = row.split()
            if of == profile:
                found[program] = int(most)
    return found


def parts(path):
    by_scope = collections.Counter()
    for size, name in symbols(path):
        plain = re.findall(r"\d+([A-Za-z_]\w*)", name)
        scope = re.match(r"^_ZG?[TVRISH]*[NKLZ]*\d*([a-z_]+)", name)
        by_scope[f"{scope.group(1) if scope else '-'}::{plain[1][:24] if len(plain) > 1 else ''}"] += size
    for scope, size in by_scope.most_common(40):
        print(f"{size:8} {scope}")
    print(sections(path))
    names = sorted(symbols(path), reverse=True)[:40]
    plain = subprocess.run(["c++filt"], input="\n".join(n for _, n in names), text=True,
                           capture_output=True, check=True).stdout.splitlines()
    for (size, _), name in zip(names, plain):
        print(f"{size:8} {name[:110]}")


def main(build, profile, rest):
    if rest[:1] == ["--parts"]:
        return parts(os.path.join(build, PROGRAMS[rest[1]]))
    passed = failed = 0
    for program, most in budgets(profile).items():
        path = os.path.join(build, PROGRAMS[program])
        ours, others = weigh(path)
        wrong = "  OVER BUDGET" if ours > most else ""
        if profile == "embedded" and program != "vigil":
            asked = output("nm", "-D", "--undefined-only", path).split()
            unwanted = [name for name in asked if FORBIDDEN.search(name)]
            wrong += f"  ASKS FOR {' '.join(unwanted)}" if unwanted else ""
        failed += bool(wrong)
        passed += not wrong
        print(f"{profile:9} {program:20} {ours:9} bytes, budget {most}"
              + (f" ({others} of third-party headers)" if others else "") + wrong, flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
