"""The settings of gateway.toml and policies/limits.toml, validated when read."""

from __future__ import annotations

import ipaddress
import time
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator

from gateway.errors import ConfigurationError, as_fault
from gateway.home import Home, check_unchanged
from gateway.home.settings_file import File, keys_of, nearest, written_as
from gateway.home.store_settings import StoreSettings

_Origin = Annotated[
    str,
    written_as(
        r"https://([a-z0-9-]+\.)+[a-z][a-z0-9-]*(:[0-9]{1,5})?|http://localhost:[0-9]{1,5}",
        "it is https:// and a name, no IP address, without a path: https://gateway.example.gov.uk",
    ),
]
"""An origin at which browsers allow passkeys."""
SWITCH_SECONDS = 0.0005
"""How long a thread of a busy service may run before others get a turn."""
SECURITY = "/.well-known/security.txt"
"""Where the web door and the console show whom to tell of a flaw (RFC 9116)."""
_Issuer = Annotated[
    str,
    written_as(
        r"https://[^\s?#]{1,300}|http://localhost:[0-9]{1,5}",
        "it is https:// and what follows, as the provider's tokens name it",
    ),
]
# A file changed so lately may change once more and bear the same times.
_LATELY_SECONDS = 2.0


class OpenIdSettings(File):
    """The OpenID Connect provider by which staff may log in, besides passkeys.

    `issuer`: the provider's address, spelled as in the provider's tokens. `client_secret_file`: the file with
    the client secret, if the provider issued one. `name`: the provider's name as shown to people.
    """

    issuer: _Issuer
    client_id: str = Field(min_length=1, max_length=200)
    client_secret_file: Path | None = None
    name: str = Field(default="the council's account", min_length=1, max_length=60)

    def secret(self) -> str | None:
        """Return the client secret; None if gateway.toml names none. ConfigurationError if unreadable."""
        if self.client_secret_file is None:
            return None
        with as_fault(f"[console.openid]: {self.client_secret_file} cannot be read", ConfigurationError):
            return self.client_secret_file.read_text("utf-8").strip()


_Page = Annotated[
    str,
    written_as(r"https://[^\s]+", "a page has an address such as https://www.example.gov.uk/accessibility"),
]


class WebSettings(File):
    """The web door's listening address, and its origin in browsers; without an `origin` the web door is off.

    `origin`: the address typed by people, without a path, such as https://gateway.example.gov.uk.
    `certificate` and `certificate_key`: files for HTTPS where no reverse proxy provides HTTPS. `proxies`: the
    addresses of reverse proxies.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=2225, ge=0, le=65535)
    origin: _Origin | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None
    proxies: tuple[str, ...] = ()


class ConsoleSettings(WebSettings):
    """The console's listening address, and its origin in browsers.

    Without an `origin`, the console is at http://localhost with the port, for browsers on this machine only.
    `openid`: a further way for staff to log in. `accessibility`: the address of the page with the authority's
    accessibility statement (SI 2018/952, 8).
    """

    port: int = Field(default=2224, ge=0, le=65535)
    openid: OpenIdSettings | None = None
    accessibility: _Page | None = None


_LogOrigin = Annotated[
    str,
    written_as(
        r"[a-z0-9.-]+(/[a-z0-9.-]+)*",
        "the log's name is made of a-z, 0-9, dots and hyphens, with slashes between its parts, such as "
        "gateway.example.gov.uk/log",
    ),
]
_Contact = Annotated[
    str,
    written_as(
        r"(mailto:[^@\s]+@[A-Za-z0-9.-]+|https://[^\s]+|tel:\+?[0-9-]+)",
        "a contact is an address such as mailto:security@example.gov.uk, https://… or tel:+44…",
    ),
]


def _each_once(days: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(days)) < len(days):
        raise ValueError("write each number of days once")
    return days


WarnDays = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1), AfterValidator(_each_once)]
"""How many days before something ends its owner is warned: at least once, never of the same day twice."""


Network = Annotated[str, AfterValidator(lambda text: str(ipaddress.ip_network(text)))]


class AlsoOffer(File):
    """An offer of weak algorithms to old programs, in addition to the usual ones; make the offer as narrow as
    possible. It is for clients in one of `networks` (anywhere by default), and only for `provider` if named.
    With `rsa-sha2-…` intake also shows an RSA host key.
    """

    algorithms: tuple[
        Literal[
            "ecdh-sha2-nistp256",
            "ecdh-sha2-nistp384",
            "ecdh-sha2-nistp521",
            "diffie-hellman-group14-sha256",
            "diffie-hellman-group14-sha1",
            "diffie-hellman-group16-sha512",
            "hmac-sha2-256",
            "aes128-ctr",
            "rsa-sha2-512",
            "rsa-sha2-256",
        ],
        ...,
    ] = Field(min_length=1)
    networks: tuple[Network, ...] = ()
    provider: str | None = None

    @model_validator(mode="after")
    def _is_for_somebody(self) -> AlsoOffer:
        if not self.networks and self.provider is None:
            raise ValueError("name the networks, or the provider, that it is for")
        return self


class Ssh(File):
    """[ssh] of gateway.toml: weak algorithms that intake offers to some clients, and the load balancers.

    `balancers`: the addresses or networks of load balancers. A balancer must name the client's address in
    each connection by the PROXY protocol, version 2; from other addresses a PROXY header is not believed.
    """

    also_offer: tuple[AlsoOffer, ...] = ()
    balancers: tuple[Network, ...] = ()

    @model_validator(mode="after")
    def _trusts_not_everybody(self) -> Ssh:
        if any(ipaddress.ip_network(network).prefixlen == 0 for network in self.balancers):
            raise ValueError("balancers: anybody could say to be anybody; name addresses of the balancers")
        return self


class Listen(File):
    """The listening address of a service. Port 0 is any free port."""

    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)


class ProcessorSettings(File):
    """The processor's settings. `workers` 0 means one more than there are processor cores."""

    workers: int = Field(default=0, ge=0, le=64)
    engine: Literal["auto", "sop", "embedded"] = "auto"
    sop_program: str = "sqop"
    rescan_seconds: float = Field(default=5.0, gt=0)


