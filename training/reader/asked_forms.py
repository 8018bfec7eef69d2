"""Fits which form of value a question asks for, on the questions on things:

DJANGO_SETTINGS_MODULE=docportal.settings python -m training.reader.asked_forms

Things that the models of paraphrases and of relevance never met are left out, and what it does to
these is printed: how many right answers have a form that is less probable than for any question by
some factor, and how many of other forms have. Writes `router/asked_forms.npz`.
"""

from collections.abc import Iterable

import django
import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from router.asked_forms import WEIGHTS, forms_by
from router.evidence.forms import Form, form_of
from router.retrieval.embeddings import ServerEmbeddings
from router.serving import embedded_servers
from training.reader import things
from training.reader.paraphrasing import as_asked

SEED = 1
# Of the regularisation, its inverse.
STRENGTH = 3.0
FACTORS = (0.03, 0.05, 0.1, 0.2, 0.3)

Vectors = NDArray[np.float32]
Places = NDArray[np.int64]
"""Of forms, in their order."""


def examples(of: Iterable[things.Thing]) -> tuple[Vectors, Places]:
    """The vectors of all questions, of shape (questions, dimension), and their answers' forms."""
    asked = [(one, fact.value) for thing in of for fact in thing.facts for one in fact.asked]
    places = {form: place for place, form in enumerate(Form)}
    vectors = ServerEmbeddings(settings.PARAPHRASE_MODEL).batch([as_asked(one) for one, _ in asked])
    return vectors, np.array([places[form_of(value)] for _, value in asked])


def fit(vectors: Vectors, forms: Places) -> None:
    """Write the weights."""
    model = LogisticRegression(C=STRENGTH, max_iter=500).fit(vectors, forms)
    if len(model.classes_) < len(Form):
        raise ValueError("Some form is the answer to no question")
    prior = np.bincount(forms, minlength=len(Form)) / len(forms)
    written = {"of": model.coef_, "bias": model.intercept_, "prior": prior}
    np.savez_compressed(WEIGHTS, **{name: one.astype(np.float16) for name, one in written.items()})


def show(vectors: Vectors, forms: Places) -> None:
    """Print what the weights make of questions that they were not fitted on."""
    told = [known for vector in vectors if (known := forms_by(vector))]
    every = list(Form)
    right = np.array([one.more[every[place]] for one, place in zip(told, forms, strict=True)])
    first = [max(one.probable, key=one.probable.__getitem__) for one in told]
    hit = np.mean([form is every[place] for form, place in zip(first, forms, strict=True)])
    others = np.random.default_rng(SEED).permutation(forms)
    wrong = np.array(
        [
            one.more[every[place]]
            for one, place, own in zip(told, others, forms, strict=True)
            if place != own
        ]
    )
    print(f"{len(forms)} questions, the likeliest form is the answer's for {hit:.3f}")  # noqa: T201
    for factor in FACTORS:
        shares = (
            f"right {np.mean(right < factor):.4f}, of other forms {np.mean(wrong < factor):.3f}"
        )
        print(f"less probable by {factor}: {shares}")  # noqa: T201


def main() -> None:
    django.setup()
    with embedded_servers(embeddings=True):
        fit(*examples(things.learned_from()))
        show(*examples(things.kept_back()))


if __name__ == "__main__":
    main()
