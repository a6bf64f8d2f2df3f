"""The warehouse: the orders to ship, packing by scanning, labels, and tracking."""
