"""Boxes: which products fill which boxes, and how orders are packed into them."""
