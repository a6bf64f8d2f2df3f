"""The proofs, small: the same code that `make prove` runs at full size."""

from proofs import crash, oversell


async def test_the_last_units_are_never_sold_twice() -> None:
    await oversell.prove(buyers=30, units=7, hot_orders=30, hot_skus=4)


async def test_a_killed_server_loses_no_order_and_doubles_none() -> None:
    await crash.prove(orders=30, kills=2)
