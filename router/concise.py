"""The value alone, of an answer that says it with words which the question has said already. Pure.

Asked when something ends, a reader writes `after 52 hours`; asked for a room, `room 4.17`. Only a
short answer whose last words are a value is made shorter, so that nothing which it states is lost.
"""

import re

from router.text import STOP_WORDS, content_stems, fold, stem

# Words of an answer. A longer one is a sentence.
LONGEST = 8
# In front of a value; a question that wants one of them has it too. `Before`, `until` and `at
# most` say something.
_LEADS = frozenset({"after", "at", "by", "each", "every", "for", "in", "on", "within"})
# Behind a quantity: what is measured, not how much.
_MEASURED = "ahead apart away deep early high late long old tall thick wide"
_BEHIND = frozenset(_MEASURED.split())
# What holds the parts of a value together: `14:00 to 16:00`, `2 per day`.
_INSIDE = frozenset({"after", "and", "at", "before", "of", "per", "to"})
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
    if not _is_value(value):
        return answer
    if len(value) > 2 and _bare(value[-1]) in _BEHIND:
        value = value[:-1]
    if len(value) == len(words):
        return answer
    return " ".join(value) + answer[len(answer.rstrip()) :]


def _is_said(word: str, asked: frozenset[str]) -> bool:
    bare = _bare(word)
    return bare in _LEADS or (bare.isalpha() and stem(bare) in asked and not _DAY.fullmatch(bare))


def _is_value(words: list[str]) -> bool:
    """Whether it begins with a number, a code or a day, and no clause follows."""
    if not words or not (re.search(r"\d", words[0]) or _DAY.fullmatch(_bare(words[0]))):
        return False
    return all(_bare(word) not in STOP_WORDS - _INSIDE for word in words[1:])


def _bare(word: str) -> str:
    return fold(word).text.strip(".,:;!?()\"'")
