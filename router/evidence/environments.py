"""Where a thing runs: in production, or where it is tried. Pure."""

import re

PRODUCTION = "production"
# `Test`, `live` and `development` mean an environment only where they stand like a name of one.
_NAMED = (
    r"(?<=\bin ){0}|(?<=\bon ){0}"
    r"|{0}(?=:|,| (?:environment|env|system|cluster|instance|installation|server|setup)s?\b)"
)
_SPELLED = {
    PRODUCTION: "production|prod|" + _NAMED.format("live"),
    "staging": r"staging|pre-?prod(?:uction)?|" + _NAMED.format("stage"),
    "development": _NAMED.format("dev(?:elopment)?"),
    "test": "qa|uat|" + _NAMED.format("test(?:ing)?"),
    "sandbox": "sandbox",
}
# One with a name of its own: `in the disaster recovery environment`.
_OTHER = re.compile(r"\b(?:in|on) (?:the|our|your) ((?:[a-z][\w-]+ )?[a-z][\w-]+) environment\b")
_NO_NAMES = frozenset({"same", "new", "current", "right", "whole", "entire", "given", "own"})
_ENVIRONMENTS = {
    name: re.compile(rf"(?<![\w-])(?:{spelled})(?![\w-])") for name, spelled in _SPELLED.items()
}


def environments(folded: str) -> frozenset[str]:
    """Those that a folded text speaks of."""
    known = frozenset(name for name, form in _ENVIRONMENTS.items() if form.search(folded))
    others = frozenset(found[1] for found in _OTHER.finditer(folded))
    return known or frozenset(name for name in others if _NO_NAMES.isdisjoint(name.split()))