class HostSettings(File):
    """The name of this host, among several sharing one PostgreSQL registry and one S3 store.

    Without a `name` the processor works alone, and lets no other host work on its registry.
    """

    name: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")

    @cached_property
    def shares(self) -> bool:
        """True if this host shares the work with others."""
        return self.name is not None


class Secrets(File):
    """[secrets]: the file of the passphrase that protects keys/, if there is one."""

    passphrase_file: Path | None = None


class Metrics(File):
    """The address of the processor's metrics and health; off without a port or a systemd socket."""

    host: str = "127.0.0.1"
    port: int | None = Field(default=None, ge=0, le=65535)


class WatchSettings(File):
    """The thresholds for warnings. Times in seconds or days, sizes in bytes.

    `claim_seconds`: how long a processor may go without looking for uploads. Afterwards intake on the same
    host tells load balancers to send no more connections.
    """

    landed_seconds: float = Field(default=300, gt=0)
    claim_seconds: float = Field(default=20, gt=0)
    disk_free_bytes: int = Field(default=5 * 1024**3, ge=0)
    key_days: float = Field(default=30, ge=0)


class Scanner(File):
    """The malware scanner that checks contents before they are classified: clamd, at its Unix `socket`.

    Without a `socket` no content is scanned. `seconds`: the time limit of each step of the conversation. Only
    the teams called sensitive in policies/teams.toml see infected files.
    """

    socket: Path | None = None
    seconds: int = Field(default=60, gt=0)


class LogSettings(File):
    """The recipients of the log's signed heads; each hour they get the newest.

    `witness_command`: a program with the arguments; the head comes on its standard input, and the program may
    run for `witness_seconds`. `witness_email`: an address, written to by the machine's own sendmail.
    `witnesses`: the verifier keys of the witnesses whose signatures on heads are accepted. `law_publishers`:
    the verifier keys of the publishers whose law packs may be installed.
    """

    witness_command: tuple[str, ...] = ()
    witness_email: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][!-?A-~]*@[A-Za-z0-9.-]+$")
    witness_seconds: float = Field(default=60, gt=0)
    witnesses: tuple[str, ...] = ()
    law_publishers: tuple[str, ...] = ()


