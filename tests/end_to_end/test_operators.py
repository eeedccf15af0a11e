#!/usr/bin/python3
"""Volume thresholds, quarantine, suspension and the dry run, through the running service and acbctl.

R-NOW-11, R-SEC3-50, R-SEC3-56, R-SEC3-72; design.md section 8.
"""

import json
import threading

import harness
from harness import World, binary, run, temporary_directory

THRESHOLD = 100
SENT = 103
THREADS = 8


def acbctl(box, *arguments, check=True):
    return run(binary("tools", "acbctl"), "--directory", str(box.directory), *arguments, check=check)


class OperatorCase(harness.TestCase):
    volume = {}

    def setUp(self):
        folder = self.enterContext(temporary_directory())
        self.world = World.own(folder, devices=THREADS)
        self.addCleanup(self.world.box.stop)
        if self.volume:
            self.world.box.stop()
            self.world.box.configure("volume", **self.volume)
            self.world.box.start()
        self.box = self.world.box

    def send(self, **options):
        document = self.world.sign(self.world.request(**options))
        return document, self.world.submit(document)

    def post(self, role, path, body=None):
        return self.box.client(role).request("POST", path, json.dumps(body or {}),
                                             {"Content-Type": "application/json"})

    def assert_refusal_recorded(self, answer, **fields):
        """P4: the newest refusal is on the record, and the answer names its entry."""
        (_, entry), = self.box.audit_entries(int(answer.json["audit"]["index"]))[:1]
        wanted = {"kind": "refused", "reason": answer.reason, "client": "operator.acb.test", **fields}
        self.assertEqual({name: entry.get(name) for name in wanted}, wanted)

    def kinds(self, index):
        return [entry["kind"] for _, entry in self.box.audit_entries(index)]

    def both(self, *arguments):
        tls = self.box.directory / "tls"
        return acbctl(self.box, *arguments, "--as", str(tls / "operator.pem"), "--as", str(tls / "operator2.pem"),
                      check=False)


