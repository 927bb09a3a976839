"""Measure the way from an invitation to a proved receipt: `python -m tests.web.minute [BROWSER]...`.

A person's pace is acted: two seconds before each click, four to find a file, five characters typed in a
second, a second for each word that is read out. The work of the authority's desk meanwhile is not counted: to
take the keys in, and to confirm the six words. Exits 1 where it takes more than a minute.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.content import core_data
from tests.web.browsers import NAMES
from tests.web.school import PROVED, School, chooses, presses, school_at

CLICK, FILE, CHARACTER, WORD, MOST = 2.0, 4.0, 0.2, 1.0, 60.0


def taken(school: School, folder: Path) -> float:
    """The seconds of the person and of the page together."""
    page = school.opens()
    invitation, words = school.invites(folder)
    begun = time.monotonic()
    time.sleep(FILE)
    page.get_by_label("Your invitation").set_input_files(invitation)
    for label, text in (("The six words", words), ("The e-mail address", "office@oak.example")):
        time.sleep(CHARACTER * len(text))
        page.get_by_label(label).fill(text)
    time.sleep(CLICK)
    presses(page, "Make my keys")
    page.get_by_role("heading", name="Your keys are made").wait_for()
    time.sleep(CLICK)
    at_the_desk = time.monotonic()
    aloud = school.hands_over(page, folder)
    at_the_desk = time.monotonic() - at_the_desk
    time.sleep(WORD * len(aloud.split()) + CLICK)
    school.logs_in(page)
    time.sleep(FILE)
    chooses(page, "core.xml", core_data(1))
    time.sleep(CLICK)
    presses(page, "Send")
    page.get_by_text(PROVED).wait_for()
    return time.monotonic() - begun - at_the_desk


def main() -> int:
    longest = 0.0
    for name in sys.argv[1:] or NAMES:
        with tempfile.TemporaryDirectory() as made_here:
            folder = Path(made_here)
            with school_at(folder / "site", name) as school:
                seconds = taken(school, folder)
        sys.stdout.write(f"{name}: {seconds:.0f} s from the invitation to a proved receipt\n")
        longest = max(longest, seconds)
    return int(longest > MOST)


if __name__ == "__main__":
    sys.exit(main())
