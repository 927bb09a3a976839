"""Read the agreement as data, and decide by the data in pure functions.

`catalogue` reads `policies/`, `decide` judges a file, or a transfer sent another way, `timescale` lists due
files, `discrepancies` compares rolls, `explain` gives the reasons in words.
"""
