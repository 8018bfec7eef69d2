"""The priority of processes that nobody waits for."""

import contextlib
import os
from pathlib import Path


def step_back(pid: int, niceness: int) -> None:
    """Lower the priority of a process group, and of its session, by which Linux shares the
    processor first: without that a niceness counts among the group's own processes only.

    `pid` leads both; nothing happens once it has ended.
    """
    # Only root may take back what an own low priority has already given away.
    lowest = max(os.getpriority(os.PRIO_PROCESS, 0), niceness)
    with contextlib.suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PGRP, pid, lowest)
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(lowest))
