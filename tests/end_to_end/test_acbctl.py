#!/usr/bin/python3
"""acbctl as its caller sees it: exit 2 for what was misused, one JSON document with --json, whatever came of it.

design.md section 8 ("Every command: --json, exit 0 / 1 refused or failed / 2 usage").
"""

import json

import harness
from harness import World, binary, run, temporary_directory


def acbctl(*arguments):
    return run(binary("tools", "acbctl"), *map(str, arguments), check=False)


class Misused(harness.TestCase):
    """Nothing is read, made or asked of anybody."""

    def assert_usage(self, text, *arguments):
        done = acbctl(*arguments)
        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        self.assertIn(text, done.stderr)

    def test_provision_says_which_options_it_needs(self):
        with temporary_directory() as folder:
            box = ("provision", "--directory", folder / "box", "--environment")
            self.assert_usage("--acb-ds-certificate and --acb-ka-certificate are needed", *box, "test")
            self.assert_usage("--import-key takes ds=FILE or ka=FILE", *box, "test", "--import-key", "x.pem")
            self.assert_usage("are for --environment test only", *box, "live", "--validation-time", "2026-01-01")
            self.assertEqual(list(folder.iterdir()), [])


if __name__ == "__main__":
    harness.main()
