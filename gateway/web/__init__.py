"""Serve the web door: the page on which schools seal and send, and its requests passed on to intake."""
