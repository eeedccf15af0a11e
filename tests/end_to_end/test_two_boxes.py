#!/usr/bin/python3
"""The same store started twice (P1; design.md section 4; reliability.md F7).

    test_two_boxes.py [--rounds N] [--starts N] [--devices N] [--window N] [--seed N] [--planted]

**A copy on one token.** In each round the store is copied and both are started under load, the second box with its own
configuration, port and store directory, the same keys in the same token. Either the first has been serving for a while
and the copy is one instant of its store, or both are started from rest, one 0 to 20 ms after the other; here and there
one of the two is stopped (SIGSTOP) for a moment during the other's start. It must follow that

  * no counter of a device is released twice, by whichever box, nor signed with twice by the token, released or not;
  * a counter that is released is above every one released by either box before its request was sent;
  * at the end of the round one box serves, or none. The other was refused at its start (readiness names
    STORE_ROLLED_BACK or OVERTAKEN), or has ended with status 1 and says in its log that it was overtaken;
  * the overtaken one releases nobody after the other's claim. What a client can see of that: of two boxes that both
    released, at least one released nothing whose request was sent after the other's first answer was received. (That
    answer left after the other's start was complete, and the request came later still: its batch had to look at the
    anchors after that. An answer to an earlier request may be on its way while the other starts.)
  * then the store of the one that serves, or if none does one of the two, starts anew and goes on above all that; the
    other's store is refused.

**One store.** Two acbd started on the same directory: exactly one serves, and the other says that another has it.

--planted is the proof that the test can fail: it builds acbd from a copy of this tree in which the look at the anchors
is left out before callers are released, and expects the rounds to find a broken promise.
"""

import argparse
import collections
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import harness
import store_copies
from books import Books, Load, Signed, TokenLog, one_each
from harness import Failure, World, temporary_directory

CLIENTS = 3  # of each box
RESERVE_SHARE = 0.1
REFUSED = {"STORE_ROLLED_BACK", "OVERTAKEN"}
MOST_ROUNDS = 10  # times as many as asked for
SPAWN_APART_SECONDS = (0.0, 0.020)
SERVES_ALONE_SECONDS = (0.02, 0.3)
COPY_TO_START_SECONDS = (0.0, 0.4)
PAUSE_AFTER_SECONDS = (0.0, 0.25)  # where in the start a SIGSTOP comes
PAUSE_SECONDS = (0.01, 0.25)
DECIDED_SECONDS = 90  # a round has to be decided in
BOTH_SECONDS = 20  # for which both may seem to serve: under load each looks at the anchors many times a second
AFTERWARDS_SECONDS = (0.05, 0.3)
IN_FLIGHT = 200
REPORTED = 10
# What --planted takes away.
PLANTED_FILE = "store/anchors.cc"
PLANTED_OLD = "if (const Anchor* successor = FindSuccessor(*listed, attempted_)) {"
PLANTED_NEW = "if (const Anchor* successor = FindSuccessor({}, attempted_)) {"


def pause_sometimes(generator, box):
    """A thread that stops the box for a moment after a moment, or None."""
    if generator.random() < 0.5:
        return None
    after, length = generator.uniform(*PAUSE_AFTER_SECONDS), generator.uniform(*PAUSE_SECONDS)

    def pause():
        time.sleep(after)
        if box.process.poll() is None:
            box.process.send_signal(signal.SIGSTOP)
            time.sleep(length)
            box.process.send_signal(signal.SIGCONT)

    thread = threading.Thread(target=pause)
    thread.start()
    return thread


