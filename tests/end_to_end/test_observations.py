#!/usr/bin/python3
"""Observations, through the running service and acbctl, with simulated devices that protect themselves against replay.

    test_observations.py [--interleavings N] [--seed N] [TEST...]

R-128-11 to R-128-21, R-128-24, R-NOW-1, R-NOW-10, R-NOW-15, R-107-4; design.md section 8. The device is
tests/independent/device_simulator.py: what it accepts or refuses is not the appliance's word.
"""

import argparse
import base64
import json
import sys

import harness
import own_pki
from device_simulator import NETWORK_OPERATOR, SUPPLIER, Device, Wanted, cells_of, sign_command
from harness import World, binary, plain, run, temporary_directory

GPF, OTHER_GPF, ESME = "00db1234567b0001", "00db1234567b0002", "00db1234567b0003"
OPTIONS = argparse.Namespace(interleavings=200, seed=None)
HIGH_COUNTER = 1_700_000_000_000  # as of an operator whose counters are milliseconds
HIGH_FLOOR = 1_900_000_000_000


def b64(octets):
    return base64.b64encode(octets).decode()


class Simulated:
    """A device, and what the box knows of it."""

    def __init__(self, world, eui, kind="GPF", know_signing_key=True):
        self.world, self.eui, self.kind = world, eui, kind
        pki = world.pki
        certificate, ka_key = pki.device(eui)
        signing_certificate, signing_key = pki.device(eui, "ds")
        self.certificate = certificate
        self.device = Device(eui, pki.key("acb-ka").public_key(), signing_key, ka_key)
        acb = (pki.der("acb-ds"), pki.der("acb-ka"), pki.der("acb-ka"))
        for role in (NETWORK_OPERATOR, SUPPLIER):
            self.device.install(role, acb)
        world.mac_keys[eui] = (ka_key, pki.key("acb-ka").public_key())
        self.tell(floor=0)
        if know_signing_key:
            world.box.import_feed("device-certificates", own_pki.pem_of_der(signing_certificate))

    def tell(self, floor):
        """The devices feed: both cells are the ACB's, with this floor."""
        self.world.import_devices([(self.eui, self.certificate, floor)], self.kind)

    def handover(self, **changes):
        """A 6.21 for the network operator: (status, reason) or the command."""
        document = self.world.sign(self.world.request(device=self.eui, role="NetworkOperator", **changes))
        return document, self.world.submit(document)

    def give_back(self, counter, floor=None, labels=("acb-ds", "acb-ka"), signer="no-a-ds"):
        """A 6.15.1 by the network operator, as it went to the device."""
        pki = self.world.pki
        wanted = Wanted(self.eui, NETWORK_OPERATOR, tuple(map(pki.der, labels)), (pki.der("issuing-ca"),), floor)
        return sign_command(wanted, self.world.network_operator, pki.key(signer), counter, pki.key("acb-ka"),
                            self.device.ka_key.public_key())

    def cell(self):
        return self.world.box.device(self.eui)["cells"]["network_operator"]


