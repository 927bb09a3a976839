"""Nobody is two people: no few acts of one person reach what asks for two, whatever they give to whom.

Nor does anybody alone get a view of held files by them, in whoever's name.
Every sequence of acts is tried on a real registry by the rules that the commands and the console ask. A
person is whoever acts with their keys: who gave somebody a key can act as them from then on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from sqlmodel import Session

from gateway.access import AccessRight, LookingTeams, Role
from gateway.errors import GatewayError, NotFoundError
from gateway.record import dual_control, policy_proposals
from gateway.record.dual_control import CREDENTIAL_WAIT, TwoPersonAct
from gateway.registry import keys, log, logins, roles, staff
from gateway.registry.database import Registry
from gateway.registry.log import Entry

BEGUN = datetime(2026, 11, 2, 9, tzinfo=UTC)
DIGEST = "ab" * 32
ROLES: tuple[Role, ...] = (Role.TRIAGE, Role.ADMINISTRATOR)
PUPPETS = ("anon", "bogus")
GOVERNANCE = "governance"
LOOKING = LookingTeams(sensitive=frozenset({GOVERNANCE}))


@dataclass(frozen=True)
class Town:
    """What one person has done so far: whom they can act as, and what was proposed in whose name."""

    at: datetime
    can_be: frozenset[str] = frozenset({"jane"})
    here: frozenset[str] = frozenset()
    planted: frozenset[tuple[str, str]] = frozenset()
    rest: frozenset[object] = frozenset()
    proposed: str | None = None
    alone: bool = False
    path: tuple[str, ...] = field(default=(), compare=False)


Move = tuple[str, str | None, Callable[[Session, Town], Town]]


@pytest.mark.parametrize("steps", [4, pytest.param(5, marks=pytest.mark.faults)])
@pytest.mark.parametrize("begins", ["alone", "apart"])
def test_no_few_acts_of_one_person_reach_what_asks_for_two(tmp_path: Path, begins: str, steps: int) -> None:
    with registry(tmp_path) as opened, contextlib.suppress(_DoneError), opened.write() as session:
        here = BEGINNINGS[begins](session)
        tried = explored(
            session,
            Town(at=BEGUN + 3 * CREDENTIAL_WAIT, here=here, alone=begins == "alone"),
            steps - 1,
            set(),
        )
        assert tried > {4: 100, 5: 500}[steps]
        raise _DoneError


def test_puppets_do_not_vouch_for_one_another(tmp_path: Path) -> None:
    with registry(tmp_path) as opened, opened.write() as session:
        alone(session)
        for name in PUPPETS:
            enrol(session, name, Role.ADMINISTRATOR, by="jane")
        for by, name in (PUPPETS, PUPPETS[::-1], ("jane", "anon"), ("anon", "anon")):
            with pytest.raises(GatewayError, match="cannot confirm"):
                dual_control.vouch(session, name, all_of(name), by=by, at=BEGUN + 3 * CREDENTIAL_WAIT)
        with pytest.raises(GatewayError, match="not that of anon"):
            dual_control.accept(session, "anon", "account-of-jane", [], at=BEGUN + 3 * CREDENTIAL_WAIT)


def test_a_key_that_somebody_else_made_is_not_accepted_unseen(tmp_path: Path) -> None:
    with registry(tmp_path) as opened, opened.write() as session:
        alone(session)
        keys.add_key(
            session, "staff", "sam", "ssh", fingerprint="SHA256:planted", material="ssh", at=BEGUN, by="jane"
        )
        with pytest.raises(GatewayError, match="also acts with the key SHA256:planted"):
            dual_control.accept(session, "sam", "account-of-sam", [KEY.format("sam")], at=BEGUN)


def test_who_was_given_all_by_one_person_is_let_see_nothing_until_it_is_theirs(tmp_path: Path) -> None:
    act = TwoPersonAct("put-in-teams", "staff", f"carl {GOVERNANCE}")
    with registry(tmp_path) as opened, opened.write() as session:
        apart(session)
        enrol(session, "carl", None, by="jane")
        at = BEGUN + 3 * CREDENTIAL_WAIT
        with pytest.raises(GatewayError, match="carl may be jane"):
            dual_control.agreed_to_show(session, act, "carl", by="jane", why=None, at=at)
        dual_control.vouch(session, "carl", all_of("carl"), by="sam", at=at)
        logins.invite(session, "carl", "secret", by="jane", at=at, ends_at=at + 3 * CREDENTIAL_WAIT)
        at += CREDENTIAL_WAIT
        assert not dual_control.agreed_to_show(session, act, "carl", by="jane", why=None, at=at)
        assert not dual_control.agreed_to_show(session, act, "carl", by="jane", why=None, at=at)
        assert logins.invited(session, logins.digest_of("secret"), at)
        assert dual_control.agreed_to_show(session, act, "carl", by="sam", why=None, at=at)
        assert logins.invited(session, logins.digest_of("secret"), at) is None


def test_whoever_is_enrolled_under_another_name_is_no_second_person_beside_the_former(tmp_path: Path) -> None:
    said, at = "somebody else", BEGUN + 3 * CREDENTIAL_WAIT
    left, later = at + CREDENTIAL_WAIT, at + 3 * CREDENTIAL_WAIT
    with registry(tmp_path) as opened, opened.write() as session:
        apart(session)
        enrol(session, "eva", Role.TRIAGE, by="jane")
        bound(session, "eva", by="jane", at=BEGUN)
        dual_control.vouch(session, "eva", [*all_of("eva"), ACCOUNT], by="sam", at=BEGUN + CREDENTIAL_WAIT)
        enrol(session, "carl", Role.TRIAGE, by="eva")
        staff.remove_staff(session, "eva", left)
        for key in keys.list_keys(session, "staff", "eva"):
            keys.end_key(session, key, "retired", at=left, by="jane")
        staff.add_staff(session, "eva-jones", (), left)
        bound(session, "eva-jones", by="jane", at=left)
        with pytest.raises(GatewayError, match="cannot confirm what carl acts with"):
            dual_control.vouch(session, "carl", all_of("carl"), by="eva-jones", at=later)
        dual_control.vouch(session, "eva-jones", [ACCOUNT], by="sam", at=left)
        for first in ("eva", "carl"):
            with pytest.raises(GatewayError, match=said):
                dual_control.check_two(session, first, "eva-jones", since=at, at=later, said=said)
        for first in ("jane", "sam", "bob"):
            dual_control.check_two(session, first, "eva-jones", since=at, at=later, said=said)
        staff.add_staff(session, "eva", (), later)  # Another person.
        dual_control.check_two(session, "eva", "eva-jones", since=later, at=later, said=said)


def test_an_account_of_the_machine_under_another_name_is_no_second_person(tmp_path: Path) -> None:
    said, at, left = "somebody else", BEGUN + 3 * CREDENTIAL_WAIT, BEGUN + 4 * CREDENTIAL_WAIT
    later = left + 3 * CREDENTIAL_WAIT
    with registry(tmp_path) as opened, opened.write() as session:
        apart(session)
        for name, day in (("eva", BEGUN), ("eva-jones", left)):
            staff.add_staff(session, name, (), day)
            roles.bind(session, "account-of-eva", name, by="jane", at=day)
            dual_control.vouch(session, name, ["account-of-eva"], by="sam", at=day + CREDENTIAL_WAIT)
            if name == "eva":
                staff.remove_staff(session, "eva", left)
        with pytest.raises(GatewayError, match="eva is eva-jones now"):
            dual_control.check_two(session, "eva", "eva-jones", since=at, at=later, said=said)
        dual_control.check_two(session, "sam", "eva-jones", since=at, at=later, said=said)
        staff.add_staff(session, "eva", (), later)  # Another person.
        dual_control.check_two(session, "eva", "eva-jones", since=later, at=later, said=said)


@pytest.mark.parametrize("leaves", [False, True])
def test_an_account_that_was_bound_to_the_wrong_person_makes_nobody_that_person(
    tmp_path: Path, *, leaves: bool
) -> None:
    said, at = "somebody else", BEGUN + 3 * CREDENTIAL_WAIT
    acted, later = at + CREDENTIAL_WAIT, at + 2 * CREDENTIAL_WAIT
    with registry(tmp_path) as opened, opened.write() as session:
        apart(session)
        roles.bind(session, "of-bob", "sam", by="jane", at=at - CREDENTIAL_WAIT)
        disowned = {"what": "disowned", "number": 1}
        kind, note = "credentials-confirmed", "sam: of-bob"
        log.append(session, [Entry(kind=kind, subject="staff", fields=disowned, note=note)], at)
        roles.unbind(session, "of-bob", "sam")
        roles.bind(session, "of-bob", "bob", by="jane", at=later)
        dual_control.vouch(session, "bob", [*all_of("bob"), "of-bob"], by="sam", at=later)
        if leaves:  # As whoever disowns their own account would, to come back as somebody else.
            staff.remove_staff(session, "sam", later)
        with pytest.raises(GatewayError, match="sam is bob now") if leaves else contextlib.nullcontext():
            dual_control.check_two(
                session, "sam", "bob", since=acted, at=later + 2 * CREDENTIAL_WAIT, said=said
            )


def test_what_was_done_under_an_account_that_is_disowned_since_counts_as_its_givers(tmp_path: Path) -> None:
    at, said = BEGUN + 3 * CREDENTIAL_WAIT, "somebody else"
    with registry(tmp_path) as opened, opened.write() as session:
        apart(session)
        roles.bind(session, "planted", "sam", by="jane", at=at)
        disowned = {"what": "disowned", "number": 1}
        log.append(
            session,
            [Entry(kind="credentials-confirmed", subject="staff", fields=disowned, note="sam: planted")],
            at + CREDENTIAL_WAIT,
        )
        roles.unbind(session, "planted", "sam")
        later = at + 2 * CREDENTIAL_WAIT
        with pytest.raises(GatewayError, match="jane gave sam what they act with"):
            dual_control.check_two(session, "sam", "jane", since=at, at=later, said=said)
        dual_control.check_two(session, "sam", "jane", since=later, at=later, said=said)
        roles.bind(session, "planted", "sam", by="bob", at=later)
        with pytest.raises(GatewayError, match="bob gave sam what they act with"):
            dual_control.check_two(session, "sam", "bob", since=later, at=at + 4 * CREDENTIAL_WAIT, said=said)


@pytest.mark.parametrize("rejected", [True, False])
def test_a_proposal_does_not_count_again_once_its_proposer_has_the_role_again(
    tmp_path: Path, *, rejected: bool
) -> None:
    act, now = TwoPersonAct("revoke-hard", "key"), BEGUN + 3 * CREDENTIAL_WAIT
    with registry(tmp_path) as opened, opened.write() as session:
        apart(session)
        assert not dual_control.agreed(session, act, by="sam", why=None, at=now)
        roles.take(session, "sam", Role.ADMINISTRATOR)
        if rejected:
            dual_control.reject(session, act, by="jane", at=now)
        else:
            taken = Entry(kind="role-taken", subject="staff", fields={"what": "administrator"}, note="sam: x")
            log.append(session, [taken], now)
        roles.grant(session, "sam", Role.ADMINISTRATOR, by="jane", at=BEGUN)
        dual_control.accept(session, "sam", "account-of-sam", [KEY.format("sam")], at=BEGUN)
        later = now + CREDENTIAL_WAIT
        assert not dual_control.agreed(session, act, by="jane", why=None, at=later)
        assert dual_control.agreed(session, act, by="sam", why=None, at=later)


@pytest.mark.parametrize("given_later", [True, False])
def test_a_proposal_counts_on_while_its_proposer_keeps_a_role_held_since_then(
    tmp_path: Path, *, given_later: bool
) -> None:
    act, now = TwoPersonAct("decide", "file", right=AccessRight.DECIDE), BEGUN + 3 * CREDENTIAL_WAIT
    with registry(tmp_path) as opened, opened.write() as session:
        apart(session)
        if not given_later:
            roles.grant(session, "sam", Role.TRIAGE, by="jane", at=BEGUN)
        assert not dual_control.agreed(session, act, by="sam", why=None, at=now)
        later = now + CREDENTIAL_WAIT
        if given_later:
            given = Entry(kind="role-granted", subject="staff", fields={"what": "triage"}, note="sam: x")
            roles.grant(session, "sam", Role.TRIAGE, by="jane", at=later)
            log.append(session, [given], later)
        taken = Entry(kind="role-taken", subject="staff", fields={"what": "administrator"}, note="sam: x")
        roles.take(session, "sam", Role.ADMINISTRATOR)
        log.append(session, [taken], later)
        assert roles.may(session, "sam", AccessRight.DECIDE)
        counts = dual_control.may_still(session, "sam", AccessRight.DECIDE, since=now)
        assert counts is not given_later
        assert (dual_control.proposal(session, act, later) is not None) is counts


class _DoneError(Exception):
    """The registry is to be as it was."""


def explored(session: Session, town: Town, left: int, seen: set[tuple[Town, int]]) -> int:
    """Try to second what was proposed, and then every further act; how many towns were seen."""
    check_nobody_seconds(session, town)
    check_nobody_sees(session, town)
    if left == 0 or (town, left) in seen:
        return 1
    seen.add((town, left))
    number = 1
    administrators = roles.administrators(session)
    for name, by, act in moves(town, left):
        if by is not None and by not in administrators:
            continue
        with contextlib.suppress(GatewayError), session.begin_nested() as tried:
            after = act(session, replace(town, at=town.at + CREDENTIAL_WAIT))
            if after != town:
                number += explored(session, replace(after, path=(*town.path, name)), left - 1, seen)
            tried.rollback()
    session.expire_all()
    return number


def check_nobody_seconds(session: Session, town: Town) -> None:
    """Fail where one of those whom this person can be may decide on what another one proposed."""
    if town.proposed is None:
        return
    for name in sorted(town.can_be):
        try:
            policy_proposals.to_approve(session, by=name, at=town.at + CREDENTIAL_WAIT)
        except GatewayError:
            continue
        pytest.fail(f"{town.path}: {name} approves what {town.proposed} proposed")


def check_nobody_sees(session: Session, town: Town) -> None:
    """Fail where one of those whom this person can be sees held files, though there was somebody to ask."""
    if town.alone:
        return
    here = staff.list_staff(session)
    for name in town.can_be & here.keys():
        if GOVERNANCE in here[name]:
            pytest.fail(f"{town.path}: they see held files as {name}")


def moves(town: Town, left: int) -> Iterator[Move]:
    """Everything that can be done next, with who must be an administrator for it, in every name they have.

    Days pass between two acts: what has to wait before it counts has waited.
    """
    for by in sorted(town.can_be):
        if town.proposed is None:
            yield f"{by} proposes", None, partial(proposing, by=by)
        if left == 1 and town.proposed is None:
            continue  # Whatever else comes last, nothing is proposed that could be seconded.
        for name in sorted({*town.here, *PUPPETS} - {by}):
            if name == PUPPETS[1] and PUPPETS[0] not in town.here:
                continue
            if name in town.can_be or name not in town.here:
                yield f"{by} lets {name} see", by, partial(showing, by=by, name=name)
            if (name, by) not in town.planted:
                yield f"{by} gives {name} a key", by, partial(giving, by=by, name=name)
            if name in town.here:
                for role in ROLES:
                    yield f"{by} makes {name} {role}", by, partial(granting, by=by, name=name, role=role)
                yield f"{by} vouches for {name}", by, partial(vouching, by=by, name=name)
                yield f"{by} removes {name}", by, partial(removing, by=by, name=name)
        yield f"{by} accepts", None, partial(accepting, by=by)


def proposing(session: Session, town: Town, by: str) -> Town:
    policy_proposals.propose(session, DIGEST, town.at, by=by, why=None, at=town.at)
    return replace(town, proposed=by)


def giving(session: Session, town: Town, by: str, name: str) -> Town:
    """A key of which the giver has the secret half."""
    if name not in town.here:
        staff.add_staff(session, name, (), town.at)
    mark = f"SHA256:of-{by}-for-{name}-{town.at.isoformat()}"
    act = TwoPersonAct("add-key", "staff", f"{name} {by}")
    if not dual_control.agreed_to_give(session, act, name, looking=LOOKING, by=by, why=None, at=town.at):
        return replace(town, rest=town.rest | {("asked", act.about)})
    dual_control.note_proposer(session, act, name, "key", mark, at=town.at)
    keys.add_key(session, "staff", name, "ssh", fingerprint=mark, material="ssh", at=town.at, by=by)
    return replace(
        town, can_be=town.can_be | {name}, here=town.here | {name}, planted=town.planted | {(name, by)}
    )


def showing(session: Session, town: Town, by: str, name: str) -> Town:
    """Put somebody into a team that sees held files; a new one with a key of the giver's."""
    act = TwoPersonAct("put-in-teams", "staff", f"{name} {GOVERNANCE}")
    if not dual_control.agreed_to_show(session, act, name, by=by, why=None, at=town.at):
        return replace(town, rest=town.rest | {("asked", act.about)})
    if name not in town.here:
        staff.add_staff(session, name, (GOVERNANCE,), town.at)
        mark = f"SHA256:of-{by}-for-{name}-{town.at.isoformat()}"
        keys.add_key(session, "staff", name, "ssh", fingerprint=mark, material="ssh", at=town.at, by=by)
        planted = town.planted | {(name, by)}
        return replace(town, here=town.here | {name}, can_be=town.can_be | {name}, planted=planted)
    staff.set_teams(session, name, (GOVERNANCE,))
    return replace(town, rest=town.rest | {("sees", name)})


