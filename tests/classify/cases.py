"""One plain file of every kind, with the type that it is."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.classify import made
from tests.classify.made import Rows, as_csv, ctf, pupil


@dataclass(frozen=True)
class XmlCase:
    """`write` makes the document from its pupils; `pupil` makes one of them."""

    name: str
    data_type: str
    record: Callable[[made.Child], str]
    around: Callable[[list[str]], str]
    count: int = 12

    def text(self) -> str:
        return self.around([self.record(child) for child in made.children(self.count)])


@dataclass(frozen=True)
class TableCase:
    name: str
    data_type: str
    rows: Callable[[], Rows]
    pupils: int = 12

    def text(self) -> str:
        return as_csv(self.rows())


def _ctf(name: str, data_type: str, inside: str, descriptor: str = "", qualifier: str = "partial") -> XmlCase:
    return XmlCase(
        name,
        data_type,
        lambda child: pupil(child, inside),
        lambda pupils: ctf(pupils, descriptor=descriptor, qualifier=qualifier),
    )


XML = (
    _ctf("full", "student-core", made.CORE_INSIDE, qualifier="full"),
    _ctf("core", "student-core", made.CORE_INSIDE),
    _ctf("leaver", "student-core", made.CORE_INSIDE + made.EYFS + made.KS1 + made.HISTORY, qualifier="full"),
    _ctf("leaver-undeclared", "student-core", made.EYFS + made.KS1 + made.HISTORY),
    _ctf("full-ks1", "student-core", made.KS1, qualifier="full"),
    _ctf("one-stage-and-history", "student-core", made.KS1 + made.HISTORY),
    _ctf("eyfs", "eyfs-profile", made.EYFS, "Partial CTF containing Early Years Foundation Stage data"),
    _ctf("eyfs-undescribed", "eyfs-profile", made.EYFS),
    _ctf("phonics", "phonics", made.PHONICS, "Partial CTF containing phonics check data"),
    _ctf("phonics-undescribed", "phonics", made.PHONICS),
    _ctf("phonics-pho", "phonics", made.PHONICS.replace("CHK", "PHO").replace("TT", "TA")),
    _ctf("ks1", "ks1", made.KS1, "Partial CTF containing Key Stage 1 data"),
    _ctf("ks1-phonics-retaken", "ks1", made.KS1_WITH_PHONICS, "Partial CTF containing Key Stage 1 data"),
    _ctf("ks1-phonics-retaken-undescribed", "ks1", made.KS1_WITH_PHONICS),
    _ctf(
        "ks1-with-basic-details",
        "ks1",
        made.CORE_INSIDE + made.KS1,
        "Partial CTF containing Key Stage 1 data",
    ),
    _ctf("ks2", "ks2", made.KS2, "Partial CTF containing Key Stage 2 data"),
    _ctf("ks2-undescribed", "ks2", made.KS2),
    XmlCase(
        "atf",
        "student-core",
        lambda child: pupil(child, made.CORE_INSIDE),
        lambda pupils: ctf(pupils, kind="ATF"),
    ),
    XmlCase("census", "school-census", made.census_pupil, made.census_around),
    XmlCase("attendance-xml", "attendance", made.attendance_pupil, made.attendance_around),
    XmlCase("exclusions-xml", "exclusions", made.exclusion_pupil, made.exclusions_around),
    XmlCase("exclusions-reasons-xml", "exclusions", made.exclusion_reasons_pupil, made.exclusions_around),
)

TABLES = (
    TableCase("core-csv", "student-core", made.core_rows),
    TableCase("marks-csv", "attendance", made.mark_rows),
    TableCase("weeks-csv", "attendance", made.week_rows),
    TableCase("days-csv", "attendance", made.day_columns_rows),
    TableCase("totals-csv", "attendance", made.totals_rows),
    TableCase("exclusions-csv", "exclusions", made.exclusion_rows, pupils=4),
    TableCase("census-csv", "school-census", made.giap_census_rows),
    TableCase("blade-csv", "school-census", made.blade_rows),
    TableCase("session-blade-csv", "school-census", made.session_blade_rows),
    TableCase("eyfs-csv", "eyfs-profile", made.eyfs_rows),
    TableCase("phonics-csv", "phonics", made.phonics_rows),
    TableCase("ks1-csv", "ks1", made.ks1_rows),
    TableCase("ks2-csv", "ks2", made.ks2_rows),
    TableCase("ks4-csv", "ks4", made.ks4_rows),
    TableCase("gcse-csv", "gcse-results", lambda: made.result_rows(["9", "4", "U"])),
    TableCase("a-level-csv", "a-level-results", lambda: made.result_rows(["A*", "B", "U"])),
    TableCase("gcse-series-csv", "gcse-results", lambda: made.series_rows("6G")),
    TableCase("a-level-series-csv", "a-level-results", lambda: made.series_rows("6A")),
    TableCase("fft-csv", "fft-aspire", made.fft_rows),
    TableCase("alps-csv", "alps-lpuk", made.alps_rows),
)

GCSE_JCQ = made.jcq(["8300  H9 ", "8700   4 "])
A_LEVEL_JCQ = made.jcq(["7357   A*", "7402   B "])
MIXED_JCQ = made.jcq(["8300  H9 ", "8700   7 ", "7357   A*"])

TEXTS: dict[str, tuple[str, str]] = {
    **{case.name: (case.text(), case.data_type) for case in (*XML, *TABLES)},
    "gcse-jcq": (GCSE_JCQ, "gcse-results"),
    "a-level-jcq": (A_LEVEL_JCQ, "a-level-results"),
    "mixed-jcq": (MIXED_JCQ, "gcse-results"),
}
