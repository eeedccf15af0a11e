#!/usr/bin/python3
"""kill -9 at a random moment under load, over and over: promises P1, P4 and P5 (reliability.md F1).

    test_kill9.py [--cycles N] [--clients N] [--devices N] [--seed N]

Clients ask for handovers, some again, and for counters for others; some report what a device did (observing.py). The
harness keeps, outside the store, every request it sent and every answer it received; a PKCS#11 shim between the service
and the token keeps every signature that was made. From these three and the audit log it must follow that

  * an answer once received is found again: the same octets for the same request;
  * an answer is recorded: a `signed` entry with its counter and the SHA-256 of its command, or a `reserved-elsewhere`
    entry with its counter;
  * no counter of a device is ever used twice, whatever for; those of handovers rise in the order of the log, those for
    others too, and a counter that is released is above every one released before its request was sent;
  * nothing was signed that was not reserved before: each digest that the token signed is that of a request with a
    counter that the log accounts for as `signed` or `abandoned`, and per device these counters rise in the order in
    which the token signed. (A signature made before its reservation is durable is lost from the log by a kill between
    the two; after it, the counter is given out again.)
  * the floor of an observation that was acknowledged counts: a device that protects itself against replay accepts the
    next handover.

Gaps are fine: each start after a kill raises every counter by the window (design.md section 4).

The log and the token's signatures are taken in after each start, piece by piece; at the end the log is read once more,
whole, and has to be what was taken in.
"""

import argparse
import collections
import hashlib
import json
import os
import random
import sys
import time

import harness
from books import Books, Load, Released, TokenLog, normalised
from harness import Failure, World, duis_sign, gbcs_reference, temporary_directory

CLIENTS = 16
OBSERVED = 3  # of the clients: each hands its device over, takes it back, and reports both
DEVICES = 40
KILL_AFTER_SECONDS = (0.005, 0.200)
RETRY_SHARE = 0.2  # of the requests sent
RESERVE_SHARE = 0.1
RECHECKED_EACH_CYCLE = 5
RECHECKED_AT_THE_END = 5000
# Where a kill finds a command that is signed and not yet recorded, or one that is reserved and not yet signed.
SIGN_DELAYS_US = (("0", "0"), ("0", "2000"), ("2000", "0"), ("500", "500"))
REPORTED = 10
PROGRESS_SECONDS = 10


class Account:
    """The audit log as it grows, held against the books and the token."""

    def __init__(self, books, acb, token_log):
        self.books = books
        self.acb = acb
        self.token_log = token_log
        self.known_answers = set()
        self.kinds = collections.Counter()
        self.signatures = 0
        self.length = 0
        self.octets = hashlib.sha256()
        self.counters = set()  # (device, counter), as the log gives them out
        self.last = {}  # (device, for others or not) -> counter, in the log's order
        self.last_signed = {}  # device -> counter, in the token's order
        self.recorded = {}  # index -> what an answer to it has to say; until one came

    def take(self, entries):
        """The entries that the log has grown by, and all that the token signed until now: nothing may be in flight."""
        self.length += len(entries)
        by_digest = {}
        for line, entry in entries:
            self.octets.update(line + b"\n")
            self.kinds[entry["kind"]] += 1
            if entry["kind"] in ("signed", "abandoned", "reserved-elsewhere"):
                self.take_counter(entry, by_digest)
        self.check_answers()
        self.check_token(by_digest)

    def take_counter(self, entry, by_digest):
        device, counter = harness.plain(entry["device"]), int(entry["originator_counter"])
        others = entry["kind"] == "reserved-elsewhere"
        last = self.last.get((device, others), 0)
        if counter <= last or (device, counter) in self.counters:
            self.books.complain(f"device {device}: entry {entry['index']} ({entry['kind']}) has counter {counter} "
                                f"after {last}")
        self.last[device, others] = counter
        self.counters.add((device, counter))
        if others:
            self.recorded[int(entry["index"])] = (device, counter, "", "")
            return
        request_id = normalised(entry["request_id"])
        handover = self.books.requests.get(request_id)
        if handover is None:
            self.books.complain(f"entry {entry['index']} is of a request that was never sent")
            return
        if entry["kind"] == "signed":
            self.recorded[int(entry["index"])] = (device, counter, request_id, entry["command_sha256"])
        octets = gbcs_reference.build_to_be_signed(handover, self.acb, counter)
        by_digest[hashlib.sha256(octets).hexdigest()] = (entry, device, counter)

    def check_answers(self):
        for released in self.books.take_new():
            recorded = self.recorded.pop(released.index, None)
            told = (released.device, released.counter, released.request_id, released.command)
            name = released.request_id or f"counter {released.counter} of {released.device} for others"
            if recorded is None:
                self.books.complain(f"{name}: answered, and entry {released.index} is no `signed` entry")
            elif recorded != told:
                self.books.complain(f"{name}: answered with counter {released.counter}, entry {released.index} says "
                                    f"{recorded}")

    def check_token(self, by_digest):
        seen = set()
        for digest in self.token_log.news():
            if digest in self.known_answers:
                continue
            self.signatures += 1
            if digest not in by_digest:
                self.books.complain(f"signature {self.signatures} of the token: its digest {digest} is of no counter "
                                    "that the log accounts for: signed without a durable reservation")
                continue
            _, device, counter = by_digest[digest]
            if counter <= self.last_signed.get(device, 0):
                self.books.complain(f"signature {self.signatures} of the token: device {device} has counter {counter} "
                                    f"after {self.last_signed[device]}")
            seen.add(digest)
            self.last_signed[device] = counter
        for digest, (entry, _, _) in by_digest.items():
            if entry["kind"] == "signed" and digest not in seen:
                self.books.complain(f"entry {entry['index']} is `signed`, and the token never signed its command")


