"""Leaves: their canonical form, and what can never be in one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.log.leaf import FIELDS, Event, Kind, commitment, leaf, read_event, rfc3339

AT = datetime(2026, 11, 24, 14, 3, 22, tzinfo=UTC)
DIGEST = "0f" * 32

# One value of each shape that a field may have.
FITTING: dict[str, str | int] = {
    "digest": DIGEST,
    "fingerprint": "0f" * 20,
    "reference": "261124-marsh-lane-7K3QD",
    "provider": "marsh-lane",
    "word": "school-census",
    "words": "central-data,admissions",
    "codes": "policy:allowed,policy:embargo",
    "moment": "2026-11-24T14:03:22Z",
    "academic year": "2026-27",
    "vkey": "gateway.example/log+3323c637+AYi18JWqeOzr9pq1Jt/040EaFPM827Ew3t7fZ9KZfJhx",
    "count": 212,
}

# What files hold and a log must never: each in several spellings.
PERSONAL = [
    "Zebedee",
    "Zebedee Quillfeather",
    "QUILLFEATHER",
    "quillfeather, zebedee",
    "A999123456780",
    "a999123456780",
    "A99912345678X",
    "2015-03-04",
    "04/03/2015",
    "4 March 2015",
    "20150304",
    "12 Marsh Lane",
    "TA1 1AA",
    "9434765919",
    "943 476 5919",
    "zebedee@example.org",
    "07700 900123",
    "quillfeather_zebedee.csv",
]


def event(kind: Any = "landed", subject: Any = "261124-marsh-lane-7K3QD", **fields: Any) -> Event:
    return Event(sequence=7, at=AT, kind=kind, subject=subject, fields=fields)


def test_a_leaf_is_canonical_json() -> None:
    made = leaf(event(size=5, provider="marsh-lane"))
    assert made == (
        b'{"at":"2026-11-24T14:03:22Z","fields":{"provider":"marsh-lane","size":5},"kind":"landed",'
        b'"sequence":7,"subject":"261124-marsh-lane-7K3QD","version":1}'
    )


def test_a_leaf_is_read_back_and_made_again() -> None:
    made = leaf(event(size=5, provider="marsh-lane", sha256=DIGEST))
    mapping = json.loads(made)
    assert leaf(mapping) == made
    assert read_event(mapping) == event(size=5, provider="marsh-lane", sha256=DIGEST)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_each_kind_takes_its_own_fields(kind: str) -> None:
    full = event(kind, **{name: FITTING[shape] for name, shape in FIELDS[kind].items()})
    assert read_event(json.loads(leaf(full))) == full


@pytest.mark.parametrize("marker", PERSONAL)
def test_no_field_of_any_kind_takes_personal_data(marker: str) -> None:
    for kind, fields in FIELDS.items():
        for name, shape in fields.items():
            # A provider id and a word are chosen by the authority, and a word can look like a surname.
            if marker == "quillfeather" and shape in {"word", "words", "provider"}:
                continue
            if shape == "provider" and marker in {"a999123456780", "2015-03-04", "20150304", "9434765919"}:
                continue
            with pytest.raises(ValueError, match="does not admit"):
                event(kind, **{name: marker})


@pytest.mark.parametrize("marker", [*PERSONAL, "name", "forename", "upn", "dob", "filename"])
def test_no_other_field_can_be_added(marker: str) -> None:
    for kind in FIELDS:
        with pytest.raises(ValueError, match="does not admit"):
            event(kind, **{marker: 1})


@pytest.mark.parametrize(
    "marker", [m for m in PERSONAL if m.lower() != m or not m.replace("-", "").isalnum()]
)
def test_a_subject_is_not_personal_either(marker: str) -> None:
    with pytest.raises(ValueError, match="subject"):
        event(subject=marker)


@settings(deadline=None)
@given(
    st.text(min_size=1).filter(
        lambda text: any(not (c.isascii() and c.isalnum()) and c not in "-,:._/+" for c in text)
    )
)
def test_no_free_text_fits_anywhere(text: str) -> None:
    for kind, fields in FIELDS.items():
        for name in fields:
            with pytest.raises(ValueError, match="does not admit"):
                event(kind, **{name: text})


def test_the_refusal_does_not_repeat_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="admit") as refused:
        event(provider="Zebedee Quillfeather")
    assert "Quillfeather" not in str(refused.value)
    with pytest.raises(ValueError, match="admit") as refused:
        event(**{"Zebedee Quillfeather": 1})
    assert "Quillfeather" not in str(refused.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "invented"},
        {"subject": ""},
        {"size": -1},
        {"size": True},
        {"size": 1.5},
        {"size": 2**53},
        {"size": None},
        {"sha256": DIGEST.upper()},
        {"sha256": DIGEST[:-1]},
        {"sha256": DIGEST + "\n"},
        {"sha256": 5},
        {"sha256": [DIGEST]},
    ],
)
def test_malformed_events_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"event|log"):
        event(**wrong)


@pytest.mark.parametrize("sequence", [-1, True, 1.0, 2**53, None, "1"])
def test_an_event_counts_its_place(sequence: Any) -> None:
    with pytest.raises(ValueError, match="place"):
        Event(sequence=sequence, at=AT, kind="landed", subject="log")


def test_reason_codes_are_ours() -> None:
    assert event("decided", reasons="policy:embargo").fields == {"reasons": "policy:embargo"}
    with pytest.raises(ValueError, match="admit"):
        event("decided", reasons="policy:zebedee")


def test_a_time_is_aware_and_in_utc() -> None:
    with pytest.raises(ValueError, match="aware"):
        Event(sequence=0, at=datetime(2026, 1, 1), kind="landed", subject="log")  # noqa: DTZ001
    with pytest.raises(ValueError, match="naive"):
        rfc3339(datetime(2026, 1, 1))  # noqa: DTZ001
    there = datetime(2026, 7, 1, 13, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    assert rfc3339(there) == "2026-07-01T12:00:00.000005Z"


def test_a_mapping_with_other_parts_is_no_event() -> None:
    good = event(size=5).mapping()
    for wrong in [
        {},
        [],
        good | {"note": "x"},
        good | {"at": 5},
        good | {"fields": []},
        good | {"fields": None},
        good | {"version": 2},
        good | {"at": "2026-11-24T14:03:22+00:00"},
        good | {"at": "0001-01-01T00:00:00+14:00"},
        good | {"kind": {}},
        {key: value for key, value in good.items() if key != "kind"},
    ]:
        with pytest.raises(ValueError, match=r"event|log"):
            read_event(wrong)


def test_a_commitment_binds_and_hides() -> None:
    salt = bytes(16)
    made = commitment("j.smith", salt)
    assert made == commitment("j.smith", salt)
    assert len({made, commitment("j.smit", salt), commitment("j.smith", b"1" * 16)}) == 3
    assert event("collected", commitment=made).fields["commitment"] == made
    with pytest.raises(ValueError, match="salt"):
        commitment("j.smith", b"short")
