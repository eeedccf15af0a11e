#!/usr/bin/python3
"""After a kill every record is read once, beside the service: a damaged one that nobody asks for is found and named, and
what does not need it goes on (design.md section 6; reliability.md F20)."""

import json

import harness
from harness import World, temporary_directory, wait_for

PATIENCE = 60  # seconds


class RecordCheck(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(temporary_directory())
        cls.world = World.own(folder, devices=40)
        cls.box = cls.world.box
        cls.addClassCleanup(cls.box.kill)

    def checked(self):
        """The log's line of a check that is over: of this run of the box."""
        lines = [json.loads(line) for line in self.log_of_this_run() if '"records-checked"' in line]
        return lines[-1] if lines else None

    def log_of_this_run(self):
        return self.box.log_lines()[self.read:]

    def start(self):
        self.read = len(self.box.log_lines())
        self.box.start()

    def test_after_a_kill_a_damaged_record_is_found_and_named(self):
        file = self.box.directory / self.box.setting("store", "directory") / "data.mdb"
        device = self.world.devices[7]
        self.box.kill()
        self.start()
        sound = wait_for("the check of a sound store", self.checked, PATIENCE)
        self.assertEqual(sound["damaged"], 0)
        self.assertGreater(sound["records"], 3 * len(self.world.devices))
        self.assertEqual(self.box.metric("acb_records_checked_total"), sound["records"])
        self.assertEqual(self.box.metric("acb_records_damaged"), 0)
        self.assertEqual(self.box.metric("acb_record_check_under_way"), 0)

        self.box.kill()
        octets = file.read_bytes()
        y = self.world.mac_keys[device][0].public_key().public_numbers().y.to_bytes(32, "big")
        self.assertIn(y, octets)
        file.write_bytes(octets.replace(y, y[:-1] + bytes([y[-1] ^ 1])))
        self.start()
        found = wait_for("the check of a damaged store", self.checked, PATIENCE)
        self.assertEqual(found["damaged"], 1)
        named = [json.loads(line) for line in self.log_of_this_run() if '"record-damaged"' in line]
        self.assertEqual(len(named), 1)
        self.assertIn("devices", json.dumps(named[0]))
        self.assertIn(device, json.dumps(named[0]).lower())
        self.assertEqual(self.box.metric("acb_records_damaged"), 1)

        for other in self.world.devices[:3]:
            request = self.world.request(device=other)
            self.assertEqual(self.world.submit(self.world.sign(request)).status, 200)

        # A clean stop is followed by no check.
        self.box.stop()
        self.start()
        self.assertEqual(self.box.metric("acb_records_checked_total"), 0)


if __name__ == "__main__":
    harness.main()
