"""A real box for the end-to-end tests: provisions it, starts and stops acbd, talks to it over mTLS.

    box    = Box.provision(directory, ...)     acbctl provision, then the configuration as a test needs it
    world  = World.own(directory)              a box with the tests' own PKI: nothing relaxed
    world  = World.rtds(directory)             a box with the DCC's public test data (needs ../shared)
    answer = world.submit(document)            over a keep-alive connection of role dsp

The programs come from ACB_BINARY_DIR (default build/release), the test data from ACB_SHARED (default
../shared). A test program ends with `harness.main()`, which prints 'N passed, N failed' last.
"""

import atexit
import base64
import contextlib
import http.client
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "independent"))
sys.dont_write_bytecode = True

import duis_sign  # noqa: E402  pylint: disable=wrong-import-position
import gbcs_reference  # noqa: E402  pylint: disable=wrong-import-position
import own_pki  # noqa: E402  pylint: disable=wrong-import-position

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
READY_SECONDS = float(os.environ.get("ACB_READY_SECONDS", "30"))  # sanitised builds start slowly
FEWER_CONNECTIONS = 128 if "ACB_READY_SECONDS" in os.environ else None  # there a thread costs a MiB and 5 ms
STOP_SECONDS = 30
_PORTS_TAKEN = []  # sockets whose names say so to other test programs
ROLES = ("dsp", "feed", "northbound", "auditor", "operator")

# The DCC's public test data (rtds/README.md, gbcs-cs02b.md section 9.2).
RTDS_TIME = "2025-10-01T12:00:00Z"
RTDS_ANCHOR = ("CN=ZA,OU=00=040691e68b45c57e2ec7974ef6d1360a50da01576e0ee0b3b4c67f64127120e63f"
               "31771cc9dcbd5ae007d0c6170951d7035bcefc8b1f81805e0fd0f7a555dcca78")
RTDS_ACB = "90b3d51f30000002"
RTDS_SUPPLIER = "90b3d51f30010000"
RTDS_NETWORK_OPERATOR = "90b3d51f30020000"
RTDS_DEVICE = "00db1234567890a3"


def shared_dir():
    return Path(os.environ.get("ACB_SHARED", ROOT.parent / "shared"))


def need_shared():
    """Skips the test in a plain clone, with the reason; fails it in CI."""
    if (shared_dir() / "rtds" / "README.md").exists():
        return shared_dir()
    reason = f"no test data at {shared_dir()} (set ACB_SHARED)"
    if os.environ.get("CI") == "true":
        raise AssertionError(reason)
    raise unittest.SkipTest(reason)


def binary(part, name):
    folder = Path(os.environ.get("ACB_BINARY_DIR", ROOT / "build" / "release"))
    for path in (folder / part / name, folder / part / name / name):
        if path.is_file():
            return str(path)
    raise SystemExit(f"{folder / part / name} is not built; build it or set ACB_BINARY_DIR")


def shim_module():
    if "ACB_SHIM_PATH" in os.environ:
        return os.environ["ACB_SHIM_PATH"]
    return binary("tests/hsm", "libacb_pkcs11_shim.so")


_STARTED = []  # every process of this program, so that none outlives it when a test fails


@atexit.register
def _end_what_was_started():
    for process in _STARTED:
        if process.poll() is None:
            process.kill()
            process.wait()


class Failure(Exception):
    """A program did not do what the harness asked of it."""


def wait_for(what, look, seconds):
    """The first value of look() that counts as true; a failure after a long time says what was waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what}: not in {seconds} s")


def run(*command, env=None, check=True):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(env or {})}, check=False)
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(command[:4])} ...: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def free_port():
    """A port that is this program's until it ends: a box is stopped and started again, with other tests beside it. Below
    the ports that the kernel gives out by itself."""
    for port in random.SystemRandom().sample(range(20_000, 30_000), 500):
        word = socket.socket(socket.AF_UNIX)
        try:
            word.bind(f"\0acb-test-port-{port}")  # a name without a file, gone with its socket
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            word.close()
            continue
        _PORTS_TAKEN.append(word)
        return port
    raise Failure("no port is free")


def cpu_seconds(pid):
    """What the process has used of processors."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(ticks) for ticks in fields[11:13]) / os.sysconf("SC_CLK_TCK")


