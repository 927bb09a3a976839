"""Files about their formats: containers, workbooks, what is active in them, and the layouts of systems."""

from __future__ import annotations

from tests.corpus import containers, inert, layouts
from tests.corpus.corpus import Files

FILES: Files = {**containers.FILES, **inert.FILES, **layouts.FILES}
