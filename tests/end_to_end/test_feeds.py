#!/usr/bin/python3
"""Every feed through the running service: a good file, a wrong one with line and reason, all or nothing, and what the
audit log says of each."""

import base64
import contextlib
import datetime
import hashlib
import json
import time
import unittest

import harness
from harness import World, temporary_directory

make_pki = harness.own_pki.make_pki

HASH = "ab" * 32
# feed -> (header, good rows, a wrong row, what the reason of the reject begins with)
TABLES = {
    "parties": ("user_id,party,role,status,from,to,uept,notice_to_cease",
                ["90B3D51F300A0000,SUPX,IS,active,2020-01-01,,yes,"],
                "90B3D51F300A0001,SUPX,XX,active,2020-01-01,,yes,", "role:"),
    "registrations": ("mpxn,supplier,network_operator,from,to",
                      ["1312345678111,SUPX,,2020-01-01,", "0123456789,SUPX,,2020-01-01,"],
                      "0000000000,SUPX,,2020-01-01,", "mpxn:"),
    "mpan-prefixes": ("prefix,party", ["20,NETO", "07,NETB"], "7,NETO", "prefix:"),
    "working-days": ("date,working", ["2026-12-25,no", "2026-12-28,no"], "2026-02-30,no", "date:"),
    "proxy-certificates": ("device_id,source,owner,certificate",
                           ["00DB1234567890F0,DSP,90B3D51F30020000,1234",
                            "00DB1234567890F0,S1SP,90B3D51F30020000,5678"],
                           "00DB1234567890F1,BOTH,90B3D51F30020000,1234", "source:"),
    "repository-status": ("certificate_sha256,status,reason,since",
                          [f"{HASH},revoked,ceased to be a DCC User,2026-01-31",
                           f"{'cd' * 32},in-use,,2026-01-31"],
                          f"{'ef' * 32},lost,,2026-01-31", "status:"),
}


def setUpModule():
    """One box for all tests that leave its devices as they were."""
    global WORLD  # pylint: disable=global-statement
    stack = unittest.enterModuleContext(temporary_directory())
    WORLD = World.own(stack, devices=2)
    unittest.addModuleCleanup(WORLD.box.stop)


def table(header, rows):
    return "\n".join([header, *rows]) + "\n"


def pem(*ders):
    return "".join(harness.own_pki.pem_of_der(der) for der in ders)


def begins(data):
    """The lines on which the PEM blocks of a file begin."""
    return [number for number, line in enumerate(data.split("\n"), 1) if line.startswith("-----BEGIN")]


class FeedCase(harness.TestCase):
    """Helpers for tests on one box."""

    box = property(lambda self: WORLD.box)
    pki = property(lambda self: WORLD.pki)

    def last_import(self, feed, role="auditor"):
        answer = self.box.get("/v1/feeds", role)
        self.assertEqual(answer.status, 200)
        found = {each["feed"]: each["last_import"] for each in answer.json["feeds"]}
        self.assertEqual(len(found), 11)
        return found[feed]

    def next_index(self):
        return len(self.box.audit_entries())

    def assert_imported(self, feed, data, rows, changed, **more):
        """The file is taken: answer, audit entry and GET /v1/feeds agree. Returns the answer."""
        start = self.next_index()
        answer = self.box.import_feed(feed, data)
        octets = data.encode()
        digest = hashlib.sha256(octets).hexdigest()
        wanted = dict(feed=feed, rows=str(rows), changed=str(changed), sha256=digest)
        self.assertEqual({name: answer[name] for name in wanted}, wanted)
        entries = [entry for _, entry in self.box.audit_entries(start) if entry["kind"] == "feed"]
        self.assertEqual(len(entries), 1)
        for name, value in {**wanted, "octets": str(len(octets)), "environment": "test", **more}.items():
            self.assertEqual(entries[0][name], value, name)
        self.assertEqual(answer["audit"]["index"], entries[0]["index"])
        # design.md section 8: rows, rejects with line and reason, of every feed.
        self.assertEqual((answer["rejected"], len(answer["rejects"])), (more.get("rejected", "0"), int(answer["rejected"])))
        last = self.last_import(feed)
        self.assertEqual((last["rows"], last["changed"]), (str(rows), str(changed)))
        self.assertEqual((last["audit_index"], last["at"]), (entries[0]["index"], entries[0]["time"]))
        return answer

    def assert_rejected(self, feed, data, *rejects):
        """The file is refused with exactly these (line, text in the reason); nothing is written but alarms."""
        start, before = self.next_index(), self.last_import(feed)
        answer = self.box.post_feed(feed, data)
        self.assertEqual((answer.status, answer.reason), (422, "FEED_REJECTED"), answer)
        self.assertEqual(answer.json["rejected"], str(len(rejects)))
        self.assertEqual([each["line"] for each in answer.json["rejects"]], [str(line) for line, _ in rejects])
        for each, (_, text) in zip(answer.json["rejects"], rejects):
            self.assertIn(text, each["reason"])
        self.assertEqual(self.last_import(feed), before)
        entries = [entry for _, entry in self.box.audit_entries(start)]
        self.assertEqual([entry for entry in entries if entry["kind"] != "alarm"], [])
        return entries

    def assert_nothing_imported(self, feed, data, alarm):
        """The file is good and nothing of it is kept: an alarm, and no import that makes the feed look fresh."""
        start, before = self.next_index(), self.last_import(feed)
        answer = self.box.import_feed(feed, data)
        self.assertEqual((answer["rows"], answer["changed"], answer["rejected"]), ("0", "0", "0"))
        self.assertEqual(self.last_import(feed), before)
        entries = [entry for _, entry in self.box.audit_entries(start)]
        self.assertEqual([(entry["kind"], entry["alarm"], entry["feed"]) for entry in entries], [("alarm", alarm, feed)])
        self.assertEqual(answer["audit"]["index"], entries[0]["index"])
        return answer


