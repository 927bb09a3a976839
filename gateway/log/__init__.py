"""The append-only log as a data structure: Merkle tree, entries, canonical JSON, signed checkpoints."""
