"""List the files of a version of the policies, and compute the digest that names the version."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from gateway.errors import ConfigurationError, GatewayError

COVERED = frozenset({".toml", ".txt"})
"""How the names of policy files end."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


def policy_files(policies: Path) -> Iterator[Path]:
    """Return every file of the policies, *.toml and *.txt, in order of name."""
    return iter(sorted(path for path in policies.iterdir() if path.suffix in COVERED))


def policy_digest(policies: Path) -> str:
    """Return the SHA-256 (hex) over the names and contents of all policy files."""
    digest = hashlib.sha256()
    for path in policy_files(policies):
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def digest_of(path: Path) -> str:
    """Return the SHA-256 (hex) of a file of any size. GatewayError where reading fails."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise GatewayError(f"{path} cannot be read: {error.strerror}") from None


def check_unchanged(policies: Path, digest: str | None = None) -> None:
    """Raise ConfigurationError if a version of the policies has changed: the name of its folder is its
    digest. A folder whose name is no digest, such as a draft, is not checked. `digest`: the digest of the
    present files, if the caller has computed it already.
    """
    if not _DIGEST.fullmatch(policies.name) or not policies.is_dir():
        return
    if policies.name != (policy_digest(policies) if digest is None else digest):
        raise ConfigurationError(f"{policies} was changed on the disk: bring it back from a backup")
