#!/usr/bin/python3
"""What the requester is told: DUIS Responses, response codes as data, the rule listing, the channel.

Responses are validated against the DCC's schema with lxml, in which no code of the service has a part.
"""

import base64
import csv
import hashlib
import json
import subprocess
import time
import unittest
from pathlib import Path

from lxml import etree

import harness
from harness import World, temporary_directory

SR = "http://www.dccinterface.co.uk/ServiceUserGateway"
XML = {"Accept": "application/xml"}
WITHOUT_KEY = "00db1234567b0001"  # a device whose key agreement certificate was never imported


def setUpModule():
    """One box for all tests that leave it as it was."""
    global WORLD  # pylint: disable=global-statement
    stack = unittest.enterModuleContext(temporary_directory())
    WORLD = World.own(stack, devices=3)
    WORLD.import_parties([f"{harness.duis_sign.hyphenated(WORLD.pki.other_network_operator)},NETB,{role},active,"
                          "2016-01-01,,yes," for role in ("ED", "GT")])
    WORLD.import_devices([(WITHOUT_KEY, b"", 0)])
    unittest.addModuleCleanup(WORLD.box.stop)


def schema(folder):
    """The public schema, with the two stubs that duis-6.21.md section 4.7 describes for what it imports."""
    folder = Path(folder)
    xsd = "http://www.w3.org/2001/XMLSchema"
    content = ('<xs:sequence><xs:any minOccurs="0" maxOccurs="unbounded" processContents="skip"/></xs:sequence>')
    types = "".join(f'<xs:complexType name="{name}">{content}</xs:complexType>'
                    for name in ("HeaderType", "ResponsePayload", "DeviceAlertMessageType"))
    signature = f'<xs:element name="Signature"><xs:complexType>{content}</xs:complexType></xs:element>'
    for name, target, stub in (("mmc.xsd", "http://www.dccinterface.co.uk/ResponseAndAlert", types),
                               ("xmldsig-core-schema.xsd", "http://www.w3.org/2000/09/xmldsig#", signature)):
        (folder / name).write_text(f'<xs:schema xmlns:xs="{xsd}" targetNamespace="{target}" '
                                   f'elementFormDefault="qualified">{stub}</xs:schema>')
    text = (harness.need_shared() / "rtds" / "DUIS Schema V5.4.xsd").read_text(encoding="utf-8")
    text = text.replace('"MMC Schema V5.4.xsd"', '"mmc.xsd"')
    (folder / "duis.xsd").write_text(text, encoding="utf-8")
    return etree.XMLSchema(etree.parse(str(folder / "duis.xsd")))


class AnswerCase(harness.TestCase):
    """Helpers for tests on the shared box."""

    @property
    def world(self):
        return WORLD

    def post(self, document, headers, world=None):
        return (world or self.world).box.client("dsp").request(
            "POST", "/v1/handovers", document, {"Content-Type": "application/xml", **headers})

    def wrong_operator(self):
        """A request with the certificates of a network operator that is registered for nothing."""
        pki = self.world.pki
        return self.world.request(digital_signing=pki.der("no-b-ds"), key_agreement=pki.der("no-b-ka"))