class TwoBoxes:
    def __init__(self, folder, world, options):
        self.world, self.options = world, options
        self.generator = random.Random(options.seed)
        self.books = Books()
        self.logs = {}
        self.names = {}
        self.current = world.box
        self.other = world.box.beside(Path(folder) / "second")
        for name, box in (("first", self.current), ("second", self.other)):
            self.names[box] = name
            self.logs[box] = TokenLog(Path(folder) / f"{name}-signatures")
            box.env["ACB_SHIM_LOG"] = str(self.logs[box].path)
        self.signed = None
        self.counts = collections.Counter()
        self.before = {}
        self.log_starts = {}

    def run(self):
        self.current.start()
        self.signed = Signed(self.books, self.world.acb, set(self.logs[self.current].news()))
        one_each(self.world, self.current, self.books)
        number = 0
        # Some rounds more, while none of them ended as one of the two ways that are to be seen.
        while number < self.options.rounds or (number < MOST_ROUNDS * self.options.rounds and not self.saw_both_ends()):
            self.round(number)
            if self.books.problems:
                return
            if number % 10 == 9:
                print(f"  {number + 1} rounds, {len(self.books.owners)} counters released; {dict(self.counts)}",
                      flush=True)
            number += 1
        self.current.stop()

    def saw_both_ends(self):
        """A box that was overtaken, and one that was refused at its start."""
        ends = [name for name in self.counts if name.startswith("first ")]
        return all(any(end in name for name in ends) for end in ("ended", "refused"))

    # -- a round --

    def round(self, number):
        first, second = self.current, self.other
        self.before = dict(self.books.highest)
        self.log_starts = {box: box.log_file.stat().st_size if box.log_file.exists() else 0 for box in (first, second)}
        loads, pauses = self.start_both(number, first, second)
        decided = self.decide(first, second)
        time.sleep(self.generator.uniform(*AFTERWARDS_SECONDS))
        for thread in [*pauses, *loads.values()]:
            thread.join()
        self.check_ends(number, first, second)
        self.check_times(number, loads)
        self.counts[decided] += 1
        survivors = self.end(first, second)
        self.signed.settle({f"round {number} {self.names[box]}": self.logs[box].news() for box in (first, second)},
                           self.candidates)
        if not self.books.problems:
            self.start_anew(number, survivors, first, second)

    def load(self, number, box):
        return Load(self.world, box, self.books, f"{self.options.seed}/{number}/{self.names[box]}", connections=CLIENTS,
                    reserve_share=RESERVE_SHARE, persistent=True)

    def start_both(self, number, first, second):
        if self.generator.random() < 0.5:
            # Both from rest.
            if self.generator.random() < 0.5:
                first.kill()
            else:
                first.stop()
            store_copies.write(store_copies.read(first.store), second.store)
            loads = {box: self.load(number, box) for box in (first, second)}
            one, two = self.generator.sample([first, second], 2)
            one.spawn()
            time.sleep(self.generator.uniform(*SPAWN_APART_SECONDS))
            two.spawn()
            self.counts["from rest"] += 1
            return loads, [thread for thread in [pause_sometimes(self.generator, one)] if thread]
        loads = {first: self.load(number, first)}
        time.sleep(self.generator.uniform(*SERVES_ALONE_SECONDS))
        with store_copies.frozen(first):
            files = store_copies.read(first.store)
        store_copies.write(files, second.store)
        loads[second] = self.load(number, second)
        time.sleep(self.generator.choice([0.0, self.generator.uniform(*COPY_TO_START_SECONDS)]))
        second.spawn()
        self.counts["while serving"] += 1
        return loads, [thread for thread in [pause_sometimes(self.generator, self.generator.choice([first, second]))]
                       if thread]

    def said(self, box):
        """Its log of this round."""
        return box.log_file.read_bytes()[self.log_starts[box]:].decode(errors="replace")

    def state(self, box):
        """"ending": its start was good, and it says now that it is not ready: it has to end."""
        found = box.outcome(seconds=0.1)
        if found is None:
            return "starting"
        return "ending" if found[0] == "refused" and '"event":"not-ready"' not in self.said(box) else found[0]

    def decide(self, first, second):
        """Waits until at most one box serves, and none is starting or ending. Returns what it came to."""
        deadline = time.monotonic() + DECIDED_SECONDS
        both_since = None
        states = []
        while time.monotonic() < deadline:
            states = [self.state(box) for box in (first, second)]
            if not {"starting", "ending"} & set(states) and states != ["ready", "ready"]:
                return f"first {states[0]}, second {states[1]}"
            if states == ["ready", "ready"]:
                both_since = both_since or time.monotonic()
                if time.monotonic() - both_since > BOTH_SECONDS:
                    self.books.complain(f"both boxes have served for {BOTH_SECONDS} s")
                    return "both"
            time.sleep(0.02)
        self.books.complain(f"not decided in {DECIDED_SECONDS} s: {states}\n{first.log_tail()}\n{second.log_tail()}")
        return "undecided"

    def check_ends(self, number, first, second):
        for box in (first, second):
            name = f"round {number}: the {self.names[box]} box"
            found = box.outcome(seconds=30)
            if found is None:
                self.books.complain(f"{name} does not answer any more")
            elif found[0] == "refused" and not REFUSED & set(found[1]):
                self.books.complain(f"{name} is refused with {found[1]}")
            elif found[0] == "ended":
                said = self.said(box)
                if found[1] != 1 or "overtaken" not in said:
                    self.books.complain(f"{name} ended with {found[1]}: {said[-1000:]}")

    def check_times(self, number, loads):
        (one, ones), (two, twos) = [(self.names[box], load.released) for box, load in loads.items()]
        if ones and twos:
            self.counts["both released"] += 1
            late = [max(released.sent for released in mine) > min(released.received for released in theirs)
                    for mine, theirs in ((ones, twos), (twos, ones))]
            if all(late):
                self.books.complain(f"round {number}: the {one} and the {two} box each released to a request that was "
                                    "sent after the other's first answer")

    def candidates(self, device):
        """Counters that a box can have signed with in this round without releasing them: a start adds a window."""
        least, most = self.before.get(device, 0), self.books.highest.get(device, 0)
        return range(least, max(most, least + 2 * self.options.window) + IN_FLIGHT)

    def end(self, first, second):
        """Ends what still runs. Returns the boxes that served until now."""
        survivors = []
        for box in (first, second):
            if box.process.poll() is not None:
                box.close_clients()
                continue
            if self.state(box) == "ready":
                survivors.append(box)
            if box in survivors and self.generator.random() < 0.5:
                box.kill()
            else:
                box.stop()
        return survivors

    def start_anew(self, number, survivors, first, second):
        """The survivor's store goes on; when none is left, one of the two does. The other's is refused."""
        for box in survivors or [first, second]:
            box.spawn()
            found = box.outcome()
            if found and found[0] == "ready":
                self.current, self.other = box, second if box is first else first
                break
            if survivors or found is None or found[0] != "refused":
                self.books.complain(f"round {number}: the {self.names[box]} box does not start anew: {found}\n"
                                    f"{box.log_tail()}")
                return
            box.stop()
        else:
            self.books.complain(f"round {number}: neither store starts anew")
            return
        one_each(self.world, self.current, self.books)
        if number % 4 == 3:
            self.check_the_other_is_refused(number)

    def check_the_other_is_refused(self, number):
        self.other.spawn()
        found = self.other.outcome()
        if found is None or found[0] != "refused" or not REFUSED & set(found[1]):
            self.books.complain(f"round {number}: the store that lost is started again: {found}")
        self.other.stop()
        one_each(self.world, self.current, self.books)
        self.counts["the other refused"] += 1


