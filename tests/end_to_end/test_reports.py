#!/usr/bin/python3
"""The auditors' lists through the running service: deadlocks and reconciliation of SMETS1 devices (DP107), prefix
mismatches (R-063-2), by GET /v1/reports and by acbctl."""

import collections
import csv
import datetime
import hashlib
import io
import json
import tarfile
import unittest
import urllib.parse
import xml.etree.ElementTree as ElementTree

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
        self.assertEqual(set(body), {"report", "generated_at", "environment", "classification", "period", "log",
                                     "rules", "notices", "totals", "columns", "rows", "next"})
        self.assertEqual((body["report"], body["environment"]), (name, "test"))
        self.assertIn(body["classification"], ("RED", "AMBER"))  # R-063-18: never WHITE
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
            "registered_since": "2016-01-01T00:00:00.000Z", "who_can_fix": "the DCC: neither of the two parties can"})
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


ALL = ("network-certificates", "post-commissioning", "mismatches", "deadlocks", "reconciliation", "orphans",
       "gnp-leaving", "wrong-certificates", "counters", "keys", "trust", "volume", "non-compliance", "signing",
       "refusals", "observations", "feeds", "starts", "operators", "notifications", "access", "annual-statement")


class Panel(ReportCase):
    """R-063-11, R-063-12: against the entries of the log."""

    def test_the_totals_are_those_of_a_recount_and_each_figure_has_its_entries(self):
        device = WORLD.devices[0]
        self.box.import_feed("devices", table(DEVICES, [device_row(device.upper(), "SMETS2", "2300000000001")]))
        self.box.import_feed("registrations", table(REGISTRATIONS, ["2300000000001,SUPP,NETO,2016-01-01,"]))
        of_other = {"digital_signing": WORLD.pki.der("no-b-ds"), "key_agreement": WORLD.pki.der("no-b-ka")}
        for _ in range(3):
            answer = WORLD.submit(WORLD.sign(WORLD.request(device, **of_other)))
            self.assertEqual(answer.reason, "NO_NOT_REGISTERED", answer)
        body = self.report("network-certificates")
        entries = [entry for _, entry in self.box.audit_entries()]
        self.assertEqual(int(body["log"]["size"]), len(entries))
        refused = [entry for entry in entries if entry["kind"] == "refused" and
                   entry.get("role") == "NetworkOperator" and entry["reason"] == "NO_NOT_REGISTERED"]
        rows = [row for row in body["rows"] if row["reason"] == "NO_NOT_REGISTERED"]
        self.assertEqual([(row["supplier"], row["count"]) for row in rows], [("SUPP", str(len(refused)))])
        self.assertEqual(rows[0]["response_code"], refused[0]["response_code"])
        self.assertEqual(rows[0]["evidence"]["count"]["entries"], [entry["index"] for entry in refused])
        figure = urllib.parse.quote(f"count/SUPP/{refused[0]['response_code']}/NO_NOT_REGISTERED")
        listed = self.report("network-certificates", f"?figure={figure}")
        self.assertEqual([row["audit_index"] for row in listed["rows"]], [entry["index"] for entry in refused])
        self.assertEqual(self.box.get("/v1/reports/network-certificates?figure=none").status, 404)
        # Of a period in which nothing was refused, and of one that has it all.
        self.assertEqual(self.report("network-certificates", "?month=2020-01")["rows"], [])
        tomorrow = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).date()
        self.assertEqual(self.report("network-certificates", f"?from=2020-01-01&to={tomorrow}")["rows"], body["rows"])

    def test_registers_have_every_entry_of_their_kind(self):
        entries = [entry for _, entry in self.box.audit_entries()]
        for name, kinds in (("signing", {"signed"}), ("refusals", {"refused", "quarantined"}), ("access", {"export"}),
                            ("starts", {"provision", "start", "stop", "configuration", "ceremony"})):
            rows = self.report(name)["rows"]
            self.assertEqual([row["audit_index"] for row in rows],
                             [entry["index"] for entry in entries if entry["kind"] in kinds], name)
        feeds = [row for row in self.report("feeds")["rows"] if row["kind"] == "feed"]
        self.assertEqual([row["sha256"] for row in feeds],
                         [entry["sha256"] for entry in entries if entry["kind"] == "feed"])


