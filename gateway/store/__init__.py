"""Where sealed files lie: one copy of each, as its sender sealed it, and session keys beside a few."""
