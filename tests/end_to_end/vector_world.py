"""The good world of one test vector, and what a case.json changes in it (tests/vectors/FORMAT.md).

    stage = Stage(folder, "usual", settings)    a box with the tests' own PKI, for many cases
    scene = Scene(stage, case)                  parties, device, meter point and certificates of this case alone
    form, octets = scene.document()             the signed request

Each case has parties, a device and a meter point of its own, so that cases share a box and do not meet.
"""

import base64
import datetime
import itertools
import json
import re
import subprocess

import harness
from harness import World, duis_sign, own_pki
from release import Release
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

make_pki = own_pki.make_pki

AUTHORITIES = {"issuing-ca": "issuing", "issuing-ca-revoked": "second_issuing", "issuing-ca-silent": "silent_issuing",
               "issuing-ca-stale": "stale_issuing", "issuing-ca-second-root": "second_root_issuing",
               "issuing-ca-subordinate": "subordinate", "foreign-issuing-ca": "foreign_issuing", "root": "root",
               "device-ca": "device_ca"}
EXTRA_AUTHORITIES = ("issuing-ca-silent", "issuing-ca-stale", "issuing-ca-second-root")
PARTY_COLUMNS = ("user_id", "party", "role", "status", "from", "to", "uept", "notice_to_cease")
REGISTRATION_COLUMNS = ("mpxn", "supplier", "network_operator", "from", "to")
DEVICE_COLUMNS = ("device_id", "type", "smets", "model", "smi_status", "commissioned", "mpxn",
                  "key_agreement_certificate", "supplier_cell", "supplier_floor", "network_operator_cell",
                  "network_operator_floor")
PARTY_ROLES = {"supplier": ("IS", "GS"), "network_operator": ("ED", "GT"), "other": ("ED", "GT"),
               "other_supplier": ("IS", "GS")}
OUS = {"supplier": "02", "other_supplier": "02", "network_operator": "03", "other": "03", "acb": "04"}
MOMENT = re.compile(r"^([+-]\d+)([dh])$")
FILE_DATE = "2016-01-01"


def resolve(value):
    """"+2d", "-1h": an instant from now. All else as it is."""
    match = MOMENT.match(value) if isinstance(value, str) else None
    if not match:
        return value
    now = datetime.datetime.utcnow().replace(microsecond=0)
    return (now + datetime.timedelta(hours=int(match[1]) * (24 if match[2] == "d" else 1))).isoformat() + "Z"


def csv(columns, rows):
    lines = [",".join(columns)]
    for row in rows:
        lines.append(",".join(str(resolve(row.get(column, "")) or "") for column in columns))
    return "\n".join(lines) + "\n"


def moment_of(text):
    """For a certificate: a date, or an instant from now."""
    text = resolve(text)
    return datetime.datetime.fromisoformat(text.removesuffix("Z"))


