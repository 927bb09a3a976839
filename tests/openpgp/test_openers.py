"""What the engines do when something else than the file is wrong, and what they never do."""

import json
import os
import shutil
import stat
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError, Fault, Refusal
from gateway.home.settings import OpenLimits, ProcessorSettings
from gateway.openpgp.certificates import describe
from gateway.openpgp.embedded import EmbeddedOpener
from gateway.openpgp.engines import find_opener
from gateway.openpgp.sop import SopOpener
from tests.openpgp import vectors
from tests.openpgp.make.surgery import Wrapping, packet

GOOD = vectors.read(vectors.FOLDER / "gpg-default.txt")


@pytest.fixture
def sealed(tmp_path):
    path = tmp_path / "sealed"
    path.write_bytes(GOOD.data)
    return path


def program(folder: Path, body: str) -> str:
    """A SOP program of our own making: `out` is the file for its verifications."""
    path = folder / "sop"
    start = f"""\
        #!{sys.executable}
        import json, os, signal, sys, time
        out = next((a.split("@FD:")[1] for a in sys.argv if a.startswith("--verifications-out")), None)
        def verified(text):
            os.write(int(out), text.encode())
        """
    path.write_text(textwrap.dedent(start) + textwrap.dedent(body), "utf-8")
    path.chmod(0o755)
    return str(path)


def opened(folder: Path, sealed: Path, body: str, limits: OpenLimits = GOOD.limits):
    engine = SopOpener(program(folder, body), GOOD.key_files())
    return engine.open(sealed, GOOD.certificates(), limits, GOOD.at)


def alice() -> str:
    return describe(GOOD.certificates()[0], GOOD.at).fingerprint


def line(certificate: str, at: str = "2026-03-02T11:00:00Z") -> str:
    return f"{at} {certificate} {certificate} mode:binary\n"


def test_what_a_program_vouches_for_is_handed_out(tmp_path, sealed):
    body = f"print('content', end='', flush=True); verified({line(alice())!r})"
    result = opened(tmp_path, sealed, body)
    with os.fdopen(result.content, "rb") as content:
        assert content.read() == b"content"
    assert result.signature.certificate == alice()
    assert result.engine == "sop:sop"


@pytest.mark.parametrize(
    ("why", "body"),
    [
        ("nothing verified", "print('content')"),
        ("content, then failure", "print('content', flush=True); sys.exit(41)"),
        ("verified, then failure", "print('content'); verified(LINE); sys.stdout.flush(); os._exit(1)"),
        ("a stranger's certificate", f"print('content'); verified({line('ab' * 20)!r})"),
        ("verified twice", "print('content'); verified(LINE + LINE)"),
        ("too old", f"print('content'); verified({line('CERT', '2020-03-02T11:00:00Z')!r})"),
        ("no content", "verified(LINE)"),
    ],
)
def test_anything_less_is_refused(tmp_path, sealed, why, body):
    body = body.replace("LINE", repr(line(alice()))).replace("CERT", alice())
    with pytest.raises(Refusal):
        opened(tmp_path, sealed, body)


@pytest.mark.parametrize(
    ("why", "body"),
    [
        ("killed", "print('content', flush=True); os.kill(os.getpid(), signal.SIGKILL)"),
        ("crashed", "os.abort()"),
        ("did not know an option", "sys.exit(37)"),
        ("an input was missing", "sys.exit(61)"),
        ("verifications that are none", "print('content'); verified('well done')"),
        ("verified at no time", f"print('content'); verified({line('ab' * 20, 'today')!r})"),
    ],
)
def test_what_the_program_does_wrong_is_our_fault_and_not_the_file_s(tmp_path, sealed, why, body):
    with pytest.raises(Fault):
        opened(tmp_path, sealed, body)


def test_a_program_that_writes_without_end_is_stopped(tmp_path, sealed):
    body = f"""
    open({str(tmp_path / "pid")!r}, "w").write(str(os.getpid()))
    while True:
        os.write(1, bytes(65536))
    """
    with pytest.raises(Refusal, match="open:too-large"):
        opened(tmp_path, sealed, body, replace_limits(content_bytes=1_000_000))
    assert_gone(tmp_path)


