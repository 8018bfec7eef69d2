"""Fits how likely a sentence answers a question, on the library and on things:

DJANGO_SETTINGS_MODULE=docportal.settings python -m training.reader.quoting

Each question is asked of the passages of its organisation that are nearest to it, or of those on
its thing and on another; only of organisations and things that the reranker has not learned from.
What no passage answers was written to look as if one did, so of real questions fewer are wrongly
quoted. Prints a table of thresholds, measured on those left out of the fit, and writes the weights.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random

import django
import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from router.asked_forms import asked_forms
from router.quoting import WEIGHTS, measure
from router.relevance import nameless
from router.retrieval.embeddings import ServerEmbeddings
from router.retrieval.reranking import relevance
from router.serving import embedded_servers
from training.reader.choosing import asked_of_things
from training.reader.sentences import Asked, asked_of, kept_back

# Questions of each organisation, at most; of the things one of so many; sentences of each.
QUESTIONS, EVERY, BEST, SEED = 80, 3, 3, 1
FOLDS = 8
# Shares of the questions that no passage answers.
WRONGLY_QUOTED = (0.03, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)


@dataclass(frozen=True, slots=True)
class Example:
    """One of the `BEST` sentences of a question. `right`: it holds the answer; `answered`: one
    does; `first`: it is the best."""

    source: str
    features: tuple[float, ...]
    answered: bool
    right: bool
    first: bool


def examples() -> Iterator[Example]:
    with embedded_servers(embeddings=True):
        for organisation in kept_back():
            for asked in asked_of(organisation, ServerEmbeddings(), at_most=QUESTIONS):
                yield from _examples(organisation.name, asked)
        for thing, asked in islice(asked_of_things(Random(SEED)), 0, None, EVERY):
            yield from _examples(thing.kind, asked)


def _examples(source: str, asked: Asked) -> Iterator[Example]:
    scores = relevance(asked.question, [one.text for one in asked.candidates])
    vector = ServerEmbeddings(settings.PARAPHRASE_MODEL).one(nameless(asked.question, asked.given))
    forms = asked_forms(asked.question, vector)
    measured = list(measure(asked.question, asked.given, scores, forms).values())
    best = sorted(range(len(scores)), key=lambda number: -scores[number])[:BEST]
    for number in best:
        right = asked.candidates[number].holds
        yield Example(source, measured[number], bool(asked.answer), right, number == best[0])


def fit(found: list[Example]) -> dict[str, object]:
    """The weights as `router.quoting` reads them; prints what they do."""
    features = np.array([each.features for each in found])
    answered = np.array([each.answered for each in found])
    right = np.array([each.right for each in found])
    first = np.array([each.first for each in found])
    groups = [each.source for each in found]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=2000))
    likely = cross_val_predict(
        model,
        features,
        right,
        groups=groups,
        cv=GroupKFold(FOLDS),
        method="predict_proba",
    )[:, 1]
    _print_table(likely[first], answered[first], right[first])
    model.fit(features, right)
    scaler, logistic = model[0], model[1]
    of = logistic.coef_[0] / scaler.scale_
    return {
        "bias": round(float(logistic.intercept_[0] - of @ scaler.mean_), 4),
        "of": [round(float(weight), 4) for weight in of],
    }


def _print_table(
    likely: NDArray[np.float64], answered: NDArray[np.bool_], right: NDArray[np.bool_]
) -> None:
    print(  # noqa: T201
        f"{answered.sum()} answered questions, the best sentence holds the answer of "
        f"{right[answered].mean():.3f}; {(~answered).sum()} that nothing answers.\n"
        "least  wrongly quoted  quoted  of them right"
    )
    for share in WRONGLY_QUOTED:
        least = np.quantile(likely[~answered], 1 - share)
        quoted = likely >= least
        print(  # noqa: T201
            f"{least:.3f}  {share:14.2f}  {quoted[answered].mean():6.3f}  "
            f"{right[answered & quoted].mean():13.3f}"
        )


def main() -> None:
    django.setup()
    WEIGHTS.write_text(json.dumps(fit(list(examples())), indent=1) + "\n")


if __name__ == "__main__":
    main()
