"""A question on its way in, wherever it comes from: kept if there is room to answer it; and what
its asker thinks of the answer."""

from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import transaction

from docportal.admission import answers
from docportal.models import User
from router import services
from router.models import Answer, Conversation, Feedback, Query
from training.pairs import add_correction


async def begin(user: User, text: str, conversation_id: str = "") -> Query:
    """Keep a question, in a conversation of its asker or in a new one, and a place for its answer.

    Raises `Overloaded` before anything is kept, and `UserError` as `services.start_query`.
    """
    with answers.place():
        query = await _begin(user, text, conversation_id)
    answers.keep_place(query.pk)
    return query


async def begin_alone(user: User, text: str) -> Query:
    """The same for a question outside any conversation."""
    with answers.place():
        query = await sync_to_async(services.start_query)(user=user, text=text)
    answers.keep_place(query.pk)
    return query


@sync_to_async
@transaction.atomic
def _begin(user: User, text: str, conversation_id: str) -> Query:
    conversation = _conversation(user, conversation_id)
    if conversation is None:
        conversation = Conversation.objects.create(user=user)
    return services.start_query(user=user, text=text, conversation=conversation)


def _conversation(user: User, conversation_id: str) -> Conversation | None:
    """The one that is gone on with, if it is the asker's own."""
    try:
        key = UUID(conversation_id)
    except ValueError:
        return None
    return Conversation.objects.filter(user=user, pk=key).first()


def judge(user: User, answer: Answer, verdict: str, correction: str | None) -> Feedback:
    """Keep what the asker thinks of an answer; the right one becomes a pair that a writer reviews.

    `correction` None says nothing of it. Raises as `services.record_feedback`.
    """
    given = services.record_feedback(
        user=user, answer=answer, verdict=verdict, correction=correction
    )
    # One that stays is a pair already, which somebody may have reviewed and edited.
    if correction is not None or not given.correction:
        add_correction(given)
    return given
