"""Every error the gateway raises on purpose.

`GatewayError` is the root. Which branch an error is on decides who hears of it:

- `ConfigurationError`: the service refuses to start; the message names the file and the key.
- `Refusal`: the upload's doing. It becomes a receipt and is final.
- `Fault`: our doing (disk, database, engine). It is retried, then alarmed, and never told to the sender.

Anything else that is raised is a bug.
"""

from __future__ import annotations

import errno
import traceback
from pathlib import PurePath


class GatewayError(Exception):
    """The root of every error raised on purpose; its text is one sentence without personal data.

    `exit_code` is what a command ends with that fails by it.
    """

    exit_code = 1


class ConfigurationError(GatewayError):
    """A setting, policy file or key makes it impossible to start; names the file and the key."""


class NotFoundError(GatewayError):
    """Something a person named (a provider, a reference, a key) does not exist."""


class ChoiceError(GatewayError):
    """A person gave what is none of a few choices, which are named: wrong usage of a command."""

    exit_code = 2


class Refusal(GatewayError):  # noqa: N818 - the glossary's word for it
    """The upload cannot be taken. `code` stands in `gateway.reasons`; `detail` fills its sentence."""

    def __init__(self, code: str, **detail: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


class Fault(GatewayError):  # noqa: N818 - the glossary's word for it
    """A failure of ours: to be retried, and alarmed when it lasts. Never the sender's refusal."""


def trace_of(error: BaseException) -> str:
    """What `error` is and where it was raised, innermost first: no message, so no names or contents."""
    number = getattr(error, "errno", None)
    kind = (
        f"{type(error).__name__}({errno.errorcode.get(number, number)})" if number else type(error).__name__
    )
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return f"{kind} at " + " < ".join(f"{PurePath(f.filename).name}:{f.lineno}:{f.name}" for f in frames)
