"""The console API inside the mailboxes service: authenticates each caller and enforces access."""
