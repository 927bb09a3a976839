"""confirmed.toml: the clauses read by a person, and the citations of each clause."""

import json
from collections.abc import Collection

from gateway.policy.agreement_schema import Confirmed
from gateway.policy.catalogue_schema import Catalogue
from gateway.policy.citations import cited_by
from gateway.policy.clause_texts import ClauseTexts
from gateway.policy.schema import ClauseId

_HEAD = """\
#:schema schemas/confirmed.schema.json
# What each clause said when somebody last read it, as a digest, and what cited it then.
#
# `gateway policy confirm` writes this file, after showing the clause and what cites it. Where the text of a
# clause changes, or something new cites it, `gateway policy check` fails until it has been read again.
"""


def due(catalogue: Catalogue) -> tuple[ClauseId, ...]:
    """Return the clauses whose text or citations differ from the confirmed ones, in the agreement's order."""
    now, before = _as_they_are(catalogue), catalogue.confirmed.clauses
    return tuple(
        clause for clause in (*now, *(before.keys() - now.keys())) if before.get(clause) != now.get(clause)
    )


def confirmed(catalogue: Catalogue, clauses: Collection[ClauseId]) -> str:
    """Return confirmed.toml updated for the clauses just read; other entries stay as they were."""
    now, before = _as_they_are(catalogue), catalogue.confirmed.clauses
    kept = {clause: each for clause, each in before.items() if clause not in clauses}
    read = {clause: now[clause] for clause in clauses if clause in now}
    order = [clause for clause in catalogue.agreement.clauses if clause in kept or clause in read]
    order += [clause for clause in kept if clause not in order]
    return _HEAD + "".join(_entry(clause, read.get(clause) or kept[clause]) for clause in order)


def cited_now(catalogue: Catalogue) -> dict[ClauseId, tuple[str, ...]]:
    """Return the citations of each clause of the agreement, in words."""
    return {clause: each.cited_by for clause, each in _as_they_are(catalogue).items()}


def _as_they_are(catalogue: Catalogue) -> dict[ClauseId, Confirmed]:
    used = cited_by(catalogue)
    digests = ClauseTexts(catalogue.agreement, catalogue.agreement_text).digests()
    return {
        clause: Confirmed(sha256=digest, cited_by=used[clause])
        for clause, digest in digests.items()
        if clause in used
    }


def _entry(clause: ClauseId, entry: Confirmed) -> str:
    names = "".join(f"    {json.dumps(name, ensure_ascii=False)},\n" for name in entry.cited_by)
    return f'\n[clauses."{clause}"]\nsha256 = "{entry.sha256}"\ncited_by = [\n{names}]\n'
