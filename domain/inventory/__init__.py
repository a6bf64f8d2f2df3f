"""Stock: levels, corrections, deliveries and lists."""
