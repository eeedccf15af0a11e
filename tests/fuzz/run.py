#!/usr/bin/python3
"""Runs the fuzz targets, each for some seconds, and says what they found.

    run.py [--seconds N] [--jobs N] [--build DIRECTORY] [TARGET...]

Build them first: cmake --preset fuzz && cmake --build --preset fuzz. Each target starts from the seeds of
make_seeds.py (made anew at each run) and from the corpus that earlier runs kept (BUILD/fuzz-work/corpus).

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
# Small parsers: the CSV reader and the row of one feed have some hundred edges in all. Without instrumentation
# libFuzzer counts fewer than 10.
LEAST_EDGES_OF = {"parties": 150, "registrations": 150, "mpan_prefixes": 100, "working_days": 100,
                  "certified_products": 100, "proxy_certificates": 150, "repository_status": 100, "bundle": 150}
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

    def command(self, target, findings):
        corpus = self.work / "corpus" / target
        seeds = self.work / "seeds" / target
        for folder in (corpus, seeds, findings):
            folder.mkdir(parents=True, exist_ok=True)
        command = [str(self.programs / (PREFIX + target)), str(corpus), str(seeds),
                   f"-max_total_time={self.seconds}", f"-timeout={TIMEOUT_SECONDS}",
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

    def run(self, target):
        """Whether the target is good; prints what it did."""
        findings = self.work / "findings" / target
        command = self.command(target, findings)
        before = set(findings.iterdir())
        log = self.work / f"{target}.log"
        with log.open("wb") as out:
            status = subprocess.run(command, env=self.environment(), stdin=subprocess.DEVNULL, stdout=out,
                                    stderr=subprocess.STDOUT, check=False).returncode
        text = log.read_text(errors="replace")
        found = sorted(path for path in set(findings.iterdir()) - before if path.name.startswith(FINDINGS))
        runs = number(r"stat::number_of_executed_units:\s*(\d+)", text)
        rate = number(r"stat::average_exec_per_sec:\s*(\d+)", text)
        edges = number(r"cov: (\d+)", text)
        features = number(r"ft: (\d+)", text)
        least = LEAST_EDGES_OF.get(target, LEAST_EDGES)
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
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "fuzz")
    parser.add_argument("targets", nargs="*")
    arguments = parser.parse_args()
    runner = Runner(arguments.build.resolve(), arguments.seconds)
    built = runner.targets()
    unknown = sorted(set(arguments.targets) - set(built))
    if unknown or not built:
        print(f"not built: {', '.join(unknown) or 'any target'} (cmake --preset fuzz, cmake --build --preset fuzz)")
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
