"""Read a list of providers from CSV, whole, before enrolling the first.

Columns are named as in the public extract of GIAS, the DfE's register of schools (Establishment fields, CSV,
in Windows-1252), or by the gateway's own short words. Other columns are ignored.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.enrolment import numbers
from gateway.errors import GatewayError
from gateway.model import ProviderKind

_NAMES: dict[str, tuple[str, ...]] = {
    "id": ("id", "provider"),
    "name": ("name", "establishmentname"),
    "kind": ("kind",),
    "dfe_number": ("dfe_number", "dfe number", "laestab"),
    "la": ("la (code)", "la code"),
    "establishment": ("establishmentnumber",),
    "urn": ("urn",),
    "type": ("typeofestablishment (name)", "type of establishment"),
    "group": ("establishmenttypegroup (name)",),
    "status": ("establishmentstatus (name)", "status"),
    "role": ("contact_role", "contact role", "role"),
    "email": ("contact_email", "contact e-mail", "contact email", "email", "e-mail", "mainemail"),
    "telephone": ("contact_telephone", "contact telephone", "telephone", "telephonenum"),
    "ssh_key": ("ssh_key", "ssh key"),
    "openpgp_key": ("openpgp_key", "openpgp key"),
}
_ACADEMY = re.compile(
    r"academy|academies|free school|studio school|university technical|technology college", re.IGNORECASE
)
_MAINTAINED = re.compile(
    r"^(community|foundation|voluntary|local authority|pupil referral)|maintained", re.IGNORECASE
)
_OPEN = {"open", "open, but proposed to close", ""}
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_ID_CHARACTERS = 32
_ESTABLISHMENT = 4
_OFFICE = "school office"
MOST_BYTES = 64 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedProvider:
    """One provider in the list. `line` is the number of its line in the file; the headings are line 1."""

    line: int
    id: str
    name: str
    kind: ProviderKind
    dfe_number: str | None = None
    urn: str | None = None
    role: str | None = None
    email: str | None = None
    telephone: str | None = None
    key_files: tuple[Path, ...] = ()


def read_list(
    data: bytes, folder: Path, known: Mapping[str, str], kinds: Sequence[ProviderKind]
) -> tuple[list[ListedProvider], list[str]]:
    """Return the providers in a CSV file, and the reason for each line passed over, such as "closed".

    Key files are looked for in `folder`. `known` maps DfE numbers and URNs to ids of enrolled providers;
    `kinds` are the kinds of provider in the policies. A new provider without an id gets one made from its
    name. GatewayError for faulty lines: the message names each line and its fault.
    """
    rows = list(_rows(data))
    faults: list[str] = []
    found: list[ListedProvider] = []
    passed_over: list[str] = []
    for line, row in rows:
        if (why := _is_none_of_ours(row)) is not None:
            passed_over.append(why)
            continue
        try:
            found.append(_listed(line, row, folder, known, kinds))
        except GatewayError as error:
            faults.append(f"line {line}: {error}")
    # The lines with ids; equal ids get the provider's number as a suffix.
    taken = set(known.values())
    wanted = Counter(one.id or _slug(one.name, _ID_CHARACTERS) for one in found)
    found = [one if one.id else replace(one, id=_made_id(one, wanted, taken)) for one in found]
    faults += _twice(found)
    if faults:
        more = f"; and {len(faults) - 20} more" if len(faults) > 20 else ""  # noqa: PLR2004 - enough to go on
        raise GatewayError("nothing was enrolled: " + "; ".join(faults[:20]) + more)
    if not rows:
        raise GatewayError("the list is empty")
    return found, passed_over


def _is_none_of_ours(row: Mapping[str, str]) -> str | None:
    """Return the status or type because of which a line is passed over; None for a provider to enrol."""
    if (status := row.get("status", "")).lower() not in _OPEN:
        return status.lower()
    if not row.get("kind") and row.get("type") and _by_type(row) is None:
        return row["type"].lower()
    return None


def _rows(data: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    heading = data.splitlines()[0] if data else b""
    delimiter = max(",;\t", key=lambda mark: heading.count(mark.encode()))  # As spreadsheets of the locale.
    reader = csv.reader(io.StringIO(decoded(data, "the list is"), newline=""), delimiter=delimiter)
    try:
        headings = [heading.strip().lower() for heading in next(reader, [])]
        places = {
            column: place
            for column, names in _NAMES.items()
            for place in [next((headings.index(name) for name in names if name in headings), None)]
            if place is not None
        }
        if "name" not in places:
            raise GatewayError(
                "no column is called name or EstablishmentName; the first line has to name the columns: "
                "docs/admins.md lists them"
            )
        for cells in reader:
            row = {column: cells[place].strip() for column, place in places.items() if place < len(cells)}
            if any(row.values()):
                yield reader.line_num, row
    except csv.Error as error:
        raise GatewayError(f"line {reader.line_num}: this is no CSV: {error}") from None


def decoded(data: bytes, what: str) -> str:
    """Return data decoded as UTF-8 or Windows-1252. GatewayError, beginning with `what`, if it is neither."""
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise GatewayError(f"{what} neither UTF-8 nor Windows-1252 text")


def _listed(
    line: int, row: Mapping[str, str], folder: Path, known: Mapping[str, str], kinds: Sequence[ProviderKind]
) -> ListedProvider:
    name = row.get("name", "")
    if not name or not name.isprintable():
        raise GatewayError("it has no name")
    la, establishment = row.get("la", ""), row.get("establishment", "")
    written = row.get("dfe_number") or (f"{la}{establishment:0>{_ESTABLISHMENT}}" if establishment else "")
    dfe_number, urn = numbers.dfe_number(written or None), numbers.urn(row.get("urn") or None)
    identifier = row.get("id") or known.get(dfe_number or "") or known.get(urn or "") or ""
    if identifier and not _ID.fullmatch(identifier):
        raise GatewayError("a provider id is 1 to 32 of the characters a-z, 0-9 and hyphen")
    email, telephone = row.get("email") or None, row.get("telephone") or None
    return ListedProvider(
        line=line,
        id=identifier,
        name=name,
        kind=_kind(row, kinds),
        dfe_number=dfe_number,
        urn=urn,
        role=(row.get("role") or _OFFICE) if email or telephone else None,
        email=email,
        telephone=telephone,
        key_files=tuple(folder / row[key] for key in ("ssh_key", "openpgp_key") if row.get(key)),
    )


def _kind(row: Mapping[str, str], kinds: Sequence[ProviderKind]) -> ProviderKind:
    """Return a line's kind of provider, as stated or else by its GIAS type. GatewayError if unknown."""
    said = row.get("kind", "").lower()
    if said in kinds:
        return said
    if said:
        raise GatewayError(f"{said} is no kind: one of {', '.join(kinds)}")
    if (kind_by_type := _by_type(row)) is not None and kind_by_type in kinds:
        return kind_by_type
    raise GatewayError("nothing tells whether it is a school or an academy: add a column kind")


