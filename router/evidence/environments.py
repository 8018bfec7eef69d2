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
_ENVIRONMENTS = {
    name: re.compile(rf"(?<![\w-])(?:{spelled})(?![\w-])") for name, spelled in _SPELLED.items()
}


def environments(folded: str) -> frozenset[str]:
    """Those that a folded text speaks of."""
    return frozenset(name for name, form in _ENVIRONMENTS.items() if form.search(folded))
