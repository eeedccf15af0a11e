"""Requests from many clients at once, and faults in the system calls of the box that answers them."""

import signal
import subprocess
import threading
import time

from harness import STOP_SECONDS, Failure

MOST_TRIES = 200  # of a request that another one of the device stands before
TRY_AGAIN = ("BUSY", "CHANGED_MEANWHILE")


class Broken(Exception):
    """A step did not end as it has to."""


class Load:
    """Clients that send until they have sent enough, are told to stop, or the box has gone."""

    def __init__(self, stage, clients, requests=None, each=None):
        self.stage, self.box = stage, stage.box
        self.outcomes, self.lock = [], threading.Lock()
        self.stopping = threading.Event()
        self.numbers = None if requests is None else iter(range(1, requests + 1))
        self.each = each  # (number, function) around the nth request
        self.threads = [threading.Thread(target=self._run, args=(stage.devices[number % len(stage.devices)],))
                        for number in range(clients)]
        for thread in self.threads:
            thread.start()

    def _next(self):
        with self.lock:
            return next(self.numbers, None) if self.numbers else 0

    def _run(self, device):
        client = self.box.client("dsp")
        while not self.stopping.is_set():
            number = self._next()
            if number is None:
                break
            with self.lock:
                request_id, document = self.stage.document(device)
            outcome = self._send(client, request_id, document, number)
            with self.lock:
                self.outcomes.append(outcome)
            if outcome.answer is None and (self.box.process is None or self.box.process.poll() is not None):
                break
        client.close()

    def _send(self, client, request_id, document, number):
        for _ in range(MOST_TRIES):
            if self.each:
                self.each(number, True)
            outcome = self.stage.submit(self.box, client, request_id, document)
            if self.each:
                self.each(number, False)
            if outcome.signed or outcome.reason not in TRY_AGAIN or self.stopping.is_set():
                break
            time.sleep(0.002)
        return outcome

    def join(self, stop=False):
        if stop:
            self.stopping.set()
        for thread in self.threads:
            thread.join()

    @property
    def signed(self):
        return sum(outcome.signed for outcome in self.outcomes)


class Tracer:
    """strace on a running box: faults in its system calls. Detached at the end."""

    def __init__(self, box, report, inject):
        self.report = report
        calls = inject.split(":", 1)[0]
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            ["strace", "-f", "-y", "-o", str(report), "-e", f"trace={calls}", "-e", f"inject={inject}",
             "-e", "signal=none", "-p", str(box.process.pid)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        if "attached" not in line:
            raise Failure(f"strace: {line}")
        time.sleep(0.2)  # every thread

    def lines(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(STOP_SECONDS)
        self.process.stderr.close()
        return self.report.read_text().splitlines()
