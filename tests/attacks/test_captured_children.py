"""Code that runs inside an isolated child, as after a flaw in a parser: what it can no longer do."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.examiner.child import Child, ExaminerLost
from gateway.home import Home
from tests.attacks.captured import (
    a_content,
    captured_classifier,
    captured_judge,
    captured_opener,
    captured_program,
    captured_viewer,
    everything_worth_having,
    run_in,
)
from tests.waiting import eventually
from tests.workshop import Desk

PROGRAM = "/usr/bin/python3"  # Whose libraries lie where those of a SOP program do.
PASSPHRASE = "correct horse battery staple"

# Makes a program out of memory, and runs it as it can: whoever got so far ends otherwise than with 99.
_RUN_FROM_MEMORY = """
for place in ('/usr/bin/python3', '/usr/bin/sqop'):
    try:
        text = open(place, 'rb').read()
    except OSError:
        continue
made = os.memfd_create('x', {flags})
{then}
while text:
    text = text[os.write(made, text):]
ready = os.open(f'/proc/self/fd/{{made}}', os.O_RDONLY)
os.close(made)
started = os.fork()
if not started:
    try:
        os.execve({how}, ['x', '-c', 'raise SystemExit(7)'], {{}})
    finally:
        os._exit(99)
if os.waitstatus_to_exitcode(os.waitpid(started, 0)[1]) != 99:
    found['got'] = 1
