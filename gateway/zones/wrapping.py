"""Repair armored files damaged only outside the armor, by saving or mailing programs.

PowerShell's `>` writes UTF-16, editors add a byte order mark, old Macs end lines with CR alone, mail programs
number the parts of a message. The armored data is intact in all cases. Pure.
"""

import re

UTF8_MARK = b"\xef\xbb\xbf"
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_UNMARKED = {b"-\0": "utf-16-le", b"\0-": "utf-16-be"}
_ONLY_PART = re.compile(rb"(-----(?:BEGIN|END) PGP MESSAGE), PART 0*1/0*1-----")
_LINE_END = re.compile(rb"(?<!\r)\r*\n")  # from the first of several: from each would take too long
_HEAD_BYTES = 4_096


def is_wide(data: bytes) -> bool:
    """Return True if `data` begins like text of two octets a character."""
    return _encoding(data) is not None


def needs_mending(start: bytes) -> bool:
    """Return True if a file beginning with `start` is text changed by repair."""
    head = start[:_HEAD_BYTES]
    if is_wide(head):
        return True
    if head[:1] >= b"\x80" and not head.startswith(UTF8_MARK):
        return False
    lone = b"\r" in head and b"\n" not in head
    return head.startswith(UTF8_MARK) or lone or b"\r\r\n" in head or _ONLY_PART.search(head) is not None


def mended(data: bytes) -> bytes:
    """Return the text in plain octets, with LF line ends, without a byte order mark or part number."""
    text = _narrow(data).removeprefix(UTF8_MARK)
    text = _LINE_END.sub(b"\n", text) if b"\n" in text else text.replace(b"\r", b"\n")
    return _ONLY_PART.sub(rb"\1-----", text)


def _narrow(data: bytes) -> bytes:
    """Return text of two octets a character as UTF-8, dropping a truncated last character."""
    encoding = _encoding(data)
    if encoding is None:
        return data
    body = data[2:] if data[:2] in _UTF16 else data
    return body[: len(body) // 2 * 2].decode(encoding, "replace").encode("utf-8", "replace")


def _encoding(data: bytes) -> str | None:
    return _UTF16.get(data[:2]) or _UNMARKED.get(data[:2])
