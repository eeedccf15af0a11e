#!/usr/bin/python3
"""The HSM is pulled, killed, stopped, slowed and lies, under load, again and again (issue 7, Shows 1).

    test_hsm_faults.py [--times N] [--fault NAME]

N is how often each fault strikes, 50 unless told; NAME is the only one that does. The tests' PKCS#11 shim obeys a file, so the faults come and go
while acbd runs. All the while clients ask for handovers, and one watches /healthz and a device. For each fault:
requests are answered 503 within 5 s, others go on, the box signs again within 30 s of its end. Afterwards: every
command that left is verified by the independent implementation, signature and MAC; no counter came twice on a device;
no RequestID got two commands. Prints a table, a row for each fault.
"""

import argparse
import contextlib
import os
import re
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

import harness
from harness import World, temporary_directory

FAULTS = {
    "pulled": "gone",
    "killed": "dead",
    "stopped": "hang",
    "slowed": "delay:C_DeriveKey:600000",
    "lists slowly": "delay:C_FindObjectsInit:160000",  # each below the deadline
    "signs wrongly": "wrong-signature",
    "derives wrongly": "wrong-derived",
    "token moved away": "",  # not by the shim: the directory of SoftHSM's tokens is not there for a while
}
DEADLINE_MS = 300  # shorter than a site's, so that the strikes fit into the check
CLIENTS = 3
DEVICES_EACH = 4
AFFECTED_SECONDS = 5.0
BACK_SECONDS = 30.0
CALM_SECONDS = 3.0
LOOK_SECONDS = 5.0  # of a watched endpoint, on a machine that does other things too


class Load:
    """Clients that ask for handovers until told to stop; what became of each request."""

    def __init__(self, world):
        self.world = world
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.signed = []  # (document, answer)
        self.faults = Counter()
        self.slowest = Counter()  # the longest answer during each fault
        self.wrong = []
        self.name = None  # the fault of now
        self.threads = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def counts(self):
        with self.lock:
            return len(self.signed), sum(self.faults.values())

    def _client(self, number):
        client = self.world.box.client("dsp")
        devices = self.world.devices[number * DEVICES_EACH:(number + 1) * DEVICES_EACH]
        count = 0
        document = None
        try:
            while not self.stop.is_set():
                count += 1
                # A request that got 503 is asked for again: its RequestID is open.
                if document is None:
                    request = self.world.request(device=devices[count % DEVICES_EACH]).but(
                        counter=number * 10**9 + count)
                    document = self.world.sign(request)
                name = self.name
                began = time.monotonic()
                answer = client.request("POST", "/v1/handovers", document, {"Content-Type": "application/xml"})
                took = time.monotonic() - began
                with self.lock:
                    self.slowest[name] = max(self.slowest[name], took)
                    if answer.status == 200:
                        self.signed.append((document, answer))
                        document = None
                    elif (answer.status, answer.reason) == (503, "HSM_UNAVAILABLE"):
                        self.faults[name] += 1
                        if int(answer.headers["Retry-After"]) <= 0:
                            self.wrong.append(repr(answer))
                    else:
                        self.wrong.append(repr(answer))
                        document = None
                if answer.status != 200:
                    time.sleep(0.01)
        except Exception as error:  # pylint: disable=broad-except
            with self.lock:
                self.wrong.append(repr(error))
        client.close()


class Watch:
    """What must go on: health, a device, readiness."""

    def __init__(self, world):
        self.world = world
        self.stop = threading.Event()
        self.name = None  # the fault of now
        self.took = defaultdict(list)  # seconds of each look, by fault
        self.wrong = []
        self.thread = threading.Thread(target=self._look)
        self.thread.start()

    def end(self):
        self.stop.set()
        self.thread.join()

    def _look(self):
        client = self.world.box.client("auditor")
        with contextlib.closing(client):
            while not self.stop.is_set():
                for path in ("/healthz", f"/v1/devices/{self.world.devices[0]}", "/readyz", "/metrics"):
                    began = time.monotonic()
                    try:
                        status = client.request("GET", path).status
                    except Exception as error:  # pylint: disable=broad-except
                        status = repr(error)
                    self.took[self.name].append(time.monotonic() - began)
                    if status != 200:
                        self.wrong.append((path, status))
                time.sleep(0.02)


class Stage:
    """A box with the shim, the load and the watch."""

    def __init__(self, folder):
        self.order = folder / "fault"
        self.signatures = folder / "signatures.log"
        self.world = World.own(folder, devices=CLIENTS * DEVICES_EACH, start=False, shim_log=self.signatures,
                               shim_env={"ACB_SHIM_FAULT": str(self.order)})
        self.box = self.world.box
        conf = (self.box.directory / "softhsm2.conf").read_text()
        self.tokens = Path(re.search(r"(?m)^directories.tokendir *= *(.+)$", conf)[1])
        self.away = self.tokens.with_name("away")
        self.box.configure("hsm", deadline_ms=DEADLINE_MS)
        self.box.start()
        self.world.import_own()

    def strike(self, fault):
        if not fault:
            os.rename(self.tokens, self.away)
            return
        new = self.order.with_suffix(".new")
        new.write_text(fault)
        os.replace(new, self.order)

    def lift(self):
        self.order.unlink(missing_ok=True)
        if self.away.exists():
            os.rename(self.away, self.tokens)


