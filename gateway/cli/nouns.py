"""Every command by name, with its modules and help, so that listing commands imports none of them."""

from __future__ import annotations

PROVIDERS = frozenset({"classify", "receipts", "samples", "send", "verify-release"})
"""The nouns that need no package of the authority; of receipts that is only `verify`."""
NOUNS = {
    "init": (
        "Create a home: settings, policies, keys, an empty registry. Never overwrites.",
        "cli.home:init",
    ),
    "run": (
        "Run intake, processor, mailboxes, console and, where set, the web door until SIGTERM or Ctrl-C.",
        "cli.home:run",
    ),
    "process": ("Open, classify, decide and route what landed, until SIGTERM.", "cli.services:process"),
    "doctor": (
        "Say what is missing or weak in a home, and how to mend it. Exit 1 where files cannot pass.",
        "cli.doctor:doctor",
    ),
    "status": (
        "Say whether the services are reached, what waits, and what runs out. Exit 1 where all is not well.",
        "cli.status:status",
    ),
    "backup": (
        "Copy a whole home, consistent while the services run. Guard the copy as you guard the home's keys.",
        "cli.backup:backup",
    ),
    "restore": (
        "Make a new home from a backup. Never overwrites. Then run: gateway doctor --deep.",
        "cli.backup:restore",
    ),
    "upgrade": (
        "Bring a home of an earlier version up to this one. Without an option, say what that takes.",
        "cli.upgrade:upgrade",
    ),
    "move": (
        "Move the registry to PostgreSQL, the sealed files to an S3 store, or both. Stop the services first.",
        "cli.backup:move",
    ),
    "install": (
        "Lay out units, users, folders, alert rules and a sample of the settings for systemd.",
        "cli.install:install",
    ),
    "classify": (
        "Say what plain files are, why, what they hold and what is wrong with them. Nothing is sent.",
        "cli.classify:classify_files",
    ),
    "samples": (
        "Write synthetic files of every flow, with invented pupils and UPNs that no pupil can have.",
        "cli.samples:samples",
    ),
    "verify-release": (
        "Check that a file is of a release and unchanged, by the release's signed statement. Works offline.",
        "cli.verify_release:verify_release",
    ),
    "demo": (
        "Show the gateway at work: real services and files in a temporary home, which is cleaned up.",
        "cli.sandbox:demo",
    ),
    "sandbox": (
        "Run a whole gateway on loopback with a throw-away home, until Ctrl-C. Give it no real pupil data.",
        "cli.sandbox:sandbox",
    ),
    "serve": ("Run one of the services in the foreground.", "cli.services"),
    "send": (
        (
            "The provider's side: gateway send FILE... checks, signs, encrypts and sends files, and waits "
            "for their verified receipts. Exit 0: all accepted; 3: some held; 1: some refused, or not sent."
        ),
        "cli.send:app",
    ),
    "providers": ("Enrol providers and look at them.", "acts.providers acts.provider_lists"),
    "keys": ("Keys of providers and staff, and the gateway's own.", "acts.keys acts.key_changes cli.keys"),
    "staff": ("Enrol the authority's staff and look at them.", "acts.staff"),
    "roles": ("Who may do what, by name.", "acts.staff"),
    "agreement": ("The yearly data sharing agreement.", "acts.agreement"),
    "year": ("The school year: opened each summer, and what it lacks.", "cli.year"),
    "transfers": ("What landed and what became of it.", "acts.transfers acts.recalls cli.transfers"),
    "held": ("Files that wait for a person or a date.", "acts.held_files acts.held_decisions"),
    "notices": ("Notices to the authority's data protection officers.", "acts.notices"),
    "receipts": ("Signed receipts.", "cli.receipts"),
    "letters": ("Letters to schools and staff: who is written to, and when.", "acts.letters"),
    "handon": (
        "Files of teams handed on to other systems of the authority (docs/hand-on.md).",
        "acts.handon",
    ),
    "flows": ("What the agreement lists, row by row, and when it came.", "acts.agreement_flows"),
    "log": ("The append-only log.", "cli.log"),
    "penalties": ("Addresses that failed to log in too often and have to wait.", "acts.penalties"),
    "programs": ("Programs of the authority that use the API (docs/api.md).", "acts.programs"),
    "hooks": ("Web hooks: systems of the authority that are told of events (docs/api.md).", "acts.hooks"),
    "filters": ("Filters of lists that you saved for yourself.", "acts.filters"),
    "hosts": ("Hosts that share the work on one registry (docs/cluster.md).", "acts.hosts cli.hosts"),
    "policy": ("The policies: checked, explained, tried and compared.", "acts.policy_explain cli.policy"),
    "discrepancies": ("Pupils on two rolls, other dates of birth, old numbers.", "acts.discrepancies"),
    "headings": ("What providers say that their headings mean.", "acts.headings"),
    "sensitive": ("Sensitive headings that came, without their values.", "acts.sensitive"),
    "pupils": ("Which files hold a child. Every question is logged.", "acts.pupils cli.pupils"),
    "declarations": ("Transfers that were declared to go another way.", "acts.declarations"),
    "report": ("Reports for people.", "acts.reports"),
    "retention": ("How long things are kept (policies/retention.toml).", "acts.retention cli.retention"),
    "breach": ("Records of breaches of personal data (agreement, section 10).", "acts.breaches"),
    "legal-holds": ("Legal holds: nothing on hold is ever deleted.", "acts.legal_holds"),
}
"""The commands and groups of commands in the order of the help, each with its help and place below `gateway`.

The place of a single command, or of a group with options, is MODULE:NAME. Other places are the modules with
the verbs, separated by spaces, those quick to load first: a verb is looked for in one after the other. The
verbs of `acts` are derived; other modules have an `app`.
"""
# Scripts still use this name, which the help does not list.
FORMER = {"declare": ("The former name of declarations add.", "acts.declarations:Declare")}
