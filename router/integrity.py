"""Whether tuned models agree with their files, their stages and their readers, and kept answers
with the models and passages that they name."""

import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Length
from django.utils import timezone

from ingestion.models import Collection
from ingestion.problems import GRACE, Check, Problem, is_left
from ingestion.storage import sha256_of
from router import model_store
from router.adapter_files import weights_sha256
from router.models import (
    Answer,
    Citation,
    ModelCoverage,
    ModelVersion,
    Precedents,
    TaughtQuestions,
)
from router.precedents.keeping import is_intact
from router.tuned import audience_of, tainted

Stage = ModelVersion.Stage

_NAME = re.compile(r"docs-v\d{4,}")


# --- Files -------------------------------------------------------------------------------------
def files() -> Iterator[Problem]:
    """Of each model that was not pruned: exactly those of its row, each as it was put in."""
    for model in ModelVersion.objects.filter(pruned_at=None).order_by("pk"):
        yield from _files_of(model)
    pruned = ModelVersion.objects.filter(pruned_at__lt=timezone.now() - GRACE)
    for name in pruned.order_by("pk").values_list("name", flat=True):
        if any(folder.exists() for folder in model_store.folders(name)):
            repair = partial(_remove_pruned, name)
            yield Problem("model-pruned-files", f"{name} was pruned and has files", repair)


def _files_of(model: ModelVersion) -> Iterator[Problem]:
    root, places = Path(settings.TUNED_DIR), model_store.folders(model.name)
    there = {
        str(file.relative_to(root)): file
        for folder in places
        if folder.is_dir()
        for file in sorted(folder.iterdir())
    }
    for path in sorted(model.files.keys() - there.keys()):
        yield Problem("model-file-missing", path)
    for path in sorted(model.files.keys() & there.keys()):
        if sha256_of(there[path]) != model.files[path]:
            of_weights = path.endswith(".safetensors")
            yield Problem("model-weights-changed" if of_weights else "model-config-changed", path)
    for path in sorted(there.keys() - model.files.keys()):
        yield Problem("model-file-unknown", path)


def _remove_pruned(name: str) -> bool:
    with model_store.locked():
        model_store.remove(name)
    return True


def bases() -> Iterator[Problem]:
    """What the models in use were made from: an adapter is worth nothing without it."""
    found: dict[str, str] = {}
    used = ModelVersion.objects.filter(pruned_at=None).exclude(stage=Stage.RETIRED)
    for model in used.order_by("pk"):
        folder = Path(settings.MODELS_DIR) / model.base
        if not folder.is_dir():
            yield Problem("base-missing", f"{model.base}, from which {model} was made")
            continue
        if model.base not in found:
            found[model.base] = weights_sha256(folder)
        if found[model.base] != model.base_sha256:
            yield Problem("base-changed", f"{model.base}, from which {model} was made")


def strays() -> Iterator[Problem]:
    """Folders of models without a row, and what killed processes left."""
    for folder in model_store.leftovers():
        if is_left(folder):
            yield Problem("model-leftover", folder.name, _clear_leftovers)
    known = set(ModelVersion.objects.values_list("name", flat=True))
    for name in sorted(model_store.names() - known):
        left = all(is_left(folder) for folder in model_store.folders(name) if folder.exists())
        there = any(folder.exists() for folder in model_store.folders(name))
        if _NAME.fullmatch(name) and there and left:
            yield Problem("model-orphan", f"{name} has files and no row", partial(_forget, name))


def _clear_leftovers() -> bool:
    with model_store.locked():
        model_store.remove_leftovers(set(ModelVersion.objects.values_list("name", flat=True)))
        for folder in model_store.leftovers():
            shutil.rmtree(folder)
    return True


def _forget(name: str) -> bool:
    with model_store.locked():
        if ModelVersion.objects.filter(name=name).exists():
            return False
        model_store.remove(name)
    return True


# --- Stages ------------------------------------------------------------------------------------
def stages() -> Iterator[Problem]:
    yield from _several_serving()
    yield from _ways_back()
    for model in ModelVersion.objects.prefetch_related("collections").order_by("pk"):
        yield from _trained_on(model)
    unknown = ModelCoverage.objects.filter(
        ~Exists(ModelVersion.objects.filter(pk=OuterRef("model_id")))
    )
    for pk in unknown.order_by("model_id").values_list("model_id", flat=True).distinct():
        repair = partial(_drop_coverage, pk)
        yield Problem("coverage-orphan", f"Of model {pk}, which is gone", repair)

    yield from _taught_for_nobody()


def _taught_for_nobody() -> Iterator[Problem]:
    """Questions with their vectors of models that are gone or were pruned."""
    used = ModelVersion.objects.exclude(pruned_at__lt=timezone.now() - GRACE)
    strays = TaughtQuestions.objects.filter(~Exists(used.filter(pk=OuterRef("model_id"))))
    for pk, model_id in strays.order_by("pk").values_list("pk", "model_id"):
        what = f"Of model {model_id}, which is gone or was pruned"
        yield Problem("taught-orphan", what, partial(_drop_taught, pk))


def _drop_taught(pk: int) -> bool:
    TaughtQuestions.objects.filter(pk=pk).delete()
    return True


def precedents() -> Iterator[Problem]:
    """What pairs answer. Where it is gone, it is made anew from them."""
    for kept in Precedents.objects.order_by("pk").iterator():
        if not is_intact(kept):
            yield Problem("precedents-changed", str(kept), partial(_drop_precedents, kept.pk))


