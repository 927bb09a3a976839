"""Write log lines: JSON under systemd, text at a terminal. No line has a person's name, or words from a file.

A message is either a sentence, or a code with fields: `code key=value …`. JSON keeps the fields apart, under
the names of the Elastic Common Schema (docs/siem.md). Whatever the message, the output is one line without
control or direction characters.
"""

import faulthandler
import json
import logging
import os
import re
import signal
import sys
from datetime import UTC, datetime

FORMAT = "GATEWAY_LOG_FORMAT"

_CODED = re.compile(r"[a-z][a-z-]*(?: [a-z_0-9]+=\S*)+")
_ECS = {
    "address": "source.ip", "bytes": "file.size", "code": "event.code", "provider": "organization.id",
}  # fmt: skip
_EVERY = {"ecs.version": "8.17.0", "service.name": "gateway", "event.kind": "event"}
_CATEGORIES = {
    "login": ("authentication", "success"),
    "console-login": ("authentication", "success"),
    "console-login-failed": ("authentication", "failure"),
    "offence": ("intrusion_detection", "failure"),
    "landed": ("file", "success"),
}
"""The category and the outcome of an event, by code; others have neither."""
_IAM = ("key", "role", "staff", "credentials", "program", "provider")
"""How kinds of entries begin that are about identity and access."""
_NOISY = ("alembic", "watchdog", "httpx", "httpcore")  # httpx logs addresses, with their secrets


def configure(level: str | int) -> None:
    """Log to stderr in the form that the environment variable GATEWAY_LOG_FORMAT names: json, text, or auto.
    `auto` is JSON under systemd's journal, and text elsewhere.
    """
    handler = logging.StreamHandler(sys.stderr)
    asked = os.environ.get(FORMAT, "auto")
    as_json = asked == "json" or (asked == "auto" and "JOURNAL_STREAM" in os.environ)
    handler.setFormatter(AsJson() if as_json else AsText())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # paramiko logs what it raises as well, with a trace; asyncssh logs names and paths as sent by clients.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    logging.getLogger("asyncssh").setLevel(logging.ERROR)


def neutral(text: str) -> str:
    """Return `text` on one line, with every character able to control a terminal escaped."""
    return "".join(
        c if c.isprintable() else f"\\x{ord(c):02x}" if ord(c) < 0x100 else f"\\u{ord(c):04x}"  # noqa: PLR2004
        for c in text
    )


class AsText(logging.Formatter):
    """Formats a log record as one readable line, followed by the trace of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line, then the trace."""
        at = datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="seconds")
        line = f"{at} {record.levelname} {record.name}: {neutral(record.getMessage())}"
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            line += "\n" + "\n".join(neutral(part) for part in trace.splitlines())
        return line


class AsJson(logging.Formatter):
    """Formats a log record as one JSON object with dotted ECS names, all listed in docs/siem.schema.json."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a JSON object in ASCII; fields without a name in ECS become labels."""
        message = record.getMessage()
        line: dict[str, object] = {
            "@timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "log.level": record.levelname.lower(),
            "log.logger": record.name,
            "message": neutral(message),
            **_EVERY,
        }
        if _CODED.fullmatch(message) or message in _CATEGORIES:
            action, *fields = message.split(" ")
            line["event.action"] = action
            for name, value in (field.split("=", 1) for field in fields):
                known = _ECS.get(name, f"labels.{name}")
                line[known] = int(value) if known == "file.size" else neutral(value)
            if action in _CATEGORIES:
                category, line["event.outcome"] = _CATEGORIES[action]
                line["event.category"] = [category]
        if record.exc_info:
            line["error.stack_trace"] = neutral(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=True)


def entry_as_json(leaf: bytes) -> str:
    """Return an entry of the log as one line of JSON with ECS names; no entry holds personal data."""
    entry = json.loads(leaf)
    kind, subject = entry["kind"], entry["subject"]
    what = kind.partition("-")[0]
    line = {
        "@timestamp": entry["at"],
        "message": f"{kind} {subject}",
        **_EVERY,
        "event.dataset": "gateway.log",
        "event.action": kind,
        "event.sequence": entry["sequence"],
        "labels.subject": subject,
        **{f"labels.{name}": str(value) for name, value in entry["fields"].items()},
    }
    if what in _IAM or what in {"policy", "hook"}:
        line["event.category"] = ["iam" if what in _IAM else "configuration"]
    return json.dumps(line, ensure_ascii=True)


# Print every thread's stack on request, to explain a stalled service. `kill -USR1 PID` writes the stacks of
# all threads to the service's standard error. Stacks name functions and lines of code, never data.


def tell_on_signal() -> None:
    """Print the threads' stacks at each SIGUSR1 from now on."""
    faulthandler.register(signal.SIGUSR1, file=sys.__stderr__ or 2, all_threads=True)
