"""How alike vectors of unit length are. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from router.retrieval.vectors import Vectors


def cosines(vectors: Vectors, vector: Vectors) -> Vectors:
    """Of each row, or of the one vector, with `vector`: at most 1.

    Of a vector with itself, some processors make a little more, and what an answer's confidence is
    made of must not be more than sure.
    """
    alike: Vectors = np.minimum(vectors @ vector, np.float32(1))
    return alike
