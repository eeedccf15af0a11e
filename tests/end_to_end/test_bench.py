#!/usr/bin/python3
"""The programs that measure (tools/bench) do measure: each ends with figures, or says what it was not given.

No figure is judged here: that is for tools/bench/run, on a machine that does nothing else.
"""

import json
import os
import subprocess
import sys

import harness
from harness import ROOT, World, temporary_directory

SECONDS = "0.05"


def bench(name, *arguments, **environment):
    return subprocess.run([harness.binary("tools/bench", name), *(str(argument) for argument in arguments)],
                          capture_output=True, text=True, check=False,
                          env={**os.environ, "ACB_SOURCE_DIR": str(ROOT), **environment})


class Bench(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_directory())
        cls.box = World.own(cls.folder / "own", start=False).box

    def figures(self, name, *arguments, **environment):
        done = bench(name, *arguments, **environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout.strip().splitlines()[-1])

    def test_the_floors_are_measured_on_the_boxs_own_token_and_a_disk(self):
        figures = self.figures("acb-floor", "--config", self.box.config, "--disk", self.folder, "--devices", 100,
                               "--seconds", SECONDS)
        for name in ("floor1_per_s", "floor2_per_s", "anchor_listing_ms", "fdatasync_overwrite_ms", "disk1_commits_per_s",
                     "disk64_append_commits_per_s"):
            self.assertGreater(figures[name], 0, name)

    def test_reservations_are_made_in_a_box_and_in_a_store_of_their_own(self):
        for place in (("--config", self.box.config), ("--directory", self.folder)):
            figures = self.figures("acb-reserve", *place, "--devices", 5000, "--in-flight", 4, "--seconds", SECONDS)
            self.assertGreater(figures["reservations_per_s"], 0)

    def test_ungrouped_commits_are_made(self):
        self.assertGreater(self.figures("acb-peer", "lmdb", "--directory", self.folder, "--devices", 100, "--seconds",
                                        SECONDS)["per_s"], 0)

    def test_every_stage_does_what_it_measures(self):
        done = bench("acb-stages", "--benchmark_format=json", "--benchmark_min_time=0.001", TMPDIR=str(self.folder))
        self.assertEqual(done.returncode, 0, done.stderr)
        stages = json.loads(done.stdout)["benchmarks"]
        self.assertGreater(len(stages), 10)
        self.assertEqual([stage["name"] for stage in stages if stage.get("error_occurred")], [])

    def test_what_cannot_be_measured_is_a_failure(self):
        for name, arguments, status in (
                ("acb-floor", ("--config", self.folder / "none.toml"), 1), ("acb-floor", (), 2),
                ("acb-reserve", ("--directory", self.folder, "--devices", 1, "--in-flight", 1, "--seconds", 60), 1), ("acb-reserve", (), 2),
                ("acb-peer", ("etcd", "--port", 1), 1), ("acb-peer", (), 2),
                ("acb-peer", ("postgres-reserve", "--connection", "host=127.0.0.1 port=1"), 1)):
            done = bench(name, *arguments)
            self.assertEqual((done.returncode, done.stdout), (status, ""), (name, arguments))
            self.assertNotEqual(done.stderr, "", (name, arguments))

    def test_a_row_that_there_is_not_is_a_mistake_of_use(self):
        done = subprocess.run([ROOT / "tools" / "bench" / "run", "--rows", "none"], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("reserve-etcd", done.stderr)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    harness.main()
