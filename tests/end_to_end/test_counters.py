#!/usr/bin/python3
"""Counters for others, raise-only repair and the interchange of counters, through the running service and acbctl.

P1, R-128-16, R-128-17, R-128-21, R-NOW-2, R-NOW-7, R-SEC3-78; design.md section 4.
"""

import json
import re
import threading
from pathlib import Path

import harness
from harness import World, binary, run, temporary_directory

THREADS = 8
EACH = 25
SOURCE = Path(__file__).resolve().parents[2]


class CounterCase(harness.TestCase):
    devices = 2

    def setUp(self):
        self.folder = self.enterContext(temporary_directory())
        self.world = self.a_world("a")
        self.box = self.world.box
        self.device = self.world.devices[0]

    def a_world(self, name, **options):
        (self.folder / name).mkdir()
        world = World.own(self.folder / name, devices=self.devices, floor=1200, **options)
        self.addCleanup(world.box.stop)
        return world

    def acbctl(self, *arguments, box=None):
        box = box or self.box
        return run(binary("tools", "acbctl"), "--directory", str(box.directory), *arguments, check=False)

    def both(self, *arguments, box=None):
        tls = (box or self.box).directory / "tls"
        return self.acbctl(*arguments, "--as", str(tls / "operator.pem"), "--as", str(tls / "operator2.pem"), box=box)

    def post(self, role, path, body, headers=None):
        return self.box.client(role).request("POST", path, json.dumps(body),
                                             {"Content-Type": "application/json", **(headers or {})})

    def reserve(self, device=None, proposed=None, role="dsp", body=None):
        headers = {} if proposed is None else {"X-Originator-Counter": str(proposed)}
        return self.post(role, f"/v1/counters/{device or self.device}/reserve",
                         {"purpose": "6.24.1"} if body is None else body, headers)

    def opened(self, entry):
        """What the entry seals, {name: value}, as an auditor is told it."""
        lines = self.box.get(f"/v1/audit/disclosures?from={entry['index']}&count=1", "auditor").octets.splitlines()
        return {name: each["value"] for name, each in json.loads(lines[0])["sealed"].items()}

    def send(self, **options):
        document = self.world.sign(self.world.request(**options))
        return document, self.world.submit(document)

    def counters(self, device=None, box=None):
        answer = (box or self.box).get(f"/v1/counters/{device or self.device}")
        self.assertEqual(answer.status, 200, answer)
        return answer.json


