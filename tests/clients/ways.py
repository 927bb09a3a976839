"""How each program is started: a function of a bench that gives what the program says."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import asyncssh
import paramiko

from tests.clients.bench import SECONDS, Bench

NODE = Path(__file__).parents[2] / ".venv" / "node"
PHPSECLIB = Path("/usr/share/php/phpseclib3/autoload.php")
JSCH = Path("/usr/share/java/jsch.jar")


def version(*command: str) -> Callable[[], str]:
    def ask() -> str:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        found = re.search(r"\d+(\.\d+)+\w*", done.stdout)
        return found[0] if found else "?"

    return ask


def sftp(*commands: str) -> Callable[[Bench], str]:
    return lambda b: b.run("sftp", "-b", "-", "-F", b.config, "gateway", text=filled(b, commands))


def filled(bench: Bench, commands: tuple[str, ...]) -> str:
    lines = "\n".join(commands)
    return lines.format(file=bench.file, many=bench.many, got=bench.got) + "\n"


def after_cut_off(act: Callable[[Bench], str]) -> Callable[[Bench], str]:
    def both(bench: Bench) -> str:
        bench.cut_off()
        return act(bench)

    return both


def lftp(connect: str, *commands: str) -> Callable[[Bench], str]:
    def act(bench: Bench) -> str:
        program = connect.format(config=bench.config, key=_dropbear_key(bench), port=bench.port)
        settings = f'set sftp:connect-program "{program}"; set cmd:fail-exit yes; set net:max-retries 1; '
        where = "sftp://avon:@gateway" if "{config}" in connect else f"sftp://avon:@127.0.0.1:{bench.port}"
        return bench.run("lftp", "-c", f"{settings}open {where}; {filled(bench, commands)}")

    return act


def _dropbear_key(bench: Bench) -> Path:
    made = bench.folder / "avon.dropbear"
    if shutil.which("dropbearconvert") and not made.exists():
        bench.run("dropbearconvert", "openssh", "dropbear", bench.key, made)
    return made


def putty(bench: Bench) -> list[str | Path]:
    ppk = bench.folder / "avon.ppk"
    bench.run("puttygen", bench.key, "-O", "private", "-o", ppk)
    public = bench.running.home.spool.host / "ssh_host_ed25519_key.pub"
    fingerprint = bench.run("ssh-keygen", "-l", "-f", public).split()[1]
    return ["-batch", "-P", bench.port, "-i", ppk, "-hostkey", fingerprint]


def psftp(*commands: str) -> Callable[[Bench], str]:
    def act(bench: Bench) -> str:
        script = bench.folder / "script"
        script.write_text(filled(bench, commands))
        return bench.run("psftp", *putty(bench), "-b", script, "avon@127.0.0.1")

    return act


def curl(*arguments: str, scheme: str = "sftp") -> Callable[[Bench], str]:
    def act(bench: Bench) -> str:
        login = ["-sS", "-k", "--key", bench.key, "--pubkey", f"{bench.key}.pub", "-u", "avon:"]
        url = f"{scheme}://127.0.0.1:{bench.port}"
        parts = [part.format(file=bench.file, got=bench.got, url=url) for part in arguments]
        return bench.run("curl", *login, *parts)

    return act


def rclone(*arguments: str) -> Callable[[Bench], str]:
    def act(bench: Bench) -> str:
        config = bench.folder / "rclone.conf"
        config.write_text(
            f"[gateway]\ntype = sftp\nhost = 127.0.0.1\nport = {bench.port}\nuser = avon\n"
            f"key_file = {bench.key}\n"
        )
        parts = [part.format(file=bench.file, many=bench.many, got=bench.got) for part in arguments]
        return bench.run("rclone", "--config", config, "--retries", "1", *parts)

    return act


def sshfs(*command: str) -> Callable[[Bench], str]:
    def act(bench: Bench) -> str:
        point = bench.folder / "mnt"
        point.mkdir(exist_ok=True)
        said = bench.run("sshfs", "-F", bench.config, "gateway:/", point)
        try:
            parts = [p.format(file=bench.file, many=bench.many, got=bench.got, at=point) for p in command]
            return said + bench.run("sh", "-c", " ".join(parts))
        finally:
            bench.run("fusermount3", "-u", point)

    return act


def with_paramiko(act: Callable[[paramiko.SFTPClient, Bench], object]) -> Callable[[Bench], str]:
    def run(bench: Bench) -> str:
        try:
            with bench.running.paramiko() as client:
                act(client, bench)
        except (OSError, paramiko.SSHException) as error:
            return str(error)
        return ""

    return run


def with_asyncssh(act: Callable[[asyncssh.SFTPClient, Bench], object]) -> Callable[[Bench], str]:
    async def work(bench: Bench) -> None:
        async with (
            asyncssh.connect(
                "127.0.0.1", int(bench.port), username="avon", client_keys=[str(bench.key)],
                known_hosts=None, config=None, agent_path=None,
            ) as connection,
            connection.start_sftp_client() as client,
        ):  # fmt: skip
            await act(client, bench)  # type: ignore[misc]

    def run(bench: Bench) -> str:
        try:
            asyncio.run(asyncio.wait_for(work(bench), SECONDS))
        except (OSError, asyncssh.Error) as error:
            return str(error)
        return ""

    return run


_SSH2 = """
const {{Client}} = require('ssh2'); const fs = require('fs'); const c = new Client();
const end = e => {{ if (e) console.log('error: ' + e.message); c.end(); }};
c.on('ready', () => c.sftp((e, s) => {{ if (e) return end(e); {act} }})).on('error', end)
 .connect({{host: '127.0.0.1', port: {port}, username: 'avon', privateKey: fs.readFileSync('{key}')}});
