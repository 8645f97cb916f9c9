#!/usr/bin/env python3
"""What programs weigh: text, rodata, data and unwind tables of what is ours, in bytes.

.ci/sizes.py (BUILD PROFILE)...       shows it beside bench/sizes.tsv; exit code 1 past a budget
.ci/sizes.py BUILD --parts NAME       the same by folder, and the largest functions

The C and C++ libraries are linked dynamically. What their headers and third-party ones (CLI11,
nlohmann, toml11, fmt, RapidXML) instantiate is told by its mangled name and left out, with its
unwind tables: a function or table of theirs, and one of the standard library that is about no type
of ours (std::map<std::string, int>). What is about one of ours is ours, whoever wrote the template.
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
SCOPE = r"^_Z(GR|GV|T[VTIS]|Th\w*?_)?[NKLZRO]*"
THIRD_PARTY = re.compile(SCOPE + r"(8nlohmann|3CLI|4toml|3fmt|8rapidxml)")
STANDARD = re.compile(SCOPE + r"(S[abdiost]|9__gnu_cxx|2tl)")
OURS = re.compile(r"3sip|4pidf|8presence|4edge|5vigil|4load|4main")
# What the core may ask of the C library; an example asks for sockets and clocks besides, and none
# for what is about exceptions, types at run time, streams, locales, formatting, or a heap.
CORE_ASKS = {"memchr", "memcmp", "memcpy", "memmove", "memset", "strlen", "abort", "_setjmp", "longjmp",
             "__libc_start_main", "__gmon_start__"}
FORBIDDEN = re.compile(r"^_Z|^__cxa|^__gxx|^_Unwind|locale|^(m|c|re)alloc$|^free$|alloc|printf_chk$")


def unwanted(path, program):
    asked = {name.split("@")[0] for name in
             re.findall(r" [UwW] (\S+)", output("nm", "-D", "--undefined-only", path))}
    if program == "whole_core":
        return sorted(asked - CORE_ASKS)
    return sorted(name for name in asked if FORBIDDEN.search(name))


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def sections(path):
    rows = (line.split() for line in output("size", "-A", path).splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 3 and COUNTED.match(row[0])}


def symbols(path):
    """(size, name) by place, each once: aliases share theirs."""
    at = {}
    for line in output("nm", "-S", path).splitlines():
        row = line.split()
        if len(row) == 4 and row[2] in "tTwWrRdDvVu":
            at[int(row[0], 16)] = (int(row[1], 16), row[3])
    return at


def is_ours(name):
    return not THIRD_PARTY.match(name) and (not STANDARD.match(name) or bool(OURS.search(name)))


def unwind_tables(path):
    """(place of a function, bytes) for its share of .eh_frame, its header and .gcc_except_table."""
    at = {row[0]: (int(row[2], 16), int(row[1], 16)) for row in
          map(str.split, output("size", "-A", "-x", path).splitlines()) if len(row) == 3
          and row[0].startswith(".")}
    frames, handlers = at.get(".eh_frame", (0, 0))[0], at.get(".gcc_except_table", (0, 0))
    shares, tables, with_table, relative = {}, {}, False, False
    for line in output("readelf", "--debug-dump=frames", path).splitlines():
        entry = re.match(r"([0-9a-f]+) ([0-9a-f]+) [0-9a-f]+ (CIE|FDE.* pc=([0-9a-f]+))", line)
        data = re.match(r"  Augmentation data: +([0-9a-f ]+)$", line)
        if entry:
            offset, place = int(entry.group(1), 16), entry.group(4) and int(entry.group(4), 16)
            if place:
                shares[place] = int(entry.group(2), 16) + 4 + 8
        elif line.startswith("  Augmentation: "):
            with_table = '"zPLR"' in line
        elif data and with_table and place is None:
            relative = bytes.fromhex(data.group(1))[5] & 0x70 == 0x10
        elif data and with_table:
            table = int.from_bytes(bytes.fromhex(data.group(1))[:4], "little", signed=relative)
            if table:
                tables[table + (frames + offset + 17 if relative else 0)] = place
    ends = sorted(tables)[1:] + [sum(handlers)]
    for begin, end in zip(sorted(tables), ends):
        shares[tables[begin]] += end - begin
    return shares.items()


def weigh(path):
    total = sum(sections(path).values())
    theirs = {place: size for place, (size, name) in symbols(path).items() if not is_ours(name)}
    others = sum(theirs.values())
    others += sum(size for place, size in unwind_tables(path) if place in theirs)
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
    for size, name in symbols(path).values():
        plain = re.findall(r"\d+([A-Za-z_]\w*)", name)
        scope = re.match(r"^_ZG?[TVRISH]*[NKLZ]*\d*([a-z_]+)", name)
        by_scope[f"{scope.group(1) if scope else '-'}::{plain[1][:24] if len(plain) > 1 else ''}"] += size
    for scope, size in by_scope.most_common(40):
        print(f"{size:8} {scope}")
    print(sections(path))
    names = sorted(symbols(path).values(), reverse=True)[:40]
    plain = subprocess.run(["c++filt"], input="\n".join(n for _, n in names), text=True,
                           capture_output=True, check=True).stdout.splitlines()
    for (size, _), name in zip(names, plain):
        print(f"{size:8} {name[:110]}")


def compare(build, profile):
    passed = failed = 0
    for program, most in budgets(profile).items():
        path = os.path.join(build, PROGRAMS[program])
        ours, others = weigh(path)
        wrong = "  OVER BUDGET" if ours > most else ""
        if profile == "embedded" and program != "vigil":
            asked = unwanted(path, program)
            wrong += f"  ASKS FOR {' '.join(asked)}" if asked else ""
        failed += bool(wrong)
        passed += not wrong
        print(f"{profile:9} {program:20} {ours:9} bytes, budget {most} "
              f"({others} of third-party headers){wrong}", flush=True)
    return passed, failed


def main(arguments):
    if arguments[1:2] == ["--parts"]:
        return parts(os.path.join(arguments[0], PROGRAMS[arguments[2]]))
    counts = [compare(*pair) for pair in zip(arguments[::2], arguments[1::2])]
    passed, failed = map(sum, zip(*counts))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
