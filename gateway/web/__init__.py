"""The web door: pages on which schools send by browser, and their requests passed on to intake."""