class Kill9:
    def __init__(self, world, shim_log, seed, clients):
        self.world = world
        self.seed = seed
        self.clients = clients
        self.generator = random.Random(seed)
        self.books = Books()
        self.account = Account(self.books, world.acb, TokenLog(shim_log))
        self.cycles = 0
        self.start_seconds = []
        self.devices = world.devices
        self.reserve_share = RESERVE_SHARE
        self.observed = []

    # -- the cycles --

    def run_cycle(self):
        box = self.world.box
        before, after = self.generator.choice(SIGN_DELAYS_US)
        self.start({"ACB_SHIM_SIGN_DELAY_US": before, "ACB_SHIM_SIGN_DELAY_AFTER_US": after})
        load = Load(self.world, box, self.books, f"{self.seed}/{self.cycles}", devices=self.devices,
                    connections=self.clients - len(self.observed), retry_share=RETRY_SHARE,
                    reserve_share=self.reserve_share, observed=self.observed)
        wait = self.generator.uniform(*KILL_AFTER_SECONDS)
        if self.cycles % 2 == 0:  # on a slow machine most of the others are killed before any answer
            harness.wait_for("an answer", lambda: load.answered or self.books.problems, harness.READY_SECONDS)
        time.sleep(wait)
        box.kill()
        load.join()
        self.cycles += 1

    def start(self, env=None):
        """As the last kill left it: the log accounts for everything, and what was answered is found again."""
        began = time.monotonic()
        self.world.box.start(env)
        self.start_seconds.append(time.monotonic() - began)
        self.account.take(self.world.box.audit_entries(self.account.length))
        recent = [self.books.earlier(self.generator) for _ in range(RECHECKED_EACH_CYCLE)]
        self.recheck([pair for pair in recent if pair and pair[0] in self.books.answers])

    def recheck(self, pairs):
        """The same octets again: the same answer again."""
        client = self.world.box.client("dsp")
        for request_id, document in pairs:
            if self.books.handover(client, request_id, document, first=False) is None:
                self.books.complain(f"{request_id}: was answered, and now is not")
        client.close()

    def run(self, cycles):
        # What the token signs at a start without a request is the start's known-answer test.
        self.world.box.start()
        self.account.known_answers = set(self.account.token_log.news())
        self.find_endpoints()
        self.world.box.kill()
        began = told = time.monotonic()
        while self.cycles < cycles and not self.books.problems:
            self.run_cycle()
            if time.monotonic() - told >= PROGRESS_SECONDS:
                told = time.monotonic()
                each = (told - began) / self.cycles
                print(f"  {self.cycles} cycles, {1000 * each:.0f} ms each, {each * (cycles - self.cycles) / 60:.0f} "
                      f"minutes left; {len(self.books.answers)} answers, log {self.account.length}", flush=True)
        self.start()
        self.recheck(self.generator.sample(self.books.samples, min(RECHECKED_AT_THE_END, len(self.books.samples))))
        self.check_whole_log()
        self.world.box.stop()

    def find_endpoints(self):
        """The devices to be observed, and whether there are counters for others."""
        for role, path in (("dsp", "/v1/counters/{device}/reserve"), ("northbound", "/v1/observations")):
            answer = self.world.box.client(role).request(
                "POST", path.format(device=duis_sign.hyphenated(self.devices[0])), json.dumps({}),
                {"Content-Type": "application/json"})
            there = (answer.status, answer.reason) != (404, "NOT_FOUND")
            if not there:
                self.missing(path)
            if role == "dsp":
                self.reserve_share = RESERVE_SHARE if there else 0.0
            elif there:
                import observing

                self.observed = [observing.Observed(self.world, f"00db1234567b{number:04x}")
                                 for number in range(OBSERVED)]

    def missing(self, path):
        if os.environ.get("CI") == "true":
            self.books.complain(f"the box has no POST {path}")
        print(f"no POST {path} here: without", flush=True)

    def check_whole_log(self):
        """Nothing that was taken in has changed since."""
        octets = hashlib.sha256()
        for line, _ in self.world.box.audit_entries()[: self.account.length]:
            octets.update(line + b"\n")
        if octets.digest() != self.account.octets.digest():
            self.books.complain("the log is not what it was when it was taken in, piece by piece")


