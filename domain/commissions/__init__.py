"""The commissions of sales reps: rates, statements by month, and payments."""
