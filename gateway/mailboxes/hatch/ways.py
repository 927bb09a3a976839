"""The route table: the answering function of each kind of question. Unlisted questions get no answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pydantic import BaseModel

from gateway.mailboxes.hatch import (
    acts,
    agreement,
    boxes,
    carrying_out,
    confirming,
    evidence,
    held_files,
    key_acts,
    logins,
    openid_logins,
    policies,
    schools,
    today,
    watching,
)
from gateway.zones.hatch import HatchQuestion, OfPerson, act_questions, evidence_questions, school_acts
from gateway.zones.hatch import questions as asked


class Way(NamedTuple):
    """The answering function of a question; `writes` marks changes, `own` the mailboxes of one's teams.

    All other questions read the registry within the caller's sight.
    """

    answer: Callable[..., BaseModel]
    writes: bool = False
    own: bool = False


OF_ANYBODY: dict[type[HatchQuestion], Way] = {
    asked.AskSettings: Way(logins.ask_settings),
    asked.BeginLogin: Way(logins.begin_login),
    asked.LogIn: Way(logins.log_in, writes=True),
    asked.BeginEnrolment: Way(logins.begin_enrolment),
    asked.Enrol: Way(logins.enrol, writes=True),
    asked.BeginOpenId: Way(openid_logins.begin_openid),
    asked.FinishOpenId: Way(openid_logins.finish_openid, writes=True),
}
OF_PERSONS: dict[type[OfPerson], Way] = {
    asked.AskMe: Way(logins.ask_me),
    asked.LogOut: Way(logins.log_out, writes=True),
    asked.ConfirmByOpenId: Way(confirming.confirm),
    asked.AskToday: Way(today.ask_today),
    asked.AskMailbox: Way(boxes.ask_mailbox, own=True),
    asked.AskFile: Way(boxes.ask_file, own=True),
    asked.DealWith: Way(boxes.deal_with, writes=True),
    asked.RecallFile: Way(acts.recall, writes=True),
    asked.AskHeld: Way(held_files.ask_held),
    asked.AskHeldFile: Way(held_files.ask_held_file),
    asked.AskSchools: Way(schools.ask_schools),
    asked.AskSchool: Way(schools.ask_school),
    asked.AskAgreement: Way(agreement.ask_agreement),
    school_acts.AddKey: Way(key_acts.add_key, writes=True),
    school_acts.ConfirmKey: Way(key_acts.confirm_key, writes=True),
    evidence_questions.AskWatch: Way(watching.ask_watch),
    evidence_questions.AskPolicies: Way(policies.ask_policies),
    evidence_questions.ApprovePolicies: Way(policies.approve, writes=True),
    evidence_questions.WithdrawPolicies: Way(policies.withdraw, writes=True),
    act_questions.AskActs: Way(carrying_out.ask_acts),
    act_questions.AskAct: Way(carrying_out.ask),
    act_questions.CarryOutAct: Way(carrying_out.carry_out, writes=True),
    asked.VerifyReceipt: Way(evidence.verify_receipt),
    asked.AskOpenings: Way(evidence.ask_openings),
}
