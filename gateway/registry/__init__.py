"""The database: who may send, what landed, what was decided, who collected."""
