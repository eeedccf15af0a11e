#!/usr/bin/python3
"""Every reason that the service has to say no, through the service: tests/vectors/<REASON>/<case>/case.json.

For each reason of GET /v1/reasons there is at least one refused input and one accepted neighbour, the same with the
one thing put right. A reason that no code can produce yet is in tests/vectors/unreachable.json with the part that
brings it; one that no input can produce, because it guards against a bug of ours, is in tests/vectors/by_unit_test.json
with the test that shows it. tests/vectors/FORMAT.md says what a case.json may hold.

    test_reasons.py [TEST...]        ACB_VECTORS=REASON[/case][,...] runs only these
"""

import contextlib
import hashlib
import json
import os
import re
import unittest
from pathlib import Path

import harness
from harness import ROOT, temporary_directory
from vector_faults import FAULTS, RESTART
from vector_world import Scene, Stage, load_cases

VECTORS = ROOT / "tests" / "vectors"
SOURCES = ("firmware", "hsm", "store", "platform", "tools")
# Where every reason is named, whether it is used or not.
LISTS_OF_REASONS = {"firmware/base/reason.h", "firmware/base/reason.cc", "firmware/rules.cc"}
WINDOW = 4096  # what each start after a kill adds to every counter (design.md section 4)
RAISES = 100 * WINDOW
AUDIT_LEAF_PREFIX = b"\x00"  # RFC 6962 section 2.1


def wanted(reason, name):
    """All; or those that ACB_VECTORS names: REASON or REASON/CASE, with commas between."""
    chosen = os.environ.get("ACB_VECTORS")
    return not chosen or any(text in (reason, f"{reason}/{name}") for text in chosen.split(","))


