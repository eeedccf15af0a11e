"""The steps that break something: sweeps over system calls and bits, faults of disk and token, backups, loss of power."""

import copy
import itertools
import re
import shutil

from fault_shim import KILL, STATE, FaultShim
from harness import STOP_SECONDS, binary, run
from scenario_books import unrecorded
from scenario_load import Broken, Tracer
from scenario_stage import rows_of

MOST_POINTS = 500  # of one request: more means that a sweep does not end
LEAST_POINTS = 4  # two flushes, each of pages and of a meta page
DATA_SYSTEM_CALLS = "pwrite64,pwritev,writev"  # how LMDB writes its pages


class Sweeps:
    """A part of scenario_steps.Steps."""

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
            shim.disarm()
            fired = shim.fired
            if not fired:
                break
            box.process.wait(STOP_SECONDS)
            box.kill()
        self.notes.append(f"{number - 1} points")
        if number - 1 < LEAST_POINTS:
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
        # Each disk by check_store: every record read, everything told looked up. test_power_cut.py starts boxes.
        found = self.stage.power.problems(states, strict_posix, self.generator)
        self.notes.append(f"{states} disks")
        if found:
            raise Broken(f"{len(found)} problems: {found[0]}")

