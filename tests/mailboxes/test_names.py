"""Names of files and what paths mean, without a service."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mailboxes.names import (
    HELD,
    LISTS,
    REMOVED,
    SHELVES,
    MailboxPlace,
    canonical,
    file_name,
    place_of,
    reference_in,
)
from gateway.policy.schema import SHARED_FOLDERS
from gateway.registry.deliveries import Delivery
from gateway.ssh.answers import Declined

DELIVERY = Delivery(
    sequence=1,
    reference="261124-school-a-ABC12",
    provider="school-a",
    flow="school-census",
    extension="xml",
    content_size=5,
    content_sha256="0" * 64,
    landed_at=datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC),
    decided_at=datetime(2026, 11, 24, tzinfo=UTC),
    team="sen",
)


def test_no_team_can_be_called_like_a_folder_of_all() -> None:
    assert {HELD, REMOVED, LISTS, *SHELVES} == SHARED_FOLDERS


def test_a_name_says_when_who_what_and_which():
    assert file_name(DELIVERY) == "2026-11-23_school-a_school-census_261124-school-a-ABC12.xml"


def test_a_held_file_says_that_it_is_held():
    name = file_name(DELIVERY._replace(team=None, flow="phonics"))
    assert name == "2026-11-23_school-a_held_261124-school-a-ABC12.xml"


@pytest.mark.parametrize(
    "extension",
    ["../x", "", "XML", "a/b", "x\n", "a.b.c", "a" * 11, "\N{DIGIT ONE}\N{ARABIC-INDIC DIGIT ONE}"],
)
def test_an_extension_that_is_none_is_not_shown(extension: str):
    assert file_name(DELIVERY._replace(extension=extension)).endswith("-ABC12.bin")


def test_every_name_leads_back_to_its_reference():
    for extension in ("xml", "tar.gz", "bin"):
        assert reference_in(file_name(DELIVERY._replace(extension=extension))) == DELIVERY.reference


@pytest.mark.parametrize(
    "name",
    [
        DELIVERY.reference,
        "2026-11-23_school-a_school-census_261124-school-a-ABC12",
        "2026-11-23_school-a_school-census_261124-school-a-ABC12.xml\n",
        "2026-11-23_school-a_school-census_261124-school-a-ABCI2.xml",
        "x2026-11-23_school-a_school-census_261124-school-a-ABC12.xml",
        "2026-11-23_school-a_school-census_\N{ARABIC-INDIC DIGIT TWO}61124-school-a-ABC12.xml",
    ],
)
def test_what_is_not_such_a_name_has_no_reference(name: str):
    assert reference_in(name) is None


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"", MailboxPlace()),
        (b"/", MailboxPlace()),
        (b".", MailboxPlace()),
        (b"//./", MailboxPlace()),
        (b"/sen", MailboxPlace("sen")),
        (b"sen/", MailboxPlace("sen")),
        (b"/sen/../sen/./x", MailboxPlace("sen", "x")),
        (b"/../../../sen", MailboxPlace("sen")),
        (b"/sen/x/../../../y", MailboxPlace("y")),
    ],
)
def test_what_a_path_means(raw: bytes, place: MailboxPlace):
    assert place_of(raw) == place


@pytest.mark.parametrize("raw", [b"/sen/a/b", b"\xff", b"/sen/\xed\xa0\x80"])
def test_a_path_that_can_mean_nothing(raw: bytes):
    with pytest.raises(Declined, match="no such file"):
        place_of(raw)


@given(st.binary(max_size=300))
def test_any_bytes_have_a_canonical_form_that_is_stable_and_climbs_nowhere(raw: bytes):
    form = canonical(raw)
    parts = form.split(b"/")
    assert form.startswith(b"/")
    assert canonical(form) == form
    assert form == b"/" or not {b"", b".", b".."}.intersection(parts[1:])
    try:
        place = place_of(raw)
    except Declined:
        return
    assert not {".", "..", ""}.intersection({place.folder, place.name})
