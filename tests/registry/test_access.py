"""One query must say the same as the nouns it stands for."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from gateway.errors import NotFoundError
from gateway.registry import keys, markers, staff
from gateway.registry.database import Registry
from gateway.registry.staff import teams_while_in_force
from gateway.registry.tables import KeyRow, StaffRow

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
_BEFORE, _AFTER = NOW - timedelta(days=1), NOW + timedelta(days=1)
STATES = ("pending", "active", "retiring", "retired", "revoked")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(f"sqlite:///{tmp_path}/registry.db")
    made.migrate()
    with made.write() as session:
        staff.add_staff(session, "anna", ["sen", "admissions"], NOW)
        staff.add_staff(session, "ben", [], NOW)
        staff.add_staff(session, "carla", ["sen"], NOW)
        for name in ("anna", "ben", "carla"):
            keys.add_key(
                session, "staff", name, "ssh", fingerprint=f"SHA256:{name}", material="ssh", at=NOW, by="test"
            )
    yield made
    made.close()


def the_long_way(registry: Registry, name: str, fingerprint: str) -> tuple[str, ...] | None:
    with registry.read() as session:
        try:
            teams = staff.get_staff(session, name)
        except NotFoundError:
            return None
        known = keys.keys_in_force(session, "staff", name, "ssh", NOW)
    return teams if fingerprint in {key.fingerprint for key in known} else None


@pytest.mark.parametrize("state", STATES)
def test_it_agrees_with_the_key_at_every_state_and_limit(registry: Registry, state: str):
    outcomes = set()
    for not_before, not_after in product((None, _BEFORE, NOW, _AFTER), repeat=2):
        with registry.write() as session:
            row = session.get_one(KeyRow, 1)
            row.state, row.not_before, row.not_after = state, not_before, not_after
            session.add(row)
        with registry.read() as session:
            found = teams_while_in_force(session, "anna", "SHA256:anna", NOW)
        assert found == the_long_way(registry, "anna", "SHA256:anna")
        outcomes.add(found)
    expected = {("admissions", "sen"), None} if state in {"active", "retiring"} else {None}
    assert outcomes == expected


def test_it_agrees_on_people(registry: Registry):
    with registry.write() as session:
        staff.remove_staff(session, "carla", NOW)
    with registry.read() as session:
        for name, key in product(("anna", "ben", "carla", "nobody", ""), repeat=2):
            found = teams_while_in_force(session, name, f"SHA256:{key}", NOW)
            assert found == the_long_way(registry, name, f"SHA256:{key}")
        assert teams_while_in_force(session, "ben", "SHA256:ben", NOW) == ()


def test_a_providers_key_is_no_staff_key(registry: Registry):
    with registry.write() as session:
        row = session.get_one(KeyRow, 1)
        row.owner_kind = "provider"
        session.add(row)
    with registry.read() as session:
        assert teams_while_in_force(session, "anna", "SHA256:anna", NOW) is None


def test_a_later_person_of_the_same_name_may_not_see_a_marked_child(registry: Registry) -> None:
    mark = b"m" * markers.DIGEST
    with registry.write() as session:
        people = ["anna", "ben"]
        markers.place(session, "named", [mark], people=people, transfers=(), by="dp", why="x", at=NOW)
        assert markers.kept_from(session, "anna") == frozenset()
        staff.remove_staff(session, "anna", NOW)
        staff.add_staff(session, "anna", [], NOW)
        assert markers.kept_from(session, "anna") == {mark}
        assert markers.kept_from(session, "ben") == frozenset()


def test_a_person_who_was_removed_before_markers_were_lifted_leaves_none_to_a_successor(
    registry: Registry,
) -> None:
    mark = b"m" * markers.DIGEST
    with registry.write() as session:
        markers.place(session, "named", [mark], people=["anna"], transfers=(), by="dp", why="x", at=NOW)
        session.get_one(StaffRow, "anna").removed_at = NOW  # As a removal before 0.3.0 did.
        session.flush()
        staff.add_staff(session, "anna", [], NOW)
        assert markers.kept_from(session, "anna") == {mark}
