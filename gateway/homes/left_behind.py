"""Old copies after a move: the former registry, and sealed files in the folder."""

from contextlib import closing

from gateway.errors import GatewayError
from gateway.home import Home
from gateway.home.settings import Settings, load_settings
from gateway.registry import log, retention
from gateway.registry.database import Registry
from gateway.store.of_home import SealedFolder, store_of


def left_behind(home: Home, settings: Settings) -> list[str]:
    """Return the paths of old copies after a move: the former registry, and the folder of sealed files."""
    found = []
    if settings.database is not None and home.registry.exists():
        found.append(str(home.registry))
    if settings.store.url is not None and any(SealedFolder(home.root / "sealed").references()):
        found.append(f"files in {home.root / 'sealed'}")
    return found


def remove_old(home: Home) -> tuple[int, bool]:
    """Remove old copies after checking the moved ones; return the number of files, and True for a registry.

    Raises GatewayError where a file or the log is missing in the new place; that item and all after it
    stay.
    """
    settings = load_settings(home)
    files = 0 if settings.store.url is None else _remove_files(home, settings)
    had = settings.database is not None and home.registry.exists()
    if had:
        _check_same_log(home, settings)
        for path in (home.registry, *home.root.glob(f"{home.registry.name}-*")):
            path.unlink(missing_ok=True)
    return files, had


def _remove_files(home: Home, settings: Settings) -> int:
    folder, store = SealedFolder(home.root / "sealed"), store_of(home, settings)
    with closing(Registry(settings.database_url(home))) as registry, registry.read() as session:
        deleted = retention.deleted(session, "sealed")
    found = sorted({*folder.references(), *folder.sessions()})
    for reference in found:
        gone = reference in deleted or not folder.has(reference)
        if not gone and (not store.has(reference) or store.digest(reference) != folder.digest(reference)):
            raise GatewayError(f"{folder.path(reference)} is not in the store; it stays where it is")
        folder.remove([reference])
    return len(found)


def _check_same_log(home: Home, settings: Settings) -> None:
    with closing(Registry(f"sqlite:///{home.registry.absolute()}")) as former, former.read() as session:
        size = log.size(session)
        root = log.root(session, size)
    with closing(Registry(settings.database_url(home))) as now, now.read() as session:
        if log.size(session) < size or log.root(session, size) != root:
            raise GatewayError(f"the log in {home.registry} is not the beginning of the log of now; it stays")
