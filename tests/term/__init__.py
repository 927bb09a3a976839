"""A school year of 200 schools, put forward day by day: `make term`."""
