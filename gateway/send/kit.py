"""The provider's kit, a folder on its computer: settings, keys, sent files, and receipts.

kit.toml     the provider, and the gateway's address
ssh, ssh.pub, openpgp.asc, certificate.asc     the provider's keys; the secret ones under a passphrase
gateway/     the gateway's compared certificates, each FINGERPRINT.asc
sent.db      the record of sent files and their outcomes
sealed/      files in transit, signed and encrypted; removed after their receipts
receipts/    every receipt, verified
"""

import os
from pathlib import Path
from typing import Self

import tomlkit
from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import ConfigurationError
from gateway.home import PROVIDER_ID
from gateway.home.settings import read_toml
from gateway.openpgp.certificates import CertificateRefused, pinned
from gateway.send.files import make_anew

PRIVATE_FOLDER = 0o700


class KitSettings(BaseModel):
    """The settings in kit.toml: the provider with keys, and the gateway to send to.

    `host_keys` are fingerprints (SHA256:…) compared by a person; the gateway must show one. `gateway_key` is
    the fingerprint of the OpenPGP key to encrypt to. `ssh_key` and `openpgp_key` are the paths of the
    provider's secret keys. `organisation` is the authority that invited.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str = Field(pattern=rf"^{PROVIDER_ID.pattern}$")
    organisation: str = ""
    host: str = ""
    port: int = Field(default=2222, ge=1, le=65535)
    host_keys: tuple[str, ...] = ()
    gateway_key: str = ""
    ssh_key: Path
    openpgp_key: Path


_FURTHER = "providers"


class Kit:
    """The folder of one provider's kit, with the paths of files and folders inside.

    `log_keys` is the path of the gateway's signed list of the log's keys, as last fetched. The file is
    missing while the log has only ever had one key.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.settings_file, self.sent = root / "kit.toml", root / "sent.db"
        self.certificate, self.ssh_public = root / "certificate.asc", root / "ssh.pub"
        self.gateway, self.log_keys = root / "gateway", root / "gateway-log-keys.asc"
        self.sealed, self.receipts = root / "sealed", root / "receipts"
        self.checked_by = root / "checked-by.json"

    def beside(self, provider: str) -> Self:
        """Return the kit of another provider served by the same computer, such as a school of a trust.

        The first provider's kit is the folder itself; further kits are inside, in the folder providers/.
        """
        first = self.root.parent.parent if self.root.parent.name == _FURTHER else self.root
        return type(self)(first / _FURTHER / provider)

    @property
    def command(self) -> str:
        """The beginning of a command for this provider, with --as for all but the first on the computer."""
        return f"gateway send --as {self.root.name}" if self.root.parent.name == _FURTHER else "gateway send"

    def of(self, provider: str) -> Self:
        """Return the kit of `provider` on this computer. ConfigurationError if there is none."""
        further = sorted(self.beside(provider).root.parent.glob("*"))
        first = self.beside(provider).root.parent.parent
        kits = [one for one in map(type(self), (first, *further)) if one.settings_file.exists()]
        known = {one.settings().provider: one for one in kits or [self]}
        if provider not in known:
            raise ConfigurationError(f"this kit is of {', '.join(sorted(known))}, and not of {provider}")
        return known[provider]

    def make(self) -> None:
        """Make the folders, for this user alone. Existing folders stay."""
        for folder in (self.root, self.gateway, self.sealed, self.receipts):
            folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)

    def settings(self) -> KitSettings:
        """Read kit.toml; if the kit was moved, keys in its folder are found there.
        ConfigurationError for a missing or wrong file.
        """
        if not self.settings_file.exists():
            raise ConfigurationError(
                f"nothing is set up in {self.root} yet: gateway send setup INVITATION (or name it with --kit)"
            )
        settings = read_toml(self.settings_file, KitSettings)
        keys = {"ssh_key": settings.ssh_key, "openpgp_key": settings.openpgp_key}
        moved = {
            name: beside
            for name, key in keys.items()
            if not os.access(key, os.R_OK) and (beside := self.root.absolute() / key.name).exists()
        }
        return settings.model_copy(update=moved)

    def write_settings(self, settings: KitSettings) -> None:
        """Write kit.toml, whole or not at all."""
        make_anew(self.settings_file, tomlkit.dumps(settings.model_dump(mode="json")).encode())

    def trusted(self) -> bytes:
        """Return all certificates of the gateway ever trusted, joined. Old receipts need the earlier ones."""
        return b"\n".join(_pinned(path) for path in sorted(self.gateway.glob("*.asc")))

    def current(self) -> str:
        """Return the fingerprint of the key to encrypt to. ConfigurationError if no key was compared by the
        user yet.
        """
        if not (named := self.settings().gateway_key):
            raise ConfigurationError(
                "the gateway's keys were not compared yet: gateway send setup INVITATION"
            )
        return named

    def current_certificate(self) -> bytes:
        """Return the gateway's certificate to encrypt to. ConfigurationError if the file was altered."""
        return _pinned(self.gateway / f"{self.current()}.asc")


def _pinned(path: Path) -> bytes:
    """Return the certificate in a file. ConfigurationError unless its fingerprint is the file's name."""
    try:
        return pinned(path.read_bytes(), path.stem)
    except CertificateRefused:
        raise ConfigurationError(
            f"{path} is not the certificate that was compared: ask the authority for a new invitation"
        ) from None
