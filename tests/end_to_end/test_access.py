#!/usr/bin/python3
"""Who may do what, and when: every endpoint, state, role and method by the one table (/openapi.json); clients that are
narrowed, changed, revoked and out of date while the box runs; two operators; what the service's log must not say.

design.md section 8; reliability.md F23; README, "Who may use it" and "States".
"""

import errno
import http.client
import json
import re
import shutil
import socket
import ssl
import time

import clients
import harness
from clients import Authority
from fault_shim import FAIL, STATE, FaultShim
from harness import ROLES, World, temporary_directory

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
JSON = {"Content-Type": "application/json"}
END_SECONDS = 20  # within which an open connection has to end; idle ones would last for 60

# What design.md section 8 says, written down a second time: the table must not drift from it.
DESIGN = {
    ("POST", "/v1/handovers"): {"dsp"},
    ("POST", "/v1/observations"): {"northbound"},
    ("POST", "/v1/counters/{device}/reserve"): {"dsp"},
    ("POST", "/v1/counters/{device}/raise"): {"operator"},
    ("GET", "/v1/devices/{device}"): {"dsp", "auditor"},
    ("POST", "/v1/feeds/devices"): {"feed"},
    ("POST", "/v1/feeds/revocation-lists"): {"feed"},
    ("GET", "/v1/reports/{report}"): {"auditor"},
    ("GET", "/v1/audit/checkpoint"): {"auditor"},
    ("GET", "/v1/audit/entries"): {"auditor"},
    ("GET", "/v1/quarantine"): {"operator", "auditor"},
    ("POST", "/v1/quarantine/{id}/release"): {"operator"},
    ("POST", "/v1/quarantine/{id}/delete"): {"operator"},
    ("POST", "/v1/suspension"): {"operator"},
    ("GET", "/healthz"): set(ROLES),
    ("GET", "/readyz"): set(ROLES),
    ("GET", "/metrics"): set(ROLES),
    ("GET", "/v1/reasons"): set(ROLES),
    ("GET", "/openapi.json"): set(ROLES),
    ("GET", "/"): {"auditor"},
}

# Likewise: what may be answered 202, what is refused on the record (P4), what a query or a header may say.
WAITS = {"/v1/handovers", "/v1/counters/{device}/raise", "/v1/counters/export", "/v1/counters/import",
         "/v1/quarantine/{id}/release", "/v1/quarantine/{id}/delete", "/v1/suspension"}
RECORDS = WAITS | {"/v1/observations", "/v1/counters/{device}/reserve"}
HEADERS = {"/v1/handovers": {"X-Originator-Counter"}, "/v1/counters/{device}/reserve": {"X-Originator-Counter"},
           "/v1/counters/import": {"X-Checkpoint-Key"}}
QUERIES = {"/v1/handovers": {"dry_run"}, "/v1/quarantine": {"from"}, "/v1/backup": {"since"},
           "/v1/audit/entries": {"from", "count"}, "/v1/audit/disclosures": {"from", "count"},
           "/v1/reports/{report}": {"from", "to", "month", "page", "figure", "format", "seed", "signed", "refused"},
           "/": {"month"},
           "/review/search": {"q", "before", "after"}, "/review/export": {"from", "to", "redaction"},
           "/review/entries": {"outcome", "reason", "party", "first", "last", "from", "to"}}
PEM_OR_DER = {"organisation-certificates", "device-certificates", "revocation-lists"}


class Table:
    """/openapi.json as the test needs it."""

    def __init__(self, document):
        self.states = document["x-acb-states"]
        self.rows = {}
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                self.rows[(method.upper(), path)] = operation
        self.paths = sorted(document["paths"])

    def row(self, method, path):
        """The row that a concrete path falls under: its own, or one with a parameter there."""
        for (of, pattern), operation in self.rows.items():
            any_one = "[^/]+" if "{path}" not in pattern else ".+"
            if of == method and re.fullmatch(re.sub(r"\\{\w+\\}", any_one, re.escape(pattern)), path):
                return operation
        return None


