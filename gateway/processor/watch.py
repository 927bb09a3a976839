"""Wake up when an upload lands, or receipts are asked for. A hint only: callers always scan the folder."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileCreatedEvent, FileMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

# An upload is renamed into place, which arrives as "moved" or as "created".
_TOLD = (".landed", ".asked")
_log = logging.getLogger(__name__)


class _Wake(FileSystemEventHandler):
    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        name = event.dest_path if isinstance(event, FileMovedEvent) else event.src_path
        if os.fsdecode(name).endswith(_TOLD):
            self._wake()


class Watch:
    """Call `wake` from another thread when an upload or a request appears in `folder`.

    inotify loses events when its queue is full and reports the loss only in a log; a watch stays on a
    replaced folder of the same name, and may be refused altogether. So callers also scan, at start and
    every few seconds, and call `renew` each time.
    """

    def __init__(self, folder: Path, wake: Callable[[], None]) -> None:
        self._folder = folder
        self._wake = wake
        self._observer: BaseObserver | None = None
        self._watched: tuple[int, int] | None = None

    def renew(self) -> None:
        """Watch the current folder of that name. On failure only log: scanning continues."""
        try:
            status = self._folder.stat()
            if self._observer is not None and self._watched == (status.st_dev, status.st_ino):
                return
            self.close()
            self._observer = _started(self._folder, self._wake)
            self._watched = status.st_dev, status.st_ino
        except OSError as error:
            self.close()
            _log.warning("the spool cannot be watched (%s); it is scanned", error.strerror)

    def close(self) -> None:
        """Stop watching."""
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()
            observer.join()


def _started(folder: Path, wake: Callable[[], None]) -> BaseObserver:
    observer = Observer()
    # Subscribe to these events only: each file opened or read here would cause an event too.
    observer.schedule(_Wake(wake), str(folder), event_filter=[FileCreatedEvent, FileMovedEvent])
    observer.start()
    return observer
