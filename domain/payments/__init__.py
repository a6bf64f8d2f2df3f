"""Money that comes in for orders."""