class TestMatrix(harness.TestCase):
    """Endpoint x state x role x method, over mTLS."""

    def setUp(self):
        self.folder = self.enterContext(temporary_directory())
        self.world = World.own(self.folder, devices=2)
        self.box = self.world.box
        self.addCleanup(self.box.kill)
        self.table = Table(self.box.get("/openapi.json").json)
        self.tried = 0

    def test_the_table_says_what_the_design_says(self):
        for (method, path), roles in DESIGN.items():
            self.assertEqual(set(self.table.rows[method, path]["x-acb-roles"]), roles, (method, path))
        self.assertEqual(self.table.states, ["Unprovisioned", "Locked", "Operational", "Suspended", "Failed"])

    def parameters(self, method, path, place):
        return {one["name"] for one in self.table.rows[method, path].get("parameters", []) if one["in"] == place}

    def test_the_description_says_what_an_endpoint_takes_and_may_answer(self):
        for (method, path), row in self.table.rows.items():
            of = path if method == "POST" or path not in WAITS else None  # GET /v1/suspension is another endpoint
            with self.subTest(method=method, path=path):
                self.assertEqual("202" in row["responses"], of in WAITS)
                self.assertEqual(row["x-acb-records-refusal"], of in RECORDS)
                self.assertEqual(self.parameters(method, path, "query"), QUERIES.get(of, set()))
                self.assertEqual(self.parameters(method, path, "header"), HEADERS.get(of, set()))
                self.assertEqual(self.parameters(method, path, "path"), set(re.findall(r"\{(\w+)\}", path)))
                feed = path.removeprefix("/v1/feeds/")
                if feed != path:
                    taken = "application/octet-stream" if feed in PEM_OR_DER else "text/csv"
                    self.assertEqual(list(row["requestBody"]["content"]), [taken])
        # What the code reads of a request, somebody has to be told of.
        told = {one["name"] for row in self.table.rows.values() for one in row.get("parameters", [])}
        for source in sorted((harness.ROOT / "platform").glob("*endpoint*.cc")):
            reads = r'(?:Parameter|ReadInstant)\((?:request, )?"(\w+)"|Header\("(X-[\w-]+)"'
            for names in re.findall(reads, source.read_text()):
                self.assertIn("".join(names), told, source.name)

    def test_what_is_refused_on_the_record_and_what_waits_is_described_so(self):
        device, said = self.concrete("{device}"), {}
        not_observed = ("{", "[]", '{"x": 1}', '{"command": 1}', '{"command": "!"}', '{"command": "AA==", "command": "AA=="}')
        for role, path, body in (("dsp", "/v1/handovers", "<x/>"), ("dsp", f"/v1/counters/{device}/reserve", "{}"),
                                 ("operator", f"/v1/counters/{device}/raise", "{}"),
                                 ("northbound", "/v1/observations", '{"command": "AAAA"}'),
                                 *(("northbound", "/v1/observations", body) for body in not_observed),
                                 ("operator", "/v1/counters/import", "{}"),
                                 ("operator", "/v1/quarantine/999999/release", "{}"),
                                 ("operator", "/v1/quarantine/999999/delete", "{}"),
                                 ("operator", "/v1/suspension", "{}"),
                                 ("operator", "/v1/counters/export", '{"fenced": 1}'),
                                 ("auditor", "/v1/audit/export", "{}"), ("operator", "/v1/backup", None),
                                 ("feed", "/v1/feeds/parties", "x")):
            kind = "application/xml" if path == "/v1/handovers" else "application/json"
            answer = self.box.client(role).request("POST", path, body, {"Content-Type": kind} if body else {})
            if answer.status != 200:
                recorded = self.table.row("POST", path)["x-acb-records-refusal"]
                self.assertEqual("audit" in answer.json, recorded, (path, answer))
                if recorded:
                    (_, entry), = self.box.audit_entries(int(answer.json["audit"]["index"]))[:1]
                    self.assertEqual((entry["kind"], entry["reason"]), ("refused", answer.reason), path)
        self.order("suspend")
        for path, body in (("/v1/suspension", {"scope": "all", "action": "lift", "authority": "test"}),
                           (f"/v1/counters/{device}/raise", {"to": "77", "reason": "test"}),
                           ("/v1/counters/export", {"fenced": True})):
            said[path] = self.box.client("operator").request("POST", path, json.dumps(body), JSON).status
            self.assertIn(str(said[path]), self.table.row("POST", path)["responses"])
        self.assertEqual(set(said.values()), {202})

    def test_what_changes_something_takes_no_query_that_it_does_not_know(self):
        """What was meant as a trial is not done."""
        device, before = self.world.devices[0], len(self.box.audit_entries())
        order = {"scope": "all", "action": "suspend", "authority": "test"}
        good = {"/v1/counters/{device}/reserve": {"purpose": "8.5"}, "/v1/suspension": order,
                "/v1/counters/{device}/raise": {"to": "77", "reason": "test"}}
        recorded = 0
        for (method, path), row in self.table.rows.items():
            if method != "POST":
                continue
            kind = next(iter(row.get("requestBody", {}).get("content", {})), None)
            body = json.dumps(good.get(path, {})) if kind == "application/json" else "x" if kind else None
            for query in ("dry_run=maybe", "x=1") if path == "/v1/handovers" else ("dry_run=true", "x=1"):
                answer = self.box.client(row["x-acb-roles"][0]).request(
                    "POST", f"{self.concrete(path)}?{query}", body, {"Content-Type": kind} if kind else {})
                self.assertEqual((answer.status, answer.reason), (400, "MALFORMED"), (path, answer))
                self.assertEqual("audit" in answer.json, row["x-acb-records-refusal"], (path, answer))
                recorded += row["x-acb-records-refusal"]
        self.assertEqual((self.box.last_issued(device), self.box.get("/v1/suspension", "operator").json["suspensions"]),
                         (0, []))
        entries = harness.but_anchors(self.box.audit_entries(before))
        self.assertEqual([entry["kind"] for _, entry in entries], ["refused"] * recorded)

    def test_every_endpoint_state_role_and_method(self):
        self.assert_state("Operational", None)
        document = self.world.sign(self.world.request())
        self.assert_signed(self.world, document, self.world.submit(document))
        self.order("suspend")
        self.assert_state("Suspended", "SIGNING_SUSPENDED")
        self.store_in_doubt()
        self.assert_state("Failed", "STORE_IN_DOUBT")
        self.box.kill()

        self.box.start()
        self.box.stop()
        store, older, newest = self.box.store, self.folder / "older", self.folder / "newest"
        shutil.copytree(store, older)
        self.box.start()
        self.box.stop()
        store.rename(newest)
        shutil.copytree(older, store)
        self.refused_for("STORE_ROLLED_BACK")
        self.assert_state("Failed", "STORE_ROLLED_BACK")
        self.box.stop()

        shutil.rmtree(store)
        self.refused_for("STORE_MISSING")
        self.assert_state("Unprovisioned", "STORE_MISSING")
        self.box.stop()

        newest.rename(store)
        pin = self.box.directory / self.box.setting("hsm", "pin_file")
        right = pin.read_bytes()
        clients.write_private(pin, b"not-the-pin")
        self.refused_for("HSM_PIN")
        self.assert_state("Locked", "HSM_PIN")
        self.box.stop()
        clients.write_private(pin, right)
        self.box.start()
        self.assertEqual(self.box.get("/readyz").json["state"], "Suspended", "its order outlives all that")
        print(f"{self.tried} requests, {len(self.table.rows)} endpoints, 6 conditions of 5 states, {len(ROLES)} roles, "
              f"{len(METHODS)} methods")
        self.box.stop()

    def order(self, action):
        body = json.dumps({"scope": "all", "action": action, "authority": "test"})
        answer = self.box.client("operator").request("POST", "/v1/suspension", body, JSON)
        self.assertEqual(answer.status, 200, answer)

    def refused_for(self, reason):
        self.box.spawn()
        self.assertEqual(self.box.outcome(), ("refused", (reason,)))

    def store_in_doubt(self):
        self.box.stop()
        shim = FaultShim(self.folder / "shim")
        self.box.start(shim.environment(self.box))
        shim.arm(STATE, at=1, action=FAIL, error=errno.EIO)
        self.order_fails()
        shim.disarm()

    def order_fails(self):
        body = json.dumps({"scope": "party", "subject": "SUPP", "action": "suspend", "authority": "test"})
        self.assertEqual(self.box.client("operator").request("POST", "/v1/suspension", body, JSON).status, 503)

    def concrete(self, path):
        for name, value in (("{device}", harness.duis_sign.hyphenated(self.world.devices[0])), ("{id}", "999999"),
                            ("{index}", "0"), ("{report}", "keys"), ("{name}", "review.css"), ("{path}", "0/000")):
            path = path.replace(name, value)
        return path

    def assert_state(self, state, reason):
        ready = self.box.get("/readyz")
        self.assertEqual(ready.json["state"], state)
        self.assertEqual(ready.status, 200 if state in ("Operational", "Suspended") else 503)
        if reason:
            self.assertIn(reason, [one["reason"] for one in ready.json["reasons"]])
        for role in ROLES:
            self.assertEqual(self.box.metric_of(role, state), 1)
            client = self.box.client(role)
            for path in self.table.paths:
                for method in METHODS:
                    self.tried += 1
                    path = self.concrete(path)
                    answer = client.request(method, path, *self.body(method, path))
                    problem = self.wrong(answer, state, reason, role, method, path)
                    self.assertIsNone(problem, f"{state}, {role}, {method} {path}: {problem}: {answer}")
            client.close()

    def body(self, method, path):
        """A handover is a good one: in Suspended its own path has to say no."""
        if (method, path) == ("POST", "/v1/handovers"):
            return self.world.sign(self.world.request()), {"Content-Type": "application/xml"}
        return None, {}

    def wrong(self, answer, state, reason, role, method, path):
        row = self.table.row(method, path)
        if row is None:
            return None if answer.status == 405 and answer.headers["Allow"] else "405 with Allow is wanted"
        if role not in row["x-acb-roles"]:
            return None if (answer.status, answer.reason) == (403, "FORBIDDEN") else "403 is wanted"
        if state in row["x-acb-states"]:
            if path == "/readyz":
                return None if answer.json["state"] == state else "its own answer is wanted"
            if path.startswith("/review/"):  # a page, which may say that there is nothing to see, and why
                return None if answer.headers["Content-Type"].startswith("text/html") else "a page is wanted"
            # What the endpoint makes of no body is its own matter, and so is a number that nothing has.
            allowed = answer.status in (200, 202, 400, 415, 422) or answer.reason == "NOT_FOUND"
            return None if allowed else "an answer is wanted"
        if row["x-acb-records-refusal"] and state == "Suspended" and path != "/v1/handovers":
            return None if answer.status in (400, 415) else "the endpoint is to look at it itself"
        wanted = (answer.status, answer.reason) == (503, reason) and int(answer.headers["Retry-After"]) > 0
        return None if wanted else f"503 {reason} is wanted"


