"""A watch on a folder that runs while nobody is logged on: a unit for systemd, or a task for Windows."""

from __future__ import annotations

import getpass
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape

Manager = Literal["user", "system", "windows"]
"""What starts the watch: systemd for one user, systemd for the machine, or the Windows Task Scheduler."""
_HOW = {
    "user": "Write this to ~/.config/systemd/user/gateway-send-watch.service, then:\n"
    "#   systemctl --user enable --now gateway-send-watch\n"
    "#   loginctl enable-linger        # so that it runs while nobody is logged in",
    "system": "Write this to /etc/systemd/system/gateway-send-watch.service, then:\n"
    "#   systemctl enable --now gateway-send-watch",
}


def definition(manager: Manager, folder: Path, kit: Path, passphrase_file: Path) -> str:
    """Return a systemd unit or Windows task that watches a folder; every path in it is absolute.

    The program is the Python running now, named by its whole path. Of Windows,
    only the text is tested: no Windows ran it yet.
    """
    arguments = [
        "-m", "gateway", "send", "watch", "--kit", str(kit.absolute()), "--passphrase-file",
        str(passphrase_file.absolute()), str(folder.absolute()),
    ]  # fmt: skip
    if manager == "windows":
        values = {
            "shown": str(folder.absolute()), "user": getpass.getuser(), "program": sys.executable,
            "arguments": subprocess.list2cmdline(arguments),
        }  # fmt: skip
        return _template("watch.xml").format(**{name: escape(value) for name, value in values.items()})
    is_user = manager == "user"
    return _template("watch.service").format(
        how=_HOW[manager],
        shown=str(folder.absolute()).replace("%", "%%"),
        user="" if is_user else f"User={getpass.getuser()}\n",
        command=" ".join(map(_quoted, [sys.executable, *arguments])),
        target="default.target" if is_user else "multi-user.target",
    )


def _template(name: str) -> str:
    return files("gateway.send").joinpath(name).read_text("utf-8")


def _quoted(word: str) -> str:
    """Quote a word for a systemd unit (systemd.service, "Command lines"; systemd.unit, "Specifiers")."""
    marks = {"\\": "\\\\", '"': '\\"', "%": "%%", "$": "$$"}
    return f'"{"".join(marks.get(one, one) for one in word)}"'
