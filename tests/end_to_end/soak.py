#!/usr/bin/python3
"""A box at half of its capacity for as long as one likes, a fault every ten seconds: what does it wear?

    soak.py                                     an hour
    soak.py --minutes 4320 --json soak.json     three days; the figures also as JSON
    soak.py --minutes 3 --seed 7                a look; what needs longer is shown and not judged

Warms up, measures the capacity of these clients, then keeps half of it up. Five sixths of the time the process stays the
same and meets what it has to outlive (soak_faults.py: the HSM gone, hung, slow and lying, a full disk, imports, reloads, storms,
slow clients); in the last sixth it is killed and its writes fail. Between faults, when nothing is wrong, descriptors,
threads and memory are counted and answers timed: the first quarter is held against the last. At the end the log is exported
and verified by acb-verify, and held against what the clients were answered, which they wrote down outside of the box.

Prints a table of the faults, one of the drift, the minutes, and a verdict. Exit status 0: all within the limits; 1: not; 2:
usage. Needs root (/proc/PID of a process that cannot be looked into) and the tests' programs (ACB_BINARY_DIR). Leaves
nothing behind but what --json names. Nothing else should run on the machine: latency is judged.
Issue 8, Shows 5; reliability.md F22.
"""

import argparse
import contextlib
import itertools
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tarfile
import threading
import time
from collections import Counter, namedtuple
from pathlib import Path

import harness
import soak_faults
from fault_shim import FaultShim
from harness import World, binary, temporary_directory
from soak_load import DEVICES_EACH, LOST, OUTCOMES, SIGNED, UNDECIDED, Load

CLIENTS = 4
STORM_DEVICES = 8
CAPACITY_SECONDS = 10
STEADY_SHARE = 5 / 6
SETTLED_SHARE = 0.2  # of the time between faults: after it signs again, until all is thought to be as before
SIGNS_AGAIN_SECONDS = 30
MOST_STARTS = 5
# Each of the box's 1,024 threads for connections takes some 70 KiB for good when it serves somebody for the first time: 12
# MiB become 105. So nearly all of them serve at once before anything is measured, and then there is a while with the
# faults, before the first quarter. One after the other, 1,600 connections met four threads of five, and the rest looked
# like growth. A client gets 1,008 places at most, and the load has some of them.
WARM_UP_CONNECTIONS = 1000
WARM_UP_SHARE, WARM_UP_SECONDS = 0.2, 600
JUDGED_MINUTES = 30  # a shorter run shows what takes time to see, or a machine to itself, and does not judge it
RESERVE_SHARE = 2  # of the disk that is free is the reserve; what is above is there to be written
FILLER_MARGIN = 16  # of the reserve: how far below it the disk is filled
HANDOVER_OCTETS = 16 << 10  # of store, books and the shim's log together
PROGRESS_SECONDS = 10
REPORTED = 5

MEMORY_LIMIT, LATENCY_LIMIT, STORE_LIMIT = 0.05, 0.20, 0.20
# Where the p99 is a few milliseconds, a fifth of it is the machine's own noise.
LATENCY_SLACK_SECONDS = 0.001

Sample = namedtuple("Sample", "at process descriptors threads anonymous resident children store signed quiet")
Row = namedtuple("Row", "name first last change limit verdict")


class SoakFailed(Exception):
    """The box did something that no soak may end well with."""


def status_of(process):
    fields = dict(re.findall(r"^(\w+):\s+(\d+)", Path(f"/proc/{process}/status").read_text(), re.M))
    return int(fields["Threads"]), 1024 * int(fields["RssAnon"]), 1024 * int(fields["VmRSS"])


