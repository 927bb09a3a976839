"""The opener: an isolated child with the gateway's OpenPGP secret keys and no other secret.

The opener unseals files, finds the signer, and passes the content on as anonymous memory. It knows no
policy, no registry and no passphrase, and never interprets the content.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from gateway.errors import Fault, GatewayError, Refusal
from gateway.examiner.confinement import Needs
from gateway.examiner.process_pool import Answer, serve
from gateway.examiner.protocol import (
    ANSWER,
    OPENER_SETUP,
    REQUEST,
    Failed,
    FileRefused,
    Job,
    Judging,
    LayingOut,
    NamingRecords,
    OpenerSetup,
    OpenRefused,
    Reading,
    Reopen,
    Reopened,
    Request,
    Reseal,
    Resealed,
    SealCopy,
    SealedCopy,
    SealPart,
    Unsealed,
    Viewing,
)
from gateway.home.settings import OpenLimits, ProcessorSettings
from gateway.openpgp.certificates import describe
from gateway.openpgp.engines import believe, find_opener, usable
from gateway.openpgp.judge import Waits
from gateway.openpgp.layers import open_session_key, seal_session_key
from gateway.openpgp.memory import Content
from gateway.openpgp.promise import Opener, OpenFile
from gateway.openpgp.sealer import CannotSeal, readers, seal
from gateway.zones.failpoints import passing

_SLACK_BYTES = 1024**2
_SHARE_OF_PROGRAM = 0.8


class Openers:
    """Engines by the gateway's keys in use, made on first use."""

    def __init__(self, settings: ProcessorSettings, secrets: Mapping[str, bytes]) -> None:
        self._settings = settings
        self.secrets = secrets
        self._made: dict[tuple[str, ...], Opener] = {}

    def of(self, fingerprints: tuple[str, ...] = ()) -> Opener:
        """Return the engine for these keys, or for all. Raises Fault where a key is missing."""
        wanted = fingerprints or tuple(self.secrets)
        if wanted not in self._made:
            keys = [self.secret(fingerprint) for fingerprint in wanted]
            self._made[wanted] = find_opener(self._settings, keys)
        return self._made[wanted]

    def secret(self, fingerprint: str) -> bytes:
        """Return one secret key. Raises Fault where missing."""
        if fingerprint not in self.secrets:
            raise Fault(f"the secret key {fingerprint} is missing from keys/openpgp")
        return self.secrets[fingerprint]


@dataclass(frozen=True, slots=True)
class Stored:
    """Sealed file and an optional second descriptor.

    `session` is, for a file examined before, its sealed session key where kept; for a file to examine, the
    empty memory for its content, where a classifier reads along.
    """

    sealed: OpenFile
    session: OpenFile | None = None

    @property
    def memory(self) -> int | None:
        """Descriptor of the memory for the content."""
        return None if self.session is None else self.session.descriptor


