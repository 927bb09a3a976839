"""Programs of the command line: GnuPG, Sequoia's sq, RNP, and whatever speaks SOP."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.clients.openpgp.bench import Bench, CannotDo, run

_GPG1_KEY = """
Key-Type: RSA
Key-Length: 2048
Subkey-Type: RSA
Subkey-Length: 2048
Name-Real: school
Expire-Date: 2y
%no-protection
%commit
"""


class GnuPG:
    """gpg 2. `kind` is an algorithm as it names one, and options for making the key."""

    def __init__(self, folder: Path, kind: str, bench: Bench) -> None:
        # The path of its agent's socket has to be short.
        self._home = Path(tempfile.mkdtemp(prefix="g", dir="/tmp"))
        algorithm, _, options = kind.partition(" ")
        self._gpg(
            *options.split(), "--quick-generate-key", "school <school@example.org>", algorithm, "", "2y"
        )
        for gateway in bench.gateways.values():
            self._gpg("--import", gateway.certificate)
        self._add_subkey(algorithm)
        self.certificate = self._gpg("--armor", "--export", "school@example.org")

    def _add_subkey(self, kind: str) -> None:
        listing = self._gpg("--with-colons", "--list-keys", "school@example.org").decode().splitlines()
        if any(line.startswith("sub:") for line in listing):
            return
        own = next(line.split(":")[9] for line in listing if line.startswith("fpr"))
        self._gpg("--quick-add-key", own, kind, "encr", "2y")

    def close(self) -> None:
        subprocess.run(
            ["gpgconf", "--homedir", self._home, "--kill", "all"], capture_output=True, check=False
        )
        shutil.rmtree(self._home, ignore_errors=True)

    def _gpg(self, *arguments: str | Path, given: bytes = b"") -> bytes:
        start = ["gpg", "--batch", "--quiet", "--yes", "--trust-model", "always"]
        start += ["--pinentry-mode", "loopback", "--passphrase", ""]
        return run([*start, *arguments], given, home=self._home)

    def seal(self, content: Path, to: Path, *how: str) -> bytes:
        recipient = ["--recipient-file", to] if "--hidden-recipient-file" not in how else []
        options = [to if part == "GATEWAY" else part for part in how]
        return self._gpg(*options, *recipient, "--sign", "--encrypt", "--output", "-", content)

    def read(self, signed: Path, by: Path) -> bytes:
        return self._gpg("--decrypt", signed)

    def open(self, sealed: Path, by: Path) -> bytes:
        return self._gpg("--decrypt", sealed)


class OldGnuPG:
    """gpg 1.4, which knows neither curves nor anything newer than RFC 4880."""

    def __init__(self, folder: Path, kind: str, bench: Bench) -> None:
        self._home = folder / "gnupg1"
        self._home.mkdir(0o700)
        asked = folder / "asked"
        asked.write_text(_GPG1_KEY)
        run(["gpg1", "--batch", "--gen-key", asked], home=self._home)
        self.certificate = self._gpg("--armor", "--export", "school")

    def _gpg(self, *arguments: str | Path, given: bytes = b"") -> bytes:
        start = ["gpg1", "--batch", "--quiet", "--yes", "--trust-model", "always", "--no-permission-warning"]
        return run([*start, *arguments], given, home=self._home)

    def seal(self, content: Path, to: Path, *how: str) -> bytes:
        self._gpg("--import", to)
        return self._gpg(*how, "-r", "Somerset", "--sign", "--encrypt", "--output", "-", content)

    def read(self, signed: Path, by: Path) -> bytes:
        self._gpg("--import", by)
        return self._gpg("--decrypt", signed)

    def open(self, sealed: Path, by: Path) -> bytes:
        self._gpg("--import", by)
        return self._gpg("--decrypt", sealed)


class Sq:
    """Sequoia's sq. `kind` is a profile."""

    def __init__(self, folder: Path, kind: str, bench: Bench) -> None:
        self._home, self._key = folder, folder / "sq.key"
        self._sq("key", "generate", "--own-key", "--without-password", "--profile", kind, "--name", "school",
                 "--output", self._key, "--rev-cert", folder / "sq.rev")  # fmt: skip
        self.certificate = self._sq("key", "delete", "--cert-file", self._key, "--output", "-")

    def _sq(self, *arguments: str | Path) -> bytes:
        return run(["sq", "--batch", "--overwrite", *arguments], home=self._home)

    def seal(self, content: Path, to: Path, *how: str) -> bytes:
        return self._sq("encrypt", *how, "--for-file", to, "--signer-file", self._key, content)

    def read(self, signed: Path, by: Path) -> bytes:
        return self._sq("verify", "--signer-file", by, "--cleartext", signed)

    def open(self, sealed: Path, by: Path) -> bytes:
        return self._sq("decrypt", "--signer-file", by, "--recipient-file", self._key, sealed)


