"""Write docs/reasons.md: `python -m gateway.reasons`."""

import sys

from gateway.reasons import documented

sys.stdout.write(documented())
