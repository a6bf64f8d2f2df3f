"""The program looking after itself: its mail, its jobs, its outbox, its trail."""
