"""Every fuzzed parser stands its seeds, cut or changed at a few places: seconds of what `make fuzz` does."""

from __future__ import annotations

import pytest

from tests.fuzz.targets import TARGETS

PLACES, SEEDS = 3, 24


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_stands_its_seeds_and_what_is_near_them(name: str) -> None:
    target, seeds = TARGETS[name]
    for seed in sorted((seed for seed in seeds() if len(seed) < 4_000), key=len)[:SEEDS]:
        target(seed)
        for place in range(0, len(seed), max(1, len(seed) // PLACES)):
            target(seed[:place])
            target(seed[:place] + bytes([seed[place] ^ 0x20]) + seed[place + 1 :])
            target(seed[:place] + b"\0\xff" + seed[place:])
