"""The act that enrols or updates many providers from a list, such as the DfE's register of schools."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDetails, ActListing, Recording
from gateway.acts.fields import GivenFile, argument, option
from gateway.acts.keys import enrol_key
from gateway.acts.listing import columns_of
from gateway.acts.providers import decide_again, enrol, judged_key, keep_contact, note, set_columns
from gateway.enrolment.provider_list import ListedProvider, read_list
from gateway.errors import GatewayError
from gateway.model import Provider, counted
from gateway.registry import keys, providers
from gateway.registry.tables import ProviderRow

_AS_BEFORE = "as on record"
_BY_LIST = "by a list of providers"


class ImportProviders(Act, command="providers import", right=AccessRight.ENROL, by_program=True):
    """Enrol the providers in a CSV file, or update those on record. All or nothing.

    Takes the columns of GIAS, the DfE's register of schools, unchanged.
    """

    file: GivenFile = argument("A CSV file whose first line names columns.", metavar="FILE")
    dry_run: bool = option("Only say what would be done.", default=False)
    same_schools: bool = option(
        "Schools with other numbers now were the same by their former ones: their copies stay.", default=False
    )

    def confirms(self) -> bool:
        """Return False for a dry run, which changes nothing; otherwise True."""
        return not self.dry_run

    def carry_out(self, context: ActContext) -> ActDetails:
        """Import the list; on a dry run, only return the changes. GatewayError names faulty lines.
        Files held because of a provider's record are decided again. Copies that a provider had by a former
        number are taken back.
        """
        from gateway.acts import notices  # noqa: PLC0415 - as in decide_again

        others = list[str]()
        with context.recording(access=True, copies=True, tried=self.dry_run) as record:
            before = {one.id: one for one in providers.list_providers(record.session)}
            known = {
                number: provider.id
                for provider in before.values()
                if provider.closed_on is None
                for number in (provider.dfe_number, provider.urn)
                if number is not None
            }
            bodies = record.registrar.catalogue.bodies
            folder = self.file.folder or Path()
            listed, passed_over = read_list(self.file.content, folder, known, bodies.kinds())
            rows = [self._row(record, one) for one in listed]
            for one in providers.list_providers(record.session):
                was = before.get(one.id, one)
                if (was.dfe_number, was.urn) != (one.dfe_number, one.urn):
                    others += notices.hold_back(context, record, was, _BY_LIST, same_school=self.same_schools)
        if not self.dry_run:
            decide_again(context)
        return self._told(rows, Counter(passed_over), bodies.with_own_pupils, others)

    def _row(self, record: Recording, one: ListedProvider) -> dict[str, Any]:
        """Enrol or update the provider on one line; return the result. GatewayError names the line."""
        try:
            if record.session.get(ProviderRow, one.id) is not None:
                what = _changed(record, one)
            else:
                what = "new"
                enrol(
                    record,
                    Provider(id=one.id, name=one.name, kind=one.kind, dfe_number=one.dfe_number, urn=one.urn),
                )
            if one.role is not None:
                reached = (one.role, one.email, one.telephone)
                if keep_contact(record, one.id, *reached, why=_BY_LIST) and what != "new":
                    what = f"{what}, contact" if what != _AS_BEFORE else "changed: contact"
            added = sum(self._add_key(record, one.id, file) for file in one.key_files)
        except GatewayError as error:
            raise GatewayError(f"nothing was enrolled: line {one.line}: {error}") from None
        names = ("line", "id", "name", "kind", "dfe_number", "urn")
        return columns_of([one], *names)[0] | {"keys": added, "what": what}

    def _add_key(self, record: Recording, provider: str, file: Path) -> bool:
        """Enrol the key in a file as pending; return False if the provider has the key already, else True."""
        if self.file.folder is None:
            raise GatewayError("it names a key file: leave that column out, and add keys by hand")
        new = judged_key(record, GivenFile.read(file).content)
        known = keys.holder(record.session, new.kind, new.fingerprint)
        if known is not None and (known.owner_kind, known.owner) == ("provider", provider):
            return False
        enrol_key(record, "provider", provider, new, state="pending")
        return True

    def _told(
        self, rows: Sequence[dict[str, Any]], passed_over: Counter[str], with_own_pupils: Collection[str],
        others: Sequence[str],
    ) -> ActDetails:  # fmt: skip
        counts = Counter(str(row["what"]).partition(":")[0] for row in rows)
        done = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
        would = "would be: " if self.dry_run else ""
        closing = [f"{would or 'done: '}{done or 'nothing'}"]
        closing += [
            f"passed over: {counted(count, 'line')} ({why})" for why, count in sorted(passed_over.items())
        ]
        if without := sum(not row["dfe_number"] for row in rows if row["kind"] in with_own_pupils):
            closing.append(
                f"without a DfE number: {without}; a file that names another school is not noticed"
            )
        if added := sum(row["keys"] for row in rows):
            ring = "ring each provider, then gateway keys confirm ID FPR"
            closing.append(f"{counted(added, 'key')} to be confirmed: {ring}")
        closing += [f"{would}{one}" for one in others]
        columns = ("line", "id", "name", "kind", "dfe_number", "urn", "keys", "what")
        changed = [row for row in rows if row["what"] != _AS_BEFORE or row["keys"]]
        tried = (ActListing(changed, columns, empty="all of it is on record so already"),)
        return ActDetails("", rows, parts=tried if self.dry_run else (), closing=tuple(closing))


def _changed(record: Recording, one: ListedProvider) -> str:
    """Update an enrolled provider from one line of the list; return the changes in words.
    GatewayError for a closed provider, a changed kind of provider, or a number of another provider.
    """
    row = providers.provider_row(record.session, one.id)
    if row.kind != one.kind:
        raise GatewayError(
            f"{one.id} is {row.kind} on record: gateway providers convert {one.id} --kind {one.kind}"
        )
    if row.closed_on is not None:
        raise GatewayError(f"{one.id} is on record as closed: gateway providers reopen {one.id}")
    new = {
        column: value
        for column in ("name", "dfe_number", "urn")
        if (value := getattr(one, column)) is not None and getattr(row, column) != value
    }
    if not new:
        return _AS_BEFORE
    note(record, "provider-changed", set_columns(record, row, new), _BY_LIST)
    return f"changed: {', '.join(column.replace('_', ' ') for column in new)}"
