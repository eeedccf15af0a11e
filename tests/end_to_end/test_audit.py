#!/usr/bin/python3
"""The audit log as others see it (P6; design.md section 7): checkpoints that leave the box, tiles, proofs, witnesses,
sealed fields. Everything is read by tests/independent/tlog_reference.py, which shares no code with the service."""

import base64
import datetime
import functools
import hashlib
import http.server
import ipaddress
import json
import os
import ssl
import stat
import subprocess
import sys
import threading
import time
import unittest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

import harness
import store_copies
import tlog_reference as tlog
from harness import ROOT, World, binary, temporary_directory

WAIT_SECONDS = 120
wait_for = functools.partial(harness.wait_for, seconds=WAIT_SECONDS)


def fetcher(box):
    def fetch(path):
        answer = box.get(f"/v1/audit/{path}")
        if answer.status != 200:
            raise tlog.Wrong(f"{path}: {answer}")
        return answer.octets

    return fetch


def key_of(box):
    return tlog.Key(box.get("/v1/audit/checkpoint").headers["ACB-Checkpoint-Key"])


def log_of(box):
    return tlog.Log(fetcher(box), key_of(box))


def hand_over(world, device):
    answer = world.submit(world.sign(world.request(device)))
    if answer.status != 200:
        raise AssertionError(answer)
    return answer


def begins_with(entries, checkpoint):
    """Whether the log's first entries are the checkpoint's tree."""
    leaves = [tlog.leaf_hash(entry) for entry in entries[:checkpoint.size]]
    return len(leaves) == checkpoint.size and tlog.tree_hash(leaves) == checkpoint.root


