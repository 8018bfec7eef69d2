"""The real server with the real models."""

import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from router.engines import AT_ONCE
from router.retrieval.embeddings import ServerEmbeddings
from router.retrieval.reranking import RerankerUnavailable, relevance

pytestmark = pytest.mark.models


def ask(server: str, **body: object) -> httpx.Response:
    asked = {"model": django_settings.EMBEDDINGS_MODEL, **body}
    return httpx.post(f"{server}/embeddings", json=asked, timeout=60)


def test_numbers_and_base64_say_the_same(embedding_server: str) -> None:
    numbers = ask(embedding_server, input=["a ramp"]).json()["data"][0]["embedding"]
    coded = ask(embedding_server, input="a ramp", encoding_format="base64").json()
    vector = np.frombuffer(base64.b64decode(coded["data"][0]["embedding"]), "<f4")
    assert vector.shape == (django_settings.EMBEDDINGS_DIMENSION,)
    assert numbers == pytest.approx(vector.tolist(), abs=1e-5)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert coded["usage"]["prompt_tokens"] == 4


def test_a_text_has_the_same_vector_alone_and_in_any_batch(
    embedding_server: str, settings: Settings
) -> None:
    settings.EMBEDDINGS_URL = embedding_server
    texts = [f"Ramp {number} {'closes at noon ' * (number % 7)}" for number in range(70)]
    together = ServerEmbeddings().batch(texts)
    for number in (0, 6, 33, 69):
        assert ServerEmbeddings().one(texts[number]) == pytest.approx(together[number], abs=1e-4)


def test_meaning_is_near(embedding_server: str, settings: Settings) -> None:
    settings.EMBEDDINGS_URL = embedding_server
    question, near, far = ServerEmbeddings().batch(
        ["When does the ship leave?", "The ferry departs at noon.", "Rust is a language."]
    )
    assert question @ near > question @ far + 0.2


def test_each_model_embeds_by_its_name(embedding_server: str, settings: Settings) -> None:
    """How often it tries again is about the same as how soon, and asks for something else."""
    settings.EMBEDDINGS_URL = embedding_server
    asked = [
        "how soon does it try again",
        "what is its initial retry delay",
        "how often it retries",
    ]
    about, asks = (
        ServerEmbeddings(model).batch(asked)
        for model in (settings.EMBEDDINGS_MODEL, settings.PARAPHRASE_MODEL)
    )
    assert asks[0] @ asks[1] - asks[0] @ asks[2] > about[0] @ about[1] - about[0] @ about[2] + 0.1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"input": []}, 400),
        ({"input": [1, 2, 3]}, 400),
        ({}, 400),
        ({"input": "a", "encoding_format": "hex"}, 400),
        ({"input": "a", "model": "another"}, 404),
        ({"input": ["a"] * 5000}, 400),
    ],
)
def test_wrong_requests_are_told_why(
    embedding_server: str, body: dict[str, object], status: int
) -> None:
    reply = ask(embedding_server, **body)
    assert reply.status_code == status
    assert reply.json()["error"]["message"]


def test_empty_and_endless_texts_have_vectors(embedding_server: str) -> None:
    assert len(ask(embedding_server, input=["", "word " * 20_000]).json()["data"]) == 2


def test_a_question_does_not_wait_behind_a_batch(embedding_server: str, settings: Settings) -> None:
    settings.EMBEDDINGS_URL = embedding_server
    texts = [f"{number} {'the ramp closes at noon ' * 20}" for number in range(128)]
    with ThreadPoolExecutor(1) as pool:
        batch = pool.submit(ServerEmbeddings().batch, texts)
        before = 0
        while not batch.done():
            ServerEmbeddings().one("When does the ramp close?")
            before += not batch.done()
        assert len(batch.result()) == len(texts)
    assert before >= 3


# --- The reranker ------------------------------------------------------------------------------

FERRY = ["The ferry departs at noon.", "Rust is a language.", "Tickets cost 9 EUR."]


def rerank(server: str, **body: object) -> httpx.Response:
    asked = {"model": django_settings.RERANKER_MODEL, **body}
    return httpx.post(f"{server}/rerank", json=asked, timeout=60)


