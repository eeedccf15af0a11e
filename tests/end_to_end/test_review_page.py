#!/usr/bin/python3
"""The review page in a real browser (design.md section 8, GET /; R-SEC3-59, R-063-12): empty, with a year of history,
and with a box that does not sign. Nothing of it needs scripts or a mouse, axe-core finds nothing, nothing comes from
elsewhere. Pictures of every state go to ACB_BINARY_DIR/screenshots."""

import base64
import collections
import datetime
import errno
import json
import os
import re
import urllib.parse
from pathlib import Path

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

import harness
from browser import SCHEMES, WIDTHS, Browser
from fault_shim import FAIL, STATE, FaultShim
from harness import ROOT, World, binary, duis_sign, memory_directory, run, temporary_directory
from test_observations import Simulated

PICTURES = Path(os.environ.get("ACB_BINARY_DIR", ROOT / "build" / "release")) / "screenshots"
OUTCOMES = ("signed", "refused", "quarantined", "undecided")
JSON = {"Content-Type": "application/json"}
SILENT = "00db1234567b0009"
MOST_TABS = 400
PATIENCE = 30  # seconds


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def outcome_of(entry):
    """What became of a request, by the entry: independent of the page's own reading."""
    kind = entry["kind"]
    if kind == "signed" or (kind == "quarantined" and "request_id" in entry):
        return kind
    if kind == "refused" and entry.get("what") != "observation":
        # REPLAY: refused, and the RequestID keeps the answer that it has.
        return "refused" if entry["final"] or entry["reason"] == "REPLAY" else "undecided"
    return None


