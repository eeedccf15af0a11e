#!/usr/bin/python3
"""The store's directory put back to every earlier copy of it: never a repeat or regression (P1; reliability.md F8).

    test_rollback.py [--reservations N] [--copies N] [--devices N] [--clients N] [--window N] [--seed N]

A run of many starts. In each, clients ask for handovers and counters for others while copies of the store are taken
(an instant of the running store, see store_copies.py); it ends by kill -9 under load, by kill -9 at rest or by a clean
stop, and the store that is left is a copy too. Then the store is put back to one of the copies, or left as it is, and
started. At the end every copy that was ever taken is put back once more, in random order. The token's objects are never
put back: they are what remembers (design.md section 4).

  * A start with a copy from before the last anchor that stands is refused: acbd stays up; /readyz, the handover
    endpoint and `acbctl status` (exit status 1) name STORE_ROLLED_BACK, the last also the way out. The latest store,
    put back, starts.
  * One from after the last anchor that can stand starts, and signs.
  * Whatever starts, no counter is released that is not above every one ever released for its device, by any earlier
    start with any store; and the token's own record says the same of everything that it signed, released or not.

What is known of an anchor is read from the log's `anchor` entries: where a copy's size or the last
anchor is known only within bounds, either outcome is right.
"""

import argparse
import bisect
import collections
import random
import sys
import time
from dataclasses import dataclass, field

import harness
import store_copies
from books import Books, Load, Signed, TokenLog, one_each
from harness import Failure, World, temporary_directory

ENDINGS = ("kill -9 under load", "kill -9 at rest", "clean stop")
REFUSED = "STORE_ROLLED_BACK"
WAY_OUT = ("restore", "recover")  # words that the way out cannot do without
COPIES_EACH = 5  # start: four while it runs, and what it leaves
RESERVE_SHARE = 0.05
COPY_TO_KILL_SECONDS = (0.0, 0.05)
IN_FLIGHT = 200  # a counter that was signed and not released is at most so far above the last one known
LOAD_SECONDS = 60  # in which a start has to answer its share
STATUS_EACH = 8  # of the refusals: acbctl is asked each so many times
REPORTED = 10
PROGRESS_SECONDS = 10
UNKNOWN = 1 << 62


@dataclass
class Copy:
    kept: dict
    start: int  # of the start that wrote it
    how: str
    frozen: float = 0.0
    resumed: float = 0.0
    least: int = 0  # entries that it holds for sure
    most: int = UNKNOWN  # and that it can hold


@dataclass
class Top:
    """The highest anchor that stands: it names a tree of `least` to `most` entries that start `start` wrote."""

    start: int = 0
    least: int = 0
    most: int = UNKNOWN


@dataclass
class Counts:
    copies: collections.Counter = field(default_factory=collections.Counter)
    outcomes: collections.Counter = field(default_factory=collections.Counter)
    starts: int = 0
    expected: collections.Counter = field(default_factory=collections.Counter)


