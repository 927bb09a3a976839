"""/receipts/events.jsonl: a line for each receipt, only ever added to, and whole after a crash."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.install import shipped_units
from gateway.processor import rounds
from gateway.publish import on_request, projection
from gateway.registry.tables import ReceiptRow
from tests.clock import THIS_YEAR
from tests.workshop import Desk, fresh


def events(desk: Desk, name: str = "events.jsonl") -> list[dict[str, Any]]:
    path = desk.home.published.provider("oak") / "receipts" / name
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_receipt_is_one_line_and_lines_are_only_added(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    oak = desk.provider("oak", years=THIS_YEAR)
    references = [desk.send(oak, fresh())]
    desk.process()
    folder = desk.home.published.provider("oak") / "receipts"
    before = (folder / "events.jsonl").read_bytes()
    references += [desk.send(oak, b"no data"), desk.land(oak, b"in the clear")]
    desk.process()
    after = (folder / "events.jsonl").read_bytes()
    assert after.startswith(before)
    told = {one["reference"]: one for one in events(desk)}
    assert [told[one]["state"] for one in references] == ["accepted", "held", "refused"]
    assert told[references[0]]["data_type"] == "student-core"
    assert told[references[1]]["codes"] == desk.codes(references[1])
    assert all(list(folder.glob(f"*.{one}.json")) for one in references)
    assert b"pgp" not in after  # No file is named: its name may name a child.
    (month,) = folder.glob("events-*.jsonl")
    assert month.samefile(folder / "events.jsonl")

    whole = month.read_bytes()
    with month.open("ab") as file:  # A kill amid a line, before the watermark.
        file.truncate(len(whole) - 20)
    (desk.home.published.root / projection.EVENTS_TOLD).write_text("0")
    desk.send(oak, fresh())
    desk.process()
    again = month.read_bytes()
    assert again.startswith(whole)
    numbers = [one["number"] for one in events(desk, month.name)]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == len(whole.splitlines()) + 1
    desk.close()


def test_a_siem_that_reads_the_log_has_a_place_of_its_own(tmp_path: Path) -> None:
    unit = (shipped_units() / "gateway-events.service").read_text("utf-8")
    (place,) = re.findall(r"gateway log events /var/lib/gateway/(\S+)", unit)
    desk = Desk(tmp_path)
    desk.land(desk.provider("oak", years=THIS_YEAR), b"in the clear")
    desk.process()
    told = (desk.home.published.root / projection.EVENTS_TOLD).read_text()
    desk.gateway("log", "events", str(desk.home.root / place))
    assert (desk.home.published.root / projection.EVENTS_TOLD).read_text() == told
    desk.close()


def test_lines_that_a_power_cut_took_are_there_again_after_the_start(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    oak = desk.provider("oak", years=THIS_YEAR)
    for _ in range(3):
        desk.land(oak, b"in the clear")
    desk.process()
    (month,) = (desk.home.published.provider("oak") / "receipts").glob("events-*.jsonl")
    whole = month.read_bytes()
    os.truncate(month, len(whole.splitlines()[0]) + 9)  # The watermark was on the disk, the lines were not.
    desk.process()
    assert month.read_bytes() == whole
    desk.close()


def test_events_of_before_an_upgrade_are_told_a_little_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path)
    oak = desk.provider("oak", years=THIS_YEAR)
    for _ in range(3):
        desk.land(oak, b"in the clear")
    desk.process()
    whole = events(desk)
    for old in (desk.home.published.provider("oak") / "receipts").glob("events*.jsonl"):
        old.unlink()
    (desk.home.published.root / projection.EVENTS_TOLD).unlink()
    monkeypatch.setattr(projection, "_PAGE", 1)
    monkeypatch.setattr(rounds, "_EVENTS_SECONDS", 0.0)
    monkeypatch.setattr(rounds, "_PAGES_SECONDS", 3600.0)
    pages = rounds.Pages()
    counts = []
    with desk.registrar() as registrar:
        for _ in range(len(whole) + 2):
            pages.tend(registrar)
            counts.append(len(events(desk)))
    assert counts == [*range(1, len(whole) + 1), len(whole), len(whole)]
    assert events(desk) == whole
    desk.close()


def test_the_newest_month_is_shown_after_a_kill_between_file_and_link(tmp_path: Path) -> None:
    october, november = (
        ReceiptRow(
            sequence=month, reference="r", provider="oak", name="n", stage="landed", text="", json_text="",
            created_at=datetime(2026, month, 1, tzinfo=UTC),
        )
        for month in (10, 11)
    )  # fmt: skip
    on_request.add_events(tmp_path, [october])
    (tmp_path / "events-2026-11.jsonl").touch()
    on_request.add_events(tmp_path, [november])
    assert (tmp_path / "events.jsonl").samefile(tmp_path / "events-2026-11.jsonl")
