"""The folders of a home, and the one place that turns references and provider ids into paths.

    gateway.toml policies/ registry.db   inside
    policies-in-force/                   inside: each version of the policies ever used for a decision
    keys/ sealed/                        inside, 0700
    mailboxes/                           inside: penalised sources of the mailboxes and of intake
    console/                             inside -> console: the socket of the console API
    web/                                 intake -> web door: the socket at which intake answers
    spool/                               outside -> inside: intake writes, the processor takes away
    published/                           inside -> outside: the inside writes, intake reads
    letters/                             inside <-> courier: letters out, results back
    hand-on/                             inside <-> courier: files for other systems out, results back
    hooks/                               inside <-> courier: messages for web hooks out, results back

Intake uses `Spool` and `Published` only, so as to run with everything else unreadable.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from gateway.errors import ConfigurationError, GatewayError, as_fault

PROVIDER_ID = re.compile(r"[a-z0-9-]{1,32}")
REFERENCE = re.compile(r"\d{6}-[a-z0-9-]{1,32}-[0-9A-HJKMNP-TV-Z]{5}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_KEY_SET = re.compile(r"[0-9a-f]{8}")
CLAIMED = ".claimed"
"""An empty file in published/, touched whenever the processor has looked for uploads to claim."""
_SHOWN_NAME_BYTES = 160
COVERED = frozenset({".toml", ".txt"})
"""How the names of policy files end."""
DEFAULT_HOME = Path("gateway-home")
"""The home of a command that is told no other."""


def checked_provider(provider: str) -> str:
    """Return `provider` unchanged if it is a well-formed provider id; ValueError otherwise."""
    if not PROVIDER_ID.fullmatch(provider):
        raise ValueError("not a provider id")
    return provider


def checked_reference(reference: str) -> str:
    """Return `reference` unchanged if it is a well-formed transfer reference; ValueError otherwise."""
    if not REFERENCE.fullmatch(reference):
        raise ValueError("not a transfer reference")
    return reference


def provider_of(reference: str) -> str:
    """Return the provider id within a transfer reference, whose form is DATE-PROVIDER-RANDOM."""
    return reference.partition("-")[2].rpartition("-")[0]


_LOOKS_LIKE = str.maketrans("OIL", "011")


def as_reference(given: str) -> str:
    """Return a reference that a person typed in the form in which the registry has references.
    The provider is put in lower case, the last part in upper case, with 0 for O and 1 for I and L. A text
    that is no reference is returned unchanged.
    """
    day, first, rest = given.strip().partition("-")
    provider, second, drawn = rest.rpartition("-")
    if not (first and second):
        return given
    return f"{day}-{provider.lower()}-{drawn.upper().translate(_LOOKS_LIKE)}"


def shown_name(name: str) -> str:
    """Return `name` made safe as one path component, in a listing and on a terminal.
    Letters and digits of any script, spaces, and . , ( ) [ ] - _ + stay; every other character (separators,
    control and direction characters) becomes an underscore. The result has at most 160 bytes of UTF-8, is
    never empty, and never starts with a dot or a hyphen.
    """
    kept = "".join(
        c if c in " .,()[]-_+" or unicodedata.category(c)[0] in "LN" else "_"
        for c in unicodedata.normalize("NFC", name)
    )
    clipped = kept.encode("utf-8", "replace")[:_SHOWN_NAME_BYTES].decode("utf-8", "ignore").strip()
    if not clipped:
        return "_"
    return "_" + clipped[1:] if clipped[0] in ".-" else clipped


P = TypeVar("P")


class Below(Generic[P]):
    """A path below the `root` of a folder object, declared in the object's class: `keys = Below("keys")`.

    `kind`: the class of the declared object, made from the path; a plain Path by default.
    """

    @overload
    def __init__(self: "Below[Path]", *parts: str) -> None: ...

    @overload
    def __init__(self, *parts: str, kind: type[P]) -> None: ...

    def __init__(self, *parts: str, kind: Any = None) -> None:
        self._parts, self._kind = parts, kind

    def __get__(self, folder: Any, _: type | None = None) -> P:  # noqa: ANN401 - anything with a root
        """Return the declared path inside `folder`."""
        path: Any = Path(folder.root, *self._parts)
        found: P = path if self._kind is None else self._kind(path)
        return found


@dataclass(frozen=True, slots=True)
class Spool:
    """The one-way folder `spool/` from outside to inside. Intake owns all of the files."""

    root: Path

    host = Below("host")
    """Intake's own SSH host key, made at its first start."""
    landed = Below("landed")
    """Complete uploads: REF.landed, whose appearance is the hand-over."""
    recent = Below("recent")
    """Intake's own memory of recent hand-overs, for listings only; may be lost."""
    asked = Below("asked")
    """PROVIDER.asked: the last time that a provider looked for receipts at this host."""

    def partial(self, provider: str) -> Path:
        """Return the folder of one provider's unfinished uploads, in which intake chooses the file names."""
        return self.root / "partial" / checked_provider(provider)

    def upload(self, reference: str) -> Path:
        """Return the path of a landed upload's only file, which holds the content, then the upload's record.
        The file has this name only once it is complete.
        """
        return self.landed / f"{checked_reference(reference)}.landed"

    def half(self, reference: str) -> Path:
        """Return the path of an upload that is being moved into the spool. A file at the path reserves the
        reference.
        """
        return self.landed / f"{checked_reference(reference)}.part"

    def sealed(self, reference: str) -> Path:
        """Return the path of an upload's content in the earlier format of two files."""
        return self.landed / f"{checked_reference(reference)}.sealed"

    def record(self, reference: str) -> Path:
        """Return the path of an upload's record in the earlier format of two files: written last."""
        return self.landed / f"{checked_reference(reference)}.json"


