#!/usr/bin/python3
"""Each section of platform/RUNBOOK.md against its incident, provoked on a real box: what the page says is seen is seen,
its commands do what it says, as they stand there, and the box signs again.

    test_runbook.py [TEST...]

Issue 8, Shows 6; R-SEC3-61. runbook.py reads the page, so that page and test cannot part: a section without a test
here, or a command that fails, fails. Whether an alert fires is promtool's word, on what the box measured. With
ACB_SHOW=1 each command and what it printed is shown.
"""

import contextlib
import datetime
import errno
import functools
import os
import shutil
import ssl
import sys
import threading
import time

import clients
import harness
import lmdb
import store_copies
from fault_shim import FAIL, STATE, FaultShim
from harness import World, binary, own_pki, temporary_directory
from runbook import RULES, Measures, Operator, Page, alerts_that_fire
from scenario_stage import FAKETIME
from soak_faults import DiskToItself
from test_audit import Witness
import tlog_reference as tlog

HOUR = 3600
DAY = 24 * HOUR
GIB = 1 << 30
WAIT_SECONDS = 30
wait_for = functools.partial(harness.wait_for, seconds=WAIT_SECONDS)
XML = {"Content-Type": "application/xml"}
TRIED = {}  # title of a section -> name of the test
MEASURED = {}  # title -> (before, during), for the alerts
PAGE = Page.read()


def tries(title):
    """This test goes through that section."""

    def marked(function):
        TRIED[title] = function.__name__
        return function

    return marked


class Incident:
    """One section while it is worked through."""

    def __init__(self, case, title):
        self.case, self.title = case, title
        self.section = PAGE.sections[title]
        self.blocks = list(self.section.blocks)
        self.log_from = case.box.log_file.stat().st_size if case.box.log_file.exists() else 0
        self.before = Measures.of(case.box, case.now())
        self.answers = set()

    # -- what happens --

    def ask(self, device=0, document=None):
        """A handover while it lasts; what is answered is seen."""
        world = self.case.world
        document = document or world.sign(world.request(device=world.devices[device]))
        answer = world.submit(document)
        self.answers.add(f"{answer.status} {answer.reason}")
        return document, answer

    def look(self):
        """All that the page says is seen."""
        case = self.case
        during = Measures.of(case.box, case.now())
        MEASURED[self.title] = (self.before, during)
        status = case.operator.run("acbctl status").output
        log = case.box.log_file.read_bytes()[self.log_from:].decode(errors="replace")
        for kind, text in self.section.seen:
            if kind == "metric":
                case.assertTrue(during.holds(text), f"{self.title}: {text}")
            elif kind == "log":
                case.assertIn(f'"event":"{text}"', log, self.title)
            elif kind == "status":
                case.assertIn(text, status, self.title)
            elif kind == "answer":
                case.assertIn(text, self.answers, self.title)

    def block(self, text="", fails=(), **env):
        """The next block of commands; `fails`: those that have to, by their beginning. All that they printed."""
        self.case.assertTrue(self.blocks, f"{self.title}: the page has fewer commands than the test runs")
        self.case.operator.env = {name: str(value) for name, value in env.items()}
        output = ""
        for command in self.blocks.pop(0):
            done = self.case.operator.run(command, text)
            if os.environ.get("ACB_SHOW"):
                print(f"--- {self.title}\n$ {command}   -> {done.status}\n{done.output[:1500]}", flush=True)
            expected = any(command.startswith(beginning) for beginning in fails)
            # A box that is not well says so by the exit status of these.
            if not command.startswith(("acbctl status", "systemctl status")):
                self.case.assertEqual(done.status != 0, expected, f"{self.title}: {command}\n{done.output}\n"
                                                                  f"{self.case.box.log_tail(5)}")
            output += done.output
        return output