def but_anchors(entries):
    """Of Box.audit_entries: an anchor comes when it is due (design.md section 4), whatever a test does."""
    return [(octets, entry) for octets, entry in entries if entry["kind"] != "anchor"]


class Answer:
    """One HTTP answer."""

    def __init__(self, status, headers, octets):
        self.status = status
        self.headers = headers
        self.octets = octets

    @property
    def json(self):
        return json.loads(self.octets) if self.octets else {}

    @property
    def reason(self):
        """The reason's name of a refusal, None of anything else."""
        try:
            return self.json.get("reason")
        except ValueError:
            return None

    @property
    def command(self):
        return base64.b64decode(self.json["command"], validate=True)

    @property
    def counter(self):
        return int(self.json["originator_counter"])

    def __repr__(self):
        return f"<{self.status} {self.octets[:400]!r}>"


class Client:
    """One keep-alive connection with the client certificate of a role. One thread at a time."""

    def __init__(self, box, role, timeout=30):
        self.box = box
        self.role = role
        self.timeout = timeout
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        """Sends once; a connection that the server had closed while idle is opened anew."""
        reused = self.connection is not None
        try:
            return self._once(method, path, body, headers)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
            self.close()
            if not reused:
                raise
            return self._once(method, path, body, headers)

    def _once(self, method, path, body, headers):
        if self.connection is None:
            self.connection = http.client.HTTPSConnection(
                "127.0.0.1", self.box.port, timeout=self.timeout, context=self.box.tls_context(self.role))
            self.connection.connect()
            self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.connection.request(method, path, body, headers or {})
            response = self.connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        except Exception:
            self.close()
            raise

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Box:
    """One provisioned directory and the acbd that runs on it."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.process = None
        self.env = {}
        self.prefix = []  # before acbd on its command line: a tracer
        self.program = None  # another acbd than the one that was built
        self.ignores_file_size_signal = False  # acbd lives on when a write passes RLIMIT_FSIZE: EFBIG, as a full disk
        self._contexts = {}
        self._clients = {}
        self.port = int(self.setting("listen", "port"))

    @classmethod
    def provision(cls, directory, *, ds_certificate, ka_certificate, ds_key=None, ka_key=None, roots=(), anchors=(),
                  validation_time=None, issuers_without_crl=(), pinned=(), environment="test", module=SOFTHSM):
        command = [binary("tools", "acbctl"), "provision", "--module-test-rounds", "2", "--directory", str(directory),
                   "--environment", environment,
                   "--module", module, "--port", str(free_port()), "--acb-ds-certificate", str(ds_certificate),
                   "--acb-ka-certificate", str(ka_certificate)]
        for name, key in (("ds", ds_key), ("ka", ka_key)):
            if key:
                command += ["--import-key", f"{name}={key}"]
        for option, values in (("--root", roots), ("--trust-anchor", anchors), ("--pinned-signer", pinned),
                               ("--issuer-without-crl", issuers_without_crl)):
            for value in values:
                command += [option, str(value)]
        if validation_time:
            command += ["--validation-time", validation_time]
        run(*command)
        box = cls(directory)
        if FEWER_CONNECTIONS:
            box.configure("limits", connections=FEWER_CONNECTIONS)
        box.configure("hsm", deadline_ms=2000)  # as long as may be: the machine does other things, too
        return box

    def beside(self, directory, store=None):
        """A second box with everything of this one but its store: same keys, same token, same clients, a port of its
        own. Its store is `store`, by default one in its own directory that the caller puts there."""
        shutil.copytree(self.directory, directory,
                        ignore=lambda folder, names: ["store", "tokens"] if Path(folder) == self.directory else [])
        other = Box(directory)
        other.env = dict(self.env)
        other.program = self.program
        other.port = free_port()
        other.configure("listen", port=other.port)
        other.configure("store", directory=str(store or other.directory / "store"))
        return other

    # -- configuration --

    @property
    def store(self):
        return self.directory / self.setting("store", "directory")

    @property
    def config(self):
        return self.directory / "acbd.toml"

    def setting(self, section, key):
        import tomllib

        return tomllib.loads(self.config.read_text())[section][key]

    def configure(self, section, **settings):
        """Sets keys of one [section] in acbd.toml; a value is written as TOML text of a str or an int."""
        lines = self.config.read_text().splitlines()
        header = f"[{section}]"
        if header not in [line.strip() for line in lines]:
            lines += ["", header]
        for key, value in settings.items():
            at = [line.strip() for line in lines].index(header) + 1
            text = f"{key} = {json.dumps(value)}"
            end = next((i for i in range(at, len(lines)) if lines[i].lstrip().startswith("[")), len(lines))
            found = [i for i in range(at, end) if re.match(rf"\s*{re.escape(key)}\s*=", lines[i])]
            if found:
                lines[found[0]] = text
            else:
                lines.insert(at, text)
        self.config.write_text("\n".join(lines) + "\n")

    def use_shim(self, log, **env):
        """Puts the tests' PKCS#11 shim between acbd and the module, which logs each signature it makes."""
        module = self.setting("hsm", "module")
        self.configure("hsm", module=shim_module())
        self.env.update({"ACB_SHIM_MODULE": module, "ACB_SHIM_LOG": str(log)})
        self.env.update(env)
        # What the shim writes lies outside the box's directories: the box is told that its module needs it.
        folders = {str(Path(value).parent) for value in (str(log), *env.values()) if str(value).startswith("/")}
        self.configure("hardening", hsm_files=sorted(folders))

    def approve_module(self, manufacturer, model="T1", firmware="2.6", level=3, **more):
        """Puts a module on the list of those that a live box may sign with."""
        entry = {"manufacturer": manufacturer, "model": model, "firmware": firmware, "certificate": "4321", "level": level,
                 **more}
        lines = [f"{key} = {json.dumps(value)}" for key, value in entry.items()]
        self.config.write_text("\n".join([self.config.read_text(), "[[hsm.approved]]", *lines, ""]))

    # -- the process --

    @property
    def log_file(self):
        return self.directory / "acbd.log"

    def spawn(self, env=None):
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [*self.prefix, self.program or binary("platform", "acbd"), "--config", str(self.config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **self.env, **(env or {})},
                process_group=0,
                restore_signals=not self.ignores_file_size_signal)  # Python ignores SIGXFSZ, and so does its child
        _STARTED.append(self.process)

    def outcome(self, seconds=READY_SECONDS):
        """What became of spawn(): ("ready", ()); ("refused", names of the reasons), where acbd stays up to say why;
        ("ended", exit status); or None when nothing of these came in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                return "ended", self.process.returncode
            try:
                answer = self.get("/readyz")
                if answer.status == 200:
                    return "ready", ()
                return "refused", tuple(reason["reason"] for reason in answer.json["reasons"])
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)
        return None

    def start(self, env=None):
        """Returns when /readyz says 200; raises Failure with the end of the log when it does not in time."""
        self.spawn(env)
        deadline = time.monotonic() + READY_SECONDS
        last = "no connection"
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Failure(f"acbd ended with {self.process.returncode}:\n{self.log_tail()}")
            try:
                answer = self.get("/readyz")
                if answer.status == 200:
                    return self
                last = repr(answer)
            except (OSError, http.client.HTTPException) as error:
                last = repr(error)
            time.sleep(0.01)
        raise Failure(f"not ready in {READY_SECONDS} s ({last}):\n{self.log_tail()}")

    def stop(self):
        """A clean stop, which has to end with status 0."""
        if self.process is None:
            return
        process, self.process = self.process, None
        self.close_clients()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failure(f"no clean stop in {STOP_SECONDS} s:\n{self.log_tail()}") from None
        if status != 0:
            raise Failure(f"acbd stopped with status {status}:\n{self.log_tail()}")

    def kill(self):
        """kill -9."""
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        self.process = None
        self.close_clients()

    def kill_all(self):
        """kill -9 of the process and of those it began."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.kill()

    def log_lines(self):
        """Those that are whole: the last may be in the making."""
        return self.log_file.read_text(errors="replace").rpartition("\n")[0].splitlines()

    def log_tail(self, lines=15):
        try:
            return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    # -- talking to it --

    def tls_context(self, role):
        if role not in self._contexts:
            tls = self.directory / "tls"
            context = ssl.create_default_context(cafile=str(tls / "ca.pem"))
            context.load_cert_chain(str(tls / f"{role}.pem"), str(tls / f"{role}.key"))
            self._contexts[role] = context
        return self._contexts[role]

    def client(self, role):
        """A new connection of this role, for a thread of its own."""
        return Client(self, role)

    def _client(self, role):
        key = (threading.get_ident(), role)
        if key not in self._clients:
            self._clients[key] = self.client(role)
        return self._clients[key]

    def close_clients(self):
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def get(self, path, role="auditor"):
        return self._client(role).request("GET", path)

    def submit(self, document, proposed=None, role="dsp"):
        headers = {"Content-Type": "application/xml"}
        if proposed is not None:
            headers["X-Originator-Counter"] = str(proposed)
        return self._client(role).request("POST", "/v1/handovers", document, headers)

    def post_feed(self, feed, data):
        if isinstance(data, str):
            data = data.encode()
        kind = "application/octet-stream" if data.lstrip().startswith(b"-----BEGIN") else "text/csv"
        return self._client("feed").request("POST", f"/v1/feeds/{feed}", data, {"Content-Type": kind})

    def import_feed(self, feed, data):
        answer = self.post_feed(feed, data)
        if answer.status != 200:
            raise Failure(f"feed {feed}: {answer}")
        return answer.json

    def device(self, device):
        answer = self.get(f"/v1/devices/{duis_sign.hyphenated(device)}")
        if answer.status != 200:
            raise Failure(f"device {device}: {answer}")
        return answer.json

    def last_issued(self, device):
        return int(self.device(device)["last_issued"])

    def audit_entries(self, start=0):
        """All entries from `start`, in order, as (octets, parsed)."""
        entries = []
        while True:
            answer = self.get(f"/v1/audit/entries?from={start + len(entries)}&count=1000")
            if answer.status != 200:
                raise Failure(f"audit entries: {answer}")
            lines = answer.octets.splitlines()
            if not lines:
                return entries
            for line in lines:
                entry = json.loads(line)
                if int(entry["index"]) != start + len(entries):
                    raise Failure(f"audit entry {start + len(entries)} says index {entry['index']}")
                entries.append((line, entry))

    def metric(self, name, **labels):
        """The sum of a metric over all label sets that hold these labels; 0 when it is not there."""
        total = 0.0
        for line in self.get("/metrics").octets.decode().splitlines():
            match = re.match(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)$", line)
            if match and match[1] == name:
                here = dict(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
                if all(here.get(key) == value for key, value in labels.items()):
                    total += float(match[3])
        return int(total)

    def metric_of(self, role, state):
        """Of acb_state, as that role sees it."""
        text = self._client(role).request("GET", "/metrics").octets.decode()
        return int(re.search(rf'^acb_state\{{state="{state}"\}} (\d)$', text, re.MULTILINE)[1])


def plain(eui):
    return eui.replace("-", "").lower()


class World:
    """A running box, the parties and devices it knows, and the keys to check what it answers."""

    def __init__(self, box):
        self.box = box
        self.counters = itertools.count(1000)
        self.signer = None  # of the supplier
        self.supplier = self.network_operator = self.acb = None
        self.templates = {}  # role -> duis_sign.Request
        self.acb_ds = None  # public key
        self.environment = "test"
        self.mac_keys = {}  # device -> (private key of one side, public key of the other)
        self.pki = None
        self.device_rows = []  # (device, KA certificate DER, floor)

    # -- making one --

    @classmethod
    def own(cls, directory, devices=4, floor=0, start=True, revocation=True, shim_log=None,
            shim_env=None, more_roots=(), **options):
        """The tests' own PKI: a root certificate, CRL and ARL of today; nothing relaxed."""
        directory = Path(directory)
        pki = own_pki.Pki(directory / "pki")
        box = Box.provision(directory / "box", ds_certificate=pki.path("acb-ds"), ka_certificate=pki.path("acb-ka"),
                            ds_key=pki.key_path("acb-ds"), ka_key=pki.key_path("acb-ka"),
                            roots=[pki.path("root"), *more_roots], **options)
        world = cls(box)
        world.pki = pki
        world.acb, world.supplier, world.network_operator = pki.acb, pki.supplier, pki.network_operator
        world.signer = pki.signer("supplier-xml")
        world.acb_ds = pki.certificate("acb-ds").public_key()
        path = (pki.der("issuing-ca"),)
        world.templates = {
            "NetworkOperator": duis_sign.Request(
                world.supplier, "", 0, "NetworkOperator", pki.der("no-a-ds"),
                pki.der("no-a-ka"), None, path),
            "Supplier": duis_sign.Request(
                world.supplier, "", 0, "Supplier", pki.der("supplier-ds"), pki.der("supplier-ka"),
                pki.der("supplier-ka-topup"), path, top_up_floor=0),
        }
        acb_key = pki.key("acb-ka")
        rows = []
        for number in range(devices):
            device = f"00db1234567a{number:04x}"
            certificate, device_key = pki.device(device)
            # Verified from the device's side: its private key, the ACB's public one.
            world.mac_keys[device] = (device_key, acb_key.public_key())
            rows.append((device, certificate, floor))
        if shim_log:
            box.use_shim(shim_log, **(shim_env or {}))
        world.device_rows = rows
        if start:
            box.start()
            world.import_own(revocation)
        return world

    def import_own(self, revocation=True):
        """All that a box with the tests' own PKI needs to know."""
        self.import_trust(self.pki.feed("organisation-certificates"),
                          self.pki.feed("revocation-lists") if revocation else None)
        self.import_parties()
        self.import_devices(self.device_rows)

    @classmethod
    def rtds(cls, directory, floor=1300):
        """The DCC's public test data with the relaxations that it needs (design.md section 10)."""
        rtds = need_shared() / "rtds"
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        store = json.loads((rtds / "keystore.json").read_text())
        signer_entry = store[RTDS_SUPPLIER]["digitalSignature"][duis_sign.SUPPLIER_SERIAL]
        pinned = directory / "supplier-xml.pem"
        pinned.write_text(signer_entry["certificate"])
        acb = rtds / "certificates" / RTDS_ACB
        box = Box.provision(
            directory / "box", ds_certificate=f"{acb}-ds.pem", ka_certificate=f"{acb}-ka.pem", ds_key=f"{acb}-ds.key",
            ka_key=f"{acb}-ka.key", anchors=[RTDS_ANCHOR], validation_time=RTDS_TIME,
            issuers_without_crl=["CN=Z1,OU=07", "CN=ZA,OU=00"], pinned=[pinned])
        world = cls(box)
        world.acb, world.supplier, world.network_operator = RTDS_ACB, RTDS_SUPPLIER, RTDS_NETWORK_OPERATOR
        world.signer = duis_sign.keystore_signer(store, RTDS_SUPPLIER, duis_sign.SUPPLIER_SERIAL)
        world.acb_ds = gbcs_reference.load_point(f"{acb}-ds.pem")
        for role, name in (("NetworkOperator", duis_sign.NETWORK_OPERATOR_TEMPLATE),
                           ("Supplier", duis_sign.SUPPLIER_TEMPLATE)):
            world.templates[role] = duis_sign.request_from_template((rtds / "duis" / name).read_bytes())
        device_certificate = duis_sign.load_certificate(rtds / "certificates" / f"{RTDS_DEVICE}-ka.pem")
        world.mac_keys[RTDS_DEVICE] = (gbcs_reference.load_key(f"{acb}-ka.key"), device_certificate.public_key())
        box.start()
        issuing = own_pki.pem_of_der(world.templates["Supplier"].path[0])
        world.import_trust(issuing + signer_entry["certificate"], None)
        world.import_parties()
        world.import_devices([(RTDS_DEVICE, own_pki.der_of(device_certificate), floor)])
        return world

    def import_trust(self, certificates, revocation_lists):
        self.box.import_feed("organisation-certificates", certificates)
        if revocation_lists:
            self.box.import_feed("revocation-lists", revocation_lists)

    def import_parties(self, more=()):
        """The supplier as IS and GS, the network operator as ED and GT."""
        rows = ["user_id,party,role,status,from,to,uept,notice_to_cease"]
        for eui, party, roles in ((self.supplier, "SUPP", ("IS", "GS")), (self.network_operator, "NETO", ("ED", "GT"))):
            for role in roles:
                rows.append(f"{duis_sign.hyphenated(eui)},{party},{role},active,2016-01-01,,yes,")
        self.box.import_feed("parties", "\n".join([*rows, *more]) + "\n")

    def import_devices(self, rows, kind="GPF"):
        """Rows (device, KA certificate DER, floor): commissioned, both cells the ACB's, one meter point each."""
        devices = ["device_id,type,smets,model,smi_status,commissioned,mpxn,key_agreement_certificate,supplier_cell,"
                   "supplier_floor,network_operator_cell,network_operator_floor"]
        registrations = ["mpxn,supplier,network_operator,from,to"]
        for number, (device, der, floor) in enumerate(rows):
            mpxn = f"{3938420000 + number}"
            devices.append(f"{duis_sign.hyphenated(device)},{kind},SMETS2,model,Commissioned,2020-01-01,{mpxn},"
                           f"{base64.b64encode(der).decode()},acb,{floor},acb,{floor}")
            registrations.append(f"{mpxn},SUPP,NETO,2016-01-01,")
        self.box.import_feed("registrations", "\n".join(registrations) + "\n")
        self.box.import_feed("devices", "\n".join(devices) + "\n")

    # -- using it --

    @property
    def devices(self):
        return list(self.mac_keys)

    def request(self, device=None, role="NetworkOperator", **changes):
        """A new request with a RequestID of its own."""
        return self.templates[role].but(originator=self.supplier, device=device or self.devices[0],
                                        counter=next(self.counters), **changes)

    def sign(self, request):
        return self.signer.sign(request)

    def submit(self, document, proposed=None):
        return self.box.submit(document, proposed)

    def problems(self, document, answer):
        """What is wrong with a signed answer, checked by the independent implementation: a list, empty when good."""
        if answer.status != 200:
            return [f"status {answer.status}: {answer.octets[:300]!r}"]
        body = answer.json
        request = gbcs_reference.read_request(document)
        try:
            message = gbcs_reference.parse_message(answer.command)
            rows = gbcs_reference.compare(request, answer.command, self.acb, answer.counter)
        except gbcs_reference.Malformed as error:
            return [f"command: {error}"]
        found = [f"{name}: {is_} for {want}" for name, is_, want, equal in rows if not equal]
        if not gbcs_reference.signature_is_good(message, self.acb_ds):
            found.append("the signature does not verify")
        if not gbcs_reference.mac_is_good(message, *self.mac_keys[request.device]):
            found.append("the MAC does not verify")
        for name, want in (("outcome", "signed"), ("environment", self.environment), ("role", request.role)):
            if body.get(name) != want:
                found.append(f"answer {name} is {body.get(name)!r}")
        for name, want in (("device", request.device), ("originator", self.acb)):
            if plain(body.get(name, "")) != want:
                found.append(f"answer {name} is {body.get(name)!r}")
        return found


class TestCase(unittest.TestCase):
    """A test with a temporary directory that is removed when it passed and named when it did not."""

    maxDiff = None

    def assert_signed(self, world, document, answer):
        self.assertEqual(world.problems(document, answer), [])


@contextlib.contextmanager
def temporary_directory(parent=None):
    """Removed afterwards; kept, and named, when the test fails or ACB_KEEP is set."""
    folder = Path(tempfile.mkdtemp(prefix="acb-e2e-", dir=parent))
    try:
        yield folder
    except BaseException:
        print(f"kept: {folder}", file=sys.stderr)
        raise
    else:
        if os.environ.get("ACB_KEEP"):
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def memory_directory():
    """Where files are made whose flushes need not be real, None where there is no such place."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and os.access(memory, os.W_OK) else None


class _Result(unittest.TextTestResult):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.succeeded = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.succeeded += 1

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"skipped {test}: {reason}", file=sys.stderr)


def main(arguments=None):
    """Runs the tests of the calling program; the last line is 'N passed, N failed, N skipped'."""
    program = unittest.main(module="__main__", argv=arguments or sys.argv, exit=False,
                            testRunner=unittest.TextTestRunner(resultclass=_Result, verbosity=2))
    result = program.result
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    print(f"{result.succeeded} passed, {failed} failed, {len(result.skipped)} skipped")
    if result.testsRun == 0 and not result.skipped:
        print("no test ran", file=sys.stderr)
        sys.exit(1)
    sys.exit(1 if failed else 0)


def seeded_random(text=None):
    """A generator whose seed is printed, so that a failure can be run again."""
    seed = int(text) if text is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    return random.Random(seed)
