"""Where instructions go: by function, for each operation of a presence server (stack_bench)."""
import collections
import os
import re
import subprocess
import tempfile

ROUNDS = 300
WIDEST = 14


def short(name):
    """`sip::X::f(int)` as `X::f`: no arguments, no template arguments, no hidden namespace."""
    name = name.replace("(anonymous namespace)::", "").replace(" const", "")
    out, depth = "", 0
    for c in re.sub(r"'\d+$", "", name):
        depth += c in "<("
        if depth == 0:
            out += c
        depth -= c in ">)"
    return out.strip().split(" ")[-1].removeprefix("sip::")


def by_function(program, operation):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out")
        subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=measured",
                        f"--callgrind-out-file={out}", program, operation, str(ROUNDS)],
                       capture_output=True, timeout=300, check=True)
        text = subprocess.run(["callgrind_annotate", "--threshold=99.5", out],
                              capture_output=True, text=True, timeout=300, check=True).stdout
    found, total = collections.Counter(), 0
    for line in text.splitlines():
        row = re.match(r"^\s*([\d,]+) \([ \d.]+%\)\s+(.*)$", line)
        if not row:
            continue
        count = int(row[1].replace(",", ""))
        if "PROGRAM TOTALS" in row[2]:
            total = count
        else:
            found[short(re.sub(r" \[.*\]$", "", row[2]).split(":", 1)[-1])] += count
    return total / ROUNDS, {name: count / ROUNDS for name, count in found.items()}


def print_all(program, operations):
    for operation in operations:
        total, found = by_function(program, operation)
        print(f"\n{operation}: {total:.0f} instructions")
        for name, count in sorted(found.items(), key=lambda each: -each[1])[:WIDEST]:
            print(f"{count:9.0f} {100 * count / total:5.1f} %  {name}", flush=True)
