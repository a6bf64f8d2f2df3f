"""Stock: levels, the ledger that explains them, and the one way to change them."""
