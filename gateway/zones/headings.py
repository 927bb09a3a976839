"""A provider's signed statement on the meanings of its headings, uploaded to /keys: write and read it."""

import re
from collections.abc import Iterable

from gateway.errors import Refusal

FIRST_LINE = "What headings of ours mean, told to the gateway:"
_LINE = re.compile(r"([^\x00-\x1f=]{1,80}?) = ([a-z0-9-]{0,60})")
_MOST = 100


def written(stated: Iterable[tuple[str, str]]) -> str:
    """Return a provider's statement on its headings as text: FIRST_LINE, then lines "heading = key".
    `key` is the field that the heading means, empty for other data.
    """
    return "\n".join([FIRST_LINE, *(f"{' '.join(heading.split())} = {key}" for heading, key in stated), ""])


def is_statement(content: bytes) -> bool:
    """Return True if a text is a provider's statement on the meanings of its headings."""
    return content.lstrip(b"\xef\xbb\xbf").startswith(FIRST_LINE.encode())


def read(content: bytes) -> tuple[tuple[str, str], ...]:
    """Return pairs from a provider's statement: a heading, and the key of its field, or "" for other data.
    Refusal for a bad line, for a statement without lines, and for a statement with more than 100 lines.
    """
    lines = content.decode("utf-8-sig", "replace").splitlines()[1:]
    found = [_LINE.fullmatch(line.rstrip("\r")) for line in lines if line.strip()]
    stated = tuple((each[1], each[2]) for each in found if each is not None)
    if not stated or len(stated) != len(found) or len(stated) > _MOST:
        raise Refusal("key:headings-malformed")
    return stated
