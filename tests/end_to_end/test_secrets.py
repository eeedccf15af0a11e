#!/usr/bin/python3
"""Where secrets must not be: the memory of the service after use, a core, logs, environment, arguments, backups.

A scan that finds nothing proves nothing, so each way of looking first has to find what was planted for it.
reliability.md F25; design.md promise P7. Needs root, which may read any memory.
"""

import array
import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

import harness
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from harness import World, binary, gbcs_reference, run, temporary_directory

PAGE = resource.getpagesize()
NOBODY = 65534
WAIT_SECONDS = 30

# Holds a secret in memory it owns, in its arguments and environment, and says when it is ready.
PLANTED = """
import ctypes, os, sys
secret = ctypes.create_string_buffer(bytes.fromhex(os.environ["PLANT"]))
print("ready", flush=True)
sys.stdin.read()
os.abort()
"""


def regions(pid):
    """Of a process: what can be read, but for the store's file, which is looked at as a file."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        match = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+ *(.*)", line)
        begin, end, rights, name = int(match[1], 16), int(match[2], 16), match[3], match[4]
        if "r" in rights and not name.endswith("data.mdb") and name not in ("[vvar]", "[vsyscall]"):
            yield begin, end, name or "anonymous"


def command_of(pid):
    """Its name; empty when it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def smaps_of(pid):
    """{begin: flags} of each region."""
    flags, begin = {}, None
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        match = re.match(r"([0-9a-f]+)-[0-9a-f]+ ", line)
        if match:
            begin = int(match[1], 16)
        elif line.startswith("VmFlags:"):
            flags[begin] = line.split()[1:]
    return flags


def scan_memory(pid, needles):
    """[(name of the secret, begin of the region, name of the region)]"""
    found = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory, open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pages:
        for begin, end, region in regions(pid):
            for first, size in present(pages, begin, end):
                try:
                    memory.seek(first)
                    octets = memory.read(size)
                except (OSError, ValueError, OverflowError):
                    continue  # gone meanwhile, or a guard
                found += [(name, begin, region) for name, forms in needles.items() for form in forms if form in octets]
    return found


