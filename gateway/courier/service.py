"""Send each letter in out/ to the relay once, and record the outcome in done/.

A letter not taken by the relay is tried again for as long as the relay is down. If the service is killed
between the relay's answer and the record, the relay gets the same letter again, under the same Message-ID.
"""

import logging
import os
import smtplib
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_when_event_set, wait_exponential
from tenacity.nap import sleep_using_event

from gateway.errors import ConfigurationError
from gateway.home import Letters
from gateway.home.settings import LetterSettings, read_toml
from gateway.zones.places import is_leased
from gateway.zones.spool import write_durably

_SECONDS = 30
_LONGEST_PAUSE = 300.0
_PERMANENT = range(500, 600)
_AS_WRITTEN = policy.SMTP.clone(refold_source="none")  # What is signed leaves as it is.
_log = logging.getLogger(__name__)


def run(letters: Letters, stop: threading.Event, *, pause_seconds: float = 5.0) -> None:
    """Send letters to the relay until `stop` is set. ConfigurationError if the settings name no relay."""
    settings = relay(letters)
    while not stop.is_set():
        broken = (OSError, smtplib.SMTPException)
        said = "the relay does not take letters now"
        tried(lambda: give_all(letters, settings), broken, said, stop, pause_seconds)
        stop.wait(pause_seconds)


def serve_each(
    root: Path,
    settings: str,
    giving: Callable[[Path], Callable[[], object]],
    *,
    said: str,
    stop: threading.Event,
    pause_seconds: float,
) -> None:
    """Repeat a function for each folder of `root` that has a file called `settings`, until `stop` is set.
    `giving`, called with a folder, returns the function. A thread for each folder repeats the function, by
    `tried`, until the file `settings` is removed. `said` begins the line logged about an error, with the
    folder's name in place of `{}`. `pause_seconds`: the pause between two calls.
    """
    threads: dict[Path, threading.Thread] = {}

    def serve(folder: Path) -> None:
        give = giving(folder)
        while not stop.is_set() and (folder / settings).exists():
            tried(give, Exception, said.format(folder.name), stop, pause_seconds)
            stop.wait(pause_seconds)

    while not stop.is_set():
        for folder in sorted(found.parent for found in root.glob(f"*/{settings}")):
            if folder not in threads or not threads[folder].is_alive():
                thread = threading.Thread(target=serve, args=(folder,))
                try:
                    thread.start()
                except RuntimeError:  # Such as at the limit of its unit.
                    _log.error("%s: no thread can be started for it; it is tried again", folder.name)
                else:
                    threads[folder] = thread
        stop.wait(pause_seconds)
    for thread in threads.values():
        thread.join()


class LapsedError(Exception):
    """Raised if the processor has not renewed the lease of a folder: nothing more may be sent from there."""


def check_lease(settings: Path) -> None:
    """Raise LapsedError unless the lease holds: the processor has lately allowed the courier to send what
    lies beside the file `settings`.
    """
    if not is_leased(settings):
        raise LapsedError


@contextmanager
def troubles(folder: Path, word: Callable[[Exception], str]) -> Iterator[None]:
    """Write the `word` for an error inside `with` into done/trouble; without an error, remove that file.
    A LapsedError only ends the block: it is not raised further, and counts as no trouble.
    """
    note = folder / "done" / "trouble"
    try:
        yield
    except LapsedError:
        return
    except Exception as error:
        write_durably(note, word(error).encode())
        raise
    note.unlink(missing_ok=True)


def tried(
    give: Callable[[], object],
    broken: type[Exception] | tuple[type[Exception], ...],
    said: str,
    stop: threading.Event,
    pause_seconds: float,
) -> None:
    """Call `give` until a call succeeds or `stop` is set. Log each failure: `said`, and the error's type.
    Only after an error of the types `broken` is `give` called again; any other error is raised. The pause
    between two calls grows from `pause_seconds` to 5 minutes.
    """
    retrying = Retrying(
        retry=retry_if_exception_type(broken),
        stop=stop_when_event_set(stop),
        wait=wait_exponential(min=pause_seconds, max=_LONGEST_PAUSE),
        sleep=sleep_using_event(stop),
        retry_error_callback=lambda _: None,  # Stopped while it fails: the waiting letters stay.
        before_sleep=lambda state: _log.warning("%s: %s", said, _kind(state.outcome)),
    )
    retrying(give)


