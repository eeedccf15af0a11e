#!/usr/bin/python3
"""Backup, restore and recovery of a box whose first pair of keys is gone: the keys in use, and what ceremonies made of
each, come back with the log (R-SEC3-40, R-SEC3-41, R-SEC3-78).
"""

import json
import shutil
import subprocess

import harness
from harness import binary
from test_key_ceremony import GENERATE, KeyCase, tool

BASE = "5000000"


class GoneGeneration(KeyCase):
    """Generation 1 was in use, generation 2 is; a backup from before any ceremony, and one of afterwards."""

    def setUp(self):
        super().setUp()
        self.hand_over(0)
        self.early = self.backup("early.backup")
        self.box.stop()
        self.second = self.new_pair()
        self.good("retire", "--generation", "1")
        for label in ("acb-ds", "acb-ka"):
            self.good("destroy", "--key", label, "--backups", "none were made")
        self.before = self.listing()
        self.box.start()
        self.late = self.backup("late.backup")
        self.counter = self.hand_over(1)
        self.entries = self.folder / "entries.ndjson"
        self.entries.write_bytes(b"".join(octets + b"\n" for octets, _ in self.box.audit_entries()))
        self.box.kill()
        shutil.rmtree(self.box.store)

    def hand_over(self, number):
        device = self.world.devices[number]
        document = self.world.sign(self.world.request(device=device))
        answer = self.world.submit(document)
        self.assertEqual(answer.status, 200, answer)
        return answer.counter

    def acbctl(self, *words):
        return subprocess.run([binary("tools", "acbctl"), "--directory", str(self.box.directory), "--json", *words],
                              capture_output=True, text=True, check=False)

    def told(self, *words):
        done = self.acbctl(*words)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def backup(self, name):
        self.told("backup", "--out", str(self.folder / name))
        return self.folder / name

    def restore(self, backup):
        return self.told("restore", str(backup), "--key", str(self.box.directory / "tls" / "backup-private.pem"),
                         "--config", str(self.box.config), "--recover")

    def recover(self, *how):
        tls = self.box.directory / "tls"
        return self.told("recover", "--config", str(self.box.config), "--reason", "the disk was lost", "--as",
                         str(tls / "operator.pem"), "--as", str(tls / "operator2.pem"), *how)

    def assert_signs_with(self, pair, number):
        device = self.world.devices[number]
        document = self.world.sign(self.world.request(device=device))
        answer = self.world.submit(document)
        ds, ka = pair
        self.world.acb_ds = ds.public_key()
        self.world.mac_keys[device] = (self.world.mac_keys[device][0], ka.public_key())
        self.assert_signed(self.world, document, answer)
        return answer.counter

    def test_a_backup_with_the_register_is_restored_and_recovered(self):
        self.restore(self.late)
        told = self.recover("--from", str(self.entries))
        self.assertNotIn("keys_differ", told)
        self.assertEqual(self.listing()["keys"], self.before["keys"])
        self.box.start()
        self.assertGreater(self.assert_signs_with(self.second, 1), self.counter)

    def test_ceremonies_that_the_backup_does_not_have_come_back_with_the_log(self):
        self.restore(self.early)
        told = self.recover("--from", str(self.entries))
        self.assertNotIn("keys_differ", told)
        listing = self.listing()
        self.assertEqual(listing["differences"], [])
        self.assertEqual(listing["keys"], self.before["keys"])
        self.box.start()
        # R-SEC3-21: the command that the backup does not have counts all the same.
        self.assertEqual([(one["key"], one["operations"]) for one in self.box.get("/readyz").json["keys"]],
                         [("acb-ds-2", "1")])
        self.assertGreater(self.assert_signs_with(self.second, 1), self.counter)

    def test_without_the_log_it_says_what_differs_and_a_new_pair_can_be_made(self):
        self.restore(self.early)
        told = self.recover("--base", BASE)
        differences = " ".join(told["keys_differ"])
        self.assertIn("acb-ds: made when the box was provisioned, and not in the token", differences)
        self.assertIn("acb-ds-2: in the token, and on no record (orphan)", differences)
        for role in ("digital-signing", "key-agreement"):
            self.good("generate", "--role", role, *GENERATE)
        pair = self.certified("acb-ds-3", "ds"), self.certified("acb-ka-3", "ka")
        self.good("activate", "--generation", "3")
        self.good("retire", "--generation", "1")
        for label in ("acb-ds", "acb-ka", "acb-ds-2", "acb-ka-2"):
            code, said = self.destroy(label)
            self.assertEqual(code, 0, said)
        self.assertEqual(self.listing()["differences"], [])
        self.box.start()
        self.world.import_devices(self.world.device_rows)
        self.assertGreater(self.assert_signs_with(pair, 1), int(BASE))

    def destroy(self, label):
        return tool(self.box, "destroy", "--key", label, "--backups", "none are known")


if __name__ == "__main__":
    harness.main()
