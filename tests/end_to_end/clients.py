"""Client certificates of the tests' own authority, so that a test can revoke them and let them end.

    authority = Authority(box)                  from now on the box takes clients of this authority alone
    authority.issue("dsp", "dsp.acb.test")      tls/dsp.pem and .key: what box.client("dsp") shows
    authority.write([revoked, ...])             the CA and a CRL that names these
"""

import datetime
import os
import signal
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import harness

ROLES = ("dsp", "northbound", "feed", "auditor", "operator", "operator2")


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def write_private(path, octets):
    path.write_bytes(octets)
    os.chmod(path, 0o600)


class Authority:
    """A CA; with a box, the one whose clients that box takes."""

    def __init__(self, box=None, name="Clients of the tests"):
        self.box = box
        self.path = b""
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._signed(self.name, self.key.public_key(), 3600 * 24, [
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)])
        if box:
            box.configure("tls", client_ca="tls/clients.pem")
            self.write([])
            for role in ROLES:
                self.issue(role, f"{role}.acb.test")

    def intermediate(self, name):
        """A CA below this one. What it issues brings its certificate along."""
        below = Authority(name=name)
        below.certificate = self._signed(below.name, below.key.public_key(), 3600 * 24, [
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)])
        below.path = below.certificate.public_bytes(serialization.Encoding.PEM)
        return below

    def _signed(self, subject, key, seconds, extensions, since=3600):
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key)
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now() - datetime.timedelta(seconds=since))
                   .not_valid_after(now() + datetime.timedelta(seconds=seconds)))
        identifier = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, file, *identities, seconds=3600, directory=None, key=None):
        """Writes FILE.pem and FILE.key beside the box's; gives the certificate."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, file)])
        certificate = self._signed(subject, key.public_key(), seconds, [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (x509.KeyUsage(True, False, False, False, False, False, False, False, False), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
            (x509.SubjectAlternativeName([x509.DNSName(name) for name in identities]), False)])
        folder = directory or self.box.directory / "tls"
        (folder / f"{file}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + self.path)
        write_private(folder / f"{file}.key", key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return certificate

    def crl(self, revoked):
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.name).last_update(
            now() - datetime.timedelta(hours=1)).next_update(now() + datetime.timedelta(days=1)))
        for certificate in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(certificate.serial_number).revocation_date(now()).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def write(self, revoked, path=None, others=()):
        """The CA and its current CRL, in one file, with the CRLs of others."""
        (path or self.box.directory / "tls" / "clients.pem").write_bytes(
            self.certificate.public_bytes(serialization.Encoding.PEM) + self.crl(revoked) +
            b"".join(other.crl([]) for other in others))


def log_lines(box, event):
    import json

    lines = [json.loads(line) for line in box.log_lines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def reload(box, outcome="reloaded"):
    """SIGHUP, and the line of the log that tells how it went."""
    before = len(log_lines(box, outcome))
    box.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + harness.READY_SECONDS
    while time.monotonic() < deadline:
        lines = log_lines(box, outcome)
        if len(lines) > before:
            return lines[-1]
        time.sleep(0.02)
    raise harness.Failure(f"no line '{outcome}' in time:\n{box.log_tail()}")
