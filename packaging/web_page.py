"""Build the page of the web door: `python packaging/web_page.py [--fetch]`; the same bytes on every computer.

`--fetch` takes the libraries of `web.toml` anew, by their digests; without it, those in `static` are checked.
Then the list of words, the digests of what the page loads (Subresource Integrity), and in CHANGELOG.md the
digest over the whole page, are written. The service logs that digest at each start.
"""

import hashlib
import io
import json
import re
import sys
import tarfile
import tomllib
from base64 import b64encode
from pathlib import Path
from urllib.request import urlopen

from gateway.web.page import STATIC, digest

ROOT = Path(__file__).parents[1]
WORDS = ROOT / "gateway/model/read_aloud.txt"
WELSH = ROOT / "gateway/reasons/cy-web.toml"


def libraries() -> list[dict[str, str]]:
    """Return what the lock lists."""
    return list(tomllib.loads((ROOT / "packaging/web.toml").read_text("utf-8"))["taken"])


def taken_from(archive: bytes, library: dict[str, str]) -> bytes:
    """Return the file of a library's archive. ValueError for another archive or file than the lock's."""
    if f"sha512-{b64encode(hashlib.sha512(archive).digest()).decode()}" != library["integrity"]:
        raise ValueError(f"{library['from']} is not the archive that the lock names")
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        found = opened.extractfile(library["file"])
        data = b"" if found is None else found.read()
    return checked(data, library)


def checked(data: bytes, library: dict[str, str]) -> bytes:
    """Return a library's file. ValueError for other bytes than the lock says."""
    if hashlib.sha256(data).hexdigest() != library["sha256"]:
        raise ValueError(f"{library['as']} is not the file that the lock names")
    return data


def word_list() -> str:
    """Return the script with the words that are read out (gateway.model.invitation)."""
    words = " ".join(WORDS.read_text("ascii").split())
    return f'// Made by packaging/web_page.py.\nconst WORDS = "{words}".split(" ");\n'


def welsh() -> str:
    """Return the script with the words of the page in Welsh (gateway/reasons/cy-web.toml), and the months."""
    texts = tomllib.loads(WELSH.read_text("utf-8"))["texts"]
    of_receipts = tomllib.loads(WELSH.with_name("cy-texts.toml").read_text("utf-8"))
    texts |= of_receipts["months"] | {" at": of_receipts["words"][" at"]}
    return f"// Made by packaging/web_page.py.\nconst WELSH = {json.dumps(texts)};\n"


def with_digests(page: str) -> str:
    """Return the page with an integrity attribute for each file of its own that it loads."""

    def told(found: re.Match[str]) -> str:
        digest = hashlib.sha384((STATIC / found[2]).read_bytes()).digest()
        return f'{found[1]}integrity="sha384-{b64encode(digest).decode()}"'

    return re.sub(r'((?:src|href)="/static/([a-z0-9.-]+)" )integrity="[^"]*"', told, page)


def with_digest(changes: str, digest: str) -> str:
    """Return the list of changes with the digest of the page in its newest section."""
    return re.sub(r"(page sha256=)[0-9a-f]{64}", rf"\g<1>{digest}", changes, count=1)


def build(*, fetch: bool) -> None:
    """Write whatever of the page is not written by hand. ValueError where a library is not the lock's."""
    for library in libraries():
        path = STATIC / library["as"]
        if fetch:
            with urlopen(library["from"]) as answer:
                path.write_bytes(taken_from(answer.read(), library))
        checked(path.read_bytes(), library)
    (STATIC / "words.js").write_text(word_list(), "ascii")
    (STATIC / "welsh.js").write_text(welsh(), "ascii")
    page = STATIC / "index.html"
    page.write_text(with_digests(page.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    build(fetch="--fetch" in sys.argv)
    changes = ROOT / "CHANGELOG.md"
    changes.write_text(with_digest(changes.read_text("utf-8"), digest()), "utf-8")
    sys.stdout.write(f"page sha256={digest()}\n")
