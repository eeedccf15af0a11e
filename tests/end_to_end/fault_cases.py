"""One box, one fault, and everything that has to be true afterwards (P1, P2, P4, P5): for test_syscall_faults.py.

A Lab is a provisioned box with a little history, which each Case puts back to that moment: box and token together, so
that no case knows of another. A Case sends requests while a phase runs and keeps, outside the box, what it sent and
what it was told; `check` starts the box again without faults and compares.
"""

import copy
import hashlib
import http.client
import re
import shutil
import subprocess
import time

from harness import STOP_SECONDS, Failure, World, binary, duis_sign, gbcs_reference, run
from fault_shim import FaultShim
from fault_books import Accounts, Books, normalised

FLOOR = 1300
RAISED_FLOOR = 9000
ROLES = ("NetworkOperator", "Supplier")
CELLS = {"NetworkOperator": "network_operator", "Supplier": "supplier"}
UNKNOWN_DEVICE = "00db1234567affff"
XML = {"Content-Type": "application/xml"}
SPOOLED_OCTETS = 1 << 20  # platform/router.h: a longer body goes through a file
ANSWER_SECONDS = 60  # for the first answer of a box whose start has a fault
GONE = (OSError, http.client.HTTPException)


def is_built(command):
    """acbctl has this command, and so the service what it asks for."""
    return re.search(rf"^ +{command}\b", run(binary("tools", "acbctl"), "--help").stdout, re.MULTILINE) is not None


class Lab:
    """A box with a history, to be put back to it."""

    def __init__(self, folder):
        folder.mkdir(parents=True)
        self.folder = folder
        self.signatures = folder / "signatures"
        self.token_fault = folder / "token-fault"
        self.shim = FaultShim(folder / "shim")
        self.world = World.own(folder, devices=3, floor=FLOOR, shim_log=self.signatures,
                               shim_env={"ACB_SHIM_FAULT": str(self.token_fault)})
        self.box = self.world.box
        self.devices = self.world.devices
        self.simulated = None
        if is_built("observe"):
            from fault_observation import Observations  # pylint: disable=import-outside-toplevel

            self.simulated = Observations.prepare(self.world)
        # What the token signs at a start without a request is the start's known-answer test.
        self.known_answers = set(Accounts(self.world, self.signatures).signed_digests())
        self.books = Books()
        self.refusals = {}
        case = Case(self)
        case.handover(self.devices[0], "NetworkOperator")
        case.handover(self.devices[1], "Supplier")
        case.refusal()
        self.books, self.refusals = case.books, case.refusals
        self.box.stop()
        if is_built("backup"):
            self._configure_backup()
        self._kept = folder / "kept"
        shutil.copytree(self.box.directory, self._kept)
        self._kept_signatures = self.signatures.read_bytes()

    def _configure_backup(self):
        key, public = self.folder / "backup.key", self.folder / "backup.pem"
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(key))
        run("openssl", "pkey", "-in", str(key), "-pubout", "-out", str(public))
        self.box.configure("backup", public_key=str(public))

    def restore(self):
        self.box.kill_all()
        shutil.rmtree(self.box.directory)
        shutil.copytree(self._kept, self.box.directory)
        self.signatures.write_bytes(self._kept_signatures)
        self.token_fault.unlink(missing_ok=True)
        self.shim.disarm()

    def mend_token(self):
        """SoftHSM writes the file of the token itself anew at each login, in place: a fault there leaves none.

        That is a broken HSM, which its owner replaces; what it holds (keys, anchors) stays as the fault left it."""
        for kept in (self._kept / "tokens").glob("*/*"):
            if kept.name in ("token.object", "generation"):
                shutil.copy(kept, self.box.directory / kept.relative_to(self._kept))


