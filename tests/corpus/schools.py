"""Files that name schools: one, several, by number or name, and what is history or stands in a title."""

from __future__ import annotations

from tests.classify import made
from tests.corpus.books import zipped
from tests.corpus.children import CORE, Columns, among, csv, xlsx
from tests.corpus.corpus import Files

OAK, ELM = "9992001", "9992002"
_EXAMS: Columns = {
    "Candidate Number": lambda c: f"{1000 + c.number}",
    "Surname": lambda c: c.surname,
    "Forename": lambda c: c.forename,
    "Series": "Summer 2026",
    "Qualification": "GCSE/9FC",
    "Subject": "Mathematics",
    "Grade": among("5", "7"),
}


def core(**columns: str | tuple[str, ...]) -> Columns:
    """A daily export with such columns of schools beside."""
    more = {name.replace("_", " "): v if isinstance(v, str) else among(*v) for name, v in columns.items()}
    return {**CORE, **more}


def ctf(estab: str, first: int = 0) -> bytes:
    """A CTF of a school; its pupils' history names schools before."""
    pupils = [made.pupil(made.Child(n), made.CORE_INSIDE + made.HISTORY) for n in range(first, first + 4)]
    text = made.ctf(pupils)
    return text.replace("<Estab>1234", f"<Estab>{estab}", 1).replace("<URN>123456</URN>", "", 1).encode()


def registers(estab: str) -> bytes:
    """An attendance register in XML that names its school in its header."""
    text = made.attendance_around([made.attendance_pupil(child) for child in made.children(4)])
    start = text.index(">", text.index("<Attendance")) + 1
    return f"{text[:start]}<Header><LEA>999</LEA><Estab>{estab}</Estab></Header>{text[start:]}".encode()


def jcq(*centres: str) -> bytes:
    """An awarding body's results file with these centres."""
    text = made.jcq(["8300  H9 ", "8700   4 "], count=6)
    lines = text.splitlines()
    said = [n for n, line in enumerate(lines) if line[1] == "5"]
    for place, number in enumerate(said):
        lines[number] = lines[number].replace("54321", centres[place * len(centres) // len(said)], 1)
    return ("\r\n".join(lines) + "\r\n").encode()


FILES: Files = {
    "laestab.csv": lambda: csv(core(LAESTAB=OAK)),
    "la-and-estab.csv": lambda: csv(core(LA="999", Estab="2001")),
    "slash.csv": lambda: csv(core(DfE_Number="999/2001")),
    "estab-alone.csv": lambda: csv(core(Estab="2001")),
    "home-authority.csv": lambda: csv(core(LA=("999", "908"), LAESTAB=OAK)),
    "urn.csv": lambda: csv(core(URN="120001")),
    "school-name.csv": lambda: csv(core(School_Name=("Oak School", "OAK SCHOOL"))),
    "some-blank.csv": lambda: csv(core(LAESTAB=(OAK, ""))),
    "name-beside-some-blank.csv": lambda: csv(core(LAESTAB=(OAK, ""), School="Oak")),
    "previous-school.csv": lambda: csv(core(LAESTAB=OAK, Previous_School=("Elm", "Ash", "Fir"))),
    "previous-school-alone.csv": lambda: csv(core(Previous_School=("Elm", "Ash", "Fir"))),
    "none.csv": lambda: csv(CORE),
    "three-of-another.csv": lambda: csv(core(LAESTAB=(OAK, OAK, OAK, ELM))),
    "three-of-another.xlsx": lambda: xlsx(core(LAESTAB=(OAK, OAK, OAK, ELM))),
    "all-of-another.csv": lambda: csv(core(LAESTAB=ELM)),
    "another-estab.csv": lambda: csv(core(Estab=("2001", "2002"))),
    "another-urn.csv": lambda: csv(core(URN=("120001", "120002"))),
    "own-number-another-urn.csv": lambda: csv(core(LAESTAB=OAK, School_URN=("120001", "120002"))),
    "another-name-where-no-number.csv": lambda: csv(core(LAESTAB=(OAK, ""), School=("Oak", "Elm"))),
    "several-names.csv": lambda: csv(core(School_Name=("Oak", "Elm"))),
    "several-codes.csv": lambda: csv(core(School_ID=("A1", "B2"))),
    "own-numbers-of-pupils.csv": lambda: csv({**CORE, "School ID": lambda c: f"{1700 + c.number}"}),
    "codes-of-nine-pupils.csv": lambda: csv({**CORE, "School ID": lambda c: f"{1700 + c.number}"}, count=9),
    "own-numbers-and-no-upn.csv": lambda: csv(
        {
            **CORE,
            "UPN": lambda c: c.upn if c.number % 9 else "",
            "School ID": lambda c: f"{1700 + c.number}" if c.number % 7 else "",
        },
        count=20,
    ),
    "own-numbers-and-a-school.csv": lambda: csv(
        {
            **CORE,
            "UPN": lambda c: c.upn if c.number % 9 else "",
            "School ID": lambda c: f"{1700 + c.number}" if c.number % 9 else f"ELM{c.number}",
        },
        count=20,
    ),
    "own-numbers-and-a-school-far-down.csv": lambda: csv(
        {**CORE, "School ID": lambda c: f"{1700 + c.number}" if c.number < 550 else "2002"}, count=600
    ),
    "urns-of-thirty-pupils.csv": lambda: csv(
        {**CORE, "School ID": lambda c: f"{120001 + c.number}"}, count=30
    ),
    "schools-of-pupils.csv": lambda: csv({**CORE, "School Code": lambda c: f"999{2001 + c.number}"}),
    "urns-of-pupils.csv": lambda: csv({**CORE, "School ID": lambda c: f"{120001 + c.number}"}),
    "own-codes-of-pupils.csv": lambda: csv({**CORE, "School Code": lambda c: f"{1700 + c.number}"}),
    "own-letters-of-pupils.csv": lambda: csv({**CORE, "School Code": lambda c: f"AB{c.number:04}C"}),
    "title-of-another.csv": lambda: csv(CORE, above=["Pupil details", "Elm (999/2002)"]),
    "title-own.csv": lambda: csv(CORE, above=["Pupil details", "Oak (999/2001)"]),
    "third-school-by-urn.csv": lambda: csv(core(URN="120003")),
    "fourth-school.csv": lambda: csv(core(LAESTAB=(OAK, ELM, "9992004"))),
    "two-schools.csv": lambda: csv(core(LAESTAB=(OAK, ELM))),
    "ctf-own.xml": lambda: ctf("2001"),
    "ctf-of-another.xml": lambda: ctf("2002"),
    "two-ctfs.zip": lambda: zipped({"oak.xml": ctf("2001"), "elm.xml": ctf("2002", 4)}),
    "register-own.xml": lambda: registers("2001"),
    "register-of-another.xml": lambda: registers("2002"),
    "centre.txt": lambda: jcq("54321"),
    "two-centres.txt": lambda: jcq("54321", "54322"),
    "centres.csv": lambda: csv({**_EXAMS, "Centre Number": among("54321", "54322")}),
}