class Volume(OperatorCase):
    volume = {"user_hour": THRESHOLD}

    def test_103_requests_on_many_connections_are_100_signed_and_3_quarantined(self):
        documents = [(device, self.world.sign(self.world.request(device=self.world.devices[device % THREADS])))
                     for device in range(SENT)]
        answers = []
        signatures = self.box.metric("acb_hsm_sign_total")

        def send(part):
            client = self.box.client("dsp")
            for device, document in documents:
                if device % THREADS == part:
                    answers.append((document, client.request("POST", "/v1/handovers", document,
                                                             {"Content-Type": "application/xml"})))

        threads = [threading.Thread(target=send, args=(part,)) for part in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        held = [(document, answer) for document, answer in answers if answer.status == 202]
        self.assertEqual(sum(answer.status == 200 for _, answer in answers), THRESHOLD)
        self.assertEqual(len(held), SENT - THRESHOLD)
        self.assertEqual(self.box.metric("acb_hsm_sign_total") - signatures, THRESHOLD)
        for document, answer in held:
            self.assertEqual((answer.json["outcome"], answer.json["reason"], answer.json["response_code"]),
                             ("quarantined", "VOLUME_EXCEEDED", "I99"))
            again = self.world.submit(document)
            self.assertEqual((again.status, again.json), (202, answer.json), "a retry is told the same")
        listed = self.box.get("/v1/quarantine", "operator").json["quarantine"]
        self.assertEqual(sorted(item["id"] for item in listed), sorted(answer.json["quarantine"] for _, answer in held))


class LongList(OperatorCase):
    volume = {"user_hour": 1}

    def test_says_where_it_goes_on(self):
        client = self.box.client("dsp")
        for _ in range(1 + 1000 + 2):
            document = self.world.sign(self.world.request())
            answer = client.request("POST", "/v1/handovers", document, {"Content-Type": "application/xml"})
        self.assertEqual(answer.status, 202)
        first = self.box.get("/v1/quarantine", "operator").json
        rest = self.box.get(f"/v1/quarantine?from={first['next']}", "operator").json
        self.assertEqual((len(first["quarantine"]), [item["id"] for item in rest["quarantine"]][0]),
                         (1000, first["next"]))
        self.assertEqual(len(rest["quarantine"]), 2)
        self.assertNotIn("next", rest)
        told = acbctl(self.box, "quarantine", "list")
        self.assertIn(f"goes on with --from {first['next']}", told.stderr)
        told = acbctl(self.box, "quarantine", "list", "--from", first["next"])
        self.assertEqual((told.stdout.count("kind: handover"), told.stderr), (2, ""))


class Quarantine(OperatorCase):
    volume = {"user_hour": 1}

    def setUp(self):
        super().setUp()
        self.device = self.world.devices[0]
        document, answer = self.send()
        self.assert_signed(self.world, document, answer)
        self.document, self.held = self.send()
        self.assertEqual(self.held.status, 202, self.held)
        self.number = self.held.json["quarantine"]

    def test_takes_the_counter_at_release_by_two_operators(self):
        before = self.box.last_issued(self.device)
        first = self.post("operator", f"/v1/quarantine/{self.number}/release")
        self.assertEqual(first.status, 202)
        self.assertEqual(self.box.last_issued(self.device), before, "nothing is spent by one operator")
        twice = self.post("operator", f"/v1/quarantine/{self.number}/release")
        self.assertEqual((twice.status, twice.reason), (403, "OTHER_OPERATOR"))
        self.assert_refusal_recorded(twice, act="quarantine-release", subject=self.number)
        second = self.post("operator2", f"/v1/quarantine/{self.number}/release")
        self.assert_signed(self.world, self.document, second)
        self.assertEqual(second.counter, before + 1)
        again = self.world.submit(self.document)
        self.assertEqual((again.status, again.json), (200, second.json), "the retry gets the stored octets")
        self.assertEqual(self.box.get("/v1/quarantine", "operator").json["quarantine"], [])

    def test_is_for_operators_alone(self):
        for role in ("dsp", "feed", "northbound", "auditor"):
            self.assertEqual(self.post(role, f"/v1/quarantine/{self.number}/release").status, 403, role)
        self.assertEqual(self.post("operator", "/v1/quarantine/999999/release").status, 404)
        self.assertEqual(self.post("operator", "/v1/quarantine/x/release").status, 404)
        for act in ("release", "delete"):
            said = self.post("operator", f"/v1/quarantine/{self.number}/{act}", {"dry_run": True})
            self.assertEqual((said.status, said.reason), (400, "MALFORMED"), said)
            self.assertIn("'dry_run' is not known here", said.json["detail"])
        self.assertNotIn("waiting", self.box.get("/v1/quarantine", "operator").json["quarantine"][0])

    def test_is_decided_by_no_other_path_and_no_query(self):
        """Found by an attack on this code: a number with '?' behind it deleted what was to be released."""
        for number in (f"{self.number}/delete?", f"{self.number}?x=1", "-1", "", "0x1"):
            done = self.both("quarantine", "release", number)
            self.assertEqual(done.returncode, 2, done.stderr)
        for act in ("release", "delete"):
            said = self.post("operator", f"/v1/quarantine/{self.number}/{act}?dry_run=true")
            self.assertEqual((said.status, said.reason), (400, "MALFORMED"), said)
            self.assert_refusal_recorded(said, act=f"quarantine-{act}")
        self.assertNotIn("waiting", self.box.get("/v1/quarantine", "operator").json["quarantine"][0])

    def test_judges_anew_at_release(self):
        # R-SEC3-72: the device was suspended while the request waited.
        row = next(line for line in self.device_rows() if self.device in line.replace("-", "").lower())
        self.box.import_feed("devices", self.header() + row.replace("Commissioned", "Suspended") + "\n")
        self.assertIn("DEVICE_STATUS", self.both("quarantine", "release", self.number).stderr)
        answer = self.world.submit(self.document)
        self.assertEqual((answer.status, answer.reason), (422, "DEVICE_STATUS"))

    def header(self):
        return ("device_id,type,smets,model,smi_status,commissioned,mpxn,key_agreement_certificate,supplier_cell,"
                "supplier_floor,network_operator_cell,network_operator_floor\n")

    def device_rows(self):
        hyphenated = harness.duis_sign.hyphenated(self.device)
        return [f"{hyphenated},GPF,SMETS2,model,Commissioned,2020-01-01,3938420000,,acb,,acb,"]

    def test_is_deleted_by_two_and_a_retry_is_refused(self):
        before, signatures = self.box.last_issued(self.device), self.box.metric("acb_hsm_sign_total")
        self.assertEqual(self.post("operator", f"/v1/quarantine/{self.number}/delete").status, 202)
        twice = self.post("operator", f"/v1/quarantine/{self.number}/delete")
        self.assert_refusal_recorded(twice, reason="OTHER_OPERATOR", act="quarantine-delete", subject=self.number)
        done = acbctl(self.box, "quarantine", "delete", self.number, "--as",
                      str(self.box.directory / "tls" / "operator2.pem"))
        self.assertIn("done", done.stdout)
        answer = self.world.submit(self.document)
        self.assertEqual((answer.status, answer.reason), (403, "DELETED_BY_OPERATORS"))
        self.assertEqual((self.box.last_issued(self.device), self.box.metric("acb_hsm_sign_total")),
                         (before, signatures))

    def test_survives_kill_9_with_the_first_word(self):
        self.post("operator", f"/v1/quarantine/{self.number}/release")
        self.box.kill()
        self.box.start()
        item, = self.box.get("/v1/quarantine", "operator").json["quarantine"]
        self.assertEqual(item["waiting"], {"act": "release", "first_operator": "operator.acb.test"})
        self.assert_signed(self.world, self.document, self.post("operator2", f"/v1/quarantine/{self.number}/release"))

    def test_is_listed_by_acbctl(self):
        text = acbctl(self.box, "quarantine", "list").stdout
        self.assertIn(f"id: {self.number}", text)
        self.assertIn("threshold of 1 handovers an hour", text)


class Suspension(OperatorCase):
    def suspend(self, scope, subject="", act="now"):
        arguments = ["suspend", act, scope, *([subject] if subject else []), "--authority", "SSC 2026-11-21"]
        return self.both(*arguments) if act == "lift" else acbctl(self.box, *arguments)

    def test_of_all_stops_everything_and_leaves_requests_open(self):
        self.suspend("all")
        document, answer = self.send()
        self.assertEqual((answer.status, answer.reason), (503, "SIGNING_SUSPENDED"))
        self.assertFalse(self.box.get("/readyz").json["can_sign"])
        self.suspend("all", act="lift")
        self.assert_signed(self.world, document, self.world.submit(document))

    def test_of_a_party_or_a_device_stops_that_one(self):
        document, answer = self.send()
        self.assert_signed(self.world, document, answer)
        for scope, subject, reason in (
                ("party", "SUPP", "SUSPENDED"), ("party", "NETO", "SUSPENDED"),
                ("device", self.world.devices[0].upper(), "BLOCKED"),
                ("subject", self.world.network_operator, "BLOCKED"), ("issuer", "CN=T1,OU=07", "BLOCKED")):
            with self.subTest(scope=scope, subject=subject):
                self.suspend(scope, subject)
                _, answer = self.send()
                self.assertEqual((answer.status, answer.reason), (403, reason), answer)
                if scope == "device":
                    document, other = self.send(device=self.world.devices[1])
                    self.assert_signed(self.world, document, other)
                self.suspend(scope, subject, act="lift")
                document, answer = self.send()
                self.assert_signed(self.world, document, answer)

    def test_is_lifted_by_two_and_recorded_with_its_authority(self):
        index = len(self.box.audit_entries())
        order = {"scope": "party", "subject": "SUPP", "action": "suspend", "authority": "PMA 7"}
        self.assertEqual(self.post("operator", "/v1/suspension", order).status, 200)
        order["action"] = "lift"
        self.assertEqual(self.post("operator", "/v1/suspension", order).status, 202)
        twice = self.post("operator", "/v1/suspension", order)
        self.assert_refusal_recorded(twice, reason="OTHER_OPERATOR", act="lift", scope="party", subject="SUPP")
        self.assertEqual(self.send()[1].reason, "SUSPENDED")
        self.assertEqual(self.post("operator2", "/v1/suspension", order).status, 200)
        entries = [entry for _, entry in self.box.audit_entries(index) if entry["kind"] == "operator"]
        self.assertEqual([entry["act"] for entry in entries], ["suspend", "lift", "lift"])
        self.assertEqual({entry["authority"] for entry in entries}, {"PMA 7"})
        self.assertEqual(entries[2]["operators"], ["operator.acb.test", "operator2.acb.test"])

    def test_that_stops_nobody_is_taken_and_says_so(self):
        device = harness.duis_sign.hyphenated("00db1234567aff01")
        for scope, subject in (("party", "SUPQ"), ("device", device), ("issuer", "CN=Z9,OU=07")):
            with self.subTest(scope=scope):
                order = {"scope": scope, "subject": subject, "action": "suspend", "authority": "x"}
                answer = self.post("operator", "/v1/suspension", order)
                self.assertEqual((answer.status, answer.json["outcome"]), (200, "done"))
                self.assertIs(answer.json["matches_nothing"], True)
                self.assertEqual([one.lower() for one in answer.json["unmatched"]], [subject.lower()])
                done = self.suspend(scope, subject)
                self.assertEqual((done.returncode, done.stderr.count("acbctl: warning: ")), (0, 1), done.stderr)
        # It may come before the row: then it counts.
        self.world.import_parties(["90-B3-D5-1F-30-09-00-00,SUPQ,IS,active,2016-01-01,,yes,"])
        known = ("SUPQ", "party"), (self.world.devices[0], "device"), ("CN=T1,OU=07", "issuer"), ("", "all")
        for subject, scope in (*known, (self.world.network_operator, "subject")):
            order = {"scope": scope, "action": "suspend", "authority": "x", **({"subject": subject} if subject else {})}
            answer = self.post("operator", "/v1/suspension", order)
            self.assertNotIn("matches_nothing", answer.json, scope)
        many = {"scope": "party", "subjects": ["SUPP", "SUPQ", "SUPZ"], "action": "suspend", "authority": "x"}
        self.assertEqual(self.post("operator", "/v1/suspension", many).json["unmatched"], ["SUPZ"])

    def test_of_an_issuer_in_another_order_is_of_the_certificates_own(self):
        order = {"scope": "issuer", "subject": "OU=07, CN=t1", "action": "suspend", "authority": "x"}
        answer = self.post("operator", "/v1/suspension", order)
        self.assertEqual((answer.status, answer.json.get("matches_nothing")), (200, None))
        row, = self.box.get("/v1/suspension", "operator").json["suspensions"]
        self.assertEqual(row["subject"], "cn=t1,ou=07")
        self.assertEqual(self.send()[1].reason, "BLOCKED")
        done = self.suspend("issuer", "OU=07,CN=T1", act="lift")
        self.assertEqual(done.returncode, 0, done.stderr)
        document, signed = self.send()
        self.assert_signed(self.world, document, signed)
        # An order of before the certificate is lifted as it was given.
        order["subject"] = "OU=07,CN=Z9"
        self.assertEqual(self.post("operator", "/v1/suspension", order).json["unmatched"], ["ou=07,cn=z9"])
        self.assertEqual(self.suspend("issuer", "OU=07,CN=Z9", act="lift").returncode, 0)
        self.assertEqual(self.box.get("/v1/suspension", "operator").json, {"suspensions": [], "more": False})

    def test_of_more_than_are_listed_says_that_there_are_more(self):
        names = [f"P{number}" for number in range(100_000)]
        for begin in range(0, len(names), 10_000):
            order = {"scope": "party", "subjects": names[begin:begin + 10_000], "action": "suspend", "authority": "x"}
            self.assertEqual(self.post("operator", "/v1/suspension", order).status, 200)
            if begin == 0:
                self.assertFalse(self.box.get("/v1/suspension", "operator").json["more"])
        listed = self.box.get("/v1/suspension", "operator").json
        self.assertEqual((len(listed["suspensions"]), listed["more"]), (99_999, True))
        self.assertIn("there are more, which are not shown", acbctl(self.box, "suspend", "list").stderr)

    def test_of_a_list_is_one_action_and_so_is_going_on(self):
        """R-SEC3-52."""
        listed = self.box.directory / "lost.txt"
        others = [harness.duis_sign.hyphenated(f"00db1234000{number:05x}") for number in range(20_000)]
        listed.write_text("\r\n".join([*others, "", self.world.devices[0]]) + "\n")
        arguments = ["device", "--subjects", str(listed), "--authority", "SSC"]
        done = acbctl(self.box, "suspend", "now", *arguments)
        self.assertIn("subjects: 20001", done.stdout)
        self.assertIn("some of them are nobody that the box knows", done.stderr)
        document, answer = self.send()
        self.assertEqual(answer.reason, "BLOCKED")
        # A run that was cut, and the same again.
        cut = acbctl(self.box, "suspend", "lift", *arguments, "--as", str(self.box.directory / "tls" / "operator.pem"))
        self.assertIn("outcome: waits for a second operator", cut.stdout)
        lifted = self.both("suspend", "lift", *arguments)
        self.assertEqual((lifted.returncode, lifted.stderr), (0, ""))
        self.assertIn("outcome: done", lifted.stdout)
        document, answer = self.send()
        self.assert_signed(self.world, document, answer)
        self.assertEqual(self.box.get("/v1/suspension", "operator").json["suspensions"], [])
        again = self.both("suspend", "lift", *arguments)
        self.assertEqual(again.returncode, 1)
        self.assertIn("the first 0 are done, and none after them", again.stderr)
        self.assertIn("is not suspended", again.stderr)

    def test_of_a_list_with_a_wrong_line_stops_nobody(self):
        listed = self.box.directory / "lost.txt"
        for text, said in ((f"{self.world.devices[0]}\nSUPP\n", "line 2 is not an EUI-64; nothing was sent"),
                           ("\n \n", "names nobody"), (None, "lost.txt")):
            listed.write_text(text) if text else listed.unlink()
            done = acbctl(self.box, "suspend", "now", "device", "--subjects", str(listed), "--authority", "SSC",
                          check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(said, done.stderr)
        both = acbctl(self.box, "suspend", "now", "device", "x", "--subjects", "y", "--authority", "SSC", check=False)
        self.assertEqual(both.returncode, 2)
        self.assertEqual(self.box.get("/v1/suspension", "operator").json["suspensions"], [])

    def test_of_nonsense_is_refused(self):
        for body in ("", "[]", "{}", '{"scope":"all"}', '{"scope":"world","action":"suspend","authority":"x"}',
                     '{"scope":"device","subject":"12","action":"suspend","authority":"x"}',
                     '{"scope":"party","action":"suspend","authority":"x"}',
                     '{"scope":"party","subjects":[],"action":"suspend","authority":"x"}',
                     '{"scope":"party","subjects":[1],"action":"suspend","authority":"x"}', "{" * 100000):
            answer = self.box.client("operator").request("POST", "/v1/suspension", body,
                                                         {"Content-Type": "application/json"})
            self.assertEqual((answer.status, answer.reason), (400, "MALFORMED"), body[:60])
            self.assert_refusal_recorded(answer, act="suspension")

    def test_with_a_control_character_is_refused_and_nothing_is_stopped(self):
        good = {"scope": "party", "subject": "SUPZ", "action": "suspend", "authority": "SSC"}
        for text in ("a\x1b[2J", "a\nb", "\x7f", "\x9b", "\u202eABC", "\0"):
            for order in ({**good, "authority": text}, {**good, "subject": text},
                          {"scope": "party", "subjects": ["SUPZ", text], "action": "suspend", "authority": "SSC"}):
                answer = self.post("operator", "/v1/suspension", order)
                self.assertEqual((answer.status, answer.reason), (400, "MALFORMED"), order)
                self.assertIn("control characters", answer.json["detail"])
                self.assert_refusal_recorded(answer, act="suspension")
        self.assertEqual(self.box.get("/v1/suspension", "operator").json["suspensions"], [])

    def test_with_a_misspelt_member_is_refused_and_nothing_is_stopped(self):
        """A key of which others may know must not be left out because its member was misspelt (R-SEC3-46)."""
        order = {"scope": "all", "action": "suspend", "authority": "x", "suspect key": "acb-ds"}
        answer = self.post("operator", "/v1/suspension", order)
        self.assertEqual((answer.status, answer.reason), (400, "MALFORMED"), answer)
        self.assertIn("'suspect key' is not known here", answer.json["detail"])
        self.assertEqual(self.box.get("/v1/suspension", "operator").json["suspensions"], [])


class DryRun(OperatorCase):
    def spent(self):
        return (len(self.box.audit_entries()), self.box.metric("acb_hsm_sign_total"),
                self.box.last_issued(self.world.devices[0]))

    def dry_run(self, document):
        before = self.spent()
        answer = self.box.client("dsp").request("POST", "/v1/handovers?dry_run=true", document,
                                                {"Content-Type": "application/xml"})
        self.assertEqual(self.spent(), before)
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def test_of_a_good_request_says_so_and_spends_nothing(self):
        document = self.world.sign(self.world.request())
        said = self.dry_run(document)
        self.assertEqual(said["outcome"], "would be signed")
        self.assertEqual({check["outcome"] for check in said["checks"]}, {"passed"})
        answer = self.world.submit(document)
        self.assert_signed(self.world, document, answer)
        self.assertEqual(answer.json["originator_counter"], said["next_originator_counter"])

    def test_tells_every_check_of_a_bad_one(self):
        request = self.world.request(digital_signing=self.world.pki.der("revoked-no-ds"), role="NetworkOperator")
        said = self.dry_run(self.world.sign(request))
        self.assertEqual(said["outcome"], "would be refused")
        failed = {check["check"]: check["reason"] for check in said["checks"] if check["outcome"] == "failed"}
        self.assertEqual(failed, {"target-certificates": "CERT_REVOKED"})
        self.assertIn("not reached", {check["outcome"] for check in said["checks"]})

    def test_refuses_another_query(self):
        document = self.world.sign(self.world.request())
        for query in ("dry_run=yes", "dryrun=true", "dry_run=true&x=1", "dry_run"):
            answer = self.box.client("dsp").request("POST", f"/v1/handovers?{query}", document,
                                                    {"Content-Type": "application/xml"})
            self.assertEqual(answer.status, 400, query)

    def test_of_what_was_answered_tells_that_answer(self):
        signed, answer = self.send()
        self.assert_signed(self.world, signed, answer)
        said = self.dry_run(signed)
        self.assertEqual((said["outcome"], said["answer"]["outcome"], said["answer"]["originator_counter"],
                          said["answer"]["audit"]),
                         ("already answered", "signed", str(answer.counter), answer.json["audit"]))
        refused, answer = self.send(floor=1 << 62)
        said = self.dry_run(refused)
        self.assertEqual((said["outcome"], said["answer"]["outcome"], said["answer"]["reason"]),
                         ("already answered", "refused", "FLOOR_LIMIT"))
        # Other octets under an answered RequestID.
        request = self.world.request()
        self.world.submit(self.world.sign(request))
        self.assertEqual(self.dry_run(self.world.sign(request.but(floor=3)))["checks"][0]["reason"], "REPLAY")
        folder = self.enterContext(temporary_directory())
        for document, code, word in ((signed, 0, "signed"), (refused, 1, "refused, FLOOR_LIMIT")):
            (folder / "request.xml").write_bytes(document)
            for json_too in ((), ("--json",)):
                done = acbctl(self.box, "submit", str(folder / "request.xml"), "--dry-run", *json_too, check=False)
                self.assertEqual(done.returncode, code, done.stdout)
                self.assertIn("already answered", done.stdout)
                self.assertTrue(json_too or word in done.stdout, done.stdout)

    def test_by_acbctl(self):
        folder = self.enterContext(temporary_directory())
        file = folder / "request.xml"
        file.write_bytes(self.world.sign(self.world.request()))
        before = self.spent()
        good = acbctl(self.box, "submit", str(file), "--dry-run")
        self.assertIn("dry run: would be signed", good.stdout)
        file.write_bytes(self.world.sign(self.world.request()).replace(b":", b";", 1))
        bad = acbctl(self.box, "submit", str(file), "--dry-run", check=False)
        self.assertEqual(bad.returncode, 1)
        self.assertIn("would be refused", bad.stdout)
        self.assertEqual(self.spent(), before)


class Submit(OperatorCase):
    def test_sends_nothing_when_the_command_cannot_be_written(self):
        folder = self.enterContext(temporary_directory())
        file, out = folder / "request.xml", folder / "command.hex"
        file.write_bytes(self.world.sign(self.world.request()))
        before = len(self.box.audit_entries())
        done = acbctl(self.box, "submit", str(file), "--out", str(folder / "none" / "command.hex"), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing was sent", done.stderr)
        for wrong in ("abc", "", "-1", "18446744073709551616"):
            self.assertEqual(acbctl(self.box, "submit", str(file), f"--proposed-counter={wrong}", check=False).returncode, 2)
        self.assertEqual(len(self.box.audit_entries()), before)
        out.write_text("as it was")
        refused = folder / "refused.xml"
        refused.write_bytes(self.world.sign(self.world.request(floor=1 << 62)))
        self.assertEqual(acbctl(self.box, "submit", str(refused), "--out", str(out), check=False).returncode, 1)
        self.assertEqual(out.read_text(), "as it was", "what there was stays until there is a command")
        new = folder / "new.hex"
        self.assertEqual(acbctl(self.box, "submit", str(refused), "--out", str(new), check=False).returncode, 1)
        self.assertFalse(new.exists())
        acbctl(self.box, "submit", str(file), "--out", str(out))
        self.assertEqual(bytes.fromhex(out.read_text()), self.world.submit(file.read_bytes()).command)


class SettingsOff(OperatorCase):
    def test_the_registration_check_is_off_only_by_its_switch_and_that_is_on_the_record(self):
        self.world.import_parties([f"{harness.duis_sign.hyphenated(self.world.pki.other_network_operator)},NETB,GT,active,"
                                   "2016-01-01,,yes,"])
        other = {"digital_signing": self.world.pki.der("no-b-ds"), "key_agreement": self.world.pki.der("no-b-ka")}
        self.assertEqual(self.send(**other)[1].reason, "NO_NOT_REGISTERED")
        self.box.stop()
        text = self.box.config.read_text()
        self.box.config.write_text(text + "\n[checks]\nnetwork_operator_registration = false\n")
        self.box.start()
        entries = [entry for _, entry in self.box.audit_entries()]
        self.assertIn(("configuration", "checks.network_operator_registration"),
                      [(entry["kind"], entry.get("setting")) for entry in entries])
        document, answer = self.send(**other)
        self.assert_signed(self.world, document, answer)
        index = int(answer.json["audit"]["index"])
        _, entry = self.box.audit_entries(index)[0]
        self.assertIn("NO_NOT_REGISTERED", entry["observations"])


if __name__ == "__main__":
    harness.main()
