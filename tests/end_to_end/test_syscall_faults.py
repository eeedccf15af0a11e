#!/usr/bin/python3
"""Each system call by which acbd changes a file, made to fail and made to be the last: P1, P2, P4, P5 (F2, F4).

    test_syscall_faults.py [--all] [--phase NAME ...] [--seed N]

Every write, pwrite, writev, msync, fdatasync, fsync, ftruncate, rename, unlink and open for writing that acbd makes in
a phase (start, signing, an import ...), one at a time: it fails with EIO, it fails with ENOSPC, or it is done and the
process is killed. N counts up until a phase ends untouched; none is skipped. Then the box starts without faults, and
everything it ever said has to be true (fault_cases.py). With --all each call meets all three kinds, otherwise one of
them, by the seed. After a failed write or sync of the store the process must not try again, and may succeed in nothing.

Two classes of files: the box's own ("store") and the software token's ("token"; HSM trouble may stop the signing, but
never repeat a counter). What is counted is held against strace: no call may be missing. And the test is shown to see
something: with a library that says that a call was done which was not, it has to complain.
"""

import argparse
import collections
import errno
import json
import multiprocessing
import os
import queue
import random
import re
import signal
import sys
import time
import traceback
from pathlib import Path

import harness
from fault_cases import Case, Lab, is_built
from fault_shim import COUNT, FAIL, KILL, LIE, LOG, STATE, SYNCS, TOKEN
from harness import temporary_directory

PLACES = {"store": STATE | LOG, "token": TOKEN}
KINDS = {"EIO": (FAIL, errno.EIO), "ENOSPC": (FAIL, errno.ENOSPC), "KILL": (KILL, 0)}
WORKERS = max(2, os.cpu_count() or 1)
TOKEN_STEP = 4  # SoftHSM writes an object some fifty times to create it: without --all, one call in four meets a fault
MOST_POINTS = 2000  # of one phase: more means that a phase does not end
STOP_SECONDS = 25


# -- the phases, each a function of a case whose box runs --

def sign(case):
    first, second, third = case.lab.devices[:3]
    case.handover(first, "NetworkOperator")
    case.handover(second, "Supplier")
    case.refusal()
    case.retry()
    case.handover(first, "Supplier")
    case.handover(third, "NetworkOperator")


def abandon(case):
    """The token fails, so the reservation becomes an `abandoned` entry; then it works again."""
    case.lab.token_fault.write_text("error")
    case.handover(case.lab.devices[0], "NetworkOperator")
    case.lab.token_fault.unlink()
    case.handover(case.lab.devices[0], "NetworkOperator")


def import_feeds(case):
    case.raise_floors()
    case.long_nonsense()
    case.handover(case.lab.devices[1], "NetworkOperator")


def operate(case):
    """A stop of a device that is not known, set by one operator and lifted by two: it stops no handover."""
    order = {"scope": "device", "subject": "00-DB-12-34-56-7A-FF-FE", "action": "suspend", "authority": "PMA 7"}
    case.operator("/v1/suspension", json.dumps(order), "operator")
    case.operator("/v1/suspension", json.dumps({**order, "action": "lift"}), "operator", "operator2")
    case.handover(case.lab.devices[0], "NetworkOperator")


def stop(case):
    process = case.box.process
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except Exception:  # pylint: disable=broad-except
        case.complain(f"no stop in {STOP_SECONDS} s")


PHASES = {"start": None, "sign": sign, "abandon": abandon, "import": import_feeds, "operate": operate,
          "observe": lambda case: case.observations.act(), "backup": lambda case: case.backup(), "stop": stop}


# Phases of what acbctl has a command for.
COMMANDS = {"observe": "observe", "backup": "backup"}


def phases_built():
    """Those of PHASES that this build has. The others are named, not passed over in silence."""
    absent = [phase for phase, command in COMMANDS.items() if not is_built(command)]
    if absent:
        print(f"not in this build: {', '.join(absent)}")
    return [phase for phase in PHASES if phase not in absent]


