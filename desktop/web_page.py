"""Write into the page of the web door the digests of what it loads (Subresource Integrity)."""

import hashlib
import re
from base64 import b64encode
from pathlib import Path

STATIC = Path(__file__).parents[1] / "gateway/web/static"


def with_digests(page: str) -> str:
    """Return the page with an integrity attribute for each file of its own that it loads."""

    def told(found: re.Match[str]) -> str:
        digest = hashlib.sha384((STATIC / found[2]).read_bytes()).digest()
        return f'{found[1]}integrity="sha384-{b64encode(digest).decode()}"'

    return re.sub(r'((?:src|href)="/static/([a-z.-]+)" )integrity="[^"]*"', told, page)


if __name__ == "__main__":
    page = STATIC / "index.html"
    page.write_text(with_digests(page.read_text("utf-8")), "utf-8")
