"""The hatch at which the console asks: who asks is proved here, and what they may not have is not given."""
