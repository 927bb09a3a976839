"""Rules of the readers of each format, from policies/data_types.toml."""

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
"""Container elements of national formats and registers, beside those in the policies' elements."""
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
"""Fields allowed outside all records: they name the document's owner, nothing of a pupil."""
OF_PUPILS = frozenset(["upn", "former-upn", "uln", "uci", "nhs-number", "surname", "forename", "birth-date"])
"""Fields of a pupil: one outside all records means an unexpected pupil."""


def plain(name: str) -> str:
    """Return a column name without case, blanks and punctuation, for comparison.

    "%" and, between blanks, "&" count as words; a name of punctuation only (the attendance code `/`) stays.
    """
    words = name.replace("%", "percent").replace(" & ", "and")
    return _PUNCTUATION.sub("", words).casefold() or name.strip()


class RuleTable(BaseModel):
    """Table of a policy file; unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StageRule(RuleTable):
    """Data type of a CTF's assessment by stage; without subjects the rule fits every subject."""

    type: str
    stage: str
    subjects: tuple[str, ...] = ()


class CtfRule(RuleTable):
    """Rules for a Common Transfer File. `results` names a code list for each qualifier.

    `missing_children`: names or descriptions of messages about children missing education. Such messages
    are of `missing_type`; without one, they wait.
    """

    stages: tuple[StageRule, ...]
    outweighs: dict[str, str]
    descriptors: dict[str, str]
    results: dict[str, str]
    core_sections: tuple[str, ...]
    missing_children: tuple[str, ...] = ()
    missing_type: str | None = None

    def is_of_missing_child(self, said: str) -> bool:
        """Return True where a document's name, description or root names a missing child."""
        words = f" {' '.join(_PUNCTUATION.sub(' ', said).casefold().split())} "
        return any(f" {each} " in words for each in self.missing_children)


class MessageRule(RuleTable):
    """Collection texts of DfE `<Message>` files: the census, returns with their types, and others known."""

    census: tuple[str, ...]
    returns: dict[str, str]
    outside: dict[str, str]


class RegisterRule(RuleTable):
    """XML with other roots: elements holding one record each, and roots to reject."""

    records: tuple[str, ...]
    never: tuple[str, ...]


class ResultsRule(RuleTable):
    """Rules telling a GCSE result from an A level: words, and patterns of grades and entry codes."""

    gcse_words: tuple[str, ...]
    a_level_words: tuple[str, ...]
    gcse_grade: str
    a_level_grade: str
    gcse_code: str
    a_level_code: str


class JcqRule(RuleTable):
    """Fixed-width files of the awarding bodies, by first letter. Offsets count from 0."""

    results: str
    outside: dict[str, str]
    results_from: int


class SchoolsRule(RuleTable):
    """Columns and elements naming the school of a record.

    `fields`: content of a field's columns. `columns`: further columns with a school code. `history` matches
    plain names about another school, before or after. `elements`: content of elements in other XML.
    """

    fields: dict[str, Slot]
    columns: tuple[str, ...]
    history: str
    elements: dict[str, Slot]

    @cached_property
    def _codes(self) -> frozenset[str]:
        return frozenset(map(plain, self.columns))

    def slot(self, header: str, key: str | None) -> Slot | None:
        """Return the kind of school data in a column with this name and field; None without any."""
        found = self.fields.get(key or "")
        if found is None and plain(header) not in self._codes:
            return None
        return None if self.is_history(header) else found or "name"

    def is_history(self, name: str) -> bool:
        """Return True where a column or element is about another school, before or after."""
        return re.search(self.history, plain(name)) is not None


class JsonRule(RuleTable):
    """JSON of records: object names without meaning, parts of a date, and parts allowed beside records."""

    transparent: tuple[str, ...]
    parts_of_a_date: tuple[str, ...]
    beside: tuple[str, ...]


class ReportWordingRule(RuleTable):
    """Words of lines printed by reports around a table, and kinds of schools in names."""

    words: tuple[str, ...]
    kinds_of_school: tuple[str, ...] = ()


class NameHint(RuleTable):
    """Pattern in a file name hinting at a type. Never decides."""

    pattern: str
    type: str
