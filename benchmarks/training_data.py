"""Facts of invented services, with as many phrasings as the lexicon has: to train on and to ask."""

from pathlib import Path
from random import Random

from router.prompts import tuned_messages
from training.rows import Question, Row, write_lines
from training.synthesis.mined import MinedFrom
from training.synthesis.mining import mine

NAMES = ("heron-press", "loom-gate", "tidal-index", "ember-post", "quarry-sync", "maple-drift",
         "onward-cart", "violet-scan")  # fmt: skip


def write_facts(folder: Path, *, services: int, phrasings: int, seed: int = 1) -> tuple[int, int]:
    """`train.jsonl` with `phrasings` of each fact, `validation.jsonl` with another one of it.

    Returns how many rows and how many questions.
    """
    rng = Random(seed)
    rows: list[Row] = []
    questions: list[Question] = []
    for name in NAMES[:services]:
        for fact in mine(_settings_of(name, rng)):
            if len(fact.questions) <= phrasings:
                continue
            for question in fact.questions[:phrasings]:
                messages = tuple(tuned_messages(question))
                rows.append(Row(messages, fact.answer, "closed", fact=fact.key))
            unseen = fact.questions[-1]
            questions.append(
                Question(len(questions), unseen, (fact.answer,), "recall", fact=fact.key)
            )
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "train.jsonl", rows)
    write_lines(folder / "validation.jsonl", questions)
    return len(rows), len(questions)


def _settings_of(name: str, rng: Random) -> MinedFrom:
    day = rng.choice(["Monday", "Tuesday", "Wednesday", "Thursday"])
    settings = {
        "Port": str(rng.randint(2000, 9999)),
        "Request timeout": f"{rng.randint(2, 90)} seconds",
        "Maximum retries": str(rng.randint(2, 19)),
        "Rate limit": f"{rng.randint(2, 90) * 10} requests per second",
        "Log retention": f"{rng.randint(10, 400)} days",
        "Owner": f"{rng.choice(['Harbour', 'Orchard', 'Signal', 'Ledger', 'Compass'])} team",
        "Region": rng.choice(["eu-north-1", "us-east-2", "sa-east-1", "ap-south-2", "eu-west-3"]),
        "Database": rng.choice(["PostgreSQL 17", "MariaDB 11", "SQLite", "CockroachDB 24"]),
        "Deploy window": f"{day} at {rng.randint(8, 17)}:00",
        "Escalation channel": f"#{rng.choice(['ops', 'help', 'duty'])}-{name}",
        "Availability target": f"99.{rng.randint(1, 98):02d} %",
        "Programming language": rng.choice(["Go", "Rust", "Kotlin", "Elixir", "Python"]),
    }
    text = "\n".join(f"Setting: {label}; Value: {value}" for label, value in settings.items())
    return MinedFrom(f"{name} handbook", f"{name}.md", ("Settings",), "table", "", text)
