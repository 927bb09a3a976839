"""Making a home: folders, settings, policies, keys, an empty registry. Never overwrites anything."""

from __future__ import annotations

import shutil
import sysconfig
from datetime import datetime
from pathlib import Path

from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.openpgp.certificates import admit
from gateway.openpgp.sealer import certificate_of, clearsign, generate_gateway_key
from gateway.processing.publish import publish_access, publish_common
from gateway.processing.signing import Signing
from gateway.receipts.checkpoint import LogKey
from gateway.receipts.receipt import log_key_statement
from gateway.registry import keys, log
from gateway.registry.database import Registry
from gateway.registry.log import Entry
from gateway.registry.secrets import write_secret
from gateway.settings import IntakeSettings, Settings, load_limits, load_settings
from gateway.spool import write_durably

_SETTINGS = """\
# Settings of this gateway. Every key may be left out; what then applies is shown behind it.

organisation = "{organisation}"
log_origin = "{log_origin}"          # the name of the log, as auditors will see it
# database = "postgresql+psycopg://..."    # registry.db in this folder

[intake]                              # the SFTP service that providers reach
host = "0.0.0.0"
port = 2222

[mailboxes]                           # the SFTP service of the authority's own staff
host = "127.0.0.1"
port = 2223

[processor]
workers = 0                           # 0: one for each processor core
engine = "auto"                       # auto: a SOP program where there is one; sop; embedded
sop_program = "sqop"
rescan_seconds = 5.0
"""


def shipped_policies() -> Path:
    """The policies that come with this version."""
    beside = Path(__file__).parents[2] / "policies"
    installed = Path(sysconfig.get_path("data")) / "share" / "gateway" / "policies"
    for folder in (beside, installed):
        if (folder / "flows.toml").is_file():
            return folder
    raise ConfigurationError(f"the policies that come with gateway are missing from {installed}")


def found(home: Home, settings: Settings, now: datetime) -> str:
    """Make a home and return the fingerprint of its OpenPGP key.

    ConfigurationError where `home` holds anything already.
    """
    if home.root.exists() and any(home.root.iterdir()):
        raise ConfigurationError(f"{home.root} is not empty; a home is never overwritten")
    _make_folders(home)
    shutil.copytree(shipped_policies(), home.policies, dirs_exist_ok=True)
    fingerprint, certificate = _make_keys(home, settings, now)
    registry = Registry(settings.database_url(home))
    if settings.database is None:
        home.registry.touch(mode=0o600)
    registry.migrate()
    with registry.write() as session:
        keys.add_key(
            session, "gateway", "gateway", "openpgp",
            fingerprint=fingerprint, material=certificate, at=now, by="init",
        )  # fmt: skip
        log_key = LogKey.load((home.keys / "log.pem").read_bytes())
        vkey = log_key.vkey(settings.log_origin)
        log.append(session, [Entry(kind="log-started", subject="log", fields={"log_key": vkey})], now)
        log.sign_head(session, log_key, settings.log_origin, now)
    registry.close()
    text = _SETTINGS.format(organisation=_quoted(settings.organisation), log_origin=settings.log_origin)
    # The settings are written last: their presence says that the home is whole.
    write_durably(home.settings, text.encode(), mode=0o644)
    publish_all(home, now)
    return fingerprint


def publish_all(home: Home, now: datetime) -> None:
    """Project everything but receipts into published/. Idempotent; done at every start."""
    settings = load_settings(home)
    signing = Signing.load(home, settings)
    intake = IntakeSettings(listen=settings.intake, limits=load_limits(home).intake)
    publish_common(home, signing.certificate, signing.vkey, intake)
    registry = Registry(settings.database_url(home))
    try:
        publish_access(registry, home.published, now)
    finally:
        registry.close()


def _make_folders(home: Home) -> None:
    # The home may be crossed by the outside user, who is let into spool/ and published/ only.
    home.root.mkdir(parents=True, exist_ok=True)
    home.root.chmod(0o755)
    for private in (home.keys, home.keys / "openpgp", home.root / "sealed"):
        private.mkdir(mode=0o700)
    for outside in (home.spool.root, home.published.root):
        outside.mkdir(mode=0o755)
    home.spool.landed.mkdir(mode=0o755)
    home.published.log.mkdir(mode=0o755)


def _make_keys(home: Home, settings: Settings, now: datetime) -> tuple[str, str]:
    secret = generate_gateway_key(settings.organisation, now)
    certificate = certificate_of(secret)
    fingerprint = admit(certificate, now).fingerprint
    write_secret(home.keys / "openpgp" / f"{fingerprint}.asc", secret)
    write_secret(home.keys / "signing", f"{fingerprint}\n".encode())
    pem = LogKey.generate()
    write_secret(home.keys / "log.pem", pem)
    vkey = LogKey.load(pem).vkey(settings.log_origin)
    statement = clearsign(secret, log_key_statement(settings.organisation, vkey))
    write_secret(home.keys / "log-key.asc", statement.encode())
    return fingerprint, certificate.decode()


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
