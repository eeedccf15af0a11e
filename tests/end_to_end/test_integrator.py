#!/usr/bin/python3
"""Ten wrong requests as a supplier's integrator sends them, with `acbctl submit`, and what he reads.

The text must name the rule, the certificate (serial number and issuer) where it is about one, and what was expected; it
must not hold another party's data: who is registered, other parties' names, the meter point. Exit code 1, no command.
With ACB_SHOW=1 the texts are printed.
"""

import os
import re
import unittest

import harness
from harness import temporary_directory
from vector_world import Scene, Stage

HEX = re.compile(r"\b[0-9a-f]{200,}\b", re.I)  # a command is 1400 octets and more
ISSUER = "CN=T1,OU=07"


def setUpModule():
    global STAGE  # pylint: disable=global-statement
    folder = unittest.enterModuleContext(temporary_directory())
    STAGE = Stage(folder, "usual", {})
    unittest.addModuleCleanup(STAGE.box.stop)


class Integrator(harness.TestCase):
    """One request at a time. `names` are what its text must hold."""

    def submit(self, case, *changes):
        scene = Scene(STAGE, case)
        document = scene.document()[1]
        for old, new in changes:
            self.assertIn(old, document)
            document = document.replace(old, new)
        file = STAGE.folder / f"request-{scene.number}.xml"
        file.write_bytes(document)
        done = harness.run(harness.binary("tools", "acbctl"), "--directory", str(STAGE.box.directory), "submit",
                           str(file), check=False)
        return scene, document, done

    def assert_told(self, case, reason, names, changes=(), secrets=()):
        scene, document, done = self.submit(case, *changes)
        text = done.stdout + done.stderr
        if os.environ.get("ACB_SHOW"):
            print(f"\n--- {self.id().rsplit('.', 1)[1]}\n{text}", end="")
        self.assertEqual(done.returncode, 1, text)
        self.assertEqual(done.stdout, "", "nothing but what went wrong")
        self.assertRegex(text, rf"^refused: {reason} \(HTTP 4\d\d, DUIS code E\d+\)\n  \S.*\.\n  \S")
        self.assertRegex(text, r"\n  audit entry \d+\n")
        for name in names:
            self.assertIn(scene.text(name), text)
        self.assertNotRegex(text, HEX)
        # Another party's data. The parties that the request itself names are no secret to who sent it.
        for secret in ("{mpxn}", "{other_supplier}", "{other_supplier:eui}", *secrets):
            self.assertNotIn(scene.text(secret), text)
        self.assertNotIn(self.plain(scene.text("{other_supplier:eui}")), text)
        self.assertLess(len(text), 900, "no more than one reads")
        return text, document

    @staticmethod
    def plain(eui):
        return eui.replace("-", "").lower()

    def test_the_right_request_is_signed(self):
        _, _, done = self.submit({})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, HEX)

    def test_the_certificates_of_the_wrong_network_operator(self):
        self.assert_told({"request": {"digital_signing": {"who": "other"}, "key_agreement": {"who": "other"}}},
                         "NO_NOT_REGISTERED", ["{serial:digital_signing}", f"issuer {ISSUER}",
                                               "the network operator registered for the meter point"],
                         secrets=("{network_operator}", "{network_operator:eui}", "{other}"))

    def test_a_revoked_certificate(self):
        self.assert_told({"world": {"revoked": ["key_agreement"]}}, "CERT_REVOKED",
                         ["KeyAgreementCertificate", "serial {serial:key_agreement}", f"issuer {ISSUER}", "is revoked on"],
                         secrets=("{network_operator}", "{other}"))

    def test_digital_signing_and_key_agreement_swapped(self):
        self.assert_told({"request": {"digital_signing": {"usage": "ka"}, "key_agreement": {"usage": "ds"}}}, "PROFILE",
                         ["DigitalSigningCertificate", "serial {serial:digital_signing}", f"issuer {ISSUER}",
                          "its keyUsage is not digitalSignature alone"], secrets=("{network_operator}", "{other}"))

    def test_a_certificate_of_another_role(self):
        self.assert_told({"request": {"digital_signing": {"ou": "02"}}}, "ROLE",
                         ["DigitalSigningCertificate", "serial {serial:digital_signing}", f"issuer {ISSUER}",
                          "its subject OU is 02, expected 03 for role NetworkOperator"],
                         secrets=("{network_operator}", "{other}"))

    def test_no_key_agreement_certificate(self):
        self.assert_told({"request": {"key_agreement": None}}, "CERT_SET_INCOMPLETE",
                         ["KeyAgreementCertificate is missing"], secrets=("{network_operator}", "{other}"))

    def test_a_request_that_is_not_signed(self):
        text, _ = self.assert_told({"request": {"edit": {"unsigned": True}}}, "SIGNATURE_INVALID", ["ds:Signature"],
                                   secrets=("{network_operator}", "{other}"))
        self.assertRegex(text, "missing|without|no ds:Signature|expected")

    def test_a_request_that_was_changed_after_it_was_signed(self):
        self.assert_told({}, "SIGNATURE_INVALID", ["digest"],
                         changes=[(b">0</sr:RemotePartyFloor", b">1</sr:RemotePartyFloor")],
                         secrets=("{network_operator}", "{other}"))

    def test_a_device_that_is_not_known(self):
        self.assert_told({"world": {"device": None}}, "DEVICE_UNKNOWN", ["device {device} is not known here"],
                         secrets=("{network_operator}", "{other}"))

    def test_a_6_15_1_document(self):
        old_new = [["<sr:ServiceReference>6.21<", "<sr:ServiceReference>6.15.1<"],
                   ["<sr:ServiceReferenceVariant>6.21<", "<sr:ServiceReferenceVariant>6.15.1<"]]
        self.assert_told({"request": {"edit": {"before_signing": old_new}}}, "SRV_NOT_SIGNED_HERE", ["6.15.1", "6.21"],
                         secrets=("{network_operator}", "{other}"))

    def test_an_expired_certificate(self):
        self.assert_told({"request": {"digital_signing": {"not_after": "2024-01-01"}}}, "CERT_EXPIRED",
                         ["DigitalSigningCertificate", "serial {serial:digital_signing}", f"issuer {ISSUER}",
                          "expired at notAfter 2024-01-01T00:00:00.000Z", "judged at 20"],
                         secrets=("{network_operator}", "{other}"))


if __name__ == "__main__":
    harness.main()
