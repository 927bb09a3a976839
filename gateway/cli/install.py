"""install: lay out the files for running the gateway under systemd."""

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.commands import fails_clearly
from gateway.cli.console import err, out
from gateway.errors import GatewayError, as_fault
from gateway.policy.shipped import shipped
from gateway.zones.spool import write_durably

# The paths in shipped files, to be replaced.
_PROGRAM, _HOME, _DOCUMENTS = "/usr/local/bin/gateway", "/var/lib/gateway", "/usr/local/share/doc/gateway"
_UNITS = {".service", ".socket", ".timer", ".target", ".conf"}
_PLACES = {
    ".sysusers": Path("lib/sysusers.d/gateway.conf"),
    ".tmpfiles": Path("lib/tmpfiles.d/gateway.conf"),
    ".yml": Path("share/gateway/alerts.yml"),
    ".json": Path("share/gateway/dashboard.json"),
    ".md": Path("share/doc/gateway/operations.md"),
    ".sample": Path("share/doc/gateway/gateway.toml.sample"),
}
# ProtectHome= and PrivateTmp= hide these from the services.
_HIDDEN = ("/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/")  # noqa: S108 - they are only named


@fails_clearly
def install(
    prefix: Annotated[
        Path, typer.Option(help="The units go to PREFIX/lib/systemd/system.", show_default=True)
    ] = Path("/usr/local"),
    home: Annotated[Path, "The home that the services will have."] = Path(_HOME),
    program: Annotated[
        Path | None, "The gateway command that the units start; this one if not given."
    ] = None,
) -> None:
    """Lay out units, users, folders, alert rules and a sample of the settings for systemd.

    Run it again after an upgrade: files laid out before are replaced. Put changes of your own into
    drop-ins (systemctl edit), which stay.
    """
    root = prefix.absolute()
    paths = {
        _PROGRAM: str(program or _this_program()),
        _DOCUMENTS: str(root / "share/doc/gateway"),
        _HOME: str(home.absolute()),
    }
    for value in (paths[_PROGRAM], paths[_HOME]):
        if any(c.isspace() or c in "%\\\"'$" for c in value):
            raise GatewayError(f"{value}: a path with blanks, quotes, % or $ cannot stand in a unit")
        if value.startswith(_HIDDEN):
            err.print(f"warning: {value} is hidden from the services", soft_wrap=True)
    units, written = shipped_units(), 0
    documents = units.parent / "docs" / "operations.md"
    for source in (*sorted(units.rglob("*")), *([documents] if documents.is_file() else [])):
        place = _PLACES.get(source.suffix)
        if source.suffix in _UNITS:
            place = Path("lib/systemd/system") / source.relative_to(units)
        if place is None or source.is_dir():
            continue
        path, text = root / place, source.read_text("utf-8")
        for theirs, here in paths.items():
            text = text.replace(theirs, here)
        with as_fault(f"{path} cannot be written", GatewayError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, text.encode(), mode=0o644)
        written += 1
    out.print(f"laid out {written} files below {root}")
    out.print("next: systemd-sysusers; systemd-tmpfiles --create; systemctl daemon-reload")
    out.print(f"then: {root}/share/doc/gateway/operations.md tells how to begin")


def shipped_units() -> Path:
    """Return the folder of the shipped units."""
    return shipped("units", "systemd", holding="gateway.target")


def _this_program() -> Path:
    beside = Path(sys.executable).with_name("gateway")
    found = beside if beside.exists() else shutil.which("gateway")
    if found is None:
        raise GatewayError("where the gateway command lies is not clear; give it with --program")
    return Path(found).absolute()
