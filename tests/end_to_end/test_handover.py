#!/usr/bin/python3
"""Handovers through the running service: retries, counters, and every bad input that must not reach the HSM.

What comes back is judged by tests/independent/gbcs_reference.py, which shares no code with the service.
"""

import base64
import hashlib
import json
import shutil
import threading
import time
import unittest

import harness
from harness import World, temporary_directory

AUDIT_LEAF_PREFIX = b"\x00"  # RFC 6962 section 2.1


def setUpModule():
    """One box for all tests that leave it as it was."""
    global WORLD  # pylint: disable=global-statement
    stack = unittest.enterModuleContext(temporary_directory())
    WORLD = World.own(stack, devices=6)
    # A second network operator, which is registered for nothing.
    WORLD.import_parties([f"{harness.duis_sign.hyphenated(WORLD.pki.other_network_operator)},NETB,{role},active,"
                          "2016-01-01,,yes," for role in ("ED", "GT")])
    unittest.addModuleCleanup(WORLD.box.stop)


class HandoverCase(harness.TestCase):
    """Helpers for tests on the shared box."""

    @property
    def world(self):
        return WORLD

    def signatures(self):
        return self.world.box.metric("acb_hsm_sign_total")

    def good(self, **options):
        """A new request is served: returns (document, answer)."""
        document = self.world.sign(self.world.request(**options))
        answer = self.world.submit(document)
        self.assert_signed(self.world, document, answer)
        return document, answer

    def entries_since(self, index):
        return harness.but_anchors(self.world.box.audit_entries(index))

    def next_index(self):
        """The index that the next audit entry gets."""
        return len(self.world.box.audit_entries())

    def assert_recorded(self, document, answer, start):
        """Exactly one entry was written: the refusal of these octets, which the answer names."""
        entries = self.entries_since(start)
        self.assertEqual([entry["kind"] for _, entry in entries], ["refused"])
        octets, entry = entries[0]
        self.assertEqual(entry["reason"], answer.reason)
        self.assertEqual(entry["request_sha256"], hashlib.sha256(document).hexdigest())
        self.assertEqual(entry["environment"], "test")
        self.assertEqual(answer.json["audit"]["index"], entry["index"])
        self.assertEqual(answer.json["audit"]["leaf"], hashlib.sha256(AUDIT_LEAF_PREFIX + octets).hexdigest())

    def assert_refused(self, document, status, reason, recorded=True, proposed=None, device=None):
        """Refused with this reason, recorded, nothing spent, nothing signed, and the next request is served."""
        device = device or self.world.devices[0]
        index, signatures = self.next_index(), self.signatures()
        last_issued = self.world.box.last_issued(device)
        answer = self.world.submit(document, proposed)
        self.assertEqual((answer.status, answer.reason), (status, reason), answer)
        self.assertEqual(answer.headers.get_content_type(), "application/problem+json")
        for name in ("type", "title", "reason_number", "response_code"):
            self.assertTrue(answer.json.get(name), f"{name} in {answer.json}")
        if status == 503:
            self.assertGreater(int(answer.headers["Retry-After"]), 0)
        if recorded:
            self.assert_recorded(document, answer, index)
        self.assertEqual(self.world.box.last_issued(device), last_issued)
        self.assertEqual(self.signatures(), signatures)
        self.good(device=device)
        return answer


