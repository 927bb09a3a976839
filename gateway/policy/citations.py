"""Find the clause that each policy entry cites, its text, and a person's confirmation.

A clause begins on a line starting with its number and a blank, after bullets or heading marks; for a clause
printed without its number, `[printed]` of agreement.toml gives the opening words. A clause ends at the
beginning of the next.

A citation holds only while the clause still supports the entry. `confirmed.toml` stores, for each clause, the
SHA-256 of its text when a person last read it, and the citations at that time. An edited clause or a new
citation waits for `gateway policy confirm`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import pairwise

from gateway.home.settings_file import nearest
from gateway.policy.agreement_schema import Confirmed
from gateway.policy.catalogue_schema import Catalogue
from gateway.policy.faults import Contradiction
from gateway.policy.names import NameFound, names, names_at
from gateway.policy.schema import ClauseId
from gateway.reasons import REASONS

_NUMBERED = re.compile(
    r"^[ \t>*#-]*((?:\d{1,2}|[A-Z])(?:\.\d{1,2})+(?:\([a-z]\))*|\d{1,2}(?:\([a-z]\))+)(?:[.):]|\.\))? +\S",
    re.MULTILINE,
)
"""A line that begins with the number of a clause below a heading: 5.3.1, A.3(b), 3(a)."""


def numbered(text: str) -> dict[ClauseId, str]:
    """Return the text of each numbered clause, up to the next number, in order."""
    found = list(_NUMBERED.finditer(text))
    ends = [each.start() for each in found[1:]] + [len(text)]
    said = (text[each.end() - 1 : end].partition("\n\n")[0] for each, end in zip(found, ends, strict=True))
    return dict(zip((each[1] for each in found), said, strict=True))


def clause_texts(catalogue: Catalogue) -> dict[ClauseId, str]:
    """Return the text of each clause found in the agreement, up to the next clause, with single blanks."""
    text = catalogue.agreement_text
    starts = {clause: start for clause, start in _starts(catalogue) if start is not None}
    ends = dict(pairwise(sorted({*starts.values(), len(text)})))
    return {clause: " ".join(text[start : ends[start]].split()) for clause, start in starts.items()}


def clause_digests(catalogue: Catalogue) -> dict[ClauseId, str]:
    """Return the SHA-256 (hex) of number, short name and text of each clause found in the agreement."""
    short = catalogue.agreement.clauses
    return {
        clause: hashlib.sha256(f"{clause}\0{short[clause]}\0{text}".encode()).hexdigest()
        for clause, text in clause_texts(catalogue).items()
    }


def text_faults(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield a fault for each clause missing in the text or in `[clauses]`, or starting where another does."""
    taken: dict[int, ClauseId] = {}
    for clause, start in _starts(catalogue):
        if start is None:
            words = f"the text has no clause {clause}: mend it, or say under [printed] how its text begins"
            yield "agreement.toml", ("clauses", clause), words
        elif (other := taken.setdefault(start, clause)) != clause:
            yield "agreement.toml", ("printed", clause), f"clauses {other} and {clause} begin in one place"
    for clause in numbered(catalogue.agreement_text).keys() - catalogue.agreement.clauses.keys():
        words = f"the text has a clause {clause}, and no words stand for it here"
        yield "agreement.toml", ("clauses",), words


def _starts(catalogue: Catalogue) -> Iterator[tuple[ClauseId, int | None]]:
    """Yield each clause with the position of its text in the agreement, or None if missing there."""
    text, agreement = catalogue.agreement_text, catalogue.agreement
    for clause in agreement.clauses:
        if (printed := agreement.printed.get(clause)) is None:
            yield clause, _last_numbered(text, clause)
        else:
            yield clause, text.find(printed) if printed in text else None


@lru_cache(1024)
def _last_numbered(text: str, clause: ClauseId) -> int | None:
    """Return the start of the last line beginning with the number of a clause."""
    number = rf"^[ \t>*#-]*{re.escape(clause)}(?:[.):]|\.\))? +\S"
    found = [match.start() for match in re.finditer(number, text, re.MULTILINE)]
    return found[-1] if found else None


CONFIRM = "read it, and then: gateway policy confirm"


def citations(catalogue: Catalogue) -> Iterator[tuple[NameFound, str]]:
    """Yield every clause cited in the policies, file by file, and the name of the entry that cites it."""
    for place, by in names()[1].items():
        for found in names_at(catalogue.files, place):
            yield found, by.format(**found.within)