class Rollback:
    def __init__(self, folder, world, token_log, options):
        self.world, self.box, self.options = world, world.box, options
        self.generator = random.Random(options.seed)
        self.books = Books(anew=True)
        self.token_log = token_log
        self.pool = store_copies.Pool(folder)
        self.copies = []
        self.latest = None  # what the box's last run left: this one has to start
        self.top = Top()
        self.counts = Counts()
        self.first = 0  # index of the first handover since the last start
        self.began = {}  # device -> the first counter known since the last start
        self.signed = Signed(self.books, world.acb, set(token_log.news()))

    # -- a start and what is done with it --

    def entries(self):
        """Those after the first handover of this start, which is all that copies and anchors are told apart by."""
        return [entry for _, entry in self.box.audit_entries(self.first)]

    def live(self, reservations, copies, ending):
        """The box has started: signs, is copied, ends. The books know every counter of its raise from one_each on."""
        self.counts.starts += 1
        started = self.counts.starts
        one_each(self.world, self.box, self.books)
        self.first = min(released.index for released in self.books.new)
        self.began = dict(self.books.highest)
        client = self.box.client("dsp")
        self.again(client)
        client.close()
        load = Load(self.world, self.box, self.books, f"{self.options.seed}/{started}",
                    connections=self.options.clients, reserve_share=RESERVE_SHARE)
        taken = self.copy_under(load, reservations, copies - 1)
        if ending == ENDINGS[0]:
            entries = self.entries()
            taken += self.copy() if copies else []
            time.sleep(self.generator.uniform(*COPY_TO_KILL_SECONDS))
            self.box.kill()
            load.join()
        else:
            load.join()
            taken += self.copy() if copies else []
            entries = self.entries()
            self.box.kill() if ending == ENDINGS[1] else self.box.stop()
        released = self.books.new[:]
        self.signed.settle({"token": self.token_log.news()}, self.candidates)
        self.top = self.top_after(started, entries, ending)
        self.keep(taken, started, entries, released, ending)

    def again(self, client):
        """A request of long ago: the stored answer, or a new one above all (P5)."""
        if self.books.samples:
            request_id, document = self.generator.choice(self.books.samples)
            known = self.books.answers[request_id]
            device = known.device
            with self.books.lock:
                highest = self.books.highest[device]
            now = self.books.handover(client, request_id, document, first=False)
            if now is None:
                self.books.complain(f"{request_id}: was answered, and now is not")
            elif now.counter != known.counter and now.counter <= highest:
                self.books.complain(f"{request_id}: decided anew with counter {now.counter}, after {highest}")

    def candidates(self, device):
        """Counters that this start can have signed with for a request it did not answer."""
        return range(self.began.get(device, 0), self.books.highest.get(device, 0) + IN_FLIGHT)

    def copy_under(self, load, reservations, copies):
        """Copies at random moments while the load goes on until it had so many answers."""
        moments = sorted(self.generator.randrange(max(1, reservations)) for _ in range(copies))
        taken = []
        deadline = time.monotonic() + LOAD_SECONDS
        while load.answered < reservations or moments:
            if time.monotonic() > deadline:
                raise Failure(f"only {load.answered} answers in {LOAD_SECONDS} s: {dict(self.books.statuses)}")
            if moments and load.answered >= moments[0]:
                moments.pop(0)
                taken += self.copy()
            time.sleep(0.002)
        return taken

    def copy(self):
        with store_copies.frozen(self.box):
            frozen = time.monotonic()
            files = store_copies.read(self.box.store)
            resumed = time.monotonic()
        return [(self.pool.keep(files), frozen, resumed)]

    # -- what is known of anchors and copies --

    def top_after(self, started, entries, ending):
        """One anchor is in the making at a time (design.md section 4), so that each but the newest stands. That one may or
        may not; after a kill under load there may be later ones than the last that was read."""
        if ending == ENDINGS[2]:
            size = self.first + len(entries) + 1  # and the `stop` entry
            return Top(started, size, size)
        # That of the start names a tree that ends before the first handover.
        marks = [self.first] + [int(entry["index"]) + 1 for entry in entries if entry["kind"] == "anchor"]
        return Top(started, max(marks[1:-1], default=0), UNKNOWN if ending == ENDINGS[0] else marks[-1])

    def keep(self, taken, started, entries, released, ending):
        indexes = sorted((answer.received, answer.index) for answer in released)
        for kept, frozen, resumed in taken:
            before = [index for _, index in indexes[: bisect.bisect_left(indexes, (frozen, 0))]]
            after = [answer.index for answer in released if answer.sent > resumed]
            self.copies.append(Copy(kept, started, "while it ran", frozen, resumed,
                                    max(before, default=-1) + 1, min(after, default=UNKNOWN)))
        size = self.first + len(entries) + (ending == ENDINGS[2])
        self.latest = Copy(self.pool.keep(store_copies.read(self.box.store)), started, f"after {ending}",
                           least=UNKNOWN, most=UNKNOWN if ending == ENDINGS[0] else size)
        self.copies.append(self.latest)
        for copy in self.copies[-len(taken) - 1 :]:
            self.counts.copies[copy.how] += 1

    def expected(self, copy):
        if copy is self.latest:
            return "ready"
        if copy.start != self.top.start or copy.most < self.top.least:
            return "refused"
        return "ready" if copy.least >= self.top.most else "either"

    # -- putting back --

    def put_back(self, copy, where):
        """Starts with the copy; True when the box is ready. Both outcomes are held against what is expected."""
        expected = self.expected(copy)
        self.pool.put_back(copy.kept, self.box.store)
        self.box.spawn()
        outcome = self.box.outcome()
        name = f"copy of start {copy.start} {copy.how}, top of start {self.top.start}"
        if outcome is None or outcome[0] == "ended":
            raise Failure(f"{name}: {outcome}, expected {expected}\n{self.box.log_tail()}")
        self.counts.outcomes[f"{where}, a copy {copy.how}: {outcome[0]}"] += 1
        self.counts.expected[f"{outcome[0]}, expected {expected}"] += 1
        if expected not in ("either", outcome[0]):
            self.books.complain(f"{name}: {outcome}, expected {expected}; copy {copy.least} to {copy.most}, {self.top}")
        if outcome[0] == "ready":
            return True
        self.check_refusal(outcome[1], name)
        self.box.stop()
        if self.token_signed_for_nobody():
            self.books.complain(f"{name}: refused, and the token signed")
        return False

    def token_signed_for_nobody(self):
        return [digest for digest in self.token_log.news() if digest not in self.signed.known_answers]

    def check_refusal(self, reasons, name):
        if REFUSED not in reasons:
            self.books.complain(f"{name}: refused with {reasons}")
        request = self.world.request()
        answer = self.box.submit(self.world.sign(request))
        if (answer.status, answer.reason) != (503, REFUSED):
            self.books.complain(f"{name}: a handover is answered {answer}")
        if self.counts.outcomes.total() % STATUS_EACH == 0:
            status = harness.run(harness.binary("tools", "acbctl"), "--directory", str(self.box.directory), "status",
                                 check=False)
            said = status.stdout + status.stderr
            if status.returncode != 1 or REFUSED not in said or not any(word in said.lower() for word in WAY_OUT):
                self.books.complain(f"{name}: acbctl status says, with exit status {status.returncode}: {said}")
            self.counts.outcomes["acbctl status asked"] += 1

    # -- the run --

    def run(self):
        options = self.options
        starts = max(3, -(-options.copies // COPIES_EACH))
        each = -(-options.reservations // starts)
        self.box.start()
        for number in range(starts):
            self.live(each, COPIES_EACH - 1, ENDINGS[number % 3])
            if self.books.problems:
                return
            print(f"  start {self.counts.starts}: {len(self.books.answers)} handovers, {len(self.copies)} copies",
                  flush=True)
            if not self.put_back(self.choose(number), "in the run"):
                if not self.put_back(self.latest, "in the run"):
                    return
        self.live(each, 0, ENDINGS[1])
        self.put_all_back()
        if not self.books.problems and self.put_back(self.latest, "at the end"):
            self.live(0, 0, ENDINGS[2])

    def choose(self, number):
        """Mostly an earlier state than the latest that may start all the same; what is refused comes at the end."""
        if number % 4 != 3:
            ran = [copy for copy in self.copies[-COPIES_EACH:] if copy is not self.latest]
            for wanted in ("ready", "either"):
                found = [copy for copy in ran if self.expected(copy) == wanted]
                if found:
                    return self.generator.choice(found)
        return self.generator.choice([self.latest, self.generator.choice(self.copies)])

    def put_all_back(self):
        """Every copy there is, in random order. What starts is copied again, and those copies have their turn too."""
        waiting = self.copies[:]
        more = self.options.copies // 20
        told = time.monotonic()
        self.generator.shuffle(waiting)
        while waiting and not self.books.problems:
            if time.monotonic() - told >= PROGRESS_SECONDS:
                told = time.monotonic()
                print(f"  {len(waiting)} copies to put back", flush=True)
            if self.put_back(waiting.pop(), "at the end"):
                known = len(self.copies)
                self.live(self.options.devices, 1, self.generator.choice(ENDINGS))
                more -= 1
                for copy in self.copies[known:] if more > 0 else ():
                    waiting.insert(self.generator.randrange(len(waiting) + 1), copy)


class TestRollback(harness.TestCase):
    options = None

    def test_never_a_repeat_or_regression(self):
        options = self.options
        print(f"seed {options.seed}", flush=True)
        with temporary_directory() as folder:
            shim_log = folder / "signatures"
            world = World.own(folder, devices=options.devices, shim_log=shim_log)
            world.box.stop()
            world.box.configure("store", anchor_every=options.window)
            test = Rollback(folder, world, TokenLog(shim_log), options)
            try:
                test.run()
            except Failure as failure:
                test.books.complain(str(failure))
            finally:
                world.box.kill()
                test.pool.close()
            counts, books = test.counts, test.books
            print(f"reservations: {len(books.owners)} released ({len(books.answers)} handovers, {len(books.reserved)} "
                  f"for others); copies {dict(counts.copies)}, {len(test.copies)} in all; starts {counts.starts}")
            print(f"put back: {dict(counts.outcomes)}")
            print(f"outcomes: {dict(counts.expected)}")
            print(f"token: {dict(test.signed.counts)}; answers: {dict(books.statuses)}; problems {len(books.problems)}")
            for problem in books.problems[:REPORTED]:
                print(f"PROBLEM {problem}")
            self.assertEqual(len(books.problems), 0, f"seed {options.seed}: {books.problems[:1]}")
            self.assertGreaterEqual(len(books.owners), options.reservations)
            self.assertGreaterEqual(len(test.copies), options.copies)
            # A run in which one outcome never came proves only half.
            self.assertGreater(counts.expected["ready, expected ready"], 0)
            self.assertGreater(counts.expected["refused, expected refused"], 0)
            self.assertGreater(counts.outcomes["in the run, a copy while it ran: ready"], 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reservations", type=int, default=20000)
    parser.add_argument("--copies", type=int, default=200)
    parser.add_argument("--devices", type=int, default=12)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--window", type=int, default=128)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    TestRollback.options, names = parser.parse_known_args()
    harness.main([sys.argv[0], *names])
