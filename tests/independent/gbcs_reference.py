#!/usr/bin/python3
"""GBCS CS02b commands read, checked and built a second time, without any of the appliance's code.

What this file knows comes from gbcs-cs02b.md (sections 1 to 5) and was proven on the DCC's published
vectors: `gbcs_reference.py --self-test ../shared` runs that proof again. It is what the end-to-end
tests and the quickstart hold the appliance's answers against, so it must never share code with it.

    gbcs_reference.py show COMMAND
    gbcs_reference.py verify COMMAND --acb-ds X (--acb-ka-key K --device-ka X | --device-ka-key K --acb-ka X)
    gbcs_reference.py compare REQUEST.xml COMMAND --acb EUI --counter N
    gbcs_reference.py --self-test SHARED

COMMAND is a file with hex or raw octets. X is a certificate (PEM or DER file) or a public point in hex;
K is a private key file (PEM or DER). Exit status: 0 good, 1 wrong, 2 usage.
"""

import argparse
import base64
import hashlib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

DUIS_NAMESPACE = "http://www.dccinterface.co.uk/ServiceUserGateway"

MODES = {
    0: "rootBySupplier", 1: "rootByWanProvider", 2: "supplierBySupplier",
    3: "networkOperatorByNetworkOperator", 4: "accessControlBrokerByACB", 5: "wanProviderByWanProvider",
    6: "transCoSByTransCoS", 7: "supplierByTransCoS", 8: "anyExceptAbnormalRootByRecovery",
    9: "anyByContingency",
}
ROLES = {
    0: "root", 1: "recovery", 2: "supplier", 3: "networkOperator", 4: "accessControlBroker",
    5: "transitionalCoS", 6: "wanProvider", 7: "issuingAuthority", 8: "loadController", 127: "other",
}
KEY_USAGES = {"0780": "digitalSignature", "0308": "keyAgreement", "0204": "keyCertSign"}
CRA_FLAGS = {1: "Command", 2: "Response", 3: "Alert"}
# DUIS RemotePartyRole -> (role number = mode number of the 6.21 command); gbcs-cs02b.md section 4.2.
HANDOVER_ROLES = {"Supplier": 2, "NetworkOperator": 3}


class Malformed(Exception):
    """The octets are not a message of this use case."""


# --- DER by hand -----------------------------------------------------------------------------------


def der_length(count):
    if count < 0x80:
        return bytes([count])
    body = count.to_bytes((count.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(body)]) + body


def tlv(tag, *contents):
    content = b"".join(contents)
    return bytes([tag]) + der_length(len(content)) + content


