"""Answer the web door over a Unix socket: logins, uploads by tus 1.0, and the provider's receipts.

The web door passes browsers' requests on and stores nothing. Intake checks who is at the browser, and treats
each file like one that comes by SFTP: `ProviderTree` keeps the rules on names, folders, quotas and
durability. Between two requests an upload is on its provider's list of unfinished uploads. If the first bytes
show that data is no OpenPGP message, the data is refused.
"""

from __future__ import annotations

import base64
import binascii
import logging
import os
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from asyncssh import FXF_CREAT, FXF_TRUNC, constants
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gateway.home import REFERENCE, Published
from gateway.home.settings import SECURITY, IntakeLimits, WebSettings
from gateway.intake import answers
from gateway.intake.box import HandedOver
from gateway.intake.disk import on_disk
from gateway.intake.paths import is_temporary
from gateway.intake.tree import ProviderTree
from gateway.intake.upload import Unfinished
from gateway.intake.web_sessions import WebLogin, WebSessions
from gateway.ssh.answers import BAD_REQUEST, NO_ROOM, NO_SUCH_FILE, Declined, answer_for, denied
from gateway.ssh.serving import LoggedIn, Service
from gateway.zones.console_api.serving import QuietServer, at_work, config_of, listening
from gateway.zones.http_paths import ADDRESS, API, MOST_BYTES, PATHS, SETTINGS
from gateway.zones.passkeys import signing_options
from gateway.zones.sealing import ENOUGH_BYTES, judge_for

_TUS = {"tus-resumable": "1.0.0"}
_VERSIONS = {"tus-version": "1.0.0", "tus-extension": "creation,termination"}
_ASSERTION_BYTES = 16 * 1024
_MOST_READ = 8 * 1024 * 1024
_REMEMBERED = 1_000
_ID = re.compile(r"[0-9a-f]{32}")
_SHOWN = re.compile(
    r"/keys/gateway(?:(?:-[0-9a-f]{16})?-succession|-log-keys)?\.asc|"
    r"/agreement/(?:agreement\.txt|(?:policies|headings)\.asc)|/pages(/status\.html(?:\.asc)?)"
)
_NOT_LOGGED_IN = denied("Log in with your passkey first.")
_BUSY = 423
_STATUS = {
    BAD_REQUEST: 400, _NOT_LOGGED_IN: 401, answers.GAP: 409, answers.TOO_LARGE: 413,
    answers.NOT_SEALED: 415, answers.STILL_OPEN: _BUSY, NO_ROOM: 507, answers.NO_SUBFOLDERS: 403,
}  # fmt: skip
_BY_KIND = {
    constants.FX_NO_SUCH_FILE: 404,
    constants.FX_PERMISSION_DENIED: 403,
    constants.FX_FAILURE: 429,  # A quota; whatever else fails is told as 500.
}


