"""Sign and encrypt: small files by PGPy, with compression, large ones as a stream by Sequoia.

Why two: docs/decisions/0013-the-kits-openpgp-engine.md. Sequoia works in a child process (`sealing_child`),
because its Python package blocks the interpreter meanwhile, and progress could not be shown.
"""

import errno
import hashlib
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pgpy
from pgpy.constants import CompressionAlgorithm, HashAlgorithm, SymmetricKeyAlgorithm
from pgpy.errors import PGPError

from gateway.errors import GatewayError
from gateway.send.files import PRIVATE_FILE, DiskFull, make_anew
from gateway.send.openpgp_key import OwnKey, WrongPassphrase

_MIB = 1024 * 1024
_SMALL_BYTES = 4 * _MIB
"""The largest file that PGPy seals: it takes some eight times the memory."""
_CIPHER, _HASH = SymmetricKeyAlgorithm.AES256, HashAlgorithm.SHA512
_PAUSE_SECONDS = 0.1


def check_size(name: str, size: int, most: int) -> None:
    """Raise GatewayError if a file of `size` bytes may have more than `most` bytes once sealed."""
    if size > most - size // 1024 - _MIB:
        raise GatewayError(
            f"{name}: it has {size // _MIB} MiB, and the gateway takes {most // _MIB} MiB at most: divide it"
        )


def seal(
    source: BinaryIO, size: int, target: Path, tell: Callable[[int], None], *,
    own: OwnKey, passphrase: str, recipient: bytes,
) -> None:  # fmt: skip
    """Write the `size` bytes of a file, signed with the provider's key and encrypted to `recipient`, to
    `target`. `tell` is called with the bytes written so far, at last with `size`. GatewayError for an
    unusable key, DiskFull if the disk is full.
    """
    if size <= _SMALL_BYTES:
        make_anew(target, sealed(source.read(), own, passphrase, recipient))
        tell(size)
        return
    asked = {
        # Read the file opened here, whatever is at its path by now.
        "source": source.name if sys.platform == "win32" else f"/dev/fd/{source.fileno()}",
        "target": str(target),
        "key": own.armored.decode("ascii"),
        "passphrase": passphrase if own.key.is_protected else "",
        "recipient": recipient.decode("ascii"),
    }
    target.unlink(missing_ok=True)
    make_anew(target, b"", PRIVATE_FILE)
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", "gateway.send.sealing_child"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        pass_fds=() if sys.platform == "win32" else (source.fileno(),),
    )  # fmt: skip
    assert process.stdin is not None and process.stderr is not None  # noqa: S101, PT018 - pipes were asked for
    try:
        process.stdin.write(json.dumps(asked))
        process.stdin.close()
        while process.poll() is None:
            tell(target.stat().st_size)
            time.sleep(_PAUSE_SECONDS)
        failed = process.stderr.read() if process.returncode else ""
    finally:
        process.kill()
        process.stderr.close()
        process.wait()
    if process.returncode:
        target.unlink(missing_ok=True)
        if f"os error {errno.ENOSPC}" in failed:
            raise DiskFull(target)
        if WrongPassphrase.__name__ in failed:
            raise WrongPassphrase("the passphrase does not open the OpenPGP key")
        raise GatewayError("it could not be sealed: make a new OpenPGP key with gateway send rotate")
    tell(size)


def sealed(content: bytes, own: OwnKey, passphrase: str, recipient: bytes) -> bytes:
    """Return a small content, signed with the provider's key and encrypted to the certificate `recipient`."""
    message = pgpy.PGPMessage.new(content, compression=CompressionAlgorithm.ZLIB, format="b")
    with own.opened(passphrase) as key:
        message |= key.sign(message, hash=_HASH)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PGPy warns of unknown packets.
        certificate, _ = pgpy.PGPKey.from_blob(recipient)
    try:
        return bytes(certificate.encrypt(message, cipher=_CIPHER))
    except PGPError:
        raise GatewayError("the gateway's certificate has no key to encrypt to") from None


def digest_of(file: BinaryIO, tell: Callable[[int], object] = lambda _: None) -> str:
    """Return the SHA-256 of a file from the start, in hex; `tell` is called with the bytes read so far."""
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(_MIB):
        digest.update(piece)
        tell(file.tell())
    return digest.hexdigest()
