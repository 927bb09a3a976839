"""The words a receipt may use of what came out of a file.

What a classifier says of a file is meant to be phrases of our own, but a column may be headed with
a pupil's name, and a release with anything. So a receipt shows such text only word by word: a word
on this list stays, a number of at most four digits that is no year stays, everything else becomes
"...". No name of a month is shown, so no date of birth passes; nor do identifiers, addresses
or names, unless a name is made of nothing but these everyday words.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache

from gateway.model import Facts

HIDDEN = "..."
# Numbers that stand together are one token, so that a date or a spaced-out number is a long one.
_TOKEN = re.compile(r"\d+(?:[ .,:/-]+\d+)*(?![^\W_])|[^\W_]+|[\W_]")
_SHOWN_DIGITS = 4
# "may" is a word of ours, but not beside a number.
_MONTH = re.compile(r"(?i)(?<!\d)\d+ *(?:st|nd|rd|th)?\W{0,3}may\b|\bmay\W{0,3}\d+")
_YEAR = re.compile(r"(?:19|20)\d\d")
_KEPT_MARKS = frozenset(" :,;.()[]/%&+-_'\"=<>#*")
_REFERENCE_DATE = timedelta(days=550)

WORDS = frozenset(
    """
    a about absence academic accept activity acts added address admission admissions advanced after age
    agree agreed agreement agrees all alone alps also alternative ambiguous amendments an and annual
    annually another any appendix application aqa arbor archive are as aspire assessment assessments at
    atf attainment attendance attributes audio aut author authorised autumn autumn2 award awarding b band
    banding baseline be before beginning behind benchmarks beside between bin binary birth blank block
    blocks board boarder body both breaks broken bromcom btec but by byte bytes bzip2 c calls candidate
    candidates cannot care categories category cell cells census centre certain chain chances changes
    character characters charts check child children chk cipher class classes closed code codes collect
    collection column columns com combinations comma comments common component components compressing
    compression connections contact contains content controls copies core corrupt count country counts csv
    ctf ctfile current curriculum d daily damaged dashboard data database date dates day days declares
    deep defined delimited department descriptor details dfe different digit digits disability disagree
    disallowed distinct do dob doc document does drawing drawings due duplicate duplicated duplicates e
    each eal eap early ebacc edexcel education eight either element elements eleven eligible email emails
    embedded empty encoding encrypted encryption end ends eng enrol enrolled enrolment enrolstatus
    entities entries entry error errors estab establishment estimate estimates ethnic ethnicity every
    evidence exactly exam examination examinations excel exclusion exclusions exist exp expected export
    exports expression extension extra eyf eyfs eyfsp f fa facilities family far fd few fewer fft field
    fields fifty file files final first fischer fit five fixed flag folder folders following follows for
    forecast foreign forename forenames form format formed former formula formulas forty found foundation
    four from front fsm fsp ftf full funding future g gce gcse gender general gif gnupg gnvq goals goes
    grade gradepoint grades group guardians gzip h half half-term has have header headers heading headings
    hidden hide history hm hold holds home how html i identifier identifiers if image images import in
    includes including incomplete inconsistent indicator individualised inside insurance integris into
    invalid is it item items its itself j jcq jpeg json k key keypas kind known ks ks1 ks2 ks3 ks4 ks5 l
    la label labels language languages last later layout lea learner learning least leaver less letter
    letters level levels lies like likely line lines link links list lists lit literacy local location
    locked long looked lpuk m macro macros mail majority malformed mandatory many mark marks mat match
    matches matching mathematics matrix may measures medical meg mep merged message middle mime minimum
    minority mis missed missing mixed mixture mode moderate modes month monthly more most mt mtc much must
    my n name named names namespace naming national nationality nca ncer ncy ncyearactual need needs
    neither nested net never newer nhs nine nm no node none nor not npd number numbers ny o objects
    observed ocb ocr ods of off offence office official often old older on once one online only opens
    options or order other others otherwise out outcome outcomes outside over p pag page pair pairs paper
    part partial particular password pattern pdf per percent period permanent pho phone phones phonics
    photograph phy picture pictures pivot place plain plus png point points portal possible post postcode
    predicted prediction preferred premium present presentation previous primary prior process profile
    program progress progressive proposed protected protection provider provision provisional pse
    published pupil pupilonroll pupils q qan qualification qualifications qualifier qualifiers quarter
    quarters query quotation quoted r range rar raw rea read reading reason reasons receiver recent
    recipients record records reference referral registration regular religion repeated required result
    results return returned rich roll root row rows run s same sat say says sc scaled scholarpack school
    schoolcensus schools sci score scores screening script second section sections sen sent separate
    serial series service services session sessions seven several sex share sheet sheets short shortcut
    show signature signed sims since single six size skip slide slides social software some something
    source sources spo spr spreadsheet spring spring2 stage stages standard stands start starts state
    statement status statutory stretch strong structure student students subject subjectcode subjects such
    suggests sum summer supplier support surname surnames suspended suspension syllabuses syntax system
    systems t tab table tables tag target targets teacher telephone tells template temporary ten term
    termly test text than that the their there these they third thirds this three tie tied time times
    title to together too total tracked transfer travel traveller truncated tutor twelve twice two txt
    type types u uci uln umbrella unauthorised uncommon under unique unit unknown unlike unlisted unpacks
    unreadable unusual up upn upns uprn urn us use used utw v valid value values vendor version video vrq
    w warning was way weak weekly well welsh were western what when wherever which whose width with within
    without wjec workbook workforce worksheet would wri writing wrong x xls xlsb xlsx xml y year years yes
    youth z zip
    """.split()  # noqa: SIM905 - seven hundred quoted words would be harder to read
)


# The same phrases stand in many receipts.
@lru_cache(1024)
def plain(text: str) -> str:
    """`text` with every word that is not ours, and every long number, shown as "..."."""
    shown = [_shown(token) for token in _TOKEN.findall(_MONTH.sub(HIDDEN, text))]
    merged = re.sub(r"(?:\.\.\.[ ,:;/_'&-]*){2,}", HIDDEN + " ", "".join(shown))
    return " ".join(merged.split())[:200]


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
        short = token.isascii() and sum(c.isdigit() for c in token) <= _SHOWN_DIGITS
        return token if short and not _YEAR.fullmatch(token) else HIDDEN
    if len(token) == 1 and not token.isalnum():
        return token if token in _KEPT_MARKS else " "
    return token if token.casefold() in WORDS else HIDDEN


def _shaped(value: str | None, pattern: str) -> str | None:
    return value if value is not None and re.fullmatch(pattern, value) else None
