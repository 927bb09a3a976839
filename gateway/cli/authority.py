"""Which roles a command asks for, where roles are in force. What nobody listed is an administrator's.

`staff` is everybody who collects files; `team:NAME` the members of one team.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_READERS = frozenset({"auditor", "administrator", "data-protection", "triage"})
_TRIAGE = frozenset({"triage", "administrator"})
_PROTECTION = frozenset({"data-protection"})
_RECALL = frozenset({"triage", "administrator", "data-protection"})
_WELFARE = frozenset({"data-protection", "team:education-welfare"})
_ADMINISTRATOR = frozenset({"administrator"})

# Services, timers and what needs no registry: they act in nobody's name.
_PROVIDERS_SIDE = frozenset({"send", "send_keys", "send_setup", "send_watch"})
_NOBODYS = _PROVIDERS_SIDE | {
    "services", "doctor", "status", "classify", "samples", "demo", "install", "backup", "sandbox"
}  # fmt: skip
_NOBODYS_ACTS = frozenset({"receipts.verify", "retention.run_deletions", "policy_check.check"})
_ACTS = {
    "held.release": _TRIAGE,
    "held.confirm": _TRIAGE,
    "held.return_it": _TRIAGE,
    "held.refuse": _TRIAGE,
    "recalls.withdraw": _RECALL,
    "recalls.redeliver": _RECALL,
    "recalls.confirm": _RECALL,
    "recalls.open_whole": _PROTECTION,
    "pupils.find": _PROTECTION,
    "pupils.report": _PROTECTION,
    "pupils.protect": _PROTECTION,
    "pupils.restrict": _PROTECTION,
    "pupils.unmark": _PROTECTION,
    "pupils.index": _PROTECTION | _ADMINISTRATOR,
    "pupils.missing": _WELFARE,
    "pupils.movers": _WELFARE,
    "holds.place": _PROTECTION,
    "holds.lift": _PROTECTION,
    "roles.grant": _PROTECTION | _ADMINISTRATOR,
    "roles.take": _PROTECTION | _ADMINISTRATOR,
    "breach.one_breach": _PROTECTION | _ADMINISTRATOR,
    "report.one_transfer": _READERS,
    "report.one_provider": _READERS,
    "review.one_review": _READERS,
    "agreement.status": _READERS,
    "agreement.text": _READERS,
    "flows.status": _READERS,
    "policy_explain.explain": _READERS,
    "policy.try_out": _READERS,
    "retention.plan_deletions": _READERS,
    "gateway_keys.export": _READERS,
    "log.head": _READERS,
    "log.verify": _READERS,
    "log.prove": _READERS,
    "log.consistency": _READERS,
    "log.export": _READERS,
}


def name_of(command: Callable[..., Any]) -> str:
    """A command as it is listed here: "module.function"."""
    return f"{command.__module__.rpartition('.')[2]}.{command.__name__}"


def roles_for(command: Callable[..., Any]) -> frozenset[str] | None:
    """The roles of which one is asked for; None where the command acts in nobody's name."""
    if (act := getattr(command, "act", None)) is not None:
        return frozenset(act.roles)
    name = name_of(command)
    module, _, function = name.partition(".")
    if module in _NOBODYS or name in _NOBODYS_ACTS:
        return None
    if name in _ACTS:
        return _ACTS[name]
    return _READERS if function.startswith(("list_", "show_")) else _ADMINISTRATOR