def granting(session: Session, town: Town, by: str, name: str, role: Role) -> Town:
    act = TwoPersonAct(f"grant-{role}", "staff", name)
    if not dual_control.agreed_to_give(
        session, act, name, role, looking=LOOKING, by=by, why=None, at=town.at
    ):
        return replace(town, rest=town.rest | {("asked", act.what, name)})
    staff.get_staff(session, name)
    dual_control.note_proposer(session, act, name, "role", role, at=town.at)
    roles.grant(session, name, role, by=by, at=town.at)
    return replace(town, rest=town.rest | {(name, role, by)})


def vouching(session: Session, town: Town, by: str, name: str) -> Town:
    marks = [key.fingerprint for key in keys.list_keys(session, "staff", name)]
    dual_control.vouch(session, name, [*marks, f"account-of-{name}"], by=by, at=town.at)
    return replace(town, rest=town.rest | {("vouched", by, name)})


def accepting(session: Session, town: Town, by: str) -> Town:
    """Who does all this has one account of the machine, which is jane's."""
    marks = [key.fingerprint for key in keys.list_keys(session, "staff", by)]
    dual_control.accept(session, by, "account-of-jane", marks, at=town.at)
    return replace(town, rest=town.rest | {("accepted", by)})


def removing(session: Session, town: Town, by: str, name: str) -> Town:
    """Out of staff, with their keys: what was proposed in their name stays proposed."""
    if roles.is_powerful(session, name):
        raise NotFoundError("two decide of them")
    staff.remove_staff(session, name, town.at)
    for key in keys.keys_in_force(session, "staff", name, "ssh", town.at):
        keys.end_key(session, key, "retired", at=town.at, by=by)
    gone = frozenset(each for each in town.planted if each[0] == name)
    return replace(
        town,
        can_be=town.can_be - {name},
        here=town.here - {name},
        planted=town.planted - gone,
        rest=town.rest | {("removed", name, gone)},
    )


