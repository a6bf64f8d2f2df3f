"""What is due to sales reps: rates, statements by month, and what was paid."""
