"""Make a home: folders, settings, policies, keys, an empty registry. Never overwrites anything.

Afterwards the gateway itself writes to gateway.toml only the path of the passphrase file, and after a move
the new database and store.
"""

import os
import shutil
import stat
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import tomlkit

from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.home.settings import Settings
from gateway.keys.rotation import make_gateway_key
from gateway.log.checkpoint import LogKey
from gateway.model import GatewayKeyKind, counted
from gateway.openpgp.sealer import lock
from gateway.policy.catalogue import policy_files
from gateway.policy.shipped import shipped_policies
from gateway.publish.everything import publish_all
from gateway.record.policy_check import check
from gateway.registry import keys, log
from gateway.registry.database import Registry
from gateway.registry.log import Entry
from gateway.secrets import passphrase, secret_files
from gateway.ssh.server import host_key
from gateway.zones.spool import private_mode, write_durably


def create_home(
    home: Home,
    settings: Settings,
    now: datetime,
    known: str | None = None,
    kind: GatewayKeyKind = GatewayKeyKind.CURVE25519,
    *,
    policies: Path | None = None,
) -> str:
    """Make a home and return the fingerprint of its OpenPGP key.
    `known`: the passphrase to protect the secrets; None for none. `kind`: the algorithm of the OpenPGP key.
    `policies`: the folder of the policies to copy, which must have no faults; None for the shipped ones.

    Raises ConfigurationError where `home` holds any file or the database any table (empty folders may be
    there, with their intended owners), Fault where the database does not answer, and OSError where a folder
    cannot be written. After an error `home` and the database are as before.
    """
    check_unused(home)
    registry = Registry(settings.database_url(home, new=True))
    if settings.database is not None:
        registry.check_unused()
    if policies is not None:
        if not policies.is_dir():
            raise ConfigurationError(f"{policies} is no folder of policies")
        if faults := check(policies):
            told = f"{counted(len(faults), 'fault')} in {policies}"
            raise ConfigurationError(f"{told}: gateway policy check {policies} names each")
    with whole_or_nothing(home.root), closing(registry):
        make_folders(home)
        _copy_policies(policies or shipped_policies(), home)
        if known is not None:
            passphrase.keep(known)
        pem = LogKey.generate()
        secret_files.write_secret(home.log_key(""), pem if known is None else lock(pem, known))
        secret_files.make_pupil_key(home)
        log_key = LogKey.load(pem)
        vkey = log_key.vkey(settings.log_origin)
        new = make_gateway_key(home, settings.organisation, vkey, now, known, kind=kind)
        secret_files.choose_signing_key(home, new.fingerprint)
        host_key(home.keys / "mailboxes_host_key")
        if settings.database is None:
            home.registry.touch()
            home.registry.chmod(private_mode(home.root))
        with registry.founding():
            with registry.write() as session:
                keys.add_key(
                    session, "gateway", "gateway", "openpgp",
                    fingerprint=new.fingerprint, material=new.material, algorithm=new.algorithm,
                    at=now, by="init",
                )  # fmt: skip
                log.append(session, [Entry(kind="log-started", subject="log", fields={"log_key": vkey})], now)
                log.sign_head(session, log_key, settings.log_origin, now)
            # Write the settings last: their presence marks a complete home.
            write_durably(home.settings, _settings_text(settings).encode(), mode=0o644)
            publish_all(home, now)
    return new.fingerprint


def check_unused(home: Home) -> None:
    """Raise ConfigurationError if the folder holds a home or anything but empty folders."""
    if home.root.exists() and not home.root.is_dir():
        raise ConfigurationError(f"{home.root} is no folder")
    if any(not path.is_dir() for path in home.root.rglob("*")):
        rest = "" if home.settings.exists() else ". What an init or restore that was cut off left, move away"
        raise ConfigurationError(f"{home.root} is not empty; a home is never overwritten{rest}")


