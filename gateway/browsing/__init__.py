"""The service of browsers: connections, deadlines, and the guard in front of every page."""
