"""Makes the vectors in tests/vectors/openpgp anew: python -m tests.openpgp.make.

It needs gpg, sqop, gosop, rsop and faketime. Everything is dated around AT, a fixed day in the past, so
that the verdicts do not depend on the day of the test. The vectors are stored, because they must
also be run where none of those programs is installed.
"""
