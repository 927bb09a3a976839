"""Check signatories, persons and legal bases: missing and unused names of agreement.toml."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.home.settings_file import nearest
from gateway.policy.agreement_schema import AgreementFile
from gateway.policy.catalogue_schema import Catalogue
from gateway.policy.faults import Contradiction
from gateway.policy.schema import NOBODY, PUPILS

_USUAL = frozenset(AgreementFile.model_fields["bases"].default)


def parties_faults(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield each fault: the file to correct, the place in the file, and a message."""
    yield from _signatories(catalogue)
    known, used = catalogue.agreement.bases, set[str]()
    for n, flow in enumerate(catalogue.flows.flow):
        used.update(flow.basis)
        for name in flow.basis:
            if name not in known:
                words = f"agreement.toml has no basis {name}{nearest(name, known)}"
                yield "flows.toml", ("flow", n, "basis"), words
    for name in known:
        if name not in used | _USUAL:
            yield "agreement.toml", ("bases", name), f"no flow rests on {name}"
    yield from _persons(catalogue)


def _signatories(catalogue: Catalogue) -> Iterator[Contradiction]:
    roles = catalogue.agreement.signatory
    names = [each.role for each in roles]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield "agreement.toml", ("signatory",), f"{name} is listed twice"
    kinds = catalogue.bodies.kinds()
    for n, role in enumerate(roles):
        for name in role.kinds:
            if name not in kinds:
                words = f"bodies.toml lists no kind {name}{nearest(name, kinds)}"
                yield "agreement.toml", ("signatory", n, "kinds"), words
    for kind in catalogue.bodies.parties() if roles else ():
        signing = catalogue.agreement.signatories(kind)
        if signing and [each.by_copy for each in signing].count(True) != 1:
            words = f"for a {kind}, exactly one of them signs by the copy in /agreement: by_copy = true"
            yield "agreement.toml", ("signatory",), words


def _persons(catalogue: Catalogue) -> Iterator[Contradiction]:
    known, used = {*catalogue.agreement.persons, NOBODY}, {PUPILS, NOBODY}
    listed = {group.of for group in catalogue.rights.group}
    for n, flow in enumerate(catalogue.flows.flow):
        for m, entry in enumerate(flow.data_type):
            used.update(entry.about)
            place = ("flow", n, "data_type", m, "about")
            for name in entry.about:
                if name not in known:
                    words = f"agreement.toml knows no persons {name}{nearest(name, known)}"
                    yield "flows.toml", place, words
                elif name not in listed and name != PUPILS:
                    words = f"rights.toml lists no item of {name}, so that no rule speaks of their data"
                    yield "flows.toml", place, words
    for n, group in enumerate(catalogue.rights.group):
        if group.of not in known:
            words = f"agreement.toml knows no persons {group.of}{nearest(group.of, known)}"
            yield "rights.toml", ("group", n, "of"), words
    for name in known:
        if name not in used:
            yield "agreement.toml", ("persons", name), f"no flow is about {name}"
