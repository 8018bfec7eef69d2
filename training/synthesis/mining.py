"""What a passage says, read from its form: facts with the questions that ask for them. Pure.

No model is asked. Tables, entries, settings and sentences each have a reader; what it finds is
phrased in many ways from the lexicon.
"""

import hashlib
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from router.text import ARTICLES
from training.synthesis import blocks, clausal, entries, rows
from training.synthesis.asking import Asked
from training.synthesis.clauses import GAP
from training.synthesis.labelled import questions_for
from training.synthesis.mined import Fact, Labelled, MinedFrom
from training.synthesis.saying import questions_of, questions_of_told
from training.synthesis.sentences import Said, of_prose
from training.synthesis.spoken import Stated
from training.synthesis.subjects import Subject, subject_of
from training.synthesis.words import LISTS

MAX_ANSWER = 110
MAX_QUESTIONS = 12
MAX_QUESTION = 300
LEAST_QUESTIONS = 3
_FOOTNOTE = re.compile(r"\s*\[\d{1,2}\]$")
# Of emphasis and of notes. Those of a schedule, `17 2 * * *`, stand by themselves, that of `*.log`
# before a sign.
_STARS = re.compile(r"^\*+(?=[^\s*/.])|^\*+ (?=[^*]*$)|(?<=[^\s*/])\*+$|(?<=[^\W\d]) \*+$")
# Of words, behind a value that is not of many: `harbour_series (changes go through review)`.
_REMARK = re.compile(r"(?P<value>\S+(?: \S+){0,3}) \([^()\s]+(?: [^()\s]+){2,}\)")
_EMPTY = re.compile(
    r"[\s\-–—.…?*=_~#+^|]*$|n/?a$|none$|tbd$|todo$|today$|version$|"
    r"(?:see|same as|ditto|as above|as before)\b",
    re.I,
)
_QUOTED = re.compile(r"[`\"'“](?P<inner>[^`\"'“”]+)[`\"'”]")
_FIRST_SENTENCE = re.compile(r"[.!?;](?=\s)")


def mine(passage: MinedFrom) -> list[Fact]:
    """The facts of a passage, each with 3 to 12 questions; the same passage gives the same facts.

    A question that the passage answers in two ways is left out.
    """
    subject = subject_of(passage)
    labelled = _labelled(passage)
    facts = [_of_label(found, subject, passage.text) for found in labelled]
    if passage.kind in ("prose", "list") and not _is_log(passage):
        taken = frozenset(found.start for found in labelled)
        told = of_prose(passage, subject, taken)
        facts.extend(_of_sentence(said, subject, passage.text) for said in told)
    clear = unambiguous(fact for fact in facts if fact is not None)
    return [
        replace(
            fact,
            questions=fact.questions[:MAX_QUESTIONS],
            narrowed=fact.narrowed[:MAX_QUESTIONS],
        )
        for fact in clear
    ]


def unambiguous(facts: Iterable[Fact]) -> list[Fact]:
    """The facts without the questions that two of them answer differently, or with the section in
    these, if that tells them apart.

    A fact with fewer than three questions left goes too. Works for a document or a corpus as
    well as for the facts of one passage.
    """
    kept = list({(fact.key, fact.answer): fact for fact in facts}.values())
    answers: dict[str, set[str]] = defaultdict(set)
    for fact in kept:
        for question in {*fact.questions, *fact.narrowed}:
            answers[_folded(question)].add(_folded(fact.answer))

    def clear(questions: tuple[str, str]) -> str:
        return next((one for one in questions if len(answers[_folded(one)]) == 1), "")

    cleared = [_with(fact, [clear(one) for one in _both(fact)]) for fact in kept]
    return [fact for fact in cleared if len(fact.questions) >= LEAST_QUESTIONS]


def _both(fact: Fact) -> list[tuple[str, str]]:
    """Each question, and the same with the section named."""
    return list(zip(fact.questions, fact.narrowed or fact.questions, strict=True))


def _with(fact: Fact, questions: Sequence[str]) -> Fact:
    """The fact with these for its questions; an empty one is left out."""
    kept = [
        (asked, narrow) for asked, (_, narrow) in zip(questions, _both(fact), strict=True) if asked
    ]
    return replace(
        fact,
        questions=tuple(asked for asked, _ in kept),
        narrowed=tuple(narrow for _, narrow in kept),
    )


def _labelled(passage: MinedFrom) -> list[Labelled]:
    if passage.kind == "table":
        return rows.of_table(passage.text)
    if _is_log(passage):
        return []
    if passage.kind == "code":
        headings = " ".join((passage.title, passage.path, *passage.heading_path))
        first_line = passage.text[:200].split("\n", 1)[0]
        first_line = first_line if first_line.startswith(("#", "//", ";", "--")) else ""
        found = blocks.of_code(passage.text, passage.language, f"{headings} {first_line}")
        return [*(found or entries.options_of(passage.text)), *clausal.remarked(passage.text)]
    headings = " ".join((passage.title, *passage.heading_path)).lower()
    is_glossary = not LISTS["glossary"].isdisjoint(re.findall(r"\w+", headings))
    found = entries.of_text(passage.text, is_glossary=is_glossary)
    return [*found, *clausal.described(found)]