class LetterSettings(File):
    """The SMTP relay for letters. Without a `relay`, no letter leaves.

    `sender` is the sending address. `user` logs in with the password in `password_file`, or in the systemd
    credential `relay-password`. `ca_file`: the trusted certificates; by default those of the system.
    """

    relay: str | None = None
    port: int = Field(default=587, ge=1, le=65535)
    tls: Literal["starttls", "tls", "none"] = "starttls"
    sender: str = Field(default="gateway@localhost", pattern=r"^[A-Za-z0-9][^@\s]*@[A-Za-z0-9.-]+$")
    user: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _guarded(self) -> LetterSettings:
        if self.tls == "none" and self.relay not in {None, "localhost", "127.0.0.1", "::1"}:
            raise ValueError("tls may be none only where the relay is on this machine")
        if self.tls == "none" and self.user is not None:
            raise ValueError("a password is not sent without tls")
        return self


class CourierKey(File):
    """[hand_on] and [hooks] of gateway.toml: the file of a private key of the courier.

    In [hand_on] the key logs in by SSH to the servers that get files; in [hooks] it signs messages to web
    hooks. Without a `key_file`, the key is the systemd credential `hand-on-key` or `hook-key`.
    """

    key_file: Path | None = None


def _database(url: str) -> str:
    """Return the registry's URL unchanged. ValueError for an unknown scheme, or a password in the URL."""
    parts = urlsplit(url)
    if parts.scheme not in {"sqlite", "postgresql+psycopg"}:
        raise ValueError("it has to be a URL like postgresql+psycopg://USER@/DATABASE?host=/run/postgresql")
    if parts.password is not None or "password" in parse_qs(parts.query):
        raise ValueError(
            "no password may stand in it: use peer authentication, or passfile=FILE in its query"
        )
    return url


def _organisation(name: str) -> str:
    """Return an organisation's name if it is one printable line; ValueError otherwise."""
    if not name.strip() or not name.isprintable():
        raise ValueError("a name of one line is needed, such as Anyshire County Council")
    return name


class Settings(File):
    """gateway.toml. `address`: intake as providers reach it, HOST or HOST:PORT, for invitations.

    `security_contact`: the address for reporting flaws; `security_expires`: the last day on which it may be
    relied on; `security_policy`: the page that says how reports are dealt with. `telephone`: the number under
    which providers reach the authority's desk; in letters and on their pages.
    """

    organisation: Annotated[str, AfterValidator(_organisation)] = "the local authority"
    address: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.:\[\]-]{1,260}$")
    security_contact: _Contact | None = None
    security_expires: date | None = None
    security_policy: str | None = Field(default=None, pattern=r"^https://[!-~]+$")
    telephone: Annotated[str, Field(pattern=r"^\+?[0-9][0-9 ()-]{3,28}[0-9]$")] | None = None
    database: Annotated[str, AfterValidator(_database)] | None = None
    log_origin: _LogOrigin = "gateway.invalid/log"
    intake: Listen = Listen(host="0.0.0.0", port=2222)  # noqa: S104 - a drop box listens to all
    mailboxes: Listen = Listen(host="127.0.0.1", port=2223)
    console: ConsoleSettings = ConsoleSettings()
    web: WebSettings = WebSettings()
    ssh: Ssh = Ssh()
    processor: ProcessorSettings = ProcessorSettings()
    secrets: Secrets = Secrets()
    log: LogSettings = LogSettings()
    metrics: Metrics = Metrics()
    watch: WatchSettings = WatchSettings()
    scanner: Scanner = Scanner()
    letters: LetterSettings = LetterSettings()
    hand_on: CourierKey = CourierKey()
    hooks: CourierKey = CourierKey()
    store: StoreSettings = StoreSettings()
    host: HostSettings = HostSettings()

    @model_validator(mode="after")
    def _shared(self) -> Settings:
        if self.host.shares and (self.database is None or self.store.url is None):
            raise ValueError("host: several hosts need a registry in PostgreSQL and a store that they share")
        return self

    @property
    def security_txt(self) -> str | None:
        """The text of security.txt (RFC 9116); None without `security_contact` or `security_expires`."""
        if self.security_contact is None or self.security_expires is None:
            return None
        origins = [one.origin for one in (self.web, self.console) if (one.origin or "").startswith("https:")]
        lines = (
            f"Contact: {self.security_contact}",
            f"Expires: {self.security_expires}T23:59:59Z",
            *(f"Canonical: {origin}{SECURITY}" for origin in origins),
            *([] if self.security_policy is None else [f"Policy: {self.security_policy}"]),
        )
        return "".join(f"{line}\n" for line in lines)

    def database_url(self, home: Home, *, new: bool = False) -> str:
        """Return the SQLAlchemy URL of the registry. `new`: True for a registry still to be made.
        If not `new`, ConfigurationError if the file of an SQLite registry is missing: SQLite would make an
        empty file, in which a second log with the same name and key would begin.
        """
        if self.database is None and not new and not home.registry.exists():
            raise ConfigurationError(f"{home.registry} is missing; restore the home from a backup")
        return self.database or f"sqlite:///{home.registry.absolute()}"


