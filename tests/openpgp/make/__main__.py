"""python -m tests.openpgp.make [NAME...]: all vectors anew, or those named with the keys as they are."""

import sys
import tempfile
from pathlib import Path

from tests.openpgp.gnupg import Gnupg
from tests.openpgp.make import engines, good, refused
from tests.openpgp.make.world import World
from tests.openpgp.vectors import FOLDER, opinion, written


def main() -> None:
    """Make the keys, then every case, then ask the programs for their opinion."""
    cases = [*good.CASES, *refused.CASES, *engines.CASES]
    wanted = set(sys.argv[1:])
    if wanted:
        cases = [case for case in cases if case.name in wanted]
    with Gnupg() as gpg, tempfile.TemporaryDirectory() as folder:
        keys = FOLDER / "keys"
        world = World(gpg, Path(folder), keys if wanted else None)
        data = {case.name: case.make(world) for case in cases}
        if len(data) != len(cases):
            sys.exit("two cases of one name")
        keys.mkdir(parents=True, exist_ok=True)
        for old in [] if wanted else [*FOLDER.glob("*.txt"), *keys.iterdir()]:
            old.unlink()
        for name, secret in world.secret.items():
            (keys / f"{name}.key").write_bytes(secret)
        for name, cert in world.cert.items():
            (keys / f"{name}.asc").write_bytes(cert)
        unexplained = []
        for case in cases:
            try:
                text = written(case, data[case.name], opinion(case, data[case.name]))
            except ValueError as error:
                unexplained.append(str(error))
                continue
            (FOLDER / f"{case.name}.txt").write_text(text, "utf-8", newline="")
    if unexplained:
        sys.exit("\n".join(unexplained))
    print(f"{len(cases)} vectors")


if __name__ == "__main__":
    main()