# requirements.md 2.3, by hand: "Only NO_NOT_REGISTERED (and by choice the certificate group) counts". CERT_EXPIRED is
# the profile's validity, which this box tells apart.
COUNTED = {"NO_NOT_REGISTERED": "network-certificate",
           **dict.fromkeys(("CHAIN", "PROFILE", "ALGORITHM", "ENVIRONMENT", "CERT_REVOKED", "ISSUER_REVOKED",
                            "NOT_IN_REPOSITORY", "NOT_ORGANISATION_CERT", "CERT_SET_MIXED", "CERT_SET_INCOMPLETE",
                            "REPLACEMENT_IS_ACB", "CERT_EXPIRED"), "certificate")}


def group_of(entry):
    """One that failed for the certificate that signed the request says nothing of the network certificates."""
    if entry.get("check", "").startswith("signer"):
        return "apart"
    return COUNTED.get(entry["reason"], "apart")


def milliseconds(time):
    at = datetime.datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    return round(at.timestamp() * 1000)


class Recount:
    """The Panel report from the entries of an export and from nothing else; shares no code with the box."""

    def __init__(self, entries):
        named, same, self.asked = {}, {}, []
        for entry in entries:
            if entry["kind"] not in ("signed", "refused"):
                continue
            party, user = entry.get("party"), entry.get("user")
            if party and user:
                who = same[party] if party in same else same.get((user,), party)
                named[user], same[party], same[user,] = party, who, who
            supplier = party or named.get(user, user) or ""
            if entry.get("role") == "NetworkOperator":
                self.asked.append((entry, supplier, (same.get(supplier, supplier), entry["device"])))

    def counted(self, place):
        entry = self.asked[place][0]
        return entry["kind"] == "refused" and group_of(entry) != "apart"

    def is_repeated(self, place):
        for before in range(place - 1, -1, -1):
            if self.asked[before][2] != self.asked[place][2]:
                continue
            if self.asked[before][0]["kind"] == "signed":
                return False
            if self.counted(before):
                return True
        return False

    def corrected_after(self, place):
        for entry, _, key in self.asked[place + 1:]:
            if key == self.asked[place][2] and entry["kind"] == "signed":
                waited = milliseconds(entry["time"]) - milliseconds(self.asked[place][0]["time"])
                return max(0, waited) * 1000 // (24 * 60 * 60 * 1000)
        return None

    def rows(self, since, until):
        """(supplier, code, reason) -> every column of the report, figures as lists of indices."""
        found = {}
        for place, (entry, supplier, _) in enumerate(self.asked):
            if entry["kind"] != "refused" or not since <= entry["time"] < until:
                continue
            row = found.setdefault((supplier, entry["response_code"], entry["reason"]), {
                "group": group_of(entry), "devices": set(), "days": [],
                "count": [], "first_time": [], "repeated": [], "corrected": []})
            row["devices"].add(entry["device"])
            row["count"].append(entry["index"])
            if not self.counted(place):
                continue
            row["repeated" if self.is_repeated(place) else "first_time"].append(entry["index"])
            days = self.corrected_after(place)
            if days is not None:
                row["corrected"].append(entry["index"])
                row["days"].append(days)
        return found


