"""Store credit and credit terms."""
