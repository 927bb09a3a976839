"""The inside service: what landed is claimed, examined and put on record, round after round."""