"""
# Each sets found["got"] where it succeeds. `home`, `port` and `parent` are the home, a port on which somebody
# listens, and the process of the service.
EVERYWHERE = {
    "writing a file": "open(home + '/published/x', 'w').write('x'); found['got'] = 1",
    "writing to the registry": "open(home + '/registry.db', 'r+b').write(b'x'); found['got'] = 1",
    "writing to /tmp": "open('/tmp/captured-child', 'w').write('x'); found['got'] = 1",
    "removing a file": "os.unlink(home + '/gateway.toml'); found['got'] = 1",
    "renaming a folder": "os.rename(home + '/spool', home + '/mine'); found['got'] = 1",
    "changing who may read": "os.chmod(home + '/keys', 0o777); found['got'] = 1",
    "linking to a secret": "os.symlink(home + '/keys/log.pem', home + '/published/x'); found['got'] = 1",
    "listing the home": "found['got'] = os.listdir(home)",
    "listing processes": "found['got'] = os.listdir('/proc')",
    "a connection": "socket.create_connection(('127.0.0.1', port), 2); found['got'] = 1",
    "a datagram": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', port)); "
    "found['got'] = 1",
    "a listener": "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); found['got'] = 1",
    "a Unix socket": (
        "socket.socket(socket.AF_UNIX).connect('\\0gateway-attacks-' + str(parent)); found['got'] = 1"
    ),
    "a shell": "subprocess.run(['/bin/sh', '-c', 'true'], check=True); found['got'] = 1",
    "becoming a shell": "os.execv('/bin/sh', ['sh', '-c', 'exit 0'])",
    "a program in memory, by its descriptor": _RUN_FROM_MEMORY.format(flags=0, then="", how="ready"),
    "a program in memory, by its path": _RUN_FROM_MEMORY.format(
        flags=0, then="", how="f'/proc/self/fd/{ready}'"
    ),
    "a program in memory that was not to be run": _RUN_FROM_MEMORY.format(
        flags=8, then="os.fchmod(made, 0o777)", how="f'/proc/self/fd/{ready}'"
    ),
    "one that cannot be run, by its descriptor": _RUN_FROM_MEMORY.format(flags=8, then="", how="ready"),
    "one that cannot be run, by its path": _RUN_FROM_MEMORY.format(
        flags=8, then="", how="f'/proc/self/fd/{ready}'"
    ),
    "a content that can be run": "found['got'] = os.fstat(content).st_mode & 0o111 or 1 / 0",
    "the memory of the service": "os.open(f'/proc/{parent}/mem', os.O_RDWR); found['got'] = 1",
    "the environment of the service": "found['got'] = open(f'/proc/{parent}/environ').read()",
    "the descriptors of the service": "found['got'] = os.listdir(f'/proc/{parent}/fd')",
    "tracing the service": "assert ctypes.CDLL(None).ptrace(16, parent, 0, 0) == 0; found['got'] = 1",
    "reading the service's memory": "assert ctypes.CDLL(None).process_vm_readv(parent, 0, 0, 0, 0, 0) == 0; "
    "found['got'] = 1",
    "a signal to the service": "os.kill(parent, 0); found['got'] = 1",
    "a process of its own group": "os.setpgid(0, 0); found['got'] = 1",
    "a session of its own": "os.setsid(); found['got'] = 1",
    "more memory than its share": "found['got'] = len(bytearray(4 * 1024**3))",
    "a higher limit": "resource.setrlimit(resource.RLIMIT_AS, (-1, -1)); found['got'] = 1",
    "a world of its own": "assert ctypes.CDLL(None).unshare(0x10000000) == 0; found['got'] = 1",
    "a mount": "assert ctypes.CDLL(None).mount(b'/', b'/mnt', None, 4096, None) == 0; found['got'] = 1",
    "changing the content": "os.pwrite(content, b'X', 0); found['got'] = 1",
    "cutting the content off": "os.ftruncate(content, 1); found['got'] = 1",
    "the passphrase in the environment": (
        "found['got'] = [name for name in os.environ if 'PASSPHRASE' in name] or 1 / 0"
    ),
    "the passphrase in what is open": (
        "read = [os.pread(n, 4096, 0) for n in range(3, 64) if n != content and is_file(n)]\n"
        "found['got'] = [1 for text in read if passphrase.encode() in text] or 1 / 0"
    ),
}
OF_WHO_HOLDS_NOTHING = {
    "another process": "os.fork() or os._exit(0); found['got'] = 1",
    "a thread": "threading.Thread(target=int).start(); found['got'] = 1",
    "memory that is written and run": "mmap.mmap(-1, 4096, prot=7); found['got'] = 1",
    "anonymous memory": "os.memfd_create('x'); found['got'] = 1",
    "outliving its service": "assert ctypes.CDLL(None).prctl(1, 0, 0, 0, 0) == 0; found['got'] = 1",
    "the status of files": "found['got'] = os.stat(home + '/keys/log.pem').st_size",
    "what lies behind other descriptors": (
        "found['got'] = [n for n in range(3, 64) if n != content and is_file(n)] or 1 / 0"
    ),
}
_PRELUDE = """
import stat
def is_file(number):
    try:
        return stat.S_ISREG(os.fstat(number).st_mode)
    except OSError:
        return False
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with everything in it that is worth having."""
    desk = Desk(tmp_path_factory.mktemp("captured"))
    place = everything_worth_having(desk.home)["another provider's file"]
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(b"sealed")
    yield desk.home
    desk.close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A port on which somebody listens; and beside it a Unix socket."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(f"\0gateway-attacks-{os.getpid()}")
        local.listen()
        yield server.getsockname()[1]


def children() -> list[str]:
    with_program = ["opener with a program"] if shutil.which("sqop") else []
    program = ["program of an opener"] if Path(PROGRAM).exists() else []
    return ["classifier", "judge", "viewer", "opener", *with_program, *program]


@pytest.fixture(scope="module")
def classifier(home: Home) -> Iterator[Child]:
    captured = captured_classifier(home)
    yield captured
    captured.close()


@pytest.fixture(scope="module")
def viewer(home: Home) -> Iterator[Child]:
    captured = captured_viewer(home)
    yield captured
    captured.close()


@pytest.fixture(scope="module", params=children())
def child(request: pytest.FixtureRequest, home: Home) -> Iterator[tuple[str, Child]]:
    kind: str = request.param
    if kind == "classifier":
        captured = captured_classifier(home)
    elif kind == "judge":
        captured = captured_judge(home)
    elif kind == "viewer":
        captured = captured_viewer(home)
    elif kind == "program of an opener":
        captured = captured_program(home, PROGRAM)
    else:
        captured = captured_opener(home, "auto" if "program" in kind else "embedded")
    yield kind, captured
    captured.close()


def attempt(child: Child, attack: str, home: Home, port: int, **known: object) -> object:
    where = {"home": str(home.root), "port": port, "parent": os.getpid(), "passphrase": PASSPHRASE}
    return run_in(child, _PRELUDE + attack, {**where, **known}).get("got")


@pytest.mark.long
def test_the_child_runs_what_the_attacker_sends(child: tuple[str, Child], home: Home, port: int) -> None:
    """Without this, every attack below might fail for another reason."""
    assert attempt(child[1], "found['got'] = os.pread(content, 100, 0).decode()", home, port) == "one content"


def test_it_cannot_read_what_is_worth_having(child: tuple[str, Child], home: Home, port: int) -> None:
    wanted = {name: str(path) for name, path in everything_worth_having(home).items()}
    assert all(Path(path).exists() for path in wanted.values())
    read = (
        "found['got'] = []\n"
        "for name, path in wanted.items():\n"
        "    try:\n"
        "        open(path, 'rb').read(); found['got'].append(name)\n"
        "    except OSError:\n"
        "        pass\n"
    )
    assert attempt(child[1], read, home, port, wanted=wanted) == []


@pytest.mark.parametrize("name", EVERYWHERE)
def test_no_child_can_do_it(child: tuple[str, Child], home: Home, port: int, name: str) -> None:
    assert attempt(child[1], EVERYWHERE[name], home, port) is None


@pytest.mark.parametrize("name", OF_WHO_HOLDS_NOTHING)
def test_the_classifier_cannot_do_it(classifier: Child, home: Home, port: int, name: str) -> None:
    assert attempt(classifier, OF_WHO_HOLDS_NOTHING[name], home, port) is None


@pytest.mark.parametrize("name", sorted(OF_WHO_HOLDS_NOTHING.keys() - {"anonymous memory"}))
def test_the_viewer_cannot_do_it(viewer: Child, home: Home, port: int, name: str) -> None:
    """It makes anonymous memory for the view, and nothing else that the classifier does not."""
    assert attempt(viewer, OF_WHO_HOLDS_NOTHING[name], home, port) is None


@pytest.mark.long
def test_the_passphrase_of_the_service_goes_to_no_child(
    child: tuple[str, Child], home: Home, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptor = os.memfd_create("passphrase", 0)
    os.write(descriptor, PASSPHRASE.encode())
    os.set_inheritable(descriptor, True)
    monkeypatch.setenv("GATEWAY_PASSPHRASE_FD", str(descriptor))
    child[1].close()
    try:
        for name in ("the passphrase in the environment", "the passphrase in what is open"):
            assert attempt(child[1], EVERYWHERE[name], home, port) is None
    finally:
        os.close(descriptor)


def test_what_it_leaves_behind_is_gone_before_the_next_providers_file(
    child: tuple[str, Child], home: Home, port: int
) -> None:
    where = {"home": str(home.root), "port": port, "parent": os.getpid()}
    run_in(child[1], "import builtins; builtins.left = 'behind'", where)
    same = run_in(child[1], "import builtins; found['got'] = builtins.left", where)
    other = run_in(child[1], "import builtins; found['got'] = builtins.left", where, owner="oak")
    # One provider's files may share a process; a program is another one for each file.
    gone = {"refused": "AttributeError"}
    assert same == (gone if child[0] == "program of an opener" else {"got": "behind"})
    assert other == gone


@pytest.mark.long
def test_it_cannot_stay_to_wait_for_the_next_providers_file(child: tuple[str, Child]) -> None:
    """It answers well, then refuses to end when its channel is closed."""
    stay = "child.os._exit = lambda status: time.sleep(600)\nfound['got'] = os.getpid()"
    if child[0] == "program of an opener":
        stay = "found['got'] = os.fork()\nwhile not found['got']:\n    os.closerange(0, 64); time.sleep(600)"
    stayed = run_in(child[1], stay, {})["got"]
    assert run_in(child[1], "found['got'] = 'fresh'", {}, owner="oak") == {"got": "fresh"}
    eventually(lambda: has_ended(stayed))


def has_ended(process: int) -> bool:
    """Whether it is gone; that nobody has asked how it ended does not matter."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in {"Z", "X"}