class WebDoor:
    """Intake's side of the web door: the HTTP application for the requests that `gateway.web` passes on."""

    def __init__(
        self,
        intake: Service,
        tree: Callable[[LoggedIn], ProviderTree],
        published: Published,
        settings: WebSettings,
        limits: IntakeLimits,
    ) -> None:
        if settings.origin is None:
            raise ValueError("the web door has no origin")
        self._door = intake.door
        self._tree_of = tree
        self._published = published
        self._settings = settings
        self._limits = limits
        self._origin = settings.origin
        self._sessions = WebSessions(intake, published, settings.origin)
        self._secure = settings.origin.startswith("https:")
        self._handed_over: dict[tuple[str, str], tuple[str, int]] = {}

    def app(self) -> Starlette:
        """Return the HTTP application with all paths of the web door."""
        handlers: dict[tuple[str, str], Callable[[Request], Awaitable[Response]]] = {
            ("/login", "GET"): self._challenge,
            ("/login", "POST"): self._log_in,
            ("/logout", "POST"): self._log_out,
            ("/uploads", "OPTIONS"): self._offer,
            ("/uploads", "POST"): self._create,
            ("/uploads/{upload}", "HEAD"): self._offset,
            ("/uploads/{upload}", "PATCH"): self._append,
            ("/uploads/{upload}", "DELETE"): self._discard,
            ("/sent", "GET"): self._sent,
            ("/receipts/{reference}", "GET"): self._receipt,
            ("/keys/{name}", "GET"): self._published_text,
            ("/agreement/{name}", "GET"): self._published_text,
            ("/pages/{name}", "GET"): self._published_text,
            ("/log", "GET"): self._log,
        }

        def route(path: str, methods: tuple[str, ...]) -> Route:
            async def answered(request: Request) -> Response:
                try:
                    return await handlers[path, request.method](request)
                except Exception as error:  # noqa: BLE001 - this is the boundary
                    return self._error_answer(request, error)

            return Route(path, answered, methods=list(methods))

        async def tell_settings(_: Request) -> Response:
            return Response(self._settings.model_dump_json(), media_type="application/json")

        open_to_all = [
            Route(SETTINGS, tell_settings, methods=["GET"]),
            Route(SECURITY, self._tell_security, methods=["GET"]),
        ]
        return Starlette(routes=[*open_to_all, *(route(path, methods) for path, methods in PATHS.items())])

    def _error_answer(self, request: Request, error: Exception) -> Response:
        """Return the fixed answer to an exception, as JSON; the exception's own text reaches nobody."""

        def tell(code: str, detail: str) -> None:
            address = request.headers.get(ADDRESS, "")
            self._door.offences.note(code, address, level=logging.ERROR, detail=detail)

        answer = answer_for(error, tell)
        status = _STATUS.get(answer) or (
            _BY_KIND.get(answer.status, 400) if isinstance(error, Declined) else 500
        )
        return JSONResponse({"said": answer.sentence}, status, _TUS)

    async def _tell_security(self, _: Request) -> Response:
        """Serve security.txt (RFC 9116), or 404."""
        try:
            return PlainTextResponse(await on_disk(self._published.security_txt.read_bytes))
        except FileNotFoundError:
            return PlainTextResponse("There is no such page.", 404)

    # Logins.

    def _cookie(self, kind: str) -> str:
        return f"__Host-{kind}" if self._secure else kind

    def _set(self, response: Response, kind: str, secret: str) -> Response:
        """Set the cookie `kind` to `secret`, until the browser is closed; "" removes the cookie.

        The browser sends the cookie from this host's own pages only.
        """
        response.set_cookie(
            self._cookie(kind), secret, max_age=None if secret else 0,
            path="/", secure=self._secure, httponly=True, samesite="strict",
        )  # fmt: skip
        return response

    async def _challenge(self, _: Request) -> Response:
        browser = secrets.token_urlsafe(32)
        options = signing_options(self._origin, self._sessions.challenge(browser))
        return self._set(Response(options, media_type="application/json"), "attempt", browser)

    async def _log_in(self, request: Request) -> Response:
        browser = request.cookies.get(self._cookie("attempt"), "")
        assertion = await _body(request, _ASSERTION_BYTES)
        before = self._sessions.find(request.cookies.get(self._cookie("session"), ""), _address(request))
        secret = await self._sessions.log_in(browser, _address(request), assertion)
        if before is not None:  # The page was loaded anew: one browser has one login.
            before.abort()
        return self._set(self._set(Response(status_code=204), "session", secret), "attempt", "")

    async def _log_out(self, request: Request) -> Response:
        self._login(request).abort()
        return self._set(Response(status_code=204), "session", "")

    def _login(self, request: Request) -> WebLogin:
        secret = request.cookies.get(self._cookie("session"), "")
        login = self._sessions.find(secret, _address(request))
        if login is None:
            raise Declined(_NOT_LOGGED_IN)
        return login

    @asynccontextmanager
    async def _tree(self, request: Request) -> AsyncIterator[ProviderTree]:
        """Yield the logged-in provider's tree, after waiting until few of the provider's requests run.

        The provider's web requests and SFTP sessions share one limit of requests answered at a time.
        """
        tree = self._tree_of(self._login(request).by)
        await tree.box.load()
        async with tree.box.turns:
            yield tree

    # Uploads (tus 1.0: core protocol, creation, termination).

    async def _offer(self, _: Request) -> Response:
        most = {"tus-max-size": str(self._limits.sealed_bytes)}
        return Response(status_code=204, headers=_TUS | _VERSIONS | most)

    async def _create(self, request: Request) -> Response:
        """Begin an upload and return its address, in which no name of a file appears."""
        async with self._tree(request) as tree:
            if (wrong := _other_version(request)) is not None:
                return wrong
            length = _number(request, "upload-length")
            if length > self._limits.sealed_bytes:
                raise Declined(answers.TOO_LARGE)
            if length == 0:
                raise Declined(answers.NOT_SEALED)
            tree.box.check_growth(length)
            receiving = await tree.open_to_write(_path(request), FXF_CREAT | FXF_TRUNC)
            upload = receiving.upload
            upload.label = upload.label.model_copy(update={"length": length})
            await tree.close(receiving)
        return Response(status_code=201, headers=_TUS | {"location": f"{API}/uploads/{upload.data.stem}"})

    async def _offset(self, request: Request) -> Response:
        async with self._tree(request) as tree:
            done = self._handed_over.get((tree.by.name, request.path_params["upload"]))
            if done is not None:
                return Response(headers=_TUS | _progress(done[1], done[1]) | {"gateway-reference": done[0]})
            upload = _found(tree, request)
            return Response(headers=_TUS | _progress(upload.size, upload.label.length))

    async def _append(self, request: Request) -> Response:
        """Write the next part of an upload; after the last part, hand the upload over."""
        self._login(request)
        data = await _body(request, MOST_BYTES)  # Before a turn is taken.
        async with self._tree(request) as tree:
            if (wrong := _other_version(request)) is not None:
                return wrong
            if request.headers.get("content-type") != "application/offset+octet-stream":
                raise Declined(BAD_REQUEST)
            upload = _found(tree, request)
            offset, length = _number(request, "upload-offset"), upload.label.length or 0
            if upload.busy:
                raise Declined(answers.STILL_OPEN)
            if offset != upload.size:
                raise Declined(answers.GAP)
            if offset + len(data) > length:
                raise Declined(answers.TOO_LARGE)
            if offset == 0:
                # Raise Declined unless an upload begins as an OpenPGP message; it is then forgotten.
                if len(data) < min(length, ENOUGH_BYTES):
                    raise Declined(BAD_REQUEST)
                if judge_for(upload.label.folder)(data[:ENOUGH_BYTES]) is not True:
                    await tree.box.remove(upload.label.folder, upload.label.name)
                    raise Declined(answers.NOT_SEALED)
            tree.box.check_growth(len(data))
            reference = await _write_part(tree, upload, offset, data)
            if reference is None:
                return Response(status_code=204, headers=_TUS | _progress(offset + len(data), length))
            self._remember(tree.by.name, upload.data.stem, reference, length)
        told = _TUS | _progress(length, length) | {"gateway-reference": reference}
        return Response(status_code=204, headers=told)

    def _remember(self, provider: str, upload: str, reference: str, length: int) -> None:
        """Store reference and length of an upload handed over, for a browser that missed the answer."""
        self._handed_over[provider, upload] = (reference, length)
        if len(self._handed_over) > _REMEMBERED:
            del self._handed_over[next(iter(self._handed_over))]

    async def _discard(self, request: Request) -> Response:
        async with self._tree(request) as tree:
            upload = _found(tree, request)
            await tree.box.remove(upload.label.folder, upload.label.name)
        return Response(status_code=204, headers=_TUS)

    # What the provider may read.

    async def _sent(self, request: Request) -> Response:
        """Return the provider's uploads as JSON: references of those handed over, and unfinished uploads."""
        async with self._tree(request) as tree:
            known = tree.box.within("in").values()
            return JSONResponse([_shown(one) for one in known])

    async def _receipt(self, request: Request) -> Response:
        """Return the receipt of a reference: the signed text, or the note that the file has landed."""
        async with self._tree(request) as tree:
            reference = request.path_params["reference"]
            if REFERENCE.fullmatch(reference) is None:
                raise Declined(NO_SUCH_FILE)
            async for entry in await tree.listing(b"/receipts"):
                name = entry if isinstance(entry, str) else entry.name
                if name.endswith(f".{reference}.txt"):
                    return Response(await _read(tree, f"/receipts/{name}"), media_type="text/plain")
        raise Declined(NO_SUCH_FILE)

    async def _published_text(self, request: Request) -> Response:
        """Return a published text: the gateway's key or a statement about keys, the agreement, a page."""
        async with self._tree(request) as tree:
            if (shown := _SHOWN.fullmatch(request.url.path)) is None:
                raise Declined(NO_SUCH_FILE)
            return Response(await _read(tree, shown[1] or shown[0]), media_type="text/plain")

    async def _log(self, request: Request) -> Response:
        """Return the provider's log.json: the log's newest signed head, with proofs from earlier heads."""
        path = self._published.pages(self._login(request).by.name) / "log.json"
        if not await on_disk(path.is_file):
            raise Declined(NO_SUCH_FILE)
        return Response(await on_disk(path.read_bytes), media_type="application/json")


