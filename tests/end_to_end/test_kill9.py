#!/usr/bin/python3
"""kill -9 at a random moment under load, over and over: promises P1, P4 and P5 (reliability.md F1).

    test_kill9.py [--cycles N] [--seed N] [--devices N]

The harness keeps, outside the store, every request it sent and every answer it received; a PKCS#11 shim between the
service and the token keeps every signature that was made. From these three and the audit log it must follow that

  * an answer once received is found again: the same octets for the same request;
  * an answer is recorded: a `signed` entry with its counter and the SHA-256 of its command;
  * no counter of a device is ever used twice, and counters rise in the order of the log;
  * nothing was signed that was not reserved before: each digest that the token signed is that of a request with a
    counter that the log accounts for as `signed` or `abandoned`, and per device these counters rise in the order in
    which the token signed. (A signature made before its reservation is durable is lost from the log by a kill between
    the two; after it, the counter is given out again.)
"""

import argparse
import collections
import hashlib
import http.client
import random
import sys
import threading
import time

import harness
from harness import Failure, World, gbcs_reference, temporary_directory

CONNECTIONS = 8
DEVICES = 40
KILL_AFTER_SECONDS = (0.005, 0.400)
RETRY_SHARE = 0.2  # of the requests sent
RECHECKED_EACH_CYCLE = 20
# Where a kill finds a command that is signed and not yet recorded, or one that is reserved and not yet signed.
SIGN_DELAYS_US = (("0", "0"), ("0", "2000"), ("2000", "0"), ("500", "500"))
REPORTED = 10


