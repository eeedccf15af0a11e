#!/usr/bin/python3
"""acbctl as its caller sees it: exit 2 for what was misused, one JSON document with --json, whatever came of it.

design.md section 8 ("Every command: --json, exit 0 / 1 refused or failed / 2 usage").
"""

import datetime
import http.server
import json
import ssl
import threading

from cryptography import x509

import harness
from harness import World, binary, run, temporary_directory


def acbctl(*arguments):
    return run(binary("tools", "acbctl"), *map(str, arguments), check=False)


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

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                body = json.dumps(answers[self.path.partition("?")[0]]).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        with temporary_directory() as folder:
            tls = World.own(folder, devices=1, start=False).box.directory / "tls"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls / "server.pem", tls / "server.key")
            with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
                server.socket = context.wrap_socket(server.socket, server_side=True)
                threading.Thread(target=server.serve_forever, daemon=True).start()
                box = ("--directory", tls.parent, "--url", f"https://127.0.0.1:{server.server_address[1]}")
                for command in (("status",), ("quarantine", "list"), ("report", "operators"),
                                ("counter", "show", "00DB1234567890A0")):
                    with self.subTest(command):
                        done = acbctl(*box, *command)
                        self.assertEqual(done.returncode, 0, done.stderr)
                        self.assertIn(r"a\u001b]0;x\u0007b\u000a\u009b2J\u202ec", done.stdout)
                        shown = done.stdout + done.stderr
                        self.assertEqual([c for c in shown if c in evil and not c.isprintable() and c != "\n"], [])
                server.shutdown()


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
