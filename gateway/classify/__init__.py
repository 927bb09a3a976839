"""Recognise a file by its content: data type, facts, data items and quality findings.

`recognise` finds the container and calls the recogniser of its format family: `pupil_xml`, `jcq` or
`tables`. Their rules stand in policies/data_types.toml and policies/items.toml. A new data type
usually changes only policies/, in seven files: CONTRIBUTING.md has the recipe.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.classify.load import load_rules
    from gateway.classify.recognise import classify
    from gateway.classify.rules import Rules
    from gateway.classify.tally import OnPupils

__all__ = ["OnPupils", "Rules", "classify", "load_rules"]
_PLACES = {"OnPupils": "tally", "Rules": "rules", "load_rules": "load", "classify": "recognise"}


def __getattr__(name: str) -> object:
    """Import a public name of gateway.classify on first use, so receipts and reports load no file readers."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
