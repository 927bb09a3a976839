"""Signatures that do not count."""

from datetime import datetime, timedelta

import pgpy
from pgpy.constants import HashAlgorithm, SignatureType

from tests.openpgp.make.case import PROGRAMS, Case
from tests.openpgp.make.good import two_signers
from tests.openpgp.make.surgery import joined, literal, split
from tests.openpgp.make.world import AEAD, AT, CONTENT, SIGNED, World


def _changed_content(world: World) -> bytes:
    one_pass, _, signature = split(world.signed("alice"))
    return world.sealed(joined([one_pass]) + literal(CONTENT + b"x") + joined([signature]))


def _other_signature(world: World) -> bytes:
    """The signature of another message of the same sender."""
    one_pass, part, _ = split(world.signed("alice"))
    signature = split(world.signed("alice", CONTENT + b"x"))[2]
    return world.sealed(joined([one_pass, part, signature]))


def claiming(world: World, signer: str, named: str, at: datetime = SIGNED) -> bytes:
    """A message signed by `signer` whose packets name another key as the issuer."""
    (ops, ops_body), part, (tag, body) = split(world.signed(signer, at=at))
    ours, _ = pgpy.PGPKey.from_blob(world.cert[signer])
    hers, _ = pgpy.PGPKey.from_blob(world.cert[named])
    for mine, theirs in (
        (str(ours.fingerprint).replace(" ", ""), str(hers.fingerprint).replace(" ", "")),
        (str(ours.fingerprint.keyid), str(hers.fingerprint.keyid)),
    ):
        body = body.replace(bytes.fromhex(mine), bytes.fromhex(theirs))
        ops_body = ops_body.replace(bytes.fromhex(mine), bytes.fromhex(theirs))
    return joined([(ops, ops_body), part, (tag, body)])


def _grafted(world: World) -> bytes:
    """A good signature by mallory; the certificate offered is alice's with mallory's key pasted on."""
    parts = split(_binary(world, "alice"))
    primary, _, _, _, subkey_binding = split(_binary(world, "mallory"))
    world.cert["alice-grafted"] = world.gpg.run(
        "--enarmor", given=joined([*parts, (14, primary[1]), subkey_binding])
    ).replace(b"ARMORED FILE", b"PUBLIC KEY BLOCK")
    (world.folder / "alice-grafted.asc").write_bytes(world.cert["alice-grafted"])
    return world.sealed(world.signed("mallory"))


def _binary(world: World, name: str) -> bytes:
    return world.gpg.run("--export", name)


def _by_pgpy_of_type(world: World, kind: SignatureType) -> bytes:
    one_pass, part, (tag, body) = split(world.signed("alice"))
    return world.sealed(joined([one_pass, part, (tag, body[:1] + bytes([kind]) + body[2:])]))


