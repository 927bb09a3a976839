"""Help every page: browser session, client of the inside, forms, redirects and templates."""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote, unquote, urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.console.inside import Inside, Reply
from gateway.model import counted
from gateway.reasons.languages import Language, begins_with, phrases, translate
from gateway.zones.console_api import ConsoleKnows, ConsoleQuestion, Shown
from gateway.zones.http_paths import row_number

FOLDER = Path(__file__).parent
_TOLD = hashlib.sha256(b"".join(path.read_bytes() for path in sorted((FOLDER / "static").iterdir())))
STATIC_PATH = f"/static/{_TOLD.hexdigest()[:16]}"
"""Where styles and scripts are: another address with each change, so that browsers may keep them."""
LANGUAGES: tuple[Language, ...] = get_args(Language)
LANGUAGE = "language"
"""The cookie of the language that was chosen."""
MOST_OF_A_PART = 1024**2
"""The most characters of one field of a form, and the most octets of a file."""
_UNITS = ("bytes", "KB", "MB", "GB")
_STEP = 1024
_GOES_ON = re.compile(
    r"[;:] | \(|, (?=(as|also|at|by|for|in|including|latest|now|such|when|where|who|with|without) )"
)
"""Marks at which an act's title may be cut into label and remark; no comma of an enumeration is one."""
_WORDS = 3
"""The fewest words of a label."""
_NAMES = frozenset({"by", "heading", "name", "provider"})
"""The blanks of sentences that are filled with what people named themselves."""

SIGNS = {
    "on-time": ("✓", "on time", "green"),
    "early": ("✓", "early", "green"),
    "received": ("✓", "received", "green"),
    "nil": ("∅", "nothing to send", "green"),
    "late": ("◐", "came late", "yellow"),
    "due": ("…", "due now", "blue"),
    "missing": ("✗", "missing", "red"),
    "not-due": ("·", "not due", ""),
    "not-expected": ("-", "not expected", ""),
    "no-calendar": ("?", "no calendar", "yellow"),
}
"""A sign, words and a colour for each state of a flow; the colour says no more than the sign."""
LEGEND: dict[tuple[str, str], list[str]] = {}
"""The words behind each sign, by sign and colour."""
for _sign, _words, _colour in SIGNS.values():
    LEGEND.setdefault((_sign, _colour), []).append(_words)
_SENTENCE, _SENTENCE_LENGTH = "said", 1200
"""The cookie of a sentence for the next page, and the most octets of it: browsers keep 4096 of %XX."""


class NotOurFormError(Exception):
    """Raised for a form without the token of this browser's session."""