class Stage:
    """One box, its PKI, and the numbers that cases must not share."""

    def __init__(self, folder, name, settings):
        self.name, self.settings, self.folder = name, settings, folder
        self.numbers = itertools.count(1)
        self.revoked = []
        self.list_number = itertools.count(make_pki.Pki.NUMBER + 1)
        self.pki = own_pki.Pki(folder / "pki")
        self.live = settings.get("environment") == "live"
        self.box = self._provision()
        self.world = World(self.box)
        self.world.acb, self.world.environment = self.pki.acb, settings.get("environment", "test")
        self.world.acb_ds = self.acb["ds"]
        self.seen = 0  # audit entries read so far
        self._configure()
        self.box.start()
        self._import_trust()
        for feed, lines in self.settings.get("feeds", {}).items():
            self.box.import_feed(feed, "\n".join(lines) + "\n")
        self.standing = Scene(self, {"world": {"published": ["digital_signing", "key_agreement"]}})
        self.new_entries()

    # -- making the box --

    def _provision(self):
        pki = self.pki
        roots = [pki.path("root"), pki.path("second-root")]
        if not self.live:
            self.acb = {"ds": pki.key("acb-ds").public_key(), "ka": pki.key("acb-ka").public_key()}
            return harness.Box.provision(
                self.folder / "box", ds_certificate=pki.path("acb-ds"), ka_certificate=pki.path("acb-ka"),
                ds_key=pki.key_path("acb-ds"), ka_key=pki.key_path("acb-ka"), roots=roots,
                issuers_without_crl=self.settings.get("issuers_without_crl", ()))
        directory = self.folder / "box"
        command = [harness.binary("tools", "acbctl"), "provision", "--module-test-rounds", "2", "--directory", str(directory),
                   "--environment",
                   "live", "--module", harness.SOFTHSM, "--port", str(harness.free_port())]
        for root in roots:
            command += ["--root", str(root)]
        harness.run(*command)
        self.acb = {}
        for usage in ("ds", "ka"):
            self.acb[usage] = key = self._token_key(directory, f"acb-{usage}")
            info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            ski = make_pki.subject_key_id(make_pki.key_identifier(point))
            issued = pki.made.leaf(f"acb-live-{usage}", "04", pki.acb.upper(), usage, spki=info,
                                   extensions={"ski": ski})
            (directory / "acb" / f"{usage}.pem").write_text(own_pki.pem_of_der(issued.der))
        box = harness.Box(directory)
        box.configure("hsm", deadline_ms=2000)  # as in Box.provision
        return box

    @staticmethod
    def _token_key(directory, label):
        """The public key of a pair that provisioning generated in the token."""
        text = subprocess.run(
            ["pkcs11-tool", "--module", harness.SOFTHSM, "--token-label", "acb", "--type", "pubkey", "--list-objects"],
            env={"SOFTHSM2_CONF": str(directory / "softhsm2.conf")}, capture_output=True, text=True, check=True).stdout
        found = re.findall(r"EC_POINT:\s+0441([0-9a-f]+)\s+EC_PARAMS:.*\s+label:\s+(\S+)", text)
        octets = bytes.fromhex(next(point for point, name in found if name == label))
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), octets)

    def _configure(self):
        for section, values in self.settings.get("config", {}).items():
            self.box.configure(section, **values)
        if self.live:  # which takes no token that calls itself SoftHSM (R-SEC3-39)
            self.box.use_shim(self.folder / "signatures.log", ACB_SHIM_MAKER="Test HSM Ltd")
            self.box.approve_module("Test HSM Ltd")
            Release(self.folder / "release").cover(self.box, 1)  # R-SEC3-55
        if "shim" in self.settings:
            self.box.use_shim(self.folder / "signatures.log", ACB_SHIM_FAULT=str(self.folder / "fault"),
                              **self.settings["shim"])
        if "channel" in self.settings:
            text = self.box.config.read_text()
            self.box.config.write_text(
                text.replace('role = "dsp"\n', f'role = "dsp"\nchannel = "{self.settings["channel"]}"\n'))
        self.box.ignores_file_size_signal = True

    def _import_trust(self):
        extra = "".join(self.pki.path(label).read_text() for label in EXTRA_AUTHORITIES)
        self.box.import_feed("organisation-certificates", self.pki.feed("organisation-certificates") + extra)
        self.box.import_feed("revocation-lists", self.pki.feed("revocation-lists")
                             + self.pki.revocation_lists("crl-stale-ca", "crl-second-root-ca"))

    # -- what happens in it --

    def revoke(self, serials):
        """A new list of the issuing CA that names these too, whatever the reason code."""
        self.revoked += serials
        made, now = self.pki.made, datetime.datetime.utcnow().replace(microsecond=0)
        before = [made._entry(label, 1) for label in made.revoked]  # pylint: disable=protected-access
        der = make_pki.revocation_list(
            made.issuing, next(self.list_number), now - datetime.timedelta(minutes=30),
            now + datetime.timedelta(hours=12),
            before + [(serial, now - datetime.timedelta(hours=1), reason) for serial, reason in self.revoked])
        self.box.import_feed("revocation-lists", make_pki.pem("X509 CRL", der))

    def new_entries(self):
        """The audit entries since the last call."""
        entries = self.box.audit_entries(self.seen)
        self.seen += len(entries)
        return harness.but_anchors(entries)

    def signatures(self):
        return self.box.metric("acb_hsm_sign_total")