def present(pages, begin, end):
    """Runs of pages that are in memory or in swap: most of a stack never was. (begin, octets)"""
    try:
        pages.seek(begin // PAGE * 8)
        entries = array.array("Q", pages.read((end - begin) // PAGE * 8))
    except (OSError, OverflowError):
        return
    start = None
    for number, entry in enumerate([*entries, 0]):
        there = entry >> 62 != 0
        if there and start is None:
            start = number
        elif not there and start is not None:
            yield begin + start * PAGE, (number - start) * PAGE
            start = None


def scan_octets(octets, needles):
    return sorted({name for name, forms in needles.items() for form in forms if form in octets})


def forms(secret):
    """As octets, as a big number lies in memory, and as text."""
    return {secret, secret[::-1], secret.hex().encode(), secret.hex().upper().encode()}


def of_key_file(path):
    """A private key as a number, and as a file spells it."""
    return forms(scalar(path)) | {line.encode() for line in Path(path).read_text().splitlines()[1:2]}


def scalar(path):
    key = serialization.load_pem_private_key(Path(path).read_bytes(), None)
    return key.private_numbers().private_value.to_bytes(32, "big")


class TestSecrets(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise AssertionError("needs root: only root may read the memory of a process that is not dumpable")
        cls.folder = cls.enterClassContext(temporary_directory())
        cls.world = World.own(cls.folder, devices=3, start=False)
        cls.box = cls.world.box
        cls.box.configure("limits", connections=16)
        cls.box.start()
        cls.world.import_own()
        cls.addClassCleanup(cls.box.kill)
        pin = (cls.box.directory / cls.box.setting("hsm", "pin_file")).read_bytes().strip()
        cls.pin = {"PIN": {pin, pin[::-1], pin.hex().encode()}}
        cls.used, cls.keys = {}, {}
        for device in cls.world.devices:
            document = cls.world.sign(cls.world.request(device=device))
            answer = cls.world.submit(document)
            if cls.world.problems(document, answer):
                raise AssertionError(answer)
            private, public = cls.world.mac_keys[device]
            message = gbcs_reference.parse_message(answer.command)
            cls.used[f"ECDH secret of {device}"] = forms(private.exchange(ec.ECDH(), public))
            cls.used[f"MAC key of {device}"] = forms(gbcs_reference.mac_key(private, public, message))
        for label in ("acb-ds", "acb-ka"):
            cls.keys[f"private key {label}"] = of_key_file(cls.world.pki.key_path(label))
        cls.everything = {**cls.pin, **cls.used, **cls.keys}

    def planted(self, **options):
        """A process that holds a secret, and what to look for."""
        secret = os.urandom(32)
        child = subprocess.Popen([sys.executable, "-c", PLANTED, secret.hex()], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, env={**os.environ, "PLANT": secret.hex()}, **options)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.assertEqual(child.stdout.readline(), b"ready\n")
        self.addCleanup(child.stdin.close)
        self.addCleanup(child.stdout.close)
        return child, {"planted": forms(secret)}

    def processes(self):
        """The service and what it began; not the processes of one listing, which come and go."""
        family = [self.box.process.pid]
        for pid in family:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    family += [int(child) for child in task.read_text().split()]
        return [pid for pid in family if command_of(pid) not in ("", "acb-listing")]

    def test_memory_after_use(self):
        child, planted = self.planted()
        self.assertTrue(scan_memory(child.pid, planted), "the scan finds what was planted")
        # Of the service too: what is there by right (its token's label) is found.
        label = self.box.setting("hsm", "token_label").encode()
        pid = self.box.process.pid
        self.assertTrue(scan_memory(pid, {"label": {label}}))
        family = self.processes()
        self.assertGreater(len(family), 1, "the lister is one of them")
        for pid in family:
            self.assertEqual(scan_memory(pid, {**self.pin, **self.used, **self.keys}), [])

    def test_tls_key_lies_in_locked_memory(self):
        """What has to be held (the TLS key) is in OpenSSL's secure heap: locked, and left out of cores. Keys of the token
        are SoftHSM's, which keeps them encrypted between uses; the PIN is kept in two shares (MaskedSecret)."""
        pid = self.box.process.pid
        tls = {"TLS key": of_key_file(self.box.directory / "tls" / "server.key")}
        held = scan_memory(pid, tls)
        self.assertTrue(held, "the service has its TLS key")
        flags = smaps_of(pid)
        for name, begin, region in held:
            self.assertTrue({"lo", "dd"} <= set(flags[begin]), f"{name} lies in {region}, flags {flags[begin]}")

    def test_environment_arguments_and_logs(self):
        child, planted = self.planted()
        for file in ("environ", "cmdline"):
            self.assertEqual(scan_octets(Path(f"/proc/{child.pid}/{file}").read_bytes(), planted), ["planted"], file)
        family = self.processes()
        self.assertGreater(len(family), 1, "the lister is one of them")
        for pid in family:
            for file in ("environ", "cmdline"):
                self.assertEqual(scan_octets(Path(f"/proc/{pid}/{file}").read_bytes(), self.everything), [])
        log = self.box.log_file.read_bytes()
        self.assertNotIn(b'"event":"hardening"', log, "the machine refused a part of it")
        self.assertEqual(scan_octets(log + next(iter(planted["planted"])), planted), ["planted"])
        self.assertEqual(scan_octets(log, self.everything), [])

    def test_backup_and_store(self):
        self.assertEqual(scan_octets((self.box.directory / "pin").read_bytes(), self.pin), ["PIN"], "the scan finds it")
        backup = self.folder / "box.backup"
        run(binary("tools", "acbctl"), "--directory", str(self.box.directory), "backup", "--out", str(backup))
        # A backup is encrypted: what is in the store by the thousand is not to be read in it.
        plain = self.world.devices[0]
        known = {"device": {harness.duis_sign.hyphenated(plain).encode(), bytes.fromhex(plain)}}
        store = b"".join(file.read_bytes() for file in self.box.store.glob("*.mdb"))
        self.assertEqual(scan_octets(store, known), ["device"], "the store has it in the clear")
        octets = backup.read_bytes()
        self.assertGreater(len(octets), 1000)
        self.assertEqual(scan_octets(octets, {**known, **self.everything}), [])
        self.assertEqual(scan_octets(store, self.everything), [])

    def test_zz_core(self):
        """Last: it ends the service."""
        pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
        self.gcore()
        if pattern.startswith("|"):
            print(f"skipped: the kernel gives cores to a program ({pattern})")
            return
        place = self.folder / "cores"
        place.mkdir()
        child, planted = self.planted(cwd=place)
        resource.prlimit(child.pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        child.stdin.close()
        child.wait(WAIT_SECONDS)
        core, = place.glob("core*")
        self.assertEqual(scan_octets(core.read_bytes(), planted), ["planted"], "a core here has what was planted")
        core.unlink()

        pid = self.box.process.pid
        self.assertEqual(resource.prlimit(pid, resource.RLIMIT_CORE), (0, 0))
        # As who has the machine would: the limit is lifted from outside.
        try:
            resource.prlimit(pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        except PermissionError:
            print("the limit of 0 cannot be lifted here, not even by root")
        where = Path(os.readlink(f"/proc/{pid}/cwd"))
        before = set(where.glob("core*"))
        os.kill(pid, signal.SIGABRT)
        self.assertEqual(self.box.process.wait(WAIT_SECONDS), -signal.SIGABRT)
        self.assertEqual(set(where.glob("core*")), before, "not dumpable: no core, whatever the limit")
        self.box.process = None

    def gcore(self):
        """What a debugger of root writes: it leaves out what is marked so, as the kernel would."""
        if not shutil.which("gcore"):
            print("skipped: no gcore here")
            return
        child, planted = self.planted()
        for pid, needles, wanted in ((child.pid, planted, ["planted"]), (self.box.process.pid, self.everything, [])):
            subprocess.run(["gcore", "-o", str(self.folder / "gcore"), str(pid)], check=True, capture_output=True)
            file = self.folder / f"gcore.{pid}"
            self.assertEqual(scan_octets(file.read_bytes(), needles), wanted)
            file.unlink()


class TestTraceable(harness.TestCase):
    """Another process of the same user, who is not root."""

    READ = ("import sys\nwith open(f'/proc/{sys.argv[1]}/mem', 'rb', buffering=0) as memory: print('open')\n")

    def as_nobody(self, *command, **options):
        return subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command],
                              capture_output=True, text=True, check=False, **options)

    def test_memory_is_closed_to_the_same_user(self):
        scope = Path("/proc/sys/kernel/yama/ptrace_scope")
        if scope.exists() and scope.read_text().strip() != "0":
            raise unittest.SkipTest(f"the kernel closes it to everybody (ptrace_scope {scope.read_text().strip()})")
        control = subprocess.Popen(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "sleep", "600"])
        self.addCleanup(control.wait)
        self.addCleanup(control.kill)
        self.wait_until(lambda: os.stat(f"/proc/{control.pid}").st_uid == NOBODY and
                        b"sleep" in Path(f"/proc/{control.pid}/cmdline").read_bytes()[:5])
        self.assertEqual(self.as_nobody(sys.executable, "-c", self.READ, str(control.pid)).stdout, "open\n")

        with temporary_directory() as folder:
            folder.chmod(0o755)
            world = World.own(folder, devices=1, start=False)
            box = world.box
            run("chown", "-R", f"{NOBODY}:{NOBODY}", str(folder))
            box.prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            self.addCleanup(box.kill)
            box.start()
            refused = self.as_nobody(sys.executable, "-c", self.READ, str(box.process.pid))
            self.assertIn("PermissionError", refused.stderr)
            self.assertNotIn("open\n", refused.stdout)
            limit = [line for line in Path(f"/proc/{box.process.pid}/status").read_text().splitlines()
                     if line.startswith("VmLck:")]
            self.assertNotEqual(limit[0].split()[1], "0", "memory is locked")
            box.stop()

    def wait_until(self, true):
        deadline = time.monotonic() + WAIT_SECONDS
        while not true():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)


if __name__ == "__main__":
    harness.main()
