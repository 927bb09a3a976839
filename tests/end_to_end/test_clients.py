"""GnuPG's default output, put by each client that schools have, arrives byte for byte."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote
from zlib import crc32

import pytest

from tests.content import core_data
from tests.end_to_end.conftest import Scene
from tests.waiting import until

pytestmark = pytest.mark.long

SSH = "-oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null -oLogLevel=ERROR -oBatchMode=yes"
Put = Callable[[Scene, Path], subprocess.CompletedProcess[str]]


def run(*command: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)


def ssh_options(scene: Scene) -> list[str]:
    return [*shlex.split(SSH), "-i", str(scene.oak.ssh_key), "-P", str(scene.services.intake[1])]


def openssh_sftp(scene: Scene, file: Path) -> subprocess.CompletedProcess[str]:
    return run("sftp", *ssh_options(scene), "-b", "-", "oak@127.0.0.1", given=f'put -p "{file}" /in/\n')


def openssh_scp(scene: Scene, file: Path) -> subprocess.CompletedProcess[str]:
    return run("scp", "-p", *ssh_options(scene), str(file), f"oak@127.0.0.1:/in/{file.name}")


def to_the_root(scene: Scene, file: Path) -> subprocess.CompletedProcess[str]:
    return run("sftp", *ssh_options(scene), "-b", "-", "oak@127.0.0.1", given=f'put "{file}"\n')


def lftp(scene: Scene, file: Path) -> subprocess.CompletedProcess[str]:
    connect = f"ssh -a -x {SSH} -i {scene.oak.ssh_key}"
    return run(
        "lftp", "-c",
        f'set sftp:connect-program "{connect}"; set net:max-retries 1; '
        f'open -u oak, sftp://127.0.0.1:{scene.services.intake[1]}; put -O /in "{file}"',
    )  # fmt: skip


def rclone(scene: Scene, file: Path) -> subprocess.CompletedProcess[str]:
    return run(
        "rclone", "copy", "--config", os.devnull, "--retries", "1", str(file), ":sftp:/in",
        "--sftp-host", "127.0.0.1", "--sftp-port", str(scene.services.intake[1]),
        "--sftp-user", "oak", "--sftp-key-file", str(scene.oak.ssh_key),
    )  # fmt: skip


def curl(scene: Scene, file: Path) -> subprocess.CompletedProcess[str]:
    return run(
        "curl", "--silent", "--show-error", "--insecure", "--user", "oak:",
        "--key", str(scene.oak.ssh_key), "--pubkey", str(scene.oak.ssh_public),
        "--upload-file", str(file), f"sftp://127.0.0.1:{scene.services.intake[1]}/in/{quote(file.name)}",
    )  # fmt: skip


def sshfs(scene: Scene, file: Path) -> subprocess.CompletedProcess[str]:
    mount = file.parent / "mount"
    mount.mkdir()
    mounted = run(
        "sshfs", "-p", str(scene.services.intake[1]), "oak@127.0.0.1:/in", str(mount),
        "-o", f"IdentityFile={scene.oak.ssh_key},StrictHostKeyChecking=no,UserKnownHostsFile=/dev/null",
    )  # fmt: skip
    if mounted.returncode:
        return mounted
    try:
        return run("cp", "--preserve=timestamps", str(file), str(mount))
    finally:
        run("fusermount3", "-u", str(mount))


def paramiko(scene: Scene, file: Path) -> subprocess.CompletedProcess[str]:
    with scene.oak.sftp(scene.services.intake) as session:
        session.put(str(file), f"/in/{file.name}")
        session.utime(f"/in/{file.name}", (1, 1))
    return subprocess.CompletedProcess([], 0, "", "")


def like_winscp(scene: Scene, file: Path) -> subprocess.CompletedProcess[str]:
    with scene.oak.sftp(scene.services.intake) as session:
        session.put(str(file), f"/in/{file.name}.filepart")
        session.rename(f"/in/{file.name}.filepart", f"/in/{file.name}")
        session.utime(f"/in/{file.name}", (1, 1))
        session.chmod(f"/in/{file.name}", 0o644)
    return subprocess.CompletedProcess([], 0, "", "")


def psftp(scene: Scene, file: Path) -> subprocess.CompletedProcess[str]:
    key = file.parent / "key.ppk"
    made = run("puttygen", str(scene.oak.ssh_key), "-O", "private", "-o", str(key))
    if made.returncode:
        return made
    return run(
        "psftp", "-batch", "-P", str(scene.services.intake[1]), "-i", str(key), "-hostkey",
        host_fingerprint(scene), "-b", "/dev/stdin", "oak@127.0.0.1",
        given=f'put "{file}" "/in/{file.name}"\n',
    )  # fmt: skip


def host_fingerprint(scene: Scene) -> str:
    public = next((scene.site.home / "spool" / "host").glob("*.pub"))
    return run("ssh-keygen", "-lf", str(public)).stdout.split()[1]


CLIENTS = [
    pytest.param(client, id=client.__name__, marks=pytest.mark.needs("gpg", *programs))
    for client, programs in [
        (openssh_sftp, ["sftp"]),
        (to_the_root, ["sftp"]),
        (openssh_scp, ["scp"]),
        (lftp, ["lftp", "ssh"]),
        (rclone, ["rclone"]),
        (curl, ["curl"]),
        (sshfs, ["sshfs", "fusermount3"]),
        (psftp, ["psftp", "puttygen"]),
        (paramiko, []),
        (like_winscp, []),
    ]
]


@pytest.fixture(scope="module")
def gpg(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GNUPGHOME whose key is enrolled for oak, as a school makes it by the guide."""
    home = tmp_path_factory.mktemp("g")
    home.chmod(0o700)
    batch = ["gpg", "--homedir", str(home), "--batch", "--quiet"]
    key = [
        *batch,
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        "",
        "--quick-gen-key",
        "Oak <oak@oak.invalid>",
    ]
    subprocess.run(key, check=True, capture_output=True)
    exported = subprocess.run(
        [*batch, "--armor", "--export", "oak@oak.invalid"], check=True, capture_output=True
    )
    (home / "oak.asc").write_bytes(exported.stdout)
    (home / "gateway.asc").write_text(scene.site.certificate)
    subprocess.run([*batch, "--import", str(home / "gateway.asc")], check=True, capture_output=True)
    scene.site.gateway("keys", "add", "oak", str(home / "oak.asc"))
    scene.site.confirm("oak")
    return home


