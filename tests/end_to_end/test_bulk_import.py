#!/usr/bin/python3
"""A large devices file (Shows 5): all or nothing also over kill -9, in bounded memory, idempotent, no twins.

    test_bulk_import.py [--rows N]

bench_import.py measures the same at full size.
"""

import argparse
import contextlib
import os
import sys
import threading
import time
from pathlib import Path

import bulk_devices
import harness
from bulk_devices import Watch
from harness import World, duis_sign, temporary_directory

MIB = 1 << 20
# Two parsers' rows while they are sorted (2 x 32 MiB), the pages that one transaction changes, and the service.
MOST_RSS_ANON = 224 * MIB
MOST_RSS_FILE = 96 * MIB  # less than the file
MOST_ACBCTL = 24 * MIB
# A handover that takes longer than this waits for the import's transaction.
WAITING_SECONDS = 0.2
PATIENCE_SECONDS = 120
TRANSACTION_SHARE = 3  # of the rows of the other tests: so that a stop or a kill comes while the transaction runs


def feed_entries(world):
    return [entry for _, entry in world.box.audit_entries() if entry["kind"] == "feed" and entry["feed"] == "devices"]


def status_of(world, number):
    return world.box.get(f"/v1/devices/{duis_sign.hyphenated(bulk_devices.device_id(number))}").status


def files_without_a_name(pid):
    count = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            count += os.readlink(link).endswith(" (deleted)")
    return count


class Prober(threading.Thread):
    """Sends one handover after another until one waits, or an answer does not come."""

    def __init__(self, world):
        super().__init__()
        self.world = world
        self.sent = None  # when the one that is not answered was sent
        self.client = harness.Client(world.box, "dsp", timeout=PATIENCE_SECONDS)

    def run(self):
        try:
            while True:
                document = self.world.sign(self.world.request())
                self.sent = time.monotonic()
                self.client.request("POST", "/v1/handovers", document, {"Content-Type": "application/xml"})
        except OSError:
            pass  # the kill

    def waits(self):
        sent = self.sent
        return sent is not None and time.monotonic() - sent > WAITING_SECONDS


class TestBulkImport(harness.TestCase):
    rows = 200_000

    def test_is_all_or_nothing_in_bounded_memory(self):
        with temporary_directory() as folder:
            world = World.own(folder)
            path = folder / "devices.csv"
            bulk_devices.write_devices(path, world.pki, TRANSACTION_SHARE * self.rows)
            before = feed_entries(world)

            self.kill_inside_the_transaction(world, path)
            self.assertEqual([entry["index"] for entry in feed_entries(world)], [entry["index"] for entry in before])
            for number in (*range(0, self.rows, self.rows // 50), self.rows - 1):
                self.assertEqual(status_of(world, number), 404)
            self.assertEqual(list((world.box.directory / "store" / "tmp").iterdir()), [])

            self.assertGreater(bulk_devices.write_devices(path, world.pki, self.rows), MOST_RSS_FILE)
            for changed in (self.rows, 0):
                self.import_watched(world, path, changed)
            for number in (*range(0, self.rows, self.rows // 50), self.rows - 1):
                self.assertEqual(status_of(world, number), 200)
            self.assertEqual([entry["changed"] for entry in feed_entries(world)[len(before):]],
                             [str(self.rows), "0"])
            world.box.stop()

    def test_a_stop_gives_it_up(self):
        """It would outlast the patience of systemd, which kills: each device would lose a window."""
        with temporary_directory() as folder:
            world = World.own(folder)
            path = folder / "devices.csv"
            bulk_devices.write_devices(path, world.pki, TRANSACTION_SHARE * self.rows)
            before = feed_entries(world)
            acbctl, prober = self.start_and_wait_for_the_transaction(world, path)
            world.box.stop()
            out, error = acbctl.communicate()
            prober.join()
            self.assertEqual((acbctl.returncode, out), (1, ""))
            self.assertIn("BUSY", error)
            self.assertIn("the service stops: send it again when it is back", error)
            world.box.start()
            self.assertEqual(world.box.metric("acb_records_checked_total"), 0)  # the stop was a clean one
            self.assertEqual([entry["index"] for entry in feed_entries(world)], [entry["index"] for entry in before])
            self.assertEqual(status_of(world, 0), 404)
            world.box.stop()

    def start_and_wait_for_the_transaction(self, world, path):
        acbctl = bulk_devices.start_import(world.box, path)
        # Handovers are quick until both parsers' sorted rows are there; then the transaction holds them up.
        prober = Prober(world)
        prober.start()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while files_without_a_name(world.box.process.pid) < 2 or not prober.waits():
            self.assertIsNone(acbctl.poll(), "the import was done before a handover waited for it")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.005)
        return acbctl, prober

    def kill_inside_the_transaction(self, world, path):
        acbctl, prober = self.start_and_wait_for_the_transaction(world, path)
        world.box.kill()
        acbctl.communicate()
        prober.join()
        self.assertEqual(acbctl.returncode, 1)
        world.box.start()

    def import_watched(self, world, path, changed):
        acbctl = bulk_devices.start_import(world.box, path)
        with Watch(world, {"acbd": world.box.process.pid, "acbctl": acbctl.pid}) as watch:
            out, error = acbctl.communicate()
        self.assertEqual(acbctl.returncode, 0, error)
        self.assertEqual(out, f"imported devices: {self.rows} rows, {changed} changed\n")
        self.assertEqual(error, "")  # no terminal, no progress
        self.assertEqual(watch.wrong, [])
        self.assertGreater(len(watch.reads), 20)
        self.assertLess(watch.peaks["acbd"]["RssAnon"], MOST_RSS_ANON)
        self.assertLess(watch.peaks["acbd"]["RssFile"], MOST_RSS_FILE)
        self.assertLess(watch.peaks["acbctl"]["VmHWM"], MOST_ACBCTL)
        print({name: {what: octets // MIB for what, octets in peaks.items()} for name, peaks in watch.peaks.items()},
              flush=True)

    def test_lists_wrong_rows_and_imports_none(self):
        with temporary_directory() as folder:
            world = World.own(folder)
            path = folder / "devices.csv"
            bulk_devices.write_devices(path, world.pki, 5000)
            lines = path.read_text().splitlines()
            wrong = [*lines, lines[7], "wrong"]
            path.write_text("\n".join(wrong) + "\n")
            acbctl = bulk_devices.start_import(world.box, path)
            out, error = acbctl.communicate()
            self.assertEqual((acbctl.returncode, out), (1, ""))
            self.assertIn("FEED_REJECTED", error)
            self.assertIn("2 of 5002 rows are wrong", error)
            self.assertIn("line 5002: device_id: ", error)
            self.assertIn("is twice in the file, first on line 8\n", error)
            self.assertIn("line 5003: ", error)
            self.assertEqual(status_of(world, 0), 404)
            path.write_text("\n".join(lines) + "\n")
            acbctl = bulk_devices.start_import(world.box, path)
            self.assertEqual(acbctl.communicate(), ("imported devices: 5000 rows, 5000 changed\n", ""))
            self.assertEqual(status_of(world, 0), 200)
            world.box.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=TestBulkImport.rows)
    options, names = parser.parse_known_args()
    TestBulkImport.rows = options.rows
    harness.main([sys.argv[0], *names])
