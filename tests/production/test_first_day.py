"""A school's first day as docs/schools.md tells it, on a clean Debian with nothing of a gateway's installed.

`make install-check`. The gateway is elsewhere, at the other end of a cable that can be pulled out.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.content import core_data
from tests.looking import contents
from tests.production.guide import REPOSITORY
from tests.production.school_root import HERE, SchoolRoot, school_root, wheel
from tests.production.terminal import Typing
from tests.send.office import with_another_column
from tests.site import Running, Site
from tests.waiting import until

pytestmark = [
    pytest.mark.install,
    pytest.mark.root,
    pytest.mark.timeout(1200),
    pytest.mark.needs("mmdebstrap", "nsenter", "unshare", "ip", "tc"),
]
PASSPHRASE = "correct horse battery staple"
SECRET = {r"assphrase.*: $|The same once more: $": PASSPHRASE}
KIT = Path("root/.config/gateway-send")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def services(site: Site) -> Iterator[Running]:
    with site.running() as running:
        yield running


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SchoolRoot]:
    with school_root() as root:
        made = wheel(tmp_path_factory.mktemp("wheel"))
        shutil.copy(made, root.folder / "root")
        (root.folder / "root/census.xml").write_bytes(core_data(seed=1))
        yield root


def first_day() -> list[str]:
    """The four commands of the guide, as it writes them."""
    text = (REPOSITORY / "docs/schools.md").read_text("utf-8")
    block = re.search(r"The first day, in four commands.*?```text\n(.*?)```", text, re.DOTALL)
    assert block is not None
    return block[1].splitlines()


def test_the_first_day_takes_four_commands(site: Site, services: Running, school: SchoolRoot) -> None:
    install, setup, ratify, send = first_day()
    said = school.type(install, {}, network=True, seconds=900)
    assert said.code == 0, said.shown
    assert not list(school.folder.glob("root/.local/**/site-packages/asyncssh"))
    site.gateway("providers", "add", "oak", "--name", "Oak", "--kind", "school")
    invited = site.result("providers", "invite", "oak", "--address", f"{HERE}:{services.intake[1]}")
    (school.folder / "root/oak.invitation").write_text(invited.stdout)
    said = school.type(setup, {r"six words that you hear": invited.stderr.splitlines()[1].strip(),
                               r"e-mail address": "office@oak.invalid", **SECRET})  # fmt: skip
    assert (said.code, "next, when they say that your keys are in force" in said.shown) == (0, True), (
        said.shown
    )
    site.gateway("keys", "add", "oak", str(school.folder / "root/oak.keys"))
    site.gateway("keys", "confirm", "oak", *said.shown.splitlines()[-2].split())
    said = school.type(
        ratify,
        {
            r"Enter goes on$": "",
            r"The name of": "A. Head",
            r"Their office": "headteacher",
            r"\[y/N\]: ": "y",
            **SECRET,
        },
    )
    assert (said.code, "ACCEPTED" in said.shown) == (0, True), said.shown
    said = school.type(send, SECRET)
    assert (said.code, "ACCEPTED" in said.shown) == (0, True), said.shown
    sent = [one for one in site.transfers("--provider", "oak") if one["name"].startswith("census.xml")]
    assert [one["state"] for one in sent] == ["accepted"]


def test_what_is_wrong_with_a_file_is_told_before_it_leaves(site: Site, school: SchoolRoot) -> None:
    (school.folder / "root/shoes.csv").write_bytes(with_another_column(2))
    before = len(site.transfers())
    said = school.type("gateway send shoes.csv", SECRET)
    assert (said.code, "is headed Shoe size" in said.shown) == (1, True), said.shown
    assert len(site.transfers()) == before


def unfinished(site: Site) -> int | None:
    """How much of an upload is kept, while it is under way: whole blocks of a megabyte."""
    found = contents(path for path in site.home.glob("spool/**/*") if "landed" not in path.parts)
    return max((len(content) for _, content in found if len(content) > 50_000), default=None)


@pytest.mark.parametrize("how", ["killed", "cut off"])
def test_a_break_in_the_middle_is_gone_on_with(how: str, site: Site, school: SchoolRoot) -> None:
    name = f"{how.replace(' ', '-')}.xml"
    (school.folder / "root" / name).write_bytes(core_data(seed=len(how), pupils=24_000))
    school.slow("2mbit")
    try:
        sending = Typing(school.words(f"gateway send {name}"), SECRET)
        until(lambda: _goes_on(sending, site), "half of it", 120)
        if how == "killed":
            sending.kill()
            said = None
        else:
            school.plug(connected=False)
            sending.until("trying again", 200)
            school.plug(connected=True)
            said = sending.until(seconds=300)
    finally:
        school.slow("1gbit")
    said = said or school.type(f"gateway send {name}", SECRET)
    assert (said.code, "ACCEPTED" in said.shown) == (0, True), said.shown
    named = [one for one in site.transfers("--provider", "oak") if one["name"].startswith(name)]
    assert [one["state"] for one in named] == ["accepted"]


def _goes_on(sending: Typing, site: Site) -> bool:
    """Whether much of it has come; the terminal is read meanwhile, and what it asks answered."""
    sending.glance()
    return unfinished(site) is not None


def test_status_receipts_and_renewal(site: Site, school: SchoolRoot) -> None:
    said = school.type("gateway send status", SECRET)
    assert (said.code, "due: school-census, on " in said.shown) == (0, True), said.shown
    (before,) = [key for key in site.json("keys", "list", "oak") if key["kind"] == "openpgp"]
    said = school.type("gateway send renew", SECRET)
    assert (said.code, "ACCEPTED" in said.shown) == (0, True), said.shown
    (after,) = [key for key in site.json("keys", "list", "oak") if key["kind"] == "openpgp"]
    assert after["expires_at"] > before["expires_at"]
    kit = f"/{KIT}"
    said = school.type(
        f"gateway receipts verify {kit}/receipts/census*.json --gateway-key {kit}/gateway/*.asc", {}
    )
    assert (said.code, "census.xml" in said.shown) == (0, True), said.shown
    said = school.type("gateway init", {})
    assert (said.code, "pip install 'FILE[server]'" in said.shown) == (1, True), said.shown
