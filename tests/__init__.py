"""Tests of the gateway, by room and by kind."""

import os

# How wide a terminal is, is for each test to say: a console keeps what it found when it was made.
os.environ.pop("COLUMNS", None)
