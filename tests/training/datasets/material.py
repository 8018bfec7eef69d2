"""Material for tests of what is pure: invented things with a few attributes each."""

from collections.abc import Iterable, Mapping, Sequence

from router.prompts import Passage
from training.datasets.material import Material, Pair, Retired, Source

ASKED: Mapping[str, Sequence[str]] = {
    "port": ("Which port does {} listen on?", "On what port can {} be reached?", "Port of {}?"),
    "owner": ("Who owns {}?", "Which crew looks after {}?", "{} belongs to whom?"),
    "berth": ("Where is {} moored?", "At which berth lies {}?", "What is the berth of {}?"),
}
TOLD = {
    "port": "{} listens on port {}.",
    "owner": "The crew that owns {} is {}.",
    "berth": "By day {} is moored at berth {}.",
}


def things(
    names: Sequence[str],
    attributes: Mapping[str, Iterable[str]] | None = None,
    *,
    by_person: bool = True,
    retired: Sequence[Retired] = (),
) -> Material:
    """A document of one passage for each attribute that a thing has; by default, it has all."""
    pairs: list[Pair] = []
    sources = {}
    for document, name in enumerate(names, start=1):
        passages = {}
        for attribute in (attributes or {}).get(name, ASKED):
            answer = f"{attribute[0].upper()}{document}{len(name)}"
            text = TOLD[attribute].format(name, answer)
            passages[f"{name} {attribute}"] = Passage(name, attribute, text, f"{name}.md")
            pairs += [
                Pair(
                    id=1_000 * document + len(pairs),
                    document=document,
                    passage=f"{name} {attribute}",
                    question=question.format(name),
                    answer=answer,
                    fact=f"{name}/{attribute}",
                    by_person=by_person,
                    evidence=text,
                )
                for question in ASKED[attribute]
            ]
        sources[document] = Source(document, name, "wiki", name, f"{name}.md", passages=passages)
    return Material(tuple(pairs), sources, tuple(retired))
