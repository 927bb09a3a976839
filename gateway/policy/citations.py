"""Find the names in policy files, as names.toml lists them, and the clauses that entries cite.

A clause begins on a line starting with the number and a blank, after bullets or heading marks; for a clause
printed without its number, `[printed]` of agreement.toml gives the opening words. Of several such places the
last counts, because a table of contents comes first. A clause ends at the beginning of the next.

A citation holds only while the clause still supports the entry. `confirmed.toml` stores, for each clause, the
SHA-256 of its text when a person last read it, and the citations at that time. An edited clause or a new
citation waits for `gateway policy confirm`.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Literal, NamedTuple

from gateway.home.settings_file import Location, nearest, values_at
from gateway.policy.catalogue_schema import Catalogue
from gateway.policy.faults import Contradiction
from gateway.policy.schema import ClauseId
from gateway.policy.small_schemas import Confirmed
from gateway.reasons import REASONS


@dataclass(frozen=True, slots=True, kw_only=True)
class NameSort:
    """One kind of names in policy files, such as the ids of flows: where names are defined, and where used.
    names.toml explains each field.
    """

    defined: Sequence[str] = ()
    catalogue: str = ""
    besides: Sequence[str] = ()
    used_in: Sequence[str] = ()
    named_in: Sequence[str] = ()
    always: Sequence[str] = ()
    unknown: str = ""
    repeated: str = ""
    unused: str = ""


Among = Literal["sorts", "across"]


@cache
def names() -> tuple[dict[Among, list[NameSort]], dict[str, str]]:
    """Return the kinds of names in names.toml; and the texts by which messages name an entry that cites a
    clause, such as "flow {id}", by the entry's place in the policies.
    """
    found = tomllib.loads(files("gateway.policy").joinpath("names.toml").read_text("utf-8"))
    cited = found["citations"]
    for sort in found["sorts"].values():
        if sort.pop("cited", False):
            sort["named_in"] += cited
    return {key: [NameSort(**sort) for sort in found[key].values()] for key in ("sorts", "across")}, cited


class NameFound(NamedTuple):
    """A name in a policy file, with file and location. `within`: the table with the name."""

    name: str
    file: str
    location: Location
    within: Mapping[str, object]


def names_at(models: Mapping[str, object], place: str) -> Iterator[NameFound]:
    """Yield every name at a place. A place is written "FILE PATH", in the form that names.toml explains."""
    pattern, path = place.split()
    for file in (file for file in models if fnmatch(file, pattern)):
        for location, name, within in values_at(models[file], path):
            yield NameFound(name, file, location, within)


def name_faults(
    catalogue: Catalogue, models: Mapping[str, object], among: Among = "sorts"
) -> Iterator[Contradiction]:
    """Yield a contradiction for each name that is unknown, repeated or unused. `among`: the table of
    names.toml that lists the kinds of names to look at.
    """

    def found(places: Sequence[str]) -> list[NameFound]:
        return [each for place in places for each in names_at(models, place)]

    for sort in names()[0][among]:
        defined, used, named = map(found, (sort.defined, sort.used_in, sort.named_in))
        besides = (*sort.besides, *(getattr(catalogue, sort.catalogue) if sort.catalogue else ()))
        known = Counter([*(each.name for each in defined), *besides])
        for each in (*used, *named) if sort.unknown else ():
            if each.name not in known:
                words = sort.unknown.format(name=each.name, near=nearest(each.name, known))
                yield each.file, each.location, words
        for name, count in known.items():
            if sort.repeated and count > 1:
                first = next(each for each in defined if each.name == name)
                yield first.file, first.location[:1], sort.repeated.format(name=name)
        needed = {each.name for each in used}.union(sort.always)
        for each in defined if sort.unused else ():
            if each.name not in needed:
                words = sort.unused.format(name=each.name, near=nearest(each.name, needed))
                yield each.file, each.location, words


_NUMBERED = re.compile(
    r"^[ \t>*#-]*((?:\d{1,2}|[A-Z])(?:\.\d{1,2})+(?:\([a-z]\))*|\d{1,2}(?:\([a-z]\))+)(?:[.):]|\.\))? +\S",
    re.MULTILINE,
)
"""The beginning of a line with the number of a clause that has a parent, as 5.3.1, A.3(b), 3(a)."""


def numbered(text: str) -> dict[ClauseId, str]:
    """Return by number the words of each numbered clause of a text, up to the next number or empty line."""
    found = list(_NUMBERED.finditer(text))
    ends = [each.start() for each in found[1:]] + [len(text)]
    said = (text[each.end() - 1 : end].partition("\n\n")[0] for each, end in zip(found, ends, strict=True))
    return dict(zip((each[1] for each in found), said, strict=True))


def clause_texts(catalogue: Catalogue) -> dict[ClauseId, str]:
    """Return the text of each clause in the agreement, up to the next clause, with single spaces."""
    text = catalogue.agreement_text
    starts = {clause: start for clause, start in _starts(catalogue) if start is not None}
    ends = dict(pairwise(sorted({*starts.values(), len(text)})))
    return {clause: " ".join(text[start : ends[start]].split()) for clause, start in starts.items()}


def clause_digests(catalogue: Catalogue) -> dict[ClauseId, str]:
    """Return for each clause of the agreement the SHA-256 (hex) of its number, short name and text."""
    short = catalogue.agreement.clauses
    return {
        clause: hashlib.sha256(f"{clause}\0{short[clause]}\0{text}".encode()).hexdigest()
        for clause, text in clause_texts(catalogue).items()
    }


def text_faults(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield a fault for each clause missing in the text or under `[clauses]`, or that begins where another
    clause begins.
    """
    taken: dict[int, ClauseId] = {}
    for clause, start in _starts(catalogue):
        if start is None:
            words = f"the text has no clause {clause}: mend it, or say under [printed] how its text begins"
            yield "agreement.toml", ("clauses", clause), words
        elif (other := taken.setdefault(start, clause)) != clause:
            yield "agreement.toml", ("printed", clause), f"clauses {other} and {clause} begin in one place"
    for clause in sorted(numbered(catalogue.agreement_text).keys() - catalogue.agreement.clauses.keys()):
        words = f"the text has a clause {clause}, and no words stand for it here"
        yield "agreement.toml", ("clauses",), words


