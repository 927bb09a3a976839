"""The sample of the settings that comes with the units shows every one, as an administrator may set it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from gateway.home.settings import Settings

SAMPLE = Path(__file__).parents[2] / "systemd/gateway.toml.sample"
# What stands in a comment is a setting where a name and a value follow.
_EXAMPLE = re.compile(r"^# (?=\[[a-z.]+\]$|[a-z_]+ = )", re.MULTILINE)


def test_the_sample_can_be_used_as_it_is() -> None:
    Settings.model_validate(tomllib.loads(SAMPLE.read_text("utf-8")))


def test_the_sample_shows_every_setting() -> None:
    shown = tomllib.loads(_EXAMPLE.sub("", SAMPLE.read_text("utf-8")))
    Settings.model_validate(shown)
    assert set(_named(Settings)) - set(_written(shown)) == set()


def _named(kind: type[BaseModel], above: str = "") -> Iterator[str]:
    for name, field in kind.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _named(inner, f"{above}{name}.")
        else:
            yield above + name


def _written(table: dict[str, object], above: str = "") -> Iterator[str]:
    for name, value in table.items():
        yield above + name
        if isinstance(value, dict):
            yield from _written(value, f"{above}{name}.")
