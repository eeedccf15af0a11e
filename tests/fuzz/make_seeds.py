#!/usr/bin/python3
"""Writes what the fuzz targets start from.

    make_seeds.py DIRECTORY      makes it anew: seeds/TARGET/, dictionaries/TARGET.dict, certificates/

Most of it comes from the public test data (../shared, or ACB_SHARED); without it the targets start from what is
written here, and some from nothing. Nothing is random: the same data give the same files.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("ACB_SHARED") or ROOT.parent / "shared")
VECTORS = SHARED / "vectors"

# The longest input of each target: what has a meaning fits, and longer ones only make a run slower.
MAX_OCTETS = {"duis_request": 16384, "xml_signature": 16384, "certificate": 8192, "revocation_list": 16384,
              "bundle": 16384, "gbcs": 8192, "http_request": 8192, "config": 8192, "audit_text": 8192}
MAX_OCTETS_OTHER = 8192  # a CSV feed

PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END")

# A header, good rows, and some that are wrong in a field; {certificate} is a device's in base64, or nothing.
FEEDS = {
    "parties": ["user_id,party,role,status,from,to,uept,notice_to_cease",
                "90-B3-D5-1F-30-01-00-00,SUPA,IS,active,2020-01-01,,yes,2026-01-31T12:00:00Z",
                "90B3D51F30020000,NOA,ENO,suspended,2020-01-01T00:00:00Z,2030-01-01,no,",
                "90B3D51F30010000,\"S \"\"U\"\", P\",GS,active,2020-02-30,,maybe,soon"],
    "registrations": ["mpxn,supplier,network_operator,from,to", "1312345678111,SUPA,NOA,2020-01-01,",
                      "1312345678111,SUPA,,2020-01-01,2021-01-01T00:00:00Z", "12345,,NOA,2021-01-01,2020-01-01"],
    "devices": ["device_id,type,smets,model,smi_status,commissioned,mpxn,key_agreement_certificate,supplier_cell,"
                "supplier_floor,network_operator_cell,network_operator_floor",
                "00DB1234567890A3,GPF,SMETS2,model 1,Commissioned,2025-12-19,1234567890,{certificate},acb,0,"
                "90B3D51F30020000,",
                "00-DB-12-34-56-78-90-A0,ESME,SMETS2,m,Pending,,,!!!,me,-1,acb,9223372036854775808"],
    "mpan_prefixes": ["prefix,party", "13,NOA", "10,NOB", "1x,"],
    "working_days": ["date,working", "2026-12-25,no", "2026-12-28,yes", "2026-02-30,maybe"],
    "certified_products": ["model,firmware,firmware_sha256,from,to",
                           "model 1,01020304," + "0a" * 32 + ",2020-01-01,", "m,f,00,2021-01-01,2020-01-01"],
    "proxy_certificates": ["device_id,source,owner,certificate",
                           "00DB1234567890A3,DSP,90B3D51F30020000,{certificate}", "x,S1SP,,"],
    "repository_status": ["certificate_sha256,status,reason,since", "0a" * 32 + ",in-use,,2020-01-01",
                          "0b" * 32 + ",revoked,key compromise,2026-11-21T12:00:00Z", "00,alive,,"],
}

REQUESTS = [
    b"GET /v1/status HTTP/1.1\r\nHost: acb.test\r\n\r\n",
    b"POST /v1/requests?dry_run=true&x=%2Fy HTTP/1.1\r\nHost: acb.test:8621\r\nContent-Type: application/xml\r\n"
    b"Content-Length: 11\r\nConnection: close\r\n\r\nhello world",
    b"PUT /v1/feeds/devices HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
    b"5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-Trailer: y\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /a%00b/../c?x=1&x=2#f HTTP/1.1\r\nHost: a\r\nHost: b\r\n folded\r\n\r\n",
]

# Of audit_text. The first is the Go project's example; an entry bundle has its count, less one, before it.
AUDIT_TEXTS = [
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6Ryy"
    "BwJnAM=\n",
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "\u2014 example.com/behind-the-sofa AAAAAAA=\n\u2014 witness.example/1 " + "A" * 100 + "AAA=\n",
    "tile/0/x001/x234/067", "tile/entries/273.p/112", "tile/7/000.p/1",
    "\x01\x00\x02ab\x00\x01c", "\x00\x00\x00",
]

CONFIG = """environment = "test"
[listen]
address = "::1"
port = 0
[tls]
certificate = "tls/server.pem"
key = "/keys/server.key"
client_ca = "tls/ca.pem"
[[client]]
identity = "DSP.acb.test"
role = "dsp"
[hsm]
module = "softhsm.so"
token_label = "acb"
pin_file = "pin"
[hsm.environment]
SOFTHSM2_CONF = "/abs/softhsm2.conf"
[store]
directory = "./store"
map_size_gib = 8
[acb]
digital_signing_certificate = "acb/ds.pem"
key_agreement_certificate = "acb/ka.pem"
[trust]
roots = ["trust/root.pem"]
policy_oid = "1.2.3.4"
crl_max_age_hours = 12
arl_max_age_days = 100
[limits]
counter_jump = "9223372036854775807"
floor = "1"
body_octets = 2048
connections = 10
idle_seconds = 5
[test]
validation_time = "2025-10-01T12:00:00Z"
trust_anchors = [ { name = "CN=ZA,OU=00", public_key = "04%s" } ]
issuers_without_crl = ["CN=Z1,OU=07"]
pinned_signers = ["%s"]
""" % ("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
       "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5", "00" * 32)

DICTIONARIES = {
    "audit_text": ["\n\n", "=\n", " AAAAAAA=\n", "tile/", "tile/entries/", ".p/", "x001/", "/000", "+"],
    "http_request": ["GET", "POST", "PUT", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "Host: ", "Content-Length: ",
                     "Transfer-Encoding: ", "chunked", "Connection: close", "Expect: 100-continue", "\r\n\r\n",
                     "0\r\n\r\n", "%2e%2e", "%00", "ffffffffffffffff\r\n"],
    "config": sorted({word for word in re.findall(r"[\w./]+|\[+[\w.]+\]+", CONFIG) if len(word) > 2} |
                     {'"""', "'''", "inf", "nan", "0x", "1979-05-27T07:32:00Z", "{ ", " }"}),
}
CSV_WORDS = ["acb", "active", "suspended", "yes", "no", "2020-01-01", "2026-11-21T12:00:00Z", "\"", "\"\"", "\r\n"]