def integer_content(number):
    """Minimal two's complement of a number that is not negative."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def integer(number, tag=0x02):
    return tlv(tag, integer_content(number))


@dataclass
class Node:
    """One element of DER: where its tag stands in the message, and what it holds."""

    tag: int
    start: int
    head: int
    content: bytes
    whole: bytes

    @property
    def end(self):
        return self.start + len(self.whole)

    def children(self):
        return parse_all(self.content, self.start + self.head)

    def number(self):
        return int.from_bytes(self.content, "big", signed=True)


def read_length(data, at):
    """(length, octets used). Any definite length: responses hold lengths that are not minimal."""
    if at >= len(data):
        raise Malformed("message ends inside a length")
    first = data[at]
    if first < 0x80:
        return first, 1
    count = first & 0x7F
    if count == 0 or count > 4 or at + 1 + count > len(data):
        raise Malformed(f"length octet {first:02x}")
    return int.from_bytes(data[at + 1 : at + 1 + count], "big"), 1 + count


def parse_one(data, offset):
    if not data:
        raise Malformed("an element is missing")
    length, used = read_length(data, 1)
    whole = data[: 1 + used + length]
    if len(whole) != 1 + used + length:
        raise Malformed(f"element at {offset} is cut short")
    return Node(data[0], offset, 1 + used, whole[1 + used :], whole)


def parse_all(data, offset):
    nodes = []
    while data:
        node = parse_one(data, offset)
        nodes.append(node)
        data = data[len(node.whole) :]
        offset = node.end
    return nodes


def has_minimal_lengths(node):
    """True when every length inside is in its shortest form, as in all commands."""
    _, used = read_length(node.whole, 1)
    if used != len(der_length(len(node.content))):
        return False
    return all(map(has_minimal_lengths, node.children())) if node.tag & 0x20 else True


# --- Reading a message -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    role: int
    key_usage: str
    cell_usage: int = 0

    def __str__(self):
        usage = ", prePaymentTopUp" if self.cell_usage == 1 else ""
        return f"{{{ROLES.get(self.role, self.role)}, {self.key_usage}{usage}}}"


def read_cell(nodes):
    if len(nodes) not in (2, 3) or [n.tag for n in nodes[:2]] != [0x02, 0x03]:
        raise Malformed("trust anchor cell identifier")
    usage = KEY_USAGES.get(nodes[1].content.hex())
    if usage is None:
        raise Malformed(f"key usage {nodes[1].content.hex()}")
    return Cell(nodes[0].number(), usage, nodes[2].number() if len(nodes) == 3 else 0)


@dataclass
class Message:
    """A Command, Response or Alert. Offsets count from the message's first octet."""

    octets: bytes
    mac_header: bytes
    grouping_start: int
    payload_start: int
    body_end: int  # one past the payload
    cra_flag: int
    counter: int
    originator: bytes
    target: bytes
    date_time: bytes
    message_code: int
    payload: bytes
    signature: bytes
    mac: bytes
    rows: list = field(default_factory=list)  # (offset, size, name, text)

    @property
    def to_be_signed(self):
        """From the octet after DF to the last of the payload (section 5.4)."""
        return self.octets[self.grouping_start + 1 : self.body_end]

    @property
    def authenticated(self):
        """The AAD: 11, five empty strings, then all from DF up to the MAC (section 5.3)."""
        return b"\x11" + bytes(5) + self.octets[self.grouping_start : len(self.octets) - len(self.mac)]


def parse_message(octets, pre_command=False):
    """Reads the frame strictly: what is not understood raises Malformed, down to the last octet."""
    rows = []
    at = 0

    def take(count, name=None, text=None):
        nonlocal at
        part = octets[at : at + count]
        if len(part) != count:
            raise Malformed(f"message ends inside {name or 'a field'}")
        if name:
            rows.append((at, count, name, text(part) if callable(text) else text or part.hex()))
        at += count
        return part

    def expect(value, name, text=None):
        if take(len(value), name, text) != value:
            raise Malformed(f"{name} is not {value.hex()}")

    def take_length(name):
        length, used = read_length(octets, at)
        take(used, name, str(length))
        return length

    has_mac = octets[:1] == b"\xdd"
    if has_mac:
        expect(b"\xdd" + bytes(6), "MAC Header", "general-ciphering, five empty strings, no key-info")
        length = take_length("length of ciphered service")
        if length != len(octets) - at:
            raise Malformed("length of ciphered service does not reach the end")
        expect(b"\x11" + bytes(4), "security control, invocation counter", "11, 0")
    mac_header = octets[:at]
    grouping_start = at
    expect(b"\xdf", "Grouping Header", "general-signing")
    expect(b"\x09", "length of transaction-id", "9")
    cra_flag = take(1, "CRA Flag", lambda v: CRA_FLAGS.get(v[0], "?"))[0]
    if cra_flag not in CRA_FLAGS:
        raise Malformed(f"CRA Flag {cra_flag}")
    counter = int.from_bytes(take(8, "Originator Counter", lambda v: str(int.from_bytes(v, "big"))), "big")
    expect(b"\x08", "length of originator", "8")
    originator = take(8, "Business Originator ID")
    expect(b"\x08", "length of target", "8")
    target = take(8, "Business Target ID")
    date_time = take(take_length("length of date-time"))
    if len(date_time) not in (0, 12):
        raise Malformed("date-time")
    expect(b"\x02", "length of other information", "2")
    code = int.from_bytes(take(2, "Message Code"), "big")
    payload_length = take_length("length of payload")
    payload_start = at
    payload = take(payload_length)
    body_end = at
    signature = mac = b""
    if pre_command:
        if octets[at:] not in (b"", b"\x00"):
            raise Malformed("octets after the payload of a Pre-Command")
    else:
        signature_length = take_length("signature length")
        if signature_length not in (0, 64):
            raise Malformed(f"signature length {signature_length}")
        signature = take(signature_length)
        if signature:
            rows.append((at - 64, 32, "signature r", signature[:32].hex()))
            rows.append((at - 32, 32, "signature s", signature[32:].hex()))
        mac = take(12, "ACB-SMD MAC" if cra_flag == 1 else "SMD-KRP MAC") if has_mac else b""
        if at != len(octets):
            raise Malformed(f"{len(octets) - at} octets after the end")
    return Message(octets, mac_header, grouping_start, payload_start, body_end, cra_flag, counter,
                   originator, target, date_time, code, payload, signature, mac, rows)


