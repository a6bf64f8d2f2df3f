"""The pages of the sales floor: the calling list, the call itself, figures, commissions and the script."""
