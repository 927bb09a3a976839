"""What the provider's side keeps on its computer: settings, keys, what was sent, and the receipts.

kit.toml     whose kit it is, and where the gateway is
ssh, ssh.pub, openpgp.asc, certificate.asc     the provider's keys; the secret ones under a passphrase
gateway/     the gateway's certificates that were compared, each FINGERPRINT.asc
sent.db      what was sent, and what became of it
sealed/      files on their way, signed and encrypted; removed once their receipt is there
receipts/    every receipt, verified
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import ConfigurationError
from gateway.home import PROVIDER_ID
from gateway.openpgp.certificates import CertificateRefused, describe, pinned
from gateway.send.files import make_anew

PRIVATE_FOLDER = 0o700


class KitSettings(BaseModel):
    """Whose kit this is, and which gateway it talks to.

    `host_keys` are the fingerprints (SHA256:…) that were compared; the gateway must show one of them.
    `gateway_key` is the fingerprint of its OpenPGP key to encrypt to; those before it prove old receipts.
    `ssh_key` and `openpgp_key` are the provider's secret keys, wherever they lie.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str = Field(pattern=rf"^{PROVIDER_ID.pattern}$")
    host: str = ""
    port: int = Field(default=2222, ge=1, le=65535)
    host_keys: tuple[str, ...] = ()
    gateway_key: str = ""
    ssh_key: Path
    openpgp_key: Path


@dataclass(frozen=True, slots=True)
class Kit:
    """The folder of one provider's kit."""

    root: Path

    @property
    def settings_file(self) -> Path:
        """kit.toml."""
        return self.root / "kit.toml"

    @property
    def certificate(self) -> Path:
        """The provider's OpenPGP certificate, as it is handed to the authority."""
        return self.root / "certificate.asc"

    @property
    def ssh_public(self) -> Path:
        """The public half of the SSH key, as it is handed to the authority."""
        return self.root / "ssh.pub"

    @property
    def gateway(self) -> Path:
        """The certificates of the gateway that are trusted."""
        return self.root / "gateway"

    @property
    def sent(self) -> Path:
        """What was sent, and what became of it."""
        return self.root / "sent.db"

    @property
    def sealed(self) -> Path:
        """Files on their way, as the gateway gets them."""
        return self.root / "sealed"

    @property
    def receipts(self) -> Path:
        """Receipts that were fetched."""
        return self.root / "receipts"

    def make(self) -> None:
        """Make the folders, for this user alone. Harmless where they are there."""
        for folder in (self.root, self.gateway, self.sealed, self.receipts):
            folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)

    def settings(self) -> KitSettings:
        """What kit.toml says. ConfigurationError where it is missing or names what is wrong."""
        try:
            return KitSettings.model_validate(tomllib.loads(self.settings_file.read_text("utf-8")))
        except FileNotFoundError:
            raise ConfigurationError(
                f"nothing is set up in {self.root} yet: gateway send setup (or name a folder with --kit)"
            ) from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{self.settings_file}: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ConfigurationError(f"{self.settings_file}: {where}: {first['msg']}") from None

    def change(self, **values: object) -> KitSettings:
        """Write kit.toml with other values, whole or not at all; what else it says stays."""
        settings = self.settings().model_copy(update=values)
        self.write_settings(settings)
        return settings

    def write_settings(self, settings: KitSettings) -> None:
        """Write kit.toml, whole or not at all."""
        values = {name: _plain(value) for name, value in settings.model_dump().items()}
        make_anew(self.settings_file, tomlkit.dumps(values).encode())

    def trusted(self) -> bytes:
        """The gateway's certificates that were ever trusted, one after another: they prove old receipts."""
        return b"\n".join(self._trusted())

    def current(self) -> str:
        """The fingerprint of the gateway's key to encrypt to. ConfigurationError before one was compared.

        Where kit.toml does not name it, as kits before 0.3 do not, it is the one that was made last.
        """
        named = self.settings().gateway_key
        made = [describe(data, datetime.now(UTC)) for data in self._trusted()] if not named else []
        if not named and not made:
            raise ConfigurationError("the gateway's keys were not compared yet: gateway send setup")
        return named or max(made, key=lambda one: one.created_at).fingerprint

    def current_certificate(self) -> bytes:
        """The gateway's certificate to encrypt to. ConfigurationError where it is not what was compared."""
        return _pinned(self.gateway / f"{self.current()}.asc")

    def _trusted(self) -> list[bytes]:
        return [_pinned(path) for path in sorted(self.gateway.glob("*.asc"))]


def _pinned(path: Path) -> bytes:
    """Read a certificate of the gateway's. Kits of before kept what intake served, whatever stood in it."""
    try:
        return pinned(path.read_bytes(), path.stem)
    except CertificateRefused:
        raise ConfigurationError(
            f"{path} is not the certificate that was compared: ring the authority, then: gateway send setup"
        ) from None


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value