CASES = [
    Case(
        name="not-signed",
        expect="open:not-signed",
        why="gpg --encrypt",
        make=lambda w: w.gpg.run("-r", "=gateway file gateway", "--encrypt", given=CONTENT, at=AT),
    ),
    Case(
        name="not-signed-z0",
        expect="open:not-signed",
        why="the same without compression",
        make=lambda w: w.gpg.run("-z0", "-r", "=gateway file gateway", "--encrypt", given=CONTENT, at=AT),
    ),
    Case(
        name="not-signed-sqop",
        expect="open:not-signed",
        made_by="sqop",
        why="Sequoia, unsigned",
        make=lambda w: w.by_sop("sqop", "", to="gateway.asc"),
    ),
    Case(
        name="not-signed-seipd2",
        expect="open:not-signed",
        made_by="sqop",
        keys=("gateway-sequoia",),
        why="SEIPDv2, unsigned",
        make=lambda w: w.by_sop("sqop", "", AEAD, to="gateway-sequoia.asc"),
    ),
    Case(
        name="wrong-signer",
        expect="open:wrong-signer",
        why="signed by a key that nobody enrolled",
        make=lambda w: w.by_gpg(signer="mallory"),
    ),
    Case(
        name="wrong-signer-seipd2",
        expect="open:wrong-signer",
        made_by="sqop",
        keys=("gateway-sequoia",),
        why="the same in SEIPDv2",
        make=lambda w: w.by_sop("sqop", "mallory", AEAD, to="gateway-sequoia.asc"),
    ),
    Case(
        name="no-senders",
        expect="open:wrong-signer",
        why="nobody is enrolled yet",
        senders=(),
        make=World.by_gpg,
    ),
    Case(
        name="claims-to-be-another",
        expect="open:bad-signature",
        made_by="surgery",
        why="mallory's signature, with alice named as its issuer",
        make=lambda w: w.sealed(claiming(w, "mallory", "alice")),
    ),
    Case(
        name="grafted-subkey",
        expect="open:wrong-signer",
        made_by="surgery",
        senders=("alice-grafted",),
        why="mallory's key pasted onto alice's certificate, as a subkey that alice never bound",
        make=_grafted,
    ),
    Case(
        name="content-changed",
        expect="open:bad-signature",
        made_by="surgery",
        why="content changed after signing",
        make=_changed_content,
    ),
    Case(
        name="signature-of-another-file",
        expect="open:bad-signature",
        made_by="surgery",
        why="a good signature of another content",
        make=_other_signature,
    ),
    Case(
        name="signature-of-wrong-type",
        expect="open:bad-signature",
        made_by="surgery",
        why="a certification in the place of a signature over data",
        make=lambda w: _by_pgpy_of_type(w, SignatureType.Generic_Cert),
    ),
    Case(
        name="signed-with-sha1",
        expect="open:unsupported",
        made_by="pgpy",
        why="SHA-1 can be forged",
        senders=("erin",),
        make=lambda w: w.by_pgpy("erin", hash=HashAlgorithm.SHA1),
    ),
    Case(
        name="signed-with-md5",
        expect="open:unsupported",
        made_by="pgpy",
        why="MD5 can be forged",
        senders=("erin",),
        make=lambda w: w.by_pgpy("erin", hash=HashAlgorithm.MD5),
    ),
    Case(
        name="signature-expired",
        others={"rsop": "does not look at the expiry of a signature"},
        expect="open:signature-expired",
        made_by="pgpy",
        senders=("erin",),
        why="the signature itself has expired",
        make=lambda w: w.by_pgpy("erin", expires=timedelta(minutes=5)),
    ),
    Case(
        name="unknown-critical-notation",
        expect="open:unsupported",
        why="a notation that must be understood and is not",
        make=lambda w: w.by_gpg("--set-notation", "!odd@example.org=1"),
    ),
    Case(
        name="backdated",
        others=dict.fromkeys(PROGRAMS, "no window of time"),
        expect="open:signature-date",
        made_by="pgpy",
        senders=("erin",),
        why="signed 100 days ago",
        make=lambda w: w.by_pgpy("erin", at=AT - timedelta(days=100)),
    ),
    Case(
        name="before-its-key",
        expect="open:signature-date",
        made_by="pgpy",
        senders=("erin",),
        why="signed before the key was made",
        make=lambda w: w.by_pgpy("erin", at=AT - timedelta(days=1000)),
    ),
    Case(
        name="just-before-its-key",
        expect="open:signature-date",
        made_by="pgpy",
        senders=("erin",),
        at=AT - timedelta(days=182, hours=2),
        why="signed by a clock that is an hour slow, on the day when the key was made",
        make=lambda w: w.by_pgpy("erin", at=AT - timedelta(days=182, hours=4)),
    ),
    Case(
        name="text-of-old-macs",
        others={"gosop": "takes CR alone for no end of a line, as gpg does"},
        expect="open:unsupported",
        why="signed as text, with lines that end with CR alone",
        make=lambda w: w.by_gpg("--textmode", content=CONTENT.replace(b"\n", b"\r")),
    ),
    Case(
        name="future-dated",
        expect="open:signature-date",
        made_by="pgpy",
        senders=("erin",),
        why="signed in a year's time",
        make=lambda w: w.by_pgpy("erin", at=AT + timedelta(days=365)),
    ),
    Case(
        name="far-future-dated",
        expect="open:signature-date",
        made_by="pgpy",
        senders=("erin",),
        why="signed in fifty years' time",
        make=lambda w: w.by_pgpy("erin", at=AT + timedelta(days=18_250)),
    ),
    Case(
        name="twice-signed",
        others=dict.fromkeys(PROGRAMS, "one good signature is enough for it"),
        expect="open:not-one-file",
        made_by="surgery",
        senders=("alice", "erin"),
        why="two enrolled keys signed: which of them speaks?",
        make=lambda w: w.sealed(two_signers(w, "alice", "erin")),
    ),
]
