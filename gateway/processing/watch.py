"""Waking up when something lands. A hint only: who wakes up looks at the whole folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver


class _Wake(FileSystemEventHandler):
    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        # A record is renamed into place, which arrives as "moved" or as "created".
        if event.event_type in {"created", "moved"}:
            self._wake()


def watch(folder: Path, wake: Callable[[], None]) -> BaseObserver:
    """Call `wake` from another thread when a name appears in `folder`; stop() ends it.

    inotify loses events when its queue is full and says so only in a log, so callers must also scan
    by themselves, at start and every few seconds.
    """
    observer = Observer()
    observer.schedule(_Wake(wake), str(folder), event_filter=None)
    observer.start()
    return observer
