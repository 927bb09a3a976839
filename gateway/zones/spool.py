"""Hand uploads over from intake to the processor: one file each, complete once it has its final name.

`REF.landed` holds content and record, both durable before the rename. Both zones use this module, which needs
no secrets and no registry.

This module opens every file in a folder another zone can write to: through no link, without waiting, regular
files only.
"""

import contextlib
import errno
import filecmp
import os
import secrets
import shutil
import stat
import struct
import unicodedata
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from gateway.errors import GatewayError
from gateway.home import PROVIDER_ID, REFERENCE, Spool, checked_reference
from gateway.model import Folder, LooksLike, Upload
from gateway.zones.failpoints import passing
from gateway.zones.memory import closing_descriptor

# A landed upload is one file: the content as sent, then its record, then the record's length.

RECORD_BYTES = 16 * 1024
"""More than any record of intake's holds."""

_END = struct.Struct(">I4s")  # The length of the record, and the mark of its end.
_MARK = b"GWR1"


class BadFileError(ValueError):
    """Raised for a file intake never makes. The text describes the fault, and repeats no content."""


def record_at_end(record: bytes) -> bytes:
    """Return the bytes to append to a content: the record, its length and an end mark."""
    return record + _END.pack(len(record), _MARK)


def split_landed(descriptor: int) -> tuple[int, bytes]:
    """Return the number of content bytes in a landed file, and its record. BadFileError for a wrong end."""
    size = os.fstat(descriptor).st_size
    end = os.pread(descriptor, _END.size, max(0, size - _END.size))
    if len(end) != _END.size:
        raise BadFileError("it has no record")
    length, mark = _END.unpack(end)
    content = size - _END.size - length
    if mark != _MARK or content < 0:
        raise BadFileError("it has no record")
    if length > RECORD_BYTES:
        raise BadFileError("its record is too long")
    return content, os.pread(descriptor, length, content)


FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a named pipe or a file under a lease would wait for its maker.
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
# A link; a socket or pipe; a file under a lease; an unreadable file; a device without a driver.
_NO_FILE_OF_OURS = frozenset(
    {errno.ELOOP, errno.ENXIO, errno.EAGAIN, errno.EACCES, errno.EPERM, errno.ENODEV, errno.EOPNOTSUPP}
)


def open_regular(folder: int, name: str, what: str = "it") -> int:
    """Open a regular file in an open folder and return its descriptor. FileNotFoundError if the file is gone.
    BadFileError for any other kind of file; its text begins with `what`, the words for the file.
    """
    try:
        descriptor = os.open(name, _FILE_FLAGS, dir_fd=folder)
    except OSError as error:
        if error.errno in _NO_FILE_OF_OURS:
            raise BadFileError(f"{what} is no file that can be read") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadFileError(f"{what} is no regular file")
    return descriptor


def read_small(path: Path, most: int) -> bytes:
    """Return the content of a regular file of at most `most` bytes. FileNotFoundError if the file is gone.
    BadFileError for a larger file, or for another kind of file.
    """
    with closing_descriptor(os.open(path.parent, FOLDER_FLAGS)) as folder:
        descriptor = open_regular(folder, path.name)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        content = file.read(most + 1) or b""
    if len(content) > most:
        raise BadFileError("it is too long")
    return content


def read_words(path: Path, most: int) -> str:
    """Return a file as text, with "?" for invalid UTF-8 and unprintable characters.
    BadFileError if the file has more than `most` bytes.
    """
    text = read_small(path, most).decode("utf-8", "replace")
    return "".join(c if c.isprintable() and c != "\ufffd" else "?" for c in text)


# Crockford's base32: no I, L, O or U, for clear dictation on the telephone.
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_UPLOAD = TypeAdapter(Upload)


def new_reference(provider: str, now: datetime) -> str:
    """Return a random reference `YYMMDD-PROVIDER-XXXXX`; the caller ensures its uniqueness."""
    return checked_reference(f"{now:%y%m%d}-{provider}-{reference_tail(secrets.token_bytes(5))}")


def reserve_reference(spool: Spool, provider: str, now: datetime) -> str:
    """Return a reference unused in the spool, reserved by an empty file.
    Without a reservation, two uploads of one provider might get one reference, and the later one would
    replace the other: with some two thousand uploads a day, once in seventeen days.
    """
    while True:
        reference = new_reference(provider, now)
        names = (spool.upload(reference), spool.record(reference), spool.sealed(reference))
        if any(map(os.path.lexists, names)):
            continue
        try:
            os.close(os.open(spool.half(reference), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640))
        except FileExistsError:
            continue
        return reference


