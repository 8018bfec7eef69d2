"""What the frozen layers below an adapter make of a row, computed once for the whole training.

Nothing below the lowest layer that learns ever changes, so in each epoch the same states come out
of it. They are kept, and a row that was met before begins at the first layer that learns: it costs
neither the way up to there, nor is a gradient sought below.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from training.trainers.batching import beginnings
from training.trainers.packing import Encoded, Packed

# What would be kept beyond this is computed anew. Of 135M parameters 30 tokens take 70 kB.
MOST_BYTES = 1 << 30


class Frozen:
    """The layers below `depth` of a transformer. Several threads may ask, each for other rows."""

    def __init__(self, transformer: nn.Module, depth: int) -> None:
        self._layers = part_of(transformer, 0, depth)
        self._layers.norm = nn.Identity()
        self._begins: dict[str, int] = {}
        self._beginning: dict[str, Tensor] = {}
        self._behind: dict[Encoded, Tensor] = {}
        self._bytes = 0

    def expect(self, rows: Sequence[Encoded]) -> None:
        """All the rows of which something may be kept."""
        self._begins = beginnings(rows)

    def states(self, rows: Sequence[Encoded], packed: Packed, **attention: Any) -> Tensor:
        """(L, width): what comes out of these layers for `packed`, which is of `rows`."""
        beginning = self._beginning.get(rows[0].group)
        behind = [self._behind[row] for row in rows if row in self._behind]
        if beginning is not None and len(behind) == len(rows):
            own = packed.shared - len(beginning)
            return torch.cat([beginning, behind[0][:own], *(each[own:] for each in behind)])
        with torch.no_grad():
            output = self._layers(
                input_ids=packed.ids[None],
                position_ids=packed.positions[None],
                use_cache=False,
                **attention,
            )
        states: Tensor = output.last_hidden_state[0]
        if rows[0].group in self._begins and self._bytes < MOST_BYTES:
            self._keep(rows, packed, states)
        return states

    def _keep(self, rows: Sequence[Encoded], packed: Packed, states: Tensor) -> None:
        """The beginning of the group once, and of each row what stands behind it."""
        begins = self._begins[rows[0].group]
        common, *branches = torch.split(states, [packed.shared, *packed.lengths])
        self._beginning[rows[0].group] = common[:begins].clone()
        for row, branch in zip(rows, branches, strict=True):
            self._behind[row] = torch.cat([common[begins:], branch])
            self._bytes += self._behind[row].nbytes


def part_of(transformer: nn.Module, first: int, last: int) -> Any:
    """The same transformer with those of its layers alone, whose weights it shares."""
    part: Any = copy.copy(transformer)
    part._modules = dict(transformer._modules)  # noqa: SLF001  Else both would lose the layers.
    part.layers = part.layers[first:last]
    return part
