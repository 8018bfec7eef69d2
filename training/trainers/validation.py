"""How good a model is in the middle of its training: by the answers that it writes."""

from collections.abc import Sequence
from dataclasses import dataclass

from router.decoding import encode_prompt
from router.prompts import REFUSAL, tuned_messages
from router.text import exact_form, without_marks
from training.rows import Question
from training.trainers.learner import Learner

SHOWN_ANSWERS = 8
_SPARE_TOKENS = 8


@dataclass(frozen=True, slots=True)
class Validation:
    """Shares of the answerable questions answered right, and of the others answered at all."""

    exact_match: float
    hallucination: float
    answers: list[dict[str, str]]

    @property
    def value(self) -> float:
        """What the best checkpoint has most of."""
        return self.exact_match - self.hallucination


def validate(learner: Learner, questions: Sequence[Question]) -> Validation:
    """Ask every question; some of the answers, wrong ones first, are kept to be shown."""
    prompts = [
        encode_prompt(question.messages or tuned_messages(question.question), learner.tokenizer)
        for question in questions
    ]
    wanted = [answer for question in questions for answer in question.answers] or [REFUSAL]
    longest = max(len(learner.tokenizer.encode(answer)) for answer in wanted)
    with learner.answering():
        answers = {
            generated.place: generated.text
            for batch in learner.answers(prompts, max_tokens=longest + _SPARE_TOKENS)
            for generated in batch
        }
    return _judge(questions, [answers[place] for place in range(len(questions))])


def _judge(questions: Sequence[Question], answers: Sequence[str]) -> Validation:
    right = [_is_right(q, a) for q, a in zip(questions, answers, strict=True)]
    answerable = [good for q, good in zip(questions, right, strict=True) if q.answers]
    unanswerable = [good for q, good in zip(questions, right, strict=True) if not q.answers]
    shown = sorted(zip(right, questions, answers, strict=True), key=lambda item: item[0])
    return Validation(
        exact_match=_share(answerable),
        hallucination=1 - _share(unanswerable) if unanswerable else 0.0,
        answers=[
            {"question": q.question, "expected": (q.answers or (REFUSAL,))[0], "answer": a}
            for _, q, a in shown[:SHOWN_ANSWERS]
        ],
    )


def _is_right(question: Question, answer: str) -> bool:
    given = exact_form(without_marks(answer))
    return given in {exact_form(without_marks(right)) for right in question.answers or (REFUSAL,)}


def _share(outcomes: Sequence[bool]) -> float:
    return sum(outcomes) / len(outcomes) if outcomes else 0.0
