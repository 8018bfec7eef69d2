"""What is timed is what the router does."""

import pytest

from benchmarks.routing import Parts, decide_timed
from ingestion.models import Collection
from router import registry, retrieval
from router.services import SHOWN_PASSAGES
from tests.documents import passage, publish
from tests.model_files import Workshop
from tests.pairs import a_pair
from tests.router.retrieval.hashed_words import HashedWords
from tests.scripted_llm import ScriptedLLM
from training import precedents
from training.models import QAPair

ASKED = "How many mails does the mail relay send?"


@pytest.mark.django_db
@pytest.mark.usefixtures("home")
def test_decision_is_timed_with_what_is_asked_of_servers(
    wiki: Collection, workshop: Workshop, llm: ScriptedLLM, embedder: HashedWords
) -> None:
    llm.adapters = {}
    taught = passage("The mail relay sends 40 mails.", "Limits")
    publish(wiki, "relay.md", [taught], title="Mail relay")
    retries = passage("The webhook sender retries 9 times.", "Delivery")
    sender = publish(wiki, "sender.md", [retries], title="Webhook sender")
    approved = QAPair.Review.APPROVED
    a_pair(sender, "How often does the webhook sender retry?", "9 times", review=approved)
    precedents.refresh()
    coverage = {taught.content_hash: (3, 0.9)}
    model = workshop.candidate(merged=None, readers={wiki.pk: ()}, coverage=coverage)
    registry.promote(model, by=None)
    found = retrieval.search(ASKED, user=None, limit=SHOWN_PASSAGES)
    asked, parts = len(embedder.keys), Parts()
    parts.begin()
    decide_timed(ASKED, found, None, parts)
    # For the vector of what is asked, and to rerank, which this server does not.
    assert len(embedder.keys) - asked == 2
    timed = (parts.model, parts.taught, parts.precedents, parts.sentences)
    assert all(seconds[0] > 0 for seconds in timed)
    assert parts.decision[0] > sum(seconds[0] for seconds in timed)
    assert 0 < parts.without_server[0] < parts.decision[0]