class FirstFiles(FeedCase):
    """P9, R-128-28: what begins a feed."""

    box = property(lambda self: self.world.box)

    def test_a_feed_begins_with_no_file_of_which_nothing_is_kept(self):
        with temporary_directory() as folder:
            self.world = World.own(folder, devices=0, start=False)
            self.box.start()
            headers = {feed: header for feed, (header, *_) in TABLES.items()}
            for feed, header in {**headers, "devices": Devices.header}.items():
                with self.subTest(feed):
                    self.assert_rejected(feed, table(header, []), (1, "a file without rows is no list"))
                    self.assertIsNone(self.last_import(feed))
            root = pem(self.world.pki.der("foreign-root"))
            for feed in ("organisation-certificates", "device-certificates"):
                with self.subTest(feed):
                    self.assert_nothing_imported(feed, root, "root in feed")
            self.assert_imported("devices", table(Devices.header, ["00DB1234567890E0,GPF,,m,Commissioned,,,,,,,"]), 1, 1)
            self.assert_imported("devices", table(Devices.header, []), 0, 0)
            self.box.stop()


class Tables(FeedCase):
    """The CSV feeds."""

    # First of its class: the tables are empty.
    def test_a_good_file_is_taken_and_the_same_again_changes_nothing(self):
        for feed, (header, rows, _, _) in TABLES.items():
            with self.subTest(feed):
                self.assert_imported(feed, table(header, rows), len(rows), len(rows))
                self.assert_imported(feed, table(header, rows), len(rows), 0)

    def test_one_wrong_row_and_nothing_is_taken(self):
        for feed, (header, rows, wrong, reason) in TABLES.items():
            with self.subTest(feed):
                self.box.import_feed(feed, table(header, rows))
                self.assert_rejected(feed, table(header, [rows[0], wrong]), (3, reason))
                self.assert_rejected(feed, table(header, [wrong, rows[0], wrong]), (2, reason), (4, reason))
                self.assert_rejected(feed, table(header[:-1], rows), (1, "header"))
                # Had the shorter file been taken, the rest of a table that is replaced would be new again.
                self.assert_imported(feed, table(header, rows), len(rows), 0)

    def test_tables_are_replaced_as_a_whole(self):
        for feed in ("mpan-prefixes", "working-days"):
            with self.subTest(feed):
                header, rows, _, _ = TABLES[feed]
                self.box.import_feed(feed, table(header, rows))
                self.assert_imported(feed, table(header, rows[:1]), 1, 1)
                self.assert_imported(feed, table(header, rows), 2, 1)

    def test_no_table_is_replaced_by_a_file_without_rows(self):
        for feed in ("mpan-prefixes", "working-days"):
            with self.subTest(feed):
                header, rows, _, _ = TABLES[feed]
                self.box.import_feed(feed, table(header, rows))
                self.assert_rejected(feed, table(header, []), (1, "a file without rows is no list"))
                self.assert_imported(feed, table(header, rows), 2, 0)
        # Those that add rows have days without any.
        for feed in ("parties", "registrations", "proxy-certificates", "repository-status"):
            with self.subTest(feed):
                self.assert_imported(feed, table(TABLES[feed][0], []), 0, 0)

    def test_a_row_that_lets_a_party_act_again_is_taken_and_raises_an_alarm(self):  # R-SEC3-10, R-128-6
        header = TABLES["parties"][0]

        def rows(first, second):
            return table(header, [f"90B3D51F300B0000,SUPY,IS,{first},2020-01-01,,yes,",
                                  f"90B3D51F300B0001,GASY,GT,active,2020-01-01,,yes,{second}"])

        older, newer = rows("active", ""), rows("expelled", "2026-01-31")
        for data in (older, newer, newer):
            self.assertNotIn("reinstated", self.box.import_feed("parties", data))
        start = self.next_index()
        answer = self.assert_imported("parties", older, 2, 2)
        self.assertEqual(answer["reinstated"], "2")
        alarms = [entry for _, entry in self.box.audit_entries(start) if entry["kind"] == "alarm"]
        self.assertEqual([(alarm["alarm"], alarm["count"]) for alarm in alarms], [("party reinstated by feed", "2")])
        self.assertEqual(alarms[0]["parties"], [
            "90B3D51F300B0000 SUPY, IS from 2020-01-01T00:00:00.000Z: was expelled",
            "90B3D51F300B0001 GASY, GT from 2020-01-01T00:00:00.000Z: was active, notice to cease"])
        self.assertNotIn("reinstated", self.assert_imported("parties", older, 2, 0))

    def test_a_row_that_ends_or_outdates_the_one_against_a_party_raises_an_alarm(self):  # found by an attack
        header = TABLES["parties"][0]
        users = {"to": "90B3D51F300B0010", "newer": "90B3D51F300B0011", "neither": "90B3D51F300B0012"}
        against = [f"{users['to']},GASX,GT,suspended,2020-01-01,,yes,", f"{users['newer']},GASZ,GT,active,2020-01-01,,yes,2026-01-31",
                   f"{users['neither']},GASW,GT,expelled,2020-01-01,,yes,"]
        self.box.import_feed("parties", table(header, against))
        start = self.next_index()
        answer = self.box.import_feed("parties", table(header, [
            f"{users['to']},GASX,GT,suspended,2020-01-01,2026-01-01,yes,", f"{users['to']},GASX,GT,active,2026-01-01,,yes,",
            f"{users['newer']},GASZ,GT,active,2026-02-01,,yes,", f"{users['neither']},GASW,GT,active,2026-02-01,,yes,"]))
        self.assertEqual(answer["reinstated"], "2", "beside a row that expels, another lets nobody act")
        alarms = [entry for _, entry in self.box.audit_entries(start) if entry["kind"] == "alarm"]
        self.assertEqual([alarm["parties"] for alarm in alarms], [[
            f"{users['to']} GASX, GT from 2020-01-01T00:00:00.000Z: was suspended",
            f"{users['newer']} GASZ, GT from 2020-01-01T00:00:00.000Z: was active, notice to cease"]])

    def test_whatever_takes_a_partys_bar_back_raises_an_alarm(self):  # found by a review
        header, user = TABLES["parties"][0], "90B3D51F300B0030"
        cases = (  # what is held, what comes, whether it is told
            ("ended, for all of the party's User IDs", "GASE,GT,expelled,2020-01-01,,yes,", ["GASE,GT,expelled,2020-01-01,2026-01-01,yes,"], True),
            ("ends one day", "GASE,GT,suspended,2020-01-01,,yes,", ["GASE,GT,suspended,2020-01-01,2044-01-01,yes,"], True),
            ("goes on in another row", "GASE,GT,suspended,2020-01-01,,yes,",
             ["GASE,GT,suspended,2020-01-01,2026-01-01,yes,", "GASE,GT,expelled,2026-01-01,,yes,"], False),
            ("a notice outdated one day", "GASE,GT,active,2020-01-01,,yes,2026-01-31", ["GASE,GT,active,2044-01-01,,yes,"], True),
            ("a notice outdated by the end", "GASE,GT,active,2020-01-01,,yes,2026-01-31", ["GASE,GT,ceased,2026-03-01,,yes,"], True),
            ("and by a row that has it too", "GASE,GT,active,2020-01-01,,yes,2026-01-31", ["GASE,GT,ceased,2026-03-01,,yes,2026-01-31"], False),
            ("it is another's", "GASE,GT,suspended,2020-01-01,,yes,", ["GASF,GT,suspended,2020-01-01,,yes,"], True),
            ("ceased, and back", "GASE,GT,ceased,2020-01-01,,yes,", ["GASE,GT,active,2026-01-01,,yes,"], True),
            ("ended long ago", "GASE,GT,ceased,2020-01-01,2021-01-01,yes,", ["GASE,GT,active,2026-01-01,,yes,"], False),
        )
        for number, (name, held, news, told) in enumerate(cases):
            with self.subTest(name):
                own = f"{int(user, 16) + number:016X}"
                self.box.import_feed("parties", table(header, [f"{own},{held}"]))
                answer = self.box.import_feed("parties", table(header, [f"{own},{row}" for row in news]))
                self.assertEqual(answer.get("reinstated"), "1" if told else None)
                again = self.box.import_feed("parties", table(header, [f"{own},{row}" for row in news]))
                self.assertNotIn("reinstated", again)

    def test_proxy_certificates_are_replaced_by_source(self):  # R-107-8
        header, rows, _, _ = TABLES["proxy-certificates"]
        self.box.import_feed("proxy-certificates", table(header, rows))
        other = "00DB1234567890F2,DSP,90B3D51F30020000,99"
        self.assert_imported("proxy-certificates", table(header, [other]), 1, 2)
        self.assert_imported("proxy-certificates", table(header, rows[1:]), 1, 0)

    def test_one_thing_twice_in_a_file_is_a_reject(self):
        for feed in ("mpan-prefixes", "working-days", "repository-status", "proxy-certificates", "parties"):
            with self.subTest(feed):
                header, rows, _, _ = TABLES[feed]
                rows = [rows[0], *rows[1:], rows[0]]
                self.assert_rejected(feed, table(header, rows), (len(rows) + 1, "an earlier row is for the same: "))

    def test_two_registrations_of_one_meter_point_and_instant_say_the_same_or_are_a_reject(self):  # R-107-7
        header, (first, second), wrong, reason = TABLES["registrations"]
        self.box.import_feed("registrations", table(header, [first, second]))
        self.assert_imported("registrations", table(header, [first, second, first]), 3, 0)
        says = "an earlier row is for the same: 1312345678111, 2020-01-01T00:00:00.000Z"
        for other in (first.replace("SUPX", "SUPY"), first.replace("SUPX,", "SUPX,NETO"), first + "2021-01-01"):
            with self.subTest(other):
                self.assert_rejected("registrations", table(header, [first, other, second, first, wrong, other]),
                                     (3, says), (6, reason), (7, says))

    def test_the_first_rejects_are_listed_in_the_order_of_the_file(self):
        header, (first, _), wrong, _ = TABLES["registrations"]
        twins = [first, *[first.replace("SUPX", "SUPY")] * 60]
        answer = self.box.post_feed("registrations", table(header, [*twins, *[wrong] * 60]))
        self.assertEqual((answer.json["rows"], answer.json["rejected"]), ("121", "120"))
        self.assertEqual([each["line"] for each in answer.json["rejects"]], [str(line) for line in range(3, 103)])

    def test_a_file_that_is_refused_as_a_whole_is_refused_with_the_reason(self):
        answer = self.box.post_feed("parties", "user,party\n")
        self.assertEqual((answer.status, answer.reason), (422, "FEED_REJECTED"))
        self.assertIn("header", answer.json["detail"])
        self.assertEqual(answer.json["detail"], answer.json["rejects"][0]["reason"])
        self.assertEqual((answer.json["rows"], answer.json["rejected"]), ("0", "1"))

    def test_a_revoked_certificate_is_never_in_use_again(self):  # R-128-7
        header, rows, _, _ = TABLES["repository-status"]
        self.box.import_feed("repository-status", table(header, rows))
        back = f"{HASH},in-use,,2026-02-01"
        self.assert_rejected("repository-status", table(header, [rows[1], back]), (3, "was revoked"))
        self.assert_imported("repository-status", table(header, [f"{HASH},expired,,2026-02-01"]), 1, 0)
        self.assert_rejected("repository-status", table(header, [back]), (2, "was revoked"))

    def test_what_an_answer_quotes_of_a_file_is_utf8(self):  # RFC 8259 section 8.1
        header, rows, _, _ = TABLES["parties"]
        latin, long = "SUPPLI\u00c9".encode("latin-1"), ("x" + "\u00e9" * 60).encode()
        for wrong, text in ((rows[0].encode().replace(b"SUPX", latin), "SUPPLI\ufffd"),
                            (rows[0].encode().replace(b"IS", long), "x" + "\u00e9" * 29 + "...'")):
            answer = self.box.post_feed("parties", header.encode() + b"\n" + wrong + b"\n")
            self.assertEqual((answer.status, answer.reason), (422, "FEED_REJECTED"))
            self.assertIn(text, json.loads(answer.octets.decode())["rejects"][0]["reason"])
        answer = self.box.post_feed("parties", header.encode().replace(b"party", latin) + b"\n")
        self.assertIn("SUPPLI\ufffd", json.loads(answer.octets.decode())["rejects"][0]["reason"])

    def test_the_list_of_feeds_is_for_feed_auditor_and_operator(self):
        for role in ("feed", "auditor", "operator"):
            self.last_import("devices", role)
        self.assertEqual(self.box.get("/v1/feeds", "dsp").status, 403)

    def test_a_feed_that_does_not_exist(self):
        done = harness.run(harness.binary("tools", "acbctl"), "--directory", str(self.box.directory), "import", "nosuch",
                           "/dev/null", check=False)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("there is no feed 'nosuch'", done.stderr)
        self.assertEqual(self.box.post_feed("tariffs", "a\n").status, 404)


