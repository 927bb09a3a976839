"""Upload one sealed file, resuming an interrupted attempt.

The file goes to NAME.filepart first; only the rename to NAME hands it over. So an interruption leaves either
a resumable beginning or a complete file.
"""

from collections.abc import Callable
from pathlib import Path

import paramiko

_PIECE = 32 * 1024
_UNFINISHED = ".filepart"


def upload(
    sftp: paramiko.SFTPClient, sealed: Path, final: str, tell: Callable[[int], None],
    time_there: Callable[[float], None] = lambda _: None,
) -> None:  # fmt: skip
    """Upload `sealed` as `final`, such as /in/NAME; do nothing if already there.

    `tell` is called with the bytes uploaded so far, `time_there` with the gateway's clock (seconds since
    1970), before anything is sent. OSError or paramiko's errors on a broken session: the uploaded part stays
    for resuming.
    """
    unfinished = f"{final}{_UNFINISHED}"
    size = sealed.stat().st_size
    if _size(sftp, final) == size:
        tell(size)
        return
    there = _size(sftp, unfinished)
    if there is not None and there > size:
        sftp.remove(unfinished)
        there = None
    if there is None:
        sftp.open(unfinished, "wb").close()
        time_there(sftp.stat(unfinished).st_mtime or 0)
    _send(sftp, sealed, unfinished, there or 0, tell)
    sftp.rename(unfinished, final)


def _send(
    sftp: paramiko.SFTPClient, sealed: Path, unfinished: str, done: int, tell: Callable[[int], None]
) -> None:
    with sealed.open("rb") as source, sftp.open(unfinished, "ab") as target:
        target.set_pipelined(True)
        source.seek(done)
        tell(done)
        while piece := source.read(_PIECE):
            target.write(piece)
            done += len(piece)
            tell(done)


def _size(sftp: paramiko.SFTPClient, path: str) -> int | None:
    try:
        size: int | None = sftp.stat(path).st_size
    except FileNotFoundError:
        return None
    return size
