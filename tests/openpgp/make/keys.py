"""Good signatures by keys that are not, or are no longer, in force."""

from datetime import timedelta

from tests.openpgp.make.case import PROGRAMS, Case
from tests.openpgp.make.world import AT

SOFT = "a soft revocation leaves what was signed before it good"

CASES = [
    Case(
        name="expired-since",
        others=dict.fromkeys(PROGRAMS, "asks only whether the key was good when it signed"),
        expect="open:key-expired",
        made_by="pgpy",
        senders=("expired",),
        why="signed while the key was good; it has expired before receipt",
        make=lambda w: w.by_pgpy("expired", at=AT - timedelta(days=60)),
    ),
    Case(
        name="expired-when-signed",
        expect="open:key-expired",
        made_by="pgpy",
        senders=("expired",),
        why="signed after the key expired",
        make=lambda w: w.by_pgpy("expired"),
    ),
    Case(
        name="subkey-expired",
        expect="open:key-expired",
        made_by="pgpy",
        senders=("subkey-expired",),
        why="the signing subkey has expired, its certificate has not",
        make=lambda w: w.by_pgpy("subkey-expired"),
    ),
    Case(
        name="subkey-revoked",
        expect="open:key-revoked",
        made_by="pgpy",
        senders=("subkey-revoked",),
        why="the signing subkey is revoked, its certificate is not",
        make=lambda w: w.by_pgpy("subkey-revoked"),
    ),
    *(
        Case(
            name=f"{kind}-{when}",
            expect=verdict,
            made_by="pgpy",
            senders=(kind,),
            others=dict.fromkeys(PROGRAMS, SOFT) if verdict == "open:key-superseded" else {},
            why=f"{why}, signed {when} that",
            make=lambda w, k=kind, d=days: w.by_pgpy(k, at=AT - timedelta(days=d)),
        )
        for kind, why in (
            ("superseded", "revoked softly: superseded"),
            ("retired", "revoked softly: retired"),
        )
        for when, days, verdict in (("before", 20, "open:key-superseded"), ("after", 1, "open:key-revoked"))
    ),
    *(
        Case(
            name=f"{kind}-{when}",
            expect="open:key-revoked",
            made_by="pgpy",
            senders=(kind,),
            why=f"{why}, signed {when} that",
            make=lambda w, k=kind, d=days: w.by_pgpy(k, at=AT - timedelta(days=d)),
        )
        for kind, why in (
            ("compromised", "revoked as compromised"),
            ("unsaid", "revoked for the reason 0"),
            ("silent", "revoked without a word"),
        )
        for when, days in (("before", 20), ("after", 1))
    ),
    Case(
        name="expired-and-revoked",
        expect="open:key-revoked",
        made_by="pgpy",
        senders=("expired-and-revoked",),
        why="expired and revoked: the graver fault is named",
        make=lambda w: w.by_pgpy("expired-and-revoked"),
    ),
    Case(
        name="key-bound-by-sha1",
        others={"gosop": "takes SHA-1 in the binding of keys"},
        expect="open:unsupported",
        made_by="pgpy",
        senders=("sha1-bound",),
        why="the certificate binds its parts with SHA-1",
        make=lambda w: w.by_pgpy("sha1-bound"),
    ),
    Case(
        name="rsa-1024",
        expect="open:unsupported",
        made_by="pgpy",
        senders=("rsa-1024",),
        why="a key that can be broken",
        make=lambda w: w.by_pgpy("rsa-1024"),
    ),
    Case(
        name="certify-only",
        expect="open:wrong-signer",
        made_by="pgpy",
        senders=("certify-only",),
        why="the key is not made for signing files",
        make=lambda w: w.by_pgpy("certify-only"),
    ),
]