class Reasons(harness.TestCase):
    """All cases. A box is made when its first case comes, and serves all cases that name it."""

    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_directory())
        cls.boxes = json.loads((VECTORS / "boxes.json").read_text())
        cls.stages = {}
        cls.cases = load_cases(VECTORS)
        cls.addClassCleanup(cls.stop_boxes)

    @classmethod
    def stop_boxes(cls):
        for stage in cls.stages.values():
            stage.box.stop()

    def stage(self, name):
        if name not in self.stages:
            folder = self.folder / name
            folder.mkdir()
            type(self).stages[name] = Stage(folder, name, self.boxes[name])
        return self.stages[name]

    # -- one case --

    def run_case(self, reason, case):
        stage = self.stage(case.get("box", "usual"))
        if "transport" in case:
            return self.run_transport(stage, reason, case)
        expect = case["expect"]
        scene = Scene(stage, case)
        form, document = scene.document()
        scene.import_feeds()
        for step in case.get("before", ()):
            form, document = self.run_step(stage, scene, step, form, document)
        try:
            answer = self.submit(stage, scene, case, document)
            self.check_answer(scene, reason, expect, answer)
            if "then" in expect:
                again = stage.world.submit(document)
                self.assertEqual((again.status, again.reason), tuple(expect["then"]), again)
        finally:
            for step in case.get("after", ()):
                self.run_step(stage, scene, step, form, document)
        if expect["status"] == 200:
            self.assert_signed(stage.world, document, answer)
        elif not (stage.settings.get("closed") or case.get("last_in_its_box")):
            self.assert_next_good_request_is_served(stage)

    def submit(self, stage, scene, case, document):
        """Sends the request; what it may have changed and written is checked around it."""
        expect, fault = case["expect"], case.get("fault")
        proposed = case.get("request", {}).get("proposed")
        before = stage.box.get(f"/v1/devices/{scene.device}")
        stage.new_entries()
        with contextlib.ExitStack() as stack:
            signatures = stage.signatures()
            if fault:
                stack.enter_context(FAULTS[fault](stage, scene))
            if fault in RESTART:
                signatures = stage.signatures()
                if expect.get("recorded", True):
                    stage.new_entries()
            answer = stage.world.submit(document, proposed)
            if fault not in RESTART:
                stack.close()
            made = stage.signatures() - signatures
            if expect.get("recorded", True):
                self.check_recorded(stage, expect, document, answer)
        spends = expect.get("spends", 1 if expect["status"] == 200 else 0)
        if before.status == 200:
            self.check_device(stage, scene, expect, before.json, spends, proposed)
        self.assertEqual(made, expect.get("signatures", spends), "signatures asked of the token")
        return answer

    def check_device(self, stage, scene, expect, before, spends, proposed):
        """Only the last counter moves, by as many as were spent."""
        after = stage.box.device(scene.device)
        issued, now = int(before.pop("last_issued")), int(after.pop("last_issued"))
        if expect["status"] == 200 and proposed is not None:
            self.assertEqual(now, proposed)
        elif spends != 0 and issued == 0 and scene.floor == 0:
            self.assertIn(now - spends, range(0, RAISES, WINDOW), "a new device begins above every raise")
        elif spends == 0 or scene.floor == 0:
            self.assertEqual(now, issued + spends)
        if "feed" not in expect.get("entries", ()):
            self.assertEqual(after, before)

    def check_recorded(self, stage, expect, document, answer):
        """Exactly the entries that are due, and the one that the answer names is of these octets and this reason."""
        entries = stage.new_entries()
        usual = {200: ["signed"], 202: ["quarantined"]}.get(expect["status"], ["refused"])
        self.assertEqual(sorted(entry["kind"] for _, entry in entries), sorted(expect.get("entries", usual)))
        named = [(octets, entry) for octets, entry in entries if entry["index"] == answer.json["audit"]["index"]]
        self.assertEqual(len(named), 1, answer)
        octets, entry = named[0]
        self.assertEqual(entry["kind"], usual[0])
        if "request_id" in entry:  # R-063-9: it is an answer to this request
            self.assertEqual(answer.json["request_id"], entry["request_id"])
        self.assertEqual(entry["request_sha256"], hashlib.sha256(document).hexdigest())
        self.assertEqual(entry["environment"], stage.world.environment)
        self.assertEqual(answer.json["audit"]["leaf"], hashlib.sha256(AUDIT_LEAF_PREFIX + octets).hexdigest())
        if usual[0] == "refused":
            self.assertEqual(entry["reason"], answer.reason)
        self.assertEqual(sorted(entry.get("observations", [])), sorted(expect.get("observations", [])))

    def check_answer(self, scene, reason, expect, answer):
        self.assertEqual(answer.status, expect["status"], answer)
        if answer.status == 200:
            return
        if "reason" in expect:
            self.assertEqual(answer.reason, expect["reason"], answer)
        self.assertNotIn("command", answer.json)  # R-063-4: nothing for the device
        if answer.status == 202:
            return
        self.assertEqual(answer.headers.get_content_type(), "application/problem+json")
        for name in ("type", "title", "reason_number", "response_code"):
            self.assertTrue(answer.json.get(name), f"{name} in {answer.json}")
        if "response_code" in expect:
            self.assertEqual(answer.json["response_code"], expect["response_code"], reason)
        self.assertEqual("Retry-After" in answer.headers, answer.status == 503, answer)
        self.check_detail(scene, expect, answer.json.get("detail", ""))

    def check_detail(self, scene, expect, detail):
        text = scene.text if scene else str
        for part in expect.get("detail_contains", ()):
            self.assertIn(text(part), detail)
        # Another party's data is never said.
        for part in expect.get("detail_lacks", ()):
            self.assertNotIn(text(part), detail)

    def assert_next_good_request_is_served(self, stage):
        document = stage.standing.document()[1]
        self.assert_signed(stage.world, document, stage.world.submit(document))
        stage.new_entries()

    # -- steps --

    def run_step(self, stage, scene, step, form, document):
        """One thing that happens before or after; gives the request that is then sent."""
        do = step["do"]
        if do == "submit":  # another request of this case, served before
            asked, scene.asked = scene.asked, step.get("request", scene.asked)
            other = scene.document()
            scene.asked = asked
            answer = stage.world.submit(other[1], step.get("proposed"))
            self.assertEqual(answer.status, step.get("status", 200), answer)
            if step.get("same_request_id"):
                # ECDSA is random: the same request signed anew is other octets.
                return other[0], scene.signers["supplier"].sign(other[0].but(**step.get("changes", {})))
        elif do == "submit-this":  # the very request
            answer = stage.world.submit(document)
            self.assertEqual(answer.status, step.get("status", 200), answer)
            scene.quarantined = answer.json.get("quarantine")
        elif do == "feed":
            stage.box.import_feed(step["feed"], scene.text(step["text"]))
        elif do == "device":
            stage.box.import_feed("devices", scene.device_csv(**step["row"]))
        elif do == "revocation-lists":
            stage.box.import_feed("revocation-lists", stage.pki.revocation_lists(*step["lists"]))
        elif do == "revoke":
            stage.revoke([(int(stage.pki.made.certificates[label].about["serial"]), 1) for label in step["certificates"]])
        elif do == "operator":
            self.operator(stage, scene, step)
        else:
            raise harness.Failure(f"no step {do!r}")
        return form, document

    def operator(self, stage, scene, step):
        body = {name: scene.text(value) for name, value in step.get("body", {}).items()}
        path = scene.text(step["path"]).replace("<id>", getattr(scene, "quarantined", None) or "")
        answer = stage.box.client(step.get("as", "operator")).request(
            step.get("method", "POST"), path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        self.assertEqual((answer.status, answer.reason), (step.get("status", 200), step.get("reason")), answer)

    def run_transport(self, stage, reason, case):
        """A request that is refused before a handover is read, or one that is no handover."""
        expect, send = case["expect"], case["transport"]
        scene = Scene(stage, case)
        for step in case.get("before", ()):
            self.run_step(stage, scene, step, *scene.document())
        signatures = stage.signatures()
        stage.new_entries()
        body = send.get("body")
        if body == "a good request":
            body = scene.document()[1]
        elif isinstance(body, list):
            body = scene.text("\n".join(body) + "\n").encode()
        elif body is not None:
            body = scene.text(body).encode()
        if "spaces" in send:
            body = b" " * send["spaces"]
        if "lists" in send:
            body = stage.pki.revocation_lists(*send["lists"]).encode()
        headers = {"Content-Type": send["content_type"]} if "content_type" in send else {}
        path = scene.text(send["path"]).replace("<id>", getattr(scene, "quarantined", None) or "")
        client = stage.box.client(send.get("role", "auditor"))
        answer = client.request(send["method"], path, body, headers)
        client.close()
        self.check_answer(scene, reason, expect, answer)
        for part in expect.get("body_contains", ()):
            self.assertIn(scene.text(part), answer.octets.decode())
        self.assertEqual([entry["kind"] for _, entry in stage.new_entries()], expect.get("entries", []))
        self.assertEqual(stage.signatures() - signatures, expect.get("signatures", 0))
        for step in case.get("after", ()):
            self.run_step(stage, scene, step, *scene.document())
        self.assert_next_good_request_is_served(stage)

    def test_every_case(self):
        ran = 0
        for reason, name, case in self.cases:
            if not wanted(reason, name):
                continue
            ran += 1
            with self.subTest(f"{reason}/{name}", about=case["about"]):
                self.run_case(reason, case)
        print(f"{ran} cases in {len(self.stages)} boxes; {len(self.cases)} in the tree")
        self.assertGreater(ran, 0)


class Coverage(harness.TestCase):
    """No reason without its pair; no excuse that is out of date."""

    @classmethod
    def setUpClass(cls):
        cls.cases = load_cases(VECTORS)
        cls.unreachable = json.loads((VECTORS / "unreachable.json").read_text())
        cls.by_unit_test = json.loads((VECTORS / "by_unit_test.json").read_text())

    def listed(self):
        """As the running service lists them."""
        with temporary_directory() as folder:
            world = harness.World.own(folder, devices=1)
            reasons = [info["reason"] for info in world.box.get("/v1/reasons").json["reasons"]]
            world.box.stop()
        return reasons

    def test_every_reason_has_a_refused_input_and_an_accepted_neighbour(self):
        reasons = self.listed()
        for reason in reasons:
            if reason in self.unreachable or reason in self.by_unit_test:
                continue
            with self.subTest(reason):
                mine = [case for of, _, case in self.cases if of == reason]
                says = [case for case in mine if reason in (case["expect"].get("reason"),
                                                            *case["expect"].get("observations", ()))]
                says_not = [case for case in mine if case["expect"]["status"] in (200, 202) and case not in says]
                self.assertTrue(says, "no case that is refused with it, or observed")
                self.assertTrue(says_not, "no accepted neighbour")
        for reason in {of for of, _, _ in self.cases}:
            self.assertIn(reason, reasons, f"{reason} is no reason of the service")

    def test_a_case_folder_says_what_its_case_is(self):
        for reason, name, case in self.cases:
            with self.subTest(f"{reason}/{name}"):
                self.assertRegex(name, r"^(refused|accepted|observed)-[a-z0-9-]+$")
                expect = case["expect"]
                kind = ("observed" if reason in expect.get("observations", ()) else
                        "refused" if expect.get("reason") == reason else "accepted")
                self.assertTrue(name.startswith(kind), f"is {kind}")
                self.assertTrue(case["about"].endswith("."))
                for requirement in case["requirements"]:
                    self.assertRegex(requirement, r"^R-[A-Z0-9]+-\d+$")

    def test_what_is_said_to_be_unreachable_is_used_nowhere(self):
        for reason, why in self.unreachable.items():
            with self.subTest(reason):
                self.assertNotEqual(why, "")
                self.assertNotIn(reason, {of for of, _, _ in self.cases}, "it has cases")
                self.assertEqual(self.uses(reason), [], "the appliance can produce it: it needs cases")

    @staticmethod
    def uses(reason):
        enumerator = "k" + "".join(part.capitalize() for part in reason.split("_"))
        word = re.compile(rf"\b{enumerator}\b")
        found = []
        for part in SOURCES:
            for path in sorted((ROOT / part).rglob("*")):
                name = str(path.relative_to(ROOT))
                if path.suffix in (".cc", ".h") and name not in LISTS_OF_REASONS and word.search(path.read_text()):
                    found.append(name)
        return found

    def test_uses_are_found(self):
        self.assertIn("firmware/checks/registration.cc", self.uses("NO_NOT_REGISTERED"))

    def test_what_only_a_unit_test_can_show_names_that_test(self):
        for reason, entry in self.by_unit_test.items():
            with self.subTest(reason):
                self.assertTrue(entry["why"].endswith("."))
                suite, test = entry["test"].split(".")
                self.assertIn(f"({suite}, {test})", (ROOT / entry["file"]).read_text())
                self.assertIn("k" + "".join(part.capitalize() for part in reason.split("_")),
                              (ROOT / entry["file"]).read_text())


if __name__ == "__main__":
    harness.main()
