"""The effect of each policy setting: does an edit lose protection, or change nothing, and why?

`EFFECTS` lists every place of every file; the first matching line counts. A place is the path of keys, with
"*" for one part and "**" for any rest. `loses` names the edits making data less safe: "more" (an addition, a
raised number, a switch turned on), "less", "any" or "never". `lax` lists values from the strictest to the
laxest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Loses = Literal["more", "less", "any", "never"]
Place = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of a setting, in words. `idle`: an edit changes no outcome, for the reason given in `does`.

    `absent` is the default of an absent setting: True or False for a switch, `ALL` for a list.
    """

    does: str
    loses: Loses = "never"
    lax: tuple[str, ...] = ()
    idle: bool = False
    absent: bool | str | None = None


ALL = "all"


_TOLD = Effect("words that people read; nothing is decided by them", idle=True)
_AIM = Effect("which clause a thing rests on, as receipts and reports cite it", "any")
_FINDS = Effect("how files, columns and elements are recognised", "any")
_NAMES = Effect("which columns and elements are taken for what; what is not known waits", "any")
_VALUES = Effect("which values are passed on", "any")
_HINTS = Effect("what the name of a file suggests; a hint never decides", idle=True)
_TERMS = Effect("the days on which data is due, and so who is late")

_LAW = "law-*.toml"
EFFECTS: dict[str, tuple[tuple[str, Effect], ...]] = {
    "agreement.toml": (
        ("title", _TOLD),
        ("version", _TOLD),
        ("languages", _TOLD),
        ("contacts.**", _TOLD),
        ("text", Effect("the text that providers read and sign", "any")),
        ("tell.*", _AIM),
        ("documents", Effect("the texts that providers sign with it", "any")),
        ("bases.*", _TOLD),
        ("persons.*", _TOLD),
        ("signatory.*", Effect("whose signatures a ratification needs", "less")),
        ("signatory.*.name", _TOLD),
        ("signatory.*.by_copy", Effect("whose signature a signed copy is", "any")),
        ("year.warn_days", Effect("when providers are warned that their ratification lapses")),
        ("year.*", Effect("when a ratification counts", "any")),
        (
            "discrepancies.name_other_school",
            Effect("whether a school hears which other one has a pupil", "more"),
        ),
        (
            "discrepancies.*",
            Effect("which files are held against one another for pupils on two rolls", "less"),
        ),
        ("clauses.*", Effect("what a clause says, as decisions are explained", "any")),
        ("printed.*", Effect("where the text of a clause is looked for", idle=True)),
        ("uncited.*", Effect("why nothing rests on a clause", idle=True)),
    ),
    "reasons.toml": (("clauses.*", _AIM),),
    "confirmed.toml": (("clauses.**", Effect("which clauses a person has read", idle=True)),),
    "flows.toml": (
        ("switched_on", Effect("which flows of the law are in use", "more")),
        ("optional.**", Effect("what a flow of the law is once it is switched on", "any")),
        ("flow.*.law", _TOLD),
        ("flow.*", Effect("what kind of data may be sent at all", "more")),
        ("flow.*.clause", _AIM),
        ("flow.*.senders", Effect("who may send it", "more")),
        ("flow.*.on_behalf", Effect("who may deposit it for another", "more")),
        ("flow.*.for_a_person", Effect("from whom it is held rather than refused", "more")),
        ("flow.*.recipients", Effect("who is given it", "more")),
        ("flow.*.basis", Effect("on what basis it is taken, as listings tell it", idle=True)),
        (
            "flow.*.contents",
            Effect("whether results of examinations may stand in it", "any"),
        ),
        ("flow.*.embargo", Effect("whether it waits for the day of results", "less")),
        (
            "flow.*.unlisted",
            Effect("what becomes of columns that nobody lists", "any", ("hold", "leave-out")),
        ),
        (
            "flow.*.ratification",
            Effect("what becomes of it where the sender has not ratified", "any", ("hold", "accept")),
        ),
        ("flow.*.document.description", Effect("the name of it in receipts and listings", idle=True)),
        ("flow.*.document.from", Effect("the name of its senders in receipts", idle=True)),
        ("flow.*.document", _TOLD),
        ("flow.*.document.*", _TOLD),
        ("flow.*.data_type", Effect("what kind of data may be sent at all", "more")),
        ("flow.*.data_type.*", Effect("what kind of data may be sent at all", "more")),
        ("flow.*.data_type.*.name", _TOLD),
        (
            "flow.*.data_type.*.about",
            Effect("whose data it may hold, and whether teams need rights", "any"),
        ),
        ("flow.*.data_type.*.timescale", _TERMS),
        ("flow.*.data_type.*.timescale_of", _TERMS),
        ("flow.*.data_type.*.timescale_of.*", _TERMS),
        ("flow.*.data_type.*.also_due", _TERMS),
        ("flow.*.data_type.*.within", _TERMS),
        ("flow.*.data_type.*.each_replaces", Effect("whether the latest file stands for those before it")),
        ("flow.*.data_type.*.teams", Effect("which teams get it", "more")),
        ("flow.*.data_type.*.clauses", _AIM),
        ("flow.*.data_type.*.electronic", Effect("whether it may go by post or fax", "less")),
        (
            "flow.*.data_type.*.carries",
            Effect("which items outside the list pass in it without a word", "more"),
        ),
        (
            "flow.*.data_type.*.carried",
            Effect("which items outside the list pass in files that a law asks for, and to whom", "more"),
        ),
        (
            "flow.*.data_type.*.ratification",
            Effect("what becomes of it where the sender has not ratified", "any", ("hold", "accept")),
        ),
    ),
    _LAW: (
        ("lawful", Effect("which items pass in the returns of a year that a law asks for", "more")),
        ("awaited", Effect("which items wait until a later pack lets files hold them", "less")),
        ("references", _TOLD),
        ("coming", _TOLD),
        ("layouts.**", Effect("what the returns of a year hold, as samples draw and files are held to it")),
        ("**", Effect("the codes, versions and days of a year by which files are judged", "any")),
    ),
    "letters.toml": (
        ("**", Effect("which letters are written, when, to whom and in which words", idle=True)),
    ),
    "teams.toml": (
        ("team.*", Effect("which teams there are", "more")),
        ("team.*.name", Effect("the name of the team in receipts and listings", idle=True)),
        ("team.*.purpose", _TOLD),
        ("team.*.clauses", _AIM),
        ("team.*.triage", Effect("who sees files that wait", "more")),
        ("team.*.sensitive", Effect("who sees sensitive files that wait", "more")),
        ("team.*.pupil_level", Effect("whether it may have records of single pupils", "more", absent=True)),
        ("counts.threshold", Effect("below how many pupils a count is withheld", "less")),
        ("counts.rounding", Effect("how coarsely counts are rounded", "less")),
        ("counts.whole_percent", Effect("when a file counts as a whole roll", "less")),
        ("team.*.of", Effect("whose team it is, so that only flows to that body reach it", "any")),
        ("team.*.local", Effect("whether the agreement names the team, as explanations say", idle=True)),
    ),
    "rights.toml": (
        (
            "outside.default",
            Effect("whether items outside the list make a file wait", "any", ("hold", "notice")),
        ),
        (
            "outside.*",
            Effect("which items outside the list always make a file wait, and who sees it", "less"),
        ),
        (
            "proposed.action",
            Effect("whether items that are only proposed make a file wait", "any", ("hold", "notice")),
        ),
        ("proposed.sensitive", Effect("which proposed items few people see", "less")),
        ("group.*", Effect("which items the agreement lists", "more")),
        ("group.*.clause", _AIM),
        ("group.*.of", Effect("whose data it is, and so in which files it may stand", "any")),
        ("group.*.items", Effect("which items the agreement lists", "more")),
        ("group.*.proposed", Effect("which items are not yet agreed", "less")),
        ("group.*.reason", _TOLD),
        ("selection.*", Effect("which items teams may have singly", "more")),
        ("selection.*.items", Effect("which items teams may have singly", "more")),
        (
            "selection.*.identifies",
            Effect("whether these items alone are no reason for a team to get a file", "less"),
        ),
        ("right.*", Effect("which items a team may have", "more")),
        ("right.*.groups", Effect("which items a team may have", "more")),
        ("right.*.selections", Effect("which items a team may have", "more")),
        ("right.*.items", Effect("which items a team may have", "more")),
        ("right.*.without", Effect("which items a team may not have all the same", "less")),
        ("right.*.not_from", Effect("which items a team may not have of a kind of sender", "less")),
        ("right.*.not_from.*", Effect("which items a team may not have of a kind of sender", "less")),
        ("right.*.clauses", _AIM),
        ("right.*.why", _TOLD),
    ),
    "methods.toml": (
        (
            "flow_circumstances",
            Effect("what every file of a flow is taken to be, so that more is needed", "less"),
        ),
        ("strength.rsa_bits", Effect("the shortest RSA key that may be enrolled", "less")),
        ("circumstance.*", Effect("what makes a method need more", "less")),
        ("circumstance.*.clause", _AIM),
        ("circumstance.*.question", Effect("what a person is asked of the material", "any")),
        ("material.*", Effect("what may travel beside the flows", "more")),
        ("material.*.name", _TOLD),
        ("material.*.clauses", _AIM),
        ("material.*.circumstances", Effect("what is true of the material, so that more is needed", "less")),
        ("safeguard.*", Effect("which safeguards there are", "less")),
        ("safeguard.*.clause", _AIM),
        ("safeguard.*.*", Effect("what a person attests", "any")),
        ("method.*", Effect("by which ways data may travel", "more")),
        ("method.*.name", Effect("the name of the way in receipts", idle=True)),
        ("method.*.clause", _AIM),
        ("method.*.electronic", Effect("whether it counts as electronic transfer", "more")),
        ("method.*.declarable", Effect("whether it is declared by hand", "more", absent=True)),
        ("method.*.flows", Effect("what may travel so", "more", absent=ALL)),
        ("method.*.senders", Effect("who may send so", "more", absent=ALL)),
        ("method.*.need", Effect("which safeguards it needs", "less")),
    ),
    "calendar.toml": (
        ("timezone", Effect("whose clock days and embargoes go by", "any")),
        ("nation", _TERMS),
        ("year_starts", _TERMS),
        ("timescale.**", _TERMS),
        ("warn_days", Effect("when the administrator is asked for the next terms")),
        ("optional", Effect("what is missing only where it is expected")),
        ("results.*", Effect("until when results wait", "less")),
        ("results.*.**", Effect("until when results wait", "any")),
        ("school_year.**", _TERMS),
        ("term_rule", _TERMS),
        ("inset.**", _TERMS),
        ("census.**", _TERMS),
        ("due.**", _TERMS),
        ("phase.**", Effect("what is not expected of schools of a phase")),
    ),
    "breach.toml": (
        ("tell.*", _AIM),
        ("grave.*.clause", _AIM),
        ("**", Effect("what the record of a breach says of an item that was lost", "less")),
    ),
    "bodies.toml": (
        ("kind.*", Effect("which kinds of provider there are", "more")),
        ("kind.*.name", _TOLD),
        (
            "kind.*.ratifies",
            Effect("whether its files wait until it has signed the agreement", "less", absent=False),
        ),
        (
            "kind.*.own_pupils",
            Effect("whether a file of it that names another school waits", "less", absent=False),
        ),
        ("kind.*.speaks_for_others", Effect("whether it may send for further schools", "more", absent=False)),
        (
            "kind.*.identifier",
            Effect("which number is asked for, so that files of others are noticed", "any"),
        ),
        ("kind.*.becomes", Effect("which kinds it may turn into and keep its record")),
        ("kind.*.not_expected", Effect("what is never missed from it")),
        ("identifier.*", Effect("how the numbers of bodies are written", "any")),
        ("identifier.*.name", _TOLD),
        ("identifier.*.pattern", Effect("how the numbers of bodies are written", "any")),
        ("recipient.*", Effect("to whom data may go", "more")),
        ("recipient.*.name", _TOLD),
        ("recipient.*.own", Effect("which recipient is the authority itself", "any")),
        ("recipient.*.kinds", Effect("which providers get copies", "more")),
        ("recipient.*.about", Effect("whose data they get copies of", "any", ("themselves", "anyone"))),
    ),
    "retention.toml": (
        ("**", Effect("how long a thing is kept: shorter loses it, longer keeps pupils' data", "any")),
    ),
    "keys.toml": (
        (
            "approve_drops",
            Effect("whether a key that a provider drops counts before a person has approved it", "more"),
        ),
        ("overlap_days", Effect("how long a key of ours that was replaced still opens files", "more")),
        ("rotate_days", Effect("how old a key of ours may become", "more")),
        ("unused_days", Effect("when a key without use is pointed out", "more")),
        ("warn_days", Effect("when providers are warned that a key expires")),
    ),
    "limits.toml": (
        ("intake.penalty_exempt", Effect("which sources owe no penalties", "more")),
        ("intake.penalty_**", Effect("how long a source that misbehaves is shut out", "any")),
        ("open.old_ciphers", Effect("which weak ciphers are taken", "more")),
        ("**", Effect("how much and how fast is taken", "more")),
    ),
    "sensitive.toml": (
        ("topics.*", Effect("what makes a file sensitive, so that few people see it", "less")),
        ("topics.*.label", Effect("what receipts call the topic", idle=True)),
        ("topics.*.*", Effect("what makes a file sensitive, so that few people see it", "less")),
        ("**", Effect("what makes a file sensitive, so that few people see it", "any")),
    ),
    "items.toml": (
        *((f"*.*.{what}", _VALUES) for what in ("values", "codes", "several", "identifier")),
        ("working.*", Effect("which columns are harmless", "more")),
        ("working.**", Effect("which columns are harmless", "any")),
        ("**", _NAMES),
    ),
    "data_types.toml": (
        ("names.**", _HINTS),
        ("types.*.title", Effect("the name of the kind of data for people", idle=True)),
        ("tables.*.because", Effect("why a file was taken for its kind, in words", idle=True)),
        ("systems.**", _NAMES),
        ("values.*", Effect("how much of a column may be something else before the file waits", "any")),
        *((f"fields.*.{what}", _VALUES) for what in ("values", "codes", "several", "identifier")),
        ("fields.**", _NAMES),
        ("**", _FINDS),
    ),
}
_TEXT = Effect("the text that providers read and sign", "any")
UNKNOWN = Effect("a setting whose effect is not known here", "any")


def effect_of(file: str, place: Place) -> Effect:
    """Return the effect of the setting at a place of a file; the most cautious one for unknown places."""
    if file.endswith(".txt"):
        return _TEXT
    lines = EFFECTS.get(_LAW if file.startswith("law-") else file, ())
    return next((effect for pattern, effect in lines if _fits(tuple(pattern.split(".")), place)), UNKNOWN)


def is_known(file: str, place: Place) -> bool:
    """Return True if `EFFECTS` covers a place."""
    return effect_of(file, place) is not UNKNOWN


def _fits(pattern: Place, place: Place) -> bool:
    if not pattern or not place:
        return not pattern and not place
    if pattern[0] == "**":
        return True
    if pattern[0].endswith("**"):
        return place[0].startswith(pattern[0].removesuffix("**"))
    return pattern[0] in {"*", place[0]} and _fits(pattern[1:], place[1:])
