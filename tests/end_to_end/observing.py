"""A device that goes from the ACB to its network operator and back, over and over, all of it observed, while the box
is killed (design.md section 4; R-128-11 to R-128-21).

    observed = Observed(world, eui)       the box runs; the device is imported
    observed.step(dsp, northbound, books) one message further; what a kill left open is asked again

The device is tests/independent/device_simulator.py, which protects itself against replay: that it accepts each
handover shows that what was observed, and acknowledged, was there when the counter was chosen, whatever was killed in
between."""

import base64
import json
import time

from books import XML
from device_simulator import NETWORK_OPERATOR
from test_observations import Simulated

JSON = {"Content-Type": "application/json"}
# What may be said of an observation here. A second report of the same, after a lost answer, is a stale one.
EXPECTED = {"GNO_TO_ACB", "STALE_OBSERVATION"}
LARGEST_STEP = 1 << 36  # of the network operator's counters and floors


class Observed:
    """One thread at a time."""

    def __init__(self, world, eui):
        self.world = world
        self.simulated = Simulated(world, eui)
        self.open = None  # (request id, document), to be answered
        self.waiting = None  # (command, response, floor), to be observed
        self.theirs = 0  # the network operator's counter
        self.floor = 0  # acknowledged
        self.trips = 0

    def step(self, dsp, northbound, books, generator):
        if self.waiting:
            self._observe(northbound, books)
        elif self.simulated.device.holder(NETWORK_OPERATOR) == self.world.acb:
            self._hand_over(dsp, books)
        else:
            self._take_back(generator)

    def _hand_over(self, dsp, books):
        first = self.open is None
        if first:
            request = self.world.request(device=self.simulated.eui, role="NetworkOperator")
            document = self.world.sign(request)
            self.open = (books.note(request, document, again=False), document)
        request_id, document = self.open
        floor = books.highest.get(self.simulated.eui, 0)
        sent = time.monotonic()
        answer = dsp.request("POST", "/v1/handovers", document, XML)
        if books.receive(request_id, document, answer, sent, floor, sample=False) is None:
            return
        self.open = None
        if answer.counter <= self.floor:
            books.complain(f"{request_id}: counter {answer.counter}, and the floor {self.floor} was acknowledged")
        response = self.simulated.device.receive(answer.command)
        if response is None:
            books.complain(f"{request_id}: the device refuses it: {self.simulated.device.refusals[-1]}")
        self.waiting = (answer.command, response, 0)

    def _take_back(self, generator):
        self.theirs = max(self.theirs, self.simulated.device.numbers[NETWORK_OPERATOR]) + generator.randrange(
            1, LARGEST_STEP)
        floor = generator.choice((None, self.theirs + generator.randrange(LARGEST_STEP)))
        command = self.simulated.give_back(self.theirs, floor)
        self.waiting = (command, self.simulated.device.receive(command), max(self.theirs, floor or 0))

    def _observe(self, northbound, books):
        command, response, floor = self.waiting
        body = {"command": base64.b64encode(command).decode(), "response": base64.b64encode(response).decode()}
        answer = northbound.request("POST", "/v1/observations", json.dumps(body), JSON)
        books.count(f"{answer.status} {answer.reason or answer.json.get('outcome')}")
        if answer.status == 503:
            return
        if answer.status != 200 or not set(answer.json["observations"]) <= EXPECTED:
            books.complain(f"an observation of {self.simulated.eui} is answered {answer}")
            return
        self.waiting = None
        self.floor = max(self.floor, floor)
        self.trips += floor > 0
