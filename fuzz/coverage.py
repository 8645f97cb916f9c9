"""Shows what fuzz targets reach: coverage.py BUILD/TARGET..., where BUILD/TARGET.json is the summary
that llvm-cov wrote of the target's inputs.

A line a source file of ours that some target links and reaches: lines reached by the target that
reaches most, of how many, and by all targets that reach it. Last, the sources that outside bytes
enter by, and whether each is above the bound.
"""

import json
import sys

ENTRY = ("sip/message/", "pidf/", "sip/transport/stream_framer.cpp")
BOUND = 95.0
CORE = ("sip/", "pidf/", "presence/")


def read(path):
    """Source file -> (lines reached, lines) of one target."""
    with open(path + ".json", encoding="utf-8") as file:
        data = json.load(file)["data"][0]
    found = {}
    for one in data["files"]:
        lines = one["summary"]["lines"]
        for folder in CORE:
            at = one["filename"].rfind("/" + folder)
            if at >= 0 and "/tests/" not in one["filename"] and "/fuzz/" not in one["filename"]:
                found[one["filename"][at + 1:]] = (lines["covered"], lines["count"])
                break
    return found


def main(paths):
    best = {}
    for path in paths:
        target = path.rsplit("/", 1)[1]
        for source, (covered, count) in read(path).items():
            if covered and (source not in best or covered > best[source][0]):
                best[source] = (covered, count, target)
    below = []
    for source, (covered, count, target) in sorted(best.items()):
        percent = 100.0 * covered / count
        is_entry = source.startswith(ENTRY) and source.endswith(".cpp")
        print(f"{percent:6.1f} %  {covered:5} of {count:5}  {target:16} {source}")
        if is_entry and percent < BOUND:
            below.append(f"{source} ({percent:.1f} %)")
    print(f"sources of the grammars below {BOUND:.0f} % of lines: {', '.join(below) or 'none'}")


if __name__ == "__main__":
    main(sys.argv[1:])
