#!/usr/bin/python3
"""What an import of many devices costs: rows a second, memory, disk, and how long reads and handovers take meanwhile.

    bench_import.py [--rows N] [--in-order] [--directory DIR]

Imports a file of N devices with acbctl into a box of its own, imports it again, and starts the box anew. The generator
and the readers share the machine with the service, so the figures are a floor. Takes some 1 KB of disk a row in DIR
(default: the temporary directory).
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path

import bulk_devices
import harness
from bulk_devices import Watch
from harness import cpu_seconds

MIB = 1 << 20


def share(times, part):
    return 1000 * sorted(times)[min(len(times) - 1, int(len(times) * part))]


def report_times(what, times):
    if times:
        print(f"  {what}: {len(times)}, p50 {share(times, 0.5):.1f} ms, p99 {share(times, 0.99):.1f} ms, "
              f"longest {share(times, 1):.1f} ms", flush=True)


def run_import(world, path, rows, title):
    before = bulk_devices.store_octets(world.box)
    began, cpu = time.monotonic(), cpu_seconds(world.box.process.pid)
    acbctl = bulk_devices.start_import(world.box, path)
    with Watch(world, {"acbd": world.box.process.pid, "acbctl": acbctl.pid}) as watch:
        out, error = acbctl.communicate()
        seconds = time.monotonic() - began
    if acbctl.returncode != 0 or watch.wrong:
        raise harness.Failure(f"{title}: {out}{error}{watch.wrong[:3]}")
    grown = bulk_devices.store_octets(world.box) - before
    print(f"{title}: {out.strip()}\n  {seconds:.1f} s, {rows / seconds:.0f} rows a second; acbd took "
          f"{cpu_seconds(world.box.process.pid) - cpu:.1f} s of a core, with what it served meanwhile", flush=True)
    for name, peaks in watch.peaks.items():
        print(f"  {name}: " + ", ".join(f"{what} {octets / MIB:.1f} MiB" for what, octets in sorted(peaks.items())))
    print(f"  store: {grown / rows:.1f} octets a device")
    report_times("reads of a device", watch.reads)
    report_times("handovers", watch.handovers)


def generate(path, pki, rows, in_order):
    os.nice(5)
    bulk_devices.write_devices(path, pki, rows, in_order)


def bench(folder, rows, in_order):
    world = harness.World.own(folder / "own")
    path = folder / "devices.csv"
    began = time.monotonic()
    generator = multiprocessing.get_context("fork").Process(target=generate, args=(path, world.pki, rows, in_order))
    generator.start()
    generator.join()
    size = path.stat().st_size
    print(f"{rows} rows, {size / rows:.0f} octets each, written in {time.monotonic() - began:.0f} s", flush=True)
    run_import(world, path, rows, "first import")
    if rows != sum(world.box.device(bulk_devices.device_id(n))["device"] is not None for n in (0, rows - 1)) + rows - 2:
        raise harness.Failure("a device is not there")
    run_import(world, path, rows, "the same again")
    world.box.stop()
    began = time.monotonic()
    world.box.start()
    print(f"ready {time.monotonic() - began:.2f} s after a restart; data.mdb "
          f"{os.path.getsize(folder / 'own' / 'box' / 'store' / 'data.mdb') / MIB:.0f} MiB")
    world.box.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--in-order", action="store_true", help="the file is sorted by device")
    parser.add_argument("--directory", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="acb-bench-", dir=options.directory) as folder:
        bench(Path(folder), options.rows, options.in_order)


if __name__ == "__main__":
    sys.exit(main())
