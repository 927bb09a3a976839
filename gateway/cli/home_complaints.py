"""Complaints of doctor about a home's files, the programs needed, and the machine."""

import os
import shutil
import stat
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

from gateway.cli.complaints import Complaint, fault, warning
from gateway.cli.console import now
from gateway.errors import ConfigurationError, Fault
from gateway.examiner import confinement
from gateway.home import Home
from gateway.home.settings import ConsoleSettings, ProcessorSettings, Settings, load_limits
from gateway.home.versions import policy_digest
from gateway.homes.create import make_folders
from gateway.homes.move import left_behind
from gateway.openpgp.engines import prove_program
from gateway.publish.everything import publish_all
from gateway.record.policy_check import check
from gateway.secrets import secret_files
from gateway.store.of_home import faults_of_store

_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
_LOW_BYTES = 1024**3
_SOON, _A_YEAR = timedelta(days=30), timedelta(days=364)  # RFC 9116 advises less than a year.
PUT_BACK = "put it back from the last backup, before the services start again"
_MADE_ONCE = {
    "mailboxes_host_key": "programs of the staff will be shown another host key, and refuse to go on",
    "statements": "nothing says which log belongs to the gateway's OpenPGP keys",
}
"""What a home loses with each file and folder in keys/ that nothing else tells of."""


def of_files(home: Home, settings: Settings) -> Iterator[tuple[str, Iterator[Complaint]]]:
    """Yield the name and the complaints of each check of a home's files, programs and machine."""
    yield "folders", _folders(home)
    yield "files made once", _made_once(home)
    yield "the draft of the policies", _draft(home)
    yield "modes", _modes(home)
    yield "secrets", _secrets(home)
    yield "settings", _contact(home, settings)
    yield "the OpenPGP program", _engine(home, settings.processor)
    yield "the console's settings", _console(home, settings.console)
    yield "the store", _store(home, settings)
    yield "what a move left", _left_behind(home, settings)
    yield "the machine", _machine(home)


def _folders(home: Home) -> Iterator[Complaint]:
    for folder in (home.keys, home.root / "sealed"):
        mode = stat.S_IMODE(folder.stat().st_mode) if folder.exists() else 0
        if not folder.exists():
            yield fault(f"{folder} is missing", "restore it from a backup")
        elif mode & (0o027 if folder.stat().st_mode & stat.S_ISGID else 0o077):
            # The set-group-ID bit marks a folder meant for a group: the mailboxes' user.
            yield fault(f"{folder} is open to other users", f"chmod 700 {folder}")


def _made_once(home: Home) -> Iterator[Complaint]:
    """Yield a complaint for each missing file or folder of those made by `gateway init`."""
    for name, without in _MADE_ONCE.items():
        if home.keys.exists() and not (home.keys / name).exists():
            yield fault(f"{home.keys / name} is missing: {without}", PUT_BACK)
    lost = [path for path in (home.spool.landed, home.published.root) if not path.exists()]
    for path in lost:
        mend = "gateway doctor --mend, or as root: systemd-tmpfiles --create gateway.conf"
        yield fault(f"{path} is missing", mend, safely=partial(_make_anew, home))
    for path in (home.published.common, home.published.intake_settings):
        if home.published.root.exists() and not path.exists():
            mend = "gateway doctor --mend, or start the processor again, which writes it anew"
            yield fault(f"{path} is missing", mend, safely=partial(_make_anew, home))


def _make_anew(home: Home) -> None:
    make_folders(home)
    publish_all(home, now())


def _draft(home: Home) -> Iterator[Complaint]:
    """Yield a complaint if policies/, the draft of the policies, is missing or has faults."""
    if home.policies_in_force == home.policies:
        return
    if not home.policies.is_dir():
        what = f"{home.policies}, the draft of the policies, is missing"
        yield warning(what, f"cp -r {home.policies_in_force} {home.policies}")
        return
    if policy_digest(home.policies) == home.policies_in_force.name:
        return
    if faults := check(home.policies):
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        what = f"the draft in {home.policies} has faults: {faults[0]}{more}"
        yield warning(what, "edit the file named, then: gateway policy check")


def _modes(home: Home) -> Iterator[Complaint]:
    """Yield a complaint for each file that others can change, or private one that others can read."""
    private = (home.registry, *home.root.glob("registry.db-*"), home.mailboxes, home.console, home.web)
    for path in private:
        if path.exists() and path.stat().st_mode & 0o007:
            yield fault(
                f"{path} is open to other users", f"chmod o-rwx {path}", safely=partial(_close, path, 0o007)
            )
    for path in (home.root, *_below(home)):
        if path not in private and not path.is_symlink() and path.stat().st_mode & stat.S_IWOTH:
            yield fault(
                f"other users may change {path}", f"chmod o-w {path}", safely=partial(_close, path, 0o002)
            )