class DoorLimits(File):
    """The limits of an SSH service on connections and logins. Times in seconds.

    Set in policies/limits.toml. Enforced by `ssh.door`, except `login_seconds` (`ssh.server`) and
    `login_attempts` (`ssh.connection`).

    A source is an IPv4 address or an IPv6 /64 network. A failed login, silence until disconnected, and
    leaving before a login add to the source's penalty `penalty_login_failed`, `penalty_silent` and
    `penalty_left`. A source whose penalty has reached `penalty_least` must wait, for `penalty_most` at most;
    sources in `penalty_exempt` never wait. While a source has to wait, `penalty_trials` of its connections
    are let in, `penalty_pace` apart, to log in. A connection without a session is closed after
    `sessionless_seconds`, an idle one after `idle_seconds`.
    """

    login_seconds: float = 25
    login_attempts: int = 6
    connections: int = 200
    connections_per_address: int = 40
    sessions_per_connection: int = 4
    keepalive_seconds: float = 30
    idle_seconds: float = Field(default=900, gt=0)
    sessionless_seconds: float = Field(default=60, gt=0)
    penalty_login_failed: float = 5
    penalty_silent: float = 10
    penalty_left: float = 1
    penalty_least: float = 30
    penalty_most: float = 600
    penalty_trials: int = Field(default=24, ge=0)
    penalty_pace: float = Field(default=0.5, gt=0)
    penalty_exempt: tuple[Network, ...] = ()


class IntakeLimits(DoorLimits):
    """Quotas and limits of intake. Sizes in bytes; times in the unit of the name, or in seconds.

    `free_bytes`: the bytes to be left free on the spool's disk. `resume_hours`: how long an unfinished upload
    can be resumed. `recent_days`: how long listings show an upload after the hand-over.
    """

    connections_per_provider: int = 32
    sessions_per_provider: int = 32
    handles_per_session: int = 32
    sealed_bytes: int = 2 * 1024**3
    unfinished_uploads: int = 200
    bytes_waiting_per_provider: int = 8 * 1024**3
    uploads_per_day: int = 20_000
    bytes_per_day: int = 8 * 1024**3
    free_bytes: int = 256 * 1024**2
    name_bytes: int = 255
    resume_hours: float = 24
    recent_days: float = 1


class MailboxLimits(DoorLimits):
    """The limits of the mailboxes. Sizes in bytes, times in seconds.

    A file lies in memory while open. A session may have `open_files_per_session` files open, all people
    together `open_files` files of `open_bytes`. To leave room for others, a person may not hold more than
    remains free for all others. A file that is not read for `idle_seconds` is closed.
    """

    connections_per_person: int = 16
    handles_per_session: int = 64
    openers: int = Field(default=2, ge=1, le=64)
    open_files_per_session: int = 8
    open_files: int = 64
    open_bytes: int = 4 * 1024**3


OldCipher = Literal["3des", "cast5"]


class OpenLimits(File):
    """Limits on opening one file in a child process. Sizes in bytes, times in seconds or days.

    `old_ciphers`: ciphers that are too weak by today's rules, yet accepted for senders without a newer
    program; none unless a person decides so.
    """

    sealed_bytes: int = 2 * 1024**3
    embedded_sealed_bytes: int = 64 * 1024**2
    content_bytes: int = 4 * 1024**3
    embedded_content_bytes: int = 512 * 1024**2
    seconds: float = 300
    memory_bytes: int = 3 * 1024**3
    old_ciphers: tuple[OldCipher, ...] = ()
    signature_age_days: float = 90
    clock_skew_seconds: float = 600


