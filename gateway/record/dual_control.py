"""Dual control: two people decide, and neither may act with credentials given by the other.

With roles in force, whoever gives a person a credential could act in the person's name, and so could whoever
gave the giver one. So two names on record are two people only if nobody could act as both. A given credential
counts as the owner's own once confirmed by an independent person (`vouch`), or accepted by the owner under a
personal account of the machine (`accept`), and after CREDENTIAL_WAIT for objections.

Without roles in force, a person is the account running a command, as known to the operating system, or behind
sudo the calling account. Where several administrators share one account, each gives a name in GATEWAY_ADMIN,
and the record says "NAME (as ACCOUNT)": a claim without proof. With roles in force, the same words name a
person proven by an SSH agent under an account of several people, each of whom can use the others' agents.

A proposal waiting for a second person is in the log and counts for a week.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from gateway.access import POWERFUL, AccessRight, LookingTeams, roles_with
from gateway.errors import GatewayError
from gateway.log.leaf import Kind
from gateway.model import Reason, Transfer
from gateway.registry import givings, keys, log, logins, roles
from gateway.registry.givings import What
from gateway.registry.log import Entry
from gateway.registry.tables import AccountRow, EventRow, GivingRow, KeyRow, StaffRow
from gateway.registry.tables.row import rows, values
from gateway.registry.transfer_lists import PROPOSAL_ENDS

CREDENTIAL_WAIT = timedelta(days=3)
"""The waiting time until a given or confirmed credential counts as a person's own."""
_NAMED = re.compile(r"(?P<name>.+) \(as (?P<account>(?:(?! \(as ).)+)\)")
_FOR_A_KEY = ("key:", "open:key-")
_MACHINE = "the account "
REMEDY = (
    "what was given to {} alone counts three days after somebody else has confirmed it (gateway roles vouch) "
    "or they have accepted it under an account of their own (gateway roles accept)"
)
"""The advice for making given credentials a person's own; {} is the name."""
SHARED_ACCOUNT = "Where several people share an account, each says who they are (docs/roles.md)"
WAITS_FOR_SECOND_PERSON = "it waits for a second person, who runs the same command within a week"
"""The answer to an act that takes two people, where only one has asked for it."""


def check_release(session: Session, transfer: Transfer, person: str, at: datetime) -> None:
    """Raise GatewayError if `person` releases a file that waits for a key, and may be the one who enrolled
    the key.
    """
    if transfer.signature is None or not any(r.code.startswith(_FOR_A_KEY) for r in transfer.reasons):
        return
    for key in keys.list_keys(session, "provider", transfer.upload.provider):
        if key.fingerprint == transfer.signature.certificate:
            check_two(
                session, key.added_by, person, since=key.added_at, at=at,
                said=f"{transfer.upload.reference} waits for the key {key.fingerprint}, which {key.added_by} "
                "enrolled: somebody else must release it",
            )  # fmt: skip


def check_two(session: Session, first: str, second: str, *, since: datetime, at: datetime, said: str) -> None:
    """Raise GatewayError unless two names on record are certainly two people.
    The error's text is `said`, then the reason. `since` is the time of the first person's act, `at` the time
    of the second person's act.
    """
    if (why := why_not_two(session, first, second, since=since, at=at)) is not None:
        raise GatewayError(f"{said}. {why}")


def why_not_two(session: Session, first: str, second: str, *, since: datetime, at: datetime) -> str | None:
    """Return why two names on record may be one person, as a sentence; None if certainly two."""
    if not are_named_two(first, second):
        return SHARED_ACCOUNT
    people, later = _people_by_name(session), _later_names(session)
    ones, others = people(first), people(second)
    if renamed := sorted(later(ones, since) & others):
        return f"{first} is {renamed[0]} now, by the same account"
    if not roles.in_force(session):
        return None
    ones |= later(ones, since)
    known = _known(session, people, since=since, at=at)
    if shared := sorted(ones & others):
        return (
            f"Both acted under {shared[0]}, where each can use the SSH agent of the other: "
            "act under an account of the machine that is yours alone"
        )
    return _given_by_one(known, ones, others)


