"""The isolated children that see plaintext, what they are asked, and the end of the parent that asks."""
