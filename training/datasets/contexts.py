"""Rows with passages: the question is answered from one of them, or by none. Pure."""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from random import Random

from router.prompts import MAX_PASSAGES, REFUSAL, Passage, reader_messages
from training.datasets.attributes import Asked
from training.datasets.material import Material, Pair, WordForm, draw, word_form
from training.datasets.names import word_run
from training.datasets.subjects import Run
from training.datasets.texts import Texts, stems_of
from training.rows import Row

QUESTIONS = 4  # on one set of passages
TURNS = 4  # of the same passage, each time with other phrasings and neighbours in another order


def context_rows(
    material: Material,
    texts: Texts,
    asked: Sequence[Asked],
    unseen: AbstractSet[WordForm],
    without_gold: float,
    seed: int,
) -> Iterator[Row]:
    """Rows in groups that share their passages: the gold one among those nearest to it, or, for
    a share of the groups, the nearest ones alone. Then every answer is a refusal.

    Only questions that name their subject are asked without the gold passage: for any other,
    a passage about something else could hold an answer.
    """
    named = {each.pair.id: each.mention.run for each in asked}
    passages: dict[tuple[int, str], list[Pair]] = defaultdict(list)
    for pair in material.pairs:
        if word_form(pair.question) not in unseen:
            passages[pair.document, pair.passage].append(pair)
    ordered = sorted(passages, key=lambda place: draw(seed, "context", *place))
    for turn, place in itertools.product(range(TURNS), ordered):
        gold = material.sources[place[0]].passages[place[1]]
        rng = Random(f"{seed} {turn} {place[1]}")
        pairs = _one_a_fact(passages[place], rng)
        is_there = rng.random() >= without_gold
        if not is_there:
            pairs = [pair for pair in pairs if pair.id in named]
        if pairs:
            near = _distractors(pairs, gold, place[1], texts, named)
            group = f"context {turn} {place[0]} {place[1][:16]}"
            yield from _group(group, pairs, gold if is_there else None, near, rng)


def _one_a_fact(pairs: Sequence[Pair], rng: Random) -> list[Pair]:
    facts: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        facts[pair.fact].append(pair)
    chosen = [rng.choice(facts[fact]) for fact in sorted(facts)]
    return rng.sample(chosen, min(QUESTIONS, len(chosen)))


def _distractors(
    pairs: Sequence[Pair],
    gold: Passage,
    content_hash: str,
    texts: Texts,
    named: Mapping[int, Run],
) -> list[Passage]:
    """The passages nearest to the questions that hold none of their answers."""
    wording = stems_of(" ".join(pair.question for pair in pairs))
    wording |= {stem for pair in pairs for stem in named.get(pair.id, ())}
    answers = [_spaced(pair.answer) for pair in pairs]
    near = texts.nearest(wording | stems_of(gold.heading), {content_hash}, 4 * MAX_PASSAGES)
    return [
        passage
        for passage in near
        if not any(answer in _spaced(passage.text) for answer in answers)
    ][:MAX_PASSAGES]


def _group(
    group: str, pairs: Sequence[Pair], gold: Passage | None, near: list[Passage], rng: Random
) -> Iterator[Row]:
    shown = near[: MAX_PASSAGES - (gold is not None)]
    rng.shuffle(shown)
    at = rng.randint(0, len(shown))
    if gold is not None:
        shown.insert(at, gold)
    if not shown:
        return
    for pair in pairs:
        messages = tuple(reader_messages(pair.question, shown))
        answer = REFUSAL if gold is None else f"{pair.answer} [{at + 1}]"
        # A long passage is cut, and the last one may not fit at all.
        if gold is None or _spaced(pair.answer) in _shown(messages[-1]["content"], at + 1):
            yield Row(messages, answer, "context", pair.fact, group)


def _shown(prompt: str, number: int) -> str:
    """The words of one passage as the prompt shows it."""
    _, _, rest = prompt.partition(f'<passage n="{number}"')
    return _spaced(rest.partition("</passage>")[0])


def _spaced(text: str) -> str:
    return f" {' '.join(word_run(text))} "