@dataclass(frozen=True, slots=True)
class Published:
    """The one-way folder from inside to outside; all of it may be rebuilt from the registry."""

    root: Path

    intake_settings = Below("intake.json")
    """intake.json: the settings and limits needed by intake."""
    common = Below("common")
    """The files seen by every provider: common/keys/* and common/agreement/*."""
    security_txt = Below("common", "keys", "security.txt")
    """Whom to tell of a flaw (RFC 9116)."""
    log = Below("log")
    """The log's signed checkpoints."""
    on_request = Below(".on-request")
    """A mark: a provider's receipts are brought out once the provider looks for them at this host."""

    def provider(self, provider: str) -> Path:
        """Return the folder of one provider: authorized_keys, receipts/, pages/ and out/."""
        return self.root / "providers" / checked_provider(provider)

    def pages(self, provider: str) -> Path:
        """Return the folder of a provider's own pages: status.html, calendar.ics."""
        return self.provider(provider) / "pages"


@dataclass(frozen=True, slots=True)
class Letters:
    """The folder between the inside and the courier: letters out, results back."""

    root: Path

    settings = Below("relay.toml")
    """relay.toml: the settings needed by the courier."""
    out = Below("out")
    """NUMBER.eml: letters for the relay. The inside writes and removes them."""
    done = Below("done")
    """NUMBER: empty if the relay accepted the letter, else the refusal. Written by the courier."""


@dataclass(frozen=True, slots=True)
class Home:
    """One gateway's home folder."""

    root: Path

    settings = Below("gateway.toml")
    """gateway.toml."""
    policies = Below("policies")
    """The policies as edited by administrators, in force once found faultless."""
    places = Below("places.json")
    """The addresses of the services of `gateway run`, while running."""
    versions = Below("policies-in-force")
    """The versions of the policies ever used for a decision, by digest, and `current`, naming one."""

    def version(self, digest: str) -> Path:
        """Return the folder of a version of the policies; ValueError if `digest` is no SHA-256 in hex."""
        if not _DIGEST.fullmatch(digest):
            raise ValueError("not a digest")
        return self.versions / digest

    @property
    def policies_in_force(self) -> Path:
        """Return the folder of the policies in force; policies/ where none have come into force yet."""
        try:
            return self.version((self.versions / "current").read_text("ascii").strip())
        except FileNotFoundError:
            return self.policies

    registry = Below("registry.db")
    """The SQLite registry, unless the settings name another database."""
    keys = Below("keys")
    """Secrets of the inside zone, 0700."""

    @property
    def key_set(self) -> str:
        """Return the name of the key set in use; "" for the set made with the home.
        A key set is the log's key and the key for digests of pupils.
        """
        try:
            words = (self.keys / "signing").read_text("ascii", "replace").split()
        except FileNotFoundError:
            return ""
        return words[1] if len(words) > 1 and _KEY_SET.fullmatch(words[1]) else ""

    def log_key(self, key_set: str) -> Path:
        """Return the path of the log's private key in a key set; "" is the set made with the home."""
        return self.keys / f"log{key_set and f'-{key_set}'}.pem"

    def pupil_key(self, key_set: str) -> Path:
        """Return the path of a key set's key for digests of pupils; "" is the set made with the home."""
        return self.keys / f"pupil-index{key_set and f'-{key_set}'}.key"

    mailboxes = Below("mailboxes")
    """The exchange between mailboxes and administrator: penalised and forgiven sources."""
    console = Below("console")
    """The folder of the console API's Unix socket, and of nothing else."""
    web = Below("web")
    """The folder of the Unix socket at which the web door asks intake, and of nothing else."""

    letters = Below("letters", kind=Letters)
    """The folder of letters between the inside and the courier."""
    hand_on = Below("hand-on")
    """The folder of files on their way to other systems; what becomes of them is noted there."""
    hooks = Below("hooks")
    """The folder of messages on their way to web hooks; which were taken is noted there."""

    spool = Below("spool", kind=Spool)
    """The folder from outside to inside."""
    published = Below("published", kind=Published)
    """The folder from inside to outside."""


def policy_files(policies: Path) -> Iterator[Path]:
    """Return every file of the policies, *.toml and *.txt, in order of name."""
    return iter(sorted(path for path in policies.iterdir() if path.suffix in COVERED))


def policy_digest(policies: Path) -> str:
    """Return the SHA-256 (hex) over the names and contents of all policy files."""
    digest = hashlib.sha256()
    for path in policy_files(policies):
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def digest_of(path: Path) -> str:
    """Return the SHA-256 (hex) of a file of any size. GatewayError where reading fails."""
    with as_fault(f"{path} cannot be read", GatewayError), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_unchanged(policies: Path, digest: str | None = None) -> None:
    """Raise ConfigurationError if a version of the policies has changed: the name of its folder is its
    digest. A folder whose name is no digest, such as a draft, is not checked. `digest`: the digest of the
    present files, if the caller has computed it already.
    """
    if not _DIGEST.fullmatch(policies.name) or not policies.is_dir():
        return
    if policies.name != (policy_digest(policies) if digest is None else digest):
        raise ConfigurationError(f"{policies} was changed on the disk: bring it back from a backup")
