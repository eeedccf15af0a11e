#!/usr/bin/python3
"""A short soak (soak.py): each fault once or so, no descriptor and no thread more afterwards, the log verified, each answer
in it. Memory and latency need the hour.

    test_soak.py [--minutes N]

Issue 8, Shows 5; reliability.md F22.
"""

import argparse
import copy
import sys

import harness
import soak
from harness import temporary_directory

EVERY_SECONDS = 6


class TestSoak(harness.TestCase):
    minutes = 1.6

    def test_a_short_one(self):
        options = soak.arguments(["--minutes", str(self.minutes), "--every", str(EVERY_SECONDS), "--capacity-seconds", "3",
                                  "--warm-up", "50", "--quiet"])
        print(f"seed {options.seed}", flush=True)
        with temporary_directory() as folder:
            result = soak.soak(options, folder)
        soak.show(result)
        self.assertEqual(result["problems"], [])
        self.assertEqual([row for row in result["drift"] if row["verdict"] == "FAILS"], [])
        self.assertEqual(result["verdict"], "good")
        struck = [row["fault"] for row in result["faults"] if row["strikes"]]
        self.assertGreaterEqual(len(struck), 10)
        self.assertIn("kill -9", struck)
        self.assertEqual(result["checks"]["acb-verify"], "VERIFIED")
        self.assertGreater(result["checks"]["answers held against the log"], 100)


class TestVerdict(harness.TestCase):
    """That it can be a bad one: figures made up, with the one that is wrong."""

    @staticmethod
    def figures(**last):
        """The drift of a box that is the same in both quarters, but for `last`."""
        one = object.__new__(soak.Soak)
        one.options = soak.arguments(["--minutes", "60"])
        one.began, one.steady_end = 0.0, 1000.0
        same = {"process": 1, "descriptors": 40, "threads": 90, "anonymous": 100 << 20, "resident": 200 << 20, "children": 1}
        one.sampler = type("Sampler", (), {})()
        one.sampler.quiet = [(0.0, 1000.0)]
        one.sampler.samples = []
        for at in range(1000):
            values = {**same, **({name: value for name, value in last.items() if name in same} if at > 700 else {})}
            grows = last.get("store", 5000) if at > 700 else 5000
            one.sampler.samples.append(soak.Sample(at=at, store=at * 10 * grows, signed=at * 10, quiet=True, **values))
        slow = last.get("seconds", 0.01)
        times = [(float(at), slow if at > 700 else 0.01, soak.SIGNED) for at in range(1000)]
        if "refused" in last:
            times[900] = (900.0, 0.01, soak.UNDECIDED)
        return {row.name: row.verdict for row in one._drift(times)}  # pylint: disable=protected-access

    def test_what_does_not_drift_is_good(self):
        self.assertEqual({name: verdict for name, verdict in self.figures().items() if verdict == "FAILS"}, {})

    def test_each_drift_is_seen(self):
        for name, last in (("descriptors", {"descriptors": 41}), ("threads", {"threads": 91}),
                           ("processes beside it", {"children": 2}), ("anonymous memory", {"anonymous": 106 << 20}),
                           ("p99 while nothing is wrong", {"seconds": 0.013}), ("store, octets a handover", {"store": 6500}),
                           ("refused while nothing is wrong", {"refused": True})):
            self.assertEqual(self.figures(**copy.deepcopy(last))[name], "FAILS", name)

    def test_what_the_log_does_not_hold_is_a_problem(self):
        entry = {"kind": "signed", "index": "7", "device": "00-DB-12-34-56-7A-00-00", "originator_counter": "5",
                 "command_sha256": "ab"}

        def problems(answers, *entries):
            account = soak.Account(iter(answers))
            account.take(entries)
            return account.end()

        good = (7, "00db1234567a0000", 5, "ab")
        self.assertEqual(problems([good], entry), [])
        self.assertEqual(problems([good, (9, "00db1234567a0000", 6, "ab")], entry,
                                  {**entry, "index": "9", "originator_counter": "6"}), [])
        for what, answers, entries in (("no entry", [good], []),
                                       ("another counter", [(7, "00db1234567a0000", 6, "ab")], [entry]),
                                       ("another command", [(7, "00db1234567a0000", 5, "cd")], [entry]),
                                       ("answered twice", [good, good], [entry]),
                                       ("a counter twice", [good], [entry, {**entry, "index": "9"}]),
                                       ("a counter that falls", [good], [entry, {**entry, "index": "9",
                                                                                 "originator_counter": "4"}]),
                                       ("no answer", [], [entry])):
            self.assertNotEqual(problems(answers, *entries), [], what)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=TestSoak.minutes)
    given, names = parser.parse_known_args()
    TestSoak.minutes = given.minutes
    harness.main([sys.argv[0], *names])
