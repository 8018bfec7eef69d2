"""How questions are typed by people in a hurry. Pure."""

from random import Random

_OPENERS = [
    "quick question: ", "I need to know: ", "for the audit: ", "hi, ", "new here. ", "on call, ",
    "asking for a colleague: ", "Can you tell me: ", "I forgot: ", "For a customer: ", "please: ",
]  # fmt: skip


def as_people_type(rng: Random, question: str, *, keep: str) -> str:
    """`question` in haste: small letters, no mark at the end, a slip, a preamble.

    The name `keep` stays as it is; empty: there is none.
    """
    if rng.random() < 0.2:
        question = question.rstrip("?")
    if rng.random() < 0.15:
        question = _uncapitalised(question, keep)
    if rng.random() < 0.15:
        question = _slip(rng, question, keep)
    if rng.random() < 0.12:
        question = rng.choice(_OPENERS) + _uncapitalised(question, keep)
    return question


def _uncapitalised(question: str, keep: str) -> str:
    """Acronyms and identifiers at the start keep their form as well."""
    if (keep and question.startswith(keep)) or not question.split(" ", 1)[0][1:].islower():
        return question
    return question[:1].lower() + question[1:]


def _slip(rng: Random, question: str, keep: str) -> str:
    """One long word, not of the name `keep`, with two letters swapped or one left out."""
    words = question.split(" ")
    long = [
        i for i, word in enumerate(words) if len(word) > 5 and word.isalpha() and word not in keep
    ]
    if not long:
        return question
    at = rng.choice(long)
    word, i = words[at], rng.randint(1, len(words[at]) - 3)
    words[at] = (
        word[:i] + (word[i + 1] + word[i] if rng.random() < 0.5 else word[i]) + word[i + 2 :]
    )
    return " ".join(words)
