"""What people call things and how they ask for them: the concepts of `lexicon/`. Pure.

A concept is one kind of fact, such as a port or a notice period. Its files say by which words a
label or a sentence speaks of it, and in which different words people ask for it.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("lexicon")
_EMPTY_QUALIFIERS = frozenset(
    {"a", "an", "the", "of", "for", "its", "our", "your", "default", "current", "main", "primary"}
    | {"standard", "total", "general", "configured", "number", "name", "value", "set", "to", "is"}
)
_AFTER = re.compile(
    r"(?:against|for|in|on|at|per|of|from|to|with|by|before|after|between|during|when|while|until|"
    r"without|via|under|above|below|over|within|as|including|excluding|if)\b"
)


@dataclass(frozen=True, slots=True)
class Concept:
    """`natural` are the qualifiers that a question may leave out; `says` find it in sentences,
    with the value as the group `v`."""

    name: str
    labels: re.Pattern[str]
    natural: re.Pattern[str] | None
    says: tuple[str, ...]
    triggers: tuple[str, ...]
    asks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Meant:
    """What a label means: the concept, and what the label says beyond it, before and after."""

    concept: Concept
    before: str
    after: str


@cache
def concepts() -> tuple[Concept, ...]:
    """All concepts, in the order of the files."""
    return tuple(
        _concept(entry)
        for path in sorted(FOLDER.glob("*.toml"))
        for entry in tomllib.loads(path.read_text())["concept"]
    )


def _concept(entry: dict[str, Any]) -> Concept:
    labels = "|".join(entry.get("labels", [])) or r"(?!)"
    natural = entry.get("natural", "")
    return Concept(
        name=entry["name"],
        labels=re.compile(rf"(?<![\w-])(?:{labels})(?![\w-])", re.IGNORECASE),
        natural=re.compile(natural, re.IGNORECASE) if natural else None,
        says=tuple(entry.get("says", [])),
        triggers=tuple(entry.get("triggers", [])),
        asks=tuple(entry["asks"]),
    )


@lru_cache(maxsize=20_000)
def meant_by(label: str) -> Meant | None:
    """The concept that covers most of a readable label; None if none of its words speaks of one."""
    best: tuple[int, int, re.Match[str], Concept] | None = None
    for place, concept in enumerate(concepts()):
        found = max(concept.labels.finditer(label), key=lambda m: len(m[0]), default=None)
        if found and (best is None or (len(found[0]), -place) > best[:2]):
            best = (len(found[0]), -place, found, concept)
    if best is None:
        return None
    _, _, found, concept = best
    after = label[found.end() :].strip(" ,")
    if after and not _AFTER.match(after):
        return None
    return Meant(concept, _qualifier(label[: found.start()]), after)


def _qualifier(before: str) -> str:
    """The words in front that narrow it down: `webhook` of `webhook max retries`."""
    words = [word for word in before.split() if word.lower() not in _EMPTY_QUALIFIERS]
    return " ".join(words).strip(" ,:-")