class CertifiedProducts(FeedCase):
    """R-SEC3-73: an entry without a good hash is rejected and reported, the rest is imported."""

    header = "model,firmware,firmware_sha256,from,to"

    @classmethod
    def tearDownClass(cls):
        # The devices of the other tests are on the list again.
        WORLD.box.import_feed("certified-products", table(cls.header, [f"model,1,{HASH},2020-01-01,"]))

    def test_the_good_entries_are_taken_and_the_others_are_listed(self):
        self.box.import_feed("certified-products", table(self.header, [f"Model-0,0,{HASH},2020-01-01,"]))
        good = [f"Model-{i},1.{i},{HASH},2020-01-01," for i in range(3)]
        data = table(self.header, [good[0], "Model-9,1,,2020-01-01,", good[1], f"Model-9,1,{HASH[1:]},2020-01-01,",
                                   good[2]])
        answer = self.assert_imported("certified-products", data, 3, 4, rejected="2")
        self.assertEqual(answer["rejected"], "2")
        self.assertEqual([each["line"] for each in answer["rejects"]], ["3", "5"])
        for each in answer["rejects"]:
            self.assertIn("firmware_sha256: expected a SHA-256 of 64 hex digits", each["reason"])
        answer = self.assert_imported("certified-products", table(self.header, good), 3, 0, rejected="0")
        self.assertEqual(answer["rejects"], [])
        # Of two for the same the first is an entry.
        twice = table(self.header, [good[0], good[1], good[0], good[2], good[0] + "2030-01-01"])
        answer = self.assert_imported("certified-products", twice, 3, 0, rejected="2")
        self.assertEqual([each["line"] for each in answer["rejects"]], ["4", "6"])
        # Off the list when no longer named.
        self.assert_imported("certified-products", table(self.header, good[:1]), 1, 2)

    def test_acbctl_names_the_entries_that_were_left_out_and_exits_1(self):
        with temporary_directory() as folder:
            file = folder / "products.csv"
            file.write_text(table(self.header, [f"Model-1,1,{HASH},2020-01-01,", *["Model-9,1,,2020-01-01,"] * 300]))
            command = [harness.binary("tools", "acbctl"), "--directory", str(self.box.directory), "import",
                       "certified-products", str(file)]
            done = harness.run(*command, check=False)
            self.assertEqual((done.returncode, done.stdout.splitlines()[0][:34]), (1, "imported certified-products: 1 row"))
            self.assertIn("rejected: 300 rows of the file are wrong and were left out", done.stderr)
            self.assertIn("  line 3: firmware_sha256: expected", done.stderr)
            self.assertEqual(done.stderr.count("  line "), 100)
            said = harness.run(*command, "--json", check=False)
            self.assertEqual((said.returncode, json.loads(said.stdout)["rejected"], said.stderr), (1, "300", ""))
            file.write_text(table(self.header, [f"Model-1,1,{HASH},2020-01-01,"]))
            whole = harness.run(*command, check=False)
            self.assertEqual((whole.returncode, whole.stderr), (0, ""))

    def test_a_file_without_one_good_entry_is_no_list(self):
        self.box.import_feed("certified-products", table(self.header, [f"Model-1,1,{HASH},2020-01-01,"]))
        self.assert_rejected("certified-products", table(self.header, ["Model-1,1,,2020-01-01,"]), (2, "firmware_sha256"))
        self.assert_rejected("certified-products", "model,firmware\n", (1, "header"))
        self.assert_rejected("certified-products", table(self.header, []), (1, "a file without rows is no list"))
        self.assert_imported("certified-products", table(self.header, [f"Model-1,1,{HASH},2020-01-01,"]), 1, 0)


