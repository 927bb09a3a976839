"""Keys as PuTTYgen writes them today are taken as they are."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import paramiko
import pytest

from gateway.errors import GatewayError
from gateway.send.openpgp_key import WrongPassphrase
from gateway.send.ssh_key import load_ssh_key, needs_passphrase

pytestmark = pytest.mark.needs("puttygen")
SECRET = "a passphrase of PuTTY's"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A .ppk of each kind, under a passphrase and without one, and one of the version before."""
    root = tmp_path_factory.mktemp("keys")
    (root / "secret").write_text(f"{SECRET}\n")
    (root / "none").write_text("")
    found = {}
    for kind, bits in (("ed25519", "255"), ("ecdsa", "256"), ("rsa", "2048")):
        for under in ("secret", "none"):
            path = root / f"{kind}-{under}.ppk"
            _puttygen(
                "-q",
                "-t",
                kind,
                "-b",
                bits,
                "-C",
                f"key of {kind}",
                "-o",
                path,
                "--new-passphrase",
                root / under,
            )
            found[path.stem] = path
    found["older"] = root / "older.ppk"
    older = ("-q", "-t", "ed25519", "--ppk-param", "version=2")
    _puttygen(*older, "-o", found["older"], "--new-passphrase", root / "none")
    return found


def _puttygen(*words: str | Path) -> str:
    return subprocess.run(["puttygen", *words], check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("under", ["secret", "none"])
def test_a_key_of_puttygen_is_the_one_that_it_shows(made: dict[str, Path], kind: str, under: str) -> None:
    path = made[f"{kind}-{under}"]
    assert needs_passphrase(path) is (under == "secret")
    key = load_ssh_key(path, SECRET if under == "secret" else None)
    shown = _puttygen("-l", path) if under == "none" else _puttygen("-O", "fingerprint", path)
    assert str(key.fingerprint) in shown
    signed = key.sign_ssh_data(b"data", "rsa-sha2-256" if kind == "rsa" else None)
    public = paramiko.PKey.from_type_string(key.get_name(), key.asbytes())
    assert public.verify_ssh_sig(b"data", paramiko.Message(signed.asbytes()))


def test_a_wrong_passphrase_an_old_form_and_damage_are_told_apart(
    made: dict[str, Path], tmp_path: Path
) -> None:
    for wrong in ("another", "", None):
        with pytest.raises(WrongPassphrase):
            load_ssh_key(made["ed25519-secret"], wrong)
    with pytest.raises(GatewayError, match="save it again"):
        load_ssh_key(made["older"], None)
    lines = made["ed25519-none"].read_text().splitlines()
    damaged = tmp_path / "damaged.ppk"
    for number in range(len(lines)):
        damaged.write_text("\n".join([*lines[:number], *lines[number + 1 :]]))
        with pytest.raises(GatewayError):
            load_ssh_key(damaged, None)
    for number in range(1, len(lines)):  # Cut off, as by a copy that did not end.
        damaged.write_text("\n".join(lines[:number]))
        with pytest.raises(GatewayError):
            load_ssh_key(damaged, None)


@pytest.mark.parametrize(
    "odd", ["Argon2-Memory: many", "Argon2-Memory: 1", "Argon2-Salt: salt", "Private-MAC: zz"]
)
def test_a_parameter_that_puttygen_never_writes_is_told_as_damage(
    made: dict[str, Path], tmp_path: Path, odd: str
) -> None:
    name, _, _ = odd.partition(":")
    text = re.sub(rf"(?m)^{name}: .*$", odd, made["ed25519-secret"].read_text())
    damaged = tmp_path / "damaged.ppk"
    damaged.write_text(text)
    with pytest.raises(GatewayError, match="cannot be read"):
        load_ssh_key(damaged, SECRET)
