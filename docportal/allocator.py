"""How the library of C keeps what was freed: only a process itself can tell it, and only early."""

import ctypes

_M_ARENA_MAX, _ARENAS = -8, 2


def keep_few_arenas() -> None:
    """Have all threads of this process share two arenas. To be called before there are threads.

    glibc keeps what a thread freed in an arena, of which it makes up to eight a core. Requests have
    threads of their own, as has each change of the word index: a worker grew by half within a
    hundred documents. Arenas that exist already are used further, whatever the limit is.
    """
    allocator = ctypes.CDLL(None)
    # Other libraries of C have no arenas to limit.
    if hasattr(allocator, "mallopt"):
        allocator.mallopt(_M_ARENA_MAX, _ARENAS)
