"""The shelf of one provider: unfinished uploads, by client-given names.

The shelf changes only on the event loop; threads do the disk work, on uploads marked busy meanwhile.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from gateway.intake.disk import on_disk
from gateway.intake.unfinished import Unfinished, load_shelf
from gateway.model import Folder


class Shelf:
    """The unfinished uploads in the folder `place`."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._named: dict[tuple[Folder, str], Unfinished] = {}
        self._open: set[Unfinished] = set()  # Including those replaced under their name.

    async def load(self) -> None:
        """Load the uploads left by an earlier run of the service."""
        found = await on_disk(load_shelf, self.place)
        self._named = {_key(upload): upload for upload in found}

    def __iter__(self) -> Iterator[Unfinished]:
        """Iterate over every unfinished upload, including open ones replaced under their name."""
        return iter({*self._named.values(), *self._open})

    @property
    def in_use(self) -> frozenset[Path]:
        """The files of uploads now being written or handed over."""
        busy = [upload for upload in self if upload.busy]
        return frozenset(path for upload in busy for path in (upload.data, upload.label_file))

    def within(self, folder: Folder) -> list[Unfinished]:
        """Return the unfinished uploads in `folder`."""
        return [upload for upload in self._named.values() if upload.label.folder == folder]

    def find(self, folder: Folder, name: str) -> Unfinished | None:
        """Return the unfinished upload with a name."""
        return self._named.get((folder, name))

    def put(self, upload: Unfinished) -> Unfinished | None:
        """Register `upload` under its name; return the one replaced."""
        earlier = self._named.get(_key(upload))
        self._named[_key(upload)] = upload
        return earlier

    def opened(self, upload: Unfinished) -> None:
        """Note the opening of a handle on `upload`."""
        self._open.add(upload)

    async def keep(self, upload: Unfinished, now: datetime) -> None:
        """Keep `upload` after its handle is gone, unless worthless, or replaced under its name."""
        if upload.receiving is None:
            self._open.discard(upload)
        upload.touched_at = now
        if upload.worthless:
            await self.drop(upload)
        elif self._named.setdefault(_key(upload), upload) is not upload and not upload.busy:
            await on_disk(upload.erase)

    def take_down(self, upload: Unfinished) -> None:
        """Remove a completed or dropped `upload` from the shelf."""
        self._open.discard(upload)
        if self._named.get(_key(upload)) is upload:
            del self._named[_key(upload)]

    async def drop(self, upload: Unfinished | None) -> None:
        """Forget an unfinished upload and erase it, unless busy."""
        if upload is not None and not upload.busy:
            self.take_down(upload)
            await on_disk(upload.erase)

    async def expire(self, now: datetime, keep: timedelta) -> None:
        """Drop unfinished uploads idle for longer than `keep`."""
        for upload in [u for u in self._named.values() if now - u.touched_at > keep]:
            await self.drop(upload)


def _key(upload: Unfinished) -> tuple[Folder, str]:
    return (upload.label.folder, upload.label.name)
