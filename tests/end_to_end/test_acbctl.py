#!/usr/bin/python3
"""acbctl as its caller sees it: exit 2 for what was misused, one JSON document with --json, whatever came of it.

design.md section 8 ("Every command: --json, exit 0 / 1 refused or failed / 2 usage").
"""

import contextlib
import datetime
import hashlib
import http.server
import json
import os
import ssl
import stat
import subprocess
import threading

from cryptography import x509

import harness
from harness import World, binary, run, temporary_directory


def acbctl(*arguments):
    return run(binary("tools", "acbctl"), *map(str, arguments), check=False)


@contextlib.contextmanager
def box_that_says(folder, answer):
    """What acbctl has to be told to reach a box that answers every request by `answer(request)`."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # pylint: disable=invalid-name
            answer(self)

        def do_POST(self):  # pylint: disable=invalid-name
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            answer(self)

        def log_message(self, *_):
            pass

    tls = World.own(folder / "world", devices=1, start=False).box.directory / "tls"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "server.pem", tls / "server.key")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield ("--directory", tls.parent, "--url", f"https://127.0.0.1:{server.server_address[1]}")
        server.shutdown()


class Misused(harness.TestCase):
    """Nothing is read, made or asked of anybody."""

    def assert_usage(self, text, *arguments):
        done = acbctl(*arguments)
        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        self.assertIn(text, done.stderr)

    def test_provision_says_which_options_it_needs(self):
        with temporary_directory() as folder:
            box = ("provision", "--directory", folder / "box", "--environment")
            self.assert_usage("--acb-ds-certificate and --acb-ka-certificate are needed", *box, "test")
            self.assert_usage("--import-key takes ds=FILE or ka=FILE", *box, "test", "--import-key", "x.pem")
            self.assert_usage("are for --environment test only", *box, "live", "--validation-time", "2026-01-01")
            self.assertEqual(list(folder.iterdir()), [])


    def test_a_word_that_is_no_command_is_named(self):
        self.assert_usage("there is no command 'bogus'", "bogus")
        self.assert_usage("there is no command 'bogus'", "--directory", "/tmp", "quarantine", "bogus")
        self.assert_usage("A subcommand is required")

    def test_numbers_are_decimal_before_anything_is_asked(self):
        for number in ("abc", "21/delete?", "18446744073709551616"):
            for command in (("quarantine", "release", number), ("quarantine", "delete", number),
                            ("submit", "x.xml", "--proposed-counter", number),
                            ("counter", "reserve", "00DB1234567890A0", "--purpose", "x", "--proposed-counter", number)):
                self.assert_usage("is not a decimal number of 64 bits", "--directory", "/none", *command)

    def test_with_json_it_is_one_document_too(self):
        for command in (("bogus",), ("submit",), ("submit", "x", "--no-such-option"), ("quarantine",), (),
                        ("device", "show", "12"), ("counter", "show", "12"), ("report", "bogus"), ("import", "bogus", "x"),
                        ("observe",), ("quarantine", "release", "x")):
            with self.subTest(command):
                done = acbctl("--directory", "/none", *command, "--json")
                self.assertEqual((done.returncode, set(json.loads(done.stdout))), (2, {"reason", "explanation"}), done)
                self.assertTrue(done.stderr)
        self.assertEqual(acbctl("--help", "--json").returncode, 0)

    def test_its_version_is_a_line(self):
        done = acbctl("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^acbctl \d+\.\d+\.\d+\n$")


class Json(harness.TestCase):
    """One document on standard output, whatever came of it."""

    def test_provision_says_what_it_made(self):
        with temporary_directory() as folder:
            pki = harness.own_pki.Pki(folder / "pki")
            command = ("provision", "--json", "--module-test-rounds", "2", "--directory", folder / "box",
                       "--environment", "test", "--port", harness.free_port(),
                       "--acb-ds-certificate", pki.path("acb-ds"), "--acb-ka-certificate",
                       pki.path("acb-ka"), "--import-key", f"ds={pki.key_path('acb-ds')}", "--import-key",
                       f"ka={pki.key_path('acb-ka')}", "--root", pki.path("root"))
            done = acbctl(*command)
            said = json.loads(done.stdout)
            self.assertEqual((done.returncode, said["directory"], said["environment"]), (0, str(folder / "box"), "test"))
            self.assertIn("key acb-ds, imported", said["made"])
            self.assertEqual(said["next"], f"acbd --config {folder / 'box' / 'acbd.toml'}")
            # A client whose clock is hours behind is let in.
            for file in sorted((folder / "box" / "tls").glob("*.pem")):
                if "CERTIFICATE" in file.read_text():
                    begins = x509.load_pem_x509_certificate(file.read_bytes()).not_valid_before
                    self.assertGreater(datetime.datetime.utcnow() - begins, datetime.timedelta(hours=23), file.name)
            again = acbctl(*command)
            self.assertEqual((again.returncode, json.loads(again.stdout)["reason"]), (1, "CONFIGURATION"))

    def test_a_box_that_cannot_be_reached_is_said_in_json_too(self):
        with temporary_directory() as folder:
            world = World.own(folder, devices=1, start=False)
            request = folder / "request.xml"
            request.write_bytes(b"<x/>")
            device = world.devices[0]
            tls = world.box.directory / "tls"
            for command in (("status",), ("submit", request), ("device", "show", device), ("counter", "show", device),
                            ("counter", "raise", device, "9", "--reason", "r", "--as", tls / "operator.pem"),
                            ("quarantine", "list"), ("suspend", "list"), ("import", "parties", request),
                            ("report", "keys"), ("audit", "checkpoint"), ("observe", "--command", request),
                            ("import", "parties", folder / "none"), ("submit", folder / "none"),
                            ("audit", "export", "--redaction", "ssc", folder / "log.tar"),
                            ("export-counters", "--out", folder / "counters.json"), ("backup", "--out", folder / "b")):
                with self.subTest(command=command):
                    done = acbctl("--directory", world.box.directory, *command, "--json")
                    self.assertEqual((done.returncode, set(json.loads(done.stdout))), (1, {"reason", "explanation"}))
                    self.assertNotEqual(json.loads(done.stdout)["reason"], "BUSY", "nobody is there who could be")
                    plain = acbctl("--directory", world.box.directory, *command)
                    self.assertEqual((plain.returncode, plain.stdout), (1, ""))
                    self.assertTrue(plain.stderr.startswith("acbctl: "), plain.stderr)


class Shown(harness.TestCase):
    """What others sent is shown, and does nothing to who reads it."""

    def test_no_control_character_reaches_the_terminal(self):
        evil = "a\x1b]0;x\x07b\n\x9b2J\u202ec"
        answers = {"/readyz": {"state": evil, evil: {"x": [evil]}},
                   "/v1/quarantine": {"quarantine": [{"id": "1", "why": evil}]},
                   "/v1/reports/operators": {"report": evil, "rows": [{"subject": evil}], "totals": [], "notices": [evil]},
                   "/v1/counters/00DB1234567890A0": {"cells": evil}}

        def answer(request):
            body = json.dumps(answers[request.path.partition("?")[0]]).encode()
            request.send_response(200)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)

        with temporary_directory() as folder, box_that_says(folder, answer) as box:
            for command in (("status",), ("quarantine", "list"), ("report", "operators"),
                            ("counter", "show", "00DB1234567890A0")):
                with self.subTest(command):
                    done = acbctl(*box, *command)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertIn(r"a\u001b]0;x\u0007b\u000a\u009b2J\u202ec", done.stdout)
                    shown = done.stdout + done.stderr
                    self.assertEqual([c for c in shown if c in evil and not c.isprintable() and c != "\n"], [])


class Written(harness.TestCase):
    """A file has its name only once it is whole, whatever became of who wrote an earlier one."""

    def setUp(self):
        self.folder = self.enterContext(temporary_directory())
        self.goes_on = threading.Event()
        self.box = self.enterContext(box_that_says(self.folder, self.answer))
        self.out = self.folder / "box.backup"
        self.part = self.folder / "box.backup.part"

    def answer(self, request):
        halves = (b"a" * 5000, b"b" * 5000)
        request.send_response(200)
        request.send_header("Content-Length", "10000")
        request.send_header("X-Backup-SHA256", hashlib.sha256(b"".join(halves)).hexdigest())
        request.end_headers()
        request.wfile.write(halves[0])
        request.wfile.flush()
        self.goes_on.wait(60)
        with contextlib.suppress(OSError):
            request.wfile.write(halves[1])

    def begin(self):
        going = subprocess.Popen([binary("tools", "acbctl"), *map(str, self.box), "backup", "--out", self.out],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        harness.wait_for("half of it", lambda: self.part.exists() and self.part.stat().st_size == 5000, 60)
        return going

    def backup(self, out=None):
        return acbctl(*self.box, "backup", "--out", out or self.out)

    def test_a_backup_that_was_killed_leaves_none_and_keeps_nobody_from_the_next(self):
        going = self.begin()
        going.kill()
        going.communicate()
        self.assertFalse(self.out.exists())
        self.goes_on.set()
        done = self.backup()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.out.read_bytes(), b"a" * 5000 + b"b" * 5000)
        self.assertFalse(self.part.exists())

    def test_two_do_not_write_the_same(self):
        going = self.begin()
        done = self.backup()
        self.assertEqual(done.returncode, 1)
        self.assertIn("another process is writing", done.stderr)
        self.goes_on.set()
        self.assertEqual(going.communicate()[1:] + (going.returncode,), ("", 0))
        self.assertEqual(self.out.stat().st_size, 10000)

    def test_what_got_the_name_meanwhile_keeps_it(self):
        going = self.begin()
        self.out.write_bytes(b"mine")
        self.goes_on.set()
        self.assertIn("File exists", going.communicate()[1])
        self.assertEqual((going.returncode, self.out.read_bytes(), self.part.exists()), (1, b"mine", False))
        self.assertIn("exists", self.backup().stderr)

    def test_a_link_is_not_followed_and_a_device_stays_one(self):
        other = self.folder / "other"
        other.write_bytes(b"mine")
        self.part.symlink_to(other)
        self.goes_on.set()
        self.assertEqual(self.backup().returncode, 0)
        self.assertEqual((other.read_bytes(), self.out.stat().st_size), (b"mine", 10000))
        done = acbctl(*self.box, "backup", "--out", "/dev/full")
        self.assertEqual(done.returncode, 1, "it is there, and no file")
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/full").st_mode))


class Verifier(harness.TestCase):
    """acb-verify too: one document with --json, where there is no report."""

    def test_what_it_cannot_read_is_said_in_json(self):
        with temporary_directory() as folder:
            junk = folder / "junk\x1b.tar"
            junk.write_bytes(b"no export")
            for code, command in ((1, (junk,)), (1, (folder / "none",)), (1, ("receipt", junk)), (2, ()),
                                  (2, ("receipt",)), (2, (junk, "--bogus"))):
                with self.subTest(command):
                    done = run(binary("tools/acb-verify", "acb-verify"), *map(str, command), "--json", check=False)
                    said = json.loads(done.stdout)
                    self.assertEqual(done.returncode, code, done)
                    self.assertTrue(code == 1 and said.get("result") == "failed" or
                                    set(said) == {"reason", "explanation"}, said)
                    plain = run(binary("tools/acb-verify", "acb-verify"), *map(str, command), check=False)
                    self.assertEqual(plain.returncode, code)
                    self.assertTrue(plain.stderr or "FAILED" in plain.stdout)


if __name__ == "__main__":
    harness.main()