class ClassifyLimits(File):
    """Limits on reading one content. Sizes in bytes, times in seconds.

    `expansion_ratio`: how many times as large as the packed size the unpacked size may be.
    """

    seconds: float = 120
    record_bytes: int = 2 * 1024**2
    xml_depth: int = 64
    xml_attributes: int = 64
    text_bytes: int = 1024**2
    columns: int = 2_000
    rows: int = 5_000_000
    expansion_ratio: int = 200
    unpacked_bytes: int = 2 * 1024**3


class KeyPolicy(File):
    """policies/keys.toml: rules for keys that come into force, are replaced, or expire.

    `approve_drops`: a key uploaded to /keys and signed by a key of the same provider in force counts at once.
    `overlap_days`: for how long a replaced key of the gateway still opens files. `warn_days`: how many days
    before a certificate's expiry its owner is warned.
    """

    approve_drops: bool = False
    overlap_days: int = Field(default=90, ge=0)
    rotate_days: int = Field(default=730, ge=1)
    unused_days: int = Field(default=90, ge=1)
    warn_days: WarnDays = (60, 30, 14, 7, 1)


class StoreLimits(File):
    """The space the sealed store leaves free on its disk, in bytes: room for registry and receipts."""

    reserve_bytes: int = Field(default=128 * 1024**2, ge=0)


class Limits(File):
    """policies/limits.toml: the limits of intake, store, mailboxes, opening and classifying."""

    intake: IntakeLimits = IntakeLimits()
    store: StoreLimits = StoreLimits()
    mailboxes: MailboxLimits = MailboxLimits()
    open: OpenLimits = OpenLimits()
    classify: ClassifyLimits = ClassifyLimits()


class IntakeSettings(File):
    """published/intake.json: the processor's settings for intake; `removed`: take no more uploads."""

    listen: Listen
    limits: IntakeLimits
    ssh: Ssh = Ssh()
    claim_seconds: float = WatchSettings().claim_seconds
    web: WebSettings = WebSettings()
    removed: bool = False


M = TypeVar("M", bound=BaseModel)


def read_toml(path: Path, kind: type[M]) -> M:
    """Return the file at `path` as a `kind`. ConfigurationError names the file, the key and the fault.
    In a folder named by the digest of a version of the policies, a changed file also raises
    ConfigurationError.
    """
    check_unchanged(path.parent)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is missing") from None
    return parsed_toml(content, kind, str(path))


def parsed_toml(content: bytes, kind: type[M], where: str) -> M:
    """Return TOML in UTF-8 as a `kind`. ConfigurationError names the file (`where`), key and fault."""
    try:
        found = tomllib.loads(content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{where}: {error}") from None
    return checked(kind, found, where)


def checked(kind: type[M], content: Mapping[str, object], where: str) -> M:
    """Return `content` as a `kind`. ConfigurationError names its file (`where`), the key and the fault."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        place = f"{where}: {key}" if key else where
        said = first["msg"].removeprefix("Value error, ").replace("Input should be ", "write ")
        if first["type"] == "extra_forbidden":
            said = f"there is no such key{nearest(str(first['loc'][-1]), keys_of(kind))}"
        raise ConfigurationError(f"{place}: {said}") from None


def load_settings(home: Home) -> Settings:
    """Return the settings in gateway.toml of `home`. ConfigurationError if `home` has no gateway.toml."""
    if not home.settings.is_file():
        raise ConfigurationError(
            f"{home.root} is not a gateway home; name yours with --home or in GATEWAY_HOME, or make a first "
            "one with: gateway init"
        )
    state = home.settings.stat()
    if time.time() - state.st_ctime < _LATELY_SECONDS:
        return read_toml(home.settings, Settings)
    return _settings_as_of(home.settings, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)


@lru_cache(8)
def _settings_as_of(path: Path, *_state: int) -> Settings:
    """Return the settings in a file, cached for speed until the file's times or inode (`_state`) change."""
    return read_toml(path, Settings)


def load_limits(home: Home) -> Limits:
    """Return limits.toml of the policies in force in `home`."""
    return read_toml(home.policies_in_force / "limits.toml", Limits)


def load_key_policy(home: Home) -> KeyPolicy:
    """Return keys.toml of the policies in force in `home`."""
    return read_toml(home.policies_in_force / "keys.toml", KeyPolicy)