def cited_by(catalogue: Catalogue) -> dict[ClauseId, tuple[str, ...]]:
    """Return the citations of each clause, in words, sorted."""
    found: defaultdict[ClauseId, set[str]] = defaultdict(set)
    for each, by in citations(catalogue):
        found[each.name].add(by)
    return {clause: tuple(sorted(names)) for clause, names in found.items()}


def citation_faults(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield reasons without a clause, and clauses missing in the text, cited by no entry, or unconfirmed."""
    # Check that reasons.toml holds exactly the reasons with a clause of their own.
    wanted = {code for code, template in REASONS.items() if template.rests_on == "the code"}
    for code in sorted(wanted - catalogue.reasons.clauses.keys()):
        yield "reasons.toml", ("clauses",), f"the reason {code} rests on no clause: add it"
    for code in sorted(catalogue.reasons.clauses.keys() - wanted):
        if code in REASONS:
            words = f"{code} rests on the clause of {REASONS[code].rests_on}: take it out here"
        else:
            words = f"there is no reason {code}{nearest(code, wanted)}"
        yield "reasons.toml", ("clauses", code), words
    agreement, used = catalogue.agreement, cited_by(catalogue)
    yield from text_faults(catalogue)
    for clause in agreement.clauses:
        if clause not in used and clause not in agreement.uncited and not agreement.is_heading(clause):
            words = f"nothing rests on clause {clause}: cite it, or say under [uncited] why not"
            yield "agreement.toml", ("clauses", clause), words
    for clause in agreement.uncited:
        if clause in used:
            yield "agreement.toml", ("uncited", clause), f"clause {clause} is cited: take it out here"
    yield from _unconfirmed(catalogue, clause_digests(catalogue))


def _unconfirmed(catalogue: Catalogue, digests: Mapping[ClauseId, str]) -> Iterator[Contradiction]:
    confirmed, used = catalogue.confirmed.clauses, cited_by(catalogue)
    for each, by in citations(catalogue):
        known = confirmed.get(each.name)
        if each.name in digests and (known is None or by not in known.cited_by):
            words = f"nobody has confirmed that clause {each.name} says this: {CONFIRM} {each.name}"
            yield each.file, each.location, words
    for clause, known in confirmed.items():
        place = ("clauses", clause)
        if clause in digests and known.sha256 != digests[clause]:
            words = (
                f"the text of clause {clause} has changed since it was confirmed for: "
                f"{', '.join(used.get(clause, ()))}; {CONFIRM} {clause}"
            )
            yield "confirmed.toml", place, words
        for gone in sorted(set(known.cited_by) - set(used.get(clause, ()))):
            words = f"clause {clause} was confirmed for {gone}, which no longer cites it; {CONFIRM} {clause}"
            yield "confirmed.toml", place, words


_HEAD = """\
#:schema schemas/confirmed.schema.json
# What each clause said when somebody last read it, as a digest, and what cited it then.
#
# `gateway policy confirm` writes this file, after showing the clause and what cites it. Where the text of a
# clause changes, or something new cites it, `gateway policy check` fails until it has been read again.
"""


def due(catalogue: Catalogue) -> tuple[ClauseId, ...]:
    """Return the clauses to confirm: their text or citations changed since a person confirmed them."""
    now, before = cited_now(catalogue), catalogue.confirmed.clauses
    return tuple(
        clause for clause in (*now, *(before.keys() - now.keys())) if before.get(clause) != now.get(clause)
    )


def confirmed(catalogue: Catalogue, clauses: Collection[ClauseId]) -> str:
    """Return confirmed.toml with these clauses recorded as read today, and all other entries unchanged."""
    now, before = cited_now(catalogue), catalogue.confirmed.clauses
    kept = {clause: each for clause, each in before.items() if clause not in clauses}
    read = {clause: now[clause] for clause in clauses if clause in now}
    order = [clause for clause in catalogue.agreement.clauses if clause in kept or clause in read]
    order += [clause for clause in kept if clause not in order]
    text = _HEAD
    for clause in order:
        entry = read.get(clause) or kept[clause]
        names = "".join(f"    {json.dumps(name, ensure_ascii=False)},\n" for name in entry.cited_by)
        text += f'\n[clauses."{clause}"]\nsha256 = "{entry.sha256}"\ncited_by = [\n{names}]\n'
    return text


def cited_now(catalogue: Catalogue) -> dict[ClauseId, Confirmed]:
    """Return for each cited clause the digest of its text, and its citations."""
    used = cited_by(catalogue)
    return {
        clause: Confirmed(sha256=digest, cited_by=used[clause])
        for clause, digest in clause_digests(catalogue).items()
        if clause in used
    }
