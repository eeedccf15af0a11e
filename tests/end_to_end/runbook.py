"""platform/RUNBOOK.md as a program reads it, and the operator who does what it says.

    page     = Page.read()                     sections by title: what is Seen, blocks of commands
    operator = Operator(box, folder, page)     runs a command as it stands on the page, on this box
    before   = Measures.of(box)                all that /metrics says at one instant
    alerts_that_fire({...})                    by promtool: which alerts of the rules fire on such measures

On the page a block is a run of indented lines; an empty line between two begins another, before which the operator has
something to do. `systemctl` and `journalctl` are stood in for: the box's process and its log take their place. So are
`systemd-run` and `runuser`, which change the user.
"""

import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import harness
from harness import ROOT, binary

PAGE = ROOT / "platform" / "RUNBOOK.md"
RULES = ROOT / "platform" / "monitoring" / "acbd.rules.yml"
SEEN = re.compile(r"(alert|metric|log|status|answer) `([^`]+)`")
METRIC = re.compile(r"\bacb_\w+(?:\{[^}]*\})?")
SAMPLE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)$")
LABEL = re.compile(r'(\w+)="([^"]*)"')
JOURNAL = """#!/bin/sh
# The box's log in place of the journal's; nothing is known of the kernel's.
case "$*" in
  "-u acbd -n "*" -o cat") exec tail -n "$4" "$ACB_LOG" ;;
  "-u acbd -p notice -n "*" -o cat") grep -E '"level":"(error|warning|notice)"' "$ACB_LOG" | tail -n "$6" ;;
  "-k -n "*) exit 0 ;;
  *) echo "journalctl: not stood in for: $*" >&2; exit 64 ;;
esac
"""
# As whoever runs the test: there is no user acbd here, and no systemd.
AS_ACBD = """#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in
    -u|-p) shift 2 ;;
    -*) shift ;;
    *) exec "$@" ;;
  esac
done
"""
STOP_SECONDS = 60
HEARTBEAT_SECONDS = 0.05
# One sample a minute; what grew between two looks goes on growing by the same each minute.
MINUTES = 20


@dataclass
class Section:
    title: str
    seen: list = field(default_factory=list)  # (kind, text)
    blocks: list = field(default_factory=list)  # lists of commands


class Page:
    def __init__(self, text):
        self.text = text
        self.intro = Section("")
        self.sections = {}
        section, seen = self.intro, False
        block = None
        for line in text.splitlines():
            if line.startswith("## "):
                section = Section(re.sub(r"^## (\d+\. )?", "", line))
                self.sections[section.title] = section
            if line.startswith("    ") and line.strip():
                if block is None:
                    block = []
                    section.blocks.append(block)
                block.append(line.strip())
                continue
            block = None
            seen = line.startswith("**Seen**") or (seen and line.strip())
            if seen:
                section.seen += SEEN.findall(line)

    @classmethod
    def read(cls):
        return cls(PAGE.read_text())

    @property
    def exports(self):
        """What the page has an operator set first, as {name: value}."""
        lines = [line for block in self.intro.blocks for line in block if line.startswith("export ")]
        return {name: value.strip('"') for name, value in (line[len("export "):].split("=", 1) for line in lines)}


class Measures:
    """/metrics at one instant, or of a box that does not answer."""

    def __init__(self, text, now, up):
        self.now, self.up = now, up
        self.series = {}
        self.counters = set(re.findall(r"^# TYPE (\S+) counter$", text, re.M))
        self.histograms = set(re.findall(r"^# TYPE (\S+) histogram$", text, re.M))
        for line in text.splitlines():
            match = SAMPLE.match(line)
            if match:
                self.series[match[1], match[2] or ""] = float(match[3])

    @classmethod
    def of(cls, box, now=None):
        try:
            text, up = box.get("/metrics").octets.decode(), 1
        except (OSError, harness.http.client.HTTPException):
            text, up = "", 0
        return cls(text, now or time.time(), up)

    def value(self, name, labels):
        """The sum over all that hold these labels; KeyError when there is none."""
        values = [value for (here, text), value in self.series.items()
                  if here == name and labels.items() <= dict(LABEL.findall(text)).items()]
        if not values:
            raise KeyError(f"no metric {name} {labels}")
        return sum(values)

    def holds(self, condition):
        """A condition of the page: metrics, numbers, time(), comparison."""
        values = {}

        def name_of(match):
            name, _, labels = match[0].partition("{")
            values[f"v{len(values)}"] = self.value(name, dict(LABEL.findall(labels)))
            return f"v{len(values) - 1}"

        expression = METRIC.sub(name_of, condition)
        return bool(eval(expression, {"__builtins__": {}, "time": lambda: self.now}, values))  # pylint: disable=eval-used

    def grows(self, name):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        return name in self.counters or base in self.histograms


