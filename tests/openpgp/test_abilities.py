"""What an engine can do is asked: post-quantum keys are enrolled where each engine in use verifies them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pysequoia import CipherSuite, Profile, Tsk

from gateway.enrolment.key_file import judge
from gateway.home.settings import ProcessorSettings
from gateway.openpgp import engines
from gateway.openpgp.certificates import CertificateRefused, admit
from gateway.openpgp.engines import VerifiedKinds
from tests.workshop import Desk

EMBEDDED = ProcessorSettings(engine="embedded")


def certificate(kind: str) -> bytes:
    suite = getattr(CipherSuite, kind)
    made = Tsk.generate("oak <oak@x.invalid>", profile=Profile.RFC9580, cipher_suite=suite)
    return bytes(made.extract_certificate())


@pytest.mark.parametrize("kind", engines.SIGNING)
def test_a_key_that_an_engine_cannot_verify_is_not_enrolled(kind: str) -> None:
    data, now = certificate(kind), datetime.now(UTC)
    with pytest.raises(CertificateRefused) as caught:
        admit(data, now)
    assert (caught.value.code, caught.value.detail) == ("key:not-verified-here", {"algorithm": kind})
    assert kind in engines.verified(EMBEDDED)
    assert judge(data, now, 2048, VerifiedKinds(EMBEDDED)).algorithm == kind


@pytest.mark.needs("sqop")
def test_the_weakest_engine_decides() -> None:
    sop = ProcessorSettings(engine="sop", sop_program="sqop")
    both = ProcessorSettings(engine="auto", sop_program="sqop")
    assert engines.verified(both) == engines.verified(sop) & engines.verified(EMBEDDED)


@pytest.mark.needs("sqop")
def test_a_program_is_asked_and_what_opens_no_message_does_nothing() -> None:
    assert engines._verifies(("/bin/false", 0, 0, 0), "MLDSA65_Ed25519") is False
    ordinary = Tsk.generate("ordinary", profile=Profile.RFC4880)
    assert engines._opens(engines.program_file(ProcessorSettings(sop_program="sqop")), ordinary, ordinary)


@pytest.mark.needs("sqop")
def test_the_command_refuses_such_a_key_with_a_sentence_of_its_own(desk: Desk) -> None:
    desk.provider("oak")
    if "MLDSA65_Ed25519" in engines.verified(ProcessorSettings()):
        pytest.skip("both engines verify post-quantum signatures here")
    file = desk.root / "pq.asc"
    file.write_bytes(certificate("MLDSA65_Ed25519"))
    said = desk.gateway("keys", "add", "oak", str(file), code=1)
    assert "post-quantum key (MLDSA65_Ed25519)" in said
