#!/usr/bin/python3
"""What acbd denies itself: code inside its process, and inside its lister's, tries to open, run, trace and connect.

Issue 8, Shows 3; reliability.md F24; R-SEC3-49. intruder.cc is preloaded, and tries from the main thread, from a thread
that was there before the list of system calls, and from the lister. Each refusal has an accepted neighbour: the box's
own files stay open, and the box signs afterwards. Builds with a sanitizer leave the sandbox out and say so.
"""

import errno
import socket
import subprocess
import time

import harness
from clients import log_lines
from harness import World, binary, temporary_directory

PLACES = ("main", "thread", "lister")
# Refused by Landlock (EACCES) or by the list of system calls (EPERM).
BY_FILE = ("open-passwd", "open-root", "write-tmp", "open-memory")
BY_CALL = ("truncate", "exec", "ptrace", "ptrace-me", "connect", "connect-call", "mount", "unshare", "io-uring")
BY_CALL_OF_SERVICE = ("fork", "code-in-memory", "kill-parent")
WAIT_SECONDS = 60


class Listening:
    """Somebody on this machine whom a connection would reach."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen()
        self.port = self.socket.getsockname()[1]

    def reached(self):
        self.socket.setblocking(False)
        try:
            self.socket.accept()[0].close()
            return True
        except BlockingIOError:
            return False


class TestSandbox(harness.TestCase):
    def setUp(self):
        self.folder = self.enterContext(temporary_directory())
        self.world = World.own(self.folder, devices=2, start=False)
        self.box = self.world.box
        self.box.configure("hardening", sandbox=True)  # in live it always is
        self.addCleanup(self.box.kill)
        self.box.start()
        self.world.import_own()
        state = self.box.get("/readyz").json["sandbox"]
        if state.get("off") == "built with a sanitizer":
            self.skipTest("built with a sanitizer: the sandbox is left out, as its log line says")

    def restart(self, **env):
        self.box.stop()
        self.box.start(env)

    def intrude(self, places):
        """Lets the intruder in; {place: {what: errno}}."""
        (self.box.directory / "intrude").touch()
        # An import is anchored at once, and the lister forks to list.
        self.box.import_feed("working-days", "date,working\n2030-12-25,no\n")
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            self.box.close_clients()
            self.box.get("/healthz")
            tried = {}
            for line in self.box.log_lines():
                if line.startswith("intruder "):
                    _, place, what, error = line.split()
                    tried.setdefault(place, {})[what] = int(error)
            if all("end" in tried.get(place, {}) for place in places):
                return tried
            time.sleep(0.1)
        self.fail(f"the intruder did not come to its end: {self.box.log_tail(60)}")

    def preloaded(self, listening):
        return {"LD_PRELOAD": binary("tests/platform", "libacb_intruder.so"),
                "ACB_INTRUDER": str(self.box.directory / "intrude"), "ACB_INTRUDER_OK": str(self.box.directory / "softhsm2.conf"),
                "ACB_INTRUDER_PORT": str(listening.port)}

    def test_an_intruder_is_refused_everything_and_the_box_goes_on(self):
        listening = Listening()
        self.restart(**self.preloaded(listening))
        state = self.box.get("/readyz").json["sandbox"]
        self.assertTrue(state["system_calls"])
        landlock = int(state["landlock_abi"])
        document = self.world.sign(self.world.request())
        self.assert_signed(self.world, document, self.world.submit(document))
        tried = self.intrude(PLACES)
        for place in PLACES:
            found = tried[place]
            self.assertEqual(found["open-own"], 0, place)
            for what in BY_CALL:
                self.assertEqual(found[what], errno.EPERM, f"{place} {what}")
            if landlock:
                for what in BY_FILE:
                    self.assertEqual(found[what], errno.EACCES, f"{place} {what}")
        for what in BY_CALL_OF_SERVICE:
            for place in ("main", "thread"):
                self.assertEqual(tried[place][what], errno.EPERM, f"{place} {what}")
        if landlock >= 6:
            self.assertEqual(tried["lister"]["kill-parent"], errno.EPERM)
        self.assertFalse(listening.reached())
        # The box was neither ended nor changed: it signs, lists its anchors, and stops cleanly.
        document = self.world.sign(self.world.request(device=self.world.devices[1]))
        self.assert_signed(self.world, document, self.world.submit(document))
        self.box.stop()

    def test_without_the_sandbox_the_intruder_would_come_through(self):
        """What shows that the refusals above are the sandbox's."""
        listening = Listening()
        self.box.stop()
        self.box.configure("hardening", sandbox=False)
        self.box.start(self.preloaded(listening))
        state = self.box.get("/readyz").json["sandbox"]
        self.assertEqual((state["system_calls"], state["off"]), (False, "hardening.sandbox is false"))
        self.assertEqual(log_lines(self.box, "sandbox-off")[-1]["why"], "hardening.sandbox is false")
        (self.box.directory / "intrude").touch()
        self.assertEqual(self.box.process.wait(WAIT_SECONDS), 0)  # exec: it has become /bin/true
        said = self.box.log_file.read_text(errors="replace")
        self.assertIn("open-passwd 0", said)

    def test_what_the_box_does_at_work_is_still_allowed(self):
        self.restart()
        backup = self.box.client("operator").request("POST", "/v1/backup")
        self.assertEqual(backup.status, 200, backup)
        for path, role in (("/metrics", "auditor"), ("/v1/reports/counters", "auditor"), ("/", "auditor")):
            self.assertEqual(self.box.get(path, role).status, 200, path)

    def test_live_refuses_to_do_without(self):
        config = self.box.config.read_text()
        wrong = self.folder / "wrong.toml"
        wrong.write_text(config.replace('environment = "test"', 'environment = "live"', 1).split("[test]")[0]
                         + "\n[hardening]\nsandbox = false\n")
        done = subprocess.run([binary("platform", "acbd"), "--check-config", "--config", str(wrong)],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("hardening.sandbox must be true in environment live", done.stdout + done.stderr)


if __name__ == "__main__":
    harness.main()
