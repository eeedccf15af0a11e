#!/usr/bin/python3
"""Makes the tests' own organisation and device PKI: fresh keys, SMKI profile, nothing relaxed.

    make_pki.py OUTDIR [--now 2026-11-21T12:00:00Z]
        writes OUTDIR/NAME.pem (one certificate or list), OUTDIR/NAME.key (PKCS#8 PEM), the feed files
        OUTDIR/organisation-certificates.pem and OUTDIR/revocation-lists.pem, and OUTDIR/manifest.json.

    make_pki.py --crl OUTDIR --number N [--revoke NAME]... [--now T] [--this T] [--next T] [--out FILE]
        issues the next CRL of the issuing CA of an OUTDIR made before (the certificates revoked there
        stay revoked). `--arl` instead of `--crl`: the root's list. Default file: OUTDIR/crl.pem, arl.pem.

From Python: `Pki(now)` makes all in memory (`pki.certificates["supplier-ds"].der`), `write(pki,
directory)` writes it, `make_list(directory, ...)` is `--crl`.

Keys and serial numbers are new each time: none of them is written down anywhere, so none can be accepted in live. Without
--now the lists are current now: CRL thisUpdate one hour ago, nextUpdate in 12 hours (R-SEC3-14); ARL
thisUpdate one hour ago, nextUpdate in 365 days. Certificates run 2020-01-01 to 2044-12-31 unless their
name says otherwise.

manifest.json: {"now", "policy_oid", "root", "issuing_ca", "crl", "arl", "feeds": {...},
"certificates": {NAME: {"file", "key", "sha256", "serial" (decimal), "issuer", "eui64", "ou", "usage",
"path": "good" or the reason of the refusal, "note"}}, "lists": {NAME: {"file", "issuer", "number",
"note"}}}.

Authorities beside the good ones: issuing-ca-revoked, issuing-ca-silent (no CRL), issuing-ca-stale (a CRL that
has run out), issuing-ca-subordinate (under issuing-ca), second-root with issuing-ca-second-root.

Good certificates: root, issuing-ca; ROLE-USAGE for acb, supplier, supplier2, no-a, no-b with ds and ka,
supplier-ka-topup; ROLE-xml for all (OU 87; acb-xml OU 89); device-ca, esme-ds, esme-ka, gpf-ds, gpf-ka.
Bad ones: see _bad(). Lists: crl, arl (current), and crl-stale, crl-future, crl-next (number + 1, revokes
supplier2-ds), crl-lower (number - 1), crl-earlier (number + 5, thisUpdate
before that of crl), crl-stranger, arl-stale, arl-next (revokes issuing-ca).

Source of the profile: gbcs-cs02b.md section 9. DER is written here by hand because no library makes a
name with a BIT STRING in it, nor most of the bad ones.
"""

import argparse
import base64
import datetime
import hashlib
import json
import os
import secrets
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

POLICY = "1.2.826.0.1.8641679.1.2.1.4"
DEVICE_POLICY = "1.2.826.0.1.1800000.1.2.1.4"
ACB, SUPPLIER, SUPPLIER2 = "90B3D51F30000002", "90B3D51F30010000", "90B3D51F30030000"
NO_A, NO_B = "90B3D51F30020000", "90B3D51F30040000"
ESME, GPF = "00DB1234567890A0", "00DB1234567890A3"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
NOT_BEFORE = datetime.datetime(2020, 1, 1)
NOT_AFTER = datetime.datetime(2044, 12, 31, 23, 59, 59)
FOREVER = datetime.datetime(9999, 12, 31, 23, 59, 59)

# --- DER ---------------------------------------------------------------------------------------


def tlv(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + body


def seq(*parts):
    return tlv(0x30, *parts)


def integer(value):
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted):
    first, second, *rest = [int(arc) for arc in dotted.split(".")]
    body = b""
    for arc in [first * 40 + second] + rest:
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(0x80 | (arc & 0x7F))
        body += bytes(reversed(digits))
    return tlv(0x06, body)


def bits(body, unused=0):
    return tlv(0x03, bytes([unused]), body)


def octets(body):
    return tlv(0x04, body)


