"""Have a sealed file opened by one isolated child, and its content classified by another.

Each child gets only the values and read descriptors for its part of the work. Answers are checked against the
request, because a hostile file may have captured the child.
"""

import base64
import binascii
import hashlib
import hmac
import logging
import os
import re
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from clamav_client.clamd import BufferTooLongError, ClamdError, ClamdUnixSocket

from gateway import model
from gateway.errors import Fault, GatewayError
from gateway.examiner import child, protocol
from gateway.examiner.persons import digested, packed, person_digests
from gateway.home import Home, provider_of
from gateway.home.settings import Limits, Scanner, load_settings, read_toml
from gateway.openpgp.engines import program_file, proved_program
from gateway.reasons import REASONS, sentence_and_step
from gateway.secrets import secret_files
from gateway.store.of_home import Store, store_of
from gateway.zones.memory import closing_descriptor

# An optional malware scanner, clamd, reads contents before the classifier does. Only the service talks to it,
# over a Unix socket. A file with a finding is held; without an answer, files wait.

_MALWARE = "open:malware"
_log = logging.getLogger(__name__)
_MOST_SHOWN = 100


def has_malware(settings: Scanner, reference: str, content: int) -> bool:
    """Return True if the malware scanner finds malware in the content; False if there is none, or no scanner.
    Fault if the scanner gives no usable answer.
    """
    if settings.socket is None:
        return False
    scanner = ClamdUnixSocket(str(settings.socket), settings.seconds)
    try:
        with _asking(), os.fdopen(os.dup(content), "rb") as stream:
            stream.seek(0)
            answer = scanner.instream(stream)
    finally:
        os.lseek(content, 0, os.SEEK_SET)
    (status, name), *_ = answer.values() or [("ERROR", None)]
    if status == "OK":
        return False
    if status != "FOUND":
        raise Fault("the malware scanner gave an answer that cannot be read")
    # A signature's name, made safe for the log.
    shown = "".join(c if c.isalnum() or c in ".-_" else "?" for c in str(name)[:_MOST_SHOWN])
    _log.warning("%s: the malware scanner finds %s", reference, shown)
    return True


def prove_scanner(settings: Scanner) -> None:
    """Ask the malware scanner, if there is one, whether it is there. Fault if it does not answer."""
    if settings.socket is not None:
        with _asking():
            ClamdUnixSocket(str(settings.socket), settings.seconds).ping()


@contextmanager
def _asking() -> Iterator[None]:
    """Raise a Fault for each way in which the scanner fails to answer."""
    try:
        yield
    except BufferTooLongError:
        raise Fault("the malware scanner takes no file so large: raise its StreamMaxLength") from None
    except (ClamdError, OSError) as error:
        raise Fault(f"the malware scanner cannot be asked ({type(error).__name__})") from None


_MOST_DETAIL = 80
_STAGES = ("open:", "key:", "agreement:")
_SSH_LINE = re.compile(r"(?P<algorithm>[a-z0-9@.-]{1,64}) (?P<blob>[A-Za-z0-9+/]{16,}={0,2})", re.ASCII)
_CERTIFICATE = re.compile(
    r"-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n(?:[\x20-\x7e]*\r?\n)*-----END PGP PUBLIC KEY BLOCK-----\s*",
    re.ASCII,
)


def believable_refusal(answer: protocol.FileRefused) -> protocol.FileRefused:
    """Check and return a child's refusal.
    Raises ExaminerLost for an unknown reason code, or for details that do not fit the sentence of the code.
    """
    why = answer.why
    words = [part for part in why.detail.values() if isinstance(part, str)]
    if not why.code.startswith(_STAGES) or why.code not in REASONS:
        raise child.ExaminerLost("the examining process gave a reason that there is not")
    if not all(len(part) <= _MOST_DETAIL and part.isprintable() for part in words):
        raise child.ExaminerLost("the examining process gave a reason in other words than ours")
    try:
        sentence_and_step(why.code, **why.detail)
    except (KeyError, TypeError):
        raise child.ExaminerLost("the examining process left a blank of its reason open") from None
    return answer


