"""Hold the agreement as data, and decide by the data with pure functions.

`catalogue` reads `policies/`. `decide` judges a file, or a transfer by another method. `timescale` lists due
data. `discrepancies` compares rolls. `explain` gives the reasons in words.
"""
