"""The real gpg in a home of its own, whose agent ends with it."""

import os
import shutil
import subprocess
import tempfile
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self


class GnupgError(Exception):
    """gpg exited with an error; the text is what it wrote."""


class Gnupg:
    """A private GNUPGHOME. Its path is short, because the agent's socket must fit in 108 bytes."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="gnupg", dir="/tmp"))
        self._environment = {**os.environ, "GNUPGHOME": str(self.home), "LC_ALL": "C.UTF-8"}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["gpgconf", "--kill", "all"], env=self._environment, check=False, capture_output=True)
        shutil.rmtree(self.home, ignore_errors=True)

    def run(self, *arguments: str, given: bytes = b"", at: datetime | None = None) -> bytes:
        """What gpg writes to its output for `arguments`, at the time `at` by its clock."""
        return self._gpg(
            "--batch", "--quiet", "--yes", "--trust-model", "always", *arguments, given=given, at=at
        )

    def converse(self, *arguments: str, given: bytes, at: datetime | None = None) -> bytes:
        """The same for what gpg asks a person about: `given` are the answers."""
        return self._gpg("--command-fd", "0", "--no-tty", *arguments, given=given, at=at)

    def _gpg(self, *arguments: str, given: bytes, at: datetime | None) -> bytes:
        command = ["gpg", "--pinentry-mode", "loopback", "--passphrase", ""]
        if at is not None:
            command += ["--faked-system-time", f"{at:%Y%m%dT%H%M%S}!"]
        done = subprocess.run(
            [*command, *arguments], input=given, env=self._environment, capture_output=True, check=False
        )
        if done.returncode:
            raise GnupgError(done.stderr.decode("utf-8", "replace"))
        return done.stdout

    def make_key(
        self,
        name: str,
        kind: str = "future-default",
        *,
        use: str = "default",
        expires: str = "never",
        at: datetime | None = None,
    ) -> None:
        """A fresh key without a passphrase, of a kind and for uses as gpg names them."""
        user_id = f"{name} <{name.replace(' ', '.').lower()}@example.org>"
        self.run("--quick-generate-key", user_id, kind, use, expires, at=at)

    def certificate(self, name: str) -> bytes:
        """The armored certificate whose user id contains `name`."""
        return self.run("--armor", "--export", name)

    def fingerprint(self, name: str) -> str:
        """The fingerprint of the first key whose user id contains `name`."""
        listing = self.run("--with-colons", "--list-keys", name).decode()
        return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))
