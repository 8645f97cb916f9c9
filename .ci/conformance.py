"""Requirements against the tests that cite them.

    conformance.py --check                     every id that a test cites exists; else exit code 1
    conformance.py --write [--standards DIR]   writes docs/conformance.md; where a standards folder
                                               is there (default: ../shared/rfc beside the clone),
                                               reads docs/requirements.tsv anew from it first
    conformance.py --self-test

A test cites requirements at the start of its name, before the first colon:
TEST_CASE("R3261-20.42-1 T-1: Via is parsed with white space around the slash"). Ids are those of
docs/requirements.tsv: R<rfc>-<section>-<n>, D-<n>, ROUR-<n>, and T-<n> for a row of the threats.
"""

import pathlib
import re
import sys
from collections import defaultdict

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs/requirements.tsv"
PAGE = ROOT / "docs/conformance.md"

ID = re.compile(r"\b(?:R\d{4}-[0-9A-Z][\w.]*(?:-\w+)*|ROUR-\d+|D-\d+|T-\d+)(?![\w-])")
NAME = re.compile(r'\bTEST_CASE(?:_\w+)?\(\s*(?:[\w:]+,\s*)?((?:"(?:[^"\\]|\\.)*"\s*)+)')
RANGE = re.compile(r"^(R\d{4}-(?:\d+\.)*)(\d+)\.\.(?:\d+\.)*(\d+)$")
REQUIREMENT = re.compile(r"^- (\S+) \| ([^|]+) \| ([^|]+) \| (.+)$")
THREAT = re.compile(r"^\| (\d+) \| ([^|]+) \| (.+) \| (\w) \|$")


def expand(identifier):
    """R4475-3.1.1.1..13 stands for thirteen ids."""
    spread = RANGE.match(identifier)
    if not spread:
        return [identifier]
    stem, first, last = spread.group(1), int(spread.group(2)), int(spread.group(3))
    return [f"{stem}{n}" for n in range(first, last + 1)]


def read_standards(requirements, threats):
    """The lines of the table: `# heading`, or id, role, strength and text with tabs between."""
    lines = []
    for line in requirements.splitlines():
        heading = re.match(r"^##+ (.+)$", line)
        if heading:
            lines.append("# " + heading.group(1))
        found = REQUIREMENT.match(line)
        if found:
            identifier, role, strength, text = (part.strip() for part in found.groups())
            text = re.sub(r" \(`\.\./[^`]*`\)", "", text.replace("\t", " "))
            text = re.sub(r"`\.\./rfc/([^`]*)`", r"`\1` of the standards folder", text)
            lines += ["\t".join((one, role, strength, text)) for one in expand(identifier)]
    lines.append("# Threats")
    for line in threats.splitlines():
        found = THREAT.match(line)
        if found:
            number, threat, answer, severity = found.groups()
            lines.append("\t".join((f"T-{number}", "A", severity, f"{threat}: {answer}")))
    return lines


def read_table(text):
    """[(heading, [(id, role, strength, text)])]"""
    sections = []
    for line in text.splitlines():
        if line.startswith("# "):
            sections.append((line[2:], []))
        elif line:
            sections[-1][1].append(tuple(line.split("\t")))
    return sections


def citations(text):
    """(the ids before the colon, ids that stand elsewhere in the name) of each test in a source."""
    for match in NAME.finditer(text):
        name = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', match.group(1)))
        before, colon, after = name.partition(":")
        if not colon:
            before, after = "", name
        yield ID.findall(before), ID.findall(after)


def cited(root):
    """id -> the test files that cite it; and what is wrong with the citations."""
    where, wrong = defaultdict(set), []
    for path in sorted(root.rglob("*_test.cpp")):
        relative = path.relative_to(root).as_posix()
        for before, after in citations(path.read_text(encoding="utf-8")):
            for identifier in before:
                where[identifier].add(relative)
            wrong += [f"{relative}: {one} stands behind the colon of a name" for one in after]
    return where, wrong


def unknown(where, sections):
    known = {row[0] for _, rows in sections for row in rows}
    return [f"{path}: there is no requirement {identifier}"
            for identifier, paths in sorted(where.items()) if identifier not in known
            for path in sorted(paths)]