def _close(path: Path, bits: int) -> None:
    path.chmod(stat.S_IMODE(path.stat().st_mode) & ~bits)


def _below(home: Home) -> Iterator[Path]:
    """Yield all folders of a home, and the files of its keys and policies."""
    for top in sorted(home.root.iterdir()):
        yield top
        if top.is_symlink() or not top.is_dir():
            continue
        for folder, folders, files in os.walk(top):
            here = Path(folder)
            yield from (here / name for name in sorted(folders))
            if top in {home.keys, home.policies, home.versions}:
                yield from (here / name for name in sorted(files))


def _secrets(home: Home) -> Iterator[Complaint]:
    try:
        secret_files.secret_keys(home)
        secret_files.signing_key(home)
        secret_files.log_key(home)
        secret_files.log_statement(home, secret_files.signing_fingerprint(home))
        if bare := secret_files.unprotected(home):
            yield warning(
                f"{'1 secret is' if len(bare) == 1 else f'{len(bare)} secrets are'} under no passphrase in "
                f"{home.keys}: whoever copies that reads all",
                "gateway keys gateway protect",
            )
    except ConfigurationError as error:
        yield fault(str(error), "give the passphrase, or restore keys/ from a backup")


def _contact(home: Home, settings: Settings) -> Iterator[Complaint]:
    today, ends = now().date(), settings.security_expires
    if settings.security_contact is None:
        what, mend = "nobody is named whom to tell of a flaw in the gateway", 'security_contact = "mailto:…"'
    elif ends is None or not _SOON < ends - today <= _A_YEAR:
        mend = f"see that the contact is right, then: security_expires = {today + _A_YEAR}"
        what = "security.txt has no last day, and is shown to nobody"
        if ends is not None:
            told = f"{ends:%-d %B %Y}"
            what = f"security.txt has to end in more than 30 days and less than a year: it ends on {told}"
    else:
        return
    yield warning(what, f"{mend} in {home.settings}; then start the services again")


def _left_behind(home: Home, settings: Settings) -> Iterator[Complaint]:
    for left in left_behind(home, settings):
        yield warning(f"a move left {left}: retention does not see it", "gateway move --remove-old")


def _machine(home: Home) -> Iterator[Complaint]:
    for lack in confinement.missing():
        yield warning(lack, "docs/operations.md: what isolated children give up")
    free = shutil.disk_usage(home.root).free
    if free < _LOW_BYTES:
        yield warning(f"only {free // 1024**2} MiB of disk space are left", "make room")


def _console(home: Home, console: ConsoleSettings) -> Iterator[Complaint]:
    """Yield a complaint if other machines reach the console but browsers cannot log in."""
    if console.host not in _THIS_MACHINE and console.origin is None:
        yield warning(
            "the console listens for other machines, and has no name that a passkey can belong to",
            f'origin = "https://…" under [console] in {home.settings}: docs/console.md',
        )


def _store(home: Home, settings: Settings) -> Iterator[Complaint]:
    """Yield a complaint for each broken guarantee of the S3 store, or if the store does not answer."""
    where = f"the store {settings.store.url}"
    try:
        for broken in faults_of_store(home, settings):
            yield fault(f"{where}: {broken}", "docs/cluster.md: which stores do")
    except ConfigurationError as error:
        yield fault(str(error), f"edit [store] in {home.settings}")
    except OSError as error:
        mend = "see that it runs and that its credentials may list, read, write and delete there"
        yield fault(f"{where}: {error.strerror}", mend)


def _engine(home: Home, settings: ProcessorSettings) -> Iterator[Complaint]:
    """Yield a complaint if no OpenPGP program is used, or the program judges signatures wrongly."""
    lack = None
    try:
        prove_program(settings)
        if shutil.which(settings.sop_program) is None:
            lack = f"{settings.sop_program}, the OpenPGP program, is not installed"
    except ConfigurationError as error:
        lack = str(error)
    except Fault as error:
        yield fault(f"the OpenPGP program does not run: {error}", "apt-get install sqop")
    if lack is not None and settings.engine == "sop":
        yield fault(lack, "apt-get install sqop, or engine in gateway.toml")
    elif lack is not None and settings.engine == "auto":
        size = load_limits(home).open.embedded_sealed_bytes // 1024**2
        yield warning(
            f"{lack}. Meanwhile the embedded engine opens files, and none of over {size} MiB",
            "apt-get install sqop, as Debian 13 has it",
        )