# How it begins.


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[Registry]:
    made = Registry(f"sqlite:///{folder}/registry.db")
    made.migrate()
    try:
        yield made
    finally:
        made.close()


def alone(session: Session) -> frozenset[str]:
    """Jane alone is an administrator, and has given her colleague what he acts with."""
    enrol(session, "jane", Role.ADMINISTRATOR, by="root")
    enrol(session, "sam", Role.TRIAGE, by="jane")
    staff.set_teams(session, "sam", (GOVERNANCE,))
    return frozenset({"jane", "sam"})


def apart(session: Session) -> frozenset[str]:
    """Sam has accepted, and has confirmed what bob acts with: what asks for two can be done, and was."""
    enrol(session, "jane", Role.ADMINISTRATOR, by="root")
    enrol(session, "sam", Role.ADMINISTRATOR, by="jane")
    enrol(session, "bob", Role.TRIAGE, by="jane")
    staff.set_teams(session, "bob", (GOVERNANCE,))
    dual_control.accept(session, "sam", "account-of-sam", [KEY.format("sam")], at=BEGUN)
    dual_control.vouch(session, "bob", all_of("bob"), by="sam", at=BEGUN + CREDENTIAL_WAIT)
    policy_proposals.propose(session, "cd" * 32, BEGUN, by="jane", why=None, at=BEGUN)
    policy_proposals.approve(session, by="sam", at=BEGUN + 3 * CREDENTIAL_WAIT)
    policy_proposals.withdraw(session, by="sam", why=None, at=BEGUN + 3 * CREDENTIAL_WAIT)
    return frozenset({"jane", "sam", "bob"})


BEGINNINGS = {"alone": alone, "apart": apart}
ACCOUNT = logins.openid_fingerprint("https://id.example", "a subject")
KEY = "SHA256:the-key-of-{}-that-only-they-have"


def all_of(name: str) -> list[str]:
    """Each key and account of somebody who was enrolled here."""
    return [KEY.format(name), f"account-of-{name}"]


def bound(session: Session, name: str, *, by: str, at: datetime) -> None:
    """One OpenID account, confirmed as that of whoever is called so now."""
    assert logins.bind_openid(session, name, "https://id.example", "a subject", by=by, at=at) == ACCOUNT
    keys.approve_key(session, keys.find_key(session, "staff", name, ACCOUNT))


def enrol(session: Session, name: str, role: Role | None, *, by: str) -> None:
    """Somebody with a key whose secret half is theirs alone, though the registry cannot know."""
    staff.add_staff(session, name, (), BEGUN)
    mark = KEY.format(name)
    keys.add_key(session, "staff", name, "ssh", fingerprint=mark, material="ssh", at=BEGUN, by=by)
    roles.bind(session, f"account-of-{name}", name, by=by, at=BEGUN)
    if role is not None:
        roles.grant(session, name, role, by=by, at=BEGUN)