def _is_log(passage: MinedFrom) -> bool:
    return not LISTS["log"].isdisjoint(passage.title.lower().split())


def _of_label(found: Labelled, subject: Subject, text: str) -> Fact | None:
    if told := clausal.told_together(found, subject):
        return _of_told(found, *told, subject, text)
    answer = _answer(found.answer)
    named = found.entity if found.label == "definition" else found.key.rsplit(".", 1)[-1]
    is_own_example = bool(named) and named == subject.bare
    if not answer or is_own_example or _is_clause(found.label, subject):
        return None
    said = replace(found, answer=answer)
    asked = questions_for(said, subject)
    questions = _paired(asked, subject, lambda narrowed: questions_for(said, narrowed))
    about = f"{subject.name}\x1f{said.entity}\x1f{said.condition}"
    return _fact(questions, said, about, text)


def _is_clause(label: str, subject: Subject) -> bool:
    """Whether it says something of the subject, as *Night-bell rings the hours* does before a list
    of them, and is no name for what follows."""
    is_about = bool(subject.bare) and subject.bare.lower() in label.lower()
    return is_about and not ARTICLES.isdisjoint(label.lower().split()[1:])


def _of_told(found: Labelled, value: str, told: Stated, subject: Subject, text: str) -> Fact | None:
    """A label that makes a sentence with its value."""
    said = replace(found, label=told.concept.name, answer=_answer(value))
    if not said.answer or not subject.name:
        return None
    asked = questions_of_told(told, subject)
    questions = _paired(asked, subject, lambda narrowed: questions_of_told(told, narrowed))
    return _fact(questions, said, f"{subject.name}\x1f{told.of}", text)


def _of_sentence(said: Said, subject: Subject, text: str) -> Fact | None:
    answer, asked = questions_of(said, subject)
    questions = _paired(asked, subject, lambda narrowed: questions_of(said, narrowed)[1])
    sentence = said.sentence
    blank = f"{sentence.text[: said.value.start]}{GAP}{sentence.text[said.value.end :]}"
    attribute = said.concept.name if said.concept else said.label or blank
    found = Labelled(attribute, answer, sentence.start, sentence.end)
    return _fact(questions, found, sentence.about or subject.name, text)


_Questions = list[tuple[str, str]]


def _paired(asked: Asked, subject: Subject, ask: Callable[[Subject], Asked]) -> list[_Questions]:
    """Each question, and the same about the subject with its section, if it has one; those that
    people may use first."""
    narrowed = asked if subject.narrowed is subject else ask(subject.narrowed)
    return [
        list(zip(asked.natural, narrowed.natural, strict=True)),
        list(zip(asked.formal, narrowed.formal, strict=True)),
    ]


def _fact(questions: list[_Questions], said: Labelled, about: str, text: str) -> Fact | None:
    """With all its questions, lest one that is left out now makes another ambiguous later."""
    evidence = text[said.start : said.end]
    attribute = f"{_folded(about)}\x1f{_folded(said.label)}"
    named = f"{attribute}\x1f{_folded(evidence)}".encode("utf-8", "surrogatepass")
    ordered = _ordered(questions, said.answer, attribute)
    key = hashlib.sha256(named).hexdigest()
    asked, narrowed = (tuple(one) for one in zip(*ordered, strict=True)) if ordered else ((), ())
    return Fact(asked, said.answer, said.start, said.end, key, narrowed)


def _ordered(groups: list[_Questions], answer: str, attribute: str) -> _Questions:
    """The first, then the others of its group by a chance that subject and attribute decide, then
    those of the next: facts of one kind are not all asked in the same words, and two that
    contradict each other are.

    A question that holds its answer is none.
    """
    chance = random.Random(attribute.encode("utf-8", "surrogatepass"))
    different: dict[str, tuple[str, str]] = {}
    for group in groups:
        kept = [pair for pair in group if _may_ask(pair[1], answer)]
        first, others = (kept[:1], kept[1:]) if not different else ([], kept)
        chance.shuffle(others)
        for question, narrowed in [*first, *others]:
            different.setdefault(_folded(question), (question, narrowed))
    return list(different.values())


def _may_ask(question: str, answer: str) -> bool:
    return len(question) <= MAX_QUESTION and not _tells(question, answer)


def _tells(question: str, answer: str) -> bool:
    is_choice = answer.lower() in ("yes", "no", "on", "off")
    found = re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", question, re.I)
    return found is not None and not is_choice


def _answer(value: str) -> str:
    """The value as one answers with it; empty if it says nothing or says too much."""
    bare = _FOOTNOTE.sub("", value.strip()).rstrip(" .;,")
    bare = _STARS.sub("", bare).strip()
    if found := _REMARK.fullmatch(bare):
        bare = found["value"]
    if found := _QUOTED.fullmatch(bare):
        bare = found["inner"].strip()
    if len(bare) > MAX_ANSWER and (end := _FIRST_SENTENCE.search(bare)):
        bare = bare[: end.start()]
    bare = bare.rstrip(" .;,")
    is_cut = len(bare) > MAX_ANSWER or bare.endswith((":", "`_"))
    return "" if not bare or is_cut or _EMPTY.match(bare) else bare


def _folded(text: str) -> str:
    return " ".join(re.sub(r"[,:;?!.](?=\s|$)", " ", text.lower()).split())
