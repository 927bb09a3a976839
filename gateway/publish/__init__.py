"""Write published/: projections of the registry that can be made again at any time."""
