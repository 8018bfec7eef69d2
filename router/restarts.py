"""When a process that ended by itself is started again."""

LONGEST_PAUSE = 30.0
# What ran so long had come up, and its next end is the first again.
LASTING_SECONDS = 60.0


def pause_after(times: int) -> float:
    """Seconds, after so many ends: one at first, then twice as many each time, to half a minute."""
    # A service whose model is missing ends a thousand times in a night, and no float is as long
    # as the pause would be then.
    return min(2.0 ** min(times - 1, 10), LONGEST_PAUSE)
