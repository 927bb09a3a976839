"""A school year of 300 schools, put forward day by day: `make term`."""
