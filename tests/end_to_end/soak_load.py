"""Clients of a soak: paced, patient, and they write down everything that they were answered.

    load = Load(world, folder, clients=4)   processes, each with devices of its own
    load.pace(0)                            as fast as they can: what is the capacity?
    load.pace(200)                          200 requests a second, all together
    load.signed()                           commands received so far
    load.end()
    load.times(), load.answers(), load.wrong()    what they wrote down, outside of the box

A request that was not decided (503, a connection that ended) is sent again, the same octets, until it is. One of some is
sent again after it was answered: it has to be the same answer.
"""

import ctypes
import hashlib
import heapq
import http.client
import multiprocessing
import random
import struct
import time

from harness import plain

SIGNED, UNDECIDED, LOST = range(3)
OUTCOMES = ("signed", "503", "connection lost")
# What the faults of a soak may be answered with.
EXPECTED = {"HSM_UNAVAILABLE", "STORE_FULL", "CHANGED_MEANWHILE", "BUSY", "STORE_IN_DOUBT", "STORE_UNAVAILABLE"}
XML = {"Content-Type": "application/xml"}
DEVICES_EACH = 8
CHECKED_SHARE = 0.02  # verified by the independent implementation at once; the log holds all for acb-verify
AGAIN_SHARE = 0.02
CLIENT_SECONDS = 20
PAUSE_SECONDS = 0.05
GONE = (OSError, http.client.HTTPException)
TIME = struct.Struct("<dfBx2x")


class _Client:
    """In its own process."""

    def __init__(self, world, number, folder, shared, seed):
        self.world, self.number, self.shared = world, number, shared
        self.devices = world.devices[number * DEVICES_EACH:(number + 1) * DEVICES_EACH]
        self.generator = random.Random(f"{seed}/{number}")
        self.client = world.box.client("dsp")
        self.client.timeout = CLIENT_SECONDS
        self.times = open(folder / f"times-{number}", "wb", buffering=4096)  # pylint: disable=consider-using-with
        self.answers = open(folder / f"answers-{number}", "w", encoding="ascii")  # pylint: disable=consider-using-with
        self.wrong = open(folder / f"wrong-{number}", "w", buffering=1, encoding="utf-8")  # pylint: disable=consider-using-with
        self.count = 0

    def run(self):
        due = time.monotonic()
        while not self.shared.stop.value:
            rate = self.shared.rate.value
            if rate > 0:
                due = max(due + self.shared.clients / rate, time.monotonic() - 1.0)  # a fault is not caught up with
                time.sleep(max(0.0, due - time.monotonic()))
            self.one()
        for file in (self.times, self.answers, self.wrong):
            file.close()
        self.client.close()

    def one(self):
        self.count += 1
        request = self.world.request(device=self.devices[self.count % DEVICES_EACH],
                                     role=("Supplier", "NetworkOperator")[self.count % 2]).but(
                                         counter=(self.number + 1) * 10**9 + self.count)
        document = self.world.sign(request)
        answer = self.until_decided(document)
        if answer is None:
            return
        self.shared.signed[self.number] += 1
        body = answer.json
        self.answers.write(f"{body['audit']['index']} {plain(request.device)} {answer.counter} "
                           f"{hashlib.sha256(answer.command).hexdigest()}\n")
        if self.generator.random() < CHECKED_SHARE:
            for problem in self.world.problems(document, answer):
                self.wrong.write(f"{problem}\n")
        if self.generator.random() < AGAIN_SHARE:
            again = self.until_decided(document, timed=False)
            if again is not None and again.octets != answer.octets:
                self.wrong.write(f"asked again: {again.octets[:200]!r} and not {answer.octets[:200]!r}\n")

    def until_decided(self, document, timed=True):
        """The answer of 200; None when it is told to stop, or when the answer is a wrong one."""
        while not self.shared.stop.value:
            sent = time.monotonic()
            try:
                answer = self.client.request("POST", "/v1/handovers", document, XML)
                outcome = SIGNED if answer.status == 200 else UNDECIDED
            except GONE:
                answer, outcome = None, LOST
            if timed:
                self.times.write(TIME.pack(sent, time.monotonic() - sent, outcome))
            if outcome == SIGNED:
                return answer
            if answer is not None and (answer.status != 503 or answer.reason not in EXPECTED):
                self.wrong.write(f"{answer}\n")
                return None
            if answer is not None:
                self.shared.undecided[self.number] += 1
            self.client.close() if outcome == LOST else None
            time.sleep(PAUSE_SECONDS)
        return None


class _Shared:
    def __init__(self, clients):
        self.clients = clients
        self.stop = multiprocessing.RawValue(ctypes.c_bool, False)
        self.rate = multiprocessing.RawValue(ctypes.c_double, 0.0)
        self.signed = multiprocessing.RawArray(ctypes.c_uint64, clients)
        self.undecided = multiprocessing.RawArray(ctypes.c_uint64, clients)


def _work(*arguments):
    _Client(*arguments).run()


class Load:
    def __init__(self, world, folder, clients, seed):
        self.folder, self.clients = folder, clients
        self.shared = _Shared(clients)
        world.box.close_clients()
        context = multiprocessing.get_context("fork")
        self.processes = [context.Process(target=_work, args=(world, number, folder, self.shared, seed), daemon=True)
                          for number in range(clients)]
        for process in self.processes:
            process.start()

    def pace(self, rate):
        self.shared.rate.value = rate

    def signed(self):
        return sum(self.shared.signed)

    def undecided(self):
        return sum(self.shared.undecided)

    def dead(self):
        """Clients that ended by themselves: none should."""
        return [process.name for process in self.processes if not process.is_alive()]

    def end(self):
        self.shared.stop.value = True
        for process in self.processes:
            process.join(2 * CLIENT_SECONDS)
            if process.is_alive():
                process.kill()

    # -- what they wrote down; whole once they have ended --

    def times(self):
        """(instant it was sent, seconds, outcome), in no order."""
        for number in range(self.clients):
            octets = (self.folder / f"times-{number}").read_bytes()
            yield from TIME.iter_unpack(octets[: len(octets) // TIME.size * TIME.size])

    def answers(self):
        """(audit index, device, counter, SHA-256 of the command), by index: each client's are in that order."""
        return heapq.merge(*(self._answers_of(number) for number in range(self.clients)))

    def _answers_of(self, number):
        with open(self.folder / f"answers-{number}", encoding="ascii") as file:
            for line in file:
                index, device, counter, digest = line.split()
                yield int(index), device, int(counter), digest

    def wrong(self):
        return [line.rstrip() for number in range(self.clients)
                for line in (self.folder / f"wrong-{number}").read_text().splitlines()]
