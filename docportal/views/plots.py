"""What the plots of a run show: curves for the eye, thinned out, and tables to be read. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

# More dots than this, and a curve on a screen looks the same.
ON_A_PLOT = 400
IN_A_TABLE = 25


class Point(NamedTuple):
    """One step of a run; shares, where a validation was made after it."""

    step: int
    seconds: float
    loss: float
    tokens_per_second: float
    exact_match: float | None
    hallucination: float | None


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """About `most` of them, evenly, always with the last one."""
    every = max(1, -(-len(points) // most))
    return [*points[::-1][::every]][::-1]


def validated(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if point.exact_match is not None]


def as_series(points: Sequence[Point]) -> dict[str, list[list[float | None]]]:
    """The coordinates of each curve: its steps and its values."""
    return {
        "loss": [[point.step, point.loss] for point in thinned(points, ON_A_PLOT)],
        "exact_match": [[point.step, point.exact_match] for point in validated(points)],
        "hallucination": [[point.step, point.hallucination] for point in validated(points)],
    }
