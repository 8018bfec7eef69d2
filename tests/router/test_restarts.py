from router.restarts import pause_after


def test_pause_doubles_to_half_a_minute_and_stays_there() -> None:
    assert [pause_after(times) for times in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]
    assert pause_after(5000) == 30