class Point:
    """What became of one fault: picklable."""

    def __init__(self, phase, place, kind, number):
        self.phase, self.place, self.kind, self.number = phase, place, kind, number
        self.fired = False
        self.call = self.path = ""
        self.data = False  # on the store's data file
        self.problems = []
        self.outcome = ""

    def __repr__(self):
        return f"{self.phase}/{self.place} call {self.number} {self.kind}: {self.call} {self.path}"


def run_case(lab, phase, place, kind, number, action=None):
    """One case from the restored box to the check."""
    point = Point(phase, place, kind, number)
    act, error = KINDS.get(kind, (action, 0))
    lab.restore()
    case = Case(lab)
    shim, box = lab.shim, lab.box
    if PHASES[phase] is None:
        shim.arm(PLACES[place], number, act, error)
        box.spawn(shim.environment(box))
        if case.await_first_answer():
            case.no_more = kind != "KILL" and is_on_data(shim)
            case.handover(case.lab.devices[0], "NetworkOperator")
    else:
        box.start(shim.environment(box))
        shim.arm(PLACES[place], number, act, error)
        guard(case, shim, kind, PHASES[phase])
    shim.disarm()
    point.fired = shim.fired
    if point.fired:
        row = shim.row(number)
        point.call, point.path = row.kind, row.path
        point.data = row.path.endswith("data.mdb")
    judge_end(case, point, shim)
    box.kill_all()
    if place == "token":
        lab.mend_token()
    if point.fired:
        case.check()
    box.kill_all()
    point.problems = case.books.problems
    return point


def is_on_data(shim):
    """The call acted on was a write or a sync of the store's data file: a commit failed."""
    return shim.fired and shim.row(shim.acted_on).path.endswith("data.mdb") and \
        "open" not in shim.row(shim.acted_on).call


def commits_since(shim, count):
    """Whether a commit was whole between that many calls and the one acted on: LMDB's last write of one is durable."""
    rows = shim.rows()[count:shim.acted_on - 1]
    return any(row.path.endswith("data.mdb") and row.kind == "pwrite64 (durable)" for row in rows)


def guard(case, shim, kind, phase):
    """Runs a phase; from a failed commit on, nothing may succeed.

    An answer may come from a commit before the one that failed: the box commits of its own accord too (a checkpoint).
    """
    send = case.send

    def sending(*arguments):
        count = shim.count
        answer = send(*arguments)
        if kind in ("EIO", "ENOSPC") and answer is not None and answer.status < 300 and is_on_data(shim) and \
                not commits_since(shim, count):
            case.complain(f"{arguments[0]}: {answer.status} though a write of the store had failed")
        return answer

    case.send = sending
    try:
        phase(case)
    finally:
        case.send = send


def judge_end(case, point, shim):
    """How the process is, or how it ended."""
    status = case.box.process.poll()
    point.outcome = "lives" if status is None else f"exit {status}"
    if not point.fired:
        return
    if point.kind == "KILL":
        if status is None:
            status = case.box.process.wait(STOP_SECONDS)
        if status != -9:
            case.complain(f"killed, and it ended with {status}")
        return
    if status not in (None, 0, 1):
        case.complain(f"it ended with {status}:\n{case.box.log_tail()}")
    if point.kind in ("EIO", "ENOSPC") and point.data and "open" not in point.call and shim.flushes_after:
        case.complain(f"{shim.flushes_after} syncs of the store after one of its writes or syncs had failed")


# -- many cases --

def worker(number, folder, tasks, results):
    """Cases from the queue, until there are no more or the parent is gone."""
    lab, parent = None, os.getppid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that its acbd ends too
    try:
        lab = Lab(Path(folder) / f"lab-{number}")
        results.put(("ready", number, None))
        while os.getppid() == parent:
            try:
                task = tasks.get(timeout=2)
            except queue.Empty:
                continue
            if task is None:
                break
            results.put(("point", number, run_case(lab, *task)))
    except Exception:  # pylint: disable=broad-except
        results.put(("broken", number, traceback.format_exc()))
    finally:
        if lab:
            lab.box.kill_all()


