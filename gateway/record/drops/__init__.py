"""Drops of providers in /keys and /agreement: the meaning and the effects of each."""
