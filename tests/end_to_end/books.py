"""What a test knows outside the box: what it asked, what it was told, and what the token signed.

    Books      every request sent and every answer received; complains of an answer that breaks a promise
    Load       connections that send handovers to one box, and write into the books
    TokenLog   the file in which the PKCS#11 shim writes each signature before it is handed out
    Signed     which counter of which device each of those signatures is for

None of it comes from the store, so it is still there when the store has lost something (reliability.md F1).
"""

import collections
import hashlib
import http.client
import json
import random
import threading
import time
from dataclasses import dataclass

import duis_sign
import gbcs_reference
import harness

RECENT = 2000  # documents at hand to be sent again
SAMPLED_EACH = 50  # of the answered ones every so many stays at hand for good
XML = {"Content-Type": "application/xml"}


def normalised(request_id):
    return request_id.replace("-", "").lower()


def handover_of(request):
    """What of a DUIS request reaches the device, for the independent implementation."""
    return gbcs_reference.Handover(
        request.originator, request.device, request.counter, request.role, request.floor, request.top_up_floor,
        request.digital_signing, request.key_agreement, request.key_agreement_top_up, request.path, True)


@dataclass(frozen=True)
class Released:
    """A 200 answer: a command with its counter, or a counter reserved for others (`request_id` and `command` empty)."""

    device: str
    counter: int
    index: int  # of its audit entry
    request_id: str = ""
    command: str = ""  # SHA-256 in hex
    sent: float = 0.0  # monotonic seconds
    received: float = 0.0


class Books:
    """Thread-safe. `anew`: a disk may be put back, so that a request may be decided anew (design.md section 2, P5)."""

    def __init__(self, anew=False):
        self.anew = anew
        self.lock = threading.Lock()
        self.sent = 0
        self.requests = {}  # request id -> gbcs_reference.Handover
        self.unanswered = set()
        self.answers = {}  # request id -> Released, the latest
        self.reserved = []  # counters for others
        self.highest = {}  # device -> the greatest counter released
        self.owners = {}  # (device, counter) -> Released
        self.new = []  # Released, since take_new()
        self.recent = collections.deque(maxlen=RECENT)  # (request id, document)
        self.samples = []  # (request id, document), answered
        self.statuses = collections.Counter()
        self.problems = []

    def complain(self, text):
        with self.lock:
            self.problems.append(text)

    def take_new(self):
        with self.lock:
            new, self.new = self.new, []
            return new

    def earlier(self, generator):
        """A request sent before and its document, or None."""
        with self.lock:
            return self.recent[generator.randrange(len(self.recent))] if self.recent else None

    # -- one handover --

    def handover(self, client, request_id, document, first):
        """Sends it and writes down what came. Raises what the connection raises."""
        device = request_id.split(":")[1]
        with self.lock:
            floor = self.highest.get(device, 0)
        sent = time.monotonic()
        answer = client.request("POST", "/v1/handovers", document, XML)
        return self.receive(request_id, document, answer, sent, floor if first else None)

    def count(self, text):
        with self.lock:
            self.statuses[text] += 1

    def note(self, request, document, again=True):
        """Before it is sent: what is not in the books was never asked for. `again`: others may send it again."""
        request_id = normalised(request.request_id)
        with self.lock:
            self.sent += 1
            self.requests[request_id] = handover_of(request)
            self.unanswered.add(request_id)
            if again:
                self.recent.append((request_id, document))
        return request_id

    def receive(self, request_id, document, answer, sent, floor, sample=True):
        """`floor`: the greatest counter released for the device before this was sent; None when it was sent before, since
        a stored answer has an earlier counter. `sample`: one of some is kept, to be asked again much later. Returns the
        Released, or None of a refusal."""
        received = time.monotonic()
        with self.lock:
            self.statuses[f"{answer.status} {answer.reason or 'signed'}"] += 1
            if answer.status == 503:
                return None
            if answer.status != 200:
                self.problems.append(f"{request_id}: {answer}")
                return None
            new = Released(request_id.split(":")[1], answer.counter, int(answer.json["audit"]["index"]), request_id,
                           hashlib.sha256(answer.command).hexdigest(), sent, received)
            old = self.answers.get(request_id)
            if old is not None and (old.command, old.counter) == (new.command, new.counter):
                return new
            if old is not None and not self.anew:
                self.problems.append(f"{request_id}: answered with counter {old.counter} and later with {new.counter}, "
                                     f"{'the same' if old.command == new.command else 'another'} command")
            self.answers[request_id] = new
            self.unanswered.discard(request_id)
            if sample and len(self.answers) % SAMPLED_EACH == 0:
                self.samples.append((request_id, document))
            self._release(new, floor)
            return new

    def _release(self, new, floor):
        owner = self.owners.setdefault((new.device, new.counter), new)
        if owner is not new:
            self.problems.append(f"device {new.device}: counter {new.counter} released for "
                                 f"{owner.request_id or 'others'} and again for {new.request_id or 'others'}")
        if floor is not None and new.counter <= floor:
            self.problems.append(f"device {new.device}: counter {new.counter} released after {floor} had been")
        self.highest[new.device] = max(new.counter, self.highest.get(new.device, 0))
        self.new.append(new)

    # -- a counter for others --

    def reserve(self, client, device):
        """One counter for other commands of the ACB (design.md section 4). False: the box has no such endpoint."""
        with self.lock:
            floor = self.highest.get(device, 0)
        sent = time.monotonic()
        answer = client.request("POST", f"/v1/counters/{duis_sign.hyphenated(device)}/reserve",
                                json.dumps({"purpose": "test"}), {"Content-Type": "application/json"})
        with self.lock:
            self.statuses[f"{answer.status} {answer.reason or 'reserved'}"] += 1
            if answer.status == 503:
                return True
            if answer.status == 404 and answer.reason == "NOT_FOUND":
                return False
            if answer.status != 200:
                self.problems.append(f"reserve for {device}: {answer}")
                return True
            new = Released(device, answer.counter, int(answer.json["audit"]["index"]), sent=sent,
                           received=time.monotonic())
            self.reserved.append(new)
            self._release(new, floor)
            return True


