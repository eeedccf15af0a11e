#!/usr/bin/python3
"""What a box meets that nobody watches: a log that nobody reads, a start that fails again and again, files that others
have to carry away (issue 8, Operations; found by an attack on sandbox, configuration and units)."""

import contextlib
import os
import re
import stat
import subprocess

import harness
from harness import World, binary, free_port, temporary_directory, wait_for

REQUESTS = 1000  # a line of the log each, far more than a pipe holds


class Unattended(harness.TestCase):
    def setUp(self):
        self.world = World.own(self.enterContext(temporary_directory()), devices=2)
        self.box = self.world.box
        self.addCleanup(self.box.kill)

    def handover(self, device):
        document = self.world.sign(self.world.request(device=self.world.devices[device]))
        self.assert_signed(self.world, document, self.world.submit(document))

    def test_a_log_that_nobody_reads_stops_nothing(self):
        self.box.stop()
        self.box.log_file.unlink()
        os.mkfifo(self.box.log_file)
        held = os.open(self.box.log_file, os.O_RDWR | os.O_NONBLOCK)
        self.addCleanup(os.close, held)
        self.box.start()
        for _ in range(REQUESTS):
            self.assertEqual(self.box.get("/healthz").status, 200)
        self.handover(0)
        read = bytearray()

        def told():
            with contextlib.suppress(BlockingIOError):
                read.extend(os.read(held, 1 << 20))
            return re.search(rb'"event":"log-lines-lost","lines":\d+', read)

        told()
        self.handover(1)
        wait_for("the count of lost lines", told, 10)
        for _ in range(REQUESTS):
            self.assertEqual(self.box.get("/healthz").status, 200)
        self.box.stop()

    def raises(self):
        return [entry["raise"] for _, entry in self.box.audit_entries() if entry["kind"] == "start"]

    def assert_starts_fail_for_nothing(self, says):
        """Each is a clean stop: no window is added to any counter."""
        for _ in range(3):
            self.box.spawn()
            self.assertEqual(self.box.process.wait(60), 1)
        self.assertIn(says, self.box.log_tail())

    def check_config(self):
        return subprocess.run([binary("platform", "acbd"), "--check-config", str(self.box.config)], capture_output=True,
                              text=True, check=False)

    def test_a_start_that_fails_late_costs_no_counters(self):
        self.handover(0)
        self.box.stop()
        good = self.box.config.read_text()
        self.assertEqual(self.check_config().returncode, 0)

        self.box.config.write_text(good.replace('role = "auditor"', 'role = "auditor"\nendpoints = ["GET /v1/report"]', 1))
        done = self.check_config()
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"acbd\.toml:[1-9]\d*: client\.endpoints: .* has no endpoint 'GET /v1/report'")
        self.assert_starts_fail_for_nothing("has no endpoint 'GET /v1/report'")

        self.box.config.write_text(good)
        other = self.enterContext(harness.socket.create_server(("127.0.0.1", 0)))
        self.box.configure("listen", port=other.getsockname()[1])
        self.assert_starts_fail_for_nothing("Address already in use")

        self.box.port = free_port()
        self.box.configure("listen", port=self.box.port)
        self.box.start()
        self.assertEqual(set(self.raises()), {"0"})
        self.handover(1)

    def test_what_a_start_cannot_do_without_is_found_before(self):
        self.box.stop()
        good, pki = self.box.config.read_text(), self.world.pki
        none = self.box.directory / "none.pem"
        none.write_text("no certificate\n")
        lock = self.box.directory / "none" / "hsm.lock"
        for section, setting, value, says in (
                ("test", "issuers_without_crl", ["zz"], "must hold names such as .* not 'zz'"),
                ("trust", "roots", [str(none)], re.escape(f": {none}")),
                ("trust", "device_roots", [str(none)], re.escape(f": {none}")),
                ("trust", "device_roots", [str(pki.path("acb-ds"))], ".* is not a self-signed CA"),
                ("trust", "device_roots", [str(pki.path("root"))], ".* is also a root of the organisation PKI"),
                ("hsm", "lock_file", str(lock), f": {re.escape(str(lock.parent))} cannot be opened")):
            with self.subTest(setting, value=value):
                self.box.configure(section, **{setting: value})
                done = self.check_config()
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertRegex(done.stderr, rf"acbd\.toml:[1-9]\d*: {section}\.{setting}:? ?{says}")
                self.box.config.write_text(good)
        self.box.configure("trust", device_roots=[str(pki.path("device-ca"))])
        self.assertEqual(self.check_config().returncode, 0)

    def test_the_checkpoints_file_is_for_the_group_whatever_the_umask(self):
        self.box.stop()
        file = self.box.directory / "checkpoints"
        self.box.configure("audit", checkpoint_file=str(file))
        os.umask(0o077)
        self.addCleanup(os.umask, 0o022)
        self.box.start()
        self.handover(0)
        self.box.stop()
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o640)
        file.chmod(0o600)  # the site's own will
        self.box.start()
        self.box.stop()
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.assertGreater(len(re.findall("^acb-handover-signing/", file.read_text(), re.M)), 1)


if __name__ == "__main__":
    harness.main()
