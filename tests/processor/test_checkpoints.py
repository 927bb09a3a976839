"""The log's heads are kept by the hour, told to witnesses, and cosigned by them."""

from __future__ import annotations

import email
import email.policy
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.home.settings import LogSettings, Settings, load_settings
from gateway.log.checkpoint import LogKey, read_checkpoint
from gateway.processor.checkpoints import Checkpoints, Witness, mail, to_keep
from gateway.registry import log
from gateway.registry.tables import CheckpointRow
from tests.clock import THIS_YEAR, Seconds
from tests.content import core_data
from tests.log.made import cosign, witness_vkey
from tests.waiting import until
from tests.workshop import Desk

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NOTE = "o\n{size}\nroot\n\n— o sig\n"


def head(size: int, minutes: int, *, cosigned: bool = False) -> CheckpointRow:
    text = NOTE.format(size=size) + ("— witness sig\n" if cosigned else "")
    return CheckpointRow(size=size, text=text, created_at=NOON + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("heads", "now", "kept"),
    [
        ([], 30, []),
        ([(5, 0), (6, 59)], 59, []),
        ([(5, 0), (6, 59)], 60, [6]),
        ([(5, 0), (6, 59), (7, 61)], 62, [6]),
        ([(5, 0), (6, 59), (7, 61)], 24 * 60, [6, 7]),
        ([(5, 0), (6, 240), (7, 241)], 300, [5, 7]),
    ],
)
def test_the_last_head_of_each_hour_that_is_over_is_kept(
    heads: list[tuple[int, int]], now: int, kept: list[int]
) -> None:
    made = [head(*one) for one in heads]
    assert [one.size for one in to_keep(made, NOON + timedelta(minutes=now))] == kept


def test_a_cosigned_head_is_kept_whenever_it_was_signed() -> None:
    made = [head(5, 0, cosigned=True), head(6, 1)]
    assert [one.size for one in to_keep(made, NOON + timedelta(minutes=2))] == [5]


def published(desk: Desk) -> set[str]:
    return {path.name for path in desk.home.published.log.iterdir()}


def tend(desk: Desk, heads: Checkpoints | None = None) -> Checkpoints:
    with desk.registrar() as registrar:
        looked_after = heads or Checkpoints(registrar)
        looked_after.tend(registrar)
    return looked_after