def who_could_be(session: Session, at: datetime) -> dict[str, frozenset[str]]:
    """Return, by the name of each person, the other people who could act as the person.
    These gave the person credentials, directly or through others.
    """
    known = _known(session, _people_by_name(session), since=at, at=at)
    people = {owner for owner, _ in known}
    everybody = people | _givers(known)
    reached = {somebody: _could_be(somebody, known) for somebody in everybody}
    return {
        name: frozenset(each for each in everybody if name in reached[each] and each != name)
        for name in people
    }


def includes_two_people(session: Session, names: Collection[str], at: datetime) -> bool:
    """Return True if two of the named people are certainly different people."""
    behind = who_could_be(session, at)
    sets = [behind.get(name, frozenset()) | {name} for name in sorted(names)]
    return any(one.isdisjoint(other) for number, one in enumerate(sets) for other in sets[:number])


def vouch(session: Session, name: str, read_out: Sequence[str], *, by: str, at: datetime) -> list[str]:
    """Confirm the credentials of the person `name` by an independent colleague, `by`; return the marks.
    `read_out` must name each of the person's keys, by the fingerprint or the fingerprint's beginning, and
    each account. Raises GatewayError for one left out, and if the colleague may be the person, or a giver of
    a credential.
    """
    theirs = _all_named(session, name, read_out, at)
    said = f"{by} cannot confirm what {name} acts with"
    check_two(session, name, by, since=at, at=at, said=said)
    for what, mark, givers in theirs:
        if by in givers:
            continue
        for giver in givers - {name, ""}:
            if not giver.startswith(_MACHINE):
                check_two(session, giver, by, since=at, at=at, said=said)
        givings.note(session, name, what, mark, by=by, at=at)
    return [mark for _, mark, _ in theirs]


def accept(session: Session, name: str, account: str, named: Sequence[str], *, at: datetime) -> list[str]:
    """Record that the person `name` accepts all credentials, under a personal `account`; return the marks.
    `named` must name each of the person's keys, by the fingerprint or the fingerprint's beginning, and each
    further account, so the person notices what was given by another. Raises GatewayError for one left out,
    for an account that is not the person's own, and for an account used to give the person one of the
    credentials.
    """
    if roles.of_account(session, account) != name:
        raise GatewayError(f"log in to this machine under your own account: {account} is not that of {name}")
    theirs = _all_named(session, name, [*named, account], at, "gateway roles accept --not-mine {} ends it")
    if any(_parts(by)[1] == account for _, _, givers in theirs for by in givers - {name}):
        raise GatewayError(f"the account {account} was used to give {name} what they act with")
    for what, mark, _ in theirs:
        givings.note(session, name, what, mark, by=f"{_MACHINE}{account}", at=at)
    return [mark for _, mark, _ in theirs]


def _all_named(
    session: Session, name: str, read_out: Sequence[str], at: datetime, ends: str = ""
) -> list[tuple[What, str, set[str]]]:
    """Return a person's credentials: kind, mark and givers of each.
    `read_out`: accounts, and fingerprints or their beginnings; GatewayError if a key or account is left out.
    `ends`: advice for the error about an account of somebody else, with {} for the account.
    """
    known = givings.credentials(session, at).items()
    theirs = [
        (what, mark, {one.by for one in givers}) for (owner, what, mark), givers in known if owner == name
    ]
    accounts = {mark for what, mark, _ in theirs if what == "account"}
    if planted := sorted(accounts.difference(read_out)):
        anew = "they are enrolled anew by gateway staff add or gateway roles grant"
        way_out = ends.format(planted[0]) or f"gateway staff remove {name} ends it: {anew}"
        raise GatewayError(
            f"{name} also acts under the account {planted[0]}: name it, too, if it is theirs alone; whoever "
            f"bound it to them could act under it. If it is not, {way_out}"
        )
    marks = [mark.replace(" ", "").lower() for mark in read_out if mark not in accounts]
    for what, key, _ in theirs:
        if what == "key" and not any(key.lower().startswith(mark) for mark in marks):
            raise GatewayError(f"{name} also acts with the key {key}: name it, too, or revoke it")
    return theirs


