"""The steps of ../shared/vectors/counter-scenarios, each a method of Steps; a step or an argument not known fails.

Where the file and design.md section 4 differ, the design decides; it is said here beside the step.
"""

import copy
import itertools
import re
import shutil
import signal
import subprocess
import threading
import time

from fault_shim import KILL, STATE, FaultShim
from harness import STOP_SECONDS, Failure, binary, own_pki, plain, run
from scenario_books import checkpoint_of, log_problems, served_checkpoint, unrecorded
from scenario_stage import GONE, rows_of

MOST_POINTS = 500  # of one request: more means that a sweep does not end
MOST_TRIES = 200  # of a request that another one of the device stands before
TRY_AGAIN = ("BUSY", "CHANGED_MEANWHILE")
DATA_SYSTEM_CALLS = "pwrite64,pwritev,writev"  # how LMDB writes its pages


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
            ["strace", "-f", "-y", "-o", str(report), "-e", f"trace={calls}", "-e", f"inject={inject}", "-e", "signal=none",
             "-p", str(box.process.pid)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True)
        line = self.process.stderr.readline()
        if "attached" not in line:
            raise Failure(f"strace: {line}")
        time.sleep(0.2)  # every thread

    def lines(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(STOP_SECONDS)
        self.process.stderr.close()
        return self.report.read_text().splitlines()


class Steps:
    """Runs the steps of one scenario on a stage."""

    def __init__(self, stage, generator, times=None):
        self.stage = stage
        self.generator = generator  # of where a sweep flips bits
        self.times = times  # at most so many of a sweep's
        self.exported = None
        self.tracer = None
        self.corrupt = None  # which signature of the next load is made wrong
        self.list_acknowledged = None
        self.backups = {}  # id -> its octets, or those of each changed one
        self.untouched = None
        self.notes = []

    def run(self, step):
        step = dict(step)
        name = step.pop("op")
        method = getattr(self, "op_" + name.replace("-", "_"), None)
        if method is None:
            raise Broken(f"no such step: {name}")
        method(**{key.replace("-", "_"): value for key, value in step.items()})

    def finish(self):
        """What must be true of the log when all is done."""
        box = self.stage.box
        if self.tracer:
            self.tracer.lines()
            self.tracer = None
        if box.process is None or box.process.poll() is not None or self._readiness(box) is not None:
            return  # it refuses to serve: the step that brought it there has looked
        if not self.stage.history_lost:
            entries = [*box.audit_entries()]
            for problem in [*log_problems(entries, served_checkpoint(box)), *unrecorded(self.stage.books, entries, {0})]:
                self.stage.books.complain(problem)

    # -- requests --

    def _expect(self, outcome, expect, what):
        if expect == "ok" and not outcome.signed:
            raise Broken(f"{what}: {outcome.reason}: {outcome.answer}")
        if expect == "refuse" and outcome.signed:
            raise Broken(f"{what}: signed with counter {outcome.answer.counter}, has to be refused")
        if expect not in ("ok", "refuse", "ok-or-refuse"):
            raise Broken(f"{what}: no such expectation: {expect}")

    def op_sign(self, device, originator, expect, floor=None, instance=1, max_ms=None, within_ms=None):
        box = self.stage.instances[instance - 1]
        request_id, document = self.stage.document(device, plain(originator))
        client = box.client("dsp")
        deadline = time.monotonic() + (within_ms or 0) / 1000
        while True:
            outcome = self.stage.submit(box, client, request_id, document, floor)
            if outcome.signed or time.monotonic() >= deadline:
                break
            time.sleep(0.1)
        client.close()
        self._expect(outcome, expect, f"sign, floor {floor!r}")
        if max_ms and outcome.seconds * 1000 > max_ms:
            raise Broken(f"answered after {outcome.seconds:.1f} s")

    def op_load(self, clients, requests=None, seconds=None, sigterm=False, install_crl_at_s=None, expect=None):
        each = self._corrupt_nth if self.corrupt else None
        load = Load(self.stage, clients, requests, each)
        began = time.monotonic()
        if install_crl_at_s is not None:
            time.sleep(install_crl_at_s)
            self._revoke_requester()
        if seconds is not None:
            time.sleep(max(0, began + seconds - time.monotonic()))
        if sigterm:
            # The clients go on: what is in hand is answered, or refused, and recorded either way.
            status = self.stage.end(self.stage.box)
            if status != 0:
                raise Broken(f"SIGTERM under load: status {status}: {self.stage.box.log_tail()}")
        load.join(stop=seconds is not None)
        refused = len(load.outcomes) - load.signed
        self.notes.append(f"load: {load.signed} signed, {refused} not")
        if expect is None and requests is not None and self.tracer is None and load.signed != requests:
            raise Broken(f"load: {load.signed} of {requests} signed: "
                         f"{[outcome.reason for outcome in load.outcomes if not outcome.signed][:3]}")
        if load.signed == 0 and self.tracer is None:
            raise Broken(f"load: none signed: {load.outcomes[:1]}")
        self._judge_load(expect, load, refused)

    def _judge_load(self, expect, load, refused):
        if expect == "exactly-one-refused":
            if refused != 1:
                raise Broken(f"{refused} refused, has to be 1")
            kinds = [entry["kind"] for _, entry in self.stage.box.audit_entries()]
            if "abandoned" not in kinds:
                raise Broken("the counter of the wrong signature is not accounted for")
            if self.stage.box.metric("acb_hsm_wrong_signatures_total") < 1 and "alarm" not in kinds:
                self.notes.append("no alarm entry and no metric")
        elif expect == "no-signature-without-record":
            if refused == 0:
                raise Broken("no request met the fault")
            self._no_sync_after_the_failed_one()
            self.stage.ensure_up(self.stage.box)
            missing = unrecorded(self.stage.books, self.stage.box.audit_entries(), {0})
            if missing:
                raise Broken(missing[0])
        elif expect is not None:
            raise Broken(f"no such expectation: {expect}")

    def op_burst_same_request(self, times):
        stage = self.stage
        request_id, document = stage.document(stage.devices[0])
        before = self._signatures()
        outcomes = []

        def send():
            client = stage.box.client("dsp")
            for _ in range(MOST_TRIES):
                outcome = stage.submit(stage.box, client, request_id, document)
                if outcome.signed or outcome.answer is None or outcome.answer.status != 503:
                    break
                time.sleep(0.01)
            outcomes.append(outcome)
            client.close()

        threads = [threading.Thread(target=send) for _ in range(times)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        answers = {outcome.answer.octets for outcome in outcomes if outcome.signed}
        if len(outcomes) != times or not all(outcome.signed for outcome in outcomes) or len(answers) != 1:
            raise Broken(f"{len(answers)} different answers, {sum(outcome.signed for outcome in outcomes)} signed: "
                         f"{[outcome.reason for outcome in outcomes if not outcome.signed][:3]}")
        if self._signatures() - before != 1:
            raise Broken(f"{self._signatures() - before} signatures for one request")

    def _signatures(self):
        """Made by the token with the ACB's key."""
        return sum(line.startswith("acb-ds ") for line in self.stage.signatures.read_text().splitlines())

    # -- certificates --

    def _revoke_requester(self):
        pki = self.stage.world.pki
        text = own_pki.make_pki.make_list(str(pki.directory), own_pki.make_pki.Pki.NUMBER + 1, ["supplier-xml"])
        self.stage.box.import_feed("revocation-lists", text)
        self.list_acknowledged = time.monotonic()

    def op_assert_none_signed_after_crl(self):
        late = [release for release in self.stage.books.releases.values() if release.sent_at > self.list_acknowledged]
        if late:
            raise Broken(f"{len(late)} signed that were sent after the list was acknowledged")
        before = [release for release in self.stage.books.releases.values() if release.sent_at < self.list_acknowledged]
        after = [why for sent_at, why in self.stage.books.refused if sent_at > self.list_acknowledged]
        if not before or not after:
            raise Broken(f"{len(before)} signed before the list and {len(after)} refused after it prove nothing")

    # -- the process --

    def _readiness(self, box):
        try:
            answer = box.get("/readyz")
        except GONE as error:
            return repr(error)
        return None if answer.status == 200 else answer.octets.decode(errors="replace")

    def op_start(self, expect="ok"):
        why = self.stage.bring_up(self.stage.box)
        if why and expect == "ok":
            raise Broken(f"start: {why}")
        if why:
            # Refused, and the cause is named.
            self.notes.append(f"start refused: {why[:200]}")
            if not re.search(r"[A-Z]{3,}_[A-Z]|ended with 1", why):
                raise Broken(f"start refused without a reason: {why}")

    def op_stop(self):
        self.stage.box.stop()

    def op_kill9(self):
        if not self.stage.history_lost:
            for problem in unrecorded(self.stage.books, self.stage.box.audit_entries(), {0}):
                self.stage.books.complain(problem)
        self.stage.box.kill()

    def op_copy_data(self, id="copy", part=None):  # pylint: disable=redefined-builtin,unused-argument
        # The whole of it is copied; `part` says what is put back.
        self.stage.copy_data(id, live=False)

    def op_copy_data_live(self, id="copy"):  # pylint: disable=redefined-builtin
        self.stage.copy_data(id, live=True)

    def op_put_data(self, id, part=None):  # pylint: disable=redefined-builtin
        self.stage.put_data(id, part)

    def op_delete(self, part):
        self.stage.delete(part)

    def op_start_second(self, data, expect):
        if data not in ("copy", "same"):
            raise Broken(f"no such data: {data}")
        why = self.stage.bring_up(self.stage.second("copy" if data == "copy" else None))
        if why and expect == "ok":
            raise Broken(f"the second does not start: {why}")
        self.notes.append(f"second: {'refused: ' + why[:200] if why else 'serves'}")

    def op_assert_overtaken(self):
        """Ours: the first box ends by itself, with a reason (design.md section 4, the writer's step 3)."""
        process = self.stage.box.process
        try:
            status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise Broken("the overtaken box does not end") from None
        if status != 1 or "OVERTAKEN" not in self.stage.box.log_tail(40):
            raise Broken(f"the overtaken box ended with {status}:\n{self.stage.box.log_tail()}")

    def op_clock(self, delta_s):
        self.stage.time_file.write_text(f"+{delta_s}\n")
        # Certificates and lists that were judged at another time are judged again within a second.
        time.sleep(1.5)

    # -- the log --

    def op_verify_audit(self, expect="ok"):
        self._verify(expect, None)

    def op_verify_audit_since_checkpoint(self, expect="ok"):
        self._verify(expect, self.exported)

    def _verify(self, expect, since):
        box = self.stage.box
        if expect == "ok":
            # A box in doubt answers nothing: only a restart reads the truth (design.md section 6).
            if self.tracer:
                self.tracer.lines()
                self.tracer = None
            self.stage.ensure_up(box)
        try:
            entries = box.audit_entries()
            problems = [*log_problems(entries, served_checkpoint(box), since)]
            if not self.stage.history_lost:
                problems += unrecorded(self.stage.books, entries, {0})
        except (*GONE, Failure) as error:
            problems = [f"no log: {error}"[:300]]
        self.notes.append(f"log: {problems[0] if problems else 'good'}")
        if expect == "ok" and problems:
            raise Broken(problems[0])
        if expect == "fail" and not problems:
            raise Broken("the log verifies, and must not")

    def op_export_checkpoint(self):
        self.exported = checkpoint_of(self.stage.box.audit_entries())

    # -- sweeps --

    def op_sweep_kill9_syscalls(self, during):
        stage, box = self.stage, self.stage.box
        shim = FaultShim(stage.folder / "shim")
        box.stop()
        for number in itertools.count(1):
            if number > MOST_POINTS:
                raise Broken(f"more than {MOST_POINTS} points")
            why = stage.bring_up(box, shim.environment(box))
            if why:
                raise Broken(f"after the kill at call {number - 1}: {why}")
            self._check_recorded()
            shim.arm(STATE, at=number, action=KILL)
            for step in during:
                self.run(step)
            fired = shim.fired
            shim.disarm()
            if not fired:
                break
            box.process.wait(STOP_SECONDS)
            box.kill()
        self.notes.append(f"{number - 1} points")
        if number - 1 < 4:
            raise Broken(f"only {number - 1} points: two flushes make more")

    def _check_recorded(self):
        missing = unrecorded(self.stage.books, self.stage.box.audit_entries(), {0})
        if missing:
            raise Broken(missing[0])

    def op_sweep_bitflips(self, part, times):
        """Each flip is a world of its own: store and token are put back to the moment before, and the books too.

        Half of the flips are anywhere in the file, half in the rows of the part."""
        stage, box = self.stage, self.stage.box
        kept, books = stage.kept(), stage.books
        rows = [value for table in (("counters",) if part == "counters" else (part,))
                for _, value in rows_of(stage.store_of(box), table)]
        file = stage.store_of(box) / "data.mdb"
        octets = file.read_bytes()
        places = sorted({found.start() + offset for value in rows
                         for found in re.finditer(re.escape(value), octets) for offset in range(len(value))})
        refused = signed = 0
        for _ in range(min(times, self.times or times)):
            place = self.generator.choice(places) if self.generator.random() < 0.5 else \
                self.generator.randrange(len(octets))
            bit = self.generator.randrange(8)
            flipped = bytearray(octets)
            flipped[place] ^= 1 << bit
            file.write_bytes(flipped)
            stage.books = copy.deepcopy(books)
            if stage.bring_up(box) is None:
                signed += self._sign_each(f"bit {bit} of octet {place}")
                if stage.books.problems:
                    raise Broken(f"bit {bit} of octet {place} flipped: {stage.books.problems[0]}")
            else:
                refused += 1
            box.kill()
            stage.put_back(kept)
        stage.books = books
        stage.history_lost = False
        self.notes.append(f"{refused} refused at start, {signed} signatures above all before")

    def _sign_each(self, what):
        signed = 0
        client = self.stage.box.client("dsp")
        for device in self.stage.devices:
            outcome = self.stage.submit(self.stage.box, client, *self.stage.document(device))
            signed += outcome.signed
            if outcome.answer is None:
                self.notes.append(f"{what}: {outcome.reason}")
                if self.stage.box.process.poll() is not None:
                    break
        client.close()
        return signed

    # -- faults --

    def op_inject(self, syscall, nth, file, error=None, short=False):
        """`file`: the store's one file. A `write` to it is one of LMDB's calls; a short one is told, not made."""
        if file != "audit":
            raise Broken(f"no such file: {file}")
        if short:
            inject = f"{DATA_SYSTEM_CALLS}:retval=512:when={nth}"
        else:
            inject = f"{syscall}:error={error}:when={nth}"
        self.tracer = Tracer(self.stage.box, self.stage.folder / "trace", inject)

    def _no_sync_after_the_failed_one(self):
        lines, self.tracer = self.tracer.lines(), None
        failed = [number for number, line in enumerate(lines) if "INJECTED" in line]
        if not failed:
            raise Broken("nothing was injected")
        again = [line for line in lines[failed[0] + 1:] if "data.mdb" in line]
        if again:
            raise Broken(f"tried again after the failed sync: {again[0]}")

    def op_hsm_lose(self):
        self.stage.gone_file.write_text("sessions")

    def op_hsm_return(self):
        self.stage.gone_file.unlink()

    def op_hsm_corrupt_nth_sign(self, n):
        self.corrupt = n

    def _corrupt_nth(self, number, begins):
        if number == self.corrupt and begins:
            self.stage.fault_file.write_text("wrong-signature")
        elif number == self.corrupt:
            self.stage.fault_file.unlink(missing_ok=True)

    def op_hsm_replace_key(self):
        for kind in ("privkey", "pubkey"):
            self.stage.token_tool("--delete-object", "--type", kind, "--label", "acb-ds")
        self.stage.token_tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "acb-ds", "--usage-sign")

    # -- backup --

    def op_backup(self, id):  # pylint: disable=redefined-builtin
        file = self.stage.folder / f"{id}.backup"
        run(binary("tools", "acbctl"), "--directory", str(self.stage.box.directory), "backup", "--out", str(file))
        self.backups[id] = [file.read_bytes()]

    def op_flip(self, id, times):  # pylint: disable=redefined-builtin
        """One bit of one octet, so many times: each is a backup of its own."""
        good = self.backups[id][0]
        places = {self.generator.randrange(len(good)) for _ in range(min(times, self.times or times) - 2)}
        self.backups[id] = []
        for place in sorted(places | {0, len(good) - 1}):
            changed = bytearray(good)
            changed[place] ^= 1 << self.generator.randrange(8)
            self.backups[id].append(bytes(changed))
        self.untouched = good

    def op_restore(self, id, expect):  # pylint: disable=redefined-builtin
        """On a stopped box beside the first, with its token. Only damage counts as a refusal here, so the untouched
        backup is restored too (`--recover`: its token's anchor is of a later moment)."""
        if expect != "refuse":
            raise Broken(f"no such expectation: {expect}")
        self.stage.box.stop()
        for number, octets in enumerate(self.backups[id]):
            done, store = self._restore(octets)
            if done.returncode != 1:
                raise Broken(f"changed backup {number + 1}: exit {done.returncode}: {done.stdout}{done.stderr}")
            if "BACKUP_DAMAGED" not in done.stderr + done.stdout and "backup" not in done.stderr.lower():
                raise Broken(f"changed backup {number + 1}: refused for another cause: {done.stderr}")
            if (store / "data.mdb").exists():
                raise Broken(f"changed backup {number + 1}: refused, and a store is there")
        if self.untouched is not None:
            done, _ = self._restore(self.untouched)
            if done.returncode != 0:
                raise Broken(f"the untouched backup: {done.stderr}")
        self.notes.append(f"{len(self.backups[id])} changed backups")

    def _restore(self, octets):
        """What `acbctl restore` did, and the directory of the store."""
        box = self.stage.box.directory
        directory = self.stage.folder / "restored"
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(box, directory, ignore=shutil.ignore_patterns("tokens", "store", "*.log"))
        file = directory / "backup"
        file.write_bytes(octets)
        done = run(binary("tools", "acbctl"), "restore", str(file), "--key", str(box / "tls" / "backup-private.pem"),
                   "--config", str(directory / "acbd.toml"), "--recover", env=self.stage.box.env, check=False)
        return done, directory / "store"

    # -- power --

    def op_record(self, requests, fresh):
        """Provisioning and start were recorded by the stage; `fresh` is what every stage is."""
        if not fresh:
            raise Broken("a recording begins with an empty directory")
        stage, client = self.stage, self.stage.box.client("dsp")
        for number in range(requests):
            outcome = stage.submit(stage.box, client, *stage.document(stage.devices[number % len(stage.devices)]))
            self._expect(outcome, "ok", f"recorded request {number + 1}")
            stage.power.tell(client, outcome.answer)
        client.close()
        stage.box.stop()
        stage.power.end()
        self.notes.append(f"{len(stage.power.recording)} records")

    def op_powercut(self, states, strict_posix):
        # Each disk by check_store: every record read, everything told looked up. test_power_cut.py starts boxes on such.
        found = self.stage.power.problems(states, strict_posix, self.generator)
        self.notes.append(f"{states} disks")
        if found:
            raise Broken(f"{len(found)} problems: {found[0]}")

