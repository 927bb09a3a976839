"""Good signatures by keys that are not, or are no longer, in force."""

from datetime import timedelta

from pgpy.constants import HashAlgorithm, SignatureType

from tests.openpgp.make.case import PROGRAMS, Case
from tests.openpgp.make.signatures import claiming
from tests.openpgp.make.surgery import joined, literal, split
from tests.openpgp.make.world import AT, CONTENT, World

SOFT = "a soft revocation leaves what was signed before it good"
STRICT = "asks what the certificate said when the signature was made, whatever it says since"
WHOSE = {"expired": "an expired key", "renewed": "a key between its expiry and its renewal"}
TEXT = SignatureType.CanonicalDocument
LINES = CONTENT.replace(b"\r\n", b"\n")
LATE = AT - timedelta(days=10)


def _forged(world: World, name: str) -> bytes:
    return claiming(world, "mallory", name, at=LATE)


def _changed(world: World, name: str) -> bytes:
    one_pass, _, signature = split(world.signed(name, at=LATE))
    return joined([one_pass]) + literal(CONTENT + b"x") + joined([signature])


def _critical(world: World, name: str) -> bytes:
    return world.signed(name, at=LATE, critical=True)


def _sha1(world: World, name: str) -> bytes:
    return world.signed(name, at=LATE, hash=HashAlgorithm.SHA1)


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
    *(
        Case(
            name=f"renewed-since-{name.removeprefix('renewed-')}",
            expect="open",
            made_by="pgpy",
            senders=(name,),
            others=dict.fromkeys(PROGRAMS, STRICT),
            why=f"signed after the old date and before the renewal, {how}",
            make=lambda w, n=name: w.by_pgpy(n, at=LATE),
        )
        for name, how in (
            ("renewed", "which stands beside it"),
            ("renewed-rsa", "by an RSA key"),
            ("renewed-p256", "by an ECDSA key"),
            ("renewed-only", "of which alone the certificate tells, as GnuPG exports it"),
        )
    ),
    Case(
        name="renewed-since-subkey",
        made_by="pgpy",
        senders=("renewed-subkey",),
        others=dict.fromkeys(PROGRAMS, STRICT),
        why="the same, by a subkey",
        make=lambda w: w.by_pgpy("renewed-subkey", at=LATE),
    ),
    Case(
        name="renewed-since-text",
        made_by="pgpy",
        senders=("renewed",),
        others=dict.fromkeys(PROGRAMS, STRICT),
        why="the same, with a signature over text",
        make=lambda w: w.sealed(w.signed("renewed", LINES, at=LATE, kind=TEXT)),
    ),
    *(
        Case(
            name=f"{who}-{what}",
            expect=verdict,
            made_by="surgery" if what != "sha1" else "pgpy",
            senders=(who,),
            why=f"{WHOSE[who]}, {why}",
            make=lambda w, n=who, m=make: w.sealed(m(w, n)),
        )
        for who in ("expired", "renewed")
        for what, verdict, why, make in (
            ("forged", "open:bad-signature", "named as the issuer by somebody else", _forged),
            ("changed", "open:bad-signature", "with the content changed after signing", _changed),
            ("critical", "open:unsupported", "with a notation that must be understood", _critical),
            ("sha1", "open:unsupported", "with SHA-1", _sha1),
        )
    ),
    Case(
        name="renewed-then-compromised",
        expect="open:key-revoked",
        made_by="pgpy",
        senders=("renewed-then-compromised",),
        why="signed before the renewal, and revoked as compromised since",
        make=lambda w: w.by_pgpy("renewed-then-compromised", at=LATE),
    ),
    Case(
        name="renewed-then-superseded",
        expect="open:key-superseded",
        made_by="pgpy",
        senders=("renewed-then-superseded",),
        others={},
        why="signed before the renewal, and revoked softly since",
        make=lambda w: w.by_pgpy("renewed-then-superseded", at=LATE),
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
