"""Match counted fields, from columns or XML elements, against the signatures of data types."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.classify import results
from gateway.classify.content import Unreadable, declared_between, unknown
from gateway.classify.rules import ColumnSignature
from gateway.classify.tally import Tally
from gateway.classify.verdict import Verdict

_ONLY_SHARE = 0.5
_AGED_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence of a table: columns per field, values, the text above, kinds of examination results."""

    widths: Mapping[str, int]
    tally: Tally
    above: str
    kinds: Counter[results.Kind | None]


def best_fit(evidence: Evidence, format: str) -> Verdict:  # noqa: A002
    """Return the best-fitting type; of two fitting equally, the one declared by the file's name.

    Raises Unreadable where none fits, or two fit equally and neither is declared.
    """
    fitting = [s for s in evidence.tally.rules.data_types.tables if _fits(s, evidence)]
    if not fitting:
        raise unknown("no kind of data that is known has such columns", format=format)
    rank = max(s.rank for s in fitting)
    best = [s for s in fitting if s.rank == rank]
    tied, declared = dict.fromkeys(s.type for s in best), evidence.tally.declared
    if len(tied) > 1 and declared in tied:
        best = [s for s in best if s.type == declared]
    others = [s.type for s in sorted(fitting, key=lambda s: -s.rank) if s.type != best[0].type]
    if any(s.type != best[0].type for s in best):
        raise Unreadable("classify:ambiguous", *(s.because for s in best), format=format)
    if best[0].waits:
        raise Unreadable(best[0].waits, best[0].because, format=format, about=best[0].because)
    verdict = Verdict(
        data_type=best[0].type,
        level=best[0].level,
        evidence=[*(s.because for s in best), f"columns or elements that are known: {len(evidence.widths)}"],
        format=format,
        runner_up=next(iter(others), None),
        part=best[0].part,
    )
    if len(tied) > 1:
        verdict.evidence.append(declared_between(best[0].type, tied))
    if best[0].results:
        kinds = evidence.kinds
        verdict.data_type, verdict.mixed_with, why = results.prevailing_kind(kinds, format, declared)
        verdict.evidence.append(why)
    return verdict


def _fits(signature: ColumnSignature, evidence: Evidence) -> bool:
    present = evidence.widths.keys()
    return (
        present >= set(signature.needs)
        and present.isdisjoint(signature.without)
        and all(present & set(group) for group in signature.any)
        and len(present & set(signature.of)) >= signature.at_least
        and all(evidence.widths.get(key, 0) >= count for key, count in signature.many.items())
        and (not signature.no_results or not evidence.tally.account.has_unknown_results())
        and (not signature.above or any(word in evidence.above for word in signature.above))
        and _values_fit(signature, evidence.tally)
    )


def _values_fit(signature: ColumnSignature, tally: Tally) -> bool:
    among = {**signature.only, **{key: tally.rules.code_sets[name] for key, name in signature.among.items()}}
    return (
        all(tally.field(key).share_good() >= share for key, share in signature.share.items())
        and all(tally.field(key).share_among(values) >= _ONLY_SHARE for key, values in among.items())
        and (signature.ages is None or tally.share_aged(*signature.ages) >= _AGED_SHARE)
    )