class Load:
    """Connections that send handovers to one box, each on a thread of its own.

    `observed`: devices that go to and fro (observing.py), each on a thread more.
    `persistent`: a connection that ends is opened anew, until join(). Otherwise its thread ends with it."""

    def __init__(self, world, box, books, seed, *, connections, devices=None, retry_share=0.0, reserve_share=0.0,
                 persistent=False, observed=()):
        self.world, self.box, self.books = world, box, books
        self.devices = devices or world.devices
        self.retry_share, self.reserve_share, self.persistent = retry_share, reserve_share, persistent
        self.stopping = threading.Event()
        self.released = []  # what this box let out, list.append is atomic
        self.answered = 0
        self.threads = [threading.Thread(target=self._run, args=(random.Random(f"{seed}/{number}"),))
                        for number in range(connections)]
        self.threads += [threading.Thread(target=self._observe, args=(one, random.Random(f"{seed}/observed {number}")))
                         for number, one in enumerate(observed)]
        for thread in self.threads:
            thread.start()

    def _run(self, generator):
        client = self.box.client("dsp")
        try:
            while not self.stopping.is_set():
                try:
                    self._send_one(client, generator)
                except (OSError, http.client.HTTPException):
                    if not self.persistent:
                        return  # killed, as it should be
                    client.close()
                    self.stopping.wait(0.01)
        except Exception as error:  # pylint: disable=broad-except
            self.books.complain(f"the load ended with {error!r}")
        finally:
            client.close()

    def _observe(self, observed, generator):
        clients = self.box.client("dsp"), self.box.client("northbound")
        try:
            while not self.stopping.is_set():
                observed.step(*clients, self.books, generator)
        except (OSError, http.client.HTTPException):
            pass  # killed; the next load goes on where this ended
        except Exception as error:  # pylint: disable=broad-except
            self.books.complain(f"observing ended with {error!r}")
        finally:
            for client in clients:
                client.close()

    def _send_one(self, client, generator):
        kind = generator.random()
        if kind < self.reserve_share:
            if not self.books.reserve(client, generator.choice(self.devices)):
                self.reserve_share = 0.0
            return
        earlier = self.books.earlier(generator) if kind < self.reserve_share + self.retry_share else None
        if earlier:
            request_id, document = earlier
        else:
            request = self.world.request(device=generator.choice(self.devices),
                                         role=generator.choice(["Supplier", "NetworkOperator"]))
            document = self.world.sign(request)
            request_id = self.books.note(request, document)
        released = self.books.handover(client, request_id, document, first=not earlier)
        if released:
            self.answered += 1
            self.released.append(released)
        elif self.persistent:
            self.stopping.wait(0.02)  # a box that says no is not asked at full speed

    def join(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def one_each(world, box, books, devices=None):
    """A handover for each device, answered: afterwards the books know each counter of this start's raise."""
    client = box.client("dsp")
    try:
        for device in devices or world.devices:
            request = world.request(device=device, role="Supplier")
            document = world.sign(request)
            if books.handover(client, books.note(request, document), document, first=True) is None:
                raise harness.Failure(f"no handover for {device} after a start: {dict(books.statuses)}")
    finally:
        client.close()


class TokenLog:
    """The shim's file, read as it grows."""

    def __init__(self, path):
        self.path = path
        self.offset = 0

    def news(self):
        """Digests in hex that the ACB's DS key signed since the last call, in the token's order."""
        if not self.path.exists():
            return []
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            whole, _, _ = file.read().rpartition(b"\n")
        if whole:
            self.offset += len(whole) + 1
        return [words[1].decode() for words in (line.split() for line in whole.splitlines()) if words[0] == b"acb-ds"]


class Signed:
    """Which counter of which device each signature of the token is for. A digest tells nothing by itself: it is
    compared with those of the commands that the books can account for."""

    def __init__(self, books, acb, known_answers):
        self.books = books
        self.acb = acb
        self.known_answers = known_answers  # digests of the start's known-answer test
        self.counts = collections.Counter()
        self.signed = set()  # (device, counter)
        self.last = {}  # name -> device -> counter

    def digest(self, handover, counter):
        return hashlib.sha256(gbcs_reference.build_to_be_signed(handover, self.acb, counter)).hexdigest()

    def settle(self, news, candidates):
        """Takes new signatures: {name of a box: its digests in its order}. Nothing may be in flight.

        Each must be of an answer released since the last call, or of a request left unanswered since then with one of
        `candidates(device)`. No counter is signed with twice, under whatever name, nor signed with and given to others;
        under one name they rise for each device."""
        by_digest = self._released()
        unknown = {digest for digests in news.values() for digest in digests} - set(by_digest) - self.known_answers
        if unknown:
            self._find_unanswered(unknown, candidates, by_digest)
        for name, digests in news.items():
            self._take(name, digests, by_digest)
        self.books.unanswered.clear()

    def _released(self):
        by_digest = {}
        for released in self.books.take_new():
            if released.request_id:
                handover = self.books.requests[released.request_id]
                by_digest[self.digest(handover, released.counter)] = (released.device, released.counter)
            elif (released.device, released.counter) in self.signed:
                self.books.complain(f"device {released.device}: counter {released.counter} is given to others, and the "
                                    "token had signed with it")
        self.counts["released"] += len(by_digest)
        return by_digest

    def _find_unanswered(self, wanted, candidates, by_digest):
        with self.books.lock:
            requests = [self.books.requests[request_id] for request_id in self.books.unanswered]
        # There is no RequestID in a command: of requests that ask for the same, one is enough.
        for handover in {(request.device, request.role): request for request in requests}.values():
            for counter in candidates(handover.device):
                digest = self.digest(handover, counter)
                if digest in wanted and digest not in by_digest:
                    by_digest[digest] = (handover.device, counter)
                    self.counts["not released"] += 1

    def _take(self, name, digests, by_digest):
        last = self.last.setdefault(name, {})
        for digest in digests:
            if digest in self.known_answers:
                continue
            self.counts["signatures"] += 1
            if digest not in by_digest:
                self.books.complain(f"{name}: the token signed {digest}, which is of no request and counter known")
                continue
            device, counter = by_digest[digest]
            if (device, counter) in self.signed:
                self.books.complain(f"{name}: the token signed for device {device} with counter {counter} again")
            elif counter <= last.get(device, 0):
                self.books.complain(f"{name}: the token signed for device {device} with counter {counter} after "
                                    f"{last[device]}")
            owner = self.books.owners.get((device, counter))
            if owner is not None and not owner.request_id:
                self.books.complain(f"{name}: the token signed for device {device} with counter {counter}, which is "
                                    "given to others")
            self.signed.add((device, counter))
            last[device] = counter