class AccessCase(harness.TestCase):
    """A box whose clients are the tests' own."""

    def setUp(self):
        self.folder = self.enterContext(temporary_directory())
        self.world = World.own(self.folder, devices=2, start=False)
        self.box = self.world.box
        self.authority = Authority(self.box)
        self.addCleanup(self.box.kill)

    def start(self):
        self.box.start()
        self.world.import_own()

    def client_table(self, identity, **settings):
        """Adds settings to one [[client]] of acbd.toml, or a new one."""
        text = self.box.config.read_text()
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
        mark = f'identity = "{identity}"\n'
        if mark in text:
            text = text.replace(mark, mark + lines)
        else:
            text += f'\n[[client]]\n{mark}{lines}'
        self.box.config.write_text(text)

    def without_client(self, identity):
        parts = self.box.config.read_text().split("[[client]]")
        self.box.config.write_text("[[client]]".join(part for part in parts if f'"{identity}"' not in part))

    def status(self, client, path="/v1/feeds"):
        return client.request("GET", path).status

    def socket_of(self, client):
        self.assertEqual(self.status(client, "/healthz"), 200)
        return client.connection.sock

    def assert_ends(self, connection):
        """The server closes it, without being asked anything."""
        connection.settimeout(END_SECONDS)
        try:
            self.assertEqual(connection.recv(1), b"")
        except (ConnectionResetError, ssl.SSLError) as error:
            self.assertNotIsInstance(error, socket.timeout)

    def assert_refused_at_the_door(self, role):
        with self.assertRaises((OSError, http.client.HTTPException)):
            self.box.client(role).request("GET", "/healthz")


