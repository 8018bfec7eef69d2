"""Whether a clause can be asked for its value at all: it is whole, and leans on nothing. Pure."""

import re
from itertools import pairwise, takewhile

from training.synthesis.targets import Target
from training.synthesis.values import Value
from training.synthesis.verbs import BASES, THIRD
from training.synthesis.words import LISTS

_INNER = LISTS["subordinator"]
_UNITS = ("how long", "how much", "what amount", "what percentage", "what temperature")
_ONE = ("the", "a", "an", "each", "every", "this")
_MOST_BETWEEN = 6
"""Words of a noun with where it is, in front of its verb."""
_PERSONS = ("we", "you", "they", "i", "people")


def is_inside(clause: str, value: Value) -> bool:
    """Whether the value stands in brackets, behind a colon, or behind a word that leans."""
    left = clause[: value.start]
    first = re.split(r"[ '’]", left, maxsplit=1)[0].lower()
    is_there = re.match(r"there (?:is|are)\b", left) is not None
    leans = first in (LISTS["auxiliary"] if is_there else LISTS["leaning"] | LISTS["auxiliary"])
    lacks_object = first in BASES and re.search(r"\b(?:it|them)\b", left) is not None
    first_word = left.split(" ", 1)[0]
    is_call = first_word.isupper() and len(first_word) > 2 and value.kind in ("path", "url")
    is_nested = left.count("(") > left.count(")") or left.count("`") % 2 == 1
    return leans or lacks_object or is_call or is_nested or ": " in left


def is_whole(main: str, rest: str) -> bool:
    """Whether the part around the value has a verb: notes such as `Traffic 1 TB` have none."""
    part = re.split(r",\s*", main)[-1].split()
    leads = (
        len(part) == 1
        and part[0] in BASES
        and not LISTS["preposition"].isdisjoint(rest.split()[:1])
    )
    if part and (is_order(part) or leads):
        return True
    follows = (part[1:2] or [""])[0]
    if part and part[0] in THIRD and part[0] not in LISTS["plural_noun"]:
        # `…, takes 40 s` goes on from the noun before it; `snapshots are taken` has its own
        return "," in main or follows in LISTS["auxiliary"]
    if part and part[0].endswith("ed") and follows in LISTS["preposition"]:
        return False
    if part and part[0].lower() in _ONE and not LISTS["plural_noun"].isdisjoint(part[2:5]):
        return True
    if "that" in part:
        # `faults that last 5 s` is a noun; its own verb stands before it or behind
        noun, told = part[: part.index("that")], part[part.index("that") + 2 :]
        is_ended = any(w in LISTS["auxiliary"] or _is_verb(w, "") for w in told[1:])
        is_ended = is_ended or not LISTS["auxiliary"].isdisjoint(told)
        return is_ended or has_verb(noun) or has_verb(rest.split())
    return has_verb([*part, *takewhile(lambda word: word not in _INNER, rest.split())])


def has_verb(words: list[str]) -> bool:
    """Whether one of the words is surely a verb, by its form and by what stands in front of it."""
    return any(_is_verb(word, before) for before, word in pairwise(["", *words])) or any(
        word in BASES and _is_told_of_several(words[:place])
        for place, word in enumerate(words)
        if place > 2
    )


def _is_told_of_several(before: list[str]) -> bool:
    """Whether these are several of something, and where or of what they are, but no verb yet:
    `entries in the local cache`."""
    noun, prior = before[-_MOST_BETWEEN:], LISTS["preposition"]
    place = next((n for n, word in enumerate(noun) if n and word in prior), 0)
    is_noun = place > 0 and _is_plural(noun[place - 1])
    return is_noun and place < len(noun) - 1 and noun[-1] not in LISTS["determiner"] | prior


def _is_plural(word: str) -> bool:
    return word.endswith("s") and not word.endswith(("ss", "us", "is"))


def _is_verb(word: str, before: str) -> bool:
    is_of_name = before.istitle() and not before.endswith("s")
    if word in LISTS["auxiliary"] or (
        word in THIRD and (is_of_name or word not in LISTS["plural_noun"])
    ):
        return True
    follows_subject = _is_plural(before) or before.lower() in _PERSONS
    return word in BASES and follows_subject


def is_order(words: list[str]) -> bool:
    """Whether a clause tells somebody to do something: `Send it …`, but not `Export at noon`."""
    first, follows = words[0], words[1] if len(words) > 1 else ""
    return first in LISTS["order_verb"] or (first in BASES and follows in LISTS["determiner"])


def runs(words: list[str]) -> bool:
    """Whether the words before a command, a file or a flag tell to do something with it."""
    if not words or words[0] not in BASES:
        return False
    return is_order(words) or len(words) == 1 or words[1:] in (["on"], ["off"], ["at"], ["in"])


def is_modifier(target: Target, value: Value, rest: str) -> bool:
    """Whether a noun follows that the value only describes: `180 mm discs`."""
    is_measure = target.asks in _UNITS or target.asks.startswith("how many ")
    if not rest.split() or not is_measure or target.end > value.end:
        return False
    first = rest.split()[0]
    if first.startswith(","):
        return False
    if first == "of":
        return target.asks != "what percentage"
    is_free = first in LISTS["preposition"] or first in LISTS["auxiliary"] or first in _INNER
    return not (is_free or first in LISTS["after_value"] or first in THIRD or first.endswith("ed"))
