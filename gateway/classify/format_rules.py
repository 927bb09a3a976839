"""What the readers of each format know, as policies/data_types.toml has it."""

from __future__ import annotations

import re
from functools import cached_property

from pydantic import BaseModel, ConfigDict

from gateway.classify.schools import Slot

_PUNCTUATION = re.compile(r"[\W_]+")
CONTAINERS = frozenset((
    "CTfile", "CTFpupilData", "ATFpupilData", "Message", "Header", "Content", "Pupils", "PupilsOnRoll",
    "PupilsNoLongerOnRoll", "Children", "Learners", "Students", "AttendanceData", "ExclusionData",
    "PupilOnRoll", "PupilNoLongerOnRoll", "Pupil", "Child", "Learner", "Student", "Record", "Row",
    "PupilAttendance", "StudentAttendance", "AttendanceRecord", "AttendancePupil", "PupilExclusion",
    "ExclusionRecord", "SuspensionRecord", "PupilIdentifiers", "PupilStatus", "PupilCharacteristics",
    "SpecialEducationalNeeds", "SENneeds", "SENhistory", "Languages", "AddressLines", "BS7666Address",
    "Contacts", "Parents", "Guardians", "Phones", "Emails", "SchoolHistory", "StageAssessments",
    "KeyStages", "SessionDetails", "SessionDetail", "Sessions", "Days", "Attendances", "Marks",
    "TermlyAttendance", "SummerHalfTerm2Attendance", "AnnualAttendance", "Exclusions", "Suspensions",
    "PupilExclusions", "TermlyExclusions", "FSMperiods", "LearnerSupport", "LearningSupport",
    "LearningAims", "HomeInformation", "Address",
))  # fmt: skip
"""Elements of the national formats and of registers around others, beside those of the policies' elements."""
AROUND = frozenset(
    [
        "envelope",
        "envelope-words",
        "kind-of-document",
        "description",
        "census-school",
        "contact-of-school",
        "la-number",
        "school-number",
        "school-name",
    ]
)
"""The fields that may stand outside of all records: they say whose the document is, nothing of a pupil."""
OF_PUPILS = frozenset(["upn", "former-upn", "uln", "uci", "nhs-number", "surname", "forename", "birth-date"])
"""The fields of which one outside of all records means that a pupil stands there."""


def plain(name: str) -> str:
    """Return a column name without case, blanks and punctuation, as names are compared.

    A per cent sign counts as the word; what is punctuation alone (the attendance code `/`) stays.
    """
    return _PUNCTUATION.sub("", name.replace("%", "percent")).casefold() or name.strip()


class RuleTable(BaseModel):
    """A table of a policy file: what it does not know is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StageRule(RuleTable):
    """Which data type an assessment in a CTF belongs to; without subjects it fits every subject."""

    type: str
    stage: str
    subjects: tuple[str, ...] = ()


class CtfRule(RuleTable):
    """How a Common Transfer File is told apart. `results` names a code list for each qualifier.

    `missing_children`: what names or describes messages about children missing education. They are of the
    type `missing_type`; where there is none, they wait.
    """

    stages: tuple[StageRule, ...]
    outweighs: dict[str, str]
    descriptors: dict[str, str]
    results: dict[str, str]
    core_sections: tuple[str, ...]
    missing_children: tuple[str, ...] = ()
    missing_type: str | None = None

    def is_of_missing_child(self, said: str) -> bool:
        """Does the name, description or root of a document say that it is about a missing child?"""
        words = f" {' '.join(_PUNCTUATION.sub(' ', said).casefold().split())} "
        return any(f" {each} " in words for each in self.missing_children)


class MessageRule(RuleTable):
    """DfE `<Message>` files: the collection texts of the school census, of returns of assessments with their
    types, and of known others.
    """

    census: tuple[str, ...]
    returns: dict[str, str]
    outside: dict[str, str]


class RegisterRule(RuleTable):
    """XML of other roots: the elements that hold one record each, and roots that are none of it."""

    records: tuple[str, ...]
    never: tuple[str, ...]


class ResultsRule(RuleTable):
    """What tells a GCSE result from an A level: words, and patterns of grades and entry codes."""

    gcse_words: tuple[str, ...]
    a_level_words: tuple[str, ...]
    gcse_grade: str
    a_level_grade: str
    gcse_code: str
    a_level_code: str


class JcqRule(RuleTable):
    """The fixed-width files of the awarding bodies, by their first letter. Offsets count from 0."""

    results: str
    outside: dict[str, str]
    results_from: int


class SchoolsRule(RuleTable):
    """Which columns and elements name the school of a record.

    `fields`: by field, what its columns hold. `columns`: further ones that hold a code of the school.
    `history` is found in the plain names of what tells of another school, before or after. `elements`:
    what elements of other XML hold.
    """

    fields: dict[str, Slot]
    columns: tuple[str, ...]
    history: str
    elements: dict[str, Slot]

    @cached_property
    def _codes(self) -> frozenset[str]:
        return frozenset(map(plain, self.columns))

    def slot(self, header: str, key: str | None) -> Slot | None:
        """What a column of this name, which carries this field, says of the school of its rows."""
        found = self.fields.get(key or "")
        if found is None and plain(header) not in self._codes:
            return None
        return None if self.is_history(header) else found or "name"

    def is_history(self, name: str) -> bool:
        """Whether a column or element of this name tells of another school, before or after."""
        return re.search(self.history, plain(name)) is not None


class JsonRule(RuleTable):
    """JSON of records: objects that say nothing by their names, what a date is written as, and what may
    stand beside the records.
    """

    transparent: tuple[str, ...]
    parts_of_a_date: tuple[str, ...]
    beside: tuple[str, ...]


class FurnitureRule(RuleTable):
    """The words of lines that a report prints around its table by itself, and what schools are called."""

    words: tuple[str, ...]
    kinds_of_school: tuple[str, ...] = ()


class NameHint(RuleTable):
    """A pattern in the name of a file that hints at a type. It never decides."""

    pattern: str
    type: str
