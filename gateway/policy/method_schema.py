"""The shape of methods.toml: the ways that data may travel."""

from __future__ import annotations

from pydantic import Field

from gateway.policy.schema import ClauseId, PolicyTable, Slug


class Strength(PolicyTable):
    """The shortest RSA key that may be enrolled. Below 2048 bits none is, whatever is set."""

    rsa_bits: int = Field(ge=1024)


class Circumstance(PolicyTable):
    """Something about the material that makes a method need more."""

    id: Slug
    clause: ClauseId
    question: str


class Material(PolicyTable):
    """What is no data type of a flow but travels under the agreement all the same."""

    id: Slug
    name: str
    clauses: tuple[ClauseId, ...] = Field(min_length=1)
    circumstances: tuple[Slug, ...] = ()


class Safeguard(PolicyTable):
    """Something a person puts in place and attests; `told` completes "it was not confirmed that: …"."""

    id: Slug
    clause: ClauseId
    question: str
    told: str


class Need(PolicyTable):
    """One of `any_of` must be attested; only in a circumstance of `when`, never in one of `unless`."""

    any_of: tuple[Slug, ...] = Field(min_length=1)
    when: tuple[Slug, ...] = ()
    unless: tuple[Slug, ...] = ()

    def arises(self, circumstances: frozenset[str]) -> bool:
        """Whether the need exists in these circumstances."""
        wanted = not self.when or not circumstances.isdisjoint(self.when)
        return wanted and circumstances.isdisjoint(self.unless)


class Method(PolicyTable):
    """One way of travelling. See methods.toml for each key."""

    id: Slug
    name: str
    clause: ClauseId
    electronic: bool = False
    declarable: bool = True
    flows: tuple[Slug, ...] | None = None
    senders: tuple[Slug, ...] | None = None
    need: tuple[Need, ...] = ()


class MethodsFile(PolicyTable):
    """methods.toml."""

    flow_circumstances: tuple[Slug, ...]
    strength: Strength
    circumstance: tuple[Circumstance, ...] = ()
    material: tuple[Material, ...] = ()
    safeguard: tuple[Safeguard, ...] = ()
    method: tuple[Method, ...] = Field(min_length=1)

    def find(self, identifier: str) -> Method | None:
        """The method of that id, if any."""
        return next((method for method in self.method if method.id == identifier), None)

    def safeguards(self) -> dict[str, Safeguard]:
        """Each safeguard by its id."""
        return {safeguard.id: safeguard for safeguard in self.safeguard}
