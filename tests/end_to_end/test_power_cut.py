#!/usr/bin/python3
"""Loss of power at a random moment of a recorded run, over and over: P1, P2, P4, P5 (F3; power_cut.py).

    test_power_cut.py [--images N] [--starts N] [--long] [--seed N]

One run of the unmodified service is recorded: start, imports, handovers and refusals from several connections,
operators' acts, stop. From it images of the disk are made: the crash is right when an answer leaves, right at a sync,
or anywhere; what was not yet synced is kept, lost, kept in part, or torn. Each image is opened by check_store, which
reads every record and looks for everything that had been told by then. In some of them acbd is started: it has to
answer as before, and sign with a greater counter.

The control: the same recording with the syncs struck out, or with the durable writes struck out, has to fail.
"""

import argparse
import collections
import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import harness
from fault_books import Books, normalised
from fault_cases import GONE, UNKNOWN_DEVICE, XML
from fault_shim import RECORD, FaultShim
from harness import World, binary, duis_sign, gbcs_reference, temporary_directory
from power_cut import SIGNATURES, TOKENS, WAYS, Disk, Recording

REQUESTS = 250  # handovers, of which some are retried and some refused
CONNECTIONS = 6
DEVICES = 12
FLOOR, RAISED_FLOOR = 1300, 9000
RETRY_SHARE, REFUSAL_SHARE = 0.15, 0.1
# Syncs struck out, and the images made: a durable write that is none counts only until the next sync.
CONTROLS = {("sync",): 24, ("durable write",): 100, ("sync", "durable write"): 24}
RETRIED_IN_A_START = 5
CHECK_SECONDS = 20
REPORTED = 10


class Told:
    """What was told to a client: true in every image from the record `left` on. `line` is for check_store."""

    def __init__(self, left, lines, answer=None, counter=None):
        self.left, self.lines = left, lines
        self.answer = answer  # (request id, command) of a signed one
        self.counter = counter  # (device, counter)


