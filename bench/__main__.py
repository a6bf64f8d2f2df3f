"""`make bench [NAME=…]`: runs the benches and prints ratios, because times on these machines are noisy."""

import importlib
import sys

import uvloop

NAMES = (
    "product_list", "place_order", "pdf", "calling_list", "warehouse_queue", "voice_tools", "call_queue",
    "csv_import", "csv_export", "live_lists", "stalls", "sync", "orders_page", "memory", "growth", "releases",
)  # fmt: skip


def main() -> int:
    """Run the named benches, or all."""
    names = sys.argv[1:] or list(NAMES)
    if unknown := [name for name in names if name not in NAMES]:
        print(f"There is no bench {', '.join(unknown)}; there are {', '.join(NAMES)}.")
        return 2
    for name in names:
        module = importlib.import_module(f"bench.{name}")
        print(f"{name}: {(module.__doc__ or '').splitlines()[0]}")
        uvloop.run(module.bench())
    return 0


if __name__ == "__main__":
    sys.exit(main())