class Devices(FeedCase):
    """The optional column of R-SEC3-71, and the all or nothing of the largest feed."""

    header = ("device_id,type,smets,model,smi_status,commissioned,mpxn,key_agreement_certificate,supplier_cell,"
              "supplier_floor,network_operator_cell,network_operator_floor")

    def row(self, device, hub=None):
        return f"{device},ESME,SMETS2,m,Commissioned,2020-01-01,,,acb,0,acb,0" + ("" if hub is None else f",{hub}")

    def test_a_file_without_hubs_leaves_them_and_an_empty_field_takes_them_away(self):
        device, with_hub = "00DB1234567890E0", self.header + ",communications_hub"
        self.assert_imported("devices", table(with_hub, [self.row(device, "00DB1234567890E9")]), 1, 1)
        self.assert_imported("devices", table(self.header, [self.row(device)]), 1, 0)
        self.assert_imported("devices", table(with_hub, [self.row(device, "00DB1234567890E9")]), 1, 0)
        self.assert_imported("devices", table(with_hub, [self.row(device, "")]), 1, 1)
        self.assert_rejected("devices", table(with_hub, [self.row(device, "hub")]), (2, "communications_hub:"))

    def test_one_wrong_row_and_nothing_is_taken(self):
        good, wrong = self.row("00DB1234567890E1"), self.row("00DB1234567890E2").replace("ESME", "GAS")
        self.assert_rejected("devices", table(self.header, [good, wrong]), (3, "type:"))
        self.assertEqual(self.box.get("/v1/devices/00DB1234567890E1").status, 404)
        self.assert_imported("devices", table(self.header, [good]), 1, 1)
        self.assertEqual(self.box.get("/v1/devices/00DB1234567890E1").status, 200)


