#!/usr/bin/python3
"""The counter protocol of design.md section 4 in the model checker Spin (reliability.md F16): promises P1, P2, P4, P5.

    run.py [--long] [--jobs N] [NAME...]

`counters.pml` is searched as it is, to the end: no violation. In it an anchor is made beside the writer; with IN_TURN the
writer waits for it, and then it has as many states, and the same outcome, as the model in ../shared/reference. Then each rule is taken away, one at a time: each time
there has to be one. A search counts only when it was complete: nothing cut off by depth, memory or time. --long
searches sizes that take an hour and some 20 GB. NAME: these searches only. The last line is 'N passed, N failed'.

Constants: FAULTS kills, failures of the HSM and copies put onto a box, together; COPIES copies taken; EPOCHS the
greatest epoch; RESERVATIONS in all (COUNTERS_ONLY). Two boxes, two devices, window 2 unless ONE_BOX.

What the model leaves out, and the tests that cover it:

    batches           tests/store/writer_test.cc WriterTest.WritesWhatIsQueuedInOneCommit
                      tests/store/writer_test.cc WriterTest.KeepsTheOthersWhenOneIsRefused
                      tests/store/anchors_test.cc Anchored.ReleasesExactlyAWindowOfReservationsWhileNoneCanBeMade
                      tests/store/anchors_test.cc Anchored.ThatFailsHoldsBackOnlyWhoDemandedIt
    import            tests/store/interchange_test.cc Interchange.AddsRaiseAndWindowOfTheSourceUnlessItIsFenced
                      tests/store/interchange_test.cc Interchange.SaturatesAndIsExhaustedInsteadOfWrapping
                      tests/store/anchors_test.cc Anchored.IsMadeForAnImportAndAnOperatorsAct
    recovery          tests/store/recover_test.cc Recover.WithABaseGoesOnAboveItOnceAFloorIsKnown
                      tests/store/recover_test.cc Recover.FromTheLogAppendsWhatWasLostAndGoesOnAboveIt
                      tests/store/recover_test.cc Recover.LeavesAStateToGoOnFromWhereverItEnds
                      tests/store/counters_test.cc BringUpToDate.MakesCellsUnknownThatWereWrittenBeforeARecovery
    window change     tests/store/start_test.cc Start.PassesTheWindowOfTheAnchorWhenTheConfigurationHasAnother
                      tests/store/anchors_test.cc Anchored.GoesOnWithWindowsOfOneAndTwo
    torn objects      tests/store/anchors_test.cc AnchorOctets.DoNotExistWithAnyBitFlippedOrAnyOctetMissing
                      tests/store/anchors_test.cc Anchored.ThatIsTornHasNotPassed
                      tests/store/anchors_test.cc Successor.IsNeitherALowerOneNorOneThatIsNotWhole
    2^63-1            tests/store/counters_test.cc NextCounter.EndsAt2To63Minus1AndNeverWraps
                      tests/store/counters_test.cc Reserve.IsExhaustedAt2To63Minus1
                      tests/store/counters_test.cc BringUpToDate.AddsTheRaiseSinceTheRowWasWrittenAndNeverWraps
                      tests/store/start_test.cc Start.RefusesWhenNoRaiseIsLeftAndNeverWraps
    listings that lag  tests/store/anchors_test.cc Successor.IsSeenAtAnAnchorAlsoWhenTheWritersOwnListLags
                      tests/store/anchors_test.cc Successor.IsNotMistakenWhenTheListShowsOurOldOne
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "tests" / "model" / "counters.pml"
sys.path.insert(0, str(ROOT / "tests"))
sys.dont_write_bytecode = True

import check_requirements  # noqa: E402  pylint: disable=wrong-import-position

GCC = ("gcc", "-w", "-O2", "-DSAFETY", "-DCOLLAPSE", "-DNOREDUCE", "-DVECTORSZ=512")
MAX_DEPTH = 300_000
MEMORY_MB = 4_000
LONG_MEMORY_MB = 20_000
SECONDS = 900  # on a machine that does much else; free, the longest takes 40
LONG_SECONDS = 3 * 3600
# A corrected protocol that can do next to nothing has no violation either.
LEAST_STATES = 100_000
# An assertion tells its monitor by what it reads.
MONITORS = (("P4", r"^\(disk\[b\]\.req"), ("P5", "answered"), ("P2", "acknowledged"), ("P1", "handed|spent"),
            ("STUCK", r"^put_back$"))


@dataclass(frozen=True)
class Search:
    name: str
    defines: str  # NAME or NAME=VALUE, apart by blanks
    violates: str = ""  # the monitor that has to be violated; empty: none may be


COUNTERS = "COUNTERS_ONLY COPIES=1 FAULTS=2 EPOCHS=3 RESERVATIONS=3"
REQUESTS = "COPIES=1 FAULTS=1 EPOCHS=3"

CORRECTED = (
    Search("counters", COUNTERS),
    Search("requests", REQUESTS),
    Search("requests, each counter signed once", "SETS COPIES=1 FAULTS=1 EPOCHS=2"),
    Search("requests, one box", "ONE_BOX COPIES=1 FAULTS=2 EPOCHS=3"),
)

# A violation ends its search at the same state.
AS_REFERENCE = ("COUNTERS_ONLY COPIES=1 FAULTS=1 EPOCHS=3 RESERVATIONS=3", "COPIES=1 FAULTS=1 EPOCHS=2",
                "MOVE_ONE COUNTERS_ONLY COPIES=1 FAULTS=2 EPOCHS=3 RESERVATIONS=3")

LONG = (
    Search("requests, 2 faults", "COPIES=1 FAULTS=2 EPOCHS=2"),
    Search("requests, 2 faults and 3 epochs", "COPIES=1 FAULTS=2 EPOCHS=3"),
    Search("counters, 4 epochs, 4 counters", "COUNTERS_ONLY COPIES=1 FAULTS=2 EPOCHS=4 RESERVATIONS=4"),
    # F16: 2 devices, 2 processes, 4 counters, 2 crashes and 1 restore; 3 crashes are among its runs.
    Search("counters, 3 faults, 4 counters", "COUNTERS_ONLY COPIES=1 FAULTS=3 EPOCHS=4 RESERVATIONS=4"),
    Search("requests, each counter signed once, 3 epochs", "SETS COPIES=1 FAULTS=1 EPOCHS=3"),
    Search("requests, one box, 3 faults", "ONE_BOX COPIES=1 FAULTS=3 EPOCHS=4"),
)

# NO_P2: so that the repeated counter is found, and not the floor that it is under.
MUTATIONS = (
    Search("NO_START", f"NO_START {COUNTERS}", "P1"),
    Search("SIGN_FIRST", "SIGN_FIRST SETS COPIES=1 FAULTS=1 EPOCHS=2", "P1"),
    Search("ANCHOR_FIRST", f"ANCHOR_FIRST {COUNTERS}", "STUCK"),
    Search("MOVE_ONE", f"MOVE_ONE {COUNTERS}", "P1"),
    Search("NO_ENTRY", f"NO_ENTRY {COUNTERS}", "P1"),
    Search("NO_LIST", f"NO_LIST NO_P2 {COUNTERS}", "P1"),
    Search("LIST_ONCE", f"NO_LIST LIST_ONCE NO_P2 {COUNTERS}", "P1"),
    Search("NO_TXN", f"NO_TXN {REQUESTS}", "P5"),
    Search("ONE_OBJECT", f"ONE_OBJECT NO_P2 {COUNTERS}", "P1"),
    Search("EVERY_START", f"ONE_OBJECT EVERY_START NO_P2 {COUNTERS}", "P1"),
    Search("AS_WRITTEN", f"AS_WRITTEN {REQUESTS}", "P5"),
    Search("NO_SKIP", f"NO_SKIP {COUNTERS}", "P1"),
    Search("ONE_SKIP", f"ONE_SKIP {COUNTERS}", "P1"),
    Search("ACK_FIRST", f"ACK_FIRST {COUNTERS}", "P2"),
    Search("NO_RECHECK", f"NO_RECHECK NO_P2 {COUNTERS}", "P1"),
    Search("ANSWER_FIRST", f"ANSWER_FIRST {REQUESTS}", "P4"),
    Search("COVERS_ALL", f"COVERS_ALL {COUNTERS}", "P1"),
)


@dataclass
class Outcome:
    complete: bool  # the whole of it was searched, or a violation ended it
    monitor: str  # of the violation; empty: none
    states: int
    depth: int
    seconds: float
    memory_mb: float
    output: str


def monitor_of(assertion):
    return next((name for name, pattern in MONITORS if re.search(pattern, assertion)), f"unknown: {assertion}")


def figure(pattern, text):
    found = re.search(pattern, text, re.M)
    return float(found[1]) if found else 0


def judge(output, status, seconds):
    """What the printed report of a search says."""
    violation = re.search(r"^pan:1: assertion violated (.*) \(at depth \d+\)$", output, re.M)
    errors = re.search(r"errors: (\d+)$", output, re.M)
    cut_off = re.search(r"max search depth too small|not completed|out of memory|memory bound|MEMLIM|truncated", output)
    ended = status == 0 and errors is not None
    if violation:
        complete = ended and errors[1] == "1"
    else:
        complete = ended and errors[1] == "0" and cut_off is None
    return Outcome(complete, monitor_of(violation[1]) if violation else "",
                   int(figure(r"^\s*([\d.e+]+) states, stored", output)), int(figure(r"depth reached (\d+)", output)),
                   seconds, figure(r"^\s*([\d.]+)\s+total actual memory usage", output), output)


def compile_and_run(search, folder, memory_mb, limit_seconds, model=MODEL):
    defines = [f"-D{define}" for define in search.defines.split()]
    shutil.copy(model, folder)
    for command in (("spin", "-a", *defines, model.name), (*GCC, f"-DMEMLIM={memory_mb}", "-o", "pan", "pan.c")):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return Outcome(False, "", 0, 0, 0, 0, done.stdout + done.stderr)
    began = time.monotonic()
    try:
        # -b: a state deeper than -m is an error, not a warning.
        done = subprocess.run(["./pan", "-b", f"-m{MAX_DEPTH}"], cwd=folder, capture_output=True, text=True,
                              timeout=limit_seconds, check=False)
    except subprocess.TimeoutExpired:
        return Outcome(False, "", 0, 0, limit_seconds, 0, f"not at its end after {limit_seconds} s")
    return judge(done.stdout + done.stderr, done.returncode, time.monotonic() - began)


def complaint(search, outcome):
    """Empty when the search found what it has to find."""
    if not outcome.complete:
        return "not complete:\n" + outcome.output[-2000:]
    if search.violates != outcome.monitor:
        return f"expected {search.violates or 'no violation'}, found {outcome.monitor or 'none'}"
    if not search.violates and outcome.states < LEAST_STATES:
        return f"only {outcome.states} states: the protocol does nothing"
    return ""


class Runner:
    def __init__(self, memory_mb, seconds):
        self.memory_mb = memory_mb
        self.seconds = seconds
        self.lock = threading.Lock()
        self.passed = self.failed = 0

    def report(self, name, wrong, figures=""):
        with self.lock:
            if wrong:
                self.failed += 1
            else:
                self.passed += 1
            print(f"{'FAILED' if wrong else 'passed'}  {name}{figures}{': ' + wrong if wrong else ''}", flush=True)

    def search(self, search):
        with tempfile.TemporaryDirectory(prefix="acb-model-") as folder:
            outcome = compile_and_run(search, folder, self.memory_mb, self.seconds)
        found = f"{outcome.monitor} violated" if outcome.monitor else "no violation"
        self.report(search.name, complaint(search, outcome),
                    f" [{search.defines}] {found}, {outcome.states} states, depth {outcome.depth} of {MAX_DEPTH}, "
                    f"{outcome.seconds:.1f} s, {outcome.memory_mb:.0f} of {self.memory_mb} MB")


# -- the model itself --


def check_reference(memory_mb, limit_seconds):
    """With IN_TURN the model is that of ../shared/reference. None: no reference here."""
    shared = Path(os.environ.get("ACB_SHARED", ROOT.parent / "shared"))
    reference = shared / "reference" / "counters.pml"
    if not reference.is_file():
        return f"no {reference}" if os.environ.get("CI") == "true" else None
    for defines in AS_REFERENCE:
        found = []
        for switches, model in (("", reference), ("IN_TURN ", MODEL)):
            with tempfile.TemporaryDirectory(prefix="acb-model-") as folder:
                outcome = compile_and_run(Search("", switches + defines), folder, memory_mb, limit_seconds, model)
            if not outcome.complete:
                return f"{model.name} with {switches}{defines} is not complete:\n{outcome.output[-2000:]}"
            found.append((outcome.states, outcome.monitor))
        if found[0] != found[1]:
            return f"{defines}: the reference has {found[0]}, the model {found[1]} (states, violated)"
    return ""


def check_switches(text):
    """Every rule that the model's header says can be taken away has a search that takes it away."""
    header = text.split("Rules that can be taken away", 1)[1].split("code:", 1)[0]
    named = set(re.findall(r"\b[A-Z]{2,}(?:_[A-Z]+)+\b", header))
    searched = {search.name for search in MUTATIONS}
    if named != searched:
        return f"without a search: {sorted(named - searched)}; not in the header: {sorted(searched - named)}"
    unused = [name for name in named if not re.search(rf"#if(?:n?def) {name}\b", text)]
    return f"no step depends on {unused}" if unused else ""


