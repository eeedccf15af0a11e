#!/usr/bin/python3
"""Limits of the ACB's keys by age and by operations: the warning before, the hard stop, and what stops with it
(R-SEC3-21, R-SEC3-40).
"""

import datetime
import json

import harness
from clients import log_lines
from scenario_stage import FAKETIME
from test_key_ceremony import KeyCase

LIMIT = 5
HOUR = 3600
DAY = 24 * HOUR


class Limits(KeyCase):
    def hand_over(self, number=0):
        document = self.world.sign(self.world.request(device=self.world.devices[number]))
        return document, self.world.submit(document)

    def signed(self, number=0):
        document, answer = self.hand_over(number)
        self.assertEqual(answer.status, 200, answer)
        return document, answer

    def stopped(self, number=0):
        signatures = self.box.metric("acb_hsm_sign_total")
        document, answer = self.hand_over(number)
        self.assertEqual((answer.status, answer.reason), (503, "KEY_LIMIT"), answer)
        self.assertIn("Retry-After", answer.headers)
        self.assertEqual(self.box.metric("acb_hsm_sign_total"), signatures)
        entry = json.loads(self.box.get(f"/v1/audit/entries?from={answer.json['audit']['index']}&count=1").octets)
        self.assertEqual((entry["kind"], entry["reason"], entry["final"]), ("refused", "KEY_LIMIT", False))
        return document

    def key(self, label="acb-ds"):
        return next(one for one in self.box.get("/readyz").json["keys"] if one["key"] == label)

    def alarms(self):
        return [entry["alarm"] for _, entry in self.box.audit_entries()
                if entry["kind"] == "alarm" and entry.get("alarm", "").startswith("key limit")]

    def logged(self):
        return [(line["key"], line["standing"]) for line in log_lines(self.box, "key-limit")]

    def restart(self, shift=0, **settings):
        self.box.stop()
        if settings:
            self.box.configure("keys", **settings)
        self.box.start(env={
            "LD_PRELOAD": FAKETIME, "FAKETIME": f"+{shift}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1"} if shift else None)


class Operations(Limits):
    def test_warns_stops_at_the_limit_and_after_a_restart_too(self):
        self.restart(max_operations=LIMIT, warn_percent=80)
        for _ in range(3):
            self.signed()
        self.assertEqual((self.key()["operations"], self.key()["standing"]), ("3", "good"))
        self.assertEqual((self.alarms(), self.logged()), ([], []))
        self.signed()
        self.assertEqual((self.key()["operations"], self.key()["standing"]), ("4", "warning"))
        self.assertEqual((self.alarms(), self.logged()), (["key limit near"], [("acb-ds", "warning")]))
        self.assertTrue(self.box.get("/readyz").json["can_sign"])
        self.box.kill()
        self.box.start()
        self.signed(1)
        waiting = self.stopped(1)
        ready = self.box.get("/readyz").json
        self.assertFalse(ready["can_sign"])
        self.assertEqual([reason["reason"] for reason in ready["reasons"]], ["KEY_LIMIT"])
        self.assertEqual(ready["keys"][0]["standing"], "reached")
        self.assertEqual(self.alarms(), ["key limit near", "key limit reached"])
        self.assertEqual(self.box.metric("acb_key_operations_total", key="acb-ds"), LIMIT)
        self.assertEqual(self.box.metric("acb_key_operations_limit", key="acb-ds"), LIMIT)
        self.assertEqual(self.box.metric("acb_key_standing", key="acb-ds", standing="reached"), 1)
        dry = self.world.box.client("dsp").request("POST", "/v1/handovers?dry_run=true", self.world.sign(
            self.world.request(device=self.world.devices[2])), {"Content-Type": "application/xml"})
        self.assertIn("KEY_LIMIT", dry.octets.decode())
        self.restart()
        self.stopped(1)
        # The same octets are signed once more may be: the RequestID stayed open.
        self.restart(max_operations=LIMIT + 1)
        answer = self.world.submit(waiting)
        self.assert_signed(self.world, waiting, answer)
        self.stopped(0)
        report = {row["key"]: row for row in self.box.get("/v1/reports/keys").json["rows"]}
        self.assertIn(f"{LIMIT + 1} commands", report["digital signing"]["limits"])

    def test_a_new_pair_begins_anew_and_the_old_one_stays_stopped(self):
        self.restart(max_operations=2)
        for _ in range(2):
            self.signed()
        self.stopped()
        self.box.stop()
        second = self.new_pair()
        self.box.start()
        self.stopped()  # its cell still holds the first
        self.assertEqual((self.key()["standing"], self.key("acb-ds-2")["standing"]), ("reached", "good"))
        self.box.stop()
        self.good("retire", "--generation", "1")
        self.box.start()
        self.world.acb_ds = second[0].public_key()
        for device, (own, _) in list(self.world.mac_keys.items()):
            self.world.mac_keys[device] = (own, second[1].public_key())
        document, answer = self.signed(1)
        self.assert_signed(self.world, document, answer)
        self.assertEqual([(one["key"], one["operations"]) for one in self.box.get("/readyz").json["keys"]],
                         [("acb-ds-2", "1")])


class Age(Limits):
    def test_warns_and_stops_by_the_clock_whatever_instant_certificates_are_judged_at(self):
        self.signed()
        # So that the key alone grows old: no certificate, and no revocation list.
        self.box.configure("test", validation_time=datetime.datetime.now(datetime.timezone.utc).strftime(
            "%Y-%m-%dT%H:%M:%SZ"))
        self.restart(max_age_days=3, warn_percent=50)
        self.signed()
        self.assertEqual((self.key()["age_days"], self.key()["max_age_days"], self.key()["standing"]), ("0", "3", "good"))
        self.restart(shift=DAY + HOUR)
        self.assertEqual(self.key()["standing"], "good")
        self.restart(shift=2 * DAY)
        self.assertEqual((self.key()["age_days"], self.key()["standing"]), ("2", "warning"))
        self.assertEqual(self.logged(), [("acb-ds", "warning")])
        self.signed()
        self.restart(shift=3 * DAY - HOUR)
        self.signed()
        self.restart(shift=3 * DAY + HOUR)
        self.assertEqual(self.key()["standing"], "reached")
        self.assertEqual([reason["reason"] for reason in self.box.get("/readyz").json["reasons"]], ["KEY_LIMIT"])
        self.assertGreaterEqual(self.box.metric("acb_key_age_seconds", key="acb-ds"), 3 * DAY)
        self.assertEqual(self.box.metric("acb_key_age_limit_seconds", key="acb-ds"), 3 * DAY)
        waiting = self.stopped()
        self.restart(shift=3 * DAY + HOUR, max_age_days=4)
        self.assert_signed(self.world, waiting, self.world.submit(waiting))


if __name__ == "__main__":
    harness.main()
