"""Pairs of a question and its answer: listed, written, reviewed."""

from datetime import datetime
from typing import Annotated, Literal

from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema
from ninja.responses import Status
from pydantic import Field

from docportal.api.access import ApiRequest, needs
from docportal.api.listing import LIMIT, After, Limit, Listed, listed
from docportal.views.access import REVIEW, readable_document, require
from docportal.views.pair_filters import ORDER, Filters
from ingestion.errors import UserError
from training import pairs, review
from training.models import QAPair

router = Router(tags=["pairs"])

Question = Annotated[str, Field(max_length=2000)]
AnswerText = Annotated[str, Field(max_length=4000)]
Evidence = Annotated[str, Field(max_length=8000)]


class PairOut(Schema):
    """`evidence` are the words of the document that say so; `seen` changes with each decision and
    edit, for whoever reviews it."""

    id: int
    seen: str
    document: str
    question: str
    answer: str
    evidence: str
    origin: str
    review: str
    problem: str
    author: str | None
    reviewed_by: str | None
    reviewed: datetime | None
    created: datetime


class PairIn(Schema):
    """`document` is the one that says so; without `evidence` the line that does is looked for."""

    document: str
    question: Question
    answer: AnswerText
    evidence: Evidence = ""


class ReviewIn(Schema):
    """The three texts are for `edit`, which also approves; an empty question or answer stays. With
    `seen` of the pair that was looked at, one that was changed or decided meanwhile is refused."""

    verdict: Literal["approve", "reject", "edit"]
    seen: str = ""
    question: Question = ""
    answer: AnswerText = ""
    evidence: Evidence = ""


class Narrowed(Schema):
    """Empty leaves nothing out, but for `state`, where it is waiting."""

    state: Literal["", "waiting", "approved", "rejected", "retired"] = "waiting"
    collection: str = ""
    document: str = ""
    origin: str = ""
    text: str = ""


def _pair(row: QAPair) -> PairOut:
    return PairOut(
        id=row.pk,
        seen=review.seen(row),
        document=row.document.slug,
        question=row.question,
        answer=row.answer,
        evidence=row.evidence,
        origin=row.origin,
        review=row.review,
        problem=row.problem,
        author=row.author.get_username() if row.author else None,
        reviewed_by=row.reviewed_by.get_username() if row.reviewed_by else None,
        reviewed=row.reviewed_at,
        created=row.created_at,
    )


@router.get("/pairs", response=Listed[PairOut])
def list_pairs(
    request: ApiRequest,
    filters: Annotated[Narrowed, Query()],
    after: After = "",
    limit: Limit = LIMIT,
) -> Listed[PairOut]:
    require(request.auth, REVIEW)
    rows = Filters.read(filters.dict()).pairs(request.auth)
    rows = rows.select_related("document", "author", "reviewed_by")
    among = QAPair.objects.readable_by(request.auth)
    return listed(rows, ORDER, _pair, after, limit, among)


@router.post("/pairs", response={201: PairOut}, auth=needs("write"))
def write_pair(request: ApiRequest, written: PairIn) -> Status[PairOut]:
    document = readable_document(request.auth, written.document)
    require(request.auth, REVIEW)
    pair = pairs.write_pair(
        document,
        question=written.question,
        answer=written.answer,
        evidence=written.evidence,
        by=request.auth,
    )
    return Status(201, _pair(pair))


@router.post("/pairs/{int:pk}/review", response=PairOut, auth=needs("write"))
def review_pair(request: ApiRequest, pk: int, given: ReviewIn) -> PairOut:
    readable = QAPair.objects.readable_by(request.auth)
    pair = get_object_or_404(readable.select_related("document__collection"), pk=pk)
    require(request.auth, REVIEW)
    review.require_seen(pair, given.seen)
    match given.verdict:
        case "approve":
            _all_done(review.approve([pair], by=request.auth))
        case "reject":
            _all_done(review.reject([pair], by=request.auth))
        case "edit":
            review.edit(
                pair,
                question=given.question or pair.question,
                answer=given.answer or pair.answer,
                evidence=given.evidence,
                by=request.auth,
            )
    pair.refresh_from_db()
    return _pair(pair)


def _all_done(reviewed: review.Reviewed) -> None:
    for _, reason in reviewed.refused:
        raise UserError("not-approved", reason)
