"""Reasons for the outcome of a dropped copy of the agreement: the stage `agreement`."""

from __future__ import annotations

from gateway.reasons.template import Template

REASONS: dict[str, Template] = {
    "agreement:ratified": Template(
        "Your organisation has ratified the data sharing agreement for {year}; that counts until {lapses}.",
        "Nothing needs doing: files that waited for it are released by themselves.",
    ),
    "agreement:signed-in-part": Template(
        "The signature of the {role} under the data sharing agreement for {year} is on record; that of the "
        "{missing} is still wanted.",
        "Have the {missing} sign too, as the guide says: the agreement counts once all have signed.",
    ),
    "agreement:already-ratified": Template(
        "Your organisation had ratified the data sharing agreement for {year} already.",
        "Nothing needs doing.",
    ),
    "agreement:not-signed": Template(
        "The file is no signed copy of the agreement's text, so the agreement is not ratified by it.",
        "Fetch agreement.txt from /agreement, sign it with your own key (gpg --clearsign agreement.txt), "
        "and put agreement.txt.asc into /agreement.",
    ),
    "agreement:wrong-signer": Template(
        "The signature on the agreement's text is not good, or not by a key of yours that is in force.",
        "Sign the text as it is, with the key you enrolled, and put it into /agreement again.",
    ),
    "agreement:other-text": Template(
        "The signature is yours, but the signed text is not the agreement as it now stands.",
        "Fetch agreement.txt from /agreement afresh, sign it unchanged, and put it into /agreement.",
    ),
    "agreement:signature-date": Template(
        "The signature's date is in the future, or too old to ratify the agreement for {year}.",
        "Sign agreement.txt afresh, and put it into /agreement.",
    ),
    "agreement:not-a-party": Template(
        "Only schools, academies and other education providers ratify this agreement.",
        "Nothing needs doing: what you send does not wait for it.",
    ),
    "agreement:lapses-soon": Template(
        "Your organisation's ratification of the data sharing agreement counts until {lapses}, "
        "for {days} more days.",
        "Ratify it for {next_year}: sign the text in /agreement and drop it there, or tell the local "
        "authority's {desk}.",
    ),
}