def page(sections, where):
    total = sum(len(rows) for _, rows in sections)
    done = sum(row[0] in where for _, rows in sections for row in rows)
    lines = [
        "# Conformance", "",
        "Each requirement and the tests that cite it, written by `./dev docs`; do not edit.",
        "*Open* means that no test cites it: it may be built, and nothing proves it.", "",
        f"**{done} of {total} requirements are cited by a test.**", "",
        "| section | cited | of |", "| --- | ---: | ---: |",
    ]
    lines += [f"| {heading} | {sum(row[0] in where for row in rows)} | {len(rows)} |"
              for heading, rows in sections if rows]
    for heading, rows in sections:
        if not rows:
            continue
        lines += ["", f"## {heading}", "", "| id | strength | requirement | tests |",
                  "| --- | --- | --- | --- |"]
        for identifier, _, strength, text in rows:
            tests = ", ".join(f"`{path}`" for path in sorted(where.get(identifier, ())))
            safe = text.replace("|", "\\|")
            lines.append(f"| {identifier} | {strength} | {safe} | {tests or '*open*'} |")
    return "\n".join(lines) + "\n"


def check():
    where, wrong = cited(ROOT / "tests")
    wrong += unknown(where, read_table(TABLE.read_text(encoding="utf-8")))
    for line in wrong:
        print("tests/" + line)
    return 1 if wrong else 0


def write(standards):
    requirements = standards.parent / "spec/requirements.md"
    threats = standards.parent / "design/threats.md"
    if requirements.is_file() and threats.is_file():
        lines = read_standards(requirements.read_text(encoding="utf-8"),
                               threats.read_text(encoding="utf-8"))
        TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sections = read_table(TABLE.read_text(encoding="utf-8"))
    where, _ = cited(ROOT / "tests")
    PAGE.write_text(page(sections, where), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return check()


def self_test():
    assert expand("R4475-3.1.1.1..13")[-1] == "R4475-3.1.1.13"
    assert len(expand("R5118-4.1..4.10")) == 10 and expand("D-1") == ["D-1"]
    assert expand("R5118-4.1..4.10")[9] == "R5118-4.10"
    table = read_standards(
        "## 1. A\n### 1.1 B\n- R3261-7.1-1 | A | MUST | says (`../x.md`) a.\nnoise\n"
        "- R4475-3.3.1..3 | A | MUST NOT | b | c\n",
        "| # | threat |\n| 7 | a flood | it stands | C |\n")
    sections = read_table("\n".join(table))
    assert [len(rows) for _, rows in sections] == [0, 4, 1], sections
    assert sections[1][1][0] == ("R3261-7.1-1", "A", "MUST", "says a.")
    assert sections[2][1][0] == ("T-7", "A", "C", "a flood: it stands")
    source = ('TEST_CASE("R3261-7.1-1 T-7: a") {}\nTEST_CASE("plain") {}\n'
              'TEST_CASE(\n    "R9999-1-1: b "\n    "R3261-7.1-1") {}\n'
              'TEST_CASE_FIXTURE(World, "D-3 R6665-FSM-2 ROUR-1 R3261-OUR-4: c") {}\n')
    found = list(citations(source))
    assert found == [(["R3261-7.1-1", "T-7"], []), ([], []), (["R9999-1-1"], ["R3261-7.1-1"]),
                     (["D-3", "R6665-FSM-2", "ROUR-1", "R3261-OUR-4"], [])], found
    where = {"R3261-7.1-1": {"a_test.cpp"}, "R9999-1-1": {"b_test.cpp"}}
    assert unknown(where, sections) == ["b_test.cpp: there is no requirement R9999-1-1"]
    assert "| R3261-7.1-1 | MUST | says a. | `a_test.cpp` |" in page(sections, where)
    assert "| R4475-3.3.2 | MUST NOT | b \\| c | *open* |" in page(sections, where)
    assert "1 of 5 requirements" in page(sections, where)


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    if arguments == ["--check"]:
        return check()
    if arguments[:1] == ["--write"] and len(arguments) in (1, 3):
        if len(arguments) == 3 and arguments[1] != "--standards":
            return __doc__
        return write(pathlib.Path(arguments[2]) if len(arguments) == 3
                     else ROOT.parent / "shared/rfc")
    return __doc__


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
