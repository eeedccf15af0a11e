#!/usr/bin/python3
"""The ACB's keys from their generation to their destruction, with acbctl key on SoftHSM: who may do it, what is refused,
a whole rotation with two pairs in use at once, and what a reviewer can verify of it afterwards.

R-SEC3-39 to R-SEC3-47, R-074-4 (MP074), R-SEC3-31 to R-SEC3-33.
"""

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time

import clients
import harness
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from harness import World, binary, duis_sign, own_pki, run, temporary_directory
from own_pki import make_pki

GENERATE = ("--place", "Data centre 1", "--custodians", "HSM team")
REQUEST = ("--channel", "DCC Gateway", "--person", "A. Smith", "--organisation", "DCC", "--approval", "CHG-1017")
DEVICES = ("device_id,type,smets,model,smi_status,commissioned,mpxn,key_agreement_certificate,supplier_cell,"
           "supplier_floor,network_operator_cell,network_operator_floor,supplier_acb_key,network_operator_acb_key")


def tool(box, *arguments, both=True):
    """acbctl --json key ... : (exit code, what it printed)."""
    tls = box.directory / "tls"
    names = (["--as", str(tls / "operator.pem"), "--as", str(tls / "operator2.pem")] if both else [])
    done = subprocess.run([binary("tools", "acbctl"), "--directory", str(box.directory), "--json", "key", *arguments, *names],
                          capture_output=True, text=True, check=False, env={**os.environ, **box.env})
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        return done.returncode, {"text": done.stdout + done.stderr}


def public_key_of(request):
    return x509.load_pem_x509_csr(request.read_bytes()).public_key()


