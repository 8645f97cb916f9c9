"""Shows what fuzz targets reach: coverage.py BUILD TARGET..., where BUILD/TARGET.json is the
summary that llvm-cov wrote of the target's inputs, and BUILD/all.json that of all targets together.

A line for each target and source file of the core that it reaches: the lines reached, of how many.
Then the sources that outside bytes enter by, as all targets reach them, and which are below the
bound: those fail.
"""

import json
import sys

ENTRY = ("sip/message/", "pidf/", "sip/transport/stream_framer.cpp")
BOUND = 95.0
# Lines that no input reaches, with the reason; they do not count.
UNREACHED = {
    "pidf/xml.cpp": (9, "error handler of the XML library: nothing passes the guard that calls it"),
    "pidf/schema.cpp": (123, "tables that are made while compiling"),
    "sip/message/header_id.cpp": (5, "a table that is made while compiling"),
}
CORE = ("sip/", "pidf/", "presence/")


def read(path):
    """Source file of the core -> (lines reached, lines)."""
    with open(path, encoding="utf-8") as file:
        data = json.load(file)["data"][0]
    found = {}
    for one in data["files"]:
        lines, name = one["summary"]["lines"], one["filename"]
        if "/tests/" in name or "/fuzz/" in name:
            continue
        for at in (name.find("/" + folder) for folder in CORE):
            if at >= 0:
                found[name[at + 1:]] = (lines["covered"], lines["count"])
                break
    return found


def line_of(covered, count, source):
    return f"{100.0 * covered / count:6.1f} %  {covered:5} of {count:5}  {source}"


def main(build, targets):
    for target in targets:
        print(f"{target}:")
        for source, (covered, count) in sorted(read(f"{build}/{target}.json").items()):
            if covered:
                print(line_of(covered, count, source))
    print("the grammars, by all of these targets:")
    below = []
    for source, (covered, count) in sorted(read(f"{build}/all.json").items()):
        if not source.startswith(ENTRY) or not source.endswith(".cpp"):
            continue
        lines, why = UNREACHED.get(source, (0, ""))
        count -= lines
        print(line_of(covered, count, source) + (f" (without {lines}: {why})" if why else ""))
        if 100.0 * covered < BOUND * count:
            below.append(source)
    print(f"below {BOUND:.0f} % of lines: {', '.join(below) or 'none'}")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
