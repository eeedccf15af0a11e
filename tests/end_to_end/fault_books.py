"""What a fault test knows outside the store, held against the audit log and the token's signatures.

    Books     every request sent, its document, and every answer received (P5)
    Accounts  the books, the log and what the PKCS#11 shim saw signed have to tell the same (P1, P4)

Smaller than books.py: these tests look at one box, keep every document, and compare with the whole log each time.
"""

import collections
import hashlib
import threading

import harness
from harness import gbcs_reference


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


class Accounts:
    """The log's word for each counter: `signed` or `abandoned`, once, rising, and only then signed by the token."""

    def __init__(self, world, shim_log):
        self.world = world
        self.shim_log = shim_log
        self.books = Books()
        self.known_answers = set()  # what the token signs at a start without a request

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
