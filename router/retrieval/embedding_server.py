"""The embedded default's embedding server: OpenAI's `/v1/embeddings` over local models, and the
`/v1/rerank` of Cohere, Jina and vLLM over another.

Run as `python -m router.retrieval.embedding_server --model DIR --reranker DIR --port N`, with
`--model` as often as there are some, each known by the name of its folder. It is a
process of its own, so that no other process of the product ever loads torch, and the only importer
of sentence_transformers. Questions have a lane of their own: they never wait behind a batch.
"""

import argparse
import asyncio
import base64
import math
import os
import threading
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from sentence_transformers import CrossEncoder, SentenceTransformer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from router import local_http
from router.local_http import Refused

# Texts of similar length are encoded together; more at once is no faster on a CPU, and pads more.
BATCH_SIZE = 8
MAX_INPUTS = 2_048
# One text of up to this many characters is taken for a question.
QUESTION_CHARACTERS = 2_000
_PLAIN = "float32"
# Texts at most that a reranker's second model reads, of which one takes as long as five of the
# first, and by how much of the logarithm of the odds the first may find one less likely than the
# best. Of 554 questions .82 have their best text right so, as where it always reads four, and it
# reads two in five fewer (.75 by the first model alone).
READ_AGAIN, NEAR_BEST = 4, 2.0
# A score of 0 or 1 is rounded, and has no logarithm of its odds.
_ROUNDED = 1e-4
# While more requests than this wait, and more than there are lanes, nothing is read again: with it
# fifty people got their answers after seventeen seconds.
READ_AGAIN_BESIDE = 2
# Where that one lies in the folder of the reranker.
SECOND = "second"
# Of 0 to 19: the scheduler gives pages and the question lane most of the machine while sentences
# are reranked or a batch runs, of these the answer that somebody waits for more.
RERANKING_NICENESS, BATCH_NICENESS = 3, 8

Vectors = NDArray[np.float32]
Scores = NDArray[np.float32]


class EmbeddingsRequest(BaseModel):
    model: str
    input: str | list[str]
    encoding_format: str = Field(default="float", pattern="^(float|base64)$")

    @property
    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input


class RerankRequest(BaseModel):
    model: str
    query: str
    documents: list[str]

    @property
    def texts(self) -> list[str]:
        return self.documents


Asked = TypeVar("Asked", EmbeddingsRequest, RerankRequest)
Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Encoded:
    """One row of `vectors` for each text, of unit length; `tokens` were read in all."""

    vectors: Vectors
    tokens: int


class Encoder:
    """The model behind two lanes: a thread for short questions, `lanes` threads for all else.
    It computes in `dtype`, the name of a type of torch."""

    def __init__(self, folder: Path, lanes: int, dtype: str) -> None:
        self.name = folder.name
        self._model = SentenceTransformer(
            str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": dtype}
        )
        # A fast tokenizer is set up anew for each call, so two threads must take turns.
        self._tokenizing = threading.Lock()
        self._questions = ThreadPoolExecutor(1, "questions")
        self._batches = _yielding(lanes, "batches", BATCH_NICENESS)

    async def encode(self, texts: list[str]) -> Encoded:
        """Vectors in the order of `texts`; a batch goes by slices of similar length."""
        if len(texts) == 1 and len(texts[0]) <= QUESTION_CHARACTERS:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._questions, self._encode, texts)
        encoded, order = await _in_slices(self._batches, self._encode, texts, BATCH_SIZE)
        vectors = np.concatenate([part.vectors for part in encoded])
        return Encoded(vectors[order], sum(part.tokens for part in encoded))

    def _encode(self, texts: list[str]) -> Encoded:
        with torch.inference_mode():
            with self._tokenizing:
                features = self._model.preprocess(texts)
            tokens = int(features["attention_mask"].sum())
            output = self._model(features)["sentence_embedding"]
            unit = torch.nn.functional.normalize(output.float(), dim=1)
        return Encoded(unit.numpy(), tokens)


class Reranker:
    """A model that reads a question and a text together, and one that reads the likeliest texts
    again, if the folder has one and there is time; `lanes` threads for somebody who waits. They
    compute in `dtype`, the name of a type of torch."""

    def __init__(self, folder: Path, lanes: int, dtype: str) -> None:
        self.name = folder.name
        self._first = _CrossReader(folder, dtype)
        second = folder / SECOND
        self._second = _CrossReader(second, dtype) if second.is_dir() else None
        self._count = lanes
        self._lanes = _yielding(lanes, "reranking", RERANKING_NICENESS)
        self._waiting = 0

    async def relevance(self, query: str, texts: list[str]) -> Scores:
        """Between 0 and 1, in the order of `texts`. What was not read again is no likelier than
        what was."""
        self._waiting += 1
        try:
            scores = await self._scores(self._first, query, texts, BATCH_SIZE)
            if self._second is None or self._is_busy:
                return scores
            best = _worth_reading(scores)
            a_lane = math.ceil(len(best) / self._count)
            again = await self._scores(self._second, query, [texts[i] for i in best], a_lane)
        finally:
            self._waiting -= 1
        combined: Scores = np.minimum(scores, again.min())
        combined[best] = again
        return combined

    @property
    def _is_busy(self) -> bool:
        return self._waiting > max(self._count, READ_AGAIN_BESIDE)

    async def _scores(
        self, reader: "_CrossReader", query: str, texts: list[str], size: int
    ) -> Scores:
        scored, order = await _in_slices(self._lanes, partial(reader.scores, query), texts, size)
        scores: Scores = np.concatenate(scored)[order]
        return scores