class ObservationCase(harness.TestCase):
    def setUp(self):
        folder = self.enterContext(temporary_directory())
        self.world = World.own(folder, devices=1)
        self.addCleanup(self.world.box.stop)
        self.box = self.world.box
        self.folder = folder

    def post(self, command=None, response=None, **more):
        body = {name: b64(octets) for name, octets in (("command", command), ("response", response)) if octets}
        return self.box.client("northbound").request("POST", "/v1/observations", json.dumps({**body, **more}),
                                                     {"Content-Type": "application/json"})

    def observe(self, command, response, **more):
        answer = self.post(command, response, **more)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json["outcome"], "recorded")
        return answer.json

    def entries_of(self, start):
        return [entry for _, entry in self.box.audit_entries(start)]

    def hand_over(self, simulated, **changes):
        """6.21: signed by the box, accepted by the device, observed. The counter."""
        document, answer = simulated.handover(**changes)
        self.assert_signed(self.world, document, answer)
        response = simulated.device.receive(answer.command)
        self.assertIsNotNone(response, simulated.device.refusals)
        self.assertEqual(simulated.device.holder(NETWORK_OPERATOR), self.world.network_operator)
        seen = self.observe(answer.command, response)
        self.assertEqual(seen["observations"], [])
        self.assertEqual([(cell["before"], plain(cell["after"]), cell["result"]) for cell in seen["cells"]],
                         [("acb", self.world.network_operator, "success")])
        return answer.counter

    def take_back(self, simulated, counter, floor=None, post=True):
        """6.15.1: accepted by the device, and observed when `post`."""
        command = simulated.give_back(counter, floor)
        response = simulated.device.receive(command)
        self.assertIsNotNone(response, simulated.device.refusals)
        self.assertEqual(simulated.device.holder(NETWORK_OPERATOR), self.world.acb)
        if not post:
            return None
        seen = self.observe(command, response)
        self.assertEqual(seen["observations"], ["GNO_TO_ACB"])
        self.assertEqual(simulated.cell(), {"holder": "acb", "floor": str(max(counter, floor or 0))})
        return seen


class RoundTrip(ObservationCase):
    """R-128-24: GNO -> ACB -> GNO, and the negative control."""

    def round_trip(self, kind, eui):
        simulated = Simulated(self.world, eui, kind)
        self.hand_over(simulated, floor=0)
        self.take_back(simulated, HIGH_COUNTER)
        self.assertGreater(self.hand_over(simulated, floor=HIGH_COUNTER), HIGH_COUNTER)
        self.take_back(simulated, HIGH_COUNTER + 1, HIGH_FLOOR)
        self.assertGreater(self.hand_over(simulated), HIGH_FLOOR)

    def test_a_gpf_accepts_every_step(self):
        self.round_trip("GPF", GPF)

    def test_an_esme_accepts_every_step(self):
        self.round_trip("ESME", ESME)

    def test_with_the_recording_off_the_device_refuses(self):
        """A feed that knows the holder but not the counter is what is left without observations."""
        for eui, counter, floor in ((GPF, HIGH_COUNTER, None), (OTHER_GPF, 100, HIGH_FLOOR)):
            with self.subTest(eui=eui):
                simulated = Simulated(self.world, eui)
                self.hand_over(simulated, floor=0)
                self.take_back(simulated, counter, floor, post=False)
                simulated.tell(floor=0)
                document, answer = simulated.handover()
                self.assert_signed(self.world, document, answer)
                self.assertIsNone(simulated.device.receive(answer.command))
                self.assertIn("replay", simulated.device.refusals[-1])
                self.assertEqual(simulated.device.holder(NETWORK_OPERATOR), self.world.acb)