def of_looks(took):
    """The last two columns of the table: milliseconds."""
    p99 = sorted(took)[min(len(took) - 1, len(took) * 99 // 100)]
    return f"{p99 * 1000:>12.1f} ms{max(took) * 1000:>9.1f} ms"


def wait_for(condition, seconds):
    """Seconds until it holds; None when it did not in time."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if condition():
            return time.monotonic() - began
        time.sleep(0.005)
    return None


class TestHsmFaults(harness.TestCase):
    times = 50
    faults = FAULTS

    def test_each_fault_under_load(self):
        with temporary_directory(harness.memory_directory()) as folder:
            stage = Stage(folder)
            load, watch = Load(stage.world), Watch(stage.world)
            rows = []
            try:
                self.assertIsNotNone(wait_for(lambda: load.counts()[0] > CLIENTS, BACK_SECONDS), "it signs")
                time.sleep(CALM_SECONDS)  # what the looks take when nothing is wrong
                for name, fault in self.faults.items():
                    rows.append(self._strike_often(stage, load, watch, name, fault))
            finally:
                stage.lift()
                load.end()
                watch.end()
            self._table(rows, load, watch)
            self.assertEqual(load.wrong, [])
            self.assertEqual(watch.wrong, [])
            self.assertLess(max(load.slowest.values()), AFFECTED_SECONDS)
            self.assertLess(max(map(max, watch.took.values())), LOOK_SECONDS)
            for name in self.faults:
                self.assertGreaterEqual(load.faults[name], 1, name)
            self._check_what_left(stage, load)
            stage.box.stop()

    def _strike_often(self, stage, load, watch, name, fault):
        load.name = watch.name = name
        slowest_back = 0.0
        for strike in range(self.times):
            before = load.counts()[1]
            stage.strike(fault)
            affected = wait_for(lambda: load.counts()[1] > before, AFFECTED_SECONDS + LOOK_SECONDS)
            self.assertIsNotNone(affected, f"{name}, strike {strike}: nobody was refused\n{stage.box.log_tail()}")
            stage.lift()
            signed = load.counts()[0]
            back = wait_for(lambda: load.counts()[0] > signed, BACK_SECONDS)
            self.assertIsNotNone(back, f"{name}, strike {strike}: no signature again\n{stage.box.log_tail()}")
            slowest_back = max(slowest_back, back)
        return name, self.times, slowest_back

    def _table(self, rows, load, watch):
        print(f"{'fault':<18}{'strikes':>8}{'503':>8}{'slowest answer':>16}{'signs again after':>19}{'others: p99':>15}"
              f"{'slowest':>12}")
        for name, times, back in rows:
            print(f"{name:<18}{times:>8}{load.faults[name]:>8}{load.slowest[name]:>14.2f} s{back:>17.2f} s"
                  f"{of_looks(watch.took[name])}")
        print(f"{'none':<18}{'':>60}{of_looks(watch.took[None])}")
        print(f"{len(load.signed)} signed; {sum(map(len, watch.took.values()))} looks at other endpoints", flush=True)

    def _check_what_left(self, stage, load):
        problems = [(answer.json["request_id"] if "request_id" in answer.json else "?", found)
                    for document, answer in load.signed if (found := stage.world.problems(document, answer))]
        self.assertEqual(problems, [])
        counters = Counter((answer.json["device"], answer.counter) for _, answer in load.signed)
        self.assertEqual([one for one, count in counters.items() if count > 1], [])
        requests = Counter(document for document, _ in load.signed)
        self.assertEqual([one for one, count in requests.items() if count > 1], [])
        # Nothing lost: what left is in the log, and nothing else is there as signed.
        signed = [entry for _, entry in stage.box.audit_entries() if entry["kind"] == "signed"]
        self.assertEqual(len({entry["request_id"] for entry in signed}), len(signed))
        self.assertGreaterEqual(len(signed), len(load.signed))

    def test_a_clean_stop_while_a_call_hangs_ends(self):
        with temporary_directory(harness.memory_directory()) as folder:
            stage = Stage(folder)
            stage.world.submit(stage.world.sign(stage.world.request()))
            stage.strike("hang")
            answer = stage.world.submit(stage.world.sign(stage.world.request()))
            self.assertEqual((answer.status, answer.reason), (503, "HSM_UNAVAILABLE"))
            ready = stage.box.get("/readyz").json
            self.assertFalse(ready["can_sign"])
            self.assertIn("HSM_UNAVAILABLE", [reason["reason"] for reason in ready["reasons"]])
            self.assertEqual(stage.box.metric("acb_hsm_available"), 0)
            self.assertGreaterEqual(stage.box.metric("acb_hsm_hanging_calls"), 1)
            process, stage.box.process = stage.box.process, None
            stage.box.close_clients()
            process.terminate()
            # It could not be anchored that it stopped, and it says so.
            self.assertEqual(process.wait(harness.STOP_SECONDS), 1, stage.box.log_tail())
            self.assertIn("stop-failed", stage.box.log_file.read_text())
            stage.lift()
            stage.box.start()
            document = stage.world.sign(stage.world.request())
            self.assert_signed(stage.world, document, stage.world.submit(document))
            stage.box.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=TestHsmFaults.times)
    parser.add_argument("--fault", choices=FAULTS, metavar="NAME", help=", ".join(FAULTS))
    options, names = parser.parse_known_args()
    TestHsmFaults.times = options.times
    if options.fault:
        TestHsmFaults.faults = {options.fault: FAULTS[options.fault]}
    harness.main([sys.argv[0], *names])
