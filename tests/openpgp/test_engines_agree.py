"""A family of generated files through both engines: they say the same, and open nothing that must not."""

import collections
import os
import shutil

import pytest

from gateway.errors import Refusal
from gateway.home.settings import OpenLimits
from gateway.openpgp.embedded import EmbeddedOpener
from gateway.openpgp.sop import SopOpener
from gateway.reasons import REASONS
from tests.openpgp import fuzz
from tests.openpgp.make import family
from tests.openpgp.vectors import KEYS

pytestmark = pytest.mark.long

MESSAGES = 500
LIMITS = OpenLimits(signature_age_days=10_000)


def verdict(engine, message: family.Message, path) -> str:
    """`open` and the content's digest, or the code of the refusal; whatever else is raised goes on."""
    path.write_bytes(message.data)
    try:
        opened = engine.open(path, [message.sender], LIMITS, message.now)
    except Refusal as refusal:
        if (opened := getattr(refusal, "opened", None)) is not None:
            os.close(opened.content)
        return refusal.code
    os.close(opened.content)
    return f"open {opened.sha256} {opened.signature.signing_key} {opened.late}"


@pytest.mark.needs("sqop")
def test_engines_agree_on_whatever_is_generated(tmp_path):
    program = shutil.which("sqop")
    keys = {name: [KEYS / f"{name}.key"] for name in ("gateway", "gateway-sequoia")}
    engines = {name: (SopOpener(program, path), EmbeddedOpener(path)) for name, path in keys.items()}
    wrong, seen = [], collections.Counter()
    for number in range(MESSAGES):
        message = family.message(number)
        said = [verdict(engine, message, tmp_path / "sealed") for engine in engines[message.gateway]]
        opens = said[0].startswith("open ")
        seen[said[0].split()[0]] += 1
        if said[0] != said[1] or (opens and message.must_not) or (message.must_open and not opens):
            wrong.append((number, said, message.traits, message.must_open, message.must_not))
        assert opens or said[0] in REASONS
    assert wrong == []
    assert seen["open"] > MESSAGES / 10
    assert len(seen) > 12


@pytest.mark.parametrize("engine", ["embedded", pytest.param("sop", marks=pytest.mark.needs("sqop"))])
def test_nothing_altered_opens(engine):
    seen = fuzz.run(engine, 0, 1_500 if engine == "embedded" else 100)
    assert seen["open:damaged"] > sum(seen.values()) / 2
