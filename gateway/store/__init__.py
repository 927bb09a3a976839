"""The store of sealed files: one copy of each, as sealed by its sender, and session keys beside a few."""
