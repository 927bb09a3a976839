"""Libraries that products are built on: OpenPGP.js, Bouncy Castle, PGPy, pysequoia and rPGP."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pgpy
import pysequoia
from pgpy.constants import (
    CompressionAlgorithm,
    EllipticCurveOID,
    HashAlgorithm,
    KeyFlags,
    PubKeyAlgorithm,
    SymmetricKeyAlgorithm,
)

from tests.clients.openpgp.bench import Bench, CannotDo, run

VENV = Path(__file__).parents[3] / ".venv"
OPENPGP_JS = VENV / "node" / "node_modules" / "openpgp"
RPGP = VENV / "rpgp"
JARS = tuple(Path(f"/usr/share/java/{name}.jar") for name in ("bcpg", "bcprov", "bcutil"))


class OpenpgpJs:
    """OpenPGP.js in Node. `kind` is `VERSION SECONDS`: of the key, and how long it lasts (0: for ever)."""

    def __init__(self, folder: Path, kind: str, bench: Bench) -> None:
        self._folder, self._key = folder, folder / "js.key"
        certificate = folder / "js.asc"
        self._node("key", self._key, certificate, *kind.split())
        self.certificate = certificate.read_bytes()

    def _node(self, act: str, *arguments: str | Path) -> None:
        script = Path(__file__).with_name("seal.js")
        run(["node", script, OPENPGP_JS, act, *arguments], home=self._folder)

    def _made(self, act: str, *arguments: str | Path) -> bytes:
        out = self._folder / "out"
        self._node(act, out, *arguments)
        return out.read_bytes()

    def seal(self, content: Path, to: Path, *how: str) -> bytes:
        return self._made("seal", self._key, to, content, *how)

    def read(self, signed: Path, by: Path) -> bytes:
        return self._made("read", by, signed)

    def open(self, sealed: Path, by: Path) -> bytes:
        return self._made("open", self._key, by, sealed)


class BouncyCastle:
    """Bouncy Castle, as its examples use it. `kind`: `rsa`, or `silent`, which says nothing of uses."""

    def __init__(self, folder: Path, kind: str, bench: Bench) -> None:
        self._folder, self._key = folder, folder / "java.key"
        certificate = folder / "java.asc"
        jars = ":".join(map(str, JARS))
        run(
            ["javac", "-nowarn", "-cp", jars, "-d", folder, Path(__file__).with_name("Seal.java")],
            home=folder,
        )
        self._java = ["java", "-cp", f"{jars}:{folder}", "Seal"]
        run([*self._java, "key", self._key, certificate, kind], home=folder)
        self.certificate = certificate.read_bytes()

    def _made(self, act: str, *arguments: str | Path) -> bytes:
        out = self._folder / "out"
        run([*self._java, act, out, self._key, *arguments], home=self._folder)
        return out.read_bytes()

    def seal(self, content: Path, to: Path, *how: str) -> bytes:
        return self._made("seal", to, content, *how)

    def read(self, signed: Path, by: Path) -> bytes:
        raise CannotDo("not tried: it has no call for it")

    def open(self, sealed: Path, by: Path) -> bytes:
        return self._made("open", by, sealed)


class Pgpy:
    """PGPy. `kind` is `rsa` or `ed25519`."""

    def __init__(self, folder: Path, kind: str, bench: Bench) -> None:
        signs, opens = {
            "rsa": ((PubKeyAlgorithm.RSAEncryptOrSign, 3072),) * 2,
            "ed25519": (
                (PubKeyAlgorithm.EdDSA, EllipticCurveOID.Ed25519),
                (PubKeyAlgorithm.ECDH, EllipticCurveOID.Curve25519),
            ),
        }[kind]
        self._key = pgpy.PGPKey.new(*signs)
        self._key.add_uid(
            pgpy.PGPUID.new("school"),
            usage={KeyFlags.Sign, KeyFlags.Certify},
            hashes=[HashAlgorithm.SHA256],
            ciphers=[SymmetricKeyAlgorithm.AES256],
            compression=[CompressionAlgorithm.ZLIB],
        )
        self._key.add_subkey(pgpy.PGPKey.new(*opens), usage={KeyFlags.EncryptCommunications})
        self.certificate = str(self._key.pubkey).encode()

    def seal(self, content: Path, to: Path, *how: str) -> bytes:
        message = pgpy.PGPMessage.new(content.read_bytes())
        message |= self._key.sign(message)
        key, _ = pgpy.PGPKey.from_file(str(to))
        return bytes(key.encrypt(message))

    def read(self, signed: Path, by: Path) -> bytes:
        message = pgpy.PGPMessage.from_file(str(signed))
        key, _ = pgpy.PGPKey.from_file(str(by))
        try:
            fits = key.verify(message)
        except pgpy.errors.PGPError as error:
            raise CannotDo(str(error)) from error
        if not fits:
            raise CannotDo("the signature does not fit")
        return message.message.encode()

    def open(self, sealed: Path, by: Path) -> bytes:
        try:
            message = self._key.decrypt(pgpy.PGPMessage.from_file(str(sealed)))
            key, _ = pgpy.PGPKey.from_file(str(by))
            if not key.verify(message):
                raise CannotDo("the signature does not fit")
        except (ValueError, NotImplementedError, pgpy.errors.PGPError) as error:
            raise CannotDo(str(error) or type(error).__name__) from error
        return bytes(message.message)


class Pysequoia:
    """pysequoia. `kind` is a profile."""

    def __init__(self, folder: Path, kind: str, bench: Bench) -> None:
        self._key = pysequoia.Tsk.generate("school", profile=getattr(pysequoia.Profile, kind))
        self.certificate = str(self._key.extract_certificate()).encode()

    def seal(self, content: Path, to: Path, *how: str) -> bytes:
        cert = pysequoia.Cert.from_file(str(to))
        return pysequoia.encrypt(
            bytes=content.read_bytes(), recipients=[cert], signer=self._key.signer(), armor="--armor" in how
        )

    def read(self, signed: Path, by: Path) -> bytes:
        cert = pysequoia.Cert.from_file(str(by))
        return pysequoia.verify(bytes=signed.read_bytes(), store=lambda _: [cert]).bytes or b""

    def open(self, sealed: Path, by: Path) -> bytes:
        cert = pysequoia.Cert.from_file(str(by))
        found = pysequoia.decrypt(
            bytes=sealed.read_bytes(), decryptor=self._key.decryptor(), store=lambda _: [cert]
        )
        if not found.valid_sigs:
            raise CannotDo("opens it, and finds no good signature")
        return found.bytes or b""


class Rpgp:
    """rPGP through its Python package. `kind` is the version of the key."""

    def __init__(self, folder: Path, kind: str, bench: Bench) -> None:
        sys.path.insert(0, str(RPGP))
        try:
            import openpgp  # noqa: PLC0415 - is installed beside the virtual environment
        finally:
            sys.path.remove(str(RPGP))
        self._of = openpgp
        crypto = sys.modules["openpgp._openpgp"]
        signs, opens = (
            (crypto.KeyType.ed25519(), crypto.KeyType.x25519())
            if kind == "6"
            else (crypto.KeyType.ed25519_legacy(), crypto.KeyType.ecdh("curve25519"))
        )
        subkey = crypto.SubkeyParamsBuilder().version(int(kind)).key_type(opens)
        subkey = subkey.can_encrypt(crypto.EncryptionCaps.all()).build()
        key = crypto.SecretKeyParamsBuilder().version(int(kind)).key_type(signs).can_sign(True)
        self._crypto = crypto
        self._key = key.can_certify(True).primary_user_id("school").subkey(subkey).build().generate()
        self.certificate = self._key.to_public_key().to_armored().encode()

    def _certificate(self, path: Path) -> object:
        return self._crypto.SignedPublicKey.from_armor(path.read_text())[0]

    def seal(self, content: Path, to: Path, *how: str) -> bytes:
        made = self._crypto.MessageBuilder.from_bytes("pupils.csv", content.read_bytes())
        for name in how:
            made = made.compression(name)
        made = made.seipd_v1("aes256").sign(self._key)
        return bytes(made.encrypt_to_key(_opens(self._certificate(to).public_subkeys)).to_vec())

    def read(self, signed: Path, by: Path) -> bytes:
        message, _ = self._crypto.CleartextSignedMessage.from_armor(signed.read_text())
        try:
            message.verify(self._certificate(by))
        except ValueError as error:
            raise CannotDo(str(error)) from error
        return message.signed_text().encode()

    def open(self, sealed: Path, by: Path) -> bytes:
        message = self._crypto.Message.from_bytes(sealed.read_bytes())
        try:
            found = message.decrypt(None, self._key)
            found.verify(self._certificate(by))
        except ValueError as error:
            raise CannotDo(str(error)) from error
        return bytes(found.as_data_vec())


def _opens(subkeys: Iterable[object]) -> object:
    return list(subkeys)[-1]