def credential(named: Path | None, name: str, missing: str) -> Path:
    """Return the path `named`; if None, the path of the systemd credential called `name`.
    ConfigurationError, with the text `missing`, if `named` is None and systemd has passed no credentials.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if (path := named or (Path(folder) / name if folder else None)) is None:
        raise ConfigurationError(f"gateway.toml: {missing}")
    return path


def relay(letters: Letters) -> LetterSettings:
    """Return the relay's settings from the letters' folder. ConfigurationError if no relay is named there."""
    settings = read_toml(letters.settings, LetterSettings)
    if settings.relay is None:
        raise ConfigurationError("gateway.toml: [letters] names no relay")
    return settings


def waiting(letters: Letters) -> list[Path]:
    """Return the letters to be sent, oldest first: all letters without a recorded outcome."""
    found = sorted(letters.out.glob("*.eml")) if letters.out.is_dir() else []
    return [path for path in found if not (letters.done / path.stem).exists()]


def give_all(letters: Letters, settings: LetterSettings) -> int:
    """Send every waiting letter; return the number of letters that the relay accepted.
    Raises OSError or SMTPException if the relay cannot be reached or refuses for now: unsent letters wait, as
    they do without a lease (`check_lease`). If the relay refuses one address or letter for now, the
    other letters are sent all the same.
    """
    todo = waiting(letters)
    if not todo or not is_leased(letters.settings):
        return 0
    taken, turned_away, later = 0, 0, list[smtplib.SMTPException]()
    with suppress(LapsedError), _session(settings) as smtp:
        for path in todo:
            check_lease(letters.settings)
            message = message_from_bytes(path.read_bytes(), policy=_AS_WRITTEN)
            try:
                refused = _give(smtp, message)
            except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
                later.append(error)
                continue
            write_durably(letters.done / path.stem, (refused or "").encode())
            taken += refused is None
            turned_away += refused is not None
    _log.info("letters taken=%d refused=%d", taken, turned_away)
    if later:
        raise later[0]
    return taken


def _give(smtp: smtplib.SMTP, message: EmailMessage) -> str | None:
    """Send one letter to the relay. Return None if accepted; if refused for good, the words to record about
    the refusal.
    Raises OSError or SMTPException if the letter has to be sent again later.
    """
    try:
        smtp.send_message(message)
    except smtplib.SMTPNotSupportedError:
        return "refused: the relay takes addresses in plain letters only"
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        if code not in _PERMANENT:
            raise
        return f"refused with {code}"
    except smtplib.SMTPResponseException as error:
        if error.smtp_code not in _PERMANENT or isinstance(error, smtplib.SMTPSenderRefused):
            raise
        return f"refused with {error.smtp_code}"
    return None


@contextmanager
def _session(settings: LetterSettings) -> Iterator[smtplib.SMTP]:
    host, port = settings.relay or "", settings.port
    context = ssl.create_default_context(cafile=None if settings.ca_file is None else str(settings.ca_file))
    if settings.tls == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=_SECONDS, context=context)
    else:
        smtp = smtplib.SMTP(host, port, timeout=_SECONDS)
    with smtp:
        if settings.tls == "starttls":
            smtp.starttls(context=context)
        if settings.user is not None:
            path = credential(
                settings.password_file, "relay-password", "[letters] names a user, but no password_file"
            )
            smtp.login(settings.user, path.read_text("utf-8").rstrip("\n"))
        yield smtp


def _kind(outcome: object) -> str:
    """Return, for the log, the type and code of the error in a failed attempt, but never the error's text."""
    error = outcome.exception() if hasattr(outcome, "exception") else None
    return f"{type(error).__name__}({getattr(error, 'smtp_code', None) or getattr(error, 'errno', '')})"