@pytest.mark.parametrize("first", ["echo content", "exec >&-"], ids=["says something", "closes its output"])
def test_a_program_that_hangs_is_stopped(tmp_path, sealed, first):
    path = tmp_path / "sop"
    path.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\n{first}\nexec sleep 3600\n")
    path.chmod(0o755)
    engine = SopOpener(str(path), GOOD.key_files())
    with pytest.raises(Fault, match="too long"):
        engine.open(sealed, GOOD.certificates(), replace_limits(seconds=1), GOOD.at)
    assert_gone(tmp_path)


def replace_limits(**changes) -> OpenLimits:
    return GOOD.limits.model_copy(update=changes)


def assert_gone(folder: Path) -> None:
    with pytest.raises(ProcessLookupError):
        os.kill(int((folder / "pid").read_text()), 0)


def test_a_program_is_told_no_secret_and_gets_no_environment(tmp_path, sealed, monkeypatch):
    monkeypatch.setenv("SECRET_OF_OURS", "hush")
    told = tmp_path / "told"
    body = f"""
    os.environ.pop("LC_CTYPE", None)
    files = sorted(os.listdir("/proc/self/fd"), key=int)
    names = [os.readlink(f"/proc/self/fd/{{n}}") for n in files if os.path.exists(f"/proc/self/fd/{{n}}")]
    json.dump([sys.argv[1:], dict(os.environ), names], open({str(told)!r}, "w"))
    """
    with pytest.raises(Refusal):
        opened(tmp_path, sealed, body)
    arguments, environment, descriptors = json.loads(told.read_text())
    assert arguments[0] == "decrypt"
    assert all(a.startswith(("--", "@FD:")) for a in arguments[1:])
    assert "PGP" not in " ".join(arguments)
    assert set(environment) == {"PATH", "LC_ALL"}
    assert not [name for name in descriptors if name.startswith("/") and "memfd" not in name
                and name not in {str(sealed), "/dev/null"} and "/proc/" not in name]  # fmt: skip


def test_a_program_that_is_not_there_is_our_fault(sealed):
    engine = SopOpener("/nowhere/sop", GOOD.key_files())
    with pytest.raises(Fault, match="cannot be started"):
        engine.open(sealed, GOOD.certificates(), GOOD.limits, GOOD.at)


@pytest.mark.needs("sqop")
@pytest.mark.parametrize("now", [None, b"junk", (vectors.KEYS / "gateway-old.key").read_bytes()])
def test_a_secret_key_is_read_once(tmp_path, sealed, now):
    """What becomes of its file afterwards does not matter to an engine at work."""
    key = tmp_path / "key"
    key.write_bytes(GOOD.key_files()[0].read_bytes())
    engine = SopOpener(str(shutil.which("sqop")), [key])
    key.unlink()
    if now is not None:
        key.write_bytes(now)
    os.close(engine.open(sealed, GOOD.certificates(), GOOD.limits, GOOD.at).content)


def test_a_weak_certificate_does_not_count_even_when_a_program_vouches_for_it(tmp_path):
    weak = vectors.read(vectors.FOLDER / "key-bound-by-sha1.txt")
    sealed = tmp_path / "sealed"
    sealed.write_bytes(weak.data)
    fingerprint = describe(weak.certificates()[0], weak.at).fingerprint
    body = f"print('content'); verified({line(fingerprint)!r})"
    engine = SopOpener(program(tmp_path, body), weak.key_files())
    with pytest.raises(Refusal, match="open:unsupported"):
        engine.open(sealed, weak.certificates(), weak.limits, weak.at)


@pytest.mark.parametrize("kind", [EmbeddedOpener, lambda keys: SopOpener("sqop", keys)])
def test_keys_that_cannot_be_used_are_named_at_once(kind, tmp_path):
    missing, junk = tmp_path / "missing.key", tmp_path / "junk.key"
    junk.write_text("junk")
    certificate = vectors.KEYS / "gateway.asc"
    cannot_decrypt = vectors.KEYS / "bob.key"
    for path in (missing, junk, certificate, cannot_decrypt):
        with pytest.raises(ConfigurationError, match=path.name):
            kind([path])
    with pytest.raises(ConfigurationError):
        kind([])


