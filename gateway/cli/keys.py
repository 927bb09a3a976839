"""keys: SSH keys and OpenPGP certificates of providers and staff."""

from gateway.acts.keys import ConfirmKeys
from gateway.cli import gateway_keys, host_keys
from gateway.cli.console import formerly
from gateway.cli.derived import command_of, commands_of

app = commands_of("keys", "Keys of providers and staff, and the gateway's own.", "gateway.acts.keys")
app.add_typer(gateway_keys.app, name="gateway")
app.add_typer(host_keys.app, name="host")
app.command("approve", hidden=True)(formerly("keys approve", "keys confirm", command_of(ConfirmKeys)))
