"""Boxes: which of them a product fills, and how an order is packed into them."""
