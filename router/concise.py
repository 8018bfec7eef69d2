"""The value alone, of an answer that says it with words which the question has said already. Pure.

Asked when something ends, a reader writes `after 52 hours`; asked for a room, `room 4.17`. Only a
short answer whose last words are a value is made shorter, so that nothing which it states is lost.
"""

import re

from router.evidence.quantities import UNITS
from router.text import STOP_WORDS, content_stems, fold, stem

# Words of an answer. A longer one is a sentence.
LONGEST = 8
# A reader that begins within a sentence takes them along: `is disabled`.
_COPULAS = frozenset({"is", "are", "was", "were"})
# In front of a value; a question that wants one of them has it too. `Before`, `until` and `at
# most` say something.
_LEADS = frozenset({"after", "at", "by", "each", "every", "for", "in", "on", "within"})
# Behind a quantity: what is measured, not how much.
_MEASURED = "ahead apart away deep early high late long old tall thick wide"
_BEHIND = frozenset(_MEASURED.split())
# What holds the parts of a value together: `14:00 to 16:00`, `2 per day`.
_INSIDE = frozenset({"after", "and", "at", "before", "of", "per", "to"})
# Behind a number these say what it measures, and with an article a clause begins.
_UNSAID = frozenset({*UNITS, "a", "an", "the"})
# Behind a value these say which side of something it is on.
SIDES = frozenset(
    {"above", "after", "before", "below", "except", "from", "over", "than", "till", "under"}
    | {"until", "within", "without"}
)
_DAY = re.compile(r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?")


def value_alone(question: str, answer: str) -> str:
    """`answer`, or the value in it where that is all it adds to the question. White space at the
    end stays."""
    words = answer.split()
    if len(words) > LONGEST:
        return answer
    asked = content_stems(question)
    start = next((at for at, word in enumerate(words) if not _is_said(word, asked)), len(words))
    value = words[start:]
    if start and len(value) > 1 and _bare(value[0]) == "the":
        value = value[1:]
    if len(value) > 2 and _bare(value[-1]) in _BEHIND:
        value = value[:-1]
    value = _without_echo(value, question, asked)
    if not _is_value(value):
        value = _name_alone(question, words)
    return answer if len(value) == len(words) else _as_ended(value, answer)


def without_lead_in(said: str, text: str) -> str:
    """An answer that begins within a line or a sentence of a text, without the end of the label in
    the line above a value or the verb in front of it: `Friday 05:50` for `slot` and, in the next
    line, `Friday 05:50`, where the text has `Weekly inspection slot`; `disabled` for `is disabled`.
    """
    _, line_break, value = said.partition("\n")
    start = text.find(said.rstrip())
    end = start + len(said.rstrip())
    is_within = start > 0 and text[start - 1] != "\n" and text[end : end + 1] in ("", "\n")
    if line_break and is_within and "\n" not in value.strip():
        return value
    first, _, rest = said.partition(" ")
    return rest if rest.strip() and _bare(first) in _COPULAS else said


def _as_ended(value: list[str], answer: str) -> str:
    """The value with the full stop and the white space that an answer ends with."""
    stop = "." if answer.rstrip().endswith(".") and not value[-1].endswith(".") else ""
    return " ".join(value) + stop + answer[len(answer.rstrip()) :]


def _without_echo(value: list[str], question: str, asked: frozenset[str]) -> list[str]:
    """A value without the words behind it that the question has: `9 days after the due date`. One
    that offers answers wants them in its words."""
    spoken = {_bare(word) for word in question.split()}
    if "or" in spoken:
        return value
    for end in range(1, len(value)):
        echo = [_bare(word) for word in value[end:]]
        are_said = all(word in STOP_WORDS or _is_asked(word, asked) for word in echo)
        if (
            are_said
            and any(_is_asked(word, asked) for word in echo)
            and echo[0] not in _UNSAID
            and "per" not in echo
            and _bare(value[end - 1]) not in STOP_WORDS
            and SIDES.intersection(echo) <= spoken
        ):
            return value[:end]
    return value


def _name_alone(question: str, words: list[str]) -> list[str]:
    """`Dublin` for `in Dublin`, and `a clerk` for `by a clerk`, where that is asked."""
    first, rest = _bare(words[0]) if words else "", words[1:]
    asks = question.split()[0].lower() if question.strip() else ""
    is_place = asks == "where" and first in {"at", "in", "on"} and rest and rest[0][:1].isupper()
    is_person = asks in {"who", "whom"} and first == "by" and rest
    return rest if is_place or is_person else words


def _is_said(word: str, asked: frozenset[str]) -> bool:
    bare = _bare(word)
    return bare in _LEADS or _is_asked(bare, asked)


def _is_asked(bare: str, asked: frozenset[str]) -> bool:
    return bare.isalpha() and stem(bare) in asked and not _DAY.fullmatch(bare)


def _is_value(words: list[str]) -> bool:
    """Whether it begins with a number, a code or a day, and no clause follows."""
    if not words or not (re.search(r"\d", words[0]) or _DAY.fullmatch(_bare(words[0]))):
        return False
    return all(_bare(word) not in STOP_WORDS - _INSIDE for word in words[1:])


def _bare(word: str) -> str:
    return fold(word).text.strip(".,:;!?()\"'")