def believable_drop(answer: protocol.DropRead) -> protocol.DropRead:
    """Check and return a judge's finding.
    Raises ExaminerLost if a key has not the stated fingerprint, or the signatory's name cannot be a name.
    """
    if isinstance(answer, protocol.KeyDrop) and not _fits(answer):
        raise child.ExaminerLost("the judging process gave another key than it says")
    if (
        isinstance(answer, protocol.AgreementCopy)
        and answer.signatory
        and not model.is_signatory(answer.signatory)
    ):
        raise child.ExaminerLost("the judging process gave a name that cannot be one")
    return answer


def _fits(drop: protocol.KeyDrop) -> bool:
    """Return True if an SSH key has the fingerprint stated with it, and a certificate the right format.
    A certificate's fingerprint is not checked here: every later use computes the fingerprint again.
    """
    key = drop.key
    if key.kind == "openpgp":
        return _CERTIFICATE.fullmatch(key.material) is not None
    if drop.change == "revoked":
        return not key.material and protocol.SSH_FINGERPRINT.fullmatch(key.fingerprint) is not None
    line = _SSH_LINE.fullmatch(key.material)
    if line is None or drop.change != "new":  # A drop does not renew an SSH key.
        return False
    try:
        blob = base64.b64decode(line["blob"], validate=True)
    except binascii.Error:
        return False
    algorithm = line["algorithm"].encode()
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    is_of_kind = blob.startswith(len(algorithm).to_bytes(4, "big") + algorithm)
    return is_of_kind and key.fingerprint == f"SHA256:{digest}"


# The digests of the pupils and persons in a file are made within the service: no child knows the key.


def roll_of(read: protocol.Read, home: Home) -> bytes | None:
    """Return the packed roll of a file; None for a file other than a roll.
    `read`: the classifier's answer. Raises ExaminerLost if the answer has more pupils than allowed.
    """
    if read.pupils is None:
        return None
    if read.pupils.count("\n") > protocol.PUPILS:
        raise child.ExaminerLost("the classifying process named more pupils than it may")
    return packed(digested(read.pupils, secret_files.pupil_key(home)))


def persons_of(read: protocol.Read, home: Home) -> bytes | None:
    """Return the digests of all persons in a file: distinct, sorted and concatenated.
    `read`: the classifier's answer; None if nobody was sought in the file. Raises ExaminerLost if the answer
    has more persons than allowed.
    """
    if read.unread:
        return None
    if read.numbers.count("\n") + read.names.count("\n") > protocol.PERSONS:
        raise child.ExaminerLost("the classifying process named more persons than it may")
    if read.left_out:
        _log.warning("%s: %d records beyond the indexed persons", read.reference, read.left_out)
    key = secret_files.pupil_key(home)
    digests = person_digests(read.numbers.split(), read.names.split(), key)
    return b"".join(sorted(digests))


class MixedRecordsError(GatewayError):
    """Raised if it is not certain which records of a file are about some persons."""


def records_with(named: protocol.RecordsNamed, persons: Collection[bytes], home: Home) -> tuple[int, ...]:
    """Return the numbers, from 0, of the records about persons with these digests.
    Raises MixedRecordsError if a record names nobody, or no record is about any of these persons.
    """
    key, wanted = secret_files.pupil_key(home), frozenset(persons)
    found = list[int]()
    for number, (numbers, names) in enumerate(named.records):
        digests = person_digests(numbers, names, key)
        if not digests:
            found.clear()
            break
        if not wanted.isdisjoint(digests):
            found.append(number)
    if not found:
        raise MixedRecordsError("it is not certain which records are about some people")
    return tuple(found)


def counting_seed(home: Home, sha256: str) -> str:
    """Return the secret for rounding the counts of the content with the digest `sha256`, in hexadecimal."""
    key = secret_files.pupil_key(home)
    return hmac.digest(key, b"counts\0" + bytes.fromhex(sha256), "sha256").hex()


