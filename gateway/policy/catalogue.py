"""Read the policies in force from `policies/`, and check them against one another.

`load_catalogue` returns a complete, consistent catalogue, or raises an error naming every fault.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from gateway.errors import ConfigurationError
from gateway.home import COVERED, check_unchanged, policy_digest, policy_files
from gateway.home.settings_file import File
from gateway.law import PACKS, LawPack, whole
from gateway.policy.catalogue_schema import Catalogue
from gateway.policy.crosscheck import contradictions
from gateway.policy.faults import Contradiction, PolicyFault, document, in_one_line, key_of, line_of, words_of
from gateway.policy.small_schemas import AgreementFile, HandOnsFile, LettersFile

__all__ = ["Catalogue", "policy_digest", "policy_files"]


@dataclass(slots=True)
class PoliciesRead:
    """The result of reading a policies folder: texts and valid models, by file name, law packs, and faults.

    `catalogue` is None if a required file is missing or not valid.
    """

    texts: dict[str, str] = field(default_factory=dict)
    models: dict[str, BaseModel] = field(default_factory=dict)
    faults: list[PolicyFault] = field(default_factory=list)
    law: tuple[LawPack, ...] = ()
    catalogue: Catalogue | None = None

    def blame(self, *faults: Contradiction) -> None:
        """Add faults found between policy files to the list of faults, each with the line in the file."""
        for file, location, message in faults:
            line = line_of(self.texts[file], location) if file in self.texts else None
            self.faults.append(PolicyFault(file, key_of(location), line, message))


_SHAPES = {f"{name}.toml": one for name, one in Catalogue.model_fields.items()}
FILES: dict[str, type[File]] = {
    name: one.annotation
    for name, one in _SHAPES.items()
    if isinstance(one.annotation, type) and issubclass(one.annotation, File) and one.is_required()
}
OPTIONAL: dict[str, type[File]] = {"letters.toml": LettersFile, "hand_ons.toml": HandOnsFile}
"""The files a folder may lack: then nobody gets a letter, and nothing is handed on."""

_KEPT = 128
_MOST_KNOWN = 4
_found_whole: dict[str, Catalogue] = {}
"""The catalogues last read by this process, by the digest of their files."""


def load_catalogue(policies: Path) -> Catalogue:
    """Return the catalogue of a policies folder. ConfigurationError names every fault: file, line and key.
    A faultless catalogue is cached by the digest of its files, because reading and checking a folder takes
    about a hundred times as long as computing the digest.
    """
    try:
        digest = policy_digest(policies)
    except OSError:
        digest = ""  # What is unreadable is told by `read`.
    check_unchanged(policies, digest)
    if (known := _found_whole.get(digest)) is not None:
        return known
    reading = read(policies)
    if (catalogue := reading.catalogue) is None or reading.faults:
        raise ConfigurationError(in_one_line(policies.name, reading.faults))
    # Not after a concurrent write, nor with files read outside the digest.
    if catalogue.digest == digest and all(Path(name).suffix in COVERED for name in reading.texts):
        while len(_found_whole) >= _MOST_KNOWN:
            _found_whole.pop(next(iter(_found_whole)), None)
        _found_whole[digest] = catalogue
    return catalogue


@cache
def _code() -> bytes:
    """Return the SHA-256 of the code and tables by which the gateway classifies and decides."""
    rooms, found = Path(__file__).parents[1], hashlib.sha256()
    for room in ("classify", "policy"):
        for path in sorted((rooms / room).rglob("*.*")):
            if path.suffix in {".py", ".toml", ".txt"}:
                found.update(path.read_bytes())
    return found.digest()


def load_unchecked(policies: Path) -> Catalogue:
    """Return the catalogue of a folder whose files are valid one by one, but may contradict each other.
    Raises ConfigurationError for a missing or invalid file.
    """
    reading = _shaped(policies, FILES)
    if reading.faults:
        raise ConfigurationError(in_one_line(policies.name, reading.faults))
    return _assembled(policies, reading)


def read(policies: Path, shapes: Mapping[str, type[BaseModel]] = FILES) -> PoliciesRead:
    """Read and check the policy files, each by its model in `shapes`; collect faults instead of raising.
    The files are compared with one another once each is valid by itself.
    """
    reading = _shaped(policies, shapes)
    agreement = reading.models.get("agreement.toml")
    named = {agreement.text, *agreement.documents} if isinstance(agreement, AgreementFile) else set()
    if {*FILES} <= reading.models.keys() and named <= reading.texts.keys():
        reading.catalogue = _assembled(policies, reading)
        reading.blame(*_contradictions(reading.catalogue))
    return reading


@lru_cache(16)
def _contradictions(catalogue: Catalogue) -> tuple[Contradiction, ...]:
    """Return the contradictions between the policy files of a catalogue, from a cache if known."""
    return tuple(contradictions(catalogue))


def _shaped(policies: Path, shapes: Mapping[str, type[BaseModel]]) -> PoliciesRead:
    """Read and validate each policy file by itself, collecting texts, models and faults."""
    reading = PoliciesRead()
    for name, kind in {**shapes, **OPTIONAL}.items():
        if name not in OPTIONAL or (policies / name).exists():
            _read_model(policies, name, kind, reading)
    for path in sorted(policies.glob(PACKS)):
        _read_model(policies, path.name, LawPack, reading)
    try:
        reading.law = whole(each for each in reading.models.values() if isinstance(each, LawPack))
    except ConfigurationError as error:
        file, _, message = str(error).partition(": ")
        reading.blame((file, ("extends",), message))
        kept = {name: model for name, model in reading.models.items() if not isinstance(model, LawPack)}
        reading.models = kept
    agreement = reading.models.get("agreement.toml")
    if isinstance(agreement, AgreementFile):
        named = [("text", agreement.text), *(("documents", name) for name in agreement.documents)]
        for key, name in named:
            if _read_text(policies, name, reading) is None:
                reading.blame(("agreement.toml", (key,), f"there is no readable file {name}"))
    return reading


def _read_text(policies: Path, name: str, reading: PoliciesRead) -> str | None:
    try:
        if Path(name).name != name:
            return None
        reading.texts[name] = (policies / name).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return reading.texts[name]


def _read_model(policies: Path, name: str, kind: type[BaseModel], reading: PoliciesRead) -> None:
    text = _read_text(policies, name, reading)
    if text is None:
        reading.blame((name, (), "the file is missing or is not UTF-8 text"))
        return
    if text.startswith("\ufeff"):
        reading.faults.append(PolicyFault(name, "", 1, _MARKED))
        text = text.removeprefix("\ufeff")
    try:
        reading.models[name] = _model(kind, text)
    except tomllib.TOMLDecodeError as error:
        # Before Python 3.14 the line stands only in the message: "… (at line 3, column 5)".
        place = str(error).rpartition("(at line ")[2].partition(",")[0]
        number = int(place) if place.isdecimal() else None
        wrong = text.splitlines()[number - 1 : number] if number else []
        curly = any(_CURLY.search(line.partition("#")[0]) for line in wrong)
        words = "curly quotation marks stand here: write straight ones, \" or '" if curly else str(error)
        reading.faults.append(PolicyFault(name, "", number, words))
    except ValidationError as error:
        for each in error.errors(include_input=False, include_url=False):
            reading.blame((name, each["loc"], words_of(each, kind)))


@lru_cache(_KEPT)
def _model(kind: type[BaseModel], text: str) -> BaseModel:
    """Return a text as a valid, frozen model; models are cached, as policy versions share most files."""
    return kind.model_validate(document(text))


_CURLY = re.compile("[\u2018\u2019\u201a\u201c\u201d\u201e]")
_MARKED = "the file begins with a byte order mark (BOM): save it as UTF-8 without one"


def _assembled(policies: Path, reading: PoliciesRead) -> Catalogue:
    """Return the catalogue of a folder, made of its policy files, all read and valid."""
    models: dict[str, Any] = {
        name.removesuffix(".toml"): reading.models[name]
        for name in (*FILES, *OPTIONAL)
        if name in reading.models
    }
    agreement, texts = models["agreement"], reading.texts
    named = (agreement.text, *agreement.documents)
    models |= {"flows": models["flows"].in_use(), "calendar": models["calendar"].under(reading.law)}
    digest = policy_digest(policies)
    return Catalogue(
        digest=digest,
        rules=hashlib.sha256(digest.encode() + _code()).hexdigest(),
        agreement_text="\n\n".join(texts[name].removesuffix("\n") for name in named)
        if agreement.documents
        else texts[agreement.text],
        law=reading.law,
        **models,
    )