def key_identifier(public_key):
    return make_pki.key_identifier(public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def certify(pki, request, usage, label, eui=None, role="04", **change):
    """What the issuing authority would answer the request with: a file."""
    key = public_key_of(request)
    issued = pki.made.leaf(label, role, eui or pki.acb.upper(), usage,
                           spki=key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
                           extensions={"ski": make_pki.subject_key_id(key_identifier(key))}, **change)
    path = request.with_name(f"{label}.pem")
    path.write_text(own_pki.pem_of_der(issued.der))
    return path


class KeyCase(harness.TestCase):
    def setUp(self):
        self.folder = self.enterContext(temporary_directory())
        self.world = World.own(self.folder, devices=3)
        self.addCleanup(self.world.box.stop)
        self.box, self.pki = self.world.box, self.world.pki

    def good(self, *arguments):
        code, record = tool(self.box, *arguments)
        self.assertEqual(code, 0, record)
        return record

    def refused(self, reason, says, *arguments, **options):
        code, said = tool(self.box, *arguments, **options)
        self.assertEqual((code, said.get("reason")), (1, reason), said)
        self.assertIn(says, said["explanation"])

    def listing(self):
        code, listing = tool(self.box, "list", both=False)
        self.assertIn("differences", listing, listing)
        self.assertEqual(code, 1 if listing["differences"] else 0)
        return listing

    def labels(self):
        return sorted({item["label"] for item in self.listing()["token"]})

    def request(self, label, *more):
        path = self.folder / f"{label}-{time.monotonic_ns()}.csr"
        self.good("csr", "--key", label, "--out", str(path), *REQUEST, *more)
        return path

    def certified(self, label, usage):
        certificate = certify(self.pki, self.request(label), usage, f"{label}-{time.monotonic_ns()}")
        self.good("accept", "--key", label, str(certificate))
        return x509.load_pem_x509_certificate(certificate.read_bytes())

    def new_pair(self):
        """Generation 2, in use; its two certificates."""
        for role in ("digital-signing", "key-agreement"):
            self.good("generate", "--role", role, *GENERATE)
        pair = self.certified("acb-ds-2", "ds"), self.certified("acb-ka-2", "ka")
        self.good("activate", "--generation", "2")
        return pair


class Refusals(KeyCase):
    def test_keys_of_other_roles_are_not_held(self):
        self.box.stop()
        before = self.labels()
        for role in ("recovery", "root", "issuing", "transitional-cos", "wan-provider"):
            self.refused("ROLE", "digital-signing and key-agreement", "generate", "--role", role, *GENERATE)
        self.assertEqual(self.labels(), before)

    def test_it_takes_two_operators_and_a_stopped_box(self):
        arguments = ("generate", "--role", "digital-signing", *GENERATE)
        self.refused("STORE_UNAVAILABLE", "stop acbd", *arguments)
        self.box.stop()
        tls = self.box.directory / "tls"
        one = ("--as", str(tls / "operator.pem"))
        self.refused("OTHER_OPERATOR", "two operators", *arguments, *one, both=False)
        self.refused("OTHER_OPERATOR", "takes two", *arguments, *one, *one, both=False)
        self.refused("FORBIDDEN", "operator", *arguments, *one, "--as", str(tls / "auditor.pem"), both=False)
        authority = clients.Authority(self.box)
        authority.issue("both", "operator.acb.test", "operator2.acb.test")
        authority.issue("two-roles", "auditor.acb.test", "operator2.acb.test")
        for other in ("both", "two-roles"):
            self.refused("FORBIDDEN", "two clients", *arguments, *one, "--as", str(tls / f"{other}.pem"), both=False)
        good = self.box.config.read_text()
        self.box.config.write_text(good.replace('identity = "operator2.acb.test"\n',
                                                'identity = "operator2.acb.test"\nendpoints = ["GET /readyz"]\n'))
        self.refused("FORBIDDEN", "less than the role", *arguments)
        self.box.config.write_text(good)
        self.assertEqual(self.labels(), ["acb-checkpoint", "acb-ds", "acb-ka"])
        between = authority.intermediate("Between")
        between.issue("operator2", "operator2.acb.test", directory=tls)
        authority.write([between.certificate], others=[between])
        self.refused("FORBIDDEN", "revoked", *arguments)
        authority.write([], others=[between])
        # Not found out when the key is made.
        kept = self.folder / "record.json"
        kept.write_text("of another ceremony")
        self.refused("CONFIGURATION", "name a new file", *arguments, "--record", str(kept))
        self.assertEqual(self.labels(), ["acb-checkpoint", "acb-ds", "acb-ka"])
        self.good(*arguments, "--record", str(self.folder / "new.json"))
        self.assertEqual(self.labels(), ["acb-checkpoint", "acb-ds", "acb-ds-2", "acb-ka"])
        self.assertEqual(kept.read_text(), "of another ceremony")

    def test_out_of_order_a_ceremony_ends_and_leaves_a_record(self):
        self.box.stop()
        self.good("generate", "--role", "digital-signing", *GENERATE)
        self.refused("CONFIGURATION", "acb-ds-2 is generated", "accept", "--key", "acb-ds-2",
                     str(self.pki.path("acb-ds")))
        self.refused("CONFIGURATION", "acb-ds-2 is generated, not accepted", "activate", "--generation", "2")
        self.refused("CONFIGURATION", "no other generation", "retire", "--generation", "1")
        self.refused("CONFIGURATION", "acb-ds is active", "destroy", "--key", "acb-ds", "--backups", "none")
        self.refused("CONFIGURATION", "checkpoint key", "destroy", "--key", "acb-checkpoint", "--backups", "none")
        self.box.start()
        ended = [entry for _, entry in self.box.audit_entries()
                 if entry["kind"] == "ceremony" and not entry["complete"]]
        self.assertEqual([entry["act"] for entry in ended], ["accept", "activate", "retire", "destroy", "destroy"])
        for entry in ended:
            self.assertTrue(entry["explanation"])

    def test_a_request_needs_its_four_facts_and_proves_its_key(self):
        self.box.stop()
        self.good("generate", "--role", "key-agreement", *GENERATE)
        path = self.folder / "ka.csr"
        for index in range(0, len(REQUEST), 2):
            wanting = list(REQUEST)
            wanting[index + 1] = ""
            code, _ = tool(self.box, "csr", "--key", "acb-ka-2", "--out", str(path), *wanting)
            self.assertIn(code, (1, 2), REQUEST[index])
            self.assertFalse(path.exists())
        record = self.good("csr", "--key", "acb-ka-2", "--out", str(path), *REQUEST)
        request = x509.load_pem_x509_csr(path.read_bytes())
        self.assertTrue(request.is_signature_valid)  # by the key agreement key itself
        der = request.public_bytes(Encoding.DER)
        self.assertEqual(record["keys"][0]["request"],
                         {"sha256": hashlib.sha256(der).hexdigest(), "channel": "DCC Gateway", "person": "A. Smith",
                          "organisation": "DCC", "approval": "CHG-1017"})
        names = {attribute.oid.dotted_string: attribute.value for attribute in request.subject}
        self.assertEqual(names["2.5.4.11"], "04")
        private = next(item for item in self.listing()["token"]
                       if item["label"] == "acb-ka-2" and item["half"] == "private")
        self.assertEqual((private["signs"], private["derives"], private["extractable"]), (False, True, False))

    def test_only_the_certificate_of_the_key_is_accepted(self):
        self.box.stop()
        self.good("generate", "--role", "digital-signing", *GENERATE)
        request = self.request("acb-ds-2")

        def refuses(reason, says, path):
            self.refused(reason, says, "accept", "--key", "acb-ds-2", str(path))

        refuses("ACB_CERT", "of another key than acb-ds-2", self.pki.path("acb-ds"))
        refuses("ROLE", "role ACB", certify(self.pki, request, "ds", "other-role", role="02"))
        refuses("ACB_CERT", "keyUsage", certify(self.pki, request, "ka", "other-usage"))
        refuses("ACB_CERT", "another EUI-64", certify(self.pki, request, "ds", "other-eui", eui=make_pki.SUPPLIER))
        refuses("ACB_CERT", "CHAIN", certify(self.pki, request, "ds", "other-issuer",
                                             authority=self.pki.made.foreign_issuing))
        record = self.good("accept", "--key", "acb-ds-2", str(certify(self.pki, request, "ds", "good")))
        self.assertEqual(record["keys"][0]["state"], "accepted")
        self.refused("CONFIGURATION", "no key acb-ka-2", "activate", "--generation", "2")


class Interrupted(KeyCase):
    TRIES, HITS = 40, 5

    def test_a_stop_signal_waits_for_the_login_that_rewrites_the_token(self):  # found by an attack
        self.box.stop()
        (token,) = (self.box.directory / "tokens").glob("*/token.object")
        whole = token.stat().st_size
        command = [binary("tools", "acbctl"), "--directory", str(self.box.directory), "key", "list"]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            hits = 0
            for _ in range(self.TRIES):
                with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                    while process.poll() is None:
                        if token.stat().st_size == 0:
                            process.send_signal(number)
                            hits += 1
                            break
                    process.wait()
                self.assertEqual(token.stat().st_size, whole, f"torn by {number.name}")
                if hits == self.HITS:
                    break
            self.assertGreater(hits, 0, "no login was met: this shows nothing")
        self.box.start()


class Rotation(KeyCase):
    def row(self, number, key):
        device, der, floor = self.world.device_rows[number]
        return (f"{duis_sign.hyphenated(device)},GPF,SMETS2,model,Commissioned,2020-01-01,{3938420000 + number},"
                f"{base64.b64encode(der).decode()},acb,{floor},acb,{floor},{key},{key}")

    def import_keys(self, *keys):
        self.box.import_feed("devices", "\n".join([DEVICES, *(self.row(*item) for item in enumerate(keys))]) + "\n")

    def hand_over(self, number):
        document = self.world.sign(self.world.request(device=self.world.devices[number]))
        return document, self.world.submit(document)

    def signed_by(self, number, certificates):
        """The device's handover is signed and MACed by this pair, and by no other."""
        ds, ka = certificates
        device = self.world.devices[number]
        document, answer = self.hand_over(number)
        self.world.acb_ds = ds.public_key()
        own = self.world.mac_keys[device][0]
        self.world.mac_keys[device] = (own, ka.public_key())
        self.assert_signed(self.world, document, answer)
        entry = json.loads(self.box.get(f"/v1/audit/entries?from={answer.json['audit']['index']}&count=1").octets)
        self.assertEqual(entry["acb_certificate"]["sha256"],
                         hashlib.sha256(ds.public_bytes(Encoding.DER)).hexdigest())

    def test_two_pairs_in_use_then_one_retired_and_destroyed(self):
        first = self.pki.certificate("acb-ds"), self.pki.certificate("acb-ka")
        self.box.stop()
        second = self.new_pair()
        self.assertEqual(self.listing()["differences"], [])
        old, new = (key_identifier(pair[0].public_key()).hex() for pair in (first, second))

        # Both in use: each device is signed for with what its cell holds; one that does not say, with the older.
        self.box.start()
        self.import_keys(old, new, "")
        self.assertEqual(self.box.device(self.world.devices[1])["acb_keys"], {"supplier": new, "network_operator": new})
        self.signed_by(0, first)
        self.signed_by(1, second)
        self.signed_by(2, first)
        # A file without the column changes nothing of it.
        self.world.import_devices(self.world.device_rows)
        self.signed_by(1, second)

        # The older one goes out of use: what still holds it is not signed for, and says so.
        self.box.stop()
        before = self.listing()["cells_of_devices"]
        record = self.good("retire", "--generation", "1")
        self.assertEqual((record["cells_of_devices"], record["cells_without_pair"]), (before[old], before[""]))
        self.assertGreater(int(before[old]), 0)
        self.assertGreater(int(before[new]), 0)
        self.box.start()
        _, answer = self.hand_over(0)
        self.assertEqual((answer.status, answer.reason), (503, "ACB_CERT"), answer)
        self.signed_by(1, second)
        self.signed_by(2, second)
        self.import_keys(new)
        self.signed_by(0, second)

        # And is destroyed.
        self.box.stop()
        for label in ("acb-ds", "acb-ka"):
            record = self.good("destroy", "--key", label, "--backups", "none were made")
            before = {item["label"] for item in record["listing_before"]}
            after = {item["label"] for item in record["listing_after"]}
            self.assertEqual(before - after, {label})
            self.assertEqual(record["cells_of_devices"], "0")
            self.assertEqual([item["returned"] for item in record["returned"]], ["CKR_OK", "CKR_OK"])
        listing = self.listing()
        self.assertEqual(listing["differences"], [])
        self.assertEqual({key["label"]: key["state"] for key in listing["keys"]},
                         {"acb-ds": "destroyed", "acb-ka": "destroyed", "acb-ds-2": "active", "acb-ka-2": "active"})
        self.box.start()
        self.signed_by(1, second)
        self.exported_and_verified()

    def exported_and_verified(self):
        """Inventory and ceremony records, as an auditor gets them and a reviewer verifies them."""
        report = self.box.get("/v1/reports/keys").json
        rows = {row["key_id"]: row for row in report["rows"] if row.get("key_id")}
        self.assertEqual(rows["acb-ds-2"]["state"], "active")
        self.assertEqual(rows["acb-ds"]["state"], "destroyed")
        self.assertIn("Data centre 1", rows["acb-ds-2"]["generated"])
        self.assertEqual(rows["acb-ds-2"]["operations"], "6")
        self.assertEqual(rows["acb-ds"]["operations"], "2")
        self.assertIn("active", rows["acb-ds-2"]["transitions"])
        records = [entry for _, entry in self.box.audit_entries() if entry["kind"] == "ceremony"]
        self.assertEqual([entry["act"] for entry in records],
                         ["generate", "generate", "csr", "accept", "csr", "accept", "activate", "retire", "destroy",
                          "destroy"])
        for entry in records:
            self.assertTrue(entry["complete"])
            self.assertEqual([step["number"] for step in entry["steps"]], ["1", "2", "3", "4", "5", "6"])
            self.assertEqual(len(set(entry["operators"])), 2)
            self.assertEqual(len({one["certificate_sha256"] for one in entry["participants"]}), 2)
            self.assertEqual(len(entry["script_sha256"]), 64)
        export = self.folder / "log.tar"
        run(binary("tools", "acbctl"), "--directory", str(self.box.directory), "audit", "export", "--from", "0",
            "--redaction", "ssc", str(export))
        root = self.pki.path("root")
        verified = run(binary("tools", "acb-verify"), str(export), "--root", str(root), check=False)
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
        self.assertIn("VERIFIED", verified.stdout)
        self.assertIn("8 of 8 signed commands", verified.stdout)


class Inventory(KeyCase):
    def test_an_orphan_is_noted_at_start_left_alone_and_can_be_destroyed(self):
        self.box.stop()
        pin = (self.box.directory / "pin").read_text().strip()
        run("pkcs11-tool", "--module", harness.SOFTHSM, "--token-label", "acb", "--login", "--pin", pin,
            "--keypairgen", "--key-type", "EC:prime256v1", "--label", "stray",
            env={"SOFTHSM2_CONF": str(self.box.directory / "softhsm2.conf")})
        self.assertTrue(any("stray" in one and "orphan" in one for one in self.listing()["differences"]))
        self.box.start()
        alarms = [entry for _, entry in self.box.audit_entries() if entry["kind"] == "alarm"]
        self.assertTrue(any("stray" in " ".join(entry.get("keys", [])) for entry in alarms), alarms)
        self.box.stop()
        self.assertIn("stray", self.labels())
        self.good("destroy", "--key", "stray", "--backups", "none are known")
        self.assertNotIn("stray", self.labels())
        self.assertEqual(self.listing()["differences"], [])

    def test_half_a_pair_is_shown(self):
        self.box.stop()
        self.good("generate", "--role", "digital-signing", *GENERATE)
        run("pkcs11-tool", "--module", harness.SOFTHSM, "--token-label", "acb", "--login", "--pin",
            (self.box.directory / "pin").read_text().strip(), "--delete-object", "--type", "pubkey", "--label", "acb-ds-2",
            env={"SOFTHSM2_CONF": str(self.box.directory / "softhsm2.conf")})
        self.assertTrue(any(one.startswith("acb-ds-2: 1 private and 0 public") for one in self.listing()["differences"]))


class SuspectKey(KeyCase):
    def suspend(self, *arguments, both=False):
        tls = self.box.directory / "tls"
        names = ["--as", str(tls / "operator.pem"), "--as", str(tls / "operator2.pem")] if both else []
        return run(binary("tools", "acbctl"), "--directory", str(self.box.directory), "suspend", *arguments, *names,
                   check=False)

    def test_one_operator_stops_signing_at_once_and_two_let_it_go_on(self):
        document = self.world.sign(self.world.request())
        self.assertEqual(self.world.submit(document).status, 200)
        self.assertEqual(self.suspend("now", "all", "--suspect-key", "acb-ds", "--authority", "duty officer").returncode, 0)
        signatures = self.box.metric("acb_hsm_sign_total")
        answer = self.world.submit(self.world.sign(self.world.request()))  # the very next one
        self.assertEqual((answer.status, answer.reason), (503, "SIGNING_SUSPENDED"))
        self.assertEqual(self.box.metric("acb_hsm_sign_total"), signatures)
        alarm = next(entry for _, entry in self.box.audit_entries() if entry.get("suspect_key"))
        self.assertEqual((alarm["kind"], alarm["suspect_key"]), ("alarm", "acb-ds"))
        self.assertEqual([one["key"] for one in alarm["acb_certificates"]], ["acb-ds", "acb-ka"])

        # A restart does not lift it, nor does one operator.
        self.box.stop()
        self.box.start()
        tls = self.box.directory / "tls"
        self.suspend("lift", "all", "--authority", "SSC", "--as", str(tls / "operator.pem"))
        self.assertEqual(self.world.submit(self.world.sign(self.world.request())).status, 503)
        self.suspend("lift", "all", "--authority", "SSC", "--as", str(tls / "operator2.pem"))
        again = self.world.sign(self.world.request())
        self.assert_signed(self.world, again, self.world.submit(again))

    def test_it_names_a_key_of_the_acb_and_stops_all(self):
        for arguments in (("now", "all", "--suspect-key", "recovery"),
                          ("now", "party", "SUPP", "--suspect-key", "acb-ds")):
            self.assertNotEqual(self.suspend(*arguments, "--authority", "x").returncode, 0)
        document = self.world.sign(self.world.request())
        self.assertEqual(self.world.submit(document).status, 200)


class Live(harness.TestCase):
    """Shows 5. No harness World: a live box is not made ready here."""

    def setUp(self):
        self.folder = self.enterContext(temporary_directory())
        self.pki = own_pki.Pki(self.folder / "pki")
        run(binary("tools", "acbctl"), "provision", "--module-test-rounds", "2", "--directory", str(self.folder / "box"),
            "--environment", "live", "--module", harness.SOFTHSM, "--port", str(harness.free_port()), "--root",
            str(self.pki.path("root")))
        self.box = harness.Box(self.folder / "box")
        self.addCleanup(self.box.stop)

    def refused(self, reason="HSM_NOT_APPROVED"):
        self.box.spawn()
        outcome = self.box.outcome()
        reasons = self.box.get("/readyz").json["reasons"]
        self.box.stop()
        self.assertEqual(outcome, ("refused", (reason,)), reasons)
        return self.box.log_tail()

    def certify_first_pair(self):
        more = ("--certificates", str(self.pki.directory / "organisation-certificates.pem"), "--revocation-lists",
                str(self.pki.directory / "revocation-lists.pem"))
        for label, usage in (("acb-ds", "ds"), ("acb-ka", "ka")):
            request = self.folder / f"{label}.csr"
            arguments = ("csr", "--key", label, "--out", str(request), *REQUEST)
            if usage == "ds":  # nothing says the ACB's EUI-64 yet
                self.assertEqual(tool(self.box, *arguments)[1].get("reason"), "CONFIGURATION")
            self.assertEqual(tool(self.box, *arguments, "--eui64", self.pki.acb)[0], 0)
            certificate = certify(self.pki, request, usage, f"live-{usage}")
            code, record = tool(self.box, "accept", "--key", label, str(certificate), "--eui64", self.pki.acb, *more)
            self.assertEqual(code, 0, record)
        code, record = tool(self.box, "activate", "--generation", "1", *more)
        self.assertEqual(code, 0, record)

    def test_softhsm_signs_nothing_whatever_the_list_says(self):
        self.assertIn("SoftHSM", self.refused())
        self.box.approve_module("SoftHSM project", "SoftHSM v2")
        self.assertIn("SoftHSM", self.refused())
        # Nor is a production key made or certified in it.
        for act in (("generate", "--role", "digital-signing", *GENERATE),
                    ("csr", "--key", "acb-ds", "--out", str(self.folder / "ds.csr"), *REQUEST, "--eui64", self.pki.acb)):
            code, answer = tool(self.box, *act)
            self.assertEqual((code, answer["reason"]), (1, "HSM_NOT_APPROVED"), act)
        # With keys that have certificates all the same.
        module = self.box.setting("hsm", "module")
        self.box.use_shim(self.folder / "signatures.log", ACB_SHIM_MAKER="Test HSM Ltd")
        self.box.approve_module("Test HSM Ltd")
        self.certify_first_pair()
        self.box.configure("hsm", module=module)
        self.assertIn("SoftHSM", self.refused())

    def test_an_approved_module_is_taken_and_no_other(self):
        self.box.use_shim(self.folder / "signatures.log", ACB_SHIM_MAKER="Test HSM Ltd")
        self.assertIn("not on the list", self.refused())
        self.box.approve_module("Test HSM Ltd", firmware="9.9")
        self.assertIn("not on the list", self.refused())
        without = self.box.config.read_text().replace('"9.9"', '"2.6"')
        self.box.config.write_text(without.replace("level = 3", "level = 2"))
        self.assertIn("level 2", self.refused())
        self.box.config.write_text(without + 'standard = "140-2"\n')
        self.assertIn("exception", self.refused())
        self.box.config.write_text(without)
        self.refused_without_keys()
        self.certify_first_pair()
        self.box.start()
        start = [entry for _, entry in self.box.audit_entries() if entry["kind"] == "start"][-1]
        self.assertEqual((start["hsm"]["certificate"], start["hsm"]["standard"], start["hsm"]["level"]),
                         ("4321", "FIPS 140-3", "3"))

    def refused_without_keys(self):
        """Approved, and nothing to sign with yet: another reason than the module."""
        self.box.spawn()
        outcome = self.box.outcome()
        self.box.stop()
        self.assertEqual(outcome[0], "refused")
        self.assertNotIn("HSM_NOT_APPROVED", outcome[1])

    def test_a_published_test_key_is_not_signed_with(self):
        """The DCC's own ACB keys: the live box is pointed at the token of a test box that has them."""
        acb = harness.need_shared() / "rtds" / "certificates" / harness.RTDS_ACB
        other = harness.Box.provision(
            self.folder / "other", ds_certificate=f"{acb}-ds.pem", ka_certificate=f"{acb}-ka.pem", ds_key=f"{acb}-ds.key",
            ka_key=f"{acb}-ka.key", anchors=[harness.RTDS_ANCHOR])
        self.box.configure("hsm", pin_file=str(other.directory / "pin"))
        self.box.configure("hsm.environment", SOFTHSM2_CONF=str(other.directory / "softhsm2.conf"))
        for usage in ("ds", "ka"):
            shutil.copy(f"{acb}-{usage}.pem", self.box.directory / "acb" / f"{usage}.pem")
        self.box.use_shim(self.folder / "signatures.log", ACB_SHIM_MAKER="Test HSM Ltd")
        self.box.approve_module("Test HSM Ltd")
        self.assertIn("published test key", self.refused("TEST_KEY"))


if __name__ == "__main__":
    harness.main()
