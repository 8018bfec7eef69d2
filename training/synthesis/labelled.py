"""Questions for a value that stands beside its label. Pure."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from training.synthesis.asking import About, Asked, filled, of_concept
from training.synthesis.lexicon import Meant, meant_by
from training.synthesis.mined import Labelled
from training.synthesis.subjects import Subject
from training.synthesis.verbs import BASES
from training.synthesis.words import LISTS, is_identifier, lowered, readable, unit_of

MAX_LABEL_WORDS = 6
_OWN_WORDS = ("option", "command to")
"""Labels that stand in no document: only their concepts have the words for them."""
_CHOICE = re.compile(r"(?:yes|no)[.]?$", re.I)
_SWITCH = re.compile(r"(?:true|false|on|off|enabled|disabled)[.]?$", re.I)
_DURATION = re.compile(
    r"(?:about |up to |every )?[\d.,]+\s?"
    r"(?:ms|s|sec\w*|min\w*|h|hours?|days?|weeks?|months?|years?)\b",
    re.I,
)
_MONEY = re.compile(
    r"(?:[€$£]|EUR|USD|GBP|CHF)\s?\d|"
    r"\d[\d.,]*\s?(?:[€$£]|EUR|USD|GBP|CHF|kr|euros?|dollars?|pounds?)\b"
)
_MOMENT = re.compile(
    r"(?:on |every )?(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\d{1,2}:\d\d\b|"
    r"\d{4}-\d\d-\d\d\b|\d{1,2}\.? (?:january|february|march|april|may|june|july|august|"
    r"september|october|november|december)\b",
    re.I,
)
_BRACKETED = re.compile(r"(?P<outer>[^()]{3,40}) \((?P<inner>[a-z][a-z-]*(?: [a-z][a-z-]*)?)\)")
_NUMBER = re.compile(r"\d[\d., ]*$")


@cache
def _forms() -> dict[str, list[str]]:
    label: dict[str, list[str]] = tomllib.loads(
        Path(__file__).with_name("phrasing.toml").read_text()
    )["label"]
    return label


@dataclass(frozen=True, slots=True)
class _Asked:
    """The names that questions may use, and what they end with."""

    names: tuple[str, ...]
    suffix: str
    context: str


def questions_for(found: Labelled, subject: Subject) -> Asked:
    """Phrasings in no order but the first; none, if nothing names what the value is said of."""
    label = readable(_unbracketed(found.label))
    text, meant = label.text, meant_by(label.text, is_key=bool(found.key))
    if found.key:
        text, meant = _unwrapped(text, meant, subject)
    if meant and not may_mean(meant, found.answer):
        meant = None
    unit = label.unit and f", in {label.unit}" if _NUMBER.match(found.answer) else ""
    asked = _asked(found, subject, unit)
    if not asked.names:
        return Asked()
    known = list(_of_concept(meant, asked, subject.bare)) if meant else []
    if found.label in _OWN_WORDS:
        return Asked(known)
    plain = list(_of_label(found, text, asked))
    if len(known) < 8:
        return Asked([*known, *plain[:12]])
    # The words of the label are as good as others, those of its key too; those of all labels alike
    # are not.
    own = 3 if found.key else 2
    return Asked([*known, *plain[:own]], plain[own:4])


def _unbracketed(label: str) -> str:
    """`production replicas` of `Replicas (production)`, where the one in brackets is no unit."""
    found = _BRACKETED.fullmatch(label.strip())
    if found is None or unit_of(found["inner"]) or meant_by(readable(found["outer"]).text) is None:
        return label
    return f"{found['inner']} {lowered(found['outer'])}"


def may_mean(meant: Meant, answer: str) -> bool:
    """Whether the answer is of the form that the concept has."""
    concept = meant.concept
    if _CHOICE.match(answer) and concept.name != "required":
        return False
    if concept.holds and not concept.holds.search(answer):
        return False
    return meant.before.split(" ")[0].lower() not in LISTS["order_verb"]


def _unwrapped(label: str, meant: Meant | None, subject: Subject) -> tuple[str, Meant | None]:
    """The words of a key, and what they mean, without the subject's name and the groups that say
    nothing; unless they are part of what it means: `release.window`."""
    names = set(re.split(r"[\W_]+", subject.bare.lower())) | LISTS["wrapper"]
    words = label.split()
    while len(words) > 1 and words[0].lower() in names:
        shorter = meant_by(" ".join(words[1:]), is_key=True)
        if meant and (shorter is None or shorter.concept is not meant.concept):
            break
        words = words[1:]
        meant = shorter
    return " ".join(words), meant


# --- Who is asked about ------------------------------------------------------------------------
def _asked(found: Labelled, subject: Subject, unit: str) -> _Asked:
    where = _condition(found.condition) if found.condition else ""
    if not found.entity:
        names = (subject.name,) if subject.name else ()
        return _Asked(names, f"{where}{unit}", subject.name)
    entity = _entity(found)
    if _stands_alone(found.entity):
        named = [entity, f"{entity} in {subject.name}"] if subject.name else [entity]
    else:
        context = subject.name or subject.document
        named = [f"{entity} in {context}"] if context else []
    return _Asked(tuple(named), f"{where}{unit}", subject.name or subject.document)


def _entity(found: Labelled) -> str:
    kind = readable(found.kind_of_entity).text
    is_noun = kind in LISTS["kind_of_thing"]
    if found.entity.isdecimal():
        return f"{kind} {found.entity}" if is_noun else found.entity
    if is_identifier(found.entity):
        return (
            f"the {kind} {found.entity}"
            if is_noun and not _looks_unique(found.entity)
            else found.entity
        )
    if kind == "to do":
        return lowered(found.entity)
    words = found.entity.split()
    is_order = words[0].lower() in BASES and kind in LISTS["order"]
    has_article = not {"a", "an", "the"}.isdisjoint(words[1:])
    if len(words) > 4 or is_order or (has_article and len(words) > 2):
        return f'"{found.entity}"'
    return found.entity if _is_name(found.entity) else lowered(found.entity)


def _looks_unique(word: str) -> bool:
    return len(word) > 4 and bool(re.search(r"[A-Za-z].*\d|[a-z][A-Z]|[-_].", word))


def _stands_alone(entity: str) -> bool:
    """Whether an entity needs no context: a made name, or several words."""
    return _looks_unique(entity) if is_identifier(entity) else len(entity.split()) > 1


def _is_name(text: str) -> bool:
    return all(word[:1].isupper() or not word[:1].isalpha() for word in text.split())


def _condition(condition: str) -> str:
    words = condition.split()
    if condition.lower() in LISTS["environment"]:
        return f" in {condition.lower()}"
    if len(words) > 3 or re.search(r"[,;:]", condition):
        return f' under "{condition}"'
    return f" for {condition}"


# --- What is asked -----------------------------------------------------------------------------
def _of_concept(meant: Meant, asked: _Asked, bare: str) -> Iterator[str]:
    after = f" {meant.after}" if meant.after and not meant.of else ""
    after = "" if re.match(r" (?:that|(?:on|in|at|from) which)\b", after) else after
    names, suffix = asked.names, after + asked.suffix
    return of_concept(meant.concept, About(names, bare, meant.before, meant.of, "", suffix))


def _of_label(found: Labelled, label: str, asked: _Asked) -> Iterator[str]:
    forms = list(_forms()[_form(label, found.answer, is_key=bool(found.key))])
    if found.key:
        forms[2:2] = _forms()["key"]
    for place, template in enumerate(forms):
        name = asked.context if "{k}" in template else asked.names[place % len(asked.names)]
        values = {"s": name, "l": label, "L": found.label.strip(), "k": found.key}
        yield filled(template, values, asked.suffix)


def _form(label: str, answer: str, *, is_key: bool) -> str:
    if _CHOICE.match(answer):
        return "choice"
    if _SWITCH.match(answer):
        return "switch"
    words = label.lower().split()
    outer = {words[0], words[-1]}
    is_noun = words[0] not in LISTS["filler"] and outer.isdisjoint(LISTS["preposition"])
    is_noun = is_noun and words[0] not in LISTS["no_noun"] and not words[0].endswith("ed")
    follows = words[1] if len(words) > 1 else ""
    is_order = words[0] in BASES and (follows in LISTS["after_verb"] or follows == "back")
    is_noun = is_noun and words[-1] not in LISTS["after_value"] | {"it", "them", "this"}
    is_gerund = len(words) > 1 and words[0].endswith("ing") and words[0] not in LISTS["ing_noun"]
    is_noun = is_noun and not (is_gerund and _is_plural(words))
    is_clear = is_noun and not is_order and not re.search(r"[,;:?!\"]| (?:a|an|the) ", label)
    is_known = is_key or len(words) > 1 or meant_by(label) is not None
    if len(words) > MAX_LABEL_WORDS or not is_known or not is_clear:
        return "quoted"
    is_many = _is_plural(words)
    if _DURATION.match(answer) and words[-1] in LISTS["time_noun"]:
        return "duration"
    if _MONEY.match(answer):
        return "money" if words[-1] in LISTS["money_noun"] else "quoted"
    if _MOMENT.match(answer) and not is_many:
        return "moment"
    if is_many:
        return "count" if _NUMBER.match(answer) else "many"
    return "one"


def _is_plural(words: Sequence[str]) -> bool:
    head = next(
        (w for w, after in pairwise(words) if after in LISTS["preposition"]),
        words[-1],
    )
    return head.endswith("s") and not head.endswith(("ss", "us", "is")) and len(head) > 3
