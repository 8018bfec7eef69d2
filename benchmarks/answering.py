"""How long the embedded server of chat models takes for an answer, beside `transformers serve`.

Both hold the same weights, those of `UNTUNED_MODEL`, which has the size of the embedded reader, and
are asked the same questions one by one. Predicted is first what the model will say, and then what
it says to another question.
"""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from benchmarks.home import fresh_home
from benchmarks.tables import Row, print_table
from benchmarks.times import Times
from benchmarks.training_data import NAMES

LISTENING = re.compile(r"Uvicorn running on (http://\S+)")
START_SECONDS, POLL_SECONDS = 120.0, 0.1
ASKED = ("Which port does {} listen on?", "Who looks after {}?")
TOKENS = 6


def main() -> None:
    with fresh_home(), tempfile.TemporaryDirectory() as logs:
        rows = measured(Path(logs))
    print_table(f"A tuned answer of {TOKENS} tokens", rows)


def measured(logs: Path) -> list[Row]:
    from django.conf import settings

    from router.processes import spawn_llm

    model = settings.UNTUNED_MODEL
    questions = [asked.format(name) for name in NAMES for asked in ASKED]
    ours = spawn_llm(logs / "ours.log", model=model).wait()
    try:
        with transformers_serve(model, logs / "library.log") as url:
            baseline, _ = asked_one_by_one(url, model, questions, [""] * len(questions))
        plain, said = asked_one_by_one(ours.url, model, questions, [""] * len(questions))
        right, _ = asked_one_by_one(ours.url, model, questions, said)
        wrong, _ = asked_one_by_one(ours.url, model, questions, [*said[1:], said[0]])
    finally:
        ours.stop()
    told = f"{baseline.told(95)} by transformers serve"
    return [
        Row(what, times.told(95), told, f"{times.at(50) / baseline.at(50):.2f}", aim)
        for what, times, aim in (
            ("nothing predicted", plain, ""),
            ("predicted rightly", right, "≤ 0.5"),
            ("predicted wrongly", wrong, "≤ 1"),
        )
    ]


@contextlib.contextmanager
def transformers_serve(model: str, log: Path) -> Iterator[str]:
    """The address of the library's own server of a model of `MODELS_DIR`."""
    from django.conf import settings

    from router.processes import completes, dtype_of

    dtype = dtype_of(Path("/proc/cpuinfo").read_text())
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", model]
    command += ["--host", "127.0.0.1", "--port", "0", "--device", "cpu", "--dtype", dtype]
    command += ["--continuous-batching", "--cb-num-blocks", "256", "--cb-block-size", "32"]
    with log.open("wb") as output:
        # In the folder of the models, so that its name is its folder's.
        process = subprocess.Popen(
            command,
            cwd=settings.MODELS_DIR,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (told := LISTENING.search(log.read_text(errors="replace"))):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"transformers serve did not start: {log.read_text()[-2000:]}")
            time.sleep(POLL_SECONDS)
        url = f"{told[1]}/v1"
        # The first request fixes settings, such as temperature 0.
        completes(url, model)
        yield url
    finally:
        process.kill()
        process.wait()


def asked_one_by_one(
    url: str, model: str, questions: Sequence[str], predicted: Sequence[str]
) -> tuple[Times, list[str]]:
    """How long each answer took, and the answers; an empty prediction is none."""
    seconds, said = [], []
    with httpx.Client(timeout=120) as client:
        for question, likely in zip(questions, predicted, strict=True):
            started = time.perf_counter()
            said.append(answer(client, url, model, question, likely))
            seconds.append(time.perf_counter() - started)
    return Times(seconds), said


def answer(client: httpx.Client, url: str, model: str, question: str, likely: str) -> str:
    from router.prompts import tuned_messages

    request: dict[str, object] = {
        "model": model,
        "messages": tuned_messages(question),
        "max_tokens": TOKENS,
        "temperature": 0,
    }
    if likely:
        request["prediction"] = {"type": "content", "content": likely}
    reply = client.post(f"{url}/chat/completions", json=request).raise_for_status()
    return str(reply.json()["choices"][0]["message"]["content"])


if __name__ == "__main__":
    main()
