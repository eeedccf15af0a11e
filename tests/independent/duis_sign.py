#!/usr/bin/python3
"""Writes and signs DUIS 6.21 requests as a test User would (duis-6.21.md sections 1 and 4).

Two ways, held against each other by `duis_sign.py --self-test ../shared`:

* `Request` and `Signer` write the document directly in canonical form as text, so that no XML library
  is on the way: thousands of signatures a second, for the load tests.
* `sign_document` takes any document apart with lxml, canonicalises it and fills in the signature: for
  templates as published and for documents that a test has bent out of shape.

    duis_sign.py TEMPLATE.xml --key KEY --issuer 'CN=Z1,OU=07' --serial N [--counter N] [--device EUI]
        [--floor N|none] [--ds CERT] [--ka CERT] [--top-up CERT] [--path CERT]... [--out FILE]

KEY and CERT are PEM or DER files. Exit status: 0 good, 1 wrong, 2 usage.
"""

import argparse
import base64
import copy
import hashlib
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

DUIS = "http://www.dccinterface.co.uk/ServiceUserGateway"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

# SignedInfo as exclusive canonical XML, around its digest (duis-6.21.md section 4.4).
SIGNED_INFO_OPEN = f'<ds:SignedInfo xmlns:ds="{DSIG}">'
SIGNED_INFO_BODY = (
    '<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:CanonicalizationMethod>'
    '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"></ds:SignatureMethod>'
    '<ds:Reference URI=""><ds:Transforms>'
    '<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></ds:Transform>'
    '</ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>'
    "<ds:DigestValue>%s</ds:DigestValue></ds:Reference></ds:SignedInfo>"
)


def hyphenated(eui):
    """90b3d51f30010000 -> 90-B3-D5-1F-30-01-00-00"""
    plain = eui.replace("-", "").upper()
    return "-".join(plain[i : i + 2] for i in range(0, 16, 2))


@dataclass(frozen=True)
class Request:
    """A 6.21 request before it is signed. Certificates are DER; None leaves an element out."""

    originator: str
    device: str
    counter: int
    role: str  # "Supplier" or "NetworkOperator"
    digital_signing: bytes
    key_agreement: bytes = None
    key_agreement_top_up: bytes = None
    path: tuple = ()
    floor: int = 0
    top_up_floor: int = None
    apply_time_checks: str = "true"
    command_variant: str = "1"
    execution: str = None

    @property
    def request_id(self):
        return f"{hyphenated(self.originator)}:{hyphenated(self.device)}:{self.counter}"

    def but(self, **changes):
        return replace(self, **changes)

    def canonical(self, request_id=None):
        """The document without its Signature as inclusive canonical XML, with the template's namespaces."""

        def element(name, content):
            if content is None:
                return ""
            if isinstance(content, bytes):
                content = base64.b64encode(content).decode()
            return f"<sr:{name}>{content}</sr:{name}>"

        path = "".join(element("Certificate", der) for der in self.path)
        return (
            f'<sr:Request xmlns:ds="{DSIG}" xmlns:sr="{DUIS}" xmlns:xsi="{XSI}" schemaVersion="5.4">'
            f"<sr:Header>{element('RequestID', request_id or self.request_id)}"
            f"{element('CommandVariant', self.command_variant)}"
            "<sr:ServiceReference>6.21</sr:ServiceReference>"
            "<sr:ServiceReferenceVariant>6.21</sr:ServiceReferenceVariant></sr:Header>"
            "<sr:Body><sr:RequestHandoverOfDCCControlledDevice>"
            f"{element('ExecutionDateTime', self.execution)}{element('RemotePartyRole', self.role)}"
            f"{element('RemotePartyFloorSeqNumber', self.floor)}"
            f"{element('RemotePartyPrepaymentTopUpFloorSeqNumber', self.top_up_floor)}"
            "<sr:ReplacementCertificates>"
            f"{element('DigitalSigningCertificate', self.digital_signing)}"
            f"{element('KeyAgreementCertificate', self.key_agreement)}"
            f"{element('KeyAgreementTopUpCertificate', self.key_agreement_top_up)}"
            "</sr:ReplacementCertificates>"
            f"<sr:CertificationPathCertificates>{path}</sr:CertificationPathCertificates>"
            f"{element('ApplyTimeBasedCPVChecks', self.apply_time_checks)}"
            "</sr:RequestHandoverOfDCCControlledDevice></sr:Body></sr:Request>"
        )


