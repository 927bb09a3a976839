"""Plant quality faults: choose the pupils, and count what the receipt should report.

A fault sits in exactly one pupil, and at most a fifth of the pupils have any, so that a file with faults
keeps its type. `upn:duplicate` repeats a whole record: the number of distinct pupils stays the same, and each
repetition counts once.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from random import Random
from typing import Literal

from gateway.samples.people import Pupil, temporary_upn, wrong_upn

CHECK_LETTER = "upn:check-letter"
TEMPORARY = "upn:temporary"
DUPLICATE = "upn:duplicate"
MISSING = "item:missing"
UNKNOWN_CODE = "code:unknown"
FUTURE = "date:future"

UPN_FAULTS = (CHECK_LETTER, TEMPORARY)
RECORD_FAULTS = (CHECK_LETTER, TEMPORARY, DUPLICATE, MISSING, UNKNOWN_CODE, FUTURE)

MissingItem = Literal["surname", "upn"]
PupilCode = Literal["ethnicity", "sex", "enrol_status", "sen_provision"]
CodeField = PupilCode | Literal["result"]


def plant(
    rng: Random,
    pupils: Sequence[Pupil],
    faults: Sequence[str],
    *,
    code: CodeField,
    missing: MissingItem,
    today: date,
) -> tuple[list[Pupil], dict[str, int]]:
    """Return `pupils` with some of `faults` planted, and the number of each.

    An unknown code goes into the field `code`; for "result" the pupil is only marked, and the layout writes a
    code unknown to every list. The item `missing` is left empty. A date in the future is the date of birth.
    """
    # A fault for each pupil to spoil: all kinds in turn, at least one, at most a fifth of `count`.
    count = len(pupils)
    order = rng.sample(list(faults), len(faults))
    budget = min(max(1, count // 5), len(faults) * max(1, count // 60))
    chosen = [order[n % len(order)] for n in range(budget)] if order else []
    victims = rng.sample(range(len(pupils)), len(chosen))
    planted = list(pupils)
    for index, fault in zip(victims, chosen, strict=True):
        planted[index] = _spoil(pupils[index], fault, code, missing, today)
        if fault == DUPLICATE:
            planted.append(planted[index])
    return planted, {fault: chosen.count(fault) for fault in dict.fromkeys(chosen)}


def _spoil(pupil: Pupil, fault: str, code: CodeField, missing: MissingItem, today: date) -> Pupil:
    spoilt = replace(pupil, fault=fault)
    match fault:
        case "upn:check-letter":
            return replace(spoilt, upn=wrong_upn(pupil.upn))
        case "upn:temporary":
            return replace(spoilt, upn=temporary_upn(pupil.upn))
        case "item:missing":
            return replace(spoilt, surname="") if missing == "surname" else replace(spoilt, upn="")
        case "date:future":
            return replace(spoilt, dob=date(today.year + 20, 1, 15))
        case "code:unknown":
            return spoilt if code == "result" else _with_unknown_code(pupil, code)
        case _:
            return spoilt


def _with_unknown_code(pupil: Pupil, field: PupilCode) -> Pupil:
    match field:
        case "ethnicity":
            return replace(pupil, ethnicity="QQQQ")
        case "sex":
            return replace(pupil, sex="Q")
        case "enrol_status":
            return replace(pupil, enrol_status="Q")
        case "sen_provision":
            return replace(pupil, sen_provision="W")
