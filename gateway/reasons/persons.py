"""Reasons for decisions by persons, and for waiting for one: the stages `person` and `internal`."""

from __future__ import annotations

from gateway.reasons.template import ASK, Template

WITHDRAWN = frozenset({"person:withdrawn", "person:withdrawn-for-good"})
"""Codes of a file withdrawn after being passed on: awaiting a second person, or final."""

OVERRIDING = frozenset({"person:released-against-policy", "person:redelivered"})
"""Codes of decisions by persons overriding the agreement; the agreement's reason follows."""

REASONS: dict[str, Template] = {
    "person:released": Template(
        "A named person at the local authority released the file.",
        "Nothing needs doing.",
    ),
    "person:released-against-policy": Template(
        "Two named persons at the local authority released the file, though the agreement speaks against it: "
        "what it says stands beside this reason.",
        "Nothing needs doing. If you object, tell the local authority's {desk}, and quote the reference.",
    ),
    "person:returned": Template(
        "A named person at the local authority looked at the file and sends it back with advice.",
        "{advice}",
    ),
    "person:refused": Template(
        "A named person at the local authority looked at the file and did not take it.",
        ASK,
    ),
    "person:withdrawn": Template(
        "A named person at the local authority has taken the file out of every mailbox. {opened}",
        "Nothing needs doing. A second person decides what becomes of it, and another receipt will say so.",
    ),
    "person:withdrawn-for-good": Template(
        "Two named persons at the local authority have withdrawn the file: it is in no mailbox. {opened}",
        "If the local authority should have this data, send a corrected file. If you want to know more, "
        "ask the local authority's {desk}; quote the reference on this receipt.",
    ),
    "person:redelivered": Template(
        "A named person at the local authority gave the file to a further team.",
        "Nothing needs doing.",
    ),
    "internal:held": Template(
        "The gateway could not examine the file by itself; a person at the local authority will look at it.",
        "Nothing needs doing unless they ask.",
    ),
}
