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


class Damaged(harness.TestCase):
    """What a start finds of the file as a whole."""

    def setUp(self):
        folder = self.enterContext(temporary_directory())
        self.world = World.own(folder)
        self.box = self.world.box
        self.addCleanup(self.box.kill)
        for _ in range(3):
            self.assert_signs()
        self.file = self.box.directory / self.box.setting("store", "directory") / "data.mdb"

    def assert_signs(self):
        document = self.world.sign(self.world.request())
        self.assert_signed(self.world, document, self.world.submit(document))

    def refused(self):
        """The reasons of a start that stays up to say why."""
        self.box.spawn()
        outcome = self.box.outcome()
        self.assertEqual(outcome[0], "refused", f"{outcome}\n{self.box.log_tail()}")
        self.assertEqual(self.box.get("/readyz").json["state"], "Failed")
        return outcome[1]

    def change(self, old, new):
        octets = self.file.read_bytes()
        self.assertIn(old, octets)
        self.file.write_bytes(octets.replace(old, new))

    def test_a_log_that_was_changed_is_not_signed_on(self):
        """P4, P6: the invariant of the tampering cases, after a clean stop too."""
        text, _ = self.box.audit_entries(2)[0]
        for _ in range(3):  # a start compares the newest entries by itself
            self.box.stop()
            self.box.start()
        self.box.stop()
        sound = self.file.read_bytes()
        self.change(text, text.replace(b'"kind":"', b'"kinD":"', 1))
        self.assertEqual(self.refused(), ("RECORD_DAMAGED",))
        answer = self.world.submit(self.world.sign(self.world.request()))
        self.assertEqual((answer.status, answer.reason), (503, "RECORD_DAMAGED"))
        self.assertIn('"event":"audit-log-damaged"', self.box.log_tail(40))
        self.assertEqual(self.box.metric("acb_alarms_total"), 1)
        self.box.stop()
        self.file.write_bytes(sound)
        self.assertEqual(self.refused(), ("STORE_ROLLED_BACK",))

    def test_a_page_that_ends_whoever_reads_it_is_said_and_is_no_crash(self):
        self.box.stop()
        sound = self.file.read_bytes()
        page, said = 4096, 0
        for number in range(2, len(sound) // page):
            # Room that ends before it begins, and keys beyond the page.
            damaged = bytearray(sound)
            damaged[number * page + 10:number * page + 40] = b"\xff" * 30
            self.file.write_bytes(damaged)
            self.box.spawn()
            outcome = self.box.outcome()
            self.assertIn(outcome[0], ("ready", "refused"), f"page {number}: {outcome}\n{self.box.log_tail()}")
            said += outcome == ("refused", ("RECORD_DAMAGED",))
            self.box.kill()
            if number > 24:
                break
        self.assertGreater(said, 0)

    def test_a_file_that_goes_under_the_running_box_ends_signing_and_can_be_saved(self):
        """P4: what was answered is in the file that the process has open still."""
        self.file.rename(self.file.with_name("gone"))
        answer = self.world.submit(self.world.sign(self.world.request()))
        self.assertEqual((answer.status, answer.reason), (503, "STORE_MISSING"))
        ready = self.box.get("/readyz")
        self.assertEqual((ready.status, ready.json["state"]), (503, "Failed"))
        saved = harness.re.search(r"/proc/(\d+)/fd/(\d+)", ready.octets.decode())
        self.assertEqual(int(saved.group(1)), self.box.process.pid)
        self.file.with_name("gone").unlink()
        with open(saved.group(0), "rb") as still, open(self.file, "wb") as back:
            back.write(still.read())
        self.box.kill()
        self.box.start()
        self.assert_signs()

    def test_an_earlier_file_put_back_under_the_running_box_signs_nothing(self):
        """P1: ten counters came twice before this was looked at."""
        before = self.file.read_bytes()
        self.assert_signs()
        with open(self.file, "r+b") as file:
            file.write(before)
        answer = self.world.submit(self.world.sign(self.world.request()))
        self.assertEqual((answer.status, answer.reason), (503, "STORE_ROLLED_BACK"))


if __name__ == "__main__":
    harness.main()