def build_planted(folder):
    """acbd from a copy of the tree without the look."""
    tree = Path(folder) / "main"
    shutil.copytree(harness.ROOT, tree, ignore=shutil.ignore_patterns("build", ".git", "__pycache__"))
    source = tree / PLANTED_FILE
    text = source.read_text()
    if text.count(PLANTED_OLD) != 1:
        raise Failure(f"{PLANTED_FILE} holds what is to be taken away {text.count(PLANTED_OLD)} times, not once")
    source.write_text(text.replace(PLANTED_OLD, PLANTED_NEW))
    jobs = str(os.cpu_count())
    for command in (["cmake", "--preset", "release"],
                    ["cmake", "--build", "build/release", "--target", "acbd", "-j", jobs]):
        subprocess.run(command, cwd=tree, check=True, stdout=subprocess.DEVNULL)
    return str(tree / "build" / "release" / "platform" / "acbd")


class Rounds(harness.TestCase):
    options = None

    def run_rounds(self, folder, program=None):
        options = self.options
        world = World.own(folder, devices=options.devices, shim_log=folder / "signatures")
        world.box.stop()
        world.box.program = program
        world.box.configure("store", anchor_every=options.window)
        test = TwoBoxes(folder, world, options)
        try:
            test.run()
        except Failure as failure:
            test.books.complain(str(failure))
        finally:
            for box in (test.current, test.other):
                box.kill()
        print(f"{dict(test.counts)}; {len(test.books.owners)} counters released; token {dict(test.signed.counts)}; "
              f"answers {dict(test.books.statuses)}; problems {len(test.books.problems)}")
        for problem in test.books.problems[:REPORTED]:
            print(f"PROBLEM {problem}")
        return test


