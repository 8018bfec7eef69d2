"""The vector index: exact inner products over half-precision vectors.

The only importer of faiss. A graph index (HNSW) would be faster, but cannot delete and loses its
recall under a narrow filter; this one reads all vectors and gets faster as the filter narrows.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# Read as faiss is loaded: its threads would compute on while they wait for the next search.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import faiss
import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rows:
    """Who the vectors of an index belong to: three columns, int64, one row a vector."""

    table: NDArray[np.int64]

    @property
    def chunks(self) -> NDArray[np.int64]:
        return self.table[:, 0]

    @property
    def versions(self) -> NDArray[np.int64]:
        return self.table[:, 1]

    @property
    def collections(self) -> NDArray[np.int64]:
        return self.table[:, 2]

    def __len__(self) -> int:
        return len(self.table)


def write_vectors(path: Path, dimension: int, batches: Iterable[Vectors]) -> None:
    """Write an index file of all vectors, in the order that they come in. Raises `OSError`."""
    index = faiss.IndexScalarQuantizer(
        dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    for batch in batches:
        index.add(batch)
    try:
        faiss.write_index(index, str(path))
    except RuntimeError as error:
        raise OSError(str(error)) from error


class VectorFile:
    """An index file, mapped into memory: processes share its pages. Safe between threads."""

    def __init__(self, path: Path) -> None:
        self._index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(self, question: Vectors, allowed: Mask, limit: int) -> list[tuple[int, float]]:
        """Row numbers and inner products of the nearest allowed rows, best first."""
        bitmap = np.packbits(allowed, bitorder="little")
        parameters = faiss.SearchParameters()
        parameters.sel = faiss.IDSelectorBitmap(len(bitmap), faiss.swig_ptr(bitmap))
        products, rows = self._index.search(question[np.newaxis], limit, params=parameters)
        return [
            (int(row), float(product))
            for row, product in zip(rows[0], products[0], strict=True)
            if row >= 0
        ]


def nearest(
    vectors: Vectors, question: Vectors, allowed: Mask, limit: int
) -> list[tuple[int, float]]:
    """As `VectorFile.search`, over vectors in memory."""
    rows = np.flatnonzero(allowed)
    products = vectors[rows] @ question
    best = np.argsort(-products, kind="stable")[:limit]
    return [(int(rows[i]), float(products[i])) for i in best]