class Case:
    """What was sent to the box of a lab, and what was answered."""

    def __init__(self, lab):
        self.lab = lab
        self.world, self.box = lab.world, lab.box
        self.books = Books()
        for name in ("sent", "requests", "answers"):
            setattr(self.books, name, copy.copy(getattr(lab.books, name)))
        self.refusals = dict(lab.refusals)  # request id -> (document, audit index)
        self.floors = {device: FLOOR for device in lab.devices}  # acknowledged
        self.possible_floors = {device: {FLOOR} for device in lab.devices}
        self.entries = set()  # audit indexes of what was acknowledged besides
        self.observations = None
        if lab.simulated:
            from fault_observation import Observations  # pylint: disable=import-outside-toplevel

            self.observations = Observations(self)
        self.no_more = False  # no request may succeed from here on: a commit failed

    def complain(self, text):
        self.books.complain(text)

    # -- requests: each answer is a right one, 503, or none from a process that is gone --

    def send(self, what, client, *arguments):
        """The answer, or None from a process that ended."""
        try:
            answer = self.box.client(client).request(*arguments)
        except GONE as error:
            if self.box.process.poll() is None:
                try:
                    self.box.process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    self.complain(f"{what}: no answer ({error!r}), and the process lives")
            return None
        if answer.status == 503:
            return None if answer.reason else self.complain(f"{what}: 503 without a reason")
        if self.no_more and self.lab.shim.fired and answer.status < 300:
            self.complain(f"{what}: {answer.status} after a write of the store had failed")
        return answer

    def handover(self, device, role):
        with self.books.lock:
            request = self.world.request(device=device, role=role)
        document = self.world.sign(request)
        request_id = normalised(request.request_id)
        self.books.send(request_id, document, gbcs_reference.Handover(
            request.originator, request.device, request.counter, request.role, request.floor, request.top_up_floor,
            request.digital_signing, request.key_agreement, request.key_agreement_top_up, request.path, True))
        return self.submit(request_id)

    def submit(self, request_id):
        document = self.books.sent[request_id]
        answer = self.send(request_id, "dsp", "POST", "/v1/handovers", document, XML)
        if answer is None:
            return None
        known = request_id in self.books.answers
        self.books.receive(request_id, answer)
        if answer.status != 200:
            return None
        for problem in self.world.problems(document, answer):
            self.complain(f"{request_id}: {problem}")
        device = self.books.requests[request_id].device
        if not known and answer.counter <= self.floors.get(device, 0):
            self.complain(f"{request_id}: counter {answer.counter}, and the floor is {self.floors[device]} (P2)")
        return answer

    def refusal(self):
        request = self.world.request(device=UNKNOWN_DEVICE)
        self.refuse(normalised(request.request_id), self.world.sign(request))

    def refuse(self, request_id, document):
        answer = self.send(f"refusal {request_id}", "dsp", "POST", "/v1/handovers", document, XML)
        if answer is None:
            return
        if (answer.status, answer.reason) != (422, "DEVICE_UNKNOWN"):
            self.complain(f"{request_id}: {answer} for DEVICE_UNKNOWN")
            return
        index = int(answer.json["audit"]["index"])
        if self.refusals.setdefault(request_id, (document, index)) != (document, index):
            self.complain(f"{request_id}: refused with entry {self.refusals[request_id][1]}, later with {index}")

    def retry(self):
        """One that was answered before."""
        request_id = next(iter(self.books.answers))
        self.submit(request_id)

    def feed(self, name, data, kind="text/csv"):
        answer = self.send(f"feed {name}", "feed", "POST", f"/v1/feeds/{name}", data, {"Content-Type": kind})
        if answer is None:
            return None
        if answer.status != 200:
            self.complain(f"feed {name}: {answer}")
            return None
        self.entries.add(int(answer.json["audit"]["index"]))
        return answer

    def raise_floors(self):
        """A file of devices, each with a higher floor. All of them, or none."""
        lines = ["device_id,type,smets,model,smi_status,commissioned,mpxn,key_agreement_certificate,"
                 "supplier_cell,supplier_floor,network_operator_cell,network_operator_floor"]
        for number, device in enumerate(self.lab.devices):
            lines.append(f"{duis_sign.hyphenated(device)},GPF,SMETS2,model,Commissioned,2020-01-01,"
                         f"{3938420000 + number},,acb,{RAISED_FLOOR},acb,{RAISED_FLOOR}")
            self.possible_floors[device].add(RAISED_FLOOR)
        if self.feed("devices", "\n".join(lines) + "\n"):
            for device in self.lab.devices:
                self.floors[device] = RAISED_FLOOR

    def long_nonsense(self):
        """A body so long that it goes through a file, and is refused."""
        answer = self.send("long file", "feed", "POST", "/v1/feeds/parties", b"x" * (SPOOLED_OCTETS + 1),
                           {"Content-Type": "text/csv"})
        if answer is not None and answer.reason != "FEED_REJECTED":
            self.complain(f"long file: {answer}")

    def operator(self, path, body, *roles):
        """An act of one operator, or of two, one after the other."""
        for role in roles:
            answer = self.send(path, role, "POST", path, body, {"Content-Type": "application/json"})
            if answer is not None and answer.status not in (200, 202):
                self.complain(f"{path} by {role}: {answer}")
            if answer is None or answer.status != 202:
                return answer
        return None

    def backup(self):
        answer = self.send("backup", "operator", "POST", "/v1/backup", b"")
        if answer is None:
            return
        if answer.status != 200 or answer.headers["X-Backup-SHA256"] != hashlib.sha256(answer.octets).hexdigest():
            self.complain(f"backup: {answer}")

    # -- after the fault --

    def await_first_answer(self):
        """The first answer of a box that was just spawned: ready or not. None when it ended."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while self.box.process.poll() is None:
            try:
                answer = self.box.get("/readyz")
                if answer.status not in (200, 503):
                    self.complain(f"/readyz: {answer}")
                if answer.status == 503 and not answer.json["reasons"]:
                    self.complain("/readyz: 503 without a reason")
                return answer.status == 200
            except GONE:
                pass
            if time.monotonic() > deadline:
                self.complain(f"no answer of /readyz in {ANSWER_SECONDS} s")
                return None
            time.sleep(0.005)
        return None

    def check(self):
        """The box starts again, without faults, and everything that was told is true. Complaints are in the books."""
        try:
            self.box.start()
        except Failure as failure:
            self.complain(f"after the fault: {failure}")
            return
        try:
            self._check_answers()
            self._check_floors()
            self._go_on()
            if self.observations:
                self.observations.check()
            self._check_log()
            self.box.stop()
        except Failure as failure:
            self.complain(f"after the fault: {failure}")
        except GONE as error:
            self.complain(f"after the fault: {error!r}\n{self.box.log_tail()}")

    def _check_answers(self):
        """P5: what was answered is answered again, octet by octet; what was not is open."""
        self.no_more = False
        for request_id in list(self.books.sent):
            if self.submit(request_id) is None:
                self.complain(f"{request_id}: no answer without a fault\n{self.box.log_tail(3)}")
        for request_id, (document, _) in list(self.refusals.items()):
            self.refuse(request_id, document)

    def _check_floors(self):
        """P2: floors that were acknowledged are there; an import is there for all devices or for none."""
        seen = set()
        for device in self.lab.devices:
            floor = self.floors[device]
            for cell in self.box.device(device)["cells"].values():
                seen.add(int(cell["floor"]))
                if int(cell["floor"]) < floor or int(cell["floor"]) not in self.possible_floors[device]:
                    self.complain(f"device {device}: floor {cell['floor']}, and {floor} was acknowledged (P2)")
        if len(seen) != 1:
            self.complain(f"half an import: floors {sorted(seen)}")
        for device in self.lab.devices:
            self.floors[device] = min(seen)

    def _go_on(self):
        """P1: the next counter of each device is above every earlier one; Accounts.check compares them all."""
        for device in self.lab.devices:
            for role in ROLES:
                if self.handover(device, role) is None:
                    self.complain(f"no handover for {device} without a fault")

    def _check_log(self):
        test = Accounts(self.world, self.lab.signatures)
        test.books, test.known_answers = self.books, self.lab.known_answers
        entries = [entry for _, entry in self.box.audit_entries()]
        test.check(entries)
        for request_id, (_, index) in self.refusals.items():
            entry = entries[index] if index < len(entries) else {}
            if (entry.get("kind"), normalised(entry.get("request_id", ""))) != ("refused", request_id):
                self.complain(f"{request_id}: refused with entry {index}, which is {entry} (P4)")
        for index in self.entries:
            if index >= len(entries):
                self.complain(f"entry {index} was acknowledged, and the log ends at {len(entries)} (P4)")
