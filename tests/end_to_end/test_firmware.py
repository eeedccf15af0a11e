#!/usr/bin/python3
"""The installed software against its signed release: at each start, and by `acbctl firmware verify` before.

Issue 8, Firmware integrity; R-SEC3-55. What is not the release signs nothing (FIRMWARE_HASH, 503), stays up and says so,
and goes on once it is put right.
"""

import json
import os
import shutil
import subprocess
import unittest

from cryptography.hazmat.primitives.asymmetric import ec

import harness
from harness import World, binary, temporary_directory
from release import Release


class AtStart(harness.TestCase):
    """One box, started on releases in and out of order."""

    def setUp(self):
        self.folder = self.enterContext(temporary_directory())
        self.world = World.own(self.folder / "world", devices=12)
        self.box = self.world.box
        self.addCleanup(self.box.kill)
        self.box.stop()
        self.devices = iter(self.world.devices)
        self.release = Release(self.folder / "release")
        self.program = self.release.program_of_its_own(self.box)
        self.page = self.folder / "release" / "page.html"
        self.page.write_text("a file of the release\n")

    def record(self):
        """What the newest `start` entry says of the software."""
        entries = [entry for _, entry in self.box.audit_entries(0) if entry["kind"] == "start"]
        return entries[-1]["software"]

    def handover(self):
        document = self.world.sign(self.world.request(device=next(self.devices)))
        return document, self.world.submit(document)

    def assert_signs(self):
        self.box.start()
        self.assertTrue(self.box.get("/readyz").json["can_sign"])
        self.assert_signed(self.world, *self.handover())
        record = self.record()
        self.assertNotIn("failure", record)
        self.box.stop()
        return record

    def assert_refused(self, explanation):
        self.box.start()
        ready = self.box.get("/readyz").json
        self.assertFalse(ready["can_sign"])
        self.assertEqual(ready["reasons"][0]["reason"], "FIRMWARE_HASH")
        self.assertIn(explanation, ready["reasons"][0]["detail"])
        signatures = self.box.metric("acb_hsm_sign_total")
        _, answer = self.handover()
        self.assertEqual((answer.status, answer.reason), (503, "FIRMWARE_HASH"))
        self.assertIn("Retry-After", answer.headers)
        self.assertEqual(self.box.metric("acb_hsm_sign_total"), signatures, "a key was used")
        refused = [entry for _, entry in self.box.audit_entries(0) if entry["kind"] == "refused"][-1]
        self.assertEqual(refused["reason"], "FIRMWARE_HASH")
        record = self.record()
        self.assertIn(explanation, record["failure"])
        self.box.stop()
        return record

    def test_the_release_signs_and_is_on_record(self):
        self.release.cover(self.box, 10, self.page)
        record = self.assert_signs()
        self.assertEqual((record["checked"], record["release"], record["files"]), (True, "10", "2"))
        self.assertEqual(record["manifest_sha256"], harness_sha256(self.release.manifest))
        self.assertEqual(record["program_sha256"], harness_sha256(self.program))

    def test_configuration_that_the_site_changed_is_on_record_and_stops_nothing(self):
        self.release.configuration = (str(self.page),)
        self.release.cover(self.box, 10, self.page)
        self.assertNotIn("edited", self.assert_signs())
        self.page.write_text("as the site wants it\n")
        self.assertEqual(self.assert_signs()["edited"], [str(self.page)])

    def test_what_was_changed_signs_nothing_until_it_is_put_right(self):
        self.release.cover(self.box, 10, self.page)
        with open(self.program, "ab") as program:  # runs as before: behind the sections nothing is loaded
            program.write(b"\0")
        self.assertEqual(self.assert_refused(f"changed since its release: {self.program}")["changed"], [str(self.program)])
        shutil.copy(binary("platform", "acbd"), self.program)
        self.assert_signs()
        self.page.write_text("another file\n")
        self.assert_refused(f"changed since its release: {self.page}")
        self.page.unlink()
        self.assertEqual(self.assert_refused(f"missing: {self.page}")["missing"], [str(self.page)])
        self.page.symlink_to(self.program)
        self.assert_refused(f"changed since its release: {self.page}")

    def test_a_manifest_that_was_changed_or_not_signed_signs_nothing(self):
        self.release.cover(self.box, 10)
        text = self.release.manifest.read_text()
        self.release.manifest.write_text(text.replace('"10"', '"11"'))
        self.assert_refused("does not verify")
        self.release.manifest.write_text(text)
        self.release.sign(ec.generate_private_key(ec.SECP256R1()))
        self.assert_refused("was not signed by the key")
        self.release.signature.unlink()
        self.assert_refused("manifest.json.sig: No such file")
        self.release.sign()
        self.release.manifest.rename(self.release.folder / "elsewhere")
        self.assert_refused("manifest.json: No such file")

    def test_an_older_release_than_one_that_ran_here_signs_nothing(self):
        self.release.cover(self.box, 10)
        self.assert_signs()
        self.release.cover(self.box, 9)
        self.assertEqual(self.assert_refused("release 9 is older than 10")["newest_release"], "10")
        self.release.cover(self.box, 10)
        self.assert_signs()
        # One that was not in order is none that ran here.
        self.release.cover(self.box, 12, self.page)
        self.page.write_text("changed\n")
        self.assert_refused("changed")
        self.release.cover(self.box, 11)
        self.assert_signs()

    def test_a_program_that_is_none_of_the_release_signs_nothing(self):
        self.release.cover(self.box, 10)
        elsewhere = self.folder / "acbd-elsewhere"
        shutil.copy(self.program, elsewhere)
        self.box.program = str(elsewhere)
        self.assert_refused("the running program is not the one of the release")

    def test_without_the_section_a_test_box_measures_nothing_and_says_so(self):
        record = self.assert_signs()
        self.assertEqual(record, {"checked": False})
        self.assertIn("software-not-measured", self.box.log_file.read_text())