class Signer:
    """A User's XML signing key with the issuer and serial that name its certificate in KeyInfo."""

    def __init__(self, key, issuer, serial):
        self.key = key
        self.issuer = issuer
        self.serial = serial
        self.algorithm = ec.ECDSA(hashes.SHA256())
        self.key_info = (
            "<ds:KeyInfo><ds:X509Data><ds:X509IssuerSerial>"
            f"<ds:X509IssuerName>{issuer}</ds:X509IssuerName>"
            f"<ds:X509SerialNumber>{serial}</ds:X509SerialNumber>"
            "</ds:X509IssuerSerial></ds:X509Data></ds:KeyInfo>"
        )

    @classmethod
    def from_files(cls, key, certificate):
        certificate = load_certificate(certificate)
        return cls(load_key(key), issuer_text(certificate), certificate.serial_number)

    def signature_value(self, octets):
        """r || s in base64: DER is refused by the profile."""
        r, s = decode_dss_signature(self.key.sign(octets, self.algorithm))
        return base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()

    def signature_element(self, canonical):
        """ds:Signature for a document whose canonical form, without it, is `canonical`. Its root must
        declare the prefix ds."""
        digest = base64.b64encode(hashlib.sha256(canonical).digest()).decode()
        signed_info = SIGNED_INFO_BODY % digest
        value = self.signature_value((SIGNED_INFO_OPEN + signed_info).encode())
        return (f"<ds:Signature><ds:SignedInfo>{signed_info}<ds:SignatureValue>{value}</ds:SignatureValue>"
                f"{self.key_info}</ds:Signature>")

    def sign(self, request, request_id=None):
        """The whole document, ready to be sent. The fast path."""
        return self.sign_canonical(request.canonical(request_id))

    def sign_canonical(self, text):
        """As sign(), for a canonical text that a test has edited. It must end with </sr:Request>."""
        cut = len(text) - len("</sr:Request>")
        signature = self.signature_element(text.encode())
        return (DECLARATION + text[:cut] + signature + text[cut:]).encode()


def issuer_text(certificate):
    """The issuer as RFC 4514 text, most specific first: CN=Z1,OU=07, as the templates have it."""
    return certificate.issuer.rfc4514_string()


def load_certificate(path):
    data = Path(path).read_bytes()
    return x509.load_pem_x509_certificate(data) if b"-----BEGIN" in data else x509.load_der_x509_certificate(data)


def load_key(path):
    data = Path(path).read_bytes()
    if b"-----BEGIN" in data:
        return serialization.load_pem_private_key(data, None)
    return serialization.load_der_private_key(data, None)


def certificate_der(path):
    return load_certificate(path).public_bytes(serialization.Encoding.DER)


# --- Documents as they come ------------------------------------------------------------------------


def compact(text):
    """Drops comments and the white space between elements (compact.py of duis-6.21.md section 4.5)."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    return re.sub(r">\s+<", "><", text).strip()


def parse(octets):
    from lxml import etree

    return etree.fromstring(octets, etree.XMLParser(resolve_entities=False, no_network=True))


def canonical_without_signature(root):
    """What the Reference of a document covers: inclusive canonical XML 1.0 without ds:Signature."""
    from lxml import etree

    bare = copy.deepcopy(root)
    for signature in bare.findall(f"{{{DSIG}}}Signature"):
        bare.remove(signature)
    return etree.tostring(bare, method="c14n", exclusive=False, with_comments=False)


def sign_document(octets, signer):
    """Signs a document that already has a ds:Signature with the profile's structure, by the book."""
    from lxml import etree

    root = parse(octets)
    signature = root.find(f"{{{DSIG}}}Signature")
    if signature is None:
        raise ValueError("the document has no ds:Signature to fill in")

    def fill(name, text):
        next(signature.iter(f"{{{DSIG}}}{name}")).text = str(text)

    digest = hashlib.sha256(canonical_without_signature(root)).digest()
    fill("DigestValue", base64.b64encode(digest).decode())
    fill("X509IssuerName", signer.issuer)
    fill("X509SerialNumber", signer.serial)
    signed_info = signature.find(f"{{{DSIG}}}SignedInfo")
    fill("SignatureValue",
         signer.signature_value(etree.tostring(signed_info, method="c14n", exclusive=True, with_comments=False)))
    return DECLARATION.encode() + etree.tostring(root)


