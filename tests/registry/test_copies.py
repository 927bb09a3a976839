"""Which copies of files for providers are owed, waited for and made, asked of a registry."""

from __future__ import annotations

from datetime import timedelta

from gateway.model import Provider
from gateway.registry import copies, markers, providers
from gateway.registry.database import Registry
from gateway.registry.tables import CopyRow
from tests.registry.test_deliveries import ACCEPTED, HELD, NOW, put, registry

__all__ = ["registry"]
LATER = NOW + timedelta(hours=1)


def made(registry: Registry, number: int) -> None:
    with registry.write() as session:
        copies.record_sealed(session, number, ["a", "b"])
        copies.record_made(session, number, at=LATER, sha256="5" * 64, size=7)


def numbers(registry: Registry, **asked: object) -> list[int]:
    with registry.read() as session:
        return [copy.number for copy in copies.owed(session, **asked)]  # type: ignore[arg-type]


def owe(registry: Registry) -> str:
    """Three copies of an accepted file: 1 to be made, 2 waiting, 3 of a part; its reference."""
    reference = put(registry, 1, ACCEPTED)
    with registry.write() as session:
        for name in ("elm", "fir", "yew"):
            providers.add_provider(session, Provider(id=name, name=name, kind="school"), NOW)
        copies.owe(session, 1, "elm", NOW)
        copies.owe(session, 1, "fir", NOW, waits=True)
        copies.owe(session, 1, "yew", NOW, part=True)
    return reference


def test_owed_is_what_is_not_made_and_waits_for_nothing_unless_more_is_asked_for(registry: Registry) -> None:
    reference = owe(registry)
    assert numbers(registry) == [1, 3]
    made(registry, 1)
    assert numbers(registry) == [3]
    assert numbers(registry, made_since=LATER) == [1, 3]
    assert numbers(registry, made_since=LATER + timedelta(seconds=1)) == [3]
    assert numbers(registry, made_too=True, of=reference) == [1, 2, 3]
    assert numbers(registry, made_too=True, of="261124-school-a-00009") == []


def test_no_copy_is_owed_of_a_file_with_a_marked_child(registry: Registry) -> None:
    owe(registry)
    with registry.write() as session:
        marked = {"people": ["anna"], "transfers": [1], "by": "dora", "why": "x"}
        markers.place(session, "named", [b"1" * 16], at=NOW, **marked)  # type: ignore[arg-type]
    made(registry, 1)
    assert numbers(registry) == numbers(registry, made_since=NOW) == []
    assert numbers(registry, made_too=True, shown=True) == []
    assert numbers(registry, made_too=True) == [1, 2, 3]


def test_copies_of_a_file_are_owed_anew_once_a_marker_is_off(registry: Registry) -> None:
    owe(registry)
    made(registry, 1)
    with registry.write() as session:
        copies.make_anew(session, [1])
    assert numbers(registry) == [1, 3]


def test_a_copy_tells_what_is_sealed_for_whom_and_whether_it_is_made(registry: Registry) -> None:
    reference = owe(registry)
    made(registry, 1)
    with registry.read() as session:
        first, _, third = copies.owed(session, made_too=True)
        row = session.get_one(CopyRow, 1)
    assert (row.made_at, row.certificates, row.size) == (LATER, "a b", 7)
    assert first == copies.Copy(
        number=1, transfer=1, provider="elm", reference=reference, flow="school-census", extension="xml",
        content_sha256=f"{1:064}", decided_at=NOW, made=True, sha256="5" * 64, size=7,
    )  # fmt: skip
    assert (third.provider, third.made, third.sha256, third.part) == ("yew", False, None, True)


def test_only_copies_of_accepted_files_wait_for_their_recipient(registry: Registry) -> None:
    owe(registry)
    put(registry, 2, HELD)
    with registry.write() as session:
        copies.owe(session, 2, "fir", NOW, waits=True)
    with registry.read() as session:
        assert copies.count_waiting(session) == {"fir": 1}
        ((row, transfer),) = copies.waiting(session, ["fir"])
        assert (row.id, transfer.sequence) == (2, 1)


def test_who_had_got_a_copy_is_told_when_all_copies_of_the_file_are_taken_back(registry: Registry) -> None:
    owe(registry)
    put(registry, 2, ACCEPTED)
    made(registry, 3)
    made(registry, 1)
    with registry.write() as session:
        copies.owe(session, 2, "elm", NOW)
        assert copies.take_back(session, 1) == ("elm", "yew")
        copies.forget(session, 1)
    assert numbers(registry, made_too=True) == [4]


def test_who_had_got_a_copy_is_told_also_where_it_is_to_be_made_anew(registry: Registry) -> None:
    owe(registry)
    made(registry, 3)
    with registry.write() as session:
        copies.make_anew(session, [1])
    assert numbers(registry) == [1, 3]
    with registry.write() as session:
        assert copies.take_back(session, 1) == ("yew",)