@dataclass(frozen=True, slots=True)
class Site:
    """The running console. `origin`: its address in browsers. `pages`: the templates by language."""

    inside: Inside
    knows: ConsoleKnows
    origin: str
    pages: Mapping[Language, Environment]

    @property
    def secure(self) -> bool:
        """Return True if browsers reach the console by HTTPS, False if by HTTP."""
        return self.origin.startswith("https:")

    def cookie(self, kind: str) -> str:
        """Return the name of a `kind` of cookie; over HTTPS with __Host-, which no other host can set."""
        return f"__Host-{kind}" if self.secure else kind

    def held_by(self, request: Request, kind: str) -> str:
        """Return the value of the browser's cookie of a `kind`, such as "session"; "" if there is none."""
        return request.cookies.get(self.cookie(kind), "")

    def set_secret(self, response: Response, kind: str, secret: str) -> None:
        """Set a secret as a cookie of a kind, for this host alone, until the browser is closed."""
        response.set_cookie(
            self.cookie(kind), secret, path="/", secure=self.secure, httponly=True, samesite="strict"
        )

    def drop_secret(self, response: Response, kind: str) -> None:
        """Delete the browser's cookie of a `kind`, such as "session"."""
        response.delete_cookie(
            self.cookie(kind), path="/", secure=self.secure, httponly=True, samesite="strict"
        )

    def question(self, request: Request, /, **fields: Any) -> ConsoleQuestion:  # noqa: ANN401 - of each question
        """Return a question for the inside, with the browser's session and the given fields."""
        return ConsoleQuestion(
            origin=self.origin,
            address=address_of(request),
            session=self.held_by(request, "session"),
            unattended="x-unattended" in request.headers,
            fields=fields,
        )

    async def ask(self, request: Request, name: str, /, **fields: Any) -> Reply:  # noqa: ANN401 - as above
        """Call the function `name` of the console API for this browser. DeclinedInside if refused."""
        return await self.inside.ask(name, self.question(request, **fields))

    async def form(self, request: Request, kind: str = "session") -> FormData:
        """Return the fields of a form. NotOurFormError unless it comes from a page shown in this browser.
        `kind`: the cookie by whose secret the form's token is checked.
        """
        form = await form_in(request)
        secret, token = self.held_by(request, kind), text(form, "token")
        if not secret or not hmac.compare_digest(token_of(secret).encode(), token.encode()):
            raise NotOurFormError
        return form

    def page(
        self,
        request: Request,
        template: str,
        me: Shown | None = None,
        *,
        status: int = 200,
        held: str = "session",
        secret: str = "",
        **parts: object,
    ) -> HTMLResponse:
        """Render a template, with the person `me` and further values in `parts`.
        Forms on the page get a token made of `secret` or, if that is "", of the secret in the browser's
        cookie `held`.
        """
        secret, said = secret or self.held_by(request, held), self.held_by(request, _SENTENCE)
        # The page of ours from which a link was followed.
        referrer = request.headers.get("referer", "")
        before = referrer.removeprefix(self.origin)
        known = {
            "me": me,
            "organisation": self.knows.organisation,
            "accessibility": self.knows.accessibility,
            "token": token_of(secret) if secret else "",
            "here": request.url.path,
            "place": f"{request.url.path}?{request.url.query}" if request.method == "GET" else "/",
            "before": before if before != referrer and is_ours(before) else "",
            "first": first_row(request),
            "said": unquote(said),
        }
        chosen = self.held_by(request, LANGUAGE) or request.headers.get("accept-language", "")[:2]
        pages = self.pages[next((one for one in LANGUAGES if one == chosen), "en")]
        response = HTMLResponse(pages.get_template(template).render(known | parts), status_code=status)
        if said:
            self.drop_secret(response, _SENTENCE)
        return response

    def see_said(self, path: str, sentence: str) -> RedirectResponse:
        """Redirect to the page `path`, to show a sentence there once. A cookie carries the sentence."""
        response = see(path)
        shown = sentence.encode()[:_SENTENCE_LENGTH].decode(errors="ignore")
        self.set_secret(response, _SENTENCE, quote(shown))
        return response


async def form_in(request: Request) -> FormData:
    """Return the fields of a form in a request. HTTPException for too many or too large ones."""
    return await request.form(max_files=8, max_fields=300, max_part_size=MOST_OF_A_PART)


def token_of(secret: str) -> str:
    """Return the token for forms, made from a browser's secret. The token does not reveal the secret."""
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()


def address_of(request: Request) -> str:
    """Return the client's network address, as the server or a trusted proxy gives it; "" if unknown."""
    return request.client.host if request.client is not None else ""


def first_row(request: Request) -> int:
    """Return the number of the list's first row to show, from the query parameter `first`; 1 by default."""
    return row_number(request.query_params.get("first", "")) or 1


def text(form: FormData | Mapping[str, str], name: str) -> str:
    """Return the field `name` of a form as text without outer blanks; "" if it is missing or a file."""
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def is_ours(path: str) -> bool:
    """Return True if a path is surely one of this console, so a redirect to the path is safe."""
    # Browsers drop tabs and line feeds, so that "/\t/host" is read as "//host".
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()


def see(path: str, **parts: str) -> RedirectResponse:
    """Redirect to another page, with query parameters from `parts`."""
    query = f"?{urlencode(parts)}" if parts else ""
    return RedirectResponse(f"{path}{query}", status_code=303)