def utf8(text):
    return tlv(0x0C, text.encode())


def printable(text):
    return tlv(0x13, text.encode())


def time(moment):
    if moment.year < 2050:
        return tlv(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(0x18, f"{moment.year:04d}{moment:%m%d%H%M%S}Z".encode())


CN, OU, UNIQUE_ID = oid("2.5.4.3"), oid("2.5.4.11"), oid("2.5.4.45")
ECDSA_SHA256 = seq(oid("1.2.840.10045.4.3.2"))


def name(*rdns):
    """Each item: (attribute type OID in DER, value in DER), one attribute per RDN."""
    return seq(*[tlv(0x31, seq(kind, value)) for kind, value in rdns])


def party_name(ou, eui, cn=None):
    first = [(CN, utf8(cn))] if cn else []
    return name(*first, (OU, utf8(ou)), (UNIQUE_ID, bits(bytes.fromhex(eui))))


def authority_name(ou, cn):
    return name((OU, printable(ou)), (CN, printable(cn)))


def extension(dotted, value, critical=False):
    return seq(oid(dotted), tlv(0x01, b"\xff") if critical else b"", octets(value))


def key_usage(usage, critical=True):
    body = {"ds": b"\x07\x80", "ka": b"\x03\x08", "both": b"\x03\x88", "ca": b"\x01\x06"}[usage]
    return extension("2.5.29.15", tlv(0x03, body), critical)


def policies(dotted, critical=True):
    return extension("2.5.29.32", seq(seq(oid(dotted))), critical)


def subject_key_id(ski, critical=False):
    return extension("2.5.29.14", octets(ski), critical)


def authority_key_id(ski, critical=False):
    return extension("2.5.29.35", seq(tlv(0x80, ski)), critical)


def basic_constraints(path_length=None):
    length = b"" if path_length is None else integer(path_length)
    return extension("2.5.29.19", seq(tlv(0x01, b"\xff"), length), critical=True)


def hardware_module_name(eui):
    module = seq(oid("1.2.826.0.1.8641679.1.2.2.1"), octets(bytes.fromhex(eui)))
    other = tlv(0xA0, oid("1.3.6.1.5.5.7.8.4"), tlv(0xA0, module))
    return extension("2.5.29.17", seq(other), critical=True)


# --- Keys, certificates, lists -------------------------------------------------------------------


def point(key):
    return key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )


def key_identifier(public_point):
    """RFC 5280 section 4.2.1.2 method (2): 0100 and the low 60 bits of SHA-1."""
    digest = bytearray(hashlib.sha1(public_point).digest()[-8:])
    digest[0] = 0x40 | (digest[0] & 0x0F)
    return bytes(digest)


