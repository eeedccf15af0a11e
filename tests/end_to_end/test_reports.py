#!/usr/bin/python3
"""The auditors' lists through the running service: deadlocks and reconciliation of SMETS1 devices (DP107), prefix
mismatches (R-063-2), by GET /v1/reports and by acbctl."""

import json
import unittest

import harness
from harness import World, duis_sign, temporary_directory

DEVICES = ("device_id,type,smets,model,smi_status,commissioned,mpxn,key_agreement_certificate,supplier_cell,"
           "supplier_floor,network_operator_cell,network_operator_floor")
PROXIES = "device_id,source,owner,certificate"
REGISTRATIONS = "mpxn,supplier,network_operator,from,to"
# device -> meter point
SMETS1 = {"00DB123456790001": "2000000000001", "00DB123456790002": "2000000000002",
          "00DB123456790003": "2000000000003"}
SMETS2 = "00DB123456790004"
UNKNOWN = "00DB123456790005"
FIRST, SECOND, THIRD = SMETS1
UNMAPPED_MPAN = "2000000000009"


def setUpModule():
    global WORLD  # pylint: disable=global-statement
    folder = unittest.enterModuleContext(temporary_directory())
    WORLD = World.own(folder, devices=3)
    unittest.addModuleCleanup(WORLD.box.stop)
    other = duis_sign.hyphenated(WORLD.pki.other_network_operator)
    WORLD.import_parties([f"{other},NETB,{role},active,2016-01-01,,yes," for role in ("ED", "GT")])


def table(header, rows):
    return "\n".join([header, *rows]) + "\n"


def device_row(device, smets, mpxn, kind="ESME"):
    return f"{device},{kind},{smets},model,Commissioned,2020-01-01,{mpxn},,acb,0,acb,0"


def spelled(device):
    return duis_sign.hyphenated(device).upper()


class ReportCase(harness.TestCase):
    """Helpers for tests on one box."""

    box = property(lambda self: WORLD.box)

    def setUp(self):
        rows = [device_row(device, "SMETS1", mpxn) for device, mpxn in SMETS1.items()]
        self.box.import_feed("devices", table(DEVICES, [*rows, device_row(SMETS2, "SMETS2", "2000000000004")]))
        self.register("NETO")
        self.owners = {"NETO": WORLD.network_operator, "NETB": WORLD.pki.other_network_operator}

    def register(self, party):
        rows = [f"{mpxn},SUPP,{party},2016-01-01," for mpxn in SMETS1.values()]
        self.box.import_feed("registrations", table(REGISTRATIONS, rows))

    def proxies(self, *rows):
        """(device, source, party or EUI-64, certificate): the whole of both sources."""
        lines = [f"{device},{source},{self.owners.get(owner, owner)},{certificate}"
                 for device, source, owner, certificate in rows]
        self.box.import_feed("proxy-certificates", table(PROXIES, lines))

    def both(self, device, owner, certificate="12ab"):
        return [(device, source, owner, certificate) for source in ("DSP", "S1SP")]

    def report(self, name, query=""):
        answer = self.box.get(f"/v1/reports/{name}{query}")
        self.assertEqual(answer.status, 200, answer)
        body = answer.json
        self.assertEqual(set(body), {"report", "generated_at", "environment", "classification", "rows", "next"})
        self.assertEqual((body["report"], body["environment"]), (name, "test"))
        self.assertEqual(body["classification"], "RED")  # R-063-18: names of parties are in it
        for mpxn in (*SMETS1.values(), UNMAPPED_MPAN):
            self.assertNotIn(mpxn.encode(), answer.octets)
        return body

    def rows(self, name):
        body = self.report(name)
        self.assertIsNone(body["next"])
        return body["rows"]

    def acbctl(self, *arguments):
        return harness.run(harness.binary("tools", "acbctl"), "--directory", str(self.box.directory), *arguments,
                           check=False)


