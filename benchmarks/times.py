"""How long something took each time it was done."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Times:
    seconds: Sequence[float]

    def at(self, percent: float) -> float:
        """The percentile in milliseconds; NaN if nothing was done."""
        return float(np.percentile(self.seconds, percent)) * 1000 if self.seconds else np.nan

    def told(self, high: float) -> str:
        """The median and a high percentile, as a table shows them."""
        return f"p50 {self.at(50):.1f} ms, p{high:g} {self.at(high):.1f} ms"

    def beside(self, other: "Times", high: float) -> str:
        """The ratio of the high percentiles."""
        return f"{self.at(high) / other.at(high):.2f}"
