#!/usr/bin/python3
"""acbd as a unit of systemd, without a systemd that runs: its notifications, its watchdog, a socket it is given, a
credential, and what the unit itself exposes.

Issue 8, Hardening; reliability.md F24. Needs systemd-analyze (package systemd); the watchdog test stops single threads
of acbd with ptrace(2), which takes root.
"""

import ctypes
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time

import harness
from harness import ROOT, World, binary, temporary_directory
from scenario_stage import FAKETIME

UNITS = ROOT / "platform" / "systemd"
MOST_EXPOSED = 1.5
WAIT_SECONDS = 60
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17


def call(*words, **options):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **options)


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name.replace("@", "\0", 1))

    def next(self, seconds=WAIT_SECONDS):
        """One message as {variable: value}, None when none came in time."""
        if not select.select([self.socket], [], [], seconds)[0]:
            return None
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())

    def until(self, variable, seconds=WAIT_SECONDS):
        """The first message that has the variable."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            message = self.next(max(0.0, deadline - time.monotonic()))
            if message is not None and variable in message:
                return message
        raise AssertionError(f"no {variable} came in {seconds} s")

    def drain(self):
        while self.next(0) is not None:
            pass


class StoppedThread:
    """One thread of a process that makes no step."""

    def __init__(self, thread):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.thread = thread

    def _ptrace(self, request):
        if self.libc.ptrace(request, self.thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def __enter__(self):
        self._ptrace(PTRACE_SEIZE)
        self._ptrace(PTRACE_INTERRUPT)
        os.waitpid(self.thread, 0x40000000)  # __WALL
        return self

    def __exit__(self, *_):
        self._ptrace(PTRACE_DETACH)


def thread_named(process, name):
    for task in (os.listdir(f"/proc/{process}/task")):
        with open(f"/proc/{process}/task/{task}/comm", encoding="ascii") as comm:
            if comm.read().strip() == name:
                return int(task)
    raise AssertionError(f"no thread {name}")


class TestUnit(harness.TestCase):
    """The unit files."""

    def unit(self, folder):
        """A copy whose program exists, so that systemd-analyze can look at the rest."""
        for name in ("acbd.service", "acbd.socket"):
            text = (UNITS / name).read_text().replace("/usr/sbin/acbd", binary("platform", "acbd"))
            (folder / name).write_text(text)
        return folder / "acbd.service"

    def test_exposure_is_low(self):
        with temporary_directory() as folder:
            unit = self.unit(folder)
            done = call("systemd-analyze", "security", "--offline=yes", "--no-pager",
                        f"--threshold={int(MOST_EXPOSED * 10)}", unit)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            exposure = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)[1])
            print(f"exposure of acbd.service: {exposure}", flush=True)
            self.assertLessEqual(exposure, MOST_EXPOSED)
            unit.write_text(unit.read_text().replace("ProtectSystem=strict", "").replace("NoNewPrivileges=yes", "")
                            .replace("CapabilityBoundingSet=\n", "").replace("PrivateDevices=yes", ""))
            worse = call("systemd-analyze", "security", "--offline=yes", "--no-pager",
                         f"--threshold={int(MOST_EXPOSED * 10)}", unit)
            self.assertNotEqual(worse.returncode, 0, "the threshold would let anything pass")

    def test_systemd_understands_every_line(self):
        with temporary_directory() as folder:
            done = call("systemd-analyze", "verify", "--man=no", self.unit(folder), folder / "acbd.socket")
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_user_and_directories_are_made(self):
        with temporary_directory() as folder:
            root = folder / "root"
            (root / "etc").mkdir(parents=True)
            made = call("systemd-sysusers", f"--root={root}", UNITS / "acbd.sysusers")
            self.assertEqual(made.returncode, 0, made.stderr)
            self.assertRegex((root / "etc/passwd").read_text(), r"(?m)^acbd:.*:/usr/sbin/nologin$")
            made = call("systemd-tmpfiles", f"--root={root}", "--create", UNITS / "acbd.tmpfiles")
            self.assertEqual(made.returncode, 0, made.stderr)
            self.assertEqual((root / "var/lib/acbd").stat().st_mode & 0o7777, 0o700)
            self.assertEqual((root / "etc/acbd").stat().st_mode & 0o7777, 0o750)


class TestService(harness.TestCase):
    """acbd with a service manager that these tests play."""

    def setUp(self):
        self.folder = self.enterContext(temporary_directory())
        self.world = World.own(self.folder, devices=2)
        self.box = self.world.box
        self.addCleanup(self.box.kill)
        self.box.stop()

    def begin(self, manager, **env):
        self.box.start({"NOTIFY_SOCKET": manager.name, **env})
        return manager.until("READY")

    def assert_signs(self, device):
        document = self.world.sign(self.world.request(device=device))
        self.assert_signed(self.world, document, self.world.submit(document))

    def test_says_when_it_is_ready_reloads_and_stops(self):
        for name in (str(self.folder / "notify"), f"@acbd-test-{os.getpid()}"):
            manager = Manager(name)
            self.assertEqual(self.begin(manager)["READY"], "1")
            self.box.process.send_signal(signal.SIGHUP)
            self.assertIn("MONOTONIC_USEC", manager.until("RELOADING"))
            manager.until("READY")
            self.box.stop()
            manager.until("STOPPING")

    def test_a_box_that_did_not_open_is_up_and_says_why(self):
        (self.box.directory / "pin").write_text("0000\n")
        manager = Manager(str(self.folder / "notify"))
        self.box.spawn({"NOTIFY_SOCKET": manager.name})
        self.assertIn("cannot sign", manager.until("READY")["STATUS"])

    def test_an_hsm_that_was_away_at_the_start_is_tried_again_by_the_service_manager(self):
        away = self.box.directory / "away"
        (self.box.directory / "tokens").rename(away)
        manager = Manager(str(self.folder / "notify"))
        self.box.spawn({"NOTIFY_SOCKET": manager.name, "LD_PRELOAD": FAKETIME, "FAKETIME": "+0 x30"})
        self.assertIn("cannot sign", manager.until("READY")["STATUS"])
        self.assertEqual(self.box.process.wait(WAIT_SECONDS), 1)
        self.assertIn('"event":"start-again"', self.box.log_file.read_text())
        away.rename(self.box.directory / "tokens")
        self.begin(manager)
        self.assert_signs(self.world.devices[0])

    def test_a_notify_socket_that_nobody_has_is_an_error(self):
        self.box.spawn({"NOTIFY_SOCKET": str(self.folder / "nobody")})
        self.assertEqual(self.box.process.wait(WAIT_SECONDS), 1)
        self.assertIn("NOTIFY_SOCKET names", self.box.log_tail())

    def test_a_change_that_waits_for_a_restart_is_said(self):
        manager = Manager(str(self.folder / "notify"))
        self.begin(manager)
        self.box.configure("limits", idle_seconds=7)
        text = self.box.config.read_text()
        self.box.config.write_text(text.replace("[[client]]", '[[client]]\nidentity = "new.acb.test"\nrole = "auditor"\n\n[[client]]', 1))
        self.box.process.send_signal(signal.SIGHUP)
        manager.until("READY")
        lines = [json.loads(line) for line in self.box.log_lines() if line.startswith("{")]
        reloaded = [line for line in lines if line["event"] == "reloaded"][-1]
        self.assertEqual(reloaded["needs_restart"], "limits.idle_seconds")
        self.assertIn("client[0].identity", reloaded["changed"])
        self.assertIn("restart-needed", [line["event"] for line in lines])

    def test_a_socket_that_is_given_is_served(self):
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            self.box.port = listening.getsockname()[1]
            # [listen] names another port: it is not used.
            self.box.prefix = ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh"]
            keep = os.dup(3) if os.path.exists("/proc/self/fd/3") else None
            os.dup2(listening.fileno(), 3, inheritable=True)
            try:
                original = subprocess.Popen
                subprocess.Popen = lambda *words, **options: original(*words, **options, pass_fds=(3,))
                self.box.start()
            finally:
                subprocess.Popen = original
                if keep is not None:
                    os.dup2(keep, 3)
                    os.close(keep)
                else:
                    os.close(3)
        self.assert_signs(self.world.devices[0])
        # A second one, or none that listens, is an error that says so.
        self.box.stop()
        self.box.prefix = ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=2 exec "$@"', "sh"]
        self.box.spawn()
        self.assertEqual(self.box.process.wait(WAIT_SECONDS), 1)
        self.assertIn("one socket is expected", self.box.log_tail())

    def test_the_pin_comes_as_a_credential(self):
        credentials = self.folder / "credentials"
        credentials.mkdir(mode=0o700)
        shutil.move(self.box.directory / "pin", credentials / "hsm-pin")
        text = self.box.config.read_text()
        line = next(line for line in text.splitlines() if line.startswith("pin_file"))
        self.box.config.write_text(text.replace(line, 'pin_credential = "hsm-pin"'))
        self.box.start({"CREDENTIALS_DIRECTORY": str(credentials)})
        self.assert_signs(self.world.devices[0])

    def test_the_watchdog_is_told_while_there_is_progress_and_only_then(self):
        manager = Manager(str(self.folder / "notify"))
        self.begin(manager, WATCHDOG_USEC="3000000")
        manager.until("WATCHDOG")
        for name, what in (("acb-acceptor", "no connection is taken in"), ("acb-writer", "the store's writer stands still")):
            manager.drain()
            with StoppedThread(thread_named(self.box.process.pid, name)):
                deadline = time.monotonic() + WAIT_SECONDS
                while True:
                    message = manager.until("WATCHDOG")
                    if message["WATCHDOG"] == "trigger":
                        break
                    self.assertLess(time.monotonic(), deadline, name)
                self.assertIn(what, message["STATUS"])
            # It goes on, and so does the heartbeat.
            while manager.until("WATCHDOG")["WATCHDOG"] != "1":
                pass
        self.assert_signs(self.world.devices[0])


if __name__ == "__main__":
    harness.main()
