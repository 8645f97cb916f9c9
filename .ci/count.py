"""Counts the tests of one `meson test` run in a build folder, and shows those that failed.

    count.py BUILD [NAME...]   prints each failed test with its output, then `N passed, N failed`
                               (with `, N skipped`); exit code 1 if anything failed or nothing ran;
                               with names, only these were asked for
    count.py --self-test

A test is a doctest executable and counts by its own cases, unless it is in the suite `whole`: then
it counts as one. A doctest executable that crashes, is killed, or prints no summary fails, whatever
it printed before. A case that cannot run says so on a line that starts with `SKIPPED: `; it is
counted as skipped, not as passed.
"""

import json
import re
import sys

SUMMARY = re.compile(
    r"^\[doctest\] test cases: +(\d+) *\| +(\d+) passed \| +(\d+) failed \| +(\d+) skipped", re.M)
SKIPPED = re.compile(r"^SKIPPED: ", re.M)
OUTPUT_MAX = 20000


def is_whole(test):
    return any(suite.split(":")[-1] == "whole" for suite in test["suite"])


def count(test):
    """(passed, failed, skipped) of one test."""
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    output = re.sub(r"\x1b\[[0-9;]*m", "", test.get("stdout") or "")
    if test["result"] == "SKIP":
        return 0, 0, 1
    if is_whole(test):
        return (1, 0, 0) if good else (0, 1, 0)
    summaries = SUMMARY.findall(output)
    if not summaries:
        return 0, 1, 0
    passed = sum(int(s[1]) for s in summaries)
    failed = sum(int(s[2]) for s in summaries)
    skipped = sum(int(s[3]) for s in summaries)
    if not good and failed == 0:
        failed = 1
    said = min(len(SKIPPED.findall(output)), passed)
    return passed - said, failed, skipped + said


def show(test):
    output = "\n".join(filter(None, [test.get("stdout"), test.get("stderr")]))
    if len(output) > OUTPUT_MAX:
        output = "[...]\n" + output[-OUTPUT_MAX:]
    print(f"---- FAILED: {test['name']} ({test['result']}, exit {test.get('returncode')})")
    print(output.rstrip() or "(no output)")
    if not is_whole(test) and not SUMMARY.search(output):
        print("(it printed no doctest summary)")
    print(f"---- end of {test['name']}")


def results(build, names):
    """The listed tests as the log knows them; one that it does not know has failed."""
    with open(f"{build}/meson-info/intro-tests.json", encoding="utf-8") as listing:
        listed = {test["name"]: test["suite"] for test in json.load(listing)}
    with open(f"{build}/meson-logs/testlog.json", encoding="utf-8", errors="replace") as log:
        ran = [json.loads(line) for line in log if line.strip()]
    by_name = {test["name"].split(" / ")[-1]: test for test in ran}
    for name in names or listed:
        test = by_name.get(name, {"result": "NOT RUN"})
        yield {**test, "name": name, "suite": listed.get(name, [])}


def run(build, names):
    totals = [0, 0, 0]
    for test in results(build, names):
        counts = count(test)
        totals = [a + b for a, b in zip(totals, counts)]
        if counts[1]:
            show(test)
    passed, failed, skipped = totals
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or passed == 0 else 0


def self_test():
    line = "[doctest] test cases: {} | {} passed | {} failed | {} skipped\n"

    def case(result, stdout, suite=()):
        return count({"name": "t", "result": result, "stdout": stdout, "suite": list(suite)})

    assert case("OK", line.format(3, 3, 0, 1)) == (3, 0, 1)
    assert case("OK", line.format("  3", "  3", " 0", " 0")) == (3, 0, 0)
    assert case("FAIL", line.format(3, 2, 1, 0)) == (2, 1, 0)
    assert case("FAIL", line.format(3, 3, 0, 0)) == (3, 1, 0), "a crash at exit"
    assert case("OK", "") == (0, 1, 0), "no summary"
    assert case("TIMEOUT", "") == (0, 1, 0)
    assert case("OK", "SKIPPED: no standards\n" + line.format(3, 3, 0, 0)) == (2, 0, 1)
    assert case("OK", "", ["vigil:whole"]) == (1, 0, 0)
    assert case("NOT RUN", "") == (0, 1, 0)
    assert case("FAIL", "", ["whole"]) == (0, 1, 0)
    assert case("SKIP", "", ["whole"]) == (0, 0, 1)
    assert case("OK", "\x1b[0;36m[doctest] \x1b[0mtest cases: 1 | 1 passed | 0 failed | 0 skipped"
                ) == (1, 0, 0)


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test()
    elif len(sys.argv) >= 2:
        sys.exit(run(sys.argv[1], sys.argv[2:]))
    else:
        sys.exit(__doc__)