def templates(zone: str, language: Language = "en") -> Environment:
    """Return the templates for a time zone and a language; values are inserted as text, never as markup."""
    made = Environment(
        extensions=["jinja2.ext.i18n"],
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    clock, known = ZoneInfo(zone), phrases(language)
    texts = {_with_blanks(english): _with_blanks(theirs) for english, theirs in known.items()}
    by_stem = {_stem(english): theirs for english, theirs in known.items()}

    def in_words(text: str) -> str:
        """Return a sentence of the gateway in the language of the templates."""
        if (theirs := known.get(text)) is not None:
            return theirs
        if (theirs := by_stem.get(_stem(text))) is not None:
            return theirs.removesuffix(".") + "." * text.endswith(".")
        return translate(text, language, "console")

    def local(moment: str) -> str:
        there = datetime.fromisoformat(moment).astimezone(clock)
        return f"{_day(there, in_words)}, {there:%H:%M}"

    made.install_gettext_callables(  # type: ignore[attr-defined] # by the extension
        lambda text: texts.get(text, text),
        lambda one, many, number: texts.get(one, one) if number == 1 else texts.get(many, many),
        newstyle=True,
    )
    made.globals.update(signs=SIGNS, legend=LEGEND, language=language, static=STATIC_PATH, accessibility=None)
    made.filters.update(
        told=in_words,
        word=lambda value: known.get(value, value),
        local=local,
        day=lambda day: _day(date.fromisoformat(day), in_words),
        exact=lambda moment: datetime.fromisoformat(moment).isoformat().replace("+00:00", "Z"),
        size=_size,
        seconds=lambda seconds: in_words(_seconds(seconds)),
        grouped=_grouped,
        sentence_case=lambda words: _sentence_case(in_words(words), words),
        label=lambda title: in_words(_label_and_remark(title)[0]),
        remark=lambda title: _sentence_case(in_words(_label_and_remark(title)[1])),
    )
    for name in made.list_templates():
        made.get_template(name)  # Whoever asks first waits for no template to be read.
    return made


def _stem(text: str) -> str:
    """Return a text with the first letter in upper case and without a full stop at the end."""
    return text[:1].upper() + text[1:].removesuffix(".")


def _with_blanks(text: str) -> str:
    """Return a text with each placeholder {name} written as %(name)s, the form in Jinja's translations."""
    return re.sub(r"\{(\w+)\}", r"%(\1)s", text.replace("%", "%%"))


def _day(day: date, in_words: Callable[[str], str]) -> str:
    return f"{day.day} {in_words(f'{day:%b}')} {day.year}"


def _size(octets: int) -> str:
    amount, unit = float(octets), 0
    while amount >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    return f"{amount:.0f} {_UNITS[unit]}" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def _label_and_remark(title: str) -> tuple[str, str]:
    """Split an act's title into a label and a remark that says more; "" in place of a remark if none."""
    mark = _GOES_ON.search(title)
    if mark is None or len(title[: mark.start()].split()) < _WORDS:
        return title, ""
    return title[: mark.start()], title[mark.start() :].lstrip(",;: ")


def _sentence_case(words: str, english: str = "") -> str:
    """Return words beginning in upper case, unless the first is a reference (a digit), a code (a colon) or a
    name, by the `english` sentence.
    """
    first = words.partition(" ")[0]
    kept = ":" in first[:-1] or any(letter.isdigit() for letter in first)
    kept = kept or (english.startswith(f"{first} ") and begins_with(english, _NAMES))
    return words if kept else words[:1].upper() + words[1:]


def _grouped(fingerprint: str) -> str:
    """Return a fingerprint in groups of four characters for reading out, hexadecimal digits in upper case."""
    kind, mark, rest = fingerprint.rpartition(":")
    letters = rest if kind else rest.upper()
    return f"{kind}{mark} ".lstrip() + " ".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def _seconds(seconds: float) -> str:
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} seconds"
    if seconds < 3600:  # noqa: PLR2004 - an hour
        return counted(round(seconds / 60), "minute")
    return counted(round(seconds / 3600), "hour")
