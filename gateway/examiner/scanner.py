"""Optional malware scanner: clamd scans contents before the classifier reads them.

Only the service talks to clamd, over a Unix socket. A file with a finding is held; without an answer, files
wait.
"""

import logging
import os

from clamav_client.clamd import BufferTooLongError, ClamdError, ClamdUnixSocket

from gateway.errors import Fault
from gateway.home.settings import Scanner

MALWARE = "open:malware"
_MOST_SHOWN = 100
_log = logging.getLogger(__name__)


def has_malware(settings: Scanner, reference: str, content: int) -> bool:
    """Return True where the scanner finds malware in the content; False without a scanner.

    Raises Fault where the scanner gives no answer.
    """
    if settings.socket is None:
        return False
    scanner = ClamdUnixSocket(str(settings.socket), settings.seconds)
    try:
        with os.fdopen(os.dup(content), "rb") as stream:
            stream.seek(0)
            answer = scanner.instream(stream)
    except BufferTooLongError:
        raise Fault("the malware scanner takes no file so large: raise its StreamMaxLength") from None
    except (ClamdError, OSError) as error:
        raise Fault(f"the malware scanner cannot be asked ({type(error).__name__})") from None
    finally:
        os.lseek(content, 0, os.SEEK_SET)
    (status, name), *_ = answer.values() or [("ERROR", None)]
    if status == "OK":
        return False
    if status != "FOUND":
        raise Fault("the malware scanner gave an answer that cannot be read")
    _log.warning("%s: the malware scanner finds %s", reference, _shown(str(name)))
    return True


def _shown(name: str) -> str:
    """Return a signature's name made safe for the log."""
    return "".join(c if c.isalnum() or c in ".-_" else "?" for c in name[:_MOST_SHOWN])
