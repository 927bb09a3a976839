"""What is made of the same texts again and again, kept for a whole test run.

Each engine of SQLAlchemy compiles its statements afresh, and a test opens a registry for each home, command
and processor: a third of what they cost. The text of a statement does not depend on the file that it is for,
nor on the database of a server. And each of them reads the policies, whose texts are the same in nearly
every home; their patterns alone are nearly as many as Python remembers. Each console has its own templates,
in each language, of the same files. So are the rules by which files are recognised, in each process.
"""

from __future__ import annotations

import pickle
import re
import sys
import tomllib
from collections.abc import MutableMapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment
from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Mapper
from sqlalchemy.util import LRUCache

from gateway.classify import Rules, load
from gateway.home import check_unchanged

_MOST = 2_000
_TEXTS = 100  # Those that ship, and some that a test has changed: each is as large as its file.


class Shared(LRUCache[Any, Any]):
    """Compiled statements by their key, in front of which stands the dialect of an engine."""

    def get(self, key: Any, default: Any = None) -> Any:
        """As SQLAlchemy asks for one."""
        return super().get(_of_any_engine(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        """As SQLAlchemy keeps one."""
        super().__setitem__(_of_any_engine(key), compiled)


def _of_any_engine(key: Any) -> Any:
    dialect, *statement = key
    return (dialect.name, *statement)


_shared: MutableMapping[Any, Any] = Shared(_MOST)
Mapper._compiled_cache = _shared  # type: ignore[assignment]  # Of what is written, row by row.


@event.listens_for(Engine, "engine_connect")
def share(connection: Connection) -> None:
    """Let a connection use what others compiled."""
    connection.execution_options(compiled_cache=_shared)


re._MAXCACHE = 50_000  # type: ignore[attr-defined]  # Beyond 512 it forgets one for each that is new.
_read = tomllib.loads


@lru_cache(_TEXTS)
def _kept(text: str) -> bytes:
    return pickle.dumps(_read(text))


def read(text: str, **options: Any) -> dict[str, Any]:
    """As `tomllib.loads` reads it; whoever asked may change what it gets."""
    found: dict[str, Any] = _read(text, **options) if options else pickle.loads(_kept(text))
    return found


tomllib.loads = read


_compile = Environment.compile
_templates: dict[tuple[Any, ...], Any] = {}


def compiled(pages: Environment, source: Any, name: Any = None, filename: Any = None, **named: Any) -> Any:
    """As Jinja2 compiles a template, whose constants are in the language of its environment."""
    if named or not isinstance(source, str):
        return _compile(pages, source, name, filename, **named)
    asked = (source, name, filename, pages.globals.get("language"))
    if asked not in _templates:
        _templates[asked] = _compile(pages, source, name, filename)
    return _templates[asked]


Environment.compile = compiled  # type: ignore[method-assign]


_load_rules = load.load_rules
_rules = LRUCache[Any, Rules](10)


def rules_of(policies: Path) -> Rules:
    """As `load_rules` loads and checks them; a folder that was changed on the disk is still refused."""
    check_unchanged(policies)
    texts = tuple((one.name, one.read_bytes()) for one in sorted(policies.glob("*.toml")))
    if texts not in _rules:
        _rules[texts] = _load_rules(policies)
    return _rules[texts]


for _module in list(sys.modules.values()):
    if vars(_module).get("load_rules") is _load_rules:
        _module.load_rules = rules_of  # type: ignore[attr-defined]
