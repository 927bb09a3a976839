"""The keys of the vectors and the programs that use them."""

import os
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pgpy
from pgpy.constants import (
    CompressionAlgorithm,
    EllipticCurveOID,
    HashAlgorithm,
    KeyFlags,
    PubKeyAlgorithm,
    RevocationReason,
    SignatureType,
    SymmetricKeyAlgorithm,
)

from gateway.openpgp.sealer import certificate_of, generate_gateway_key
from tests.openpgp.gnupg import Gnupg
from tests.openpgp.make import written_keys
from tests.openpgp.make.surgery import Wrapping

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SIGNED = AT - timedelta(hours=1)
RENEWED = AT - timedelta(days=5)
BORN = datetime(2025, 9, 1, 9, 0, tzinfo=UTC)
CONTENT = b"UPN,Surname,Forename\r\nT999000100001,Sample,Sam\r\n" * 4
PREFERENCES = {
    "hashes": [HashAlgorithm.SHA512],
    "ciphers": [SymmetricKeyAlgorithm.AES256],
    "compression": [CompressionAlgorithm.ZLIB],
}
AEAD = "--profile=rfc9580"
ALL_USES = {KeyFlags.Sign, KeyFlags.Certify}
ENCRYPTION = {KeyFlags.EncryptCommunications, KeyFlags.EncryptStorage}


