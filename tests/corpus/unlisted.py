"""Files about what else a file may hold: columns nobody lists, sensitive ones, grades.

Headers are those of the exports of SIMS, Arbor, Bromcom, ScholarPack, Integris and Wonde, of published
templates, and of the lists that people in schools keep. Everything in them is invented.
"""

from __future__ import annotations

from tests.corpus import broadsheets, daily, elsewhere, extra_columns, markup_files
from tests.corpus.corpus import Files

FILES: Files = {
    **daily.FILES,
    **extra_columns.FILES,
    **broadsheets.FILES,
    **markup_files.FILES,
    **elsewhere.FILES,
}