class Witness:
    """C2SP tlog-witness, `add-checkpoint`, on a port of its own. `lie` replaces its answer."""

    def __init__(self, folder, name="witness.example/1"):
        self.name = name
        self.private = ed25519.Ed25519PrivateKey.generate()
        self.key = None  # of the log; without it no log is known
        self.size, self.root = 0, None
        self.cosigned = []  # sizes
        self.proofs = 0  # from a size above 0
        self.refused = []  # of the log, for what it sent
        self.requests = 0
        self.lie = None
        self.lock = threading.Lock()
        certificate, key = self._certificate(folder)
        witness = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, octets = (404, b"") if self.path != "/log/add-checkpoint" else witness.answer(body)
                if callable(octets):  # no answer, but what it does in place of one
                    octets(self)
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(octets)))
                self.end_headers()
                self.wfile.write(octets)

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.ca = certificate
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def _certificate(folder):
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "witness")])
        now = datetime.datetime.utcnow()
        certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                       .serial_number(1).not_valid_before(now - datetime.timedelta(hours=1))
                       .not_valid_after(now + datetime.timedelta(days=2))
                       .add_extension(x509.BasicConstraints(True, None), True)
                       .add_extension(x509.SubjectAlternativeName(
                           [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
                       .sign(key, hashes.SHA256()))
        paths = folder / "witness.pem", folder / "witness.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
        return paths

    def configuration(self):
        return (f'\n[[audit.witness]]\nurl = "https://127.0.0.1:{self.server.server_address[1]}/log"\n'
                f'key = "{tlog.cosigner_vkey(self.private, self.name)}"\nca = "{self.ca}"\n')

    def answer(self, body):
        with self.lock:
            self.requests += 1
            lie = self.lie
        if lie:
            return lie(body)  # many may hang at once
        with self.lock:
            try:
                return self.judge(body)
            except (tlog.Wrong, ValueError) as error:
                self.refused.append(repr(error))
                return 422, b"no\n"

    def judge(self, body):
        head, _, note = body.partition(b"\n\n")
        old, *proof = head.decode().split("\n")
        if not old.startswith("old ") or not self.key:
            return 404, b""
        old_size = int(old[4:])
        checkpoint = tlog.Checkpoint(note)
        if checkpoint.origin != self.key.name:
            return 404, b""
        checkpoint.verify(self.key)
        if old_size > checkpoint.size:
            raise tlog.Wrong("an old size above the checkpoint's")
        if old_size != self.size:
            return 409, b"%d\n" % self.size
        hashes_given = [base64.b64decode(text, validate=True) for text in proof]
        if old_size == 0:
            if hashes_given:
                raise tlog.Wrong("a proof from nothing")
        else:
            tlog.check_consistency(old_size, checkpoint.size, self.root, checkpoint.root, hashes_given)
            self.proofs += 1
        self.size, self.root = checkpoint.size, checkpoint.root
        self.cosigned.append(checkpoint.size)
        return 200, tlog.cosign(self.private, self.name, checkpoint.text, int(time.time()))

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class AuditCase(harness.TestCase):
    """A box of its own, with a checkpoint file."""

    def setUp(self):
        self.folder = self.enterContext(temporary_directory())
        self.world = World.own(self.folder, devices=3, start=False)
        self.box = self.world.box
        self.notes_file = self.folder / "notes"
        self.box.configure("audit", checkpoint_file=str(self.notes_file))
        self.addCleanup(self.box.kill)

    def start(self):
        self.box.start()
        self.world.import_own()
        return log_of(self.box)

    def notes(self):
        return tlog.notes_of(self.notes_file.read_bytes())

    @staticmethod
    def greater(log, size):
        """The newest checkpoint, once it covers more than `size` entries."""
        checkpoint = log.checkpoint()
        return checkpoint if checkpoint.size > size else None


class PublicLog(AuditCase):
    def test_receipts_prove_tiles_agree_and_the_file_has_every_note_in_order(self):
        log = self.start()
        answers = [hand_over(self.world, device) for device, _, _ in self.world.device_rows]
        receipts = [answer.json["audit"] for answer in answers]
        for receipt in receipts:
            proof = json.loads(log.fetch(f"proof/{receipt['index']}"))
            log.check_receipt(proof, receipt["leaf"])
            self.assertEqual(json.loads(proof["entry"])["kind"], "signed")
        # One of the newest entry, which no checkpoint covers yet, is made on demand.
        refused = self.world.submit(b"<no/>")
        self.assertGreaterEqual(refused.status, 400)
        newest = len(self.box.audit_entries()) - 1
        covering = log.check_receipt(json.loads(log.fetch(f"proof/{newest}")))
        self.assertGreater(covering.size, newest)
        checkpoint = log.checkpoint()
        entries = log.check(checkpoint)
        self.assertEqual([entry for entry, _ in self.box.audit_entries()][:checkpoint.size], entries)
        self.assertEqual(self.box.get(f"/v1/audit/proof/{newest + 1000}").status, 404)
        self.box.stop()
        notes = self.notes()
        sizes = [note.size for note in notes]
        self.assertEqual(sizes, sorted(set(sizes)))
        for note in notes:
            note.verify(log.key)
        self.box.start()
        checkpoint = wait_for("a checkpoint of the new start", lambda: self.greater(log, notes[-1].size))
        entries = log.check(checkpoint)
        for note in notes:
            self.assertTrue(begins_with(entries, note), note.size)
        # The last one of the run before is of the stopped log, all of it.
        self.assertEqual(json.loads(entries[notes[-1].size - 1])["kind"], "stop")
        self.assertEqual(json.loads(entries[notes[-1].size])["kind"], "start")

    def test_the_newest_checkpoint_is_in_each_answer_that_changes_something(self):
        log = self.start()
        newest = log.checkpoint()
        later = self.world.submit(b"<no/>").headers["ACB-Checkpoint"]
        note = tlog.Checkpoint(base64.b64decode(later, validate=True))
        note.verify(log.key)
        self.assertGreaterEqual(note.size, newest.size)
        self.assertNotIn("ACB-Checkpoint", self.box.get("/readyz").headers)

    def test_tiles_beyond_the_checkpoint_are_not_there_and_full_ones_never_change(self):
        log = self.start()
        for _ in range(270 - log.checkpoint().size):
            self.world.submit(b"<no/>")
        size = log.check_receipt(json.loads(log.fetch("proof/269"))).size
        self.assertGreater(size, 256)
        full = self.box.get("/v1/audit/tile/0/000")
        self.assertEqual((full.status, len(full.octets)), (200, 256 * 32))
        self.assertIn("immutable", full.headers["Cache-Control"])
        partial = self.box.get("/v1/audit/tile/0/001.p/1")
        self.assertEqual((partial.status, partial.headers["Cache-Control"]), (200, "no-store"))
        for path in ("0/001", "0/001.p/255", "1/000.p/2", "2/000.p/1", "entries/002.p/1", "0/000.p/256", "0/0", "x"):
            self.assertEqual(self.box.get(f"/v1/audit/tile/{path}").status, 404, path)
        log.check(log.checkpoint())
        self.assertEqual(self.box.get("/v1/audit/tile/0/000", role="dsp").status, 403)
        views = [line for line in self.box.log_file.read_text().splitlines() if '"audit-view"' in line]
        self.assertTrue(any("/v1/audit/tile/0/000" in line and "auditor" in line for line in views))

    def test_kill_leaves_a_log_that_begins_with_the_checkpoint_before(self):
        log = self.start()
        hand_over(self.world, self.world.device_rows[0][0])
        log.fetch(f"proof/{len(self.box.audit_entries()) - 1}")
        before = log.checkpoint()
        self.box.kill()
        self.box.start()
        after = wait_for("a checkpoint of the new start", lambda: self.greater(log, before.size))
        self.assertTrue(begins_with(log.check(after), before))

    def test_sealed_fields_are_in_no_entry_and_open_with_their_salts(self):
        self.start()
        hand_over(self.world, self.world.device_rows[0][0])
        self.world.submit(b"<no/>")
        entries = {entry["index"]: entry for _, entry in self.box.audit_entries()}
        lines = self.box.get("/v1/audit/disclosures?count=1000").octets.splitlines()
        opened = {(line["index"], name): field for line in map(json.loads, lines)
                  for name, field in line["sealed"].items()}
        sealed = {(index, name): value for index, entry in entries.items()
                  for name, value in entry.get("sealed", {}).items()}
        self.assertEqual(set(opened), set(sealed))
        self.assertEqual({name for _, name in sealed}, {"mpxn", "explanation", "blind"})
        for place, field in opened.items():
            text = json.dumps([place[1], field["salt"], field["value"]], separators=(",", ":"), ensure_ascii=False)
            self.assertEqual(hashlib.sha256(text.encode()).hexdigest(), sealed[place])
            if place[1] == "blind":  # a salt for an entry that the Panel does not see, and nothing else
                self.assertEqual((len(field["salt"]), field["value"]), (32, ""))
            else:
                self.assertNotIn(field["value"], json.dumps(entries[place[0]], ensure_ascii=False))
        self.assertEqual(self.box.get("/v1/audit/disclosures", role="operator").status, 403)

    def test_acbctl_and_the_reader_agree(self):
        self.start()
        receipt = hand_over(self.world, self.world.device_rows[0][0]).json["audit"]
        acbctl = [binary("tools", "acbctl"), "--directory", str(self.box.directory)]
        files = self.folder / "receipt", self.folder / "checkpoint", self.folder / "vkey"
        harness.run(*acbctl, "audit", "proof", receipt["index"], "--out", str(files[0]))
        harness.run(*acbctl, "audit", "checkpoint", "--out", str(files[1]), "--vkey-out", str(files[2]))
        key = tlog.Key(files[2].read_text())
        log = tlog.Log(fetcher(self.box), key)
        log.check_receipt(json.loads(files[0].read_text()), receipt["leaf"])
        tlog.Checkpoint(files[1].read_bytes()).verify(key)
        harness.run(*acbctl, "audit", "checkpoint", "--out", "/dev/null", "--vkey-out", "/dev/null")
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode), "a device is written to, and stays one")
        told = json.loads(harness.run(*acbctl, "--json", "audit", "checkpoint").stdout)
        self.assertEqual(told["origin"], key.name)
        self.assertEqual(harness.run(*acbctl, "audit", "proof", "99999", check=False).returncode, 1)
        self.assertEqual(harness.run(*acbctl, "audit", "proof", check=False).returncode, 2)
        tls = self.box.directory / "tls"
        reader = [sys.executable, "-B", str(ROOT / "tests" / "independent" / "tlog_reference.py"), "--url",
                  f"https://127.0.0.1:{self.box.port}", "--cacert", str(tls / "ca.pem"), "--cert",
                  str(tls / "auditor.pem"), "--key", str(tls / "auditor.key"), "--vkey", str(files[2])]
        done = subprocess.run(reader, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_file_that_cannot_be_written_needs_attention_and_stops_nothing(self):
        # Its directory is there before the start: one that comes later is outside what acbd may write to (sandbox).
        (self.folder / "none" / "notes").mkdir(parents=True)
        self.box.configure("audit", checkpoint_file=str(self.folder / "none" / "notes"))
        self.start()
        hand_over(self.world, self.world.device_rows[0][0])
        reasons = wait_for("attention", lambda: self.box.get("/readyz").json["reasons"])
        self.assertIn("checkpoints cannot be written", reasons[0]["detail"])
        (self.folder / "none" / "notes").rmdir()
        hand_over(self.world, self.world.device_rows[1][0])
        log_of(self.box).fetch(f"proof/{len(self.box.audit_entries()) - 1}")
        wait_for("no attention", lambda: not self.box.get("/readyz").json["reasons"])
        notes = tlog.notes_of((self.folder / "none" / "notes").read_bytes())
        sizes = [note.size for note in notes]
        self.assertEqual(sizes, sorted(set(sizes)))
        self.assertGreater(len(sizes), 1, "also those from before the directory was there")


class OddRequests(AuditCase):
    def test_only_the_one_name_of_an_entry_or_a_tile_names_it(self):
        self.start()
        for _ in range(3):
            self.world.submit(b"<no/>")
        size = len(self.box.audit_entries())
        for index in (str(size), str(2**64 - 1), str(2**64), "01", "+1", "-1", "1e3", "0x1", "1.0", "1%20", "", "1/"):
            self.assertEqual(self.box.get(f"/v1/audit/proof/{index}").status, 404, index)
        for index in ("0", "1", "%31"):
            self.assertEqual(self.box.get(f"/v1/audit/proof/{index}").status, 200, index)
        greatest = "x018/x446/x744/x073/x709/x551"
        for path in ("0/000.p/0", "0/000.p/256", "0/000.p/01", "0/000.p/+1", "0/000.p/", "0/000.p", "63/000.p/1",
                     "64/000", "8/000", "7/000.p/1", "00/000.p/1", "0/x00", "0/x000/000.p/1", "0//000.p/1",
                     "0/000.p/1/", "entries/x000/000.p/1", "-0/000.p/1", "0/000.p/1.p/1", "checkpoint",
                     f"0/{greatest}/615", f"0/{greatest}/616", f"0/{greatest}/615.p/1", "0/" + "x001/" * 30 + "000"):
            self.assertEqual(self.box.get(f"/v1/audit/tile/{path}").status, 404, path)
        for path in ("0/%2e%2e/000", "0/..", "../entries", "0/000.p%2f1", "0/000.p/1%00"):
            self.assertEqual(self.box.get(f"/v1/audit/tile/{path}").status, 400, path)
        self.assertEqual(len(self.box.get("/v1/audit/tile/0/000.p/1").octets), 32)
        for query in ("from=-1", "from=01", "from=", "from=0&from=1", f"count={2**64}"):
            for name in ("entries", "disclosures"):
                self.assertEqual(self.box.get(f"/v1/audit/{name}?{query}").status, 400, query)
        for query in (f"from={2**64 - 1}&count={2**64 - 1}", "count=0"):
            for name in ("entries", "disclosures"):
                answer = self.box.get(f"/v1/audit/{name}?{query}")
                self.assertEqual((answer.status, answer.octets), (200, b""), query)

    def test_a_salt_is_in_nothing_but_the_disclosures(self):
        self.start()
        for device, _, _ in self.world.device_rows:
            hand_over(self.world, device)
        self.world.submit(b"<no/>")
        lines = map(json.loads, self.box.get("/v1/audit/disclosures?count=1000").octets.splitlines())
        salts = [field["salt"] for line in lines for field in line["sealed"].values()]
        self.assertEqual(len(set(salts)), len(salts))
        self.assertGreater(len(salts), 3)
        panel = self.folder / "panel.tar"
        harness.run(binary("tools", "acbctl"), "--directory", str(self.box.directory), "audit", "export",
                    "--redaction", "panel", str(panel))
        seen = {path: self.box.get(path).octets for path in (
            "/", "/metrics", "/readyz", "/v1/audit/entries?count=1000", "/v1/reports/network-certificates",
            "/v1/reports/refusals", "/v1/reports/signing", "/v1/reports/access?format=html")}
        seen["quarantine"] = self.box.get("/v1/quarantine", role="operator").octets
        seen["log"] = self.box.log_file.read_bytes()
        seen["panel"] = panel.read_bytes()
        for name, octets in seen.items():
            self.assertTrue(octets, name)
            for salt in salts:
                self.assertNotIn(salt.encode(), octets, name)
                self.assertNotIn(base64.b64encode(bytes.fromhex(salt)), octets, name)


class TornFile(AuditCase):
    def test_kills_leave_a_file_of_whole_notes_in_order_of_one_log(self):
        log = self.start()
        for cut in (1, 40, 150, 0):
            for _ in range(3):
                self.world.submit(b"<no/>")
                log.fetch(f"proof/{len(self.box.audit_entries()) - 1}")
            self.box.kill()
            # As when power fails before the last note is on the disk.
            octets = self.notes_file.read_bytes()
            self.notes_file.write_bytes(octets[:len(octets) - cut] + b"\0" * (100 if cut == 40 else 0))
            before = self.notes()[-1].size if cut == 0 else 0
            self.box.start()
            wait_for("a checkpoint of the new start", lambda size=before: self.greater(log, size))
        self.box.stop()
        notes = self.notes()
        sizes = [note.size for note in notes]
        self.assertEqual(sizes, sorted(set(sizes)))
        self.assertGreater(len(sizes), 12)
        self.box.start()
        entries = log.check(wait_for("a checkpoint", lambda: self.greater(log, sizes[-1])))
        for note in notes:
            note.verify(log.key)
            self.assertTrue(begins_with(entries, note), note.size)
        # An entry and what opens it were on the disk together, at each kill.
        parsed = [entry for _, entry in self.box.audit_entries()]
        lines = map(json.loads, self.box.get("/v1/audit/disclosures?count=1000").octets.splitlines())
        self.assertEqual({line["index"]: set(line["sealed"]) for line in lines},
                         {entry["index"]: set(entry["sealed"]) for entry in parsed if "sealed" in entry})


class Overtaken(AuditCase):
    def test_an_overtaken_box_gives_no_checkpoint_out(self):
        log = self.start()
        log.fetch(f"proof/{len(self.box.audit_entries()) - 1}")
        other = self.box.beside(self.folder / "second")
        other.configure("audit", checkpoint_file=str(self.folder / "other-notes"))
        self.addCleanup(other.kill)
        with store_copies.frozen(self.box):
            copy = store_copies.read(self.box.store)
        store_copies.write(copy, other.store)
        other.start()
        # The other serves: from here on this one signs nothing.
        before = self.notes_file.read_bytes()
        self.assertEqual(self.box.process.wait(WAIT_SECONDS), 1)
        self.box.process = None
        self.assertEqual(self.notes_file.read_bytes(), before)
        theirs = log_of(other)
        entries = theirs.check(theirs.checkpoint())
        for note in self.notes():
            self.assertTrue(begins_with(entries, note), "what it gave out is in the log that goes on")


class Witnessed(AuditCase):
    def setUp(self):
        super().setUp()
        self.witness = Witness(self.folder)
        self.addCleanup(self.witness.close)
        self.box.config.write_text(self.box.config.read_text() + self.witness.configuration())
        self.cosigner = tlog.Key(tlog.cosigner_vkey(self.witness.private, self.witness.name))

    def cosigned(self, log):
        checkpoint = log.checkpoint()
        return checkpoint if checkpoint.signed_by(self.cosigner) else None

    def test_a_witness_cosigns_from_checkpoint_to_checkpoint_over_kills(self):
        log = self.start()
        self.witness.key = log.key
        seen = 0
        for _ in range(2):
            for device, _, _ in self.world.device_rows:
                hand_over(self.world, device)
                log.fetch(f"proof/{len(self.box.audit_entries()) - 1}")
                checkpoint = wait_for("a cosignature", lambda: self.cosigned(log))
                now = checkpoint.verify(self.cosigner)
                self.assertLess(abs(now - time.time()), 3600)
                self.assertGreater(checkpoint.size, seen)
                seen = checkpoint.size
            self.box.kill()
            self.box.start()
            wait_for("a cosignature after the start", lambda: self.witness.size > seen)
        self.assertEqual(self.witness.refused, [])
        self.assertGreater(self.witness.proofs, 3)
        self.assertEqual(self.witness.cosigned, sorted(self.witness.cosigned))
        self.box.stop()
        # The checkpoint of the stopped log was the last that it got.
        self.assertEqual(self.witness.size, self.notes()[-1].size)

    def test_a_witness_that_lies_gets_nothing_kept_and_stops_nothing(self):
        other = ed25519.Ed25519PrivateKey.generate()
        lies = [lambda body: (200, tlog.cosign(other, self.witness.name, body.partition(b"\n\n")[2], 1)),
                lambda body: (200, b"nothing of the kind\n"),
                lambda body: (409, b"0\n"),
                lambda body: (409, b"99999999\n"),
                lambda body: (500, b"x" * 100_000)]
        told = iter(range(10**9))
        self.witness.lie = lambda body: lies[next(told) % len(lies)](body)
        log = self.start()
        for device, _, _ in self.world.device_rows:
            hand_over(self.world, device)
            log.fetch(f"proof/{len(self.box.audit_entries()) - 1}")
        wait_for("some lies", lambda: self.witness.requests >= 2)
        self.assertFalse(log.checkpoint().signed_by(self.cosigner))
        text = wait_for("a count of the failures", lambda: [
            line for line in self.box.get("/metrics").octets.decode().splitlines()
            if line.startswith("acb_witness_failures_total{") and not line.endswith(" 0")])
        self.assertIn(self.witness.name, text[0])
        self.assertEqual(self.box.get("/readyz").json["reasons"], [])
        # It comes to its senses: the box gets its cosignature without a restart.
        self.witness.lie, self.witness.key = None, log.key
        wait_for("a cosignature", lambda: self.cosigned(log))
        self.assertEqual(self.witness.refused, [])

    def recovered(self, *how):
        proof = [word for name in ("operator", "operator2")
                 for word in ("--as", str(self.box.directory / "tls" / f"{name}.pem"))]
        harness.run(binary("tools", "acbctl"), "--json", "recover", "--config", str(self.box.config), "--reason",
                    "the disk was lost", *proof, *how)
        self.box.start()

    def grown(self, log, device):
        hand_over(self.world, device)
        log.fetch(f"proof/{len(self.box.audit_entries()) - 1}")

    def test_a_recovery_from_the_log_continues_it_and_of_one_without_it_the_witness_says_so(self):
        log = self.start()
        self.witness.key = log.key
        devices = [device for device, _, _ in self.world.device_rows]
        self.grown(log, devices[0])
        self.box.kill()
        older = store_copies.read(self.box.store)
        self.box.start()
        self.grown(log, devices[1])
        given_out = wait_for("a cosignature", lambda: self.cosigned(log))
        export = self.folder / "entries.ndjson"
        export.write_bytes(b"".join(octets + b"\n" for octets, _ in self.box.audit_entries()))
        self.box.kill()

        store_copies.write(older, self.box.store)
        self.recovered("--from", str(export))
        self.grown(log, devices[2])
        again = wait_for("a cosignature after the recovery", lambda: self.cosigned(log))
        self.assertTrue(begins_with(log.check(again), given_out))
        self.assertEqual(self.witness.refused, [])
        self.box.kill()

        store_copies.write(older, self.box.store)
        self.recovered("--base", "1000000")
        while log.checkpoint().size <= again.size:
            self.world.submit(b"<no/>")
            log.fetch(f"proof/{len(self.box.audit_entries()) - 1}")
        wait_for("what the witness says of the fork", lambda: b"does not continue the tree" in
                 self.box.log_file.read_bytes())
        self.assertFalse(log.checkpoint().signed_by(self.cosigner))
        self.assertFalse(begins_with(log.check(log.checkpoint()), given_out))

    def test_a_witness_that_attacks_gets_nothing_kept_and_stops_nothing(self):
        """It answers at all lengths, slowly, never, elsewhere, in times that no clock shows, and with what would be
        lines of the service's log."""
        end = threading.Event()
        self.addCleanup(end.set)
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

        def write(*pieces, pause=0.0):
            def do(handler):
                try:
                    for piece in pieces:
                        handler.wfile.write(piece)
                        if end.wait(pause):
                            return
                except OSError:
                    pass  # the box went away

            return lambda body: (0, do)

        def cosigned_at(seconds):
            return lambda body: (200, tlog.cosign(self.witness.private, self.witness.name, tlog.Checkpoint(
                body.partition(b"\n\n")[2]).text, seconds))

        megabyte = b"%x\r\n" % (1 << 20) + b"x" * (1 << 20) + b"\r\n"
        attacks = {
            "flood": write(chunked, *[megabyte] * 100),
            "chunk line without end": write(chunked, b"1;" + b"x" * (1 << 20), *[b"x" * (1 << 20)] * 50),
            "header without end": write(b"HTTP/1.1 200 OK\r\n", *[b"X-A: " + b"x" * 1000 + b"\r\n"] * 10_000),
            "interim answers without end": write(*[b"HTTP/1.1 103 Early Hints\r\n\r\n"] * 1000),
            "redirect": write(b"HTTP/1.1 307 T\r\nLocation: /log/add-checkpoint\r\nContent-Length: 0\r\n\r\n"),
            "not HTTP": write(b"\x00\xff" * 100),
            "octets for the log": lambda body: (500, b'\xff\n{"level":"error","event":"planted"}\n\x1b[2J'),
            "size that is none": lambda body: (409, b"1" * 60_000),
            "year 10000": cosigned_at(253402300800),
            "greatest time": cosigned_at(2**64 - 1),
            "slow chunks": write(chunked, *[b"1\r\nx\r\n"] * 1000, pause=0.2),
            "no answer": write(b"", pause=1000),
        }
        self.witness.lie = attacks["redirect"]
        log = self.start()

        def failures():
            return self.box.log_file.read_bytes().count(b'"event":"witness-failed"')

        for name, attack in attacks.items():
            self.witness.lie = attack
            before = self.witness.requests
            self.box.kill()  # its patience with the witness begins anew
            failed = failures()
            self.box.start()
            wait_for(name, lambda count=before: self.witness.requests > count)
            self.assertGreaterEqual(self.world.submit(b"<no/>").status, 400)
            log.fetch(f"proof/{len(self.box.audit_entries()) - 1}")
            if name != "no answer":
                wait_for(f"{name}: a failure", lambda count=failed: failures() > count)
            self.assertFalse(log.checkpoint().signed_by(self.cosigner), name)
            self.assertEqual(self.box.get("/readyz").json["reasons"], [], name)
        # While it still gives no answer: the `stop` entry is made, and its checkpoint is in the file.
        self.box.stop()
        for line in self.box.log_file.read_bytes().splitlines():
            self.assertNotEqual(json.loads(line)["event"], "planted")
        self.witness.lie, self.witness.key = None, log.key
        self.box.start()
        wait_for("a cosignature", lambda: self.cosigned(log))
        notes = self.notes()
        entries = log.check(log.checkpoint())
        self.assertIn("stop", [json.loads(entries[note.size - 1])["kind"] for note in notes
                               if note.size <= len(entries)])


if __name__ == "__main__":
    harness.main()
