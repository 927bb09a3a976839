"""Reasons for contradictions between two providers about a pupil: the stage `discrepancy`."""

from __future__ import annotations

from gateway.reasons.template import Template

REASONS: dict[str, Template] = {
    "discrepancy:two-rolls": Template(
        "{record} is of a pupil who is also on the roll of another school{others}.",
        "Check whether the pupil has left. If so, send the leaving date; if not, tell the local "
        "authority's {desk}.",
    ),
    "discrepancy:birth-date": Template(
        "{record} gives a date of birth that differs from the one another school gave{others}.",
        "Check the date against the birth certificate, and send the record again if it is wrong.",
    ),
    "discrepancy:former-upn": Template(
        "{record} is of a pupil who is on a roll under an old and a new pupil number{others}.",
        "Check the pupil's number and former number, and send the record again if either is wrong.",
    ),
}
