"""Find out who asks the console API, and hold the settings and caches that the answers use."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticUseDefault

from gateway import access
from gateway.access import AccessRight, LookingTeams, Sight, Viewer
from gateway.acts.keys import READ_OUT
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.home.settings import DoorLimits, Settings
from gateway.mailboxes.console_api.challenges import Challenges, GuessedError
from gateway.mailboxes.console_api.openid import OpenIdProvider
from gateway.mailboxes.mailbox_access import MailboxAccess, Person
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day
from gateway.policy.timescale import FlowStatus
from gateway.record.policies_in_force import load_policies
from gateway.record.registrar import Registrar
from gateway.registry import logins, programs, providers, roles
from gateway.registry.flow_status import statuses
from gateway.registry.staff import teams_while_in_force
from gateway.registry.tables import ProgramRow
from gateway.secrets.signing import Signing
from gateway.ssh.door import Penalties
from gateway.zones.console_api import ConsoleQuestion, Named, Shown
from gateway.zones.http_paths import BEYOND_ROWS, CREDENTIAL

_log = logging.getLogger(__name__)
NOT_LOGGED_IN = "You are not logged in, or your session has ended."
NOT_HERE = "There is no such thing, or it is not yours."
_NO_CREDENTIAL = "The credential is unknown, or it has expired or been revoked."
_NO_ACT_OF_PROGRAM = "The credential of this program does not allow that."
_LOOPBACK = re.compile(r"http://localhost:[0-9]{1,5}")
_SECONDS = 60.0
"""How long a cached answer counts as new."""
_MEANWHILE = 600.0
"""How long a cached answer is given while a newer one is computed."""
_MOST = 32
"""The most answers in a cache."""
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Judged: TypeAlias = tuple[datetime, Mapping[str, Sequence[FlowStatus]]]
"""The states of each school's flows, by the school's id, as judged at a moment."""


def _or_default(given: object, checked: ValidatorFunctionWrapHandler) -> object:
    try:
        return checked(given)
    except ValidationError:
        raise PydanticUseDefault from None


OR_DEFAULT = WrapValidator(_or_default)
"""Take the default for a wrong part of an address, so that the person still gets the page."""
Before = Annotated[int | None, Field(ge=0, lt=BEYOND_ROWS), OR_DEFAULT]
"""The number of the row below which a page of a list begins; None, also for a wrong value: the first page."""


def type_named(catalogue: Catalogue, data_type: str) -> Named:
    """Return a data type's id with the name, as on receipts."""
    name = catalogue.wording.name(data_type)
    unnamed = f"{data_type[:1].upper()}{data_type[1:].replace('-', ' ')}"
    return Named(id=data_type, name=unnamed if name == data_type else name)


def team_named(catalogue: Catalogue, team: str) -> Named:
    """Return a team's id with the name; the id in place of the name of an unknown team."""
    return Named(id=team, name=catalogue.wording.name(team))


class DecliningError(GatewayError):
    """Raised to refuse a request, with a sentence for the person. `parts`: further fields of the answer.

    `status`: the HTTP status for people. `to_programs`: the HTTP status for programs; 0 for the same status.
    """

    def __init__(self, sentence: str, status: int = 403, to_programs: int = 0, **parts: Any) -> None:  # noqa: ANN401 - of `Declining`
        super().__init__(sentence)
        self.status, self.to_programs, self.parts = status, to_programs or status, parts


def not_confirmed(fingerprint: str) -> str:
    """Return a sentence asking a person to have a colleague confirm the person's own credential.
    The sentence names the credential's fingerprint, in groups of four.
    """
    shown = " ".join(fingerprint[at : at + 4] for at in range(0, READ_OUT, 4))
    return (
        "What you log in with is not confirmed to be yours yet: ring an administrator, another than whoever "
        f"invited you if there is one, on a number you know, and read to them {shown}. Until then you can "
        "read what your teams were sent, and no more."
    )


