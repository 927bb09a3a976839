"""The processor, the inside service: claim, examine and decide on landed files, round after round."""
