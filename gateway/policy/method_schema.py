"""The models of methods.toml: the ways in which data may travel."""

from pydantic import Field

from gateway.policy.schema import ClauseId, PolicyTable, Slug


class Strength(PolicyTable):
    """The shortest RSA key that may be enrolled, in bits; never under 2048."""

    rsa_bits: int = Field(ge=2048)


class Circumstance(PolicyTable):
    """A circumstance of the material giving a method further needs."""

    id: Slug
    clause: ClauseId
    question: str


class Material(PolicyTable):
    """Material outside the data types of flows, yet travelling under the agreement."""

    id: Slug
    name: str
    clauses: tuple[ClauseId, ...] = Field(min_length=1)
    circumstances: tuple[Slug, ...] = ()


class Safeguard(PolicyTable):
    """A safeguard attested by a person; `told` completes "it was not confirmed that: …"."""

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
        """Return True if the need exists in these circumstances."""
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
        """Return the method with an id, if any."""
        return next((method for method in self.method if method.id == identifier), None)

    def safeguards(self) -> dict[str, Safeguard]:
        """Return each safeguard by id."""
        return {safeguard.id: safeguard for safeguard in self.safeguard}
