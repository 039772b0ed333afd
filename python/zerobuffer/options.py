"""The keyword options of readers, writers and duplex ends, turned into the core's BufferConfig and DuplexConfig."""

from __future__ import annotations

from typing import Literal, Optional

from ._core import BufferConfig, DuplexConfig
from .errors import InvalidArgumentError

FullPolicy = Literal["wait", "drop"]
WaitPolicy = Literal["spin", "spin_then_block", "block"]
JoinAt = Literal["automatic", "now", "oldest", "resume"]

DEFAULT_PAYLOAD_SIZE = 64 << 20
DEFAULT_METADATA_SIZE = 4096
DEFAULT_REQUEST_SIZE = 1 << 20
DEFAULT_CALLBACK_SIZE = 4096


def make_config(
    *,
    payload_size: Optional[int] = None,
    frame_size: Optional[int] = None,
    in_flight: int = 3,
    metadata_size: int = DEFAULT_METADATA_SIZE,
    max_readers: int = 1,
    share_slots: int = 0,
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
        share_slots=share_slots,
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


def make_duplex_config(
    *,
    request_size: int = DEFAULT_REQUEST_SIZE,
    response_size: int = DEFAULT_REQUEST_SIZE,
    callback_size: int = DEFAULT_CALLBACK_SIZE,
    lanes: int = 8,
    huge_pages: bool = False,
    exist_ok: bool = False,
    client_lanes: int = 0,
    wait: WaitPolicy = "spin_then_block",
    spin_pauses: int = 2000,
    max_held: int = 256,
    pre_touch: bool = True,
    lock_in_memory: bool = False,
) -> DuplexConfig:
    """What the options of a duplex channel mean for the core."""
    return DuplexConfig(
        request_size=request_size,
        response_size=response_size,
        callback_size=callback_size,
        lanes=lanes,
        huge_pages=huge_pages,
        exist_ok=exist_ok,
        client_lanes=client_lanes,
        wait=wait,
        spin_pauses=spin_pauses,
        max_held=max_held,
        pre_touch=pre_touch,
        lock_in_memory=lock_in_memory,
    )
