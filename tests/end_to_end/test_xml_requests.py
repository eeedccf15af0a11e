#!/usr/bin/python3
"""The 123 signed, bent and broken 6.21 documents of ../shared/vectors/xml-requests through the running service. F12.

Each document must get its verdict, in time, as a problem document with a reason of its own when it is refused;
a refused one spends no counter and asks for no signature, and the next good request is served.

The set brings its own PKI, but no key of its issuing CA: the ACB's certificates come from the tests' own PKI, whose
root is a second trusted root. Its revocation lists are of 2026-09-01: where validity is judged at a fixed instant, nextUpdate alone decides.
"""

import datetime
import json
import tarfile
import time

import harness
from harness import World, duis_sign, gbcs_reference, own_pki, temporary_directory

ARCHIVE = ("vectors", "xml-requests", "xml-requests-open.tar.gz")
DOCUMENTS = 123
SECONDS_OF_WORK = 1.0  # F12, of processor time
SECONDS_OF_WORK_SANITISED = 5.0
SECONDS_TO_ANSWER = 5.0  # a flush of a busy disk may take a second on its own
# Refused before a request is read, so that there is nothing to record.
NOT_READ = {"xml::size::text-8mb", "xml::size::signature-1mb"}


def without_tricks(octets):
    """The document as its signature covers it: no comments, no instructions, characters as they are."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    return etree.tostring(etree.fromstring(octets, parser))


class XmlRequests(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        shared = harness.need_shared()
        cls.folder = cls.enterClassContext(temporary_directory())
        with tarfile.open(shared.joinpath(*ARCHIVE)) as archive:
            archive.extractall(cls.folder / "set")
        cls.manifest = json.loads((cls.folder / "set" / "manifest.json").read_text())
        cls.cases = cls.manifest["cases"]
        cls.world = cls.make_world()
        cls.addClassCleanup(cls.world.box.stop)

    @classmethod
    def make_world(cls):
        """The fixture of the manifest, loaded through the feeds."""
        base, fixture = cls.folder / "set", cls.manifest["fixture"]
        moment = cls.manifest["validation_time"]
        now = datetime.datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ")
        acb = own_pki.Pki(cls.folder / "acb-pki", now=now)
        box = harness.Box.provision(
            cls.folder / "box", ds_certificate=acb.path("acb-ds"), ka_certificate=acb.path("acb-ka"),
            ds_key=acb.key_path("acb-ds"), ka_key=acb.key_path("acb-ka"),
            roots=[base / fixture["trust_anchor"], acb.path("root")], validation_time=moment)
        world = World(box)
        world.acb, world.acb_ds = acb.acb, acb.certificate("acb-ds").public_key()
        world.supplier = harness.plain(fixture["supplier"])
        world.network_operator = harness.plain(fixture["network_operator"])
        world.signer = duis_sign.Signer.from_files(base / "pki" / "xmlsign.key.pem", base / "pki" / "xmlsign.pem")
        box.start()
        certificates = [base / name for name in fixture["organisation_certificates"]
                        if "crl" not in name and "arl" not in name]
        box.import_feed("organisation-certificates", "".join(path.read_text() for path in certificates)
                        + acb.path("issuing-ca").read_text())
        box.import_feed("revocation-lists",
                        (base / "pki" / "issuing.crl.pem").read_text() + (base / "pki" / "root.arl.pem").read_text()
                        + acb.revocation_lists("crl", "arl"))
        # Every other organisation of the set is a party too, so that nothing is refused for being unknown.
        world.import_parties([
            "90-B3-D5-1F-30-02-00-00,SUP2,GS,active,2016-01-01,,yes,", "90-B3-D5-1F-30-06-00-00,NET2,GT,active,2016-01-01,,yes,",
            "90-B3-D5-1F-30-06-00-00,NET2,ED,active,2016-01-01,,yes,"])
        rows = ["device_id,type,smets,model,smi_status,commissioned,mpxn,key_agreement_certificate,supplier_cell,"
                "supplier_floor,network_operator_cell,network_operator_floor"]
        meter_points = {"GPF": "3938424403", "ESME": "1012345678903"}
        for device in fixture["devices"]:
            eui = harness.plain(device["device"])
            path = next(base / name for name in device["certificates"] if name.endswith("-ka.pem"))
            der = duis_sign.certificate_der(path)
            world.mac_keys[eui] = (acb.key("acb-ka"), duis_sign.load_certificate(path).public_key())
            encoded = own_pki.make_pki.base64.b64encode(der).decode()
            rows.append(f"{device['device']},{device['type']},SMETS2,,Commissioned,2021-01-01,"
                        f"{meter_points[device['type']]},{encoded},acb,0,acb,0")
        box.import_feed("registrations", "mpxn,supplier,network_operator,from,to\n" + "".join(
            f"{mpxn},SUPP,NETO,2016-01-01,\n" for mpxn in meter_points.values()))
        box.import_feed("devices", "\n".join(rows) + "\n")
        template = next(case for case in cls.cases if case["id"] == "xml::ok::handover-network-operator")
        world.templates["NetworkOperator"] = duis_sign.request_from_template((base / template["file"]).read_bytes())
        return world

    def serve_a_good_request(self):
        document = self.world.sign(self.world.request(device=self.world.devices[0]))
        self.assert_signed(self.world, document, self.world.submit(document))

    def spent(self):
        box = self.world.box
        return [box.last_issued(device) for device in self.world.devices] + [box.metric("acb_hsm_sign_total")]

    def submit(self, case):
        document = (self.folder / "set" / case["file"]).read_bytes()
        self.assertEqual(len(document), case["bytes"])
        process = self.world.box.process.pid
        started, used = time.monotonic(), harness.cpu_seconds(process)
        answer = self.world.submit(document)
        took, work = time.monotonic() - started, harness.cpu_seconds(process) - used
        self.assertLess(took, SECONDS_TO_ANSWER, f"{took:.2f} s to answer")
        limit = SECONDS_OF_WORK if "/release" in harness.binary("platform", "acbd") else SECONDS_OF_WORK_SANITISED
        self.assertLess(work, limit, f"{work:.2f} s of work")
        return document, answer

    def check_refused(self, case, answer, before, index):
        self.assertIn(answer.status // 100, (4,), answer)
        self.assertEqual(answer.headers.get_content_type(), "application/problem+json")
        self.assertIsNotNone(answer.reason)
        self.assertNotEqual(answer.reason, "REPLAY", "the document was refused for its neighbour's sake")
        self.assertEqual(self.spent(), before)
        entries = harness.but_anchors(self.world.box.audit_entries(index))
        if case["id"] in NOT_READ:
            self.assertEqual((answer.status, entries), (413, []))
        else:
            self.assertEqual([(entry["kind"], entry["reason"]) for _, entry in entries], [("refused", answer.reason)])

    def check_signed(self, document, answer):
        self.assert_signed(self.world, without_tricks(document), answer)

    def check(self, case):
        before, index = self.spent(), len(self.world.box.audit_entries())
        document, answer = self.submit(case)
        expect = case["expect"]
        if answer.status == 200 and expect != "reject":
            self.check_signed(document, answer)
            if expect == "boundary":
                # That exact value: it names the request, and never reaches the device.
                counter = gbcs_reference.read_request(document).request_counter
                self.assertEqual(answer.json["request_id"].rsplit(":", 1)[1], str(counter))
        else:
            self.assertNotEqual(expect, "accept", answer)
            self.check_refused(case, answer, before, index)
        self.serve_a_good_request()
        return f"{answer.status} {answer.reason or ''}"

    def test_every_document_gets_its_verdict(self):
        self.assertEqual(len(self.cases), DOCUMENTS)
        verdicts = {}
        for case in self.cases:
            with self.subTest(case["id"], note=case["note"]):
                verdicts[case["id"]] = "FAILED"
                verdicts[case["id"]] = self.check(case)
        for name, verdict in verdicts.items():
            print(f"  {name:45s} {verdict}")
        wrong = sum(verdict == "FAILED" for verdict in verdicts.values())
        print(f"{len(verdicts) - wrong} of {len(verdicts)} documents got their verdict")


if __name__ == "__main__":
    harness.main()
