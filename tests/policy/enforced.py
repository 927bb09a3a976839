"""What docs/clauses.md calls enforced: a scenario for each clause, and how to take the rule away."""

from __future__ import annotations

from tests.policy.scenarios import Edit, Scenario, sample, table

_ROLL = "UPN, Surname, Forename, Date of Birth, Gender, NCY, Registration Group, Ethnicity, First Language"
ROLL = table("student-core", "csv-core", _ROLL)
CORE = table("student-core", "csv-core", f"{_ROLL}, Address, Guardians, Enrolment Status")
MEALS = table("student-core", "csv-core", f"{_ROLL}, Address, FSM Eligible")
NEEDS = table("student-core", "csv-core", f"{_ROLL}, Address, SEN Status")
SEN_LIST = sample("student-core", "csv-sen")
LEAVERS = sample("student-core", "csv-school-history")
MARKS = sample("attendance", "csv-weekly")
EXCLUDED = sample("exclusions", "csv")
CENSUS = sample("school-census", "xml-autumn")

CDT, AE, EWS, EMTAS = (
    "central-data-team", "admissions-and-entitlements", "education-welfare", "ethnic-minority-and-traveller",
)  # fmt: skip
_FOUR = f"{CDT} {AE} {EWS} {EMTAS}"
_EXCLUSION_TEAMS = f"{CDT} exclusions {EWS} {AE}"


def _right(team: str, there: str, instead: str = "") -> Edit:
    """A change of what a team has a right to."""
    return Edit(file="rights.toml", after=f'[[right]]\nteam = "{team}"', there=there, instead=instead)


def _flow(flow: str, there: str, instead: str = "") -> Edit:
    """A change of a flow."""
    return Edit(file="flows.toml", after=f'[[flow]]\nid = "{flow}"', there=there, instead=instead)


def _type(data_type: str, there: str, instead: str = "") -> Edit:
    """A change of a data type of a flow."""
    return Edit(
        file="flows.toml", after=f'[[flow.data_type]]\nid = "{data_type}"', there=there, instead=instead
    )


def _from_schools(flow: str) -> Edit:
    return _flow(flow, 'senders = ["school", "academy"]', 'senders = ["fft"]')


def _no_embargo(data_type: str) -> tuple[Edit, ...]:
    """No moment before which results of this kind may not be passed on; they stay due all the same."""

    def calendar(table: str, there: str, instead: str) -> Edit:
        after = f'[[{table}]]\ndata_type = "{data_type}"'
        return Edit(file="calendar.toml", after=after, there=there, instead=instead)

    return (
        _flow(data_type, "embargo = true"),
        calendar("due", "days = 7", 'first = "08-20"\nlast = "08-31"'),
        calendar("results", f'data_type = "{data_type}"', 'data_type = "ks4"'),
    )


NOT_RATIFIED = {"ratified": False}

