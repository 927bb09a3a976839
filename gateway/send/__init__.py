"""The provider's side: a file is checked, signed, encrypted and sent, and its receipt is verified.

Nothing of the inside is used here: this runs on a school's computer, where there is no home.
"""