class TestRights(AccessCase):
    def test_a_client_is_kept_to_its_endpoints_and_its_users(self):
        supplier = harness.duis_sign.hyphenated(self.world.supplier)
        self.client_table("dsp.acb.test", originators=[supplier.upper()])
        self.client_table("dsp2.acb.test", role="dsp", originators=["90-B3-D5-1F-30-99-00-00"])
        self.client_table("dsp3.acb.test", role="dsp", endpoints=["POST /v1/handovers"])
        self.authority.issue("dsp2", "dsp2.acb.test")
        self.authority.issue("dsp3", "dsp3.acb.test")
        self.start()
        document = self.world.sign(self.world.request())
        entries = len(self.box.audit_entries())
        refused = self.box.submit(document, role="dsp2")
        self.assertEqual((refused.status, refused.reason), (403, "CHANNEL"), refused)
        (_, entry), = self.box.audit_entries(entries)
        self.assertEqual((entry["kind"], entry["client"]), ("refused", "dsp2.acb.test"))
        # Its RequestID stays open, and its answer is not for the other client.
        self.assert_signed(self.world, document, self.box.submit(document, role="dsp"))
        self.assertEqual(self.box.submit(document, role="dsp2").reason, "CHANNEL")
        dry = self.box.client("dsp2").request("POST", "/v1/handovers?dry_run=true", document,
                                              {"Content-Type": "application/xml"})
        self.assertEqual(dry.json["outcome"], "would be refused", dry)

        device = f"/v1/devices/{harness.duis_sign.hyphenated(self.world.devices[0])}"
        self.assertEqual(self.status(self.box.client("dsp"), device), 200)
        kept = self.box.client("dsp3")
        self.assertEqual(self.status(kept, device), 403)
        self.assertEqual(self.status(kept, "/healthz"), 403, "what it is not given it has not")
        document = self.world.sign(self.world.request())
        self.assert_signed(self.world, document, self.box.submit(document, role="dsp3"))

    def test_a_client_has_so_many_connections_and_no_more(self):
        self.client_table("auditor.acb.test", connections=2)
        self.start()
        own = [self.box.client("auditor") for _ in range(3)]
        self.box.close_clients()
        # Until the box has seen the ends of the earlier ones, these count.
        for client in own[:2]:
            harness.wait_for("a place", lambda client=client: self.status(client, "/healthz") == 200, harness.READY_SECONDS)
        third = own[2].request("GET", "/healthz")
        self.assertEqual((third.status, third.reason, third.headers["Connection"]), (503, "BUSY", "close"))
        self.assertEqual(self.status(self.box.client("operator"), "/healthz"), 200)
        own[0].close()
        harness.wait_for("the place that is free", lambda: self.status(own[2], "/healthz") == 200, harness.READY_SECONDS)

    def test_settings_that_mean_nothing_are_refused_at_the_start(self):
        text = self.box.config.read_text()
        for settings, what in (({"endpoints": ["POST /v1/handover"]}, "has no endpoint 'POST /v1/handover'"),
                               ({"endpoints": ["POST /v1/suspension"]}, "has no endpoint 'POST /v1/suspension'"),
                               ({"endpoints": []}, "must name an endpoint"),
                               ({"originators": ["SUPP"]}, "must hold EUI-64s"),
                               ({"connections": 0}, "from 1 to")):
            self.client_table("dsp.acb.test", **settings)
            self.box.spawn()
            self.assertEqual(self.box.outcome(), ("ended", 1), settings)
            self.assertIn(what, self.box.log_tail())
            self.box.config.write_text(text)
        self.client_table("feed.acb.test", originators=["90-B3-D5-1F-30-01-00-00"])
        self.box.spawn()
        self.assertEqual(self.box.outcome(), ("ended", 1))
        self.assertIn("is for the role dsp alone", self.box.log_tail())


