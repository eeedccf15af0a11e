"""The boxes of one scenario: started, stopped, copied and put back, and every request that is sent to one of them.

A store is one file, which holds counters and log alike. So `part` of a step maps to tables of it: `audit` to the log's,
`counters` to the counters'. What is copied, put back or deleted is the store's directory; the software token's lies
outside of it, as an HSM does.
"""

import collections
import contextlib
import http.client
import os
import shutil
import signal
import subprocess
import time

import lmdb

import store_copies
from harness import (READY_SECONDS, STOP_SECONDS, Box, Failure, World, duis_sign, free_port, plain)
from scenario_books import Books, Release
from scenario_power import PowerRun

PARTS = {"audit": ("audit-entries", "audit-leaves", "audit-nodes"), "counters": ("counters",)}
XML = {"Content-Type": "application/xml"}
GONE = (OSError, http.client.HTTPException)
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
# A box that cannot open its store stays up to say so. One that is not ready for longer than this will not be.
SETTLE_SECONDS = 2.0
MOST_TABLES = 64
MAP_SIZE = 1 << 36

Outcome = collections.namedtuple("Outcome", "signed reason answer seconds")


def open_store(directory):
    """With LMDB itself; nobody else may have it open for writing."""
    return lmdb.open(str(directory), max_dbs=MOST_TABLES, map_size=MAP_SIZE, lock=False)


def rows_of(directory, table):
    with open_store(directory) as store, store.begin() as transaction:
        return list(transaction.cursor(store.open_db(table.encode(), transaction, create=False)))


def put_tables(directory, tables, rows_of_table):
    """Replaces all rows of these tables."""
    with open_store(directory) as store, store.begin(write=True) as transaction:
        for table in tables:
            database = store.open_db(table.encode(), transaction, create=False)
            transaction.drop(database, delete=False)
            for key, value in rows_of_table(table):
                transaction.put(key, value, db=database)


