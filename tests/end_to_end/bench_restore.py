#!/usr/bin/python3
"""The restore drill (R-SEC3-78, reliability.md F21): backup of a large running store, restore, recovery, first counters.

    bench_restore.py [--devices N] [--directory DIR]

Prints figures; fails when a step does or when a counter after it is not above every one before.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import bulk_devices
import harness
from test_backup import BASE, KeptWorld, acbctl

MIB = 1024 * 1024


def timed(what, work):
    began = time.monotonic()
    result = work()
    print(f"{what}: {time.monotonic() - began:.2f} s", flush=True)
    return result


def need(done):
    if done.returncode != 0:
        raise harness.Failure(done.stdout + done.stderr)
    return json.loads(done.stdout)


def sign(world):
    counters = []
    for device in world.devices:
        answer = world.submit(world.sign(world.request(device=device)))
        if answer.status != 200:
            raise harness.Failure(repr(answer))
        counters.append(answer.counter)
    return counters


def import_devices(world, path):
    out, error = bulk_devices.start_import(world.box, path).communicate()
    if not out.startswith("imported"):
        raise harness.Failure(out + error)


def drill(folder, devices):
    world = KeptWorld.own(folder / "own")
    box, backup, csv = world.box, folder / "box.backup", folder / "devices.csv"
    bulk_devices.write_devices(csv, world.pki, devices, in_order=True)
    timed(f"import of {devices} devices", lambda: import_devices(world, csv))
    before = sign(world)
    with bulk_devices.Watch(world, {"acbd": box.process.pid}) as watch:
        told = timed("backup while handovers are signed",
                     lambda: need(acbctl("--directory", box.directory, "backup", "--out", backup)))
    slowest = max(watch.handovers, default=0)
    print(f"  {int(told['octets']) / MIB:.0f} MiB; {len(watch.handovers)} handovers meanwhile, longest "
          f"{1000 * slowest:.0f} ms; acbd {watch.peaks['acbd']}")
    world.import_devices(world.rows)  # anchored at once: the backup is older than its anchor now
    before += sign(world)
    box.kill()
    shutil.rmtree(box.directory / "store")
    restored = timed("restore", lambda: need(acbctl(
        "restore", backup, "--key", box.directory / "tls" / "backup-private.pem", "--config", box.config, "--recover")))
    print(f"  {restored['signing']}")
    if "until it is recovered" in restored["signing"]:
        proof = [word for name in ("operator", "operator2") for word in ("--as", box.directory / "tls" / f"{name}.pem")]
        timed("recovery with a base", lambda: need(acbctl(
            "recover", "--config", box.config, "--base", BASE, "--reason", "drill", *proof)))
    timed("start", box.start)
    if "until it is recovered" in restored["signing"]:
        world.import_devices(world.rows)
    after = timed("first counters", lambda: sign(world))
    print(f"  before {sorted(before)[-4:]}, after {after}")
    if min(after) <= max(before):
        raise harness.Failure("a counter is not above those before")
    box.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=1_000_000)
    parser.add_argument("--directory", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="acb-drill-", dir=options.directory) as folder:
        drill(Path(folder), options.devices)


if __name__ == "__main__":
    sys.exit(main())