class Outcomes(ObservationCase):
    def setUp(self):
        super().setUp()
        self.simulated = Simulated(self.world, GPF)
        self.hand_over(self.simulated, floor=0)

    def test_one_cell_that_fails_leaves_the_cell_unknown_and_raises_an_alarm(self):
        """R-128-15."""
        self.simulated.device.spoiled.add(cells_of(NETWORK_OPERATOR)[1])
        command = self.simulated.give_back(5000, 9000)
        start = int(self.observe(command, self.simulated.device.receive(command))["audit"]["index"])
        kinds = [entry["kind"] for entry in self.entries_of(start)]
        self.assertEqual(kinds, ["observed", "alarm", "anchor"])
        self.assertEqual(self.simulated.cell()["holder"], None)
        _, answer = self.simulated.handover()
        self.assertEqual((answer.status, answer.reason), (409, "CELL_UNKNOWN"), answer)

    def test_a_command_that_fails_for_every_cell_changes_nothing(self):
        """R-128-12."""
        before = self.box.device(GPF)
        self.simulated.device.spoiled.update(cells_of(NETWORK_OPERATOR))
        command = self.simulated.give_back(5000)
        seen = self.observe(command, self.simulated.device.receive(command))
        self.assertEqual(seen["observations"], ["GNO_TO_ACB", "NOT_SUCCESSFUL"])
        self.assertEqual(self.box.device(GPF), before)

    def test_counters_1200_then_900_then_1200_leave_1200_and_two_stale_observations(self):
        """R-128-21."""
        late = self.simulated.give_back(900)
        command = self.simulated.give_back(1200)
        copy = Device(GPF, self.world.pki.key("acb-ka").public_key(), self.simulated.device.signing_key,
                      self.simulated.device.ka_key)
        copy.cells, copy.numbers = dict(self.simulated.device.cells), dict(self.simulated.device.numbers)
        late_response = copy.receive(late)
        response = self.simulated.device.receive(command)
        self.assertEqual(self.observe(command, response)["observations"], ["GNO_TO_ACB"])
        after = self.simulated.cell()
        self.assertEqual(after, {"holder": "acb", "floor": "1200"})
        for one, other in ((late, late_response), (command, response)):
            seen = self.observe(one, other)
            self.assertEqual(seen["observations"], ["GNO_TO_ACB", "STALE_OBSERVATION"])
            self.assertEqual(seen["cells"][0]["result"], "stale")
            self.assertEqual(self.simulated.cell(), after)

    def test_a_response_that_comes_later_finds_its_command(self):
        command = self.simulated.give_back(5000)
        response = self.simulated.device.receive(command)
        self.assertEqual(self.observe(command, None)["stage"], "no-answer")
        self.assertNotEqual(self.simulated.cell()["holder"], "acb")
        self.assertEqual(self.observe(None, response)["cells"][0]["after"], "acb")
        self.assertEqual(self.post(None, response).reason, "OBSERVATION_MISMATCH", "it waits no more")

    def test_forged_messages_change_nothing_and_are_recorded(self):
        before = self.box.device(GPF)
        command = self.simulated.give_back(5000)
        response = self.simulated.device.receive(command)
        start = len(self.box.audit_entries())
        forged = self.simulated.give_back(5000, signer="no-b-ds")
        damaged = response[:-1] + bytes([response[-1] ^ 1])
        other = self.simulated.give_back(5001)
        cases = [((forged, response), 403, "SIGNATURE_INVALID"), ((command, damaged), 403, "SIGNATURE_INVALID"),
                 ((other, response), 422, "OBSERVATION_MISMATCH"), ((command[:-1], response), 400, "MALFORMED"),
                 ((response, response), 400, "MALFORMED")]
        for number, (octets, _status, reason) in enumerate(cases):
            answer = self.post(*octets)
            self.assertEqual(answer.reason, reason, answer)
            self.assertEqual(int(answer.json["audit"]["index"]), start + number)
        entries = self.entries_of(start)
        self.assertEqual([(entry["kind"], entry["reason"]) for entry in entries],
                         [("refused", reason) for _, _, reason in cases])
        self.assertEqual(self.box.device(GPF), before)
        self.assertEqual(self.observe(command, response)["cells"][0]["after"], "acb", "the good one still counts")

    def test_what_is_no_observation_is_refused(self):
        for body in ("no json", "[]", "{}", '{"command": 1}', '{"command": "!"}', '{"more": "x"}'):
            answer = self.box.client("northbound").request("POST", "/v1/observations", body,
                                                           {"Content-Type": "application/json"})
            self.assertEqual(answer.reason, "MALFORMED", (body, answer))
        self.assertEqual(self.box.client("dsp").request("POST", "/v1/observations", "{}").reason, "FORBIDDEN")

    def test_an_unknown_device_is_refused_and_recorded(self):
        stranger = Simulated.__new__(Simulated)
        stranger.world, stranger.eui = self.world, "00db1234567bffff"
        stranger.device = Device(stranger.eui, self.world.pki.key("acb-ka").public_key())
        answer = self.post(stranger.give_back(5000))
        self.assertEqual(answer.reason, "DEVICE_UNKNOWN", answer)
        self.assertIn("audit", answer.json)