class Books:
    """What the harness knows, outside the store. Thread-safe."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent = {}  # request id -> document
        self.requests = {}  # request id -> gbcs_reference.Handover
        self.answers = {}  # request id -> (command, counter, audit index)
        self.statuses = collections.Counter()
        self.problems = []

    def complain(self, text):
        with self.lock:
            self.problems.append(text)

    def send(self, request_id, document, handover):
        with self.lock:
            self.sent[request_id] = document
            self.requests[request_id] = handover

    def earlier(self, generator):
        """A request sent before and its document, or None."""
        with self.lock:
            if not self.sent:
                return None
            request_id = generator.choice(list(self.sent)[-2000:])
            return request_id, self.sent[request_id]

    def receive(self, request_id, answer):
        """Every answer goes through here; one that differs from an earlier one is a broken promise."""
        with self.lock:
            self.statuses[f"{answer.status} {answer.reason or 'signed'}"] += 1
            if answer.status == 503:
                return
            if answer.status != 200:
                self.problems.append(f"{request_id}: {answer}")
                return
            new = (answer.command, answer.counter, int(answer.json["audit"]["index"]))
            old = self.answers.setdefault(request_id, new)
            if old != new:
                self.problems.append(f"{request_id}: answered with counter {old[1]} and later with {new[1]}, "
                                     f"{'the same' if old[0] == new[0] else 'another'} command")


def normalised(request_id):
    return request_id.replace("-", "").lower()


class Load:
    """Connections that send until the box goes away."""

    def __init__(self, world, books, seed):
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(world, books, random.Random(f"{seed}/{number}")))
                        for number in range(CONNECTIONS)]
        for thread in self.threads:
            thread.start()

    def _run(self, world, books, generator):
        client = world.box.client("dsp")
        try:
            while not self.stopping.is_set():
                request_id, document = self._next(world, books, generator)
                answer = client.request("POST", "/v1/handovers", document, {"Content-Type": "application/xml"})
                books.receive(request_id, answer)
        except (OSError, http.client.HTTPException):
            pass  # killed, as it should be
        except Exception as error:  # pylint: disable=broad-except
            books.complain(f"the load ended with {error!r}")
        finally:
            client.close()

    @staticmethod
    def _next(world, books, generator):
        if generator.random() < RETRY_SHARE:
            earlier = books.earlier(generator)
            if earlier:
                return earlier
        with books.lock:
            request = world.request(device=generator.choice(world.devices),
                                    role=generator.choice(["Supplier", "NetworkOperator"]))
        document = world.sign(request)
        request_id = normalised(request.request_id)
        # In the books before it is sent: what is not in them was never asked for.
        books.send(request_id, document, gbcs_reference.Handover(
            request.originator, request.device, request.counter, request.role, request.floor, request.top_up_floor,
            request.digital_signing, request.key_agreement, request.key_agreement_top_up, request.path, True))
        return request_id, document

    def join(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


class Kill9:
    def __init__(self, world, shim_log, seed):
        self.world = world
        self.shim_log = shim_log
        self.seed = seed
        self.generator = random.Random(seed)
        self.books = Books()
        self.known_answers = set()
        self.start_seconds = []

    # -- the cycles --

    def run_cycle(self, number):
        box = self.world.box
        before, after = self.generator.choice(SIGN_DELAYS_US)
        started = time.monotonic()
        box.start({"ACB_SHIM_SIGN_DELAY_US": before, "ACB_SHIM_SIGN_DELAY_AFTER_US": after})
        self.start_seconds.append(time.monotonic() - started)
        self.recheck(self.generator.sample(sorted(self.books.answers),
                                           min(RECHECKED_EACH_CYCLE, len(self.books.answers))))
        load = Load(self.world, self.books, f"{self.seed}/{number}")
        time.sleep(self.generator.uniform(*KILL_AFTER_SECONDS))
        box.kill()
        load.join()

    def recheck(self, request_ids):
        """The same octets again: the same answer again."""
        client = self.world.box.client("dsp")
        for request_id in request_ids:
            answer = client.request("POST", "/v1/handovers", self.books.sent[request_id],
                                    {"Content-Type": "application/xml"})
            if answer.status != 200:
                self.books.complain(f"{request_id}: was answered, and is now {answer}")
            self.books.receive(request_id, answer)
        client.close()

    # -- the books against the log and the token --

    def signed_digests(self):
        """What the token signed with the ACB's DS key, in its order: digests in hex."""
        lines = self.shim_log.read_text().splitlines() if self.shim_log.exists() else []
        return [line.split()[1] for line in lines if line.split()[0] == "acb-ds"]

    def check(self, entries):
        """Everything above, from all that is known now. Returns the entries that account for a counter."""
        accounted = [entry for entry in entries if entry["kind"] in ("signed", "abandoned")]
        self.check_answers({int(entry["index"]): entry for entry in accounted if entry["kind"] == "signed"})
        self.check_counters(accounted)
        self.check_token(accounted)
        return accounted

    def check_answers(self, signed):
        for request_id, (command, counter, index) in self.books.answers.items():
            entry = signed.get(index)
            if entry is None:
                self.books.complain(f"{request_id}: answered, and entry {index} is no `signed` entry")
            elif (normalised(entry["request_id"]), entry["originator_counter"], entry["command_sha256"]) != (
                    request_id, str(counter), hashlib.sha256(command).hexdigest()):
                self.books.complain(f"{request_id}: answered with counter {counter}, entry {index} says {entry}")

    def check_counters(self, accounted):
        last = {}
        for entry in accounted:
            device, counter = harness.plain(entry["device"]), int(entry["originator_counter"])
            if counter <= last.get(device, 0):
                self.books.complain(f"device {device}: entry {entry['index']} ({entry['kind']}) has counter {counter} "
                                    f"after {last[device]}")
            last[device] = counter

    def check_token(self, accounted):
        by_digest = {}
        for entry in accounted:
            handover = self.books.requests.get(normalised(entry["request_id"]))
            if handover is None:
                self.books.complain(f"entry {entry['index']} is of a request that was never sent")
                continue
            octets = gbcs_reference.build_to_be_signed(handover, self.world.acb, int(entry["originator_counter"]))
            by_digest[hashlib.sha256(octets).hexdigest()] = entry
        last, seen = {}, set()
        for number, digest in enumerate(self.signed_digests()):
            if digest in self.known_answers:
                continue
            entry = by_digest.get(digest)
            if entry is None:
                self.books.complain(f"signature {number} of the token: its digest {digest} is of no counter that the "
                                    "log accounts for: signed without a durable reservation")
                continue
            device, counter = harness.plain(entry["device"]), int(entry["originator_counter"])
            if counter <= last.get(device, 0):
                self.books.complain(f"signature {number} of the token: device {device} has counter {counter} "
                                    f"after {last[device]}")
            seen.add(digest)
            last[device] = counter
        for digest, entry in by_digest.items():
            if entry["kind"] == "signed" and digest not in seen:
                self.books.complain(f"entry {entry['index']} is `signed`, and the token never signed its command")

    def run(self, cycles):
        # What the token signs at a start without a request is the start's known-answer test.
        self.world.box.start()
        self.known_answers = set(self.signed_digests())
        self.world.box.stop()
        for number in range(cycles):
            self.run_cycle(number)
            if self.books.problems:
                break
            if number % 10 == 9:
                print(f"  {number + 1} cycles, {len(self.books.answers)} answers", flush=True)
        self.world.box.start()
        self.recheck(list(self.books.answers))
        accounted = self.check([entry for _, entry in self.world.box.audit_entries()])
        self.world.box.stop()
        return accounted


