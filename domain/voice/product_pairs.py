"""Counts which products are bought by the same customers, with sparse matrices in a child process.

The result equals that of the statement `PAIRS`, cut to as many of each product's best pairs as a reader can need.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# The number of products counted at a time, which limits memory.
AT_A_TIME = 256


@dataclass(frozen=True, slots=True)
class Pairs:
    """For each product the products bought by the same customers, best first. The four columns have the same length."""

    product_id: list[int]
    other_id: list[int]
    shared: list[int]
    lift: list[float]


def count_pairs(owned: Sequence[Sequence[int]], offered: set[int], *, shared_at_least: int, spare: int) -> Pairs:
    """Count the pairs of the products each customer owns; as `other_id` only products in `offered` are kept.

    A reader leaves out what its customer already owns. No customer owns more products than the largest owner, so that
    many plus `spare` of each product's best pairs contain all that any reader uses.
    """
    # SciPy takes a second to load, and only this function needs it.
    from scipy.sparse import csr_matrix

    codes = {product: place for place, product in enumerate(sorted({one for each in owned for one in each}))}
    ids = np.array(list(codes), dtype=np.int64)
    lengths = np.array([len(each) for each in owned], dtype=np.int64)
    columns = np.fromiter((codes[one] for each in owned for one in each), dtype=np.int32)
    rows = np.concatenate(([0], np.cumsum(lengths)))
    bought = csr_matrix((np.ones(len(columns), dtype=np.int32), columns, rows), shape=(len(owned), len(ids)))
    by_product = bought.T.tocsr()
    buyers = np.diff(by_product.indptr).astype(np.int64)
    is_offered = np.array([product in offered for product in codes], dtype=bool)
    most = int(lengths.max(initial=0)) + spare
    found: list[tuple[Any, ...]] = []
    for first in range(0, len(ids), AT_A_TIME):
        counted = (by_product[first : first + AT_A_TIME] @ bought).tocsr()
        for row in range(counted.shape[0]):
            part = slice(counted.indptr[row], counted.indptr[row + 1])
            others, shared = counted.indices[part], counted.data[part].astype(np.int64)
            chosen = (shared >= shared_at_least) & (others != first + row) & is_offered[others]
            others, shared = others[chosen], shared[chosen]
            # Integers up to the division, as in the statement.
            lift = (shared * len(owned)).astype(float) / (buyers[first + row] * buyers[others]).astype(float)
            best = np.lexsort((ids[others], -shared, -lift))[:most]
            found.append((np.full(len(best), ids[first + row]), ids[others[best]], shared[best], lift[best]))
    columns_found = [np.concatenate(parts).tolist() for parts in zip(*found, strict=True)] if found else [[]] * 4
    return Pairs(*columns_found)