class Reserve(CounterCase):
    def test_shares_one_sequence_with_handovers(self):
        first = self.reserve()
        self.assertEqual(first.status, 200, first)
        self.assertEqual(first.json["originator_counter"], "1201")
        document, answer = self.send()
        self.assert_signed(self.world, document, answer)
        self.assertEqual(answer.counter, 1202)
        self.assertEqual(self.reserve().json["originator_counter"], "1203")
        (_, entry), = self.box.audit_entries(int(first.json["audit"]["index"]))[:1]
        self.assertEqual({name: entry[name] for name in ("kind", "client", "originator_counter")},
                         {"kind": "reserved-elsewhere", "client": "dsp.acb.test", "originator_counter": "1201"})
        self.assertNotIn("6.24.1", str(entry))
        self.assertEqual(self.opened(entry), {"purpose": "6.24.1"})

    def test_gives_no_number_twice_to_eight_threads_and_rises_in_the_log(self):
        index = len(self.box.audit_entries())
        given, failed = [], []
        documents = [[self.world.sign(self.world.request()) for _ in range(EACH)] if part % 2 else None
                     for part in range(THREADS)]

        def spend(part):
            client = self.box.client("dsp")
            for number in range(EACH):
                while True:
                    if documents[part]:
                        answer = client.request("POST", "/v1/handovers", documents[part][number],
                                                {"Content-Type": "application/xml"})
                    else:
                        answer = client.request("POST", f"/v1/counters/{self.device}/reserve",
                                                json.dumps({"purpose": f"8.5 {part}"}),
                                                {"Content-Type": "application/json"})
                    if answer.status == 200:
                        given.append(int(answer.json["originator_counter"]))
                    elif answer.reason in ("BUSY", "CHANGED_MEANWHILE"):  # another handover of this device
                        continue
                    else:
                        failed.append(answer)
                    break

        threads = [threading.Thread(target=spend, args=(part,)) for part in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        self.assertEqual(len(given), THREADS * EACH)
        self.assertEqual(len(set(given)), len(given))
        entries = [entry for _, entry in self.box.audit_entries(index)]
        elsewhere = [int(entry["originator_counter"]) for entry in entries if entry["kind"] == "reserved-elsewhere"]
        self.assertEqual(len(elsewhere), THREADS // 2 * EACH)
        self.assertEqual(elsewhere, sorted(set(elsewhere)))
        signed = [int(entry["originator_counter"]) for entry in entries if entry["kind"] == "signed"]
        self.assertEqual(signed, sorted(set(signed)))
        self.assertEqual(sorted(signed + elsewhere), sorted(given))

    def test_judges_a_proposal_as_a_handover_does_and_records_the_refusal(self):
        for proposed, status, reason in ((1200, 409, "COUNTER_REGRESSION"), (0, 409, "COUNTER_REGRESSION"),
                                         (1200 + 2**48 + 1, None, "COUNTER_LIMIT"),
                                         (2**63, None, "COUNTER_LIMIT"), ("-1", None, "MALFORMED")):
            with self.subTest(proposed=proposed):
                answer = self.reserve(proposed=proposed)
                self.assertEqual(answer.reason, reason, answer)
                if status:
                    self.assertEqual(answer.status, status)
                (_, entry), = self.box.audit_entries(int(answer.json["audit"]["index"]))
                self.assertEqual((entry["kind"], entry["reason"]), ("refused", reason))
        self.assertEqual(self.reserve(proposed=5000).json["originator_counter"], "5000")
        self.assertEqual(self.reserve().json["originator_counter"], "5001")

    def test_is_for_the_dsp_and_for_a_device_that_is_known_with_a_purpose(self):
        for role in ("feed", "northbound", "auditor", "operator"):
            self.assertEqual(self.reserve(role=role).status, 403, role)
        self.assertEqual(self.reserve(device="00db1234567aff00").reason, "DEVICE_UNKNOWN")
        self.assertEqual(self.reserve(device="x").status, 404)
        for body in ({}, {"purpose": ""}, {"purpose": 5}, {"purpose": "x" * 201}, [], {"purpose": "x", "counter": "9"}):
            self.assertEqual(self.reserve(body=body).reason, "MALFORMED", body)
        self.assertEqual(self.counters()["last_issued"], "0")
        self.assertEqual(self.reserve(body={"purpose": "x" * 200}).status, 200)

    def test_a_refusal_tells_the_device_and_seals_what_is_none(self):
        """R-SEC3-69: what stands in the place of the device may be a meter point."""
        for path in ("reserve", "raise"):
            body, role = ({"purpose": "8.5"}, "dsp") if path == "reserve" else ({"to": "5", "reason": "x"}, "operator")
            answer = self.post(role, f"/v1/counters/3938420001234/{path}", body)
            self.assertEqual(answer.status, 404, answer)
            (_, entry), = self.box.audit_entries(int(answer.json["audit"]["index"]))
            self.assertNotIn("3938420001234", str(entry))
            self.assertEqual(self.opened(entry)["subject"], "3938420001234")
        answer = self.reserve(device="00db1234567aff00")
        (_, entry), = self.box.audit_entries(int(answer.json["audit"]["index"]))
        self.assertEqual(entry["subject"], "00-DB-12-34-56-7A-FF-00")

    def test_stops_with_a_suspension(self):
        order = {"scope": "device", "subject": self.device, "action": "suspend", "authority": "SSC"}
        self.assertEqual(self.post("operator", "/v1/suspension", order).status, 200)
        self.assertEqual(self.reserve().reason, "BLOCKED")
        self.assertEqual(self.reserve(device=self.world.devices[1]).status, 200)
        order = {"scope": "all", "action": "suspend", "authority": "SSC"}
        self.assertEqual(self.post("operator", "/v1/suspension", order).status, 200)
        answer = self.reserve(device=self.world.devices[1])
        self.assertEqual((answer.status, answer.reason), (503, "SIGNING_SUSPENDED"))

    def test_is_a_command_of_acbctl(self):
        done = self.acbctl("--json", "counter", "reserve", self.device, "--purpose", "8.5")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["originator_counter"], "1201")
        done = self.acbctl("counter", "reserve", self.device, "--purpose", "8.5", "--proposed-counter", "7")
        self.assertEqual(done.returncode, 1)
        self.assertIn("COUNTER_REGRESSION", done.stderr)
        self.assertEqual(self.acbctl("counter", "reserve", self.device).returncode, 2)
        self.assertEqual(self.acbctl("counter", "reserve", "x", "--purpose", "8.5").returncode, 2)
        shown = json.loads(self.acbctl("--json", "counter", "show", self.device).stdout)
        self.assertEqual(shown["last_issued"], "1201")
        self.assertEqual(shown["next"], {"supplier": "1202", "network_operator": "1202", "elsewhere": "1202"})
        self.assertEqual(shown["cells"]["supplier"], {"holder": "acb", "floor": "1200"})
        self.assertIn("last_issued: 1201", self.acbctl("counter", "show", self.device).stdout)


class Raise(CounterCase):
    def raise_(self, *arguments):
        return self.both("counter", "raise", self.device, *arguments, "--reason", "found in the other box's log")

    def test_takes_two_operators_and_goes_up(self):
        tls = self.box.directory / "tls"
        one = ("counter", "raise", self.device, "9000", "--reason", "r", "--as", str(tls / "operator.pem"))
        first = self.acbctl(*one)
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertIn("waits for a second operator", first.stdout)
        again = self.acbctl(*one)
        self.assertEqual(again.returncode, 1)
        self.assertIn("OTHER_OPERATOR", again.stderr)
        self.assertEqual(self.counters()["last_issued"], "0")
        second = self.acbctl(*one[:-1], str(tls / "operator2.pem"))
        self.assertEqual(second.returncode, 0, second.stderr)
        self.assertEqual(self.counters()["last_issued"], "9000")
        document, answer = self.send()
        self.assert_signed(self.world, document, answer)
        self.assertEqual(answer.counter, 9001)
        entries = [entry for _, entry in self.box.audit_entries() if entry["kind"] == "operator"]
        self.assertEqual([entry["complete"] for entry in entries], [False, True])
        self.assertEqual(entries[1]["operators"], ["operator.acb.test", "operator2.acb.test"])

    def test_is_run_again_whole_when_one_of_the_two_has_spoken(self):
        tls = self.box.directory / "tls"
        for value, spoke in (("9000", "operator"), ("9100", "operator2")):
            index = len(self.box.audit_entries())
            cut = self.acbctl("counter", "raise", self.device, value, "--reason", "r", "--as", str(tls / f"{spoke}.pem"))
            self.assertEqual(cut.returncode, 0, cut.stderr)
            again = self.raise_(value, "--json")
            self.assertEqual((again.returncode, json.loads(again.stdout)["outcome"]), (0, "done"), again.stderr)
            self.assertEqual(self.counters()["last_issued"], value)
            said = [entry["complete"] for _, entry in self.box.audit_entries(index) if entry["kind"] == "operator"]
            self.assertEqual(said, [False, True], "and no word about what is done")

    def test_raises_the_floor_of_a_role(self):
        done = self.raise_("7000", "--role", "networkoperator", "--json")
        self.assertEqual(json.loads(done.stdout)["outcome"], "done", "one document, the answer to the second word")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.counters()["next"], {"supplier": "1201", "network_operator": "7001",
                                                   "elsewhere": "7001"})
        document, answer = self.send(role="Supplier")
        self.assert_signed(self.world, document, answer)
        self.assertEqual(answer.counter, 1201)

    def test_refuses_what_does_not_go_up_or_goes_too_far_or_is_no_number(self):
        self.assertEqual(self.raise_("9000").returncode, 0)
        before = self.counters()
        for to, more, reason in (("9000", (), "COUNTER_REGRESSION"), ("0", (), "COUNTER_REGRESSION"),
                                 ("1200", ("--role", "supplier"), "COUNTER_REGRESSION"),
                                 (str(2**48 + 9001), (), "COUNTER_LIMIT"), (str(2**63), (), "MALFORMED")):
            with self.subTest(to=to):
                done = self.raise_(to, *more)
                self.assertEqual(done.returncode, 1)
                self.assertIn(reason, done.stderr)
        for to in (str(2**64), "9e3", "0x99", "abc"):
            done = self.raise_(to)
            self.assertEqual((done.returncode, done.stderr), (2, f"acbctl: '{to}' is not a decimal number of 64 bits\n"))
        for body in ({"to": "-1", "reason": "r"}, {"to": 9001, "reason": "r"}, {"to": "9001"},
                     {"to": "9001", "reason": ""}, {"to": "9001", "reason": "r", "roll": "supplier"},
                     {"to": "9001", "reason": "r", "role": "root"}):
            answer = self.post("operator", f"/v1/counters/{self.device}/raise", body)
            self.assertEqual(answer.reason, "MALFORMED", body)
        self.assertEqual(self.counters(), before)

    def test_is_for_operators_alone_and_demands_a_reason(self):
        for role in ("dsp", "feed", "northbound", "auditor"):
            answer = self.post(role, f"/v1/counters/{self.device}/raise", {"to": "9000", "reason": "r"})
            self.assertEqual(answer.status, 403, role)
        self.assertEqual(self.acbctl("counter", "raise", self.device, "9000").returncode, 2)

    def test_survives_kill_9_between_the_two_words(self):
        body = {"to": "9000", "reason": "r"}
        self.assertEqual(self.post("operator", f"/v1/counters/{self.device}/raise", body).status, 202)
        self.box.kill()
        self.box.start()
        self.assertEqual(self.post("operator2", f"/v1/counters/{self.device}/raise", body).status, 200)
        self.assertEqual(self.counters()["last_issued"], "9000")


