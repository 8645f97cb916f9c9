"""What the documents say against what is there.

`documents_test.py SOURCE-ROOT build/vigil build/tests/documents/state_machines`
"""

import os
import re
import subprocess
import sys
import unittest

ROOT = VIGIL = MACHINES = ""
FOLDERS = ["", "docs"]
COLUMNS_MAX = 100
GENERATED = {"docs/conformance.md", "docs/interop.md"}


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def pages():
    for folder in FOLDERS:
        for name in sorted(os.listdir(os.path.join(ROOT, folder))):
            path = os.path.join(folder, name)
            if name.endswith(".md") and path not in GENERATED:
                yield path


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


class Documents(unittest.TestCase):
    def test_links_lead_somewhere(self):
        for page in pages():
            for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
                if "://" in target:
                    continue
                path, _, anchor = target.partition("#")
                file = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
                self.assertTrue(os.path.exists(os.path.join(ROOT, file)), f"{page}: {target}")
                if anchor:
                    anchors = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
                               for title in re.findall(r"^#+ (.+)$", read(file), re.MULTILINE)]
                    self.assertIn(anchor, anchors, f"{page}: {target}")

    def test_files_that_are_named_are_there(self):
        named = re.compile(r"`((?:sip|pidf|presence|apps|tests|fuzz|bench|docs|\.ci)/[\w./-]*)`")
        for page in pages():
            for path in named.findall(read(page)):
                if not re.search(r"NAME", path):
                    self.assertTrue(os.path.exists(os.path.join(ROOT, path)), f"{page}: {path}")

    def test_lines_fit(self):
        for page in pages():
            text = re.sub(r"^```.*?^```$", "", read(page), flags=re.MULTILINE | re.DOTALL)
            for line in text.splitlines():
                self.assertLessEqual(len(line), COLUMNS_MAX, f"{page}: {line}")

    def test_the_run_loop_is_that_of_the_example(self):
        def stripped(text):
            return "\n".join(line.strip() for line in text.splitlines())
        source = stripped(read("apps/examples/edge_presence_agent.cpp"))
        for page in ("README.md", "docs/embedding.md"):
            loops = [block for block in blocks(read(page), "cpp") if "stack().poll" in block]
            self.assertTrue(loops, page)
            for loop in loops:
                self.assertIn(stripped(loop).strip("\n"), source, page)

    def test_options_that_are_written_exist(self):
        helps = {}
        for command in ("serve", "watch", "watchers", "publish", "register", "edge", "parse",
                        "user", "show", "explain", "allow"):
            helps[command] = subprocess.run([VIGIL, command, "--help"], capture_output=True,
                                            check=True).stdout.decode()
        text = "\n".join("\n".join(blocks(read(page), "(?:sh|console)")) for page in pages())
        for part in ("check", "test"):
            helps["rules"] = helps.get("rules", "") + subprocess.run(
                [VIGIL, "rules", part, "--help"], capture_output=True, check=True).stdout.decode()
        used = re.findall(r"build/vigil (\w+)((?:[^\n\\]|\\\n)*)", text)
        self.assertGreaterEqual(len(used), 4)
        for command, rest in used:
            for option in re.findall(r"(--[\w-]+)", rest):
                self.assertIn(option, helps.get(command, "--help"), f"{command}{rest}")

    def test_the_state_machines_are_those_of_the_code(self):
        printed = subprocess.run([MACHINES], capture_output=True, check=True).stdout.decode()
        self.assertGreater(printed.count(" --> "), 50)
        self.assertEqual(read("docs/state_machines.md"), printed, "./dev docs writes it anew")


if __name__ == "__main__":
    ROOT, VIGIL, MACHINES = sys.argv[1:4]
    unittest.main(argv=sys.argv[:1])