def request_from_template(octets):
    """The fields of a 6.21 request: of an RTDS template, of a signed document."""
    root = parse(octets)

    def texts(name):
        return ["".join(node.itertext()).strip() for node in root.iter(f"{{{DUIS}}}{name}")]

    def one(name):
        found = texts(name)
        return found[0] if found else None

    def number(name):
        return None if one(name) is None else int(one(name))

    def der(name):
        return None if one(name) is None else base64.b64decode("".join(one(name).split()), validate=True)

    originator, device, counter = one("RequestID").replace("-", "").lower().split(":")
    return Request(originator, device, int(counter), one("RemotePartyRole"), der("DigitalSigningCertificate"),
                   der("KeyAgreementCertificate"), der("KeyAgreementTopUpCertificate"),
                   tuple(base64.b64decode(text) for text in texts("Certificate")),
                   number("RemotePartyFloorSeqNumber"), number("RemotePartyPrepaymentTopUpFloorSeqNumber"),
                   one("ApplyTimeBasedCPVChecks"), one("CommandVariant"), one("ExecutionDateTime"))


# --- Proof on the known answers --------------------------------------------------------------------

NETWORK_OPERATOR_TEMPLATE = "CS02bNOByNOHandover_6.21_SUCCESS_REQUEST_DUIS.XML"
SUPPLIER_TEMPLATE = "CS02bSupplierBySupplierHandover_6.21_SUCCESS_REQUEST_DUIS.XML"
SUPPLIER_SERIAL = "27572613927499351639968579586655397031"  # XML signing certificate of 90B3D51F30010000
# duis-6.21.md section 4.4
KNOWN_DIGESTS = {NETWORK_OPERATOR_TEMPLATE: "7VVU0wMhMg6N/ut0Gqudw3bDnWW5rks87WHHg5DWjyY=",
                 SUPPLIER_TEMPLATE: "JgkzHO3SyjySNiXiqmFSnoY+KJ1JQiH/RX7TFqDULE4="}
KNOWN_SIGNED_INFO = "d8dfaef14711003206c24a3ee20cf6fc606eb1659343030e070ddaf6ca6a794f"
KNOWN_SIGNATURE = "KCWrNWzgKYCBu8G6lOrFAcg34/Ocw09nSJ7rFGibjYrmxpswN2no0eCix//aI0i8GjoH+EiaDOuKu0GHpCvaSg=="


def keystore_signer(keystore, eui, serial):
    """A Signer from the DCC's published key store (parsed JSON)."""
    entry = keystore[eui]["digitalSignature"][str(serial)]
    certificate = x509.load_pem_x509_certificate(entry["certificate"].encode())
    key = serialization.load_pem_private_key(entry["privateKey"].encode(), None)
    return Signer(key, issuer_text(certificate), certificate.serial_number)


def signature_verifies(document, public_key):
    """Both digests recomputed with lxml from the octets as sent."""
    from lxml import etree

    root = parse(document)
    signature = root.find(f"{{{DSIG}}}Signature")
    digest = base64.b64encode(hashlib.sha256(canonical_without_signature(root)).digest()).decode()
    if next(signature.iter(f"{{{DSIG}}}DigestValue")).text != digest:
        return False
    value = base64.b64decode(signature.find(f"{{{DSIG}}}SignatureValue").text)
    der = encode_dss_signature(int.from_bytes(value[:32], "big"), int.from_bytes(value[32:], "big"))
    octets = etree.tostring(signature.find(f"{{{DSIG}}}SignedInfo"), method="c14n", exclusive=True)
    try:
        public_key.verify(der, octets, ec.ECDSA(hashes.SHA256()))
    except Exception:  # pylint: disable=broad-except
        return False
    return True


