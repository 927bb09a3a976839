"""Copy intake's list of penalties to where the console reads it, and tell services of lifted penalties."""

from datetime import datetime

from gateway.home import Home
from gateway.publish.projection import published_is_written, replace_published
from gateway.zones import penalty_files
from gateway.zones.penalty_files import Lifted, Listed, PenaltyFiles


def lift(home: Home, source: str, at: datetime) -> None:
    """Tell each service that has `source` under a penalty that the penalty was lifted at the moment `at`.
    Raises Fault if the service's file cannot be written.
    """
    for files in penalty_files.of_home(home).values():
        with published_is_written():
            if source in _read(files).until:
                try:
                    known = files.read_lifted()
                except ValueError:
                    known = Lifted()
                replace_published(files.lifted, known.with_one(source, at).model_dump_json())


def _read(files: PenaltyFiles) -> Listed:
    """Return a service's list of penalties; empty if the file is invalid."""
    try:
        return files.read_listed()
    except ValueError:
        return Listed()


def copy_listed(home: Home, copied: Listed) -> Listed:
    """Copy intake's list of penalties to where the console's service reads; return the list.
    `copied` is the list copied last: the same list is not copied again. Raises Fault if writing fails.
    """
    with published_is_written():
        listed = _read(penalty_files.of_home(home)["intake"])
        if listed != copied:
            penalty_files.seen_inside(home)["intake"].write_listed(listed)
    return listed
