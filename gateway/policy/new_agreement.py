"""Begin the policies of another agreement, and declare what that agreement does not list."""

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import tomlkit

from gateway.errors import GatewayError
from gateway.home.settings_file import nearest
from gateway.home.versions import policy_files
from gateway.law import PACKS
from gateway.policy.clause_texts import numbered
from gateway.policy.shipped import shipped_agreements

_TEXT = "agreement.txt"
_LISTED = re.compile(r"^\[(?:items|others)\.([\w-]+)((?:\.[\w-]+)*)\]", re.MULTILINE)
_SHORT = 12


def begin(folder: Path, text: Path, title: str, like: str | None) -> None:
    """Write the policies of an agreement, from those of a shipped one (the first if `like` is None).

    The clauses are those of the text, in their first words; none is confirmed. Raises GatewayError for a
    folder that exists, an unknown agreement, or a text that cannot be read.
    """
    shipped = {path.name: path for path in shipped_agreements()[1:]}
    pattern = shipped_agreements()[0] if like is None else shipped.get(like)
    if pattern is None:
        raise GatewayError(f"no agreement {like} ships: {', '.join(shipped)}{nearest(str(like), shipped)}")
    try:
        words = text.read_text("utf-8-sig")
        folder.mkdir(parents=True)
    except UnicodeDecodeError:
        raise GatewayError(f"{text} is no UTF-8 text: save it as plain text") from None
    except OSError as error:
        raise GatewayError(f"{error.filename}: {error.strerror}") from None
    for path in policy_files(pattern):
        if path.suffix == ".toml" and not path.match(PACKS):
            shutil.copyfile(path, folder / path.name)
    shutil.copytree(pattern / "schemas", folder / "schemas")
    (folder / _TEXT).write_text(words, "utf-8")
    (folder / "confirmed.toml").write_text("", "utf-8")
    agreement: Any = tomlkit.parse((folder / "agreement.toml").read_text("utf-8"))
    agreement |= {"title": title, "version": "1.0", "text": _TEXT}
    agreement["clauses"] = {clause: _first_words(said) for clause, said in numbered(words).items()}
    for key in ("printed", "uncited", "documents"):
        agreement.pop(key, None)
    (folder / "agreement.toml").write_text(tomlkit.dumps(agreement), "utf-8")


def _first_words(said: str) -> str:
    words = said.split()
    return " ".join(words[:_SHORT]) + (" …" if len(words) > _SHORT else "")


def declare(folder: Path) -> tuple[str, ...]:
    """Say in the policies what the agreement does not list; return the changed files.

    Data types without a flow stand under `not_carried`: files of these are recognised, and refused. Items
    that rights.toml does not list stand under `[others]` of items.toml, those that it lists under `[items]`.
    Raises GatewayError for a file that cannot be read.
    """
    try:
        texts = {name: (folder / name).read_text("utf-8") for name in _NEEDED}
        read: dict[str, Any] = {name: tomllib.loads(text) for name, text in texts.items()}
        new = dict(texts) | {
            "items.toml": _items(texts["items.toml"], read),
            "flows.toml": _flows(texts, read),
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise GatewayError(f"mend the faults that are told of {', '.join(_NEEDED)} first ({error})") from None
    changed = tuple(name for name in _NEEDED if new[name] != texts[name])
    for name in changed:
        (folder / name).write_text(new[name], "utf-8")
    return changed


_NEEDED = ("flows.toml", "data_types.toml", "items.toml", "rights.toml")


def _flows(texts: dict[str, str], read: dict[str, Any]) -> str:
    flows = read["flows.toml"]
    listed = (*flows["flow"], *flows.get("optional", ()))
    carried = {entry["id"] for flow in listed for entry in flow["data_type"]}
    lacking = [name for name in read["data_types.toml"]["types"] if name not in carried]
    if lacking == flows.get("not_carried", []):
        return texts["flows.toml"]
    document = tomlkit.parse(texts["flows.toml"])
    document["not_carried"] = lacking
    return tomlkit.dumps(document)


def _items(text: str, read: dict[str, Any]) -> str:
    listed = {
        f"{group['label']}: {item}" for group in read["rights.toml"]["group"] for item in group["items"]
    }
    items = read["items.toml"]["items"] | read["items.toml"]["others"]

    def placed(header: re.Match[str]) -> str:
        table = "items" if items[header[1]]["label"] in listed else "others"
        return f"[{table}.{header[1]}{header[2]}]"

    return _LISTED.sub(placed, text)
