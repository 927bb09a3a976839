"""What was signed for one purpose counts for no other, in whichever folder somebody else puts it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.model import Folder, read_as, stated, with_signatory, without_signatory
from gateway.send.ssh_key import load_ssh_key, make_ssh_key, public_line
from tests.content import core_data
from tests.workshop import Desk, Party, codes


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with Desk(tmp_path_factory.mktemp("desk")) as made:
        yield made


@pytest.fixture(scope="module")
def oak(desk: Desk) -> Party:
    return desk.provider("oak")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An SSH key of whoever serves the text that a school is to sign."""
    path = tmp_path_factory.mktemp("key") / "theirs"
    make_ssh_key(path, "passphrase")
    return public_line(load_ssh_key(path, "passphrase"), "theirs")


def landed(desk: Desk, oak: Party, text: str, folder: Folder) -> set[str]:
    return codes(desk.sent(oak, oak.seal(text.encode(), desk.certificate), folder, "file.pgp"))


def test_a_signed_agreement_is_no_key(desk: Desk, oak: Party, key: str) -> None:
    assert landed(desk, oak, stated("ratification", key), "keys") == {"key:not-a-key"}
    assert landed(desk, oak, stated("key", key), "keys") & {"key:in-force", "key:pending"}


def test_a_signed_agreement_is_no_pupils_data(desk: Desk, oak: Party) -> None:
    said = stated("ratification", core_data().decode())
    assert landed(desk, oak, said, "in") == {"classify:document"}


def test_a_signed_key_is_no_agreement(desk: Desk, oak: Party) -> None:
    agreement = (desk.home.published.common / "agreement" / "agreement.txt").read_text()
    assert landed(desk, oak, stated("key", agreement), "agreement") == {"agreement:other-text"}
    taken = landed(desk, oak, stated("ratification", agreement), "agreement")
    assert taken & {"agreement:ratified", "agreement:already-ratified"}


def test_whoever_signs_is_told_apart_from_the_text() -> None:
    assert without_signatory(with_signatory("A. Head", "headteacher", "We agree.")) == (
        "A. Head, headteacher", "We agree.",
    )  # fmt: skip
    for text in ("We agree.", "Signed by: \x1b[2J\n\nWe agree.", f"Signed by: {'a' * 161}\n\nWe agree."):
        assert without_signatory(text) == ("", text)
    for name, office in (("", "head"), ("A. Head", " "), ("A.\nHead", "head")):
        with pytest.raises(ValueError, match="one line"):
            with_signatory(name, office, "We agree.")


@pytest.mark.parametrize("before", ["", "\ufeff", "\n", " \r\n"])
def test_a_statement_is_known_whatever_stands_before_it(before: str) -> None:
    said = before + stated("key", "ssh-ed25519 AAAA")
    assert read_as("key", said) == "ssh-ed25519 AAAA"
    assert read_as("ratification", said) is None
    assert read_as("key", "ssh-ed25519 AAAA") == "ssh-ed25519 AAAA"
