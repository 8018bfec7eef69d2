"""The forms of the verbs that documents use. Pure."""

from training.synthesis.words import LISTS

BASES = LISTS["verb"]


def _third_person(verb: str) -> str:
    if verb.endswith(("s", "x", "ch", "sh", "o")):
        return f"{verb}es"
    if verb.endswith("y") and verb[-2:-1] not in "aeou":
        return f"{verb[:-1]}ies"
    return f"{verb}s"


THIRD = {_third_person(verb): verb for verb in BASES}
"""`carries` → `carry`."""
