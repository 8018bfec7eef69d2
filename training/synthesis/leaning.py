"""Words that stand for something that another sentence names. Pure."""

import re

from training.synthesis.values import Value
from training.synthesis.verbs import BASES, THIRD
from training.synthesis.words import LISTS

_LEANS = re.compile(
    r"\b(?:this|these|those|such|the (?:same|other|latter|former|above|following)|"
    r"the (?:first|second)(?=[,.;]|$| (?:is|was|are|were|has|of|one|two|will|can|may|must)\b)|"
    r"(?:above|below)(?! (?:the|an?|its|\d))|he|she|his|her|they|them|(?<!s and )their|"
    r"there(?! (?:is|are|was|were|has|have|may|must|can)\b)|here|ones?)\b"
    r"(?! (?:page|document)\b)|^each \w+s\b|"
    r"^(?:for|in|on|at|after|before|during|from|with|without|by|to|under|over|within|since|until)"
    r"\b[^,]{1,60}"
    r",? it\b",
    re.I,
)
_THAT = re.compile(r"(?:(?P<before>[\w'’-]+) )?\bthat\b(?: (?P<after>[\w'’-]+))?", re.I)
_NOT_BEFORE_RELATIVE = (
    LISTS["preposition"] | LISTS["auxiliary"] | LISTS["leaning"] | LISTS["subordinator"]
)
_NEW_THOUGHT = re.compile(
    r"[,;] |\s(?:and|but|which|so|because|while|whereas|although|though|after which)\s"
)


def leans(text: str, value: Value) -> bool:
    """Whether the thought that holds the value has words that stand for something elsewhere; what
    follows it (`…, after which we remove them`) is not asked with it."""
    ends = _NEW_THOUGHT.search(text, value.end)
    thought = text[: ends.start()] if ends else text
    if _LEANS.search(thought):
        return True
    return not all(_is_relative(found) for found in _THAT.finditer(thought))


def _is_relative(that: re.Match[str]) -> bool:
    """Whether a `that` goes on from the noun in front of it: `a reading that differs`."""
    before, after = (that["before"] or "").lower(), that["after"] or ""
    is_noun = bool(before) and before not in _NOT_BEFORE_RELATIVE and before not in THIRD
    return is_noun and (after in LISTS["auxiliary"] or after in THIRD or after in BASES)