def gave_alone(session: Session, name: str, role: str, by: str, at: datetime) -> bool:
    """Return True if `by` gave the person `name` a role, and nobody else gave or confirmed the role."""
    people, givers = _people_by_name(session), givings.credentials(session, at).get((name, "role", role))
    return givers is not None and all(people(giver.by) <= people(by) for giver in givers)


def name_of(person: str) -> str:
    """Return NAME from a name on record "NAME (as ACCOUNT)"; return another name unchanged."""
    name, account = _parts(person)
    return name or account


def _people_by_name(session: Session) -> Callable[[str], frozenset[str]]:
    """Return a function from a name on record to the people who may have acted under the name.
    An account of the machine gives the member of staff who owns it, or else the account itself. "NAME (as
    ACCOUNT)" gives NAME, if that is a member of staff, and the owner of the account.
    """
    known = frozenset(values(session, StaffRow.name))
    owners = dict(session.exec(select(AccountRow.account, AccountRow.staff)).all())

    def people(name: str) -> frozenset[str]:
        claimed, account = _parts(name)
        if claimed is None and name in known:
            return frozenset({name})
        return frozenset({owners.get(account, account)}) | known.intersection({claimed or ""})

    return people


def _later_names(session: Session) -> Callable[[frozenset[str], datetime], frozenset[str]]:
    """Return a function from names, and the time of an act under them, to later names of the same people.
    A person who left and was enrolled under another name is known by the same account, of OpenID or of the
    machine. A name in use counts only if its account was bound after the act: another person may have it. An
    account that somebody still here has disowned tells of nobody.
    """
    openid, given = (KeyRow.fingerprint, KeyRow.owner, KeyRow.added_at), GivingRow
    first = select(given.mark, given.staff, func.min(given.at)).group_by(given.mark, given.staff)
    here = frozenset(values(session, StaffRow.name, removed_at=None))
    ended = {pair: at for pair, at in givings.disowned(session).items() if pair[1] in here}
    accounts = session.exec(first.where(given.what == "account"))
    bound = [
        *session.exec(select(*openid).where(KeyRow.kind == "openid")),
        *((mark, owner, at) for mark, owner, at in accounts if ended.get((mark, owner), at) <= at),
    ]
    had = {(fingerprint, owner) for fingerprint, owner, _ in bound}

    def later(names: frozenset[str], at: datetime) -> frozenset[str]:
        return frozenset(
            owner
            for fingerprint, owner, added_at in bound
            for name in names - {owner}
            if (fingerprint, name) in had and (added_at > at or name not in here)
        )

    return later


_Attributed = tuple[str, frozenset[frozenset[str]]]
"""The owner of a credential, and for each giver that counts the people who that giver may be."""


def _known(
    session: Session, people: Callable[[str], frozenset[str]], *, since: datetime, at: datetime
) -> list[_Attributed]:
    found, later_names = [], _later_names(session)
    for (owner, _, _), (first, *later) in givings.credentials(session, since).items():
        counted = [first, *(giver for giver in later if giver.at + CREDENTIAL_WAIT <= at)]
        named = ((people(giver.by), giver.at) for giver in counted)
        givers = ((names | later_names(names, given_at)) - {owner} for names, given_at in named)
        found.append((owner, frozenset(each for each in givers if each)))
    return found


def _givers(known: Sequence[_Attributed]) -> set[str]:
    """Return everybody who may have given one of the credentials in `known`."""
    return {person for _, givers in known for giver in givers for person in giver}


def _could_be(somebody: str, known: Sequence[_Attributed]) -> frozenset[str]:
    """Return the person `somebody`, and everybody as whom this person could act through credentials given to
    them. Whoever could act as every giver of one credential of a person could act as the person.
    """
    found = {somebody}
    while True:
        further = {
            owner
            for owner, givers in known
            if owner not in found and givers and all(not giver.isdisjoint(found) for giver in givers)
        }
        if not further:
            return frozenset(found)
        found |= further


