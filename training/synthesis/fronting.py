"""A clause with a value in it, asked with the asking word in front. Pure.

It is done for clauses of a plain form: a short noun phrase, then an auxiliary or a known verb.
"""

import re
from itertools import pairwise

from training.synthesis.soundness import is_order, runs
from training.synthesis.spoken import is_many as is_several
from training.synthesis.targets import Target
from training.synthesis.verbs import BASES, THIRD
from training.synthesis.words import LISTS

MAX_NOUN_WORDS = 7
MAX_REST_WORDS = 14
_AFTER_VERB = LISTS["preposition"] | LISTS["after_verb"]
_INNER = LISTS["subordinator"]
_NEW_CLAUSE = ("the", "a", "an", "it", "we", "you", "they", "its", "our", "this")
_NEGATIVE = re.compile(r"\b(?:not|never|no|none|nobody|nothing|neither|nor|cannot)\b|n't\b", re.I)


def fronted(main: str, rest: str, target: Target) -> tuple[str, str]:
    """The question with its asking word in front, and the same inside a sentence."""
    asks = f"{target.preposition} {target.asks}".strip()
    if target.hedge in _COMPARED:
        return "", ""
    tail = f"{_BOUNDS.get(target.hedge, '')} {rest}".split()
    words = main.split()
    relative = _with_relative(words)
    denied = " ".join(relative[2]) if relative else main
    if len(tail) > MAX_REST_WORDS or _NEGATIVE.search(denied) or "," in main:
        return "", ""
    if not words:
        return _of_subject(target, rest)
    if not _is_complement(words, target, rest):
        return "", ""
    if parts := relative or _with_auxiliary(words) or _with_verb(words):
        noun, auxiliary, middle, plain = parts
        front = [asks, auxiliary, noun, *middle, *tail]
        inner = [asks, *plain, *tail]
        return " ".join(front), " ".join(inner)
    if is_order(words) or (target.is_handled and runs(words)):
        return " ".join([asks, "do", "I", *words, *tail]), " ".join([asks, "I", *words, *tail])
    return "", ""


_COMPARED = ("more than", "less than", "fewer than", "longer than", "over", "no later than")
_BOUNDS = {
    **dict.fromkeys(
        ("at most", "up to", "no more than", "not more than", "no longer than"), "at most"
    ),
    **dict.fromkeys(("a maximum of", "as many as", "as much as"), "at most"),
    **dict.fromkeys(("at least", "no less than", "a minimum of"), "at least"),
}
_COMPLEMENTS = LISTS["preposition"] - {"of", "than", "per", "as", "between"}


def _is_complement(words: list[str], target: Target, rest: str) -> bool:
    """Whether the value belongs to the verb, and not to a noun in front of it (`a fee of …`)."""
    if re.match(
        r"(?:in the past|in advance|ago|ahead|earlier|later|old|away|of|before|after)\b", rest
    ):
        return False
    if target.preposition:
        is_with = target.preposition == "with" and target.noun in ("duration", "time", "amount")
        return target.preposition in _COMPLEMENTS and not is_with
    last = words[-1]
    is_verb = last in LISTS["auxiliary"] or last.endswith("ed") or last in LISTS["value_verb"]
    is_verb = is_verb or THIRD.get(last, "") in LISTS["value_verb"]
    is_verb = is_verb or (target.noun == "version" and last in THIRD)
    is_verb = is_verb or (target.is_handled and (last in BASES or runs(words)))
    return (
        is_verb or last in ("it", "them") or target.asks in ("how often", "when", "how far ahead")
    )


def _of_subject(target: Target, rest: str) -> tuple[str, str]:
    """The value is what the clause is about: `Which team owns …`."""
    verb = rest.split()[0] if rest else ""
    if target.preposition:
        return _of_leading(target, rest)
    if not (verb in LISTS["auxiliary"] or verb in THIRD):
        return "", ""
    asked = " ".join(f"{target.hedge} {target.asks} {rest}".split())
    return asked, asked


def _of_leading(target: Target, rest: str) -> tuple[str, str]:
    """The clause starts with the value: `At 06:00 the gate opens` as `At what time does …`."""
    words = rest.split()
    parts = None if rest.startswith(",") else _with_auxiliary(words) or _with_verb(words)
    if parts is None or target.hedge:
        return "", ""
    noun, auxiliary, middle, plain = parts
    asks = f"{target.preposition} {target.asks}"
    return " ".join([asks, auxiliary, noun, *middle]), " ".join([asks, *plain])