class Run:
    """The recorded run."""

    def __init__(self, folder, seed):
        self.folder = folder
        self.generator = random.Random(f"{seed}/run")
        self.books = Books()
        self.lock = threading.Lock()
        self.seen = []  # (port, records, lines, answer, counter) of what was told
        self.remaining = REQUESTS
        self.shim = FaultShim(folder / "shim")
        self.world = World.own(folder, devices=DEVICES, floor=FLOOR, start=False,
                               shim_log=folder / "box" / SIGNATURES)
        self.box = self.world.box
        self.base = folder / "base"
        shutil.copytree(self.box.directory, self.base)
        self._run()
        self.recording = Recording(self.shim.record_file, self.box.directory)
        self.told = sorted((Told(self.recording.left_at(port, records), lines, answer, counter)
                            for port, records, lines, answer, counter in self.seen), key=lambda told: told.left)
        self.spent = self._spent()

    def _run(self):
        self.shim.record()
        self.box.start(self.shim.environment(self.box))
        self.world.import_own()
        self.tell(self.box._client("feed"), self.floor_lines(FLOOR))  # pylint: disable=protected-access
        self.first_request = self.shim.records
        threads = [threading.Thread(target=self._load, args=(random.Random(self.generator.random()),))
                   for _ in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for share, act in ((0.7, self._certificates), (0.5, self._raise_floors), (0.3, self._operate)):
            while self.remaining > REQUESTS * share and any(thread.is_alive() for thread in threads):
                time.sleep(0.002)
            act()
        for thread in threads:
            thread.join()
        self.entries = [entry for _, entry in self.box.audit_entries()]
        self.box.stop()
        self.shim.disarm()

    # -- what is sent --

    def tell(self, client, lines, answer=None, counter=None):
        records = self.shim.records
        socket = client.connection.sock if client.connection else None
        port = socket.getsockname()[1] if socket else None
        with self.lock:
            self.seen.append((port, records, lines, answer, counter))

    def _load(self, generator):
        client = self.world.box.client("dsp")
        try:
            while self._one_more():
                draw = generator.random()
                if draw < REFUSAL_SHARE:
                    self._refusal(client)
                elif draw < REFUSAL_SHARE + RETRY_SHARE and (earlier := self.books.earlier(generator)):
                    self._send(client, *earlier)
                else:
                    self._handover(client, generator)
        except Exception as error:  # pylint: disable=broad-except
            self.books.complain(f"the load ended with {error!r}")
        finally:
            client.close()

    def _one_more(self):
        with self.lock:
            self.remaining -= 1
            return self.remaining >= 0

    def _handover(self, client, generator):
        with self.books.lock:
            request = self.world.request(device=generator.choice(self.world.devices),
                                         role=generator.choice(["Supplier", "NetworkOperator"]))
        document = self.world.sign(request)
        request_id = normalised(request.request_id)
        self.books.send(request_id, document, gbcs_reference.Handover(
            request.originator, request.device, request.counter, request.role, request.floor, request.top_up_floor,
            request.digital_signing, request.key_agreement, request.key_agreement_top_up, request.path, True))
        self._send(client, request_id, document)

    def _send(self, client, request_id, document):
        answer = client.request("POST", "/v1/handovers", document, XML)
        self.books.receive(request_id, answer)
        if answer.status != 200:
            return
        body = answer.json
        device = self.books.requests[request_id].device
        self.tell(client, [f"answer {body['request_id']} {answer.counter} {hashlib.sha256(answer.command).hexdigest()}",
                           f"counter {device} {answer.counter}",
                           f"entry {body['audit']['index']} {body['audit']['leaf']}"],
                  (request_id, answer.command), (device, answer.counter))

    def _refusal(self, client):
        with self.books.lock:
            request = self.world.request(device=UNKNOWN_DEVICE)
        answer = client.request("POST", "/v1/handovers", self.world.sign(request), XML)
        if answer.reason != "DEVICE_UNKNOWN":
            self.books.complain(f"{answer} for DEVICE_UNKNOWN")
            return
        body = answer.json
        self.tell(client, [f"refused {body['request_id']}", f"entry {body['audit']['index']} {body['audit']['leaf']}"])

    def _feed(self, name, data, lines=()):
        client = self.box.client("feed")
        kind = "application/octet-stream" if "CERTIFICATE" in data else "text/csv"
        answer = client.request("POST", f"/v1/feeds/{name}", data.encode(), {"Content-Type": kind})
        if answer.status != 200:
            self.books.complain(f"feed {name}: {answer}")
        else:
            audit = answer.json["audit"]
            self.tell(client, [*lines, f"entry {audit['index']} {audit['leaf']}"])
        client.close()

    def _certificates(self):
        data = self.world.pki.feed("organisation-certificates")
        self._feed("organisation-certificates", data if isinstance(data, str) else data.decode())

    def floor_lines(self, floor):
        return [f"floor {device} {floor}" for device in self.world.devices]

    def _raise_floors(self):
        lines = ["device_id,type,smets,model,smi_status,commissioned,mpxn,key_agreement_certificate,supplier_cell,"
                 "supplier_floor,network_operator_cell,network_operator_floor"]
        for number, device in enumerate(self.world.devices):
            lines.append(f"{duis_sign.hyphenated(device)},GPF,SMETS2,model,Commissioned,2020-01-01,"
                         f"{3938420000 + number},,acb,{RAISED_FLOOR},acb,{RAISED_FLOOR}")
        self._feed("devices", "\n".join(lines) + "\n", self.floor_lines(RAISED_FLOOR))

    def _operate(self):
        order = {"scope": "device", "subject": "00-DB-12-34-56-7A-FF-FE", "action": "suspend", "authority": "PMA 7"}
        for role, action in (("operator", "suspend"), ("operator", "lift"), ("operator2", "lift")):
            client = self.box.client(role)
            answer = client.request("POST", "/v1/suspension", json.dumps({**order, "action": action}),
                                    {"Content-Type": "application/json"})
            if answer.status not in (200, 202):
                self.books.complain(f"{action}: {answer}")
            elif "audit" in answer.json:
                audit = answer.json["audit"]
                self.tell(client, [f"entry {audit['index']} {audit['leaf']}"])
            client.close()

    # -- what the token signed --

    def _spent(self):
        """(record, device, counter) of each signature with the DS key, known by its digest from the log's end."""
        known = {}
        for entry in self.entries:
            if entry["kind"] in ("signed", "abandoned"):
                handover = self.books.requests[normalised(entry["request_id"])]
                counter = int(entry["originator_counter"])
                octets = gbcs_reference.build_to_be_signed(handover, self.world.acb, counter)
                known[hashlib.sha256(octets).hexdigest()] = (handover.device, counter)
        spent = []
        for number, key, digest in self.recording.signatures():
            if key != "acb-ds" or number <= self.first_request:
                continue  # of the start's known-answer test
            if digest in known:
                spent.append((number, *known[digest]))
            else:
                self.books.complain(f"record {number}: a signature of no counter that the log accounts for")
        return spent


class Truth:
    """What has to be true at a crash; crashes in order."""

    def __init__(self, run):
        self.run = run
        self._told = iter(run.told)
        self._next = next(self._told, None)
        self._spent = iter(run.spent)
        self._next_spent = next(self._spent, None)
        self.lines = []
        self.answers = []
        self.counters = {}

    def advance(self, number):
        while self._next and self._next.left <= number:
            self.lines += [line for line in self._next.lines if not line.startswith("counter")]
            if self._next.answer:
                self.answers.append(self._next.answer)
                self._count(*self._next.counter)
            self._next = next(self._told, None)
        while self._next_spent and self._next_spent[0] <= number:
            self._count(*self._next_spent[1:])
            self._next_spent = next(self._spent, None)

    def _count(self, device, counter):
        self.counters[device] = max(counter, self.counters.get(device, 0))

    def text(self):
        return [*self.lines, *(f"counter {device} {counter}" for device, counter in self.counters.items())]


class CheckStore:
    """The helper program, started again when an image ends it."""

    def __init__(self):
        self.process = None

    def problems(self, directory, lines):
        if self.process is None:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [binary("tests/store", "check_store")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        watch = threading.Timer(CHECK_SECONDS, self.process.kill)
        watch.start()
        try:
            self.process.stdin.write("\n".join([f"store {directory}", *lines, "end"]) + "\n")
            self.process.stdin.flush()
            found = []
            while (line := self.process.stdout.readline()) and not line.startswith("done"):
                found.append(line.strip())
        except BrokenPipeError:
            found, line = [], ""
        finally:
            watch.cancel()
        if not line:
            found.append(f"PROBLEM check_store ended with {self.process.wait()}")
            self.process = None
        return found

    def close(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()


class PowerCut(harness.TestCase):
    images = 1500
    starts = 25
    seed = None

    @classmethod
    def setUpClass(cls):
        seed = random.SystemRandom().randrange(1 << 32) if cls.seed is None else cls.seed
        print(f"seed {seed}", flush=True)
        cls.chosen = seed
        cls.folder = cls.enterClassContext(temporary_directory(harness.memory_directory()))
        cls.run_ = Run(cls.folder, seed)
        cls.addClassCleanup(cls.run_.box.kill_all)
        run = cls.run_
        print(f"recorded: {len(run.recording)} records, {len(run.recording.syncs())} syncs, {len(run.told)} answers, "
              f"{len(run.spent)} signatures, {dict(run.books.statuses)}", flush=True)

    def crashes(self, count, generator):
        """Numbers of records, in order: half when an answer leaves, a quarter at a sync, a quarter anywhere."""
        run = self.run_
        leaving = [told.left for told in run.told]
        syncs = run.recording.syncs()
        chosen = []
        for i in range(count):
            if i % 4 < 2:
                chosen.append(generator.choice(leaving))
            elif i % 4 == 2:
                chosen.append(max(1, generator.choice(syncs) - generator.randrange(2)))
            else:
                chosen.append(generator.randrange(1, len(run.recording) + 1))
        return sorted(chosen)

    def light(self, count, without=()):
        """Problems of `count` images, as (crash, way, problem)."""
        generator = random.Random(f"{self.chosen}/{count}/{without}")
        disk, truth, checker = Disk(self.run_.base, self.run_.recording, without), Truth(self.run_), CheckStore()
        found, ways = [], collections.Counter()
        place = self.folder / "image"
        try:
            for i, crash in enumerate(self.crashes(count, generator)):
                disk.advance(crash)
                truth.advance(crash)
                way = WAYS[i % len(WAYS)]
                ways[way] += 1
                shutil.rmtree(place, ignore_errors=True)
                disk.write(place, way, generator, strict=generator.random() < 0.5, only="store/")
                found += [(crash, way, problem) for problem in checker.problems(place / "store", truth.text())]
        finally:
            checker.close()
            shutil.rmtree(place, ignore_errors=True)
        return found, ways

    def report(self, found):
        for crash, way, problem in found[:REPORTED]:
            print(f"record {crash}, {way}: {problem}")

    def test_the_run_itself_kept_its_promises(self):
        self.assertEqual(self.run_.books.problems, [])
        self.assertGreater(len(self.run_.books.answers), REQUESTS // 4)
        self.assertGreaterEqual(len(self.run_.spent), len(self.run_.books.answers))

    def test_nothing_told_is_lost_in_any_image(self):
        began = time.monotonic()
        found, ways = self.light(self.images)
        print(f"{self.images} images {dict(ways)} in {time.monotonic() - began:.1f} s: {len(found)} problems")
        self.report(found)
        self.assertEqual(len(found), 0, f"seed {self.chosen}: {found[:1]}")

    def test_control_a_recording_without_syncs_fails(self):
        for without, images in CONTROLS.items():
            with self.subTest(without=without):
                found, _ = self.light(images, without)
                crashes = {crash for crash, _, _ in found}
                print(f"without {' and '.join(without)}: {len(crashes)} of {images} images fail")
                self.assertGreater(len(crashes), 0)

    def test_acbd_starts_in_an_image_and_signs_above_all_that_was(self):
        generator = random.Random(f"{self.chosen}/starts")
        run, found, began = self.run_, [], time.monotonic()
        disk, truth = Disk(run.base, run.recording), Truth(run)
        imported = next(told.left for told in run.told)  # before that nothing can be signed
        for i, crash in enumerate(crash for crash in self.crashes(self.starts, generator)):
            crash = max(crash, imported)
            disk.advance(crash)
            truth.advance(crash)
            shutil.rmtree(run.box.directory)
            shutil.copytree(run.base, run.box.directory, ignore=shutil.ignore_patterns("store", "tokens"))
            disk.write(run.box.directory, WAYS[i % len(WAYS)], generator)
            self.mend_token(run)
            found += [(crash, WAYS[i % len(WAYS)], problem) for problem in self.go_on(truth, generator)]
        print(f"{self.starts} starts in {time.monotonic() - began:.1f} s: {len(found)} problems")
        self.report(found)
        self.assertEqual(len(found), 0, f"seed {self.chosen}: {found[:1]}")

    @staticmethod
    def mend_token(run):
        """The token's own file, which SoftHSM writes in place: fault_cases.py."""
        for kept in (run.base / TOKENS).glob("*/*"):
            if kept.name in ("token.object", "generation"):
                shutil.copy(kept, run.box.directory / kept.relative_to(run.base))

    def go_on(self, truth, generator):
        """Problems of an acbd that starts now."""
        run, found = self.run_, []
        try:
            run.box.start()
            client = run.box.client("dsp")
            for request_id, command in generator.sample(truth.answers, min(RETRIED_IN_A_START, len(truth.answers))):
                answer = client.request("POST", "/v1/handovers", run.books.sent[request_id], XML)
                if answer.status != 200 or answer.command != command:
                    found.append(f"{request_id}: answered before, and now {answer} (P5)")
            for device in generator.sample(run.world.devices, 3):
                document = run.world.sign(run.world.request(device=device))
                answer = client.request("POST", "/v1/handovers", document, XML)
                found += [f"{device}: {problem}" for problem in run.world.problems(document, answer)]
                if answer.status == 200 and answer.counter <= truth.counters.get(device, 0):
                    found.append(f"{device}: counter {answer.counter} after {truth.counters[device]} (P1)")
            client.close()
        except (harness.Failure, *GONE) as failure:
            found.append(f"{failure!r}\n{run.box.log_tail(5)}")
        finally:
            run.box.kill_all()
        return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int)
    parser.add_argument("--starts", type=int)
    parser.add_argument("--long", action="store_true", help="5,000 images and 200 starts, if not said otherwise")
    parser.add_argument("--seed", type=int)
    options, rest = parser.parse_known_args()
    PowerCut.images = options.images or (5000 if options.long else PowerCut.images)
    PowerCut.starts = options.starts or (200 if options.long else PowerCut.starts)
    PowerCut.seed = options.seed
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    harness.main([sys.argv[0], *rest])
