"""The tests' own PKI (tests/pki/make_pki.py) as the end-to-end tests want it: files for the programs that take files,
everything else from memory. It follows the SMKI profile, so a box set up with it needs no relaxation."""

import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "pki"))

import duis_sign  # noqa: E402  pylint: disable=wrong-import-position
import make_pki  # noqa: E402  pylint: disable=wrong-import-position


def der_of(certificate):
    return certificate.public_bytes(Encoding.DER)


def pem_of_der(der):
    return make_pki.pem("CERTIFICATE", der)


class Pki:
    """Names of certificates are those of make_pki.py: "supplier-ds", "no-a-ka", "revoked-xml" ..."""

    acb = make_pki.ACB.lower()
    supplier = make_pki.SUPPLIER.lower()
    other_supplier = make_pki.SUPPLIER2.lower()
    network_operator = make_pki.NO_A.lower()
    other_network_operator = make_pki.NO_B.lower()

    def __init__(self, directory, now=None):
        self.directory = Path(directory)
        self.made = make_pki.Pki(now=now)
        make_pki.write(self.made, str(self.directory))

    def path(self, label):
        return self.directory / f"{label}.pem"

    def key_path(self, label):
        return self.directory / f"{label}.key"

    def der(self, label):
        return self.made.certificates[label].der

    def certificate(self, label):
        return x509.load_der_x509_certificate(self.der(label))

    def key(self, label):
        return self.made.certificates[label].key

    def signer(self, label):
        """Signs requests with this certificate's key and names it in KeyInfo."""
        certificate = self.certificate(label)
        return duis_sign.Signer(self.key(label), duis_sign.issuer_text(certificate), certificate.serial_number)

    def feed(self, name):
        """The text of the file for a feed: "organisation-certificates" or "revocation-lists"."""
        return (self.directory / f"{name}.pem").read_text()

    def revocation_lists(self, *names):
        return "".join(make_pki.pem("X509 CRL", self.made.lists[name].der) for name in names)

    def device(self, eui, usage="ka"):
        """A new device's certificate (DER) for "ka", key agreement, or "ds", digital signing, and private key."""
        key = ec.generate_private_key(ec.SECP256R1())
        extensions = [
            make_pki.key_usage(usage),
            make_pki.hardware_module_name(eui),
            make_pki.policies(make_pki.DEVICE_POLICY),
            make_pki.subject_key_id(make_pki.key_identifier(make_pki.point(key))),
            make_pki.authority_key_id(self.made.device_ca.ski),
        ]
        label = f"device-{eui}" if usage == "ka" else f"device-{eui}-{usage}"
        issued = self.made.issue(label, self.made.device_ca, make_pki.seq(), extensions, key=key,
                                 not_after=make_pki.FOREVER)
        return issued.der, key
