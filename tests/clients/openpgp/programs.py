"""The OpenPGP programs and libraries, what is done with each, and what is to come of it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from tests.clients.openpgp.bench import TOLD, MakesParty
from tests.clients.openpgp.commands import GnuPG, OldGnuPG, Rnp, Sop, Sq
from tests.clients.openpgp.libraries import (
    JARS,
    OPENPGP_JS,
    RPGP,
    BouncyCastle,
    OpenpgpJs,
    Pgpy,
    Pysequoia,
    Rpgp,
)

CURVE, RSA = "curve25519", "rsa4096"
CANNOT = "cannot"
ENROLLED = "enrolled"


@dataclass(frozen=True, slots=True)
class Act:
    """A file that is made. `expect`: `open`, a code, or `cannot`; `why` where it does not open.

    `change` is what happens to it on its way; it arrives `after_days`.
    """

    what: str
    how: tuple[str, ...] = ()
    to: str = CURVE
    expect: str = TOLD
    why: str = ""
    change: Callable[[bytes], bytes] | None = None
    after_days: int = 0


@dataclass(frozen=True, slots=True)
class KeyKind:
    """A kind of key: what it is called, how it is asked for, and what becomes of it.

    `reads` and `opens`: why a program cannot read a receipt or open a copy; empty where it can.
    """

    name: str
    kind: str
    acts: Sequence[Act] = ()
    enrolled: str = ENROLLED
    gateway: str = CURVE
    reads: str = ""
    opens: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """A program or library. `needs`: programs on the path, and files."""

    name: str
    version: Callable[[], str]
    party: MakesParty
    keys: Sequence[KeyKind]
    needs: Sequence[str | Path] = field(default_factory=tuple)


def version(*command: str) -> Callable[[], str]:
    """The first version number in what a command says."""

    def ask() -> str:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        found = re.search(r"\d+(\.\d+)+\w*", done.stdout)
        return found[0] if found else "?"

    return ask


def of_package(name: str) -> Callable[[], str]:
    """The version of a package of Debian."""
    return version("dpkg-query", "-W", "-f", "${Version}", name)


def _by_powershell(armored: bytes) -> bytes:
    return armored.decode().replace("\n", "\r\n").encode("utf-16")


PLAIN, TO_RSA = Act("sign and seal"), Act("sign and seal", to=RSA)
BOTH = (PLAIN, TO_RSA)
_BRAINPOOL = "key:unreadable-kind"
_AEAD = Act("encryption of RFC 9580", ("--profile=rfc9580",))
_NO_CURVES = "it knows no curves: give it the gateway's RSA key"
_NO_EAX = "no engine here knows EAX; what programs have in common is `--aead=OCB`"
_OLD = "the cipher is too weak; `old_ciphers` in `policies/limits.toml` admits it"

PROGRAMS = [
    Program(
        "GnuPG",
        version("gpg", "--version"),
        GnuPG,
        [
            KeyKind(
                "its default",
                "default",
                [
                    *BOTH,
                    Act("in armor", ("--armor",)),
                    Act("in armor, saved by PowerShell", ("--armor",), change=_by_powershell),
                    Act("without compression", ("-z", "0")),
                    Act("compressed by bzip2", ("--compress-algo", "bzip2")),
                    Act("signed as text", ("--textmode",)),
                    Act("to a recipient that is not named", ("--hidden-recipient-file", "GATEWAY")),
                    Act("its own OCB", ("--force-ocb",)),
                    Act("its own OCB, to RSA", ("--force-ocb",), to=RSA),
                    Act(
                        "3DES",
                        ("--allow-old-cipher-algos", "--cipher-algo", "3DES"),
                        expect="open:old-cipher",
                        why=_OLD,
                    ),
                ],
            ),
            KeyKind("RSA 3072", "rsa3072", BOTH),
            KeyKind("NIST P-256", "nistp256", BOTH),
            KeyKind("Brainpool P-256", "brainpoolP256r1", enrolled=_BRAINPOOL),
            KeyKind("RSA, certified with SHA-1", "rsa3072 --cert-digest-algo=SHA1", enrolled="key:old-hash"),
        ],
        ["gpg"],
    ),
    Program(
        "GnuPG 1",
        version("gpg1", "--version"),
        OldGnuPG,
        [
            KeyKind(
                "RSA 2048",
                "",
                [
                    Act("sign and seal", expect=CANNOT, why=_NO_CURVES),
                    TO_RSA,
                    Act("in armor", ("--armor",), to=RSA),
                ],
                gateway=RSA,
            )
        ],
        ["gpg1"],
    ),
    Program(
        "Sequoia sq",
        version("sq", "version"),
        Sq,
        [KeyKind("its default", "rfc4880", BOTH), KeyKind("version 6", "rfc9580", BOTH)],
        ["sq"],
    ),
    Program(
        "RNP",
        version("rnp", "--version"),
        Rnp,
        [
            KeyKind(
                "its default",
                "default",
                [
                    *BOTH,
                    Act("in armor", ("--armor",)),
                    Act("OCB", ("--aead=OCB",)),
                    Act("EAX", ("--aead=EAX",), expect="open:unsupported", why=_NO_EAX),
                ],
            ),
            KeyKind("Ed25519", "ed25519", BOTH),
            KeyKind("Brainpool P-256", "brainpoolP256r1", enrolled=_BRAINPOOL),
        ],
        ["rnp", "rnpkeys"],
    ),
    Program(
        "sqop",
        of_package("sqop"),
        Sop,
        [
            KeyKind("its default", "sqop default", [*BOTH, _AEAD]),
            KeyKind("version 6", "sqop rfc9580", BOTH),
            KeyKind("RSA 3072", "sqop rfc4880", BOTH),
        ],
        ["sqop"],
    ),
    Program(
        "gosop",
        version("gosop", "version"),
        Sop,
        [
            KeyKind(
                "its default",
                "gosop default",
                [*BOTH, Act("encryption of RFC 9580", ("--profile=performance",))],
            ),
            KeyKind("version 6", "gosop performance", BOTH),
            KeyKind("Ed448", "gosop security", BOTH),
        ],
        ["gosop"],
    ),
    Program(
        "rsop",
        of_package("rsop"),
        Sop,
        [
            KeyKind("its default", "rsop draft-koch-eddsa-for-openpgp-00", [*BOTH, _AEAD]),
            KeyKind("version 6", "rsop rfc9580", BOTH),
        ],
        ["rsop"],
    ),
    Program(
        "PGPainless",
        of_package("pgpainless-cli"),
        Sop,
        [
            KeyKind("its default", "pgpainless-cli draft-koch-eddsa-for-openpgp-00", BOTH),
            KeyKind("RSA 4096", "pgpainless-cli rfc4880", BOTH),
        ],
        ["pgpainless-cli"],
    ),
    Program(
        "Bouncy Castle",
        of_package("libbcpg-java"),
        BouncyCastle,
        [
            KeyKind(
                "RSA 3072",
                "rsa",
                [
                    *BOTH,
                    Act("without compression", ("uncompressed",)),
                    Act("compressed within the signature", ("compressed-within",)),
                    Act("3DES", ("3des",), expect="open:old-cipher", why=_OLD),
                    Act("CAST5", ("cast5",), expect="open:old-cipher", why=_OLD),
                    Act(
                        "without integrity protection",
                        ("no-integrity",),
                        expect="open:no-integrity",
                        why="anybody on the way could change it; in code: `setWithIntegrityPacket(true)`",
                    ),
                ],
                reads="not tried: it has no call for it",
            ),
            KeyKind("RSA 3072 that does not say for what it is", "silent", enrolled="key:no-uses"),
        ],
        ["java", "javac", *JARS],
    ),
    Program(
        "OpenPGP.js",
        version("node", "-p", f"require('{OPENPGP_JS}/package.json').version"),
        OpenpgpJs,
        [
            KeyKind("its default", "4 0", [*BOTH, Act("compressed", ("compressed",))]),
            KeyKind(
                "version 6, for ten days",
                "6 864000",
                [
                    *BOTH,
                    Act(
                        "arrives after the end of its key",
                        after_days=11,
                        expect="open:key-expired",
                        why="waits for a renewed key, or for a person",
                    ),
                ],
            ),
        ],
        ["node", OPENPGP_JS],
    ),
    Program(
        "PGPy",
        lambda: metadata.version("pgpy"),
        Pgpy,
        [
            KeyKind(name, kind, BOTH, reads="reads no clearsigned text with letters beyond ASCII")
            for name, kind in (("RSA 3072", "rsa"), ("Ed25519", "ed25519"))
        ],
    ),
    Program(
        "pysequoia",
        lambda: metadata.version("pysequoia"),
        Pysequoia,
        [
            KeyKind("version 4", "RFC4880", [*BOTH, Act("in armor", ("--armor",))]),
            KeyKind("version 6", "RFC9580", BOTH),
        ],
    ),
    Program(
        "rPGP (rpgp-py)",
        lambda: (
            next(RPGP.glob("rpgp_py-*.dist-info")).name.removeprefix("rpgp_py-").removesuffix(".dist-info")
        ),
        Rpgp,
        [
            KeyKind("version 4", "4", [*BOTH, Act("compressed", ("zlib",))]),
            KeyKind("version 6", "6", BOTH),
        ],
        [RPGP / "openpgp"],
    ),
]