A = TypeVar("A")
_SEALED_BYTES_A_SECOND, _CONTENT_BYTES_A_SECOND = 1024**2, 128 * 1024
_LEAST_SECONDS = 15.0  # A small file gets little time, so that other files wait little.

_OPENED: tuple[type[protocol.Unsealed | protocol.FileRefused], ...] = (
    protocol.Unsealed,
    protocol.FileRefused,
)
# A captured process must not turn a copy of the agreement into a key.
_JUDGED: dict[model.Folder, tuple[type[protocol.Judged], ...]] = {
    "keys": (protocol.KeyDrop, protocol.HeadingsDrop, protocol.FileRefused, protocol.StillSealed),
    "agreement": (protocol.AgreementCopy, protocol.FileRefused, protocol.StillSealed),
}


class Examiner:
    """Examiner of files, for one thread, with an opener, a classifier and, when needed, a judge and a viewer.
    The children use the policies in the folder `policies`, by default the policies in force in `home`. Every
    method may raise Fault, where no file is to blame, and ExaminerLost, where the file may be to blame.
    """

    def __init__(self, home: Home, policies: Path | None = None) -> None:
        self._home = home
        self._other_policies = policies
        self._limits = self._load_limits()
        # An opener may run only the program file that it began with, not even a newer one in the same place.
        self._opener = child.Child(
            ("-m", "gateway.examiner.opener"),
            self._for_opener,
            lambda: (self._surroundings(), program_file(load_settings(home).processor)),
        )
        self._classifier, self._judge, self._viewer = (
            child.Child(("-m", f"gateway.examiner.{name}"), self._for_reader, self._surroundings)
            for name in ("classifier", "judge", "viewer")
        )

    def start(self) -> None:
        """Start the children now, so the first file does not wait."""
        self._opener.start()
        self._classifier.start()

    def rest(self) -> None:
        """End the forked processes that examine files; the children fork new ones for the next provider."""
        for each in (self._opener, self._classifier, self._judge, self._viewer):
            each.rest()

    def close(self) -> None:
        """End the children."""
        for each in (self._opener, self._classifier, self._judge, self._viewer):
            each.close()

    def examine(self, job: protocol.Job) -> protocol.Looked:
        """Open and classify one landed file from the store, or judge a drop."""
        with child.opened_for_reading(self._store.reading(job.reference)) as sealed:
            return self.look(job, sealed)

    def look(self, job: protocol.Job, sealed: int) -> protocol.Looked:
        """Open and classify the sealed file at a descriptor, or judge the drop there."""
        if job.folder != "in":
            return self._judged(job, sealed)
        found, content = self._unsealed(job, sealed)
        if isinstance(found, protocol.FileRefused):
            return found
        with closing_descriptor(content):
            read = self.read(job, content)
        roll, persons = roll_of(read, self._home), persons_of(read, self._home)
        opened, said = found.opened, read.content
        if isinstance(said, model.Classified):
            said = replace(said, stated=job.stated)  # Views use these headings, so never a child's answer.
        return protocol.FileOpened(
            reference=job.reference, opened=opened, content=said, why=found.why, roll=roll, persons=persons
        )

    def read(self, job: protocol.Job, content: int) -> protocol.Read:
        """Scan the content at a descriptor for malware, and classify the content. With malware, the file is
        refused. Even then the content is searched for persons, so markers and legal holds apply to the file.
        The file is refused also if the content breaks the classifier.
        """
        if not has_malware(load_settings(self._home).scanner, job.reference, content):
            return self.classify(content, _reading(job))
        refused = model.ContentRefused(code=_MALWARE)
        try:
            read = self.classify(content, _reading(job))
            persons_of(read, self._home)
        except child.ExaminerLost as lost:
            _log.error("%s: has malware, and nobody was sought in it: %s", job.reference, lost)
            return protocol.Read(reference=job.reference, content=refused, unread=True)
        return replace(read, content=refused, pupils=None)

    def classify(self, content: int, request: protocol.Reading) -> protocol.Read:
        """Classify the content at a descriptor."""
        return self._ask(self._classifier, request, (content,), (protocol.Read,))[0]

    def reopen(self, request: protocol.Reopen) -> tuple[int, int]:
        """Open a stored file; return the content's descriptor, for the caller to close, and size in bytes."""
        answer, content = self._of_stored(request, protocol.Reopened)
        return content, answer.size

    def view(
        self, request: protocol.Reopen, basis: model.Basis | model.Counting, apart: Collection[bytes] = ()
    ) -> tuple[int, model.View]:
        """Make the view of a stored file: the part that `basis` grants, or the counts that `basis` describes.
        `apart`: digests of people whose records are left out of a part. Return the view's descriptor, for the
        caller to close, and its facts. MixedRecordsError if it is not certain which records are about these
        people.
        """
        content, _ = self.reopen(request)
        if apart and isinstance(basis, model.Basis):
            with ExitStack() as unless_named:
                unless_named.callback(os.close, content)
                asked = protocol.NamingRecords(reference=request.reference)
                named, _ = self._ask(self._viewer, asked, (content,), (protocol.RecordsNamed,))
                basis = replace(basis, without=records_with(named, apart, self._home))
                unless_named.pop_all()
        return self.view_of(request.reference, content, basis)

    def view_of(
        self, reference: str, content: int, basis: model.Basis | model.Counting
    ) -> tuple[int, model.View]:
        """Make a view of the content at a descriptor; return the view's descriptor and its facts.
        `basis`: the part to show, or how to count. `content` is closed, except if the view is the whole
        content: then `content` itself is returned.
        """
        with ExitStack() as unless_whole:
            unless_whole.callback(os.close, content)
            asked = protocol.Viewing(reference=reference, basis=basis)
            answer, made = self._ask(self._viewer, asked, (content,), (protocol.Viewed,))
            if not answer.view.whole:
                return made, answer.view
            unless_whole.pop_all()
        return content, answer.view

    def lay_out(
        self, reference: str, view: int, layout: model.FileLayout, stated: model.Stated
    ) -> tuple[int, protocol.LaidOut]:
        """Lay out the view at a descriptor, which stays open, as CSV for another system.
        `stated`: headings explained by the provider. Returns the descriptor of the CSV, for the caller to
        close, and its facts.
        """
        asked = protocol.LayingOut(reference=reference, layout=layout, stated=stated)
        answer, made = self._ask(self._viewer, asked, (view,), (protocol.LaidOut,))
        return made, answer

    def seal_copy(
        self, request: protocol.SealCopy, part: int | None = None
    ) -> tuple[int, protocol.SealedCopy]:
        """Seal a stored file, or the part of a file at the descriptor `part`, to a provider.
        `part` stays open. Returns the copy's descriptor, for the caller to close, and facts about the copy.
        """
        if part is None:
            answer, sealed = self._of_stored(request, protocol.SealedCopy)
        else:
            answer, sealed = self._ask(self._opener, request, (part,), (protocol.SealedCopy,))
        return sealed, answer

    def reseal(self, request: protocol.Reseal) -> protocol.Resealed:
        """Seal the session key of a stored file to another certificate of the gateway."""
        return self._of_stored(request, protocol.Resealed)[0]

    def _of_stored(
        self, request: protocol.Reopen | protocol.SealCopy | protocol.Reseal, expected: type[A]
    ) -> tuple[A, int]:
        """Ask the opener about a stored file. If the file has a resealed session key, send the key along."""
        with (
            child.opened_for_reading(self._store.reading(request.reference)) as sealed,
            child.opened_for_reading(self._store.reading_session(request.reference)) as session,
        ):
            files = [sealed] if session is None else [sealed, session]
            return self._ask(self._opener, request, files, (expected,))

    def _ask(
        self,
        asked: child.Child,
        request: protocol.Request,
        files: Sequence[int],
        expected: tuple[type[A], ...],
    ) -> tuple[A, int]:
        """Ask a child about the first of `files`; return the answer, and the descriptor sent along or -1."""
        owner, message = provider_of(request.reference), protocol.REQUEST.dump_json(request)
        answer = asked.ask(owner, message, files, self._seconds(asked, files[0]))
        return child.checked_answer(request, *answer, expected)

    def _seconds(self, asked: child.Child, file: int) -> float:
        """Return the seconds a child may take: 15, and more for a larger file, up to the limit."""
        opens = asked is self._opener
        most = self._limits.open if opens or asked is self._judge else self._limits.classify
        bytes_a_second = _SEALED_BYTES_A_SECOND if opens else _CONTENT_BYTES_A_SECOND
        return min(most.seconds, _LEAST_SECONDS + os.fstat(file).st_size / bytes_a_second)

    def _unsealed(
        self, job: protocol.Job, sealed: int
    ) -> tuple[protocol.Unsealed | protocol.FileRefused, int]:
        answer, content = self._ask(self._opener, job, (sealed,), _OPENED)
        return believable_refusal(answer) if isinstance(answer, protocol.FileRefused) else answer, content

    def _judged(self, job: protocol.Job, drop: int) -> protocol.Looked:
        """Judge a drop; if sealed, open it first."""
        answer = self._judgement(job, drop)
        if not isinstance(answer, protocol.StillSealed):
            return answer
        found, content = self._unsealed(replace(job, others=()), drop)
        if isinstance(found, protocol.FileRefused):
            return protocol.refused(job, found.why.code, found.why.detail)
        with closing_descriptor(content):
            if found.why is not None:  # A drop never waits for a key.
                return protocol.refused(job, found.why.code, found.why.detail)
            answer = self._judgement(replace(job, signature=found.opened.signature), content)
        if isinstance(answer, protocol.StillSealed) or (
            not isinstance(answer, protocol.FileRefused) and answer.signature != found.opened.signature
        ):
            raise child.ExaminerLost("the judging process gave another answer than was asked")
        return answer

    def _judgement(self, job: protocol.Job, drop: int) -> protocol.Judged:
        answer, _ = self._ask(self._judge, job, (drop,), _JUDGED[job.folder])
        if isinstance(answer, protocol.FileRefused):
            return believable_refusal(answer)
        return answer if isinstance(answer, protocol.StillSealed) else believable_drop(answer)

    @cached_property
    def _store(self) -> Store:
        return store_of(self._home)

    def _surroundings(self) -> object:
        return secret_files.generation(self._home), self._policies()

    def _policies(self) -> Path:
        return self._other_policies or self._home.policies_in_force

    def _load_limits(self) -> Limits:
        return read_toml(self._policies() / "limits.toml", Limits)

    def _for_opener(self) -> bytes:
        self._limits = self._load_limits()
        secrets, settings = secret_files.openpgp_secrets(self._home), load_settings(self._home).processor
        return protocol.OPENER_SETUP.dump_json(
            protocol.OpenerSetup(
                secrets={fingerprint: secret.decode() for fingerprint, secret in secrets.items()},
                settings=settings,
                limits=self._limits.open,
                proved=proved_program(settings),
            )
        )

    def _for_reader(self) -> bytes:
        self._limits = self._load_limits()
        return protocol.READER_SETUP.dump_json(
            protocol.ReaderSetup(rules=self._policies().absolute(), limits=self._limits)
        )


def _reading(job: protocol.Job) -> protocol.Reading:
    """Return the request to classify a job's content."""
    return protocol.Reading(
        reference=job.reference, name=job.name, today=job.now.date(), rolls=job.rolls, stated=job.stated
    )


class Examiners:
    """One `Examiner` for each thread, all closed together."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._of_threads: dict[int, Examiner] = {}
        self._lock = threading.Lock()

    def mine(self) -> Examiner:
        """Return the examiner of the calling thread, made on first use."""
        thread = threading.get_ident()
        with self._lock:
            if thread not in self._of_threads:
                self._of_threads[thread] = self._new()
            return self._of_threads[thread]

    def _new(self) -> Examiner:
        """Return a new examiner. A subclass of the sandbox overrides the method."""
        return Examiner(self._home)

    def close(self) -> None:
        """End every child."""
        with self._lock:
            for examiner in self._of_threads.values():
                examiner.close()