def _worth_reading(scores: Scores) -> NDArray[np.intp]:
    """Where the texts are that the second model reads, the likeliest first."""
    best = np.argsort(-scores, kind="stable")[:READ_AGAIN]
    odds = np.log((scores[best] + _ROUNDED) / (1 - scores[best] + _ROUNDED))
    near: NDArray[np.intp] = best[odds >= odds[0] - NEAR_BEST]
    return near


class _CrossReader:
    """One model that reads a question and a text together."""

    def __init__(self, folder: Path, dtype: str) -> None:
        self._model = CrossEncoder(
            str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": dtype}
        )
        self._tokenizing = threading.Lock()

    def scores(self, query: str, texts: list[str]) -> Scores:
        with torch.inference_mode():
            with self._tokenizing:
                features = self._model.preprocess([(query, text) for text in texts])
            scores: Scores = torch.sigmoid(self._model(features)["scores"].float())[:, 0].numpy()
        return scores


async def _in_slices(
    lanes: ThreadPoolExecutor, work: Callable[[list[str]], Part], texts: list[str], size: int
) -> tuple[list[Part], NDArray[np.intp]]:
    """What `work` makes of slices of so many texts, which are of similar length, and where each
    text is among their rows."""
    loop = asyncio.get_running_loop()
    longest_first = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    slices = [
        [texts[i] for i in longest_first[start : start + size]]
        for start in range(0, len(texts), size)
    ]
    made = await asyncio.gather(*(loop.run_in_executor(lanes, work, part) for part in slices))
    return made, np.argsort(longest_first)


def _yielding(lanes: int, name: str, niceness: int) -> ThreadPoolExecutor:
    """So many threads of a lower priority."""

    def be_nice() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)

    return ThreadPoolExecutor(lanes, name, initializer=be_nice)


# --- HTTP --------------------------------------------------------------------------------------
def application(
    encoders: Sequence[Encoder], reranker: Reranker, *, announce: Path | None, url: str
) -> Starlette:
    """`/v1/embeddings`, `/v1/rerank` and `/health`; `announce` as `local_http.tell_ready`."""
    by_name = {encoder.name: encoder for encoder in encoders}

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        for encoder in encoders:
            await encoder.encode(["warm up"])
        await reranker.relevance("warm up", ["warm up"])
        local_http.tell_ready(announce, url)
        yield

    async def embeddings(request: Request) -> JSONResponse:
        asked = await _read(request, EmbeddingsRequest, by_name)
        encoded = await by_name[asked.model].encode(asked.texts)
        return JSONResponse(
            {
                "object": "list",
                "model": asked.model,
                "data": [
                    {"object": "embedding", "index": index, "embedding": vector}
                    for index, vector in enumerate(_written(encoded, asked.encoding_format))
                ],
                "usage": {"prompt_tokens": encoded.tokens, "total_tokens": encoded.tokens},
            }
        )

    async def rerank(request: Request) -> JSONResponse:
        asked = await _read(request, RerankRequest, {reranker.name})
        scores = await reranker.relevance(asked.query, asked.texts)
        return JSONResponse(
            {
                "model": reranker.name,
                "results": [
                    {"index": int(index), "relevance_score": float(scores[index])}
                    for index in np.argsort(-scores, kind="stable")
                ],
            }
        )

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "models": [*by_name, reranker.name]})

    routes = [
        Route("/v1/embeddings", embeddings, methods=["POST"]),
        Route("/v1/rerank", rerank, methods=["POST"]),
        Route("/health", health),
    ]
    return Starlette(
        routes=routes, lifespan=lifespan, exception_handlers={Refused: local_http.refusal}
    )


async def _read(request: Request, form: type[Asked], models: Collection[str]) -> Asked:
    """Raises `Refused`."""
    asked = await local_http.read_form(request, form)
    if asked.model not in models:
        raise Refused(404, f"This server runs {', '.join(models)}, not {asked.model}.")
    if not 1 <= len(asked.texts) <= MAX_INPUTS:
        raise Refused(400, f"Send 1 to {MAX_INPUTS} texts at once.")
    return asked


def _written(encoded: Encoded, encoding_format: str) -> list[str] | list[list[float]]:
    if encoding_format == "float":
        rows: list[list[float]] = encoded.vectors.tolist()
        return rows
    little_endian = encoded.vectors.astype("<f4")
    return [base64.b64encode(vector.tobytes()).decode() for vector in little_endian]


# --- The process -------------------------------------------------------------------------------
def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model", type=Path, required=True, action="append", help="folder of one that embeds"
    )
    parser.add_argument("--reranker", type=Path, required=True, help="folder of the reranker")
    parser.add_argument(
        "--dtype",
        default=_PLAIN,
        choices=(_PLAIN, "bfloat16"),
        help="in which all compute but the first model, whose vectors are to be those of any "
        "machine",
    )
    parser.add_argument("--lanes", type=int, default=os.cpu_count() or 1, help="batches at once")
    local_http.add_address(parser)
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    # Each call of a model stays on one core: a question is too short to gain from a second one,
    # and batches fill the cores side by side, without waiting for each other's layers.
    torch.set_num_threads(1)
    listener, url = local_http.listen(arguments.host, arguments.port)
    app = application(
        [
            Encoder(folder.resolve(), arguments.lanes, arguments.dtype if place else _PLAIN)
            for place, folder in enumerate(arguments.model)
        ],
        Reranker(arguments.reranker.resolve(), arguments.lanes, arguments.dtype),
        announce=arguments.ready_file,
        url=url,
    )
    local_http.run(app, listener)


if __name__ == "__main__":
    main()
