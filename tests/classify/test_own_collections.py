"""Collections of the DfE without assessments are types of an authority's own, by one line of its policies."""

from __future__ import annotations

import shutil
from io import BytesIO
from pathlib import Path

import pytest

from gateway.classify import classify, load_rules
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified, ContentRefused
from tests.policies import POLICIES

CENSUS = """<?xml version="1.0" encoding="UTF-8"?>
<Message><Header><CollectionDetails><Collection>{collection}</Collection><Year>2027</Year>
<ReferenceDate>2027-01-21</ReferenceDate></CollectionDetails>
<Source><LEA>999</LEA><Estab>1100</Estab></Source></Header>
<Pupils>{pupils}</Pupils></Message>
"""
PUPIL = """<Pupil><PupilIdentifiers><UPN>X99900000{n:04}</UPN><Surname>Evans</Surname><Forename>Nia</Forename>
<DOB>2015-03-0{n}</DOB><Gender>F</Gender></PupilIdentifiers></Pupil>"""


def found(folder: Path, collection: str, pupils: int = 3) -> Classified | ContentRefused:
    text = CENSUS.format(collection=collection, pupils="".join(PUPIL.format(n=n + 1) for n in range(pupils)))
    return classify(BytesIO(text.encode()), "census.xml", ClassifyLimits(), load_rules(folder))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(POLICIES, tmp_path / "own"))
    path = folder / "data_types.toml"
    text = path.read_text().replace(
        "[message.returns]\n", '[message.returns]\nAP = "ap-census"\nEYC = "ey-census"\n'
    )
    kinds = "".join(
        f'\n[types.{name}]\ntitle = "{title}"\nmust = []\ncarries = []\n'
        for name, title in (("ap-census", "AP census"), ("ey-census", "Early years census"))
    )
    path.write_text(text + kinds)
    return folder


@pytest.mark.parametrize(("collection", "kind"), [("AP", "ap-census"), ("EYC", "ey-census")])
def test_a_collection_without_assessments_is_a_type_where_the_policies_say_so(
    own: Path, collection: str, kind: str
) -> None:
    content = found(own, collection)
    assert isinstance(content, Classified), content
    assert (content.data_type, content.level, content.pupils) == (kind, "certain", 3)
    assert "Pupil: Surname" in content.items


def test_elsewhere_it_is_outside_the_agreement_and_a_return_of_assessments_needs_some(own: Path) -> None:
    outside = found(POLICIES, "AP")
    assert isinstance(outside, ContentRefused)
    assert outside.code == "classify:outside-agreement"
    bare = found(own, "KS1")
    assert isinstance(bare, ContentRefused)
    assert bare.code == "classify:unknown"
