"""The answers of SPEC.md that are errors, each under the name that SPEC.md gives it."""


class SegmentError(Exception):
    """Base of all. `status` is the name in SPEC.md."""

    status = "error"


class NotReady(SegmentError):
    """The segment is still being made (16.1, 16.2)."""

    status = "not_ready"


class Retired(SegmentError):
    """Nobody may attach any more (16.2)."""

    status = "retired"


class Incompatible(SegmentError):
    """Not a segment of this protocol, or one with unknown features (16.1, 16.2)."""

    status = "incompatible"


class Corrupt(SegmentError):
    """A value is impossible (16.2 to 16.7)."""

    status = "corrupt"


class FrameTooLarge(SegmentError):
    """The frame can never fit this ring (7.1)."""

    status = "frame_too_large"


class FrameLost(SegmentError):
    """The next frame lay in another segment and is gone (23.3)."""

    status = "frame_lost"


class RingFull(SegmentError):
    """There is no room now (7.8)."""

    status = "would_block"


class TooManyReaders(SegmentError):
    """Every slot is taken (12)."""

    status = "too_many_readers"


class NothingToResume(SegmentError):
    """No reader left a position behind (12)."""

    status = "nothing_to_resume"


class MetadataTooLarge(SegmentError):
    """The metadata does not fit its block (14)."""

    status = "metadata_too_large"


class MetadataExists(SegmentError):
    """Metadata is written once, before the first frame (14)."""

    status = "metadata_exists"


class MetadataInUse(SegmentError):
    """A successor's metadata differ, and frames of the old stream can still be read (14)."""

    status = "metadata_in_use"