def _by_type(row: Mapping[str, str]) -> ProviderKind | None:
    told = (row.get("type", ""), row.get("group", ""))
    if any(_ACADEMY.search(each) for each in told):
        return "academy"
    return "school" if any(_MAINTAINED.search(each) for each in told) else None


def _made_id(one: ListedProvider, wanted: Counter[str], taken: Collection[str]) -> str:
    """Return an id made from a provider's name; a number is added if the id is `wanted` twice or `taken`."""
    slug = _slug(one.name, _ID_CHARACTERS)
    if wanted[slug] == 1 and slug not in taken:
        return slug
    number = (one.dfe_number or "")[-_ESTABLISHMENT:] or one.urn or f"line{one.line}"
    return f"{_slug(one.name, _ID_CHARACTERS - len(number) - 1)}-{number}"


def _slug(name: str, most: int) -> str:
    """Return the first words of a name in lower case with hyphens, at most `most` characters."""
    ascii_name = unicodedata.normalize(
        "NFKD", name.replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", "")
    )
    words = re.findall(r"[a-z0-9]+", ascii_name.encode("ascii", "ignore").decode().lower())
    slug = ""
    for word in words:
        longer = f"{slug}-{word}" if slug else word
        if len(longer) > most:
            break
        slug = longer
    return slug or (words[0][:most] if words else "provider")


def _twice(found: Sequence[ListedProvider]) -> Iterator[str]:
    """Yield a sentence for each repeated id, DfE number or URN, with the number of both lines."""
    for what in ("id", "dfe_number", "urn"):
        lines: dict[str, int] = {}
        for one in found:
            mark = getattr(one, what)
            if mark and mark in lines:
                yield f"line {one.line}: the same {what.replace('_', ' ')} as in line {lines[mark]}"
            elif mark:
                lines[mark] = one.line
