#!/usr/bin/python3
"""Eight connections for some seconds: every request is answered 200, and a sample of the answers is verified.

    test_load.py [--seconds N]

Prints the handovers a second. The client shares the machine with the service, so the figure is a floor, not a bench.
Each connection is a process of its own, since Python signs and speaks TLS on one core only.
"""

import argparse
import multiprocessing
import sys
import time

import harness
from harness import World, temporary_directory

CONNECTIONS = 8
DEVICES_EACH = 8
CHECKED_EACH = 25
REPORTED = 3


def connection(world, number, seconds, barrier, results):
    """One client: its own devices, so that no request waits for another's reservation of the same device."""
    devices = world.devices[number * DEVICES_EACH : (number + 1) * DEVICES_EACH]
    client = world.box.client("dsp")
    client.request("GET", "/healthz")
    sample, wrong, latencies = [], [], []
    barrier.wait()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        count = len(latencies)
        request = world.request(device=devices[count % DEVICES_EACH],
                                role=("Supplier", "NetworkOperator")[count % 2]).but(counter=number * 10**9 + count)
        document = world.sign(request)
        began = time.monotonic()
        answer = client.request("POST", "/v1/handovers", document, {"Content-Type": "application/xml"})
        latencies.append(time.monotonic() - began)
        if answer.status != 200:
            wrong.append(repr(answer))
        elif count % 50 == 0 and len(sample) < CHECKED_EACH:
            sample.append((document, answer))
    for document, answer in sample:
        wrong += world.problems(document, answer)
    results.put((len(latencies), len(sample), wrong[:REPORTED], len(wrong), latencies))


class TestLoad(harness.TestCase):
    seconds = 10.0

    def test_every_request_is_answered(self):
        with temporary_directory() as folder:
            world = World.own(folder, devices=CONNECTIONS * DEVICES_EACH)
            signatures = world.box.metric("acb_hsm_sign_total")
            world.box.close_clients()
            context = multiprocessing.get_context("fork")
            barrier, results = context.Barrier(CONNECTIONS), context.Queue()
            processes = [context.Process(target=connection, args=(world, number, self.seconds, barrier, results))
                         for number in range(CONNECTIONS)]
            for process in processes:
                process.start()
            outcomes = [results.get(timeout=self.seconds + 120) for _ in processes]
            for process in processes:
                process.join()
            count, checked = (sum(outcome[i] for outcome in outcomes) for i in (0, 1))
            wrong = [text for outcome in outcomes for text in outcome[2]]
            latencies = sorted(latency for outcome in outcomes for latency in outcome[4])
            print(f"{count} handovers in {self.seconds:g} s: {count / self.seconds:.0f} handovers a second, "
                  f"p50 {1000 * latencies[len(latencies) // 2]:.1f} ms, "
                  f"p99 {1000 * latencies[len(latencies) * 99 // 100]:.1f} ms; {checked} answers verified")
            self.assertEqual(wrong, [])
            self.assertEqual(sum(outcome[3] for outcome in outcomes), 0)
            self.assertGreaterEqual(checked, CONNECTIONS)
            self.assertEqual(world.box.metric("acb_hsm_sign_total"), signatures + count)
            self.assertEqual(world.box.metric("acb_handovers_total", outcome="signed"), count)
            counters = [int(entry["originator_counter"]) for _, entry in world.box.audit_entries()
                        if entry["kind"] == "signed"]
            self.assertEqual(len(counters), count)
            world.box.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=TestLoad.seconds)
    options, names = parser.parse_known_args()
    TestLoad.seconds = options.seconds
    harness.main([sys.argv[0], *names])
