"""Run a command that ends when the process that started it ends, even by SIGKILL.

`python tether.py PARENT_PID COMMAND ARGUMENT…` replaces itself by COMMAND. The tie is Linux's
parent-death signal, which an exec keeps. It fires when the starting *thread* ends, so start
children from a thread that lives as long as they are needed. Elsewhere it does nothing.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def tether(parent: int) -> None:
    """Have this process killed when `parent`, its parent, ends."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:  # It ended before the tie was made.
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    tether(int(sys.argv[1]))
    # A parent that waits for its signals has them blocked, and a child would inherit that.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606  A list of arguments, no shell.
