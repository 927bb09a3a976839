"""Give settings, policies and inside secrets of one host to another, sealed under a one-time code.

Two steps: `packed` at a working host, `unpacked` at the new one; nothing travels unencrypted. The same steps
bring later keys to a host with a home. No existing file is overwritten, except the list of host keys.
"""

import io
import os
import secrets
import tarfile
from collections.abc import Collection
from contextlib import closing
from pathlib import Path, PurePosixPath

import tomlkit

from gateway.errors import ConfigurationError, GatewayError
from gateway.home import Home
from gateway.home.settings import HostSettings, checked, load_settings
from gateway.keys import rotation
from gateway.openpgp.sealer import lock, unlock
from gateway.registry.database import Registry
from gateway.zones.spool import read_small, write_durably

_SETTINGS = "gateway.toml"
_PARTS = ("keys", "policies", "policies-in-force", "spool/host")
_HOST_KEY, _HOST_LIST = "spool/host/ssh_host_ed25519_key", "keys/hosts.asc"
_CODE_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # No letters easily confused.
_CODE_GROUPS, _GROUP = 6, 5
_FOLDERS = ("sealed", "spool/landed", "published/log", "mailboxes", "keys", "keys/succession")
_MOST_BYTES = 64 * 1024**2


def new_code() -> str:
    """Return a one-time code of nearly 150 bits, to be read out or typed."""
    groups = ("".join(secrets.choice(_CODE_LETTERS) for _ in range(_GROUP)) for _ in range(_CODE_GROUPS))
    return "-".join(groups)


def packed(home: Home, name: str, code: str) -> bytes:
    """Return an archive of all files that a new host `name` needs, sealed under `code`.
    Former SSH host keys are left out, and so are the parts of an unfinished change of the gateway's keys that
    no other host may have. ConfigurationError for a gateway that works alone, and for a name that is
    malformed or this host's.
    """
    ours, theirs = load_settings(home).host, checked(HostSettings, {"name": name}, "a host")
    if not ours.shares:
        raise ConfigurationError(
            "this gateway works alone: move it to PostgreSQL and S3, then name it in [host] of gateway.toml"
        )
    if theirs == ours:
        raise ConfigurationError(f"{name} is this host: two hosts of one name would report as one")
    settings = tomlkit.parse(home.settings.read_text("utf-8"))
    settings["host"]["name"] = name
    with closing(Registry(load_settings(home).database_url(home))) as registry, registry.read() as session:
        held = frozenset(rotation.held(home, session))
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        _add(archive, _SETTINGS, tomlkit.dumps(settings).encode(), 0o640)
        for path in (path for part in _PARTS for path in sorted((home.root / part).rglob("*"))):
            if path.is_file() and _is_handed(home, path, held):
                mode, is_intakes = path.stat().st_mode & 0o777, path.is_relative_to(home.spool.root)
                try:
                    one = read_small(path, _MOST_BYTES) if is_intakes else path.read_bytes()
                except ValueError:
                    raise GatewayError(f"{path} is no file that intake makes, and is not handed on") from None
                _add(archive, str(path.relative_to(home.root)), one, mode)
    return lock(content.getvalue(), code)


def _is_handed(home: Home, path: Path, held: Collection[str]) -> bool:
    """Return True for a file that other hosts get. `held`: the keys that other hosts may have, from
    `rotation.held`.
    """
    if path.name.startswith(".") or path.name == "changing.lock" or path.suffix == ".old":
        return False
    if path.parent == home.keys:
        return not path.match("log-*.pem") or path.stem in held
    is_named = path.parent.parent == home.keys
    return not is_named or f"{path.parent.name}/{path.stem[:16]}" in held


def unpacked(sealed: bytes, home: Home, code: str) -> tuple[str, int]:
    """Write those files of a package that `home` lacks; return the host's name, and how many files were
    written. The list of SSH host keys names the keys of both hosts: it is replaced if both hosts use the same
    key. If this host's key is another one, raise GatewayError after everything else is written.
    Raises ConfigurationError for a wrong code, GatewayError for a package of another gateway or for another
    host.
    """
    files = {}
    with tarfile.open(fileobj=io.BytesIO(unlock(sealed, code)), mode="r") as archive:
        for member in archive.getmembers():
            path = PurePosixPath(member.name)
            is_handed = member.name == _SETTINGS or any(path.is_relative_to(part) for part in _PARTS)
            file = archive.extractfile(member) if member.isreg() and member.size <= _MOST_BYTES else None
            if file is None or not is_handed or ".." in path.parts:
                raise GatewayError("this is not what a host hands on")
            files[member.name] = member.mode, file.read()
    if _SETTINGS not in files:
        raise GatewayError("this is not what a host hands on")
    if home.settings.exists():
        theirs, ours = tomlkit.parse(files[_SETTINGS][1].decode()).unwrap(), load_settings(home)
        if theirs["host"]["name"] != ours.host.name or theirs.get("database") != ours.database:
            raise GatewayError(f"{home.root} is the home of another host; nothing was changed")
    done = 0
    known = read_small(home.root / _HOST_KEY, _MOST_BYTES) if (home.root / _HOST_KEY).exists() else None
    same_key = known is None or files.get(_HOST_KEY, (0, known))[1] == known
    for folder in _FOLDERS:
        (home.root / folder).mkdir(parents=True, mode=0o700, exist_ok=True)
    for name in sorted(files, key=lambda one: one == _SETTINGS):  # Settings make a home, so last.
        target, (mode, content) = home.root / name, files[name]
        is_lacking = not target.exists()
        if is_lacking or (name == _HOST_LIST and same_key and read_small(target, _MOST_BYTES) != content):
            # Policies are read by services of other users.
            _write_owned(target, content, mode, 0o755 if name.startswith("policies") else 0o700)
            done += 1
    if not same_key:
        raise GatewayError(
            f"{done} files were written, but this host has another SSH host key than the one that handed "
            "them on. There and here: gateway keys host list; where one is announced here, as intake's user: "
            "gateway keys host switch. Then do this again"
        )
    return load_settings(home).host.name or "", done


def _write_owned(target: Path, content: bytes, mode: int, mode_of_folder: int) -> None:
    """Write a file, making its folder. As root, give what is made to the owner above: services have users."""
    made = [target] if target.parent.is_dir() else [target.parent, target]
    target.parent.mkdir(parents=True, mode=mode_of_folder, exist_ok=True)
    write_durably(target, content, mode=mode)
    for path in made if os.geteuid() == 0 else ():
        above = path.parent.lstat()
        os.chown(path, above.st_uid, above.st_gid, follow_symlinks=False)


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    archive.addfile(member, io.BytesIO(content))