class Stage:
    def __init__(self, folder, devices, clock=False, record=False):
        self.folder = folder
        self.books = Books()
        self.fault_file, self.gone_file = folder / "token-fault", folder / "token-gone"
        self.time_file = folder / "time"
        self.signatures = folder / "signatures"
        # From before the first system call of `acbctl provision`.
        self.power = PowerRun(folder, folder / "box") if record else None
        self.world = World.own(folder, devices=0, start=False, shim_log=self.signatures,
                               shim_env={"ACB_SHIM_FAULT": str(self.fault_file),
                                         "ACB_SHIM_GONE_FILE": str(self.gone_file)})
        if self.power:
            self.power.programs_started()
        pki = self.world.pki
        # The users of the file. 6.21 is for suppliers: its second user is the tests' other supplier, to whom the meter
        # point of the device goes over before (a change of supplier).
        self.users = {self.world.supplier: (self.world.supplier, "SUPP", pki.signer("supplier-xml")),
                      self.world.network_operator: (pki.other_supplier, "SUP2", pki.signer("supplier2-xml"))}
        self.registered = {}  # device -> short name of its supplier, when it is not the first
        # One lock for all boxes of the token.
        self.world.box.configure("hsm", lock_file=str(folder / "token.lock"))
        self.devices = list(devices)
        self.instances = [self.world.box]
        self.copies = {}
        self.history_lost = False  # a step took entries away: the log need not hold what was released
        if clock:
            self.time_file.write_text("+0\n")
            self.world.box.env.update(LD_PRELOAD=FAKETIME, FAKETIME_TIMESTAMP_FILE=str(self.time_file),
                                      FAKETIME_NO_CACHE="1", DONT_FAKE_MONOTONIC="1",
                                      FAKETIME_DONT_FAKE_MONOTONIC="1")
        self.box.start(self.power.environment() if self.power else None)
        self.import_world()

    @property
    def box(self):
        return self.instances[0]

    def import_world(self):
        pki = self.world.pki
        self.world.import_trust(pki.feed("organisation-certificates"), pki.feed("revocation-lists"))
        self.world.import_parties([f"{duis_sign.hyphenated(pki.other_supplier)},SUP2,{role},active,2016-01-01,,yes,"
                                   for role in ("IS", "GS")])
        rows = []
        for device in self.devices:
            certificate, key = pki.device(device)
            self.world.mac_keys[device] = (key, pki.key("acb-ka").public_key())
            rows.append((device, certificate, 0))
        self.world.import_devices(rows)

    # -- one request --

    def document(self, device, user=None):
        """(RequestID, signed octets) of a new request by a user of the file."""
        originator, party, signer = self.users[user or self.world.supplier]
        device = plain(device)
        if self.registered.get(device, "SUPP") != party:
            self.box.import_feed("registrations", "mpxn,supplier,network_operator,from,to\n"
                                 f"{3938420000 + self.devices.index(device)},{party},NETO,2016-01-01,\n")
            self.registered[device] = party
        request = self.world.request(device=device).but(originator=originator)
        return plain(request.request_id), signer.sign(request)

    def submit(self, box, client, request_id, document, floor=None):
        """Sends it; what comes back goes into the books. An Outcome, whatever becomes of the box meanwhile."""
        device = request_id.split(":")[1]
        headers = dict(XML) if floor is None else {**XML, "X-Originator-Counter": floor}
        before, sent_at = self.books.before(device), time.monotonic()
        try:
            answer = client.request("POST", "/v1/handovers", document, headers)
        except GONE as error:
            return self._refused(sent_at, f"no answer: {error!r}", None)
        if answer.status != 200:
            return self._refused(sent_at, answer.reason or f"status {answer.status}", answer)
        for problem in self.world.problems(document, answer):
            self.books.complain(f"P3: {request_id}: {problem}")
        now = time.monotonic()
        self.books.release(Release(device, answer.counter, request_id, answer.command,
                                   int(answer.json["audit"]["index"]), answer.json["audit"]["leaf"],
                                   self.instances.index(box), sent_at, now), before)
        return Outcome(True, None, answer, now - sent_at)

    def _refused(self, sent_at, why, answer):
        self.books.refuse(sent_at, why)
        return Outcome(False, why, answer, time.monotonic() - sent_at)

    # -- a box --

    def bring_up(self, box, env=None):
        """None when it serves; else why it does not."""
        box.spawn(env)
        deadline = time.monotonic() + READY_SECONDS
        settled, why = None, "no answer"
        while time.monotonic() < deadline:
            status = box.process.poll()
            if status is not None:
                box.process = None
                return f"ended with {status}: {box.log_tail(3)}"
            try:
                answer = box.get("/readyz")
                if answer.status == 200:
                    return None
                why = answer.octets.decode(errors="replace")[:500]
                settled = settled or time.monotonic() + SETTLE_SECONDS
            except GONE:
                pass
            if settled and time.monotonic() > settled:
                return why
            time.sleep(0.02)
        raise Failure(f"neither ready nor refusing in {READY_SECONDS} s ({why}):\n{box.log_tail()}")

    def ensure_up(self, box):
        """Starts it when it is down, or in doubt: only a restart reads the truth."""
        if box.process is not None and box.process.poll() is None:
            try:
                if box.get("/readyz").status == 200:
                    return
            except GONE:
                pass
            self.end(box)
        box.process = None
        box.close_clients()
        why = self.bring_up(box)
        if why:
            raise Failure(f"does not start: {why}")

    def end(self, box):
        """A clean stop when it can; a box in doubt may end with another status."""
        process, box.process = box.process, None
        box.close_clients()
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failure(f"no stop in {STOP_SECONDS} s:\n{box.log_tail()}") from None

    def stop_all(self):
        for box in self.instances:
            box.kill()

    # -- its data --

    def store_of(self, box):
        return box.directory / "store"

    def copy_data(self, name, live):
        """A crash-consistent image: a running process is held still meanwhile, as the clone of a volume would see it.

        A plain copy of a store that is written to is none, and design.md section 6 does not promise to open it."""
        running = self.box.process is not None and self.box.process.poll() is None
        if running and not live:
            raise Failure("copy-data of a running box: that is copy-data-live")
        self.copies[name] = self.folder / f"copy-{name}"
        with store_copies.frozen(self.box) if running else contextlib.nullcontext():
            shutil.copytree(self.store_of(self.box), self.copies[name])

    def put_data(self, name, part=None):
        store, copy = self.store_of(self.box), self.copies[name]
        self.history_lost = True
        if part:
            put_tables(store, PARTS[part], lambda table: rows_of(copy, table))
            return
        shutil.rmtree(store)
        shutil.copytree(copy, store)

    def delete(self, part):
        store = self.store_of(self.box)
        if part == "file":
            (store / "data.mdb").unlink()
        else:
            put_tables(store, PARTS[part], lambda table: ())
        self.history_lost = part != "counters"

    def second(self, name):
        """Another box with a copy of the data, on the same token. Not started."""
        directory = self.folder / f"box-{len(self.instances) + 1}"
        shutil.copytree(self.box.directory, directory, ignore=shutil.ignore_patterns("tokens", "store", "*.log"))
        shutil.copytree(self.copies[name] if name else self.store_of(self.box), directory / "store")
        box = Box(directory)
        box.env = self.box.env
        box.port = free_port()
        box.configure("listen", port=box.port)
        self.instances.append(box)
        return box

    def token_tool(self, *arguments):
        """pkcs11-tool, logged in to the token."""
        environment = {**os.environ, "SOFTHSM2_CONF": str(self.box.directory / "softhsm2.conf")}
        done = subprocess.run(
            ["pkcs11-tool", "--module", self.box.env["ACB_SHIM_MODULE"], "--token-label", "acb", "--login", "--pin",
             (self.box.directory / "pin").read_text().strip(), *arguments],
            env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"pkcs11-tool {arguments}: {done.stdout}{done.stderr}")

    def kept(self):
        """Store and token as they are now, to begin an alternative world from; the boxes are down."""
        kept = self.folder / "kept"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.box.directory, kept)
        return kept

    def put_back(self, kept):
        for name in ("store", "tokens"):
            shutil.rmtree(self.box.directory / name)
            shutil.copytree(kept / name, self.box.directory / name)

