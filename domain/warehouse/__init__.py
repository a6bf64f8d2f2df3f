"""The warehouse: what is to ship, packing by scans, labels, and where parcels are."""