@pytest.mark.parametrize("kind", [EmbeddedOpener, lambda keys: SopOpener("sqop", keys)])
def test_a_file_or_certificate_of_ours_that_is_gone_is_our_fault(kind, sealed, tmp_path):
    engine = kind(GOOD.key_files())
    with pytest.raises(Fault):
        engine.open(tmp_path / "nowhere", GOOD.certificates(), GOOD.limits, GOOD.at)
    with pytest.raises(Fault):
        engine.open(sealed, [b"not a certificate"], GOOD.limits, GOOD.at)


def test_the_engine_follows_the_settings(monkeypatch):
    keys = GOOD.key_files()
    assert find_opener(ProcessorSettings(engine="embedded"), keys).name == "embedded"
    nothing = ProcessorSettings(engine="auto", sop_program="no-such-program")
    assert find_opener(nothing, keys).name == "embedded"
    with pytest.raises(ConfigurationError, match=r"gateway\.toml.*no-such-program"):
        find_opener(ProcessorSettings(engine="sop", sop_program="no-such-program"), keys)


@pytest.mark.needs("sqop")
def test_the_program_is_used_where_it_is_found():
    assert find_opener(ProcessorSettings(), GOOD.key_files()).name == "sop:sqop"


@pytest.mark.parametrize("engine", [pytest.param("sqop", marks=pytest.mark.needs("sqop")), "embedded"])
def test_content_is_anonymous_memory_that_children_do_not_inherit(engine, sealed, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("TMPDIR", str(empty))
    keys = GOOD.key_files()
    opener = EmbeddedOpener(keys) if engine == "embedded" else SopOpener(str(shutil.which(engine)), keys)
    result = opener.open(sealed, GOOD.certificates(), GOOD.limits, GOOD.at)
    try:
        assert str(Path(f"/proc/self/fd/{result.content}").readlink()).startswith("/memfd:")
        assert not os.get_inheritable(result.content)
        assert stat.S_ISREG(os.fstat(result.content).st_mode)
        assert not list(empty.iterdir())
    finally:
        os.close(result.content)


@pytest.mark.parametrize("name", ["sqop", "embedded"])
def test_no_secret_in_the_text_of_an_engine(name):
    opener = EmbeddedOpener(GOOD.key_files()) if name == "embedded" else SopOpener("sqop", GOOD.key_files())
    assert "PRIVATE" not in repr(opener) + repr(vars(opener).get("_keys", ""))


BOMB = """
import os, resource, sys, zlib
from datetime import UTC, datetime
from pathlib import Path
from gateway.errors import Refusal
from gateway.openpgp.embedded import EmbeddedOpener
from gateway.home.settings import OpenLimits
engine = EmbeddedOpener([Path(sys.argv[1])])
limits = OpenLimits(embedded_content_bytes=50_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    engine.open(Path(sys.argv[2]), [Path(sys.argv[3]).read_bytes()], limits, datetime(2026, 3, 2, tzinfo=UTC))
except Refusal as refusal:
    print(refusal.code, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.long
def test_a_bomb_ends_at_the_cap_in_little_memory(tmp_path):
    """1 GiB of nothing in 1 MB; the cap is 50 MB, and the peak in MiB must be near it."""
    squeezed = tmp_path / "bomb"
    squeezed.write_bytes(Wrapping((vectors.KEYS / "gateway.asc").read_bytes()).sealed(_bomb()))
    assert squeezed.stat().st_size < 3_000_000
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BOMB, str(GOOD.key_files()[0]), str(squeezed),
         str(vectors.KEYS / "alice.asc")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    code, peak = done.stdout.split()
    assert code == "open:too-large"
    assert int(peak) < 200


def _bomb() -> bytes:
    """A literal of 1 GiB of zeros, deflated as a stream."""
    deflator = zlib.compressobj(9, zlib.DEFLATED, -15)
    size = 1024**3
    pieces = [deflator.compress(bytes([0xC0 | 11, 255]) + (size + 6).to_bytes(4, "big") + b"b\0" + bytes(4))]
    block = bytes(16 * 1024**2)
    pieces += [deflator.compress(block) for _ in range(size // len(block))]
    pieces.append(deflator.flush())
    return packet(8, b"\1" + b"".join(pieces))