def harness_sha256(path):
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


class BeforeInstallation(unittest.TestCase):
    """acbctl firmware verify, on a folder that stands for unpacked packages."""

    def setUp(self):
        self.folder = self.enterContext(temporary_directory())
        self.release = Release(self.folder / "release")
        self.root = self.folder / "root"
        self.files = {"/usr/sbin/acbd": b"program", "/usr/share/acbd/monitoring/rules.yml": b"rules"}
        for path, octets in self.files.items():
            (self.root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path[1:]).write_bytes(octets)
        self.installed = Release(self.folder / "installed")
        self.installed.private, self.installed.key = self.release.private, self.release.key
        self.release.write(self.files, 10)

    def verify(self, *more):
        return subprocess.run(
            [binary("tools", "acbctl"), "firmware", "verify", str(self.release.manifest), "--key", str(self.release.key),
             "--root", str(self.root), "--installed", str(self.installed.manifest), *more],
            capture_output=True, text=True, check=False, env={k: v for k, v in os.environ.items() if k != "ACB_DIRECTORY"})

    def refused(self, text):
        done = self.verify()
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn(text, done.stderr)
        self.assertNotIn("are as it says", done.stdout)

    def test_a_whole_release_is_good(self):
        done = self.verify()
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("2 files of 1 packages are as it says", done.stdout)
        json_ = subprocess.run([binary("tools", "acbctl"), "--json", "firmware", "verify", str(self.release.manifest),
                                "--key", str(self.release.key), "--root", str(self.root)],
                               capture_output=True, text=True, check=True).stdout
        self.assertEqual((json.loads(json_)["good"], json.loads(json_)["release"]), (True, "10"))

    def test_each_fault_is_named(self):
        rules = self.root / "usr/share/acbd/monitoring/rules.yml"
        rules.write_bytes(b"rulez")
        self.refused("changed: /usr/share/acbd/monitoring/rules.yml")
        rules.unlink()
        self.refused("missing: /usr/share/acbd/monitoring/rules.yml")
        rules.write_bytes(b"rules")
        self.assertEqual(self.verify().returncode, 0)
        self.release.sign(ec.generate_private_key(ec.SECP256R1()))
        self.refused("was not signed by the key")
        self.release.signature.unlink()
        self.refused("manifest.json.sig: No such file")

    def test_one_that_is_older_than_the_installed_is_refused(self):
        self.installed.write(self.files, 10)
        self.assertEqual(self.verify().returncode, 0)
        self.installed.write(self.files, 11)
        self.refused("older: release 11 is installed")
        # Another maker's manifest says nothing.
        self.installed.sign(ec.generate_private_key(ec.SECP256R1()))
        self.assertEqual(self.verify().returncode, 0)

    def test_an_empty_folder_is_no_release(self):
        shutil.rmtree(self.root)
        self.root.mkdir()
        self.refused("nothing of it is in")

    def test_wrong_usage_is_2(self):
        done = subprocess.run([binary("tools", "acbctl"), "firmware", "verify"], capture_output=True, check=False)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    harness.main()
