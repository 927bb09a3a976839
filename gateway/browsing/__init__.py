"""Accept browsers' connections, keep deadlines, and guard every page."""