def test_heads_are_signed_and_kept_by_the_hour_while_there_is_something_new(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    heads = tend(desk)
    with desk.registry.write() as session:  # Something that no head vouches for yet.
        log.append(session, [log.Entry(kind="provider-changed", subject="oak")], desk.now)
    desk.pass_time(hours=1)
    tend(desk, heads)
    with desk.registry.read() as session:
        newest = log.newest_head(session)
        assert newest is not None
        assert newest.size + 1 == log.size(session)  # All but the entry on the head itself.
    desk.send(oak, core_data(), "core.xml.pgp")
    desk.process()
    desk.pass_time(hours=1)
    tend(desk, heads)
    kept = published(desk) - {"checkpoint"}
    assert len(kept) == 2  # Of the hour before, and of this one.
    for _ in range(3):  # Nothing happens: no head, no entry.
        desk.pass_time(hours=1)
        tend(desk, heads)
    assert published(desk) - {"checkpoint"} == kept
    with desk.registry.read() as session:
        (newest,) = log.heads_after(session, max(map(int, kept)) - 1)
        assert log.is_up_to_date(session, newest)
    assert "everything fits" in desk.gateway("log", "verify")


def test_kept_heads_are_made_again_where_they_are_lost(desk: Desk) -> None:
    desk.provider("oak")
    for _ in range(3):
        desk.gateway("providers", "suspend", "oak")
        desk.gateway("providers", "resume", "oak")
    desk.pass_time(hours=1)
    tend(desk)
    before = {path.name: path.read_text() for path in desk.home.published.log.iterdir()}
    for path in desk.home.published.log.iterdir():
        path.unlink()
    (desk.home.published.root / ".heads").unlink()
    tend(desk)
    kept = {name: text for name, text in before.items() if name != "checkpoint"}
    assert {path.name: path.read_text() for path in desk.home.published.log.iterdir()} == kept != {}


def witness(tmp_path: Path, program: str, clock: Seconds, *, seconds: float = 30) -> Witness:
    """A witness whose program is Python code; it may use `out`, a file."""
    code = f"import sys, time; out = open({str(tmp_path / 'out')!r}, 'a'); {program}"
    return Witness(
        "test", [sys.executable, "-c", code], str.encode, seconds=seconds, told=tmp_path / "told", clock=clock
    )


def told(one: Witness, size: int, tmp_path: Path) -> str:
    """What the witness has been given once a telling has ended, well or not."""
    one.tell(size, f"head {size}\n")
    until(lambda: _ended(one, size), "the witness")
    return (tmp_path / "out").read_text()


def _ended(one: Witness, size: int) -> bool:
    if one._child is not None:
        one.tell(size, f"head {size}\n")
    return one._child is None


KEEP = "out.write(sys.stdin.read())"


def test_a_witness_is_told_of_each_head_once(tmp_path: Path) -> None:
    clock = Seconds()
    one = witness(tmp_path, KEEP, clock)
    assert told(one, 7, tmp_path) == "head 7\n"
    assert told(one, 7, tmp_path) == "head 7\n"
    assert told(one, 9, tmp_path) == "head 7\nhead 9\n"
    again = witness(tmp_path, KEEP, clock)  # After a restart.
    assert told(again, 9, tmp_path) == "head 7\nhead 9\n"


def test_a_witness_that_fails_is_told_again_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Seconds()
    one = witness(tmp_path, "out.write('x'); sys.exit(3)", clock)
    assert told(one, 7, tmp_path) == "x"
    assert "ended with 3" in caplog.text
    assert told(one, 7, tmp_path) == "x"
    clock.now += 301
    assert told(one, 7, tmp_path) == "xx"


def test_a_witness_that_hangs_is_ended(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Seconds()
    one = witness(
        tmp_path, "out.write('x'); out.flush(); time.sleep(600); out.write('late')", clock, seconds=5
    )
    one.tell(7, "head")
    until(lambda: (tmp_path / "out").exists() and (tmp_path / "out").read_text(), "the program")
    one.tell(7, "head")
    assert one._child is not None
    clock.now += 6
    one.tell(7, "head")
    assert one._child is None
    assert (tmp_path / "out").read_text() == "x"
    assert "longer than 5 s" in caplog.text


def test_a_witness_that_is_not_there_is_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = Witness(
        "x", [str(tmp_path / "none")], str.encode, seconds=5, told=tmp_path / "told", clock=time.monotonic
    )
    one.tell(7, "head")
    assert "could not be started" in caplog.text


def test_a_witness_does_not_see_what_the_processor_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_PASSPHRASE", "secret")
    one = witness(tmp_path, "import os; out.write(str('GATEWAY_PASSPHRASE' in os.environ))", Seconds())
    assert told(one, 7, tmp_path) == "False"


def configure(desk: Desk, lines: str) -> None:
    path = desk.home.settings
    path.write_text(path.read_text("utf-8").replace("[log]", f"[log]\n{lines}\n#", 1), "utf-8")


def test_the_processor_tells_the_witness_of_the_settings(desk: Desk, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    code = f"import sys; open({str(seen)!r}, 'a').write(sys.stdin.read())"
    configure(desk, f"witness_command = {json.dumps([sys.executable, '-c', code])}")
    desk.gateway("log", "head")
    desk.pass_time(hours=1)
    desk.process()
    (kept,) = published(desk) - {"checkpoint"}
    until(seen.exists, "the witness")
    assert seen.read_text() == (desk.home.published.log / kept).read_text()


def test_a_mail_carries_the_head_byte_for_byte(desk: Desk) -> None:
    text = desk.gateway("log", "head")
    message = email.message_from_bytes(mail(text, "auditor@example.org"), policy=email.policy.default)
    (attached,) = message.iter_attachments()
    assert attached.get_content() == text.encode()
    size = text.split("\n")[1]
    assert (message["To"], message["Subject"]) == (
        "auditor@example.org", f"test.invalid/log: head of {size} entries",
    )  # fmt: skip


@pytest.mark.parametrize("address", ["-oQ/tmp", "two@ex ample", "nobody", "a@b\nBcc: c@d"])
def test_an_address_that_could_be_an_option_or_two_headers_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="witness_email"):
        LogSettings(witness_email=address)


def test_a_cosignature_by_a_known_witness_is_kept_and_published(desk: Desk, tmp_path: Path) -> None:
    key = LogKey.load(LogKey.generate())
    vkey = witness_vkey(key, "witness.example")
    configure(desk, f"witnesses = {json.dumps([vkey])}")
    text = desk.gateway("log", "head")
    size = text.split("\n")[1]
    note = tmp_path / "note"
    note.write_text(cosign(text, "witness.example", key, NOON))
    assert f"the head of {size} entries is kept" in desk.gateway("log", "cosign", str(note))
    shown = (desk.home.published.log / size).read_text()
    with desk.registrar() as registrar:
        found = read_checkpoint(shown, [registrar.signing.vkey, vkey])
    assert found.cosignatures == (("witness.example", NOON),)
    assert "everything fits" in desk.gateway("log", "verify")
    desk.process()
    assert (desk.home.published.log / size).read_text() == shown
    assert "no new cosignature" in desk.gateway("log", "cosign", str(note), code=1)


def test_only_cosignatures_of_known_witnesses_on_our_own_heads_are_taken(desk: Desk, tmp_path: Path) -> None:
    key, stranger = LogKey.load(LogKey.generate()), LogKey.load(LogKey.generate())
    configure(desk, f"witnesses = {json.dumps([witness_vkey(key, 'witness.example')])}")
    text = desk.gateway("log", "head")
    note = tmp_path / "note"
    note.write_text(cosign(text, "stranger.example", stranger, NOON))
    assert "no new cosignature" in desk.gateway("log", "cosign", str(note), code=1)
    good = cosign(text, "witness.example", key, NOON)
    spoilt = good[:-30] + ("A" if good[-30] != "A" else "B") + good[-29:]
    note.write_text(spoilt)
    assert "not good" in desk.gateway("log", "cosign", str(note), code=1)
    size = int(text.split("\n")[1])
    note.write_text(good.replace(f"\n{size}\n", f"\n{size + 1}\n", 1))
    assert "not good" in desk.gateway("log", "cosign", str(note), code=1)
    # Of a note with two cosignatures, the one that is known is taken over and nothing else.
    note.write_text(cosign(good, "stranger.example", stranger, NOON))
    desk.gateway("log", "cosign", str(note))
    assert (desk.home.published.log / str(size)).read_text() == good


def test_settings_that_are_wrong_name_the_key(desk: Desk) -> None:
    assert load_settings(desk.home).log == Settings().log
    configure(desk, "witness_seconds = 0")
    with pytest.raises(ConfigurationError, match=r"log\.witness_seconds"):
        load_settings(desk.home)
