#!/usr/bin/python3
"""Runs the fuzz targets, each for some seconds, and says what they found.

    run.py [--seconds N] [--jobs N] [--build DIRECTORY] [TARGET...]

Build them first: cmake --preset asan && cmake --build --preset asan --target fuzz_targets. Each target starts from
the seeds of make_seeds.py (made anew at each run) and from the corpus that earlier runs kept (BUILD/fuzz-work/corpus).

A target fails when it finds something (crash, broken promise, leak, more than 1 s for one input, more than 2 GiB),
and when it covers so few edges that it cannot have been instrumented. The last line is 'N passed, N failed'.
"""

import argparse
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import make_seeds

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "fuzz_"
# F13: no input takes longer, or more.
TIMEOUT_SECONDS = 1
RSS_LIMIT_MB = 2048
LEAST_EDGES = 500
# Small parsers: base64 and PEM, the container of an export, and the CSV reader with the row of one feed, have some
# hundred edges in all (bundle 320, audit_container 430, registrations 650 after 5 s). Without instrumentation
# libFuzzer counts fewer than 10.
LEAST_EDGES_OF = {"audit_container": 300, "bundle": 250, "mpan_prefixes": 300, "working_days": 300,
                  "certified_products": 300, "proxy_certificates": 300, "repository_status": 300}
# From nothing a DER parser gets no further than its first fields within seconds.
LEAST_EDGES_FROM_NOTHING = 100
FINDINGS = ("crash-", "leak-", "timeout-", "oom-")


def number(pattern, text):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


class Runner:
    def __init__(self, build, seconds):
        self.programs = build / "tests" / "fuzz"
        self.work = build / "fuzz-work"
        self.seconds = seconds
        self.print_lock = threading.Lock()

    def targets(self):
        return sorted(path.name[len(PREFIX):] for path in self.programs.glob(PREFIX + "*")
                      if path.is_file() and os.access(path, os.X_OK))

    def command(self, target, findings, seconds):
        corpus = self.work / "corpus" / target
        seeds = self.work / "seeds" / target
        for folder in (corpus, seeds, findings):
            folder.mkdir(parents=True, exist_ok=True)
        command = [str(self.programs / (PREFIX + target)), str(corpus), str(seeds),
                   f"-max_total_time={seconds}", f"-timeout={TIMEOUT_SECONDS}",
                   f"-rss_limit_mb={RSS_LIMIT_MB}", "-print_final_stats=1",
                   f"-max_len={make_seeds.MAX_OCTETS.get(target, make_seeds.MAX_OCTETS_OTHER)}",
                   f"-artifact_prefix={findings}/"]
        dictionary = self.work / "dictionaries" / f"{target}.dict"
        if dictionary.is_file():
            command.append(f"-dict={dictionary}")
        return command

    def environment(self):
        return dict(os.environ, ACB_FUZZ_CERTIFICATES=str(self.work / "certificates"),
                    ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1",
                    UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")

    def is_slow(self, command, finding):
        """Whether the input really takes the time: libFuzzer's clock runs on while the machine does something else."""
        return (self.processor_seconds([command[0], "-timeout=60", str(finding)])
                - self.processor_seconds([command[0], os.devnull]) > TIMEOUT_SECONDS)

    def processor_seconds(self, command):
        with subprocess.Popen(command, env=self.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_utime + usage.ru_stime

    def run_once(self, command, findings, log):
        """One process: its status, its output, what it found."""
        before = set(findings.iterdir())
        with log.open("wb") as out:
            status = subprocess.run(command, env=self.environment(), stdin=subprocess.DEVNULL, stdout=out,
                                    stderr=subprocess.STDOUT, check=False).returncode
        found = sorted(path for path in set(findings.iterdir()) - before if path.name.startswith(FINDINGS))
        return status, log.read_text(errors="replace"), found

    def run(self, target):
        """Whether the target is good; prints what it did."""
        findings = self.work / "findings" / target
        log = self.work / f"{target}.log"
        began = time.monotonic()
        runs = edges = features = 0
        while True:
            left = self.seconds - int(time.monotonic() - began)
            command = self.command(target, findings, max(left, 1))
            status, text, found = self.run_once(command, findings, log)
            runs += number(r"stat::number_of_executed_units:\s*(\d+)", text)
            edges = max(edges, number(r"cov: (\d+)", text))
            features = max(features, number(r"ft: (\d+)", text))
            timeouts = [path for path in found if path.name.startswith("timeout-")]
            if not found or found != timeouts or any(self.is_slow(command, path) for path in timeouts):
                break
            # The machine was busy, the input is not slow: go on.
            for path in timeouts:
                path.unlink()
            status, found = 0, []
            if self.seconds - (time.monotonic() - began) < 1:
                break
        rate = int(runs / max(time.monotonic() - began, 1))
        seeded = any((self.work / "seeds" / target).iterdir())
        least = LEAST_EDGES_OF.get(target, LEAST_EDGES) if seeded else LEAST_EDGES_FROM_NOTHING
        problems = [f"found {path}\n    again: {command[0]} {path}" for path in found]
        if status != 0 and not found:
            problems.append(f"ended with status {status}")
        if edges < least:
            problems.append(f"{edges} edges covered, {least} expected: is it instrumented?")
        with self.print_lock:
            print(f"{target}: {runs} executions, {rate}/s, cov {edges}, features {features}, findings {len(found)}")
            for problem in problems:
                print(f"  {problem}\n    (log: {log})")
            sys.stdout.flush()
        return not problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "asan")
    parser.add_argument("targets", nargs="*")
    arguments = parser.parse_args()
    runner = Runner(arguments.build.resolve(), arguments.seconds)
    built = runner.targets()
    unknown = sorted(set(arguments.targets) - set(built))
    if unknown or not built:
        print(f"not built: {', '.join(unknown) or 'any target'} (cmake --preset asan, cmake --build --preset asan --target fuzz_targets)")
        return 2
    runner.work.mkdir(parents=True, exist_ok=True)
    made = subprocess.run([sys.executable, "-B", make_seeds.__file__, str(runner.work)], check=False)
    if made.returncode != 0:
        print("the seeds could not be made")
        return 1
    began = time.monotonic()
    with ThreadPoolExecutor(max(1, arguments.jobs)) as pool:
        results = list(pool.map(runner.run, arguments.targets or built))
    print(f"{len(results)} targets, {arguments.seconds} s each, {time.monotonic() - began:.0f} s in all")
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
