"""The words a receipt may use of what came out of a file.

A classifier describes a file in phrases of the gateway, but a column may be headed with a pupil's name, and
a release with anything. So a receipt shows such text only word by word: a listed word stays, a number of at
most four digits other than a year stays, everything else becomes "...". No name of a month is shown, so no
date of birth passes; nor do identifiers, addresses or names, unless a name consists only of these everyday
words.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache

from gateway.model import Facts

HIDDEN = "..."
# Adjacent numbers are one token, so that a date or a spaced-out number counts as long.
_TOKEN = re.compile(r"\d+(?:[ .,:/-]+\d+)*(?![^\W_])|[^\W_]+|[\W_]")
_SHOWN_DIGITS = 4
# "may" is allowed, but not beside a number.
_MONTH = re.compile(r"(?i)(?<!\d)\d+ *(?:st|nd|rd|th)?\W{0,3}may\b|\bmay\W{0,3}\d+")
# Single letters in a row may spell a name.
_SPELT = re.compile(r"(?<![^\W_])[^\W\d_](?:[\W_][^\W\d_]){3,}(?![^\W_])")
_YEAR = re.compile(r"(?:19|20)\d\d")
_KEPT_MARKS = frozenset(" :,;.()[]/%&+-_'\"=<>#*")
_REFERENCE_DATE = timedelta(days=550)

WORDS = frozenset(
    """
    a about above absence abuse academic accept account activity acts added address admission admissions
    adopted advanced after age agencies agency agree agreed agreement agrees all allergies allergy alone alps
    also alternative ambiguous amendments an and annual annually another any appendix application aqa arbor
    archive are arrangements as aspire assessed assessment assessments asylum at atf attainment attendance
    attributes audio aut author authorised autumn autumn2 award awarding b band banding baseline be before
    beginning behaviour behind benchmarks benefit benefits beside between bin binary biometric biometrics
    birth blank block blocks board boarder body both breaks broken bromcom btec bus but by byte bytes
    bzip2 c calls camhs candidate candidates cannot card care carer carers categories category cell cells
    census centre certain chain chances changes character characters charts check child children chk
    choice cipher circumstances class classes closed club clubs code codes collect collection column
    columns com combinations comma comment comments common component components compressing compression
    concern concerns condition conditions connections consent contact contains content controls copies
    core corrupt counselling count country counts csv ctf ctfile current curriculum d daily damaged
    dashboard data database date dates day days declares deep defined delimited department descriptor
    detail details detention detentions dfe diagnosis dietary different digit digits disability disagree
    disallowed distinct do dob doc doctor document does domestic download drawing drawings due duplicate
    duplicated
    addresses continuous deletion deletions footer lacking messages namespaces new notice notices notified
    sickness starters strange suspensions those timetable timetables
    duplicates e each eal eap early ebacc edexcel education effort eight either elective element elements
    eleven
    eligible email emails embedded empty encoding encrypted encryption end ends eng enrol enrolled
    enrolment enrolstatus entities entries entry error errors estab establishment estimate estimated
    estimates ethnic ethnicity every evidence exactly exam examination examinations excel exclusion
    exclusions exist exp expected export exports expression extension extra eyf eyfs eyfsp f fa facilities
    family far fd few fewer fft field fields fifty file files final financial fingerprint first fischer
    fit five fixed flag folder folders following follows for forecast forecasts foreign forename forenames
    form format formed former formula formulas forty foster found foundation four from front fsm fsp ftf
    full funding future g gce gcse gender general gif gnupg gnvq goals goes gp grade gradepoint grades grounds
    group groups guardians gzip h half half-term has have header headers heading headings health hidden
    hide history hm hold holds home homework hospital hours house housing how html i identifier identifiers
    identity if image images immigration import in incident incidents includes including income incomplete
    inconsistent indicator individualised inside insurance integris interpreter intervention into invalid
    is it item items its itself j jcq jpeg json k key keynote keypas kind kinds kinship known ks ks1 ks2 ks3
    ks4 ks5
    l la label labels language languages laptop last later layout lea learner learning least leaver leaving
    less letter letters level levels lies like likely line lines link links list lists lit literacy local
    location locked locker login long looked lpuk lunch m macro macros mail majority malformed mandatory
    many mark marks mat match matches matching mathematics matrix may meal measures medical medication meg
    mental mentor mep merged merit merits message middle mime minimum minority mis missed missing mixed
    mixture mock mocks mode moderate modes monitoring month monthly more most mt mtc much multiplication
    must my n name named names
    namespace naming national nationality nca ncer ncy ncyearactual need needs neither nested net never
    newer nhs nine nm no node non none nor not note notes npd number numbers ny o objects observed ocb
    occupation ocr ods of off offence offences offers office officer official often old older on once one
    online
    only opens options or order other others otherwise out outcome outcomes outlook outside over p pag page
    pages pair pairs paper parent part partial particular passport password pattern pdf per percent period
    permanent pho phone phones phonics photograph phy picture pictures pivot place plain plan plus png point
    points police portal possible post postcode powerpoint predicted prediction predictions preferred premium
    present presentation previous primary prior process profile program progress progressive proposed
    protected protection provider provision provisional pse public published pupil pupilonroll pupils q qan
    qualification qualifications qualifier qualifiers quarter quarters query quotation quoted r range rank
    ranking rar raw rea read reading reason reasons receiver recent recipients record records reference
    referral refugee register registration regular regulations religion remark remarks removal repeated
    required result results return
    returned reward rewards rich risk roll root row rows run s safeguarding same sanction sanctions sat
    say says sc scaled scholarpack school schoolcensus schools sci score scores screening script second
    section sections sen sent separate serial series service services session sessions seven several sex
    sexuality share sheet sheets shoe short shortcut show sibling side siblings signature signed sims since
    single six size skip slide slides social software some something source sources spelling spo spr
    spreadsheet spring spring2 stage stages standard standardised stands start starts state statement
    status statutory stretch strong structure student students subject subjectcode subjects such suggests
    sum summer supplier support surgery surname surnames suspended suspension syllabuses syntax system
    systems t tab table tables tag target targets teacher telephone tells template temporary ten term
    termly test text than that the their them there these they third thirds this three tie tied time times
    title to together too total tracked tracker transfer transferred travel traveller trip truncated tuition
    tutor twelve
    twice two txt type types u uci uln umbrella unauthorised uncommon under unique unit unknown unlike
    unlisted unpacks unreadable unusual up upn upns uprn urn us use used username utw v valid value values
    vendor version video view visa visit vrq vulnerable w wales warning was way weak weekly well welsh were
    western what when wherever which whose width with within without wjec word workbook worker workforce
    working worksheet would wri writing wrong x xls xlsb xlsx xml y year years yes young youth z zip
    """.split()  # noqa: SIM905 - nine hundred quoted words would be harder to read
)


def slug(text: str) -> str:
    """Return a phrase in small letters, with hyphens for everything but letters and digits."""
    return "-".join(re.findall(r"[a-z0-9]+", text.casefold()))


# The same phrases occur in many receipts.
@lru_cache(1024)
def plain(text: str) -> str:
    """Return `text` with every unlisted word and every long number shown as "..."."""
    shown = [_shown(token) for token in _TOKEN.findall(_SPELT.sub(HIDDEN, _MONTH.sub(HIDDEN, text)))]
    merged = re.sub(r"(?:\.\.\.[ ,:;/_'&-]*){2,}", HIDDEN + " ", "".join(shown))
    return " ".join(merged.split())[:200]


def plain_facts(facts: Facts, landed_at: datetime) -> dict[str, str | None]:
    """Return a file's facts about itself, each only in its expected shape; None otherwise.

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
        short = token.isascii() and sum(c.isdigit() for c in token) <= _SHOWN_DIGITS
        return token if short and not _YEAR.fullmatch(token) else HIDDEN
    if len(token) == 1 and not token.isalnum():
        return token if token in _KEPT_MARKS else " "
    return token if token.casefold() in WORDS else HIDDEN


def _shaped(value: str | None, pattern: str) -> str | None:
    return value if value is not None and re.fullmatch(pattern, value) else None
