"""Every command of docs/data-protection.md, typed as it is written there, in the order of the page.

What a reader puts in for themselves is put in here: references and the child. Where the page says that a
second person acts, a second person does. Each act has to be in the log with its reason.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import count

import asyncssh
import pytest

from gateway.registry.tables import EventRow
from tests.classify import made
from tests.production.guide import REPOSITORY
from tests.workshop import Desk

UPN = made.Child(1).upn
LEAVES_LOG = {
    "transfers withdraw": {"withdrawn"}, "transfers confirm": {"withdrawn", "redelivered"},
    "transfers redeliver": {"redelivered", "redelivery-proposed"}, "transfers open": {"opened"},
    "pupils find": {"pupils-asked"}, "pupils report": {"pupils-asked"}, "pupils protect": {"pupil-marked"},
    "pupils restrict": {"pupil-marked"}, "pupils unmark": {"pupil-unmarked"}, "hold place": {"hold-placed"},
    "hold lift": {"hold-lifted"},
}  # fmt: skip


def typed() -> Iterator[tuple[str, bool]]:
    """The commands of the page, and whether a second person types one."""
    text = (REPOSITORY / "docs" / "data-protection.md").read_text("utf-8")
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            command, _, comment = line.partition("  #")
            yield command.strip(), "second person" in comment


class Reader:
    """Somebody from data protection, with the files that they ask about."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        self.desk = desk
        self._monkeypatch = monkeypatch
        self._oak = desk.provider("oak", years=("2026-27",))
        self._files: dict[str, str] = {}
        self._numbers = count(2)
        for name in ("jane", "sam"):
            key = desk.root / f"{name}.pub"
            key.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_public_key())
            desk.gateway("staff", "add", name, "--team", "central-data-team", "--ssh-key", str(key))

    def reference(self, written: str) -> str:
        """The file that stands for a reference of the page."""
        if written not in self._files:
            pupils = [made.pupil(made.Child(n), made.CORE_INSIDE) for n in (1, next(self._numbers))]
            self._files[written] = self.desk.send(self._oak, made.ctf(pupils).encode())
            self.desk.process()
        return self._files[written]

    def type(self, command: str, *, second: bool) -> None:
        """Type a command as it is written, but for what a reader puts in; it has to do what it says."""
        self._monkeypatch.setenv("GATEWAY_ADMIN", "kim" if second else "lee")
        text = re.sub(r"261124-oak-[0-9A-Z]{5}", lambda found: self.reference(found[0]), command)
        text = re.sub(r"A999123420001", UPN, text)
        words = [
            str(self.desk.root / word) if word.endswith((".xml", ".html")) else word
            for word in shlex.split(text)
        ]
        before = {one.number for one in self._events()}
        self.desk.gateway(*words[1:])
        kinds = LEAVES_LOG.get(" ".join(words[1:3]))
        if kinds is not None:
            why = words[words.index("--why") + 1] if "--why" in words else None
            new = [one for one in self._events() if one.number not in before]
            assert any(one.kind in kinds and (why is None or why in (one.note or "")) for one in new), (
                command, [(one.kind, one.note) for one in new],
            )  # fmt: skip
            assert all((one.actor or "lee").split()[0] in {"kim", "lee"} for one in new)

    def _events(self) -> list[EventRow]:
        subjects = ("pupils", "oak", *self._files.values())
        return [event for subject in subjects for event in self.desk.events(subject)]


def test_every_command_of_the_page_does_what_it_says(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(desk, monkeypatch)
    for name in ("261124-oak-7K2MX", "261124-oak-8M3NY", "261124-oak-9P4QZ"):
        reader.reference(name)
    done = 0
    for command, second in typed():
        reader.type(command, second=second)
        done += 1
    assert done > 20
    desk.gateway("log", "verify")
