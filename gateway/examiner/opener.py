"""The opener: an isolated child with the gateway's OpenPGP secret keys and no other secret.

The opener unseals files, finds the signer, and passes the content on as anonymous memory. It knows no
policy, no registry and no passphrase, and interprets only the first bytes of content, to find secret keys.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from gateway.errors import Fault, GatewayError, Refusal
from gateway.examiner import protocol
from gateway.examiner.confinement import Cell
from gateway.examiner.process_pool import Answer, Work, serve
from gateway.home.settings import OpenLimits, ProcessorSettings
from gateway.openpgp.certificates import describe
from gateway.openpgp.engines import find_opener, mark_proved, usable
from gateway.openpgp.interface import Content, Opener, OpenFile
from gateway.openpgp.judge import SigningKeyEnded
from gateway.openpgp.layers import open_session_key, seal_session_key
from gateway.openpgp.sealer import readers, seal
from gateway.zones.failpoints import passing
from gateway.zones.memory import closing_descriptor
from gateway.zones.sealing import ENOUGH_BYTES, looks_like

_SLACK_BYTES = 1024**2
_SHARE_OF_PROGRAM = 0.8


class Opening:
    """Handler of the requests to an opener. `secrets`: the gateway's OpenPGP keys by fingerprint.
    The engines, one for each set of keys asked for, are made on first use.
    """

    def __init__(self, settings: ProcessorSettings, secrets: Mapping[str, bytes], limits: OpenLimits) -> None:
        self._settings = settings
        self.secrets = secrets
        self._most = self.limits = limits
        self._made: dict[tuple[str, ...], Opener] = {}

    def of(self, fingerprints: tuple[str, ...] = ()) -> Opener:
        """Return the engine for the keys with these fingerprints, () for all. Fault if a key is missing."""
        # In one order: a job names all keys in force, mostly those that an engine is made for already.
        wanted = tuple(sorted(fingerprints or self.secrets))
        if wanted not in self._made:
            keys = [self._secret(fingerprint) for fingerprint in wanted]
            self._made[wanted] = find_opener(self._settings, keys)
        return self._made[wanted]

    def _secret(self, fingerprint: str) -> bytes:
        """Return the secret key with a fingerprint. Raises Fault if there is none."""
        if fingerprint not in self.secrets:
            raise Fault(f"the secret key {fingerprint} is missing from keys/openpgp")
        return self.secrets[fingerprint]

    def work(self, message: bytes, descriptors: Sequence[int]) -> Answer:
        """Return the answer to one request. A fault of the gateway is also sent as an answer."""
        request = protocol.REQUEST.validate_json(message)
        # A SOP program gets less than the time left for this process: one that hangs then shows as a fault of
        # the gateway, not as a file that breaks the process.
        if left := signal.getitimer(signal.ITIMER_REAL)[0]:
            seconds = min(self._most.seconds, left * _SHARE_OF_PROGRAM)
            self.limits = self._most.model_copy(update={"seconds": seconds})
        answer: protocol.Answer
        try:
            answer, given = self._answer(request, *map(OpenFile, descriptors))
        except (GatewayError, OSError) as error:
            explanation = str(error) if isinstance(error, GatewayError) else type(error).__name__
            answer, given = protocol.Failed(reference=request.reference, explanation=explanation), ()
        return protocol.ANSWER.dump_json(answer), given

    def _answer(
        self, request: protocol.Request, sealed: OpenFile, other: OpenFile | None = None
    ) -> tuple[protocol.OfOpener, Sequence[int]]:
        """Return the answer about a sealed file, and the descriptors to send with the answer.
        `other`: a stored file's resealed session key, if any.
        """
        match request:
            case protocol.Job():
                return self.open(request, sealed)
            case protocol.Reopen():
                content = self._content(sealed, other, request.sha256)
                size = os.fstat(content).st_size
                return protocol.Reopened(reference=request.reference, size=size), (content,)
            case protocol.Reseal():
                return self.reseal(request, sealed, other), ()
            case protocol.SealCopy():
                if request.sha256 is None:
                    return self._sealed(request, sealed.read_bytes())
                with closing_descriptor(self._content(sealed, other, request.sha256)) as content:
                    return self._sealed(request, content)
            case _:
                raise Fault("an opener was asked for what is not its own")

    def open(
        self, job: protocol.Job, sealed: OpenFile
    ) -> tuple[protocol.Unsealed | protocol.FileRefused, Sequence[int]]:
        """Open a landed file, or refuse the file.
        A file may be signed by none of the provider's keys in force, but by another key of the provider
        (`job.others`). The answer then has the content, and the reason why the file waits.
        """
        passing("examine.asked")
        found, content = self._opened(job, job.senders, sealed)
        if isinstance(found, protocol.FileRefused) and found.why.code == "open:wrong-signer" and job.others:
            other, content = self._opened(job, job.others, sealed)
            if isinstance(other, protocol.Unsealed):
                found = replace(other, why=found.why)
            elif other.why.code != "open:key-expired":
                found = other
        passing("examine.opened")
        return found, content

    def reseal(self, request: protocol.Reseal, sealed: OpenFile, other: OpenFile | None) -> protocol.Resealed:
        """Encrypt a stored file's session key to another certificate; check the content's SHA-256, if known.
        `other`: the session key as resealed earlier, if any; if damaged, the session key in the file itself
        is used. The answer's session key is "" if none of the gateway's keys opens the file.
        """
        session = None
        with suppress(Fault):
            session = self._session_key(other)
        if session is None:
            session = self.of().session_key(sealed, self.limits)
        if session is None:
            return protocol.Resealed(reference=request.reference, session="", proved=False)
        if request.sha256 is not None:
            os.close(self.of().reopen(sealed, request.sha256, self.limits, session))
        return protocol.Resealed(
            reference=request.reference,
            session=seal_session_key(session, request.certificate.encode()),
            proved=request.sha256 is not None,
        )

    def _opened(
        self, job: protocol.Job, certificates: Sequence[str], sealed: OpenFile
    ) -> tuple[protocol.Unsealed | protocol.FileRefused, Sequence[int]]:
        senders, why = [sender.encode() for sender in certificates], None
        limits = protocol.limits_for(job, self.limits)
        try:
            opened = self.of(job.opens_with).open(sealed, senders, limits, job.now)
        except SigningKeyEnded as waits:
            opened, why = waits.opened, protocol.OpenRefused(code=waits.code)
        except Refusal as refusal:
            told = protocol.OpenRefused(code=refusal.code, detail=refusal.detail)
            return protocol.FileRefused(reference=job.reference, why=told), ()
        start = os.pread(opened.content, ENOUGH_BYTES, 0)
        if looks_like(start, whole=opened.size <= ENOUGH_BYTES) == "secret-key":  # Nobody may ever read it.
            os.close(opened.content)
            return protocol.refused(job, "key:secret"), ()
        answer = protocol.Unsealed(reference=job.reference, opened=replace(opened, content=-1), why=why)
        return answer, (opened.content,)

    def _session_key(self, resealed: OpenFile | None) -> bytes | None:
        if resealed is None:
            return None
        return open_session_key(resealed.read_bytes(), self.secrets.values())

    def _content(self, sealed: OpenFile, resealed: OpenFile | None, sha256: str) -> int:
        """Open a stored file, check its content by SHA-256; return a descriptor for the caller to close.
        `resealed`: the file's session key as sealed to a newer key, if there is one.
        """
        return self.of().reopen(sealed, sha256, self.limits, self._session_key(resealed))

    def _sealed(
        self, request: protocol.SealCopy, content: int | bytes
    ) -> tuple[protocol.SealedCopy, Sequence[int]]:
        recipients = [material.encode() for material in request.recipients]
        able = [one for one in recipients if describe(one, request.now).can_encrypt]
        if not able:
            raise Fault("the provider has no OpenPGP key in force that can be encrypted to")
        signer = self._secret(request.signer)
        sealed = seal(content, able, signer)
        answer = protocol.SealedCopy(
            reference=request.reference,
            size=len(sealed),
            sha256=hashlib.sha256(sealed).hexdigest(),
            sealed_to=tuple(describe(one, request.now).fingerprint for one in readers(able, signer)),
        )
        with Content(len(sealed)) as memory:
            memory.write(sealed)
            return answer, (memory.finish()[0],)


def prepared(message: bytes) -> tuple[Cell, Work]:
    """Return the child's confinement and request handler, by the setup message."""
    setup = protocol.OPENER_SETUP.validate_json(message)
    if setup.proved is not None:
        mark_proved(setup.proved)
    settings, limits = usable(setup.settings), setup.limits  # While the program's files can be read.
    secrets = {name: secret.encode() for name, secret in setup.secrets.items()}
    opening = Opening(settings, secrets, limits)
    opening.of()
    cell = Cell(
        limits.memory_bytes,
        writes_bytes=max(limits.content_bytes, limits.sealed_bytes) + _SLACK_BYTES,
        program=None if settings.engine == "embedded" else shutil.which(settings.sop_program),
    )
    return cell, opening.work


if __name__ == "__main__":
    serve(prepared)
