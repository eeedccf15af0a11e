#!/usr/bin/python3
"""Attacks on acb-verify itself: a box gone wrong that signs any tree it likes (P6, R-SEC3-60), and a file that is made to
hang, crash or lie to who reads what is printed. Each attack stands beside the same file without it, which passes.

    test_audit_attacks.py [test ...]
"""

import base64
import datetime
import hashlib
import json
import resource
import subprocess
import unittest

import audit_container
import harness
from audit_container import Container, NoteSigner, canonical
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from harness import World, temporary_directory

DEVICES = 4
SIGNED = 6
ORIGIN = "acb-handover-signing/test"
MEMORY = 1 << 30  # of a verifier that is attacked
SECONDS = 60
BY_TWO = {"operators": ["operator.acb.test", "operator2.acb.test"]}
SIGNATURE_AND_MAC = 64 + 12  # at the end of a command, behind 40


def verify(*arguments, memory=None):
    limit = (lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, memory))) if memory else None
    return subprocess.run([harness.binary("tools/acb-verify", "acb-verify"), *map(str, arguments)], capture_output=True,
                          check=False, env={"LC_ALL": "C"}, timeout=SECONDS, preexec_fn=limit)


def export(redaction, name, *more):
    path = FOLDER / name
    done = harness.run(harness.binary("tools", "acbctl"), "--directory", str(WORLD.box.directory), "--json", "audit",
                       "export", "--redaction", redaction, *map(str, more), path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return path


def setUpModule():
    global WORLD, EXPORT, FOLDER, HELD  # pylint: disable=global-statement
    FOLDER = unittest.enterModuleContext(temporary_directory())
    WORLD = World.own(FOLDER / "own", devices=DEVICES, start=False)
    unittest.addModuleCleanup(WORLD.box.stop)
    # One more than those is held for two operators.
    WORLD.box.configure("volume", user_hour=SIGNED)
    WORLD.box.start()
    WORLD.import_own()
    for number in range(SIGNED):
        answer = WORLD.submit(WORLD.sign(WORLD.request(device=WORLD.devices[number % DEVICES])))
        assert answer.status == 200, answer
    refused = WORLD.submit(WORLD.sign(WORLD.request(device="00db1234567b0000")))
    assert refused.status != 200, refused
    held = WORLD.submit(WORLD.sign(WORLD.request()))
    assert held.status == 202, held
    HELD = held.json["quarantine"]
    # What revokes the authority of all certificates above: nothing may be signed by it after this.
    WORLD.box.import_feed("revocation-lists", WORLD.pki.revocation_lists("arl-next"))
    EXPORT = export("ssc", "whole.tar")


def of_the_acb(octets):
    """The ACB's signature, as a command has it."""
    r, s = utils.decode_dss_signature(WORLD.pki.key("acb-ds").sign(octets, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def with_counter(command, counter):
    """The command again, signed by the ACB, with another counter. Nobody but the device sees that the MAC is wrong."""
    header = command.index(b"\xdf\x09\x01") + 3
    mac = command[-12:]
    number = int.from_bytes(command[header:header + 8], "big")
    assert 0 < number < 128 > counter  # one octet as an INTEGER of the payload too
    command = command[:header] + counter.to_bytes(8, "big") + command[header + 8:]
    at = command.index(b"\x83\x01" + bytes([number]), header) + 2  # authorisingRemotePartySeqNumber
    command = command[:at] + bytes([counter]) + command[at + 1:]
    signed = command[header - 2:-SIGNATURE_AND_MAC - 1]
    return command[:-SIGNATURE_AND_MAC] + of_the_acb(signed) + mac


class Log:
    """A log in the hands of who holds the checkpoint key: its entries and what lies beside them can be anything."""

    def __init__(self, octets=None):
        self.container = Container.read(octets or EXPORT.read_bytes())
        self.entries = [json.loads(line) for line in self.container.entries]
        self.evidence = self.lines("evidence.ndjson")
        self.disclosures = self.lines("disclosures.ndjson")
        self.trust = json.loads(self.container.files["trust.json"])

    def lines(self, name):
        return {int(json.loads(line)["index"]): json.loads(line) for line in self.container.files[name].splitlines()}

    def of_kind(self, kind):
        return [at for at, entry in enumerate(self.entries) if entry["kind"] == kind]

    def feed(self, name):
        return [at for at in self.of_kind("feed") if self.entries[at]["feed"] == name]

    def append(self, entry, evidence=None, disclosure=None):
        at = len(self.entries)
        self.entries.append(entry | {"index": str(at)})
        if evidence:
            self.evidence[at] = evidence | {"index": str(at)}
        if disclosure:
            self.disclosures[at] = disclosure | {"index": str(at)}
        return at

    def again(self, at, **changes):
        """Entry `at` once more, at the end, with what lies beside it."""
        return self.append(self.entries[at] | changes, self.evidence.get(at), self.disclosures.get(at))

    def replace_evidence(self, at, request=None, command=None):
        """Evidence that its entry names."""
        entry, evidence = self.entries[at], self.evidence[at]
        if request is not None:
            evidence["request"] = base64.b64encode(request).decode()
            entry["request_sha256"] = hashlib.sha256(request).hexdigest()
        if command is not None:
            evidence["command"] = base64.b64encode(command).decode()
            entry["command_sha256"] = hashlib.sha256(command).hexdigest()
            entry["command_octets"] = str(len(command))

    def command(self, at):
        return base64.b64decode(self.evidence[at]["command"])

    def request(self, at):
        return base64.b64decode(self.evidence[at]["request"])

    def octets(self, signer):
        files = self.container.files
        self.container.entries = [canonical(entry) for entry in self.entries]
        for name, lines in (("evidence.ndjson", self.evidence), ("disclosures.ndjson", self.disclosures)):
            if name in files:
                files[name] = b"".join(canonical(lines[at]) + b"\n" for at in sorted(lines))
        files["trust.json"] = canonical(self.trust)
        self.container.sign(signer)
        return self.container.octets()


class Case(harness.TestCase):
    def setUp(self):
        self.signer = NoteSigner(ORIGIN)
        self.key = FOLDER / "own.pem"
        self.key.write_bytes(self.signer.pem)

    def run_on(self, octets, *more, memory=MEMORY, key=True):
        path = FOLDER / "attack.tar"
        path.write_bytes(octets)
        done = verify(path, "--json", *(["--key", self.key] if key else []), *more, memory=memory)
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        return done.returncode, json.loads(done.stdout)

    def passes(self, log, *more):
        code, report = self.run_on(log.octets(self.signer), *more)
        self.assertEqual((code, report["failures"]), (0, []))
        return report

    def found(self, log, index, says, *more):
        code, report = self.run_on(log.octets(self.signer), *more)
        self.assertEqual(code, 1, report)
        self.assertEqual(report["first_failure"].get("index"), None if index is None else str(index), report)
        self.assertIn(says, json.dumps(report["failures"]))
        return report


class ABoxGoneWrong(Case):
    def test_its_log_as_it_was_passes(self):
        self.passes(Log())

    def test_one_request_makes_two_commands(self):
        log = Log()
        at = log.of_kind("signed")[0]
        again = log.again(at, originator_counter="77")
        log.replace_evidence(again, command=with_counter(log.command(at), 77))
        self.found(log, again, "RequestID")

    def test_a_second_command_is_excused_by_the_loss_of_the_first_answer_alone(self):  # P5
        def says_so(brought_back, counter=77, behind=False, *more):
            """What is said of a second command for a request, with a recovery before or behind it."""
            log = Log()
            at = log.of_kind("signed")[0]
            place = len(log.entries) + behind
            recovery = {"act": "recover", "complete": True, "environment": "test", "kind": "operator", **BY_TWO,
                        "appended": str(brought_back(place, at)), "time": log.entries[-1]["time"]}
            if not behind:
                log.append(recovery)
            again = log.again(at, originator_counter=str(counter))
            log.replace_evidence(again, command=with_counter(log.command(at), counter))
            if behind:
                log.append(recovery)
            code, report = self.run_on(log.octets(self.signer), *more)
            self.assertEqual(code, 1 if report["failures"] else 0)
            self.assertNotIn("no RequestID of this range made two commands", report["verified"])
            failures = [each["what"] for each in report["failures"] if "RequestID" in each["what"]]
            return failures, "decided anew" in json.dumps(report["notes"])

        def just_enough(place, at):
            return place - at

        self.assertEqual(says_so(just_enough, 77, False, "--recovered"), ([], True))
        (unknown,), _ = says_so(just_enough)
        self.assertIn("--recovered", unknown)
        for lie in ((lambda place, at: place - at - 1, 77, False), (lambda place, at: 0, 77, False),
                    (just_enough, 77, True), (just_enough, 1, False)):
            with self.subTest(lie):
                failures, excused = says_so(*lie, "--recovered")
                self.assertEqual((len(failures), excused), (1, False))

    def test_a_counter_that_goes_down(self):
        log = Log()
        first, last = (at for at in log.of_kind("signed") if log.entries[at]["device"].endswith("7A-00-00"))
        for at, counter in ((first, 9), (last, 8)):
            log.replace_evidence(at, command=with_counter(log.command(at), counter))
            log.entries[at]["originator_counter"] = str(counter)
        self.found(log, last, "P1")

    def test_counters_that_no_entry_names_are_told(self):
        log = Log()
        first, last = (at for at in log.of_kind("signed") if log.entries[at]["device"].endswith("7A-00-00"))
        log.replace_evidence(last, command=with_counter(log.command(last), 9))
        log.entries[last]["originator_counter"] = "9"
        report = self.passes(log)
        self.assertIn(f"7 counters that no entry names were passed over (the first at entry {last}",
                      "\n".join(report["not_verified"]))
        self.assertLess(first, last)

    def test_a_revocation_list_that_was_superseded_long_before(self):
        log = Log()
        at = log.of_kind("signed")[0]
        # The same decision, ten minutes after the list came that revokes what it rests on.
        later = datetime.datetime.fromisoformat(log.entries[log.feed("revocation-lists")[-1]]["time"])
        later += datetime.timedelta(minutes=10)
        del log.evidence[at], log.disclosures[at]
        moved = log.entries[at]
        evidence, disclosure = Log().evidence[at], Log().disclosures[at]
        log.entries[at] = log.entries[log.of_kind("anchor")[0]] | {"index": str(at)}
        again = log.append(moved | {"time": later.isoformat(timespec="milliseconds").replace("+00:00", "Z")},
                           evidence, disclosure)
        log.entries[again]["originator_counter"] = "77"
        log.replace_evidence(again, command=with_counter(log.command(again), 77))
        self.found(log, again, "superseded")

    def test_a_decision_that_began_before_the_list_came_passes(self):
        log = Log()
        at = log.of_kind("signed")[-1]
        del log.evidence[at], log.disclosures[at]
        moved = log.entries[at]
        log.entries[at] = log.entries[log.of_kind("anchor")[0]] | {"index": str(at)}
        log.append(moved, Log().evidence[at], Log().disclosures[at])
        self.passes(log)

    def test_a_feed_that_comes_only_later(self):
        log = Log()
        at = log.of_kind("signed")[-1]
        log.entries[at]["feeds"]["revocation-lists"] = str(log.feed("revocation-lists")[-1])
        self.found(log, at, "revocation-lists")

    def test_a_feed_that_is_none(self):
        log = Log()
        at = log.of_kind("signed")[-1]
        log.entries[at]["feeds"]["revocation-lists"] = str(log.of_kind("signed")[0])
        self.found(log, at, "revocation-lists")

    def test_a_judgement_at_another_time(self):
        log = Log()
        at = log.of_kind("signed")[0]
        log.entries[at]["judged_at"] = log.entries[at]["time"]
        report = self.passes(log)
        self.assertIn("another instant", "\n".join(report["not_verified"]))
        self.live(log)
        self.found(log, log.of_kind("start")[0], "judged_at")

    def live(self, log):
        for entry in log.entries:
            entry["environment"] = "live"
        manifest = log.container.manifest | {"environment": "live"}
        log.container.files["manifest.json"] = canonical(manifest)

    def test_settings_of_the_test_environment_in_a_live_log(self):
        log = Log()
        self.live(log)
        start = log.of_kind("start")[0]
        self.found(log, start, "settings")

    def test_an_environment_that_is_none(self):
        log = Log()
        for entry in log.entries:
            entry["environment"] = "Live"
        start = log.of_kind("start")[0]
        log.container.files["manifest.json"] = canonical(log.container.manifest | {"environment": "Live"})
        self.found(log, start, "neither 'live' nor 'test'")

    def test_a_start_that_names_other_certificates_than_its_settings(self):
        log = Log()
        start = log.of_kind("start")[0]
        log.entries[start]["acb_ds_certificate_sha256"] = "00" * 32
        self.found(log, start, "acb_ds_certificate_sha256")

    def test_relaxations_that_the_start_hides(self):
        """A pinned signer, and a start that says that nothing is relaxed."""
        log = Log()
        start = log.of_kind("start")[0]
        settings = log.trust["settings"][0]["settings"]
        settings["pinned_signers"] = [hashlib.sha256(WORLD.pki.der("supplier-xml")).hexdigest()]
        log.entries[start]["trust_sha256"] = hashlib.sha256(canonical(settings)).hexdigest()
        self.found(log, start, "relax")
        log.entries[start]["relaxations"] = ["pinned_signers"]
        self.found(log, log.of_kind("signed")[0], "the entry hides it")
        for at in log.of_kind("signed"):
            log.entries[at]["observations"] = ["REVOCATION_NOT_CHECKED"]
        report = self.passes(log)
        self.assertIn("pinned", json.dumps(report["notes"] + report["not_verified"]))

    def test_a_root_of_its_own(self):
        log = Log()
        report = self.passes(log)
        root = hashlib.sha256(WORLD.pki.der("root")).hexdigest()
        self.assertIn(root, "\n".join(report["not_verified"]))
        report = self.passes(log, "--root", WORLD.pki.path("root"))
        self.assertNotIn(root, "\n".join(report["not_verified"]))
        self.found(log, None, root, "--root", WORLD.pki.path("issuing-ca"))

    def test_evidence_is_withheld_behind_a_recovery_that_nobody_knows_of(self):
        log = Log()
        at = log.of_kind("signed")[0]
        del log.evidence[at]
        self.found(log, at, "no evidence")
        log.append({"act": "recover", "complete": True, "environment": "test", "kind": "operator", **BY_TWO,
                    "time": log.entries[-1]["time"]})
        self.found(log, at, "--recovered")
        report = self.passes(log, "--recovered")
        self.assertIn("lack", "\n".join(report["not_verified"]))

    def test_a_recovery_excuses_nothing_that_is_there_and_wrong(self):
        log = Log()
        log.append({"act": "recover", "complete": True, "environment": "test", "kind": "operator", **BY_TWO,
                    "time": log.entries[-1]["time"]})
        at = log.feed("revocation-lists")[0]
        row = next(row for row in log.trust["certificates"] if int(row["from"]) != at)
        extra = dict(row) | {"from": str(log.feed("organisation-certificates")[0])}
        log.entries[int(row["from"])]["brought"].remove(row["sha256"])
        self.found(log, int(extra["from"]), "brought", "--recovered")

    def test_an_act_of_two_operators_that_one_did(self):  # R-NOW-11
        time = Log().entries[-1]["time"]
        for kind, act in (("released", "quarantine-release"), ("operator", "lift"), ("operator", "counter-raise")):
            for names in (["a"], ["a", "a"], []):
                log = Log()
                at = log.append({"act": act, "complete": True, "environment": "test", "kind": kind, "time": time,
                                 "operators": names})
                report = self.found(log, at, "two different operators")
                self.assertNotIn("acts that take two", json.dumps(report["verified"]))
            log = Log()
            log.append({"act": act, "complete": True, "environment": "test", "kind": kind, "time": time,
                        "operators": ["a", "b"]})
            self.assertIn("1 acts that take two", json.dumps(self.passes(log)["verified"]))

    def test_a_kind_that_is_none(self):
        log = Log()
        at = log.of_kind("signed")[-1]
        log.entries[at]["kind"] = "Signed"
        del log.evidence[at]
        self.found(log, at, "kind")

    def test_a_request_whose_signature_is_of_other_content(self):
        log = Log()
        at = log.of_kind("signed")[0]
        request = log.request(at)
        self.assertIn(b"RemotePartyFloorSeqNumber>0<", request.replace(b"sr:", b""))
        log.replace_evidence(at, request=request.replace(b"FloorSeqNumber>0<", b"FloorSeqNumber>1<"))
        self.found(log, at, "request")

    def test_a_request_that_another_supplier_signed(self):
        log = Log()
        at = log.of_kind("signed")[0]
        entry = log.entries[at]
        other = WORLD.pki.signer("supplier2-xml").sign(WORLD.request(device=WORLD.devices[0]))
        certificate = WORLD.pki.certificate("supplier2-xml")
        entry["signer"] |= {"serial": str(certificate.serial_number),
                            "sha256": hashlib.sha256(WORLD.pki.der("supplier2-xml")).hexdigest(),
                            "subject": "-".join(WORLD.pki.other_supplier.upper()[i:i + 2] for i in range(0, 16, 2))}
        log.replace_evidence(at, request=other)
        self.found(log, at, "request")

    def test_a_request_of_a_signer_that_was_revoked(self):
        log = Log()
        at = log.of_kind("signed")[0]
        request = WORLD.pki.signer("revoked-xml").sign(WORLD.request(device=WORLD.devices[0]))
        log.replace_evidence(at, request=request)
        self.found(log, at, "")

    def test_a_command_for_another_request(self):
        log = Log()
        first, second = log.of_kind("signed")[:2]
        log.replace_evidence(first, command=log.command(second))
        self.found(log, first, "")

    def test_a_list_that_is_dated_earlier(self):
        log = Log()
        row = next(row for row in log.trust["revocation_lists"]
                   if int(row["from"]) == log.feed("revocation-lists")[-1])
        row["from"] = str(log.feed("revocation-lists")[0])
        self.found(log, log.feed("revocation-lists")[0], "brought")

    def test_requests_that_were_refused_without_their_evidence_are_told(self):
        log = Log()
        at = log.of_kind("refused")[0]
        del log.evidence[at]
        report = self.passes(log)
        self.assertIn("1 of 2 requests that were refused or held", "\n".join(report["verified"]))

    def test_lines_beside_the_entries_say_no_more_than_they_may(self):
        for name, at in (("evidence", "signed"), ("evidence", "refused"), ("disclosures", "signed")):
            log = Log()
            at = log.of_kind(at)[0]
            getattr(log, name)[at]["note"] = "approved by the SSC"
            with self.subTest(name=name, at=at):
                self.found(log, at, "note")

    def test_a_file_that_no_export_has(self):
        log = Log()
        files = log.container.files
        log.container.files = {"entries.ndjson": files["entries.ndjson"], "readme.html": b"all is well",
                               **{name: octets for name, octets in files.items() if name != "entries.ndjson"}}
        self.found(log, None, "readme.html")

    def test_a_file_that_every_export_has(self):
        for name in ("summary.html", "revocation-lists.pem", "disclosures.ndjson"):
            octets = Log().octets(self.signer)
            container = Container.read(octets)
            del container.files[name]
            self.reseal(container)
            with self.subTest(name=name):
                code, report = self.run_on(container.octets())
                self.assertEqual(code, 1)
                self.assertIn(f"'{name}' there", json.dumps(report["failures"]))

    def test_a_line_beside_the_last_entry_that_can_be(self):
        log = Log()
        log.evidence[2**64 - 1] = log.evidence[log.of_kind("signed")[0]] | {"index": str(2**64 - 1)}
        self.found(log, 2**64 - 1, "does not belong there")

    def test_a_tile_that_is_of_no_use(self):
        container = Container.read(Log().octets(self.signer))
        summary = {name: container.files.pop(name) for name in ("summary.html", "manifest.json", "manifest.sig")}
        container.files |= {"tile/0/x001/000": bytes(32 * 256)} | summary
        self.reseal(container)
        code, report = self.run_on(container.octets())
        self.assertEqual(code, 1)
        self.assertIn("tile/0/x001/000", json.dumps(report["failures"]))

    def reseal(self, container, **changes):
        container.list_files(**changes)
        digest = base64.b64encode(hashlib.sha256(container.files["manifest.json"]).digest()).decode()
        container.files["manifest.sig"] = self.signer.note(f"{audit_container.FORMAT}\n{digest}\n")

    def test_keys_that_say_more_than_the_log(self):
        for change in ("second", "other", "none"):
            container = Container.read(Log().octets(self.signer))
            keys = json.loads(container.files["keys.json"])
            if change == "second":
                keys["keys"].append(keys["keys"][0] | {"from": "5", "spki": base64.b64encode(
                    NoteSigner(ORIGIN).spki).decode()})
            elif change == "other":
                key = ec.generate_private_key(ec.SECP256R1()).public_key()
                keys["keys"][1]["spki"] = base64.b64encode(key.public_bytes(
                    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).decode()
            else:
                del keys["keys"][1]
            container.files["keys.json"] = canonical(keys)
            self.reseal(container)
            with self.subTest(change=change):
                code, report = self.run_on(container.octets())
                self.assertEqual(code, 1, report)
                self.assertIn("keys.json", json.dumps(report["failures"]))

    def test_two_checkpoints_of_one_size(self):
        container = Container.read(Log().octets(self.signer))
        size = int(container.manifest["tree_size"])
        for first, says in ((self.signer.checkpoint(size, bytes(32)), "does not follow"),
                            (self.signer.checkpoint(size - 1, bytes(32)), "a fork")):
            forged = container.copy()
            forged.files["checkpoints"] = first + forged.files["checkpoints"]
            self.reseal(forged)
            code, report = self.run_on(forged.octets())
            self.assertEqual(code, 1)
            self.assertIn(says, json.dumps(report["failures"]))

    def test_a_cosignature_that_is_forged_or_of_another_log(self):
        witness = NoteSigner("witness.example")
        forger = NoteSigner("witness.example")
        forger.raw = witness.raw  # the key's hash is the witness's, the signature is not
        container = Container.read(Log().octets(self.signer))
        text = container.files["checkpoints"].split(b"\n\n")[0].decode() + "\n"
        cosignatures = (forger.cosign(text, 1_700_000_000), witness.cosign("another" + text, 1_700_000_000))
        for line in cosignatures:
            forged = container.copy()
            forged.files["checkpoints"] += line
            self.reseal(forged)
            code, report = self.run_on(forged.octets(), "--witness", witness.vkey(4))
            self.assertEqual(code, 1)
            self.assertIn("cosign", json.dumps(report["failures"]))

    def test_a_clock_that_was_set_back_is_told_where_and_how_far(self):
        log = Log()
        at = log.of_kind("anchor")[-1]
        log.entries[at]["time"] = "2025-01-01T00:00:00.000Z"
        report = self.passes(log)
        self.assertIn(f"entry {at}", "\n".join(report["notes"]))

    def test_decisions_that_overlapped_are_no_step_of_the_clock(self):
        for back, step in ((1, False), (9_999, False), (10_000, True)):
            log = Log()
            at = log.of_kind("anchor")[-1]
            latest = max(datetime.datetime.fromisoformat(entry["time"]) for entry in log.entries[:at])
            time = latest - datetime.timedelta(milliseconds=back)
            log.entries[at]["time"] = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            notes = "\n".join(self.passes(log)["notes"])
            self.assertEqual("the clock stood lower" in notes, step, notes)
            if not step:
                self.assertRegex(notes, rf"up to ({back}|[0-9]{{2,}}) ms before")

    def test_what_failed_is_not_said_to_be_verified(self):
        log = Log()
        last = [at for at in log.of_kind("signed") if log.entries[at]["device"].endswith("7A-00-00")][-1]
        log.entries[last]["originator_counter"] = "1"
        report = self.found(log, last, "P1")
        said = "\n".join(report["verified"])
        self.assertNotIn("none is used twice", said)
        self.assertIn(f"{SIGNED - 1} of {SIGNED} signed commands", said)

    def test_no_entry_is_in_a_tree_that_nobody_signed(self):
        container = Container.read(EXPORT.read_bytes())
        root = container.rebuild_tree()
        container.files["checkpoints"] = NoteSigner(ORIGIN).checkpoint(len(container.entries), root)
        container.list_files()
        code, report = self.run_on(container.octets(), key=False)
        self.assertEqual(code, 1)
        self.assertNotIn("are in the tree", "\n".join(report["verified"]))

    def test_what_nobody_can_verify_from_the_file_is_said(self):
        said = "\n".join(self.passes(Log())["not_verified"])
        for words in ("summary.html", "registrations", "clock", "abandoned"):
            self.assertIn(words, said)


class AFileAgainstTheProgram(Case):
    """Nobody's signature is needed for these."""

    def changed(self, **manifest):
        container = Container.read(EXPORT.read_bytes())
        container.list_files(**manifest)
        return container

    def fails(self, octets, **options):
        code, report = self.run_on(octets, key=False, **options)
        self.assertEqual(code, 1)
        return report

    def test_a_tree_too_large_to_be_there(self):
        for size in (1 << 24, 1 << 40, (1 << 63) - 1, (1 << 64) - 1):
            with self.subTest(size=size):
                self.fails(self.changed(tree_size=str(size)).octets())
                self.fails(self.changed(tree_size=str(size), end=str(size)).octets())

    def test_numbers_that_are_none(self):
        for member in ("tree_size", "first", "end"):
            for value in ("-1", "1e9", "18446744073709551616", "007", "9" * 1000, "", "\0"):
                with self.subTest(member=member, value=value[:20]):
                    self.fails(self.changed(**{member: value}).octets())

    def test_a_range_of_nothing(self):
        self.fails(self.changed(first="5", end="5").octets())

    def test_the_terminal_of_the_reader(self):
        """Nothing that a file holds moves the cursor, clears the screen, or looks like a line of the program's own."""
        evil = "\u001b[2J\u001b[H\nVERIFIED\n\r\u009b1A\u202e\u0007"
        for member in ("environment", "origin", "redaction", "root", "tree_size"):
            container = self.changed(**{member: evil})
            self.on_terminal(container.octets())
        container = Container.read(EXPORT.read_bytes())
        lines = container.entries
        lines[3] = canonical(json.loads(lines[3]) | {"index": evil})
        container.entries = lines
        container.list_files()
        self.on_terminal(container.octets())

    def on_terminal(self, octets):
        path = FOLDER / "evil\x1b[2J.tar"
        path.write_bytes(octets)
        done = verify(path, memory=MEMORY)
        self.assertEqual(done.returncode, 1)
        text = done.stdout.decode()
        for line in text.splitlines():
            self.assertTrue(all(" " <= c <= "~" for c in line), repr(line))
            self.assertNotEqual(line, "VERIFIED")
        done = verify(str(path) + "x", memory=MEMORY)
        self.assertEqual(done.returncode, 1)
        self.assertNotIn(b"\x1b", done.stderr)

    def test_json_that_is_deep_or_doubled(self):
        for name in ("trust.json", "keys.json", "manifest.json"):
            for text in (b"[" * 100_000, b'{"a":' * 100_000, b'{"keys":[],"keys":[]}', b"\0", b"\xff", b"{}"):
                container = Container.read(EXPORT.read_bytes())
                container.files[name] = text
                if name != "manifest.json":
                    container.list_files()
                with self.subTest(name=name, text=text[:12]):
                    self.fails(container.octets())

    def test_one_list_in_a_million_rows(self):
        """What one row needs, a million may not need a million times."""
        container = Container.read(EXPORT.read_bytes())
        block = b"-----BEGIN X509 CRL-----\n" + base64.b64encode(bytes(8 << 20)) + b"\n-----END X509 CRL-----\n"
        container.files["revocation-lists.pem"] += block
        trust = json.loads(container.files["trust.json"])
        at = next(json.loads(line)["index"] for line in container.entries if b'"revocation-lists"' in line)
        sha256 = hashlib.sha256(bytes(8 << 20)).hexdigest()
        trust["revocation_lists"] += [{"from": at, "sha256": sha256}] * 2_000
        container.files["trust.json"] = canonical(trust)
        container.list_files()
        self.fails(container.octets())

    def test_many_imports_and_many_rows(self):
        """No product of the two."""
        container = Container.read(EXPORT.read_bytes())
        lines = container.entries
        feed = next(json.loads(line) for line in lines if b'"brought"' in line)
        first = len(lines)
        count = 20_000
        lines += [canonical(feed | {"index": str(first + i), "brought": []}) for i in range(count)]
        container.entries = lines
        trust = json.loads(container.files["trust.json"])
        row = trust["certificates"][0]
        trust["certificates"] += [row | {"from": str(first + i)} for i in range(count)]
        container.files["trust.json"] = canonical(trust)
        container.list_files()
        self.fails(container.octets())

    def test_one_line_without_end(self):
        container = Container.read(EXPORT.read_bytes())
        container.files["entries.ndjson"] = b'{"a":"' + b"a" * (64 << 20)
        container.list_files()
        self.fails(container.octets(), memory=256 << 20)

    def test_names_of_files(self):
        for name in ("../../etc/passwd", "/etc/passwd", "tile/../x", "a\0b", "A", "x" * 100):
            container = Container.read(EXPORT.read_bytes())
            header = audit_container.header("entries.ndjson", 0).replace(b"entries.ndjson",
                                                                         name.encode()[:99].ljust(14, b"\0")[:99])
            octets = bytearray(container.octets())
            octets[:100] = header[:100]
            self.fails(bytes(octets))

    def test_a_receipt_says_no_more_than_was_verified(self):
        answer = WORLD.box.get("/v1/audit/proof/3")
        spki = next(key["spki"] for key in json.loads(Container.read(EXPORT.read_bytes()).files["keys.json"])["keys"]
                    if key["role"] == "checkpoint")
        self.key.write_text(f"-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n")
        path = FOLDER / "receipt.json"

        def code(octets):
            path.write_bytes(octets)
            return verify("receipt", path, "--key", self.key, memory=MEMORY).returncode

        whole = answer.octets.decode()
        self.assertEqual(code(whole.encode()), 0)
        self.assertEqual(code(json.dumps(answer.json, indent=1).encode()), 0)
        # Octets behind a 00 would be shown by others and were not hashed.
        for member in ("entry", "checkpoint", "leaf", "index"):
            self.assertEqual(code(json.dumps(answer.json | {member: answer.json[member] + "\0 and more"}).encode()), 1,
                             member)
        # Others may read the first of two, or a member that nothing verifies.
        self.assertEqual(code(b'{"entry":"{}",' + whole[1:].encode()), 1)
        self.assertEqual(code(b'{"outcome":"signed",' + whole[1:].encode()), 1)
        for octets in (b"", b"{", b"[" * 100_000, b"\0", b"{}", b'{"index":' * 1000):
            self.assertEqual(code(octets), 1)

    def test_a_receipt_without_a_key_is_not_said_to_be_proven(self):
        path = FOLDER / "receipt.json"
        path.write_bytes(WORLD.box.get("/v1/audit/proof/3").octets)
        done = verify("receipt", path)
        self.assertEqual(done.returncode, 0)
        self.assertFalse(done.stdout.endswith(b"\nVERIFIED\n"), done.stdout)
        self.assertIn(b"--key", done.stdout)


class Ranges(Case):
    def test_of_every_kind_pass_on_their_own(self):
        end = int(Container.read(EXPORT.read_bytes()).manifest["end"])
        since = FOLDER / "since"
        since.write_bytes(b"".join(Container.read(EXPORT.read_bytes()).files["checkpoints"].partition(b"=\n\n")[0:2])
                          + Container.read(EXPORT.read_bytes()).files["checkpoints"].split(b"\n\n")[1].split(b"\n")[0]
                          + b"\n")
        for redaction in ("ssc", "panel"):
            for first, last in ((0, 1), (0, 2), (5, 6), (5, 9), (end - 1, end), (0, end), (3, end)):
                path = export(redaction, f"{redaction}-{first}-{last}.tar", "--from", first, "--to", last)
                done = verify(path, "--json", "--since", since)
                report = json.loads(done.stdout)
                with self.subTest(redaction=redaction, first=first, last=last):
                    self.assertEqual((done.returncode, report["failures"]), (0, []))
                    self.assertEqual((report["first"], report["end"]), (str(first), str(last)))
                    self.assertIn("continues the earlier checkpoint", "\n".join(report["verified"]))


class ThePanel(Case):
    """Who acted on the box is not for the Panel, nor can it be tried out from a leaf (R-SEC3-54, R-SEC3-69)."""

    @classmethod
    def setUpClass(cls):
        for operator in ("operator", "operator2"):
            client = WORLD.box.client(operator)
            client.request("POST", f"/v1/quarantine/{HELD}/release", b"", {"Content-Type": "application/json"})
            client.close()
        cls.ssc = Container.read(export("ssc", "all.tar").read_bytes())
        cls.panel = Container.read(export("panel", "panel.tar", "--to", cls.ssc.manifest["end"]).read_bytes())

    def test_sees_no_operator(self):
        octets = b"".join(self.panel.files.values())
        for name in (b"auditor.acb.test", b"operator.acb.test", b"operator2.acb.test"):
            self.assertIn(name, self.ssc.files["entries.ndjson"])
            self.assertNotIn(name, octets)
        self.assertIn(b'"kind":"released"', self.ssc.files["entries.ndjson"])

    def test_cannot_try_what_was_withheld(self):
        whole = [json.loads(line) for line in self.ssc.entries]
        withheld = [json.loads(line) for line in self.panel.entries if b'"withheld":true' in line]
        self.assertTrue(withheld)
        for line in withheld:
            self.assertTrue(whole[int(line["index"])]["sealed"], whole[int(line["index"])])


if __name__ == "__main__":
    harness.main()
