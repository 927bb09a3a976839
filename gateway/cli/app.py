"""The `gateway` command: every noun and verb in one place."""

from __future__ import annotations

from gateway.cli import (
    agreement,
    backup,
    breach,
    classify,
    declare,
    demo,
    discrepancies,
    flows,
    held,
    install,
    keys,
    log,
    penalties,
    policy,
    providers,
    receipts,
    report,
    retention,
    samples,
    services,
    staff,
    status,
    transfers,
)
from gateway.cli.doctor import doctor
from gateway.cli.root import root

app = root()

services.add_to(app)
app.command()(doctor)
app.command()(status.status)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(install.install)
app.add_typer(providers.app, name="providers")
app.add_typer(keys.app, name="keys")
app.add_typer(staff.app, name="staff")
app.add_typer(agreement.app, name="agreement")
app.add_typer(transfers.app, name="transfers")
app.add_typer(held.app, name="held")
app.add_typer(receipts.app, name="receipts")
app.add_typer(flows.app, name="flows")
app.add_typer(log.app, name="log")
app.add_typer(penalties.app, name="penalties")
app.add_typer(policy.app, name="policy")
app.add_typer(discrepancies.app, name="discrepancies")
app.command("declare")(declare.declare)
app.add_typer(declare.app, name="declarations")
report.app.command("breach")(breach.one_breach)
app.add_typer(report.app, name="report")
app.add_typer(retention.app, name="retention")
app.add_typer(retention.hold_app, name="hold")
app.command("classify")(classify.classify_files)
app.command("samples")(samples.samples)
app.command("demo")(demo.demo)