def _starts(catalogue: Catalogue) -> Iterator[tuple[ClauseId, int | None]]:
    """Yield each clause with the position of its text in the agreement, None if the text is missing."""
    text, agreement = catalogue.agreement_text, catalogue.agreement
    for clause in agreement.clauses:
        if (printed := agreement.printed.get(clause)) is None:
            yield clause, _last_numbered(text, clause)
        else:
            yield clause, text.rfind(printed) if printed in text else None


@lru_cache(1024)
def _last_numbered(text: str, clause: ClauseId) -> int | None:
    """Return the position of the last line that begins with a clause's number; None if no line does."""
    number = rf"^[ \t>*#-]*{re.escape(clause)}(?:[.):]|\.\))? +\S"
    found = [match.start() for match in re.finditer(number, text, re.MULTILINE)]
    return found[-1] if found else None


CONFIRM = "read it, and then: gateway policy confirm"
_NAMED = 3
"""How many of the entries that cite an unconfirmed clause are named."""


def citations(catalogue: Catalogue) -> Iterator[tuple[NameFound, str]]:
    """Yield every citation of a clause in the policies, with the citing entry's description ("flow core")."""
    for place, by in names()[1].items():
        for found in names_at(catalogue.files, place):
            yield found, by.format(**found.within)


def cited_by(catalogue: Catalogue) -> dict[ClauseId, tuple[str, ...]]:
    """Return the descriptions of the entries that cite each clause, sorted."""
    found: defaultdict[ClauseId, set[str]] = defaultdict(set)
    for each, by in citations(catalogue):
        found[each.name].add(by)
    return {clause: tuple(sorted(names)) for clause, names in found.items()}