class Deadlocks(ReportCase):
    """R-107-3."""

    def test_a_deadlock_is_listed_with_both_names_and_leaves_when_corrected(self):
        good = self.both(SECOND, "NETO")
        self.proxies(*good, *self.both(FIRST, "NETB"))
        rows = self.rows("deadlocks")
        self.assertEqual(len(rows), 1, rows)
        self.assertEqual(rows[0], {
            "device": spelled(FIRST), "type": "ESME", "state": "deadlock", "owner_party": "NETB",
            "registered_party": "NETO", "owner": spelled(self.owners["NETB"]), "sources": ["DSP", "S1SP"],
            "registered_since": "2016-01-01T00:00:00.000Z"})
        done = self.acbctl("report", "deadlocks")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertIn("classification RED", lines[0])
        self.assertEqual(lines[1].split()[:5], ["device", "type", "state", "owner_party", "registered_party"])
        self.assertEqual(lines[2].split()[:5], [spelled(FIRST), "ESME", "deadlock", "NETB", "NETO"])
        self.assertEqual(lines[1].index("owner_party"), lines[2].index("NETB"))
        self.assertEqual(lines[3:], ["1 rows"])

        self.proxies(*good, *self.both(FIRST, "NETO"))
        self.assertEqual(self.rows("deadlocks"), [])

        self.proxies(*good, *self.both(FIRST, "NETB"))
        self.assertEqual(len(self.rows("deadlocks")), 1)
        self.register("NETB")  # then it is the other device's that is wrong
        self.assertEqual([row["device"] for row in self.rows("deadlocks")], [spelled(SECOND)])

    def test_an_unknown_owner_and_an_unmapped_meter_point_are_said_apart(self):
        self.box.import_feed("devices", table(DEVICES, [device_row(THIRD, "SMETS1", UNMAPPED_MPAN)]))
        self.proxies(*self.both(FIRST, "00DB123456780000"), *self.both(SECOND, "NETO"), *self.both(THIRD, "NETO"))
        found = {row["device"]: (row["state"], row["owner_party"], row["registered_party"])
                 for row in self.rows("deadlocks")}
        self.assertEqual(found, {spelled(FIRST): ("owner-unknown", None, "NETO"),
                                 spelled(THIRD): ("unmapped", "NETO", None)})

    def test_devices_that_are_not_smets1_are_left_to_the_reconciliation(self):
        self.proxies(*self.both(SMETS2, "NETB"), *self.both(UNKNOWN, "NETB"))
        self.assertEqual(self.rows("deadlocks"), [])
        self.assertEqual([(row["device"], row["exception"]) for row in self.rows("reconciliation")],
                         [(spelled(SMETS2), "not-smets1"), (spelled(UNKNOWN), "device-unknown")])


class Reconciliation(ReportCase):
    """R-107-8."""

    def test_two_copies_that_differ_are_one_exception_with_both_certificates(self):
        self.proxies(*self.both(FIRST, "NETO"), (SECOND, "DSP", "NETO", "12ab"), (SECOND, "S1SP", "NETO", "34cd"))
        owner = spelled(self.owners["NETO"])
        self.assertEqual(self.rows("reconciliation"), [
            {"device": spelled(SECOND), "exception": "copies-differ",
             "dsp": {"owner": owner, "certificate": "12ab"}, "s1sp": {"owner": owner, "certificate": "34cd"}}])
        text = self.acbctl("report", "reconciliation").stdout
        self.assertIn(f"{spelled(SECOND)}  copies-differ  {owner} 12ab  {owner} 34cd", text)
        self.assertEqual(self.box.device(SECOND)["proxy"], [
            {"source": "DSP", "owner": owner, "certificate": "12ab"},
            {"source": "S1SP", "owner": owner, "certificate": "34cd"}])
        self.assertNotIn("proxy", self.box.device(THIRD))

        self.proxies(*self.both(FIRST, "NETO"), *self.both(SECOND, "NETO"))
        self.assertEqual(self.rows("reconciliation"), [])

    def test_a_copy_that_is_missing_is_an_exception(self):
        self.proxies((FIRST, "DSP", "NETO", "12ab"), *self.both(SECOND, "NETO"))
        rows = self.rows("reconciliation")
        self.assertEqual([(row["device"], row["exception"], row["s1sp"]) for row in rows],
                         [(spelled(FIRST), "copy-missing", None)])
        self.assertEqual(rows[0]["dsp"]["certificate"], "12ab")

    def test_a_long_list_comes_in_pages_and_acbctl_follows_them(self):
        devices = [f"{0x00DC000000000000 + 7 * number:016X}" for number in range(5_003)]
        self.proxies(*(row for device in devices for row in self.both(device, "NETO")))
        first = self.report("reconciliation")
        self.assertEqual(len(first["rows"]), 5_000)
        second = self.report("reconciliation", f"?from={first['next']}")
        self.assertIsNone(second["next"])
        self.assertEqual([row["device"] for row in first["rows"] + second["rows"]], [spelled(each) for each in devices])
        pages = [json.loads(line) for line in self.acbctl("--json", "report", "reconciliation").stdout.splitlines()]
        self.assertEqual([page["rows"] for page in pages], [first["rows"], second["rows"]])
        self.assertEqual(self.acbctl("report", "reconciliation").stdout.splitlines()[-1], "5003 rows")


