"""Which form a value has that a question asks for, told by the question alone.

*Tidegate fqdn* asks for the name of a host, *how fast may a client hammer it* for a rate. No list
of such words ends; so a linear softmax was fitted on the vectors that the model of paraphrases
gives to questions (`training.reader.asked_forms`), whose answers are of known forms. Its weights
lie beside this module.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from router.evidence.forms import Form, form_of, is_value
from router.text import fold

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

WEIGHTS = Path(__file__).with_suffix(".npz")
# What has a form that is less probable by this factor than for any question is no answer. Of 6,368
# questions about things that nothing had learned from, 1.5 % of the right answers are such, and
# 63 % of those to other questions that have another form.
LEAST_FACTOR = 0.1
# `Is it open at night?`, `why …` and `how do I …`, unless they ask for a value after all: `can you
# tell me which port it has?`
_FOR_NO_VALUE = re.compile(
    r"(?:(?:am|are|can|could|did|do|does|had|has|have|is|may|might|must|shall|should|was|were|will"
    r"|would)\b|why\b|how (?:can|could|do|should|would) (?:i|one|we|you)\b)"
    r"(?!.*\b(?:how|name|number|what|when|where|which|who|whom|whose)\b)"
)


@dataclass(frozen=True, slots=True)
class AskedForms:
    """How probable each form is for the answer to a question, and by what factor that is more than
    for any question."""

    probable: Mapping[Form, float]
    more: Mapping[Form, float]

    def share_in(self, forms: AbstractSet[Form]) -> float:
        """The probability that the answer has one of these forms."""
        return sum(self.probable[one] for one in forms)

    def may_be(self, answer: str) -> bool:
        """Whether an answer may have the form that it has."""
        return self.factor_of(answer) >= LEAST_FACTOR

    def factor_of(self, answer: str) -> float:
        """By what factor the form of an answer is more probable than for any question; 1, where it
        is no mere value."""
        return self.more[form_of(answer)] if is_value(answer) else 1.0


def asks_for_value(question: str) -> bool:
    """Whether a question asks for a value, and not for a verdict, a reason or a way."""
    return not _FOR_NO_VALUE.match(fold(question).text)


def asked_forms(question: str, vector: Vectors) -> AskedForms | None:
    """Of a question by its vector; None, where it asks for no value, or nobody knows."""
    return forms_by(vector) if asks_for_value(question) else None


def forms_by(vector: Vectors) -> AskedForms | None:
    """Of any question for a value, by its vector, of shape (dimension,), by the model of
    paraphrases; None, where another one made it, on whose vectors nothing was fitted."""
    import numpy as np

    weights, bias, prior = _weights()
    if len(vector) != weights.shape[1]:
        return None
    odds = weights @ vector + bias
    probable = np.exp(odds - odds.max())
    probable /= probable.sum()
    return AskedForms(
        dict(zip(Form, probable.tolist(), strict=True)),
        dict(zip(Form, (probable / prior).tolist(), strict=True)),
    )


@cache
def _weights() -> tuple[Vectors, Vectors, Vectors]:
    """Of shapes (forms, dimension), (forms,) and (forms,): weights, bias, and the share of each
    form among the questions that these were fitted on."""
    # The web process starts without it.
    import numpy as np

    with np.load(WEIGHTS, allow_pickle=False) as told:
        weights, bias, prior = (told[name].astype(np.float32) for name in ("of", "bias", "prior"))
    return weights, bias, prior