"""


def ssh2(act: str) -> Callable[[Bench], str]:
    def run(bench: Bench) -> str:
        script_of = act.replace("FILE", str(bench.file)).replace("GOT", str(bench.got))
        script = bench.folder / "client.js"
        script.write_text(_SSH2.format(act=script_of, port=bench.port, key=bench.key))
        shutil.copytree(NODE / "node_modules", bench.folder / "node_modules", dirs_exist_ok=True)
        return bench.run("node", script)

    return run


_PHPSECLIB = """<?php
require '{library}';
use phpseclib3\\Net\\SFTP;
$s = new SFTP('127.0.0.1', {port});
$key = phpseclib3\\Crypt\\PublicKeyLoader::load(file_get_contents('{key}'));
$s->login('avon', $key) or die('error: no login');
({act}) or die('error: ' . $s->getLastSFTPError());
"""


def phpseclib(act: str) -> Callable[[Bench], str]:
    def run(bench: Bench) -> str:
        asked = act.replace("'FILE'", f"'{bench.file}'").replace("GOT", str(bench.got))
        script = bench.folder / "client.php"
        script.write_text(_PHPSECLIB.format(library=PHPSECLIB, act=asked, port=bench.port, key=bench.key))
        return bench.run("php", script)

    return run


_JSCH = """
import com.jcraft.jsch.*;
class Client {{
    public static void main(String[] args) throws Exception {{
        JSch jsch = new JSch();
        jsch.addIdentity("{key}");
        Session session = jsch.getSession("avon", "127.0.0.1", {port});
        session.setConfig("StrictHostKeyChecking", "no");
        session.connect();
        ChannelSftp s = (ChannelSftp) session.openChannel("sftp");
        try {{
            s.connect();
            {act}
        }} catch (SftpException error) {{
            System.out.println("error: " + error.getMessage());
        }} finally {{
            session.disconnect();
        }}
    }}
}}
"""


def jsch(act: str) -> Callable[[Bench], str]:
    def run(bench: Bench) -> str:
        asked = act.replace("FILE", str(bench.file)).replace("GOT", str(bench.got))
        script = bench.folder / "Client.java"
        script.write_text(_JSCH.format(act=asked, port=bench.port, key=bench.key))
        return bench.run("java", "-cp", JSCH, script)

    return run


def send_then(send: Callable[[Bench], str], act: Callable[[Bench], str]) -> Callable[[Bench], str]:
    def both(bench: Bench) -> str:
        send(bench)
        return act(bench)

    return both


def and_delete(tree: str) -> str:
    return f"s.fastPut('FILE', '/in/pupils.gpg', e => {{ if (e) return end(e); {tree} }})"
