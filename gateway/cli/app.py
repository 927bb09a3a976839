"""The `gateway` command: every noun and verb in one place."""

from __future__ import annotations

from gateway.cli import (
    backup,
    breach,
    classify,
    declare,
    demo,
    holds,
    install,
    move,
    report,
    retention,
    samples,
    services,
    status,
)
from gateway.cli.doctor import doctor
from gateway.cli.nouns import ALONE, add_nouns
from gateway.cli.root import root

app = root()

services.add_to(app)
app.command()(doctor)
app.command()(status.status)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(move.move)
app.command()(install.install)
add_nouns(app, *ALONE)
app.command("declare")(declare.declare)
app.add_typer(declare.app, name="declarations")
report.app.command("breach")(breach.one_breach)
app.add_typer(report.app, name="report")
app.add_typer(retention.app, name="retention")
app.add_typer(holds.app, name="hold")
app.command("classify")(classify.classify_files)
app.command("samples")(samples.samples)
app.command("demo")(demo.demo)