class Mismatches(ReportCase):
    """R-063-2."""

    def test_handovers_with_another_party_by_prefix_are_listed_signed_or_refused(self):
        signed, refused, good = WORLD.devices
        mpans = {signed: "2100000000001", refused: "2100000000002", good: "2200000000003"}
        self.box.import_feed("devices", table(DEVICES, [device_row(device.upper(), "SMETS2", mpan)
                                                        for device, mpan in mpans.items()]))
        self.box.import_feed("registrations", table(REGISTRATIONS, [f"{mpan},SUPP,NETO,2016-01-01,"
                                                                    for mpan in mpans.values()]))
        self.box.import_feed("mpan-prefixes", table("prefix,party", ["21,NETB", "22,NETO"]))
        self.assertEqual(self.rows("mismatches"), [])

        of_other = {"digital_signing": WORLD.pki.der("no-b-ds"), "key_agreement": WORLD.pki.der("no-b-ka")}
        answers = {device: WORLD.submit(WORLD.sign(WORLD.request(device, **changes)))
                   for device, changes in ((signed, {}), (refused, of_other), (good, {}))}
        self.assertEqual((answers[signed].status, answers[good].status), (200, 200), answers)
        self.assertEqual(answers[refused].reason, "NO_NOT_REGISTERED")
        rows = self.rows("mismatches")
        self.assertEqual([(row["device"], row["outcome"]) for row in rows],
                         [(spelled(signed), "signed"), (spelled(refused), "refused")])
        for row, device in zip(rows, (signed, refused)):
            self.assertEqual((row["registered_party"], row["prefix_party"]), ("NETO", "NETB"))
            self.assertEqual(row["audit_index"], answers[device].json["audit"]["index"])
            self.assertNotIn(mpans[device], json.dumps(row))
        last = int(rows[-1]["audit_index"])
        self.assertEqual(self.report("mismatches", f"?from={last}")["rows"], rows[1:])
        self.assertEqual(self.report("mismatches", f"?from={last + 1}")["rows"], [])


class Access(ReportCase):
    """Who may ask, and for what."""

    def test_reports_are_for_auditors(self):
        for name in ("deadlocks", "reconciliation", "mismatches"):
            self.assertEqual(self.box.get(f"/v1/reports/{name}").status, 200)
            for role in ("dsp", "feed", "northbound", "operator"):
                self.assertEqual(self.box.get(f"/v1/reports/{name}", role).status, 403)

    def test_what_is_no_report_or_no_page(self):
        self.assertEqual(self.box.get("/v1/reports/tariffs").reason, "NOT_FOUND")
        for query in ("deadlocks?from=1", "reconciliation?from=", "mismatches?from=-1"):
            answer = self.box.get(f"/v1/reports/{query}")
            self.assertEqual((answer.status, answer.reason), (400, "MALFORMED"), query)
        self.assertEqual(self.acbctl("report", "tariffs").returncode, 1)
        self.assertEqual(self.acbctl("report", "../status").returncode, 2)


if __name__ == "__main__":
    harness.main()
