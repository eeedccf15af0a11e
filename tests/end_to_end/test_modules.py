#!/usr/bin/python3
"""What the appliance needs of a PKCS#11 module, asked of every module of Debian 12 that signs with EC keys, and of one
that was said to. Each table below is what the module answers as packaged: one that begins or ceases to offer something
fails its test, which says what. README.md has the short form.

R-SEC3-39, R-SEC3-42, design.md section 5.
"""

import json
import os
import pathlib
import signal
import subprocess
import time

import harness
from harness import binary, run, temporary_directory

LIBRARIES = pathlib.Path("/usr/lib/x86_64-linux-gnu")
PIN, SO_PIN = "12345678", "87654321"
SECONDS = 60

# What it takes to be the appliance's module: every other answer is a lack.
NEEDED = {
    "initialised without an argument of its own": "yes",
    "token found by its label": "yes",
    "maker, model and serial number": "yes",
    "wrong PIN": "CKR_PIN_INCORRECT",
    "right PIN after a wrong one": "yes",
    "second login": "CKR_USER_ALREADY_LOGGED_IN",
    "17 sessions at once": "yes",
    "a login is that of every session": "yes",
    "private data object made": "yes",
    "data object found by its application": "yes",
    "data object read back": "yes",
    "data object changed": "CKR_ACTION_PROHIBITED",
    "key pair for signing made": "yes",
    "signing key never extractable, always sensitive, made in the token": "yes",
    "signing key read": "CKR_ATTRIBUTE_SENSITIVE",
    "public point in an OCTET STRING": "yes",
    "ECDSA": "yes",
    "ECDSA verifies": "yes",
    "8 threads sign, each in its session": "yes",
    "signing key derives": "CKR_KEY_FUNCTION_NOT_PERMITTED",
    "signing key wrapped": "refused",
    "key pair for agreement made": "yes",
    "agreement key never extractable, always sensitive, made in the token": "yes",
    "agreement key read": "CKR_ATTRIBUTE_SENSITIVE",
    "ECDH with a bare point": "yes",
    "ECDH gives the secret": "yes",
    "ECDH with a point in an OCTET STRING": "yes",
    "ECDH with a point off the curve": "refused",
    "KDF of SP 800-56A in the module": "yes",
    "agreement key signs": "CKR_KEY_FUNCTION_NOT_PERMITTED",
    "agreement key made able to sign": "yes",
    "agreement key signs its request": "yes",
    "agreement key made unable again": "yes",
    "Ed25519 key pair made": "yes",
    "EdDSA": "yes",
    "another process sees what was made": "yes",
    "data object destroyed": "yes",
    "keys destroyed": "yes",
    "private data object without a login": "CKR_USER_NOT_LOGGED_IN",
}


