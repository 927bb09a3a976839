"""Send files to the gateway and fetch their receipts, for `send` and `watch` alike.

A run may be interrupted at any moment, and the next one resumes: each file is sealed once, the sealed
file is uploaded, and the receipt is awaited.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Literal, Protocol

import paramiko
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_exponential

from gateway.errors import GatewayError
from gateway.home import shown_name
from gateway.send import receipts, trust
from gateway.send.connection import BROKEN, CannotReach, session, upload
from gateway.send.files import Mark, opened
from gateway.send.kit import Kit, KitSettings
from gateway.send.openpgp_key import OwnKey, load_key
from gateway.send.passphrases import Passphrases
from gateway.send.receipts import Proved
from gateway.send.sealing import digest_of, seal
from gateway.send.sent import ON_ITS_WAY, SentFile, SentFiles, broken
from gateway.send.ssh_key import load_ssh_key, needs_passphrase

_NAME_BYTES, _DIGITS = 100, 12
_FIRST_PAUSE, _LONGEST_PAUSE = 0.3, 5.0
_LONGEST_WAIT = 30
_POLICIES_SECONDS = 60.0
# Sequoia verifies no receipt or page signed more than 30 minutes after now.
CLOCK_AHEAD, _CLOCK_BEHIND = timedelta(minutes=10), timedelta(minutes=25)
"""By how much this computer's clock may be wrong for the gateway to accept its signatures."""
Step = Literal["checking", "sealing", "sending"]


class AlreadySent(GatewayError):  # noqa: N818 - named after the event
    """Raised if the same content was sent before. `proved`: the verified receipt; None if none came."""

    def __init__(self, sent: SentFile, proved: Proved | None) -> None:
        super().__init__(
            f"it was sent before, on {sent.sealed_at:%Y-%m-%d}, "
            f"{sent.reference or sent.remote}, and is {sent.state}; to send it once more: --again"
        )
        self.proved = proved


class Changed(GatewayError):  # noqa: N818 - named after the event
    """Raised if a file has changed since its check."""


class ClockWrong(GatewayError):  # noqa: N818 - named after the event
    """Raised if the computer's clock is too wrong for the gateway to accept a signature made now."""

    exit_code = 6


class Progress(AbstractContextManager["Progress"], Protocol):
    """A display of progress, shown until the `with` block ends."""

    def at(self, step: Step, name: str, done: int, size: int) -> None:
        """Show how far a step is with the file `name`: `done` of `size` bytes."""

    def broken(self, error: str) -> None:
        """Show that a session broke or failed and will be tried again."""


@dataclass(frozen=True, slots=True)
class ToSend:
    """A file to send. `again`: True to send it even if sent before. `why`: a person's reason to send it with
    a fault. `digest` (SHA-256 in hex) and `mark` identify the checked content; no other content is sent.
    """

    file: Path
    digest: str
    mark: Mark
    why: str = ""
    again: bool = False