class DeviceCertificates(FeedCase):
    """R-SEC3-13, R-SEC3-19, R-SEC3-20: without device roots in the configuration no path is asked for."""

    def test_authorities_are_kept_keys_are_taken_and_the_rest_is_counted(self):
        device = WORLD.devices[1]
        before = self.box.device(device)["key_agreement_certificate_sha256"]
        old = next(issued.der for label, issued in self.pki.made.certificates.items() if label == f"device-{device}")
        self.assertEqual(before, hashlib.sha256(old).hexdigest())
        new, _ = self.pki.device(device)
        DevicePaths.device_ca(WORLD, "DC", DevicePaths.device_ca(WORLD, "DRC", None))
        data = pem(self.pki.der("device-ca-DC"), new, self.pki.der("esme-ds"))
        answer = self.assert_imported("device-certificates", data, 3, 2)
        self.assertEqual((answer["authorities"], answer["keys"], answer["not_kept"]), ("1", "1", "1"),
                         "a digital signing certificate of a device that is not known is counted")
        self.assertEqual(self.box.device(device)["key_agreement_certificate_sha256"], hashlib.sha256(new).hexdigest())
        self.assert_imported("device-certificates", data, 3, 0)
        self.assert_imported("device-certificates", pem(old), 1, 1)

    def test_what_is_no_device_certificate_or_of_no_known_device_is_a_reject(self):
        device = WORLD.devices[0]
        before = self.box.device(device)
        unknown, _ = self.pki.device("00db1234567890ff")
        good, _ = self.pki.device(device)
        again, _ = self.pki.device(device)
        data = pem(good, unknown, self.pki.der("supplier-ka"), again, self.pki.der("issuing-ca"))
        lines = begins(data)
        self.assert_rejected("device-certificates", data,
                             (lines[1], "00DB1234567890FF is not known"), (lines[2], "hardwareModuleName"),
                             (lines[3], "a second key agreement certificate"), (lines[4], "organisation PKI"))
        self.assertEqual(self.box.device(device), before)
        self.assert_rejected("device-certificates", "nothing\n", (1, "BEGIN"))

    def test_what_does_not_follow_the_profile_is_a_reject_in_both_feeds(self):  # R-SEC3-8
        device, key, made = WORLD.devices[0], make_pki.ec.generate_private_key(make_pki.ec.SECP256R1()), self.pki.made
        extensions = [make_pki.key_usage("ka"), make_pki.hardware_module_name(device),
                      make_pki.subject_key_id(make_pki.key_identifier(make_pki.point(key))),
                      make_pki.authority_key_id(made.device_ca.ski)]
        der = made.issue("device-without-policy", made.device_ca, make_pki.seq(), extensions, key=key).der
        self.assert_rejected("device-certificates", pem(der), (1, "certificatePolicies"))
        row = f"{device},GPF,SMETS2,m,Commissioned,,3938420000,{base64.b64encode(der).decode()},acb,0,acb,0"
        self.assert_rejected("devices", table(Devices.header, [row]), (2, "certificatePolicies"))

    def test_a_root_in_the_feed_is_not_kept_and_raises_an_alarm(self):  # R-SEC3-12
        root = self.pki.der("device-ca")
        answer = self.assert_nothing_imported("device-certificates", pem(root), "root in feed")
        self.assertEqual((answer["authorities"], answer["roots_not_kept"]), ("0", "1"))
        self.assertIn(hashlib.sha256(root).hexdigest(), answer["roots"][0])

    def test_an_organisation_ca_is_refused_with_an_alarm_and_stays_one_of_the_organisation_pki(self):  # R-SEC3-13
        authority = self.pki.made._authority(  # pylint: disable=protected-access
            "misdirected-ca", self.pki.made.root, make_pki.authority_name("07", "T9"), 0)
        self.pki.made.leaf("misdirected-ds", "02", make_pki.SUPPLIER, "ds", authority)
        data = pem(self.pki.der("misdirected-ca"))
        entries = self.assert_rejected("device-certificates", data, (1, "organisation PKI"))
        self.assertEqual([(entry["alarm"], entry["count"]) for entry in entries], [("organisation PKI in feed", "1")])
        answer = self.assert_imported("organisation-certificates", data, 1, 1)
        self.assertNotIn("device_certificates", answer)


    def test_a_device_that_the_organisation_pki_issued_is_refused_in_both_feeds(self):  # R-SEC3-13
        device, made = WORLD.devices[0], self.pki.made
        of_devices = made.device_ca
        for authority in (made.root, made.issuing):
            with self.subTest(authority.subject.hex()):
                made.device_ca = authority
                try:
                    (agreement, _), (signing, _) = self.pki.device(device), self.pki.device(device, "ds")
                finally:
                    made.device_ca = of_devices
                data = pem(agreement, signing)
                entries = self.assert_rejected("device-certificates", data,
                                               *((line, "organisation PKI") for line in begins(data)))
                self.assertEqual([(entry["alarm"], entry["count"]) for entry in entries],
                                 [("organisation PKI in feed", "2")])
                key = base64.b64encode(agreement).decode()
                row = f"{device},GPF,SMETS2,m,Commissioned,,3938420000,{key},acb,0,acb,0"
                self.assert_rejected("devices", table(Devices.header, [row]), (2, "organisation PKI"))