@pytest.mark.parametrize("client", CLIENTS)
def test_what_a_client_puts_is_what_the_team_gets(
    scene: Scene, gpg: Path, client: Put, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    content = core_data(seed=crc32(request.node.name.encode()))
    plain = tmp_path / f"core {client.__name__}é.xml"
    plain.write_bytes(content)
    subprocess.run(
        ["gpg", "--homedir", str(gpg), "--batch", "--trust-model", "always",
         "--recipient", fingerprint(gpg), "--sign", "--encrypt", str(plain)],
        check=True, capture_output=True,
    )  # fmt: skip
    sealed = plain.with_name(plain.name + ".gpg")
    done = client(scene, sealed)
    assert done.returncode == 0, done.stderr
    assert done.stderr.replace('Using username "oak".\n', "") == ""
    transfer = until(lambda: decided(scene, sealed.name), f"the outcome of {sealed.name}")
    assert (transfer["state"], transfer["size"]) == ("accepted", sealed.stat().st_size), transfer
    with scene.jane.sftp(scene.services.mailboxes) as session:
        (name,) = [n for n in session.listdir("/central-data-team") if transfer["reference"] in n]
    assert scene.jane.get(scene.services.mailboxes, f"/central-data-team/{name}") == content
    receipt = tmp_path / "receipt.txt"
    receipt.write_bytes(
        scene.oak.get(scene.services.intake, f"/receipts/{sealed.name}.{transfer['reference']}.txt")
    )
    verified = run("gpg", "--homedir", str(gpg), "--verify", str(receipt))
    assert verified.returncode == 0, verified.stderr
    assert 'Good signature from "Somerset County Council' in verified.stderr


def fingerprint(gpg: Path) -> str:
    listed = run("gpg", "--homedir", str(gpg), "--with-colons", "--show-keys", str(gpg / "gateway.asc"))
    return next(line.split(":")[9] for line in listed.stdout.splitlines() if line.startswith("fpr"))


def decided(scene: Scene, name: str) -> dict[str, object] | None:
    found = [t for t in scene.site.transfers() if t["name"] == name and t["state"] != "landed"]
    return found[0] if found else None
