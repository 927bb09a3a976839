"""List the HTTP paths of the web door and of the API; read row numbers in URLs, and find personal values."""

from collections.abc import Collection, Iterable

PATHS: dict[str, tuple[str, ...]] = {
    "/login": ("GET", "POST"),
    "/logout": ("POST",),
    "/uploads": ("OPTIONS", "POST"),
    "/uploads/{upload}": ("HEAD", "PATCH", "DELETE"),
    "/sent": ("GET",),
    "/receipts/{reference}": ("GET",),
    "/keys/{name}": ("GET",),
    "/agreement/{name}": ("GET",),
    "/pages/{name}": ("GET",),
    "/log": ("GET",),
}
"""What browsers may ask, below API of the web door."""
API = "/api"
SETTINGS = "/settings"
"""What the web door itself asks when it starts."""
ADDRESS = "x-gateway-address"
"""The header with the browser's address, in the word of the web door."""
MOST_BYTES = 1024 * 1024
"""The largest part of an upload in one request."""

ROOT = "/api/v1"
"""The first part of every path."""
CREDENTIAL = "gateway-program-"
"""The beginning of every credential, by which scanners for leaked secrets know one."""
BEYOND_ROWS = 2**31
"""No row of a database has this number or a larger one, which PostgreSQL takes for no INTEGER."""


def personal_in(
    given: Iterable[tuple[str, object]], fields: Collection[str], columns: Collection[str]
) -> list[str]:
    """Return the names of given values that may not be in a URL, since servers log URLs.
    These are the personal `fields` that have a value, and "where" if the filter names one of the personal
    `columns`.
    """
    said = (
        (name, str(one))
        for name, value in given
        for one in (value if isinstance(value, list | tuple) else (value,))
    )
    columns = {f"where={column}" for column in columns}
    return sorted({
        name for name, one in said if name in fields or f"{name}={one.partition('=')[0]}" in columns
    })  # fmt: skip


def row_number(text: str) -> int | None:
    """Return a text from a URL as a row number; None if not decimal or too large."""
    is_number = text.isdecimal() and len(text) <= len(str(BEYOND_ROWS))
    return number if is_number and (number := int(text)) < BEYOND_ROWS else None
