#!/usr/bin/python3
"""Writes firmware/smki/published_test_keys.inc: SHA-256 of every public key in the published DCC test data.

    make_test_key_list.py SHARED OUT        SHARED: the directory that holds rtds/
    make_test_key_list.py --check SHARED OUT    exit 1 when OUT is not what would be written

Sources, all public: rtds/certificates (certificates and keys), rtds/keystore.json (DCC Boxed),
rtds/gbcs and rtds/duis (keys inside the messages), and the three test CAs of gbcs-cs02b.md sections
9.2 and 9.4, whose certificates are not in the data. Needs: the cryptography package.
"""

import base64
import hashlib
import json
import re
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

# SubjectPublicKeyInfo of a P-256 key up to the 04 of the point.
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
POINT_OCTETS = 65
TEST_AUTHORITIES = (  # Z1, ZA (gbcs-cs02b.md 9.2), E357 (9.4)
    "041a2b924097b58d70b0c2cf74eba1d2a6f1d6ab56955343f1329468c64327fcfe"
    "28876b560cb5c783a5722fd3b9ebd8f3a29441d9cff42554aca8778e34741cd5",
    "040691e68b45c57e2ec7974ef6d1360a50da01576e0ee0b3b4c67f64127120e63f"
    "31771cc9dcbd5ae007d0c6170951d7035bcefc8b1f81805e0fd0f7a555dcca78",
    "041f3b1aa71f247df76435b0e3ed8808991abbf7340d5b726fd45d076403de664e"
    "d67b6e2d3b59880ba0fe4fd8a7abe9c2ed61afc8eb28b653c6266f6f0d8b7c8f",
)
BASE64 = re.compile(rb"[A-Za-z0-9+/=\s]{200,}")
HEX = re.compile(rb"[0-9A-Fa-f\s]{200,}")


def point_of(key):
    return key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )


def points_of_pem(text):
    """The public points of the PEM blocks: certificates, or private keys."""
    if b"CERTIFICATE" in text:
        yield point_of(x509.load_pem_x509_certificate(text).public_key())
    else:
        yield point_of(serialization.load_pem_private_key(text, password=None).public_key())


def points_inside(octets):
    at = octets.find(SPKI)
    while at >= 0:
        start = at + len(SPKI)
        yield octets[start : start + POINT_OCTETS]
        at = octets.find(SPKI, start)


def points_of_message(text):
    """Keys in hex or base64 runs of a message file, and in its octets."""
    yield from points_inside(text)
    for run in HEX.findall(text):
        digits = b"".join(run.split())
        yield from points_inside(bytes.fromhex(digits[: len(digits) // 2 * 2].decode()))
    for run in BASE64.findall(text):
        digits = b"".join(run.split())
        try:
            yield from points_inside(base64.b64decode(digits, validate=True))
        except ValueError:
            continue


def collect(shared):
    rtds = shared / "rtds"
    points = {bytes.fromhex(point) for point in TEST_AUTHORITIES}
    for file in sorted((rtds / "certificates").iterdir()):
        points.update(points_of_pem(file.read_bytes()))
    for uses in json.loads((rtds / "keystore.json").read_text()).values():
        for certificates in uses.values():
            for entry in certificates.values():
                points.update(points_of_pem(entry["certificate"].encode()))
                if entry.get("privateKey"):
                    points.update(points_of_pem(entry["privateKey"].encode()))
    for folder in ("gbcs", "duis"):
        for file in sorted((rtds / folder).rglob("*")):
            if file.is_file():
                points.update(points_of_message(file.read_bytes()))
    return points


def render(points):
    digests = sorted(hashlib.sha256(point).digest() for point in points)
    lines = ["// Made by tools/make_test_key_list.py: do not edit. SHA-256 of published test keys, sorted."]
    lines += ["// clang-format off"]
    for digest in digests:
        octets = [f"0x{octet:02x}" for octet in digest]
        lines += ["{" + ", ".join(octets[:16]) + ",", " " + ", ".join(octets[16:]) + "},"]
    return "\n".join(lines + ["// clang-format on"]) + "\n"


def main():
    arguments = sys.argv[1:]
    check = arguments[:1] == ["--check"]
    if len(arguments) != (3 if check else 2):
        print(__doc__, file=sys.stderr)
        return 2
    shared, out = Path(arguments[-2]), Path(arguments[-1])
    text = render(collect(shared))
    if check:
        return 0 if out.read_text() == text else 1
    out.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
