#!/usr/bin/python3
"""The second half of ./tools/quickstart: a test box, two real handovers, and an independent check of both.

    quickstart.py --build BUILD_DIRECTORY --directory WORK_DIRECTORY

Everything that is trusted here is public test material of the DCC. Exit status: 0 good, 1 anything else.
"""

import argparse
import base64
import datetime
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "independent"))

import duis_sign  # noqa: E402  pylint: disable=wrong-import-position
import gbcs_reference  # noqa: E402  pylint: disable=wrong-import-position

# Who is who in the data: rtds/README.md. Serials are of the second generation, which both sources of the data hold.
ACB, ACB_DS_SERIAL, ACB_KA_SERIAL = ("90b3d51f30000002", "77877909533459509375379681489657996324",
                                     "131660653228641695642832940062781056695")
SUPPLIER, NETWORK_OPERATOR, DEVICE = "90b3d51f30010000", "90b3d51f30020000", "00db1234567890a3"
METER_POINT = "3938424403"
# An instant at which every certificate of the data is in date.
VALIDATION_TIME = "2025-10-01T12:00:00Z"
# No certificate of the root "ZA" is published: its name and public key (gbcs-cs02b.md section 9.2).
ROOT_ANCHOR = ("CN=ZA,OU=00=040691e68b45c57e2ec7974ef6d1360a50da01576e0ee0b3b4c67f64127120e63f31771cc9dcbd5ae007d0c6170"
               "951d7035bcefc8b1f81805e0fd0f7a555dcca78")
FLOOR = 1300
START_SECONDS = 30
NPM_PACKAGES = ("@smartdcc/duis-templates", "@smartdcc/dccboxed-keystore")


class Problem(Exception):
    """Something is not as it should be; the text says what."""


def colour(code, text):
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() else text


def say(text):
    print(colour("1", f"==> {text}"), flush=True)


# --- The test data ---------------------------------------------------------------------------------


class TestData:
    """Templates, key store and, where there is one, device A3's certificate."""

    def __init__(self, shared, work):
        rtds = Path(shared) / "rtds"
        self.device_key = None
        if (rtds / "keystore.json").exists():
            print(f"test data: {rtds}")
            templates, keystore = rtds / "duis", rtds / "keystore.json"
            self.device_certificate = duis_sign.load_certificate(rtds / "certificates" / f"{DEVICE}-ka.pem")
        else:
            print(f"no {rtds}: taking the DCC's npm packages {', '.join(NPM_PACKAGES)}")
            templates, keystore = self.from_npm(work)
            self.device_certificate, self.device_key = make_device_certificate()
            print("they hold no certificate of the device: it gets a key agreement key made here, and the MAC is\n"
                  "verified from the device's side with its private key")
        self.keystore = json.loads(keystore.read_text())
        self.requests = {
            "NetworkOperator": duis_sign.request_from_template(
                (templates / duis_sign.NETWORK_OPERATOR_TEMPLATE).read_bytes()),
            "Supplier": duis_sign.request_from_template((templates / duis_sign.SUPPLIER_TEMPLATE).read_bytes()),
        }

    @staticmethod
    def from_npm(work):
        with tempfile.TemporaryDirectory() as folder:
            packed = subprocess.run(["npm", "pack", "--silent", "--pack-destination", folder, *NPM_PACKAGES],
                                    cwd=folder, capture_output=True, text=True, check=False)
            if packed.returncode != 0:
                raise Problem(f"npm pack failed:\n{packed.stderr}")
            for number, archive in enumerate(sorted(Path(folder).glob("*.tgz"))):
                shutil.unpack_archive(archive, work / "npm" / str(number), "gztar")
        keystores = list((work / "npm").rglob("keystore.json"))
        templates = list((work / "npm").rglob(duis_sign.SUPPLIER_TEMPLATE))
        if not keystores or not templates:
            raise Problem("the npm packages do not hold the key store and the templates")
        return templates[0].parent, keystores[0]

    def entry(self, eui, use, serial):
        return self.keystore[eui][use][serial]

    @property
    def issuing_authority(self):
        """Z1's certificate, from the path that the templates carry."""
        return self.requests["Supplier"].path[0]


