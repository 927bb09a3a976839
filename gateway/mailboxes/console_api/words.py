"""Turn sentences of the command line into sentences of pages, with tasks instead of commands."""

import re

from gateway.acts.fields import every_act

_ELSEWHERE = frozenset({"backup", "doctor", "hosts", "keys", "log", "policy", "pupils", "receipts", "year"})
"""First words of commands that the machine alone has."""
_COMMAND = re.compile(r"`?\bgateway (?P<words>[a-z]+(?:-[a-z]+)*(?: [a-z]+(?:-[a-z]+)*){0,2})`?")
_VALUES = re.compile(r"(?: [^\s,;.:()`]+){0,3}?(?: (?:--[a-z-]+|[A-Z]{2,}[A-Z|_.]*(?![\w:])|…))+`?")


def for_pages(sentence: str) -> str:
    """Return the sentence with the titles of tasks in the place of command lines."""
    told, at = "", 0
    for found in _COMMAND.finditer(sentence):
        if found.start() < at:
            continue
        words = found["words"].split()
        known = (" ".join(words[:count]) for count in range(len(words), 0, -1))
        command = next((one for one in known if one in every_act()), None)
        if command is not None and every_act()[command].in_console:
            title = " ".join((every_act()[command].__doc__ or "").split()).partition(". ")[0]
            shown = f"“{re.split('[:;]', title.rstrip('.'))[0]}”"
        elif command is not None or words[0] in _ELSEWHERE:
            command = command or " ".join(words[:2])
            shown = f"“{command}” on the machine itself"
        else:
            continue
        end = found.start("words") + len(command)
        values = _VALUES.match(sentence, end)
        told += sentence[at : found.start()] + shown
        at = values.end() if values else end
        at += sentence[at : at + 1] == "`"
    return told + sentence[at:]