class Scene:
    """The good world, but for what the case says; imported into the stage's box."""

    def __init__(self, stage, case):
        self.stage, self.number = stage, next(stage.numbers)
        self.changes, self.asked = case.get("world", {}), case.get("request", {})
        changes = self.changes
        self.device = f"00db12345{self.number:06x}0"
        euis = {who: f"90b3d51f4{self.number:06x}{digit}" for digit, who in enumerate(PARTY_ROLES, 1)}
        self.euis = {**euis, "acb": stage.pki.acb}
        names = dict(zip(PARTY_ROLES, ("SUPP", "NETW", "ELSE", "RIVL")))
        self.names = {who: f"{name}{self.number}" for who, name in names.items()}
        self.kind = (changes.get("device") or {}).get("type", "ESME")
        self.mpxn = f"{7000000 + self.number}" if self.kind in ("GPF", "GSME") else f"{2000000000000 + self.number}"
        self.floor = int((changes.get("device") or {}).get("network_operator_floor") or 0)
        self.serials = {}  # name of a certificate in the request -> serial number
        self.certificates, self.issued = {}, {}  # by that name: DER, and the declaration that it was made of
        self._import()

    # -- the world --

    def text(self, template):
        """{supplier}, {other:eui}, {device}, {mpxn}, {sha256:digital_signing}: the names of this scene."""
        values = {**self.names, "device": duis_sign.hyphenated(self.device), "mpxn": self.mpxn}
        values.update({f"{who}:eui": duis_sign.hyphenated(eui) for who, eui in self.euis.items()})
        for name, serial in self.serials.items():
            values[f"serial:{name}"] = str(serial)
        for name, der in self.certificates.items():
            values[f"sha256:{name}"] = hashes_sha256(der)
        return re.sub(r"\{([a-z0-9_]+(?::[a-z_0-9]+)?)\}", lambda match: values[match[1]], template)

    def _party_rows(self):
        given = {"supplier": {}, "network_operator": {}, "other": {}, "other_supplier": {},
                 **self.changes.get("parties", {})}
        rows = []
        for who, changes in given.items():
            for change in ([] if changes is None else changes if isinstance(changes, list) else [changes]):
                for role in change.get("roles", PARTY_ROLES[who]):
                    rows.append({"user_id": duis_sign.hyphenated(self.euis[who]), "party": self.names[who],
                                 "role": role, "status": "active", "from": FILE_DATE, "uept": "yes",
                                 **{key: self._value(value) for key, value in change.items() if key != "roles"}})
        return rows

    def _value(self, value):
        return self.text(value) if isinstance(value, str) else value

    def _registration_rows(self):
        given = self.changes.get("registration", {})
        given = [] if given is None else given if isinstance(given, list) else [given]
        return [{"mpxn": self.mpxn, "supplier": self.names["supplier"],
                 "network_operator": self.names["network_operator"], "from": FILE_DATE,
                 **{key: self._value(value) for key, value in change.items()}} for change in given]

    def device_row(self, **more):
        row = {"device_id": duis_sign.hyphenated(self.device), "type": "ESME", "smets": "SMETS2", "model": "M1",
               "smi_status": "Commissioned", "commissioned": "2020-01-01", "mpxn": self.mpxn,
               "key_agreement_certificate": base64.b64encode(self.device_certificate).decode(),
               "supplier_cell": "acb", "supplier_floor": "0", "network_operator_cell": "acb",
               "network_operator_floor": "0"}
        row.update({key: self._value(value) for key, value in {**(self.changes.get("device") or {}), **more}.items()})
        return row

    def device_csv(self, **more):
        row = self.device_row(**more)
        return csv((*DEVICE_COLUMNS, *(name for name in row if name not in DEVICE_COLUMNS)), [row])

    def _import(self):
        box, pki = self.stage.box, self.stage.pki
        self.device_certificate, key = pki.device(self.device)
        self.stage.world.mac_keys[self.device] = (key, self.stage.acb["ka"])
        box.import_feed("parties", csv(PARTY_COLUMNS, self._party_rows()))
        if rows := self._registration_rows():
            box.import_feed("registrations", csv(REGISTRATION_COLUMNS, rows))
        if self.changes.get("device", {}) is not None:
            box.import_feed("devices", self.device_csv())
        self.signers = {}
        for who in ("supplier", "other_supplier", "network_operator"):
            self.signers[who] = self._issue(f"{who}-xml", {"who": who, "ou": "87", "usage": "ds"})
        self.publish(*(f"{who}-xml" for who in self.signers))
        for name, spec in self.changes.get("certificates", {}).items():
            self._issue(name, spec)
            self.publish(name)
        usual = ("digital_signing", "key_agreement") if self.stage.settings.get("publishes") else ()
        for name in self.changes.get("published", usual):
            self._issue_named(name)
            self.publish(name)
        for name in self.changes.get("revoked", ()):
            self._issue_named(name)
            self.stage.revoke([(self.serials[name], self.changes.get("revocation_reason", 1))])

    def import_feeds(self):
        """Feeds of the case as text: after the request was made, whose certificates they may name."""
        for feed, text in self.changes.get("feeds", {}).items():
            self.stage.box.import_feed(feed, self.text(text if isinstance(text, str) else "\n".join(text) + "\n"))

    def publish(self, *names):
        text = "".join(own_pki.pem_of_der(self.certificates[name]) for name in names)
        self.stage.box.import_feed("organisation-certificates", text)

    # -- certificates --

    GOOD = {"digital_signing": {"usage": "ds"}, "key_agreement": {"usage": "ka"},
            "key_agreement_top_up": {"usage": "ka"}}

    def _issue_named(self, name):
        """The certificate of this place in the request; the same declaration gives the same certificate."""
        who = "supplier" if self.asked.get("role") == "Supplier" else "network_operator"
        spec = {"who": who, **self.GOOD.get(name, {"usage": "ds"}), **(self.asked.get(name) or {})}
        if self.issued.get(name) != spec:
            self._issue(name, spec)
            self.issued[name] = spec
        return self.certificates[name]

    def _issue(self, name, spec):
        """A certificate by its declaration; the profile's values for what that does not name."""
        made, spec = self.stage.pki.made, dict(spec)
        if "certificate" in spec:
            self.certificates[name] = self.stage.pki.der(spec["certificate"])
            self.serials[name] = int(made.certificates[spec["certificate"]].about["serial"])
            return None
        who = spec.pop("who", "network_operator")
        label = f"case-{self.number}-{name}"
        change = {"extensions": {}}
        if "authority" in spec:
            change["authority"] = getattr(made, AUTHORITIES[spec.pop("authority")])
        for key in ("not_before", "not_after"):
            if key in spec:
                change[key] = moment_of(spec.pop(key))
        if spec.pop("digest", None) == "sha384":
            change.update(algorithm=make_pki.seq(make_pki.oid("1.2.840.10045.4.3.3")), digest=hashes.SHA384())
        if spec.pop("curve", None) == "p384":
            change["key"] = made.new_key(label, ec.SECP384R1)
        key = spec.pop("key", None)
        if key == "acb":
            change["key"] = self.stage.pki.key("acb-ds")
        if key == "published":
            change["key"] = duis_sign.load_key(harness.need_shared() / "rtds/certificates/90b3d51f30010000-ds.key")
        if "tail" in spec:
            change["tail"] = bytes.fromhex(spec.pop("tail"))
        if "policy" in spec:
            change["extensions"]["policy"] = make_pki.policies(spec.pop("policy"))
        for extension in spec.pop("without", ()):
            change["extensions"][extension] = None
        if spec.pop("unknown_critical", False):
            change["extensions"]["more"] = make_pki.extension("1.2.3.4.5", b"\x05\x00", critical=True)
        ou, usage = spec.pop("ou", OUS.get(who)), spec.pop("usage", "ds")
        if spec:
            raise harness.Failure(f"certificate {name}: unknown {sorted(spec)}")
        issued = made.leaf(label, ou, self.euis[who].upper(), usage, **change)
        self.certificates[name], self.serials[name] = issued.der, int(issued.about["serial"])
        issuer = (change.get("authority") or made.issuing)
        text = {value: key for key, value in AUTHORITIES.items()}[next(
            field for field in AUTHORITIES.values() if getattr(made, field) is issuer)]
        return duis_sign.Signer(issued.key, issuer_text(self.stage.pki, text), issued.about["serial"])

    # -- the request --

    def document(self):
        """A request as the case has it, with a RequestID of its own: (duis_sign.Request, octets)."""
        given = dict(self.asked)
        signer, edits = given.pop("signer", "supplier"), given.pop("edit", {})
        form = self._request(given)
        text = form.canonical()
        for old, new in edits.get("before_signing", ()):
            text = replaced(text, self.text(old), self.text(new))
        if edits.get("unsigned"):
            octets = (duis_sign.DECLARATION + text).encode()
        else:
            octets = self._signer(signer).sign_canonical(text)
        for old, new in edits.get("after_signing", ()):
            octets = replaced(octets.decode(), self.text(old), self.text(new)).encode()
        if "append_octets" in edits:
            octets = octets.replace(b"</sr:Request>", b"<!--" + b"x" * edits["append_octets"] + b"--></sr:Request>")
        if "truncate" in edits:
            octets = octets[: -edits["truncate"]]
        return form, octets

    def _request(self, given):
        role = given.pop("role", "NetworkOperator")
        certificates = {}
        names = ["digital_signing", "key_agreement"] + (["key_agreement_top_up"] if role == "Supplier" else [])
        for name in names:
            certificates[name] = self._issue_named(name) if given.get(name, {}) is not None else None
            given.pop(name, None)
        path = tuple(self.stage.pki.der(label) for label in given.pop("path", ["issuing-ca"]))
        device = given.pop("device", self.device)
        for key in given:
            if key not in ("floor", "top_up_floor", "execution", "command_variant", "apply_time_checks", "originator",
                           "proposed"):
                raise harness.Failure(f"request: unknown {key}")
        given.pop("proposed", None)
        if "execution" in given:
            given["execution"] = resolve(given["execution"])
        originator = self.euis[given.pop("originator", "supplier")]
        if role == "Supplier":
            given.setdefault("top_up_floor", 0)
        return duis_sign.Request(originator, device, next(self.stage.world.counters), role,
                                 path=path, **{"floor": 0, **certificates, **given})

    def _signer(self, given):
        if isinstance(given, dict):
            spec = {"who": "supplier", "ou": "87", "usage": "ds", **given}
            published = spec.pop("published", True)
            revoked = spec.pop("revoked", False)
            signer = self._issue("signer", spec)
            if published:
                self.publish("signer")
            if revoked:
                self.stage.revoke([(self.serials["signer"], 1)])
            return signer
        return self.signers[given]


def issuer_text(pki, label):
    return pki.certificate(label).subject.rfc4514_string()


def hashes_sha256(der):
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    return digest.finalize().hex()


def replaced(text, old, new):
    if old not in text:
        raise harness.Failure(f"the document has no {old!r} to replace")
    return text.replace(old, new)


def load_cases(folder):
    """[(reason, name, case)] of all tests/vectors/<REASON>/<case>/case.json."""
    found = []
    for path in sorted(folder.glob("*/*/case.json")):
        found.append((path.parent.parent.name, path.parent.name, json.loads(path.read_text())))
    return found
