"""Where a thing runs: in production, or where it is tried. Pure."""

import re
from collections.abc import Set

PRODUCTION = "production"
# `Test`, `live` and `development` mean an environment only where they stand like a name of one. A
# colon or a comma behind them says less: `Field test: two days`.
_SURELY = (
    r"(?<=\bin ){0}|(?<=\bon ){0}"
    r"|{0}(?= (?:environment|env|system|cluster|instance|installation|server|setup)s?\b)"
)
_NAMED = _SURELY + r"|(?<=, ){0}(?=\W*$)|{0}(?=:|,)"


def _spelled(named: str) -> dict[str, str]:
    return {
        PRODUCTION: "production|prod|" + named.format("live"),
        "staging": r"staging|pre-?prod(?:uction)?|" + named.format("stage"),
        "development": named.format("dev(?:elopment)?"),
        "test": "qa|uat|" + named.format("test(?:ing)?"),
        "sandbox": "sandbox",
    }


# One with a name of its own: `in the disaster recovery environment`.
_OTHER = re.compile(r"\b(?:in|on) (?:the|our|your) ((?:[a-z][\w-]+ )?[a-z][\w-]+) environment\b")
_NO_NAMES = frozenset({"same", "new", "current", "right", "whole", "entire", "given", "own"})


def _form(spelled: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{spelled})(?![\w-])")


_ENVIRONMENTS = {name: _form(spelled) for name, spelled in _spelled(_NAMED).items()}
_PRODUCTION = _form(_spelled(_SURELY)[PRODUCTION])
_NOT_PRODUCTION = _form("non-?prod(?:uction)?")
_OTHERS = _form(
    "|".join(spelled for name, spelled in _spelled(_SURELY).items() if name != PRODUCTION)
)


def environments(folded: str, asked: Set[str] = frozenset()) -> frozenset[str]:
    """Those that a folded text speaks of: the known ones, and of those `asked` about what it names.

    A text may tell of *the cloud environment* and mean all there is.
    """
    forms = _ENVIRONMENTS | {name: _form(re.escape(name)) for name in asked - _ENVIRONMENTS.keys()}
    return frozenset(name for name, form in forms.items() if form.search(folded))


def is_of_others(folded: str) -> bool:
    """Whether a folded text surely speaks of environments, and not of production."""
    return bool(_OTHERS.search(folded)) and not _PRODUCTION.search(folded)


def environments_asked(question: str) -> frozenset[str]:
    """Those that a folded question asks about, also with a name of its own; all but production,
    where it asks for one of these."""
    if _NOT_PRODUCTION.search(question):
        return frozenset(_ENVIRONMENTS.keys() - {PRODUCTION})
    others = [found[1] for found in _OTHER.finditer(question)]
    named = {name for name in others if _NO_NAMES.isdisjoint(name.split())}
    return environments(question) or frozenset(named)
