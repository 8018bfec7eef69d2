"""Questions for a value that a sentence states. Pure."""

import re
import tomllib
from functools import cache
from pathlib import Path

from training.synthesis.asking import About, Asked, of_concept
from training.synthesis.clauses import Bodies, ask
from training.synthesis.labelled import questions_for
from training.synthesis.lexicon import concepts
from training.synthesis.mined import Labelled
from training.synthesis.sentences import Said
from training.synthesis.spoken import Stated
from training.synthesis.subjects import Subject
from training.synthesis.verbs import BASES
from training.synthesis.words import capitalised

MOST_OF_COMMAND = 4
# `What do I run` asks for the same as `Which command do I run`.
_WHICH = re.compile(r"(^|[,:] )([Ww])hich (?:command|flag|switch|endpoint|file)(?= do I \w+ \w)")


@cache
def _forms() -> dict[str, list[str]]:
    forms: dict[str, list[str]] = tomllib.loads(
        Path(__file__).with_name("phrasing.toml").read_text()
    )["sentence"]
    return forms


def questions_of(said: Said, subject: Subject) -> tuple[str, Asked]:
    """The answer, and phrasings in no order but the first; none, if it cannot be asked for."""
    if said.told is not None:
        return said.value.text, questions_of_told(said.told, subject, said.sentence.about)
    if said.label:
        sentence = said.sentence
        found = Labelled(said.label, said.value.text, sentence.start, sentence.end)
        return said.value.text, questions_for(found, subject)
    bodies = ask(said.sentence.text.rstrip(".! "), said.value)
    if bodies is None:
        return said.value.text, Asked()
    return bodies.answer, _of_clause(bodies, said, subject)


def questions_of_told(told: Stated, subject: Subject, about: str = "") -> Asked:
    """In the words that people have for such a fact of the subject, or of what it is about."""
    names, bare = (about or subject.name,), about or subject.bare
    asked = About(names, bare, told.qualifier, told.of, told.done)
    return Asked(list(of_concept(told.concept, asked)))


def _of_clause(asked: Bodies, said: Said, subject: Subject) -> Asked:
    in_case = bool(subject.case) and "," not in asked.front
    where = "told" if said.sentence.names_subject else "thing" if subject.is_thing else "document"
    name = subject.name or subject.document
    values = {
        "front": asked.front, "embedded": asked.embedded, "in_place": asked.in_place,
        "blank": asked.blank, "noun": asked.noun, "s": name, "d": subject.document or name,
        "Front": capitalised(asked.front), "In_place": capitalised(asked.in_place),
        "Blank": capitalised(asked.blank), "case": subject.case, "Case": capitalised(subject.case),
    }  # fmt: skip
    if where != "told" and not name:
        return Asked()

    def forms(kind: str, body: str = "") -> list[str]:
        told = _forms()[f"{kind}_{where}"] if values[body or kind] else []
        told = [form for form in told if not (asked.is_order and "that {in_place}" in form)]
        return [capitalised(form.format_map(values)) for form in told]

    steps = forms("order", "front") if asked.is_step else []
    steps = [*(forms("case", "front") if steps and in_case else []), *steps]
    steps += [plain for step in steps if (plain := _WHICH.sub(r"\1\2hat", step)) != step][:3]
    fronted = [*steps, *forms("front"), *forms("embedded")]
    placed = forms("in_place") if asked.in_place != asked.front else []
    told = fronted or placed
    natural = [*told, *_in_other_words(told, asked.front or asked.in_place)]
    natural += of_command(said.value.text, subject) if said.value.kind == "command" else []
    return Asked(natural, [*(placed if fronted else []), *forms("blank")])


def of_command(command: str, subject: Subject) -> list[str]:
    """By what it does, where its words say so: `stockctl drain pump-2` drains that."""
    _, does, to, *_ = [*command.split(), "", ""]
    if does not in BASES or not to[:1].isalpha() or not subject.name:
        return []
    is_own = to.lower() == subject.bare.lower()
    name = f"{does} {subject.name if is_own else to}"
    suffix = "" if is_own else f" in {subject.name}"
    concept = next(one for one in concepts() if one.name == "command_to")
    return list(of_concept(concept, About((name,), name, suffix=suffix)))[:MOST_OF_COMMAND]


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
