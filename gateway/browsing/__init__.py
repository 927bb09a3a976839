"""What serves browsers: their connections, deadlines, and the guard in front of every page."""