@dataclass
class CommandPayload:
    mode: int
    disapply_time_checks: bool
    authorising_cell: Cell
    sequence_number: int
    floor: int
    top_up_floor: int
    replacements: list  # of (certificate DER, Cell)
    path: list  # of certificate DER
    execution: str
    rows: list


def certificate_text(der):
    try:
        certificate = x509.load_der_x509_certificate(der)
        subject = certificate.subject.rfc4514_string()
        return f"serial {certificate.serial_number:x}, subject {subject}"
    except ValueError as error:
        return f"not readable: {error}"


def parse_command_payload(payload, offset):
    """CommandPayload of section 3.1, as far as commands of the modes 2 to 8 use it."""
    top = parse_one(payload, offset)
    if top.tag != 0x30 or len(top.whole) != len(payload):
        raise Malformed("CommandPayload")
    if not has_minimal_lengths(top):
        raise Malformed("a length that is not in its shortest form")
    parts = top.children()
    if len(parts) not in (3, 4) or any(part.tag != 0x30 for part in parts[:3]):
        raise Malformed("CommandPayload has three or four parts")
    rows = []
    result = CommandPayload(-1, False, None, -1, None, None, [], [], "", rows)

    def row(node, name, text):
        rows.append((node.start, len(node.whole), name, text))

    control = parts[0].children()
    if not control or control[0].tag != 0x02:
        raise Malformed("credentialsReplacementMode")
    result.mode = control[0].number()
    row(control[0], "credentialsReplacementMode", f"{result.mode} {MODES.get(result.mode, '?')}")
    tags = [node.tag for node in control[1:]]
    if tags != sorted(set(tags), key=lambda tag: tag & 0x1F) or not set(tags) <= {0x81, 0xA2, 0x83, 0x84, 0xA5, 0xA6}:
        raise Malformed("control block: " + " ".join(f"{tag:02x}" for tag in tags))
    for node in control[1:]:
        if node.tag == 0x81:
            if node.content != b"\x01":
                raise Malformed("applyTimeBasedCPVChecks: the default must be left out")
            result.disapply_time_checks = True
            row(node, "applyTimeBasedCPVChecks", "disapply")
        elif node.tag == 0xA2:
            result.authorising_cell = read_cell(node.children())
            row(node, "authorisingRemotePartyTACellIdentifier", str(result.authorising_cell))
        elif node.tag == 0x83:
            result.sequence_number = node.number()
            row(node, "authorisingRemotePartySeqNumber", str(result.sequence_number))
        elif node.tag == 0x84:
            result.floor = node.number()
            row(node, "newRemotePartyFloorSeqNumber", str(result.floor))
        elif node.tag == 0xA5:
            entries = [entry.children() for entry in node.children()]
            if len(entries) != 1 or [n.tag for n in entries[0]] != [2, 2] or entries[0][0].number() != 0:
                raise Malformed("newRemotePartySpecialistFloorSeqNumber")
            result.top_up_floor = entries[0][1].number()
            row(node, "newRemotePartySpecialistFloorSeqNumber", f"top-up {result.top_up_floor}")
        else:
            row(node, "otherRemotePartySeqNumberChanges", node.content.hex())
    if result.sequence_number < 0:
        raise Malformed("authorisingRemotePartySeqNumber is missing")
    for number, node in enumerate(parts[1].children()):
        pair = node.children()
        if node.tag != 0x30 or len(pair) != 2:
            raise Malformed("TrustAnchorReplacement")
        cell = read_cell(pair[1].children())
        result.replacements.append((pair[0].whole, cell))
        row(pair[0], f"replacement {number} certificate", certificate_text(pair[0].whole))
        row(pair[1], f"replacement {number} target cell", str(cell))
    for number, node in enumerate(parts[2].children()):
        result.path.append(node.whole)
        row(node, f"path certificate {number}", certificate_text(node.whole))
    if len(parts) == 4:
        if parts[3].tag != 0x18:
            raise Malformed("executionDateTime")
        result.execution = parts[3].content.decode("ascii")
        row(parts[3], "executionDateTime", result.execution)
    return result


