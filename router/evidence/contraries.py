"""The most and the least, day and night, and what else has a contrary. Pure.

*The lowest temperature* is worded much like *the highest*, and is about the same things.
"""

import re

Pole = tuple[int, bool]
"""One side of a pair of contraries."""

_PAIRS = (
    (
        "max|maximum|maximal|highest|largest|longest|greatest|(?:at|the) most|how (?:high|hot)",
        "min|minimum|minimal|lowest|smallest|shortest|fewest|(?:at|the) least|^least|down to"
        "|how (?:low|cold)",
    ),
    ("by day|daytime|day(?:time)?[- ](?:shift|crew|staff)", "by night|nights?|night[- ]?time"),
    ("summer", "winter"),
    ("weekdays?", "weekends?"),
    ("inbound|incoming", "outbound|outgoing"),
    ("uploads?|uploading", "downloads?|downloading"),
    ("indoors?", "outdoors?"),
    ("earliest", "latest"),
    ("arrivals?|arrives?", "departures?|departs?"),
)
_POLES = [
    ((number, side), re.compile(rf"(?<![^\W_])(?<!-)(?:{words})(?![^\W_]|-)"))
    for number, pair in enumerate(_PAIRS)
    for side, words in zip((True, False), pair, strict=True)
]


def poles_of(folded: str) -> frozenset[Pole]:
    """Those sides that a folded text speaks of."""
    return frozenset(pole for pole, spoken in _POLES if spoken.search(folded))


def are_contrary(asked: frozenset[Pole], told: frozenset[Pole]) -> bool:
    """Whether what is told is of one side alone, and only of the other one is asked."""
    return any(
        (pair, not side) in told and (pair, side) not in told and (pair, not side) not in asked
        for pair, side in asked
    )
