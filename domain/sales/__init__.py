"""The sales floor: what reps see of customers and catalogue, the orders they place, and how they do."""
