"""Whatever a bilingual authority's providers are told, they are told in each of its languages."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree
from typing import get_args

import pytest

from gateway.acts.declarations import NOT_YET
from gateway.classify import load_rules
from gateway.classify.findings import FINDINGS
from gateway.keys import notices
from gateway.model import Finding, Held, KeyKind, Provider, Refused, Settled
from gateway.policy.catalogue import load_catalogue, load_unchecked
from gateway.policy.decide import Declaration
from gateway.policy.discrepancies import Discrepancy, RollRow
from gateway.policy.discrepancies import notices as of_discrepancy
from gateway.policy.explain import changes_between
from gateway.reasons import REASONS
from gateway.reasons.languages import Language, table, translate
from gateway.receipts import text as receipt_text
from gateway.receipts.facts import in_language, plain_reason
from gateway.receipts.notices import Notice, changed, opened, render, render_notice
from gateway.receipts.text import declaration_statement, receipt_statement
from gateway.record import letters
from gateway.registry.keys import Key
from tests.log.made import FACTS, Log, with_parts
from tests.policies import POLICIES
from tests.receipts.translated import has_translation

AT = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
CATALOGUE = load_catalogue(POLICIES / "cwm-alarch")
ABOUT = {
    "organisation": "Cyngor Sir Cwm Alarch",
    "provider_name": "Ysgol Tŷ-gwyn",
    "reference": "261126-ty-7K3QD",
}


def key(kind: KeyKind = "openpgp", **more: object) -> Key:
    values = dict.fromkeys(Key.__dataclass_fields__) | {"kind": kind, "fingerprint": "ab" * 20}
    return Key(**(values | {"algorithm": "Ed25519", "uses": 0} | more))  # type: ignore[arg-type]


def ssh_key(application: bytes) -> Key:
    """An OpenSSH key of the kind of passkeys and security tokens."""
    kind = b"sk-ecdsa-sha2-nistp256@openssh.com"
    parts = (kind, b"nistp256", b"\4" + bytes(64), application)
    line = b64encode(b"".join(len(part).to_bytes(4, "big") + part for part in parts))
    return key("ssh", material=f"{kind.decode()} {line.decode()}")


def key_notices() -> Iterator[Notice]:
    for change in get_args(notices.Change):
        yield from (
            notices.of_change(change, key()),
            notices.of_change(change, key("ssh", material="ssh-rsa")),
        )
        yield notices.of_change(change, ssh_key(b"ssh:send.example.gov.uk"))
    yield notices.of_change("renewed", key(expires_at=AT))
    yield notices.of_change("retiring", key(not_after=AT))
    yield notices.of_change("revoked", key(revocation="hard"))
    yield from (notices.expires(key(), days) for days in (1, 14))
    yield from (notices.gateway_key("cd" * 20, until) for until in (AT, None))


@pytest.mark.parametrize("notice", list(key_notices()), ids=lambda notice: notice.headline)
def test_a_notice_about_a_key_is_told_in_both_languages(notice: Notice) -> None:
    for said in (notice.headline, notice.about, str(notice.told), *notice.steps):
        assert has_translation(said, "cy") or said.startswith("gpg "), said
    text = render(notice, at=AT, languages=("cy", "en"), details=notices.details(key()), **ABOUT)
    welsh, english = text.split("\n\nNotice from ")
    assert welsh.startswith("Hysbysiad gan Cyngor Sir Cwm Alarch\ni Ysgol Tŷ-gwyn")
    assert "26 Tachwedd 2026 am 09:30:00 UTC" in welsh
    assert notice.headline in english
    assert not {" yours", " until ", "OpenPGP key", "SSH key", "passkey"} & {
        one for one in (" yours", " until ", "OpenPGP key", "SSH key", "passkey") if one in welsh
    }


@pytest.mark.parametrize(("language", "browser"), [("en", "browser"), ("cy", "porwr")])
def test_whoever_has_a_browser_alone_is_told_another_way_than_by_folder(
    language: Language, browser: str
) -> None:
    """A receipt cannot know whether its reader has SFTP. The page makes no statements about headings."""
    told = {code: (one.sentence, one.next_step) for code, one in REASONS.items()}
    told = told if language == "en" else dict(table(language))
    steps = {code: " ".join(both) for code, both in told.items() if code != "key:headings-refused"}
    of_folders = {code for code, said in steps.items() if re.search("/(keys|agreement)", said)}
    assert {code for code in of_folders if browser not in steps[code]} == set()
    assert len(of_folders) > 15
    for notice in key_notices():
        said = " ".join(translate(one, language) for one in (str(notice.told), *notice.steps))
        assert "/keys" not in said or browser in said, said


def test_a_browsers_passkey_is_not_called_an_ssh_key() -> None:
    """Browsers' passkeys name the site that they are for; a token's SSH key names none, or what it is for."""
    passkey, token = ssh_key(b"ssh:send.example.gov.uk"), ssh_key(b"ssh:")
    assert (ssh_key(b"ssh:localhost").noun, ssh_key(b"ssh:work").noun) == ("passkey", "SSH key")
    assert (passkey.noun, token.noun) == ("passkey", "SSH key")
    assert notices.of_change("revoked", passkey).headline == "A passkey of yours is REVOKED."
    assert notices.of_change("revoked", token).headline == "An SSH key of yours is REVOKED."
    assert notices.details(passkey)[0] == ("Kind", ["passkey", "Ed25519"])


def test_notices_about_the_agreement_are_told_in_both_languages() -> None:
    rights, before = CATALOGUE.rights, load_unchecked(POLICIES / "cwm-alarch")
    after = load_unchecked(POLICIES / "cwm-alarch").model_copy(
        update={
            "agreement": before.agreement.model_copy(update={"version": "2"}),
            "agreement_text": "another",
            "rights": rights.model_copy(update={"group": rights.group[1:]}),
        }
    )
    points = (*changes_between(before, after), changes_between(after, before)[-1])
    assert [one.split(" ")[0] for one in (points[0], points[1], points[-1])] == ["The", "No", "Added"]
    for notice in (changed(points, "A.1"), opened("2027-28", "1 September 2027", None)):
        for said in (notice.headline, *notice.told, *notice.steps):
            assert has_translation(said, "cy"), said
        text = render(notice, at=AT, languages=("cy", "en"), **ABOUT)
        assert "1 Medi 2027" in text or "fersiwn 2" in text
        assert notice.headline in text


def test_a_notice_about_discrepancies_is_told_in_both_languages() -> None:
    rows = tuple(
        RollRow(provider=one, pupil="p", on_roll=True, at=AT, reference=f"261126-{one}-7K3QD", record=3)
        for one in ("a", "b")
    )
    points = tuple(
        (number, dict(of_discrepancy(Discrepancy(kind=kind, key=(kind,), rows=rows), CATALOGUE))["a"])  # type: ignore[arg-type]
        for number, kind in enumerate(("two-rolls", "birth-date", "former-upn"), 1)
    )
    text = render_notice(made_at=AT, points=points * 200, wording=CATALOGUE.wording, **ABOUT)
    welsh = text.split("\n\nNotice from ")[0]
    assert "Mae cofnod 3 yn eich ffeil 261126-a-7K3QD am ddisgybl" in " ".join(welsh.split())
    assert "Mae 100 arall." in welsh
    listed = (points * 200)[:500]
    whole = render_notice(made_at=AT, points=listed, wording=CATALOGUE.wording, **ABOUT)
    assert "Ask the local authority for the list" in text
    assert "Ask the local authority for the list" not in whole
    assert "Discrepancy" not in welsh
    assert "Record" not in welsh


@pytest.mark.parametrize("outcome", [Settled, Held, Refused])
def test_the_receipt_of_a_declaration_is_told_in_both_languages(
    outcome: type[Settled | Held | Refused],
) -> None:
    reason = CATALOGUE.reason("policy:agreement-not-ratified", year="2026-27")
    (step, *_) = (each for code, each in NOT_YET.items() if code == reason.code)
    decision = outcome(flow="offers", reasons=(replace(reason, next_step=step),))
    methods = CATALOGUE.methods
    declaration = Declaration(
        provider=Provider(id="ty", name=ABOUT["provider_name"], kind="school", ratified=False), method="post",
        data="offers", at=AT, safeguards=frozenset(methods.safeguards()),
        circumstances=frozenset(one.id for one in methods.circumstance),
    )  # fmt: skip
    statement = declaration_statement(
        declaration, decision, CATALOGUE, title="Cynigion / Offers", at=AT, reference=ABOUT["reference"],
        organisation=ABOUT["organisation"],
    )  # fmt: skip
    log = Log()
    log.add("declared", ABOUT["reference"])
    text = statement.for_people(log.proof(0))
    welsh, english = text.split("\n\nReceipt from ")
    assert "llawer o blant" in welsh
    assert not {"This transfer", "Declared", "What ", "Yes.", "Do not send"} & set(_found(welsh))
    assert any(word in welsh for word in ("CANIATEIR", "CHANIATEIR", "AROS"))
    assert "This transfer" in english
    assert "am byth yng nghofnod y porth" in " ".join(english.split())


def test_a_receipt_is_told_in_both_languages_with_its_findings_and_its_details() -> None:
    findings = tuple(Finding(code=code, severity="error", count=2, rows=(4, 9)) for code in FINDINGS)
    expires = (
        "Your key AB CD expires in 3 days, on 1 January 2027. Extend it (gpg), export it, and put the file "
        "into /keys; in a browser, select Extend it by two years."
    )
    facts = with_parts(
        FACTS,
        findings=findings,
        wording=CATALOGUE.wording,
        notices=(expires,),
    )
    welsh, english = receipt_statement(facts).text.split("\n\nReceipt from ")
    for _, sentence in FINDINGS.values():
        assert translate(sentence, "cy") != sentence
        assert translate(sentence, "cy") in " ".join(welsh.split())
    assert "2 gofnod" in welsh or "2 cofnod" in welsh
    assert "yn dod i ben ymhen 3 diwrnod, ar 1 Ionawr 2027" in " ".join(welsh.split())
    assert "24 Tachwedd 2026 am 14:03:22 UTC" in welsh
    labels = [
        *receipt_text.STATED.values(),
        "Sent by",
        "Kind of data",
        "Passed to",
        "The file",
        "Size as sent",
    ]
    for label in labels:
        assert has_translation(label, "cy"), label
        assert label == translate(label, "cy") or f"    {label:<16}" not in welsh
    assert re.search(r"^    Maint a anfonwyd [0-9]+ beit$", welsh, re.MULTILINE)  # As long as its column.
    assert "What to look at in your data" in english


def _found(text: str) -> Iterator[str]:
    return (one for one in ("This transfer", "Declared", "What ", "Yes.", "Do not send") if one in text)


@pytest.mark.parametrize(
    "name", ["Child: Date of Birth", "the headings of Bus pass requests", "Medical records"]
)
def test_an_item_that_the_policies_name_is_told_as_they_write_it(name: str) -> None:
    assert translate(name, "cy") == name


@pytest.mark.parametrize(
    ("told", "welsh"), [("3 of 30", "3 o 30"), ("2 values", "2 gwerth"), ("one column", "un golofn")]
)
def test_a_number_of_things_in_a_reason_is_told_in_welsh(told: str, welsh: str) -> None:
    assert translate(told, "cy") == welsh


def test_a_letter_gives_the_reasons_and_the_day_in_both_languages() -> None:
    class Waits:
        reasons = (CATALOGUE.reason("classify:unknown"),)

    told_of = letters.reasons_of(Waits(), CATALOGUE.wording)  # type: ignore[arg-type]
    assert told_of.keys() == {"reasons", "reasons_cy"}
    assert told_of["reasons"] != told_of["reasons_cy"]
    assert translate("3 March 2027", "cy") == "3 Mawrth 2027"


@pytest.mark.parametrize(("days", "said"), [(2, "2 ddiwrnod"), (3, "3 diwrnod")])
def test_two_days_are_written_with_the_soft_mutation(days: int, said: str) -> None:
    told = translate(f"due in {days} days, on 21 January 2027", "cy")
    assert told == f"i'w anfon ymhen {said}, erbyn 21 Ionawr 2027"


def test_what_belongs_elsewhere_is_told_in_welsh_by_the_policies(tmp_path: Path) -> None:
    copied = Path(copytree(POLICIES, tmp_path / "policies", symlinks=True))
    agreement = copied / "agreement.toml"
    agreement.write_text(
        agreement.read_text("utf-8").replace('languages = ["en"]', 'languages = ["cy", "en"]')
    )
    catalogue = load_unchecked(copied)
    of_grades = {
        each.because
        for each in load_rules(POLICIES).data_types.tables
        if each.waits == "classify:other-assessments"
    }
    for kind in of_grades | catalogue.reasons.services.keys():
        steps = {"service": step} if (step := catalogue.reasons.services.get(kind)) else {}
        code = "classify:other-assessments" if kind in of_grades else "classify:outside-agreement"
        reason = catalogue.reason(code, **{"kinds" if kind in of_grades else "kind": kind}, **steps)
        told = in_language(plain_reason(reason, catalogue.wording), "cy", catalogue.wording)
        assert kind not in told.sentence
        assert not steps or step not in told.next_step