class Runbook(harness.TestCase):
    def setUp(self):
        self.folder = self.enterContext(temporary_directory(harness.memory_directory()))
        self.shift = 0

    def stage(self, devices=3, sections=None, env=None, start=True):
        """A box whose HSM obeys self.strike(); `sections`: settings before its first start, {section: {key: value}}."""
        self.order = self.folder / "fault"
        self.world = World.own(self.folder, devices=devices, start=False, shim_log=self.folder / "signatures",
                               shim_env={"ACB_SHIM_FAULT": str(self.order)})
        self.box = self.world.box
        self.addCleanup(self.box.kill_all)
        for section, settings in (sections or {}).items():
            self.box.configure(section, **settings)
        self.box.env.update(env or {})
        self.box.start()
        self.world.import_own()
        self.operator = Operator(self.box, self.folder, PAGE)
        if start:
            self.assert_signs()

    def now(self):
        return time.time() + self.shift

    def strike(self, fault):
        new = self.order.with_suffix(".new")
        new.write_text(fault)
        os.replace(new, self.order)

    def lift(self):
        self.order.unlink()

    def restart(self, **settings):
        """Other settings, by a clean stop."""
        self.box.stop()
        for section, values in settings.items():
            self.box.configure(section, **values)
        self.box.start()

    def assert_signs(self, device=1):
        document = self.world.sign(self.world.request(device=self.world.devices[device]))
        answer = self.world.submit(document)
        self.assert_signed(self.world, document, answer)
        return answer

    def signs_again(self, document=None):
        """Without another word: it goes on by itself."""
        document = document or self.world.sign(self.world.request(device=self.world.devices[1]))
        answer = wait_for("a handover", lambda: (got := self.world.submit(document)).status == 200 and got)
        self.assert_signed(self.world, document, answer)

    @contextlib.contextmanager
    def incident(self, title):
        incident = Incident(self, title)
        yield incident
        self.assertEqual(incident.blocks, [], f"{title}: commands of the page that nobody tried")

    # -- the clock of the service, never the machine's --

    def clock(self):
        self.time_file = self.folder / "time"
        self.time_file.write_text("+0\n")
        return {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(self.time_file), "FAKETIME_NO_CACHE": "1",
                "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def set_clock(self, shift):
        self.shift = shift
        self.time_file.write_text(f"{shift:+d}\n")


class TestService(Runbook):
    @tries("acbd does not answer")
    def test_a_setting_that_is_wrong(self):
        self.stage()
        with self.incident("acbd does not answer") as page:
            good = self.box.config.read_text()
            self.box.config.write_text(good + "\n[nonsense]\nvalue = 1\n")
            self.box.stop()
            self.box.spawn()
            self.assertEqual(self.box.outcome(), ("ended", 1))
            page.look()
            self.assertRegex(self.box.log_tail(1), r"^acbd: acbd\.toml:\d+: unknown setting")
            said = page.block(fails=["runuser -u acbd -- acbd --check-config"])
            self.assertIn("nonsense", said)
            self.assertRegex(said, r"acbd\.toml:\d+")
            self.box.config.write_text(good)
            page.block()
            self.assert_signs()

    @tries("acbd is not ready")
    def test_a_store_that_was_put_back(self):
        self.stage()
        with self.incident("acbd is not ready") as page:
            with store_copies.frozen(self.box):
                old = store_copies.read(self.box.store)
            self.world.import_parties()
            self.assert_signs()
            self.box.stop()
            newest = store_copies.read(self.box.store)
            store_copies.write(old, self.box.store)
            self.box.spawn()
            self.assertEqual(self.box.outcome(), ("refused", ("STORE_ROLLED_BACK",)))
            page.look()
            self.assertIn("STORE_ROLLED_BACK", page.block())
            page.block()
            store_copies.write(newest, self.box.store)
            page.block()
            self.assert_signs()

    @tries("after a loss of power")
    def test_a_box_that_was_killed(self):
        self.stage()
        last = self.assert_signs().counter
        with self.incident("after a loss of power") as page:
            self.box.kill_all()
            page.look()
            page.block()
            self.assertIn("the stop before was not clean", page.block())
            window = int(self.box.metric("acb_anchor_window"))
            self.assertGreaterEqual(self.assert_signs().counter, last + window)

    @tries("OVERTAKEN")
    def test_a_copy_that_was_started(self):
        self.stage()
        with self.incident("OVERTAKEN") as page:
            with store_copies.frozen(self.box):
                copy = store_copies.read(self.box.store)
            other = self.box.beside(self.folder / "other")
            self.addCleanup(other.kill_all)
            store_copies.write(copy, other.store)
            other.start()
            with contextlib.suppress(OSError, harness.http.client.HTTPException):
                page.ask()
            self.assertEqual(self.box.process.wait(WAIT_SECONDS), 1)
            page.look()
            self.assertIn("overtaken", page.block())
            # As the page says: it does not start again, and the other goes on.
            self.box.spawn()
            self.assertEqual(self.box.outcome(), ("refused", ("STORE_ROLLED_BACK",)))
            self.box.stop()
            document = self.world.sign(self.world.request(device=self.world.devices[1]))
            self.assert_signed(self.world, document, other.submit(document))
            other.stop()

    @tries("handovers are slow")
    def test_an_hsm_that_is_slow(self):
        self.stage()
        with self.incident("handovers are slow") as page:
            self.strike("delay:C_Sign:1100000")
            document = self.world.sign(self.world.request(device=self.world.devices[1]))
            self.assert_signed(self.world, document, self.world.submit(document))
            page.look()
            told = dict(line.rsplit(" ", 1) for line in page.block().splitlines() if line.startswith("acb_"))
            stages = {name: float(value) for name, value in told.items() if "stage_seconds_sum" in name}
            self.assertIn('stage="sign"', max(stages, key=stages.get))
            self.lift()
            self.assert_signs()

    @tries("BUSY")
    def test_a_crowd(self):
        self.stage(sections={"limits": {"handovers_at_once": 1, "handovers_waiting": 1, "handover_wait_ms": 50}})
        with self.incident("BUSY") as page:
            self.strike("delay:C_Sign:200000")
            stop = threading.Event()
            self.addCleanup(stop.set)

            def client(number):
                own = self.box.client("dsp")
                while not stop.is_set():
                    document = self.world.sign(self.world.request(device=self.world.devices[0]).but(
                        counter=10**6 * (number + 1) + int(time.monotonic() * 1000)))
                    answer = own.request("POST", "/v1/handovers", document, XML)
                    page.answers.add(f"{answer.status} {answer.reason}")
                own.close()

            crowd = [threading.Thread(target=client, args=(number,), daemon=True) for number in range(6)]
            for one in crowd:
                one.start()
            wait_for("503 BUSY", lambda: "503 BUSY" in page.answers)
            page.look()
            told = page.block()
            self.assertIn('"client":"dsp.acb.test"', told)
            text = self.box.config.read_text()
            name = 'identity = "dsp.acb.test"'
            self.box.config.write_text(text.replace(name, f"{name}\nconnections = 2"))
            stop.set()
            for one in crowd:
                one.join()
            page.block()
            self.box.close_clients()
            own = [self.box.client("dsp") for _ in range(3)]
            found = [one.request("GET", "/healthz").status for one in own]
            self.assertEqual(found, [200, 200, 503])
            for one in own:
                one.close()
            self.lift()
            self.signs_again()

    @tries("handovers end in faults")
    def test_faults(self):
        self.stage()
        with self.incident("handovers end in faults") as page:
            self.strike("gone")
            page.ask()
            page.look()
            self.assertIn("HSM_UNAVAILABLE", page.block())
            self.lift()
            self.signs_again()

    @tries("the sandbox is off")
    def test_no_sandbox(self):
        self.stage(sections={"hardening": {"sandbox": False}})
        state = self.box.get("/readyz").json["sandbox"]
        if state.get("off") == "built with a sanitizer":
            self.skipTest("built with a sanitizer: the sandbox is left out")
        with self.incident("the sandbox is off") as page:
            page.log_from = 0
            page.look()
            self.assertIn("sandbox-off", page.block())
            self.box.configure("hardening", sandbox=True)
            page.block()
            self.assertGreater(self.box.metric("acb_sandbox_system_calls"), 0)
            self.assert_signs()


class TestStore(Runbook):
    @tries("STORE_IN_DOUBT")
    def test_a_write_that_failed(self):
        shim = FaultShim(self.folder / "shim")
        self.stage()
        self.box.stop()
        self.box.env.update(shim.environment(self.box))
        self.box.start()
        with self.incident("STORE_IN_DOUBT") as page:
            shim.arm(STATE, at=1, action=FAIL, error=errno.EIO)
            page.ask()
            shim.disarm()
            self.assertTrue(shim.fired)
            document, _ = page.ask()
            page.look()
            page.block()
            page.block()
            self.signs_again(document)

    @tries("STORE_FULL")
    def test_disk_and_map(self):
        self.addCleanup(DiskToItself().give_back)
        self.folder = self.enterContext(temporary_directory())  # of a real disk: to fill it costs nothing
        self.stage()
        self.box.stop()
        # Of the real disk, with room on either side for what others write meanwhile; the map is larger than that.
        status = os.statvfs(self.box.store)
        available = status.f_bavail * status.f_frsize
        reserve = min(available - available // 8, 1 << 40)
        self.box.configure("store", map_size_gib=2 * reserve // GIB + 1, reserve_mib=(reserve >> 20) - 1)
        self.box.start()
        self.assert_signs()
        with self.incident("STORE_FULL") as page:
            filler = self.folder / "filler"
            with open(filler, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, available - reserve + available // 16)
            time.sleep(1.5)  # the box looks at most once a second
            document, _ = page.ask()
            page.look()
            page.block()
            filler.unlink()
            page.block()
            self.signs_again(document)
            self.box.stop()
            self.box.configure("store", map_size_gib=1, reserve_mib=1024)
            self.box.start()
            self.assertEqual(page.ask()[1].reason, "STORE_FULL")
            self.box.configure("store", map_size_gib=8)
            page.block()
            self.assert_signs()

    @tries("RECORD_DAMAGED")
    def test_a_record_that_was_changed(self):
        self.stage()
        backup = self.folder / "box.backup"
        with self.incident("RECORD_DAMAGED") as page:
            harness.run(binary("tools", "acbctl"), "--directory", str(self.box.directory), "backup", "--out", str(backup))
            last = self.assert_signs(0).counter
            self.box.stop()
            device = bytes.fromhex(self.world.devices[0])
            with lmdb.open(str(self.box.store), max_dbs=64, map_size=1 << 36, lock=False) as store:
                with store.begin(write=True) as transaction:
                    table = store.open_db(b"devices", transaction, create=False)
                    value = bytearray(transaction.get(device, db=table))
                    value[5] ^= 1
                    transaction.put(device, bytes(value), db=table)
            self.box.start()
            page.ask(0)
            self.assert_signs(1)
            page.look()
            self.assertIn(harness.duis_sign.hyphenated(self.world.devices[0]), page.block().upper())
            page.block()
            shutil.move(self.box.store, self.folder / "aside")
            page.block(BACKUP=backup, BACKUP_KEY=self.box.directory / "tls" / "backup-private.pem")
            self.assertGreater(self.assert_signs(0).counter, last)

    @tries("checkpoints fail")
    def test_a_checkpoint_file_that_cannot_be_written(self):
        file = self.folder / "notes" / "checkpoints"
        file.mkdir(parents=True)  # a directory in its place
        self.stage(sections={"audit": {"checkpoint_file": str(file)}})
        with self.incident("checkpoints fail") as page:
            page.log_from = 0
            self.strike("error")
            self.world.import_parties([f"{harness.duis_sign.hyphenated(self.world.pki.other_supplier)},SUP2,IS,active,"
                                       "2016-01-01,,yes,"])  # is anchored at once, and then there is to be a checkpoint
            wait_for("a failure", lambda: '"event":"checkpoint-failed"' in self.box.log_file.read_text())
            page.look()
            self.lift()
            self.signs_again()
            said = page.block()
            self.assertIn("checkpoints cannot be written", said)
            self.assertIn("can_sign: false", said)
            file.rmdir()
            page.block()
            self.assertGreater(file.stat().st_size, 0)
            self.assert_signs()


class TestHsm(Runbook):
    @tries("HSM_UNAVAILABLE")
    def test_an_hsm_that_is_gone(self):
        self.stage()
        with self.incident("HSM_UNAVAILABLE") as page:
            self.strike("gone")
            document, _ = page.ask()
            wait_for("the breaker", lambda: self.box.metric("acb_hsm_available") == 0)
            page.ask(2)
            page.look()
            page.block()
            self.lift()
            self.signs_again(document)
            wait_for("its line", lambda: '"event":"hsm-available"' in self.box.log_file.read_text())
            page.block()
            # What a restart is for: the process that lists objects has ended, and does not come back by itself.
            lister = next(pid for pid in os.listdir("/proc") if pid.isdigit() and self.is_lister(pid))
            os.kill(int(lister), 9)
            page.block()
            self.assert_signs()
            # And: it was away when acbd started.
            self.strike("gone")
            self.operator.run("systemctl restart acbd")
            self.lift()
            time.sleep(1)
            self.assertIn("state: Locked", self.operator.run("acbctl status").output)
            restarted = self.operator.run(page.section.blocks[-1][0])
            self.assertEqual(restarted.status, 0, restarted.output)
            self.assert_signs()

    def is_lister(self, pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                name, _, rest = file.read().partition("(")[2].rpartition(")")
        except OSError:
            return False
        return name == "acb-lister" and int(rest.split()[1]) == self.box.process.pid

    @tries("HSM_PIN")
    def test_a_pin_that_is_wrong(self):
        self.stage()
        with self.incident("HSM_PIN") as page:
            pin = self.box.directory / "pin"
            right = pin.read_text()
            self.box.stop()
            pin.write_text("0000\n")
            self.box.spawn()
            self.assertEqual(self.box.outcome(), ("refused", ("HSM_PIN",)))
            page.look()
            page.block(text=right)
            self.assertEqual(pin.stat().st_mode & 0o777, 0o600)
            self.assert_signs()

    @tries("KEY_LIMIT")
    def test_a_pair_that_has_signed_enough(self):
        self.stage(sections={"keys": {"max_operations": 2}})
        with self.incident("KEY_LIMIT") as page:
            page.log_from = 0
            self.assert_signs()
            document, _ = page.ask()
            page.look()
            self.assertIn("2", page.block())
            self.box.configure("keys", max_operations=1000)
            page.block()
            self.signs_again(document)


class TestWhatDecides(Runbook):
    PARTIES = "user_id,party,role,status,from,to,uept,notice_to_cease\n"

    @tries("FEED_STALE")
    def test_a_feed_that_does_not_come(self):
        self.stage(sections={"feeds.max_age_hours": {"parties": 1}}, env=self.clock())
        with self.incident("FEED_STALE") as page:
            self.set_clock(2 * HOUR)
            document, _ = page.ask()
            page.look()
            page.block()
            rows = [f"{harness.duis_sign.hyphenated(self.world.supplier)},SUPP,{role},active,2016-01-01,,yes,\n"
                    for role in ("IS", "GS")]
            (self.box.directory / "parties.csv").write_text(self.PARTIES + "".join(rows))
            page.block()
            self.signs_again(document)

    def lists_of(self, shift):
        """CRL and ARL as their issuers would give them out then."""
        made = self.world.pki.made
        moment = made.now + datetime.timedelta(seconds=shift)
        return "".join(own_pki.make_pki.make_list(str(self.world.pki.directory), made.NUMBER + 1, now=moment, arl=arl)
                       for arl in (False, True))

    @tries("CRL_STALE")
    def test_a_revocation_list_that_has_ended(self):
        self.stage(env=self.clock())
        with self.incident("CRL_STALE") as page:
            self.set_clock(14 * HOUR)
            document, _ = page.ask()
            page.look()
            page.block()
            (self.box.directory / "lists.pem").write_text(self.lists_of(14 * HOUR))
            page.block()
            self.signs_again(document)

    @tries("the clock is wrong")
    def test_a_clock_that_is_ahead(self):
        self.stage(env=self.clock())
        with self.incident("the clock is wrong") as page:
            self.set_clock(14 * HOUR)
            document, _ = page.ask()
            page.look()
            self.assertRegex(page.block(), r'acb_feed_age_seconds\{feed="parties"\} 504\d\d')
            self.set_clock(0)
            page.block()
            self.signs_again(document)

    @tries("VOLUME_EXCEEDED")
    def test_more_than_was_expected(self):
        self.stage(sections={"volume": {"user_hour": 1}})
        with self.incident("VOLUME_EXCEEDED") as page:
            document, answer = page.ask()
            page.look()
            number = answer.json["quarantine"]
            self.assertIn(number, page.block())
            page.block(ID=number)
            self.signs_again(document)

    @tries("an alarm on the record")
    def test_a_root_that_came_by_a_feed(self):
        self.stage()
        with self.incident("an alarm on the record") as page:
            self.box.import_feed("organisation-certificates", own_pki.pem_of_der(self.world.pki.der("foreign-root")))
            page.look()
            self.assertIn("root in feed", page.block())
            self.assert_signs(1)

    @tries("GNP_NOT_USER or DEVICE_STATUS")
    def test_a_device_to_which_nothing_is_sent(self):
        self.stage()
        with self.incident("GNP_NOT_USER or DEVICE_STATUS") as page:
            device = harness.duis_sign.hyphenated(self.world.devices[0])
            self.box.import_feed("devices", "device_id,type,smets,model,smi_status,commissioned,mpxn,"
                                 "key_agreement_certificate,supplier_cell,supplier_floor,network_operator_cell,"
                                 f"network_operator_floor\n{device},GPF,SMETS2,model,Suspended,2020-01-01,3938420000,,,,,\n")
            _, answer = page.ask()
            self.assertEqual(answer.reason, "DEVICE_STATUS")
            page.look()
            self.assertIn("DEVICE_STATUS", page.block())
            self.assert_signs(1)

    @tries("COUNTER_EXHAUSTED")
    def test_a_counter_near_its_end(self):
        self.stage(sections={"limits": {"counter_jump": str(2**63 - 1)}})
        with self.incident("COUNTER_EXHAUSTED") as page:
            document = self.world.sign(self.world.request(device=self.world.devices[0]))
            self.assert_signed(self.world, document, self.world.submit(document, 2**63 - 1000))
            page.look()
            self.assertIn(str(2**63 - 1000), page.block(DEVICE=self.world.devices[0]))
            self.assert_signs(1)


class TestPeople(Runbook):
    def without(self, identity):
        text = self.box.config.read_text()
        left = harness.re.sub(rf'\[\[client\]\]\nidentity = "{identity}"\n(?:[^\[\n].*\n|\n)*', "", text)
        self.assertNotEqual(left, text)
        self.box.config.write_text(left)

    @tries("signing is suspended")
    def test_signing_that_was_stopped(self):
        self.stage()
        with self.incident("signing is suspended") as page:
            self.operator.run("acbctl suspend now all --authority 'duty officer'")
            document, _ = page.ask()
            page.look()
            self.assertIn("duty officer", page.block())
            page.block()
            self.signs_again(document)

    @tries("a suspected key or client")
    def test_a_key_and_a_client_under_suspicion(self):
        self.stage()
        with self.incident("a suspected key or client") as page:
            page.block()
            self.assertIn("SIGNING_SUSPENDED", page.block())
            self.assertIn("suspect", page.case.operator.run("acbctl report notifications").output)
            page.look()
            feed = self.box.client("feed")
            self.assertEqual(feed.request("GET", "/v1/feeds").status, 200)
            self.without("feed.acb.test")
            page.block()
            feed.connection.sock.settimeout(WAIT_SECONDS)
            with contextlib.suppress(ConnectionResetError, ssl.SSLError):
                self.assertEqual(feed.connection.sock.recv(1), b"")
            feed.close()
            lifted = self.operator.run(PAGE.sections["signing is suspended"].blocks[1][0])
            self.assertEqual(lifted.status, 0, lifted.output)
            self.signs_again()

    @tries("an operator leaves")
    def test_an_operator_who_leaves(self):
        self.stage()
        with self.incident("an operator leaves") as page:
            self.assertEqual(self.box.get("/v1/quarantine", "operator2").status, 200)
            self.without("operator2.acb.test")
            page.look()
            page.block()
            self.box.close_clients()
            self.assertEqual(self.box.get("/v1/quarantine", "operator2").status, 403)
            page.block()
            self.assert_signs()

    @tries("a certificate ends")
    def test_the_servers_certificate(self):
        self.stage()
        authority = clients.Authority(name="Servers of the tests")
        tls = self.box.directory / "tls"
        names = self.box.setting("tls", "certificate"), self.box.setting("tls", "key")
        self.assertEqual(names, ("tls/server.pem", "tls/server.key"))

        def certify(days):
            for path, octets in zip(names, self.server_certificate(authority, days)):
                (self.box.directory / path).write_bytes(octets)

        certify(10)
        with open(tls / "ca.pem", "ab") as file:
            file.write(authority.certificate.public_bytes(clients.serialization.Encoding.PEM))
        self.box._contexts.clear()  # pylint: disable=protected-access
        self.restart()
        with self.incident("a certificate ends") as page:
            page.look()
            page.block()
            certify(365)
            page.block()
            self.box.close_clients()
            self.assertGreater(self.box.metric("acb_certificate_not_after_seconds", certificate="tls-server"),
                               time.time() + 300 * DAY)
            self.assert_signs()

    @staticmethod
    def server_certificate(authority, days):
        import ipaddress

        x509, serialization = clients.x509, clients.serialization
        key = clients.ec.generate_private_key(clients.ec.SECP256R1())
        certificate = authority._signed(  # pylint: disable=protected-access
            x509.Name([x509.NameAttribute(clients.NameOID.COMMON_NAME, "127.0.0.1")]), key.public_key(), days * DAY, [
                (x509.BasicConstraints(ca=False, path_length=None), True),
                (x509.ExtendedKeyUsage([clients.ExtendedKeyUsageOID.SERVER_AUTH]), False),
                (x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)])
        return (certificate.public_bytes(serialization.Encoding.PEM),
                key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                  serialization.NoEncryption()))

    @tries("a witness does not answer")
    def test_a_witness_that_is_away(self):
        witness = Witness(self.folder)
        self.addCleanup(witness.close)
        self.stage()
        witness.lie = lambda body: (503, b"")
        with self.incident("a witness does not answer") as page:
            self.box.config.write_text(self.box.config.read_text() + witness.configuration())
            self.restart()
            self.assert_signs()
            wait_for("a failure", lambda: self.box.metric("acb_witness_failures_total"))
            page.look()
            page.block()
            checkpoint = self.folder / "vkey"
            harness.run(binary("tools", "acbctl"), "--directory", str(self.box.directory), "audit", "checkpoint", "--out",
                        str(self.folder / "note"), "--vkey-out", str(checkpoint))
            witness.lie, witness.key = None, tlog.Key(checkpoint.read_text())
            self.box.stop()  # the box's patience with the witness begins anew
            self.box.start()
            wait_for("a cosignature", lambda: '"event":"cosigned"' in self.box.log_file.read_text())
            page.block()
            self.assert_signs()


class ThePage(harness.TestCase):
    """After the others: classes go by their names."""

    def test_every_section_is_tried(self):
        self.assertEqual(sorted(TRIED), sorted(PAGE.sections))
        self.assertGreaterEqual(len(TRIED), 15)

    def test_every_alert_has_its_section_and_every_section_its_alert(self):
        rules = RULES.read_text()
        runbook = dict(harness.re.findall(r'- alert: (\w+)(?:.|\n)*?runbook: "([^"]+)"', rules))
        self.assertEqual(set(runbook), set(harness.re.findall(r"- alert: (\w+)", rules)))
        for alert, title in runbook.items():
            self.assertIn(title, PAGE.sections, alert)
            self.assertIn(f"`{alert}`", PAGE.text, "an operator looks for it")
        for title, section in PAGE.sections.items():
            for kind, text in section.seen:
                if kind == "alert":
                    self.assertIn(text, runbook, title)

    def test_the_alerts_fire_on_what_was_measured(self):
        if not MEASURED:
            self.skipTest("no incident was tried in this run")
        healthy = {f"before {title}": (before, before) for title, (before, _) in MEASURED.items()
                   if title == "HSM_UNAVAILABLE"}
        with temporary_directory() as folder:
            fired = alerts_that_fire(folder, {**MEASURED, **healthy})
        for title in MEASURED:
            for kind, text in PAGE.sections[title].seen:
                if kind == "alert":
                    self.assertIn(text, fired[title], title)
        for title in healthy:
            self.assertEqual(fired[title] - {"AcbdSandboxOff"}, set(), "a test box has no sandbox; nothing else is wrong")


if __name__ == "__main__":
    sys.exit(harness.main())
