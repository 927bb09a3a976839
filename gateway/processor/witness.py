"""Send the log's heads to witnesses, so that nobody here can take back recorded entries.

A witness is a program: a command named by the administrator, or sendmail for a mail address. The program
gets a signed head on standard input; exit status 0 confirms receipt.
"""

import contextlib
import logging
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from gateway.home.settings import LogSettings

_SENDMAIL = "/usr/sbin/sendmail"
_PAUSE_SECONDS = 300.0
_LAST_SECONDS = 5.0
_KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ")
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Telling:
    """Head on its way to a witness."""

    child: subprocess.Popen[bytes]
    size: int
    until: float


class Witness:
    """Witness told of heads. The file `told` holds the size of the last head confirmed.

    `clock` returns monotonic seconds. Nothing here waits for the witness.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        message: Callable[[str], bytes],
        *,
        seconds: float,
        told: Path,
        clock: Callable[[], float],
    ) -> None:
        self._name, self._command, self._message = name, command, message
        self._seconds, self._told, self._clock = seconds, told, clock
        self._telling: _Telling | None = None
        self._not_before = 0.0

    @property
    def is_being_told(self) -> bool:
        """True while a message to the witness is under way."""
        return self._telling is not None

    def tell(self, size: int, head: str) -> None:
        """Check a message under way, or send `head` where new to the witness.

        `size` is the number of entries. Raises OSError where `told` cannot be written.
        """
        if self._telling is not None:
            self._look_after(self._telling)
        elif size > self._last_told() and self._clock() >= self._not_before:
            self._begin(size, head)

    def close(self) -> None:
        """Wait a few seconds for a message under way, then end its process."""
        if self._telling is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._telling.child.wait(_LAST_SECONDS)
        self._telling.until = self._clock()
        self._look_after(self._telling)

    def _begin(self, size: int, head: str) -> None:
        try:
            child = self._start(self._message(head))
        except OSError as error:
            self._failed(f"its program could not be started: {os.strerror(error.errno or 0)}")
            return
        self._telling = _Telling(child, size, self._clock() + self._seconds)

    def _start(self, message: bytes) -> subprocess.Popen[bytes]:
        with tempfile.TemporaryFile() as file:
            file.write(message)
            file.seek(0)
            return subprocess.Popen(  # noqa: S603 - the administrator's own program, no shell
                list(self._command),
                stdin=file,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ},
                start_new_session=True,
            )

    def _look_after(self, telling: _Telling) -> None:
        status = telling.child.poll()
        if status is None and self._clock() < telling.until:
            return
        self._telling = None
        if status is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(telling.child.pid, signal.SIGKILL)
            telling.child.wait()
            self._failed(f"it took longer than {self._seconds:g} s")
        elif status:
            self._failed(f"its program ended with {status}")
        else:
            self._told.write_text(str(telling.size), "ascii")

    def _failed(self, why: str) -> None:
        _log.error("the witness %s was not told of the log's head: %s; tried again later", self._name, why)
        self._not_before = self._clock() + _PAUSE_SECONDS

    def _last_told(self) -> int:
        try:
            return int(self._told.read_text("ascii"))
        except (FileNotFoundError, ValueError):
            return 0


def witnesses(settings: LogSettings, folder: Path, clock: Callable[[], float]) -> list[Witness]:
    """Return the witnesses named in the settings. `folder` holds the size last told to each."""
    named: list[tuple[str, Sequence[str], Callable[[str], bytes]]] = []
    if settings.witness_command:
        named.append(("command", settings.witness_command, str.encode))
    if settings.witness_email is not None:
        address = settings.witness_email
        named.append(("email", (_SENDMAIL, "-i", "--", address), lambda head: mail(head, address)))
    return [
        Witness(
            name,
            command,
            message,
            seconds=settings.witness_seconds,
            told=folder / f".told-{name}",
            clock=clock,
        )
        for name, command, message in named
    ]


def mail(head: str, address: str) -> bytes:
    """Return a mail with the head attached unchanged, so that it can be saved and checked."""
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
