#!/usr/bin/python3
"""The 96 certificate cases of ../shared/vectors/smki-profile through the running service.

Each case's certificate is put as DigitalSigningCertificate of a signed 6.21 of role Supplier, with the suite's own key
agreement certificate and signer. The box trusts the case's root; its intermediates and lists come by the feeds, as they
would in life: a file that a feed refuses is not held, and the request must then be refused for want of it. Cases with the
same root, intermediates and lists share a box.

A signer under a broken authority is itself refused before the certificate is looked at. Then the request is put a second
time, signed by a User with the same EUI-64 whose certificate is of another, sound PKI (that of the ACB's certificates
here), so that the refusal is of the certificate.

The suite's lists are of 2026-09-01: where validity is judged at a fixed instant, nextUpdate alone decides.
"""

import base64
import collections
import datetime
import hashlib
import json

import harness
from harness import World, duis_sign, own_pki, temporary_directory

CASES = 96
ACCEPTED = 13
FILE = ("vectors", "smki-profile", "smki-open.json")

# Reasons that a refusal may have, by the group in the case's name.
GROUPS = {
    "alg": {"ALGORITHM"}, "key": {"ALGORITHM"}, "sig": {"CHAIN", "PROFILE"}, "ver": {"PROFILE"},
    "time": {"CERT_EXPIRED", "PROFILE"}, "ext": {"PROFILE"}, "subj": {"PROFILE", "NOT_ORGANISATION_CERT"},
    "chain": {"CHAIN"}, "crl": {"CERT_REVOKED", "CRL_STALE", "ARL_STALE"}, "der": {"PROFILE"},
}
EXACT = {
    "smki::time::expired-1s": "CERT_EXPIRED", "smki::time::issuing-ca-expired": "CERT_EXPIRED",
    "smki::time::root-expired": "CERT_EXPIRED", "smki::subj::empty": "NOT_ORGANISATION_CERT",
    "smki::crl::revoked": "CERT_REVOKED", "smki::crl::revoked-in-second-current-crl": "CERT_REVOKED",
    "smki::crl::revoked-serial-padded": "CERT_REVOKED", "smki::crl::no-arl": "ARL_STALE",
    "smki::crl::expired-crl": "CRL_STALE", "smki::crl::future-crl": "CRL_STALE",
    "smki::crl::signed-by-stranger": "CRL_STALE", "smki::crl::no-nextupdate": "CRL_STALE",
}
# Good certificates ("path, profile and revocation are good ...; whether role and key usage fit a given request is
# another check") that a supplier's request cannot carry to a device.
GOOD_BUT_UNFIT = {
    "smki::ok::role-7f": ("ROLE", "OU 7F is a role of its own, not the supplier's"),
    "smki::ok::eui-all-high": ("CERT_SET_MIXED", "its EUI-64 is not that of the key agreement certificate"),
}


def octets_of(pem):
    """Of one PEM block, whatever is inside: some cases are not DER on purpose."""
    return base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-")))


def key_of(case):
    return json.dumps([case["trusted_certs"], case["untrusted_intermediates"], case["crls"]])