class History:
    """A small made-up history that keeps every promise, for TheChecksThemselves to break."""

    ACB = "90b3d51f30000002"
    DEVICE = "00db1234567a0001"

    def __init__(self, folder):
        self.shim_log = folder / "signatures"
        self.books = Books()
        self.entries, self.digests = [], []
        self.add(1000, 1, "signed")
        self.add(1001, 2, "abandoned")
        self.add_for_others(3)
        self.add(1001, 4, "signed")

    def add(self, request_counter, counter, kind):
        request_id = f"90b3d51f30010000:{self.DEVICE}:{request_counter}"
        handover = gbcs_reference.Handover("90b3d51f30010000", self.DEVICE, request_counter, "NetworkOperator", 0, None,
                                           b"\x30\x00", b"\x30\x00", None, (b"\x30\x00",), True)
        octets = gbcs_reference.build_to_be_signed(handover, self.ACB, counter)
        sha256 = hashlib.sha256(gbcs_reference.assemble(octets, bytes(64), bytes(12))).hexdigest()
        self.books.requests[request_id] = handover
        if kind == "signed":
            self.books.new.append(Released(self.DEVICE, counter, len(self.entries), request_id, sha256))
        self.entries.append({"index": str(len(self.entries)), "kind": kind, "request_id": request_id,
                             "device": self.DEVICE, "originator_counter": str(counter), "command_sha256": sha256})
        self.digests.append(hashlib.sha256(octets).hexdigest())

    def add_for_others(self, counter):
        self.books.new.append(Released(self.DEVICE, counter, len(self.entries)))
        self.entries.append({"index": str(len(self.entries)), "kind": "reserved-elsewhere", "device": self.DEVICE,
                             "originator_counter": str(counter)})

    def problems(self):
        self.shim_log.write_text("".join(f"acb-ds {digest} 00\n" for digest in self.digests))
        Account(self.books, self.ACB, TokenLog(self.shim_log)).take([(b"", entry) for entry in self.entries])
        return self.books.problems


