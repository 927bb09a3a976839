"""What is changed in the home's files, or in everything at once, is found as well."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.log.checkpoint import LogKey, checkpoint
from tests.sealed import sealed_file
from tests.whole import whole
from tests.workshop import Desk


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Desk]:
    made = whole().copied(tmp_path)
    yield made
    made.registry.close()


def verify(desk: Desk, *options: str, code: int = 1) -> str:
    return desk.gateway("log", "verify", *options, code=code)


def receipt(desk: Desk, ending: str) -> Path:
    (found,) = desk.receipts("oak", f"core.xml.pgp.*.{ending}")
    return found


def change_receipt(ending: str) -> Callable[[Desk], None]:
    def spoil(desk: Desk) -> None:
        path = receipt(desk, ending)
        data = bytearray(path.read_bytes())
        data[len(data) // 3] ^= 1
        path.write_bytes(data)

    return spoil


def put_another_receipt(desk: Desk) -> None:
    shutil.copy(desk.receipts("elm", "*.txt")[0], receipt(desk, "txt"))


def add_receipt(desk: Desk) -> None:
    shutil.copy(receipt(desk, "txt"), receipt(desk, "txt").with_name("core.xml.pgp.261124-oak-00000.txt"))


def rename_receipt(desk: Desk) -> None:
    path = receipt(desk, "txt")
    path.rename(path.with_name(f"another {path.name}"))


def let_in(desk: Desk) -> None:
    path = desk.home.published.provider("oak") / "authorized_keys"
    path.write_text(path.read_text() + "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBV3 mallory\n")


def let_in_a_stranger(desk: Desk) -> None:
    folder = desk.home.published.root / "providers" / "ghost"
    folder.mkdir()
    shutil.copy(desk.home.published.provider("oak") / "authorized_keys", folder)


def spoil_text(*parts: str) -> Callable[[Desk], None]:
    def spoil(desk: Desk) -> None:
        path = desk.home.published.root.joinpath(*parts)
        path.write_bytes(path.read_bytes() + b"\xff")  # No text any more.

    return spoil


def put_another_list_of_host_keys(desk: Desk) -> None:
    path = desk.home.published.common / "keys" / "gateway-hosts.asc"
    path.write_text(receipt(desk, "txt").read_text().replace("oak", "elm"))


def put_another_certificate(desk: Desk) -> None:
    (other,) = (whole().root / "parties" / "oak").glob("openpgp.asc")
    shutil.copy(other, desk.home.published.common / "keys" / "gateway.asc")


def put_another_log_key(desk: Desk) -> None:
    key = LogKey.load(LogKey.generate())
    (desk.home.published.common / "keys" / "gateway-log.vkey").write_text(f"{key.vkey('test.invalid/log')}\n")


def slip_in_notice(desk: Desk) -> None:
    (desk.home.published.common / "agreement" / "notice-2026-11-24-9.txt").write_text("Send it by e-mail.\n")


def forge_head(desk: Desk) -> None:
    key = LogKey.load(LogKey.generate())
    forged = checkpoint("test.invalid/log", 9, b"\0" * 32, key)
    (desk.home.published.log / "9").write_text(forged)


def spoil_copy(desk: Desk) -> None:
    (path,) = (desk.home.published.provider("ash") / "out").glob("*.pgp")
    path.write_bytes(path.read_bytes()[:-1])


def slip_in_copy(desk: Desk) -> None:
    folder = desk.home.published.provider("oak") / "out"
    folder.mkdir(exist_ok=True)
    (folder / "for you.csv.pgp").write_bytes(b"anything")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (change_receipt("txt"), "not the receipt that was signed last"),
        (change_receipt("json"), "not the receipt that was signed last"),
        (put_another_receipt, "not the receipt that was signed last"),
        (lambda desk: receipt(desk, "json").unlink(), "the receipt is missing"),
        (add_receipt, "there is no such receipt"),
        (rename_receipt, "there is no such receipt"),
        (let_in, "oak/authorized_keys: it lets in a key"),
        (let_in_a_stranger, "ghost/authorized_keys: it lets in a key"),
        (spoil_text("providers", "oak", "authorized_keys"), "oak/authorized_keys: it lets in a key"),
        (spoil_text("common", "keys", "gateway.asc"), "gateway.asc: it is no certificate of this gateway"),
        (spoil_text("common", "keys", "gateway-log.vkey"), "it is not the key of this log"),
        (put_another_list_of_host_keys, "keys/gateway-hosts.asc: it is not what this gateway signed"),
        (put_another_certificate, "keys/gateway.asc: it is no certificate of this gateway"),
        (put_another_log_key, "it is not the key of this log"),
        (spoil_text("common", "agreement", "agreement.txt"), "agreement.txt: no such text"),
        (slip_in_notice, "agreement/notice-2026-11-24-9.txt: it is not what this gateway signed"),
        (forge_head, "log/9: it is no head"),
        (spoil_copy, "the file is not the one on record"),
        (slip_in_copy, "nothing of this name was sealed"),
    ],
)
def test_a_published_file_that_is_not_ours_is_named(
    copy: Desk, spoil: Callable[[Desk], None], said: str
) -> None:
    spoil(copy)
    assert said in verify(copy)


def sealed(desk: Desk) -> list[Path]:
    return sorted((desk.home.root / "sealed").glob("*.sealed"))


def flip_sealed(desk: Desk) -> None:
    path = max(sealed(desk), key=lambda one: one.stat().st_size)
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(data)


def bring_back_deleted(desk: Desk) -> None:
    with closing(sqlite3.connect(desk.home.registry)) as db:
        ((reference,),) = db.execute("select reference from deletion where what = 'sealed'")
    sealed_file(desk.home, reference).write_bytes(b"kept after all")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (flip_sealed, "the file is not the one on record"),
        (lambda desk: sealed(desk)[0].unlink(), "the file is missing"),
        (lambda desk: shutil.copy(sealed(desk)[0], sealed(desk)[1]), "the file is not the one on record"),
        (
            lambda desk: sealed_file(desk.home, "261124-oak-00000").write_bytes(b"more"),
            "no transfer has this file",
        ),
        (bring_back_deleted, "it is on record as deleted, but the file is there"),
    ],
    ids=["flipped", "missing", "exchanged", "added", "not-deleted"],
)
def test_a_sealed_file_that_is_not_what_landed_is_named(
    copy: Desk, spoil: Callable[[Desk], object], said: str
) -> None:
    spoil(copy)
    assert said in verify(copy, "--sealed")
    assert "everything fits" in verify(copy, code=0)


def back_up(desk: Desk, path: Path) -> None:
    with closing(sqlite3.connect(desk.home.registry)) as db, closing(sqlite3.connect(path)) as old:
        db.backup(old)


def roll_back(desk: Desk, path: Path) -> None:
    """Put yesterday's registry in the place of today's."""
    desk.registry.close()
    for file in desk.home.root.glob("registry.db*"):
        file.unlink()
    shutil.copy(path, desk.home.registry)


def test_a_registry_of_yesterday_is_caught_by_whoever_holds_a_later_head(copy: Desk, tmp_path: Path) -> None:
    back_up(copy, tmp_path / "yesterday.db")
    published = tmp_path / "yesterday's published"
    shutil.copytree(copy.home.published.root, published)
    sent = copy.land(copy.provider("ivy"), b"this is nothing", "today.pgp")
    copy.process()
    kept = tmp_path / "receipt.json"
    shutil.copy(*copy.receipts("ivy", f"*.{sent}.json"), kept)
    head = tmp_path / "head"
    head.write_text(copy.gateway("log", "head"))
    assert "everything fits" in verify(copy, "--checkpoint", str(head), "--checkpoint", str(kept), code=0)

    roll_back(copy, tmp_path / "yesterday.db")
    assert "it was cut" in verify(copy)  # By the heads that are still published.
    shutil.rmtree(copy.home.published.root)
    shutil.copytree(published, copy.home.published.root)
    assert "everything fits" in verify(copy, code=0)  # All of it is yesterday's: nothing here can tell.
    assert "it was cut" in verify(copy, "--checkpoint", str(head))
    assert "it was cut" in verify(copy, "--checkpoint", str(kept))


def test_another_history_of_the_same_length_is_caught_too(copy: Desk, tmp_path: Path) -> None:
    back_up(copy, tmp_path / "yesterday.db")
    published = tmp_path / "published"
    shutil.copytree(copy.home.published.root, published)
    copy.gateway("providers", "suspend", "oak")
    head = tmp_path / "head"
    head.write_text(copy.gateway("log", "head", "--json"))
    roll_back(copy, tmp_path / "yesterday.db")
    for _ in range(3):
        copy.gateway("providers", "suspend", "elm")
        copy.gateway("providers", "resume", "elm")
    assert "not the ones that were signed then" in verify(copy, "--checkpoint", str(head))


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("nonsense", 2, "neither a signed head nor a receipt"),
        ("{}", 2, "neither a signed head nor a receipt"),
        ("a\nb\nc\n\n\n", 1, "not a checkpoint"),
    ],
)
def test_what_is_no_head_is_said_to_be_none(
    copy: Desk, tmp_path: Path, text: str, code: int, said: str
) -> None:
    (tmp_path / "head").write_text(text)
    told = copy.gateway("log", "verify", "--checkpoint", str(tmp_path / "head"), code=code)
    assert said in " ".join(told.replace("│", " ").split())
