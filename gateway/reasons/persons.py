"""What persons decided, and what waits for one: the stages `person` and `internal`."""

from __future__ import annotations

from gateway.reasons.template import ASK, Template

REASONS: dict[str, Template] = {
    "person:released": Template(
        "A named person at the local authority released the file.",
        "Nothing needs doing.",
    ),
    "person:released-against-policy": Template(
        "Two named persons at the local authority released the file, though the agreement speaks against it: "
        "what it says stands beside this reason.",
        "Nothing needs doing. If you object, tell the central data team, and quote the reference.",
    ),
    "person:returned": Template(
        "A named person at the local authority looked at the file and sends it back with advice.",
        "{advice}",
    ),
    "person:refused": Template(
        "A named person at the local authority looked at the file and did not take it.",
        ASK,
    ),
    "internal:held": Template(
        "The gateway could not examine the file by itself; a person at the local authority will look at it.",
        "Nothing needs doing unless they ask.",
    ),
}
