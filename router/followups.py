"""A question that leans on the one before it, said so that it stands alone. Pure.

Only what can be done surely is done: a name for a pronoun, one name for another, a name added to a
question that names none. A question with a name of its own stands alone.
"""

import re
from collections.abc import Sequence

from router.evidence.named import entities_of

# With more words than this a question says what it is about.
SHORT_WORDS = 6

_LEAD = re.compile(
    r"^(?:(?:ok|okay|thanks)\b[\s,]*)?(?:(?:and|or|but)\b[\s,]*)?"
    r"(?:(?:what about|how about|(?:the )?same for|for|in)\b\s*)?",
    re.IGNORECASE,
)
_OWNED = re.compile(
    r"\b(?:its|their|his|her|(?:that|this) (?:service|one|team|system|tool|job|page)'s)\b",
    re.IGNORECASE,
)
_MEANT = re.compile(
    r"\b(?:it|they|them|(?:that|this) (?:service|one|team|system|tool|job|page)|the same one)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"(?:who|whose|what|which|when|where|how|why|since when|is|are|does|do|did|can|may|must"
    r"|should)\b",
    re.IGNORECASE,
)
_IDLE = re.compile(r"\bis it (?:possible|true|ok|okay|allowed|necessary|safe)\b", re.IGNORECASE)


def standalone(question: str, earlier: Sequence[str]) -> str:
    """`question` as it would be asked without `earlier`, the questions before it, newest first."""
    before = next((one for one in earlier if entities_of(one)), "")
    if not before:
        return question
    name = entities_of(before)[0]
    rest = _LEAD.sub("", question, count=1)
    is_led = rest != question
    if named := entities_of(f"of {rest}"):
        return _instead(rest, named, before, name) if is_led else question
    # By a function, as a backslash in a name would be read as an escape.
    if _OWNED.search(rest):
        return _OWNED.sub(lambda _: f"{name}'s", rest, count=1)
    if _MEANT.search(rest) and not _IDLE.search(rest):
        return _MEANT.sub(lambda _: name, rest, count=1)
    if is_led or len(rest.split()) <= SHORT_WORDS:
        return _about(rest, before, name)
    return question


def _instead(rest: str, named: Sequence[str], before: str, name: str) -> str:
    """`And cedar-vault?` asks the question before of another name."""
    is_name = rest.rstrip("?.! ").lower().endswith(named[0].lower()) and len(named) == 1
    return before.replace(name, named[0]) if is_name and not _ASKS.match(rest) else rest


def _about(rest: str, before: str, name: str) -> str:
    bare = rest.rstrip("?.! ")
    return f"{bare}: {before}" if _ASKS.match(bare) else f"{bare} of {name}?"
