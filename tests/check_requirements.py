#!/usr/bin/python3
"""Holds tests/requirements.md against the catalogue and against the tree.

    check_requirements.py [--final]     prints `ID: what`; exit 1 when anything is wrong
    check_requirements.py --self-test   plants each fault in a small table of its own and sees it found

Wrong is: an ID of the catalogue that the table lacks or has twice; an ID that the catalogue does not have; a row
that is neither proven, in part, not yet nor pending; a proof without a test; a named test that is not in the tree; with
--final, a row that is still pending. The catalogue is $ACB_SHARED/reference/requirements.md (default ../shared); when it
is not there that part is skipped, and in CI (CI=true) it is a failure.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ID = re.compile(r"^(R-[A-Z0-9]+-\d+)(?: \([A-Z]\))?$")
STATES = ("proven", "in part: ", "not yet: ", "pending: ")


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def catalogue(text):
    """The ID of every table row of the catalogue, in its order."""
    first = (cells(line)[0] for line in text.splitlines() if line.startswith("|"))
    return [match[1] for match in map(ID.match, first) if match]


def table(text):
    """(ID, tests, what) of every row."""
    rows = []
    for line in text.splitlines():
        row = cells(line) if line.startswith("| R-") else []
        if row:
            rows.append((row[0], re.findall(r"`([^`]+)`", row[1]) if len(row) > 1 else [], row[2] if len(row) > 2 else ""))
    return rows


def why_not_there(root, reference):
    """None when the named test exists."""
    file, _, name = reference.partition(" ")
    path = root / file
    if file.startswith("tests/vectors/"):
        return None if (path / "case.json").is_file() else "no such vector"
    if not path.is_file():
        return "no such file"
    suite, _, test = name.partition(".")
    if not test:
        return "names no test (Suite.Name)"
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        body = re.search(rf"^class {re.escape(suite)}\b.*?(?=^class |\Z)", text, re.M | re.S)
        return None if body and re.search(rf"^    def {re.escape(test)}\(", body[0], re.M) else "no such test"
    return None if re.search(rf"\({re.escape(suite)},\s*{re.escape(test)}\)", text) else "no such test"


def check_rows(rows, root, final):
    wrong = []
    seen = set()
    for name, tests, what in rows:
        if name in seen:
            wrong.append(f"{name}: is there twice")
        seen.add(name)
        if not ID.match(name):
            wrong.append(f"{name}: is no ID")
        if not what.startswith(STATES):
            wrong.append(f"{name}: says neither {', '.join(state.strip() for state in STATES)}")
        if not tests and what.startswith(("proven", "in part: ")):
            wrong.append(f"{name}: names no test")
        if final and re.search(r"\bpending\b", what):
            wrong.append(f"{name}: is still {what.split('.')[0]}")
        for reference in tests:
            why = why_not_there(root, reference)
            if why and not (what.startswith("pending: ") and not final):
                wrong.append(f"{name}: {reference}: {why}")
    return wrong


def check_catalogue(rows, wanted):
    named = {name for name, _, _ in rows}
    wrong = [f"{name}: is missing" for name in wanted if name not in named]
    return wrong + [f"{name}: is not in the catalogue" for name in sorted(named) if name not in wanted]


def check(root, reference, final):
    """(what is wrong, whether the catalogue was there)."""
    rows = table((root / "tests" / "requirements.md").read_text(encoding="utf-8"))
    wrong = check_rows(rows, root, final) if rows else ["tests/requirements.md: has no rows"]
    if not reference.is_file():
        if os.environ.get("CI") == "true":
            wrong.append(f"no catalogue at {reference}, and in CI it has to be held against it")
        return wrong, False
    wanted = catalogue(reference.read_text(encoding="utf-8"))
    if len(wanted) < 2:
        wrong.append(f"{reference}: has no requirements")
    return wrong + check_catalogue(rows, wanted), True


GOOD = """| ID | tests | what they show |
| --- | --- | --- |
| R-063-1 | `tests/a_test.cc Suite.Name` `tests/vectors/ROLE/refused-x` | proven |
| R-063-2 | `tests/end_to_end/test_a.py Case.test_b` | in part: half of it |
| R-SEC3-7 | - | not yet: because |
"""
CATALOGUE = """| ID | Source | Requirement | Test | Area |
| --- | --- | --- | --- | --- |
| R-063-1 | x | y | z | sign |
| R-063-2 (D) | x | y | z | feed |
| R-SEC3-7 | x | y | z | sign |
"""
PLANTS = {
    "R-063-2: is missing": lambda text: re.sub(r"\| R-063-2 .*\n", "", text),
    "R-063-1: is there twice": lambda text: text + "| R-063-1 | - | not yet: twice |\n",
    "R-063-99: is not in the catalogue": lambda text: text + "| R-063-99 | - | not yet: no such |\n",
    "R-063-1: tests/a_test.cc Suite.Nam: no such test": lambda text: text.replace("Suite.Name", "Suite.Nam"),
    "R-063-1: tests/b_test.cc Suite.Name: no such file": lambda text: text.replace("a_test", "b_test"),
    "R-063-1: tests/vectors/ROLE/refused-y: no such vector": lambda text: text.replace("refused-x", "refused-y"),
    "R-063-2: tests/end_to_end/test_a.py Other.test_b: no such test": lambda text: text.replace("Case.", "Other."),
    "R-063-2: tests/end_to_end/test_a.py Case.test_c: no such test": lambda text: text.replace("test_b", "test_c"),
    "R-063-2: names no test": lambda text: text.replace("`tests/end_to_end/test_a.py Case.test_b`", "-"),
    "R-SEC3-7: says neither proven, in part:, not yet:, pending:": lambda text: text.replace("not yet: ", "later "),
    "R-SEC3-7: is still pending: it": lambda text: text.replace("not yet: because", "pending: it. More"),
}


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "tests" / "vectors" / "ROLE" / "refused-x").mkdir(parents=True)
        (root / "tests" / "end_to_end").mkdir()
        (root / "tests" / "vectors" / "ROLE" / "refused-x" / "case.json").write_text("{}")
        (root / "tests" / "a_test.cc").write_text("TEST_F(Suite, Name) {}\nTEST(Suite, Names) {}\n")
        (root / "tests" / "end_to_end" / "test_a.py").write_text(
            "class Case(X):\n    def test_b(self):\n        pass\n\n\nclass Other(X):\n    def test_c(self):\n        pass\n")
        reference = root / "catalogue.md"
        reference.write_text(CATALOGUE)
        failed = 0
        for expected, plant in {"": lambda text: text, **PLANTS}.items():
            text = plant(GOOD)
            (root / "tests" / "requirements.md").write_text(text)
            found, _ = check(root, reference, final=True)
            if found != ([expected] if expected else []) or (expected and text == GOOD):
                failed += 1
                print(f"self-test: expected {expected or 'nothing'!r}, found {found}")
        print(f"check_requirements: {len(PLANTS) + 1 - failed} of {len(PLANTS) + 1} planted tables judged right")
        return failed == 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return 0 if self_test() else 1
    if sys.argv[1:] not in ([], ["--final"]):
        print(__doc__, file=sys.stderr)
        return 2
    shared = Path(os.environ.get("ACB_SHARED", ROOT.parent / "shared"))
    wrong, compared = check(ROOT, shared / "reference" / "requirements.md", bool(sys.argv[1:]))
    for what in wrong:
        print(what)
    rows = table((ROOT / "tests" / "requirements.md").read_text(encoding="utf-8"))
    counts = [sum(what.startswith(state) for _, _, what in rows) for state in STATES]
    print(f"requirements: {len(rows)} rows: {counts[0]} proven, {counts[1]} in part, {counts[2]} not yet, "
          f"{counts[3]} pending" + ("" if compared else "; skipped: no catalogue to hold them against"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