_Parts = tuple[str, str, list[str], list[str]]


def _with_auxiliary(words: list[str]) -> _Parts | None:
    """Noun phrase, auxiliary, and what stands between it and the value; and all in plain order."""
    for place, word in enumerate(words[: MAX_NOUN_WORDS + 1]):
        if word in LISTS["auxiliary"] and place > 0:
            noun, after = words[:place], words[place + 1 :]
            if not _is_noun_phrase(noun) or _is_double(after):
                return None
            if word in ("has", "have", "had") and not _is_participle(after):
                helps = {"has": "does", "have": "do", "had": "did"}[word]
                return _said(noun), helps, ["have", *after], [_said(noun), word, *after]
            return _asked_order(noun, word, after)
        if word.lower() in _INNER or (place > 0 and word in LISTS["preposition"] and place > 4):
            return None
    return None


def _asked_order(noun: list[str], word: str, after: list[str]) -> _Parts:
    said = _said(noun)
    if said == "I" and word == "are":
        return said, "am", after, [said, "am", *after]
    return said, word, after, [said, word, *after]


def _with_verb(words: list[str]) -> _Parts | None:
    """As above, for a verb without an auxiliary: `Almanac refreshes orbits every …`."""
    for place in range(1, min(len(words), 6)):
        word = words[place]
        noun, after = words[:place], words[place + 1 :]
        follows = after[0].lower() if after else ""
        if follows and follows not in _AFTER_VERB and not follows[0].isdigit():
            is_free = word in THIRD and place <= 2
            if not is_free:
                continue
        if not _is_noun_phrase(noun) or _is_double(after):
            continue
        is_sure = word not in LISTS["plural_noun"] or noun[0].lower() in LISTS["determiner"]
        if word in THIRD and is_sure and not noun[-1].endswith("s"):
            base = THIRD[word]
            return _said(noun), "does", [base, *after], [_said(noun), word, *after]
        is_many = noun[-1].lower() in ("we", "you", "they", "i") or noun[-1].endswith("s")
        is_many = is_many or (len(noun) > 2 and is_several(" ".join(noun)))
        if word in BASES and is_many:
            return _said(noun), "do", [word, *after], [_said(noun), word, *after]
    return None


def _with_relative(words: list[str]) -> _Parts | None:
    """As above, for a noun that a clause of its own tells: `A seat that nobody takes is sold …`."""
    that = next((place for place, word in enumerate(words[:4]) if word in ("that", "which")), 0)
    verbs = [place for place in range(that + 1, len(words)) if is_main(words[place])]
    if not that or len(verbs) != 2 or not _is_noun_phrase(words[:that]):
        return None
    noun, word, after = words[: verbs[1]], words[verbs[1]], words[verbs[1] + 1 :]
    if _is_double(after) or word in ("has", "have", "had"):
        return None
    if word in LISTS["auxiliary"]:
        return _asked_order(noun, word, after)
    return _said(noun), "does", [THIRD[word], *after], [_said(noun), word, *after]


def is_main(word: str) -> bool:
    """Whether a word that may be the verb of a clause can be no noun."""
    return word in LISTS["auxiliary"] or (word in THIRD and word not in LISTS["plural_noun"])


def _is_noun_phrase(words: list[str]) -> bool:
    first = words[0].lower()
    if (
        first in LISTS["preposition"]
        or first in _INNER | {"whoever", "whatever"}
        or first in LISTS["leaning"] - {"it"}
    ):
        return False
    inner = [word.lower() for word in words[1:]]
    if any(a in ("and", "but", "or") and b in _NEW_CLAUSE for a, b in pairwise(inner)):
        return False
    return not any(w in _INNER or w in LISTS["auxiliary"] or w == "to" for w in inner)


def _is_double(words: list[str]) -> bool:
    """Whether two thoughts are joined before the value."""
    return any(word in ("and", "but", "or", "as") or word in _INNER for word in words)


def _is_participle(after: list[str]) -> bool:
    return bool(after) and (
        after[0] == "been" or after[0].endswith(("ed", "en")) or after[0] == "to"
    )


def _said(noun: list[str]) -> str:
    text = " ".join(noun)
    return "I" if text.lower() == "you" else text