class Seeds:
    def __init__(self, directory):
        self.directory = directory


    def add(self, target, octets):
        if not 0 < len(octets) <= MAX_OCTETS.get(target, MAX_OCTETS_OTHER):
            return
        folder = self.directory / "seeds" / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha256(octets).hexdigest()[:20]).write_bytes(octets)


    def certificate(self, octets):
        self.add("certificate", octets)
        # A name for xml_signature's look-up; the certificate says whose it is.
        if 0 < len(octets) <= 8192:
            folder = self.directory / "certificates"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / (hashlib.sha256(octets).hexdigest()[:20] + ".der")).write_bytes(octets)

    def pem(self, text):
        self.add("bundle", text)
        for kind, body in PEM.findall(text):
            try:
                octets = base64.b64decode(b"".join(body.split()), validate=True)
            except ValueError:
                continue
            if kind == b"CERTIFICATE":
                yield "certificate", octets
            elif kind == b"X509 CRL":
                yield "revocation_list", octets


def members(archive):
    """(name, octets) of every file of a tar.gz."""
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            if member.isfile():
                yield member.name, tar.extractfile(member).read()


def write_own(seeds, certificate):
    for name, rows in FEEDS.items():
        header, *rows = rows
        text = "".join(f"{row}\n" for row in [header, *rows]).replace("{certificate}", certificate)
        seeds.add(name, text.encode())
        seeds.add(name, text.replace("\n", "\r\n").encode())
        words = header.split(",") + [header] + CSV_WORDS
        DICTIONARIES[name] = words
    for request in REQUESTS:
        seeds.add("http_request", request)
    for text in AUDIT_TEXTS:
        seeds.add("audit_text", text.encode())
    seeds.add("config", CONFIG.encode())
    seeds.add("config", CONFIG.split("[test]")[0].replace('"test"', '"live"').encode())


