"""The cases that must not open, and the reason that each must give."""

from tests.openpgp.make import damage, keys, outside, signatures, structure

CASES = [*outside.CASES, *signatures.CASES, *keys.CASES, *damage.CASES, *structure.CASES]
