"""Every act of a person, declared once: fields, rights, confirmation and effect.

The command line, the pages of the console and the questions of the console API are derived from the
declarations. Each module has the acts of one noun, and is found by its place in the folder.
"""