class KitAtWork:
    """One provider's kit with passphrases: seals and uploads files, and fetches receipts."""

    def __init__(self, kit: Kit, passphrases: Passphrases, progress: Progress) -> None:
        self.kit = kit
        self.passphrases = passphrases
        self.progress = progress

    @property
    def settings(self) -> KitSettings:
        """The settings, read from kit.toml each time: a session may change the gateway's key."""
        return self.kit.settings()

    @cached_property
    def own(self) -> OwnKey:
        """The provider's OpenPGP key, locked by its passphrase."""
        return load_key(self.settings.openpgp_key)

    @contextmanager
    def files(self) -> Iterator[SentFiles]:
        """Yield the record of sent files. DiskFull if the disk has no room for more rows."""
        try:
            with closing(SentFiles(self.kit.sent)) as files:
                yield files
        except sqlite3.DatabaseError as error:
            raise broken(self.kit.sent, error) from None

    def unlock(self) -> None:
        """Find or ask for the passphrases of both keys, so no step has to ask later."""
        self.signing_passphrase()
        self._login_passphrase()

    def _login_passphrase(self) -> str | None:
        path = self.settings.ssh_key
        if not needs_passphrase(path):
            return None
        return self.passphrases.of("ssh", lambda typed: load_ssh_key(path, typed))

    @contextmanager
    def session(self) -> Iterator[paramiko.SFTPClient]:
        """Yield a session with the gateway; trust a new key of the gateway first (`trust.follow`).
        ClockWrong if the gateway made the page about the provider later than now.
        """
        self.kit.current()
        with session(self.settings, load_ssh_key(self.settings.ssh_key, self._login_passphrase())) as sftp:
            with suppress(FileNotFoundError):
                _check_clock(max(time.time(), sftp.stat(trust.PAGE).st_mtime or 0))
            trust.follow(self.kit, sftp)
            yield sftp

    def retried(self, step: Callable[[paramiko.SFTPClient], None], seconds: float) -> None:
        """Run a step with a session. If the session breaks, try again with another, for up to `seconds`."""

        def broken(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome is not None else None
            self.progress.broken(str(error) or type(error).__name__)

        for attempt in Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_delay(seconds),
            wait=wait_exponential(max=_LONGEST_WAIT),
            before_sleep=broken,
            reraise=True,
        ):
            with attempt, self.session() as sftp:
                step(sftp)

    def sealed(self, wish: ToSend, recipient: bytes, files: SentFiles) -> SentFile:
        """Seal a file, unless already sealed and on the way; return the row in the record of sent files.
        AlreadySent if the content was sent before and not refused; not if `wish.again` is True. Changed if
        the file has changed since the check.
        """
        known = files.of_content(wish.digest)
        if known is not None:
            if known.state in ON_ITS_WAY and (self.kit.sealed / known.sealed_sha256).exists():
                return known
            if known.state in {"accepted", "held", "uploaded"} and not wish.again:
                raise AlreadySent(known, receipts.kept(self.kit, known))
            while int(time.time()) == int(known.sealed_at.timestamp()):
                time.sleep(0.05)
        aside = self.kit.sealed / "sealing"
        tell = partial(self.progress.at, "sealing", wish.file.name, size=wish.mark.size)
        with opened(wish.file) as source:
            seal(
                source, wish.mark.size, aside, tell,
                own=self.own, passphrase=self.signing_passphrase(), recipient=recipient,
            )  # fmt: skip
            if (digest_of(source), Mark.of(source)) != (wish.digest, wish.mark):
                aside.unlink()
                raise Changed(f"{wish.file.name} was changed while it was sealed: it is not sent as it was")
        with aside.open("rb") as done:
            sealed_digest = digest_of(done)
        aside.replace(self.kit.sealed / sealed_digest)
        sent = SentFile(
            content_sha256=wish.digest, sealed_sha256=sealed_digest, name=wish.file.name,
            remote=remote_name(wish.file.name, sealed_digest), state="sealed", why=wish.why,
            sealed_at=datetime.now(UTC),
        )  # fmt: skip
        files.add(sent)
        return sent

    def signing_passphrase(self) -> str:
        """Return the passphrase of the OpenPGP key; "" if the key has none."""
        return self.passphrases.of("openpgp", self.own.check) if self.own.key.is_protected else ""

    def refresh(self, seconds: float = _POLICIES_SECONDS) -> None:
        """Fetch the policies for checking files. If the gateway does not answer, the stored policies stay.

        If no policies are stored yet, try again for `seconds`, but at most for 60. Then raise CannotReach or
        one of `BROKEN`, the errors of a broken session.
        """

        def fetch(sftp: paramiko.SFTPClient) -> None:
            try:
                page = trust.told(self.kit, sftp)
            except GatewayError:
                page = None  # Not signed by the present key: ignored, and fetched again later.
            trust.keep(self.kit, sftp, page)
            if not trust.has_kept(self.kit):
                raise CannotReach(trust.NONE)

        if not trust.has_kept(self.kit):
            self.retried(fetch, min(seconds, _POLICIES_SECONDS))
            return
        with suppress(CannotReach, *BROKEN), self.session() as sftp:
            fetch(sftp)

    def hand_over(
        self, sftp: paramiko.SFTPClient, sent: SentFile, files: SentFiles, names: Sequence[str]
    ) -> None:
        """Upload a sealed file, unless `names`, the files in /receipts, show that it has arrived already.

        ClockWrong if the clock is too wrong to sign: the sealed file is removed, to be sealed anew.
        """
        path = self.kit.sealed / sent.sealed_sha256
        if not any(name.startswith(f"{shown_name(sent.remote)}.") for name in names):
            size = path.stat().st_size
            final = f"{sent.folder}/{sent.remote}"
            tell = partial(self.progress.at, "sending", sent.name, size=size)
            try:
                upload(sftp, path, final, tell, _check_clock)
            except ClockWrong:  # The signature has the wrong time.
                files.forget(sent)
                path.unlink()  # Last: a sealed file without its row is removed with the next sending.
                raise
        files.uploaded(sent)

    def receive(
        self, sftp: paramiko.SFTPClient, waiting: Sequence[SentFile], files: SentFiles
    ) -> dict[str, Proved]:
        """Fetch, verify and record the receipts of `waiting` files; return receipts by the sealed digest."""
        names = sftp.listdir(receipts.FOLDER)
        found = {sent.sealed_sha256: receipts.outcome(self.kit, sftp, names, sent) for sent in waiting}
        for sent in waiting:
            proved = found[sent.sealed_sha256]
            if proved is not None:
                files.decided(
                    sent, state=proved.state, reference=proved.reference, codes=proved.codes,
                    receipt=proved.path.name,
                )  # fmt: skip
                (self.kit.sealed / sent.sealed_sha256).unlink(missing_ok=True)
        return {digest: proved for digest, proved in found.items() if proved is not None}


