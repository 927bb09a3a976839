"""The shape of the house: what its rooms may use, and how large anything in it may grow."""