def reference_tail(octets: bytes) -> str:
    """Return the last part of a reference: five characters, one for each of the first five octets."""
    return "".join(_CROCKFORD[octet % 32] for octet in octets[:5])


def fsync_folder(folder: Path) -> None:
    """Make the names of files in `folder` durable. OSError if the disk fails."""
    with closing_descriptor(os.open(folder, os.O_RDONLY | os.O_DIRECTORY)) as descriptor:
        os.fsync(descriptor)


def private_mode(folder: Path) -> int:
    """Return the mode of a new private file in `folder`: for its owner, and a group sharing the folder.
    A folder is shared if its set-group-ID bit is set. Its group then gets the folder's group rights on the
    file, so two users of the inside zone can share files.
    """
    mode = folder.stat().st_mode
    return 0o600 | (mode & 0o060 if mode & stat.S_ISGID else 0)


def write_durably(path: Path, content: bytes, *, mode: int = 0o640) -> None:
    """Write a file completely or not at all: write aside, fsync, rename into place, fsync the folder."""
    with _written_durably(path, mode) as file:
        file.write(content)


def copy_durably(source: int, path: Path, *, mode: int = 0o666) -> None:
    """Copy the file at a descriptor to `path`, as `write_durably` writes one."""
    os.lseek(source, 0, os.SEEK_SET)
    with os.fdopen(source, "rb", closefd=False) as original, _written_durably(path, mode) as file:
        shutil.copyfileobj(original, file)


@contextmanager
def _written_durably(path: Path, mode: int) -> Iterator[BinaryIO]:
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
    except BaseException as error:
        with contextlib.suppress(OSError):  # What stopped the writing is told.
            aside.unlink()
        if isinstance(error, OSError):
            error.filename = str(path)  # Not that aside, or none.
        raise
    fsync_folder(path.parent)


class NotDurableError(OSError):
    """Raised if a file could not be made durable: its content on disk is unknown and unusable."""


def hand_over(spool: Spool, upload: Upload, content: Path) -> None:
    """Give a finished `content` file, not yet durable, to the processor as `upload`.
    Moves `content` within the spool's file system. After return the upload is durable. After an OSError there
    is no upload, and `content` is as before, so the processor never sees half an upload. NotDurableError is
    raised if the state of the content on disk is then unknown.
    """
    content.rename(spool.half(upload.reference))
    passing("hand-over.moved")
    complete(spool, upload, content)


def complete(spool: Spool, upload: Upload, content: Path) -> None:
    """Hand over an upload whose content is already in REF.part in spool/landed: add the record, and rename
    the file. After return the upload is durable. After an error the content is moved back to the path
    `content`.
    """
    half, whole = spool.half(upload.reference), spool.upload(upload.reference)
    size = half.stat().st_size
    try:
        _append_durably(half, record_at_end(_UPLOAD.dump_json(upload)))
        passing("hand-over.durable")
        half.rename(whole)
        fsync_folder(spool.landed)
    except BaseException:
        if os.path.lexists(whole):  # Only the last fsync failed.
            whole.rename(half)
        os.truncate(half, size)
        half.rename(content)
        raise
    passing("hand-over.recorded")


def _append_durably(path: Path, octets: bytes) -> None:
    """Append to a file and make the file durable. NotDurableError if the disk fails to confirm that."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC), "ab") as file:
        file.write(octets)
        file.flush()
        try:
            os.fsync(file.fileno())
        except OSError as error:
            raise NotDurableError(error.errno, error.strerror) from None


# Read spool/landed from the inside. Intake owns the folder, so anything at all may lie there: it is read only
# up to its limits, and an invalid file is set aside under another name, for a person to look at. Uploads of
# earlier versions, which wrote content and record apart (`REF.sealed` and `REF.json`), are taken too.

_NAME_BYTES = 1_024
_CLIENT_CHARACTERS = 255
_LARGEST = 2**53 - 1  # The largest integer exact in JSON.
ASIDE = ".aside"
"""The suffix of a file set aside."""


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("no time that can be") from None


def _name(name: str) -> str:
    odd = any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in name)
    if odd or "/" in name or len(name.encode("utf-8", "replace")) > _NAME_BYTES:
        raise ValueError("no name that a file can have")
    return name


_Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class _Record(BaseModel):
    """The record of a landed upload, in exactly the form intake writes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    reference: str = Field(pattern=rf"\A{REFERENCE.pattern}\z")
    provider: str = Field(pattern=rf"\A{PROVIDER_ID.pattern}\z")
    name: Annotated[str, Field(min_length=1), AfterValidator(_name)]
    folder: Folder
    size: int = Field(ge=0, le=_LARGEST)
    sha256: str = Field(pattern=r"\A([0-9a-f]{64})?\z")
    started_at: _Moment
    landed_at: _Moment
    ssh_key: str = Field(pattern=r"\ASHA256:[A-Za-z0-9+/]{43}\z")
    client: str = ""
    withheld: bool = False
    looks_like: LooksLike = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.reference[7:-6] != self.provider:
            raise ValueError("the reference is another provider's")
        if self.withheld and not self.sha256:
            raise ValueError("of what is not stored nobody else can tell the digest")
        if self.looks_like and not self.withheld:
            raise ValueError("of what is stored nothing is told by its looks")
        return self