class PageCase(harness.TestCase):
    """Helpers. Each class has one world and one browser."""

    world = browser = None

    @classmethod
    def begin(cls, world):
        cls.world = world
        cls.addClassCleanup(world.box.stop)
        cls.browser = cls.enterClassContext(Browser(world.box))
        cls.driver = cls.browser.driver

    def setUp(self):
        self.browser.scripts(True)
        self.browser.look(WIDTHS[0])
        self.driver.get("about:blank")
        self.browser.complaints()

    def assert_in_order(self, name):
        """Pictures; what axe-core, the console and the network say; the page fits its window."""
        self.browser.picture(PICTURES, name)
        for width, scheme in zip(WIDTHS, SCHEMES):
            self.browser.look(width, scheme)
            self.assertEqual(self.browser.violations(), [], f"{name} at {width}, {scheme}")
            self.assertLessEqual(self.browser.overflow(), 0, f"{name} at {width}")
        self.browser.look(WIDTHS[0])
        self.assertEqual(self.browser.complaints(), [], name)

    def text(self, selector="main"):
        return self.driver.find_element(By.CSS_SELECTOR, selector).text

    def find(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def follow(self, element, *keys):
        """A link or a form, by the keys or by a click; the page behind it is there when this returns."""
        self.driver.execute_script("window.acbLeft = true")
        element.send_keys(*keys) if keys else element.click()
        # While the one page gives way to the other, the driver fails in several ways.
        wait = WebDriverWait(self.driver, PATIENCE, poll_frequency=0.05, ignored_exceptions=(WebDriverException,))
        wait.until(lambda driver: driver.execute_script("return !window.acbLeft && document.readyState === 'complete'"))

    def assert_headings_in_order(self):
        levels = [int(element.tag_name[1]) for element in self.find("h1, h2, h3, h4")]
        self.assertEqual(levels.count(1), 1)
        self.assertEqual(levels[0], 1)
        for before, after in zip(levels, levels[1:]):
            self.assertLessEqual(after, before + 1, levels)

    def table(self, figure):
        """Rows of a chart's table: label, four numbers."""
        rows = self.driver.execute_script(
            "return [...document.querySelectorAll('figure.chart')[arguments[0]].querySelectorAll('tbody tr')]"
            ".map((row) => [...row.cells].map((cell) => cell.textContent))", figure)
        return {row[0]: tuple(int(cell.replace(",", "")) for cell in row[1:]) for row in rows}


class Empty(PageCase):
    """A new box: the page is there, says nothing that is not so, and is safe."""

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(temporary_directory())
        cls.begin(World.own(folder, devices=1))

    def test_it_is_in_order(self):
        self.browser.open("/")
        self.assertIn("It decides and signs.", self.text())
        self.assertIn("None in the entries", self.text("section:has(#refusals)"))
        self.assertEqual(set(self.table(0).values()), {(0, 0, 0, 0)})
        self.assert_headings_in_order()
        self.assert_in_order("empty")

    def test_it_is_for_auditors_and_says_so_to_no_one_else(self):
        for path in ("/", "/review/search?q=1", "/review/entry/0", "/review/entries?last=1", "/review/export"):
            self.assertEqual(self.world.box.get(path).status, 200, path)
            for role in ("dsp", "feed", "northbound", "operator"):
                self.assertEqual(self.world.box.get(path, role).status, 403, path)

    def test_every_view_is_logged_and_counted(self):
        """R-SEC3-59."""
        before = self.world.box.metric("acb_audit_views_total")
        self.world.box.get("/review/search?q=42")
        self.assertEqual(self.world.box.metric("acb_audit_views_total"), before + 1)
        views = [line for line in self.world.box.log_file.read_text().splitlines() if '"audit-view"' in line]
        self.assertIn("/review/search", views[-1])
        self.assertIn("auditor.acb.test", views[-1])

    def test_its_headers_let_nothing_in_and_nothing_out(self):
        page = self.world.box.get("/")
        policy = page.headers["Content-Security-Policy"]
        self.assertEqual(policy, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                                 "connect-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
        for name, value in (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
                            ("Cache-Control", "no-store"), ("Content-Type", "text/html; charset=utf-8")):
            self.assertEqual(page.headers[name], value)
        html = page.octets.decode()
        self.assertNotRegex(html, r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|https?://")
        assets = re.findall(r'(?:src|href)="(/assets/[^"]+)"', html)
        self.assertEqual(len(assets), 4)
        for path in assets:
            self.assertEqual(self.world.box.get(path).status, 200)
        self.assertEqual(self.world.box.get("/assets/none.js").status, 404)

    def test_what_is_searched_for_is_shown_as_text(self):
        for query in ('<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "'\u2028&amp;"):
            self.browser.open("/review/search?q=" + urllib.parse.quote(query))
            self.assertIn("That is no device", self.text())
            self.assertEqual(self.find("main script, main img"), [])
            self.assertEqual(self.find("#q")[0].get_attribute("value"), query)
        # The status is 400, which the console notes; it notes nothing else.
        self.assertEqual([each for each in self.browser.complaints() if "status of 400" not in each], [])

    def test_what_is_wrong_in_the_address_is_said(self):
        for path, status in (("/?month=2026-13", 400), ("/?month=x", 400), ("/review/entry/99999", 404),
                             ("/review/entry/x", 404), ("/review/entries", 400), ("/review/search", 400),
                             ("/review/entries?last=1&from=yesterday", 400)):
            answer = self.world.box.get(path)
            self.assertEqual(answer.status, status, path)
            self.assertTrue(answer.headers["Content-Type"].startswith("text/html"), path)

    def test_an_export_is_a_command_and_nothing_else_becomes_one(self):
        self.browser.open("/review/export?from=2026-01-01&to=2026-02-01&redaction=panel")
        self.assertIn("acbctl audit export --from 2026-01-01 --to 2026-02-01 --redaction panel audit-panel.tar",
                      self.text())
        self.assert_in_order("export")
        self.browser.open("/review/export?from=" + urllib.parse.quote("1; rm -rf /"))
        self.assertNotIn("acbctl", self.text("main"))


class Year(PageCase):
    """A year of made history, then real handovers."""

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(temporary_directory(memory_directory()))
        world = World.own(folder, devices=2, start=False)
        run(binary("tests/end_to_end", "make_history"), "--config", str(world.box.config),
            "--until", now().strftime("%Y-%m-%dT%H:%M:%SZ"))
        world.box.start()
        world.import_own()
        other = duis_sign.hyphenated(world.pki.other_network_operator)
        world.import_parties([f"{other},NETB,{role},active,2016-01-01,,yes," for role in ("ED", "GT")])
        cls.begin(world)
        cls.hand_over(world)
        cls.entries = [entry for _, entry in world.box.audit_entries()]

    @classmethod
    def hand_over(cls, world):
        """One that the device accepts, one that it is not asked to, one refused."""
        simulated = Simulated(world, SILENT)
        cls.document, answer = simulated.handover()
        cls.signed = answer.json
        response = simulated.device.receive(answer.command)
        body = {name: base64.b64encode(octets).decode()
                for name, octets in (("command", answer.command), ("response", response))}
        seen = world.box.client("northbound").request("POST", "/v1/observations", json.dumps(body), JSON)
        assert seen.status == 200, seen
        other = {"digital_signing": world.pki.der("no-b-ds"), "key_agreement": world.pki.der("no-b-ka")}
        cls.refused = world.submit(world.sign(world.request(world.devices[0], **other))).json

    def recount(self, chosen):
        counts = collections.Counter(filter(None, (outcome_of(entry) for entry in self.entries if chosen(entry))))
        return tuple(counts[outcome] for outcome in OUTCOMES)

    def open_counted(self, path="/"):
        """The page, once the tally has reached the end of the log."""
        for _ in range(200):
            self.browser.open(path)
            if "are counted" not in self.text():
                return
        self.fail("the tally does not reach the end of the log")

    def test_it_is_in_order_with_charts(self):
        self.open_counted()
        self.assertEqual(len(self.find("figure.chart canvas")), 3)
        self.assertEqual(self.find("figure.chart details[open]"), [])
        self.assert_headings_in_order()
        self.assert_in_order("year")

    def test_every_figure_is_that_of_a_recount(self):
        """R-063-12; the charts are drawn from these tables."""
        today = None
        while today != now().strftime("%Y-%m-%d"):  # or midnight came between
            today = now().strftime("%Y-%m-%d")
            self.open_counted()
            hours, days, months = (self.table(figure) for figure in range(3))
        self.assertEqual((len(hours), len(months)), (24, 12))
        for label, counts in hours.items():
            self.assertEqual(counts, self.recount(lambda e, at=f"{today}T{label[:2]}": e["time"].startswith(at)))
        for label, counts in [*days.items(), *months.items()]:
            self.assertEqual(counts, self.recount(lambda e, at=label: e["time"].startswith(at)), label)
        self.assertGreater(sum(map(sum, months.values())), 3_000)

    def test_refusals_by_supplier_and_reason_lead_to_their_entries(self):
        month = (now().replace(day=1) - datetime.timedelta(days=1)).strftime("%Y-%m")
        self.open_counted(f"/?month={month}")
        want = collections.Counter((entry["party"], entry["reason"]) for entry in self.entries
                                   if outcome_of(entry) == "refused" and entry["time"].startswith(month))
        rows = [[cell.text for cell in row.find_elements(By.CSS_SELECTOR, "th, td")]
                for row in self.find("section:has(#refusals) tbody tr")]
        self.assertEqual({(row[0], row[1]): int(row[2]) for row in rows}, dict(want))
        self.assertIn("BRIGHTLY & SONS", {row[0] for row in rows})
        self.follow(self.find("section:has(#refusals) tbody td a")[0])
        self.assertEqual(len(self.find("tbody tr")), int(rows[0][2]))
        self.assertIn(rows[0][1], self.text("tbody tr"))
        self.assert_in_order("behind-a-figure")

    def test_a_search_shows_a_handover_from_request_to_response(self):
        self.open_counted()
        box = self.find("#q")[0]
        self.follow(box, "  " + self.signed["request_id"] + " ", Keys.ENTER)
        self.assertIn("Signed: the command was handed to the DSP.", self.text())
        self.assertEqual([heading.text.split(": ")[1].split(",")[0] for heading in self.find(".step h2")],
                         ["signed", "observed"])
        for summary in self.find(".step details:not([open]) > summary"):
            summary.click()
        pieces = [element.text for element in self.find(".step pre")]
        self.assertEqual(len(pieces), 4)  # request, command; command, response
        self.assertEqual(pieces[0].split(), self.document.decode().split())
        self.assertEqual(bytes.fromhex(pieces[1]), base64.b64decode(self.signed["command"]))
        self.assertEqual(pieces[1], pieces[2])
        self.assertIn(self.signed["originator_counter"], self.text())
        self.assert_in_order("handover")

    def test_a_refused_one_says_its_reason(self):
        self.browser.open("/review/search?q=" + urllib.parse.quote(self.refused["request_id"]))
        self.assertIn("NO_NOT_REGISTERED", self.text())
        self.assertIn("Sealed in the entry, and opened here for auditors", self.text())
        self.assert_in_order("refusal")

    def test_a_search_for_a_device_goes_back_through_the_log(self):
        self.browser.open("/review/search?q=" + duis_sign.hyphenated(SILENT))
        self.assertIn("of " + duis_sign.hyphenated(self.world.network_operator).upper(), self.text())
        self.assertEqual(len(self.find("tbody tr")), 2)
        self.assert_in_order("device")
        self.follow(self.find("tbody th a")[0])
        self.assertIn("observed", self.text("h1"))
        self.assert_in_order("entry")

    def test_devices_that_wait_are_stuck(self):
        self.open_counted()
        waiting = {}
        for entry in self.entries:
            if entry["kind"] == "signed":
                waiting[entry["device"], entry["role"]] = entry
            elif entry["kind"] == "observed" and not entry["observations"]:
                waiting = {key: one for key, one in waiting.items()
                           if (one["device"], one["originator_counter"]) != (entry["device"], entry["originator_counter"])}
        failed = {(entry["device"], entry["originator_counter"]) for entry in self.entries
                  if entry["kind"] == "observed" and "NOT_SUCCESSFUL" in entry["observations"]}
        before = (now() - datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S")
        stuck = [one for one in waiting.values()
                 if one["time"] < before or (one["device"], one["originator_counter"]) in failed]
        self.assertGreater(len(stuck), 0)
        self.assertIn(f"refused by the device: {len(stuck)}", self.text("section:has(#stuck)"))
        # the table; without the quarantine and the alarms that follow it
        shown = self.find("section:has(#stuck) > .scroll")[0].find_elements(By.CSS_SELECTOR, "tbody tr")
        self.assertEqual(len(shown), min(len(stuck), 50))

    def test_it_works_without_scripts(self):
        self.browser.scripts(False)
        self.open_counted()
        self.assertEqual(len(self.driver.find_elements(By.CSS_SELECTOR, "figure.chart details[open] table")), 3)
        self.assertEqual(self.driver.find_elements(By.CSS_SELECTOR, "canvas"), [])
        box = self.driver.find_element(By.ID, "q")
        self.follow(box, self.signed["request_id"], Keys.ENTER)
        self.assertIn("Signed: the command", self.text())
        self.assertEqual(self.browser.complaints(), [])
        self.browser.open("/")
        self.browser.picture(PICTURES, "no-scripts", schemes=("light",))

    def test_the_keyboard_alone_reaches_everything(self):
        self.open_counted()
        reached, seen = [], self.driver.switch_to.active_element
        for _ in range(MOST_TABS):
            seen.send_keys(Keys.TAB)
            seen = self.driver.switch_to.active_element
            reached.append(seen.get_attribute("id") or seen.get_attribute("href") or seen.tag_name)
            outline = seen.value_of_css_property("outline-style")
            self.assertNotEqual(outline, "none", reached[-1])
            if reached[-1] == "redaction":
                break
        self.assertTrue(reached[0].endswith("#main"), reached[:3])
        wanted = ["q", *(f"/v1/reports/{name}" for name in ("network-certificates", "notifications")), "export-from",
                  "export-to", "redaction"]
        places = [next((i for i, each in enumerate(reached) if each.split("?")[0].endswith(one)), None)
                  for one in wanted]
        self.assertNotIn(None, places, reached)
        self.assertEqual(places, sorted(places))
        seen.send_keys(Keys.TAB)
        self.follow(self.driver.switch_to.active_element, Keys.ENTER)
        self.assertIn("acbctl audit export", self.text())


class Stopped(PageCase):
    """What is wrong is said, whatever does not work."""

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(temporary_directory())
        cls.folder = folder
        cls.begin(World.own(folder, devices=1))

    def test_1_signing_is_suspended(self):
        body = {"scope": "all", "action": "suspend", "authority": "SSC 2026-11-21"}
        answer = self.world.box.client("operator").request("POST", "/v1/suspension", json.dumps(body), JSON)
        self.assertEqual(answer.status, 200, answer)
        self.browser.open("/")
        self.assertIn("It decides, but it does not sign.", self.text())
        self.assertIn("SIGNING_SUSPENDED", self.text())
        self.assertIn("SSC 2026-11-21", self.text())
        self.assert_in_order("suspended")

    def test_2_the_store_is_in_doubt(self):
        self.world.box.stop()
        shim = FaultShim(self.folder / "shim")
        self.world.box.start(shim.environment(self.world.box))
        shim.arm(STATE, at=1, action=FAIL, error=errno.EIO)
        body = {"scope": "party", "subject": "SUPP", "action": "suspend", "authority": "x"}
        answer = self.world.box.client("operator").request("POST", "/v1/suspension", json.dumps(body), JSON)
        shim.disarm()
        self.assertEqual(answer.status, 503, answer)
        self.browser.open("/")
        self.assertIn("It is not ready: nothing is decided.", self.text())
        self.assertIn("STORE_IN_DOUBT", self.text())
        self.assert_in_order("in-doubt")
        self.world.box.kill()

    def test_3_the_box_did_not_open(self):
        pin = self.world.box.directory / "pin.missing"
        self.world.box.configure("hsm", pin_file=str(pin))
        self.world.box.spawn()
        self.assertEqual(self.world.box.outcome()[0], "refused")
        self.browser.open("/")
        self.assertIn("It is not ready: nothing is decided.", self.text())
        self.assertIn("What can be done", self.text())
        self.assert_in_order("not-started")


if __name__ == "__main__":
    harness.main()
