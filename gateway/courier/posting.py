"""Post signed messages to web hooks; repeat each message until the web hook accepts it.

The form is Standard Webhooks 1.0.0, signed by Ed25519 (`v1a`). A message accepted right before the service
was killed is posted again, under the same `webhook-id`. Redirects are not followed, and a proxy set in the
environment is not used.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from gateway.courier.service import check_lease, credential, serve_each, troubles
from gateway.errors import ConfigurationError
from gateway.home.settings import read_toml
from gateway.home.settings_file import File
from gateway.zones.places import HOOK_SETTINGS
from gateway.zones.spool import write_durably

_SECONDS = 30
_FAILURES = 3


class NotTakenError(Exception):
    """Raised if a web hook does not accept a message. The text is the word to note, such as "slow"."""


class HookTarget(File):
    """The file hook.toml, written by a service inside: a web hook's address, and the signing key's file."""

    address: str
    key_file: Path | None = None


def run(root: Path, stop: threading.Event, *, pause_seconds: float = 5.0) -> None:
    """Post messages to web hooks until `stop` is set; each web hook has a thread of its own."""

    def posting(folder: Path) -> Callable[[], int]:
        return partial(post, folder, set[str]())

    said = "the web hook {} does not take every message now"
    serve_each(root, HOOK_SETTINGS, posting, said=said, stop=stop, pause_seconds=pause_seconds)


def post(folder: Path, failed: set[str]) -> int:
    """Post the waiting messages of one web hook; return the number of messages if the web hook accepts all.
    `failed` holds the names of messages not accepted in earlier rounds: these messages are posted last. A
    message not accepted is added to `failed`. The third such message, or any other error, ends the round. The
    first error is then raised, and a word for the error is written into the folder. Without a lease
    (`check_lease`) the messages wait.
    """
    found = [path for path in folder.glob("*.json") if not (folder / "done" / path.stem).exists()]
    failed.intersection_update(path.stem for path in found)  # Else it would grow with what was given up.
    waiting = sorted(found, key=lambda path: (path.stem in failed, path.stem))
    if not waiting:
        return 0
    refused = list[NotTakenError]()
    with troubles(folder, _word):
        target = read_toml(folder / HOOK_SETTINGS, HookTarget)
        key, trusted = _key(target), ssl.create_default_context()
        for path in waiting:
            check_lease(folder / HOOK_SETTINGS)
            try:
                _post_one(trusted, target.address, key, path)
                write_durably(folder / "done" / path.stem, b"")
            except NotTakenError as error:
                failed.add(path.stem)
                refused.append(error)
            if len(refused) == _FAILURES:
                break
        if refused:
            raise refused[0]
        return len(waiting)
    return 0


def _post_one(trusted: ssl.SSLContext, address: str, key: Ed25519PrivateKey, path: Path) -> None:
    """Post the message in the file `path`; do nothing if that file is gone.
    NotTakenError if the answer takes too long, or has an HTTP status outside 200 to 299, or if the
    connection is cut off.
    """
    try:
        body, name, now = path.read_bytes(), path.stem.partition("_")[2], int(time.time())
    except FileNotFoundError:  # Given up meanwhile.
        return
    signature = base64.b64encode(key.sign(f"{name}.{now}.".encode() + body)).decode()
    headers = {
        "content-type": "application/json", "webhook-id": name, "webhook-timestamp": str(now),
        "webhook-signature": f"v1a,{signature}", "user-agent": "gateway",
    }  # fmt: skip
    try:
        answered = asyncio.run(_answered(trusted, address, headers, body))
    except (TimeoutError, httpx.TimeoutException):
        raise NotTakenError("slow") from None
    except (httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError):
        raise NotTakenError("unreachable") from None  # Perhaps on account of this message alone.
    if not httpx.codes.is_success(answered):
        raise NotTakenError(f"answered {answered}")


async def _answered(trusted: ssl.SSLContext, address: str, headers: dict[str, str], body: bytes) -> int:
    """Post `body` once; return the HTTP status. TimeoutError, or httpx.TimeoutException, after 30 seconds."""
    async with (
        asyncio.timeout(_SECONDS),
        httpx.AsyncClient(verify=trusted, timeout=_SECONDS, trust_env=False) as client,
        client.stream("POST", address, content=body, headers=headers) as answer,
    ):
        return answer.status_code


def _word(error: Exception) -> str:
    """Return the word to note for an error; the console explains the word to people."""
    if isinstance(error, NotTakenError):
        return str(error)
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "certificate"
    return "settings" if isinstance(error, ConfigurationError) else "unreachable"


def _key(target: HookTarget) -> Ed25519PrivateKey:
    path = credential(target.key_file, "hook-key", "[hooks] names no key_file")
    try:
        key = load_ssh_private_key(path.read_bytes(), None)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the key of web hooks cannot be read: {type(error).__name__}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError("the key of web hooks is no Ed25519 key")
    return key