class DuisResponses(AnswerCase):
    """Accept: application/xml (duis-6.21.md sections 1.7 and 5.4)."""

    @classmethod
    def setUpClass(cls):
        with temporary_directory() as folder:
            cls.schema = schema(folder)

    def response(self, answer, status):
        """The parsed Response, valid by the schema."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["Content-Type"], "application/xml")
        tree = etree.fromstring(answer.octets)
        self.assertTrue(self.schema.validate(tree), self.schema.error_log)
        self.assertEqual(tree.tag, f"{{{SR}}}Response")
        return tree

    def texts(self, tree):
        """Path below Response -> text, of every element that has text."""
        below = {}
        for element in tree.iter():
            if element.text:
                path = [etree.QName(part).localname for part in [*reversed(list(element.iterancestors())), element]]
                below["/".join(path[1:])] = element.text
        return below

    def assert_says(self, answer, status, code, request, command=None):
        tree = self.response(answer, status)
        texts = self.texts(tree)
        decided = texts.pop("Header/ResponseDateTime")
        self.assertRegex(decided, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        expected = {"Header/ResponseCode": code, "Body/ResponseMessage/ServiceReference": "6.21",
                    "Body/ResponseMessage/ServiceReferenceVariant": "6.21"}
        if request is not None:
            expected["Header/RequestID"] = request.request_id
        if command is not None:
            expected["Body/ResponseMessage/LocalCommand/GBCSPayload"] = base64.b64encode(command).decode()
        self.assertEqual(texts, expected)
        self.assertEqual(tree.get("schemaVersion"), "5.4")
        return decided

    def rules_version(self):
        return json.loads(harness.run(harness.binary("tools", "acbctl"), "rules", "--json").stdout)["version"]

    def test_a_signed_answer_carries_the_command_for_each_command_variant(self):
        for variant in ("1", "2", "3"):
            with self.subTest(variant):
                request = self.world.request(command_variant=variant)
                document = self.world.sign(request)
                answer = self.post(document, XML)
                as_json = self.post(document, {})
                self.assert_signed(self.world, document, as_json)  # the stored answer, judged independently
                decided = self.assert_says(answer, 200, "I0", request, as_json.command)
                entry = self.world.box.audit_entries(int(as_json.json["audit"]["index"]))[0][1]
                self.assertEqual((entry["kind"], entry["time"], entry["channel"], entry["rules"]),
                                 ("signed", decided, "gateway", self.rules_version()))
                self.assertEqual(self.post(document, XML).octets, answer.octets, "P5: a retry gets the same octets")

    def test_a_refusal_has_the_code_and_the_status_of_the_problem_document(self):
        request = self.wrong_operator()
        document = self.world.sign(request)
        answer = self.post(document, XML)
        self.assert_says(answer, 422, "E100", request)
        self.assertEqual(self.post(document, XML).octets, answer.octets)
        as_json = self.post(document, {"Accept": "application/json"})
        self.assertEqual((as_json.status, as_json.reason, as_json.json["response_code"]),
                         (422, "NO_NOT_REGISTERED", "E100"))
        request = self.world.request(device="00db1234567affff")
        self.assert_says(self.post(self.world.sign(request), XML), 422, "E19", request)

    def test_a_fault_is_503_with_retry_after(self):
        request = self.world.request(device=WITHOUT_KEY)
        document = self.world.sign(request)
        answer = self.post(document, XML)
        self.assert_says(answer, 503, "E100", request)
        self.assertGreater(int(answer.headers["Retry-After"]), 0)
        self.assertEqual(self.post(document, {}).reason, "FEED_STALE")

    def test_a_box_that_did_not_open_is_503_too(self):
        with temporary_directory() as folder:
            world = World.own(folder, devices=1)
            world.box.stop()
            (world.box.directory / "pin").write_bytes(b"00000000")
            request = world.request()
            world.box.spawn()
            answer = self.retried(lambda: self.post(world.sign(request), XML, world), world.box)
            self.assert_says(answer, 503, "E100", request)
            self.assertGreater(int(answer.headers["Retry-After"]), 0)
            world.box.stop()

    def retried(self, act, box):
        """What `act` gives once the service listens."""
        deadline = time.monotonic() + harness.READY_SECONDS
        while True:
            try:
                return act()
            except OSError:
                self.assertIsNone(box.process.poll(), box.log_tail())
                self.assertLess(time.monotonic(), deadline, box.log_tail())
                time.sleep(0.02)

    def test_what_cannot_be_read_is_answered_without_a_request_id(self):
        for document in (b"{}", b"<sr:Request/>"):
            self.assert_says(self.post(document, XML), 400, "E100", None)

    def test_another_service_request_is_answered_under_its_request_id(self):
        request = self.world.request()
        text = harness.duis_sign.DECLARATION + request.canonical().replace(">6.21<", ">6.15.1<")
        self.assert_says(self.post(text.encode(), XML), 422, "E13", request)

    def test_a_request_id_is_repeated_as_it_was_sent(self):
        request = self.world.request()
        text = request.canonical(request_id=request.request_id.lower())
        answer = self.post(self.world.signer.sign_canonical(text), XML)
        self.assertEqual(self.texts(self.response(answer, 200))["Header/RequestID"], request.request_id.lower())

    def test_xml_is_given_only_to_who_asks_for_it(self):
        document = self.world.sign(self.world.request())
        for accept, kind in ((None, "application/json"), ("*/*", "application/json"),
                             ("application/xml;q=0.5, application/json", "application/json"),
                             ("text/html", "application/json"), ("text/xml", "text/xml"),
                             ("application/xml, */*;q=0.1", "application/xml")):
            with self.subTest(accept):
                answer = self.post(document, {"Accept": accept} if accept else {})
                self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, kind))

    def test_several_accept_headers_are_one_list(self):
        client = self.world.box.client("dsp")
        client.request("GET", "/healthz")
        wire, document = client.connection, self.world.sign(self.world.request())
        wire.putrequest("POST", "/v1/handovers")
        for name, value in (("Accept", "text/html"), ("Content-Type", "application/xml"),
                            ("Accept", "application/json;q=0.5, application/xml"), ("Content-Length", str(len(document)))):
            wire.putheader(name, value)
        wire.endheaders(document)
        answer = wire.getresponse()
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "application/xml"))
        client.close()

    def test_a_query_that_is_not_known_is_refused_on_the_record_in_the_form_asked_for(self):
        request = self.world.request()
        document = self.world.sign(request)
        index = len(self.world.box.audit_entries())
        answer = self.world.box.client("dsp").request("POST", "/v1/handovers?dryrun=true", document,
                                                      {"Content-Type": "application/xml", **XML})
        self.assert_says(answer, 400, "E100", request)
        (_, entry), = harness.but_anchors(self.world.box.audit_entries(index))
        self.assertEqual((entry["kind"], entry["reason"], entry["final"], entry["claimed_request_id"]),
                         ("refused", "MALFORMED", False, request.request_id))
        self.assert_signed(self.world, document, self.world.submit(document))


class ResponseCodes(AnswerCase):
    """R-063-10: the codes are a table that the site changes."""

    def test_provisioning_writes_every_reason_with_its_code(self):
        with open(self.world.box.directory / "response-codes.csv", encoding="ascii", newline="") as file:
            rows = list(csv.DictReader(file))
        listed = self.world.box.get("/v1/reasons").json["reasons"]
        self.assertEqual([(row["reason"], row["response_code"], row["sentence"]) for row in rows],
                         [(row["reason"], row["response_code"], row["sentence"]) for row in listed])
        self.assertGreater(len(rows), 60)

    def test_a_changed_code_is_in_answer_record_and_listing_and_the_reason_stays(self):
        with temporary_directory() as folder:
            world = World.own(folder, devices=1)
            pki = world.pki
            document = world.sign(world.request(digital_signing=pki.der("no-a-ka"), key_agreement=pki.der("no-a-ds")))
            first = self.post(document, {}, world)
            self.assertEqual((first.reason, first.json["response_code"]), ("PROFILE", "E100"))
            world.box.stop()
            table = world.box.directory / "response-codes.csv"
            table.write_text("reason,response_code,sentence\nPROFILE,E062103,Not our profile.\n", encoding="ascii")
            world.box.start()

            again = self.post(document, {}, world)
            expected = dict(first.json, response_code="E062103", title="Not our profile.")
            self.assertEqual((again.status, again.json), (first.status, expected))
            self.assertIn(b"<sr:ResponseCode>E062103<", self.post(document, XML, world).octets)
            new = world.sign(world.request(digital_signing=pki.der("no-a-ka"), key_agreement=pki.der("no-a-ds")))
            answer = self.post(new, {}, world)
            entry = world.box.audit_entries(int(answer.json["audit"]["index"]))[0][1]
            self.assertEqual((entry["reason"], entry["response_code"]), ("PROFILE", "E062103"))
            self.assertEqual(entry["request_sha256"], hashlib.sha256(new).hexdigest())
            listed = {row["reason"]: row for row in world.box.get("/v1/reasons").json["reasons"]}
            self.assertEqual((listed["PROFILE"]["response_code"], listed["PROFILE"]["sentence"],
                              listed["PROFILE"]["number"]), ("E062103", "Not our profile.", "31"))
            self.assertEqual(listed["CHAIN"]["response_code"], "E100")
            starts = [entry for _, entry in world.box.audit_entries() if entry["kind"] == "start"]
            self.assertEqual(len({entry["response_codes_sha256"] for entry in starts}), 2)
            world.box.stop()

            for row, why in (("PROFILE,E062104,", "'E062104' is not a response code"),
                             ("NO_SUCH,E100,", "there is no reason 'NO_SUCH'"),
                             ("CHAIN,E40,\nCHAIN,E41,", "this reason is in line 2")):
                with self.subTest(row):
                    table.write_text(f"reason,response_code,sentence\n{row}\n", encoding="ascii")
                    started = subprocess.run([harness.binary("platform", "acbd"), "--config", str(world.box.config)],
                                             capture_output=True, text=True, timeout=harness.STOP_SECONDS, check=False)
                    self.assertEqual(started.returncode, 1)
                    self.assertRegex(started.stderr, r"response-codes\.csv:[23]: " + why)


class Channels(AnswerCase):
    """R-074-5."""

    def test_a_channel_that_is_not_allowed_is_refused_and_recorded(self):
        with temporary_directory() as folder:
            world = World.own(folder, devices=1)
            world.box.stop()
            text = world.box.config.read_text()
            self.assertEqual(text.count('role = "dsp"\n'), 1)
            world.box.config.write_text(text.replace('role = "dsp"\n', 'role = "dsp"\nchannel = "line-2"\n'))
            world.box.configure("handover", channels=["gateway"])
            world.box.start()
            document = world.sign(world.request())
            signatures = world.box.metric("acb_hsm_sign_total")
            answer = self.post(document, {}, world)
            self.assertEqual((answer.status, answer.reason), (403, "CHANNEL"))
            entry = world.box.audit_entries(int(answer.json["audit"]["index"]))[0][1]
            self.assertEqual((entry["kind"], entry["reason"], entry["channel"]), ("refused", "CHANNEL", "line-2"))
            self.assertEqual(world.box.metric("acb_hsm_sign_total"), signatures)
            self.assertEqual(world.box.last_issued(world.devices[0]), 0)
            world.box.stop()

            # The neighbour: the same request, the same client, its channel allowed.
            world.box.configure("handover", channels=["gateway", "line-2"])
            world.box.start()
            answer = self.post(document, {}, world)
            self.assert_signed(world, document, answer)
            entry = world.box.audit_entries(int(answer.json["audit"]["index"]))[0][1]
            self.assertEqual((entry["kind"], entry["channel"]), ("signed", "line-2"))
            world.box.stop()


class Rules(AnswerCase):
    """R-074-6."""

    def test_every_client_may_read_the_rules_and_acbctl_prints_the_same(self):
        printed = harness.run(harness.binary("tools", "acbctl"), "--json", "rules").stdout
        for role in harness.ROLES:
            answer = self.world.box.get("/v1/rules", role)
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "application/json"))
            self.assertEqual(answer.octets.decode(), printed)
        listing = json.loads(printed)
        for rule in listing["rules"]:
            for part in ("name", "demand", "document", "clause", "document_version", "force", "requirements",
                         "reasons"):
                self.assertTrue(rule[part], f"{part} of {rule}")
        known = {row["reason"] for row in self.world.box.get("/v1/reasons").json["reasons"]}
        self.assertLessEqual({reason for rule in listing["rules"] for reason in rule["reasons"]}, known)

    def test_the_table_has_a_line_for_each_rule_and_its_columns_stand_in_line(self):
        lines = harness.run(harness.binary("tools", "acbctl"), "rules").stdout.splitlines()
        rules = json.loads(harness.run(harness.binary("tools", "acbctl"), "--json", "rules").stdout)["rules"]
        header = next(line for line in lines if line.startswith("RULE"))
        rows = [line for line in lines[lines.index(header) + 1:] if not line.startswith(" ")]
        self.assertEqual([row.split()[0] for row in rows], [rule["name"] for rule in rules])
        for row, rule in zip(rows, rules):
            self.assertTrue(row[header.index("FORCE"):].startswith(rule["force"] + " "), row)
            self.assertTrue(row[header.index("SOURCE"):].startswith(rule["document"] + " ("), row)


if __name__ == "__main__":
    harness.main()
