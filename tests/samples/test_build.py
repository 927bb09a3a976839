import csv
import io
import zipfile

import pytest
from lxml import etree

from gateway.samples import MARKER, build, make, variants, write_samples

ALL = variants()


def test_variants_are_listed_once():
    assert len(ALL) == len(set(ALL))


@pytest.mark.long
@pytest.mark.parametrize("errors", [False, True])
def test_the_same_seed_writes_the_same_bytes(tmp_path, errors):
    for name in ("a", "b"):
        write_samples(tmp_path / name, seed=7, pupils=6, errors=errors)
    first = {p.relative_to(tmp_path / "a"): p.read_bytes() for p in (tmp_path / "a").rglob("*.*")}
    second = {p.relative_to(tmp_path / "b"): p.read_bytes() for p in (tmp_path / "b").rglob("*.*")}
    assert first == second


@pytest.mark.long
def test_another_seed_writes_other_bytes(tmp_path):
    for seed in (7, 8):
        write_samples(tmp_path / str(seed), seed=seed, pupils=6, errors=False)
    names = [p.relative_to(tmp_path / "7") for p in (tmp_path / "7").rglob("*.*")]
    assert all((tmp_path / "7" / n).read_bytes() != (tmp_path / "8" / n).read_bytes() for n in names)


def test_every_variant_is_written_under_a_name_of_its_own(tmp_path):
    written = write_samples(tmp_path, seed=1, pupils=5, errors=False)
    assert [(s.data_type, s.variant) for s in written] == ALL
    assert len({s.path for s in written}) == len(ALL)
    assert all(s.path.stat().st_size > 0 for s in written)


@pytest.mark.parametrize(("data_type", "variant"), ALL)
def test_the_marker_is_in_every_file(data_type, variant):
    built = build(data_type, variant, pupils=5)
    assert MARKER in text_of(built)


def test_an_unknown_variant_is_an_error():
    with pytest.raises(KeyError):
        make("student-core", "no-such-variant")


def test_a_clean_file_has_no_faults_planted():
    assert build("student-core", "ctf-full", pupils=30).faults == {}


def test_a_file_with_errors_has_every_fault_of_its_layout_planted_once_or_more():
    faults = build("student-core", "ctf-full", pupils=40, errors=True).faults
    assert set(faults) == {
        "upn:check-letter",
        "upn:temporary",
        "upn:duplicate",
        "item:missing",
        "code:unknown",
        "date:future",
    }


def test_at_most_a_fifth_of_the_pupils_is_spoilt():
    for count in (5, 12, 40, 300):
        faults = build("student-core", "ctf-full", pupils=count, errors=True).faults
        assert 1 <= sum(faults.values()) <= count // 5


def test_a_duplicate_repeats_a_record_and_adds_no_pupil():
    built = build("student-core", "ctf-full", pupils=40, errors=True)
    upns = etree.fromstring(built.content).xpath("//Pupil/UPN/text()")
    assert len(upns) - len(set(upns)) == built.faults["upn:duplicate"]
    assert len(set(upns)) == built.pupils == 40


def test_archives_carry_no_time_of_making():
    for variant in ("csv-weekly-zip", "xlsx-weekly"):
        with zipfile.ZipFile(io.BytesIO(make("attendance", variant))) as archive:
            assert {info.date_time for info in archive.infolist()} == {(2026, 6, 15, 7, 30, 0)}


def test_a_quoted_newline_stays_within_its_cell():
    content = make("attendance", "csv-weekly-quoted", pupils=5).decode()
    rows = list(csv.reader(io.StringIO(content, newline="")))
    assert all("\n" in row[-1] for row in rows[-5:])


def text_of(built):
    """All the characters of a built file, out of whatever it is wrapped in."""
    content, sample = built.content, built
    if sample.path.suffix not in (".zip", ".xlsx"):
        return content.decode(sample.encoding)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return "".join(archive.read(name).decode(sample.encoding) for name in archive.namelist())
