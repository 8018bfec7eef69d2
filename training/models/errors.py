"""Wrong answers, sorted by the step that went wrong."""

from datetime import timedelta
from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from ingestion.models import Chunk, Collection, Reader
from router.models import Citation, Feedback, ModelVersion
from training.models.evaluations import EvaluationItem


class AuditedErrorQuerySet(models.QuerySet["AuditedError"]):
    def current(self) -> Self:
        """Those that tell of today: of the models that serve, and of recent feedback."""
        return self.filter(
            Q(item__evaluation__run__model__stage=ModelVersion.Stage.SERVING)
            | Q(feedback__given_at__gte=timezone.now() - AuditedError.RECENT)
        )

    def readable_by(self, user: Reader) -> Self:
        """Those of which `user` may read everything: an evaluation's question, or the passages
        that an asker was shown and all that the answering model was taught."""
        readable = Collection.objects.readable_by(user)
        shown = Citation.objects.filter(answer=OuterRef("feedback__answer"))
        taught = ModelVersion.collections.through.objects.filter(
            modelversion__name=OuterRef("feedback__answer__model")
        )
        return self.filter(
            Q(item__in=EvaluationItem.objects.readable_by(user))
            | Q(
                ~Exists(shown.exclude(chunk__version__document__collection__in=readable)),
                ~Exists(taught.exclude(collection__in=readable)),
                feedback__isnull=False,
                collection__in=readable,
            )
        )


class AuditedError(models.Model):
    """A wrong answer of an evaluation, or one that its asker did not find helpful: the step that
    went wrong, by where what holds the right answer stood among what was found and read."""

    class Bucket(models.TextChoices):
        RETRIEVAL = "retrieval", "Not found"
        RANKING = "ranking", "Found, but too low"
        MODEL = "model", "Read, and still wrong"
        UNSORTED = "unsorted", "Not sorted"

    class Unsorted(models.TextChoices):
        NO_CORRECTION = "no-correction", "the asker gave no right answer"
        NOT_SAID = "not-said", "no current passage says the right answer"
        CHANGED = "changed", "the passage has changed since"
        NO_READER = "no-reader", "nobody may read just what its readers may"

    RECENT = timedelta(days=90)

    item = models.OneToOneField(
        EvaluationItem, models.CASCADE, null=True, blank=True, related_name="+"
    )
    feedback = models.OneToOneField(
        Feedback, models.CASCADE, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField(help_text="When it was found to be wrong.")
    collection = models.ForeignKey(
        Collection, models.CASCADE, null=True, blank=True, related_name="+"
    )
    bucket = models.CharField(max_length=10, choices=Bucket)
    unsorted = models.CharField(
        max_length=15, choices=Unsorted, blank=True, help_text="Why it is not sorted."
    )
    chunk = models.ForeignKey(
        Chunk,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="That holds the right answer. None for what is documented nowhere.",
    )
    rank = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Of the passage, from 1. None: it was not found."
    )
    audited_at = models.DateTimeField(auto_now=True)

    objects = AuditedErrorQuerySet.as_manager()

    class Meta:
        ordering = ("-at", "-pk")
        constraints = [
            models.CheckConstraint(
                name="audited_error_one_source",
                condition=Q(item__isnull=True, feedback__isnull=False)
                | Q(item__isnull=False, feedback__isnull=True),
            ),
            models.CheckConstraint(
                name="audited_error_unsorted_has_reason",
                condition=Q(bucket="unsorted", chunk__isnull=True) & ~Q(unsorted="")
                | ~Q(bucket="unsorted") & Q(unsorted=""),
            ),
            models.CheckConstraint(
                name="audited_error_rank_fits_bucket",
                condition=Q(bucket__in=("retrieval", "unsorted"), rank__isnull=True)
                | Q(bucket__in=("ranking", "model"), rank__gte=1)
                | Q(bucket="model", rank__isnull=True, chunk__isnull=True),
            ),
            models.CheckConstraint(
                name="audited_error_sorted_by_passage",
                condition=Q(bucket__in=("model", "unsorted")) | Q(chunk__isnull=False),
            ),
            models.CheckConstraint(
                name="audited_error_rank_of_passage",
                condition=Q(rank__isnull=True) | Q(chunk__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item or self.feedback}: {self.bucket}"
