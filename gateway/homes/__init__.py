"""Make, demonstrate, audit, back up, restore, move and upgrade homes."""