def _address(request: Request) -> str:
    return request.headers.get(ADDRESS, "")


async def _body(request: Request, most: int) -> bytes:
    """Return the body of a request. Declined above `most` bytes, whatever its Content-Length says."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise Declined(answers.TOO_LARGE)
        parts.append(part)
    return b"".join(parts)


def _other_version(request: Request) -> Response | None:
    if request.headers.get("tus-resumable") == _TUS["tus-resumable"]:
        return None
    return Response(status_code=412, headers=_TUS | _VERSIONS)


def _number(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 16):  # noqa: PLR2004 - beyond any file
        raise Declined(BAD_REQUEST)
    return int(text)


def _path(request: Request) -> bytes:
    """Return the path for a new upload: `filename` in the `folder`, by default /in, of its metadata."""
    told: dict[str, bytes] = {}
    for pair in request.headers.get("upload-metadata", "").split(","):
        key, _, value = pair.strip().partition(" ")
        try:
            told[key] = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise Declined(BAD_REQUEST) from None
    folder, name = told.get("folder", b"in"), told.get("filename", b"")
    if folder not in {b"in", b"keys", b"agreement"} or not name:
        raise Declined(BAD_REQUEST)
    if b"/" in name or name in {b".", b".."}:
        raise Declined(answers.NO_SUBFOLDERS)
    try:
        if is_temporary(name.decode("utf-8")):
            raise Declined(answers.WITHOUT_TEMPORARY)
    except UnicodeDecodeError:
        raise Declined(answers.NAME_NOT_UTF8) from None
    return b"/" + folder + b"/" + name


def _found(tree: ProviderTree, request: Request) -> Unfinished:
    """Return the provider's unfinished upload at a URL. Declined if there is none."""
    wanted = request.path_params["upload"]
    for upload in tree.box.named.values() if _ID.fullmatch(wanted) else ():
        if upload.data.stem == wanted and upload.label.length is not None:
            return upload
    raise Declined(NO_SUCH_FILE)