class TheChecksThemselves(harness.TestCase):
    """Each broken promise is seen by the checks: planted in a history that keeps them all."""

    def assert_seen(self, text, plant=lambda history: None):
        with temporary_directory() as folder:
            history = History(folder)
            plant(history)
            problems = history.problems()
            if text is None:
                self.assertEqual(problems, [])
            else:
                self.assertTrue(any(text in problem for problem in problems), problems)

    def test_a_history_that_keeps_every_promise(self):
        self.assert_seen(None)

    def test_a_signature_without_a_reservation(self):
        # As when the signature is made before the reservation is durable, and the kill comes between.
        self.assert_seen("without a durable reservation", lambda history: history.entries.pop(1))

    def test_a_counter_given_out_twice(self):
        self.assert_seen("has counter 4 after 4", lambda history: history.add(1002, 4, "signed"))

    def test_a_counter_for_others_given_out_twice(self):
        self.assert_seen("(reserved-elsewhere) has counter 4", lambda history: history.add_for_others(4))

    def test_signatures_out_of_order(self):
        self.assert_seen("has counter 1 after 2", lambda history: history.digests.insert(0, history.digests.pop(1)))

    def test_a_signed_entry_without_a_signature(self):
        self.assert_seen("the token never signed", lambda history: history.digests.pop())

    def test_an_answer_without_an_entry(self):
        self.assert_seen("is no `signed` entry", lambda history: history.entries.pop(0))

    def test_a_counter_for_others_without_an_entry(self):
        self.assert_seen("for others: answered, and", lambda history: history.entries.pop(2))

    def test_an_answer_that_its_entry_does_not_tell(self):
        self.assert_seen("says", lambda history: history.entries[0].update(command_sha256="00"))

    def test_a_released_counter_that_is_not_above_the_last(self):
        with temporary_directory() as folder:
            books = History(folder).books
            books.highest["d"] = 7
            books.receive("o:d:1", b"", TheChecksThemselves.answer(7), 0, 7)
            books.receive("o:d:2", b"", TheChecksThemselves.answer(7), 0, None)
            books.receive("o:d:1", b"", TheChecksThemselves.answer(9), 0, None)
            self.assertIn("counter 7 released after 7", books.problems[0])
            self.assertIn("counter 7 released for o:d:1 and again for o:d:2", books.problems[1])
            self.assertIn("answered with counter 7 and later with 9", books.problems[2])

    @staticmethod
    def answer(counter):
        body = {"command": "", "originator_counter": str(counter), "audit": {"index": "0"}}
        return harness.Answer(200, {}, json.dumps(body).encode())


class TestKill9(harness.TestCase):
    cycles = 100
    clients = CLIENTS
    devices = DEVICES
    seed = None

    def test_no_answer_and_no_counter_is_lost(self):
        seed = random.SystemRandom().randrange(1 << 32) if self.seed is None else self.seed
        print(f"seed {seed}", flush=True)
        with temporary_directory() as folder:
            shim_log = folder / "signatures"
            world = World.own(folder, devices=self.devices, shim_log=shim_log)
            world.box.stop()
            test = Kill9(world, shim_log, seed, self.clients)
            try:
                test.run(self.cycles)
            except Failure as failure:
                test.books.complain(str(failure))
            finally:
                world.box.kill()
            books, kinds = test.books, test.account.kinds
            print(f"cycles {test.cycles}, clients {self.clients}, sent {books.sent}, answered {len(books.answers)}, "
                  f"counters for others {len(books.reserved)}; signed entries {kinds['signed']}, abandoned entries "
                  f"{kinds['abandoned']}, reserved-elsewhere entries {kinds['reserved-elsewhere']}, "
                  f"signatures of the token {test.account.signatures}, known answers {len(test.account.known_answers)}")
            print(f"answers: {dict(books.statuses)}")
            print(f"observed: {len(test.observed)} devices, back to the ACB {sum(one.trips for one in test.observed)} times")
            starts = sorted(test.start_seconds) or [0.0]
            print(f"starts {len(starts)}: median {starts[len(starts) // 2]:.2f} s, slowest {starts[-1]:.2f} s; "
                  f"log of {test.account.length} entries; problems {len(books.problems)}")
            for problem in books.problems[:REPORTED]:
                print(f"PROBLEM {problem}")
            self.assertEqual(len(books.problems), 0, f"seed {seed}: {books.problems[:1]}")
            self.assertEqual(test.cycles, self.cycles)
            # A run that answered next to nothing proves nothing.
            self.assertGreaterEqual(len(books.answers), self.cycles // 2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=TestKill9.cycles)
    parser.add_argument("--clients", type=int, default=TestKill9.clients)
    parser.add_argument("--devices", type=int, default=TestKill9.devices)
    parser.add_argument("--seed", type=int)
    options, names = parser.parse_known_args()
    TestKill9.cycles, TestKill9.clients = options.cycles, options.clients
    TestKill9.devices, TestKill9.seed = options.devices, options.seed
    harness.main([sys.argv[0], *names])
