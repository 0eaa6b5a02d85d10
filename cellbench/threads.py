"""The number of CPU threads, which rounds sums differently and so changes the numbers of a training."""


def use_threads(n: int | None) -> None:
    """Let torch and the libraries of linear algebra compute with n threads from now on.

    A process uses as many threads as it has CPUs unless it is told otherwise, so its numbers would depend on the
    machine.

    Args:
        n: Number of threads, 1 or more; None changes nothing.
    """
    if n is None:
        return
    import sklearn.linear_model  # noqa: F401 - loads every library whose threads are set below
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]

    torch.set_num_threads(n)
    threadpool_limits(n)
