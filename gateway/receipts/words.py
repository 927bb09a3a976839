"""The words a receipt may use of what came out of a file.

What a classifier says of a file, its column names, the software it names: all of that may have
been written by whoever made the file, and a column may be headed with a pupil's name. A receipt
therefore shows such text only word by word: a word on this list stays, a number of at most four
digits stays, everything else becomes "...". No name, UPN, date or address can pass.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from gateway.model import Facts

HIDDEN = "..."
# Numbers that stand together are one token, so that a date or a spaced-out number is a long one.
_TOKEN = re.compile(r"\d+(?:[ .,:/-]+\d+)*(?![^\W_])|[^\W_]+|[\W_]")
_SHOWN_DIGITS = 4
_KEPT_MARKS = frozenset(" :,;.()[]/%&+-_'\"=<>#*")
_REFERENCE_DATE = timedelta(days=550)

WORDS = frozenset(
    """
    a about absence academic accept activity address admission admissions advanced age agreement all
    alps also ambiguous an and annual annually any appendix application aqa arbor archive are as aspire
    assessment assessments at atf attainment attendance aut author authorised autumn award awarding b
    band banding baseline be between binary birth blank block blocks board boarder body bromcom btec but
    by byte bytes c candidate candidates cannot cell cells census centre certain chain chances character
    characters check chk class classes code codes collect collection column columns com comma common
    component contact contains content core count counts csv ctf ctfile current curriculum d damaged
    dashboard data date dates day days delimited department descriptor dfe different digit digits
    distinct dob document does due duplicate duplicated duplicates e each eal eap early ebacc edexcel
    education eight either element elements eleven eligible embedded empty encoding end ends eng enrol
    enrolled enrolment enrolstatus entries entry error errors estab establishment estimate estimates
    ethnic ethnicity every evidence exactly exam examination examinations excel exclusion exclusions exp
    expected export extension extra eyf eyfs eyfsp f fa facilities family fd few fewer field fields
    fifty file files final first fischer five fixed flag following follows for foreign forename
    forenames format former forty found foundation four from fsm fsp ftf full funding g gce gcse gender
    general gnvq grade gradepoint grades group guardians h half has have header headers headings history
    hm hold holds home how html i identifier identifiers if in includes including incomplete
    inconsistent indicator integris into invalid is it item items its j jcq json k key keypas kind known
    ks ks1 ks2 ks3 ks4 ks5 l la label labels language languages last layout lea learner learning least
    less letter letters level levels like likely line lines list lists lit literacy local location long
    lpuk m majority malformed mandatory mark marks mat match matches matching mathematics matrix medical
    meg mep message middle mime minimum minority mis missing mode moderate month more most mt mtc my n
    name named names namespace national nca ncer ncy ncyearactual need needs neither net nhs nine nm no
    node none nor not npd number numbers ny o observed ocr of off offence office official on once one
    online only opens or order other others out outcome outcomes outside over p pag page pair pairs
    paper part partial particular pdf per percent period permanent pho phone phones phonics phy place
    plain plus point points portal possible post postcode predicted prediction preferred present
    previous primary prior process profile progress progressive proposed provider provision provisional
    pse pupil pupilonroll pupils q qan qualification qualifications qualifier qualifiers query quoted r
    range raw rea reading reason reasons receiver record records reference registration religion
    repeated required result results return returned roll root row rows s same sat sc scaled scholarpack
    school schoolcensus schools sci score scores second section sen sent serial series service services
    session sessions seven sex share sheet sheets short signature signed sims since single six size skip
    social software some source spo spr spreadsheet spring stage stages standard start starts state
    statement status statutory strong structure student students subject subjectcode subjects suggests
    sum summer supplier support surname surnames suspended suspension syntax system systems t tab table
    tables tag target targets teacher template ten term termly test text than that the their there these
    they third thirds this three time times title to total transfer travel traveller truncated tutor
    twelve two type types u uci uln umbrella unauthorised under unique unit unknown unlike unlisted
    unreadable unusual up upn upns uprn urn us use used utw v valid value values vendor version vrq w
    warning was welsh western wherever which whose width with within wjec workbook worksheet wri writing
    wrong x xls xlsx xml y year years yes youth z zip
    """.split()  # noqa: SIM905 - seven hundred quoted words would be harder to read
)


def plain(text: str) -> str:
    """`text` with every word that is not ours, and every long number, shown as "..."."""
    shown = [_shown(token) for token in _TOKEN.findall(text)]
    merged = "".join(shown)
    return re.sub(r"(?:\.\.\.[ ,:;/_'&-]*){2,}", HIDDEN + " ", merged).strip()[:200]


def plain_facts(facts: Facts, landed_at: datetime) -> dict[str, str | None]:
    """What a file says of itself, each part only in the shape that part must have; None otherwise.

    A reference date more than 550 days from the upload is left out: no pupil is that young.
    """
    reference = facts.reference_date
    near = reference is not None and abs(reference - landed_at.date()) <= _REFERENCE_DATE
    return {
        "la": _shaped(facts.la, r"\d{3}"),
        "establishment": _shaped(facts.establishment, r"\d{4}"),
        "urn": _shaped(facts.urn, r"\d{6}"),
        "academic_year": _shaped(facts.academic_year, r"(?:19|20)\d\d(?:[-/](?:20)?\d\d)?"),
        "term": plain(facts.term) if facts.term else None,
        "reference_date": reference.isoformat() if reference is not None and near else None,
        "key_stage": _shaped(facts.key_stage, r"(?i)(?:ks ?)?[0-5]|eyfs?"),
        "software": plain(facts.software) if facts.software else None,
    }


def _shown(token: str) -> str:
    if token[0].isdigit() and not any(c.isalpha() for c in token):
        return token if sum(c.isdigit() for c in token) <= _SHOWN_DIGITS and token.isascii() else HIDDEN
    if len(token) == 1 and not token.isalnum():
        return token if token in _KEPT_MARKS else " "
    return token if token.casefold() in WORDS else HIDDEN


def _shaped(value: str | None, pattern: str) -> str | None:
    return value if value is not None and re.fullmatch(pattern, value) else None
