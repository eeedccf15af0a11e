#!/usr/bin/python3
"""Backup of a running box, restore and recovery (R-SEC3-78, design.md section 4, "Recover")."""

import hashlib
import json
import os
import random
import shutil
import subprocess
import threading
import time
import unittest
from pathlib import Path

import harness
from harness import World, temporary_directory

CONNECTIONS = 8
FLIPPED = 50
ANSWERED_BEFORE = 100
ANSWERED_BETWEEN = 20
PAGE = 4096
BASE = 5_000_000
LONGER_THAN_AN_ENTRY = 2 << 20


def acbctl(*arguments):
    return subprocess.run([harness.binary("tools", "acbctl"), "--json", *map(str, arguments)], capture_output=True,
                          text=True, check=False)


class KeptWorld(World):
    """Remembers the devices that it imported, to import them again."""

    rows = None

    def import_devices(self, rows, kind="GPF"):
        self.rows = rows
        super().import_devices(rows, kind)


class Load:
    """Handovers over several connections; keeps the greatest counter of each device."""

    def __init__(self, world):
        self.world = world
        self.greatest = {}
        self.answered = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(CONNECTIONS)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        client = self.world.box.client("dsp")
        generator = random.Random(threading.get_ident())
        while not self._stop.is_set():
            with self._lock:
                request = self.world.request(device=generator.choice(self.world.devices))
            answer = client.request("POST", "/v1/handovers", self.world.sign(request),
                                    {"Content-Type": "application/xml"})
            if answer.status == 200:
                with self._lock:
                    self.answered += 1
                    self.greatest[request.device] = max(answer.counter, self.greatest.get(request.device, 0))
        client.close()

    def join(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


class Backup(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = cls.enterClassContext(temporary_directory())
        cls.world = KeptWorld.own(cls.root / "own")
        cls.box = cls.world.box
        cls.file = cls.root / "box.backup"
        cls.load = Load(cls.world)
        while cls.load.answered < ANSWERED_BEFORE:
            time.sleep(0.01)
        cls.made = acbctl("--directory", cls.box.directory, "backup", "--out", cls.file)
        cls.make_incremental_ones()
        cls.load.join()
        # Two while nobody asks for anything: the second has next to nothing to carry.
        cls.quiet = [cls.make_incremental(cls.root / "quiet", cls.file)]
        cls.quiet.append(cls.make_incremental(cls.root / "quiet-again", cls.root / "quiet"))
        # What a restore of it has lost: up to an anchor, and behind it.
        cls.lost = cls.world.sign(cls.world.request())
        cls.lost_counter = cls.world.submit(cls.lost).counter
        cls.sign_some()
        stopped = acbctl("--directory", cls.box.directory, "suspend", "now", "party", "SUPX", "--authority", "a test")
        assert stopped.returncode == 0, stopped
        cls.sign_some()
        cls.entries = [octets for octets, _ in cls.box.audit_entries()]
        cls.box.kill()
        cls.key = cls.box.directory / "tls" / "backup-private.pem"
        cls.live_store = cls.box.directory / "store"
        cls.kept = cls.root / "store-before"
        cls.tokens = cls.root / "tokens-before"
        shutil.copytree(cls.box.directory / "tokens", cls.tokens)
        os.rename(cls.live_store, cls.kept)

    @classmethod
    def make_incremental_ones(cls):
        """Two that go on from one another, and one that goes on from the full one; handovers between and during."""
        cls.monday, cls.tuesday, cls.since_full = (cls.root / f"{name}.backup" for name in ("mon", "tue", "all"))
        full = hashlib.sha256(cls.file.read_bytes()).hexdigest()
        cls.incremental = {}
        for path, since in ((cls.monday, cls.file), (cls.tuesday, cls.monday), (cls.since_full, full)):
            answered = cls.load.answered
            while cls.load.answered < answered + ANSWERED_BETWEEN:
                time.sleep(0.01)
            cls.incremental[path] = cls.make_incremental(path, since)
        cls.nowhere = cls.root / "nowhere.backup"
        cls.unknown = acbctl("--directory", cls.box.directory, "backup", "--since", "0" * 64, "--out", cls.nowhere)

    @classmethod
    def make_incremental(cls, path, since):
        done = acbctl("--directory", cls.box.directory, "backup", "--since", since, "--out", path)
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    @classmethod
    def sign_some(cls):
        for device in cls.world.devices * 5:
            answer = cls.world.submit(cls.world.sign(cls.world.request(device=device)))
            assert answer.status == 200, answer
            cls.load.greatest[device] = max(answer.counter, cls.load.greatest.get(device, 0))

    def sign_above_everything(self, floor=0):
        for device in self.world.devices:
            answer = self.world.submit(self.world.sign(self.world.request(device=device)))
            self.assertEqual(answer.status, 200, answer)
            self.assertGreater(answer.counter, max(floor, self.load.greatest[device]))

    def setUp(self):
        shutil.rmtree(self.live_store, ignore_errors=True)
        shutil.rmtree(self.box.directory / "tokens")
        shutil.copytree(self.tokens, self.box.directory / "tokens")

    def restore(self, *more, file=None, key=None):
        files = file if isinstance(file, (list, tuple)) else [file or self.file]
        return acbctl("restore", *files, "--key", key or self.key, "--config", self.box.config, *more)

    def recover(self, *more, operators=("operator", "operator2")):
        proof = [word for name in operators for word in ("--as", self.box.directory / "tls" / f"{name}.pem")]
        return acbctl("recover", "--config", self.box.config, "--reason", "the disk was lost", *proof, *more)

    def assert_refused(self, done, reason):
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertEqual(json.loads(done.stdout)["reason"], reason, done.stdout)

    def test_a_backup_is_made_while_the_box_works(self):
        self.assertEqual(self.made.returncode, 0, self.made.stdout + self.made.stderr)
        told = json.loads(self.made.stdout)
        self.assertEqual(int(told["octets"]), self.file.stat().st_size)
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        self.assertGreater(self.load.answered, 0)

    def test_one_that_is_older_than_the_anchor_is_refused_and_leaves_nothing(self):
        self.assert_refused(self.restore(), "STORE_ROLLED_BACK")
        self.assertFalse(self.live_store.exists())

    def test_a_changed_octet_is_refused_wherever_it_is(self):
        octets = bytearray(self.file.read_bytes())
        bad = self.root / "bad.backup"
        generator = random.Random(4)
        places = [0, 20, 100, len(octets) - 1] + [generator.randrange(len(octets)) for _ in range(FLIPPED)]
        for place in places:
            changed = bytearray(octets)
            changed[place] ^= 1 << generator.randrange(8)
            bad.write_bytes(changed)
            with self.subTest(place=place):
                self.assert_refused(self.restore("--recover", file=bad), "BACKUP_DAMAGED")
                self.assertFalse(self.live_store.exists())

    def test_a_file_that_was_cut_is_refused(self):
        octets = self.file.read_bytes()
        bad = self.root / "cut.backup"
        for size in (0, 50, 109, 113, len(octets) // 2, len(octets) - 1):
            bad.write_bytes(octets[:size])
            with self.subTest(size=size):
                self.assert_refused(self.restore("--recover", file=bad), "BACKUP_DAMAGED")
                self.assertFalse(self.live_store.exists())

    def test_another_key_does_not_open_it(self):
        other = self.root / "other.pem"
        harness.run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(other))
        self.assert_refused(self.restore(key=other), "BACKUP_DAMAGED")

    def test_a_store_is_never_written_over(self):
        shutil.copytree(self.kept, self.live_store)
        before = (self.live_store / "data.mdb").read_bytes()
        self.assert_refused(self.restore("--recover"), "STORE_UNAVAILABLE")
        self.assertEqual((self.live_store / "data.mdb").read_bytes(), before)

    def test_recovered_with_a_base_it_signs_above_everything_signed(self):
        done = self.restore("--recover")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(json.loads(done.stdout)["reason"], "STORE_ROLLED_BACK")
        self.assert_refused(self.recover("--base", BASE, operators=("operator", "operator")), "OTHER_OPERATOR")
        self.assert_refused(self.recover("--base", BASE, operators=("operator", "auditor")), "FORBIDDEN")
        self.assert_refused(self.recover("--base", 2), "COUNTER_REGRESSION")
        wrong = self.recover("--base", "abc")
        self.assertEqual((wrong.returncode, wrong.stderr), (2, "acbctl: --base takes a decimal number, not 'abc'\n"))
        done = self.recover("--base", BASE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.box.start()
        device = self.world.devices[0]
        request = self.world.request(device=device)
        self.assertEqual(self.world.submit(self.world.sign(request)).reason, "CELL_UNKNOWN")
        self.world.import_devices(self.world.rows)
        self.sign_above_everything(BASE)
        self.box.stop()

    def assert_recovers_from_the_log(self, *files):
        done = self.restore("--recover", file=files)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual(told["tree_size"], self.incremental[files[-1]]["tree_size"])
        self.assertEqual(told["root"], self.incremental[files[-1]]["root"])
        export = self.root / "entries-of-all"
        export.write_bytes(b"".join(line + b"\n" for line in self.entries))
        done = self.recover("--from", export)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.box.start()
        self.sign_above_everything()
        self.box.stop()

    def test_an_incremental_backup_names_what_it_goes_on_from(self):
        for path, since in ((self.monday, self.file), (self.tuesday, self.monday), (self.since_full, self.file)):
            told = self.incremental[path]
            with self.subTest(path=path.name):
                self.assertEqual(told["since_sha256"], hashlib.sha256(since.read_bytes()).hexdigest())
                self.assertEqual(told["sha256"], hashlib.sha256(path.read_bytes()).hexdigest())
                self.assertEqual(int(told["octets"]), path.stat().st_size)
                self.assertGreater(int(told["tree_size"]), int(told["since_tree_size"]))
                self.assertGreater(int(told["octets"]), int(told["pages"]) * PAGE)
                self.assertLess(int(told["octets"]), (int(told["pages"]) + 1) * (PAGE + 64))

    def test_an_incremental_backup_carries_what_changed(self):
        self.assertLess(int(self.quiet[1]["pages"]) * 4, int(json.loads(self.made.stdout)["pages"]))
        self.assertLess(int(self.quiet[1]["octets"]) * 4, self.file.stat().st_size)

    def test_one_that_the_box_knows_nothing_of_is_no_parent(self):
        self.assertEqual(self.unknown.returncode, 1, self.unknown.stdout)
        self.assertIn("Make a full backup", self.unknown.stdout)
        self.assertFalse(self.nowhere.exists())

    def test_incremental_backups_in_order_are_a_store_that_signs_above_everything_signed(self):
        self.assert_recovers_from_the_log(self.file, self.monday, self.tuesday)

    def test_one_that_goes_on_from_the_full_one_needs_none_between(self):
        self.assert_recovers_from_the_log(self.file, self.since_full)

    def test_a_gap_or_another_order_is_refused(self):
        for files, why in (([self.monday], "name the full one first"),
                           ([self.monday, self.file], "name the full one first"),
                           ([self.file, self.file], "only the first one named may be full"),
                           ([self.file, self.tuesday], "one is missing"),
                           ([self.file, self.tuesday, self.monday], "one is missing"),
                           ([self.file, self.monday, self.monday], "one is missing"),
                           ([self.file, self.monday, self.since_full], "one is missing")):
            with self.subTest(files=[file.name for file in files]):
                done = self.restore("--recover", file=files)
                self.assert_refused(done, "BACKUP_DAMAGED")
                self.assertIn(why, json.loads(done.stdout)["explanation"])
                self.assertFalse(self.live_store.exists())

    def test_a_changed_or_cut_incremental_backup_is_refused(self):
        octets = self.monday.read_bytes()
        bad = self.root / "bad-monday.backup"
        generator = random.Random(5)
        for place in [11, 20, 100, len(octets) - 1] + [generator.randrange(len(octets)) for _ in range(FLIPPED // 5)]:
            changed = bytearray(octets)
            changed[place] ^= 1 << generator.randrange(8)
            bad.write_bytes(changed)
            with self.subTest(place=place):
                self.assert_refused(self.restore("--recover", file=[self.file, bad]), "BACKUP_DAMAGED")
                self.assertFalse(self.live_store.exists())
        for size in (0, 50, 109, len(octets) // 2, len(octets) - 1):
            bad.write_bytes(octets[:size])
            with self.subTest(size=size):
                self.assert_refused(self.restore("--recover", file=[self.file, bad]), "BACKUP_DAMAGED")
                self.assertFalse(self.live_store.exists())

    def test_one_of_another_box_is_refused(self):
        other = World.own(self.root / "other").box
        shutil.copy(self.box.directory / "backup-key.pem", other.directory / "backup-key.pem")
        files = [self.root / "other-full.backup", self.root / "other-more.backup"]
        for more, out in (((), files[0]), (("--since", files[0]), files[1])):
            done = acbctl("--directory", other.directory, "backup", "--out", out, *more)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        other.stop()
        done = self.restore("--recover", file=[self.file, files[1]])
        self.assert_refused(done, "BACKUP_DAMAGED")
        self.assertIn("another token", done.stdout)
        self.assertFalse(self.live_store.exists())

    def test_two_certificates_of_one_key_are_one_operator(self):
        tls = self.box.directory / "tls"
        trusted = (tls / "ca.pem").read_bytes()
        ca = self.root / "ca-of-this-test"
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        harness.run("openssl", "req", "-x509", *curve, "-subj", "/CN=ca of this test", "-days", "2",
                    "-keyout", f"{ca}.key", "-out", f"{ca}.pem")
        for name, identity, same in (("one", "operator", None), ("two", "operator2", "one"), ("own", "operator2", None)):
            key = ("-key", str(tls / f"{same}.key")) if same else (*curve, "-keyout", str(tls / f"{name}.key"))
            if same:
                shutil.copy(tls / f"{same}.key", tls / f"{name}.key")
            harness.run("openssl", "req", "-new", *key, "-subj", f"/CN={name}", "-out", str(self.root / "csr"))
            extensions = self.root / "extensions"
            extensions.write_text(f"subjectAltName=DNS:{identity}.acb.test\nextendedKeyUsage=clientAuth\n")
            harness.run("openssl", "x509", "-req", "-in", str(self.root / "csr"), "-CA", f"{ca}.pem", "-CAkey",
                        f"{ca}.key", "-CAcreateserial", "-days", "2", "-extfile", str(extensions),
                        "-out", str(tls / f"{name}.pem"))
        done = self.restore("--recover")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        try:
            (tls / "ca.pem").write_bytes(trusted + Path(f"{ca}.pem").read_bytes())
            self.assert_refused(self.recover("--base", BASE, operators=("one", "two")), "OTHER_OPERATOR")
            done = self.recover("--base", BASE, operators=("one", "own"))
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        finally:
            (tls / "ca.pem").write_bytes(trusted)

    def test_recovered_from_the_log_it_signs_above_everything_signed(self):
        done = self.restore("--recover")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        export = self.root / "entries"
        export.write_bytes(b"".join(line + b"\n" for line in self.entries[:30]))
        self.assert_refused(self.recover("--from", export), "STORE_ROLLED_BACK")
        changed = [*self.entries[:-25], self.entries[-25].replace(b"signed", b"stgned"), *self.entries[-24:]]
        export.write_bytes(b"".join(line + b"\n" for line in changed))
        self.assertEqual(self.recover("--from", export).returncode, 1)
        export.write_bytes(b"x" * LONGER_THAN_AN_ENTRY)
        refused = self.recover("--from", export)
        self.assert_refused(refused, "BACKUP_DAMAGED")
        self.assertIn("longer than an entry", refused.stdout)
        export.write_bytes(b"".join(line + b"\n" for line in self.entries))
        done = self.recover("--from", export)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        told = json.loads(done.stdout)
        self.assertGreater(int(told["appended"]), 0, told)
        self.assertGreater(int(told["taken_in"]), 0, told)
        self.box.start()
        self.sign_above_everything()
        anew = [octets for octets, _ in self.box.audit_entries()]
        recover = json.loads(anew[int(told["audit"]["index"])])
        raised = anew[int(recover["index"]) - int(recover["raised"]):int(recover["index"])]
        appended = int(recover["index"]) - len(raised)
        self.assertEqual(anew[:appended], self.entries[:appended])
        # P1: what it took in without proof is on the record, for the next recovery.
        self.assertEqual({json.loads(octets)["act"] for octets in raised}, {"counter-raise"})
        self.assertIn("SUPX", self.box.get("/v1/suspension").octets.decode())
        self.assert_decides_anew_what_it_lost()
        self.box.stop()

    def assert_decides_anew_what_it_lost(self):
        """P5: the answer is gone with the disk; who asks again has another, and a reviewer is told."""
        answer = self.world.submit(self.lost)
        self.assertEqual(answer.status, 200, answer)
        self.assertGreater(answer.counter, self.lost_counter)

        def review(redaction, *more):
            file = self.root / f"{redaction}.tar"
            if not file.exists():
                done = acbctl("--directory", self.box.directory, "audit", "export", "--redaction", redaction, file)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return json.loads(harness.run(harness.binary("tools/acb-verify", "acb-verify"), file, "--json", *more,
                                          check=False).stdout)

        report = review("ssc", "--recovered")
        self.assertEqual((report["result"], report["failures"]), ("verified", []))
        self.assertIn("1 RequestIDs were decided anew", "\n".join(report["notes"]))
        report = review("panel", "--recovered")
        self.assertEqual(report["result"], "verified", report)
        self.assertIn("1 RequestIDs that were signed again", "\n".join(report["not_verified"]))
        for redaction in ("ssc", "panel"):
            self.assertIn("its RequestID was signed before", json.dumps(review(redaction)["failures"]))

    def test_the_newest_state_needs_no_recovery(self):
        shutil.copytree(self.kept, self.live_store)
        self.box.start()
        self.sign_above_everything()
        running = self.recover("--base", BASE)
        self.assert_refused(running, "STORE_UNAVAILABLE")
        self.assertIn("stop acbd", running.stdout)
        self.box.stop()


if __name__ == "__main__":
    harness.main()
