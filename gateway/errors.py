"""Every error the gateway raises on purpose.

`GatewayError` is the root. The class of an error decides who hears of it:

- `ConfigurationError`: the service refuses to start; the message names the file and the key.
- `Refusal`: caused by the upload, which is refused for good, with a receipt.
- `Fault`: caused by the gateway (disk, database, engine). The work is tried again, and a lasting
  fault raises an alarm; the sender is never told.

Any other exception is a bug.
"""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath


class GatewayError(Exception):
    """Root of every error raised on purpose; the text is one sentence without personal data.

    `exit_code` is the exit status of a command that fails with the error.
    """

    exit_code = 1


class ConfigurationError(GatewayError):
    """Report a wrong setting, policy file or key, named by file and key; the service does not start."""


class NotFoundError(GatewayError):
    """Report that a provider, reference or key named by a person does not exist."""


class ChoiceError(GatewayError):
    """Report that a person gave a value outside the possible ones, which the message lists."""

    exit_code = 2


class Refusal(GatewayError):  # noqa: N818 - the glossary's word for it
    """Report an upload that cannot be taken.

    `code`: a reason code, with texts in `gateway.reasons`. `detail`: values for the blanks of the texts.
    """

    def __init__(self, code: str, **detail: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


class Fault(GatewayError):  # noqa: N818 - the glossary's word for it
    """Report a failure of the gateway: the work is tried again, and no upload is refused because of it."""


@contextmanager
def as_fault(said: str, kind: type[GatewayError] = Fault) -> Iterator[None]:
    """Raise a Fault, or another `kind` of error, in place of an OSError inside the context: `said`, then the
    system's message.
    """
    try:
        yield
    except OSError as error:
        raise kind(f"{said}: {cause_of(error)}") from None


def cause_of(error: OSError) -> str:
    """Return the system's message for an error; for a full disk, a next step, too."""
    told = error.strerror or (os.strerror(error.errno) if error.errno else type(error).__name__)
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        told += " (df -h says where). Make room outside the gateway, then try again"
    return told


def trace_of(error: BaseException) -> str:
    """Return an error's type and calls on one line, innermost first; no message, for it may name people."""
    number = getattr(error, "errno", None)
    kind = (
        f"{type(error).__name__}({errno.errorcode.get(number, number)})" if number else type(error).__name__
    )
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return f"{kind} at " + " < ".join(f"{PurePath(f.filename).name}:{f.lineno}:{f.name}" for f in frames)