class DevicePaths(FeedCase):
    """With device roots in the configuration, each key agreement certificate needs a path."""

    @staticmethod
    def device_ca(world, name, issuer):
        """A CA of the device PKI, its own issuer when that is None."""
        return world.pki.made._authority(  # pylint: disable=protected-access
            f"device-ca-{name}", issuer, make_pki.name((make_pki.CN, make_pki.printable(name))),
            None if issuer is None else 0, policy=make_pki.DEVICE_POLICY)

    def use_device_root(self, world):
        """A new device root, in the configuration of the box, which is restarted."""
        root = self.device_ca(world, "DR", None)
        file = world.pki.directory / "device-root.pem"
        file.write_text(pem(world.pki.der("device-ca-DR")))
        world.box.stop()
        world.box.configure("trust", device_roots=[str(file)])
        world.box.start()
        return root

    def test_2000_issuing_cas_come_by_feed_and_a_path_stays_quick(self):  # R-SEC3-20
        with temporary_directory() as folder:
            world = World.own(folder, devices=1)
            root = self.use_device_root(world)
            authorities = [self.device_ca(world, f"CA {number}", root) for number in range(2000)]
            data = pem(*(world.pki.der(f"device-ca-CA {number}") for number in range(2000)))
            start = time.monotonic()
            answer = world.box.import_feed("device-certificates", data)
            imported = time.monotonic() - start
            self.assertEqual((answer["rows"], answer["changed"], answer["authorities"]), ("2000", "2000", "2000"))
            world.pki.made.device_ca = authorities[1234]
            good, _ = world.pki.device(world.devices[0])
            start = time.monotonic()
            answer = world.box.import_feed("device-certificates", pem(good))
            path = time.monotonic() - start
            self.assertEqual((answer["changed"], answer["keys"]), ("1", "1"))
            print(f"2000 issuing device CAs imported in {imported:.2f} s; then one device, with its path, in "
                  f"{path * 1000:.0f} ms", flush=True)
            self.assertLess(path, 5)
            world.box.stop()

    def test_a_key_without_a_path_to_the_device_root_is_refused_in_both_feeds(self):
        with temporary_directory() as folder:
            world = World.own(folder, devices=1)
            made, box = world.pki.made, world.box
            root = self.use_device_root(world)
            issuing = self.device_ca(world, "DI", root)
            device = world.devices[0]
            foreign, _ = world.pki.device(device)  # of another device CA, which is its own root
            made.device_ca = issuing
            good, _ = world.pki.device(device)

            def rejected(feed, data, *texts):
                answer = box.post_feed(feed, data)
                self.assertEqual((answer.status, answer.reason), (422, "FEED_REJECTED"), answer)
                for each, text in zip(answer.json["rejects"], texts, strict=True):
                    self.assertIn(text, each["reason"])

            def devices(der):
                key = base64.b64encode(der).decode()
                return table(Devices.header, [f"{device},GPF,SMETS2,m,Commissioned,,3938420000,{key},acb,0,acb,0"])

            rejected("device-certificates", pem(good), "its issuing device CA CN=DI is not held")
            rejected("devices", devices(good), "its issuing device CA CN=DI is not held")
            rejected("device-certificates", pem(foreign, world.pki.der("device-ca")), "is not held")
            # The CA may stand behind its device, in the same file.
            answer = box.import_feed("device-certificates", pem(good, world.pki.der("device-ca-DI")))
            self.assertEqual((answer["authorities"], answer["keys"]), ("1", "1"))
            self.assertEqual(box.device(device)["key_agreement_certificate_sha256"], hashlib.sha256(good).hexdigest())
            box.import_feed("devices", devices(good))
            rejected("devices", devices(foreign), "is not held")
            box.stop()

    def test_a_device_root_that_is_none_is_refused_at_the_start(self):
        with temporary_directory() as folder:
            world = World.own(folder, devices=1)
            world.box.stop()
            for label, text in (("root", "also a root of the organisation PKI"), ("issuing-ca", "not a self-signed CA")):
                world.box.configure("trust", device_roots=[str(world.pki.path(label))])
                world.box.spawn()
                answer = self.wait_ready(world.box)
                self.assertEqual(answer.status, 503)
                self.assertIn(text, answer.octets.decode())
                world.box.kill()

    @staticmethod
    def wait_ready(box):
        def ask():
            with contextlib.suppress(OSError):
                return box.get("/readyz")
            return None

        return harness.wait_for("an answer", ask, harness.READY_SECONDS)


