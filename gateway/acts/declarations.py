"""Acts on declarations: statements that data went, or will go, by another way than the gateway."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, ClassVar

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDetails, FieldGroup, ReadingAct, Revealed
from gateway.acts.fields import Moment, Reference, argument, option
from gateway.acts.listing import DatedListing, ProviderListing, Row
from gateway.acts.policy_explain import decision_object
from gateway.errors import ChoiceError
from gateway.log.leaf import rfc3339
from gateway.model import Decision, Held
from gateway.openpgp.sealer import clearsign
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import typed_moment
from gateway.policy.decide import Declaration, decide_method, subject
from gateway.publish.projection import Issued
from gateway.receipts.text import declaration_statement
from gateway.registry import agreements, log, receipts
from gateway.registry.tables import DeclarationRow, ReceiptRow

if TYPE_CHECKING:
    from gateway.record.registrar import Registrar


class Declare(Act, command="declarations add", right=AccessRight.ENROL):
    """Declare a transfer by another method: the agreement decides by the safeguards in place.

    Every decision goes on record, and the provider gets a receipt.
    """

    field_groups: ClassVar = (
        FieldGroup("What is sent", ("provider", "data", "circumstance")),
        FieldGroup("The way that it takes", ("method", "safeguard", "on", "dry_run")),
    )

    provider: str = option("Whose transfer it is.", metavar="ID", names="school")
    method: str = option("How it travels: a method of methods.toml, such as post.", form="How it travels.")
    data: str = option("A data type, a flow, or a material of methods.toml.", form="What it is that travels.")
    circumstance: tuple[str, ...] = option(
        "Something that is true of the data; may be given again.", (),
        form="What is true of the data.",
    )  # fmt: skip
    safeguard: tuple[str, ...] = option(
        "A safeguard that is in place; may be given again.", (),
        form="What is in place, of the way that you chose.",
    )  # fmt: skip
    on: Moment | None = option("When it goes; now if not given.", None)
    dry_run: bool = option("Say what would be decided; record nothing.", default=False)

    @classmethod
    def known(cls, catalogue: Catalogue) -> Mapping[str, Mapping[str, str]]:
        """Return the agreement's choices for four fields: method, data, circumstance and safeguard."""
        methods = catalogue.methods
        return {
            "method": {one.id: one.name for one in methods.method if one.declarable},
            "data": {one: catalogue.wording.name(one) for one in catalogue.data_types()}
            | {one.id: one.name for one in methods.material},
            "circumstance": {one.id: one.question for one in methods.circumstance},
            "safeguard": {one.id: one.question for one in methods.safeguard},
        }

    @classmethod
    def revealed(cls, catalogue: Catalogue) -> Revealed:
        """Return the safeguards that a form offers for each method, shown once the method is chosen."""
        methods = (one for one in catalogue.methods.method if one.declarable and one.need)
        return {
            "method": {
                one.id: {"safeguard": tuple(dict.fromkeys(way for need in one.need for way in need.any_of))}
                for one in methods
            }
        }

    def confirms(self) -> bool:
        """Return False for a dry run, which changes nothing; otherwise True."""
        return not self.dry_run

    def effect(self, context: ActContext) -> str:
        """Return in words the decision that the agreement gives. NotFoundError for an unknown provider."""
        with context.open_registrar() as registrar:
            declaration = self._declaration(registrar, context)
            decision = judge(declaration, registrar.catalogue)
            heading = _heading(declaration, decision, registrar.catalogue)
        return f"{heading}. {' '.join(reason.sentence for reason in decision.reasons)}"

    def carry_out(self, context: ActContext) -> ActDetails:
        """Decide on the declaration; except on a dry run, record it with the decision and issue a receipt."""
        with context.open_registrar() as registrar:
            catalogue, declaration = registrar.catalogue, self._declaration(registrar, context)
            decision = judge(declaration, catalogue)
            reference = None if self.dry_run else _recorded(registrar, declaration, decision, context.person)
        values = decision_object(decision) | {
            "reference": reference,
            "recorded": reference is not None,
            "provider": declaration.provider.id,
            "method": declaration.method,
            "data": declaration.data,
            "goes_at": rfc3339(declaration.at),
            "safeguards": sorted(declaration.safeguards),
            "circumstances": sorted(declaration.circumstances),
        }
        return ActDetails(
            heading=_heading(declaration, decision, catalogue),
            values=values,
            paragraphs=tuple(
                f"{one.sentence} {one.next_step} (clause {one.clause}; {one.code})".replace("  ", " ")
                for one in decision.reasons
            ),
            closing=("dry run: nothing is recorded" if reference is None else f"recorded as {reference}",),
            refused=""
            if decision.state == "accepted"
            else f"the agreement does not allow this{' yet' if decision.state == 'held' else ''}: "
            f"{decision.reasons[0].sentence}",
        )

    def _declaration(self, registrar: Registrar, context: ActContext) -> Declaration:
        catalogue = registrar.catalogue
        at = typed_moment(self.on, catalogue.calendar.timezone) if self.on else context.clock()
        for name, known in self.known(catalogue).items():
            for one in (given,) if isinstance(given := getattr(self, name), str) else given:
                if one not in known and not (name == "method" and catalogue.methods.find(one)):
                    choices = ", ".join(f"{id_} ({said})" for id_, said in known.items())
                    raise ChoiceError(f"there is no {name} {one}; it is one of {choices}")
        with registrar.registry.read() as session:
            sender = registrar.provider(session, self.provider, at)
        return Declaration(
            provider=sender,
            method=self.method,
            data=self.data,
            at=at,
            safeguards=frozenset(self.safeguard),
            circumstances=frozenset(self.circumstance),
        )


