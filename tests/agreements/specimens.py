"""A small table of each kind of data, made from what the policies themselves say of its columns."""

from __future__ import annotations

import csv
import io

from gateway.classify.rules import ColumnSignature, Rules
from gateway.model import Classified, Facts, NamedSchool
from gateway.policy.catalogue import Catalogue
from gateway.policy.schema import Flow

NUMBER = "9994001"
_PUPILS = (("X999000000001", "Aldous", "Nia"), ("A999000000002", "Blake", "Gwen"))


def classified(
    catalogue: Catalogue, flow: Flow, data_type: str, *, items: tuple[str, ...] = ()
) -> Classified:
    """A file as it would be recognised: of two people, all of one school, with these items."""
    return Classified(
        data_type=data_type,
        level="certain",
        evidence=(),
        format="CSV",
        extension="csv",
        pupils=2,
        items=items or allowed(catalogue, flow, data_type),
        facts=Facts(la=NUMBER[:3], establishment=NUMBER[3:]),
        schools=(NamedSchool(dfe_number=NUMBER, records=2),),
    )


def allowed(catalogue: Catalogue, flow: Flow, data_type: str) -> tuple[str, ...]:
    """Items of whom the flow is about that some team of it, or a recipient, may have."""
    entry = flow.of(data_type)
    whom = (*entry.teams, *flow.recipients)
    return tuple(
        item
        for item, group in catalogue.appendix_a.items()
        if group.of in entry.about
        and item.partition(": ")[2] not in group.proposed
        and all(catalogue.may_have(one, item) for one in whom[:1])
    )


def table(rules: Rules, signature: ColumnSignature, number: str = NUMBER) -> bytes:
    """A CSV file with the columns that a signature needs, and those that tell who and of which school."""
    fields = [*signature.needs, *(group[0] for group in signature.any)]
    who = ("upn", "surname", "forename", "birth-date", "school-number")
    known = [field for field in who if field in rules.fields]
    must = {field for several in rules.data_types.types[signature.type].must for field in several}
    if must & set(who):
        fields = [*known, *(field for field in fields if field not in known)]
    headings = {field: rules.fields[field].columns[0] for field in fields}
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(headings.values())
    for count, pupil in enumerate(_PUPILS, 1):
        person = dict(zip(who, (*pupil, "2014-03-01", number), strict=True))
        rows.writerow([person.get(field, str(count)) for field in headings])
    return text.getvalue().encode()


def plain_signatures(rules: Rules) -> list[ColumnSignature]:
    """The signatures that ask for nothing but columns: one for each kind of data that has such a one."""
    found: dict[str, ColumnSignature] = {}
    for one in rules.data_types.tables:
        asks_more = (
            one.of, one.many, one.share, one.only, one.above, one.part, one.waits, one.results, one.without
        )  # fmt: skip
        columns = [rules.fields[field].columns for field in (*one.needs, *(group[0] for group in one.any))]
        if not any(asks_more) and all(columns):
            found.setdefault(one.type, one)
    return list(found.values())
