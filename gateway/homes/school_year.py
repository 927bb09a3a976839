"""Write a school year into proposed policies: its terms and the text of its agreement.

The files keep their comments and order. The result is checked as a whole before being proposed; nothing
changes until a second person approves.
"""

import csv
import io
import shutil
import tempfile
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import tomlkit
from sqlmodel import Session
from tomlkit.items import AoT

from gateway.enrolment.provider_list import decoded
from gateway.errors import GatewayError
from gateway.policy.catalogue import load_catalogue, load_unchecked, policy_files
from gateway.policy.citations import due
from gateway.policy.edits import edits
from gateway.record import policy_proposals as proposals
from gateway.record.policies_in_force import Keeper
from gateway.record.registrar import Registrar

_FORMS = ("%Y-%m-%d", "%d/%m/%Y", "%d %B %Y", "%A %d %B %Y", "%A, %d %B %Y", "%d-%m-%Y", "%d %b %Y")
_FIRST = ("first", "start", "begins", "from", "first day", "start date", "term starts")
_LAST = ("last", "end", "ends", "to", "last day", "end date", "term ends")
_WHAT = ("what", "kind", "type")
_INSET = ("inset", "training")
_MOST_TRAINING_DAYS = 7


Dates = tuple[Sequence[tuple[date, date]], Sequence[date]]
"""Terms of a school year, as first and last days, and the training days shared by all schools."""


def read_dates(data: bytes) -> Dates:
    """Return the terms and training days in a council's CSV file. GatewayError names an unreadable line.
    The first line names the columns: first and last (or start and end). An optional column "what" marks
    training days by the word INSET or training: the first day alone, or all days from it to the last one.
    """
    rows = csv.reader(io.StringIO(decoded(data, "the term dates are"), newline=""))
    headings = [heading.strip().lower() for heading in next(rows, [])]
    first, last, what = (
        next((headings.index(name) for name in names if name in headings), None)
        for names in (_FIRST, _LAST, _WHAT)
    )
    if first is None or last is None:
        raise GatewayError("the term dates need a first line that names the columns: first,last")
    terms, inset = [], []
    for cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        begins = _day(_cell(cells, first), rows.line_num)
        if what is not None and any(word in _cell(cells, what).lower() for word in _INSET):
            ends = _day(_cell(cells, last), rows.line_num) if _cell(cells, last) else begins
            if not 0 <= (ends - begins).days < _MOST_TRAINING_DAYS:
                raise GatewayError(f"line {rows.line_num}: {begins} to {ends} are no training days")
            inset += [begins + timedelta(days=day) for day in range((ends - begins).days + 1)]
        else:
            terms.append((begins, _day(_cell(cells, last), rows.line_num)))
    if not terms:
        raise GatewayError("there is no term in the file")
    return sorted(terms), sorted(inset)


def propose_year(
    registrar: Registrar, year: str, *, dates: Dates | None, text: str | None, version: str | None,
    by: str, why: str | None, at: datetime,
) -> bool:  # fmt: skip
    """Propose the policies in force with changes for a school year, such as "2027-28".
    Return False, proposing nothing, if nothing would change. `dates` replaces the terms, `text` and `version`
    the text and version of the agreement; None changes nothing. A second person approves the proposal like
    any other. The files in policies/ stay. Raises ConfigurationError where the policies would have faults,
    GatewayError where other policies are proposed, or a clause must first be read and confirmed.
    """
    keeper = Keeper(registrar.home, registrar.registry, registrar.signing, registrar.clock)
    with tempfile.TemporaryDirectory(prefix="gateway-policies-") as aside:
        draft = Path(aside) / registrar.home.policies.name
        draft.mkdir()
        for path in policy_files(registrar.home.policies_in_force):
            shutil.copyfile(path, draft / path.name)
        # Change the files of a draft.
        catalogue = load_catalogue(draft)
        if text is not None:
            (draft / catalogue.agreement.text).write_text(text, "utf-8")
            if unread := due(load_unchecked(draft)):
                raise GatewayError(
                    f"in the new text what something rests on is another: clause {', '.join(unread)}. Put it "
                    f"into policies/{catalogue.agreement.text}, and its version into agreement.toml. Then: "
                    "gateway policy confirm, gateway policy propose, and this command without the text"
                )
        if version is not None:
            agreement = tomlkit.parse((draft / "agreement.toml").read_text("utf-8"))
            agreement["version"] = version
            (draft / "agreement.toml").write_text(tomlkit.dumps(agreement), "utf-8")
        if dates is not None:
            calendar = tomlkit.parse((draft / "calendar.toml").read_text("utf-8"))
            _put_terms(calendar, year, *dates)
            (draft / "calendar.toml").write_text(tomlkit.dumps(calendar), "utf-8")
        if not edits(registrar.home.policies_in_force, draft):
            return False
        digest = keeper.keep(draft)
    with registrar.registry.write() as session:
        check_none_waits(session, digest)
        proposals.propose(session, digest, at, by=by, why=why, at=at)
        registrar.sign_head(session, at)
    return True


def check_none_waits(session: Session, digest: str | None = None) -> None:
    """Raise GatewayError if policies other than `digest` are proposed, and nobody has approved them yet."""
    known = proposals.proposal(session)
    if known is not None and known.approved_by is None and known.digest != digest:
        raise GatewayError(
            f"policies that {known.by} proposed wait for a second person: first gateway policy approve, or "
            "gateway policy withdraw"
        )


def _put_terms(
    calendar: tomlkit.TOMLDocument, academic_year: str, periods: Sequence[tuple[date, date]],
    inset: Sequence[date],
) -> None:  # fmt: skip
    """Write a school year's terms and training days into the calendar, replacing earlier ones of the year."""
    years = calendar.get("school_year")
    if not isinstance(years, AoT):
        years = calendar["school_year"] = tomlkit.aot()
    year = next((known for known in years if known.get("academic_year") == academic_year), None)
    if year is None:
        years.append(tomlkit.item({"academic_year": academic_year}))
        year = years[-1]
    terms = tomlkit.array().multiline(multiline=True)
    for first, last in periods:
        term = tomlkit.inline_table()
        term.update({"first": first, "last": last})
        terms.append(term)
    year["terms"] = terms
    year.pop("inset", None)
    if inset:
        year["inset"] = list(inset)
    year.add(tomlkit.nl())


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place].strip() if place < len(cells) else ""


def _day(text: str, line: int) -> date:
    for form in _FORMS:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise GatewayError(f"line {line}: {text or 'nothing'} is no day; write 2027-09-02 or 02/09/2027")