class Findings(ObservationCase):
    def test_without_the_devices_key_the_signature_is_not_checked_and_the_message_counts(self):
        simulated = Simulated(self.world, GPF, know_signing_key=False)
        _, answer = simulated.handover(floor=0)
        response = simulated.device.receive(answer.command)
        seen = self.observe(answer.command, response)
        self.assertEqual(seen["observations"], ["SIGNATURE_NOT_CHECKED"])
        self.assertEqual(plain(simulated.cell()["holder"]), self.world.network_operator)

    def test_a_counter_of_the_acb_that_was_not_given_out_here_is_an_alarm_and_is_jumped(self):
        simulated = Simulated(self.world, GPF)
        pki = self.world.pki
        wanted = Wanted(GPF, NETWORK_OPERATOR, (pki.der("no-a-ds"), pki.der("no-a-ka")), (pki.der("issuing-ca"),), 0)
        command = sign_command(wanted, self.world.acb, pki.key("acb-ds"), 7000, pki.key("acb-ka"),
                               simulated.device.ka_key.public_key())
        for _ in range(2):
            seen = self.observe(command, None)
            self.assertEqual((seen["observations"], seen["last_issued"]), (["COUNTER_NOT_OURS"], "7000"))
        self.assertEqual(self.box.last_issued(GPF), 7000)
        document, answer = simulated.handover()
        self.assert_signed(self.world, document, answer)
        self.assertEqual(answer.counter, 7001)
        seen = self.observe(answer.command, simulated.device.receive(answer.command))
        self.assertEqual(seen["observations"], [], "this one is ours")

    def test_another_holder_than_is_recorded_is_an_alarm(self):
        """R-NOW-15."""
        simulated = Simulated(self.world, GPF)
        _, answer = simulated.handover(floor=0)
        simulated.device.receive(answer.command)  # never observed
        command = simulated.give_back(5000)
        seen = self.observe(command, simulated.device.receive(command))
        self.assertEqual(seen["observations"], ["GNO_TO_ACB", "HOLDER_MISMATCH"])
        alarm = self.entries_of(int(seen["audit"]["index"]))[1]
        self.assertEqual((alarm["kind"], alarm["alarm"]), ("alarm", "HOLDER_MISMATCH"))
        self.assertEqual(simulated.cell(), {"holder": "acb", "floor": "5000"})

    def test_a_floor_that_jumps_too_far_waits_for_two_operators(self):
        simulated = Simulated(self.world, GPF)
        self.hand_over(simulated, floor=0)
        command = simulated.give_back(5000, 1 << 60)
        seen = self.observe(command, simulated.device.receive(command))
        self.assertEqual(seen["cells"][0]["result"], "quarantined")
        self.assertEqual(simulated.cell()["holder"], None)
        _, answer = simulated.handover()
        self.assertEqual(answer.reason, "CELL_UNKNOWN", answer)
        number = self.box.get("/v1/quarantine").json["quarantine"][0]["id"]
        tls = self.box.directory / "tls"
        run(binary("tools", "acbctl"), "--directory", str(self.box.directory), "quarantine", "release", number, "--as",
            str(tls / "operator.pem"), "--as", str(tls / "operator2.pem"))
        self.assertEqual(simulated.cell(), {"holder": "acb", "floor": str(1 << 60)})
        self.assertGreater(self.hand_over(simulated), 1 << 60)