def test_what_answers_comes_first(embedding_server: str) -> None:
    told = rerank(embedding_server, query="What does a ticket cost?", documents=FERRY).json()
    scores = [row["relevance_score"] for row in told["results"]]
    assert told["results"][0]["index"] == 2
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_scores_stand_in_the_order_of_the_texts(embedding_server: str, settings: Settings) -> None:
    settings.EMBEDDINGS_URL = embedding_server
    texts = [*FERRY, *(f"{number} {'closes at noon ' * (number % 7)}" for number in range(20))]
    together = relevance("When does the ferry leave?", texts)
    likeliest = sorted(range(len(texts)), key=lambda number: -together[number])[:3]
    assert 0 in likeliest
    for number in likeliest:
        alone = relevance("When does the ferry leave?", [texts[number]])
        assert alone == pytest.approx([together[number]], abs=2e-3)


def test_likeliest_texts_are_read_by_the_second_model(tmp_path: Path) -> None:
    from router.retrieval.embedding_server import NEAR_BEST, READ_AGAIN, SECOND, Reranker

    folder = django_settings.MODELS_DIR / django_settings.RERANKER_MODEL
    # A folder with nothing beneath is a reranker of one model.
    for path in folder.iterdir():
        if path.name != SECOND:
            (tmp_path / path.name).symlink_to(path)
    both, first, second = (
        Reranker(one, 2, "float32") for one in (folder, tmp_path, folder / SECOND)
    )
    texts = [*FERRY, "Ferries leave at ten in summer.", "In winter the last boat leaves at six."]
    texts += [f"{number} {'closes at noon ' * (number % 7)}" for number in range(20)]
    question = "When does the ferry leave?"
    found, before, again = (
        asyncio.run(one.relevance(question, texts)) for one in (both, first, second)
    )
    for number, text in enumerate(texts):
        alone = asyncio.run(second.relevance(question, [text]))
        assert alone == pytest.approx(again[number], abs=1e-3)
    odds = np.log(before / (1 - before))
    likeliest = np.argsort(-before, kind="stable")[:READ_AGAIN]
    best = [number for number in likeliest if odds[number] > odds.max() - NEAR_BEST]
    assert 1 < len(best) < READ_AGAIN
    assert found[best] == pytest.approx(again[best], abs=1e-4)
    assert found.max() == found[0]
    others = np.delete(found, best)
    assert others == pytest.approx(np.delete(np.minimum(before, again[best].min()), best), abs=1e-4)


def test_nothing_is_read_again_while_more_wait_than_there_are_lanes() -> None:
    from router.retrieval.embedding_server import READ_AGAIN_BESIDE, Reranker, Scores

    folder = django_settings.MODELS_DIR / django_settings.RERANKER_MODEL
    reranker = Reranker(folder, READ_AGAIN_BESIDE, "float32")

    async def ask(people: int) -> list[Scores]:
        asked = [reranker.relevance("When does the ferry leave?", FERRY) for _ in range(people)]
        return await asyncio.gather(*asked)

    (alone,) = asyncio.run(ask(1))

    def read_again(scores: Scores) -> bool:
        return bool(np.allclose(scores, alone, atol=1e-4))

    assert all(map(read_again, asyncio.run(ask(READ_AGAIN_BESIDE))))
    assert AT_ONCE <= READ_AGAIN_BESIDE
    crowd = asyncio.run(ask(READ_AGAIN_BESIDE + 3))
    assert sum(map(read_again, crowd)) == READ_AGAIN_BESIDE
    assert all(scores.argmax() == alone.argmax() for scores in crowd)
    assert read_again(asyncio.run(ask(1))[0])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"query": "Why?", "documents": []}, 400),
        ({"query": "Why?", "documents": "one"}, 400),
        ({"documents": ["one"]}, 400),
        ({"query": "Why?", "documents": ["one"], "model": "another"}, 404),
    ],
)
def test_wrong_requests_to_the_reranker_are_told_why(
    embedding_server: str, body: dict[str, object], status: int
) -> None:
    reply = rerank(embedding_server, **body)
    assert reply.status_code == status
    assert reply.json()["error"]["message"]


def test_without_a_reranker_this_is_told(embedding_server: str, settings: Settings) -> None:
    settings.EMBEDDINGS_URL, settings.RERANKER_MODEL = embedding_server, "another"
    with pytest.raises(RerankerUnavailable, match="404"):
        relevance("Why?", FERRY)
    settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
    with pytest.raises(RerankerUnavailable, match="refused"):
        relevance("Why?", FERRY)


# --- The process -------------------------------------------------------------------------------


def test_says_that_it_is_well(embedding_server: str) -> None:
    health = httpx.get(f"{embedding_server.removesuffix('/v1')}/health", timeout=10).json()
    names = ("EMBEDDINGS_MODEL", "PARAPHRASE_MODEL", "RERANKER_MODEL")
    assert health == {
        "status": "ok",
        "models": [getattr(django_settings, name) for name in names],
    }
