"""The keyword options of readers and writers, turned into the core's BufferConfig."""

from __future__ import annotations

from typing import Literal, Optional

from ._core import BufferConfig
from .errors import InvalidArgumentError

FullPolicy = Literal["wait", "drop"]
WaitPolicy = Literal["spin", "spin_then_block", "block"]
JoinAt = Literal["automatic", "now", "oldest", "resume"]

DEFAULT_PAYLOAD_SIZE = 64 << 20
DEFAULT_METADATA_SIZE = 4096


def make_config(
    *,
    payload_size: Optional[int] = None,
    frame_size: Optional[int] = None,
    in_flight: int = 3,
    metadata_size: int = DEFAULT_METADATA_SIZE,
    max_readers: int = 1,
    huge_pages: bool = False,
    exist_ok: bool = False,
    full: FullPolicy = "wait",
    wait: WaitPolicy = "spin_then_block",
    spin_pauses: int = 2000,
    burst_size: int = 0,
    acknowledge_frames: int = 1,
    acknowledge_interval: float = 0.0,
    max_held: int = 256,
    join: JoinAt = "automatic",
    pre_touch: bool = True,
    lock_in_memory: bool = False,
) -> BufferConfig:
    """What the options mean for the core. `frame_size` and `in_flight` stand for a payload size and a burst size."""
    if frame_size is not None:
        if payload_size is not None or burst_size != 0:
            raise InvalidArgumentError("give frame_size (with in_flight), or payload_size and burst_size; not both")
        payload_size, burst_size = BufferConfig.sizes_for_frames(frame_size, in_flight)
    return BufferConfig(
        payload_size=DEFAULT_PAYLOAD_SIZE if payload_size is None else payload_size,
        metadata_size=metadata_size,
        max_readers=max_readers,
        huge_pages=huge_pages,
        exist_ok=exist_ok,
        full=full,
        wait=wait,
        spin_pauses=spin_pauses,
        burst_size=burst_size,
        acknowledge_frames=acknowledge_frames,
        acknowledge_interval=acknowledge_interval,
        max_held=max_held,
        join=join,
        pre_touch=pre_touch,
        lock_in_memory=lock_in_memory,
    )