class Crew:
    """Processes with a lab each."""

    def __init__(self, folder):
        context = multiprocessing.get_context("fork")
        self.tasks, self.results = context.Queue(), context.Queue()
        self.processes = [context.Process(target=worker, args=(number, str(folder), self.tasks, self.results))
                          for number in range(WORKERS)]
        for process in self.processes:
            process.start()

    def run(self, phase, place, kinds_of):
        """Points of one phase, N counted up until one run ends untouched. `kinds_of` a number: none to pass it by."""
        points, asked, waiting = [], 0, 0
        under_way = {}  # number -> [cases not yet back, whether one of them fired]
        untouched = False  # some number's cases all ended so
        while True:
            while not untouched and waiting < 2 * WORKERS and asked < MOST_POINTS:
                asked += 1
                kinds = kinds_of(asked)
                under_way[asked] = [len(kinds), False]
                for kind in kinds:
                    self.tasks.put((phase, place, kind, asked))
                waiting += len(kinds)
            if waiting == 0:
                return points
            what, _, point = self.results.get(timeout=300)
            if what == "broken":
                raise AssertionError(point)
            if what == "ready":
                continue
            waiting -= 1
            state = under_way[point.number]
            state[0] -= 1
            state[1] = state[1] or point.fired
            untouched = untouched or state == [0, False]
            points.append(point)

    def close(self):
        for _ in self.processes:
            self.tasks.put(None)
        for process in self.processes:
            process.join(30)
            if process.is_alive():
                process.kill()


