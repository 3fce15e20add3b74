"""Creates the keys and certificates of a run: for signing messages, and for SNS's host names."""

from __future__ import annotations

import datetime as dt
import secrets
import ssl
import threading
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

RSA_BITS: Final = 2048
RSA_EXPONENT: Final = 65_537
# SNS's own certificates are valid for about a year.
VALID: Final = dt.timedelta(days=365)
# The clocks of containers may differ slightly.
BACKDATED: Final = dt.timedelta(hours=1)
FILE_MODE: Final = 0o600


class CertificateAuthority:
    """A private certificate authority. Only clients that use `ca_file` trust it."""

    def __init__(self, directory: Path) -> None:
        """Generate the keys, and write the authority's certificate to `directory`."""
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Mailbus, this machine")
        self._certificate = self._issue(self._name, self._key.public_key(), authority=True)
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        self.ca_file = directory / "sns-ca.pem"
        self.ca_file.write_bytes(_pem(self._certificate))
        self.signing_key = rsa.generate_private_key(RSA_EXPONENT, RSA_BITS)
        # SNS's own signing certificates have this name.
        self.signing_certificate = _pem(
            self._issue(_name("sns.amazonaws.com"), self.signing_key.public_key(), host="sns.amazonaws.com")
        )
        self.signing_certificate_name = f"SimpleNotificationService-{secrets.token_hex(16)}.pem"

    def context(self, host: str) -> ssl.SSLContext:
        """Return the TLS context of a server for `host`, created once."""
        with self._lock:
            if host not in self._contexts:
                self._contexts[host] = self._context(host)
            return self._contexts[host]

    def _context(self, host: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._issue(_name(host), key.public_key(), host=host)
        path = self._directory / f"{host}.pem"
        path.touch(FILE_MODE)
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + _pem(certificate)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _issue(
        self,
        subject: x509.Name,
        public_key: CertificatePublicKeyTypes,
        *,
        host: str | None = None,
        authority: bool = False,
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        draft = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(now + VALID)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            # Python 3.13 and later require it.
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .add_extension(_usage(authority=authority), critical=True)
        )
        if host:
            draft = draft.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        return draft.sign(self._key, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
