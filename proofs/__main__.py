"""`make prove [NAME=…]`: runs the proofs at full size and prints their figures."""

import asyncio
import importlib
import sys
import time

from domain.access.crypto import use_data_keys
from settings import load_settings

NAMES = (
    "scores",
    "oversell", "crash", "sync", "uploads", "payments", "books", "circles", "invoices", "imports", "people",
    "warehouse", "calling", "commissions", "bank", "plans", "profit", "renewals", "fuzz", "hostile", "restarts",
    "voice", "voice_calls", "webhooks_out", "backup", "nodes", "rolling", "deployed",
    "customer_lists",
)  # fmt: skip


def main() -> int:
    """Run the named proofs, or all; the exit status is 1 when one fails."""
    names = sys.argv[1:] or list(NAMES)
    if unknown := [name for name in names if name not in NAMES]:
        print(f"There is no proof {', '.join(unknown)}; there are {', '.join(NAMES)}.")
        return 2
    failed = 0
    for name in names:
        module = importlib.import_module(f"proofs.{name}")
        print(f"{name}: {(module.__doc__ or '').splitlines()[0]}")
        use_data_keys(load_settings().data_keys)
        started = time.monotonic()
        try:
            asyncio.run(module.prove())
        except AssertionError as failure:
            failed += 1
            print(f"  {name} failed: {failure}")
        print(f"  {time.monotonic() - started:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