class EachCall(harness.TestCase):
    every_kind = False
    phases = None  # all that are built
    seed = None

    def test_that_fails_or_is_the_last_breaks_no_promise(self):
        seed = random.SystemRandom().randrange(1 << 32) if self.seed is None else self.seed
        print(f"seed {seed}", flush=True)
        turn = random.Random(seed).randrange(len(KINDS) * TOKEN_STEP)
        with temporary_directory(harness.memory_directory()) as folder:
            crew = Crew(folder)
            try:
                problems, total = [], 0
                for phase in self.phases or phases_built():
                    for place in PLACES:
                        began = time.monotonic()
                        step = 1 if self.every_kind or place != "token" else TOKEN_STEP
                        points = crew.run(phase, place, lambda number, step=step: self.kinds(number, turn, step))
                        total += sum(point.fired for point in points)
                        self.report(phase, place, points, time.monotonic() - began, step)
                        self.assert_none_skipped(points, turn, step)
                        problems += [(point, problem) for point in points for problem in point.problems]
                print(f"{total} faults in all")
                self.assertEqual(len(problems), 0, f"seed {seed}: {problems[:1]}")
            finally:
                crew.close()

    def kinds(self, number, turn, step):
        """Which kinds of faults call `number` meets."""
        if (number + turn) % step:
            return []
        return list(KINDS) if self.every_kind else [list(KINDS)[(number + turn) // step % len(KINDS)]]

    @staticmethod
    def report(phase, place, points, seconds, step):
        fired = [point for point in points if point.fired]
        calls = collections.Counter(point.call for point in {point.number: point for point in fired}.values())
        kinds = collections.Counter(point.kind for point in fired)
        share = f" (one in {step} of them)" if step > 1 else ""
        print(f"{phase}/{place}: {len({point.number for point in fired})} points{share}, {len(fired)} faults "
              f"{dict(kinds)}, of {dict(calls)}; {seconds:.1f} s", flush=True)
        for point in points:
            for problem in point.problems:
                print(f"PROBLEM {point}: {problem}", flush=True)

    def assert_none_skipped(self, points, turn, step):
        """Each number up to the last that fired was tried, and one beyond it ended untouched."""
        fired = {point.number for point in points if point.fired}
        tried = {point.number for point in points}
        wanted = {number for number in range(1, max(fired, default=0) + 1) if (number + turn) % step == 0}
        self.assertEqual(wanted - tried, set())
        # How many pages a commit writes may differ by one from run to run: beyond means in none of the kinds.
        self.assertTrue(tried - fired, "the phase never ended untouched")


class TheCheckItself(harness.TestCase):
    """A library that says that a call was done, which was not: the check has to see it."""

    def test_sees_each_commit_that_was_said_to_be_durable_and_was_not(self):
        with temporary_directory(harness.memory_directory()) as folder:
            lab = Lab(folder / "lab")
            self.addCleanup(lab.box.kill_all)
            lied, missed = 0, []
            while (point := run_case(lab, "sign", "store", "LIE", lied + 1, LIE)).fired:
                lied += 1
                if not point.problems:
                    missed.append(point)
            print(f"{lied} commits that were none, {lied - len(missed)} seen")
            self.assertGreater(lied, 5)
            self.assertEqual(missed, [])


class TheCount(harness.TestCase):
    """strace sees no call that the library does not count."""

    # A call whose path is a file of the box and that is none of these changes it.
    READING = {"read", "pread64", "readv", "preadv", "preadv2", "fstat", "newfstatat", "stat", "lstat", "statx",
               "lseek", "close", "mmap", "flock", "fcntl", "readlink", "access", "faccessat", "faccessat2", "getdents64",
               "statfs", "fstatfs", "fadvise64", "dup", "dup2", "dup3", "poll",
               "execve", "readlinkat", "getxattr", "lgetxattr"}

    def test_is_complete(self):
        with temporary_directory(harness.memory_directory()) as folder:
            lab = Lab(folder / "lab")
            self.addCleanup(lab.box.kill_all)
            log = folder / "strace"
            self.run_all_phases(lab, log)
            counted = collections.Counter((row.call, self.normal(row.path)) for row in lab.shim.rows())
            traced = self.read_trace(log.read_text(), str(lab.box.directory))
            print(f"{sum(traced.values())} calls of strace, {sum(counted.values())} counted")
            # strace sees each of them twice: trapped, and then made by the library. A call that went past it: once.
            self.assertEqual(traced, collections.Counter({what: 2 * times for what, times in counted.items()}))
            self.assertGreater(sum(counted.values()), 100)
            self.assertTrue(any(call in SYNCS for call, _ in counted))
            self.assertTrue(any(call == "write" and path.startswith("store/tmp") for call, path in counted), "no spool")

    def run_all_phases(self, lab, log):
        case = Case(lab)
        # Not in the environment of strace: it would load the library itself.
        for_acbd = [f"-E{name}={value}" for name, value in lab.shim.environment(lab.box).items()]
        lab.box.prefix = ["strace", "-D", "-f", "-y", "-s", "0", "-e", "trace=%file,%desc,msync", "-e", "signal=none",
                          "-o", str(log), *for_acbd]
        lab.shim.arm(STATE | TOKEN | LOG, 0, COUNT)
        lab.box.start()
        for phase in phases_built():
            if PHASES[phase] is not None:
                PHASES[phase](case)
        self.assertEqual(case.books.problems, [])
        deadline = time.monotonic() + STOP_SECONDS
        ended = re.compile(rf"^{lab.box.process.pid} +\+\+\+ exited", re.MULTILINE)
        while not ended.search(log.read_text()):
            self.assertLess(time.monotonic(), deadline, "strace has not ended")
            time.sleep(0.05)

    def read_trace(self, text, directory):
        calls = collections.Counter()
        for line in text.splitlines():
            call = re.match(r"\d+ +(\w+)\(", line)
            # A resumed call was counted where it began.
            if not call or call[1] in self.READING or directory + "/" not in line:
                continue
            if call[1] in ("open", "openat") and not re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", line):
                continue
            path = re.search(re.escape(directory) + r'/([^">]*)', line)[1]
            calls[call[1], self.normal(path)] += 1
        return calls

    @staticmethod
    def normal(path):
        """Without what differs from run to run: inodes, names that SoftHSM draws."""
        path = re.sub(r"#\d+( \(deleted\))?", "#", path.removesuffix(" (deleted)"))
        return re.sub(r"(tokens/[^/]+/)[0-9a-f-]{36}", r"\1*", path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="each call meets every kind of fault")
    parser.add_argument("--phase", action="append", choices=list(PHASES))
    parser.add_argument("--seed", type=int)
    options, rest = parser.parse_known_args()
    EachCall.every_kind, EachCall.seed = options.all, options.seed
    EachCall.phases = options.phase
    harness.main([sys.argv[0], *rest])