def citation_faults(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield a fault for each reason without a clause, and for each clause that is missing in the text, cited
    nowhere, or not confirmed.
    """
    # Check that reasons.toml holds exactly the reasons with a clause of their own.
    wanted = {code for code, template in REASONS.items() if template.rests_on == "the code"}
    lacking = sorted(wanted - catalogue.reasons.clauses.keys())
    yield from (
        ("reasons.toml", ("clauses",), f"the reason {each} rests on no clause: add it") for each in lacking
    )
    for code in sorted(catalogue.reasons.clauses.keys() - wanted):
        words = f"there is no reason {code}{nearest(code, wanted)}"
        if code in REASONS:
            words = f"{code} rests on the clause of {REASONS[code].rests_on}: take it out here"
        yield "reasons.toml", ("clauses", code), words
    yield from text_faults(catalogue)
    agreement, used, digests = catalogue.agreement, cited_by(catalogue), clause_digests(catalogue)
    for clause in agreement.clauses:
        if clause in used and clause in agreement.uncited:
            yield "agreement.toml", ("uncited", clause), f"clause {clause} is cited: take it out here"
        elif not (clause in used or clause in agreement.uncited or agreement.is_heading(clause)):
            words = f"nothing rests on clause {clause}: cite it, or say under [uncited] why not"
            yield "agreement.toml", ("clauses", clause), words
    yield from _unconfirmed(catalogue, digests)
    for clause, known in catalogue.confirmed.clauses.items():
        if clause in digests and known.sha256 != digests[clause]:
            words = (
                f"the text of clause {clause} has changed since it was confirmed for: "
                f"{', '.join(used.get(clause, ()))}; {CONFIRM} {clause}"
            )
            yield "confirmed.toml", ("clauses", clause), words
        for gone in sorted(set(known.cited_by) - set(used.get(clause, ()))):
            words = f"clause {clause} was confirmed for {gone}, which no longer cites it; {CONFIRM} {clause}"
            yield "confirmed.toml", ("clauses", clause), words


def _unconfirmed(catalogue: Catalogue, digests: Mapping[ClauseId, str]) -> Iterator[Contradiction]:
    """Yield a fault for each clause that is cited by an entry for which nobody has confirmed it."""
    unread: defaultdict[ClauseId, list[tuple[NameFound, str]]] = defaultdict(list)
    for each, by in citations(catalogue):
        known = catalogue.confirmed.clauses.get(each.name)
        if each.name in digests and (known is None or by not in known.cited_by):
            unread[each.name].append((each, by))
    for clause, cited_at in unread.items():
        first, more = cited_at[0][0], len(cited_at) - _NAMED
        names = ", ".join(by for _, by in cited_at[:_NAMED]) + (f" and {more} more" if more > 0 else "")
        words = f"nobody has confirmed that clause {clause} says this, for {names}: {CONFIRM} {clause}"
        yield first.file, first.location, words


_HEAD = """\
#:schema schemas/confirmed.schema.json
# What each clause said when somebody last read it, as a digest, and what cited it then.
#
# `gateway policy confirm` writes this file, after showing the clause and what cites it. Where the text of a
# clause changes, or something new cites it, `gateway policy check` fails until it has been read again.
"""


def due(catalogue: Catalogue) -> tuple[ClauseId, ...]:
    """Return the clauses to confirm, whose text or citations have changed since a person confirmed them."""
    now, before = cited_now(catalogue), catalogue.confirmed.clauses
    return tuple(clause for clause in {**now, **before} if before.get(clause) != now.get(clause))


def confirmed(catalogue: Catalogue, clauses: Collection[ClauseId]) -> str:
    """Return the new text of confirmed.toml: `clauses` confirmed as they are now, other entries unchanged."""
    now, before = cited_now(catalogue), catalogue.confirmed.clauses
    kept = {clause: each for clause, each in before.items() if clause not in clauses}
    kept |= {clause: now[clause] for clause in clauses if clause in now}
    text = _HEAD
    for clause in dict.fromkeys((*(each for each in catalogue.agreement.clauses if each in kept), *kept)):
        entry = kept[clause]
        names = "".join(f"    {json.dumps(name, ensure_ascii=False)},\n" for name in entry.cited_by)
        text += f'\n[clauses."{clause}"]\nsha256 = "{entry.sha256}"\ncited_by = [\n{names}]\n'
    return text


def cited_now(catalogue: Catalogue) -> dict[ClauseId, Confirmed]:
    """Return by cited clause what confirms the clause as it is now: the digest of its text, and its
    citations.
    """
    used = cited_by(catalogue)
    return {
        clause: Confirmed(sha256=digest, cited_by=used[clause])
        for clause, digest in clause_digests(catalogue).items()
        if clause in used
    }