class TestTwoBoxes(Rounds):
    def test_a_copy_on_one_token(self):
        print(f"seed {self.options.seed}", flush=True)
        with temporary_directory() as folder:
            test = self.run_rounds(folder)
            self.assertEqual(len(test.books.problems), 0, f"seed {self.options.seed}: {test.books.problems[:1]}")
            self.assertGreaterEqual(test.counts["from rest"] + test.counts["while serving"], self.options.rounds)
            # A run in which no box was overtaken, or none refused, proves only half.
            self.assertTrue(test.saw_both_ends(), f"seed {self.options.seed}: {dict(test.counts)}")

    def test_one_store(self):
        generator = random.Random(self.options.seed)
        counts = collections.Counter()
        with temporary_directory() as folder:
            world = World.own(folder)
            world.box.stop()
            books = Books()
            boxes = [world.box, world.box.beside(folder / "second", store=world.box.store)]
            for _ in range(self.options.starts):
                for box in generator.sample(boxes, 2):
                    box.spawn()
                    time.sleep(generator.choice([0.0, generator.uniform(*SPAWN_APART_SECONDS)]))
                found = {box: box.outcome() for box in boxes}
                serving = [box for box in boxes if found[box] == ("ready", ())]
                self.assertEqual(len(serving), 1, f"seed {self.options.seed}: {list(found.values())}")
                refused = boxes[1 - boxes.index(serving[0])]
                self.assertEqual(found[refused], ("refused", ("STORE_UNAVAILABLE",)))
                self.assertIn("another acbd has the store", refused.get("/readyz").octets.decode())
                one_each(world, serving[0], books)
                counts[boxes.index(serving[0])] += 1
                refused.stop()
                serving[0].kill() if generator.random() < 0.5 else serving[0].stop()
            self.assertEqual(books.problems, [])
        print(f"seed {self.options.seed}: {self.options.starts} starts of two on one store; the first served "
              f"{counts[0]} times, the second {counts[1]}")


class TestPlanted(Rounds):
    def test_boxes_that_do_not_look_are_caught(self):
        print(f"seed {self.options.seed}", flush=True)
        with temporary_directory() as folder:
            test = self.run_rounds(folder, build_planted(folder))
            self.assertGreater(len(test.books.problems), 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--starts", type=int, default=50)
    parser.add_argument("--devices", type=int, default=8)
    parser.add_argument("--window", type=int, default=128)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--planted", action="store_true")
    Rounds.options, names = parser.parse_known_args()
    names = names or ["TestPlanted" if Rounds.options.planted else "TestTwoBoxes"]
    harness.main([sys.argv[0], *names])