class PanelRecount(ReportCase):
    """Issue 5: report totals equal a recount from the exported entries, over a random history."""

    STEPS = 90
    FIGURES = ("count", "first_time", "repeated", "corrected")

    def setUp(self):
        super().setUp()
        self.random = harness.seeded_random()
        self.suppliers = {"SUPP": (WORLD.supplier, WORLD.signer),
                          "SUP2": (WORLD.pki.other_supplier, WORLD.pki.signer("supplier2-xml"))}
        self.owner = dict(zip(WORLD.devices, ("SUPP", "SUP2", "SUPP")))
        self.mpans = {device: f"230000000010{number}" for number, device in enumerate(WORLD.devices)}
        self.box.import_feed("devices", table(DEVICES, [device_row(device.upper(), "SMETS2", mpan)
                                                        for device, mpan in self.mpans.items()]))
        self.name({"SUPP": "SUPP", "SUP2": "SUP2"})
        self.sent = []

    def tearDown(self):
        self.name({"SUPP": "SUPP", "SUP2": "SUP2"})

    def name(self, names):
        """What the suppliers are called from now on, in the register and in registration data."""
        rows = [f"{duis_sign.hyphenated(eui)},{names[supplier]},{role},active,2016-01-01,,yes,"
                for supplier, (eui, _) in self.suppliers.items() for role in ("IS", "GS")]
        rows += [f"{duis_sign.hyphenated(eui)},{party},{role},active,2016-01-01,,yes,"
                 for party, eui in self.owners.items() for role in ("ED", "GT")]
        self.box.import_feed("parties", table("user_id,party,role,status,from,to,uept,notice_to_cease", rows))
        self.box.import_feed("registrations", table(REGISTRATIONS, [
            f"{mpan},{names[self.owner[device]]},NETO,2016-01-01," for device, mpan in self.mpans.items()]))

    def step(self):
        der = WORLD.pki.der
        device, supplier = self.random.choice(WORLD.devices), self.random.choice(("SUPP", "SUP2"))
        if self.random.random() < 0.8:
            supplier = self.owner[device]
        eui, signer = self.suppliers[supplier]
        role = self.random.choice(("NetworkOperator",) * 5 + ("Supplier",))
        request = WORLD.request(device, role).but(originator=eui)
        if role == "NetworkOperator":
            request = request.but(**self.random.choice((
                {}, {"digital_signing": der("no-b-ds"), "key_agreement": der("no-b-ka")},
                {"key_agreement": der("no-b-ka")}, {"digital_signing": der("revoked-no-ds")})))
        document = signer.sign(request)
        query = ""
        fate = self.random.random()
        if fate < 0.1:
            query = "?dry_run=true"  # no entry
        elif fate < 0.2 and self.sent:
            document = self.random.choice(self.sent)  # answered before: no entry
        elif fate < 0.3 and self.sent:
            request, signer = self.random.choice(self.asked)  # other octets under a RequestID that was used
            document = signer.sign(request)
        else:
            self.sent.append(document)
            self.asked.append((request, signer))
        answer = self.box.client("dsp").request("POST", f"/v1/handovers{query}", document,
                                                {"Content-Type": "application/xml"})
        self.assertIn(answer.status // 100, (2, 4), answer)

    def export(self):
        path = self.box.directory / "recount.tar"
        done = self.acbctl("audit", "export", "--redaction", "ssc", "--replace", str(path))
        self.assertEqual(done.returncode, 0, done.stderr)
        with tarfile.open(path) as container:
            return [json.loads(line) for line in container.extractfile("entries.ndjson")]

    def listed(self, query, figure):
        body = self.report("network-certificates", f"{query}&figure={urllib.parse.quote(figure)}")
        return [row["audit_index"] for row in body["rows"]]

    def assert_recounted(self, recount, since, until):
        query = f"?from={since}&to={until}"
        body = self.report("network-certificates", query)
        want = recount.rows(since, until)
        rows = {(row["supplier"], row["response_code"], row["reason"]): row for row in body["rows"]}
        self.assertEqual(set(rows), set(want))
        for key, row in rows.items():
            mine = want[key]
            for figure in self.FIGURES:
                self.assertEqual(row[figure], str(len(mine[figure])), (key, figure))
                self.assertEqual(self.listed(query, "/".join((figure, *key))), mine[figure], (key, figure))
            days = mine["days"]
            self.assertEqual((row["group"], row["devices"]), (mine["group"], str(len(mine["devices"]))), key)
            shown = [f"{each // 1000}.{each % 1000:03}" for each in ((sum(days) // len(days), max(days)) if days else ())]
            self.assertEqual([row["days_to_correct"], row["longest_days_to_correct"]], shown or [None, None], key)
        totals = {total["name"].split()[0]: int(total["value"]) for total in body["totals"]}
        by_group = collections.Counter()
        for mine in want.values():
            by_group[mine["group"]] += len(mine["count"])
        self.assertEqual(totals, {"invalid": by_group["network-certificate"] + by_group["certificate"],
                                  "of": by_group["network-certificate"], "counted": by_group["apart"]})
        return want

    def test_every_figure_of_a_random_history_is_that_of_a_recount_from_the_export(self):
        self.asked = []
        for number in range(self.STEPS):
            if number == self.STEPS // 2:
                self.name({"SUPP": "SUPPNEW", "SUP2": "SUP2"})
            self.step()
        entries = self.export()
        times = [entry["time"] for entry in entries]
        recount = Recount(entries)
        whole = self.assert_recounted(recount, times[0], "2100-01-01T00:00:00.000Z")
        groups = {mine["group"] for mine in whole.values()}
        self.assertEqual(groups, {"network-certificate", "certificate", "apart"})
        for supplier in ("SUPP", "SUPPNEW", "SUP2"):
            self.assertIn(supplier, {key[0] for key in whole})
        for figure in self.FIGURES:
            self.assertTrue(any(mine[figure] for mine in whole.values()), figure)
        for _ in range(5):  # an instant of an entry, and the next one: what is at `from` is in, at `to` is not
            since, until = sorted(self.random.sample(sorted(set(times[len(times) // 4:])), 2))
            self.assert_recounted(recount, since, until)


class PostCommissioning(ReportCase):
    """R-063-6, R-128-22."""

    def state(self, device, day):
        rows = {row["device"]: row["state"] for row in self.report("post-commissioning", f"?to={day}")["rows"]}
        return rows.get(spelled(device))

    def test_the_example_of_christmas_2025_is_late_on_5_january(self):
        row = f"{SMETS2},ESME,SMETS2,model,Commissioned,2025-12-19,2000000000004,,acb,0,acb,0"
        self.box.import_feed("devices", table(DEVICES, [row]))
        self.box.import_feed("working-days", table("date,working", ["2025-12-25,no", "2025-12-26,no"]))
        self.assertEqual(self.state(SMETS2, "2026-01-05"), "unknown")  # nothing of 2026: not guessed
        self.box.import_feed("working-days", table("date,working", ["2025-12-25,no", "2025-12-26,no", "2026-01-01,no"]))
        self.assertEqual(self.state(SMETS2, "2026-01-05"), "late")
        self.assertEqual(self.state(SMETS2, "2026-01-02"), "at risk")
        self.assertEqual(self.state(SMETS2, "2025-12-23"), "outstanding")
        self.assertIsNone(self.state(FIRST, "2026-01-05"))  # SMETS1


class Forms(ReportCase):
    """JSON, CSV and HTML."""

    def test_every_report_comes_in_three_forms(self):
        for name in ALL:
            body = self.report(name)
            for text, kind in (("csv", "text/csv"), ("html", "text/html")):
                answer = self.box.get(f"/v1/reports/{name}?format={text}")
                self.assertEqual(answer.status, 200, (name, text, answer))
                self.assertTrue(answer.headers["Content-Type"].startswith(kind), name)
                self.assertEqual(answer.headers["X-Classification"], body["classification"])
                if text == "csv":
                    rows = list(csv.DictReader(io.StringIO(answer.octets.decode(), newline=""), strict=True))
                    self.assertEqual(len(rows), len(self.report(name)["rows"]), name)
                    for row in rows:
                        self.assertEqual(row["classification"], body["classification"])
                        self.assertNotIn(None, row)
                else:
                    page = ElementTree.fromstring(answer.octets.decode())
                    self.assertIn("default-src 'none'", answer.headers["Content-Security-Policy"])
                    self.assertIn(body["classification"], "".join(page.itertext()))
                    self.assertEqual(len(page.findall(".//tbody/tr")), len(self.report(name)["rows"]), name)
                    if "audit_index" in body["columns"]:  # R-063-12: the entry itself is a step away
                        column = body["columns"].index("audit_index") + 1
                        links = [link.get("href") for link in page.findall(f".//tbody/tr/td[{column}]/a")]
                        indices = [row["audit_index"] for row in self.report(name)["rows"] if row["audit_index"]]
                        self.assertEqual(links, [f"/review/entry/{index}" for index in indices], name)

    def test_names_of_others_stay_text_in_a_page_and_in_a_spreadsheet(self):
        bad = {"<script>alert(1)</script>": 0x00DB0000000000F1, "=cmd()": 0x00DB0000000000F2}
        WORLD.import_parties([f"{eui:016X},{party},ED,active,2016-01-01,,yes," for party, eui in bad.items()])
        self.proxies(*self.both(FIRST, f"{bad['<script>alert(1)</script>']:016X}"),
                     *self.both(SECOND, f"{bad['=cmd()']:016X}"))
        self.assertEqual([row["owner_party"] for row in self.rows("deadlocks")], list(bad))
        page = self.box.get("/v1/reports/deadlocks?format=html").octets.decode()
        self.assertNotIn("<script", page)
        self.assertIn("&lt;script&gt;", page)
        text = self.box.get("/v1/reports/deadlocks?format=csv").octets.decode()
        self.assertEqual([row["owner_party"] for row in csv.DictReader(io.StringIO(text, newline=""))],
                         ["<script>alert(1)</script>", "'=cmd()"])

    def test_no_name_is_a_formula_whatever_the_spreadsheet_takes_for_a_separator(self):
        shown = {"=1+1": "'=1+1", "+x": "'+x", "-2+3": "'-2+3", "@SUM(1)": "'@SUM(1)", " =1": " '=1", "a;=1": "a;'=1",
                 "a; @b": "a; '@b", "-5": "-5", "a-b=c": "a-b=c"}
        for name, cell in shown.items():
            WORLD.import_parties([f'00-DB-00-00-00-00-00-F3,"{name}",ED,active,2016-01-01,,yes,'])
            self.proxies(*self.both(FIRST, "00DB0000000000F3"))
            text = self.box.get("/v1/reports/deadlocks?format=csv").octets.decode()
            rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
            self.assertEqual(rows[0]["owner_party"], cell)
            self.assertEqual(self.rows("deadlocks")[0]["owner_party"], name)

    def test_acbctl_writes_them_to_a_file(self):
        out = self.box.directory / "report.csv"
        done = self.acbctl("report", "starts", "--format", "csv", "--out", str(out))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("classification AMBER", done.stderr)
        rows = list(csv.DictReader(io.StringIO(out.read_text(), newline="")))
        self.assertEqual(len(rows), len(self.report("starts")["rows"]))
        self.assertEqual(self.acbctl("report", "starts", "--format", "pdf").returncode, 2)
        self.assertEqual(self.acbctl("report", "starts", "--month", "2026").returncode, 1)


class Sample(ReportCase):
    """R-SEC3-63."""

    def test_the_same_seed_draws_the_same_entries_which_anybody_can_draw_again(self):
        entries = [entry for _, entry in self.box.audit_entries()]
        refused = [entry["index"] for entry in entries if entry["kind"] == "refused"]
        self.assertGreater(len(refused), 2)
        to = urllib.parse.quote(max(entry["time"] for entry in entries))
        query = f"?seed=SSC%2F7&signed=0&refused=2&to={to}"
        body = self.report("sample", query)
        lots = sorted((hashlib.sha256(f"SSC/7:{index}".encode()).hexdigest(), index)
                      for index in refused if entries[int(index)]["time"] < urllib.parse.unquote(to))
        self.assertEqual([row["audit_index"] for row in body["rows"]], sorted((index for _, index in lots[:2]), key=int))
        WORLD.submit(b"<not a request/>")
        self.assertEqual(self.report("sample", query)["rows"], body["rows"])
        done = self.acbctl("report", "sample", "--seed", "SSC/7", "--signed", "0", "--refused", "2",
                           "--to", urllib.parse.unquote(to), "--format", "csv")
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
        self.assertEqual([row["lot"] for row in rows], [row["lot"] for row in body["rows"]])
        figure = self.report("sample", query + "&figure=refused")["rows"]
        self.assertEqual([row["audit_index"] for row in figure], [index for _, index in sorted(lots, key=lambda lot: int(lot[1]))])

    def test_it_takes_a_seed_and_numbers_within_bounds(self):
        for query in ("", "?seed=", "?seed=%0A", "?seed=a&signed=1001", "?seed=a&refused=-1", "?seed=a&signed=",
                      "?seed=" + 129 * "a"):
            self.assertEqual(self.box.get("/v1/reports/sample" + query).reason, "MALFORMED", query)
        self.assertEqual(self.box.get("/v1/reports/signing?seed=a").reason, "MALFORMED")
        self.assertEqual(self.report("sample", "?seed=a&signed=0&refused=0")["rows"], [])


class Files(ReportCase):
    """--out."""

    def test_a_report_that_does_not_come_leaves_the_file_of_before(self):
        out = self.box.directory / "kept.csv"
        out.write_text("of last month")
        for more in (("sample",), ("starts", "--month", "2026")):
            done = self.acbctl("report", *more, "--format", "csv", "--out", str(out))
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertEqual(out.read_text(), "of last month")
        self.assertEqual([path.name for path in self.box.directory.glob("kept*")], ["kept.csv"])
        done = self.acbctl("report", "starts", "--out", "/nowhere/report")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nowhere/report", done.stderr)


class Access(ReportCase):
    """Who may ask, and for what."""

    def test_reports_are_for_auditors(self):
        for name in ALL:
            self.assertEqual(self.box.get(f"/v1/reports/{name}").status, 200)
            for role in ("dsp", "feed", "northbound", "operator"):
                self.assertEqual(self.box.get(f"/v1/reports/{name}", role).status, 403)

    def test_every_view_is_logged_and_counted(self):
        """R-SEC3-59."""
        before = WORLD.box.metric("acb_audit_views_total")
        WORLD.box.get("/v1/reports/feeds")
        self.assertEqual(WORLD.box.metric("acb_audit_views_total"), before + 1)
        views = [line for line in WORLD.box.log_file.read_text().splitlines() if '"audit-view"' in line]
        self.assertIn("/v1/reports/feeds", views[-1])
        self.assertIn("auditor.acb.test", views[-1])

    def test_views_of_what_others_may_see_too_are_logged_when_auditors_look(self):
        """R-SEC3-59: every view."""
        device = duis_sign.hyphenated(WORLD.devices[0])
        for path, other in ((f"/v1/devices/{device}", "dsp"), (f"/v1/counters/{device}", "operator"),
                            ("/v1/quarantine", "operator"), ("/v1/suspension", "operator"), ("/v1/feeds", "feed")):
            before = WORLD.box.metric("acb_audit_views_total")
            self.assertEqual(WORLD.box.get(path).status, 200)
            self.assertEqual(WORLD.box.get(path, other).status, 200)
            self.assertEqual(WORLD.box.metric("acb_audit_views_total"), before + 1, path)
            views = [line for line in WORLD.box.log_file.read_text().splitlines() if '"audit-view"' in line]
            self.assertIn(path, views[-1])
            self.assertIn("auditor.acb.test", views[-1])

    def test_what_is_no_report_or_no_page(self):
        self.assertEqual(self.box.get("/v1/reports/tariffs").reason, "NOT_FOUND")
        for query in ("deadlocks?from=1", "reconciliation?from=", "mismatches?from=-1", "counters?from=7",
                      "counters?to=2026-13-01", "keys?month=October", "signing?page=x", "orphans?page=x",
                      "refusals?from=2026-02-01&to=2026-02-01", "trust?format=pdf", "feeds?until=2026-01-01"):
            answer = self.box.get(f"/v1/reports/{query}")
            self.assertEqual((answer.status, answer.reason), (400, "MALFORMED"), query)
        self.assertEqual(self.acbctl("report", "tariffs").returncode, 2)
        self.assertEqual(self.acbctl("report", "../status").returncode, 2)


if __name__ == "__main__":
    harness.main()