class Rnp:
    """RNP, as Thunderbird has it. `kind` is a curve, or `default`."""

    def __init__(self, folder: Path, kind: str, bench: Bench) -> None:
        self._home = folder / "rnp"
        self._home.mkdir()
        answers = _rnp_answers(kind)
        run(["rnpkeys", "--homedir", self._home, *(["--expert"] if answers else []), "--generate-key",
             "--userid", "school", "--password", "", "--notty"], answers, home=self._home)  # fmt: skip
        self.certificate = run(
            ["rnpkeys", "--homedir", self._home, "--export-key", "school"], home=self._home
        )

    def _rnp(self, *arguments: str | Path) -> bytes:
        return run(["rnp", "--homedir", self._home, "--password", "", "--notty", *arguments], home=self._home)

    def _know(self, by: Path) -> None:
        run(["rnpkeys", "--homedir", self._home, "--import", by], home=self._home)

    def seal(self, content: Path, to: Path, *how: str) -> bytes:
        self._know(to)
        name = "Somerset rsa4096 file gateway" if "rsa" in to.name else "Somerset curve25519 file gateway"
        return self._rnp(*how, "-es", "-u", "school", "-r", name, "--output", "-", content)

    def read(self, signed: Path, by: Path) -> bytes:
        self._know(by)
        return self._rnp("--decrypt", "--output", "-", signed)

    def open(self, sealed: Path, by: Path) -> bytes:
        self._know(by)
        return self._rnp("--decrypt", "--output", "-", sealed)


def _rnp_answers(kind: str) -> bytes:
    """What --expert asks: the kind of key (22: EdDSA, 19: ECDSA and then a curve), for both keys."""
    return {"default": b"", "ed25519": b"22\n", "brainpoolP256r1": b"19\n4\n"}[kind]


class Sop:
    """Any program that speaks SOP. `kind` is `PROGRAM PROFILE`, the profile for its keys."""

    def __init__(self, folder: Path, kind: str, bench: Bench) -> None:
        self._program, profile = kind.split()
        self._home, self._key = folder, folder / "sop.key"
        self._key.write_bytes(self._sop("generate-key", f"--profile={profile}", "school"))
        self.certificate = self._sop("extract-cert", given=self._key.read_bytes())
        self._own = folder / "sop.asc"
        self._own.write_bytes(self.certificate)

    def _sop(self, *arguments: str | Path, given: bytes = b"") -> bytes:
        return run([self._program, *arguments], given, home=self._home)

    def seal(self, content: Path, to: Path, *how: str) -> bytes:
        return self._sop("encrypt", f"--sign-with={self._key}", *how, to, given=content.read_bytes())

    def read(self, signed: Path, by: Path) -> bytes:
        return self._sop("inline-verify", by, given=signed.read_bytes())

    def open(self, sealed: Path, by: Path) -> bytes:
        found = self._home / "verified"
        found.unlink(missing_ok=True)
        content = self._sop(
            "decrypt", f"--verify-with={by}", f"--verifications-out={found}", self._key,
            given=sealed.read_bytes(),
        )  # fmt: skip
        if not found.read_bytes().strip():
            raise CannotDo("opens it, and finds no good signature")
        return content