NOT_YET = {
    "policy:agreement-not-ratified": "Do not send it yet. Ratify the agreement (sign the text in /agreement "
    "and drop it there, or tell the local authority), then declare it again.",
    "policy:embargo": "Do not send it before that moment. Then declare it again.",
    "policy:suspended": "Do not send it. Ask the local authority.",
    "policy:closed": "Do not send it. Ask the local authority.",
}
"""The next step for each reason to wait: a held declaration is never decided again automatically."""


def judge(declaration: Declaration, catalogue: Catalogue) -> Decision:
    """Return the agreement's decision on a declared transfer, with next steps that fit a declaration."""
    decision = decide_method(declaration, catalogue)
    if not isinstance(decision, Held):
        return decision
    steps = ((reason, NOT_YET.get(reason.code, reason.next_step)) for reason in decision.reasons)
    return replace(decision, reasons=tuple(replace(reason, next_step=step) for reason, step in steps))


def _recorded(registrar: Registrar, declaration: Declaration, decision: Decision, by: str) -> str:
    """Record a declaration and the decision on it, with a log entry and a receipt; return the reference."""
    catalogue, now, signing = registrar.catalogue, registrar.clock(), registrar.signing
    found = subject(declaration.data, catalogue)
    data_types = found.data_types if found else ()
    with registrar.registry.write() as session:
        reference = receipts.fresh_reference(session, declaration.provider.id, now)
        statement = declaration_statement(
            declaration, decision, catalogue, title=found.title if found else declaration.data,
            reference=reference, organisation=registrar.settings.organisation, at=now,
        )  # fmt: skip
        session.add(
            DeclarationRow(
                reference=reference,
                provider=declaration.provider.id,
                method=declaration.method,
                data=declaration.data,
                data_types=" ".join(data_types),
                flow=decision.flow,
                goes_at=declaration.at,
                safeguards=" ".join(sorted(declaration.safeguards)),
                circumstances=" ".join(sorted(declaration.circumstances)),
                state=decision.state,
                reasons=json.dumps([asdict(reason) for reason in decision.reasons]),
                declared_at=now,
                declared_by=by,
            )
        )
        fields: dict[str, str | None] = {
            "provider": declaration.provider.id,
            **statement.digests,
            "policies": catalogue.digest,
            "method": declaration.method,
            "data_type": data_types[0] if len(data_types) == 1 else None,
            "flow": decision.flow,
            "state": decision.state,
            "safeguards": ",".join(sorted(declaration.safeguards)),
            "reasons": ",".join(dict.fromkeys(reason.code for reason in decision.reasons)),
        }
        entry = log.Entry(kind="declared", subject=reference, fields=fields, actor=by)
        numbers = log.append(session, [entry], now)
        head = registrar.sign_head(session, now)
        (proof,) = receipts.proofs(session, numbers, head=head, signing=signing)
        session.add(
            ReceiptRow(
                reference=reference,
                provider=declaration.provider.id,
                name=f"DECLARED {declaration.method} {declaration.data}",
                stage="declared",
                text=clearsign(signing.openpgp, statement.for_people(proof)),
                json_text=statement.for_machines(proof, signing.log_key.sign),
                created_at=now,
            )
        )
        session.flush()
    registrar.bring_out(Issued(head))
    return reference


_DECIDED = {"accepted": "allowed", "held": "not allowed yet", "refused": "not allowed"}


def _heading(declaration: Declaration, decision: Decision, catalogue: Catalogue) -> str:
    found, way = subject(declaration.data, catalogue), catalogue.methods.find(declaration.method)
    title, method = found.title if found else declaration.data, way.name if way else declaration.method
    return f"{title} by {method}: {_DECIDED[decision.state]}"


class ListDeclarations(DatedListing, ProviderListing, command="declarations list", right=AccessRight.LOOK):
    """List every declaration, in the order they were made."""

    columns: ClassVar = ("reference", "provider", "method", "data", "state", "goes_at", "declared_by")
    personal_columns: ClassVar = ("declared_by",)
    empty: ClassVar = "nothing was declared"
    latest: ClassVar = True
    when: ClassVar = "goes_at"

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each declaration of one provider, or of all."""
        with context.reading() as session:
            self.check_provider(session)
            return [_row(each) for each in agreements.declarations(session, provider=self.provider)]


class ShowDeclaration(ReadingAct, command="declarations show", right=AccessRight.LOOK):
    """Show a declaration: the safeguards stated, and the decision."""

    reference: Reference = argument("The declaration, as it was recorded.", metavar="REF")

    def carry_out(self, context: ActContext) -> ActDetails:
        """Return a declaration: the safeguards and circumstances declared, the decision and the reasons."""
        with context.reading() as session:
            row = _row(agreements.declaration(session, self.reference))
        return ActDetails(
            heading="",
            values=row,
            lines={name: value for name, value in row.items() if name != "reasons"},
            paragraphs=tuple(
                f"[{one['code']}, clause {one['clause']}]\n{one['sentence']}" for one in row["reasons"]
            ),
        )


def _row(known: DeclarationRow) -> dict[str, Any]:
    row = known.model_dump(exclude={"sequence", "data_types"})
    row["safeguards"], row["circumstances"] = known.safeguards.split(), known.circumstances.split()
    row["reasons"] = json.loads(known.reasons)
    return row
