#!/usr/bin/python3
"""How long an export of the audit log and its verification take, how large it is, and the memory that acbd and
acb-verify need for it; acb-verify on one core.

    bench_audit_export.py [--entries N] [--connections N] [--signed N]
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import time

import harness
from harness import World, temporary_directory


def peak_kib(pid):
    """The greatest resident memory, files that are mapped included, since it was set back."""
    lines = open(f"/proc/{pid}/status", encoding="ascii").read().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmHWM", "RssAnon"))}


def fill(box, device, count):
    client = box.client("dsp")
    body = json.dumps({"purpose": "8.5"}).encode()
    for _ in range(count):
        answer = client.request("POST", f"/v1/counters/{device}/reserve", body, {"Content-Type": "application/json"})
        if answer.status != 200:
            raise SystemExit(f"no counter: {answer}")
    client.close()


def timed(command, one_core=False):
    if one_core:
        command = ["taskset", "-c", str(min(os.sched_getaffinity(0))), *command]
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{command}: {output}")
    return time.monotonic() - begin, usage, output


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--signed", type=int, default=200)
    options = parser.parse_args()
    with temporary_directory(harness.memory_directory()) as folder:
        world = World.own(folder / "own", devices=options.connections)
        box = world.box
        begin = time.monotonic()
        for number in range(options.signed):
            answer = world.submit(world.sign(world.request(device=world.devices[number % options.connections])))
            if answer.status != 200:
                raise SystemExit(f"not signed: {answer}")
        with concurrent.futures.ThreadPoolExecutor(options.connections) as pool:
            for done in [pool.submit(fill, box, device, options.entries // options.connections)
                         for device in world.devices]:
                done.result()
        print(f"filled in {time.monotonic() - begin:.0f} s", flush=True)
        with open(f"/proc/{box.process.pid}/clear_refs", "w", encoding="ascii") as refs:
            refs.write("5")
        before = peak_kib(box.process.pid)
        out = folder / "export.tar"
        seconds, _, output = timed([harness.binary("tools", "acbctl"), "--directory", str(box.directory), "--json",
                                    "audit", "export", "--redaction", "ssc", str(out)])
        told = json.loads(output)
        after = peak_kib(box.process.pid)
        print(f"export: {told['end']} entries, {out.stat().st_size / 1e6:.1f} MB, {seconds:.1f} s; acbd had "
              f"{before['VmHWM'] / 1024:.0f} MiB, at most {after['VmHWM'] / 1024:.0f} MiB "
              f"(not of files: {before['RssAnon'] / 1024:.0f}, then {after['RssAnon'] / 1024:.0f} MiB)")
        seconds, usage, output = timed([harness.binary("tools/acb-verify", "acb-verify"), str(out)], one_core=True)
        print(f"acb-verify: {seconds:.1f} s on one core ({usage.ru_utime + usage.ru_stime:.1f} s of CPU), at most "
              f"{usage.ru_maxrss / 1024:.0f} MiB")
        print(output, end="")
        box.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
