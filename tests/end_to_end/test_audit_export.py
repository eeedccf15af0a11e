#!/usr/bin/python3
"""An audit export and acb-verify, which has nothing but the file: what is whole passes; what was changed, at random
places, is found and named (P6, R-SEC3-54, R-SEC3-60).

    test_audit_export.py [--entries N] [--places N] [--seed N] [test ...]
"""

import argparse
import base64
import concurrent.futures
import json
import re
import subprocess
import sys
import threading
import time
import unittest

import audit_container
import harness
from audit_container import Container, NoteSigner, canonical
from harness import World, temporary_directory

SIGNED = 12
REFUSED = 4
CONNECTIONS = 8
MPXN = re.compile(rb"39384200\d\d")  # of World.import_devices


def verify(*arguments):
    return subprocess.run([harness.binary("tools/acb-verify", "acb-verify"), *map(str, arguments)], capture_output=True,
                          text=True, check=False, env={"LC_ALL": "C"})


def reserve(box, device, count):
    client = box.client("dsp")
    for _ in range(count):
        answer = client.request("POST", f"/v1/counters/{device}/reserve", json.dumps({"purpose": "8.5"}).encode(),
                                {"Content-Type": "application/json"})
        assert answer.status == 200, answer
    client.close()


def setUpModule():
    global WORLD, EXPORT, KEY, FOLDER  # pylint: disable=global-statement
    FOLDER = unittest.enterModuleContext(temporary_directory())
    WORLD = World.own(FOLDER / "own", devices=CONNECTIONS)
    unittest.addModuleCleanup(WORLD.box.stop)
    for number in range(SIGNED):
        answer = WORLD.submit(WORLD.sign(WORLD.request(device=WORLD.devices[number % CONNECTIONS])))
        assert answer.status == 200, answer
    for number in range(REFUSED):
        answer = WORLD.submit(WORLD.sign(WORLD.request(device=f"00db1234567b{number:04x}")))
        assert answer.status == 404 or 400 <= answer.status < 500, answer
    # R-SEC3-7, as of then: the issuing authority of every certificate above is revoked now, by a list that supersedes
    # the one they were judged by.
    WORLD.box.import_feed("revocation-lists", WORLD.pki.revocation_lists("arl-next"))
    missing = OPTIONS.entries - len(WORLD.box.audit_entries())
    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        for done in [pool.submit(reserve, WORLD.box, device, max(0, missing) // CONNECTIONS + 1)
                     for device in WORLD.devices]:
            done.result()
    EXPORT = export("ssc", "whole.tar")
    KEY = FOLDER / "checkpoint.pem"
    keys = json.loads(Container.read(EXPORT.read_bytes()).files["keys.json"])["keys"]
    spki = next(key["spki"] for key in keys if key["role"] == "checkpoint")
    KEY.write_text(f"-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n")


def acbctl(*arguments, box=None):
    return harness.run(harness.binary("tools", "acbctl"), "--directory", str((box or WORLD.box).directory), "--json",
                       *map(str, arguments), check=False)


def export(redaction, name, *more):
    path = FOLDER / name
    done = acbctl("audit", "export", "--redaction", redaction, *more, path)
    assert done.returncode == 0, done.stdout + done.stderr
    return path


class Case(harness.TestCase):
    def verify(self, octets, *more, key=True):
        path = FOLDER / "changed.tar"
        path.write_bytes(octets)
        done = verify(path, "--json", *(["--key", KEY] if key else []), *more)
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        return done.returncode, json.loads(done.stdout)

    def assert_found(self, octets, *more, index=None, says="", key=True):
        """Fails, with the first bad record when the change is of one."""
        code, report = self.verify(octets, *more, key=key)
        self.assertEqual(code, 1, report)
        self.assertEqual(report["result"], "failed")
        if index is not None:
            self.assertEqual(report["first_failure"].get("index"), str(index), report)
        self.assertIn(says, json.dumps(report["failures"]))
        return report

    def container(self):
        return Container.read(EXPORT.read_bytes())


class Untouched(Case):
    def test_passes_with_everything_verified(self):
        code, report = self.verify(EXPORT.read_bytes())
        self.assertEqual((code, report["failures"]), (0, []))
        size = len(self.container().entries)
        said = "\n".join(report["verified"])
        self.assertIn(f"{size} entries are in the tree", said)
        self.assertIn(f"{SIGNED} of {SIGNED} signed commands verified", said)
        trust = json.loads(self.container().files["trust.json"])
        self.assertEqual(len([row for row in trust["revocation_lists"] if "until" in row]), 1)
        self.assertIn("disclosed values", said)
        self.assertGreaterEqual(size, OPTIONS.entries)

    def test_passes_without_a_key_and_says_where_the_key_came_from(self):
        code, report = self.verify(EXPORT.read_bytes(), key=False)
        self.assertEqual(code, 0, report)
        self.assertIn(report["key_sha256"], "\n".join(report["notes"]))
        self.assertIn("came with the export", "\n".join(report["notes"]))

    def test_says_the_same_in_words(self):
        done = verify(EXPORT, "--key", KEY)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue(done.stdout.endswith("VERIFIED\n"), done.stdout)

    def test_another_writer_makes_the_same_octets(self):
        """So the container is what FORMAT says, and any tar reads it."""
        self.assertEqual(self.container().octets(), EXPORT.read_bytes())

    def test_the_same_closed_range_gives_the_same_octets(self):
        end = self.container().manifest["end"]
        first = export("ssc", "first.tar", "--from", "0", "--to", end)
        WORLD.submit(WORLD.sign(WORLD.request()))
        second = export("ssc", "second.tar", "--from", "0", "--to", end)
        self.assertEqual(first.read_bytes(), second.read_bytes())

    def test_a_part_of_the_log_verifies_on_its_own(self):
        end = int(self.container().manifest["end"])
        path = export("ssc", "part.tar", "--from", "10", "--to", str(end - 300))
        code, report = self.verify(path.read_bytes())
        self.assertEqual((code, report["failures"]), (0, []))
        self.assertEqual((report["first"], report["end"]), ("10", str(end - 300)))
        self.assertIn("before the range", "\n".join(report["notes"]))

    def test_times_choose_the_range(self):
        entries = [json.loads(line) for line in self.container().entries]
        middle = entries[len(entries) // 2]["time"]
        path = export("ssc", "times.tar", "--from", entries[5]["time"], "--to", middle)
        manifest = Container.read(path.read_bytes()).manifest
        # Those that came at the same moment may stand in the log in another order: the least range that has all.
        within = [int(entry["index"]) for entry in entries if entries[5]["time"] <= entry["time"]]
        before = [int(entry["index"]) for entry in entries if entry["time"] < middle]
        self.assertEqual((int(manifest["first"]), int(manifest["end"])), (min(within), max(before) + 1))

    def test_a_decision_that_took_long_is_in_the_export_of_the_time_at_which_it_began(self):
        """R-SEC3-60: its entry stands behind others that began later."""
        with temporary_directory() as folder:
            world = World.own(folder, devices=2, shim_log=folder / "shim.log",
                              shim_env={"ACB_SHIM_SIGN_DELAY_US": "600000"})
            self.addCleanup(world.box.stop)
            slow = threading.Thread(target=lambda: world.submit(world.sign(world.request(world.devices[0]))))
            slow.start()
            time.sleep(0.3)
            reserve(world.box, world.devices[1], 1)
            slow.join()
            entries = [entry for _, entry in world.box.audit_entries()]
            reserved = next(entry for entry in entries if entry["kind"] == "reserved-elsewhere")
            late = next(entry for entry in entries if entry["kind"] == "signed")
            self.assertLess(int(reserved["index"]), int(late["index"]))
            self.assertLess(late["time"], reserved["time"])
            for more in (("--to", reserved["time"]), ("--from", late["time"], "--to", reserved["time"])):
                out = folder / "export.tar"
                done = acbctl("audit", "export", "--redaction", "ssc", "--replace", *more, out, box=world.box)
                self.assertEqual(done.returncode, 0, done.stderr)
                held = [json.loads(line)["index"] for line in Container.read(out.read_bytes()).entries]
                self.assertIn(late["index"], held)
            world.box.stop()

    def test_the_export_is_an_entry_behind_its_range(self):
        manifest = self.container().files["manifest.json"]
        entry = next(entry for _, entry in WORLD.box.audit_entries(int(self.container().manifest["end"]))
                     if entry["kind"] == "export")
        self.assertEqual(entry["act"], "audit-export")
        self.assertEqual(entry["manifest_sha256"], audit_container.hashlib.sha256(manifest).hexdigest())
        self.assertEqual((entry["redaction"], entry["auditor"]), ("ssc", "auditor.acb.test"))


class Panel(Case):
    @classmethod
    def setUpClass(cls):
        cls.path = export("panel", "panel.tar")

    def test_passes_and_says_what_it_cannot_see(self):
        code, report = self.verify(self.path.read_bytes())
        self.assertEqual((code, report["failures"]), (0, []))
        self.assertIn("withheld", "\n".join(report["not_verified"]))

    def test_holds_no_meter_point_no_free_text_and_no_document(self):
        files = Container.read(self.path.read_bytes()).files
        for name in ("disclosures.ndjson", "evidence.ndjson"):
            self.assertNotIn(name, files)
        entries = [json.loads(line) for line in files["entries.ndjson"].splitlines()]
        for entry in entries:
            for free_or_personal in ("explanation", "purpose", "mpxn"):
                self.assertNotIn(free_or_personal, entry)
            self.assertNotIn(entry.get("kind"),
                             ("operator", "ceremony", "provision", "configuration", "export", "start"))
        for free in ("explanation", "purpose"):
            self.assertTrue(any(free in entry.get("sealed", {}) for entry in entries), free)
        self.assertTrue(any(entry.get("withheld") for entry in entries))
        # Their presence in the other level shows that they were there to be left out.
        whole = self.container().files
        meter_points = set(MPXN.findall(whole["disclosures.ndjson"]))
        self.assertTrue(meter_points)
        for name, octets in files.items():
            for mpxn in meter_points:
                self.assertNotIn(mpxn, octets, name)

    def test_a_changed_withheld_leaf_is_found(self):
        container = Container.read(self.path.read_bytes())
        lines = container.entries
        at = next(i for i, line in enumerate(lines) if b'"withheld"' in line)
        entry = json.loads(lines[at])
        entry["leaf"] = "00" * 32
        lines[at] = canonical(entry)
        container.entries = lines
        self.assert_found(container.octets(), index=at)


class Tampering(Case):
    """Each at random places (audit-tamper/tamper-open.json, and the issue)."""

    def setUp(self):
        self.whole = self.container()
        self.lines = self.whole.entries
        self.random = OPTIONS.random

    def places(self, less=0):
        return [self.random.randrange(len(self.lines) - less) for _ in range(OPTIONS.places)]

    def with_entries(self, lines):
        container = self.whole.copy()
        container.entries = lines
        container.list_files()
        return container.octets()

    def test_one_flipped_bit_anywhere(self):
        octets = EXPORT.read_bytes()
        for _ in range(OPTIONS.places):
            at = self.random.randrange(len(octets))
            changed = bytearray(octets)
            changed[at] ^= 1 << self.random.randrange(8)
            with self.subTest(at=at):
                self.assert_found(bytes(changed))

    def test_a_flipped_bit_in_an_entry_names_it(self):
        for at in [0, *self.places()]:
            line = bytearray(self.lines[at])
            line[self.random.randrange(len(line))] ^= 1
            if b"\n" in line:
                continue
            lines = list(self.lines)
            lines[at] = bytes(line)
            with self.subTest(at=at):
                self.assert_found(self.with_entries(lines), index=at)

    def test_a_good_looking_edit(self):
        for at in self.places():
            entry = json.loads(self.lines[at])
            entry["time"] = "2026-01-01T00:00:00.000Z"
            lines = list(self.lines)
            lines[at] = canonical(entry)
            with self.subTest(at=at):
                self.assert_found(self.with_entries(lines), index=at, says="not the entry of the signed tree")

    def test_a_deleted_entry(self):
        for at in self.places():
            with self.subTest(at=at):
                self.assert_found(self.with_entries(self.lines[:at] + self.lines[at + 1:]), index=at)

    def test_an_inserted_or_doubled_entry(self):
        for at in self.places():
            other = self.random.choice(self.lines)
            with self.subTest(at=at):
                same = other == self.lines[at]
                self.assert_found(self.with_entries(self.lines[:at] + [other] + self.lines[at:]),
                                  index=at + 1 if same else at)

    def test_two_swapped_entries(self):
        for at in self.places(less=1):
            lines = list(self.lines)
            lines[at], lines[at + 1] = lines[at + 1], lines[at]
            with self.subTest(at=at):
                self.assert_found(self.with_entries(lines), index=at)

    def test_a_log_that_ends_early(self):
        for at in [0, len(self.lines) - 1, *self.places()]:
            with self.subTest(at=at):
                self.assert_found(self.with_entries(self.lines[:at]), index=at)

    def test_a_file_that_is_cut_anywhere(self):
        octets = EXPORT.read_bytes()
        for _ in range(OPTIONS.places):
            size = self.random.randrange(len(octets))
            with self.subTest(size=size):
                report = self.assert_found(octets[:size], says="the container")
                lines = octets[512:size].count(b"\n")
                if lines < len(self.lines):
                    self.assertEqual(report["first_failure"]["index"], str(lines))
        self.assert_found(b"")
        self.assert_found(octets + b"\0", says="more behind its end")

    def test_an_entry_of_another_box(self):
        other = NoteSigner("other")
        for at in self.places():
            entry = json.loads(self.lines[at]) | {"instance": other.raw.hex()}
            lines = list(self.lines)
            lines[at] = canonical(entry)
            with self.subTest(at=at):
                self.assert_found(self.with_entries(lines), index=at)

    def test_a_tile_that_was_removed_or_changed(self):
        tiles = [name for name in self.whole.files if name.startswith("tile/")]
        for _ in range(OPTIONS.places):
            name = self.random.choice(tiles)
            container = self.whole.copy()
            octets = bytearray(container.files[name])
            octets[self.random.randrange(len(octets))] ^= 1
            container.files[name] = bytes(octets)
            container.list_files()
            with self.subTest(tile=name):
                self.assert_found(container.octets(), says="tile/")
                del container.files[name]
                container.list_files()
                self.assert_found(container.octets(), says="tile/")

    def test_everything_signed_anew_with_another_key(self):
        signer = NoteSigner(self.whole.manifest["origin"])
        for at in self.places():
            entry = json.loads(self.lines[at]) | {"time": "2026-01-01T00:00:00.000Z"}
            container = self.whole.copy()
            lines = list(self.lines)
            lines[at] = canonical(entry)
            container.entries = lines
            container.sign(signer)
            with self.subTest(at=at):
                self.assert_found(container.octets(), says="another checkpoint key")
        # What the reviewer's own key shows cannot be seen without it: the fingerprint is said instead.
        self.assertEqual(self.verify(container.octets(), key=False)[1]["key_sha256"],
                         audit_container.hashlib.sha256(signer.spki).hexdigest())


class SinceACheckpoint(Case):
    """A signer of this test's own stands for the box: two logs of one key can be made."""

    def setUp(self):
        self.signer = NoteSigner("acb-handover-signing/test")
        self.key = FOLDER / "own.pem"
        self.key.write_bytes(self.signer.pem)
        self.whole = self.container()
        self.checkpoint = self.signed(self.whole)
        self.since = FOLDER / "since"
        self.since.write_bytes(self.checkpoint)

    def signed(self, container):
        return container.sign(self.signer)

    def shorter(self, size):
        container = self.whole.copy()
        container.entries = self.whole.entries[:size]
        for name in ("disclosures.ndjson", "evidence.ndjson"):
            lines = [line for line in container.files[name].splitlines() if int(json.loads(line)["index"]) < size]
            container.files[name] = b"".join(line + b"\n" for line in lines)
        trust = json.loads(container.files["trust.json"])
        for rows in trust.values():
            rows[:] = [row for row in rows if int(row["from"]) < size]
        container.files["trust.json"] = canonical(trust)
        return container, self.signed(container)

    def test_a_log_that_grew_passes(self):
        size = len(self.whole.entries)
        for _ in range(OPTIONS.places):
            container, checkpoint = self.shorter(OPTIONS.random.randrange(40, size + 1))
            self.since.write_bytes(checkpoint)
            code, report = self.verify(self.whole.octets(), "--key", self.key, "--since", self.since, key=False)
            self.assertEqual((code, report["failures"]), (0, []))
            self.assertIn("continues the earlier checkpoint", "\n".join(report["verified"]))

    def test_a_rollback_is_found_and_named(self):
        size = len(self.whole.entries)
        for _ in range(OPTIONS.places):
            back = OPTIONS.random.randrange(40, size)
            container, _ = self.shorter(back)
            with self.subTest(back=back):
                # In itself it is a good log: only the checkpoint outside shows it.
                code, report = self.verify(container.octets(), "--key", self.key, key=False)
                self.assertEqual((code, report["failures"]), (0, []))
                self.assert_found(container.octets(), "--key", self.key, "--since", self.since, key=False,
                                  index=back, says="ROLLBACK")

    def test_a_range_that_was_asked_to_end_before_is_no_rollback(self):
        since = FOLDER / "kept"
        assert acbctl("audit", "checkpoint", "--out", since).returncode == 0
        size = int(since.read_text().splitlines()[1])
        entries = [json.loads(line) for line in self.container().entries]
        for end in ("40", entries[40]["time"]):
            path = export("ssc", "closed.tar", "--replace", "--to", end)
            self.assertLess(int(Container.read(path.read_bytes()).manifest["tree_size"]), size)
            report = self.assert_found(path.read_bytes(), "--since", since, says="asked to end before")
            self.assertEqual(len(report["failures"]), 1)
            self.assertNotIn("ROLLBACK", json.dumps(report))
            self.assertIn(f"ends at entry {size} or later", json.dumps(report["failures"]))
        # As it says.
        code, report = self.verify(export("ssc", "later.tar", "--to", str(size)).read_bytes(), "--since", since)
        self.assertEqual((code, report["failures"]), (0, []))

    def test_a_rollback_is_not_excused_by_an_end_that_the_log_does_not_reach(self):
        size = len(self.whole.entries)
        for end, says in ((str(size), "ROLLBACK"), ("41", "ROLLBACK"), ("tomorrow", "ROLLBACK"),
                          ("2099-01-01", "would be a rollback")):
            container, _ = self.shorter(40)
            container.list_files(requested={"to": end})
            digest = audit_container.hashlib.sha256(container.files["manifest.json"]).digest()
            container.files["manifest.sig"] = self.signer.note(
                f"{audit_container.FORMAT}\n{base64.b64encode(digest).decode()}\n")
            with self.subTest(end):
                self.assert_found(container.octets(), "--key", self.key, "--since", self.since, key=False, says=says)

    def test_a_fork_is_found_by_two_checkpoints(self):
        size = len(self.whole.entries)
        reserved = [i for i, line in enumerate(self.whole.entries) if b'"kind":"reserved-elsewhere"' in line]
        for _ in range(OPTIONS.places):
            at = OPTIONS.random.choice(reserved)
            container = self.whole.copy()
            lines = container.entries
            lines[at] = canonical(json.loads(lines[at]) | {"purpose": "6.24.1"})
            container.entries = lines
            self.signed(container)
            with self.subTest(at=at, size=size):
                code, report = self.verify(container.octets(), "--key", self.key, key=False)
                self.assertEqual((code, report["failures"]), (0, []))
                self.assert_found(container.octets(), "--key", self.key, "--since", self.since, key=False,
                                  says="FORK")

    def test_a_checkpoint_of_another_key_or_log_is_no_comparison(self):
        self.since.write_bytes(NoteSigner("acb-handover-signing/test").checkpoint(1, bytes(32)))
        self.assert_found(self.whole.octets(), "--key", self.key, "--since", self.since, key=False,
                          says="is not signed with the key")
        self.since.write_bytes(NoteSigner("another").checkpoint(1, bytes(32)))
        self.assert_found(self.whole.octets(), "--key", self.key, "--since", self.since, key=False,
                          says="another log")

    def test_a_witness_is_verified_and_one_that_never_signed_is_missed(self):
        witness = NoteSigner("witness.example")
        text = self.whole.files["checkpoints"].split(b"\n\n")[0].decode() + "\n"
        container = self.whole.copy()
        container.files["checkpoints"] += witness.cosign(text, 1_700_000_000)
        container.list_files()
        digest = base64.b64encode(audit_container.hashlib.sha256(container.files["manifest.json"]).digest()).decode()
        container.files["manifest.sig"] = self.signer.note(f"{audit_container.FORMAT}\n{digest}\n")
        code, report = self.verify(container.octets(), "--key", self.key, "--witness", witness.vkey(4), key=False)
        self.assertEqual((code, report["failures"]), (0, []))
        self.assertIn("witness witness.example cosigned up to", "\n".join(report["verified"]))
        self.assert_found(container.octets(), "--key", self.key, "--witness", NoteSigner("other.example").vkey(4),
                          key=False, says="no checkpoint is cosigned by witness other.example")


class WhatTheEntriesSay(Case):
    """A log that was signed by a box gone wrong: the tree holds, what it says does not."""

    def setUp(self):
        self.signer = NoteSigner("acb-handover-signing/test")
        self.key = FOLDER / "own.pem"
        self.key.write_bytes(self.signer.pem)
        self.whole = self.container()
        self.lines = self.whole.entries
        self.signed = [i for i, line in enumerate(self.lines) if b'"kind":"signed"' in line]

    def found(self, index, says, lines=None, **files):
        container = self.whole.copy()
        container.entries = lines or self.lines
        container.files.update({name.replace("_", "."): octets for name, octets in files.items()})
        container.sign(self.signer)
        self.assert_found(container.octets(), "--key", self.key, key=False, index=index, says=says)

    def edited(self, at, **changes):
        lines = list(self.lines)
        lines[at] = canonical(json.loads(lines[at]) | changes)
        return lines

    def test_the_same_log_signed_by_this_key_passes(self):
        container = self.whole.copy()
        container.sign(self.signer)
        code, report = self.verify(container.octets(), "--key", self.key, key=False)
        self.assertEqual((code, report["failures"]), (0, []))

    def test_a_counter_that_is_used_twice(self):
        of_device = [i for i, line in enumerate(self.lines) if b'"kind":"reserved-elsewhere"' in line]
        first = json.loads(self.lines[of_device[0]])
        again = next(i for i in of_device[1:] if json.loads(self.lines[i])["device"] == first["device"])
        self.found(again, "P1", self.edited(again, originator_counter=first["originator_counter"]))

    def test_members_that_are_not_what_was_signed(self):
        at = self.signed[-1]
        for member, value in (("device", "00-DB-12-34-56-7B-FF-FF"), ("role", "Supplier"),
                              ("originator_counter", "999999"),
                              ("requested_floor", "5"), ("user", "00-DB-12-34-56-7B-FF-FF"),
                              ("recorded_floor", "9223372036854775807"), ("command_sha256", "00" * 32),
                              ("request_sha256", "00" * 32), ("acb_certificate", {"serial": "1"}),
                              ("certificates", [])):
            with self.subTest(member=member):
                self.found(at, "", self.edited(at, **{member: value}))

    def test_evidence_that_is_missing_or_of_another_entry(self):
        lines = self.whole.files["evidence.ndjson"].splitlines()
        self.found(json.loads(lines[0])["index"], "no evidence",
                   **{"evidence_ndjson": b"".join(line + b"\n" for line in lines[1:])})
        first, second = json.loads(lines[0]), json.loads(lines[1])
        first["command"], second["command"] = second["command"], first["command"]
        swapped = [canonical(first), canonical(second), *lines[2:]]
        self.found(first["index"], "command_sha256",
                   **{"evidence_ndjson": b"".join(line + b"\n" for line in swapped)})

    def test_a_disclosure_that_was_not_sealed(self):
        lines = self.whole.files["disclosures.ndjson"].splitlines()
        first = json.loads(lines[0])
        name = next(iter(first["sealed"]))
        first["sealed"][name]["value"] = "another"
        self.found(first["index"], "sealed", **{"disclosures_ndjson": b"".join(
            line + b"\n" for line in [canonical(first), *lines[1:]])})

    def test_trust_that_the_entries_do_not_name(self):
        trust = json.loads(self.whole.files["trust.json"])
        row = trust["certificates"][0]
        self.assertNotEqual(row["from"], "1")
        row["from"] = "1"  # an entry that brought nothing; the one that did then lacks it
        self.found("1", "brought", **{"trust_json": canonical(trust)})

    def test_another_environment(self):
        self.found(7, "environment", self.edited(7, environment="live"))


class Refusals(Case):
    def test_usage(self):
        for arguments in ((), ("--no-such",), (EXPORT, "--since"), ("receipt",)):
            with self.subTest(arguments=arguments):
                self.assertEqual(verify(*arguments).returncode, 2)
        self.assertEqual(verify("--help").returncode, 0)

    def test_files_that_are_not_there_or_none(self):
        for arguments in ((FOLDER / "absent.tar",), (EXPORT, "--key", FOLDER / "absent"),
                          (EXPORT, "--key", EXPORT), (EXPORT, "--since", FOLDER / "absent"),
                          (EXPORT, "--witness", "x")):
            with self.subTest(arguments=arguments):
                done = verify(*arguments)
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertTrue(done.stderr or "FAILED" in done.stdout)

    def test_only_auditors_export_and_only_ranges_that_are(self):
        body = {"redaction": "ssc"}
        for role, wish, reason in (("operator", body, None), ("dsp", body, None), ("auditor", {}, "MALFORMED"),
                                   ("auditor", {"redaction": "all"}, "MALFORMED"),
                                   ("auditor", body | {"from": "x"}, "MALFORMED"),
                                   ("auditor", body | {"from": "5", "to": "5"}, "MALFORMED"),
                                   ("auditor", body | {"to": "99999999999"}, "MALFORMED"),
                                   ("auditor", body | {"until": "7"}, "MALFORMED")):
            client = WORLD.box.client(role)
            answer = client.request("POST", "/v1/audit/export", json.dumps(wish).encode(),
                                    {"Content-Type": "application/json"})
            client.close()
            with self.subTest(role=role, wish=wish):
                self.assertEqual(answer.status, 403 if reason is None else 400, answer)
                if reason:
                    self.assertEqual(answer.reason, reason)

    def test_a_file_is_not_overwritten_unless_it_is_said(self):
        path = FOLDER / "there.tar"
        path.write_bytes(b"mine")
        done = acbctl("audit", "export", "--redaction", "panel", path)
        self.assertEqual((done.returncode, path.read_bytes()), (1, b"mine"))
        self.assertIn("--replace", json.loads(done.stdout)["explanation"])
        done = acbctl("audit", "export", "--redaction", "panel", "--replace", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(acbctl("audit", "export", "--redaction", "some", path).returncode, 2)
        for name in ("--from", "--to"):
            done = acbctl("audit", "export", "--redaction", "ssc", name, "yesterday", path)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(f"{name} takes an index, a time", done.stderr)
        self.assertEqual([p.name for p in FOLDER.glob("*.part")], [])

    def test_a_receipt_verifies_and_a_changed_one_does_not(self):
        answer = WORLD.box.get("/v1/audit/proof/7")
        self.assertEqual(answer.status, 200, answer)
        path = FOLDER / "receipt.json"
        path.write_bytes(answer.octets)
        done = verify("receipt", path, "--key", KEY)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for member, value in (("leaf", "00" * 32), ("index", "8"), ("root", "00" * 32), ("tree_size", "9"),
                              ("entry", "{}"), ("proof", []), ("checkpoint", "x")):
            path.write_text(json.dumps(answer.json | {member: value}))
            with self.subTest(member=member):
                self.assertEqual(verify("receipt", path, "--key", KEY).returncode, 1)


def options():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--entries", type=int, default=1200)
    parser.add_argument("--places", type=int, default=4)
    parser.add_argument("--seed")
    known, rest = parser.parse_known_args()
    known.random = harness.seeded_random(known.seed)
    return known, [sys.argv[0], *rest]


if __name__ == "__main__":
    OPTIONS, ARGUMENTS = options()
    harness.main(ARGUMENTS)
