"""The nouns that stand alone: each is loaded only where it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

# Nouns that stand alone in a module of their name: to run one, the others need not be loaded. In the order
# in which the help lists them.
ALONE = (
    "providers",
    "keys",
    "staff",
    "roles",
    "agreement",
    "year",
    "transfers",
    "held",
    "notices",
    "receipts",
    "flows",
    "log",
    "penalties",
    "policy",
    "discrepancies",
    "pupils",
    "letters",
    "send",
)


def add_nouns(to: typer.Typer, *nouns: str) -> None:
    """Load the nouns that stand alone, and add them to a command."""
    for noun in nouns:
        to.add_typer(import_module(f"gateway.cli.{noun}").app, name=noun)
