"""Shows that test_scenarios.py notices what it is there for: builds the tree with one fault planted at a time.

A copy of the tree is built in a scratch directory; there the scenarios that should notice a fault pass first without
it, and then fail with it. A fault whose place in the code is not found exactly once is a failure of its own: the code
has moved on. Takes some minutes: `test_scenarios.py --planted`, not part of the usual check.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from harness import ROOT, temporary_directory

TARGETS = ("acbd", "acbctl", "acb_pkcs11_shim", "acb_fault_shim", "check_store")
JOBS = str(os.cpu_count() or 1)
RUN_SECONDS = 900


@dataclass(frozen=True)
class Fault:
    name: str
    file: str
    changes: tuple  # (old, new), each there exactly once
    scenarios: tuple  # at least one of them notices


FAULTS = (
    Fault("no-fdatasync", "store/environment.cc",
          (("constexpr unsigned kFlags = MDB_NOTLS;", "constexpr unsigned kFlags = MDB_NOTLS | MDB_NOSYNC;"),),
          ("power-cut-first-start",)),
    Fault("no-directory-sync", "store/environment.cc",
          (("  if (auto synced = SyncPath(directory); !synced) return synced;\n", ""),
           ('  return SyncPath(std::filesystem::absolute(directory / "..").lexically_normal());', "  return Done{};")),
          ("power-cut-first-start",)),
    # Not "greater than every one before" but "not smaller".
    Fault("counter-not-greater", "store/counters.cc",
          (("  return *OriginatorCounter::From(greatest + 1);",
            "  return *OriginatorCounter::From(std::max<std::uint64_t>(greatest, 1));"),),
          ("first-use", "floor-below-last")),
    # The caller is released, and its answer leaves, before the flush of the entry that records it.
    Fault("answer-before-the-entry", "store/writer.cc",
          (("  Status written = CommitAndFlush(batch);\n",
            "  bool finishing = !batch.empty();\n"
            "  for (const Job* job : batch) finishing = finishing && job->lane == Lane::kFinish;\n"
            "  if (finishing) {\n"
            "    auto early = WriteTransaction::Begin(environment_);\n"
            "    if (early && DoJobs(batch, *early)) {\n"
            "      Release(batch);\n"
            "      (void)std::move(*early).Commit();\n"
            "      return;\n"
            "    }\n"
            "  }\n"
            "  Status written = CommitAndFlush(batch);\n"),),
          ("kill9-each-syscall",)),
    Fault("no-epoch-skip", "store/start.cc",
          (("top.state == Anchor::State::kRunning ? top.window : 0;", "std::uint64_t{0} * top.window;"),),
          ("rollback-after-kill9",)),
)


class Scratch:
    """A copy of the tree with a build of its own."""

    def __init__(self, folder):
        self.tree = folder / "tree"
        listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"],
                                capture_output=True, check=True).stdout.decode()
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.tree / name)
        self.build_folder = self.tree / "build" / "release"
        self._run("cmake", "--preset", "release")

    def _run(self, *command):
        done = subprocess.run(command, cwd=self.tree, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = (done.stdout + done.stderr)[-3000:]
            raise RuntimeError(f"{' '.join(command[:3])}: exit {done.returncode}\n{said}")

    def build(self):
        self._run("cmake", "--build", str(self.build_folder), "-j", JOBS, "--target", *TARGETS)

    def plant(self, fault):
        """Returns what undoes it."""
        path = self.tree / fault.file
        text = changed = path.read_text()
        for old, new in fault.changes:
            if text.count(old) != 1:
                raise RuntimeError(f"{fault.file} has {text.count(old)} times: {old.strip()}")
            changed = changed.replace(old, new)
        path.write_text(changed)
        return lambda: path.write_text(text)

    def scenarios(self, names):
        """(whether all passed, whether one was judged to fail, what it said)."""
        done = subprocess.run(
            [sys.executable, "-B", str(ROOT / "tests/end_to_end/test_scenarios.py"), "--seed", "1", *names],
            env={**os.environ, "ACB_BINARY_DIR": str(self.build_folder)}, capture_output=True, text=True,
            timeout=RUN_SECONDS, check=False)
        output = done.stdout + done.stderr
        noticed = re.findall(r"^AssertionError: (.*)$", output, re.M)
        errors = re.findall(r"^ERROR: .*$", output, re.M)
        return done.returncode == 0, bool(noticed) and not errors, (noticed or errors or [output[-500:]])[0]


def run(names):
    unknown = set(names) - {fault.name for fault in FAULTS}
    if unknown:
        print(f"no fault {sorted(unknown)}; there are: {', '.join(fault.name for fault in FAULTS)}", file=sys.stderr)
        return 2
    chosen = [fault for fault in FAULTS if not names or fault.name in names]
    passed = failed = 0
    with temporary_directory() as folder:
        scratch = Scratch(Path(folder))
        scratch.build()
        watched = sorted({name for fault in chosen for name in fault.scenarios})
        sound, _, said = scratch.scenarios(watched)
        print(f"{'passed' if sound else 'FAILED'}  nothing planted: {', '.join(watched)}{'' if sound else ': ' + said}",
              flush=True)
        passed, failed = passed + sound, failed + (not sound)
        for fault in chosen:
            began = time.monotonic()
            try:
                undo = scratch.plant(fault)
                try:
                    scratch.build()
                    _, noticed, said = scratch.scenarios(fault.scenarios)
                finally:
                    undo()
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                noticed, said = False, str(error)
            passed, failed = passed + noticed, failed + (not noticed)
            print(f"{'passed' if noticed else 'FAILED'}  {fault.name}: {'noticed: ' if noticed else ''}{said[:300]} "
                  f"({time.monotonic() - began:.0f} s)", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0
