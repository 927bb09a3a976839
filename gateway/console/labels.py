"""Replace the names of command options in refusals by the labels of form fields."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.zones.hatch.act_questions import FieldTold

_OPTION = re.compile(r"--[a-z]+(?:-[a-z]+)*")


def in_words_of_forms(sentence: str, fields: Sequence[FieldTold] = ()) -> str:
    """Return the sentence, with labels of fields in the place of the options of commands."""
    labels = {}
    for one in fields:
        labels[f"--{one.name.rstrip('_').replace('_', '-')}"] = re.split(r"[:;.,(]", one.about)[0]
    return _OPTION.sub(lambda found: f"“{labels[found[0]]}”" if found[0] in labels else found[0], sentence)
