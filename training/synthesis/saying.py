"""Questions for a value that a sentence states. Pure."""

import tomllib
from functools import cache
from pathlib import Path

from training.synthesis.clauses import Asked, ask
from training.synthesis.labelled import filled
from training.synthesis.sentences import Said
from training.synthesis.subjects import Subject
from training.synthesis.words import capitalised


@cache
def _forms() -> dict[str, list[str]]:
    forms: dict[str, list[str]] = tomllib.loads(
        Path(__file__).with_name("phrasing.toml").read_text()
    )["sentence"]
    return forms


def questions_of(said: Said, subject: Subject) -> tuple[str, list[str]]:
    """The answer, and phrasings in no order but the first; none, if it cannot be asked for."""
    if said.concept is not None:
        return said.value.text, _of_concept(said, subject)
    asked = ask(said.sentence.text.rstrip(".! "), said.value)
    if asked is None:
        return said.value.text, []
    return asked.answer, list(_of_clause(asked, said, subject))


def _of_concept(said: Said, subject: Subject) -> list[str]:
    concept = said.concept
    if concept is None:
        return []
    name = said.sentence.about or subject.name
    qualifier = f"{said.qualifier} " if said.qualifier else ""
    drops = not qualifier or (concept.natural and concept.natural.fullmatch(said.qualifier))
    templates = [template for template in concept.asks if drops or "{q}" in template]
    return [filled(template, {"s": name, "q": qualifier}, "") for template in templates]


def _of_clause(asked: Asked, said: Said, subject: Subject) -> list[str]:
    kinds = ["in_place", "blank"]
    if asked.front:
        kinds.insert(0, "front")
    if asked.embedded:
        kinds.insert(1, "embedded")
    where = "told" if said.sentence.names_subject else "thing" if subject.is_thing else "document"
    name = subject.name or subject.document
    values = {
        "front": asked.front, "embedded": asked.embedded, "in_place": asked.in_place,
        "blank": asked.blank, "noun": asked.noun, "s": name, "d": subject.document or name,
        "Front": capitalised(asked.front), "In_place": capitalised(asked.in_place),
        "Blank": capitalised(asked.blank),
    }  # fmt: skip
    if where != "told" and not name:
        return []
    forms = [form for kind in kinds for form in _forms()[f"{kind}_{where}"]]
    if asked.is_order:
        forms = [form for form in forms if "that {in_place}" not in form]
    told = [capitalised(form.format_map(values)) for form in forms]
    return [*told, *_in_other_words(told, asked.front or asked.in_place)]


def _in_other_words(told: list[str], body: str) -> list[str]:
    """Some of the questions with words of the sentence exchanged for others of the same form."""
    known = [word for word in body.split() if word in _synonyms()]
    if not known:
        return []
    changed = " ".join(_synonyms().get(word, word) for word in body.split())
    return [question.replace(body, changed) for question in told if body in question][:3]


@cache
def _synonyms() -> dict[str, str]:
    synonyms: dict[str, str] = tomllib.loads(Path(__file__).with_name("phrasing.toml").read_text())[
        "synonym"
    ]
    return synonyms