class OrganisationCertificates(FeedCase):
    """R-SEC3-12: a root never comes by a feed."""

    def test_a_root_in_the_feed_is_not_kept_and_raises_an_alarm(self):
        start = self.next_index()
        root, leaf = self.pki.der("foreign-root"), self.pki.der("supplier2-ds")
        answer = self.assert_imported("organisation-certificates", pem(leaf, root), 1, 0)
        digest = hashlib.sha256(root).hexdigest()
        self.assertEqual(answer["roots_not_kept"], "1")
        self.assertIn(digest, answer["roots"][0])
        alarms = [entry for _, entry in self.box.audit_entries(start) if entry["kind"] == "alarm"]
        self.assertEqual([(alarm["alarm"], alarm["feed"]) for alarm in alarms],
                         [("root in feed", "organisation-certificates")])
        self.assertIn(digest, alarms[0]["certificates"][0])
        answer = self.assert_imported("organisation-certificates", pem(leaf), 1, 0)
        self.assertNotIn("roots", answer)
        self.assert_nothing_imported("organisation-certificates", pem(root), "root in feed")
        self.assert_nothing_imported("organisation-certificates", pem(self.pki.der("esme-ka")), "device PKI in feed")

    def test_one_issued_after_its_partys_notice_raises_an_alarm(self):  # R-128-6
        eui = "90B3D51F300B0020"
        older, newer, of_other = (self.pki.made.leaf(label, "03", user, "ds", not_before=datetime.datetime(year, 1, 1)).der
                                  for label, user, year in (("gnp-older-ds", eui, 2023), ("gnp-newer-ds", eui, 2025),
                                                            ("gnp-other-ds", "90B3D51F300B0021", 2025)))
        self.box.import_feed("parties", table(TABLES["parties"][0], [f"{eui},GASN,GT,active,2020-01-01,,yes,2024-06-01",
                                                                     "90B3D51F300B0021,GASO,GT,active,2020-01-01,,yes,"]))
        start = self.next_index()
        answer = self.assert_imported("organisation-certificates", pem(older, newer, of_other), 3, 3)
        digest = hashlib.sha256(newer).hexdigest()
        self.assertEqual(len(answer["after_notice"]), 1)
        self.assertIn(digest, answer["after_notice"][0])
        alarms = [entry for _, entry in self.box.audit_entries(start) if entry["kind"] == "alarm"]
        self.assertEqual([(alarm["alarm"], alarm["count"]) for alarm in alarms], [("new certificate after notice", "1")])
        self.assertIn(digest, alarms[0]["certificates"][0])
        again = self.assert_imported("organisation-certificates", pem(older, newer, of_other), 3, 0)
        self.assertNotIn("after_notice", again, "told once")

    def test_what_is_of_the_device_pki_is_not_kept_and_raises_an_alarm(self):
        """R-SEC3-13: device PKI and organisation PKI are kept apart in every store."""
        start = self.next_index()
        device, leaf = self.pki.der("esme-ka"), self.pki.der("supplier2-ds")
        answer = self.assert_imported("organisation-certificates", pem(leaf, device), 1, 0)
        self.assertEqual(answer["device_certificates_not_kept"], "1")
        self.assertIn(hashlib.sha256(device).hexdigest(), answer["device_certificates"][0])
        alarms = [entry for _, entry in self.box.audit_entries(start) if entry["kind"] == "alarm"]
        self.assertEqual([alarm["alarm"] for alarm in alarms], ["device PKI in feed"])

    def test_what_is_no_certificate_is_a_reject(self):
        broken = bytearray(self.pki.der("supplier-ds"))
        broken[0] = 0x31
        data = pem(self.pki.der("no-a-ds"), bytes(broken))
        self.assert_rejected("organisation-certificates", data, (begins(data)[1], ""))

    def test_a_reject_of_pem_names_the_line_of_the_file_and_all_blocks_are_counted(self):
        good = pem(self.pki.der("no-a-ds"))
        cut = "# a comment\n" + good + good.replace("-----END CERTIFICATE-----\n", "") + good
        wrong = "0: a comment that begins like DER\n" + good + pem(b"\x30\x00") + good
        line = begins(cut)[2]  # where base64 is expected
        for data, number, text in ((cut, line, "base64 or"), (wrong, begins(wrong)[1], "strict DER"),
                                   (good + "rest\n", len(good.split("\n")), "text after the last block")):
            with self.subTest(text):
                answer = self.box.post_feed("organisation-certificates", data)
                self.assertEqual((answer.status, answer.reason), (422, "FEED_REJECTED"), answer)
                self.assertEqual([each["line"] for each in answer.json["rejects"]], [str(number)])
                self.assertIn(text, answer.json["rejects"][0]["reason"])
                self.assertFalse(answer.json["rejects"][0]["reason"].startswith("line "))
                self.assertEqual(answer.json["detail"], f"1 of {len(begins(data))} rows are wrong")
        self.assert_imported("organisation-certificates", "\ufeff" + good, 1, 0)

    def test_a_block_that_is_no_certificate_by_its_size_is_refused_while_it_is_read(self):
        data = "-----BEGIN CERTIFICATE-----\n" + ("A" * 64 + "\n") * 100_000  # and no end
        self.assert_rejected("organisation-certificates", data, (1, "it has more than 65536 octets"))