def _given_by_one(known: Sequence[_Attributed], ones: frozenset[str], others: frozenset[str]) -> str | None:
    """Return None if nobody could act as both people; else a sentence on who gave them their credentials."""
    for somebody in sorted(_givers(known) | ones | others):
        could_be = _could_be(somebody, known)
        if not (could_be.isdisjoint(ones) or could_be.isdisjoint(others)):
            one, other = min(ones & could_be), min(others & could_be)
            if somebody in {one, other}:
                given = other if somebody == one else one
                return f"{somebody} gave {given} what they act with: {REMEDY.format(given)}"
            giver = somebody or "It is not known who"
            return f"{giver} gave {one} and {other} what they act with: {REMEDY.format('either of them')}"
    return None


def are_named_two(one: str, other: str) -> bool:
    """Return True if two names on record are certainly different people, by the names alone.
    Two names of the form "NAME (as ACCOUNT)" are different people if the NAMEs differ. Otherwise both name
    and account must differ, because one person may use an account with and without a name.
    """
    (first, account), (second, other_account) = _parts(one), _parts(other)
    if first is not None and second is not None:
        return first != second
    return account != other_account and (first or account) != (second or other_account)


def _parts(person: str) -> tuple[str | None, str]:
    found = _NAMED.fullmatch(person)
    return (found["name"], found["account"]) if found else (None, person)


PROPOSAL_LASTS = timedelta(days=7)
_PROPOSAL, _ENDS, _LEFT = "act-proposed", ("act-confirmed", "act-rejected"), "staff-removed"
_MARK = ": "
ENDS_OF: Mapping[Kind, frozenset[str]] = {
    "release-proposed": PROPOSAL_ENDS,
    "redelivery-proposed": PROPOSAL_ENDS - {"release-declined"} | {"redelivered", "redelivery-declined"},
}
"""The kinds of log entries that end a proposal about a file, by the kind of proposal."""


@dataclass(frozen=True, slots=True)
class TwoPersonAct:
    """An act for two people to decide.

    `what`: the code of the act. `subject`: the subject of the log entries. `about`: the person concerned, or
    "". The log has this person only within the entry's note, as a commitment. `right`: the right that both
    people need.
    """

    what: str
    subject: str
    about: str = ""
    right: AccessRight = AccessRight.ENROL

    @property
    def noted(self) -> str:
        """The beginning of the note in a log entry on this act: `about`, then a mark that `about` cannot
        contain.
        """
        return re.sub(": +", ":", self.about) + _MARK


def agreed(
    session: Session, act: TwoPersonAct, *, by: str, why: str | None, at: datetime, always: bool = False
) -> bool:
    """Return True if `by` may do an act now: another person has proposed the act, or roles are not in force.
    Otherwise return False, after recording a proposal by `by` if there is none. Raises GatewayError if `by`
    may be the proposer under another name. `always`: True if two people decide even without roles in force.
    """
    if not always and not roles.in_force(session):
        return True
    first = proposal(session, act, at)
    if first is None:
        _note(session, "act-proposed", act, by, why, at)
        return False
    if first.actor == by:
        return False
    _check_two(session, act, first, by, at)
    _note(session, "act-confirmed", act, by, why, at)
    return True


def agreed_to_give(
    session: Session,
    act: TwoPersonAct,
    name: str,
    role: str | None = None,
    *,
    looking: LookingTeams,
    by: str,
    why: str | None,
    at: datetime,
) -> bool:
    """Return True if a person may be given a credential or a role now; otherwise record a proposal.
    Two people decide if the person is in a team with sight of held files (`looking`), or has or gets a
    powerful role. In other cases one person decides alone, and so does a single administrator. When two
    people agree, the person's unused invitations end: whoever made one alone could use it.
    """
    if not takes_two(session, name, looking, role):
        return True
    return _both_agreed(session, act, name, by=by, why=why, at=at)


def takes_two(session: Session, name: str, looking: LookingTeams, role: str | None = None) -> bool:
    """Return True if two people must decide on credentials for a person, because of a powerful role or a
    team. `role`: a role that the person is to get. False if there is only one administrator.
    """
    sees = not looking.held.isdisjoint(roles.viewer(session, name).teams)
    asked = sees or role in POWERFUL or roles.is_powerful(session, name)
    return asked and len(roles.administrators(session)) >= 2  # noqa: PLR2004 - else there is nobody to ask