@pytest.mark.long
def test_a_process_that_hangs_costs_its_own_file_and_no_more(classifier: Child) -> None:
    hang = "signal.setitimer(signal.ITIMER_REAL, 0); time.sleep(600)"
    with pytest.raises(ExaminerLost, match="in time"):
        ask_quickly(classifier, hang)
    assert run_in(classifier, "found['got'] = 'fresh'", {}, owner="oak") == {"got": "fresh"}


@pytest.mark.long
def test_an_honest_process_that_takes_too_long_ends_itself(child: tuple[str, Child]) -> None:
    with pytest.raises(ExaminerLost, match="ended early"):
        ask_quickly(child[1], "while True: pass")


@pytest.mark.long
def test_a_partial_answer_does_not_hold_the_service(classifier: Child) -> None:
    """The head of an answer that never comes: it was waited for without end."""
    partial = (
        "signal.setitimer(signal.ITIMER_REAL, 0)\n"
        "for number in range(3, 64):\n"
        "    try:\n"
        "        os.write(number, (1000).to_bytes(8, 'big') + b'{')\n"
        "    except OSError:\n"
        "        pass\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(ExaminerLost, match="in time"):
        ask_quickly(classifier, partial)


def ask_quickly(child: Child, attack: str) -> None:
    with a_content() as content:
        child.ask("mallory", json.dumps([attack, {}]).encode(), [content], 1)