class SmkiProfile(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = json.loads(harness.need_shared().joinpath(*FILE).read_text())
        cls.folder = cls.enterClassContext(temporary_directory())
        moment = {case["validation_time"] for case in cls.suite["testcases"]}
        assert len(moment) == 1, moment
        cls.moment = moment.pop()
        now = datetime.datetime.strptime(cls.moment, "%Y-%m-%dT%H:%M:%SZ")
        cls.own = own_pki.Pki(cls.folder / "own-pki", now=now)
        (cls.folder / "signer.pem").write_text(cls.suite["signer"]["certificate"])
        (cls.folder / "signer.key").write_text(cls.suite["signer"]["private_key"])
        cls.signer = duis_sign.Signer.from_files(cls.folder / "signer.key", cls.folder / "signer.pem")
        cls.other_signer = cls.own.signer("supplier-xml")
        cls.partner = octets_of(cls.suite["signer"]["key_agreement_partner"])

    # -- one box for each set of root, intermediates and lists --

    def make_world(self, number, case):
        own, folder = self.own, self.folder / f"world-{number}"
        folder.mkdir()
        roots = []
        for index, pem in enumerate(case["trusted_certs"]):
            roots.append(folder / f"root-{index}.pem")
            roots[-1].write_text(pem)
        box = harness.Box.provision(
            folder / "box", ds_certificate=own.path("acb-ds"), ka_certificate=own.path("acb-ka"),
            ds_key=own.key_path("acb-ds"), ka_key=own.key_path("acb-ka"), roots=[*roots, own.path("root")],
            validation_time=self.moment)
        world = World(box)
        world.acb, world.acb_ds, world.supplier = own.acb, own.certificate("acb-ds").public_key(), own.supplier
        world.network_operator = own.network_operator
        box.start()
        box.import_feed("organisation-certificates", self.suite["signer"]["certificate"]
                        + own.path("issuing-ca").read_text() + own.path("supplier-xml").read_text())
        box.import_feed("revocation-lists", own.revocation_lists("crl", "arl"))
        for pem in case["untrusted_intermediates"]:
            box.import_feed("organisation-certificates", pem)
        for pem in case["crls"]:
            answer = box.post_feed("revocation-lists", pem)
            self.assertIn((answer.status, answer.reason), ((200, None), (422, "FEED_REJECTED")))
        world.import_parties()
        device = "00db1234567a0000"
        der, key = own.device(device)
        world.mac_keys[device] = (key, own.key("acb-ka").public_key())
        world.import_devices([(device, der, 0)], kind="ESME")
        return world

    # -- one case --

    def request(self, world, case):
        path = tuple(octets_of(pem) for pem in case["untrusted_intermediates"])
        # The schema wants one certificate at least: where the case has none, one that does not help.
        return duis_sign.Request(world.supplier, world.devices[0], next(world.counters), "Supplier",
                                 octets_of(case["peer_certificate"]), self.partner, None,
                                 path or (self.own.der("issuing-ca"),))

    def submit(self, world, document):
        """The answer; what a refusal may not change is checked around it."""
        box, device = world.box, world.devices[0]
        before = (box.last_issued(device), box.metric("acb_hsm_sign_total"))
        index = len(box.audit_entries())
        answer = world.submit(document)
        if answer.status != 200:
            self.assertEqual((box.last_issued(device), box.metric("acb_hsm_sign_total")), before)
            entries = harness.but_anchors(box.audit_entries(index))
            self.assertEqual([(entry["kind"], entry["reason"]) for _, entry in entries], [("refused", answer.reason)])
            octets, entry = entries[0]
            self.assertEqual(entry["request_sha256"], hashlib.sha256(document).hexdigest())
            self.assertEqual(answer.json["audit"], {"index": entry["index"],
                                                    "leaf": hashlib.sha256(b"\x00" + octets).hexdigest()})
        return answer

    def check_refused(self, world, case, answer):
        wanted = {EXACT[case["id"]]} if case["id"] in EXACT else GROUPS[case["id"].split("::")[1]]
        self.assertIn(answer.reason, wanted, answer)
        self.assertEqual(answer.status, 503 if answer.reason.endswith("_STALE") else 422, answer)
        if not answer.json["detail"].startswith("DigitalSigningCertificate"):
            # The signer, of the same authority, was refused first.
            answer = self.submit(world, self.other_signer.sign(self.request(world, case)))
            self.assertIn(answer.reason, wanted, answer)
        self.assertTrue(answer.json["detail"].startswith("DigitalSigningCertificate"), answer.json["detail"])
        return answer

    def run_case(self, world, case):
        document = self.signer.sign(self.request(world, case))
        answer = self.submit(world, document)
        if case["id"] in GOOD_BUT_UNFIT:
            reason, _ = GOOD_BUT_UNFIT[case["id"]]
            self.assertEqual((answer.status, answer.reason), (422, reason), answer)
        elif case["expected_result"] == "SUCCESS":
            self.assert_signed(world, document, answer)
        else:
            answer = self.check_refused(world, case, answer)
        return f"{answer.status} {answer.reason or 'signed'}"

    def test_every_case_gets_its_verdict(self):
        cases = self.suite["testcases"]
        self.assertEqual(len(cases), CASES)
        self.assertEqual(sum(case["expected_result"] == "SUCCESS" for case in cases), ACCEPTED)
        self.assertEqual(set(GOOD_BUT_UNFIT) - {case["id"] for case in cases}, set())
        worlds = collections.defaultdict(list)
        for case in cases:
            # Every case's certificate is one for signing: none has to be put as KeyAgreementCertificate.
            self.assertIn(case["expect"].get("key_usage"), (None, "digitalSignature"))
            worlds[key_of(case)].append(case)
        verdicts = {}
        for number, group in enumerate(worlds.values()):
            world = self.make_world(number, group[0])
            for case in group:
                verdicts[case["id"]] = "FAILED"
                with self.subTest(case["id"], about=case["description"]):
                    verdicts[case["id"]] = self.run_case(world, case)
            world.box.stop()
        for name, verdict in verdicts.items():
            print(f"  {name:45s} {verdict}")
        signed = sum(verdict == "200 signed" for verdict in verdicts.values())
        wrong = sum(verdict == "FAILED" for verdict in verdicts.values())
        print(f"{signed} signed, {len(verdicts) - signed - wrong} refused, {wrong} wrong, in {len(worlds)} boxes")
        self.assertEqual(signed, ACCEPTED - len(GOOD_BUT_UNFIT))


if __name__ == "__main__":
    harness.main()
