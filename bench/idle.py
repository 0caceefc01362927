"""Prints what an idle named child of 10,000 takes, in KiB; in a process of its own, where nothing freed is used again.

python -m bench.idle
"""

from __future__ import annotations

import gc

from bench.erlang_runs import PATIENCE_S
from bench.process import resident_bytes_here
from bench.runtime import MANY, Echo, pool_of
from viral_engine.runtime.operations import StartMany


def main() -> None:
    """Starts them, looks, and stops them."""
    spec, wanted = pool_of(MANY, Echo)
    with spec as system:
        gc.collect()
        before = resident_bytes_here()
        system.call("/", StartMany(wanted), PATIENCE_S).get()
        gc.collect()
        print((resident_bytes_here() - before) / 1024 / MANY)


if __name__ == "__main__":
    main()
