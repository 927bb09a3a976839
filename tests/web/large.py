"""A large file through a browser whose connection is cut off: python -m tests.web.large [BROWSER].

It is sealed and sent, cut off ten times, and half-way the page is closed. How much more memory the process of
the page took than when the file was chosen, the kernel measures (VmHWM of /proc/PID/status). What all the
processes of the browser have at once is looked at some times a second. TMPDIR needs room for five such files.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from playwright.sync_api import Page

from tests.waiting import until
from tests.web.browsers import NAMES
from tests.web.school import School, enrolled, leads_to, school_at

MIB = 1024 * 1024
MOST_MIB = 300
"""What a page may take, in MiB, above what it took before."""
_PAGE = re.compile(rb"--type=renderer|-contentproc.*\btab\b", re.DOTALL)
_BROWSER = re.compile(r"/(chromium|firefox)[a-z-]*$")
_PATIENCE = 3600


def _memory(pid: str, of: str, file: str = "status") -> int:
    """Bytes that a process has (VmRSS), or had at most (VmHWM)."""
    found = re.search(rf"{of}:\s+(\d+) kB", Path(f"/proc/{pid}/{file}").read_text())
    return int(found[1]) * 1024 if found else 0


def _processes() -> list[str]:
    """What this process started, and what that started."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[path.parent.name] = path.read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
    found = [str(os.getpid())]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def _together() -> int:
    """Bytes that all processes of a browser have, of which those that they share are counted once (Pss).

    Without Firefox's first one, which keeps the body of each request for whoever drives it by WebDriver BiDi:
    driven by Marionette, it does not grow by what a page seals and sends.
    """
    found = 0
    for pid in _processes():
        with suppress(OSError):
            program = _BROWSER.search(str(Path(f"/proc/{pid}/exe").readlink()))
            driven = program and program[1] == "firefox"
            if program and not (driven and b"-contentproc" not in Path(f"/proc/{pid}/cmdline").read_bytes()):
                found += _memory(pid, "Pss", "smaps_rollup")
    return found


class Growth:
    """What a browser takes more than at the beginning.

    `together`: all its processes at once, whenever looked at; `page`: the one that shows the page.
    """

    def __init__(self) -> None:
        self._before: dict[str, int] = {}
        for pid in _processes():
            if _PAGE.search(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")):
                Path(f"/proc/{pid}/clear_refs").write_text("5")  # The most begins anew.
                self._before[pid] = _memory(pid, "VmRSS")
        assert self._before, "no page is shown"
        self._first, self.page, self.together = _together(), 0, 0

    def look(self) -> None:
        """For the most so far; the kernel itself counts that of a page's process."""
        self.together = max(self.together, _together() - self._first)
        for pid, before in self._before.items():
            with suppress(FileNotFoundError):
                self.page = max(self.page, _memory(pid, "VmHWM") - before)


def sends_large(school: School, page: Page, file: Path, cuts: int) -> Growth:
    """The file is sent by whoever is logged in on the page, and its receipt proved; what that took."""
    recorder, size = school.recorder, file.stat().st_size
    recorder.keeps = False
    growth = Growth()
    page.get_by_label("The file", exact=True).set_input_files(file)
    recorder.cut_off([recorder.passed + size * (turn + 1) // (cuts + 1) for turn in range(cuts)])

    def once(found: Callable[[], bool]) -> bool:
        page.wait_for_timeout(200)
        growth.look()
        return found()

    page.get_by_role("button", name="Send", exact=True).click()
    until(lambda: once(lambda: len(recorder.cuts) <= cuts // 2), "the cuts", _PATIENCE)
    page.reload()
    school.logs_in(page)
    arrived = page.get_by_text(f"{file.name} has arrived.")
    until(lambda: once(arrived.is_visible), "the file", _PATIENCE)
    assert recorder.cuts == []
    until(lambda: leads_to(page, f"Show the receipt of {file.name}", "#receipt"), "the receipt", _PATIENCE)
    assert "it is about the file that you sent here" in page.locator("#proof").inner_text()
    return growth


def made(file: Path, mib: int) -> Path:
    """A file of so many MiB, which nothing can make smaller."""
    part = random.Random(1).randbytes(MIB)
    with file.open("wb") as out:
        for _ in range(mib):
            out.write(part)
    return file


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    asked.add_argument("--mib", type=int, default=1024)
    asked.add_argument("--cuts", type=int, default=10)
    asked.add_argument("browser", nargs="*", default=list(NAMES), metavar="BROWSER")
    told = asked.parse_args()
    most = 0
    for name in told.browser:
        with tempfile.TemporaryDirectory() as made_here:
            folder = Path(made_here)
            with school_at(folder / "site", name, profile=folder / "profile") as school:
                page = enrolled(school, folder)
                grown = sends_large(school, page, made(folder / "large.csv", told.mib), told.cuts)
        sys.stdout.write(
            f"{name}: {told.mib} MiB, cut off {told.cuts} times: the page took at most {grown.page // MIB} "
            f"MiB more, the browser's processes together {grown.together // MIB} MiB\n"
        )
        most = max(most, grown.page, grown.together)
    return int(most > MOST_MIB * MIB)


if __name__ == "__main__":
    sys.exit(main())
