"""Whom we buy from, at what price, and what has to be bought soon."""