def public_key_info(key):
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def pem(label, der):
    text = base64.b64encode(der).decode()
    lines = "\n".join(text[i : i + 64] for i in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"


class Authority:
    """Who signs: a name, a key, a key identifier."""

    def __init__(self, subject, key):
        self.subject, self.key = subject, key
        self.ski = key_identifier(point(key))

    def sign(self, tbs, algorithm=ECDSA_SHA256, digest=None):
        signature = self.key.sign(tbs, ec.ECDSA(digest or hashes.SHA256()))
        return seq(tbs, algorithm, bits(signature))


class Issued:
    """A certificate, its key and what the manifest says of it."""

    def __init__(self, der, key, **about):
        self.der, self.key, self.about = der, key, about


def revocation_list(authority, number, this_update, next_update, serials=(), extra=b""):
    """`serials`: (serial, revocation time, reason code or None)."""
    entries = b""
    for serial, moment, reason in serials:
        why = b""
        if reason is not None:
            why = seq(extension("2.5.29.21", tlv(0x0A, bytes([reason]))))
        entries += seq(integer(serial), time(moment), why)
    extensions = seq(
        authority_key_id(authority.ski), extension("2.5.29.20", integer(number)), extra
    )
    tbs = seq(
        integer(1),
        ECDSA_SHA256,
        authority.subject,
        time(this_update),
        time(next_update) if next_update else b"",
        seq(entries) if entries else b"",
        tlv(0xA0, extensions),
    )
    return authority.sign(tbs)


class Pki:
    """All of it, in memory: `certificates`, `lists`, `authorities` by name."""

    NUMBER = 100

    def __init__(self, now=None):
        self.seed = secrets.token_hex(32)  # never leaves this object
        self.now = now or datetime.datetime.utcnow().replace(microsecond=0)
        self.certificates, self.lists, self.revoked = {}, {}, []
        self._authorities()
        self._parties()
        self._devices()
        self._bad()
        self._lists()

    def _number(self, label, size):
        return int.from_bytes(hashlib.shake_256(f"{self.seed}/{label}".encode()).digest(size), "big")

    def new_key(self, label, curve=ec.SECP256R1):
        secret = self._number("key/" + label, 40) % (P256_ORDER - 1) + 1
        return ec.derive_private_key(secret, curve())

    def serial(self, label):
        """16 octets, first octet 40..7F."""
        return self._number("serial/" + label, 16) & ((1 << 126) - 1) | 1 << 126

    def issue(self, label, authority, subject, extensions, key=None, path="good", note="", **change):
        """Adds one certificate. `change`: version, serial, not_before, not_after, spki, tail, algorithm,
        inner, digest; what they are not given follows the profile."""
        key = key or self.new_key(label)
        serial = change.get("serial", self.serial(label))
        algorithm = change.get("algorithm", ECDSA_SHA256)
        tbs = seq(
            tlv(0xA0, integer(change.get("version", 2))),
            integer(serial),
            change.get("inner", algorithm),
            authority.subject,
            seq(time(change.get("not_before", NOT_BEFORE)), time(change.get("not_after", NOT_AFTER))),
            subject,
            change.get("spki", public_key_info(key)),
            tlv(0xA3, seq(*extensions)),
        )
        der = authority.sign(tbs, algorithm, change.get("digest")) + change.get("tail", b"")
        about = dict(serial=str(serial), path=path, note=note, **change.get("about", {}))
        self.certificates[label] = Issued(der, key, **about)
        return self.certificates[label]

    def _authority(self, label, signer, subject, path_length, **more):
        key = self.new_key(label)
        authority = Authority(subject, key)
        signer = signer or authority
        extensions = [basic_constraints(path_length), key_usage("ca"), subject_key_id(authority.ski)]
        if signer is not authority:
            extensions.append(authority_key_id(signer.ski))
        extensions.append(policies(more.pop("policy", POLICY)))
        more.setdefault("not_after", FOREVER)
        self.issue(label, signer, subject, extensions, key=key, path=more.pop("path", "authority"), **more)
        return authority

    def _authorities(self):
        self.root = self._authority("root", None, authority_name("00", "TR"), None)
        self.issuing = self._authority("issuing-ca", self.root, authority_name("07", "T1"), 0)
        self.second_issuing = self._authority(
            "issuing-ca-revoked", self.root, authority_name("07", "T2"), 0, path="ISSUER_REVOKED"
        )
        self.foreign_root = self._authority("foreign-root", None, authority_name("00", "TR"), None)
        # Same names as ours, other keys.
        self.foreign_issuing = self._authority(
            "foreign-issuing-ca", self.foreign_root, authority_name("07", "T1"), 0, path="CHAIN"
        )
        # For lists that are missing or out of date: an issuing CA without any, one whose list has run out, and a
        # root without an ARL. None is in the feed files; a test that wants them imports them.
        self.silent_issuing = self._authority("issuing-ca-silent", self.root, authority_name("07", "T3"), 0)
        self.stale_issuing = self._authority("issuing-ca-stale", self.root, authority_name("07", "T4"), 0)
        self.second_root = self._authority("second-root", None, authority_name("00", "TS"), None)
        self.second_root_issuing = self._authority(
            "issuing-ca-second-root", self.second_root, authority_name("07", "T5"), 0
        )
        # One authority too many in the path.
        self.subordinate = self._authority(
            "issuing-ca-subordinate", self.issuing, authority_name("07", "T6"), 0
        )
        self.device_ca = self._authority(
            "device-ca", None, name((CN, printable("TD"))), None, policy=DEVICE_POLICY
        )

    def leaf(self, label, ou, eui, usage, authority=None, path="good", note="", **change):
        """An organisation certificate. `change` also takes cn, extensions (a function of the good list)."""
        authority = authority or self.issuing
        key = change.pop("key", None) or self.new_key(label)
        subject = change.pop("subject", None) or party_name(ou, eui, change.pop("cn", None))
        extensions = {
            "usage": key_usage(usage),
            "ski": subject_key_id(key_identifier(point(key))),
            "policy": policies(POLICY),
            "aki": authority_key_id(authority.ski),
        }
        extensions.update(change.pop("extensions", {}))
        about = dict(ou=ou, eui64=eui, usage=usage)
        change.setdefault("about", about)
        listed = [value for value in extensions.values() if value]
        return self.issue(label, authority, subject, listed, key=key, path=path, note=note, **change)

    def _parties(self):
        for label, ou, eui, xml in (
            ("acb", "04", ACB, "89"),
            ("supplier", "02", SUPPLIER, "87"),
            ("supplier2", "02", SUPPLIER2, "87"),
            ("no-a", "03", NO_A, "87"),
            ("no-b", "03", NO_B, "87"),
        ):
            self.leaf(label + "-ds", ou, eui, "ds")
            self.leaf(label + "-ka", ou, eui, "ka")
            self.leaf(label + "-xml", xml, eui, "ds")
        self.leaf("supplier-ka-topup", "02", SUPPLIER, "ka")
        self.leaf("supplier2-ka-topup", "02", SUPPLIER2, "ka")
        self.leaf("supplier-ds-named", "02", SUPPLIER, "ds", cn="TESTSUPPLIER")

    def _devices(self):
        for label, eui in (("esme", ESME), ("gpf", GPF)):
            for usage in ("ds", "ka"):
                key = self.new_key(f"{label}-{usage}")
                extensions = [
                    key_usage(usage),
                    hardware_module_name(eui),
                    policies(DEVICE_POLICY),
                    subject_key_id(key_identifier(point(key))),
                    authority_key_id(self.device_ca.ski),
                ]
                self.issue(
                    f"{label}-{usage}",
                    self.device_ca,
                    seq(),
                    extensions,
                    key=key,
                    path="NOT_ORGANISATION_CERT",
                    not_after=FOREVER,
                    about=dict(eui64=eui, usage=usage),
                )

    def _bad(self):
        """Each differs from the good supplier-ds (or no-a) in one thing."""
        supplier = ("02", SUPPLIER)
        past = datetime.datetime(2024, 1, 1)
        self.leaf("expired-ds", *supplier, "ds", path="CERT_EXPIRED", not_after=past)
        self.leaf("expired-xml", "87", SUPPLIER, "ds", path="CERT_EXPIRED", not_after=past)
        self.leaf("not-yet-ds", *supplier, "ds", path="CERT_EXPIRED", not_before=datetime.datetime(2044, 1, 1))
        for label, ou, eui, usage in (
            ("revoked-ds", "02", SUPPLIER, "ds"),
            ("revoked-ka", "02", SUPPLIER, "ka"),
            ("revoked-xml", "87", SUPPLIER, "ds"),
            ("revoked-no-ds", "03", NO_A, "ds"),
        ):
            self.leaf(label, ou, eui, usage, path="CERT_REVOKED")
            self.revoked.append(label)
        self.leaf("wrong-role-ds", "03", SUPPLIER, "ds", note="path good; OU is not the role of the EUI")
        self.leaf("acb-role-ds", "04", SUPPLIER, "ds", note="path good; OU 04 with a supplier's EUI")
        self.leaf("both-usages", *supplier, "both", path="PROFILE")
        self.leaf("no-aki", *supplier, "ds", path="PROFILE", extensions={"aki": None})
        self.leaf("no-ski", *supplier, "ds", path="PROFILE", extensions={"ski": None})
        self.leaf("wrong-policy", *supplier, "ds", path="PROFILE", extensions={"policy": policies("1.2.3.4")})
        self.leaf(
            "unknown-critical",
            *supplier,
            "ds",
            path="PROFILE",
            extensions={"more": extension("1.2.3.4.5", b"\x05\x00", critical=True)},
        )
        self.leaf("trailing-octets", *supplier, "ds", path="PROFILE", tail=b"\x00\x00")
        self.leaf("no-eui", *supplier, "ds", path="PROFILE", subject=name((OU, utf8("02"))))
        p384 = self.new_key("p384", ec.SECP384R1)
        self.leaf("p384", *supplier, "ds", path="ALGORITHM", key=p384)
        self.leaf(
            "sha384",
            *supplier,
            "ds",
            path="ALGORITHM",
            algorithm=seq(oid("1.2.840.10045.4.3.3")),
            digest=hashes.SHA384(),
        )
        null_parameters = seq(oid("1.2.840.10045.4.3.2"), b"\x05\x00")
        self.leaf("null-parameters", *supplier, "ds", path="ALGORITHM", algorithm=null_parameters)
        self.leaf("under-revoked-ca", *supplier, "ds", self.second_issuing, path="ISSUER_REVOKED")
        self.leaf("foreign-ds", *supplier, "ds", self.foreign_issuing, path="CHAIN")
        self.leaf("from-root", *supplier, "ds", self.root, path="CHAIN")
        self.leaf("from-device-ca", *supplier, "ds", self.device_ca, path="CHAIN")

    def _lists(self):
        hour, day = datetime.timedelta(hours=1), datetime.timedelta(days=1)
        now, number = self.now, self.NUMBER
        revoked = [self._entry(label, i) for i, label in enumerate(self.revoked)]
        ca_revoked = [self._entry("issuing-ca-revoked", 1)]
        current = (now - hour, now + 12 * hour)
        stranger = Authority(self.issuing.subject, self.foreign_issuing.key)
        stranger.ski = self.issuing.ski

        def crl(label, number, this, after, entries, authority=self.issuing, note=""):
            der = revocation_list(authority, number, this, after, entries)
            self.lists[label] = Issued(der, None, number=str(number), note=note)

        crl("crl", number, *current, revoked)
        crl("crl-second-ca", number, *current, [], self.second_issuing)
        crl("crl-next", number + 1, *current, revoked + [self._entry("supplier2-ds", None)])
        crl("crl-earlier", number + 5, now - 2 * hour, now + 12 * hour, revoked)
        crl("crl-lower", number - 1, *current, revoked)
        crl("crl-stale", number, now - 26 * hour, now - 13 * hour, revoked)
        crl("crl-future", number + 1, now + hour, now + 13 * hour, revoked)
        crl("crl-stranger", number + 1, *current, revoked, stranger)
        crl("crl-stale-ca", number, now - 26 * hour, now - 13 * hour, [], self.stale_issuing)
        crl("crl-stale-ca-next", number + 1, *current, [], self.stale_issuing)
        crl("crl-silent-ca", number, *current, [], self.silent_issuing)
        crl("crl-second-root-ca", number, *current, [], self.second_root_issuing)
        crl("crl-subordinate-ca", number, *current, [], self.subordinate)
        year = (now - hour, now + 365 * day)
        crl("arl", number, *year, ca_revoked, self.root)
        crl("arl-next", number + 1, *year, ca_revoked + [self._entry("issuing-ca", 2)], self.root)
        crl("arl-second-root", number, *year, [], self.second_root)
        crl("arl-stale", number, now - 400 * day, now - 35 * day, ca_revoked, self.root)

    def _entry(self, label, reason):
        serial = int(self.certificates[label].about["serial"])
        return (serial, self.now - datetime.timedelta(days=30), reason)


# --- Files -----------------------------------------------------------------------------------------

ORGANISATION_FEED_LEFT_OUT = {
    "root", "foreign-root", "foreign-issuing-ca", "device-ca", "trailing-octets", "issuing-ca-silent",
    "issuing-ca-stale", "second-root", "issuing-ca-second-root", "issuing-ca-subordinate",
}


def write(pki, directory):
    os.makedirs(directory, exist_ok=True)
    manifest = {
        "now": pki.now.isoformat() + "Z",
        "policy_oid": POLICY,
        "root": "root.pem",
        "issuing_ca": "issuing-ca.pem",
        "crl": "crl.pem",
        "arl": "arl.pem",
        "feeds": {
            "organisation-certificates": "organisation-certificates.pem",
            "revocation-lists": "revocation-lists.pem",
        },
        "certificates": {},
        "lists": {},
    }
    feed = ""
    for label, issued in pki.certificates.items():
        text = pem("CERTIFICATE", issued.der)
        _save(directory, label + ".pem", text)
        _save(directory, label + ".key", _private_pem(issued.key))
        digest = hashlib.sha256(issued.der).hexdigest()
        about = dict(file=label + ".pem", key=label + ".key", sha256=digest, **issued.about)
        manifest["certificates"][label] = about
        bad_form = issued.about["path"] in ("PROFILE", "ALGORITHM", "CHAIN", "NOT_ORGANISATION_CERT")
        if not bad_form and label not in ORGANISATION_FEED_LEFT_OUT:
            feed += text
    for label, issued in pki.lists.items():
        _save(directory, label + ".pem", pem("X509 CRL", issued.der))
        manifest["lists"][label] = dict(file=label + ".pem", **issued.about)
    _save(directory, "organisation-certificates.pem", feed)
    current = [pki.lists[label].der for label in ("crl", "crl-second-ca", "arl")]
    _save(directory, "revocation-lists.pem", "".join(pem("X509 CRL", der) for der in current))
    _save(directory, "manifest.json", json.dumps(manifest, indent=1) + "\n")


def _private_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _save(directory, file_name, text):
    with open(os.path.join(directory, file_name), "w", encoding="ascii") as out:
        out.write(text)


def make_list(directory, number, revoke=(), now=None, this=None, after=None, arl=False):
    """The next CRL (or ARL) of a directory written before, as PEM: what was revoked stays revoked."""
    with open(os.path.join(directory, "manifest.json"), encoding="ascii") as file:
        certificates = json.load(file)["certificates"]
    label = "root" if arl else "issuing-ca"
    with open(os.path.join(directory, label + ".key"), "rb") as file:
        key = serialization.load_pem_private_key(file.read(), password=None)
    subject = authority_name("00", "TR") if arl else authority_name("07", "T1")
    before = "ISSUER_REVOKED" if arl else "CERT_REVOKED"
    old = [n for n, about in certificates.items() if about["path"] == before and "under" not in n]
    now = now or datetime.datetime.utcnow().replace(microsecond=0)
    hour = datetime.timedelta(hours=1)
    moment = datetime.datetime(2026, 1, 1)
    entries = [(int(certificates[n]["serial"]), moment, 1) for n in dict.fromkeys([*old, *revoke])]
    life = datetime.timedelta(days=365) if arl else 12 * hour
    der = revocation_list(
        Authority(subject, key), number, this or now - hour, after or now + life, entries
    )
    return pem("X509 CRL", der)


def _moment(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("outdir", nargs="?", help="directory to write, made if missing")
    parser.add_argument("--now", type=_moment, help="2026-11-21T12:00:00Z; default: the clock")
    parser.add_argument("--crl", metavar="DIR")
    parser.add_argument("--arl", metavar="DIR")
    parser.add_argument("--number", type=int, help="CRL number")
    parser.add_argument("--revoke", action="append", default=[], metavar="NAME")
    parser.add_argument("--this", type=_moment, help="thisUpdate")
    parser.add_argument("--next", type=_moment, help="nextUpdate")
    parser.add_argument("--out", metavar="FILE")
    given = parser.parse_args()
    directory = given.crl or given.arl
    if not directory:
        if not given.outdir:
            parser.error("OUTDIR is missing")
        write(Pki(given.now), given.outdir)
        return 0
    if given.number is None:
        parser.error("--number is missing")
    text = make_list(
        directory, given.number, given.revoke, given.now, given.this, given.next, bool(given.arl)
    )
    out = given.out or os.path.join(directory, "arl.pem" if given.arl else "crl.pem")
    with open(out, "w", encoding="ascii") as file:
        file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
