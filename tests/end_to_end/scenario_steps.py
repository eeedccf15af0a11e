"""The steps of ../shared/vectors/counter-scenarios, each a method of Steps; a step or an argument not known fails.

Where the file and design.md section 4 differ, the design decides; it is said beside the step.
"""

import re
import subprocess
import threading
import time

from harness import STOP_SECONDS, Failure, own_pki, plain
from scenario_books import checkpoint_of, log_problems, served_checkpoint, unrecorded
from scenario_load import MOST_TRIES, Broken, Load
from scenario_stage import GONE
from scenario_sweeps import Sweeps


class Steps(Sweeps):
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
            entries = box.audit_entries()
            for problem in log_problems(entries, served_checkpoint(box)) + unrecorded(self.stage.books, entries, {0}):
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
            if "alarm" not in kinds:
                raise Broken("the wrong signature is no alarm")
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
