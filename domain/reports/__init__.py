"""Figures made of what happened, each with the rows it counts."""
