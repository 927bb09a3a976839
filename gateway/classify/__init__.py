"""What a file is, by what it contains: data type, facts, data items and quality findings.

`recognise` finds the container and asks the recogniser of its format family: `ctf`, `dfe_message`,
`tables` and their kin. What they know stands in policies/data_types.toml and policies/items.toml.
A new data type is usually a matter of these files alone: CONTRIBUTING.md has the recipe.
"""

from gateway.classify.load import load_rules
from gateway.classify.recognise import classify
from gateway.classify.rules import Rules
from gateway.classify.tally import OnPupil

__all__ = ["OnPupil", "Rules", "classify", "load_rules"]
