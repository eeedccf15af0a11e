#!/usr/bin/python3
"""Metrics of a box at work: clean by promtool, all that operators watch is there, and every query of the alert rules and
of the dashboard asks for a metric that exists.

Issue 8, Operations; R-SEC3-61. Needs promtool (package prometheus).
"""

import json
import re
import shutil
import subprocess
import time

import harness
from harness import ROOT, World, temporary_directory

MONITORING = ROOT / "platform" / "monitoring"
# On a box with a witness, which this one has not; tests/end_to_end/test_runbook.py measures one.
OF_A_WITNESS = ("acb_witness_failures_total", "acb_witness_cosigned_total")
WORD = re.compile(r"\bacb_[a-z0-9_]+")
SUFFIXES = ("_bucket", "_sum", "_count")
STAGES = ("authenticate", "judge", "reserve", "build", "sign", "record")


def promtool(*arguments, text=None):
    if shutil.which("promtool") is None:
        raise AssertionError("promtool is missing: tools/install-packages --check")
    return subprocess.run(["promtool", *arguments], input=text, capture_output=True, text=True, check=False)


def samples(text):
    """{name: {labels: value}}"""
    found = {}
    for line in text.splitlines():
        if line.startswith("#") or not line:
            continue
        head, value = line.rsplit(" ", 1)
        name, _, labels = head.partition("{")
        found.setdefault(name, {})[labels.rstrip("}")] = float(value)
    return found


def family(name, declared):
    """The metric that a name in a query belongs to."""
    if name in declared:
        return name
    for suffix in SUFFIXES:
        if name.endswith(suffix) and declared.get(name[: -len(suffix)]) == "histogram":
            return name[: -len(suffix)]
    return None


class TestMetrics(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_directory())
        cls.world = World.own(cls.folder, devices=3)
        cls.box = cls.world.box
        cls.addClassCleanup(cls.box.kill)
        for device in cls.world.devices[:2]:
            answer = cls.world.submit(cls.world.sign(cls.world.request(device=device)))
            if answer.status != 200:
                raise AssertionError(answer)
        cls.refused = cls.world.submit(b"<not-a-request/>")
        cls.text = cls.box.get("/metrics").octets.decode()
        cls.samples = samples(cls.text)
        cls.declared = dict(re.findall(r"^# TYPE (\S+) (\S+)$", cls.text, re.M))

    def value(self, name, labels=""):
        return self.samples[name][labels]

    def test_promtool_finds_nothing_to_say(self):
        done = promtool("check", "metrics", text=self.text)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        bad = promtool("check", "metrics", text="# TYPE acb_bad counter\nacb_bad 1\n")
        self.assertNotEqual(bad.returncode, 0)  # it can find something

    def test_handovers_are_counted_by_outcome_and_reason(self):
        self.assertEqual(self.value("acb_handovers_total", 'outcome="signed"'), 2)
        self.assertEqual(self.value("acb_handovers_total", 'outcome="refused"'), 1)
        self.assertEqual(self.value("acb_refusals_total", f'reason="{self.refused.reason}"'), 1)

    def test_each_stage_has_a_histogram_that_adds_up(self):
        for stage in STAGES:
            self.assertEqual(self.value("acb_handover_stage_seconds_count", f'stage="{stage}"'), 2, stage)
            buckets = [value for labels, value in self.samples["acb_handover_stage_seconds_bucket"].items()
                       if f'stage="{stage}"' in labels]
            self.assertEqual(buckets, sorted(buckets))
            self.assertEqual(buckets[-1], 2)
        self.assertEqual(self.value("acb_handover_seconds_count"), 3)
        stages = sum(self.samples["acb_handover_stage_seconds_sum"].values())
        self.assertLessEqual(stages, self.value("acb_handover_seconds_sum"))
        self.assertGreater(stages, 0)

    def test_the_hsm_and_the_disk_have_histograms(self):
        for operation in ("sign", "derive"):
            self.assertEqual(self.value("acb_hsm_operation_seconds_count", f'pair="1",operation="{operation}"'), 2)
        self.assertGreaterEqual(self.value("acb_store_flush_seconds_count"), 4)  # two for each handover
        self.assertGreater(self.value("acb_store_flush_seconds_sum"), 0)

    def test_ages_ends_and_what_is_left_are_told(self):
        now = time.time()
        self.assertIn('feed="parties"', self.samples["acb_feed_age_seconds"])
        for age in self.samples["acb_feed_age_seconds"].values():
            self.assertTrue(-1 <= age < 3600, age)
        self.assertGreaterEqual(len(self.samples["acb_revocation_list_next_update_seconds"]), 1)
        for end in self.samples["acb_revocation_list_next_update_seconds"].values():
            self.assertGreater(end, now)
        ends = self.samples["acb_certificate_not_after_seconds"]
        authority = next(label for label in ends if label.startswith('certificate="client-ca '))
        self.assertEqual(set(ends), {'certificate="acb-ds"', 'certificate="acb-ka"', 'certificate="tls-server"', authority})
        for label, end in ends.items():
            self.assertGreater(end, now, label)
        self.assertTrue(0 <= self.value("acb_anchor_age_seconds") < 3600)
        self.assertGreater(self.value("acb_anchor_window"), 0)
        self.assertGreater(self.value("acb_store_map_bytes"), self.value("acb_store_used_bytes"))
        self.assertGreater(self.value("acb_store_disk_available_bytes"), 0)
        self.assertGreater(self.value("acb_originator_headroom"), 2.0**62)

    def test_every_query_asks_for_a_metric_that_is_there(self):
        rules = (MONITORING / "acbd.rules.yml").read_text()
        expressions = re.findall(r"^\s*expr: (.*)$", rules, re.M)
        dashboard = json.loads((MONITORING / "grafana-acbd.json").read_text())
        expressions += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        expressions += [one["query"] for one in dashboard["templating"]["list"] if one["type"] == "query"]
        self.assertGreater(len(expressions), 40)
        asked = set()
        for expression in expressions:
            for name in WORD.findall(expression):
                if name in OF_A_WITNESS:
                    continue
                asked.add(family(name, self.declared))
                self.assertIsNotNone(family(name, self.declared), f"{name} in {expression}")
        # And what is measured is looked at.
        self.assertEqual(sorted(set(self.declared) - asked), [])

    def test_the_alert_rules_do_what_they_say(self):
        checked = promtool("check", "rules", str(MONITORING / "acbd.rules.yml"))
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        tested = promtool("test", "rules", str(MONITORING / "acbd.rules.test.yml"))
        self.assertEqual(tested.returncode, 0, tested.stdout + tested.stderr)
        rules = (MONITORING / "acbd.rules.yml").read_text()
        tests = (MONITORING / "acbd.rules.test.yml").read_text()
        for alert in re.findall(r"- alert: (\w+)", rules):
            self.assertIn(f"# {alert}: fires", tests)
            self.assertIn(f"# {alert}: does not fire", tests)


if __name__ == "__main__":
    harness.main()
