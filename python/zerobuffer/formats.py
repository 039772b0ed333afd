"""The format of a stream, read from its metadata: an array, a video, or nothing that this package knows."""

from __future__ import annotations

import json
from typing import Optional, Union

from .arrays import METADATA_PREFIX, SCHEMA_VERSION, ArrayFormat
from .errors import CorruptError, IncompatibleError
from .video import VideoFormat

StreamFormat = Union[ArrayFormat, VideoFormat]


def parse_metadata(metadata: bytes) -> Optional[StreamFormat]:
    """What the metadata says of the frames; None where it does not begin like the schema (it is the application's own).

    Raises:
        CorruptError: it begins like the schema and breaks it.
        IncompatibleError: it follows a later version of the schema, or has a kind that this version does not know.
    """
    if not metadata.startswith(METADATA_PREFIX):
        return None
    try:
        fields = json.loads(metadata)
    except (ValueError, RecursionError) as error:
        raise CorruptError(f"the metadata begins like the array schema but is no JSON: {error}") from None
    if not isinstance(fields, dict) or type(fields.get("zerobuffer_schema")) is not int:
        raise CorruptError("the metadata begins like the array schema but has no version")
    if fields["zerobuffer_schema"] != SCHEMA_VERSION:
        raise IncompatibleError(f"the metadata follows version {fields['zerobuffer_schema']} of the array schema")
    if fields.get("kind") == "array":
        return ArrayFormat.from_fields(fields)
    if fields.get("kind") == "video":
        return VideoFormat.from_fields(fields)
    raise IncompatibleError(f"the metadata has the unknown kind {fields.get('kind')!r}")
