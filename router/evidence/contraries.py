"""The most and the least, day and night, a week and a year, zone 2 and zone 5: what is worded much
alike, is about the same things, and is something else. Pure."""

import re
from itertools import pairwise

from router.text import is_content, words

Side = tuple[str, str]
"""Of what there are several, and which of them."""

# What went down to 3 is no lowest, but what was changed.
_LOWERED = "brought came comes cut go goes going gone lowered reduced turned went"
_NOT_LOWERED = "".join(rf"(?<!\b{verb} )" for verb in _LOWERED.split())
_GROUPS = (
    (
        "max|maximum|maximal|highest|largest|longest|greatest|(?:at|the) most|how (?:high|hot)",
        "min|minimum|minimal|lowest|smallest|shortest|fewest|(?:at|the) least|^least"
        rf"|{_NOT_LOWERED}down to"
        "|how (?:low|cold)",
    ),
    ("by day|daytime|day(?:time)?[- ](?:shift|crew|staff)", "by night|nights?|night[- ]?time"),
    (
        "hourly|(?:per|an|each|every) hour",
        "daily|(?:per|a|each|every) day",
        "weekly|(?:per|a|each|every) week",
        "monthly|(?:per|a|each|every) month",
        "quarterly|(?:per|a|each|every) quarter",
        "yearly|annual|annually|(?:per|a|each|every) year|per annum",
    ),
    ("summer", "winter"),
    ("weekdays?", "weekends?"),
    ("inbound|incoming", "outbound|outgoing"),
    ("uploads?|uploading", "downloads?|downloading"),
    ("indoors?", "outdoors?"),
    ("earliest", "latest"),
    ("arrivals?|arrives?", "departures?|departs?"),
)
_SIDES = [
    ((str(group), str(side)), re.compile(rf"(?<![^\W_])(?<!-)(?:{said})(?![^\W_]|-)"))
    for group, sides in enumerate(_GROUPS)
    for side, said in enumerate(sides)
]
_NUMBER = re.compile(r"\d{1,4}")


def sides_of(folded: str) -> frozenset[Side]:
    """Those that a folded text speaks of: of contraries, and of what has a number for its name."""
    spoken = {side for side, said in _SIDES if said.search(folded)}
    numbered = {
        (noun.stem, number.text)
        for noun, number in pairwise(words(folded))
        if _NUMBER.fullmatch(number.text) and noun.text.isalpha() and is_content(noun)
        if number.start == noun.end + 1 and folded[noun.end] == " "
    }
    return frozenset(spoken | numbered)


def are_contrary(asked: frozenset[Side], told: frozenset[Side]) -> bool:
    """Whether of a group something is asked that is not told, and something told that is not
    asked."""
    groups = {group for group, _ in asked}
    others = {group for group, side in told if (group, side) not in asked and group in groups}
    return any(group in others for group, side in asked if (group, side) not in told)
