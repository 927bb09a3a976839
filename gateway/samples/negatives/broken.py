"""Damaged or imitated files of the agreement: a good beginning, unreadable to the end."""

from collections.abc import Iterator
from random import Random

from gateway.samples.build import make
from gateway.samples.negatives.negative import Negative


def files(rng: Random) -> Iterator[Negative]:
    """Yield a CTF and a census return, each spoilt in one way."""
    ctf = make("student-core", "ctf-full", rng=rng)
    census = make("school-census", "xml-summer", rng=rng)
    for what, content in _spoilt(ctf, census):
        yield Negative(what, "broken", f"{what}.xml", content)


def _spoilt(ctf: bytes, census: bytes) -> Iterator[tuple[str, bytes]]:
    declaration = b"<?xml version='1.0' encoding='utf-8'?>\n"
    half = len(ctf) // 2
    yield "CTF cut off", ctf[:half]
    yield "CTF cut off in its last tag", ctf.rstrip()[:-3]
    yield "census cut off", census[: len(census) // 2]
    yield "CTF with two declarations", declaration + ctf
    yield "CTF after junk", b"junk " + ctf
    yield "CTF followed by another", ctf + ctf
    yield "CTF with a tag that does not match", ctf.replace(b"</Forename>", b"</Surname>", 1)
    yield "CTF with bytes that are not UTF-8", ctf[:half] + b"\xff\xfe\xc0" + ctf[half:]
    yield "CTF with a zero byte", ctf[:half] + b"\0" + ctf[half:]
    yield "CTF with an ampersand", ctf.replace(b"GWSAMPLE", b"R&D", 1)
    yield "CTF in an encoding of its own", ctf.replace(b"utf-8", b"x-mock", 1)
    yield "CTF that calls itself UTF-16", ctf.replace(b"utf-8", b"utf-16", 1)
    yield "CTF without content", b"<CTfile/>"
    yield "message without content", b"<Message/>"
    yield "message of an unknown collection", census.replace(b">SC<", b">ZZ<", 1)