class TestReload(AccessCase):
    def setUp(self):
        super().setUp()
        self.start()

    def entry_of_reload(self, index):
        """The one entry since: it is written after the reload has taken effect, and after the line of the log."""
        deadline = time.monotonic() + END_SECONDS
        while not (found := self.box.audit_entries(index)):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        (_, entry), = found
        self.assertEqual(entry["kind"], "configuration")
        return entry

    def test_clients_come_change_and_go_on_open_connections(self):
        feed, auditor = self.box.client("feed"), self.box.client("auditor")
        gone, kept = self.socket_of(feed), self.socket_of(auditor)
        self.without_client("feed.acb.test")
        self.client_table("feed9.acb.test", role="feed")
        self.authority.issue("feed9", "feed9.acb.test")
        entries = len(self.box.audit_entries())
        self.assertEqual(clients.reload(self.box)["clients"], 6)
        self.assert_ends(gone)
        self.assertEqual(self.status(self.box.client("feed9")), 200)
        refused = self.box.client("feed").request("GET", "/v1/feeds")
        self.assertEqual((refused.status, refused.reason), (403, "FORBIDDEN"))
        self.assertEqual(self.status(auditor), 200)
        self.assertIs(auditor.connection.sock, kept, "whoever may stay keeps its connection")
        entry = self.entry_of_reload(entries)
        self.assertEqual((entry["setting"], entry["clients"]["feed"]), ("client", "1"))

        text = self.box.config.read_text()
        self.box.config.write_text(text.replace('identity = "auditor.acb.test"\nrole = "auditor"',
                                                'identity = "auditor.acb.test"\nrole = "northbound"'))
        self.assertNotEqual(text, self.box.config.read_text())
        clients.reload(self.box)
        self.assertEqual(self.status(auditor), 403, "another role at once, on the same connection")
        self.assertIs(auditor.connection.sock, kept)

    def test_a_file_that_is_wrong_changes_nothing(self):
        feed = self.box.client("feed")
        connection = self.socket_of(feed)
        good = self.box.config.read_text()
        for bad, what in ((good.replace("role = \"feed\"", "role = \"king\""), "must be dsp, northbound"),
                          (good + "\n[nonsense]\nx = 1\n", "unknown setting"),
                          (good.replace("tls/clients.pem", "tls/absent.pem"), "absent.pem"),
                          (good.replace("role = \"feed\"", "role = \"feed\"\nendpoints = [\"GET /v1/nothing\"]"),
                           "has no endpoint")):
            self.assertNotEqual(bad, good)
            self.box.config.write_text(bad)
            line = clients.reload(self.box, "reload-failed")
            self.assertIn(what, line["explanation"])
            self.assertEqual(self.status(feed), 200)
            self.assertIs(feed.connection.sock, connection)
            self.assertEqual(self.status(self.box.client("feed")), 200)
        self.box.config.write_text(good)
        clients.reload(self.box)
        self.assertEqual(self.status(feed), 200)

    def test_a_revoked_certificate_ends_at_once_and_its_neighbour_stays(self):
        feed, auditor = self.box.client("feed"), self.box.client("auditor")
        ended, kept = self.socket_of(feed), self.socket_of(auditor)
        revoked = clients.x509.load_pem_x509_certificate((self.box.directory / "tls" / "feed.pem").read_bytes())
        self.authority.write([revoked])
        clients.reload(self.box)
        self.assert_ends(ended)
        self.assert_refused_at_the_door("feed")
        self.assertEqual(self.status(auditor), 200)
        self.assertIs(auditor.connection.sock, kept)
        self.authority.issue("feed", "feed.acb.test")  # the same client with another certificate
        self.box._contexts.clear()  # pylint: disable=protected-access
        self.assertEqual(self.status(self.box.client("feed")), 200)

    def test_a_request_under_way_when_its_client_is_revoked_is_not_begun(self):
        feed = self.box.client("feed")
        connection = self.socket_of(feed)
        entries = len(self.box.audit_entries())
        connection.sendall(b"POST /v1/feeds/parties HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
                           b"Content-Length: 200\r\n\r\nuser_id")
        self.without_client("feed.acb.test")
        clients.reload(self.box)
        connection.sendall(b"," * 193)
        connection.settimeout(END_SECONDS)
        self.assertIn(b"403", connection.recv(4096).split(b"\r\n", 1)[0])
        self.assertEqual(self.entry_of_reload(entries)["setting"], "client")

    def test_what_was_taken_away_while_the_body_came_is_not_used(self):
        good = self.box.config.read_text()
        own = 'identity = "dsp.acb.test"\nrole = "dsp"'
        self.assertIn(own, good)
        for what, changed in (("role", own.replace('"dsp"', '"auditor"')),
                              ("endpoints", own + '\nendpoints = ["GET /readyz"]'),
                              ("originators", own + '\noriginators = ["90-B3-D5-1F-30-99-00-00"]'),
                              ("nothing", own + "\nconnections = 9")):
            document = self.world.sign(self.world.request())
            connection = self.socket_of(self.box.client("dsp"))
            connection.sendall(b"POST /v1/handovers HTTP/1.1\r\nHost: x\r\nContent-Type: application/xml\r\n"
                               b"Content-Length: %d\r\n\r\n" % len(document) + document[:500])
            self.box.config.write_text(good.replace(own, changed))
            clients.reload(self.box)
            connection.sendall(document[500:])
            connection.settimeout(END_SECONDS)
            expected = b"200" if what == "nothing" else b"403"
            self.assertIn(expected, connection.recv(4096).split(b"\r\n", 1)[0], what)
            self.box.config.write_text(good)
            clients.reload(self.box)
            self.box.close_clients()

    def test_a_revoked_intermediate_takes_its_clients_with_it(self):
        authority = self.authority
        between = authority.intermediate("Between")
        between.issue("feed", "feed.acb.test", directory=self.box.directory / "tls")
        self.box._contexts.clear()  # pylint: disable=protected-access
        authority.write([], others=[between])
        clients.reload(self.box)
        feed, auditor = self.box.client("feed"), self.box.client("auditor")
        self.assertEqual([self.status(feed), self.status(auditor)], [200, 200])
        ended = self.socket_of(feed)
        authority.write([between.certificate], others=[between])
        clients.reload(self.box)
        self.assert_ends(ended)
        self.assert_refused_at_the_door("feed")
        self.assertEqual(self.status(auditor), 200)

    def test_a_certificate_that_ends_takes_its_open_connection_with_it(self):
        life = 15
        began = time.monotonic()
        self.authority.issue("short", "feed.acb.test", seconds=life)
        short, asked = self.box.client("short"), self.box.client("feed")
        connection = self.socket_of(short)
        self.assertEqual(self.status(asked), 200)
        self.assert_ends(connection)
        self.assertGreaterEqual(time.monotonic() - began, life - 2)
        time.sleep(0.05)  # OpenSSL asks time(), which is a tick behind the clock that ended the connection
        self.assert_refused_at_the_door("short")
        self.assertEqual(self.status(asked), 200)