@dataclass(frozen=True, slots=True)
class Opening:
    """Handle the requests to an opener."""

    openers: Openers
    limits: OpenLimits

    def work(self, message: bytes, descriptors: Sequence[int]) -> Answer:
        """Answer one request; a fault of the gateway is an answer too."""
        request = REQUEST.validate_json(message)
        stored = Stored(*(OpenFile(descriptor) for descriptor in descriptors))
        try:
            answer, given = self._in_time()._answer(request, stored)  # noqa: SLF001 - its own
        except (GatewayError, OSError) as error:
            explanation = str(error) if isinstance(error, GatewayError) else type(error).__name__
            return ANSWER.dump_json(Failed(reference=request.reference, explanation=explanation)), ()
        return ANSWER.dump_json(answer), given

    def _in_time(self) -> Opening:
        """Give a SOP program less time than the rest of this process's time, where limited.

        So a hanging program, a fault of the gateway, differs from a file breaking the process.
        """
        left, _ = signal.getitimer(signal.ITIMER_REAL)
        seconds = min(self.limits.seconds, left * _SHARE_OF_PROGRAM) if left else self.limits.seconds
        return replace(self, limits=self.limits.model_copy(update={"seconds": seconds}))

    def _answer(
        self, request: Request, stored: Stored
    ) -> tuple[Unsealed | FileRefused | Reopened | Resealed | SealedCopy, Sequence[int]]:
        match request:
            case Job():
                return self.open(request, stored.sealed, stored.memory)
            case Reopen():
                content = self._content(stored, request.sha256)
                size = os.fstat(content).st_size
                return Reopened(reference=request.reference, size=size), (content,)
            case Reseal():
                return self.reseal(request, stored), ()
            case SealCopy():
                return self._sealed_copy(request, stored)
            case SealPart():
                return self._sealed(request, stored.sealed.read_bytes())
            case Reading() | Judging() | Viewing() | LayingOut() | NamingRecords():
                raise Fault("an opener was asked for what is not its own")
            case other:
                assert_never(other)

    def open(
        self, job: Job, sealed: OpenFile, into: int | None = None
    ) -> tuple[Unsealed | FileRefused, Sequence[int]]:
        """Open one landed file with the keys in force, otherwise with the provider's further keys."""
        passing("examine.asked")
        found, content = self._opened(job, job.senders, sealed, into)
        if isinstance(found, FileRefused) and found.why.code == "open:wrong-signer" and job.others:
            found, content = self._opened_by_another(job, sealed, found)
        passing("examine.opened")
        return found, content

    def reseal(self, request: Reseal, stored: Stored) -> Resealed:
        """Seal the session key of a stored file to another certificate, proving the key where possible.

        The session key is empty where none of the gateway's keys opens the file.
        """
        session = self._session_key(stored)
        if session is None:
            return Resealed(reference=request.reference, session="", proved=False)
        if request.sha256 is not None:
            os.close(self.openers.of().reopen(stored.sealed, request.sha256, self.limits, session))
        return Resealed(
            reference=request.reference,
            session=seal_session_key(session, request.certificate.encode()),
            proved=request.sha256 is not None,
        )

    def _opened_by_another(
        self, job: Job, sealed: OpenFile, stranger: FileRefused
    ) -> tuple[Unsealed | FileRefused, Sequence[int]]:
        """Tell a file signed by one of the provider's further keys from a stranger's."""
        match self._opened(job, job.others, sealed):
            case Unsealed() as found, content:
                return replace(found, why=stranger.why), content
            case FileRefused(why=why), _ if why.code == "open:key-expired":
                return stranger, ()
            case told_apart:
                return told_apart

    def _opened(
        self, job: Job, certificates: Sequence[str], sealed: OpenFile, into: int | None = None
    ) -> tuple[Unsealed | FileRefused, Sequence[int]]:
        senders, why = [sender.encode() for sender in certificates], None
        try:
            opened = self.openers.of(job.opens_with).open(sealed, senders, self.limits, job.now, into)
        except Waits as waits:
            opened, why = waits.opened, OpenRefused(code=waits.code)
        except Refusal as refusal:
            told = OpenRefused(code=refusal.code, detail=refusal.detail)
            return FileRefused(reference=job.reference, why=told), ()
        answer = Unsealed(reference=job.reference, opened=replace(opened, content=-1), why=why)
        return answer, (opened.content,)

    def _session_key(self, stored: Stored) -> bytes | None:
        if stored.session is not None:
            return open_session_key(stored.session.read_bytes(), self.openers.secrets.values())
        return self.openers.of().session_key(stored.sealed, self.limits)

    def _content(self, stored: Stored, sha256: str) -> int:
        """Return a stored file's content, proved by its digest, as a descriptor for the caller to close."""
        session = self._session_key(stored) if stored.session is not None else None
        return self.openers.of().reopen(stored.sealed, sha256, self.limits, session)

    def _sealed_copy(self, request: SealCopy, stored: Stored) -> tuple[SealedCopy, Sequence[int]]:
        """Seal the content to a provider, signed by the gateway; only sealed content leaves this process."""
        content = self._content(stored, request.sha256)
        try:
            return self._sealed(request, content)
        finally:
            os.close(content)

    def _sealed(self, request: SealCopy | SealPart, content: int | bytes) -> tuple[SealedCopy, Sequence[int]]:
        able, signer = _able(request), self.openers.secret(request.signer)
        try:
            sealed = seal(content, able, signer)
        except CannotSeal as error:
            raise Fault(str(error)) from None
        answer = SealedCopy(
            reference=request.reference,
            size=len(sealed),
            sha256=hashlib.sha256(sealed).hexdigest(),
            sealed_to=tuple(describe(one, request.now).fingerprint for one in readers(able, signer)),
        )
        with Content(len(sealed)) as memory:
            memory.write(sealed)
            return answer, (memory.finish()[0],)


def _able(request: SealCopy | SealPart) -> list[bytes]:
    """Return the recipients' certificates able to encrypt. Raises Fault without any."""
    able = [
        material.encode()
        for material in request.recipients
        if describe(material.encode(), request.now).can_encrypt
    ]
    if not able:
        raise Fault("the provider has no OpenPGP key in force that can be encrypted to")
    return able


def opening(setup: OpenerSetup) -> Opening:
    """Return the opener for a setup, with the engine for all keys made."""
    secrets = {fingerprint: secret.encode() for fingerprint, secret in setup.secrets.items()}
    found = Opening(Openers(setup.settings, secrets), setup.limits)
    found.openers.of()
    return found


def needs(setup: OpenerSetup) -> Needs:
    """Return the opener's needs: memory for a content, and the SOP program where one is used."""
    settings, limits = setup.settings, setup.limits
    return Needs(
        memory_bytes=limits.memory_bytes,
        writes_bytes=max(limits.content_bytes, limits.sealed_bytes) + _SLACK_BYTES,
        program=None if settings.engine == "embedded" else shutil.which(settings.sop_program),
    )


def main() -> None:
    """Serve until the service is gone."""

    def prepared(message: bytes) -> tuple[Needs, Opening]:
        setup = OPENER_SETUP.validate_json(message)
        if setup.proved is not None:
            believe(setup.proved)
        setup = replace(setup, settings=usable(setup.settings))  # While the program's files can be read.
        return needs(setup), opening(setup)

    serve("opens sealed files for the gateway's services", prepared)


if __name__ == "__main__":
    main()
