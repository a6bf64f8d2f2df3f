"""The calling list: who is called next, who may be called, and the outcomes of calls."""