class History:
    """A small made-up history that keeps every promise, for TheChecksThemselves to break."""

    ACB = "90b3d51f30000002"
    DEVICE = "00db1234567a0001"

    def __init__(self, folder):
        self.acb = self.ACB
        self.test = Kill9(self, folder / "signatures", 1)
        self.entries, self.digests = [], []
        self.add(1000, 1, "signed")
        self.add(1001, 2, "abandoned")
        self.add(1001, 3, "signed")

    def add(self, request_counter, counter, kind):
        request_id = f"90b3d51f30010000:{self.DEVICE}:{request_counter}"
        handover = gbcs_reference.Handover("90b3d51f30010000", self.DEVICE, request_counter, "NetworkOperator", 0, None,
                                           b"\x30\x00", b"\x30\x00", None, (b"\x30\x00",), True)
        octets = gbcs_reference.build_to_be_signed(handover, self.ACB, counter)
        command = gbcs_reference.assemble(octets, bytes(64), bytes(12))
        entry = {"index": str(len(self.entries)), "kind": kind, "request_id": request_id, "device": self.DEVICE,
                 "originator_counter": str(counter), "command_sha256": hashlib.sha256(command).hexdigest()}
        self.test.books.send(request_id, b"", handover)
        if kind == "signed":
            self.test.books.answers[request_id] = (command, counter, len(self.entries))
        self.entries.append(entry)
        self.digests.append(hashlib.sha256(octets).hexdigest())

    def problems(self):
        self.test.shim_log.write_text("".join(f"acb-ds {digest} 00\n" for digest in self.digests))
        self.test.check(self.entries)
        return self.test.books.problems


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
        self.assert_seen("has counter 3 after 3", lambda history: history.add(1002, 3, "signed"))

    def test_signatures_out_of_order(self):
        self.assert_seen("has counter 1 after 2", lambda history: history.digests.insert(0, history.digests.pop(1)))

    def test_a_signed_entry_without_a_signature(self):
        self.assert_seen("the token never signed", lambda history: history.digests.pop())

    def test_an_answer_without_an_entry(self):
        self.assert_seen("is no `signed` entry", lambda history: history.entries.pop(0))

    def test_an_answer_that_its_entry_does_not_tell(self):
        self.assert_seen("says", lambda history: history.entries[0].update(command_sha256="00"))


class TestKill9(harness.TestCase):
    cycles = 100
    devices = DEVICES
    seed = None

    def test_no_answer_and_no_counter_is_lost(self):
        seed = random.SystemRandom().randrange(1 << 32) if self.seed is None else self.seed
        print(f"seed {seed}", flush=True)
        with temporary_directory() as folder:
            shim_log = folder / "signatures"
            world = World.own(folder, devices=self.devices, shim_log=shim_log)
            world.box.stop()
            test = Kill9(world, shim_log, seed)
            accounted = []
            try:
                accounted = test.run(self.cycles)
            except Failure as failure:
                test.books.complain(str(failure))
            finally:
                world.box.kill()
            books = test.books
            kinds = collections.Counter(entry["kind"] for entry in accounted)
            print(f"cycles {len(test.start_seconds)}, sent {len(books.sent)}, answered {len(books.answers)}, "
                  f"signed entries {kinds['signed']}, abandoned entries {kinds['abandoned']}, "
                  f"signatures of the token {len(test.signed_digests())}, known answers {len(test.known_answers)}")
            print(f"answers: {dict(books.statuses)}")
            print(f"slowest start {max(test.start_seconds, default=0):.2f} s")
            for problem in books.problems[:REPORTED]:
                print(f"PROBLEM {problem}")
            self.assertEqual(len(books.problems), 0, f"seed {seed}: {books.problems[:1]}")
            self.assertEqual(len(test.start_seconds), self.cycles)
            # A run that answered next to nothing proves nothing.
            self.assertGreater(len(books.answers), self.cycles)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=TestKill9.cycles)
    parser.add_argument("--devices", type=int, default=TestKill9.devices)
    parser.add_argument("--seed", type=int)
    options, names = parser.parse_known_args()
    TestKill9.cycles, TestKill9.devices, TestKill9.seed = options.cycles, options.devices, options.seed
    harness.main([sys.argv[0], *names])
