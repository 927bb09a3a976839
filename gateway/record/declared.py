"""Record a declared transfer by another method: decision, log entry and receipt, in one transaction."""

from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from gateway.model import Decision, Held
from gateway.openpgp.sealer import clearsign
from gateway.policy.catalogue import Catalogue
from gateway.policy.methods import Declaration, decide_method, subject
from gateway.publish.projection import Issued
from gateway.receipts.declaration import DeclarationFacts, stated_declaration
from gateway.receipts.text import Statement
from gateway.record.registrar import Registrar
from gateway.registry import declarations, log, receipts
from gateway.registry.log import Entry
from gateway.registry.tables import ReceiptRow

_NOT_YET = {
    "policy:agreement-not-ratified": "Do not send it yet. Ratify the agreement (sign the text in /agreement "
    "and drop it there, or tell the local authority), then declare it again.",
    "policy:embargo": "Do not send it before that moment. Then declare it again.",
    "policy:suspended": "Do not send it. Ask the local authority.",
}


def judge(declaration: Declaration, catalogue: Catalogue) -> Decision:
    """Return the decision on a declared transfer by the agreement; a held one waits for no date."""
    decision = decide_method(declaration, catalogue)
    if not isinstance(decision, Held):
        return decision
    steps = ((reason, _NOT_YET.get(reason.code, reason.next_step)) for reason in decision.reasons)
    return replace(decision, reasons=tuple(replace(reason, next_step=step) for reason, step in steps))


def record(registrar: Registrar, declaration: Declaration, *, by: str) -> tuple[str, Decision]:
    """Decide on a declaration, record the decision with a receipt, and return reference and decision."""
    catalogue, now = registrar.catalogue, registrar.clock()
    decision = judge(declaration, catalogue)
    with registrar.registry.write() as session:
        reference = receipts.fresh_reference(session, declaration.provider.id, now)
        facts = _facts(registrar, declaration, decision, reference, now)
        found = subject(declaration.data, catalogue)
        declarations.record(
            session, declaration, decision, reference=reference, at=now, by=by,
            data_types=found.data_types if found else (),
        )  # fmt: skip
        statement = stated_declaration(facts)
        (number,) = log.append(session, [_entry(declaration, facts, statement, catalogue, by)], now)
        head = _issue(registrar, session, facts, statement, number=number, now=now)
    registrar.bring_out(head)
    return reference, decision


def _facts(
    registrar: Registrar, declaration: Declaration, decision: Decision, reference: str, now: datetime
) -> DeclarationFacts:
    catalogue, provider = registrar.catalogue, declaration.provider
    method, found = catalogue.methods.find(declaration.method), subject(declaration.data, catalogue)
    told = {each.id: each.told for each in catalogue.methods.safeguard}
    asked = {each.id: each.question for each in catalogue.methods.circumstance}
    return DeclarationFacts(
        reference=reference,
        provider=provider.id,
        provider_name=provider.name,
        organisation=registrar.settings.organisation,
        state=decision.state,
        declared_at=now,
        goes_at=declaration.at,
        method=declaration.method,
        method_name=method.name if method else declaration.method,
        data=declaration.data,
        data_title=found.title if found else declaration.data,
        flow=decision.flow,
        safeguards=tuple(told[each] for each in sorted(declaration.safeguards & told.keys())),
        circumstances=tuple(f"{asked[e]} Yes." for e in sorted(declaration.circumstances & asked.keys())),
        reasons=decision.reasons,
        wording=catalogue.wording,
    )


def _entry(
    declaration: Declaration, facts: DeclarationFacts, statement: Statement, catalogue: Catalogue, by: str
) -> Entry:
    found = subject(declaration.data, catalogue)
    data_type = found.data_types[0] if found and len(found.data_types) == 1 else None
    fields: dict[str, str | None] = {
        "provider": facts.provider,
        **statement.digests,
        "policies": catalogue.digest,
        "method": facts.method,
        "data_type": data_type,
        "flow": facts.flow,
        "state": facts.state,
        "safeguards": ",".join(sorted(declaration.safeguards)),
        "reasons": ",".join(dict.fromkeys(reason.code for reason in facts.reasons)),
    }
    said = {name: value for name, value in fields.items() if value is not None}
    return Entry(kind="declared", subject=facts.reference, fields=said, actor=by)


def _issue(
    registrar: Registrar,
    session: Session,
    facts: DeclarationFacts,
    statement: Statement,
    *,
    number: int,
    now: datetime,
) -> Issued:
    signing = registrar.signing
    head = log.sign_head(session, signing.log_key, signing.origin, now)
    (proof,) = receipts.proofs(session, [number], head=head, signing=signing)
    session.add(
        ReceiptRow(
            reference=facts.reference,
            provider=facts.provider,
            name=f"DECLARED {facts.method} {facts.data}",
            stage="declared",
            text=clearsign(signing.openpgp, statement.for_people(proof)),
            json_text=statement.for_machines(proof, signing.log_key.sign),
            created_at=now,
        )
    )
    session.flush()
    return Issued(head)