class Tool(ObservationCase):
    def test_acbctl_observe_takes_octets_hex_and_base64(self):
        simulated = Simulated(self.world, GPF)
        self.hand_over(simulated, floor=0)
        command = simulated.give_back(5000)
        response = simulated.device.receive(command)
        forms = {"octets": bytes, "hex": lambda octets: octets.hex().encode(), "base64": base64.b64encode}
        for name, form in forms.items():
            (self.folder / "command").write_bytes(form(command))
            (self.folder / "response").write_bytes(form(response))
            done = run(binary("tools", "acbctl"), "--directory", str(self.box.directory), "--json", "observe",
                       "--command",
                       str(self.folder / "command"), "--response", str(self.folder / "response"))
            self.assertEqual(json.loads(done.stdout)["outcome"], "recorded", name)
        self.assertEqual(simulated.cell(), {"holder": "acb", "floor": "5000"})
        done = run(binary("tools", "acbctl"), "--directory", str(self.box.directory), "observe", check=False)
        self.assertEqual(done.returncode, 2)


class Interleavings(ObservationCase):
    """Observations, handovers and retries in any order: nothing recorded falls, no counter is given twice, and what is
    signed when everything is observed is accepted by the device."""

    def test_random_interleavings(self):
        generator = harness.seeded_random(OPTIONS.seed)
        fleet = [Simulated(self.world, f"00db1234567c{number:04x}") for number in range(8)]
        state = {one.eui: {"waiting": [], "seen": [], "documents": [], "counters": [], "floor": 0} for one in fleet}
        for _ in range(OPTIONS.interleavings):
            simulated = generator.choice(fleet)
            getattr(self, generator.choice(("step_hand_over", "step_take_back", "step_post", "step_post", "step_repeat",
                                            "step_retry")))(generator, simulated, state[simulated.eui])
            floor = int(simulated.cell()["floor"])
            self.assertGreaterEqual(floor, state[simulated.eui]["floor"], "a floor fell")
            state[simulated.eui]["floor"] = floor

    def step_hand_over(self, _generator, simulated, known):
        document, answer = simulated.handover()
        if answer.status != 200:
            self.assertIn(answer.reason, ("CELL_NOT_ACB", "CELL_UNKNOWN"), answer)
            return
        self.assertGreater(answer.counter, max([known["floor"], *known["counters"]]))
        known["counters"].append(answer.counter)
        known["documents"].append((document, answer.octets))
        response = simulated.device.receive(answer.command)
        if not known["waiting"]:
            self.assertIsNotNone(response, simulated.device.refusals)
        if response:
            known["waiting"].append((answer.command, response))

    def step_take_back(self, generator, simulated, known):
        if simulated.device.holder(NETWORK_OPERATOR) != self.world.network_operator:
            return
        number = simulated.device.numbers[NETWORK_OPERATOR]
        known["theirs"] = max(known.get("theirs", 0), number) + generator.randrange(1, 1 << generator.randrange(1, 40))
        floor = generator.choice((None, known["theirs"] + generator.randrange(1 << 30)))
        command = simulated.give_back(known["theirs"], floor)
        response = simulated.device.receive(command)
        self.assertIsNotNone(response, simulated.device.refusals)
        known["waiting"].append((command, response))

    def step_post(self, _generator, _simulated, known):
        if known["waiting"]:
            pair = known["waiting"].pop(0)
            self.observe(*pair)
            known["seen"].append(pair)

    def step_repeat(self, generator, _simulated, known):
        if known["seen"]:
            self.observe(*generator.choice(known["seen"]))

    def step_retry(self, generator, _simulated, known):
        if known["documents"]:
            document, octets = generator.choice(known["documents"])
            self.assertEqual(self.world.submit(document).octets, octets)


if __name__ == "__main__":
    PARSER = argparse.ArgumentParser(add_help=False)
    PARSER.add_argument("--interleavings", type=int, default=OPTIONS.interleavings)
    PARSER.add_argument("--seed")
    OPTIONS, REST = PARSER.parse_known_args()
    harness.main([sys.argv[0], *REST])
