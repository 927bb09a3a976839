"""Hostile XML, and files of two kinds at once."""

from collections.abc import Iterator
from random import Random

from gateway.samples.build import make
from gateway.samples.negatives.binaries import JPEG, pdf
from gateway.samples.negatives.negative import Negative
from gateway.samples.presentation import zipped

_OPEN, _CLOSE = b"<CTfile><CTFpupilData><Pupil>", b"</Pupil></CTFpupilData></CTfile>"


def files(rng: Random) -> Iterator[Negative]:
    """Yield bombs and external entities first, then polyglots."""
    for what, content in _bombs():
        yield Negative(what, "trap", f"{what}.xml", content)
    ctf = make("student-core", "ctf-full", rng=rng)
    table = make("student-core", "csv-core", rng=rng)
    for what, content in _polyglots(ctf, table):
        yield Negative(what, "trap", f"{what}.xml", content)


def _bombs() -> Iterator[tuple[str, bytes]]:
    yield "entities of entities", _nested_entities()
    yield "one large entity many times", _quadratic()
    yield "external entity", _with_doctype(b'[<!ENTITY x SYSTEM "file:///etc/passwd">]', b"<UPN>&x;</UPN>")
    yield (
        "external entity over the network",
        _with_doctype(b'[<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]', b"<UPN>&x;</UPN>"),
    )
    yield "parameter entity", _with_doctype(b'[<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]', b"<UPN/>")
    yield "external document type", _with_doctype(b'SYSTEM "file:///etc/passwd"', b"<UPN>A</UPN>")
    yield "document type without entities", _with_doctype(b"", b"<UPN>A</UPN>")
    yield "a hundred thousand levels", b"<a>" * 100_000 + b"</a>" * 100_000
    yield "CTF of a hundred thousand levels", _OPEN + b"<a>" * 100_000 + b"</a>" * 100_000 + _CLOSE
    yield "ten thousand attributes", _OPEN + b"<UPN " + _attributes(10_000) + b"/>" + _CLOSE
    yield "ten thousand namespaces", _OPEN + b"<UPN " + _namespaces(10_000) + b"/>" + _CLOSE
    yield "attribute of five million characters", _OPEN + b'<UPN a="' + b"x" * 5_000_000 + b'"/>' + _CLOSE
    yield "text of twenty million characters", _OPEN + b"<UPN>" + b"x" * 20_000_000 + b"</UPN>" + _CLOSE
    yield "comment of twenty million characters", _OPEN + b"<!--" + b"x" * 20_000_000 + b"-->" + _CLOSE
    yield "name of a million characters", _OPEN + b"<" + b"x" * 1_000_000 + b"/>" + _CLOSE
    yield "a million empty elements", b"<x>" + b"<y/>" * 1_000_000 + b"</x>"


def _with_doctype(subset: bytes, body: bytes) -> bytes:
    return b"<?xml version='1.0'?><!DOCTYPE CTfile " + subset + b">" + _OPEN + body + _CLOSE


def _nested_entities() -> bytes:
    levels = b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 12))
    return _with_doctype(b'[<!ENTITY e0 "ha">' + levels + b"]", b"<UPN>&e11;</UPN>")


def _quadratic() -> bytes:
    entity = b'[<!ENTITY x "' + b"x" * 100_000 + b'">]'
    return _with_doctype(entity, b"<UPN>" + b"&x;" * 50_000 + b"</UPN>")


def _attributes(count: int) -> bytes:
    return b" ".join(b'a%d="1"' % n for n in range(count))


def _namespaces(count: int) -> bytes:
    return b" ".join(b'xmlns:n%d="urn:%d"' % (n, n) for n in range(count))


def _polyglots(ctf: bytes, table: bytes) -> Iterator[tuple[str, bytes]]:
    archive = zipped({"ctf.xml": ctf})
    page = b"<!DOCTYPE html><html><body><pre>"
    root = ctf[ctf.index(b"<CTfile>") :]
    yield "PDF and ZIP of a CTF", pdf() + archive
    yield "JPEG and ZIP of a CTF", JPEG + archive
    yield "JPEG followed by a CTF", JPEG + ctf
    yield "PDF that shows a CTF", pdf(root[:2000].decode("latin-1"))
    yield "CTF followed by its ZIP", ctf + archive
    yield "GIF that goes on as a table", b"GIF89a=1;\r\n" + bytes(30) + table
    yield "web page that holds a CTF", page + root + b"</pre></body></html>"
    yield "web page that holds a table", page + table + b"</pre></body></html>"
    yield "picture that holds a CTF", b'<svg xmlns="http://www.w3.org/2000/svg">' + root + b"</svg>"
    yield "CTF in a comment", b"<notes><!--" + root.replace(b"--", b"==") + b"--></notes>"
    yield "CTF in a message", b"<Message><Header/>" + root + b"</Message>"
    yield "CTF in a cell", b'Title,Body\r\n1,"' + root.replace(b'"', b'""') + b'"\r\n'