class Modules(harness.TestCase):
    def setUp(self):
        self.folder = self.enterContext(temporary_directory())
        self.env = {}
        self.maxDiff = None

    def need(self, path):
        self.assertTrue(path.exists(), f"{path} is missing: ./tools/install-packages --check")
        return path

    def ask(self, *words):
        done = subprocess.run([binary("tests/hsm", "module_facts"), *map(str, words)], capture_output=True, text=True,
                              check=False, timeout=SECONDS, env={**os.environ, **self.env})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    def tool(self, module, *words):
        return run("pkcs11-tool", "--module", str(module), *words, env=self.env)

    def assert_answers(self, module, unlike, argument="", wavering=()):
        """As NEEDED, but for what `unlike` says: an answer, or None for a question that could not be asked. The answers
        to `wavering` are now this, now that."""
        words = [argument] if argument else []
        answers = self.ask("facts", module, "acb", PIN, *words)
        found = {name: answers.get(name) for name in {*answers, *NEEDED}
                 if answers.get(name) != NEEDED.get(name) and name not in wavering}
        self.assertEqual(found, unlike, "what the module has begun or ceased to offer is in the difference")

    def start(self, *command, ready, **options):
        """A server of ours; ended with the test."""
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, env={**os.environ, **self.env}, **options)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        end = time.monotonic() + SECONDS
        while not ready():
            self.assertIsNone(server.poll(), f"{command[0]} ended")
            self.assertLess(time.monotonic(), end, f"{command[0]} is not ready")
            time.sleep(0.05)
        return server

    def softhsm(self):
        module = self.need(pathlib.Path(harness.SOFTHSM))
        (self.folder / "tokens").mkdir()
        conf = self.folder / "softhsm2.conf"
        conf.write_text(f"directories.tokendir = {self.folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.env["SOFTHSM2_CONF"] = str(conf)
        self.tool(module, "--init-token", "--slot-index", "0", "--label", "acb", "--so-pin", SO_PIN)
        self.tool(module, "--token-label", "acb", "--init-pin", "--so-pin", SO_PIN, "--pin", PIN)
        return module


class SoftHsm(Modules):
    def test_has_all_but_the_kdf(self):
        self.assert_answers(self.softhsm(), {"KDF of SP 800-56A in the module": "refused"})


class P11KitServer(Modules):
    def test_forwards_signing_and_objects(self):
        softhsm = self.softhsm()
        client = self.need(LIBRARIES / "pkcs11" / "p11-kit-client.so")
        socket = self.folder / "p11-kit.socket"
        self.start("p11-kit", "server", "--foreground", "--provider", str(softhsm), "--name", str(socket),
                   "pkcs11:token=acb", ready=socket.exists)
        self.env = {"P11_KIT_SERVER_ADDRESS": f"unix:path={socket}"}
        self.assert_answers(client, {
            "ECDH with a bare point": "CKR_MECHANISM_INVALID",
            "ECDH gives the secret": "no",
            "ECDH with a point in an OCTET STRING": "CKR_MECHANISM_INVALID",
            "KDF of SP 800-56A in the module": "refused",
            "signing key derives": "CKR_MECHANISM_INVALID",
            "Ed25519 key pair made": "CKR_MECHANISM_INVALID",
            "EdDSA": None})


class NssSoftoken(Modules):
    def test_needs_an_argument_that_the_appliance_does_not_give(self):
        module = self.need(LIBRARIES / "libsoftokn3.so")
        (self.folder / "nss").mkdir()
        pins = self.folder / "pin"
        pins.write_text(PIN + "\n")
        run("certutil", "-N", "-d", f"sql:{self.folder}/nss", "-f", str(pins))
        self.assert_answers(module, {
            "initialised without an argument of its own": "CKR_ARGUMENTS_BAD",
            "private data object made": "CKR_ATTRIBUTE_VALUE_INVALID",
            "data object found by its application": None,
            "data object read back": None,
            "data object changed": None,
            "data object destroyed": None,
            "signing key never extractable, always sensitive, made in the token": "but for CKA_LOCAL",
            "signing key derives": "yes",
            "signing key wrapped": "yes",
            "agreement key never extractable, always sensitive, made in the token": "but for CKA_LOCAL",
            "agreement key signs": "CKR_KEY_TYPE_INCONSISTENT",
            "KDF of SP 800-56A in the module": "refused",
            "Ed25519 key pair made": "CKR_MECHANISM_INVALID",
            "EdDSA": None}, f"configdir='sql:{self.folder}/nss' dbTokenDescription='acb'")


class Tpm2(Modules):
    def test_signs_on_its_own_terms_and_has_no_ecdh(self):
        module = self.need(LIBRARIES / "pkcs11" / "libtpm2_pkcs11.so")
        for name in ("tpm", "store"):
            (self.folder / name).mkdir()
        run("swtpm_setup", "--tpm2", "--tpmstate", str(self.folder / "tpm"), "--overwrite")
        # Three objects fit into a TPM: without a resource manager the module soon has room for none.
        socket = self.folder / "swtpm"
        self.start("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.folder}/tpm", "--server",
                   f"type=unixio,path={socket}", "--ctrl", f"type=unixio,path={socket}.ctrl", "--flags",
                   "not-need-init,startup-clear", ready=socket.exists)
        bus = self.folder / "bus"
        self.start("dbus-daemon", "--session", "--nofork", f"--address=unix:path={bus}", ready=bus.exists)
        self.env["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={bus}"
        self.start("tpm2-abrmd", "--session", "--allow-root", f"--tcti=swtpm:path={socket}", ready=self.has_manager)
        self.env.update(TPM2_PKCS11_STORE=str(self.folder / "store"), TPM2_PKCS11_TCTI="tabrmd:bus_type=session")
        self.tool(module, "--slot-index", "0", "--init-token", "--label", "acb", "--so-pin", SO_PIN)
        self.tool(module, "--token-label", "acb", "--init-pin", "--so-pin", SO_PIN, "--pin", PIN)
        self.assert_answers(module, {
            "data object changed": "yes",
            "private data object without a login": "CKR_SESSION_READ_ONLY",
            "key pair for signing made": "CKR_GENERAL_ERROR",
            "key pair for signing made, with the module's own attributes": "yes",
            "signing key read": "CKR_ATTRIBUTE_TYPE_INVALID",
            "signing key derives": "CKR_FUNCTION_NOT_SUPPORTED",
            "signing key wrapped": "no key to wrap with",
            "key pair for agreement made": "CKR_GENERAL_ERROR",
            "key pair for agreement made, with the module's own attributes": "yes",
            "agreement key read": "CKR_ATTRIBUTE_TYPE_INVALID",
            "agreement key signs": "yes",
            "ECDH with a bare point": "CKR_FUNCTION_NOT_SUPPORTED",
            "ECDH gives the secret": "no",
            "ECDH with a point in an OCTET STRING": "CKR_FUNCTION_NOT_SUPPORTED",
            "KDF of SP 800-56A in the module": "refused",
            "Ed25519 key pair made": "CKR_MECHANISM_INVALID",
            "EdDSA": None}, wavering=("8 threads sign, each in its session", "keys destroyed"))

    def has_manager(self):
        return run("dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus",
                   "org.freedesktop.DBus.GetNameOwner", "string:com.intel.tss2.Tabrmd", env=self.env,
                   check=False).returncode == 0


class Opencryptoki(Modules):
    """Its token needs the daemon pkcsslotd, which is one for the machine: one that runs is left as it is."""

    SOFTWARE_SLOT = 3  # of the configuration as packaged

    def test_signs_and_agrees_with_no_ec_key(self):
        module = self.need(LIBRARIES / "pkcs11" / "libopencryptoki.so")
        if not pathlib.Path("/run/pkcsslotd.socket").exists():
            run("pkcsslotd")
            self.addCleanup(self.end_daemon)
        self.assertEqual(self.ask("mechanisms", module, self.SOFTWARE_SLOT), {
            "initialised without an argument of its own": "yes",
            "key pair for signing made": "CKR_MECHANISM_INVALID",
            "ECDSA": "CKR_MECHANISM_INVALID",
            "ECDH": "CKR_MECHANISM_INVALID",
            "EdDSA": "CKR_MECHANISM_INVALID"})

    @staticmethod
    def end_daemon():
        number = int(pathlib.Path("/run/pkcsslotd.pid").read_text())
        os.kill(number, signal.SIGTERM)


if __name__ == "__main__":
    harness.main()
