"""The vectors of the corpus at one revision: a generation on disk, and what changed since.

All values are immutable: a change makes a new snapshot, and searches under way keep the old one.
"""

from collections.abc import Collection as AbstractCollection
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from router.retrieval.vectors import Mask, Rows, VectorFile, Vectors, nearest


@dataclass(frozen=True, slots=True)
class DenseSnapshot:
    """`alive` marks the rows of the generation that no later change took out."""

    revision: int
    file: VectorFile
    rows: Rows
    alive: Mask
    delta_rows: Rows
    delta: Vectors

    @classmethod
    def of_generation(
        cls, revision: int, file: VectorFile, rows: Rows, dimension: int
    ) -> "DenseSnapshot":
        return cls(
            revision=revision,
            file=file,
            rows=rows,
            alive=np.ones(len(rows), np.bool_),
            delta_rows=Rows(np.empty((0, 3), np.int64)),
            delta=np.empty((0, dimension), np.float32),
        )

    @property
    def unsettled(self) -> int:
        """How many chunks differ from the generation: added, or taken out."""
        return len(self.delta_rows) + int(np.count_nonzero(~self.alive))

    def changed(
        self,
        *,
        touched: Sequence[int],
        added: Iterable[tuple[Rows, Vectors]],
        revision: int,
    ) -> "DenseSnapshot":
        """Without the chunks of the touched versions, and then with the added ones."""
        kept = ~np.isin(self.delta_rows.versions, touched)
        batches = list(added)
        return DenseSnapshot(
            revision=revision,
            file=self.file,
            rows=self.rows,
            alive=self.alive & ~np.isin(self.rows.versions, touched),
            delta_rows=Rows(
                np.concatenate([self.delta_rows.table[kept], *(rows.table for rows, _ in batches)])
            ),
            delta=np.concatenate([self.delta[kept], *(part for _, part in batches)]),
        )

    def search(
        self, question: Vectors, collections: AbstractCollection[int], limit: int
    ) -> list[tuple[int, float]]:
        """Chunk ids and cosines of the nearest chunks within some collections, best first."""
        wanted = list(collections)
        settled = self.file.search(
            question, self.alive & np.isin(self.rows.collections, wanted), limit
        )
        recent = nearest(self.delta, question, np.isin(self.delta_rows.collections, wanted), limit)
        found = [(int(self.rows.chunks[row]), cosine) for row, cosine in settled]
        found += [(int(self.delta_rows.chunks[row]), cosine) for row, cosine in recent]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:limit]
