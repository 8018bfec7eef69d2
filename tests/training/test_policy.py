from hypothesis import given
from hypothesis import strategies as st

from training.policy import APPEND_BELOW, Decision, Policy, advised_mode, should_retrain

POLICY = Policy(enabled=True, every_hours=24, least_new_facts=20, least_stale_share=0.1)

policies = st.builds(
    Policy,
    enabled=st.booleans(),
    every_hours=st.integers(1, 1000),
    least_new_facts=st.integers(1, 1000),
    least_stale_share=st.floats(0.001, 1),
)
shares = st.floats(0, 1)


def decide(
    policy: Policy = POLICY,
    *,
    collections: int = 1,
    new_facts: int = 0,
    stale_share: float = 0.0,
    changed_share: float | None = 0.0,
    tainted: bool = False,
    hours_since_last: float | None = None,
    waiting: bool = False,
    made_already: str = "",
) -> Decision:
    return should_retrain(
        policy,
        collections=collections,
        new_facts=new_facts,
        stale_share=stale_share,
        changed_share=changed_share,
        tainted=tainted,
        hours_since_last=hours_since_last,
        waiting=waiting,
        made_already=made_already,
    )


def test_either_threshold_is_enough() -> None:
    assert decide(new_facts=20).retrain
    assert decide(stale_share=0.1).retrain
    below = decide(new_facts=19, stale_share=0.09)
    assert not below.retrain
    assert "19 new facts, under 20" in below.reason
    assert "9% of the model's passages are stale, under 10%" in below.reason


def test_reason_names_what_was_enough() -> None:
    assert decide(new_facts=31).reason.startswith("31 new facts.")
    assert decide(new_facts=2, stale_share=0.25).reason.startswith("25% of passages stale.")


def test_last_run_holds_the_next_one_off() -> None:
    assert not decide(new_facts=99, hours_since_last=23.5).retrain
    assert "in 0.5 h" in decide(new_facts=99, hours_since_last=23.5).reason
    assert decide(new_facts=99, hours_since_last=24).retrain


def test_same_data_is_not_trained_on_again() -> None:
    made = "The data is that of run 12, whose model docs-v0003 waits to be promoted."
    for held in (decide(new_facts=99, made_already=made), decide(tainted=True, made_already=made)):
        assert (held.retrain, held.reason) == (False, made)
    assert "under 20" in decide(new_facts=19, made_already=made).reason


def test_without_a_collection_there_is_nothing_to_retrain() -> None:
    nothing = decide(collections=0, stale_share=1.0)
    assert not nothing.retrain
    assert nothing.reason == "There is no collection that may be taught to its readers."


def test_model_that_answers_nobody_is_made_anew_from_the_base_without_any_news() -> None:
    anew = decide(tainted=True)
    assert (anew.retrain, anew.mode) == (True, "full")
    assert anew.reason.startswith("The serving model answers nobody")
    assert not decide(tainted=True, hours_since_last=23.5).retrain


def test_mode_follows_the_share_of_changed_passages() -> None:
    assert decide(new_facts=20, changed_share=None).mode == "full"
    assert decide(new_facts=20, changed_share=APPEND_BELOW / 2).mode == "append"
    assert decide(new_facts=20, changed_share=APPEND_BELOW).mode == "full"
    assert "no model serves" in decide(new_facts=20, changed_share=None).reason


@given(
    policy=policies,
    collections=st.integers(0, 2),
    new_facts=st.integers(0, 10_000),
    stale_share=shares,
    changed_share=st.none() | shares,
    tainted=st.booleans(),
    hours=st.none() | st.floats(0, 10_000),
    waiting=st.booleans(),
)
def test_retrains_only_when_allowed_and_for_a_threshold_or_where_nobody_is_answered(
    *,
    policy: Policy,
    collections: int,
    new_facts: int,
    stale_share: float,
    changed_share: float | None,
    tainted: bool,
    hours: float | None,
    waiting: bool,
) -> None:
    decision = decide(
        policy,
        collections=collections,
        new_facts=new_facts,
        stale_share=stale_share,
        changed_share=changed_share,
        tainted=tainted,
        hours_since_last=hours,
        waiting=waiting,
    )
    may_begin = bool(collections) and not waiting
    allowed = policy.enabled and may_begin and (hours is None or hours >= policy.every_hours)
    enough = new_facts >= policy.least_new_facts or stale_share >= policy.least_stale_share
    assert decision.retrain == (allowed and (enough or tainted))
    assert decision.mode == advised_mode(changed_share, tainted=tainted)[0]
    assert decision.reason.endswith(".")


@given(new_facts=st.integers(0, 100), more=st.integers(0, 100), stale=shares, staler=shares)
def test_more_news_never_speaks_against_a_retrain(
    new_facts: int, more: int, stale: float, staler: float
) -> None:
    least, most = sorted((stale, staler))
    if decide(new_facts=new_facts, stale_share=least).retrain:
        assert decide(new_facts=new_facts + more, stale_share=most).retrain
