"""The calling list: who is called next, who may be called, and what came of it."""
