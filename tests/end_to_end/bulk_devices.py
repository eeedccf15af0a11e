"""Devices files of any size, and what an import of one does to the box while it runs.

The certificates are real in form: each names its device in hardwareModuleName and has a public key on the curve, one of
a few hundred. Their signatures are a template's: a device's certificate is not verified when it is imported.
"""

import base64
import itertools
import math
import os
import subprocess
import threading
import time
from pathlib import Path

import harness
from harness import duis_sign

COLUMNS = ("device_id,type,smets,model,smi_status,commissioned,mpxn,key_agreement_certificate,supplier_cell,"
           "supplier_floor,network_operator_cell,network_operator_floor")
KEYS = 256
FIRST = 0x00DB125000000000
FIRST_MPXN = 1_300_000_000_000
PLACEHOLDER = "00db12ffeeddccbb"
STEP = 6_700_417  # a prime: walks the devices in no order, each once
LINES_A_WRITE = 20_000
SAMPLE_SECONDS = 0.02
READ_SECONDS = 0.005
TRIES = 50
SLOW_SECONDS = 3600  # a handover waits for the end of the import's transaction


def device_id(number):
    return f"{FIRST + number:016x}"


def _templates(pki):
    """What stands before and after the device's EUI-64 in the certificate of each key."""
    for _ in range(KEYS):
        der, _ = pki.device(PLACEHOLDER)
        before, after = der.split(bytes.fromhex(PLACEHOLDER))
        yield before, after


def write_devices(path, pki, rows, in_order=False, floor=1000, first=0):
    """A file of the `rows` devices from number `first`, in no order unless told; its size in octets."""
    templates = list(_templates(pki))
    step = 1 if in_order or math.gcd(STEP, rows) != 1 else STEP
    b64 = base64.b64encode
    with open(path, "wb") as out:
        out.write(COLUMNS.encode() + b"\n")
        numbers = (first + number * step % rows for number in range(rows))
        while block := list(itertools.islice(numbers, LINES_A_WRITE)):
            lines = []
            for number in block:
                eui = (FIRST + number).to_bytes(8, "big")
                before, after = templates[number % KEYS]
                lines.append(b"%s,ESME,SMETS2,Model-%d,Commissioned,2024-02-03T04:05:06Z,%d,%s,acb,%d,acb,%d\n" % (
                    eui.hex("-").encode(), number % 10, FIRST_MPXN + number, b64(before + eui + after), floor,
                    floor))
            out.write(b"".join(lines))
    return os.path.getsize(path)


def _memory(pid):
    """Octets of /proc/PID/status by name; empty when the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in lines)
    return {name: int(value.split()[0]) * 1024 for name, value in pairs if name in ("VmHWM", "RssAnon", "RssFile")}


class Watch:
    """Peaks of memory, and times of reads and handovers, from its start to its end."""

    def __init__(self, world, processes):
        self.world = world
        self.processes = processes  # name -> pid
        self.peaks = {name: {} for name in processes}
        self.reads = []  # seconds
        self.handovers = []  # seconds
        self.wrong = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._sample), threading.Thread(target=self._read),
                         threading.Thread(target=self._sign)]

    def __enter__(self):
        for pid in self.processes.values():
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # the high-water mark starts anew
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _sample(self):
        while not self._ended.wait(SAMPLE_SECONDS):
            for name, pid in self.processes.items():
                for what, octets in _memory(pid).items():
                    self.peaks[name][what] = max(octets, self.peaks[name].get(what, 0))

    def _read(self):
        client = self.world.box.client("auditor")
        devices = itertools.cycle(self.world.devices)
        while not self._ended.wait(READ_SECONDS):
            path = f"/v1/devices/{duis_sign.hyphenated(next(devices))}"
            self.reads.append(self._timed(lambda path=path: client.request("GET", path)))
        client.close()

    def _sign(self):
        client = harness.Client(self.world.box, "dsp", timeout=SLOW_SECONDS)
        while not self._ended.wait(SAMPLE_SECONDS):
            document = self.world.sign(self.world.request())
            self.handovers.append(self._timed(lambda document=document: self._submit(client, document)))
        client.close()

    def _submit(self, client, document):
        """An import changes what a decision rests on: one that was under way is asked for again, as its answer says."""
        for _ in range(TRIES):
            answer = client.request("POST", "/v1/handovers", document, {"Content-Type": "application/xml"})
            if answer.reason != "CHANGED_MEANWHILE":
                break
            time.sleep(SAMPLE_SECONDS)
        return answer

    def _timed(self, send):
        began = time.monotonic()
        try:
            answer = send()
            if answer.status != 200:
                self.wrong.append(repr(answer))
        except OSError as error:
            self.wrong.append(repr(error))
        return time.monotonic() - began


def start_import(box, path):
    """acbctl import devices, as an operator does it."""
    return subprocess.Popen(  # pylint: disable=consider-using-with
        [harness.binary("tools", "acbctl"), "--directory", str(box.directory), "import", "devices", str(path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def store_octets(box):
    """Of the store's file, which LMDB only ever makes longer."""
    return (box.directory / "store" / "data.mdb").stat().st_size
