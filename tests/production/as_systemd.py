"""Run a unit as systemd would, for what the guide does after it: its user, sockets, credentials, command.

For a root without systemd as its first process: `python3 as_systemd.py UNIT`, as root. How the units are
confined is tested elsewhere (test_confined.py, and systemd's own judgement in test_units.py).
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import socket
import subprocess
import sys
from pathlib import Path

UNITS = Path("/usr/local/lib/systemd/system")
OWN = Path("/etc/systemd/system")
FIRST = 3


def settings(unit: str) -> dict[str, list[str]]:
    """What the unit and its drop-ins say; an empty value forgets what was said before."""
    found: dict[str, list[str]] = {}
    places = [
        UNITS / unit,
        *(UNITS / "gateway-.service.d").glob("*.conf"),
        *(OWN / f"{unit}.d").glob("*.conf"),
    ]
    if not unit.endswith(".service"):
        places.pop(1)
    for place in places:
        for line in place.read_text().splitlines():
            key, equals, value = line.partition("=")
            if not equals or line.startswith("#"):
                continue
            found[key] = [*found.get(key, []), value] if value else []
    return found


def sockets(names: list[str]) -> tuple[list[socket.socket], list[str]]:
    """Sockets that listen as the socket units say, and what each is called."""
    opened, called = [], []
    for name in names:
        said = settings(name)
        for where in said["ListenStream"]:
            host, _, port = where.rpartition(":")
            family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
            one = socket.socket(family)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind((host.strip("[]"), int(port)))
            one.listen(int(said.get("Backlog", ["64"])[0]))
            opened.append(one)
            called.append(said["FileDescriptorName"][0])
    return opened, called


def credentials(unit: str, names: list[str], owner: pwd.struct_passwd) -> dict[str, str]:
    """Decrypt the credentials for their user."""
    if not names:
        return {}
    folder = Path("/run/credentials") / unit
    folder.mkdir(parents=True, exist_ok=True)
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    for name in names:
        source, place = f"/etc/credstore.encrypted/{name}", folder / name
        subprocess.run(["systemd-creds", "decrypt", f"--name={name}", source, str(place)], check=True)
        os.chown(place, owner.pw_uid, owner.pw_gid)
        place.chmod(0o400)
    return {"CREDENTIALS_DIRECTORY": str(folder)}


def main(unit: str) -> None:
    said = settings(unit)
    owner = pwd.getpwnam(said["User"][0])
    groups = [
        grp.getgrnam(name).gr_gid for line in said.get("SupplementaryGroups", []) for name in line.split()
    ]
    wanted = [name for line in said.get("Sockets", []) for name in line.split()]
    environment = dict(one.split("=", 1) for line in said["Environment"] for one in shlex.split(line))
    environment["PATH"] = os.environ["PATH"]
    environment |= credentials(unit, said.get("LoadCredentialEncrypted", []), owner)
    opened, called = sockets(wanted)
    if opened:
        environment |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(opened))}
        environment["LISTEN_FDNAMES"] = ":".join(called)
        high = [os.dup(one.fileno()) for one in opened]
        assert min(high) >= FIRST
        moved = [os.dup2(os.dup(number), 100 + place) for place, number in enumerate(high)]
        for place, number in enumerate(moved):
            os.dup2(number, FIRST + place, inheritable=True)
    os.umask(int(said["UMask"][-1], 8))
    os.chdir("/")
    os.setgroups(groups)
    os.setgid(owner.pw_gid)
    os.setuid(owner.pw_uid)
    command = shlex.split(said["ExecStart"][0])
    os.execve(command[0], command, environment)


if __name__ == "__main__":
    main(sys.argv[1])
