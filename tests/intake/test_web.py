"""Requests at the web door, without a browser: how long they may be, and which part of an upload is next."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from asyncssh import FXF_CREAT
from starlette.requests import Request
from starlette.types import Message

from gateway.home import Home, Published, Spool
from gateway.home.settings import IntakeLimits, WebSettings
from gateway.intake import answers
from gateway.intake.box import Box
from gateway.intake.disk import Landed
from gateway.intake.tree import ProviderTree
from gateway.intake.web import _body, _write_part
from gateway.ssh.answers import Declined
from gateway.ssh.serving import LoggedIn
from gateway.zones.console_api.serving import socket_in
from tests.console.soft_key import SoftKey
from tests.intake.running import SEALED, Running

LIMITS = IntakeLimits(free_bytes=0)


@pytest.mark.parametrize(("most", "is_read"), [(6, True), (5, False)])
def test_a_body_is_read_up_to_a_limit_whatever_its_length_was_said_to_be(most: int, is_read: bool) -> None:
    parts = iter((b"abc", b"def"))

    async def receive() -> Message:
        part = next(parts, b"")
        return {"type": "http.request", "body": part, "more_body": bool(part)}

    request = Request({"type": "http", "method": "POST", "headers": [(b"content-length", b"1")]}, receive)
    if is_read:
        assert asyncio.run(_body(request, most)) == b"abcdef"
        return
    with pytest.raises(Declined) as caught:
        asyncio.run(_body(request, most))
    assert caught.value.answer is answers.TOO_LARGE


def test_a_part_is_taken_where_the_upload_ends_and_of_this_upload_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for folder in (spool.partial("avon"), spool.landed, spool.recent):
        folder.mkdir(parents=True)

    async def work() -> None:
        box = Box("avon", spool, LIMITS, Landed(spool.landed), lambda: datetime.now(UTC))
        tree = ProviderTree(Published(tmp_path), box, LoggedIn("avon", "SHA256:a", "web"), LIMITS)
        receiving = await box.receive("in", "x.pgp", FXF_CREAT)
        await receiving.write(0, SEALED)
        await box.cut_off(receiving)
        upload = box.named["in", "x.pgp"]
        for one, offset in ((upload, len(SEALED) - 1), (replace(upload), len(SEALED))):
            with pytest.raises(Declined) as caught:
                await _write_part(tree, one, offset, b"more")
            assert caught.value.answer is answers.GAP
            assert not upload.busy
        assert await _write_part(tree, upload, len(SEALED), b"more") is None
        assert upload.size == len(SEALED) + 4

    asyncio.run(work())


def test_whoever_logs_in_gets_a_session_that_lasts_until_logging_out(tmp_path: Path) -> None:
    origin, key = "http://localhost:2225", SoftKey()
    running = Running(Home(tmp_path / "home"), LIMITS, web=WebSettings(origin=origin))
    running.publish()
    running.provider("avon")
    keys = running.home.published.provider("avon") / "authorized_keys"
    keys.write_text(key.ssh_line("localhost"))
    running.start()
    try:
        with (
            socket_in(running.home.web) as place,
            httpx.Client(transport=httpx.HTTPTransport(uds=place), base_url=origin) as browser,
        ):
            signed = key.signed(browser.get("/login").text, origin, handle="avon:x")
            assert list(browser.cookies) == ["attempt"]
            assert browser.post("/login", content=signed).status_code == 204
            assert list(browser.cookies) == ["session"]
            assert browser.get("/sent").json() == []
            assert browser.post("/logout").status_code == 204
            assert list(browser.cookies) == []
            assert browser.get("/sent").status_code == 401
    finally:
        running.stop()