class RevocationLists(FeedCase):
    """R-SEC3-17: never rolled back, of the right issuer; what is refused raises an alarm, what is old is dropped."""

    def make(self, number, *revoke):
        return make_pki.make_list(str(self.pki.directory), number, list(revoke))

    def test_a_list_that_goes_back_is_refused_with_an_alarm_and_a_newer_one_drops_the_old(self):
        first = self.box.import_feed("revocation-lists", self.make(1000))
        answer = self.assert_imported("revocation-lists", self.make(1001), 1, 1)
        self.assertEqual(answer["superseded"], "1")
        _, entry = self.box.audit_entries(int(answer["audit"]["index"]))[0]
        self.assertEqual(len(entry["issuers_in_force"]), 1, "R-SEC3-61: whose certificates can be judged again")
        self.assertGreaterEqual(int(first["superseded"]), 1)
        entries = self.assert_rejected("revocation-lists", self.make(1000), (1, "a list with a higher number"))
        self.assertEqual([(entry["kind"], entry["alarm"]) for entry in entries],
                         [("alarm", "revocation list refused")])
        self.assertIn("list number 1000", entries[0]["lists"][0])
        document = WORLD.sign(WORLD.request())
        self.assert_signed(WORLD, document, WORLD.submit(document))

    def test_a_list_of_the_wrong_issuer_is_refused_with_an_alarm(self):
        now = self.pki.made.now
        foreign = self.pki.made.foreign_issuing  # the issuing CA's name, another key
        forged = make_pki.revocation_list(foreign, 2000, now, now + make_pki.datetime.timedelta(hours=12))
        entries = self.assert_rejected("revocation-lists", make_pki.pem("X509 CRL", forged),
                                       (1, "its signature is not by the issuer held here"))
        self.assertEqual([entry["kind"] for entry in entries], ["alarm"])

    def test_a_list_that_names_another_key_than_its_signers_is_refused_with_an_alarm(self):
        now = self.pki.made.now
        issuing = self.pki.made.issuing
        stranger = make_pki.Authority(issuing.subject, issuing.key)
        stranger.ski = b"\x41" * 8
        data = make_pki.pem("X509 CRL", make_pki.revocation_list(stranger, 3000, now, now + make_pki.datetime.timedelta(hours=12)))
        entries = self.assert_rejected("revocation-lists", data, (1, "its authorityKeyIdentifier is 4141414141414141"))
        self.assertEqual([entry["alarm"] for entry in entries], ["revocation list refused"])

    def test_a_list_of_the_future_is_refused_and_the_true_one_is_taken_after_it(self):  # R-SEC3-14
        now = make_pki.datetime.datetime.utcnow().replace(microsecond=0)
        later = make_pki.make_list(str(self.pki.directory), 4000, this=now + make_pki.datetime.timedelta(minutes=6))
        entries = self.assert_rejected("revocation-lists", later, (1, "its thisUpdate lies more than 300 seconds"))
        self.assertEqual([entry["alarm"] for entry in entries], ["revocation list refused"])
        self.assert_imported("revocation-lists", self.make(900), 1, 1)

    def test_lists_of_issuers_that_are_not_held_are_kept_and_counted_as_far_as_there_is_room(self):
        now, hours = self.pki.made.now, make_pki.datetime.timedelta(hours=12)

        def unknown(number, octets):
            stranger = make_pki.Authority(make_pki.authority_name("07", f"U{number}"), self.pki.made.new_key("stranger"))
            padding = make_pki.extension("1.2.3.4", b"\x04" * octets)
            return make_pki.pem("X509 CRL", make_pki.revocation_list(stranger, 1, now, now + hours, extra=padding))

        known = self.make(1010)
        answer = self.assert_imported("revocation-lists", unknown(1, 1) + known, 2, 2)
        self.assertEqual(answer["unverified"], "1")
        self.assertNotIn("unverified", self.assert_imported("revocation-lists", known, 1, 0))
        large = [unknown(number, 5 << 20) for number in (2, 3)]  # of 8 MiB in all
        self.assert_imported("revocation-lists", large[0], 1, 1)
        self.assertEqual(self.assert_imported("revocation-lists", large[0], 1, 0)["unverified"], "1")
        entries = self.assert_rejected("revocation-lists", large[1], (1, "lists whose issuer is not held may have"))
        self.assertEqual(entries, [])
        self.assert_imported("revocation-lists", self.make(1011), 1, 1)

    def test_what_is_no_list_is_a_reject_without_an_alarm(self):
        entries = self.assert_rejected("revocation-lists", make_pki.pem("X509 CRL", b"\x30\x00"), (1, ""))
        self.assertEqual(entries, [])


if __name__ == "__main__":
    harness.main()
