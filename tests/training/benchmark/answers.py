"""Answers as systems could have given them."""

from dataclasses import replace

from router.prompts import REFUSAL
from training.benchmark.answers import Answered
from training.benchmark.questions import Question
from training.benchmark.scoring import Scored, scored


def said(
    question: int,
    text: str,
    *,
    system: str = "rag",
    run: int = 1,
    route: str = "",
    ms: float = 100.0,
    tokens: tuple[int, int] | None = (100, 10),
) -> Answered:
    prompt, completion = tokens or (None, None)
    by = "tuned" if system == "tuned" else "rag"
    return Answered(
        system=system,
        run=run,
        question=question,
        text=text,
        route=route or ("refused" if text == REFUSAL else by),
        verified=True,
        reason="",
        model="m",
        ms=ms,
        prompt_tokens=prompt,
        completion_tokens=completion,
    )


def judged(question: Question, answer: Answered, *, shown: bool = False) -> Scored:
    return scored(question, replace(answer, question=question.number), shown=shown)
