"""Guess the kind of a file without OpenPGP encryption from its first octets: otherwise sealed, or clear.

Only the wording depends on the guess: "in the clear" is said only of known kinds. Pure.
"""

import re

from gateway.zones.wrapping import UTF8_MARK, is_wide

_ZIP = b"PK\x03\x04"
_ENCRYPTED_FLAG = 1
_OLD_OFFICE = bytes.fromhex("d0cf11e0a1b11ae1")
_IN_OFFICE = ("EncryptionInfo".encode("utf-16-le"), "EncryptedPackage".encode("utf-16-le"))
# The object identifiers of enveloped and of encrypted data (RFC 5652), used by S/MIME.
_CMS = (bytes.fromhex("06092a864886f70d010703"), bytes.fromhex("06092a864886f70d010706"))
_STARTS = (
    b"age-encryption.org/",
    b"-----BEGIN AGE ENCRYPTED FILE-----",
    b"-----BEGIN PKCS7-----",
    b"-----BEGIN CMS-----",
    b"Salted__",  # openssl enc
    b"\xc0\xb9\x07\x2e\x4f\x93\xf1\x46",  # AxCrypt
    b"AES\x02",  # AES Crypt
    b"$ANSIBLE_VAULT;",
)
_MIME = re.compile(rb"(?i)application/(?:x-)?pkcs7-mime|smime\.p7m")
_PDF, _PDF_ENCRYPTED = b"%PDF-", re.compile(rb"/Encrypt[ /<\r\n]")
_IN_THE_CLEAR = (
    _ZIP,
    _OLD_OFFICE,
    _PDF,
    b"\x1f\x8b",  # gzip
    b"BZh",
    b"\xfd7zXZ\0",
    b"\x89PNG",
    b"\xff\xd8\xff",  # JPEG
    b"GIF8",
    b"{\\rtf",
    b"SQLite format 3\0",
)
_MOST_ODD = 0.05
_CONTROLS = bytes({*range(32), 127} - {9, 10, 12, 13, 27})


def is_encrypted_otherwise(start: bytes) -> bool:
    """Return True for other encryption than OpenPGP: a password, S/MIME, age, …"""
    if start.startswith(_ZIP):
        return len(start) > len(_ZIP) + 2 and bool(start[6] & _ENCRYPTED_FLAG)
    if start.startswith(_OLD_OFFICE):
        return any(name in start for name in _IN_OFFICE)
    if start.startswith(_PDF):
        return _PDF_ENCRYPTED.search(start) is not None
    if start[:1] == b"\x30":
        return any(name in start[:32] for name in _CMS)
    text = start.removeprefix(UTF8_MARK).lstrip()
    return text.startswith(_STARTS) or _MIME.search(start) is not None


def is_in_the_clear(start: bytes) -> bool:
    """Return True for a readable kind of file: text, a spreadsheet, an archive, a picture."""
    return start.startswith(_IN_THE_CLEAR) or is_wide(start) or _is_text(start)


def _is_text(start: bytes) -> bool:
    """Return True for text of any language, almost without characters foreign to text."""
    odd = len(start) - len(start.translate(None, _CONTROLS))
    if odd > _MOST_ODD * len(start):
        return False
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        high = sum(octet >= 0x80 for octet in start)  # noqa: PLR2004 - beyond ASCII
        return error.start >= len(start) - 3 or (not odd and high <= len(start) // 3)
    return True