class WithinTheMinute(Generic[K, V]):
    """A cache of a few slow answers, thread-safe. `clock` returns monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._working = threading.Lock()
        self._known: dict[K, tuple[float, V]] = {}
        self._renewed: set[K] = set()

    def of(self, asked: K, work: Callable[[], V]) -> V:
        """Return the answer to `asked`: the known one if at most a minute old, else a new one from `work`.
        If the known one is at most ten minutes old, callers get it while another thread computes the new one.
        """
        if (known := self._within(asked, _SECONDS)) is not None:
            return known[1]
        if (known := self._within(asked, _MEANWHILE)) is None:
            return self._anew(asked, work)
        with self._lock:
            begins = asked not in self._renewed
            self._renewed.add(asked)
        if begins:
            threading.Thread(target=self._anew, args=(asked, work), name="judged", daemon=True).start()
        return known[1]

    def _within(self, asked: K, seconds: float) -> tuple[float, V] | None:
        with self._lock:
            known = self._known.get(asked)
            return known if known is not None and self._clock() < known[0] + seconds else None

    def _anew(self, asked: K, work: Callable[[], V]) -> V:
        """Compute an answer, one at a time. A caller that had to wait takes the answer that another caller
        computed.
        """
        try:
            with self._working:
                if (known := self._within(asked, _SECONDS)) is not None:
                    return known[1]
                now, found = self._clock(), work()
                with self._lock:
                    self._known.pop(asked, None)
                    while len(self._known) >= _MOST:
                        del self._known[next(iter(self._known))]
                    self._known[asked] = (now, found)
                return found
        finally:
            with self._lock:
                self._renewed.discard(asked)


@dataclass(frozen=True, slots=True)
class ConsoleContext:
    """Settings, registry and caches for every answer, used from any thread.

    `penalties` live in the service's memory; use `penalties` under `lock` only.
    """

    home: Home
    settings: Settings
    mailboxes: MailboxAccess
    challenges: Challenges
    penalties: Penalties
    limits: DoorLimits
    openid: OpenIdProvider | None
    flows: WithinTheMinute[Hashable, Judged] = field(default_factory=WithinTheMinute)
    """The flows of schools, by day, policies and schools."""
    acts: WithinTheMinute[Hashable, Shown] = field(default_factory=WithinTheMinute)
    """The answers of slow acts."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def clock(self) -> Callable[[], datetime]:
        """The function that returns the time, in UTC."""
        return self.mailboxes.clock

    def catalogue(self) -> Catalogue:
        """Return the policies in force."""
        return self.mailboxes.showing.catalogue()

    def within(self, sight: Sight) -> ConsoleContext:
        """Return a context with a registry limited to the files in `sight`."""
        narrowed = self.mailboxes.registry.within(lambda _: sight)
        return replace(self, mailboxes=replace(self.mailboxes, registry=narrowed))

    def check_origin(self, origin: str) -> None:
        """Raise DecliningError unless a question came from a page at the console's own address."""
        known = self.settings.console.origin
        if origin != known and not (known is None and _LOOPBACK.fullmatch(origin)):
            raise DecliningError("The console was reached by an address that the settings do not name.")

    def judged(self, day: date | None = None, only: Collection[str] | None = None) -> Judged:
        """Return the states of each provider's flows on a day, or today, and the time of judging.
        `only`: the ids of the providers to judge; None for all.
        """
        catalogue, registry = self.catalogue(), self.mailboxes.registry
        on = day or local_day(self.clock(), catalogue.calendar.timezone)
        if (asked := only) is None:
            with registry.read() as session:
                asked = providers.added(session)

        def judge() -> Judged:
            now = self.clock()
            with registry.read() as session:
                return now, {one.id: flows for one, flows in statuses(session, catalogue, on, only)}

        return self.flows.of((on, catalogue.digest, frozenset(asked)), judge)

    @contextmanager
    def noting_failure(self, address: str) -> Iterator[None]:
        """If the code inside `with` raises the error for a wrong proof of identity, note the failure, and
        delay the answer. The delay grows with the number of wrong proofs from `address`.
        """
        try:
            yield
        except GuessedError as error:
            _log.warning("console-login-failed address=%s", address)
            with self.lock:
                self.penalties.add(address, self.limits.penalty_login_failed)
                error.pause = self.penalties.pause(address)
            raise

    @contextmanager
    def registrar(self) -> Iterator[Registrar]:
        """Yield a registrar that records acts; the processor publishes the results."""
        policies = load_policies(self.home.policies_in_force)
        yield Registrar(
            home=self.home,
            settings=self.settings,
            limits=policies.limits,
            registry=self.mailboxes.registry,
            catalogue=policies.catalogue,
            signing=Signing.load(self.home, self.settings),
            clock=self.clock,
            key_policy=policies.keys,
            brings_out=False,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated caller: a person with teams and roles, or a program.

    With an unconfirmed credential, no role counts, a team shows only files delivered to the team, and the
    caller only reads. A `program` may do the acts named by the credential. `origin`: scheme and host of the
    page that sent the question.
    """

    person: Person
    teams: tuple[str, ...]
    roles: frozenset[str]
    session: str = field(repr=False)
    looking: LookingTeams
    program: ProgramRow | None = None
    origin: str = ""

    def check_confirmed(self) -> None:
        """Raise DecliningError for a credential that nobody has confirmed."""
        if not self.person.confirmed:
            raise DecliningError(not_confirmed(self.person.key))

    @property
    def name(self) -> str:
        """The person's name, as in the log."""
        return self.person.name

    @property
    def may(self) -> frozenset[AccessRight]:
        """The rights of the caller; none for a program. Roles count even while no administrator is named."""
        if self.program is not None:
            return frozenset()
        return access.rights_of(self._viewer, self.looking)

    @property
    def sight(self) -> Sight:
        """The files that the caller may know of; for a program, no file that is only for few people."""
        if self.program is not None:
            return access.known_to_program(self.name)
        return access.may_know(self._viewer, self.looking)

    def check_question(self, question: str) -> None:
        """Raise DecliningError if the caller may not ask a question; programs may only ask for acts."""
        if self.program is None:
            self.check(access.QUESTIONS[question])
        elif question not in access.OF_PROGRAMS:
            raise DecliningError(_NO_ACT_OF_PROGRAM)

    def check_act(self, command: str, right: AccessRight, *, by_program: bool) -> None:
        """Raise DecliningError if the caller may not do an act; `by_program`: the act is open to programs."""
        if self.program is None:
            self.check(right)
        elif not by_program or command not in self.program.acts.split(","):
            raise DecliningError(_NO_ACT_OF_PROGRAM)

    def check(self, right: AccessRight) -> None:
        """Raise DecliningError if the caller lacks a right."""
        if right not in self.may:
            self.check_confirmed()
            raise DecliningError(access.WITHOUT_RIGHT[right])

    @property
    def _viewer(self) -> Viewer:
        return Viewer(name=self.name, teams=frozenset(self.teams), roles=self.roles)


def caller(console: ConsoleContext, question: ConsoleQuestion) -> Caller:
    """Return the caller of a question, checked each time anew. DecliningError if nobody is logged in."""
    mailboxes, now = console.mailboxes, console.clock()
    if question.session.startswith(CREDENTIAL):
        with mailboxes.registry.read() as session:
            program = programs.in_force(session, logins.digest_of(question.session), now)
        if program is None:
            raise DecliningError(_NO_CREDENTIAL, 401)
        person = Person(programs.actor_of(program), programs.key_of(program))
        return Caller(
            person=person, teams=program.collects, roles=frozenset(), session=question.session,
            looking=LookingTeams(), program=program,
        )  # fmt: skip
    with mailboxes.registry.read() as session:
        known = logins.find_session(session, question.session, question.address, now)
        if known is None:
            raise DecliningError(NOT_LOGGED_IN, 401)
        teams = teams_while_in_force(session, known.staff, known.passkey, now)
        if teams is None:
            raise DecliningError(NOT_LOGGED_IN, 401)
        confirmed = logins.is_confirmed(session, known.staff, known.passkey)
        has = frozenset(roles.of_staff(session, known.staff) if confirmed else ())
    if now - known.seen_at >= logins.NOTED_EVERY and not question.unattended:
        with mailboxes.registry.write() as session:
            logins.note_seen(session, question.session, now)
    return Caller(
        person=Person(known.staff, known.passkey, confirmed),
        teams=teams,
        roles=has,
        session=question.session,
        looking=mailboxes.looking if confirmed else LookingTeams(),
        origin=question.origin,
    )
