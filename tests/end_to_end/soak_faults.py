"""What befalls a box during a soak. Each fault begins, lasts, and is lifted; the box has to be as before.

STEADY are those that a process outlives: what it wears is measured over them. ENDING are those that take a new process.
"""

import contextlib
import errno
import os
import signal
import socket
import threading
import time
from pathlib import Path

import harness
from fault_shim import FAIL, STATE
from harness import duis_sign, own_pki

FAULT_SECONDS = 2.0
STORM_CLIENTS = 24
SLOW_SOCKETS = 60


class Hsm:
    """By the tests' PKCS#11 shim."""

    def __init__(self, name, order):
        self.name, self.order = name, order

    def strike(self, stage):
        new = stage.order.with_suffix(".new")
        new.write_text(self.order)
        os.replace(new, stage.order)

    def lift(self, stage):
        stage.order.unlink()


class ListerStopped:
    name = "lister stopped"

    def strike(self, stage):
        self.process = stage.lister()
        os.kill(self.process, signal.SIGSTOP)

    def lift(self, _):
        os.kill(self.process, signal.SIGCONT)


class DiskToItself:
    """Held while a test fills the disk, or while it must not be filled by another. A name of the kernel's: it leaves
    nothing behind, however its holder ends."""

    NAME = "\0acb-tests-fill-the-disk"
    SECONDS = 120

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        deadline = time.monotonic() + self.SECONDS
        while not self._taken():
            if time.monotonic() > deadline:
                raise harness.Failure(f"another test has filled the disk for {self.SECONDS} s")
            time.sleep(0.1)

    def _taken(self):
        try:
            self.socket.bind(self.NAME)
        except OSError:
            return False
        return True

    def give_back(self):
        self.socket.close()


class DiskFull:
    """Down to the reserve, which is a large one of the real disk (Stage): nothing else is in need."""

    name = "disk full"

    def strike(self, stage):
        self.disk = DiskToItself()
        with open(stage.filler, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, stage.filler_octets())

    def lift(self, stage):
        stage.filler.unlink()
        self.disk.give_back()


class Imports:
    name = "imports"

    def __init__(self):
        self.count = 0

    def strike(self, stage):
        """Rows that change what is held: decisions under way begin anew."""
        self.count += 1
        stage.world.import_parties([f"{duis_sign.hyphenated('90b3d51f30990000')},SOAK,IS,active,2016-01-01,"
                                    f"{2030 + self.count % 60}-01-01,yes,"])
        stage.world.import_devices(stage.world.device_rows)
        # Of now: those of the beginning end after half a day.
        made = stage.world.pki.made
        stage.box.import_feed("revocation-lists", "".join(
            own_pki.make_pki.make_list(str(stage.world.pki.directory), made.NUMBER + self.count, arl=arl)
            for arl in (False, True)))
        stage.box.close_clients()

    def lift(self, _):
        pass


class Reload:
    """A client comes or goes, and all rights are read again."""

    name = "access reload"

    def strike(self, stage):
        text = stage.box.config.read_text()
        table = '\n[[client]]\nidentity = "soak.acb.test"\nrole = "auditor"\n'
        stage.box.config.write_text(text.replace(table, "") if table in text else text + table)
        at = stage.box.log_file.stat().st_size
        stage.box.process.send_signal(signal.SIGHUP)
        stage.wait("it has reloaded", lambda: b'"event":"reloaded"' in stage.log_since(at))

    def lift(self, _):
        pass


class Storm:
    """Clients that do not wait, on devices of their own; each on a new connection for each request."""

    name = "client storm"

    def strike(self, stage):
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._client, args=(stage, number)) for number in range(STORM_CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _client(self, stage, number):
        request = stage.world.request(device=stage.storm_devices[number % len(stage.storm_devices)])
        while not self.stop.is_set():
            document = stage.world.sign(request.but(counter=next(stage.storm_counters)))
            client = stage.box.client("dsp")
            with contextlib.closing(client):
                with contextlib.suppress(OSError, harness.http.client.HTTPException):
                    answer = client.request("POST", "/v1/handovers", document, {"Content-Type": "application/xml"})
                    if answer.status == 200:
                        stage.storm_signed.append(answer.counter)
                    elif answer.status != 503:
                        stage.wrong.append(f"storm: {answer}")

    def lift(self, _):
        self.stop.set()
        for thread in self.threads:
            thread.join()


class SlowClients:
    """Half of them say nothing at all, half begin a request and go silent."""

    name = "slow clients"

    def strike(self, stage):
        self.sockets = []
        context = stage.box.tls_context("auditor")
        for number in range(SLOW_SOCKETS):
            with contextlib.suppress(OSError):
                connection = socket.create_connection(("127.0.0.1", stage.box.port), timeout=5)
                if number % 2:
                    connection = context.wrap_socket(connection, server_hostname="127.0.0.1")
                    connection.sendall(b"GET /healthz HTTP/1.1\r\nHo")
                self.sockets.append(connection)

    def lift(self, _):
        for connection in self.sockets:
            connection.close()


class Killed:
    name = "kill -9"

    def strike(self, stage):
        stage.box.kill_all()

    def lift(self, stage):
        stage.bring_up()


class WriteFails:
    """Doubt: it signs nothing until a restart has read the truth."""

    name = "write fails"

    def strike(self, stage):
        stage.shim.arm(STATE, at=3, action=FAIL, error=errno.EIO)
        stage.wait("the failure", lambda: stage.shim.fired)
        stage.shim.disarm()

    def lift(self, stage):
        stage.box.process.send_signal(signal.SIGTERM)
        stage.box.process.wait(harness.STOP_SECONDS)  # with status 1: its last entry could not be written
        stage.bring_up()


def steady():
    return [Hsm("HSM gone", "gone"), Hsm("HSM dead", "dead"), Hsm("HSM hangs", "hang"),
            Hsm("HSM slow", "delay:C_DeriveKey:600000"), Hsm("HSM errors", "error"),
            Hsm("HSM signs wrongly", "wrong-signature"), Hsm("HSM derives wrongly", "wrong-derived"),
            ListerStopped(), DiskFull(), Imports(), Reload(), Storm(), SlowClients()]


def ending():
    return [Killed(), WriteFails()]


def disk_room(directory):
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


def children_of(process):
    """{process id: name}"""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = path.read_text(errors="replace").partition("(")[2].rpartition(")")
            if int(rest.split()[1]) == process:
                found[int(path.parent.name)] = name
    return found
