"""Every kind of quality fault, its severity, and the sentence for the sender.

As in the DfE's collections, an *error* must be corrected at the source; a *query* may be right but needs
checking. A finding never decides the type of a file.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.classify.value_kinds import is_expected
from gateway.model import Finding, Severity


@dataclass(frozen=True, slots=True)
class Kind:
    """Kind of fault: its severity, and its sentence, following the number of records."""

    severity: Severity
    sentence: str


FINDINGS: dict[str, Kind] = {
    "upn:malformed": Kind("error", "The UPN does not have the form of a UPN."),
    "upn:check-letter": Kind("error", "The first letter of the UPN does not fit its digits."),
    "upn:temporary": Kind("query", "The UPN is a temporary one; a permanent one is due."),
    "upn:duplicate": Kind("error", "The UPN stands in the file more than once."),
    "upn:other-name": Kind("error", "The UPN stands in the file with another surname, too."),
    "former-upn:invalid": Kind("query", "The former UPN is not a valid UPN."),
    "uln:invalid": Kind("query", "The unique learner number is not a valid one."),
    "nhs:invalid": Kind("query", "The NHS number is not a valid one."),
    "item:missing": Kind("error", "A data item that every record must have is missing."),
    "results:lacking": Kind("error", "Results that this return is made of are missing."),
    "code:unknown": Kind("query", "A code is not one of the published codes."),
    "cell:formula": Kind("query", "A cell holds a formula, which a spreadsheet program would run."),
    "date:malformed": Kind("error", "A date cannot be read."),
    "value:other": Kind("error", "A cell holds something else than it should."),
    "date:future": Kind("error", "A date lies in the future."),
}


def severity(code: str) -> Severity:
    """Return the severity of a fault. Raises KeyError for an unknown code."""
    return FINDINGS[code].severity


def shown_expected(finding: Finding) -> str:
    """Return the correct form if in the gateway's words: a hostile file may have captured its classifier."""
    return finding.expected if is_expected(finding.expected) else ""


def describe(finding: Finding, told: Callable[[str], str] = str) -> str:
    """Return a finding for a person: number of records, data item, fault and the first records.

    `told` translates each part.
    """
    records = told("1 record" if finding.count == 1 else f"{finding.count} records")
    if finding.of:
        records = told(f"{finding.count} of {finding.of}")
    about = f" ({finding.about})" if finding.about else ""
    expected = shown_expected(finding)
    instead = f"No team gets this. Write {expected}, and nothing else in the cell." if expected else ""
    sentences = " ".join(filter(None, (told(FINDINGS[finding.code].sentence), told(instead))))
    where = ", ".join(str(row) for row in finding.rows)
    more = ", …" if finding.count > len(finding.rows) else ""
    tail = f" {told('Records')}: {where}{more}." if finding.rows else ""
    return f"{records}{about}: {sentences}{tail}"