def _check_clock(there: float) -> None:
    """Raise ClockWrong if the clock is 10 minutes fast or 25 slow by the gateway's Unix time `there`."""
    here = time.time()
    if not -_CLOCK_BEHIND < timedelta(seconds=here - there) < CLOCK_AHEAD:
        at, gateways = (datetime.fromtimestamp(one, UTC).strftime("%Y-%m-%d %H:%M") for one in (here, there))
        raise ClockWrong(
            f"this computer's clock says {at} UTC, that of the gateway {gateways}: set it, and send again"
        )


def pass_on(
    sender: KitAtWork, wishes: Sequence[ToSend], seconds: float
) -> dict[Path, Proved | GatewayError | None]:
    """Send files and wait for their receipts, for up to `seconds`; return the outcome of each file.

    The outcome is the verified receipt, None if none came yet, or, for a file not sent, the error AlreadySent
    or Changed. CannotReach, or one of `BROKEN`, if the gateway does not answer in time.
    """
    outcomes: dict[Path, Proved | GatewayError | None] = {}
    rows: dict[Path, SentFile] = {}
    deadline = time.monotonic() + seconds
    with sender.files() as files:
        known = {sent.sealed_sha256 for sent in files.in_state(*ON_ITS_WAY)}
        for path in sender.kit.sealed.iterdir():
            if path.name not in known:  # Left by an interrupted run.
                path.unlink()

        def step(sftp: paramiko.SFTPClient) -> None:
            recipient = sender.kit.current_certificate()
            for wish in wishes:
                if wish.file not in rows and wish.file not in outcomes:
                    try:
                        rows[wish.file] = sender.sealed(wish, recipient, files)
                    except (AlreadySent, Changed) as error:
                        outcomes[wish.file] = error
            names = sftp.listdir(receipts.FOLDER)
            for sent in rows.values():
                sender.hand_over(sftp, sent, files, names)
            await_receipts(sender, sftp, list(rows.values()), files, seconds=deadline - time.monotonic())

        if any(wish.file not in outcomes for wish in wishes):
            sender.retried(step, seconds)
        done = {sent.sealed_sha256: sent for sent in files.in_state()}
        for file, sent in rows.items():
            outcomes[file] = receipts.kept(sender.kit, done[sent.sealed_sha256])
    return outcomes


def await_receipts(
    sender: KitAtWork,
    sftp: paramiko.SFTPClient,
    sent: Sequence[SentFile],
    files: SentFiles,
    *,
    seconds: float,
    decided: Callable[[str], None] = lambda _: None,
) -> None:
    """Wait up to `seconds` for the receipts of `sent`; call `decided` with the digest of each sealed file."""
    deadline = time.monotonic() + seconds
    waiting, pause = list(sent), _FIRST_PAUSE
    while waiting:
        found = sender.receive(sftp, waiting, files)
        for digest in found:
            decided(digest)
        waiting = [one for one in waiting if one.sealed_sha256 not in found]
        if waiting and time.monotonic() >= deadline:
            return
        if waiting:
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def remote_name(name: str, sealed_digest: str) -> str:
    """Return the name for a file at the gateway: the local name, cut, and part of the sealed digest."""
    short = shown_name(name).encode()[:_NAME_BYTES].decode("utf-8", "ignore").strip()
    return f"{short}.{sealed_digest[:_DIGITS]}.pgp"


def _may_pass(error: BaseException) -> bool:
    """Return True for an error of the network, after which another attempt may succeed."""
    return isinstance(error, (CannotReach, *BROKEN)) and not isinstance(
        error, PermissionError | FileNotFoundError
    )
