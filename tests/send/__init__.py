"""The provider's side, against real services of a real gateway."""
