"""Invented names in the shape of real ones, for questions that nothing answers. Pure.

Names for training and names for validation and test are made of different words, so that a model
is asked about strangers which it has never met.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Literal

from router.text import STOP_WORDS
from training.datasets.material import draw
from training.synthesis.subjects import is_generic, is_made

Side = Literal["taught", "asked"]
WordRun = tuple[str, ...]
Names = Mapping[str, Mapping[Side, Sequence[str]]]
"""Invented names by the name whose shape they have."""

_WORDS = """
acorn alder anchor apricot arbor aspen auburn badger bamboo barley basil bayou beryl birch bison
bluff bramble breeze bronze brook canyon carbon cassia cinder citrus clover cobble comet condor
coral cosmos cotton cricket crystal currant cypress dahlia dingo dolphin domino dune eagle ebony
egret elder falcon fennel fern flint forest fossil foxglove galley gannet garnet geyser ginger
glacier gopher granite grouse gypsum harrier hazel heather hemlock heron hickory holly hornet ibis
indigo ivory jasper juniper kelp lagoon larch lark laurel lava lemur lichen lilac linden lupine
lynx magnet mango maple marlin marsh meadow merlin mesa mica mimosa mistral myrtle nectar nettle
nickel nutmeg oasis ocelot onion opal orchid oriole osprey oyster panther papaya parsley peat
pebble pepper pewter plover plum poplar poppy prairie puffin quail quarry quince raven reed reef
robin rowan ruby saffron sage salmon sequoia shale sierra sorrel sparrow spruce starling stork
sumac summit swift teal tern thicket thistle thyme timber topaz trout tulip tundra turnip umbra
vale velvet walnut warbler willow wren yew zinc
"""
TRIES = 40
# Enough for any dataset: each has eight names for each side and all its questions.
SUBJECTS = 500
NAMES = 8
# Nobody takes the `w` of `w-4417` for a word, and `seat-w` for a name.
SHORTEST_WORD = 3
_NO_PARTS: Mapping[Side, Sequence[str]] = {"taught": (), "asked": ()}
_PIECE = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+(?![^\W\d_A-Z])|\d+|[^\W\d_]+")


def word_run(text: str) -> WordRun:
    """The words of a text in small letters; two names with the same are one name."""
    return tuple(re.findall(r"[^\W_]+", text.lower()))


def propose(
    subjects: Collection[str], *, seed: int, most: int = NAMES
) -> dict[str, dict[Side, list[str]]]:
    """For each subject, of `SUBJECTS` at most, up to `most` names of its shape for each side, which
    no subject's name is a part of: *the Kneadwell granite room* would still be Kneadwell.

    Whether a proposed name exists somewhere is for the caller to find out.
    """
    parts = _halves(
        {
            piece.lower()
            for name in subjects
            if is_made(name)
            for piece in _PIECE.findall(name)
            if len(piece) >= SHORTEST_WORD and piece.isalpha() and not is_generic(piece)
        }
    )
    fresh = _halves(_WORDS.split())
    taken = {word_run(name) for name in subjects}
    names: dict[str, dict[Side, list[str]]] = {}
    for subject in sorted(subjects, key=lambda name: draw(seed, name))[:SUBJECTS]:
        rng = Random(f"{seed} {subject}")
        names[subject] = {}
        # Near misses are the hard ones, but half of an identifier makes no name by itself.
        words = parts if is_made(subject) and len(_PIECE.findall(subject)) > 1 else _NO_PARTS
        for side in fresh:
            found: list[str] = []
            for _ in range(TRIES):
                name = _invented(subject, rng, words[side], fresh[side])
                run = word_run(name)
                is_another = taken.isdisjoint(_parts(run))
                if len(found) < most and is_another and _differ(name):
                    found.append(name)
                    taken.add(run)
            names[subject][side] = found
    return names


def _parts(run: WordRun) -> Iterator[WordRun]:
    """Words of a run that follow each other."""
    for start in range(len(run)):
        yield from (run[start:end] for end in range(start + 1, len(run) + 1))


def runs_of(names: Names) -> set[WordRun]:
    return {
        word_run(name) for sides in names.values() for found in sides.values() for name in found
    }


def without(names: Names, existing: Iterable[WordRun]) -> dict[str, dict[Side, list[str]]]:
    """The names but those whose words are among `existing`."""
    known = set(existing)
    return {
        subject: {
            side: [name for name in found if word_run(name) not in known]
            for side, found in sides.items()
        }
        for subject, sides in names.items()
    }


def _differ(name: str) -> bool:
    """Whether no piece of the name comes twice."""
    pieces = [piece.lower() for piece in _PIECE.findall(name)]
    return len(set(pieces)) == len(pieces)


def _halves(pieces: Iterable[str]) -> dict[Side, list[str]]:
    """Each piece falls to the same side in every dataset."""
    halves: dict[Side, list[str]] = {"taught": [], "asked": []}
    for piece in sorted(pieces):
        halves["taught" if draw("half", piece.lower()) < 0.5 else "asked"].append(piece)
    return halves


def _invented(subject: str, rng: Random, parts: Sequence[str], fresh: Sequence[str]) -> str:
    """`subject` with some of its pieces exchanged, each for one of the same kind."""
    pieces = list(_PIECE.finditer(subject))
    open_ = [
        i
        for i, piece in enumerate(pieces)
        if not is_generic(piece[0]) and piece[0].lower() not in STOP_WORDS
    ]
    if not open_:
        return subject
    changed = set(rng.sample(open_, rng.randint(1, len(open_))))
    name, end = "", 0
    for i, piece in enumerate(pieces):
        name += subject[end : piece.start()]
        name += _exchanged(piece[0], rng, parts, fresh) if i in changed else piece[0]
        end = piece.end()
    return name + subject[end:]


def _exchanged(piece: str, rng: Random, parts: Sequence[str], fresh: Sequence[str]) -> str:
    if piece.isdigit():
        return str(rng.randint(10 ** (len(piece) - 1), 10 ** len(piece) - 1))
    if piece.isupper() and len(piece) <= 4:
        return "".join(rng.choice("BCDFGHKLMNPRSTVXZ") for _ in piece)
    word = rng.choice(parts if parts and rng.random() < 0.5 else fresh)
    return word.upper() if piece.isupper() else word.title() if piece[0].isupper() else word.lower()
