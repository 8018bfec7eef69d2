"""What reviewers do with pairs. Each verb is one transaction and records who did it, and when.

Whether somebody may review, and which documents, is for the caller to check.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from types import MappingProxyType

from django.db import IntegrityError, transaction
from django.utils import timezone

from ingestion.audit import Actor, record
from ingestion.errors import UserError
from training import conflicts
from training.conflicts import contradicts, rivals_of
from training.evidence import Tie, has_answer, quoted
from training.likeness import DocumentText, holding
from training.models import QAPair
from training.pairs import NO_SUCH_ANSWER, NO_SUCH_WORDS, checked, new_pair, set_tie
from training.sources import served_text

Review = QAPair.Review
CHANGED_MEANWHILE = "Somebody changed this pair meanwhile. Look at it again."
NOT_SAID: Mapping[int, str] = MappingProxyType({})


@dataclass(slots=True)
class Reviewed:
    """How many pairs have the wanted state now, and which cannot have it, each with the reason."""

    done: int = 0
    refused: list[tuple[QAPair, str]] = field(default_factory=list)


def seen(pair: QAPair) -> str:
    """What a reviewer looks at: another one once somebody changed the pair or decided about it."""
    return f"{pair.review}-{pair.key}"


def require_seen(pair: QAPair, looked_at: str) -> None:
    """Raises `UserError` (`changed-meanwhile`) where that is not `seen` any more; empty: whoever
    decides does not say what they looked at."""
    if not _is_as_seen(pair, looked_at):
        raise UserError("changed-meanwhile", CHANGED_MEANWHILE)


def _is_as_seen(pair: QAPair, looked_at: str) -> bool:
    return looked_at in ("", seen(pair))


def approve(
    pairs: Iterable[QAPair], *, by: Actor, looked_at: Mapping[int, str] = NOT_SAID
) -> Reviewed:
    """Let these pairs be taught. One without evidence, retired, or whose opposite a person has
    approved or approves at once, is refused; what people have not decided and contradicts it
    waits. `looked_at`: what was `seen` of each, by primary key; one that has changed since is
    refused."""
    with transaction.atomic():
        chosen, changed = _current(pairs, looked_at)
        at_once = {pair.pk for pair in chosen}
        live = set(QAPair.objects.live().filter(pk__in=at_once).values_list("pk", flat=True))
        rivals = rivals_of(chosen)
        result = Reviewed(refused=changed)
        fit = []
        for pair in chosen:
            problem = _untied(pair, live) or _contradicted(pair, rivals[pair.pk], at_once)
            if problem:
                result.refused.append((pair, problem))
            else:
                fit.append(pair)
        result.done = _decide(fit, Review.APPROVED, by)
    return result


def reject(
    pairs: Iterable[QAPair], *, by: Actor, looked_at: Mapping[int, str] = NOT_SAID
) -> Reviewed:
    """Never teach these pairs; importing or mining them again does not bring them back.
    `looked_at` as for `approve`."""
    with transaction.atomic():
        chosen, changed = _current(pairs, looked_at)
        return Reviewed(_decide(chosen, Review.REJECTED, by), refused=changed)


def edit(pair: QAPair, *, question: str, answer: str, by: Actor, evidence: str = "") -> QAPair:
    """Set the pair's words and approve it. `evidence` are words of the served version; without
    any, those that the pair has are kept if they hold the answer, else a line is found that does.

    Raises `UserError`: `empty-pair`, `no-evidence`, `duplicate-pair`, `contradiction`,
    `changed-meanwhile`.
    """
    question, answer = checked(question, answer)
    text = served_text(pair.document)
    tied = _tie_again(pair, question, answer, evidence, text)
    edited = set_tie(new_pair(pair.document, question, answer, origin=pair.origin), tied)
    edited.pk = pair.pk
    conflicts.refuse(edited)
    try:
        with transaction.atomic():
            updated = QAPair.objects.filter(pk=pair.pk, key=pair.key).update(
                question=question,
                answer=answer,
                key=edited.key,
                question_key=edited.question_key,
                content_hash=tied.content_hash,
                start=tied.start,
                end=tied.end,
                evidence=tied.evidence,
                fact_id=tied.fact_id,
                review=Review.APPROVED,
                problem="",
                reviewed_by=by,
                reviewed_at=timezone.now(),
            )
            if not updated:
                raise UserError("changed-meanwhile", CHANGED_MEANWHILE)
            keys = (pair.question_key, edited.question_key)
            conflicts.settle(pair.document.collection_id, keys)
            record(by, "edited a pair", document=pair.document, detail=question)
    except IntegrityError as error:
        raise UserError(
            "duplicate-pair", "The document has this pair already. Reject this one instead."
        ) from error
    pair.refresh_from_db()
    return pair


def _tie_again(pair: QAPair, question: str, answer: str, evidence: str, text: DocumentText) -> Tie:
    if evidence:
        tied = quoted(question, answer, evidence, text.sources)
        if tied is None:
            raise UserError("no-evidence", NO_SUCH_WORDS)
        return tied
    kept = quoted(question, answer, pair.evidence, text.sources)
    if kept and (answer == pair.answer or has_answer(kept, answer)):
        return kept
    tied = holding(question, answer, text)
    if tied is None:
        raise UserError("no-evidence", NO_SUCH_ANSWER)
    return tied


def _current(
    pairs: Iterable[QAPair], looked_at: Mapping[int, str]
) -> tuple[list[QAPair], list[tuple[QAPair, str]]]:
    """The rows, locked, and those that are not any more what was looked at, with that reason."""
    rows = QAPair.objects.filter(pk__in=[pair.pk for pair in pairs])
    chosen: list[QAPair] = []
    changed: list[tuple[QAPair, str]] = []
    for pair in rows.select_for_update(of=("self",)).select_related("document"):
        if _is_as_seen(pair, looked_at.get(pair.pk, "")):
            chosen.append(pair)
        else:
            changed.append((pair, CHANGED_MEANWHILE))
    return chosen, changed


def _untied(pair: QAPair, live: Set[int]) -> str:
    """Empty, or why no passage bears it out. `live`: the primary keys of those that one does."""
    if not pair.content_hash:
        return "Its evidence is not in the document. Edit it, or reject it."
    if pair.pk not in live:
        return "The document no longer says this. Edit it to what it says now, or leave it."
    return ""


def _contradicted(pair: QAPair, rivals: Sequence[QAPair], at_once: Set[int]) -> str:
    """Empty, or by what. `at_once`: the primary keys of all that are to be approved."""
    for other in rivals:
        if contradicts(pair, other) and (conflicts.is_decided(other) or other.pk in at_once):
            return conflicts.said_otherwise(other)
    return ""


def _decide(pairs: Sequence[QAPair], review: str, by: Actor) -> int:
    done = QAPair.objects.filter(pk__in=[pair.pk for pair in pairs]).update(
        review=review, problem="", reviewed_by=by, reviewed_at=timezone.now()
    )
    by_collection: dict[int, set[str]] = {}
    for pair in pairs:
        by_collection.setdefault(pair.document.collection_id, set()).add(pair.question_key)
    for collection_id, keys in by_collection.items():
        conflicts.settle(collection_id, keys)
    for document, number in Counter(pair.document for pair in pairs).items():
        record(by, review, document=document, detail=f"{number} pair{'s' if number > 1 else ''}")
    return done
