"""Judge by the first bytes if arriving data is encrypted (RFC 9580, 4.2, 5.1-5.3, 5.13, 6.2).

Clear data must not be written down, and only intake can prevent that. Only the outermost packet is examined:
a protection against mistakes. The inside judges if a file is properly sealed. Pure.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator

from gateway.model import Folder, LooksLike

# Repair armored files damaged only outside the armor, by saving or mailing programs. PowerShell's `>`
# writes UTF-16, editors add a byte order mark, old Macs end lines with CR alone, mail programs number the
# parts of a message. The armored data is intact in all cases. Pure.

UTF8_MARK = b"\xef\xbb\xbf"
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_WIDE = _UTF16 | {b"-\0": "utf-16-le", b"\0-": "utf-16-be"}
_ONLY_PART = re.compile(rb"(-----(?:BEGIN|END) PGP MESSAGE), PART 0*1/0*1-----")
_LINE_END = re.compile(rb"(?<!\r)\r*\n")  # from the first of several: from each would take too long
_HEAD_BYTES = 4_096


def is_wide(data: bytes) -> bool:
    """Return True if `data` begins like UTF-16 text."""
    return data[:2] in _WIDE


def needs_mending(start: bytes) -> bool:
    """Return True if a text that begins with `start` must be mended by `mended` before it can be read.
    Reasons are UTF-16, a byte order mark, CR alone or doubled in line ends, or an armor named as "PART 1/1".
    """
    head = start[:_HEAD_BYTES]
    if is_wide(head):
        return True
    if head[:1] >= b"\x80" and not head.startswith(UTF8_MARK):
        return False
    lone = b"\r" in head and b"\n" not in head
    return head.startswith(UTF8_MARK) or lone or b"\r\r\n" in head or _ONLY_PART.search(head) is not None


def mended(data: bytes) -> bytes:
    """Return a text as UTF-8 with LF line ends, without byte order mark or "PART 1/1" in its armor."""
    if encoding := _WIDE.get(data[:2]):
        body = data[2:] if data[:2] in _UTF16 else data
        # Without the half of a last character.
        data = body[: len(body) // 2 * 2].decode(encoding, "replace").encode("utf-8", "replace")
    text = data.removeprefix(UTF8_MARK)
    text = _LINE_END.sub(b"\n", text) if b"\n" in text else text.replace(b"\r", b"\n")
    return _ONLY_PART.sub(rb"\1-----", text)


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
# A file in the directory at the end of a ZIP archive: its flags, the length of its name.
_ZIPPED = re.compile(rb"(?s)PK\x01\x02.{4}(.).{19}(..).{16}")
_OF_NO_ACCOUNT = re.compile(rb"(?:/|\.DS_Store)\Z")
_SEALED_NAME = re.compile(rb"(?i)\.(?:gpg|pgp|asc)\Z")
_MAIL = re.compile(rb"(?ims)(?:From [^\n]*\n)?[!-9;-~]{1,76}:[ \t].*?^(?:MIME-Version|Content-Type):")
_ATTACHED = re.compile(rb"(?i)name[*0-9]*=[\"']?([^\"';\r\n]+)")
# Of the armor, what a mail program made of it in Base64, and names of files.
_SEALED_IN_MAIL = re.compile(rb"(?i)multipart/encrypted|LS0tLS1CRUdJTiBQR1AgTUVTU0FHR|\.[gp]gp\b")
_ARMORED = re.compile(rb"(?s)(?:BEGIN PGP MESSAGE.{1,400}?|\A\s*)([A-Za-z0-9+/]{40})")
_MOST_ODD = 0.05
_CONTROLS = bytes({*range(32), 127} - {9, 10, 12, 13, 27})


def is_encrypted_otherwise(start: bytes) -> bool:
    """Return True if `start` begins data encrypted without OpenPGP: by a password, S/MIME, age, …"""
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
    """Return True if `start` begins data in a readable format: text, a spreadsheet, an archive, a picture."""
    return start.startswith(_IN_THE_CLEAR) or is_wide(start) or _is_text(start)


def _is_text(start: bytes) -> bool:
    """Return True for text of any language: almost no control characters."""
    odd = len(start) - len(start.translate(None, _CONTROLS))
    if odd > _MOST_ODD * len(start):
        return False
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        high = sum(octet >= 0x80 for octet in start)  # noqa: PLR2004 - beyond ASCII
        return error.start >= len(start) - 3 or (not odd and high <= len(start) // 3)
    return True


ENOUGH_BYTES = 4_096
"""The most bytes of a file that `is_sealed` and `is_public` need: if still unclear, it is not sealed."""
LOOK_BYTES = 32_768
"""The most bytes of the beginning and of the end of a file that `looks_like` needs."""

_BLANK = b" \t\r\n"
_ARMOR = b"-----BEGIN PGP MESSAGE-----"
_ARMOR_HEAD = re.compile(rb"-----BEGIN PGP MESSAGE-----[ \t]*\r?\n(?:[^\r\n:]+:[^\r\n]*\r?\n)*[ \t]*\r?\n")
# The start of an armor line, possibly of the only part of a message.
_CUT_PART = re.compile(rb"-----BEGIN PGP MESSAGE(?:,(?: (?:P(?:A(?:R(?:T(?: [0-9/]*-*)?)?)?)?)?)?)?\Z")
_PACKET_BYTES = 8  # Enough for a packet's tag, its length and its version.

# First octets of lengths longer than one octet.
_TWO_OCTETS = range(192, 224)
_FIVE_OCTETS = 255

_MARKER = b"PGP"
_MARKER_TAG = 10
# The possible first packets of an encrypted message, and their versions.
_ENCRYPTED = {1: {2, 3, 6}, 3: {4, 5, 6}, 18: {1, 2}, 20: {1}}
_PUBLIC_TAGS = {2, 4, 6, 8}  # A signature, a signed message, a public key.
_SIGNED_TAGS = {2, 4, 8, 11}  # A signature, a signed message, a compressed one, a literal.
_KEY_VERSIONS = range(3, 7)
_SIGNATURE, _SECRET_TAGS, _PUBLIC_KEY_TAG = 2, {5, 7}, 6
_SECRET_TEXT = re.compile(
    rb"-----BEGIN (?:PGP PRIVATE KEY BLOCK|(?:[A-Z]+ )?PRIVATE KEY)-----"
    rb"|---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----|PuTTY-User-Key-File-"  # pragma: allowlist secret
)
_PUBLIC_KEY_TEXT = re.compile(
    rb"-----BEGIN PGP PUBLIC KEY BLOCK-----|---- BEGIN SSH2 PUBLIC KEY ----"
    rb"|(?:ssh-|ecdsa-sha2-|sk-)[!-~]+ AAAA|This is a revocation certificate for the OpenPGP key:"
)
_SIGNATURE_TEXT = re.compile(rb"-----BEGIN PGP SIGNATURE-----[^-]*-----END PGP SIGNATURE-----\s*")
_PUBLIC_TEXTS = (
    b"-----BEGIN PGP PUBLIC KEY BLOCK-----",
    b"-----BEGIN PGP SIGNED MESSAGE-----",
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"---- BEGIN SSH2 PUBLIC KEY ----",
    b"This is a revocation certificate for the OpenPGP key:",  # As written by GnuPG beside each new key.
    b"ssh-",
    b"ecdsa-sha2-",
    b"sk-",
)

Judge = Callable[[bytes], bool | None]


def judge_for(folder: Folder) -> Judge:
    """Return the test for data arriving in `folder`: `is_sealed` for /in, else `is_public`."""
    return is_sealed if folder == "in" else is_public


def is_sealed(start: bytes) -> bool | None:
    """Return True if a file beginning with `start` is an encrypted OpenPGP message.
    Return None if `start` is too short to tell. If the whole file is that short, it is only the beginning of
    a packet or of an armor line.
    """
    if start and UTF8_MARK.startswith(start):
        return None
    if start[:1] >= b"\x80" and not start.startswith(UTF8_MARK) and not is_wide(start):
        return _begins_encrypted(start)
    text = mended(start).lstrip(_BLANK)
    head = _ARMOR_HEAD.match(text)
    if head is None:
        begun = _CUT_PART.match(text) or text.startswith(_ARMOR) or _ARMOR.startswith(text)
        return None if begun and len(start) < ENOUGH_BYTES else False
    body = b"".join(text[head.end() :][: 8 * _PACKET_BYTES].split())[: 4 * _PACKET_BYTES]
    try:
        return _begins_encrypted(base64.b64decode(body[: len(body) // 4 * 4], validate=True))
    except binascii.Error:
        return False


def is_public(start: bytes) -> bool | None:
    """Return True if `start` begins sealed data, a public key or a signed text; None if too short to tell."""
    if start[:1] >= b"\x80" and not is_wide(start) and _tag(start[0]) in _PUBLIC_TAGS:
        return True
    text = mended(start).lstrip(_BLANK)
    if text.startswith(_PUBLIC_TEXTS):
        return True
    if len(start) < ENOUGH_BYTES and any(begin.startswith(text) for begin in _PUBLIC_TEXTS):
        return None
    return is_sealed(start)


def looks_like(start: bytes, *, whole: bool, end: bytes = b"") -> LooksLike:
    """Return the kind of data that begins with `start` and is not sealed with OpenPGP.
    Kinds: "secret-key"; "public" for harmless data about keys; "other-encryption"; "" for ordinary clear
    data; "unknown", also for encrypted messages inside something else, with no clear file beside them.
    `whole`: `start` is the whole file; else `end` is the last of it. A signature counts as public only if
    nothing else is in the file.
    """
    if start[:1] < b"\x80" or start.startswith(UTF8_MARK) or is_wide(start):
        text = mended(start).lstrip(_BLANK)
        if _SECRET_TEXT.match(text):
            return "secret-key"
        if _PUBLIC_KEY_TEXT.match(text) or (whole and _SIGNATURE_TEXT.fullmatch(text)):
            return "public"
    elif len(start) >= _PACKET_BYTES and start[head := _head_length(start)] in _KEY_VERSIONS:
        tag = _tag(start[0])
        if tag in _SECRET_TAGS:
            return "secret-key"
        alone = whole and tag == _SIGNATURE and head + _body_length(start) == len(start)
        if tag == _PUBLIC_KEY_TAG or alone:
            return "public"
    return _kind_of_data(start, end or start)


def _kind_of_data(start: bytes, end: bytes) -> LooksLike:
    """Return the kind of data that is not about keys."""
    if start.startswith(_ZIP) and (kinds := set(_kinds_in_zip(end))):
        return min(kinds, key=("", "unknown", "other-encryption").index)
    if is_encrypted_otherwise(start):
        return "other-encryption"
    armored = _ARMORED.search(start)
    # Of a ZIP archive that is cut off, the first file tells.
    wraps = _SEALED_NAME.search(_first_name(start)) or (
        armored and _begins_encrypted(base64.b64decode(armored[1]))
    )
    if _MAIL.match(start):
        names = _ATTACHED.findall(start + end)
        wraps = all(map(_SEALED_NAME.search, names)) and (wraps or _SEALED_IN_MAIL.search(start))
    tells = is_in_the_clear(start) or (len(start) >= _PACKET_BYTES and _tag(start[0]) in _SIGNED_TAGS)
    return "" if tells and not wraps else "unknown"


def _first_name(start: bytes) -> bytes:
    """Return the name of the first file in a ZIP or gzip archive; b"" for other data, or without a name."""
    if start.startswith(_ZIP):
        return start[30 : 30 + int.from_bytes(start[26:28], "little")]
    return start[10:].partition(b"\0")[0] if start.startswith(b"\x1f\x8b\x08\x08") else b""


def _kinds_in_zip(end: bytes) -> Iterator[LooksLike]:
    """Yield the kind of each file in a ZIP archive that ends with `end`."""
    for found in _ZIPPED.finditer(end):
        name = end[found.end() : found.end() + int.from_bytes(found[2], "little")]
        if not _OF_NO_ACCOUNT.search(name):
            locked = found[1][0] & _ENCRYPTED_FLAG
            yield "other-encryption" if locked else "unknown" if _SEALED_NAME.search(name) else ""


def _begins_encrypted(data: bytes) -> bool | None:
    """Return True if the first packet of `data` begins an encrypted message; None if too short to tell."""
    while len(data) >= _PACKET_BYTES:
        tag, body = _tag(data[0]), data[_head_length(data) :]
        if tag != _MARKER_TAG or not body.startswith(_MARKER):
            return body[0] in _ENCRYPTED.get(tag, ())
        data = body[len(_MARKER) :]
    return None


def _tag(first: int) -> int:
    """Return the packet type in the first octet of a packet, in today's format or that of RFC 1991."""
    return first & 0x3F if first & 0x40 else (first >> 2) & 0x0F


def _head_length(data: bytes) -> int:
    """Return the length of the first packet's tag and length fields (RFC 9580, 4.2.1 and 4.2.2)."""
    if not data[0] & 0x40:
        return (2, 3, 5, 1)[data[0] & 0x03]
    if data[1] == _FIVE_OCTETS:
        return 6
    return 3 if data[1] in _TWO_OCTETS else 2


def _body_length(data: bytes) -> int:
    """Return the stated length of the first packet's body; 0 if unstated."""
    if not data[0] & 0x40:
        return int.from_bytes(data[1 : _head_length(data)])
    if data[1] in _TWO_OCTETS:
        return (data[1] - _TWO_OCTETS.start << 8) + data[2] + _TWO_OCTETS.start
    return int.from_bytes(data[2:6]) if data[1] == _FIVE_OCTETS else data[1]
