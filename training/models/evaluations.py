"""How systems answered the frozen questions of a run."""

from typing import Self

from django.db import models
from django.db.models import Q

from ingestion.models import Collection, Document, Reader
from training.models.pairs import HASH
from training.models.runs import TrainingRun


class Evaluation(models.Model):
    """How one system answered the frozen questions of a run."""

    class System(models.TextChoices):
        TUNED = "tuned", "Tuned model"
        RAG = "rag", "Current passages"
        SERVING = "serving", "The model that serves"

    run = models.ForeignKey(TrainingRun, models.CASCADE, related_name="evaluations")
    system = models.CharField(max_length=10, choices=System)
    model_name = models.CharField(max_length=100, blank=True)
    metrics = models.JSONField(
        default=dict, help_text='{slice: {"n", "exact_match", "token_f1", …, "ci95"}}'
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "system"], name="evaluation_unique"),
        ]


class EvaluationItemQuerySet(models.QuerySet["EvaluationItem"]):
    def readable_by(self, user: Reader) -> Self:
        """Those on documents that `user` may read; one without a document is read by whoever may
        read all collections of its run."""
        readable = Collection.objects.readable_by(user)
        closed = TrainingRun.collections.through.objects.exclude(collection__in=readable)
        return self.filter(
            Q(document__collection__in=readable)
            | (Q(document=None) & ~Q(evaluation__run__in=closed.values("trainingrun")))
        )


class EvaluationItem(models.Model):
    """One question of an evaluation. It is read by whoever may read its document."""

    class Kind(models.TextChoices):
        RECALL = "recall", "Unseen phrasing of a taught fact"
        REFUSAL = "refusal", "Nothing documented"

    evaluation = models.ForeignKey(Evaluation, models.CASCADE, related_name="items")
    number = models.PositiveIntegerField(help_text="The same question has the same number.")
    document = models.ForeignKey(Document, models.CASCADE, null=True, blank=True, related_name="+")
    fact_id = models.CharField(max_length=HASH, blank=True)
    kind = models.CharField(max_length=10, choices=Kind)
    domain = models.CharField(max_length=100, help_text="Slug of the collection.")
    question = models.TextField()
    expected = models.JSONField(default=list, help_text="Right answers; none: refuse.")
    answer = models.TextField()
    correct = models.BooleanField()
    token_f1 = models.FloatField()
    refused = models.BooleanField()
    shown = models.BooleanField(
        null=True, help_text="Whether the check of answers lets it pass; null: not looked at."
    )
    ms = models.FloatField()

    objects = EvaluationItemQuerySet.as_manager()

    class Meta:
        ordering = ("evaluation", "number")
        constraints = [
            models.UniqueConstraint(fields=["evaluation", "number"], name="evaluation_item_unique"),
        ]
