"""Takes from this process, for ever, what a parser of strangers' files does not need.

Limits on time and memory hold everywhere. The system-call filter (no network, no new
program, no change of any file) needs Linux on x86-64 or ARM64; see seccomp(2) for its form.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from dataclasses import dataclass

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SECCOMP_MODE_FILTER = 2

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _DENY = 0x7FFF0000, 0x00050000 | 1  # the call fails with EPERM
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
_X32_CALLS = 0x40000000
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


@dataclass(frozen=True, slots=True)
class _Machine:
    architecture: int
    denied: tuple[int, ...]
    opens: dict[int, int]
    """Numbers of the calls that open files, and which argument holds the flags."""


_MACHINES = {
    "x86_64": _Machine(
        0xC000003E,
        (
            *(41, 42, 43, 44, 46),  # socket connect accept sendto sendmsg
            *(49, 50, 53, 288, 307),  # bind listen socketpair accept4 sendmmsg
            *(59, 322, 62, 101, 311),  # execve execveat kill ptrace process_vm_writev
            *(425, 321, 272, 308, 165),  # io_uring_setup bpf unshare setns mount
            *(76, 82, 83, 84, 85, 86),  # truncate rename mkdir rmdir creat link
            *(87, 88, 90, 91, 92, 93, 94),  # unlink symlink chmod fchmod chown fchown lchown
            *(133, 258, 259, 260, 263),  # mknod mkdirat mknodat fchownat unlinkat
            *(264, 265, 266, 268, 316, 437),  # renameat linkat symlinkat fchmodat renameat2 openat2
        ),
        {2: 1, 257: 2},
    ),
    "aarch64": _Machine(
        0xC00000B7,
        (
            *(198, 203, 202, 206, 211),  # socket connect accept sendto sendmsg
            *(200, 201, 199, 242, 269),  # bind listen socketpair accept4 sendmmsg
            *(221, 281, 129, 117, 271),  # execve execveat kill ptrace process_vm_writev
            *(425, 280, 97, 268, 40),  # io_uring_setup bpf unshare setns mount
            *(45, 33, 34, 54, 55, 35),  # truncate mknodat mkdirat fchownat fchown unlinkat
            *(
                38,
                37,
                36,
                53,
                52,
                276,
                437,
            ),  # renameat linkat symlinkat fchmod(at) renameat2 openat2
        ),
        {56: 2},
    ),
}


def confine(*, cpu_seconds: int, wall_seconds: int, memory_bytes: int) -> None:
    """Raises OSError where the system refuses. After a limit is reached the process ends by
    SIGXCPU (processor time) or SIGALRM (time on the wall), or gets a MemoryError."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    signal.alarm(wall_seconds)
    if sys.platform == "linux" and platform.machine() in _MACHINES:
        _filter_calls(_MACHINES[platform.machine()])


def end_with_parent() -> None:
    """The kernel kills this process when the one that forked it is gone."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _filter_calls(machine: _Machine) -> None:
    instructions = b"".join(struct.pack("=HBBI", *step) for step in _program(machine))
    program = _Program(len(instructions) // 8, instructions)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))


def _program(machine: _Machine) -> list[tuple[int, int, int, int]]:
    """Steps of (operation, steps to skip if true, steps to skip if false, operand)."""
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, machine.architecture),
        (_RETURN, 0, 0, _DENY),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if machine.architecture == _MACHINES["x86_64"].architecture:
        steps += [(_AT_LEAST, 0, 1, _X32_CALLS), (_RETURN, 0, 0, _DENY)]
    for number in machine.denied:
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _DENY)]
    for number, argument in machine.opens.items():
        flags_at = 16 + 8 * argument
        steps += [
            (_EQUAL, 0, 4, number),
            (_LOAD, 0, 0, flags_at),
            (_ANY_BIT, 0, 1, _WRITES),
            (_RETURN, 0, 0, _DENY),
            (_RETURN, 0, 0, _ALLOW),
        ]
    return [*steps, (_RETURN, 0, 0, _ALLOW)]


def _prctl(option: int, value: int, address: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    arguments = (ctypes.c_ulong(value), ctypes.c_ulong(address), ctypes.c_ulong(0))
    if library.prctl(option, *arguments, ctypes.c_ulong(0)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
