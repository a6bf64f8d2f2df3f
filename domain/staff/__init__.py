"""Colleagues: signing in, what each role may do, tokens and keys."""
