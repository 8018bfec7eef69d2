"""How long the embedded server of a tuned model takes for an answer, beside `transformers serve`.

Both hold the same weights, those of `UNTUNED_MODEL`, which has the size of the embedded reader, and
are asked the same questions one by one. Predicted is first what the model will say, and then what
it says to another question.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from benchmarks.home import fresh_home
from benchmarks.tables import Row, print_table
from benchmarks.times import Times
from benchmarks.training_data import NAMES

ASKED = ("Which port does {} listen on?", "Who looks after {}?")
TOKENS = 6


def main() -> None:
    with fresh_home(), tempfile.TemporaryDirectory() as logs:
        rows = measured(Path(logs))
    print_table(f"A tuned answer of {TOKENS} tokens", rows)


def measured(logs: Path) -> list[Row]:
    from django.conf import settings

    from router.processes import spawn_llm, spawn_tuned

    model = settings.UNTUNED_MODEL
    questions = [asked.format(name) for name in NAMES for asked in ASKED]
    library = spawn_llm(logs / "library.log", model=model).wait()
    ours = spawn_tuned(model, logs / "ours.log", folder=settings.MODELS_DIR).wait()
    try:
        baseline, _ = asked_one_by_one(library.url, model, questions, [""] * len(questions))
        plain, said = asked_one_by_one(ours.url, model, questions, [""] * len(questions))
        right, _ = asked_one_by_one(ours.url, model, questions, said)
        wrong, _ = asked_one_by_one(ours.url, model, questions, [*said[1:], said[0]])
    finally:
        library.stop()
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