def write_xml(seeds):
    for file in sorted((SHARED / "rtds" / "duis").glob("*.XML")):
        for target in ("duis_request", "xml_signature"):
            seeds.add(target, file.read_bytes())
            seeds.add(target, re.sub(rb"<!--.*?-->|>\s+<", lambda m: b"><" if m[0][:1] == b">" else b"",
                                     file.read_bytes(), flags=re.S))
    for name, octets in members(VECTORS / "xml-requests" / "xml-requests-open.tar.gz"):
        if name.startswith("cases/"):
            seeds.add("duis_request", octets)
            seeds.add("xml_signature", octets)
        elif name.endswith(".pem") and ".key." not in name:
            for kind, der in seeds.pem(octets):
                seeds.add(kind, der) if kind != "certificate" else seeds.certificate(der)
    for archive in sorted((VECTORS / "xmldsig-interop").glob("*.tar.gz")):
        for name, octets in members(archive):
            if name.endswith(".xml"):
                seeds.add("duis_request", octets)
    dictionary = (VECTORS / "libxml2-fuzz" / "xml.dict").read_text()
    for target in ("duis_request", "xml_signature"):
        write_dictionary(seeds.directory, target, dictionary)


def write_der(seeds):
    smki = json.loads((VECTORS / "smki-profile" / "smki-open.json").read_text())
    limbo = json.loads((VECTORS / "x509-limbo" / "limbo-open.json").read_text())
    for case in smki["testcases"] + limbo["testcases"]:
        texts = case["trusted_certs"] + case["untrusted_intermediates"] + [case["peer_certificate"]] + case["crls"]
        for text in texts:
            for kind, octets in seeds.pem(text.encode()):
                seeds.add(kind, octets)
    for file in sorted((SHARED / "rtds" / "certificates").glob("*.pem")):
        for _, octets in seeds.pem(file.read_bytes()):
            seeds.certificate(octets)
    for name, octets in members(VECTORS / "pkits" / "pkits-certs-crls.tar.gz"):
        seeds.add("certificate" if name.endswith(".crt") else "revocation_list", octets)
    for archive, targets in [("x509", ["certificate"]), ("crl", ["revocation_list"]),
                             ("asn1parse", ["certificate", "revocation_list", "gbcs"])]:
        for _, octets in members(VECTORS / "openssl-fuzz-corpora" / f"{archive}-open.tar.gz"):
            for target in targets:
                seeds.add(target, octets)


def write_gbcs(seeds):
    for file in sorted((SHARED / "rtds" / "gbcs").glob("*.HEX")):
        octets = bytes.fromhex("".join(file.read_text().split()))
        seeds.add("gbcs", octets)
        if octets[:1] == b"\xdd" and b"\xdf\x09" in octets[:24]:
            # The body alone, as it is when it is built: without MAC Header and MAC, and without the signature.
            body = octets[octets.index(b"\xdf\x09"):-12]
            seeds.add("gbcs", body)
            if len(body) > 65 and body[-65] == 0x40:
                seeds.add("gbcs", body[:-65])


def escaped(word):
    return "".join(c if 32 <= ord(c) < 127 and c not in '"\\' else "\\x%02x" % ord(c) for c in word)


def write_dictionary(directory, target, text):
    folder = directory / "dictionaries"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{target}.dict").write_text(text)


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    directory = Path(sys.argv[1])
    for name in ("seeds", "dictionaries", "certificates"):
        shutil.rmtree(directory / name, ignore_errors=True)
    seeds = Seeds(directory)
    have_shared = (SHARED / "rtds" / "README.md").is_file()
    certificate = ""
    if have_shared:
        device = (SHARED / "rtds" / "certificates" / "00db1234567890a3-ka.pem").read_bytes()
        certificate = b"".join(PEM.search(device)[2].split()).decode()
        write_xml(seeds)
        write_der(seeds)
        write_gbcs(seeds)
    else:
        print(f"no test data at {SHARED} (ACB_SHARED): the targets for XML, DER and GBCS start from nothing")
    write_own(seeds, certificate)
    for target, words in DICTIONARIES.items():
        write_dictionary(directory, target, "".join(f'"{escaped(word)}"\n' for word in words if word))
    for target in sorted(path.name for path in (directory / "seeds").iterdir()):
        print(f"{target}: {len(list((directory / 'seeds' / target).iterdir()))} seeds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