def agreed_to_show(
    session: Session, act: TwoPersonAct, name: str, *, by: str, why: str | None, at: datetime
) -> bool:
    """Return True if a person may join a team with sight of held files; otherwise record a proposal.
    A single administrator decides alone. Raises GatewayError if a giver of credentials could act as the
    person. When two people agree, the person's unused invitations end: whoever made one could use it.
    """
    if len(roles.administrators(session)) < 2:  # noqa: PLR2004 - there is nobody to ask
        return True
    if behind := sorted(who_could_be(session, at).get(name, ())):
        raise GatewayError(f"{name} may be {' or '.join(behind)}: {REMEDY.format(name)}")
    return _both_agreed(session, act, name, by=by, why=why, at=at)


def _both_agreed(
    session: Session, act: TwoPersonAct, name: str, *, by: str, why: str | None, at: datetime
) -> bool:
    if agreed(session, act, by=by, why=why, at=at):
        logins.withdraw_invitations(session, name)
        return True
    return False


def note_proposer(
    session: Session, act: TwoPersonAct, name: str, what: What, mark: str, *, at: datetime
) -> None:
    """Record the proposer of an act, if just confirmed, as a second giver of the credential that the act
    gives. The credential is that of the person `name` with the kind `what` and the mark `mark`.
    """
    of_it = [event for event in log.events(session, act.subject) if _is_of(event, act)]
    if len(of_it) > 1 and of_it[-1].kind == "act-confirmed" and of_it[-1].at == at:
        givings.note(session, name, what, mark, by=of_it[-2].actor or "", at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A proposal by one person to send a file to `teams`, to be confirmed by a second person.
    `reasons`: the codes of the agreement's objections at the time of the proposal. `data_type`: the file's
    type, if the proposal of a release states one; else "".
    """

    teams: tuple[str, ...]
    by: str
    at: datetime
    why: str
    reasons: frozenset[str]
    data_type: str = ""


def proposed(session: Session, reference: str, kind: Kind) -> Proposal | None:
    """Return the open proposal of a kind about a file; None if ended, or never made."""
    for event in reversed(log.events(session, reference)):
        if event.kind in ENDS_OF[kind]:
            return None
        if event.kind == kind:
            fields = event.fields
            return Proposal(
                teams=tuple(fields["teams"].split(",")), by=event.actor or "", at=event.at,
                why=event.note or "", reasons=frozenset(fields["reasons"].split(",")),
                data_type=fields.get("data_type", ""),
            )  # fmt: skip
    return None


def check_second(
    session: Session, first: Proposal, by: str, against: Collection[Reason], right: AccessRight,
    *, at: datetime, said: str,
) -> None:  # fmt: skip
    """Raise GatewayError unless `by` may confirm a proposal about a file as a second person.
    The first person must still have the `right`. Each of the agreement's objections now (`against`) must have
    stood at the time of the proposal. `said`: the error's text if both may be one person.
    """
    check_two(session, first.by, by, since=first.at, at=at, said=said)
    if not may_still(session, first.by, right, since=first.at):
        raise GatewayError(
            f"{first.by} proposed it, and may not decide on it any more: decline it, then propose it anew"
        )
    if new := [one.sentence for one in against if one.code not in first.reasons]:
        raise GatewayError(
            f"more speaks against it than when {first.by} proposed it: {' '.join(new)} Decline it, then "
            "propose it anew"
        )


def may_still(session: Session, person: str, right: AccessRight, *, since: datetime) -> bool:
    """Return True if the person who acted at `since` has had a right ever since; always True where roles are
    not in force. False if the name belongs to a person enrolled later. If a role with the right was taken
    meanwhile, True only if the person held another such role all the time.
    """
    if not roles.in_force(session):
        return True
    name = name_of(person)
    row = session.get(StaffRow, name)
    if (row is not None and row.added_at > since) or not roles.may(session, name, right):
        return False
    taken = roles_with(right) & _roles_changed(session, name, "role-taken", since)
    held = roles_with(right) & set(roles.of_staff(session, name))
    return not taken or bool(held - taken - _roles_changed(session, name, "role-granted", since))


def _roles_changed(session: Session, name: str, kind: Kind, since: datetime) -> set[str]:
    """Return the roles that a person was given, or that were taken, since a time."""
    later = rows(session, EventRow, where=[col(EventRow.at) >= since], kind=kind, subject="staff")
    return {one.fields["what"] for one in later if (one.note or "").startswith(f"{name}{_MARK}")}


def reject(session: Session, act: TwoPersonAct, *, by: str, at: datetime) -> None:
    """End an open proposal as a second person, `by`, even if its proposer has lost the right to the act.
    Raises GatewayError if the proposer still has the right, and may be the same person as `by`.
    """
    first = _open_proposal(session, act, at)
    if first is None:
        return
    if proposal(session, act, at) is not None:
        _check_two(session, act, first, by, at)
    _note(session, "act-rejected", act, by, None, at)


def proposal(session: Session, act: TwoPersonAct, at: datetime) -> EventRow | None:
    """Return the log entry of an act's open proposal; None if confirmed, rejected or expired.
    A proposal counts only while the proposer has the right to do the act.
    """
    first = _open_proposal(session, act, at)
    counts = first is not None and may_still(session, first.actor or "", act.right, since=first.at)
    return first if counts else None


def proposals(
    session: Session, rights: Mapping[str, AccessRight], at: datetime
) -> Iterator[tuple[TwoPersonAct, EventRow]]:
    """Yield the proposed acts about a person or thing, each with the log entry, oldest first.
    `rights`: by the beginning of an act's code, the right needed.
    """
    lately = _lately(session, at)
    for event in lately:
        if event.kind == _PROPOSAL:
            what, about = event.fields["what"], (event.note or "").partition(_MARK)[0]
            for right in (one for begins, one in rights.items() if what.startswith(begins)):
                act = TwoPersonAct(what, event.subject, about, right)
                if _open_among(lately, act) is event and may_still(
                    session, event.actor or "", right, since=event.at
                ):
                    yield act, event


def _open_proposal(session: Session, act: TwoPersonAct, at: datetime) -> EventRow | None:
    """Return the entry of an act's open proposal, even if the proposer has lost the right to do the act."""
    return _open_among(_lately(session, at, subject=act.subject), act)


def _lately(session: Session, at: datetime, **of: str) -> Sequence[EventRow]:
    """Return the log entries by which proposals begin and end, as old as an open proposal can be."""
    lately = [col(EventRow.at) >= at - PROPOSAL_LASTS]
    return rows(session, EventRow, "number", where=lately, kind=(_PROPOSAL, *_ENDS, _LEFT), **of)


def _open_among(lately: Sequence[EventRow], act: TwoPersonAct) -> EventRow | None:
    """Return the entry of an act's open proposal among entries of late; None if there is none.
    A proposal about a member of staff ends when that person leaves: another may have the name later.
    """
    left = f"{act.about.partition(' ')[0]}; "
    for event in reversed([one for one in lately if one.subject == act.subject]):
        if _is_of(event, act):
            return event if event.kind == _PROPOSAL else None
        if event.kind == _LEFT and f"{event.note}; ".startswith(left):
            return None
    return None


def _check_two(session: Session, act: TwoPersonAct, first: EventRow, by: str, at: datetime) -> None:
    said = f"{first.actor} proposed to {act.what} {act.subject}: somebody else must decide"
    check_two(session, first.actor or "", by, since=first.at, at=at, said=said)


def _is_of(event: EventRow, act: TwoPersonAct) -> bool:
    if event.kind not in {_PROPOSAL, *_ENDS}:
        return False
    about = not act.about or (event.note or "").startswith(act.noted)
    return about and event.fields["what"] == act.what


def _note(session: Session, kind: Kind, act: TwoPersonAct, by: str, why: str | None, at: datetime) -> None:  # noqa: PLR0917
    note = f"{act.noted}{why or ''}" if act.about else why
    entry = Entry(kind=kind, subject=act.subject, fields={"what": act.what}, actor=by, note=note)
    log.append(session, [entry], at)
