"""Requirements against the tests that cite them.

    conformance.py --check [--closed]          what is wrong below is printed; then exit code 1
    conformance.py --write [--standards DIR]   writes docs/conformance.md; where a standards folder
                                               is there (default: ../shared/rfc beside the clone),
                                               reads docs/requirements.tsv anew from it first
    conformance.py --self-test

A test cites requirements at the start of its name, before the first colon:
TEST_CASE("R3261-20.42-1 T-1: Via is parsed with white space around the slash"). In Python it is the
docstring of a function that does so. Ids are those of docs/requirements.tsv: R<rfc>-<section>-<n>,
D-<n>, ROUR-<n>, and T-<n> for a row of the threats.

Wrong is: a cited id that does not exist; an id of docs/later.tsv that does not exist, stands twice,
is cited, or was not there in the last commit or the one before; a threat that docs/security.md has
no paragraph of, or whose paragraph names a test that does not cite it, or says "Not built yet"
where there is one that does;
with --closed, an id of the sections CLOSED that no test cites and that is not in docs/later.tsv.
"""

import ast
import pathlib
import re
import subprocess
import sys
from collections import defaultdict

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs/requirements.tsv"
LATER = ROOT / "docs/later.tsv"
PAGE = ROOT / "docs/conformance.md"
SECURITY = ROOT / "docs/security.md"

# What is to have a test for each id, but for what is later.
CLOSED = re.compile(r"^(?:[0-8]|14|[1-8]\.\d+)\.? ")

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


def split_name(name):
    """(the ids before the first colon, those behind it)"""
    before, colon, after = name.partition(":")
    if not colon:
        before, after = "", name
    return ID.findall(before), ID.findall(after)


def citations(text):
    """(the ids before the colon, ids that stand elsewhere in the name) of each test in a source."""
    for match in NAME.finditer(text):
        yield split_name("".join(re.findall(r'"((?:[^"\\]|\\.)*)"', match.group(1))))


