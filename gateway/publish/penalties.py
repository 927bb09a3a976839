"""Penalties of addresses: the list brought in from intake, and those lifted brought out to the services."""

from datetime import datetime

from gateway.home import Home
from gateway.publish.projection import published_is_written, replace_published
from gateway.zones import penalty_files
from gateway.zones.penalty_files import Lifted, Listed, PenaltyFiles


def lift(home: Home, source: str, at: datetime) -> None:
    """Tell each service at which an address waits that it waits no longer. Fault if impossible now."""
    for files in penalty_files.of_home(home).values():
        with published_is_written():
            if source in _read(files).until:
                try:
                    known = files.read_lifted()
                except ValueError:
                    known = Lifted()
                replace_published(files.lifted, known.with_one(source, at).model_dump_json())


def _read(files: PenaltyFiles) -> Listed:
    """Return the waiting sources; none for a list that is not valid."""
    try:
        return files.read_listed()
    except ValueError:
        return Listed()


class PenaltiesIn:
    """Copy intake's list, after changes, to where the console can ask for it."""

    def __init__(self) -> None:
        self._copied = Listed()

    def tend(self, home: Home) -> None:
        """Copy the list. Fault if impossible now."""
        with published_is_written():
            listed = _read(penalty_files.of_home(home)["intake"])
            if listed != self._copied:
                penalty_files.seen_inside(home)["intake"].write_listed(listed)
                self._copied = listed