class Stage:
    """The box, and all that faults need to know of it."""

    def __init__(self, folder):
        self.folder = folder
        self.order, self.filler = folder / "fault", folder / "filler"
        self.wrong = []
        devices = CLIENTS * DEVICES_EACH + STORM_DEVICES
        self.world = World.own(folder, devices=devices, start=False, shim_log=folder / "signatures",
                               shim_env={"ACB_SHIM_FAULT": str(self.order)})
        self.box = self.world.box
        self.storm_devices = self.world.devices[-STORM_DEVICES:]
        self.storm_counters = itertools.count(10**15)
        self.storm_signed = []
        self.slow_starts = 0
        self.shim = FaultShim(folder / "shim")
        self._reserve()
        self.box.start()
        self.world.import_own()

    def _reserve(self):
        """So large that a file without content fills the disk down to it, and others' writes do not."""
        self.reserve = min(soak_faults.disk_room(self.box.store) // RESERVE_SHARE, 1 << 40)
        self.box.configure("store", map_size_gib=2 * (self.reserve >> 30) + 64, reserve_mib=self.reserve >> 20)

    def filler_octets(self):
        room = soak_faults.disk_room(self.box.store)
        return room - self.reserve + self.reserve // FILLER_MARGIN

    def lister(self):
        found = [process for process, name in soak_faults.children_of(self.box.process.pid).items() if name == "acb-lister"]
        if len(found) != 1:
            raise SoakFailed(f"acbd has {len(found)} listers")
        return found[0]

    def bring_up(self):
        """A new process, whose writes can be made to fail. One that found the HSM too slow at its start stays Locked, and
        is started again, as an operator would."""
        self.box.close_clients()
        for _ in range(MOST_STARTS):
            self.box.spawn(self.shim.environment(self.box))
            outcome = self.box.outcome()
            if outcome == ("ready", ()):
                return
            if outcome != ("refused", ("HSM_UNAVAILABLE",)):
                break
            self.slow_starts += 1
            self.box.kill_all()
        raise SoakFailed(f"it does not start: {outcome}\n{self.box.log_tail()}")

    def log_since(self, at):
        with open(self.box.log_file, "rb") as log:
            log.seek(at)
            return log.read()

    @staticmethod
    def wait(what, condition, seconds=SIGNS_AGAIN_SECONDS):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if condition():
                return
            time.sleep(0.02)
        raise SoakFailed(f"not in {seconds} s: {what}")


class Sampler:
    """Looks once a second, and knows when nothing is wrong."""

    def __init__(self, stage, load, settled):
        self.stage, self.load, self.settled = stage, load, settled
        self.samples = []
        self.quiet_since = time.monotonic()
        self.quiet = []  # (begin, end) of times in which nothing was wrong
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def trouble(self):
        if self.quiet_since is not None:
            self.quiet.append((self.quiet_since, time.monotonic()))
        self.quiet_since = None

    def calm(self):
        self.quiet_since = time.monotonic() + self.settled

    def end(self):
        self.trouble()
        self.stop.set()
        self.thread.join()

    def _run(self):
        while not self.stop.wait(1):
            try:
                self.samples.append(self._look())
            except (OSError, AttributeError, KeyError):
                pass  # there is no process just now

    def _look(self):
        process = self.stage.box.process.pid
        descriptors = len(os.listdir(f"/proc/{process}/fd"))
        children = len(soak_faults.children_of(process))
        threads, anonymous, resident = status_of(process)
        store = sum(path.stat().st_blocks * 512 for path in self.stage.box.store.rglob("*") if path.is_file())
        now, since = time.monotonic(), self.quiet_since
        return Sample(now, process, descriptors, threads, anonymous, resident, children, store,
                      self.load.signed() + len(self.stage.storm_signed),
                      since is not None and now > since)


class Strikes:
    """Each fault in a random order, then anew; what became of each."""

    def __init__(self, generator, kinds, shuffle=True):
        self.generator, self.kinds, self.shuffle = generator, kinds, shuffle
        self.round = []
        self.rows = {kind.name: Counter() for kind in kinds}
        self.slowest = Counter()

    def next(self):
        if not self.round:
            self.round = list(self.kinds)
            if self.shuffle:
                self.generator.shuffle(self.round)
        return self.round.pop(0)

    def one(self, stage, load, sampler, fault):
        sampler.trouble()
        undecided = load.undecided()
        fault.strike(stage)
        time.sleep(soak_faults.FAULT_SECONDS)
        fault.lift(stage)
        lifted, signed = time.monotonic(), load.signed()
        try:
            stage.wait("a signature again", lambda: load.signed() > signed + CLIENTS)
        except SoakFailed as error:
            raise SoakFailed(f"after '{fault.name}': {error}\n{stage.box.log_tail()}") from None
        back = time.monotonic() - lifted
        sampler.calm()
        row = self.rows[fault.name]
        row["strikes"] += 1
        row["refused"] += load.undecided() - undecided
        self.slowest[fault.name] = max(self.slowest[fault.name], back)


class Account:
    """The log, entry by entry in its order, held against what the clients were answered, in the same order."""

    def __init__(self, answers):
        self.answers = answers
        self.next = next(answers, None)
        self.last = {}  # (device, for others or not) -> counter: it rises, so that none comes twice
        self.kinds = Counter()
        self.answered = 0
        self.problems = []

    def take(self, entries):
        for entry in entries:
            self.kinds[entry["kind"]] += 1
            told = self._counter(entry) if entry["kind"] in ("signed", "abandoned", "reserved-elsewhere") else None
            while self.next is not None and self.next[0] <= int(entry["index"]):
                if self.next != told:
                    self.problems.append(f"answer {self.next}, and entry {entry['index']} of the log says "
                                         f"{told or entry['kind']}")
                self.answered += 1
                self.next = next(self.answers, None)
                told = None  # one answer for an entry

    def _counter(self, entry):
        device, counter = harness.plain(entry["device"]), int(entry["originator_counter"])
        which = device, entry["kind"] == "reserved-elsewhere"
        if counter <= self.last.get(which, 0):
            self.problems.append(f"device {device}: entry {entry['index']} has counter {counter} after {self.last[which]}")
        self.last[which] = counter
        signed = int(entry["index"]), device, counter, entry.get("command_sha256")
        return signed if entry["kind"] == "signed" else None

    def end(self):
        if self.next is not None:
            self.problems.append(f"answer {self.next} is of no entry of the log")
        if not self.answered:
            self.problems.append("no answer at all")
        return self.problems


class Soak:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.generator = random.Random(options.seed)
        self.stage = Stage(folder)
        books = folder / "books"
        books.mkdir()
        self.load = Load(self.stage.world, books, CLIENTS, options.seed)
        self.sampler = None
        self.steady = Strikes(self.generator, soak_faults.steady())
        self.ending = Strikes(self.generator, soak_faults.ending(), shuffle=False)
        self.capacity = 0.0
        self.problems = []
        self.checks = {}
        self.unverified = []
        self.last_progress = 0.0

    # -- the run --

    def run(self):
        try:
            self._warm_up()
            self.capacity = self._measure_capacity()
            self._need_room()
            self.load.pace(self.capacity / 2)
            self.sampler = Sampler(self.stage, self.load, SETTLED_SHARE * self.options.every)
            seconds = 60 * self.options.minutes
            self.began = time.monotonic()
            self.steady_end = self.began + STEADY_SHARE * seconds
            self._strike_until(self.steady_end, self.steady)
            self._strike_until(self.began + seconds, self.ending)
        finally:
            if self.sampler:
                self.sampler.end()
            self.load.end()
        self._settle_accounts()

    def _warm_up(self):
        self._say(f"{self.options.warm_up} connections at once, so that each thread has served somebody")
        self.load.pace(CLIENTS)
        request = self.stage.world.request(device=self.stage.storm_devices[0])
        with contextlib.ExitStack() as held:
            for _ in range(self.options.warm_up):
                document = self.stage.world.sign(request.but(counter=next(self.stage.storm_counters)))
                client = held.enter_context(contextlib.closing(self.stage.box.client("dsp")))
                client.request("POST", "/v1/handovers", document, {"Content-Type": "application/xml"})

    def _measure_capacity(self):
        self.load.pace(0)
        time.sleep(1)
        before = self.load.signed()
        time.sleep(self.options.capacity_seconds)
        found = (self.load.signed() - before) / self.options.capacity_seconds
        if found <= 0:
            raise SoakFailed(f"nothing is signed at all: {self.load.wrong()[:1]}\n{self.stage.box.log_tail()}")
        return found

    def _need_room(self):
        needed = int(self.capacity / 2 * 60 * self.options.minutes * HANDOVER_OCTETS)
        room = soak_faults.disk_room(self.folder) - self.stage.reserve
        if needed > room:
            raise SoakFailed(f"{needed >> 20} MiB will be written, and {self.folder} has {room >> 20} MiB above the reserve "
                             "(half of what is free): name a larger disk with --directory, or run for fewer --minutes")

    def _strike_until(self, end, strikes):
        due = time.monotonic() + self.options.every
        while due < end:
            while time.monotonic() < due:
                self._progress("")
                time.sleep(0.1)
            fault = strikes.next()
            self._progress(fault.name)
            strikes.one(self.stage, self.load, self.sampler, fault)
            if self.load.dead():
                raise SoakFailed(f"clients ended by themselves: {self.load.dead()}")
            due = max(due + self.options.every, time.monotonic())
        time.sleep(max(0.0, end - time.monotonic()))

    def _progress(self, fault):
        now = time.monotonic()
        if now - self.last_progress < PROGRESS_SECONDS:
            return
        self.last_progress = now
        strikes = sum(row["strikes"] for part in (self.steady, self.ending) for row in part.rows.values())
        self._say(f"{(now - self.began) / 60:7.1f} of {self.options.minutes:g} min, {self.load.signed()} signed, "
                  f"{strikes} faults{': ' + fault if fault else ''}")

    def _say(self, text):
        if not self.options.quiet:
            print(text.ljust(78), end="\r" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)

    # -- the end: the log, and what the clients hold against it --

    def _settle_accounts(self):
        box = self.stage.box
        self._say("the log is exported, verified and held against the answers")
        self.problems += self.stage.wrong + self.load.wrong()
        box.stop()  # cleanly, or it raises
        box.start()
        self._acbctl("audit", "checkpoint", "--out", self.folder / "checkpoint")
        size = int((self.folder / "checkpoint").read_text().splitlines()[1])
        self.checks["entries of the log"] = size
        self.checks["starts that found the HSM too slow"] = self.stage.slow_starts
        account = Account(self.load.answers())
        for begin in range(0, size, self.options.entries_at_once):
            account.take(self._verified(begin, min(size, begin + self.options.entries_at_once)))
        box.stop()
        self.problems += account.end()
        self.checks.update({"acb-verify": "VERIFIED" if not self.unverified else self.unverified[0],
                            "answers held against the log": account.answered, "entries": dict(account.kinds)})

    def _verified(self, begin, end):
        """The entries of a part of the log, which acb-verify has verified. Not all at once: a file holds 8 GiB at most."""
        tar, key = self.folder / "log.tar", self.folder / "checkpoint.pem"
        self._acbctl("audit", "export", "--redaction", "ssc", "--from", begin, "--to", end, tar)
        with tarfile.open(tar) as container:
            keys = json.load(container.extractfile("keys.json"))["keys"]
            spki = next(one["spki"] for one in keys if one["role"] == "checkpoint")
            key.write_text(f"-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n")
            done = subprocess.run([binary("tools/acb-verify", "acb-verify"), str(tar), "--key", str(key), "--root",
                                   str(self.stage.world.pki.path("root"))], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                self.unverified.append((done.stdout + done.stderr)[-500:])
                self.problems.append(f"acb-verify, entries {begin} to {end}: {self.unverified[-1]}")
            for line in container.extractfile("entries.ndjson"):
                yield json.loads(line)
        tar.unlink()

    def _acbctl(self, *words):
        harness.run(binary("tools", "acbctl"), "--directory", str(self.stage.box.directory), *map(str, words),
                    env=self.stage.box.env)

    # -- what it comes to --

    def result(self):
        minutes, times = self._minutes()
        drift = self._drift(times)
        problems = Counter(self.problems)
        good = not problems and all(row.verdict != "FAILS" for row in drift)
        return {
            "minutes": self.options.minutes, "seed": self.options.seed, "every_seconds": self.options.every,
            "capacity_per_second": round(self.capacity, 1), "load_per_second": round(self.capacity / 2, 1),
            "signed": self.load.signed(),
            "outcomes": {OUTCOMES[outcome]: count for outcome, count in sorted(Counter(o for _, _, o in times).items())},
            "faults": [{"fault": name, "strikes": row["strikes"], "refused": row["refused"],
                        "signs_again_seconds": round(part.slowest[name], 2)}
                       for part in (self.steady, self.ending) for name, row in part.rows.items()],
            "drift": [row._asdict() for row in drift], "per_minute": minutes, "checks": self.checks,
            "problems": [{"problem": text[:1000], "times": times_} for text, times_ in problems.most_common()],
            "verdict": "good" if good else "not good",
        }

    def _quiet_times(self, times):
        """Of the requests sent while nothing was wrong."""
        edges = self.sampler.quiet
        found, at = [], 0
        for one in times:
            while at < len(edges) and one[0] > edges[at][1]:
                at += 1
            if at < len(edges) and edges[at][0] <= one[0] and one[0] + one[1] <= edges[at][1]:
                found.append(one)
        return found

    def _minutes(self):
        """(the minutes, all requests of the run in their order)"""
        times = sorted(one for one in self.load.times() if one[0] >= self.began)
        quiet = self._quiet_times(times)
        here, calm, samples = (self._by_minute(part) for part in (times, quiet, self.sampler.samples))
        rows = []
        for minute in sorted(samples):
            looks = samples[minute]
            fast = sorted(one[1] for one in calm.get(minute, ()) if one[2] == SIGNED)
            rows.append({"minute": minute, "signed": sum(one[2] == SIGNED for one in here.get(minute, ())),
                         "undecided": sum(one[2] in (UNDECIDED, LOST) for one in here.get(minute, ())),
                         "p50_ms": _milliseconds(fast, 0.5), "p99_ms": _milliseconds(fast, 0.99),
                         "descriptors": max(one.descriptors for one in looks),
                         "threads": max(one.threads for one in looks),
                         "anonymous_mib": round(max(one.anonymous for one in looks) / 2**20, 1),
                         "resident_mib": round(max(one.resident for one in looks) / 2**20, 1),
                         "store_mib": round(looks[-1].store / 2**20, 1)})
        return rows, times

    def _by_minute(self, parts):
        found = {}
        for one in parts:
            found.setdefault(int((one[0] - self.began) // 60), []).append(one)
        return found

    def _quarters(self):
        """Where the first and the last quarter of the steady part begin and end, without the time in which it warms up."""
        length = self.steady_end - self.began
        begin = self.began + min(WARM_UP_SECONDS, WARM_UP_SHARE * length)
        quarter = (self.steady_end - begin) / 4
        return (begin, begin + quarter), (self.steady_end - quarter, self.steady_end)

    def _drift(self, times):
        quarters = self._quarters()
        samples = [[one for one in self.sampler.samples if begin <= one.at < end and one.quiet] for begin, end in quarters]
        quiet = self._quiet_times(times)
        calm = [sorted(one[1] for one in quiet if begin <= one[0] < end and one[2] == SIGNED) for begin, end in quarters]
        if not all(samples) or not all(calm):
            return [Row("samples", len(samples[0]), len(samples[1]), "", "some in each quarter", "FAILS")]
        long = self.options.minutes >= JUDGED_MINUTES

        def row(name, values, limit, most, shown=str, judged=True):
            first, last = values
            verdict = "FAILS" if last > most else "good"
            return Row(name, shown(first), shown(last), _change(first, last), limit, verdict if judged else "not judged")

        def of(quantity, by=statistics.median):
            return [by([getattr(one, quantity) for one in part]) for part in samples]

        rows = [row(name, values, "does not grow", values[0], lambda value: f"{value:g}")
                for name, values in (("descriptors", of("descriptors")), ("threads", of("threads")),
                                     ("processes beside it", of("children")))]
        memory, resident = of("anonymous"), of("resident")
        mib = lambda value: f"{value / 2**20:.1f} MiB"  # noqa: E731  pylint: disable=unnecessary-lambda-assignment
        ms = lambda value: f"{1000 * value:.2f} ms"  # noqa: E731  pylint: disable=unnecessary-lambda-assignment
        rows.append(row("anonymous memory", memory, f"+{MEMORY_LIMIT:.0%}", memory[0] * (1 + MEMORY_LIMIT), mib, long))
        rows.append(row("resident memory", resident, "the store's pages too", float("inf"), mib, False))
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            values = [_quantile(part, share) for part in calm]
            most = max(values[0] * (1 + LATENCY_LIMIT), values[0] + LATENCY_SLACK_SECONDS)
            rows.append(row(f"{name} while nothing is wrong", values, f"+{LATENCY_LIMIT:.0%}", most, ms, long))
        grown = [(part[-1].store - part[0].store) / max(1, part[-1].signed - part[0].signed) for part in samples]
        rows.append(row("store, octets a handover", grown, f"+{STORE_LIMIT:.0%}", grown[0] * (1 + STORE_LIMIT),
                        lambda value: f"{value:.0f}", long))
        undecided = [sum(one[2] != SIGNED and begin <= one[0] < end for one in quiet) for begin, end in quarters]
        rows.append(row("refused while nothing is wrong", undecided, "none", 0, str, long))
        return rows


def _quantile(values, share):
    return values[min(len(values) - 1, int(share * len(values)))]


def _milliseconds(values, share):
    return round(1000 * _quantile(values, share), 2) if values else None


def _change(first, last):
    return f"{(last - first) / first:+.1%}" if first else f"{last - first:+g}"


def show(result):
    print(f"{result['minutes']:g} min at {result['load_per_second']} of {result['capacity_per_second']} handovers a second, "
          f"a fault every {result['every_seconds']:g} s, seed {result['seed']}: {result['signed']} signed; "
          f"{result['outcomes']}")
    print(f"\n{'fault':<22}{'strikes':>8}{'refused':>9}{'signs again within':>20}")
    for row in result["faults"]:
        print(f"{row['fault']:<22}{row['strikes']:>8}{row['refused']:>9}{row['signs_again_seconds']:>18.2f} s")
    print(f"\n{'minute':>6}{'signed':>8}{'undecided':>10}{'p50 ms':>8}{'p99 ms':>8}{'fds':>6}{'threads':>8}{'anon MiB':>10}"
          f"{'store MiB':>10}")
    for row in result["per_minute"]:
        print(f"{row['minute']:>6}{row['signed']:>8}{row['undecided']:>10}{row['p50_ms'] or '-':>8}{row['p99_ms'] or '-':>8}"
              f"{row['descriptors']:>6}{row['threads']:>8}{row['anonymous_mib']:>10}{row['store_mib']:>10}")
    print(f"\n{'drift':<32}{'first quarter':>14}{'last quarter':>14}{'change':>9}  {'limit':<22}verdict")
    for row in result["drift"]:
        print(f"{row['name']:<32}{row['first']:>14}{row['last']:>14}{row['change']:>9}  {row['limit']:<22}{row['verdict']}")
    print()
    for name, value in result["checks"].items():
        print(f"{name}: {value}")
    for problem in result["problems"][:REPORTED]:
        print(f"PROBLEM ({problem['times']} times): {problem['problem']}")
    print(f"verdict: {result['verdict']}", flush=True)


def end_what_was_started():
    """Each acbd with its lister, before its directory goes: a lister makes its lock file anew."""
    for process in harness._STARTED:  # pylint: disable=protected-access
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def soak(options, folder):
    """Runs it; the result. Raises SoakFailed."""
    try:
        one = Soak(options, folder)
        one.run()
        return one.result()
    finally:
        end_what_was_started()


def arguments(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--every", type=float, default=10.0, metavar="SECONDS", help="from fault to fault (10)")
    parser.add_argument("--capacity-seconds", type=float, default=CAPACITY_SECONDS, help=f"({CAPACITY_SECONDS})")
    parser.add_argument("--warm-up", type=int, default=WARM_UP_CONNECTIONS, metavar="CONNECTIONS",
                        help=f"before anything is measured ({WARM_UP_CONNECTIONS})")
    parser.add_argument("--entries-at-once", type=int, default=100_000, metavar="N",
                        help="that are exported and verified at the end (100000)")
    parser.add_argument("--seed", default=str(random.SystemRandom().randrange(1 << 32)))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    parser.add_argument("--directory", type=Path, help="a directory of the disk that is to be used (the temporary one)")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    options = parser.parse_args(words)
    if options.minutes <= 0 or options.every < 4:
        parser.error("--minutes has to be above 0, --every at least 4")
    return options


def main():
    options = arguments()
    if os.geteuid() != 0:
        print("soak.py: needs root: /proc/PID/fd of acbd, which cannot be looked into, is what is counted", file=sys.stderr)
        return 2
    # As Ctrl-C: whatever was started is ended, and the directory removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with temporary_directory(options.directory) as folder:
        try:
            result = soak(options, folder)
        except (SoakFailed, harness.Failure) as error:
            print(f"soak.py: seed {options.seed}: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("soak.py: interrupted; nothing is judged", file=sys.stderr)
            return 1
    show(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if result["verdict"] == "good" else 1


if __name__ == "__main__":
    sys.exit(main())
