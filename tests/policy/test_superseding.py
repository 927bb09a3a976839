"""Which of several files of one kind and period stands: a table of who sent what about whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.model import Classified, Facts, NamedSchool, Provider, ProviderKind, Transfer
from gateway.policy.schools import is_comparable, superseding
from tests.policies import shipped
from tests.record.made import NOW, upload

A, B = "9331001", "9331002"


def sent(sequence: int, *schools: str) -> Transfer:
    content = Classified(
        data_type="school-census", level="certain", evidence=(), format="xml", extension="xml"
    )
    seen = tuple(NamedSchool(dfe_number=school, records=1) for school in schools)
    return Transfer(
        sequence=sequence, upload=upload(f"261124-oak-0000{sequence}"), state="accepted",
        content=replace(content, schools=seen),
    )  # fmt: skip


def ref(sequence: int | None) -> str | None:
    return None if sequence is None else f"261124-oak-0000{sequence}"


@pytest.mark.parametrize(
    ("kind", "speaks_for", "others", "replaces", "superseded_by"),
    [
        ("school", (), [], None, None),
        ("school", (), [sent(1), sent(4)], 1, 4),
        ("school", (), [sent(1), sent(2), sent(4), sent(5)], 2, 5),
        ("school", (), [sent(1, B)], 1, None),
        ("academy", (A, B), [sent(1, A), sent(4, A)], 1, 4),
        ("academy", (A, B), [sent(1, B), sent(4, B)], None, None),
        ("academy", (A, B), [sent(1, A, B), sent(4, A, B)], None, 4),
        ("academy", (A, B), [sent(1), sent(4)], None, None),
        ("dfe", (), [sent(1, A), sent(4, A, B)], 1, 4),
        ("fft", (), [sent(1, B), sent(4)], None, None),
    ],
)
def test_the_latest_file_about_the_same_schools_stands(
    kind: ProviderKind,
    speaks_for: tuple[str, ...],
    others: list[Transfer],
    replaces: int | None,
    superseded_by: int | None,
) -> None:
    provider = Provider(id="oak", name="Oak", kind=kind, schools=speaks_for)
    landed = [(one.upload.landed_at, one.sequence) for one in others]
    known = [(at, one.upload.reference, one.content) for at, one in zip(landed, others, strict=True)][::-1]
    found = superseding(sent(3, A), known, provider, shipped().bodies)
    assert found == (ref(replaces), ref(superseded_by))


@pytest.mark.parametrize(
    ("sequence", "seconds", "replaces", "superseded_by"),
    [(1, 1, None, 1), (4, -1, 4, None), (1, 3600, 1, None), (4, -3600, None, 4)],
)
def test_the_time_of_landing_tells_within_a_minute_and_else_the_number(
    sequence: int, seconds: int, replaces: int | None, superseded_by: int | None
) -> None:
    file, provider = sent(3), Provider(id="oak", name="Oak", kind="school")
    at = file.upload.landed_at + timedelta(seconds=seconds)
    other = (at, sequence), ref(sequence) or "", None
    found = superseding(file, [other], provider, shipped().bodies)
    assert found == (ref(replaces), ref(superseded_by))


def test_a_file_of_weeks_too_long_ago_to_be_told_apart_replaces_none() -> None:
    for days, replaces in ((200, True), (3 * 365, False)):
        facts = Facts(latest_day=NOW.date() - timedelta(days=days))
        content = Classified(
            data_type="attendance", level="certain", evidence=(), format="csv", extension="csv", facts=facts
        )
        file = Transfer(
            sequence=1, upload=upload(), state="accepted", data_type="attendance", period="2023-W48",
            decided_at=NOW, content=content,
        )  # fmt: skip
        assert is_comparable(file, shipped()) is replaces
