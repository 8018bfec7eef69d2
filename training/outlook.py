"""What a retrain would bring: new facts, stale passages, questions that the model cannot know."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone

from ingestion.models import Chunk, Collection, DocumentVersion
from router.models import Citation, ModelCoverage, ModelVersion
from router.tuned import audience_of
from training.models import PairQuerySet, QAPair, TaughtFact

RECENT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Outlook:
    """Facts and passages are counted once; `questions` are recent ones with a source."""

    new_facts: int
    new_passages: int
    covered_passages: int
    stale_passages: int
    pairs_waiting: int
    questions: int
    questions_not_covered: int

    @property
    def stale_share(self) -> float:
        """Of what the model knows: passages that no longer stand in a document."""
        return _share(self.stale_passages, self.covered_passages)

    @property
    def changed_share(self) -> float:
        """As `stale_share`, with the new passages."""
        return _share(self.stale_passages + self.new_passages, self.covered_passages)

    @property
    def not_covered_share(self) -> float:
        """Of the recent questions: answered from a passage that the model was not taught."""
        return _share(self.questions_not_covered, self.questions)


def retrain_outlook(model: ModelVersion | None) -> Outlook:
    """For the model that serves; None: for the first one for everybody.

    Four queries, and two more for the model of a group.
    """
    scope = retrain_scope(model)
    covered = ModelCoverage.objects.filter(model=model)
    waiting = QAPair.objects.waiting().filter(document__collection__in=scope)
    return Outlook(
        **_new_pairs(model, scope).aggregate(
            new_facts=Count("fact_id", distinct=True),
            new_passages=Count("content_hash", distinct=True),
        ),
        **covered.aggregate(
            covered_passages=Count("pk"), stale_passages=Count("pk", filter=~_still_said(model))
        ),
        pairs_waiting=waiting.count(),
        **_questions(scope, covered),
    )


def has_changed(model: ModelVersion, scope: QuerySet[Collection]) -> bool:
    """Whether a training on these collections would have news for a model that was made of them."""
    covered = ModelCoverage.objects.filter(model=model)
    is_stale = covered.filter(~_still_said(model)).exists()
    return is_stale or _new_pairs(model, scope).exists()


def retrain_scope(model: ModelVersion | None) -> QuerySet[Collection]:
    """The collections that a retrain takes: the open ones, or those of the model's that still have
    its readers. With one that has others, the restricted ones would be left out."""
    trainable = Collection.objects.filter(trainable=True)
    if model is None or not model.audience:
        return trainable.filter(readers=None)
    own = trainable.filter(tuned_models=model).prefetch_related("readers")
    return trainable.filter(pk__in=[one.pk for one in own if _audience(one) == model.audience])


def _audience(collection: Collection) -> str:
    return audience_of(group.pk for group in collection.readers.all())


def _new_pairs(model: ModelVersion | None, scope: QuerySet[Collection]) -> PairQuerySet:
    """Those whose fact the model was not taught and a retrain would teach: as long as the same
    question has another answer in these collections, none would."""
    taught = TaughtFact.objects.filter(
        fact_id=OuterRef("fact_id"), dataset__sha256=model.dataset_sha256 if model else ""
    )
    pairs = QAPair.objects.trainable().filter(document__collection__in=scope)
    others = pairs.filter(question_key=OuterRef("question_key")).alias(said=Lower("answer"))
    contradicting = others.exclude(fact_id=OuterRef("fact_id")).exclude(
        said=Lower(OuterRef("answer"))
    )
    return pairs.filter(~Exists(taught), ~Exists(contradicting))


def _still_said(model: ModelVersion | None) -> Exists:
    collections = Collection.objects.filter(tuned_models=model)
    return Exists(
        Chunk.objects.filter(
            content_hash=OuterRef("content_hash"),
            version__in=DocumentVersion.objects.served(),
            version__document__collection__in=collections,
        )
    )


def _questions(scope: QuerySet[Collection], covered: QuerySet[ModelCoverage]) -> dict[str, Any]:
    recent = Citation.objects.filter(
        supports=True,
        answer__answered_at__gte=timezone.now() - RECENT,
        chunk__version__document__collection__in=scope,
    )
    is_covered = Exists(covered.filter(content_hash=OuterRef("chunk__content_hash")))
    return recent.aggregate(
        questions=Count("answer", distinct=True),
        questions_not_covered=Count("answer", distinct=True, filter=Q(~is_covered)),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float(part > 0)
