"""Signed checkpoints of the log: publish them, keep some, send them to witnesses.

published/log/checkpoint is the newest signed head. The last head of each hour, and every head cosigned by a
witness, is kept beside the newest as published/log/SIZE. All these files can be made again from the registry.

A witness is reached through a program: a command named by the administrator, or sendmail for an e-mail
address. The program gets a signed head on standard input, and confirms receipt by exit status 0.
"""

import contextlib
import logging
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

from gateway.home import Published
from gateway.home.settings import LogSettings
from gateway.publish.projection import number_in, published_is_written, replace_published
from gateway.record.registrar import Registrar
from gateway.registry import log
from gateway.registry.tables import CheckpointRow

_SENDMAIL = "/usr/sbin/sendmail"
_PAUSE_SECONDS = 300.0
_LAST_SECONDS = 5.0
_KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ")
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Witness:
    """A witness, to whom a child process sends heads of the log; only `close` waits for the process.

    The child runs `command` for at most `seconds`; its standard input is the bytes that `message` makes of
    a head. The file `told` holds the size of the last head confirmed. `clock` returns monotonic seconds.
    """

    name: str
    command: Sequence[str]
    message: Callable[[str], bytes]
    _: KW_ONLY
    seconds: float
    told: Path
    clock: Callable[[], float]
    _child: subprocess.Popen[bytes] | None = None
    _size: int = 0
    _until: float = 0.0
    _not_before: float = 0.0

    def tell(self, size: int, head: str) -> None:
        """Begin to send a signed `head` of `size` entries, if the witness has not confirmed that size yet.
        Nothing is begun while another head is being sent, and for five minutes after a failure. Raises
        OSError if the file `told` cannot be written.
        """
        if self._child is not None:
            self._look_after(self._child)
        elif size > number_in(self.told) and self.clock() >= self._not_before:
            environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
            try:
                with tempfile.TemporaryFile() as file:
                    file.write(self.message(head))
                    file.seek(0)
                    child = subprocess.Popen(  # noqa: S603 - the administrator's own program, no shell
                        list(self.command),
                        stdin=file,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                        cwd="/",
                        env=environment,
                        start_new_session=True,
                    )
            except OSError as error:
                self._failed(f"its program could not be started: {os.strerror(error.errno or 0)}")
            else:
                self._child, self._size, self._until = child, size, self.clock() + self.seconds

    def close(self) -> None:
        """Wait at most five seconds for a head being sent, then end the child process."""
        if self._child is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(_LAST_SECONDS)
        self._until = self.clock()
        self._look_after(self._child)

    def _look_after(self, child: subprocess.Popen[bytes]) -> None:
        status = child.poll()
        if status is None and self.clock() < self._until:
            return
        self._child = None
        if status is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            self._failed(f"it took longer than {self.seconds:g} s")
        elif status:
            self._failed(f"its program ended with {status}")
        else:
            self.told.write_text(str(self._size), "ascii")

    def _failed(self, why: str) -> None:
        _log.error("the witness %s was not told of the log's head: %s; tried again later", self.name, why)
        self._not_before = self.clock() + _PAUSE_SECONDS


def witnesses(settings: LogSettings, folder: Path, clock: Callable[[], float]) -> list[Witness]:
    """Return the witnesses named in the settings: by a command, by an e-mail address, both or none.
    `folder` has a file for each witness, with the size of the last head confirmed. `clock`: returns monotonic
    seconds.
    """
    address = settings.witness_email or ""
    named: list[tuple[str, Sequence[str], Callable[[str], bytes]]] = [
        ("command", settings.witness_command, str.encode),
        ("email", (_SENDMAIL, "-i", "--", address) if address else (), lambda head: mail(head, address)),
    ]
    seconds = settings.witness_seconds
    return [
        Witness(name, command, message, seconds=seconds, told=folder / f".told-{name}", clock=clock)
        for name, command, message in named
        if command
    ]


def mail(head: str, address: str) -> bytes:
    """Return the bytes of an e-mail that brings a witness at `address` a signed head as an attachment."""
    origin, size = head.split("\n")[:2]
    message = EmailMessage()
    message["To"] = address
    message["Subject"] = f"{origin}: head of {size} entries"
    message.set_content(
        "The signed head of the log is attached. Keep it: with it, anybody can show later that nothing\n"
        "that was in the log by then has been changed or taken out.\n"
    )
    message.add_attachment(
        head.encode(), maintype="application", subtype="octet-stream", filename=f"head-{size}"
    )
    return message.as_bytes()


HEADS_MARK = ".heads"


class Checkpoints:
    """Publishes the log's signed heads in one home, and sends heads to witnesses; call `tend` repeatedly."""

    def __init__(self, registrar: Registrar) -> None:
        published = registrar.home.published
        self._witnesses = witnesses(registrar.settings.log, published.root, time.monotonic)
        self._hour: datetime | None = None

    def tend(self, registrar: Registrar, *, leads: bool = True) -> None:
        """Publish the heads to keep, once an hour; before that, the leader signs a new head.
        At each call the leader (`leads`) also has the newest published head sent to the witnesses. No head is
        signed if the log has not grown. Raises Fault where published/ cannot be written.
        """
        now = registrar.clock()
        if self._hour != hour_of(now):
            if leads:
                registrar.newest_head()
            published = registrar.home.published
            with registrar.registry.read() as session:
                heads = log.heads_after(session, number_in(published.root / HEADS_MARK))
            with published_is_written():
                published.log.mkdir(parents=True, exist_ok=True)
                for head in to_keep(heads, now):
                    replace_published(published.log / str(head.size), head.text)
                    replace_published(published.root / HEADS_MARK, str(head.size))
            self._hour = hour_of(now)
        size = number_in(registrar.home.published.root / HEADS_MARK)
        path = registrar.home.published.log / str(size)
        if leads and self._witnesses and path.exists():
            with published_is_written():
                for witness in self._witnesses:
                    witness.tell(size, path.read_text("utf-8"))

    def close(self) -> None:
        """Stop sending heads to witnesses."""
        for witness in self._witnesses:
            witness.close()


def hour_of(moment: datetime) -> datetime:
    """Return the start of the hour of `moment`."""
    return moment.replace(minute=0, second=0, microsecond=0)


def to_keep(heads: Sequence[CheckpointRow], now: datetime) -> Iterator[CheckpointRow]:
    """Yield, in order of time, the heads to keep: each cosigned head, and the last head of each past hour."""
    next_at = [*(head.created_at for head in heads[1:]), now]
    for head, following in zip(heads, next_at, strict=False):  # Without heads, `now` stands alone.
        if head.cosigned or hour_of(head.created_at) != hour_of(following):
            yield head


def keep_cosigned(published: Published, head: CheckpointRow) -> None:
    """Publish a head cosigned by a witness. Raises Fault where published/ cannot be written."""
    with published_is_written():
        replace_published(published.log / str(head.size), head.text)