class TestTwoOperators(AccessCase):
    """The rule: two certificates of different identities, within a day. A second certificate of the same identity is the
    same person's."""

    def test_a_second_certificate_of_the_same_operator_is_no_second_operator(self):
        self.authority.issue("again", "operator.acb.test")
        self.authority.issue("capital", "OPERATOR.acb.test")
        self.start()

        def post(role, action):
            body = json.dumps({"scope": "all", "action": action, "authority": "test"})
            return self.box.client(role).request("POST", "/v1/suspension", body, JSON)

        self.assertEqual(post("operator", "suspend").status, 200)
        self.assertEqual(post("operator", "lift").status, 202)
        for same in ("operator", "again", "capital"):
            answer = post(same, "lift")
            self.assertEqual((answer.status, answer.reason), (403, "OTHER_OPERATOR"), same)
        self.assertEqual(post("auditor", "lift").status, 403)
        answer = post("operator2", "lift")
        self.assertEqual((answer.status, answer.json["outcome"]), (200, "done"))
        last = [entry for _, entry in self.box.audit_entries() if entry["kind"] == "operator"][-1]
        self.assertEqual(last["operators"], ["operator.acb.test", "operator2.acb.test"])


    def test_one_key_under_two_names_is_one_operator(self):
        key = clients.ec.generate_private_key(clients.ec.SECP256R1())
        for role in ("operator", "operator2"):
            self.authority.issue(role, f"{role}.acb.test", key=key)
        self.start()
        self.post("operator", "suspend")
        self.assertEqual(self.post("operator", "lift").status, 202)
        self.box.stop()
        self.box.start()  # the key is kept with the word
        answer = self.post("operator2", "lift")
        self.assertEqual((answer.status, answer.reason), (403, "OTHER_OPERATOR"))
        self.assertIn("of one key", answer.json["detail"])
        self.authority.issue("operator2", "operator2.acb.test")
        self.box._contexts.clear()  # pylint: disable=protected-access
        self.box.close_clients()
        self.assertEqual(self.post("operator2", "lift").json["outcome"], "done")

    def start_with_a_first_word_and_a_third_operator(self):
        self.authority.issue("operator3", "operator3.acb.test")
        self.client_table("operator3.acb.test", role="operator")
        self.start()
        self.post("operator", "suspend")
        self.assertEqual(self.post("operator", "lift").status, 202)

    def test_the_word_of_an_operator_who_was_removed_is_none(self):
        self.start_with_a_first_word_and_a_third_operator()
        self.without_client("operator.acb.test")
        entries = len(self.box.audit_entries())
        clients.reload(self.box)
        deadline = time.monotonic() + END_SECONDS
        while not (found := self.box.audit_entries(entries)) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(found[0][1]["words_dropped_of"], ["operator.acb.test"])
        self.assertEqual(self.post("operator2", "lift").status, 202, "a first word again")
        self.assertEqual(self.post("operator3", "lift").json["outcome"], "done")

    def test_an_operator_who_is_kept_to_some_endpoints_has_a_word_there(self):
        self.client_table("operator2.acb.test", endpoints=["POST /v1/suspension"])
        self.start()
        self.post("operator", "suspend")
        self.assertEqual(self.post("operator", "lift").status, 202)
        self.assertEqual(self.post("operator2", "lift").json["outcome"], "done")

    def test_the_word_of_an_operator_who_was_removed_while_the_box_was_stopped_is_none(self):
        self.start_with_a_first_word_and_a_third_operator()
        self.box.stop()
        self.without_client("operator.acb.test")
        self.box.start()
        dropped = [entry["words_dropped_of"] for _, entry in self.box.audit_entries() if "words_dropped_of" in entry]
        self.assertEqual(dropped, [["operator.acb.test"]])
        self.assertEqual(self.post("operator2", "lift").status, 202, "a first word again")
        self.box.stop()
        self.box.start()  # those who are still operators keep theirs
        self.assertEqual(self.post("operator3", "lift").json["outcome"], "done")

    def post(self, role, action):
        body = json.dumps({"scope": "all", "action": action, "authority": "test"})
        return self.box.client(role).request("POST", "/v1/suspension", body, JSON)


