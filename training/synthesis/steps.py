"""Steps of instructions: what a reader runs, calls and switches on, and in which case. Pure.

Passages have no marks around code, so a command or a flag is known by its form and by the verb
in front of it.
"""

import re
from collections.abc import Iterator

from training.synthesis.values import PATTERNS, Value
from training.synthesis.words import LISTS, capitalised, lowered

MAX_CASE = 60
_COMMAND, _TOGGLE = PATTERNS["command"], PATTERNS["toggle"]
_RUN = re.compile(
    r"\b(?:[Rr]un|[Rr]uns|[Rr]unning|[Ee]xecute|[Ee]xecutes|[Ee]xecuting|[Tt]ype|[Tt]yping|"
    r"[Ee]nter|[Ee]ntering|[Ii]ssue|[Ii]ssuing|[Ll]aunch|[Cc]all|[Cc]alling|[Uu]se|[Uu]sing|[Tt]ry|"
    rf"with|by|via|through)(?: the command)? `?(?P<v>{_COMMAND})"
)
_SWITCHED = re.compile(
    r"\b(?:(?:[Ss]witch|[Tt]urn)(?:ed|ing)? (?:on|off)|"
    r"(?:[Ee]nabl|[Dd]isabl|[Aa]ctivat)(?:e|ed|ing)|"
    rf"(?:hidden|gated|guarded|kept|held back) behind)(?: the)? `?(?P<v>{_TOGGLE})"
    r"(?=`? (?:if|when|until|till|while|for|in|on|to|at|and|before|after|from|unless|once)\b|"
    r"`?(?:[,.;]|$))"
)
_IS_ON = re.compile(
    rf"\b(?:if|when|where|unless|once|until) `?(?P<v>{_TOGGLE})`? (?:is|has been|was) "
    r"(?:switched|turned|enabled|disabled|activated|set)\b"
)
# Only with a low line: one with a hyphen may be a service.
_DOES = re.compile(
    r"(?P<v>[a-z][a-z0-9]{0,30}(?:_[a-z0-9]{1,30}){1,5}) "
    r"(?=(?:lets|allows|makes|hides|shows|enables|permits|turns|switches|keeps|limits|controls|"
    r"decides|forces|stops|prevents|tells)\b)"
)
# Of several parts or with a number: other letters may be a unit, a role or a zone.
_READ_AS = re.compile(
    r"\b(?:produced|delivered|sent|exported|saved|stored|archived|written|issued|published|printed|"
    r"returned|rendered|available) as (?P<v>[A-Z]{2,8}(?:[ /-]?[A-Za-z]{0,3}-?\d{1,2}[a-z]?){1,2})"
    r"(?= (?:and|or|by|to|in|every|each|for|so|at|on)\b|[,.;]|$)"
)
_SPOKEN = re.compile(
    r"\b(?:speaks?|implements?|follows?|supports?|uses?) (?P<v>v\d{1,3}(?:\.\d{1,4}){0,3})"
    r"(?= of (?:the|our|its)\b)"
)
_HANDLED = (
    ("command", _RUN), ("toggle", _SWITCHED), ("toggle", _IS_ON), ("thing", _DOES),
    ("format", _READ_AS), ("release", _SPOKEN),
)  # fmt: skip
_ORDERED = re.compile(
    r"(?:(?P<where>(?:As|On|From|In|At|Inside|With) [^:;.,]{3,40}): )?"
    rf"(?P<command>{_COMMAND})[.]?"
)
_ANSWERED = re.compile(r"Yes, (?=(?:run|use|set|call|open|add|turn|switch|enable|send|write)\b)")
_CASE = re.compile(
    r"(?:if|when|whenever|once|while|in case|before|after) (?=\S+ \S)", re.IGNORECASE
)


def handled(text: str) -> Iterator[Value]:
    """Commands, flags and the like in a sentence, which stand there without any mark."""
    for kind, pattern in _HANDLED:
        for found in pattern.finditer(text):
            if kind != "thing" or found.start() == 0:
                yield Value(kind, found.start("v"), found.end("v"), found["v"])


def as_order(written: str) -> str:
    """`As root: stockctl recount --all` as the sentence that tells to run it; an answer without
    its `Yes`; anything else as it is."""
    if found := _ORDERED.fullmatch(written):
        where = f"{found['where']}, run" if found["where"] else "Run"
        return f"{where} {found['command']}."
    return capitalised(_ANSWERED.sub("", written, count=1)) if "Yes, " in written[:5] else written


def case_of(headings: tuple[str, ...]) -> str:
    """The case that the last heading names, as inside a sentence: `if the belt stands still`."""
    heading = headings[-1].rstrip(" .:…") if headings else ""
    is_clause = _CASE.match(heading) is not None and len(heading) <= MAX_CASE
    is_clause = is_clause and LISTS["pointing"].isdisjoint(heading.lower().split())
    return lowered(heading.capitalize() if heading.isupper() else heading) if is_clause else ""
