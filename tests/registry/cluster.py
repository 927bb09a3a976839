"""A PostgreSQL server of the test's own: on a socket in a temporary folder, under a user that is not root."""

from __future__ import annotations

import atexit
import getpass
import os
import pwd
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

_SERVER_USER = "nobody"
_BIN = Path("/usr/lib/postgresql")
# As docs/operations.md has it: whoever runs the gateway is let in as the role `gateway`.
_PG_HBA = """
local all gateway peer map=gateway
local all keeper  scram-sha-256
local all admin   peer map=admin
"""


class Cluster:
    """One server with a role `gateway`, let in by its user, and a role `keeper`, let in by a password."""

    def __init__(self) -> None:
        """Make it and start it."""
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._user = _SERVER_USER if os.geteuid() == 0 else getpass.getuser()
        os.chown(self.folder, pwd.getpwnam(self._user).pw_uid, -1)
        self.folder.chmod(0o755)
        self._bin = max(_BIN.glob("*/bin"), key=lambda path: int(path.parent.name))
        self._run("initdb", "-D", str(self._data), "-U", "admin", "-E", "UTF8", "--locale=C", "--no-sync")
        (self._data / "pg_hba.conf").write_text(_PG_HBA)
        (self._data / "pg_ident.conf").write_text(
            f"gateway {getpass.getuser()} gateway\nadmin {self._user} admin\n"
        )
        self.start()
        self.sql("create role gateway login", "create role keeper login password 'correct horse'")

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        options = f"-c listen_addresses='' -k {self.folder} -c fsync=off"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self._data), "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """Stop it as a power cut would."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", "immediate", "stop")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def database(self, name: str, owner: str = "gateway", encoding: str = "UTF8") -> str:
        """The URL of a new database."""
        self.sql(f"create database {name} owner {owner} encoding '{encoding}' template template0")
        return f"postgresql+psycopg://{owner}@/{name}?host={self.folder}"

    def copy(self, name: str, of: str) -> None:
        """A new database as another one is, whose connections are ended."""
        self.sql(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{of}'")
        self.sql(f"create database {name} owner gateway template {of}")

    def sql(self, *statements: str, database: str = "postgres") -> str:
        """Run statements as the server's own administrator; what they printed."""
        asked = [part for statement in statements for part in ("-c", statement)]
        place = ("-h", str(self.folder), "-U", "admin", "-d", database)
        return self._run("psql", *place, "-XqAt", "-v", "ON_ERROR_STOP=1", *asked)

    def break_connections(self) -> int:
        """End every session of the gateway's, as an administrator or a firewall does; how many there were."""
        ended = self.sql(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'gateway'"
        )
        return int(ended)

    def _run(self, program: str, *arguments: str) -> str:
        # pg_ctl leaves a server behind that would keep a pipe open.
        output = subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            user=self._user if os.geteuid() == 0 else None, cwd=self.folder, text=True, check=False,
            stdout=output, stderr=output, timeout=60,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        )  # fmt: skip
        assert done.returncode == 0, f"{program}: {done.stderr}"
        return done.stdout or ""


@cache
def shared_cluster() -> Cluster:
    """The server for all tests of this process, removed at its end."""
    made = Cluster()
    atexit.register(made.remove)
    return made