class TestIssuer(AccessCase):
    def test_a_client_is_whom_its_own_ca_names_and_nobody_else(self):
        """Each of two CAs may issue for its own clients alone, though the box takes both (design.md section 8)."""
        other = self.authority.intermediate("Feeds")
        folder = self.box.directory / "tls"
        other.issue("forged", "operator2.acb.test", directory=folder)
        other.issue("feed", "feed.acb.test", directory=folder)
        self.authority.write([], others=[other])
        pem = clients.serialization.Encoding.PEM
        (folder / "feeds.pem").write_bytes(other.certificate.public_bytes(pem))
        self.authority.issue("others-feed", "feed.acb.test")
        self.client_table("feed.acb.test", issuer="tls/feeds.pem")
        self.start()
        self.assertEqual(self.status(self.box.client("feed")), 200)
        refused = self.box.client("others-feed").request("GET", "/v1/feeds")
        self.assertEqual((refused.status, refused.reason), (403, "FORBIDDEN"))
        # Without an issuer any CA's word counts; with one, on an open connection too.
        forged = self.box.client("forged")
        self.assertEqual(self.status(forged, "/v1/quarantine"), 200)
        clean = self.authority.certificate.public_bytes(pem)
        (folder / "own.pem").write_bytes(clean)
        third = clients.Authority(name="Third")
        (folder / "third.pem").write_bytes(third.certificate.public_bytes(pem))
        self.client_table("operator2.acb.test", issuer="tls/third.pem")
        clients.reload(self.box)
        refused = forged.request("GET", "/v1/quarantine")
        self.assertEqual((refused.status, refused.reason), (403, "FORBIDDEN"))

    def test_an_issuer_that_cannot_be_read_is_refused_at_the_start(self):
        self.client_table("feed.acb.test", issuer="tls/absent.pem")
        self.box.spawn()
        self.assertEqual(self.box.outcome(), ("ended", 1))
        self.assertIn("absent.pem", self.box.log_tail())


