"""The sales floor: customers and catalogue for reps, the orders they place, and their figures."""