def _opened(spool: Spool) -> AbstractContextManager[int]:
    """Return a context with a descriptor of the folder spool/landed. OSError if missing, or a link."""
    return closing_descriptor(os.open(spool.landed, FOLDER_FLAGS))


def waiting(spool: Spool) -> Iterator[str]:
    """Return the references of all uploads waiting for the processor, in no order."""
    with _opened(spool) as folder, os.scandir(folder) as entries:
        names = (entry.name.rpartition(".") for entry in entries)
        found = {reference for reference, _, extension in names if extension in {"landed", "json"}}
    return filter(REFERENCE.fullmatch, found)


def is_waiting(spool: Spool, reference: str) -> bool:
    """Return True if an upload was handed over and not yet removed."""
    return any(map(os.path.lexists, (spool.upload(reference), spool.record(reference))))


def count_aside(spool: Spool) -> int:
    """Return the number of invalid files set aside for a person."""
    with _opened(spool) as folder, os.scandir(folder) as entries:
        return sum(entry.name.endswith(ASIDE) for entry in entries)


def named_at(spool: Spool, reference: str) -> float:
    """Return the time when an upload got its final name, in epoch seconds of the kernel's clock.
    FileNotFoundError if the upload is gone.
    """
    with _opened(spool) as folder:
        try:
            status = os.stat(_named(reference, "landed"), dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            status = os.stat(_named(reference, "json"), dir_fd=folder, follow_symlinks=False)
    return status.st_ctime


def content_size(spool: Spool, reference: str) -> int:
    """Return the approximate content size of a landed upload, in bytes; 0 if it is gone."""
    with _opened(spool) as folder:
        for suffix in ("landed", "sealed"):
            with contextlib.suppress(FileNotFoundError):
                return os.stat(_named(reference, suffix), dir_fd=folder, follow_symlinks=False).st_size
    return 0


def read_handed_over(spool: Spool, reference: str) -> tuple[Upload, float]:
    """Return a landed upload, read from its record, and when it got its final name, by the kernel's clock.
    The time is in epoch seconds; intake cannot forge it, as no process can set it. FileNotFoundError if the
    upload is gone, BadFileError for a record that intake never writes, OSError for a disk failure.
    """
    descriptor, is_whole = _open_first(spool, _named(reference, "landed"), _named(reference, "json"))
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if not is_whole and status.st_size > RECORD_BYTES:
            raise BadFileError("its record is too long")
        text = split_landed(descriptor)[1] if is_whole else file.read(RECORD_BYTES) or b""
    try:
        record = _Record.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        known = [str(part) for part in first["loc"] if str(part) in _Record.model_fields]
        raise BadFileError(f"its record is not valid ({'.'.join(known) or 'as a whole'})") from None
    if record.reference != reference:
        raise BadFileError("its record names another reference")
    # A client may call itself anything.
    client = "".join(c if c.isprintable() else "?" for c in record.client[:_CLIENT_CHARACTERS])
    return Upload(**{**dict(record), "client": client}), status.st_ctime


def _open_first(spool: Spool, whole: str, apart: str) -> tuple[int, bool]:
    """Open the file `whole`; if it is missing, open `apart`, the separate file of earlier versions.
    Return the descriptor, and True if `whole` was opened.
    """
    with _opened(spool) as folder:
        try:
            return open_regular(folder, whole), True
        except FileNotFoundError:
            kind = "its record" if apart.endswith(".json") else "its content"
            return open_regular(folder, apart, kind), False


def open_content(spool: Spool, reference: str, most: int) -> tuple[int, int]:
    """Open a landed upload's content; return descriptor and size. The record may follow in the same file.
    BadFileError if the content is gone, larger than `most` bytes, or has holes: intake writes every byte, and
    a file of holes takes no room outside but could fill the disk inside.
    """
    try:
        descriptor, is_whole = _open_first(spool, _named(reference, "landed"), _named(reference, "sealed"))
    except FileNotFoundError:
        raise BadFileError("it has a record and no content") from None
    try:
        size = split_landed(descriptor)[0] if is_whole else os.fstat(descriptor).st_size
        if size > most:
            raise BadFileError("its content is larger than an upload may be")  # noqa: TRY301 - closed below
        try:
            hole = os.lseek(descriptor, 0, os.SEEK_HOLE) if size else 0
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            hole = size  # A file system without information on holes.
        if hole < size:
            raise BadFileError("its content has holes")  # noqa: TRY301 - as above
        os.lseek(descriptor, 0, os.SEEK_SET)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, size


def set_aside(spool: Spool, reference: str) -> None:
    """Rename an invalid upload, so the processor ignores the file. Harmless if the upload is gone.
    A person corrects the file and restores the name.
    """
    with _opened(spool) as folder:
        for name in (_named(reference, "landed"), _named(reference, "json")):
            aside = f"{reference}.{secrets.token_hex(4)}{ASIDE}"
            with contextlib.suppress(FileNotFoundError):
                os.rename(name, aside, src_dir_fd=folder, dst_dir_fd=folder)


def take_away(spool: Spool, reference: str) -> None:
    """Remove a landed upload once it is safely stored inside; its record first. Harmless when repeated."""
    with _opened(spool) as folder:
        for suffix in ("landed", "json", "sealed"):
            if suffix == "sealed":
                passing("land.half-emptied")
            with contextlib.suppress(FileNotFoundError):
                os.unlink(_named(reference, suffix), dir_fd=folder)


def _named(reference: str, suffix: str) -> str:
    return f"{checked_reference(reference)}.{suffix}"


# Move the complete uploads of a dead host's spool into this host's. Each upload keeps its reference, so the
# registry knows one that the dead host had put on record already.

_COMPLETE = ("landed", "sealed", "json")
"""Suffixes of complete uploads, in the order of moving: a record in a file of its own comes last."""


def take_over(theirs: Path, ours: Spool) -> int:
    """Move the landed uploads of another host's spool (`theirs`) into `ours`; return the number moved.
    Unfinished uploads stay in the other spool. Raise GatewayError if `theirs` is no spool or is this host's
    own, or if another upload waits here under the same reference.
    """
    landed = theirs / "landed"
    if not landed.is_dir() or landed.is_symlink():
        raise GatewayError(f"{theirs} is no spool: there is no folder {landed}")
    if landed.samefile(ours.landed):
        raise GatewayError(f"{theirs} is the spool of this host")
    moved = 0
    with closing_descriptor(os.open(landed, FOLDER_FLAGS)) as folder:
        for suffix in _COMPLETE:
            for name in sorted(os.listdir(folder)):  # noqa: PTH208 - of the open folder, whatever its path becomes
                reference, _, ending = name.rpartition(".")
                if ending == suffix and REFERENCE.fullmatch(reference):
                    moved += _moved(folder, name, ours.landed / name) and suffix != "sealed"
    return moved


def _moved(folder: int, name: str, target: Path) -> bool:
    """Copy a file durably to `target`, then remove the original; return False if it is no regular file.
    GatewayError if there is a different file at `target`.
    """
    try:
        descriptor = open_regular(folder, name)
    except BadFileError:
        return False
    aside = target.with_name(f".{name}.taken-over")
    with os.fdopen(descriptor, "rb") as source, aside.open("wb") as copy:
        shutil.copyfileobj(source, copy)
        copy.flush()
        whose = target.parent.stat()
        os.fchmod(copy.fileno(), 0o640)
        os.fchown(copy.fileno(), whose.st_uid if os.geteuid() == 0 else -1, whose.st_gid)
        os.fsync(copy.fileno())
    if target.exists() and not filecmp.cmp(aside, target, shallow=False):
        aside.unlink()
        raise GatewayError(f"another upload waits as {target}: begin again once the processor has claimed it")
    aside.rename(target)
    fsync_folder(target.parent)
    os.unlink(name, dir_fd=folder)
    return True