def describe(octets, out=sys.stdout):
    """Every field of a message with its offset and size."""
    message = parse_message(octets)
    rows = list(message.rows)
    if message.cra_flag == 1 and message.message_code >> 8 == 0x01:
        rows += parse_command_payload(message.payload, message.payload_start).rows
    else:
        rows.append((message.payload_start, len(message.payload), "payload", message.payload.hex()))
    for offset, size, name, text in sorted(rows):
        print(f"{offset:5d} {size:4d}  {name:40s} {text}", file=out)


# --- Cryptography ----------------------------------------------------------------------------------


def load_point(text):
    """A public key from a certificate file (PEM, DER) or a point in hex."""
    if len(text) == 130 and text.startswith("04"):
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes.fromhex(text))
    return load_certificate(text).public_key()


def load_certificate(path):
    data = Path(path).read_bytes()
    if b"-----BEGIN" in data:
        return x509.load_pem_x509_certificate(data)
    return x509.load_der_x509_certificate(data)


def load_key(path):
    data = Path(path).read_bytes()
    if b"-----BEGIN" in data:
        return serialization.load_pem_private_key(data, None)
    return serialization.load_der_private_key(data, None)


def signature_is_good(message, public_key):
    if len(message.signature) != 64:
        return False
    r = int.from_bytes(message.signature[:32], "big")
    s = int.from_bytes(message.signature[32:], "big")
    try:
        public_key.verify(encode_dss_signature(r, s), message.to_be_signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def mac_key(private_key, public_key, message):
    """Section 5.2. Either side's private key with the other's public key gives the same."""
    z = private_key.exchange(ec.ECDH(), public_key)
    other_info = (bytes.fromhex("60857406080300") + message.originator + b"\x09"
                  + bytes([message.cra_flag]) + message.counter.to_bytes(8, "big") + message.target)
    return hashlib.sha256(b"\x00\x00\x00\x01" + z + other_info).digest()[:16]


def expected_mac(private_key, public_key, message):
    iv = message.originator + bytes(4)
    return AESGCM(mac_key(private_key, public_key, message)).encrypt(iv, b"", message.authenticated)[:12]


def mac_is_good(message, private_key, public_key):
    return len(message.mac) == 12 and expected_mac(private_key, public_key, message) == message.mac


# --- Building what a 6.21 must become --------------------------------------------------------------


@dataclass
class Handover:
    """The fields of a DUIS 6.21 request that reach the device, and its RequestID."""

    originator: str  # EUI-64 in 16 lower-case hex digits, as all EUIs here
    device: str
    request_counter: int
    role: str  # "Supplier" or "NetworkOperator"
    floor: int = None
    top_up_floor: int = None
    digital_signing: bytes = b""
    key_agreement: bytes = None
    key_agreement_top_up: bytes = None
    path: tuple = ()
    apply_time_checks: bool = True


def read_request(octets):
    """The same fields read from the request's XML. Verifies nothing."""
    from lxml import etree

    root = etree.fromstring(octets, etree.XMLParser(resolve_entities=False, no_network=True))

    def texts(name):
        return ["".join(node.itertext()).strip() for node in root.iter(f"{{{DUIS_NAMESPACE}}}{name}")]

    def one(name):
        found = texts(name)
        return found[0] if found else None

    def number(name):
        return None if one(name) is None else int(one(name))

    def der(name):
        return None if one(name) is None else base64.b64decode("".join(one(name).split()), validate=True)

    originator, device, counter = one("RequestID").replace("-", "").lower().split(":")
    return Handover(originator, device, int(counter), one("RemotePartyRole"), number("RemotePartyFloorSeqNumber"),
                    number("RemotePartyPrepaymentTopUpFloorSeqNumber"), der("DigitalSigningCertificate"),
                    der("KeyAgreementCertificate"), der("KeyAgreementTopUpCertificate"),
                    tuple(base64.b64decode("".join(text.split())) for text in texts("Certificate")),
                    one("ApplyTimeBasedCPVChecks") in ("true", "1"))


def build_to_be_signed(request, acb, counter):
    """The octets that the ACB must sign for this request with this counter: sections 2.2, 3, 4.4."""
    role = HANDOVER_ROLES[request.role]

    def cell(usage, top_up=False):
        return integer(role) + tlv(0x03, bytes.fromhex(usage)) + (integer(1) if top_up else b"")

    control = integer(role)
    if not request.apply_time_checks:
        control += integer(1, 0x81)
    control += tlv(0xA2, cell("0780")) + integer(counter, 0x83)
    if request.floor is not None:
        control += integer(request.floor, 0x84)
    if request.top_up_floor is not None:
        control += tlv(0xA5, tlv(0x30, integer(0), integer(request.top_up_floor)))
    replacements = tlv(0x30, request.digital_signing, tlv(0x30, cell("0780")))
    if request.key_agreement is not None:
        replacements += tlv(0x30, request.key_agreement, tlv(0x30, cell("0308")))
    if request.key_agreement_top_up is not None:
        replacements += tlv(0x30, request.key_agreement_top_up, tlv(0x30, cell("0308", top_up=True)))
    payload = tlv(0x30, tlv(0x30, control), tlv(0x30, replacements), tlv(0x30, *request.path))
    return (b"\x09\x01" + counter.to_bytes(8, "big") + b"\x08" + bytes.fromhex(acb) + b"\x08"
            + bytes.fromhex(request.device) + b"\x00\x02\x01" + bytes([role]) + der_length(len(payload)) + payload)


def assemble(to_be_signed, signature, mac):
    body = b"\xdf" + to_be_signed + b"\x40" + signature
    return b"\xdd" + bytes(6) + der_length(5 + len(body) + 12) + b"\x11" + bytes(4) + body + mac


def compare(request, command, acb, counter):
    """The command's fields beside the request's: rows (field, in the command, in the request, equal)."""
    message = parse_message(command)
    payload = parse_command_payload(message.payload, message.payload_start)
    role = HANDOVER_ROLES[request.role]
    usages = [("digitalSignature", 0, request.digital_signing), ("keyAgreement", 0, request.key_agreement),
              ("keyAgreement", 1, request.key_agreement_top_up)]
    wanted = [(der, Cell(role, usage, top_up)) for usage, top_up, der in usages if der is not None]

    def absent(number):
        return "absent" if number is None else str(number)

    pairs = [
        ("CRA Flag", CRA_FLAGS[message.cra_flag], "Command"),
        ("Originator Counter", str(message.counter), str(counter)),
        ("Business Originator ID", message.originator.hex(), acb),
        ("Business Target ID", message.target.hex(), request.device),
        ("Message Code", f"{message.message_code:04x}", f"{0x100 + role:04x}"),
        ("credentialsReplacementMode", MODES.get(payload.mode, "?"), MODES[role]),
        ("applyTimeBasedCPVChecks", str(not payload.disapply_time_checks), str(request.apply_time_checks)),
        ("authorising cell", str(payload.authorising_cell), str(Cell(role, "digitalSignature"))),
        ("authorisingRemotePartySeqNumber", str(payload.sequence_number), str(counter)),
        ("new floor", absent(payload.floor), absent(request.floor)),
        ("new top-up floor", absent(payload.top_up_floor), absent(request.top_up_floor)),
        ("replacements", str(len(payload.replacements)), str(len(wanted))),
    ]
    for number, ((der, cell), (want_der, want_cell)) in enumerate(zip(payload.replacements, wanted)):
        pairs.append((f"replacement {number} cell", str(cell), str(want_cell)))
        pairs.append((f"replacement {number} certificate", fingerprint(der), fingerprint(want_der)))
    pairs.append(("path certificates", str(len(payload.path)), str(len(request.path))))
    for number, (der, want) in enumerate(zip(payload.path, request.path)):
        pairs.append((f"path certificate {number}", fingerprint(der), fingerprint(want)))
    pairs.append(("executionDateTime", payload.execution or "absent", "absent"))
    rows = [(name, is_, want, is_ == want) for name, is_, want in pairs]
    whole = message.to_be_signed == build_to_be_signed(request, acb, counter)
    rows.append(("all signed octets", hashlib.sha256(message.to_be_signed).hexdigest()[:16],
                 hashlib.sha256(build_to_be_signed(request, acb, counter)).hexdigest()[:16], whole))
    return rows


def fingerprint(der):
    return f"{len(der)} octets, SHA-256 {hashlib.sha256(der).hexdigest()[:16]}"


def print_comparison(rows, out=sys.stdout):
    """Prints them, the odd ones marked with !, and says whether all are equal. The request holds no counter and no
    ACB: these two come from the answer."""
    width = max(len(row[1]) for row in rows)
    print(f"    {'':32s} {'in the command':{width}s} | in the request, or the answer", file=out)
    for name, is_, want, equal in rows:
        print(f"  {'=' if equal else '!'} {name:32s} {is_:{width}s} | {want}", file=out)
    return all(row[3] for row in rows)


# --- Proof on the published vectors ----------------------------------------------------------------

# gbcs-cs02b.md section 5.6: (vector, counter, r, s, MAC, SHA-256 of the message).
BUILD_VECTORS = [
    ("CS02bNOByNOHandover_6.21", 1301, "ba7621bfb3d946889abd6cbfa0c86535d4f52089c217cc4c9978d80e7d2956ad",
     "d317b402b3ab49c40a5134561418efe97290f5b19b7b64af778cb1ea5c4ef927", "b1d7088b084ae9b3eca48d31",
     "4719c2deb4fae95ab7506855c67b753c197bb4f29edc44118a411d679aefa880"),
    ("CS02bNOByNOHandover_6.21", 1500, "2b7510ac96e8eee29e79ef4b88283c8fac53dc58ec2df17c48c8399a71b3e33c",
     "c579e648206466a7087d7b6854b79cdd038d8617be265cf6b39bf5d2d6e9d5e5", "ff1aff9d3db8293510ebaf8c",
     "fce92cf486cde9a31e9ab12ae6c668995eb2acea2caac16fcb46ef20be24f434"),
    ("CS02bSupplierBySupplierHandover_6.21", 1300,
     "4cb6031dcf7c6d34f21fe0bb8f0145deffe7ae5595ef03eda2e55318b2fcbcce",
     "821dc06f6a6bc2052cb650991bf2ab00584d9a879d4a1c03390addab6bd0416f", "84e33155a18f1917aa7c0e17",
     "8a24be72ac44c7d85489ff710ca86210df8273d25a37f8eca54dae5a4b96fcef"),
    ("CS02bSupplierBySupplierHandover_6.21", 1500,
     "7044255ea985c8970e82c1742ce69f8b978d98a5b1083efe88800cb8418dd9ab",
     "8592ebbbf31b43dfe642c4ee0d68c210f7c8f8df3314a9f510c5ed461b159376", "56ef77b6d8db15c4d836acaf",
     "b472c3e68e81751d2f5abd912aab69d09518ffc83c12124f68ee975d8f569b7a"),
]


def keystore_certificates(shared):
    """EUI -> [(certificate, private key)] of keystore.json."""
    store = json.loads((Path(shared) / "rtds" / "keystore.json").read_text())
    found = {}
    for eui, uses in store.items():
        for entries in uses.values():
            for entry in entries.values():
                certificate = x509.load_pem_x509_certificate(entry["certificate"].encode())
                key = serialization.load_pem_private_key(entry["privateKey"].encode(), None)
                found.setdefault(eui, []).append((certificate, key))
    return found


def self_test(shared):
    """Every published vector: reads it, verifies what it carries, and builds the 6.21 commands again."""
    rtds = Path(shared) / "rtds"
    failures = []
    counts = {}

    def check(what, name, good):
        counts[what] = counts.get(what, 0) + 1
        if not good:
            failures.append(f"{what}: {name}")

    signers = {}
    for path in sorted(rtds.glob("certificates/*-ds.pem")):
        signers.setdefault(path.name[:16], []).append(load_certificate(path).public_key())
    for eui, pairs in keystore_certificates(shared).items():
        signers.setdefault(eui, []).extend(certificate.public_key() for certificate, _ in pairs)
    acb_key = load_key(rtds / "certificates" / "90b3d51f30000002-ka.key")
    handovers = {}
    for path in sorted(rtds.glob("gbcs/*.HEX")):
        octets = bytes.fromhex(path.read_text().strip())
        name = path.name.removesuffix("_GBCS.HEX")
        if name.endswith("_PRECOMMAND"):
            message = parse_message(octets, pre_command=True)
            command = bytes.fromhex((path.parent / path.name.replace("PRECOMMAND", "COMMAND")).read_text().strip())
            check("pre-command stands unchanged in its command", name, octets[: message.body_end] in command)
            continue
        message = parse_message(octets)
        if message.signature:
            keys = signers.get(message.originator.hex(), [])
            check("signature", name, any(signature_is_good(message, key) for key in keys))
            damaged = parse_message(octets.replace(message.signature, message.signature[:63] + b"\x00"))
            check("damaged signature refused", name, not any(signature_is_good(damaged, key) for key in keys))
        if message.mac:
            device = message.target if message.cra_flag == 1 else message.originator
            device_key = load_point(str(rtds / "certificates" / f"{device.hex()}-ka.pem"))
            check("MAC", name, mac_is_good(message, acb_key, device_key))
            damaged = parse_message(octets[:-1] + bytes([octets[-1] ^ 1]))
            check("damaged MAC refused", name, not mac_is_good(damaged, acb_key, device_key))
        if message.cra_flag == 1 and message.message_code >> 8 == 1:
            payload = parse_command_payload(message.payload, message.payload_start)
            check("sequence number is the Originator Counter", name, payload.sequence_number == message.counter)
            check("mode is in the message code", name, 0x100 + payload.mode == message.message_code)
        if "_6.21_" in name and name.endswith("COMMAND"):
            role = "Supplier" if payload.mode == 2 else "NetworkOperator"
            certificates = [der for der, _ in payload.replacements]
            handover = Handover("", message.target.hex(), 0, role, payload.floor, payload.top_up_floor,
                                certificates[0], certificates[1],
                                certificates[2] if len(certificates) > 2 else None, tuple(payload.path), True)
            handovers[name.removesuffix("_SUCCESS_COMMAND")] = handover
            built = build_to_be_signed(handover, message.originator.hex(), message.counter)
            check("6.21 built again, octet for octet", name,
                  assemble(built, message.signature, message.mac) == octets)
    acb_ds = load_point(str(rtds / "certificates" / "90b3d51f30000002-ds.pem"))
    for name, counter, r, s, mac, digest in BUILD_VECTORS:
        built = build_to_be_signed(handovers[name], "90b3d51f30000002", counter)
        whole = assemble(built, bytes.fromhex(r + s), bytes.fromhex(mac))
        message = parse_message(whole)
        check("build vector", f"{name} {counter}",
              hashlib.sha256(whole).hexdigest() == digest and signature_is_good(message, acb_ds)
              and mac_is_good(message, acb_key, load_point(str(rtds / "certificates" / "00db1234567890a3-ka.pem"))))
    for what, count in counts.items():
        print(f"{count:4d}  {what}")
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"{sum(counts.values()) - len(failures)} passed, {len(failures)} failed")
    return not failures and len(handovers) == 2