def input_series(before, during):
    """For promtool: what was measured goes on, instants are told from the test's own beginning of time."""
    lines = [("up", 'job="acbd",instance="box"', f"{during.up}x{MINUTES}")]
    for (name, labels), value in during.series.items():
        all_labels = ",".join(part for part in (labels, 'job="acbd",instance="box"') if part)
        if during.grows(name):
            step = max(0.0, value - before.series.get((name, labels), 0.0))
            lines.append((name, all_labels, f"{value:.17g}+{step:.17g}x{MINUTES}"))
        else:
            if name.endswith(("_not_after_seconds", "_next_update_seconds")):
                value += 60 * MINUTES - during.now
            lines.append((name, all_labels, f"{value:.17g}x{MINUTES}"))
    return [{"series": f"{name}{{{labels}}}", "values": values} for name, labels, values in lines]


def alerts_that_fire(folder, cases):
    """{title: (before, during)} -> {title: names of the alerts}. promtool prints, of each group, what it got and was not
    told to expect."""
    alerts = re.findall(r"- alert: (\w+)", RULES.read_text())
    tests = [{"name": str(number), "interval": "1m", "input_series": input_series(*measures),
              "alert_rule_test": [{"eval_time": f"{MINUTES}m", "alertname": alert, "exp_alerts": []} for alert in alerts]}
             for number, measures in enumerate(cases.values())]
    fired = {}
    for number, title in enumerate(cases):
        # JSON is YAML.
        file = Path(folder) / f"case-{number}.json"
        file.write_text(json.dumps({"rule_files": [str(RULES)], "tests": [tests[number]]}))
        done = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False)
        output = done.stdout + done.stderr
        if done.returncode != 0 and "alertname" not in output:
            raise AssertionError(f"promtool on {title}: {output}")
        fired[title] = set(re.findall(r"alertname: (\w+)", output))
    return fired


@dataclass
class Done:
    command: str
    status: int
    output: str


class Operator:
    """At the box's console, with the page open."""

    def __init__(self, box, folder, page):
        self.box = box
        self.root = Path(folder) / "root"
        self.root.mkdir()
        self.env = {}
        programs = Path(folder) / "programs"
        programs.mkdir()
        for part, name in (("tools", "acbctl"), ("platform", "acbd")):
            (programs / name).symlink_to(binary(part, name))
        for name, text in (("journalctl", JOURNAL), ("runuser", AS_ACBD), ("systemd-run", AS_ACBD)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.path = f"{programs}:{os.environ['PATH']}"
        self.exports = {name: self.here(value) for name, value in page.exports.items()}

    def here(self, text):
        """The page's places are this box's."""
        pin = self.box.directory / "pin"
        for there, place in (("/etc/acbd/hsm-pin", pin), ("/etc/acbd", self.box.directory),
                             ("/var/lib/acbd", self.box.store.parent), ("/root", self.root)):
            text = text.replace(there, str(place))
        return text.replace(":8621", f":{self.box.port}")

    def run(self, command, text=""):
        if command.startswith("systemctl "):
            status, output = self._systemctl(*command.split()[1:])
        else:
            faked = ("LD_PRELOAD",)  # time and faults are the service's alone
            env = {**os.environ, **{name: value for name, value in self.box.env.items() if name not in faked},
                   **self.exports, **self.env, "PATH": self.path, "ACB_LOG": str(self.box.log_file)}
            done = subprocess.run(["bash", "-o", "pipefail", "-c", self.here(command)], input=text, env=env,
                                  cwd=self.box.directory, capture_output=True, text=True, check=False, timeout=120)
            status, output = done.returncode, done.stdout + done.stderr
        return Done(command, status, output)

    # -- systemctl --

    def _systemctl(self, act, *words):
        options, unit = words[:-1], words[-1]
        if options not in ((), ("--signal=KILL",)) or bool(options) != (act == "kill"):
            return 64, f"not stood in for: {act} {options}"
        if unit != "acbd":
            return 64, f"no unit {unit}"
        acts = {"start": self._start, "stop": self._stop, "restart": self._restart, "reload": self._reload,
                "status": self._status, "kill": self._kill, "reset-failed": lambda: (0, "")}
        return acts[act]()

    def _runs(self):
        return self.box.process is not None and self.box.process.poll() is None

    def _status(self):
        if self._runs():
            return 0, "active (running)"
        ended = "" if self.box.process is None else f", status={self.box.process.returncode}"
        return 3, f"inactive or failed{ended}"

    def _start(self):
        if not self._runs():
            self.box.close_clients()
            self.box.spawn()
        outcome = self.box.outcome()
        good = outcome is not None and outcome[0] in ("ready", "refused")
        return (0 if good else 1), f"{outcome}"

    def _stop(self):
        """As systemd: whatever status it ends with, it is stopped."""
        if self._runs():
            self.box.close_clients()
            self.box.process.send_signal(signal.SIGTERM)
            self.box.process.wait(STOP_SECONDS)
        self.box.process = None
        return 0, ""

    def _kill(self):
        self.box.kill_all()
        return 0, ""

    def _restart(self):
        self._stop()
        return self._start()

    def _reload(self):
        told = [b'"event":"reloaded"', b'"event":"reload-failed"']
        at = self.box.log_file.stat().st_size
        self.box.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + harness.READY_SECONDS
        while time.monotonic() < deadline:
            if any(event in self.box.log_file.read_bytes()[at:] for event in told):
                return 0, ""
            time.sleep(HEARTBEAT_SECONDS)
        return 1, "no line of the log says that it was reloaded"