@contextmanager
def whole_or_nothing(root: Path) -> Iterator[None]:
    """If the context ends by an error, remove every file and folder made below `root` since its beginning."""
    before = {root, *root.rglob("*")} if root.exists() else set()
    try:
        yield
    except BaseException:
        made = [path for path in (root, *root.rglob("*")) if path.exists() and path not in before]
        for path in sorted(made, reverse=True):  # What lies in a folder goes before it.
            path.rmdir() if path.is_dir() else path.unlink()
        raise


def _copy_policies(policies: Path, home: Home) -> None:
    """Copy the policy files and their schemas, nothing else."""
    home.policies.mkdir(mode=0o755, exist_ok=True)
    for path in policy_files(policies):
        shutil.copyfile(path, home.policies / path.name)
    if (policies / "schemas").is_dir():
        shutil.copytree(policies / "schemas", home.policies / "schemas", dirs_exist_ok=True)


def make_folders(home: Home) -> None:
    """Make the missing folders of a home. OSError without permission."""
    # The outside user may cross the home, with access to spool/ and published/ only.
    home.root.mkdir(parents=True, exist_ok=True)
    if home.root.stat().st_uid == os.geteuid():
        home.root.chmod(0o755)
    for private in (
        home.keys,
        *(home.keys / name for name in secret_files.FOLDERS),
        home.root / "sealed",
        home.mailboxes,
    ):
        private.mkdir(mode=0o700, exist_ok=True)
    for outside in (home.spool.root, home.spool.landed, home.published.root, home.published.log):
        outside.mkdir(mode=0o755, exist_ok=True)


def _settings_text(settings: Settings) -> str:
    template = files("gateway.homes").joinpath("new_gateway.toml").read_text("utf-8")
    file = settings.secrets.passphrase_file
    return template.format(
        organisation=tomlkit.string(settings.organisation).as_string(),
        log_origin=settings.log_origin,
        database='# database = "postgresql+psycopg://USER@/DATABASE"    # registry.db in this folder'
        if settings.database is None
        else f"database = {tomlkit.string(settings.database).as_string()}",
        passphrase_file='# passphrase_file = "/etc/gateway/passphrase"'
        if file is None
        else f"passphrase_file = {tomlkit.string(str(file)).as_string()}",
    )


def note_passphrase_file(settings: Path, file: Path) -> None:
    """Write the path of the passphrase file into gateway.toml. ConfigurationError where writing fails."""
    try:
        target = settings.resolve()
        text = tomlkit.parse(target.read_text("utf-8"))
        text.setdefault("secrets", tomlkit.table())["passphrase_file"] = str(file)
        _replace(target, tomlkit.dumps(text))
    except (OSError, ValueError):
        line = tomlkit.dumps({"passphrase_file": str(file)}).strip()
        raise ConfigurationError(
            f"{settings} could not be changed; write there, under [secrets]: {line}"
        ) from None


def note_places(settings: Path, places: Settings) -> None:
    """Write the database and store of `places` into gateway.toml. Durable after return.
    Raises ConfigurationError where writing fails or another setting would change.
    """
    try:
        target = settings.resolve()
        text = tomlkit.parse(target.read_text("utf-8"))
        if places.database is not None:
            text["database"] = places.database
        if places.store.url is not None:
            text["store"] = places.store.model_dump(mode="json", exclude_defaults=True)
        written = tomlkit.dumps(text)
        if Settings.model_validate(tomllib.loads(written)) == places:
            _replace(target, written)
            return
    except (OSError, ValueError):
        pass  # Reported below, like a change of another setting.
    raise ConfigurationError(f"{settings} could not be changed; see that it may be, and begin the move again")


def _replace(target: Path, text: str) -> None:
    """Replace the text of a file, keeping mode and owner."""
    before = target.stat()
    write_durably(target, text.encode(), mode=stat.S_IMODE(before.st_mode))
    os.chown(target, before.st_uid, before.st_gid)