# --- Command line ----------------------------------------------------------------------------------


def read_command(path):
    data = Path(path).read_bytes()
    return data if data[:1] in (b"\xdd", b"\xdf") else bytes.fromhex(data.decode("ascii"))


def verify(arguments):
    message = parse_message(read_command(arguments.command))
    if message.cra_flag == 1:
        parse_command_payload(message.payload, message.payload_start)
    good = True
    if arguments.acb_ds:
        result = signature_is_good(message, load_point(arguments.acb_ds))
        print(f"signature {'good' if result else 'WRONG'}")
        good = good and result
    if arguments.acb_ka_key or arguments.device_ka_key:
        private = load_key(arguments.acb_ka_key or arguments.device_ka_key)
        result = mac_is_good(message, private, load_point(arguments.device_ka or arguments.acb_ka))
        print(f"MAC       {'good' if result else 'WRONG'}")
        good = good and result
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self-test", metavar="SHARED")
    commands = parser.add_subparsers(dest="verb")
    commands.add_parser("show").add_argument("command")
    verifier = commands.add_parser("verify")
    verifier.add_argument("command")
    for name in ("--acb-ds", "--acb-ka-key", "--device-ka", "--device-ka-key", "--acb-ka"):
        verifier.add_argument(name)
    comparer = commands.add_parser("compare")
    comparer.add_argument("request")
    comparer.add_argument("command")
    comparer.add_argument("--acb", required=True)
    comparer.add_argument("--counter", type=int, required=True)
    arguments = parser.parse_args()
    try:
        if arguments.self_test:
            return 0 if self_test(arguments.self_test) else 1
        if arguments.verb == "show":
            describe(read_command(arguments.command))
            return 0
        if arguments.verb == "verify":
            if bool(arguments.acb_ka_key) != bool(arguments.device_ka) or (
                    bool(arguments.device_ka_key) != bool(arguments.acb_ka)):
                verifier.error("a MAC needs one side's private key and the other side's public key")
            if not (arguments.acb_ds or arguments.acb_ka_key or arguments.device_ka_key):
                verifier.error("nothing to verify with")
            return 0 if verify(arguments) else 1
        if arguments.verb == "compare":
            request = read_request(Path(arguments.request).read_bytes())
            rows = compare(request, read_command(arguments.command), arguments.acb.replace("-", "").lower(),
                           arguments.counter)
            return 0 if print_comparison(rows) else 1
    except (Malformed, OSError, ValueError) as error:
        print(f"gbcs_reference: {error}", file=sys.stderr)
        return 1
    parser.print_usage(sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
