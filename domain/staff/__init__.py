"""Staff: signing in, accounts, tokens and API keys."""