def make_device_certificate():
    """A key agreement certificate as a device has it (gbcs-cs02b.md section 9.4), self-made."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID, ObjectIdentifier

    key, issuer_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    module = bytes.fromhex("3019060d2a863a0001848fb90f010202010408" + DEVICE)
    usage = x509.KeyUsage(False, False, False, False, True, False, False, False, False)
    certificate = (
        x509.CertificateBuilder().subject_name(x509.Name([]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "quickstart device CA")]))
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2016, 4, 6)).not_valid_after(datetime.datetime(9999, 12, 31, 23, 59, 59))
        .add_extension(usage, True)
        .add_extension(x509.SubjectAlternativeName(
            [x509.OtherName(ObjectIdentifier("1.3.6.1.5.5.7.8.4"), module)]), True)
        .sign(issuer_key, hashes.SHA256()))
    return certificate, key


def pem_of(certificate):
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def pem_of_der(der):
    from cryptography import x509

    return pem_of(x509.load_der_x509_certificate(der))


def der_of(certificate):
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)


# --- The box ---------------------------------------------------------------------------------------


def find_program(build, part, name):
    for path in (build / part / name, build / part / name / name):
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    raise Problem(f"{build / part / name} was not built")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Box:
    """The provisioned directory, the service on it, and acbctl to talk to it."""

    def __init__(self, build, directory):
        self.acbd = find_program(build, "platform", "acbd")
        self.acbctl = find_program(build, "tools", "acbctl")
        self.directory = directory
        self.process = None

    def control(self, *arguments, refused=False):
        """Runs acbctl; returns its JSON. `refused`: exit status 1 is what is wanted."""
        command = [self.acbctl, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != (1 if refused else 0):
            raise Problem(f"acbctl {' '.join(arguments[:6])} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    def ask(self, *arguments, **options):
        return self.control("--directory", str(self.directory), "--json", *arguments, **options)

    def start(self, log):
        with open(log, "wb") as output:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [self.acbd, "--config", str(self.directory / "acbd.toml")], stdin=subprocess.DEVNULL, stdout=output,
                stderr=output)
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self.process.poll() is not None:
                raise Problem(f"acbd ended with {self.process.returncode}:\n{Path(log).read_text()}")
            try:
                return self.ask("status")
            except Problem as problem:
                if time.monotonic() > deadline:
                    raise Problem(f"acbd is not ready after {START_SECONDS} s: {problem}\n{Path(log).read_text()}") \
                        from None
            time.sleep(0.05)

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def provision(box, data, work):
    keys = {}
    for use, kind, serial in (("ds", "digitalSignature", ACB_DS_SERIAL), ("ka", "keyAgreement", ACB_KA_SERIAL)):
        entry = data.entry(ACB, kind, serial)
        (work / f"acb-{use}.pem").write_text(entry["certificate"])
        (work / f"acb-{use}.key").write_text(entry["privateKey"])
        (work / f"acb-{use}.key").chmod(0o600)
        keys[use] = work / f"acb-{use}"
    signer = work / "supplier-xml.pem"
    signer.write_text(data.entry(SUPPLIER, "digitalSignature", duis_sign.SUPPLIER_SERIAL)["certificate"])
    box.control(
        "provision", "--directory", str(box.directory), "--environment", "test", "--port", str(free_port()),
        "--acb-ds-certificate", f"{keys['ds']}.pem", "--acb-ka-certificate", f"{keys['ka']}.pem",
        "--import-key", f"ds={keys['ds']}.key", "--import-key", f"ka={keys['ka']}.key", "--trust-anchor", ROOT_ANCHOR,
        "--validation-time", VALIDATION_TIME, "--issuer-without-crl", "CN=Z1,OU=07", "--issuer-without-crl",
        "CN=ZA,OU=00", "--pinned-signer", str(signer))
    print(f"token, store, TLS certificates and configuration in {box.directory}")
    print("relaxed, as the public data needs it and environment test allows it: the time that certificates are judged\n"
          f"at is {VALIDATION_TIME}; the root is a name and a key; Z1 and ZA have no revocation list; the supplier's\n"
          "XML signing certificate is trusted by its hash")


def import_feeds(box, data, work):
    device = base64.b64encode(der_of(data.device_certificate)).decode()
    signer = data.entry(SUPPLIER, "digitalSignature", duis_sign.SUPPLIER_SERIAL)["certificate"]
    eui = duis_sign.hyphenated
    feeds = {
        "organisation-certificates": pem_of_der(data.issuing_authority) + signer,
        "parties": "user_id,party,role,status,from,to,uept,notice_to_cease\n"
                   f"{eui(SUPPLIER)},SUPP,IS,active,2016-01-01,,yes,\n{eui(SUPPLIER)},SUPP,GS,active,2016-01-01,,yes,\n"
                   f"{eui(NETWORK_OPERATOR)},NETO,GT,active,2016-01-01,,yes,\n"
                   f"{eui(NETWORK_OPERATOR)},NETO,ED,active,2016-01-01,,yes,\n",
        "registrations": f"mpxn,supplier,network_operator,from,to\n{METER_POINT},SUPP,NETO,2016-01-01,\n",
        "devices": "device_id,type,smets,model,smi_status,commissioned,mpxn,key_agreement_certificate,supplier_cell,"
                   "supplier_floor,network_operator_cell,network_operator_floor\n"
                   f"{eui(DEVICE)},GPF,SMETS2,,Commissioned,2020-01-01,{METER_POINT},{device},acb,{FLOOR},acb,{FLOOR}\n",
    }
    for feed, text in feeds.items():
        path = work / (f"{feed}.pem" if text.startswith("-----") else f"{feed}.csv")
        path.write_text(text)
        answer = box.ask("import", feed, str(path))
        print(f"  {feed}: {answer['rows']} rows")


# --- The handovers ---------------------------------------------------------------------------------


def last_issued(box):
    return int(box.ask("device", "show", duis_sign.hyphenated(DEVICE))["last_issued"])


def hand_over(box, data, signer, work, role):
    """Submits the template of `role` and checks the command; returns its counter."""
    say(f"6.21, RemotePartyRole {role}: {data.requests[role].request_id}")
    document = work / f"request-{role}.xml"
    document.write_bytes(signer.sign(data.requests[role]))
    output = work / f"command-{role}.hex"
    answer = box.ask("submit", str(document), "--out", str(output))
    counter = int(answer["originator_counter"])
    command = base64.b64decode(answer["command"])
    if gbcs_reference.read_command(output) != command:
        raise Problem(f"{output} is not the command of the answer")
    print(f"signed: {len(command)} octets, the ACB's counter {counter}, audit record {answer['audit']['index']}\n")
    request = gbcs_reference.read_request(document.read_bytes())
    if not gbcs_reference.print_comparison(gbcs_reference.compare(request, command, ACB, counter)):
        raise Problem("the command does not say what the request asked for (lines with !)")
    message = gbcs_reference.parse_message(command)
    if not gbcs_reference.signature_is_good(message, gbcs_reference.load_point(str(work / "acb-ds.pem"))):
        raise Problem("the ACB's signature does not verify")
    if data.device_key:
        side, ours, theirs = "device's", data.device_key, gbcs_reference.load_point(str(work / "acb-ka.pem"))
    else:
        side, ours = "ACB's", gbcs_reference.load_key(work / "acb-ka.key")
        theirs = data.device_certificate.public_key()
    if not gbcs_reference.mac_is_good(message, ours, theirs):
        raise Problem("the ACB-SMD MAC does not verify")
    print(f"\n  signature {message.signature.hex()[:32]}... verifies with the ACB's certificate\n"
          f"  MAC {message.mac.hex()} verifies from the {side} side\n")
    return counter


def show_refusal(box, data, signer, work):
    """The network operator's certificate with one octet changed, in a request that is rightly signed."""
    say("a refusal: the same request with one octet of the network operator's certificate changed, signed again")
    request = data.requests["NetworkOperator"]
    certificate = request.digital_signing
    request = replace(request, counter=request.counter + 1,
                      digital_signing=certificate[:-1] + bytes([certificate[-1] ^ 1]))
    document = work / "request-bad.xml"
    document.write_bytes(signer.sign(request))
    before = last_issued(box)
    answer = box.ask("submit", str(document), refused=True)
    print(f"refused: {answer['status']} {answer['reason']} (DUIS {answer['response_code']}): {answer.get('title', '')}\n"
          f"  {answer.get('detail', '')}\n  audit record {answer['audit']['index']}\n")
    if answer["reason"] != "CHAIN":
        raise Problem(f"refused for {answer['reason']}, not for CHAIN")
    if last_issued(box) != before:
        raise Problem("the refusal spent an originator counter")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    arguments = parser.parse_args()
    # Whatever ends this program, it stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    work = arguments.directory.resolve()
    # Only what an earlier run made: nothing else is ever removed.
    if work.exists():
        if not (work / ".made-by-quickstart").exists():
            raise Problem(f"{work} is there and was not made by quickstart; move it away")
        shutil.rmtree(work)
    work.mkdir(parents=True)
    (work / ".made-by-quickstart").touch()

    say("test data")
    data = TestData(os.environ.get("ACB_SHARED", ROOT.parent / "shared"), work)
    signer = duis_sign.keystore_signer(data.keystore, SUPPLIER, duis_sign.SUPPLIER_SERIAL)
    box = Box(arguments.build.resolve(), work / "box")
    say("provision a SoftHSM token and a test environment")
    provision(box, data, work)
    say("start acbd")
    try:
        box.start(work / "acbd.log")
        import_feeds(box, data, work)
        first = hand_over(box, data, signer, work, "NetworkOperator")
        second = hand_over(box, data, signer, work, "Supplier")
        if not FLOOR < first < second:
            raise Problem(f"the counters {first} and {second} do not rise above the floor {FLOOR}")
        show_refusal(box, data, signer, work)
    finally:
        box.stop()
    if box.process.returncode != 0:
        raise Problem(f"acbd stopped with status {box.process.returncode}; see {work / 'acbd.log'}")
    say(colour("32", "both commands are what was asked for, and verify; acbd is stopped"))
    print(f"everything of this run is in {work}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Problem, gbcs_reference.Malformed) as problem:
        print(f"quickstart: {problem}", file=sys.stderr)
        sys.exit(1)