def check_functions(text):
    """Each function that a step names is in the tree, in the class that it is said to be of."""
    code = "\n".join(path.read_text(encoding="utf-8") for part in ("firmware", "hsm", "store")
                     for ending in ("h", "cc") for path in sorted((ROOT / part).rglob(f"*.{ending}")))
    names = {name for comment in re.findall(r"/\* code: (.*?) \*/", text, re.S)
             for name in re.findall(r"\b(?:[A-Z]\w+::)?[A-Z][a-z]+(?:[A-Z][a-z]+)+\b|\b[A-Z]\w+::[A-Z]\w+", comment)}
    missing = []
    for name in sorted(names):
        owner, _, function = name.rpartition("::")
        # A definition, in or outside its class.
        found = re.search(rf"\b{re.escape(name)}\(", code) if owner else re.search(
            rf"^\S.* {function}\(", code, re.M)
        if not found and owner:
            found = any(re.search(rf"\b{function}\(", body)
                        for body in re.findall(rf"\bclass {owner}\b[^;]*?\{{.*?^\}};", code, re.S | re.M))
        if not found:
            missing.append(name)
    if not names:
        return "no step names a function"
    return f"not in the tree: {', '.join(missing)}" if missing else ""


def check_left_out():
    """Each thing that the model leaves out has tests, and they are there."""
    rows = {}
    for line in __doc__.split("cover it:", 1)[1].splitlines():
        cells = re.split(r"\s{2,}", line.strip())
        if line.startswith("    ") and not line.startswith("     "):
            rows[cells[0]] = cells[1:]
            last = cells[0]
        elif line.strip():
            rows[last] += cells
    wrong = [f"{what}: no test" for what, tests in rows.items() if not tests]
    for what, tests in rows.items():
        for test in tests:
            why = check_requirements.why_not_there(ROOT, test)
            if why:
                wrong.append(f"{what}: {test}: {why}")
    return "; ".join(wrong)


