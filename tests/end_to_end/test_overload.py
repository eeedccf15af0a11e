#!/usr/bin/python3
"""Ten times as many clients as the box has places for: each request is answered, by the command or by 503 with
Retry-After over a connection that stays open; whoever asks again is served; no counter comes twice.

The HSM is slow (tests' shim), so that the places are taken on any machine. Nothing here is timed.
"""

import threading
import time
from collections import Counter

import harness
from harness import World, temporary_directory

AT_ONCE, WAITING = 2, 2
CLIENTS = 10 * (AT_ONCE + WAITING)
REQUESTS_EACH = 2
SLOW_US = 60_000
WAIT_MS = 50
PAUSE_SECONDS = 0.2  # shorter than Retry-After says: impatient clients
MOST_TRIES = 1000


class Crowd:
    """Clients that each send their requests one after the other, over one connection, until all are answered."""

    def __init__(self, world, clients):
        self.world = world
        self.lock = threading.Lock()
        self.signed = []  # (document, answer)
        self.refused = []
        self.wrong = []
        self.threads = [threading.Thread(target=self._client, args=(number,)) for number in range(clients)]

    def run(self):
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()

    def _client(self, number):
        client = self.world.box.client("dsp")
        try:
            for count in range(REQUESTS_EACH):
                request = self.world.request(device=self.world.devices[number]).but(counter=number * 1000 + count + 1)
                self._until_signed(client, self.world.sign(request))
        except Exception as error:  # pylint: disable=broad-except
            with self.lock:
                self.wrong.append(repr(error))
        client.close()

    def _until_signed(self, client, document):
        connection = None
        for _ in range(MOST_TRIES):
            answer = client.request("POST", "/v1/handovers", document, {"Content-Type": "application/xml"})
            # The same one each time: a 503 closes nothing.
            if connection is not None and client.connection.sock is not connection:
                raise AssertionError("another connection was needed")
            connection = client.connection.sock
            with self.lock:
                (self.signed.append((document, answer)) if answer.status == 200 else self.refused.append(answer))
            if answer.status != 503:
                return
            time.sleep(PAUSE_SECONDS)
        raise AssertionError("never served")


class TestOverload(harness.TestCase):
    def test_ten_times_the_clients(self):
        with temporary_directory() as folder:
            world = World.own(folder, devices=CLIENTS, start=False, shim_log=folder / "signatures.log",
                              shim_env={"ACB_SHIM_SIGN_DELAY_US": str(SLOW_US)})
            world.box.configure("limits", handovers_at_once=AT_ONCE, handovers_waiting=WAITING, handover_wait_ms=WAIT_MS)
            world.box.start()
            world.import_own()
            before = world.box.metric("acb_hsm_sign_total")
            crowd = Crowd(world, CLIENTS)
            crowd.run()
            self.assertEqual(world.box.metric("acb_hsm_sign_total"), before + len(crowd.signed))
            self.assertEqual(crowd.wrong, [])
            self.assertEqual(len(crowd.signed), CLIENTS * REQUESTS_EACH)
            self.assertGreater(len(crowd.refused), 0)
            for answer in crowd.refused:
                self.assertEqual((answer.status, answer.reason), (503, "BUSY"))
                self.assertGreater(int(answer.headers["Retry-After"]), 0)
                self.assertNotEqual(answer.headers["Connection"], "close")
            for document, answer in crowd.signed:
                self.assert_signed(world, document, answer)
            counters = Counter((answer.json["device"], answer.counter) for _, answer in crowd.signed)
            self.assertEqual(max(counters.values()), 1)
            self.check_what_the_box_says(world, crowd)
            world.box.stop()

    def check_what_the_box_says(self, world, crowd):
        """What was refused was not begun: no counter, no entry."""
        box = world.box
        self.assertEqual(box.metric("acb_shed_total", work="handovers"), len(crowd.refused))
        self.assertEqual(box.metric("acb_handovers_total", outcome="signed"), len(crowd.signed))
        self.assertEqual(box.metric("acb_handovers_total", outcome="fault"), 0)
        self.assertEqual(box.metric("acb_work_in_progress"), 0)
        self.assertEqual(box.metric("acb_work_waiting"), 0)
        kinds = Counter(entry["kind"] for _, entry in box.audit_entries())
        self.assertEqual(kinds["signed"], len(crowd.signed))
        self.assertEqual(kinds["refused"], 0)

    def test_others_are_served_meanwhile(self):
        """While all places of handovers are taken: readiness, metrics and a device at once; an observation is judged."""
        with temporary_directory() as folder:
            world = World.own(folder, devices=CLIENTS, start=False, shim_log=folder / "signatures.log",
                              shim_env={"ACB_SHIM_SIGN_DELAY_US": str(SLOW_US)})
            world.box.configure("limits", handovers_at_once=1, handovers_waiting=0)
            world.box.start()
            world.import_own()
            crowd = Crowd(world, CLIENTS)
            runner = threading.Thread(target=crowd.run)
            runner.start()
            northbound = world.box.client("northbound")
            looks = 0
            while runner.is_alive():
                self.assertEqual(world.box.get("/readyz").status, 200)
                self.assertEqual(world.box.get(f"/v1/devices/{world.devices[0]}").status, 200)
                answer = northbound.request("POST", "/v1/observations", b"{}", {"Content-Type": "application/json"})
                self.assertEqual(answer.status, 400, answer)
                looks += 1
            runner.join()
            self.assertEqual(crowd.wrong, [])
            self.assertGreater(looks, 0)
            self.assertEqual(world.box.metric("acb_shed_total", work="observations"), 0)
            northbound.close()
            world.box.stop()


if __name__ == "__main__":
    harness.main()
