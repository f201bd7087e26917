"""The process among its neighbours."""

from __future__ import annotations

import gc

from agi_server import process


def test_what_is_loaded_is_left_out_of_garbage_collection() -> None:
    before = gc.get_freeze_count()
    kept: list[list[int]] = [[] for _ in range(1000)]
    try:
        process.settle()
        assert gc.get_freeze_count() >= before + len(kept)
        assert len(gc.get_objects()) < len(kept)
    finally:
        gc.unfreeze()