class Interchange(CounterCase):
    """R-SEC3-78: from one box to another, with another token."""

    FLIPS = 50
    WINDOW = 4096  # [hsm] or [store] anchor_every, as it is when nothing is configured

    def setUp(self):
        super().setUp()
        self.other = self.a_world("b").box
        for _ in range(3):
            self.assertEqual(self.reserve().status, 200)
        self.file, self.key = self.folder / "counters.json", self.folder / "a.pem"

    def export(self, *more, both=False):
        command = ("export-counters", "--out", str(self.file), "--key-out", str(self.key), *more)
        done = self.both(*command) if both else self.acbctl(*command)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(self.file.read_bytes())

    def import_(self, file=None, key=None):
        return self.both("--json", "import-counters", str(file or self.file), "--key", str(key or self.key),
                         box=self.other)

    def issued(self, device=None):
        return int(self.counters(device, self.other)["last_issued"])

    def test_plain_adds_the_window(self):
        exported = self.export()
        self.assertEqual(self.reserve().json["originator_counter"], "1204", "the source goes on")
        self.assertEqual((exported["format"], exported["environment"], exported["fenced"], exported["count"]),
                         ("acb-counters-1", "test", False, "2"))
        self.assertEqual(exported["devices"][0]["last_issued"], "1203")
        self.assertEqual(exported["devices"][0]["supplier"], {"holder": "acb", "floor": "1200"})
        self.assertFalse(self.file.with_name("counters.json.part").exists())
        # The tree that the export names holds its own entry, and ends with the anchor of it.
        size = int(exported["tree_size"])
        told = [entry for _, entry in self.box.audit_entries(size - 2)[:2]]
        self.assertEqual([entry["kind"] for entry in told], ["export", "anchor"])
        self.assertEqual(told[0]["act"], "counters-export")
        done = self.import_()
        self.assertEqual(done.returncode, 0, done.stderr)
        second = json.loads(done.stdout)  # one document: what came of it
        self.assertEqual((second["outcome"], second["rows"], second["changed"], second["not_known"]),
                         ("done", "2", "2", "0"))
        self.assertEqual(second["source_store"], exported["store_id"])
        self.assertEqual(self.issued(), 1203 + self.WINDOW)
        self.assertEqual(self.issued(self.world.devices[1]), self.WINDOW)
        again = self.import_()
        self.assertEqual(json.loads(again.stdout.splitlines()[-1])["changed"], "0")

    def test_fenced_ends_the_source_and_adds_nothing(self):
        tls = self.box.directory / "tls"
        first = self.acbctl("export-counters", "--out", str(self.file), "--fence", "--as", str(tls / "operator.pem"))
        self.assertIn("waits for a second operator", first.stdout)
        self.assertFalse(self.file.exists())
        twice = self.post("operator", "/v1/counters/export", {"fenced": True})
        self.assertEqual((twice.status, twice.reason), (403, "OTHER_OPERATOR"))
        (_, entry), = self.box.audit_entries(int(twice.json["audit"]["index"]))[:1]
        self.assertEqual([entry[name] for name in ("kind", "act", "reason")],
                         ["refused", "counters-export", "OTHER_OPERATOR"], "P4")
        self.assertEqual(self.reserve().status, 200, "one word ends nothing")
        # Both again: whose word is there is passed over.
        second = self.both("export-counters", "--out", str(self.file), "--key-out", str(self.key), "--fence")
        self.assertEqual(second.returncode, 0, second.stderr)
        exported = json.loads(self.file.read_bytes())
        self.assertTrue(exported["fenced"])
        for answer in (self.reserve(), self.send()[1]):
            self.assertEqual((answer.status, answer.reason), (503, "COUNTERS_EXPORTED"))
        ready = self.box.get("/readyz").json
        self.assertFalse(ready["can_sign"])
        self.assertIn("COUNTERS_EXPORTED", [reason["reason"] for reason in ready["reasons"]])
        following = self.counters(box=self.box)["next"]
        self.assertEqual({each["reason"] for each in following.values()}, {"COUNTERS_EXPORTED"})
        self.box.kill()
        self.box.start()
        self.assertEqual(self.reserve().reason, "COUNTERS_EXPORTED", "for good")
        cut = self.acbctl("import-counters", str(self.file), "--key", str(self.key), "--as",
                          str(self.other.directory / "tls" / "operator.pem"), box=self.other)
        self.assertIn("waits for a second operator", cut.stdout)
        self.assertEqual(self.import_().returncode, 0)
        self.assertEqual(self.issued(), 1204)
        self.assertEqual(self.issued(self.world.devices[1]), 0)
        given = self.other.client("dsp").request("POST", f"/v1/counters/{self.device}/reserve", '{"purpose": "8.5"}',
                                                 {"Content-Type": "application/json"})
        self.assertEqual(given.json["originator_counter"], "1205")

    def test_refuses_a_file_that_was_changed_in_any_octet(self):
        self.export()
        good = self.file.read_bytes()
        before = (self.counters(box=self.other), len(self.other.audit_entries()))
        choose = harness.seeded_random()
        bad = self.folder / "bad.json"
        for _ in range(self.FLIPS):
            place, bit = choose.randrange(len(good)), 1 << choose.randrange(8)
            bad.write_bytes(good[:place] + bytes([good[place] ^ bit]) + good[place + 1:])
            done = self.import_(bad)
            self.assertEqual(done.returncode, 1, f"octet {place}, bit {bit}: {done.stdout}")
            self.assertIn(json.loads(done.stdout)["reason"], ("BACKUP_DAMAGED", "MALFORMED"))
        for cut in (0, 1, len(good) // 2, len(good) - 1):
            bad.write_bytes(good[:cut])
            self.assertEqual(self.import_(bad).returncode, 1, f"cut at {cut}")
        self.assertEqual((self.counters(box=self.other), len(self.other.audit_entries())), before)
        self.assertEqual(self.import_().returncode, 0, "as it was written it is taken")

    def test_refuses_another_key_and_names_the_line_that_is_damaged(self):
        self.export()
        other_key = self.folder / "b.pem"
        done = self.acbctl("export-counters", "--out", str(self.folder / "b.json"), "--key-out", str(other_key),
                           box=self.other)
        self.assertEqual(done.returncode, 0, done.stderr)
        wrong = self.import_(key=other_key)
        self.assertEqual((wrong.returncode, json.loads(wrong.stdout)["reason"]), (1, "BACKUP_DAMAGED"))
        # No retry of this file helps, so it is no fault.
        self.assertEqual(json.loads(wrong.stdout)["status"], 422)
        said = self.both("import-counters", str(self.file), "--key", str(other_key), box=self.other)
        self.assertIn("(HTTP 422,", said.stderr)
        self.assertIn("the signature is not that of the key that was given", said.stderr)
        self.assertNotIn("try again", said.stderr)
        text = self.file.read_text()
        self.file.write_text(text.replace('"last_issued":"0"', '"last_issued":"x"'))
        self.assertIn("line 3", json.loads(self.import_().stdout)["detail"])
        self.assertEqual(self.import_(key=self.file).returncode, 1)
        self.assertEqual(self.import_(file=self.folder / "none").returncode, 1)

    def test_is_for_operators_alone(self):
        for role in ("dsp", "feed", "northbound", "auditor"):
            for act in ("export", "import"):
                self.assertEqual(self.post(role, f"/v1/counters/{act}", {}).status, 403, f"{role} {act}")
        for body in ({"fence": True}, {"fenced": "yes"}, []):
            self.assertEqual(self.post("operator", "/v1/counters/export", body).reason, "MALFORMED", body)
        self.assertEqual(self.post("operator", "/v1/counters/import", {}).reason, "MALFORMED", "no key")


class NothingLowers(CounterCase):
    """R-128-21: there is no endpoint, command or option that takes a counter or a floor down."""

    LOWERING = re.compile(r"lower|reset|decrease|decrement|rewind|rollback|roll-back|\bset\b|clear|force", re.I)

    def test_among_the_endpoints(self):
        routes = set()
        for source in sorted((SOURCE / "platform").glob("*endpoints.cc")):
            routes.update(re.findall(r'"(/v1/[^"]*)"', source.read_text()))
        self.assertIn("/v1/counters/{device}/raise", routes)
        self.assertEqual([route for route in routes if self.LOWERING.search(route)], [])
        for method in ("PUT", "PATCH", "DELETE"):
            for path in (f"/v1/counters/{self.device}", f"/v1/counters/{self.device}/raise",
                         f"/v1/devices/{self.device}"):
                answer = self.box.client("operator").request(method, path)
                self.assertEqual(answer.status, 405, f"{method} {path}")

    def test_among_the_commands(self):
        seen = []

        def walk(words):
            text = self.acbctl(*words, "--help").stdout
            seen.append(" ".join(words))
            names = re.split(r"\nSubcommands:\n", text)
            options = re.findall(r"^\s+(?:-\w,)?(--[\w-]+)", text, re.M)
            for name in options:
                self.assertIsNone(self.LOWERING.search(name), f"{words} {name}")
            if len(names) == 2:
                for name in re.findall(r"^  ([a-z][\w-]*) ", names[1].split("\n\n")[0], re.M):
                    self.assertIsNone(self.LOWERING.search(name), f"{words} {name}")
                    walk([*words, name])

        walk([])
        self.assertIn("counter raise", seen)


if __name__ == "__main__":
    harness.main()