class World:
    """Every key, by name: `secret` and `cert` are armored; `keys` are PGPy's view of the secrets."""

    def __init__(self, gpg: Gnupg, folder: Path, stored: Path | None = None) -> None:
        """A world with fresh keys, or with those that are `stored`."""
        self.gpg = gpg
        self.folder = folder
        self.secret: dict[str, bytes] = {}
        self.cert: dict[str, bytes] = {}
        if stored is None:
            self._fresh_keys()
        else:
            self._stored_keys(stored)
        self.cert |= written_keys.certificates()
        for name, secret in self.secret.items():
            (folder / f"{name}.key").write_bytes(secret)
        for name, cert in self.cert.items():
            (folder / f"{name}.asc").write_bytes(cert)

    def _fresh_keys(self) -> None:
        self._gateway_keys()
        self._gpg_keys()
        self._sop_keys()
        self._pgpy_keys()
        self._wrong_keys()
        self.renewed_keys()

    def _stored_keys(self, folder: Path) -> None:
        self.secret = {path.stem: path.read_bytes() for path in folder.glob("*.key")}
        self.cert = {path.stem: path.read_bytes() for path in folder.glob("*.asc")}
        for name in ("alice", "bob", "carol"):
            self.gpg.run("--import", given=self.secret[name])
        for name in ("gateway", "gateway-old", "stranger"):
            self.gpg.run("--import", given=self.cert[name])

    # -- keys ------------------------------------------------------------------------------------

    def _gateway_keys(self) -> None:
        for name in ("gateway", "gateway-old", "stranger"):
            self.secret[name] = generate_gateway_key(name, BORN)
            self.cert[name] = certificate_of(self.secret[name])
            self.gpg.run("--import", given=self.cert[name])

    def _gpg_keys(self) -> None:
        kinds = {
            "alice": "future-default",
            "bob": "rsa3072",
            "carol": "nistp256",
            "mallory": "future-default",
        }
        for name, kind in kinds.items():
            use = "default" if kind == "future-default" else "sign"
            self.gpg.make_key(name, kind, use=use, at=BORN)
            self._exported(name)
        self.gpg.make_key("gateway-rsa", "rsa3072", use="sign", at=BORN)
        self.gpg.run(
            "--quick-add-key", self.gpg.fingerprint("gateway-rsa"), "rsa3072", "encr", "never", at=BORN
        )
        self.gpg.make_key("gateway-p256", "nistp256", use="sign", at=BORN)
        self.gpg.run(
            "--quick-add-key", self.gpg.fingerprint("gateway-p256"), "nistp256", "encr", "never", at=BORN
        )
        for name in ("gateway-rsa", "gateway-p256"):
            self._exported(name)

    def _exported(self, name: str, user_id: str = "") -> None:
        self.cert[name] = self.gpg.certificate(user_id or name)
        self.secret[name] = self.gpg.run("--armor", "--export-secret-keys", user_id or name)

    def _sop_keys(self) -> None:
        for name, program, options in (
            ("dora", "sqop", ()),
            ("finn", "sqop", ("--profile=rfc9580",)),
            ("gateway-sequoia", "sqop", ()),
            ("rosa", "rsop", ()),
        ):
            self.secret[name] = self.sop(program, "generate-key", *options, name, at=BORN)
            self.cert[name] = self.sop(program, "extract-cert", given=self.secret[name])

    def _pgpy_keys(self) -> None:
        self._pgpy("erin", self.fresh("erin"))
        self._pgpy("rory", self.fresh("rory", PubKeyAlgorithm.RSAEncryptOrSign, 2048))

    def _wrong_keys(self) -> None:
        self._pgpy("expired", self.fresh("expired", lasting=timedelta(days=150)))
        for name, reason in (
            ("superseded", RevocationReason.Superseded),
            ("retired", RevocationReason.Retired),
            ("compromised", RevocationReason.Compromised),
            ("unsaid", RevocationReason.NotSpecified),
        ):
            key = self.fresh(name)
            key |= key.revoke(key, reason=reason, created=AT - timedelta(days=10))
            self._pgpy(name, key)
        silent = self.fresh("silent")
        bare = pgpy.PGPSignature.new(
            SignatureType.KeyRevocation,
            silent.key_algorithm,
            HashAlgorithm.SHA512,
            silent.fingerprint.keyid,
            created=AT - timedelta(days=10),
        )
        silent |= silent._sign(silent, bare)
        self._pgpy("silent", silent)
        both = self.fresh("expired-and-revoked", lasting=timedelta(days=150))
        both |= both.revoke(both, reason=RevocationReason.Compromised, created=AT - timedelta(days=10))
        self._pgpy("expired-and-revoked", both)
        self._pgpy("sha1-bound", self.fresh("sha1-bound", digest=HashAlgorithm.SHA1))
        self._pgpy("rsa-1024", self.fresh("rsa-1024", PubKeyAlgorithm.RSAEncryptOrSign, 1024))
        self._pgpy("certify-only", self.fresh("certify-only", uses={KeyFlags.Certify}))
        self._with_signing_subkeys()

    def renewed_keys(self) -> None:
        """Keys that expired, and whose owner set a later date some weeks after that."""
        for name, kind, size in (
            ("renewed", PubKeyAlgorithm.EdDSA, EllipticCurveOID.Ed25519),
            ("renewed-rsa", PubKeyAlgorithm.RSAEncryptOrSign, 2048),
            ("renewed-p256", PubKeyAlgorithm.ECDSA, EllipticCurveOID.NIST_P256),
            ("renewed-only", PubKeyAlgorithm.EdDSA, EllipticCurveOID.Ed25519),
            ("renewed-then-compromised", PubKeyAlgorithm.EdDSA, EllipticCurveOID.Ed25519),
            ("renewed-then-superseded", PubKeyAlgorithm.EdDSA, EllipticCurveOID.Ed25519),
        ):
            key = self.fresh(name, kind, size, lasting=timedelta(days=150))
            user_id = key.userids[0]
            first = user_id.selfsig
            user_id |= key.certify(
                user_id,
                SignatureType.Positive_Cert,
                usage=ALL_USES,
                created=RENEWED,
                key_expiration=timedelta(days=1500),
                **PREFERENCES,
            )
            if name == "renewed-only":
                user_id._signatures.remove(first)
            reason = {"compromised": RevocationReason.Compromised, "superseded": RevocationReason.Superseded}
            if why := reason.get(name.rpartition("-")[2]):
                key |= key.revoke(key, reason=why, created=AT - timedelta(days=2))
            self._pgpy(name, key)
        self.gpg.make_key("the renewed-subkey", "ed25519", use="cert", at=BORN)
        primary = self.gpg.fingerprint("the renewed-subkey")
        self.gpg.run("--quick-add-key", primary, "ed25519", "sign", "150d", at=BORN)
        listing = self.gpg.run("--with-colons", "--list-keys", primary).decode().splitlines()
        subkey = [line.split(":")[9] for line in listing if line.startswith("fpr")][1]
        # By its name: "*" means the subkeys that have not expired yet.
        self.gpg.run("--quick-set-expire", primary, "1500d", subkey, at=RENEWED)
        self._exported("renewed-subkey", "the renewed-subkey")

    def _with_signing_subkeys(self) -> None:
        for name, lasting in (("subkey", "never"), ("subkey-expired", "150d"), ("subkey-revoked", "never")):
            self.gpg.make_key(f"the {name}", "ed25519", use="cert", at=BORN)
            primary = self.gpg.fingerprint(f"the {name}")
            self.gpg.run("--quick-add-key", primary, "ed25519", "sign", lasting, at=BORN)
            self._exported(name, f"the {name}")
        key, _ = pgpy.PGPKey.from_blob(self.secret["subkey-revoked"])
        subkey = next(iter(key.subkeys.values()))
        subkey |= key.revoke(subkey, reason=RevocationReason.Compromised, created=AT - timedelta(days=9))
        self._pgpy("subkey-revoked", key)

    def _pgpy(self, name: str, key: pgpy.PGPKey) -> None:
        self.secret[name] = str(key).encode()
        self.cert[name] = str(key.pubkey).encode()

    def fresh(
        self,
        name: str,
        kind: PubKeyAlgorithm = PubKeyAlgorithm.EdDSA,
        size: object = EllipticCurveOID.Ed25519,
        *,
        lasting: timedelta | None = None,
        digest: HashAlgorithm = HashAlgorithm.SHA512,
        uses: Iterable[KeyFlags] = ALL_USES,
    ) -> pgpy.PGPKey:
        """A PGPy key born at BORN."""
        key = pgpy.PGPKey.new(kind, size, created=BORN)
        more = {"key_expiration": lasting} if lasting else {}
        key.add_uid(pgpy.PGPUID.new(name), usage=set(uses), created=BORN, hash=digest, **PREFERENCES, **more)
        if kind == PubKeyAlgorithm.EdDSA:
            kind, size = PubKeyAlgorithm.ECDH, EllipticCurveOID.Curve25519
        elif kind == PubKeyAlgorithm.ECDSA:
            kind = PubKeyAlgorithm.ECDH
        subkey = pgpy.PGPKey.new(kind, size, created=BORN)
        key.add_subkey(subkey, usage=ENCRYPTION, created=BORN, hash=digest)
        return key

    # -- programs --------------------------------------------------------------------------------

    def sop(self, program: str, *arguments: str, given: bytes = b"", at: datetime = SIGNED) -> bytes:
        """What a SOP program writes, with its clock at `at`."""
        command = ["faketime", "-f", f"@{at:%Y-%m-%d %H:%M:%S}", program, *arguments]
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            check=False,
            cwd=self.folder,
            env={**os.environ, "TZ": "UTC", "FAKETIME_DONT_FAKE_MONOTONIC": "1"},
        )
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stderr.decode()}")
        return done.stdout

    def by_sop(
        self, program: str, signer: str, *options: str, to: str = "gateway", content: bytes = CONTENT
    ) -> bytes:
        """Content signed and encrypted by a SOP program."""
        signing = [f"--sign-with={signer}.key"] if signer else []
        return self.sop(program, "encrypt", "--no-armor", *options, *signing, *to.split(), given=content)

    def by_sq(self, signer: str, to: str, *options: str) -> bytes:
        """Content signed and encrypted by sq."""
        command = [
            "sq",
            "--home=none",
            f"--time={SIGNED:%Y-%m-%dT%H:%M:%SZ}",
            "encrypt",
            "--binary",
            *options,
        ]
        command += [f"--signer-file={signer}.key", f"--for-file={to}.asc"]
        return subprocess.run(command, input=CONTENT, cwd=self.folder, capture_output=True, check=True).stdout

    def by_gpg(
        self,
        *options: str,
        signer: str = "alice",
        to: Iterable[str] = ("gateway",),
        content: bytes = CONTENT,
        at: datetime = SIGNED,
    ) -> bytes:
        """Content signed and encrypted by gpg with its default options and `options`."""
        who = [item for name in to for item in ("--recipient", f"={name} file gateway")]
        return self.gpg.run(
            *options, "--local-user", signer, *who, "--sign", "--encrypt", given=content, at=at
        )

    # -- packets ---------------------------------------------------------------------------------

    def signed(self, signer: str, content: bytes = CONTENT, at: datetime = SIGNED, **more: object) -> bytes:
        """One-pass signature, literal and signature, made by PGPy, bare."""
        key, _ = pgpy.PGPKey.from_blob(self.secret[signer])
        message = pgpy.PGPMessage.new(content, compression=CompressionAlgorithm.Uncompressed, format="b")
        signing = next((one for one in key.subkeys.values() if KeyFlags.Sign in one._get_key_flags()), key)
        digest = more.pop("hash", HashAlgorithm.SHA512)
        kind = more.pop("kind", SignatureType.BinaryDocument)
        fresh = pgpy.PGPSignature.new(
            kind, signing.key_algorithm, digest, signing.fingerprint.keyid, created=at
        )
        if more.pop("critical", False):
            notation = {"flags": 0, "name": "odd@example.org", "value": bytearray(b"1")}
            fresh._signature.subpackets.addnew("NotationData", hashed=True, **notation)
            fresh._signature.subpackets["h_NotationData"][0].header.critical = True
        # The public method would refuse keys that may not sign, which is what some cases need.
        message |= signing._sign(message.message, fresh, **more)
        return bytes(message)

    def public(self, name: str) -> pgpy.PGPKey:
        """A certificate as PGPy sees it."""
        return pgpy.PGPKey.from_blob(self.cert[name])[0]

    def sealed(self, message: bytes, to: str = "gateway", *, wildcard: bool = False) -> bytes:
        """Packets encrypted to the named certificate."""
        return Wrapping(self.cert[to]).sealed(message, wildcard=wildcard)

    def by_pgpy(self, signer: str, at: datetime = SIGNED, **more: object) -> bytes:
        """CONTENT signed by PGPy, bare, and encrypted to the gateway."""
        return self.sealed(self.signed(signer, at=at, **more))
