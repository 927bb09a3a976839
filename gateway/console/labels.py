"""What is declined inside may name an option of a command: on a page it is called as the form calls it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.zones.hatch.act_questions import FieldTold

_LABELS = {
    "--as": "What the file is",
    "--aware-at": "When you became aware of it",
    "--born": "Date of birth",
    "--forename": "First forename",
    "--from": "When it began",
    "--key": "Keys concerned",
    "--notified-at": "When the ICO was told",
    "--override": "Propose it to a second person",
    "--role": "As what",
    "--staff": "Members of staff concerned",
    "--surname": "Surname",
    "--team": "Teams that get it",
    "--to": "When it ended",
    "--transfer": "Files concerned",
    "--upn": "UPN",
    "--what": "What happened",
}
_OPTION = re.compile(r"--[a-z]+(?:-[a-z]+)*")


def in_words_of_forms(sentence: str, fields: Sequence[FieldTold] = ()) -> str:
    """Return the sentence, with labels of fields in the place of the options of commands."""
    labels = dict(_LABELS)
    for one in fields:
        labels[f"--{one.name.rstrip('_').replace('_', '-')}"] = re.split(r"[:;.,(]", one.about)[0]
    return _OPTION.sub(lambda found: f"“{labels[found[0]]}”" if found[0] in labels else found[0], sentence)
