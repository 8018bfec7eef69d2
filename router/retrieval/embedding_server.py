"""The embedded default's embedding server: OpenAI's `/v1/embeddings` over one local model.

Run as `python -m router.retrieval.embedding_server --model DIR --port N`. It is a process of its
own, so that no other process of the product ever loads torch, and the only importer of
sentence_transformers. Questions have a lane of their own: they never wait behind a batch.
"""

import argparse
import asyncio
import base64
import json
import os
import socket
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import uvicorn
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError
from sentence_transformers import SentenceTransformer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

# Texts of similar length are encoded together; more at once is no faster on a CPU, and pads more.
BATCH_SIZE = 8
MAX_INPUTS = 2_048
# One text of up to this many characters is taken for a question.
QUESTION_CHARACTERS = 2_000
# Of 0 to 19: the scheduler gives the question lane most of the machine while a batch runs, and
# the batch still gets on beside the work of others.
BATCH_NICENESS = 5

Vectors = NDArray[np.float32]


class EmbeddingsRequest(BaseModel):
    model: str
    input: str | list[str]
    encoding_format: str = Field(default="float", pattern="^(float|base64)$")

    @property
    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input


@dataclass(frozen=True, slots=True)
class Encoded:
    """One row of `vectors` for each text, of unit length; `tokens` were read in all."""

    vectors: Vectors
    tokens: int


class Encoder:
    """The model behind two lanes: a thread for short questions, `lanes` threads for all else."""

    def __init__(self, folder: Path, lanes: int) -> None:
        self.name = folder.name
        self._model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        # A fast tokenizer is set up anew for each call, so two threads must take turns.
        self._tokenizing = threading.Lock()
        # Each call of the model stays on one core: a question is too short to gain from a second
        # one, and batches fill the cores side by side, without waiting for each other's layers.
        torch.set_num_threads(1)
        self._questions = ThreadPoolExecutor(1, "questions")
        self._batches = ThreadPoolExecutor(lanes, "batches", initializer=_yield_to_questions)

    async def encode(self, texts: list[str]) -> Encoded:
        """Vectors in the order of `texts`; a batch goes by slices of similar length."""
        loop = asyncio.get_running_loop()
        if len(texts) == 1 and len(texts[0]) <= QUESTION_CHARACTERS:
            return await loop.run_in_executor(self._questions, self._encode, texts)
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        parts = [order[start : start + BATCH_SIZE] for start in range(0, len(order), BATCH_SIZE)]
        encoded = await asyncio.gather(
            *(
                loop.run_in_executor(self._batches, self._encode, [texts[i] for i in part])
                for part in parts
            )
        )
        vectors = np.concatenate([part.vectors for part in encoded])
        return Encoded(vectors[np.argsort(order)], sum(part.tokens for part in encoded))

    def _encode(self, texts: list[str]) -> Encoded:
        with torch.inference_mode():
            with self._tokenizing:
                features = self._model.preprocess(texts)
            tokens = int(features["attention_mask"].sum())
            output = self._model(features)["sentence_embedding"]
            unit = torch.nn.functional.normalize(output.float(), dim=1)
        return Encoded(unit.numpy(), tokens)


def _yield_to_questions() -> None:
    """Lower the priority of this thread."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BATCH_NICENESS)


# --- HTTP --------------------------------------------------------------------------------------
def application(encoder: Encoder, *, announce: Path | None, url: str) -> Starlette:
    """`/v1/embeddings` and `/health`; `announce` receives {"url", "pid"} once it can answer."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await encoder.encode(["warm up"])
        if announce is not None:
            _write_whole(announce, json.dumps({"url": url, "pid": os.getpid()}))
        yield

    async def embeddings(request: Request) -> JSONResponse:
        try:
            asked = EmbeddingsRequest.model_validate_json(await request.body())
        except ValidationError as error:
            return _refusal(400, str(error.errors(include_url=False, include_input=False)))
        if asked.model != encoder.name:
            return _refusal(404, f"This server runs {encoder.name}, not {asked.model}.")
        if not 1 <= len(asked.texts) <= MAX_INPUTS:
            return _refusal(400, f"Send 1 to {MAX_INPUTS} texts at once.")
        encoded = await encoder.encode(asked.texts)
        return JSONResponse(
            {
                "object": "list",
                "model": encoder.name,
                "data": [
                    {"object": "embedding", "index": index, "embedding": vector}
                    for index, vector in enumerate(_written(encoded, asked.encoding_format))
                ],
                "usage": {"prompt_tokens": encoded.tokens, "total_tokens": encoded.tokens},
            }
        )

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "model": encoder.name})

    routes = [
        Route("/v1/embeddings", embeddings, methods=["POST"]),
        Route("/health", health),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def _written(encoded: Encoded, encoding_format: str) -> list[str] | list[list[float]]:
    if encoding_format == "float":
        rows: list[list[float]] = encoded.vectors.tolist()
        return rows
    little_endian = encoded.vectors.astype("<f4")
    return [base64.b64encode(vector.tobytes()).decode() for vector in little_endian]


def _refusal(status: int, message: str) -> JSONResponse:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": error}, status)


# --- The process -------------------------------------------------------------------------------
def _write_whole(path: Path, text: str) -> None:
    written = path.with_name(f"{path.name}.{os.getpid()}")
    written.write_text(text)
    written.replace(path)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder of the model")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--lanes", type=int, default=os.cpu_count() or 1, help="batches at once")
    parser.add_argument("--ready-file", type=Path, help='receives {"url", "pid"} when ready')
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((arguments.host, arguments.port))
    app = application(
        Encoder(arguments.model.resolve(), arguments.lanes),
        announce=arguments.ready_file,
        url=f"http://{arguments.host}:{listener.getsockname()[1]}/v1",
    )
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
