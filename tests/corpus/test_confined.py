"""In the child that may open no file and start no program, every file is what it is outside."""

import io
import os
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

from gateway.classify import classify
from gateway.examiner.parent import Examiner
from gateway.home import Home
from gateway.home.settings import Settings
from gateway.homes.create import create_home as create
from tests.classify import made
from tests.corpus.corpus import LIMITS, POLICIES, files, shipped

TODAY = date(2026, 11, 24)


def test_a_confined_child_says_the_same_of_every_format(tmp_path: Path) -> None:
    rules, _ = shipped()
    home = Home(tmp_path / "home")
    create(home, Settings(log_origin="test.invalid/log"), datetime.now(UTC))
    latin = '<?xml version="1.0" encoding="ISO-8859-15"?>' + made.ctf([made.pupil(made.Child(1))])[38:]
    others = {"latin.xml": lambda: latin.encode("iso8859-15", "replace")}
    differing = {}
    with closing(Examiner(home, POLICIES)) as examiner:
        for name, make in {**files("formats"), **others}.items():
            content = make()
            descriptor = os.memfd_create("content")
            os.write(descriptor, content)
            said = examiner.classify("261124-oak-00000", name, descriptor, TODAY).content
            os.close(descriptor)
            outside = classify(io.BytesIO(content), name, LIMITS, rules, today=TODAY)
            if said != outside:
                differing[name] = (said, outside)
    assert differing == {}
