"""The programs and libraries, and what is done with each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import asyncssh
import paramiko

from tests.clients.bench import FETCH, OLD_SCP, PUT, PUT_FOLDER, REMOVE, RESUME, Bench
from tests.clients.ways import (
    JSCH,
    NODE,
    PHPSECLIB,
    after_cut_off,
    and_delete,
    curl,
    jsch,
    lftp,
    phpseclib,
    psftp,
    putty,
    rclone,
    send_then,
    sftp,
    ssh2,
    sshfs,
    version,
    with_asyncssh,
    with_paramiko,
)


@dataclass(frozen=True)
class Program:
    """A program or library. `acts`: what can be done with it, by what is to be achieved.

    `known`: why something is not as it should be, and that nothing can be done about it here.
    """

    name: str
    version: Callable[[], str]
    acts: dict[str, Callable[[Bench], str]]
    needs: str | None = None
    known: dict[str, str] = field(default_factory=dict)


_OPENSSH = "ssh -a -x -F {config}"
_DBCLIENT = "dbclient -y -y -i {key}"
_SEND = sftp("put {file} /in/")

PROGRAMS = [
    Program(
        "OpenSSH sftp",
        version("ssh", "-V"),
        {
            PUT: sftp("put {file} /in/"),
            PUT_FOLDER: sftp("cd /in", "put -r {many}"),
            RESUME: after_cut_off(sftp("reput {file} /in/")),
            FETCH: sftp("get /keys/gateway.asc {got}"),
            REMOVE: sftp("put {file} /in/", "rm /in/pupils.gpg"),
        },
        "sftp",
    ),
    Program(
        "OpenSSH scp",
        version("ssh", "-V"),
        {
            PUT: lambda b: b.run("scp", "-F", b.config, b.file, "gateway:/in/"),
            PUT_FOLDER: lambda b: b.run("scp", "-r", "-F", b.config, b.many, "gateway:/in/"),
            FETCH: lambda b: b.run("scp", "-F", b.config, "gateway:/keys/gateway.asc", b.got),
            OLD_SCP: lambda b: b.run("scp", "-O", "-F", b.config, b.file, "gateway:/in/"),
        },
        "scp",
    ),
    Program(
        "PuTTY psftp",
        version("psftp", "-V"),
        {
            PUT: psftp("cd /in", "put {file} pupils.gpg"),
            PUT_FOLDER: psftp("cd /in", "put -r {many} Autumn"),
            RESUME: after_cut_off(psftp("cd /in", "reput {file} pupils.gpg")),
            FETCH: psftp("get /keys/gateway.asc {got}"),
            REMOVE: psftp("cd /in", "put {file} pupils.gpg", "rm pupils.gpg"),
        },
        "psftp",
    ),
    Program(
        "PuTTY pscp",
        version("pscp", "-V"),
        {
            PUT: lambda b: b.run("pscp", *putty(b), b.file, "avon@127.0.0.1:/in/"),
            PUT_FOLDER: lambda b: b.run("pscp", "-r", *putty(b), b.many, "avon@127.0.0.1:/in/"),
            FETCH: lambda b: b.run("pscp", *putty(b), "avon@127.0.0.1:/keys/gateway.asc", b.got),
            OLD_SCP: lambda b: b.run("pscp", "-scp", *putty(b), b.file, "avon@127.0.0.1:/in/"),
        },
        "pscp",
    ),
    Program(
        "lftp (over OpenSSH)",
        version("lftp", "--version"),
        {
            PUT: lftp(_OPENSSH, "put -O /in {file}"),
            PUT_FOLDER: lftp(_OPENSSH, "mirror -R {many} /in/Autumn"),
            RESUME: after_cut_off(lftp(_OPENSSH, "put -c -O /in {file}")),
            FETCH: lftp(_OPENSSH, "get /keys/gateway.asc -o {got}"),
            REMOVE: lftp(_OPENSSH, "put -O /in {file}; rm /in/pupils.gpg"),
        },
        "lftp",
    ),
    Program(
        "dropbear dbclient (under lftp)",
        version("dbclient", "-V"),
        {
            PUT: lftp(_DBCLIENT, "put -O /in {file}"),
            PUT_FOLDER: lftp(_DBCLIENT, "mirror -R {many} /in/Autumn"),
            RESUME: after_cut_off(lftp(_DBCLIENT, "put -c -O /in {file}")),
            FETCH: lftp(_DBCLIENT, "get /keys/gateway.asc -o {got}"),
        },
        "dbclient",
    ),
    Program(
        "curl",
        version("curl", "--version"),
        {
            PUT: curl("-T", "{file}", "{url}/in/"),
            RESUME: after_cut_off(curl("-C", "-", "-T", "{file}", "{url}/in/pupils.gpg")),
            FETCH: curl("-o", "{got}", "{url}/keys/gateway.asc"),
            REMOVE: send_then(_SEND, curl("-Q", "rm /in/pupils.gpg", "{url}/in/")),
            OLD_SCP: curl("-T", "{file}", "{url}/in/pupils.gpg", scheme="scp"),
        },
        "curl",
        {
            OLD_SCP: "curl shows nothing of what a server tells it over scp, neither its message nor its "
            "standard error; use sftp://"
        },
    ),
    Program(
        "rclone",
        version("rclone", "version"),
        {
            PUT: rclone("copy", "{file}", "gateway:/in"),
            PUT_FOLDER: rclone("sync", "{many}", "gateway:/in/Autumn"),
            FETCH: rclone("copyto", "gateway:/keys/gateway.asc", "{got}"),
            REMOVE: send_then(_SEND, rclone("deletefile", "gateway:/in/pupils.gpg")),
        },
        "rclone",
    ),
    Program(
        "sshfs (over OpenSSH)",
        version("sshfs", "--version"),
        {
            PUT: sshfs("cp {file} {at}/in/ && sync {at}/in/pupils.gpg"),
            PUT_FOLDER: sshfs("cp -r {many} {at}/in/; sleep 1"),
            FETCH: sshfs("cp {at}/keys/gateway.asc {got}"),
            REMOVE: sshfs("cp {file} {at}/in/; sleep 1; rm {at}/in/pupils.gpg"),
        },
        "sshfs",
    ),
    Program(
        "paramiko",
        lambda: paramiko.__version__,
        {
            PUT: with_paramiko(lambda c, b: c.put(str(b.file), "/in/pupils.gpg")),
            FETCH: with_paramiko(lambda c, b: c.get("/keys/gateway.asc", str(b.got))),
            REMOVE: send_then(_SEND, with_paramiko(lambda c, b: c.remove("/in/pupils.gpg"))),
        },
    ),
    Program(
        "asyncssh",
        lambda: asyncssh.__version__,
        {
            PUT: with_asyncssh(lambda c, b: c.put(str(b.file), "/in/pupils.gpg")),
            PUT_FOLDER: with_asyncssh(lambda c, b: c.put(str(b.many), "/in/Autumn", recurse=True)),
            FETCH: with_asyncssh(lambda c, b: c.get("/keys/gateway.asc", str(b.got))),
            REMOVE: send_then(_SEND, with_asyncssh(lambda c, b: c.remove("/in/pupils.gpg"))),
        },
    ),
    Program(
        "node ssh2",
        version("node", "-p", f"require('{NODE}/node_modules/ssh2/package.json').version"),
        {
            PUT: ssh2("s.fastPut('FILE', '/in/pupils.gpg', end)"),
            FETCH: ssh2("s.fastGet('/keys/gateway.asc', 'GOT', end)"),
            REMOVE: ssh2(and_delete("s.unlink('/in/pupils.gpg', end)")),
        },
        str(NODE / "node_modules" / "ssh2"),
    ),
    Program(
        "phpseclib",
        version("dpkg-query", "-W", "-f", "${Version}", "php-phpseclib3"),
        {
            PUT: phpseclib("$s->put('/in/pupils.gpg', 'FILE', SFTP::SOURCE_LOCAL_FILE)"),
            RESUME: after_cut_off(
                phpseclib("$s->put('/in/pupils.gpg', 'FILE', SFTP::SOURCE_LOCAL_FILE | SFTP::RESUME)")
            ),
            FETCH: phpseclib("$s->get('/keys/gateway.asc', 'GOT')"),
            REMOVE: send_then(_SEND, phpseclib("$s->delete('/in/pupils.gpg', false)")),
        },
        str(PHPSECLIB),
    ),
    Program(
        "JSch",
        version("dpkg-query", "-W", "-f", "${Version}", "libjsch-java"),
        {
            PUT: jsch('s.put("FILE", "/in/pupils.gpg");'),
            RESUME: after_cut_off(jsch('s.put("FILE", "/in/pupils.gpg", ChannelSftp.RESUME);')),
            FETCH: jsch('s.get("/keys/gateway.asc", "GOT");'),
            REMOVE: send_then(_SEND, jsch('s.rm("/in/pupils.gpg");')),
        },
        str(JSCH),
    ),
]
