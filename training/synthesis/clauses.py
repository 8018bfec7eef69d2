"""A clause with a value in it, turned into questions for that value. Pure.

No parser is used. A value can always be asked for in its place (`kept for how long?`). Where the
clause is of a plain form, with a short noun phrase, then an auxiliary or a known verb, it can be
asked in front too (`For how long are logs kept?`).
"""

import re
from dataclasses import dataclass
from itertools import pairwise

from training.synthesis.soundness import is_inside, is_modifier, is_order, is_whole
from training.synthesis.targets import Target, target_of
from training.synthesis.values import Value
from training.synthesis.verbs import BASES, THIRD
from training.synthesis.words import LISTS

GAP = "___"
"""In place of the value, in a sentence to be completed."""
MAX_NOUN_WORDS = 7
MAX_REST_WORDS = 14
_AFTER_VERB = LISTS["preposition"] | LISTS["after_verb"]
_CUT = re.compile(
    r"[,:.](?=\s)|[;(—–]|"
    r"\s(?:and|but|or|which|so|because|while|whereas|although|though|after which)\s"
)
_JOINED = re.compile(r", (?:and|but|so) (?=(?:the|an?|any|each|every|no|its|our|there) )")
_SUBORDINATE = re.compile(
    r"(?:when|whenever|if|in|on|at|after|before|during|for|outside|inside|from|once|with|without|"
    r"unless|until|above|below|by|as|to|under|within|between|while|where|since|beyond|over|per)"
    r"\b(?!-)",
    re.I,
)
_INNER = LISTS["subordinator"]
_NEW_CLAUSE = ("the", "a", "an", "it", "we", "you", "they", "its", "our", "this")
_NEGATIVE = re.compile(r"\b(?:not|never|no|none|nobody|nothing|neither|nor|cannot)\b|n't\b", re.I)


@dataclass(frozen=True, slots=True)
class Bodies:
    """Bodies of questions, without a mark at the end; `front` and `embedded` may be empty."""

    in_place: str
    front: str
    embedded: str
    blank: str
    noun: str
    answer: str
    is_order: bool
    """Whether the clause tells somebody to do something."""


def ask(clause: str, value: Value) -> Bodies | None:
    """The questions for `value` in `clause`, which starts as inside a sentence."""
    clause, value = _last_thought(*_segment(clause, _with_marks(clause, value)))
    target = target_of(clause, value)
    if target is None or is_inside(clause, value):
        return None
    left, right = clause[: target.start], clause[target.end :]
    is_condition = "," not in left and _SUBORDINATE.match(left) is not None
    cut = _CUT.search(right)
    goes_on = is_condition and cut is not None and cut[0] == ","
    rest = right.rstrip(" .!") if goes_on else _trimmed(right)
    asks = f"{target.preposition} {target.hedge} {target.asks}"
    leads = not left and bool(target.preposition) and not rest.startswith(",")
    place = " ".join((f"{rest} {asks}" if leads else f"{left} {asks} {rest}").split())
    place = place.replace(" ,", ",")
    intro, main = _split_intro(left)
    if not is_whole(main, rest) or is_modifier(target, value, rest):
        return None
    front, embedded = _fronted(main, rest, target)
    if front and intro:
        front, embedded = f"{intro} {front}", ""
    gap = target.start if target.answer != value.text else value.start
    blank = f"{clause[:gap].rstrip()} {GAP}{clause[value.end :]}".strip()
    is_told = bool(main) and is_order(main.split())
    return Bodies(place, front, embedded, blank, target.noun, target.answer, is_told)


def _with_marks(clause: str, value: Value) -> Value:
    """The value with the marks of code around it."""
    start, end = value.start - 1, value.end + 1
    is_marked = start >= 0 and clause[start] == "`" and clause[end - 1 : end] == "`"
    return Value(value.kind, start, end, value.text) if is_marked else value


def _segment(clause: str, value: Value) -> tuple[str, Value]:
    """The part between semicolons that holds the value."""
    start = clause.rfind("; ", 0, value.start)
    start = start + 2 if start >= 0 else 0
    end = clause.find("; ", value.end)
    part = clause[start:] if end < 0 else clause[start:end]
    return part, Value(value.kind, value.start - start, value.end - start, value.text)


def _last_thought(clause: str, value: Value) -> tuple[str, Value]:
    """Without a thought of its own in front: `the drill is weekly, and the bell rings for 5 s`."""
    cuts = list(_JOINED.finditer(clause, 0, value.start))
    if not cuts or _SUBORDINATE.match(clause):
        return clause, value
    cut = cuts[-1].end()
    return clause[cut:], Value(value.kind, value.start - cut, value.end - cut, value.text)


# --- How it is asked ---------------------------------------------------------------------------
def _trimmed(right: str) -> str:
    """What follows the value, up to where another thought begins."""
    between = re.search(r"\bbetween [^,;]{1,30} and\b", right)
    cut = _CUT.search(right, between.end() if between else 0)
    rest = right[: cut.start()] if cut else right
    return re.sub(r"\s(?:and|or|but)$", "", rest.rstrip(" .!"))


def _split_intro(left: str) -> tuple[str, str]:
    """`When it fails, the job` as its first part, with the comma, and the rest."""
    comma = left.find(", ")
    is_nested = left[: max(comma, 0)].count("(") > left[: max(comma, 0)].count(")")
    if comma < 0 or is_nested or not _SUBORDINATE.match(left) or len(left[:comma].split()) > 12:
        return "", left
    return left[: comma + 1], left[comma + 2 :]


def _fronted(main: str, rest: str, target: Target) -> tuple[str, str]:
    """The question with its asking word in front, and the same inside a sentence."""
    asks = f"{target.preposition} {target.asks}".strip()
    if target.hedge in _COMPARED:
        return "", ""
    tail = f"{_BOUNDS.get(target.hedge, '')} {rest}".split()
    if len(tail) > MAX_REST_WORDS or _NEGATIVE.search(main) or "," in main:
        return "", ""
    words = main.split()
    if not words:
        return _of_subject(target, rest)
    if not _is_complement(words, target, rest):
        return "", ""
    if parts := _with_auxiliary(words) or _with_verb(words):
        noun, auxiliary, middle, plain = parts
        front = [asks, auxiliary, noun, *middle, *tail]
        inner = [asks, *plain, *tail]
        return " ".join(front), " ".join(inner)
    if is_order(words):
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
        if word in BASES and is_many:
            return _said(noun), "do", [word, *after], [_said(noun), word, *after]
    return None


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
