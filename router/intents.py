"""What a question is, before anything is looked for: a greeting, one about a certain version,
one about several things, or a plain one. Pure."""

import re
from enum import StrEnum

from router.evidence.questions import read_question
from router.pins import read_pin
from router.text import fold

# A greeting is short: with more words than this, something is asked as well.
GREETING_WORDS = 7


class Intent(StrEnum):
    PLAIN = "plain"
    GREETING = "greeting"
    PINNED = "pinned"
    SEVERAL = "several"


_GREETING = re.compile(
    r"(?:(?:hi|hello|hey|hiya|howdy|greetings|good (?:morning|day|afternoon|evening)|bye|goodbye"
    r"|thanks|thank you|thx|cheers|ok(?:ay)?|cool|great|nice|how are you(?: doing)?(?: today)?"
    r"|what'?s up|who are you|what can you do|are you there|test(?:ing)?|ping"
    r"|there|all|everyone|team|bot|docportal|so much|a lot|very much)[\s,.!?:)(-]*)+"
)
# A thing that compares its records is one thing: it is the asker who is to be shown several.
_COMPARING = re.compile(
    r"^(?:(?:please|(?:can|could) you) )*compare\b"
    r"|\b(?:compared? (?:to|with|against)|difference between|differ(?:s|ent)? from|versus|vs\.?"
    r"|both(?! (?:directions|ends|halves|hands|parties|sides|ways)\b)|respectively"
    r"|which (?:of the|services|teams|documents|ones)|list all|all (?:the )?"
    r"(?:services|teams|documents|runbooks|pages)|every (?:service|team|document)|how many "
    r"(?:services|teams|documents))\b"
)
_QUESTION_WORD = r"(?:which|what|who|whose|whom|where|when|why|how)"
# What is said before the question is asked: *I am writing to the Relay's team, which Slack …*.
_LEAD = re.compile(
    rf"((?:(?!\b{_QUESTION_WORD}\b)[^?])*)[,:;.]\s+(?={_QUESTION_WORD}\b)", re.IGNORECASE
)


def read_intent(question: str) -> Intent:
    folded = " ".join(fold(question).text.split())
    if len(folded.split()) <= GREETING_WORDS and _GREETING.fullmatch(folded):
        return Intent.GREETING
    if read_pin(question) is not None:
        return Intent.PINNED
    if _COMPARING.search(folded) or _things(question) > 1:
        return Intent.SEVERAL
    return Intent.PLAIN


def _things(question: str) -> int:
    """How many things it asks about: those of its lead or those that it asks itself with, whichever
    are more, as *Slack* of *which Slack channel* is no second one."""
    lead = _LEAD.match(question)
    if lead is None:
        return _things_together(question)
    return max(_things_together(lead[1]), _things_together(question[lead.end() :]))


def _things_together(question: str) -> int:
    """How many parts, joined by `and` or `or`, name something that no other does."""
    entities = read_question(question).entities
    parts = re.split(r"\s(?:and|or)\s|,\s", question)
    named = [{entity for entity in entities if entity in part} for part in parts]
    return sum(bool(one - set().union(*named[:at])) for at, one in enumerate(named))
