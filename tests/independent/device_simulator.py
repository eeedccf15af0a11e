"""A device that keeps trust anchor cells and protects itself against replay, and the parties that send it CS02b
commands: a second implementation, without any of the appliance's code (gbcs-cs02b.md sections 3, 5, 6 and 7.2).

    device  = Device(eui, acb_ka_public)           makes its own keys; cells are put with `install`
    answer  = device.receive(command)              a signed Response, or None where a device stays silent
    command = sign_command(wanted, originator, key, counter, acb_ka_key, device_ka_public)

Anti-replay as the reference reads it: one number for each remote party role; a command is taken only when its counter
is strictly greater than the number of the role whose cell authorises it, and afterwards that number is the commanded
floor, even a lower one, else the counter.
"""

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

import gbcs_reference
from gbcs_reference import Cell, assemble, der_length, integer, parse_command_payload, parse_message, tlv

SUPPLIER, NETWORK_OPERATOR = 2, 3
SUCCESS, NO_TRUST_ANCHOR = 0, 10
USAGES = {"digitalSignature": "0780", "keyAgreement": "0308"}
DATE_TIME = bytes.fromhex("07df0101ff000000008000ff")
UNIQUE_IDENTIFIER = x509.ObjectIdentifier("2.5.4.45")


def cells_of(role):
    """The cells of one role, in the order in which commands name them."""
    cells = [Cell(role, "digitalSignature"), Cell(role, "keyAgreement")]
    return cells + [Cell(role, "keyAgreement", 1)] if role == SUPPLIER else cells


def cell_der(cell):
    parts = [integer(cell.role), tlv(0x03, bytes.fromhex(USAGES[cell.key_usage]))]
    if cell.cell_usage:
        parts.append(integer(cell.cell_usage))
    return tlv(0x30, *parts)


def load(der):
    return x509.load_der_x509_certificate(der)


def eui_of(der):
    """The 8 octets of the subject's x500UniqueIdentifier; what it is not in is no organisation certificate."""
    value = load(der).subject.get_attributes_for_oid(UNIQUE_IDENTIFIER)[0].value
    return bytes(value)[-8:]


def key_identifier_of(der):
    return load(der).extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def sign(key, octets):
    r, s = decode_dss_signature(key.sign(octets, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@dataclass
class Wanted:
    """What a 6.15.1 or 6.21 asks of a device."""

    device: str  # 16 hex digits
    role: int
    certificates: tuple  # DER, in the order of cells_of(role)
    path: tuple
    floor: int = None


def to_be_signed(wanted, originator, counter):
    control = integer(wanted.role) + tlv(0xA2, cell_der(Cell(wanted.role, "digitalSignature"))[2:])
    control += integer(counter, 0x83)
    if wanted.floor is not None:
        control += integer(wanted.floor, 0x84)
    replacements = b"".join(tlv(0x30, der, cell_der(cell))
                            for der, cell in zip(wanted.certificates, cells_of(wanted.role)))
    payload = tlv(0x30, tlv(0x30, control), tlv(0x30, replacements), tlv(0x30, *wanted.path))
    return (b"\x09\x01" + counter.to_bytes(8, "big") + b"\x08" + bytes.fromhex(originator) + b"\x08"
            + bytes.fromhex(wanted.device) + b"\x00\x02\x01" + bytes([wanted.role]) + der_length(len(payload))
            + payload)


def sign_command(wanted, originator, key, counter, acb_ka_key, device_ka_public):
    """As it leaves the DSP: signed by the originator, with the ACB's MAC around it."""
    octets = to_be_signed(wanted, originator, counter)
    signature = sign(key, octets)
    unfinished = parse_message(assemble(octets, signature, bytes(12)))
    return assemble(octets, signature, gbcs_reference.expected_mac(acb_ka_key, device_ka_public, unfinished))


class Device:
    """One GPF or ESME."""

    def __init__(self, eui, acb_ka_public, signing_key=None, ka_key=None):
        self.eui = bytes.fromhex(eui)
        self.acb_ka_public = acb_ka_public
        self.signing_key = signing_key or ec.generate_private_key(ec.SECP256R1())
        self.ka_key = ka_key or ec.generate_private_key(ec.SECP256R1())
        self.cells = {}  # Cell -> certificate DER
        self.numbers = {}  # role -> the recorded number
        self.refusals = []  # why commands were met with silence
        self.spoiled = set()  # cells whose next replacement fails

    def install(self, role, certificates, number=0):
        """As it left the factory."""
        self.cells.update(zip(cells_of(role), certificates))
        self.numbers[role] = number

    def holder(self, role):
        return eui_of(self.cells[Cell(role, "digitalSignature")]).hex()

    # -- receiving --

    def _why_not(self, message, payload):
        """Authentication, then protection against replay: what fails gets no CS02b Response (section 6.4)."""
        if message.target != self.eui:
            return "addressed to another device"
        if message.cra_flag != 1 or message.message_code != 0x100 + payload.mode:
            return "not a CS02b command"
        cell = payload.authorising_cell
        if cell is None or cell not in self.cells or cell.role != payload.mode:
            return "no such authorising cell"
        if not gbcs_reference.signature_is_good(message, load(self.cells[cell]).public_key()):
            return "signature"
        if not gbcs_reference.mac_is_good(message, self.ka_key, self.acb_ka_public):
            return "MAC"
        if payload.sequence_number != message.counter:
            return "counter and authorisingRemotePartySeqNumber differ"
        if message.counter <= self.numbers[cell.role]:
            return f"replay: {message.counter} is not greater than {self.numbers[cell.role]}"
        return None

    def receive(self, octets):
        message = parse_message(octets)
        payload = parse_command_payload(message.payload, message.payload_start)
        why_not = self._why_not(message, payload)
        if why_not:
            self.refusals.append(why_not)
            return None
        outcomes = b"".join(self._replace(der, cell, payload.path) for der, cell in payload.replacements)
        role = payload.authorising_cell.role
        self.numbers[role] = message.counter if payload.floor is None else payload.floor
        changes = b"" if payload.floor is None else tlv(0x30, integer(role), integer(payload.floor))
        outcome = tlv(0x30, integer(message.counter), integer(payload.mode), tlv(0x30, changes), tlv(0x30, outcomes))
        return self._respond(message, tlv(0x30, b"\x05\x00", outcome))

    def _replace(self, der, cell, path):
        old = self.cells[cell]
        status = SUCCESS if any(map(lambda ca: self._has_signed(ca, der), path)) else NO_TRUST_ANCHOR
        if cell in self.spoiled:
            self.spoiled.discard(cell)
            status = NO_TRUST_ANCHOR
        if status == SUCCESS:
            self.cells[cell] = der
        now = self.cells[cell]
        parts = [cell_der(cell), tlv(0x0A, bytes([status]))]
        for certificate in (old, now):
            parts += [tlv(0x04, eui_of(certificate)), tlv(0x04, key_identifier_of(certificate))]
        return tlv(0x30, *parts)

    @staticmethod
    def _has_signed(authority, der):
        leaf = load(der)
        try:
            load(authority).public_key().verify(leaf.signature, leaf.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    def _respond(self, command, payload):
        octets = (b"\x09\x02" + command.counter.to_bytes(8, "big") + b"\x08" + self.eui + b"\x08" + command.originator
                  + b"\x0c" + DATE_TIME + b"\x02" + command.message_code.to_bytes(2, "big") + der_length(len(payload))
                  + payload)
        return b"\xdf" + octets + b"\x40" + sign(self.signing_key, octets)