CLAUSES = (
    # 1, 2: who has signed, and why the authority may have pupils' data.
    Scenario(
        clause="1.4", content=CORE, on_record=NOT_RATIFIED, state="held",
        code="policy:agreement-not-ratified",
        broken=(_flow("student-core", 'clause = "12.1"', 'clause = "12.1"\nratification = "accept"'),),
    ),
    Scenario(
        clause="1.6", content=CENSUS, on_record=NOT_RATIFIED, state="accepted", teams=CDT,
        broken=(_flow("school-census", 'ratification = "accept"'),),
    ),
    Scenario(
        clause="2.2.1", content=CORE, state="accepted", teams=_FOUR,
        broken=(_type("student-core", f'"{AE}", '),),
    ),
    Scenario(
        clause="2.3.1", content=CORE, state="accepted", teams=_FOUR,
        broken=(_type("student-core", f'"{EWS}", '),),
    ),
    Scenario(
        clause="2.4.1", content=LEAVERS, state="accepted", teams=_FOUR,
        broken=(_right(EWS, '"School History", '),),
    ),
    Scenario(
        clause="2.4.2", content=CENSUS, state="accepted", teams=CDT,
        broken=(
            Edit(file="teams.toml", there="pupil_level = false"),
            _right(
                "school-place-planning", "groups = []",
                'groups = ["Pupil", "School History", "Attendance", "SEN", "Exclusions"]',
            ),
        ),
    ),
    Scenario(
        clause="2.4.3", content=MARKS, state="accepted", teams=f"{CDT} {EWS}",
        broken=(_right(EWS, '"Attendance", '),),
    ),
    Scenario(
        clause="2.5.1", content=EXCLUDED, on_record=NOT_RATIFIED, state="accepted", teams=_EXCLUSION_TEAMS,
        broken=(_type("exclusions", 'ratification = "accept"'),),
    ),
    # 3, 4: only what is listed, for whom it is listed.
    Scenario(
        clause="3.1", content=table("student-core", "csv-core", _ROLL, National_Insurance_Number="ZZ000000Z"),
        state="held", broken=(Edit(file="rights.toml", there=', "National insurance number"'),),
    ),
    Scenario(
        clause="4.1", content=sample("phonics", "csv"), state="accepted", teams=CDT,
        broken=(_type("phonics", f'"{CDT}"', f'"{CDT}", "early-years"'),),
    ),
    # 5 to 8: signed and encrypted, by this method, for nobody else.
    Scenario(
        clause="5.1", content=CORE, state="accepted", teams=_FOUR, without={"enrolled": False},
    ),
    Scenario(
        clause="5.2", content=CORE, state="accepted", teams=_FOUR,
        broken=(Edit(file="methods.toml", there='id = "sftp"', instead='id = "pigeon"'),),
    ),
    Scenario(
        clause="6.1", content=CENSUS, state="accepted", teams=CDT,
        broken=(_flow("school-census", '"local-authority"', '"local-authority", "education-providers"'),),
    ),
    Scenario(
        clause="7.3", content=CENSUS, on_record={"dfe_number": "9992999"}, state="held",
        code="policy:other-school", without={"dfe_number": None},
    ),
    Scenario(
        clause="7.5.1", content=sample("ks1", "csv"), state="accepted", teams=CDT,
        broken=(_from_schools("ks1"),),
    ),
    Scenario(
        clause="7.6.1", content=table("student-core", "csv-core", _ROLL, Child_Protection_Plan="Y"),
        state="held", broken=(Edit(file="rights.toml", there='"Social care and child protection", '),),
    ),
    Scenario(
        clause="7.6.2", content=CORE, signer="stranger", state="refused", code="open:wrong-signer",
        without={"signer": "school"},
    ),
    Scenario(
        clause="8.1", content=sample("eyfs-profile", "csv"), state="accepted", teams=f"{CDT} early-years",
        broken=(_type("eyfs-profile", ', "early-years"'),),
    ),
    Scenario(
        clause="9.3", content=CENSUS, state="accepted", teams=CDT, broken=(_from_schools("school-census"),),
    ),
    Scenario(
        clause="10.5.1", content=table("student-core", "csv-core", _ROLL, NHS_Number="9434765919"),
        state="held", code="policy:sensitive",
        broken=(
            Edit(file="rights.toml", there='sensitive = ["SEN: NHS Number (Proposed)"]'),
            Edit(
                file="rights.toml", after="[proposed]", there='action = "hold"', instead='action = "notice"'
            ),
            _right(CDT, 'without = ["SEN: NHS Number (Proposed)"]'),
        ),
    ),
    Scenario(
        clause="10.5.2", content=table("student-core", "csv-core", _ROLL, Medical_Conditions="none"),
        state="held", broken=(Edit(file="rights.toml", there='"Medical details", '),),
    ),
    # 11: Appendix A, read word by word.
    Scenario(
        clause="11", content=NEEDS, state="accepted", teams=f"{_FOUR} sen",
        holds={CDT: "SEN: SEN Status/Date"}, broken=(_right(CDT, '"SEN", '),),
    ),
    Scenario(
        clause="11.1", content=MEALS, sender="academy", state="accepted", teams=_FOUR,
        lacks={AE: "Pupil: FSM Eligible/Date"},
        broken=(_right(AE, 'not_from = { academy = ["Pupil: FSM Eligible/Date"] }'),),
    ),
    Scenario(
        clause="11.2", content=CORE, state="accepted", teams=_FOUR, lacks={EMTAS: "Pupil: Address"},
        broken=(_right(EMTAS, '["School History"]', '["Pupil", "School History"]'),),
    ),
    Scenario(
        clause="11.3", content=MARKS, state="accepted", teams=f"{CDT} {EWS}",
        broken=(_right(CDT, '"Attendance", '),),
    ),
    Scenario(
        clause="11.4", content=NEEDS, state="accepted", teams=f"{_FOUR} sen",
        lacks={AE: "SEN: SEN Status/Date"},
        broken=(_right(AE, '"Exclusions"', '"SEN", "Exclusions"'),),
    ),
    Scenario(
        clause="11.5", content=EXCLUDED, state="accepted", teams=_EXCLUSION_TEAMS,
        broken=(_right("exclusions", 'groups = ["Exclusions"]', "groups = []"),),
    ),
    # 12: Appendix B, row by row.
    Scenario(
        clause="12", content=CENSUS, sender="dfe", state="refused", code="policy:sender-not-in-flow",
        broken=(_flow("school-census", '"academy"]', '"academy", "dfe"]'),),
    ),
    Scenario(
        clause="12.1", content=SEN_LIST, state="accepted", teams=f"{CDT} sen",
        broken=(_from_schools("student-core"),),
    ),
    Scenario(
        clause="12.2", content=CENSUS, sender="academy", state="accepted", teams=CDT,
        broken=(_flow("school-census", ', "academy"'),),
    ),
    Scenario(
        clause="12.3", content=sample("eyfs-profile", "ctf"), state="accepted", teams=f"{CDT} early-years",
        broken=(_from_schools("eyfs-profile"),),
    ),
    Scenario(
        clause="12.4", content=sample("phonics", "ctf"), on_record=NOT_RATIFIED, state="accepted", teams=CDT,
        broken=(_flow("phonics", 'ratification = "accept"'),),
    ),
    Scenario(
        clause="12.5", content=sample("ks1", "ctf"), on_record=NOT_RATIFIED, state="accepted", teams=CDT,
        broken=(_flow("ks1", 'ratification = "accept"'),),
    ),
    Scenario(
        clause="12.6", content=sample("ks2", "csv"), state="held", code="policy:assessment",
        broken=(_flow("ks2", 'for_a_person = ["school", "academy"]', 'for_a_person = ["academy"]'),),
    ),
    Scenario(
        clause="12.7", content=sample("ks4", "csv"), sender="la", state="accepted", teams=CDT,
        code="policy:on-behalf", broken=(_flow("ks4", 'on_behalf = ["la"]'),),
    ),
    Scenario(
        clause="12.8", content=table("gcse-results", "csv", "*", Academic_Year="2098/99"), state="held",
        code="policy:embargo", broken=_no_embargo("gcse-results"),
    ),
    Scenario(
        clause="12.9", content=table("a-level-results", "csv", "*", Academic_Year="2098/99"), state="held",
        code="policy:embargo", broken=_no_embargo("a-level-results"),
    ),
    Scenario(
        clause="12.10", content=sample("fft-aspire", "csv-estimates"), sender="fft", state="accepted",
        teams=CDT, copies="about", on_record={"dfe_number": None},
        broken=(_flow("fft-aspire", ', "education-providers"'),),
    ),
    Scenario(
        clause="12.11", content=table("alps-lpuk", "csv-alps", "*", LA_Number="999", School_Number="2000"),
        sender="alps", state="accepted", teams=CDT, copies="about", on_record={"dfe_number": None},
        broken=(_flow("alps-lpuk", ', "post-16-education-providers"'),),
    ),
)  # fmt: skip
