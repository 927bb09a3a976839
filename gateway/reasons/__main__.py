"""`python -m gateway.reasons` writes docs/reasons.md."""

import sys

from gateway.reasons import documented

sys.stdout.write(documented())
