"""When two pairs, two questions, or the facts behind two pairs are the same. Pure."""

import hashlib

from router.text import exact_form, plain_form


def pair_key(question: str, answer: str) -> str:
    """The same for a question and its answer in other case or white space."""
    return _sha256(plain_form(question), plain_form(answer))


def question_key(question: str) -> str:
    """The same for questions of the same words: articles, case and outer punctuation are off."""
    return _sha256(exact_form(question))


def fact_key(content_hash: str, place: tuple[int, int], answer: str, *, is_answer: bool) -> str:
    """The same for all phrasings of one fact of a passage.

    `place` is of the answer's own words when `is_answer`; then where they begin tells the fact,
    so that `5` and `5 seconds` are one. Else it is of the evidence, and the answer tells the rest.
    """
    if is_answer:
        return _sha256(content_hash, str(place[0]))
    return _sha256(content_hash, *map(str, place), exact_form(answer))


def _sha256(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
