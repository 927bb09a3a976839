"""Every act of a person, declared once: fields, rights, confirmation and effect.

The command line, the pages of the console and the questions of the console API are derived from the
declarations. Each module has the acts on one noun, or on a few of one subject; `fields.py` finds the modules
by listing the folder.
"""