def self_test(shared):
    import json
    import time

    rtds = Path(shared) / "rtds"
    signer = keystore_signer(json.loads((rtds / "keystore.json").read_text()), "90b3d51f30010000", SUPPLIER_SERIAL)
    public = signer.key.public_key()
    results = []
    for name, digest in KNOWN_DIGESTS.items():
        text = (rtds / "duis" / name).read_text()
        request = request_from_template(text.encode())
        by_library = canonical_without_signature(parse(compact(text).encode()))
        results.append((f"{name}: digest of the compact document is the published one",
                        base64.b64encode(hashlib.sha256(by_library).digest()).decode() == digest))
        results.append((f"{name}: written directly equals canonicalised", request.canonical().encode() == by_library))
        fast = signer.sign(request)
        slow = sign_document(compact(text).encode(), signer)
        results.append((f"{name}: the fast signature verifies", signature_verifies(fast, public)))
        results.append((f"{name}: the slow signature verifies", signature_verifies(slow, public)))
        changed = fast.replace(b">0</sr:RemotePartyFloor", b">1</sr:RemotePartyFloor")
        results.append((f"{name}: a changed document does not verify", not signature_verifies(changed, public)))
        results.append((f"{name}: the fields are read back", request_from_template(fast) == request))
    signed_info = SIGNED_INFO_OPEN + SIGNED_INFO_BODY % KNOWN_DIGESTS[NETWORK_OPERATOR_TEMPLATE]
    results.append(("SignedInfo is the published 615 octets", len(signed_info) == 615
                    and hashlib.sha256(signed_info.encode()).hexdigest() == KNOWN_SIGNED_INFO))
    value = base64.b64decode(KNOWN_SIGNATURE)
    public.verify(encode_dss_signature(int.from_bytes(value[:32], "big"), int.from_bytes(value[32:], "big")),
                  signed_info.encode(), ec.ECDSA(hashes.SHA256()))
    results.append(("the published signature verifies", True))
    started = time.perf_counter()
    for number in range(1000):
        signer.sign(request.but(counter=number))
    print(f"{1000 / (time.perf_counter() - started):.0f} signatures a second")
    for what, good in results:
        print(f"{'good' if good else 'WRONG'}  {what}")
    failed = sum(not good for _, good in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return failed == 0


def main():
    if sys.argv[1:2] == ["--self-test"] and len(sys.argv) == 3:
        return 0 if self_test(sys.argv[2]) else 1
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("template")
    parser.add_argument("--key", required=True)
    parser.add_argument("--issuer", required=True)
    parser.add_argument("--serial", required=True)
    parser.add_argument("--originator")
    parser.add_argument("--device")
    parser.add_argument("--counter", type=int)
    parser.add_argument("--floor", help="a number, or 'none' to leave the element out")
    for name in ("--ds", "--ka", "--top-up"):
        parser.add_argument(name, metavar="CERTIFICATE")
    parser.add_argument("--path", action="append", metavar="CERTIFICATE")
    parser.add_argument("--out", default="-")
    arguments = parser.parse_args()
    request = request_from_template(Path(arguments.template).read_bytes())
    changes = {}
    for name in ("originator", "device"):
        if getattr(arguments, name):
            changes[name] = getattr(arguments, name).replace("-", "").lower()
    if arguments.counter is not None:
        changes["counter"] = arguments.counter
    if arguments.floor is not None:
        changes["floor"] = None if arguments.floor == "none" else int(arguments.floor)
    for option, name in (("ds", "digital_signing"), ("ka", "key_agreement"), ("top_up", "key_agreement_top_up")):
        if getattr(arguments, option):
            changes[name] = certificate_der(getattr(arguments, option))
    if arguments.path:
        changes["path"] = tuple(map(certificate_der, arguments.path))
    document = Signer(load_key(arguments.key), arguments.issuer, arguments.serial).sign(request.but(**changes))
    if arguments.out == "-":
        sys.stdout.buffer.write(document)
    else:
        Path(arguments.out).write_bytes(document)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError, KeyError) as error:
        print(f"duis_sign: {error}", file=sys.stderr)
        sys.exit(1)