async def _write_part(tree: ProviderTree, upload: Unfinished, offset: int, data: bytes) -> str | None:
    """Write the next part of an upload; return the upload's reference after the last part, else None."""
    receiving = await tree.open_to_write(f"/{upload.label.folder}/{upload.label.name}".encode(), 0)
    if receiving.upload is not upload or upload.size != offset:
        await tree.close(receiving)
        raise Declined(answers.GAP)
    is_whole = False
    try:
        await receiving.write(offset, data)
        is_whole = upload.size == upload.label.length
    finally:
        if not is_whole:
            await tree.close(receiving)
    return await tree.complete(receiving) if is_whole else None


def _progress(size: int, length: int | None) -> dict[str, str]:
    return {"upload-offset": str(size), "upload-length": str(length), "cache-control": "no-store"}


def _shown(one: Unfinished | HandedOver) -> dict[str, object]:
    if isinstance(one, HandedOver):
        return {
            "name": one.name, "size": one.size, "reference": one.reference,
            "at": one.landed_at.isoformat(),
        }  # fmt: skip
    label = one.label
    upload = one.data.stem if label.length is not None else None
    return {"name": label.name, "size": one.size, "upload": upload, "length": label.length}


async def _read(tree: ProviderTree, path: str) -> bytes:
    with await tree.open_to_read(path.encode()) as reading:
        return await on_disk(os.pread, reading.fileno(), _MOST_READ, 0)


def answering(door: WebDoor, place: Path) -> AbstractAsyncContextManager[None]:
    """Return a context that answers the web door at the socket in the folder `place`."""
    return at_work(QuietServer(config_of(door.app())), [listening(place)])
