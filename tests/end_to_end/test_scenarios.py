#!/usr/bin/python3
"""The step lists of ../shared/vectors/counter-scenarios, one test case each, against real boxes (reliability.md F8).

    test_scenarios.py [--seed N] [--times N] [NAME...]     NAME: of a scenario, as in the file
    test_scenarios.py --planted [FAULT...]                 each planted fault is noticed (planted_faults.py)

--times: at most so many of a sweep's variants (default 60). After every scenario its invariants are checked over all
instances: counters rise, every release is recorded, no refused step was signed (scenario_books.py).
"""

import argparse
import json
import random
import sys

import harness
import planted_faults
from harness import plain, temporary_directory
from scenario_load import Broken
from scenario_stage import Stage
from scenario_steps import Steps

LOAD_DEVICES = 15  # besides the scenario's own
FILE = "vectors/counter-scenarios/scenarios-open.json"

# Where a step list disagrees with design.md section 4, or with HTTP, those decide: (scenario, step) -> what is run
# in its place.
DECIDED_OTHERWISE = {
    # A blank before the value of a header is no part of it (RFC 9110 section 5.5): on the wire this is "1".
    ("floor-negative", 2): [{"expect": "ok-or-refuse"}],
    # "A copied store started on the same token takes over": the second serves, above everything the first released ...
    ("second-instance-copied-data", 3): [{"expect": "ok"}],
    # ... and the overtaken box signs nothing more and ends.
    ("second-instance-copied-data", 4): [{"expect": "refuse"}, {"op": "assert-overtaken"}],
}

# Ours, in the form of the file.
OWN = [
    {
        "name": "store-file-deleted",
        "why": "The store's file is missing at start: absent is not zero.",
        "steps": [
            {"op": "sign", "device": "00DB1234567890A0", "originator": "90B3D51F30010000", "expect": "ok"},
            {"op": "stop"},
            {"op": "delete", "part": "file"},
            {"op": "start", "expect": "ok-or-refuse"},
            {"op": "sign", "device": "00DB1234567890A0", "originator": "90B3D51F30010000", "expect": "refuse"},
        ],
    },
]


def steps_of(scenario):
    """The steps as they are run: those of the file, or what the design decides in their place."""
    for number, step in enumerate(scenario["steps"]):
        changes = DECIDED_OTHERWISE.get((scenario["name"], number), [{}])
        yield from (change if "op" in change else {**step, **change} for change in changes)


def devices_of(scenario):
    own = {plain(step["device"]) for step in scenario["steps"] if "device" in step}
    own = sorted(own) or ["00db1234567890a0"]
    return [*own, *(f"00db1234567b{number:04x}" for number in range(LOAD_DEVICES))]


class Scenarios(harness.TestCase):
    """One case a scenario, made by add_cases."""

    seed = None
    times = 60

    def run_scenario(self, scenario):
        steps = list(steps_of(scenario))
        names = {step["op"] for step in steps}
        with temporary_directory() as folder:
            stage = Stage(folder, devices_of(scenario), clock="clock" in names, record="record" in names)
            runner = Steps(stage, random.Random(f"{self.seed}/{scenario['name']}"), self.times)
            try:
                for number, step in enumerate(steps):
                    try:
                        runner.run(step)
                    except Broken as broken:
                        self.fail(f"{scenario['name']}, step {number + 1} ({step['op']}): {broken}")
                runner.finish()
                self.assertEqual(stage.books.problems, [], f"{scenario['name']}, seed {self.seed}")
            finally:
                print(f"  {scenario['name']}: {len(stage.books.releases)} released; {'; '.join(runner.notes)}",
                      flush=True)
                stage.stop_all()


def method_of(name):
    return "test_" + name.replace("-", "_")


def add_cases(scenarios):
    for scenario in scenarios:
        def case(self, scenario=scenario):
            self.run_scenario(scenario)

        case.__doc__ = scenario["why"]
        setattr(Scenarios, method_of(scenario["name"]), case)


class TheStepLists(harness.TestCase):
    def test_are_there(self):
        """In CI they have to be; elsewhere a plain clone skips."""
        harness.need_shared()
        names = {scenario["name"] for scenario in load_scenarios()}
        self.assertGreaterEqual(len(names), 25)
        for name, _ in DECIDED_OTHERWISE:
            self.assertIn(name, names)


def load_scenarios():
    file = harness.shared_dir() / FILE
    return json.loads(file.read_text())["scenarios"] if file.is_file() else []


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--times", type=int, default=Scenarios.times)
    parser.add_argument("--planted", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if options.planted:
        sys.exit(planted_faults.run(options.names))
    Scenarios.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    Scenarios.times = options.times
    print(f"seed {Scenarios.seed}", flush=True)
    SCENARIOS = [*load_scenarios(), *OWN]
    add_cases(SCENARIOS)
    wanted = [f"Scenarios.{method_of(name)}" for name in options.names]
    for scenario_name in options.names:
        if scenario_name not in {scenario["name"] for scenario in SCENARIOS}:
            parser.error(f"no scenario {scenario_name}")
    harness.main([sys.argv[0], *wanted])
