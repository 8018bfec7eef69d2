"""A clause with a value in it, turned into questions for that value. Pure.

No parser is used. A value can always be asked for in its place (`kept for how long?`). Where the
clause is of a plain form, with a short noun phrase, then an auxiliary or a known verb, it can be
asked in front too (`For how long are logs kept?`).
"""

import re
from dataclasses import dataclass

from training.synthesis.fronting import fronted, is_main
from training.synthesis.soundness import is_inside, is_modifier, is_order, is_whole, runs
from training.synthesis.targets import target_of
from training.synthesis.values import Value
from training.synthesis.verbs import THIRD

GAP = "___"
"""In place of the value, in a sentence to be completed."""
_CUT = re.compile(
    r"[,:.](?=\s)|[;(—–]|"
    r"\s(?:and|but|or|so|because|while|whereas|although|though|after which|"
    r"(?<!\b(?:to|in|at|by|on|of) )(?<!\b(?:for|via) )(?<!\b(?:with|from|into) )which)\s"
)
_JOINED = re.compile(r", (?:and|but|so) (?=(?:the|an?|any|each|every|no|its|our|there) )")
_SUBORDINATE = re.compile(
    r"(?:when|whenever|if|in|on|at|after|before|during|for|outside|inside|from|once|with|without|"
    r"unless|until|above|below|by|as|to|under|within|between|while|where|since|beyond|over|per)"
    r"\b(?!-)",
    re.I,
)
# `since the law demands it` is why; `since the last visit` is from when.
_REASON = re.compile(r"\ssince (?=(?:the|an?|it|they|we|our)\b)")
# As whom or where one does it stands behind the question: `which command do I run as root`.
_ROLE = re.compile(r"(?:as|on|from|at|in|inside)\b(?! (?:case|soon)\b)")
_ENDS_STEP = re.compile(r"(?:^|\s)(?:until|till|followed by)\s")


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
    is_step: bool
    """Whether that is something with a command, a file or a flag, as in a runbook."""


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
    is_step = target.is_handled and runs(main.split())
    if not (is_step or is_whole(main, rest)) or is_modifier(target, value, rest):
        return None
    rest = _before_end(rest) if is_step or target.noun == "command" else rest
    front, embedded = fronted(main, rest, target)
    if front and intro and is_step and not rest:
        embedded = f"{embedded} {intro[:-1]}"
        front = f"{front} {intro[:-1]}" if _ROLE.match(intro) else f"{intro} {front}"
    elif front and intro:
        front, embedded = f"{intro} {front}", ""
    gap = target.start if target.answer != value.text else value.start
    blank = f"{clause[:gap].rstrip()} {GAP}{clause[value.end :]}".strip()
    is_told = is_step or (bool(main) and is_order(main.split()))
    return Bodies(place, front, embedded, blank, target.noun, target.answer, is_told, is_step)


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
    reason = _REASON.search(rest)
    if reason and any(map(_is_present, rest[reason.end() :].split())):
        rest = rest[: reason.start()]
    return re.sub(r"\s(?:and|or|but)$", "", rest.rstrip(" .!"))


def _is_present(word: str) -> bool:
    return word in ("is", "are") or (is_main(word) and word in THIRD)


def _before_end(rest: str) -> str:
    """What follows in a step, without how long one goes on with it, or what follows that."""
    end = _ENDS_STEP.search(rest)
    return rest[: end.start()] if end else rest


def _split_intro(left: str) -> tuple[str, str]:
    """`When it fails, the job` as its first part, with the comma, and the rest."""
    comma = left.find(", ")
    is_nested = left[: max(comma, 0)].count("(") > left[: max(comma, 0)].count(")")
    if comma < 0 or is_nested or not _SUBORDINATE.match(left) or len(left[:comma].split()) > 12:
        return "", left
    return left[: comma + 1], left[comma + 2 :]
