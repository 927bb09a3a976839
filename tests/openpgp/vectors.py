"""The vectors in tests/vectors/openpgp: a header that holds the verdict, a blank line, the file in base64."""

import base64
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gateway.home.settings import OpenLimits

FOLDER = Path(__file__).parents[1] / "vectors" / "openpgp"
KEYS = FOLDER / "keys"
PROGRAMS = ("sqop", "gosop", "rsop")
ENGINES = ("sop", "embedded")


@dataclass(frozen=True, slots=True)
class Vector:
    """One case. `expect` is `open` or a reason code; `differs` names engines that say otherwise, and why."""

    name: str
    expect: str
    why: str
    made_by: str
    at: datetime
    senders: tuple[str, ...]
    keys: tuple[str, ...]
    others: dict[str, str]
    data: bytes
    limits: OpenLimits = field(default_factory=OpenLimits)
    differs: dict[str, str] = field(default_factory=dict)
    others_why: dict[str, str] = field(default_factory=dict)

    def certificates(self) -> list[bytes]:
        """The senders' certificates."""
        return [(KEYS / f"{name}.asc").read_bytes() for name in self.senders]

    def key_files(self) -> list[Path]:
        """The gateway's secret keys."""
        return [KEYS / f"{name}.key" for name in self.keys]

    def verdict(self, engine: str) -> str:
        """What `engine` should say."""
        return self.differs.get(engine, self.expect).partition(" - ")[0]


def read(path: Path) -> Vector:
    """The vector in `path`; ValueError at a header that is not known, or given twice."""
    head, _, body = path.read_text("utf-8").partition("\n\n")
    fields: dict[str, str] = {}
    for line in head.splitlines():
        name, _, value = line.partition(": ")
        if name in fields:
            raise ValueError(f"{path.name}: {name} twice")
        fields[name] = value
    vector = Vector(
        name=path.stem,
        expect=fields.pop("expect"),
        why=fields.pop("why"),
        made_by=fields.pop("made-by"),
        at=datetime.fromisoformat(fields.pop("at")),
        senders=tuple(fields.pop("senders", "").split()),
        keys=tuple(fields.pop("keys").split()),
        others=dict(item.split("=") for item in fields.pop("others").split()),
        data=base64.b64decode(body),
        limits=OpenLimits(**{k: int(v) for k, v in (i.split("=") for i in fields.pop("limits", "").split())}),
        differs={engine: fields.pop(engine) for engine in ENGINES if engine in fields},
        others_why={program: fields.pop(program) for program in PROGRAMS if program in fields},
    )
    if fields:
        raise ValueError(f"{path.name}: unknown {sorted(fields)}")
    return vector


def every() -> list[Vector]:
    """All vectors, by name."""
    return [read(path) for path in sorted(FOLDER.glob("*.txt"))]


def written(case, data: bytes, others: dict[str, str]) -> str:
    """The text of a vector. ValueError where a differing opinion is not explained, or there is none."""
    differing = {p for p, word in others.items() if (word == "open") != (case.expect == "open")}
    if differing != set(case.others):
        raise ValueError(f"{case.name}: {others}, explained: {sorted(case.others)}")
    lines = {
        "expect": case.expect,
        "why": case.why,
        "made-by": case.made_by,
        "at": case.at.isoformat(),
        "senders": " ".join(case.senders),
        "keys": " ".join(case.keys),
        "limits": case.limits,
        "others": " ".join(f"{program}={word}" for program, word in others.items()),
    }
    lines |= case.differs | {p: case.others.get(p, "") for p in PROGRAMS}
    head = "".join(f"{name}: {value}\n" for name, value in lines.items() if value)
    return head + "\n" + base64.encodebytes(data).decode("ascii")


def opinion(case, data: bytes) -> dict[str, str]:
    """What each SOP program says by itself: `open` (exit 0 and a valid signature) or `refuse`.

    `case` is a Case that is being made, or a Vector: both have `senders` and `keys`.
    """
    return {program: _ask(program, case, data) for program in PROGRAMS if shutil.which(program)}


def _ask(program: str, case, data: bytes) -> str:
    with tempfile.TemporaryDirectory() as folder:
        verifications = Path(folder) / "verifications"
        command = [program, "decrypt", f"--verifications-out={verifications}"]
        command += [f"--verify-with={KEYS / name}.asc" for name in case.senders]
        command += [f"{KEYS / name}.key" for name in case.keys]
        done = subprocess.run(command, input=data, capture_output=True, check=False)
        opened = done.returncode == 0 and verifications.exists() and verifications.read_bytes().strip()
    return "open" if opened else "refuse"
