"""The agreement as data, and the pure functions that decide over it.

`catalogue` reads `policies/`, `decide` judges a file, `methods` judges a transfer that went another
way, `timescale` says what is due, `discrepancies` compares rolls, `explain` tells people why.
"""