class TestLog(AccessCase):
    def test_each_line_about_a_client_has_an_id_and_none_has_what_is_not_for_it(self):
        self.start()
        document = self.world.sign(self.world.request())
        answer = self.world.submit(document)
        self.assert_signed(self.world, document, answer)
        number = answer.headers["ACB-Request-Id"]
        mpxn = "3938420000"
        for path in (f"/review/search?q={mpxn}", f"/v1/devices/{mpxn}", "/v1/feeds",
                     f"/v1/devices/{harness.duis_sign.hyphenated(self.world.devices[0])}"):
            self.box.get(path)
        wrong = f"mpxn,supplier,network_operator,from,to\n{mpxn},SUPP,NETO,yesterday,\n"
        self.assertEqual(self.box.post_feed("registrations", wrong).status, 422)
        self.box.submit(b"<nonsense>" + mpxn.encode() + b"</nonsense>")
        metrics = self.box.get("/metrics").octets.decode()
        self.box.stop()
        text = self.box.log_file.read_text()
        pin = (self.box.directory / self.box.setting("hsm", "pin_file")).read_text().strip()
        keys = [base64_of_key(path) for path in (self.box.directory / "tls").glob("*.key")]
        self.assertIn(number, text)
        for secret in (mpxn, pin, answer.json["command"], *keys):
            self.assertGreater(len(secret), 3)
            self.assertNotIn(secret, text)
            self.assertNotIn(secret, metrics)
        lines = [json.loads(line) for line in text.splitlines()]
        about_clients = [line for line in lines if "client" in line or "peer" in line]
        self.assertGreater(len(about_clients), 10)
        for line in about_clients:
            self.assertTrue(line.get("request_id") or line.get("connection"), line)
        ids = [line["request_id"] for line in lines if line["event"] == "request"]
        self.assertEqual(len(ids), len(set(ids)))
        views = [line for line in lines if line["event"] == "audit-view" and line.get("query", "").startswith("q=")]
        self.assertEqual([view["query"] for view in views], ["q=(digits)"])


def base64_of_key(path):
    return "".join(path.read_text().splitlines()[1:2])


if __name__ == "__main__":
    harness.main()