def judging_sees_what_is_wrong():
    """A report that is cut off, or of a violation that no monitor knows, is not taken for a pass."""
    good = "depth reached 205, errors: 0\n   123456 states, stored\n  90.1\ttotal actual memory usage\n"
    bad = good.replace("errors: 0", "errors: 1")
    corrected, mutated = Search("a", ""), Search("b", "", "P1")
    p1 = "pan:1: assertion violated (sc[0]>handed[sr[0]]) (at depth 9)\n"
    cases = (
        (corrected, good, 0, True), (corrected, good, 1, False), (corrected, "", 0, False),
        (corrected, "error: max search depth too small\n" + good, 0, False),
        (corrected, "Warning: Search not completed\n" + good, 0, False),
        (corrected, "pan: reached -DMEMLIM bound\n" + good, 0, False),
        (corrected, good.replace("123456", "12"), 0, False), (corrected, p1 + bad, 0, False),
        (mutated, p1 + bad, 0, True), (mutated, good, 0, False),
        (mutated, p1.replace("handed", "acknowledged") + bad, 0, False),
        (mutated, "pan:1: invalid end state (at depth 9)\n" + bad, 0, False),
    )
    wrong = [str(number) for number, (search, output, status, passes) in enumerate(cases)
             if (complaint(search, judge(output, status, 1)) == "") != passes]
    return f"judged wrongly: cases {', '.join(wrong)}" if wrong else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    runner = Runner(LONG_MEMORY_MB if options.long else MEMORY_MB, LONG_SECONDS if options.long else SECONDS)
    searches = [*CORRECTED, *MUTATIONS, *(LONG if options.long else ())]
    unknown = set(options.names) - {search.name for search in searches}
    if unknown:
        parser.error(f"no search {sorted(unknown)}; there are: {', '.join(search.name for search in searches)}")
    if not options.names:
        text = MODEL.read_text(encoding="utf-8")
        runner.report("a report that proves nothing is not taken for a pass", judging_sees_what_is_wrong())
        differs = check_reference(runner.memory_mb, runner.seconds)
        if differs is not None:
            runner.report("when the writer waits for its anchor, the model is that of the reference", differs)
        runner.report("every rule that can be taken away is", check_switches(text))
        runner.report("every step's function is in the tree", check_functions(text))
        runner.report("what is left out has tests", check_left_out())
    chosen = [search for search in searches if not options.names or search.name in options.names]
    with ThreadPoolExecutor(1 if options.long else options.jobs) as pool:
        list(pool.map(runner.search, chosen))
    print(f"{runner.passed} passed, {runner.failed} failed")
    sys.exit(1 if runner.failed or not runner.passed else 0)


if __name__ == "__main__":
    main()
