"""What tokens cost. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prices:
    """Of a million tokens, in US dollars."""

    prompt: float
    completion: float

    def of(self, prompt_tokens: float, completion_tokens: float) -> float:
        return (self.prompt * prompt_tokens + self.completion * completion_tokens) / 1e6