class Retries(HandoverCase):
    """R-NOW-8, promise P5."""

    def test_the_same_request_twice_gives_identical_octets_and_one_signature(self):
        signatures = self.signatures()
        document, first = self.good()
        index = self.next_index()
        second = self.world.submit(document)
        self.assertEqual(second.status, 200)
        self.assertEqual(second.command, first.command)
        self.assertEqual(second.json, first.json)
        self.assertEqual(self.signatures(), signatures + 1)
        self.assertEqual(self.entries_since(index), [], "a repeated answer is no new record")

    def test_a_new_request_id_for_the_same_device_gets_a_greater_counter(self):
        device = self.world.devices[1]
        counters = [self.good(device=device)[1].counter for _ in range(5)]
        self.assertEqual(counters, sorted(set(counters)))
        self.assertEqual(self.world.box.last_issued(device), counters[-1])

    def test_supplier_and_network_operator_cells_of_one_device_never_share_a_counter(self):
        device = self.world.devices[2]
        counters = [self.good(device=device, role=role)[1].counter
                    for role in ("Supplier", "NetworkOperator", "Supplier", "NetworkOperator")]
        self.assertEqual(counters, sorted(set(counters)))

    def test_other_octets_under_a_request_id_are_refused(self):
        request = self.world.request()
        first = self.world.sign(request)
        self.assert_signed(self.world, first, self.world.submit(first))
        # Another floor, and the same request signed anew: ECDSA is random, so its octets differ.
        self.assert_refused(self.world.sign(request.but(floor=7)), 409, "REPLAY")
        self.assert_refused(self.world.sign(request), 409, "REPLAY")
        again = self.world.submit(first)
        self.assertEqual(again.status, 200, "the first octets still get their answer")

    def test_a_refusal_of_content_is_what_a_retry_gets_again(self):
        document = self.world.sign(self.world.request(digital_signing=self.world.pki.der("revoked-no-ds")))
        first = self.assert_refused(document, 422, "CERT_REVOKED")
        index = self.next_index()
        second = self.world.submit(document)
        self.assertEqual((second.status, second.json), (first.status, first.json))
        self.assertEqual(self.entries_since(index), [])

    def test_the_same_request_at_once_on_many_connections_is_signed_once(self):
        document = self.world.sign(self.world.request())
        signatures = self.signatures()
        answers = []

        def send():
            client = self.world.box.client("dsp")
            for _ in range(200):
                answer = client.request("POST", "/v1/handovers", document, {"Content-Type": "application/xml"})
                if answer.status != 503:
                    break
                time.sleep(0.01)
            answers.append(answer)
            client.close()

        threads = [threading.Thread(target=send) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([answer.status for answer in answers], [200] * 8)
        self.assertEqual(len({answer.command for answer in answers}), 1)
        self.assertEqual(self.signatures(), signatures + 1)


class Counters(HandoverCase):
    """design.md section 4."""

    def test_a_signed_answer_is_in_the_audit_log_with_its_command(self):
        index = self.next_index()
        document, answer = self.good()
        entries = self.entries_since(index)
        self.assertEqual([entry["kind"] for _, entry in entries], ["signed"])
        octets, entry = entries[0]
        self.assertEqual(entry["command_sha256"], hashlib.sha256(answer.command).hexdigest())
        self.assertEqual(entry["request_sha256"], hashlib.sha256(document).hexdigest())
        self.assertEqual(entry["originator_counter"], str(answer.counter))
        self.assertEqual(answer.json["audit"]["leaf"], hashlib.sha256(AUDIT_LEAF_PREFIX + octets).hexdigest())

    def test_a_proposed_counter_is_used_when_it_is_the_next_or_greater(self):
        device = self.world.devices[3]
        for step in (1, 1000, 1 << 32):
            proposed = self.world.box.last_issued(device) + step
            document = self.world.sign(self.world.request(device=device))
            answer = self.world.submit(document, proposed)
            self.assert_signed(self.world, document, answer)
            self.assertEqual(answer.counter, proposed)

    def test_a_proposed_counter_that_was_used_or_is_lower_is_refused(self):
        device = self.world.devices[4]
        used = self.good(device=device)[1].counter
        for proposed in (used, used - 1, 1):
            if proposed > 0:
                document = self.world.sign(self.world.request(device=device))
                self.assert_refused(document, 409, "COUNTER_REGRESSION", proposed=proposed, device=device)
                self.assert_signed(self.world, document, self.world.submit(document))

    def test_a_proposed_counter_far_above_what_is_known_is_refused(self):
        document = self.world.sign(self.world.request())
        self.assert_refused(document, 422, "COUNTER_LIMIT", proposed=1 << 60)
        self.assert_signed(self.world, document, self.world.submit(document))

    def test_a_proposed_counter_that_is_no_number_is_refused(self):
        for text in ("abc", "-1", "0x10", "1e3", "18446744073709551616", "9223372036854775808", ""):
            with self.subTest(text):
                last_issued = self.world.box.last_issued(self.world.devices[0])
                document = self.world.sign(self.world.request())
                index = self.next_index()
                answer = self.world.submit(document, text)
                self.assertIn(answer.status, (400, 422), answer)
                self.assertEqual(self.world.box.last_issued(self.world.devices[0]), last_issued)
                self.assert_recorded(document, answer, index)
                # P9: the header is the DSP's; the User's request was never at fault.
                self.assert_signed(self.world, document, self.world.submit(document))

    def test_a_requested_floor_above_the_limit_is_refused(self):
        self.assert_refused(self.world.sign(self.world.request(floor=1 << 62)), 422, "FLOOR_LIMIT")

    def test_a_request_without_a_floor_is_signed_without_one(self):
        document, answer = self.good(floor=None)
        self.assertIn("FLOOR_ABSENT", json.dumps(self.entries_since(int(answer.json["audit"]["index"]))[0][1]))
        self.assertNotIn(b"FloorSeqNumber", document)


class BadDocuments(HandoverCase):
    """Octets that are no request of the profile. F12."""

    def document(self, **options):
        return self.world.sign(self.world.request(**options))

    def test_truncated(self):
        self.assert_refused(self.document()[:-100], 400, "MALFORMED")

    def test_larger_than_a_request_may_be(self):
        document = self.document().replace(b"</sr:Request>", b"<!--" + b"x" * 300_000 + b"--></sr:Request>")
        self.assert_refused(document, 413, "TOO_LARGE")

    def test_larger_than_a_body_may_be(self):
        self.assert_refused(b" " * (1024 * 1024 + 1), 413, "TOO_LARGE", recorded=False)

    def test_deeply_nested(self):
        self.assert_refused(b"<x>" * 5000 + b"</x>" * 5000, 400, "MALFORMED")

    def test_document_type(self):
        document = self.document().replace(b"?>\n", b"?>\n<!DOCTYPE Request>", 1)
        self.assertIn(b"<!DOCTYPE", document)
        self.assert_refused(document, 400, "MALFORMED")

    def test_another_encoding(self):
        text = self.document().decode()
        self.assert_refused(text.replace("UTF-8", "UTF-16", 1).encode("utf-16"), 400, "MALFORMED")
        self.assert_refused(text.replace("UTF-8", "ISO-8859-1", 1).encode("latin-1"), 400, "MALFORMED")

    def test_octets_that_are_not_utf8(self):
        self.assert_refused(self.document().replace(b">1<", b">1\xff<", 1), 400, "MALFORMED")

    def test_empty_and_not_xml(self):
        self.assert_refused(b"{}", 400, "MALFORMED")

    def test_base64_that_is_not(self):
        text = self.world.request().canonical()
        start = text.index("<sr:DigitalSigningCertificate>") + len("<sr:DigitalSigningCertificate>")
        document = self.world.signer.sign_canonical(text[:start] + "!!!" + text[start + 3 :])
        self.assert_refused(document, 400, "MALFORMED")

    def test_another_media_type(self):
        answer = self.world.box.client("dsp").request("POST", "/v1/handovers", self.document(),
                                                      {"Content-Type": "application/json"})
        self.assertEqual((answer.status, answer.reason), (415, "MEDIA_TYPE"))

    def test_another_client_role(self):
        for role in harness.ROLES:
            if role != "dsp":
                answer = self.world.box.client(role).request("POST", "/v1/handovers", self.document(),
                                                             {"Content-Type": "application/xml"})
                self.assertEqual((answer.status, answer.reason), (403, "FORBIDDEN"), role)


class OtherSpellings(HandoverCase):
    """What XML Schema takes for the same value is the same value (found by an attack: these were refused)."""

    def test_of_the_content(self):
        variant = "<sr:CommandVariant>"
        for old, new in ((variant, f"<sr:FirstInSequence> true </sr:FirstInSequence>{variant}"),
                         ('schemaVersion="5.4"', 'schemaVersion="+5.40"'),
                         ('schemaVersion="5.4"', 'schemaVersion="5.4" xsi:schemaLocation="urn:x DUIS.xsd"')):
            with self.subTest(new):
                text = self.world.request().canonical()
                self.assertIn(old, text)
                document = self.world.signer.sign_canonical(text.replace(old, new))
                self.assert_signed(self.world, document, self.world.submit(document))

    def test_of_the_signers_name_and_number(self):
        issuer, serial = self.world.signer.issuer, str(self.world.signer.serial)
        value = issuer.split(",")[0].removeprefix("CN=")
        as_der = f"CN=#0c{len(value):02x}{value.encode().hex()}," + issuer.split(",", 1)[1]
        for old, new in ((f">{serial}<", f">+{serial}<"), (f">{serial}<", f">000{serial}<"), (f">{issuer}<", f">{as_der}<")):
            with self.subTest(new):
                document = self.world.sign(self.world.request())
                self.assertIn(old.encode(), document)
                document = document.replace(old.encode(), new.encode())
                self.assert_signed(self.world, document, self.world.submit(document))


class BadSignatures(HandoverCase):
    """Documents whose signature is not the User's over what would be read. F12."""

    def resigned(self, change):
        """A good document whose SignedInfo is `change`d (exclusive canonical text) and then rightly signed."""
        request, signer = self.world.request(), self.world.signer
        text = request.canonical()
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        info = change(harness.duis_sign.SIGNED_INFO_BODY % digest)
        value = signer.signature_value((harness.duis_sign.SIGNED_INFO_OPEN + info).encode())
        signature = (f"<ds:Signature><ds:SignedInfo>{info}<ds:SignatureValue>{value}</ds:SignatureValue>"
                     f"{signer.key_info}</ds:Signature></sr:Request>")
        return (harness.duis_sign.DECLARATION + text.replace("</sr:Request>", signature)).encode()

    def test_the_neighbour_that_is_not_changed_is_signed(self):
        document = self.resigned(lambda info: info)
        self.assert_signed(self.world, document, self.world.submit(document))

    def test_content_changed_after_signing(self):
        document = self.world.sign(self.world.request()).replace(b">0</sr:RemotePartyFloor", b">1</sr:RemotePartyFloor")
        self.assert_refused(document, 403, "SIGNATURE_INVALID")

    def test_no_signature(self):
        text = harness.duis_sign.DECLARATION + self.world.request().canonical()
        self.assert_refused(text.encode(), 403, "SIGNATURE_INVALID")

    def test_a_second_request_wrapped_in_the_signature(self):
        document = self.world.sign(self.world.request()).decode()
        evil = self.world.request(device=self.world.devices[5]).canonical()
        wrapped = document.replace("</ds:Signature>", f"<ds:Object>{evil}</ds:Object></ds:Signature>")
        self.assert_refused(wrapped.encode(), 403, "SIGNATURE_INVALID")

    def test_the_signed_request_wrapped_in_another(self):
        document = self.world.sign(self.world.request()).decode().removeprefix(harness.duis_sign.DECLARATION)
        evil = self.world.request(device=self.world.devices[5]).canonical()
        wrapped = evil.replace("</sr:Request>", document + "</sr:Request>")
        self.assert_refused(wrapped.encode(), 400, "MALFORMED")

    def test_a_signature_twice(self):
        document = self.world.sign(self.world.request()).decode()
        signature = document[document.index("<ds:Signature>") : document.index("</sr:Request>")]
        self.assert_refused(document.replace(signature, signature * 2).encode(), 403, "SIGNATURE_INVALID")

    def test_a_second_reference(self):
        def twice(info):
            reference = info[info.index("<ds:Reference") : info.index("</ds:SignedInfo>")]
            return info.replace(reference, reference * 2)

        self.assert_refused(self.resigned(twice), 403, "SIGNATURE_INVALID")

    def test_other_algorithms(self):
        for what, other in (("2001/04/xmldsig-more#ecdsa-sha256", "2001/04/xmldsig-more#ecdsa-sha1"),
                            ("2001/04/xmldsig-more#ecdsa-sha256", "2001/04/xmldsig-more#hmac-sha256"),
                            ("2001/04/xmlenc#sha256", "2000/09/xmldsig#sha1"),
                            ("2001/10/xml-exc-c14n#", "2001/10/xml-exc-c14n#WithComments"),
                            ("2000/09/xmldsig#enveloped-signature", "2000/09/xmldsig#base64")):
            with self.subTest(other):
                document = self.resigned(lambda info, what=what, other=other: info.replace(what, other))
                self.assertIn(other.encode(), document)
                self.assert_refused(document, 403, "SIGNATURE_INVALID")

    def test_a_signature_value_in_der(self):
        document = self.world.sign(self.world.request()).decode()
        start = document.index("<ds:SignatureValue>") + len("<ds:SignatureValue>")
        end = document.index("</ds:SignatureValue>")
        value = base64.b64decode(document[start:end])
        der = harness.gbcs_reference.encode_dss_signature(int.from_bytes(value[:32], "big"),
                                                          int.from_bytes(value[32:], "big"))
        self.assert_refused((document[:start] + base64.b64encode(der).decode() + document[end:]).encode(), 403,
                            "SIGNATURE_INVALID")

    def test_a_signer_that_is_not_known(self):
        known = self.world.signer
        stranger = harness.duis_sign.Signer(known.key, known.issuer, int(known.serial) + 1)
        self.assert_refused(stranger.sign(self.world.request()), 403, "SENDER_AUTH")

    def test_another_key_under_the_users_name(self):
        known = self.world.signer
        forger = harness.duis_sign.Signer(self.world.pki.key("supplier2-xml"), known.issuer, known.serial)
        self.assert_refused(forger.sign(self.world.request()), 403, "SIGNATURE_INVALID")

    def test_of_two_signers_of_one_issuer_name_and_serial_the_one_whose_key_signed_is_meant(self):
        make_pki, made, world = harness.own_pki.make_pki, self.world.pki.made, self.world
        first = made.certificates["supplier-xml"]
        # A second CA of the issuing CA's name, with a key of its own: each has its serial numbers.
        second = made._authority(  # pylint: disable=protected-access
            "issuing-ca-namesake", made.root, made.issuing.subject, 0)
        twin = made.leaf("supplier-xml-twin", "87", make_pki.SUPPLIER, "ds", second, serial=int(first.about["serial"]))
        now, hours = made.now, make_pki.datetime.timedelta(hours=12)
        world.box.import_feed("organisation-certificates",
                              harness.own_pki.pem_of_der(world.pki.der("issuing-ca-namesake"))
                              + harness.own_pki.pem_of_der(twin.der))
        world.box.import_feed("revocation-lists", make_pki.pem(
            "X509 CRL", make_pki.revocation_list(second, 1, now, now + hours)))
        for issued in (first, twin):
            signer = harness.duis_sign.Signer(issued.key, "CN=T1,OU=07", int(first.about["serial"]))
            document = signer.sign(world.request())
            self.assert_signed(world, document, world.submit(document))

    def test_another_user_signs(self):
        document = self.world.pki.signer("supplier2-xml").sign(self.world.request())
        self.assert_refused(document, 403, "SENDER_AUTH")

    def test_a_certificate_that_is_not_for_xml_signing(self):
        for label in ("supplier-ka", "supplier-ds"):
            self.assert_refused(self.world.pki.signer(label).sign(self.world.request()), 403, "SENDER_AUTH")

    def test_a_signers_certificate_that_is_revoked_or_expired(self):
        for label, reason in (("revoked-xml", "CERT_REVOKED"), ("expired-xml", "CERT_EXPIRED")):
            with self.subTest(label):
                self.assert_refused(self.world.pki.signer(label).sign(self.world.request()), 422, reason)


class BadCertificates(HandoverCase):
    """Replacement certificates that may not reach a device."""

    def supplier(self, digital_signing, **changes):
        return self.world.sign(self.world.request(role="Supplier", digital_signing=digital_signing, **changes))

    def test_each_bad_certificate_is_refused_for_its_own_reason(self):
        for label, reason in (("p384", "ALGORITHM"), ("sha384", "ALGORITHM"), ("trailing-octets", "PROFILE"),
                              ("both-usages", "PROFILE"), ("wrong-policy", "PROFILE"), ("expired-ds", "CERT_EXPIRED"),
                              ("not-yet-ds", "CERT_EXPIRED"), ("revoked-ds", "CERT_REVOKED"), ("foreign-ds", "CHAIN"),
                              ("from-root", "CHAIN"), ("wrong-role-ds", "ROLE"),
                              ("acb-role-ds", "REPLACEMENT_IS_ACB"), ("acb-ds", "REPLACEMENT_IS_ACB")):
            with self.subTest(label):
                self.assert_refused(self.supplier(self.world.pki.der(label)), 422, reason)

    def test_what_the_detail_quotes_of_a_certificate_is_utf8(self):  # RFC 8259 section 8.1
        make_pki = harness.own_pki.make_pki
        # Shown up to 200 octets, of which the last would be half a character.
        subject = make_pki.name((make_pki.OU, make_pki.utf8("02")), (make_pki.CN, make_pki.utf8("\u00e9" * 150)))
        leaf = self.world.pki.made.leaf("named-at-length", "02", make_pki.SUPPLIER, "ds", subject=subject)
        answer = self.assert_refused(self.supplier(leaf.der), 422, "PROFILE")
        self.assertIn("CN=" + "\u00e9" * 98 + "...", json.loads(answer.octets.decode())["detail"])

    def test_a_path_with_the_authoritys_certificate_of_before_is_said_to_have_expired(self):
        make_pki, made = harness.own_pki.make_pki, self.world.pki.made
        extensions = [make_pki.basic_constraints(0), make_pki.key_usage("ca"), make_pki.subject_key_id(made.issuing.ski),
                      make_pki.authority_key_id(made.root.ski), make_pki.policies(make_pki.POLICY)]
        old = made.issue("issuing-ca-of-before", made.root, made.issuing.subject, extensions, key=made.issuing.key,
                         not_after=make_pki.datetime.datetime(2024, 1, 1))
        document = self.world.sign(self.world.request(path=(old.der,)))
        self.assert_refused(document, 422, "CERT_EXPIRED")
        document = self.world.sign(self.world.request(path=(self.world.pki.der("issuing-ca-silent"),)))
        self.assert_refused(document, 422, "CHAIN")

    def test_certificates_of_two_organisations(self):
        document = self.world.sign(self.world.request(key_agreement=self.world.pki.der("no-b-ka")))
        self.assert_refused(document, 422, "CERT_SET_MIXED")

    def test_only_one_of_the_two_certificates(self):
        self.assert_refused(self.world.sign(self.world.request(key_agreement=None)), 422, "CERT_SET_INCOMPLETE")

    def test_certificates_in_each_others_place(self):
        pki = self.world.pki
        document = self.world.sign(self.world.request(digital_signing=pki.der("no-a-ka"),
                                                      key_agreement=pki.der("no-a-ds")))
        self.assert_refused(document, 422, "PROFILE")

    def test_the_certificates_of_another_network_operator(self):
        pki = self.world.pki
        document = self.world.sign(self.world.request(digital_signing=pki.der("no-b-ds"),
                                                      key_agreement=pki.der("no-b-ka")))
        self.assert_refused(document, 422, "NO_NOT_REGISTERED")

    def test_a_device_that_is_not_known(self):
        self.assert_refused(self.world.sign(self.world.request(device="00db1234567affff")), 422, "DEVICE_UNKNOWN")


class Faults(harness.TestCase):
    """What the box lacks is a 503 with Retry-After; when it is mended the same request is served (P9)."""

    def assert_closed(self, box, document, reason):
        """The box is up, says why it cannot decide, and decides nothing."""
        deadline = time.monotonic() + harness.READY_SECONDS
        while True:
            try:
                ready = box.get("/readyz")
                break
            except OSError:
                self.assertIsNone(box.process.poll(), box.log_tail())
                self.assertLess(time.monotonic(), deadline, box.log_tail())
                time.sleep(0.02)
        self.assertEqual(ready.status, 503)
        self.assertEqual([found["reason"] for found in ready.json["reasons"]], [reason])
        answer = box.submit(document)
        self.assertEqual((answer.status, answer.reason), (503, reason))
        self.assertGreater(int(answer.headers["Retry-After"]), 0)
        self.assertNotIn("command", answer.json)

    def test_a_missing_revocation_list(self):
        with temporary_directory() as folder:
            world = World.own(folder, devices=1, revocation=False)
            document = world.sign(world.request())
            signatures = world.box.metric("acb_hsm_sign_total")  # of the start's known-answer test
            # The authorities' list is looked for first: it says whether the issuing CA may be believed.
            for lists, reason in (((), "ARL_STALE"), (("arl",), "CRL_STALE")):
                if lists:
                    world.box.import_feed("revocation-lists", world.pki.revocation_lists(*lists))
                answer = world.submit(document)
                self.assertEqual((answer.status, answer.reason), (503, reason))
                self.assertGreater(int(answer.headers["Retry-After"]), 0)
                entry = world.box.audit_entries(int(answer.json["audit"]["index"]))[0][1]
                self.assertEqual((entry["kind"], entry["reason"]), ("refused", reason))
                self.assertEqual(entry["request_sha256"], hashlib.sha256(document).hexdigest())
                self.assertEqual(world.box.last_issued(world.devices[0]), 0)
                self.assertEqual(world.box.metric("acb_hsm_sign_total"), signatures)
            world.box.import_feed("revocation-lists", world.pki.feed("revocation-lists"))
            self.assert_signed(world, document, world.submit(document))
            world.box.stop()

    def test_a_revocation_that_arrives_counts_at_once(self):
        with temporary_directory() as folder:
            world = World.own(folder, devices=1)
            document = world.sign(world.request())
            self.assert_signed(world, document, world.submit(document))
            text = harness.own_pki.make_pki.make_list(str(world.pki.directory), 102, ["no-a-ds"])
            world.box.import_feed("revocation-lists", text)
            self.assertEqual(world.submit(world.sign(world.request())).reason, "CERT_REVOKED")
            world.box.stop()

    def test_a_wrong_pin(self):
        with temporary_directory() as folder:
            world = World.own(folder, devices=1)
            document = world.sign(world.request())
            first = world.submit(document)
            world.box.stop()
            pin_file = world.box.directory / "pin"
            pin = pin_file.read_bytes()
            pin_file.write_bytes(b"00000000")
            world.box.spawn()
            self.assert_closed(world.box, world.sign(world.request()), "HSM_PIN")
            world.box.stop()
            pin_file.write_bytes(pin)
            world.box.start()
            self.assertEqual(world.submit(document).command, first.command)
            document = world.sign(world.request())
            second = world.submit(document)
            self.assert_signed(world, document, second)
            self.assertGreater(second.counter, first.counter)
            world.box.stop()

    def test_a_wrong_signature_of_the_hsm_is_an_alarm_and_the_request_is_served_afterwards(self):
        with temporary_directory() as folder:
            world = World.own(folder, devices=1)
            world.box.stop()
            fault = folder / "fault"
            world.box.use_shim(folder / "signatures.log", ACB_SHIM_FAULT=str(fault))
            world.box.start()
            document = world.sign(world.request())
            start = len(world.box.audit_entries())
            fault.write_text("wrong-signature")
            answer = world.submit(document)
            fault.unlink()
            self.assertEqual((answer.status, answer.reason), (503, "HSM_UNAVAILABLE"))
            self.assertNotIn("command", answer.json)
            entries = [entry for _, entry in harness.but_anchors(world.box.audit_entries(start))]
            self.assertEqual([entry["kind"] for entry in entries], ["abandoned", "alarm", "refused"])
            abandoned, alarm = entries[:2]
            self.assertEqual(alarm["what"], "the HSM gave a wrong signature or secret")
            for name in ("request_id", "device", "originator_counter", "reason"):
                self.assertEqual(alarm[name], abandoned[name])
            again = world.submit(document)
            self.assert_signed(world, document, again)
            self.assertGreater(again.counter, int(alarm["originator_counter"]))
            world.box.stop()

    def test_a_missing_store(self):
        with temporary_directory() as folder:
            world = World.own(folder, devices=1)
            document = world.sign(world.request())
            first = world.submit(document)
            world.box.stop()
            store = world.box.directory / world.box.setting("store", "directory")
            store.rename(store.with_name("moved"))
            world.box.spawn()
            self.assert_closed(world.box, document, "STORE_MISSING")
            world.box.stop()
            self.assertFalse(store.exists(), "the service creates no store")
            self.assertIn("acbctl restore", world.box.log_tail())
            store.mkdir(mode=0o700)
            world.box.spawn()
            self.assert_closed(world.box, document, "STORE_MISSING")
            world.box.stop()
            for path in sorted(store.iterdir()):
                path.unlink()
            store.rmdir()
            # One that was overwritten is damage: whoever sees the state must not think of a new box.
            shutil.copytree(store.with_name("moved"), store)
            with open(store / "data.mdb", "r+b") as data:
                data.write(bytes(8192))
            world.box.spawn()
            self.assert_closed(world.box, document, "RECORD_DAMAGED")
            ready = world.box.get("/readyz").json
            self.assertEqual(ready["state"], "Failed")
            self.assertIn("acbctl restore", ready["reasons"][0]["detail"])
            world.box.stop()
            shutil.rmtree(store)
            store.with_name("moved").rename(store)
            world.box.start()
            self.assertEqual(world.submit(document).command, first.command)
            world.box.stop()


class PublicTestData(harness.TestCase):
    """The DCC's own templates, keys and device certificate, with the relaxations they need."""

    def test_both_templates_are_signed_as_the_published_commands_are(self):
        harness.need_shared()
        with temporary_directory() as folder:
            world = World.rtds(folder, floor=1301)
            answers = {}
            for role, octets in (("NetworkOperator", 1419), ("Supplier", 1877)):
                document = world.sign(world.templates[role])
                answers[role] = world.submit(document)
                self.assert_signed(world, document, answers[role])
                self.assertEqual(len(answers[role].command), octets)  # rtds/README.md
            self.assertEqual([answer.counter for answer in answers.values()], [1302, 1303])
            entry = world.box.audit_entries(int(answers["Supplier"].json["audit"]["index"]))[0][1]
            self.assertIn("REVOCATION_NOT_CHECKED", entry["observations"])
            world.box.stop()

    def test_a_changed_certificate_is_refused(self):
        harness.need_shared()
        with temporary_directory() as folder:
            world = World.rtds(folder)
            request = world.templates["NetworkOperator"]
            certificate = request.digital_signing
            document = world.sign(request.but(digital_signing=certificate[:-1] + bytes([certificate[-1] ^ 1])))
            answer = world.submit(document)
            self.assertEqual((answer.status, answer.reason), (422, "CHAIN"))
            self.assertEqual(world.box.last_issued(harness.RTDS_DEVICE), 0)
            world.box.stop()


if __name__ == "__main__":
    harness.main()
