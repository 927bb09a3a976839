"""The agreement as data, and the pure decision over it."""
