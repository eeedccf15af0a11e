"""A device that is handed over and comes back, in the middle of faults (P2): for fault_cases.py.

The box signs a handover, the simulated device obeys, the box is told (cell: the network operator's); the network
operator gives the cell back with a high counter, and the box is told again (cell: the ACB's, with that floor). From
the moment that was acknowledged, no counter may be at or below the floor, whatever failed.
"""

import base64
import copy
import json

from test_observations import HIGH_COUNTER, Simulated

DEVICE = "00db1234567b0001"


def b64(octets):
    return base64.b64encode(octets).decode()


class Observations:
    """One device, its commands and what the box acknowledged. Each step is done once, and told as often as wanted."""

    def __init__(self, case):
        self.case = case
        self.simulated = case.lab.simulated
        self.device = copy.copy(self.simulated.device)
        self.device.cells, self.device.numbers = dict(self.device.cells), dict(self.device.numbers)
        self.request_id = None
        self.pairs = []  # (command, response), in order
        self.acknowledged = False  # the floor

    @staticmethod
    def prepare(world):
        """While the box of a lab runs, before its history is kept."""
        return Simulated(world, DEVICE)

    def act(self):
        """All steps that the box lets us do."""
        if not self.pairs and not self._hand_over():
            return
        if len(self.pairs) == 1:
            command = self.simulated.give_back(HIGH_COUNTER)
            self.pairs.append((command, self.device.receive(command)))
        told = [self._tell(*pair) for pair in self.pairs]
        if all(told):
            self.acknowledged = True
            self.case.floors[DEVICE] = HIGH_COUNTER

    def _hand_over(self):
        if self.request_id is None:
            self.case.handover(DEVICE, "NetworkOperator")
            self.request_id = list(self.case.books.sent)[-1]
        answered = self.case.books.answers.get(self.request_id)
        if answered is None:
            return False
        self.pairs.append((answered[0], self.device.receive(answered[0])))
        return True

    def _tell(self, command, response):
        body = json.dumps({"command": b64(command), "response": b64(response)})
        answer = self.case.send("observation", "northbound", "POST", "/v1/observations", body,
                                {"Content-Type": "application/json"})
        if answer is not None and answer.status != 200:
            self.case.complain(f"observation: {answer}")
        return answer is not None and answer.status == 200

    def check(self):
        """After the restart: what was acknowledged is there; told again, nothing gets lower; then above the floor."""
        if self.request_id is None and not self.pairs:
            return
        cell = self.simulated.cell()
        if self.acknowledged and (cell["holder"] != "acb" or int(cell["floor"]) < HIGH_COUNTER):
            self.case.complain(f"floor {HIGH_COUNTER} was acknowledged, and the cell is {cell} (P2)")
        self.act()
        if not self.acknowledged:
            self.case.complain("an observation was not recorded without a fault")
        if self.case.handover(DEVICE, "NetworkOperator") is None:
            self.case.complain("no handover of the observed device without a fault")
