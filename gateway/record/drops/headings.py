"""A provider's statement about headings, signed and dropped in /keys: valid from then on.

A statement may name items of Appendix A, but neither the subject of a record nor a sensitive heading; values
under a heading are still judged by the kind of the item.
"""

from gateway.classify import load_rules
from gateway.examiner.protocol import HeadingsDrop
from gateway.model import Decision, Held, Refused, Settled
from gateway.policy.items import harmless_name
from gateway.record.drops.drop import Drop
from gateway.registry import harmless, log
from gateway.registry.harmless import Harmless


def settle(drop: Drop, found: HeadingsDrop) -> Decision:
    """Store a valid statement, or refuse all of a statement with one forbidden meaning."""
    catalogue = drop.registrar.catalogue
    if drop.provider.suspended or drop.provider.is_closed:
        code = "policy:suspended" if drop.provider.suspended else "policy:closed"
        return Held(reasons=(catalogue.reason(code),))
    rules = load_rules(drop.registrar.home.policies_in_force)
    wrong = [
        number
        for number, (heading, key) in enumerate(found.stated, 1)
        if not harmless_name(heading)
        or (key and (not rules.may_be_stated(key) or rules.sensitive.of_name(heading)))
    ]
    if wrong:
        lines = ", ".join(map(str, wrong))
        return Refused(reasons=(catalogue.reason("key:headings-refused", lines=lines),))
    for heading, key in found.stated:
        harmless.state(
            drop.session,
            Harmless(
                name=harmless_name(heading),
                header=heading,
                provider=drop.provider.id,
                listed_at=drop.now,
                listed_by=f"the key {found.signature.certificate}",
                why=drop.reference,
                field=key,
            ),
        )
        entry = log.Entry(kind="column-listed", subject=drop.provider.id, note=f"{heading} = {key}")
        log.append(drop.session, [entry], drop.now)
    return Settled(flow="keys", reasons=(catalogue.reason("key:headings-taken", count=len(found.stated)),))