def python_citations(text):
    """The same of a Python source, for the docstring of each function."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield split_name(ast.get_docstring(node) or "")


def cited(root):
    """id -> the test files that cite it; and what is wrong with the citations."""
    where, wrong = defaultdict(set), []
    for path in sorted([*root.rglob("*_test.cpp"), *root.rglob("*.py")]):
        relative = path.relative_to(root).as_posix()
        read = python_citations if path.suffix == ".py" else citations
        for before, after in read(path.read_text(encoding="utf-8")):
            for identifier in before:
                where[identifier].add(relative)
            wrong += [f"{relative}: {one} stands behind the colon of a name" for one in after]
    return where, wrong


def unknown(where, sections):
    known = {row[0] for _, rows in sections for row in rows}
    return [f"{path}: there is no requirement {identifier}"
            for identifier, paths in sorted(where.items()) if identifier not in known
            for path in sorted(paths)]


def read_later(text):
    """[(id, feature)]"""
    return [tuple(line.split("\t", 1)) for line in text.splitlines()
            if line and not line.startswith("#")]


def committed_later():
    """The lists of the last commit and of the one before, as far as there are any."""
    for commit in ("HEAD", "HEAD^"):
        try:
            shown = subprocess.run(
                ["git", "show", f"{commit}:{LATER.relative_to(ROOT).as_posix()}"], cwd=ROOT,
                capture_output=True, text=True, encoding="utf-8", check=False)
        except OSError:
            return
        if shown.returncode == 0:
            yield read_later(shown.stdout)


def wrong_later(later, committed, where, sections):
    known = {row[0] for _, rows in sections for row in rows}
    ids = [row[0] for row in later]
    for number, row in enumerate(later):
        name = f"docs/later.tsv: {row[0]}"
        if len(row) != 2 or not row[1].strip():
            yield f"{name} has no reason"
        if row[0] not in known:
            yield f"{name} is no requirement"
        if row[0] in ids[:number]:
            yield f"{name} stands twice"
        if row[0] in where:
            yield f"{name} is cited by tests/{min(where[row[0]])}; take it out"
        if any(row[0] not in {old[0] for old in before} for before in committed):
            yield f"{name} is new; the list only shrinks"


def still_open(sections, where, later):
    waiting = {row[0] for row in later}
    return [f"{row[0]} ({heading}): no test cites it, and it is not in docs/later.tsv"
            for heading, rows in sections if CLOSED.match(heading)
            for row in rows if row[0] not in where and row[0] not in waiting]


def wrong_security(text, sections, where):
    """What docs/security.md leaves out of the threats and their tests, or makes up."""
    paragraphs = dict(re.findall(r"^\*\*(T-\d+)\b(.*?)(?=^\*\*T-|^#|\Z)", text, re.M | re.S))
    threats = [row[0] for _, rows in sections for row in rows if row[0].startswith("T-")]
    for threat in threats:
        if threat not in paragraphs:
            yield f"docs/security.md: {threat} is missing"
            continue
        named = set(re.findall(r"`tests/([\w./]+)`", paragraphs[threat]))
        for path in sorted(named - where.get(threat, set())):
            yield f"docs/security.md: tests/{path} does not cite {threat}"
        if where.get(threat) and "** Not built yet" in paragraphs[threat]:
            yield f"docs/security.md: {threat} is built, a test says"
    for made_up in sorted(set(paragraphs) - set(threats)):
        yield f"docs/security.md: there is no {made_up}"


def page(sections, where, later=()):
    waiting = dict(later)
    total = sum(len(rows) for _, rows in sections)
    done = sum(row[0] in where for _, rows in sections for row in rows)
    lines = [
        "# Conformance", "",
        "Each requirement and the tests that cite it, written by `./dev docs`; do not edit.",
        "*Open* means that no test cites it: it may be built, and nothing proves it. *Later* names",
        "the feature, not built yet, that it needs (`docs/later.tsv`).", "",
        f"**{done} of {total} requirements are cited by a test, {len(waiting)} are for later.**",
        "", "| section | of | cited | later | open |", "| --- | ---: | ---: | ---: | ---: |",
    ]
    for heading, rows in sections:
        if not rows:
            continue
        have = sum(row[0] in where for row in rows)
        wait = sum(row[0] in waiting and row[0] not in where for row in rows)
        lines.append(f"| {heading} | {len(rows)} | {have} | {wait} | {len(rows) - have - wait} |")
    for heading, rows in sections:
        if not rows:
            continue
        lines += ["", f"## {heading}", "", "| id | strength | requirement | tests |",
                  "| --- | --- | --- | --- |"]
        for identifier, _, strength, text in rows:
            tests = ", ".join(f"`{path}`" for path in sorted(where.get(identifier, ())))
            if not tests:
                tests = f"*later*: {waiting[identifier]}" if identifier in waiting else "*open*"
            safe = text.replace("|", "\\|")
            lines.append(f"| {identifier} | {strength} | {safe} | {tests} |")
    return "\n".join(lines) + "\n"


def check(closed=False):
    sections = read_table(TABLE.read_text(encoding="utf-8"))
    later = read_later(LATER.read_text(encoding="utf-8"))
    where, wrong = cited(ROOT / "tests")
    wrong = ["tests/" + line for line in wrong + unknown(where, sections)]
    wrong += wrong_later(later, list(committed_later()), where, sections)
    wrong += wrong_security(SECURITY.read_text(encoding="utf-8"), sections, where)
    if closed:
        wrong += still_open(sections, where, later)
    for line in wrong:
        print(line)
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
    later = read_later(LATER.read_text(encoding="utf-8"))
    PAGE.write_text(page(sections, where, later), encoding="utf-8")
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
    assert "| 1.1 B | 4 | 1 | 0 | 3 |" in page(sections, where)
    self_test_of_later(sections, where)
    self_test_of_security(sections)


def self_test_of_later(sections, where):
    python = ('async def a():\n  """R3261-7.1-1 T-7: a"""\n\nclass B:\n  """T-9: b"""\n'
              '  def c(self):\n    """c, as D-3: d"""\n  def d(self): pass\n')
    found = sorted(python_citations(python))
    assert found == [([], []), (["D-3"], []), (["R3261-7.1-1", "T-7"], [])], found
    later = read_later("# all\nR4475-3.3.2\tTLS\n\nT-7\tDNS\n")
    assert later == [("R4475-3.3.2", "TLS"), ("T-7", "DNS")]
    assert not list(wrong_later(later, [], where, sections))
    assert not list(wrong_later(later, [later, later + [("T-8", "x")]], where, sections))
    assert len(list(wrong_later(later, [later, later[:1]], where, sections))) == 1
    for wrong in (("R3261-7.1-1", "TLS"), ("T-9", "TLS"), ("T-7", "TLS"), ("R4475-3.3.1",)):
        assert len(list(wrong_later(later + [wrong], [], where, sections))) == 1, wrong
    assert "| R4475-3.3.2 | MUST NOT | b \\| c | *later*: TLS |" in page(sections, where, later)
    assert "| 1.1 B | 4 | 1 | 1 | 2 |" in page(sections, where, later)
    assert [line.split()[0] for line in still_open(sections, where, later)] == [
        "R4475-3.3.1", "R4475-3.3.3"]
    for heading in ("0. A", "1.1 A", "1.8 A", "1.13 A", "2.2 A", "3.1 A", "4.1 A", "5. A", "8. A",
                    "14. A"):
        assert CLOSED.match(heading), heading
    for heading in ("9. A", "10. A", "13. A", "15. A", "Threats"):
        assert not CLOSED.match(heading), heading


def self_test_of_security(sections):
    text = "**T-7, floods.** They end.\nTests: `tests/a_test.cpp`.\n\n# Next\n"
    assert not list(wrong_security(text, sections, {"T-7": {"a_test.cpp"}}))
    assert len(list(wrong_security(text, sections, {}))) == 1
    assert not list(wrong_security(text, sections, {"T-7": {"a_test.cpp", "b.py"}}))
    assert len(list(wrong_security("**T-7.** Not built yet.", sections, {"T-7": {"b.py"}}))) == 1
    assert list(wrong_security("", sections, {})) == ["docs/security.md: T-7 is missing"]
    assert len(list(wrong_security(text + "**T-70, more.**", sections,
                                   {"T-7": {"a_test.cpp"}}))) == 1


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    if arguments in (["--check"], ["--check", "--closed"]):
        return check("--closed" in arguments)
    if arguments[:1] == ["--write"] and len(arguments) in (1, 3):
        if len(arguments) == 3 and arguments[1] != "--standards":
            return __doc__
        return write(pathlib.Path(arguments[2]) if len(arguments) == 3
                     else ROOT.parent / "shared/rfc")
    return __doc__


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
