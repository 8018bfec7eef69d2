import pytest

from ingestion.errors import UserError
from training.mixture import Mixture


def test_what_is_not_named_has_its_default() -> None:
    assert Mixture.parse("") == Mixture()
    assert Mixture.parse(" closed=.5, rows_per_fact=4 ,") == Mixture(closed=0.5, rows_per_fact=4)


@pytest.mark.parametrize(
    "text",
    [
        "shut=1", "closed", "closed=", "closed=much", "closed=0", "refusal=-1", "rows_per_fact=0",
        "rows_per_fact=2.5", "quotes=-1", "test=0.8", "validation=0.3", "without_gold=2",
        "closed=nan", "replay=inf",
    ],
)  # fmt: skip
def test_impossible_mixture_says_how_to_write_one(text: str) -> None:
    with pytest.raises(UserError, match=r"Write it like closed=0\.85,refusal=0\.15") as caught:
        Mixture.parse(text)
    assert caught.value.id == "mixture"