def _drop_precedents(pk: int) -> bool:
    Precedents.objects.filter(pk=pk).delete()
    return True


def _several_serving() -> Iterator[Problem]:
    serving = ModelVersion.objects.filter(stage=Stage.SERVING).order_by()
    counted = serving.values("audience").annotate(models=Count("pk")).filter(models__gt=1)
    for audience in sorted(counted.values_list("audience", flat=True)):
        names = serving.filter(audience=audience).order_by("pk").values_list("name", flat=True)
        what = f"{', '.join(names)} serve the same readers"
        yield Problem("several-serving", what, partial(_retire_earlier, audience))


def _retire_earlier(audience: str) -> bool:
    """A promotion retires what served, so the one that was promoted last is the one that serves."""
    serving = ModelVersion.objects.filter(stage=Stage.SERVING, audience=audience)
    last = serving.exclude(promoted_at=None).order_by("-promoted_at").first()
    if last is None:
        return False
    serving.exclude(pk=last.pk).update(stage=Stage.RETIRED)
    return True


def _ways_back() -> Iterator[Problem]:
    for model in _without_way_back().order_by("pk"):
        what = f"{model} cannot go back to its previous"
        yield Problem("previous-missing", what, partial(_cut_way_back, model.pk))


def _without_way_back() -> QuerySet[ModelVersion]:
    """Those whose previous version is gone, pruned, for other readers, or they themselves."""
    fit = ModelVersion.objects.filter(
        pk=OuterRef("previous_id"), pruned_at=None, audience=OuterRef("audience")
    ).exclude(pk=OuterRef("pk"))
    serving = ModelVersion.objects.filter(stage=Stage.SERVING).exclude(previous_id=None)
    return serving.filter(~Exists(fit))


def _cut_way_back(pk: int) -> bool:
    return bool(_without_way_back().filter(pk=pk).update(previous=None))


def _trained_on(model: ModelVersion) -> Iterator[Problem]:
    """Its readers were written down when it was registered; everything else follows from them."""
    recorded = {int(pk) for pk in model.readers}
    exist = set(Collection.objects.filter(pk__in=recorded).values_list("pk", flat=True))
    if exist - {collection.pk for collection in model.collections.all()}:
        repair = partial(_connect, model.pk, exist)
        yield Problem("model-collections", f"{model} is not tied to all it was taught", repair)
    if {audience_of(groups) for groups in model.readers.values()} - {model.audience}:
        yield Problem("model-audience", f"{model} is for other readers than its documents")


def _connect(pk: int, collections: set[int]) -> bool:
    ModelVersion.objects.get(pk=pk).collections.add(*collections)
    return True


def _drop_coverage(model_id: int) -> bool:
    ModelCoverage.objects.filter(model_id=model_id).delete()
    return True


# --- Permissions -------------------------------------------------------------------------------
def permissions() -> Iterator[Problem]:
    serving = list(ModelVersion.objects.filter(stage=Stage.SERVING).order_by("pk"))
    closed = tainted(serving)
    for model in serving:
        if model.pk in closed:
            what = f"{model} serves, and documents that it was taught have fewer readers now"
            yield Problem("tainted-serves", what, partial(_retire, model.pk))
    for collection, answers in _cited_for_nobody():
        what = f"{answers} answers cite collection {collection}, which nobody may read"
        yield Problem("citation-unreadable", what)


def _retire(pk: int) -> bool:
    """By its stage it is the way back no more, so nothing keeps a server for it."""
    serving = ModelVersion.objects.filter(pk=pk, stage=Stage.SERVING)
    return bool(serving.update(stage=Stage.RETIRED))


def _cited_for_nobody() -> QuerySet[Citation, tuple[int, int]]:
    people = Collection.objects.filter(readers__user__is_active=True)
    nobodys = Collection.objects.exclude(readers=None).exclude(pk__in=people)
    collection = "chunk__version__document__collection"
    cited = Citation.objects.filter(**{f"{collection}__in": nobodys}).order_by(collection)
    return cited.values_list(collection).annotate(Count("answer", distinct=True))


# --- Answers -----------------------------------------------------------------------------------
def answers() -> Iterator[Problem]:
    known = ModelVersion.objects.filter(name=OuterRef("model"))
    by_tuned = Answer.objects.filter(~Exists(known), route=Answer.Route.TUNED)
    for name, number in by_tuned.order_by("model").values_list("model").annotate(Count("pk")):
        yield Problem("answer-model", f"{number} answers by {name}, of which there is no row")
    for pk in _beyond().order_by("pk").values_list("pk", flat=True):
        repair = partial(_without_span, pk)
        yield Problem("citation-span", f"Citation {pk} ends behind its passage", repair)


def _beyond() -> QuerySet[Citation]:
    lengths = Citation.objects.annotate(length=Length("chunk__text"))
    return lengths.filter(Q(end__gt=F("length")))


def _without_span(pk: int) -> bool:
    """The passage is cited all the same; that its words are not known is a state that there is."""
    return bool(Citation.objects.filter(pk=pk).update(start=None, end=None))


CHECKS = (
    Check(ModelVersion.objects.count, files),
    Check(ModelVersion.objects.values("base").distinct().count, bases),
    Check(lambda: len(model_store.names()), strays),
    Check(ModelCoverage.objects.count, stages),
    Check(Precedents.objects.count, precedents),
    Check(Collection.objects.count, permissions),
    Check(Answer.objects.count, answers),
)
