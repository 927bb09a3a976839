"""Restore sealed files of a backup into the store named in its settings: a folder or an S3 store."""

from pathlib import Path

import tomlkit

from gateway.errors import GatewayError
from gateway.home import Home
from gateway.home.settings import Settings, read_toml
from gateway.home.store_settings import StoreSettings
from gateway.store.folder import SealedFolder
from gateway.store.of_home import check_store, store_of
from gateway.store.store import Store

_ALL = 2**63 - 1


def put_back(folder: Path, home: Home, settings: Settings) -> None:
    """Put the backup's missing sealed files into the store of `settings`. Repeatable.

    Raises GatewayError where the store has another file under a reference, OSError where the store fails.
    """
    (home.root / "sealed").mkdir(mode=0o700, exist_ok=True)
    check_store(home, settings)
    store, copies = store_of(home, settings), SealedFolder(folder / "sealed")
    for reference in copies.references():
        _put_back(store, copies, reference)
    kept = set(store.sessions())
    for reference in copies.sessions():
        if reference not in kept:  # A kept one is as old or newer.
            store.put_session(reference, copies.session(reference).read_bytes())
    store.settle()


def _put_back(store: Store, copies: SealedFolder, reference: str) -> None:
    with copies.reading(reference) as sealed:
        try:
            store.put(reference, sealed, _ALL)
        except FileExistsError:
            raise GatewayError(
                f"the store has another file under {reference} than this backup; to look into the backup: "
                "gateway restore --folder, which needs no store"
            ) from None


def settings_in(file: Path, *, in_folder: bool) -> tuple[str, Settings]:
    """Return a backup's settings, as text and parsed; with `in_folder` for a home storing files in a
    folder.

    Raises ConfigurationError where reading fails.
    """
    settings, text = read_toml(file, Settings), tomlkit.parse(file.read_text("utf-8"))
    if in_folder:
        text.pop("store", None)
        settings = settings.model_copy(update={"store": StoreSettings()})
    return tomlkit.dumps(text), settings
