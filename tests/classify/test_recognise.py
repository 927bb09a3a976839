"""classify(): the answer for the plainest file of each kind."""

from gateway.model import Classified, ContentRefused
from tests.classify.conftest import Classify

CTF = (
    b"<CTfile><Header><DocumentQualifier>full</DocumentQualifier></Header><CTFpupilData>"
    b"<Pupil><UPN>P999200005001</UPN><Surname>A</Surname></Pupil></CTFpupilData></CTfile>"
)


def test_a_full_ctf_is_core_data(classify: Classify) -> None:
    found = classify(CTF)
    assert isinstance(found, Classified)
    assert (found.data_type, found.format, found.pupils) == ("student-core", "CTF XML", 1)


def test_nothing_is_unknown(classify: Classify) -> None:
    found = classify(b"")
    assert found == ContentRefused(code="classify:unknown", evidence=("the file is empty",))
