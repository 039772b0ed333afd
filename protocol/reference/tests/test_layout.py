"""The layout of the reference is that of the tables in SPEC.md."""

import re
import struct
from pathlib import Path

from zbref import layout

SPEC = Path(__file__).resolve().parents[2] / "SPEC.md"
FORMS = {"u8": "B", "u16": "H", "u32": "I", "i32": "i", "u64": "Q", "{u64 position, u64 count}": "2Q"}


def table(name):
    section = SPEC.read_text(encoding="utf-8").split(f"### {name}\n")[1].split("\n#")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip(" `") for cell in line] for line in lines[2:]]


def size_of(kind):
    times, _, scalar = kind.rpartition("×")
    return int(times or 1) * struct.calcsize("<" + FORMS[scalar])


def documented(name):
    return {row[1]: (int(row[0], 16), size_of(row[2])) for row in table(name) if not row[1].startswith("reserved")}


def real(fields):
    return {field: (offset, struct.calcsize(form)) for field, (offset, form) in fields.items()}


def test_the_oieb_has_every_field_of_the_table_at_its_offset():
    assert real(layout.OIEB) == documented("Oieb")


def test_the_reader_slot_has_every_field_of_the_table_at_its_offset():
    assert real(layout.SLOT) == documented("ReaderSlot")


def test_the_header_packs_its_fields_in_the_order_of_the_table():
    header = layout.Header(size=1, sequence=2, tag=3, extent=4, type=5, flags=6)
    packed = header.pack()
    for field, (offset, size) in documented("RecordHeader").items():
        assert int.from_bytes(packed[offset : offset + size], "little") == getattr(header, field), field
    assert layout.Header.unpack(packed) == header


def test_the_constants_are_those_of_the_document():
    written = {row[0]: int(row[1], 0) for row in table("Constants")}
    names = {"cache_line": "UNIT", "record_alignment": "UNIT", "block_alignment": "UNIT"}
    for name, value in written.items():
        if name in ("huge_page_size", "max_lanes", "least_in_place_room"):
            continue  # only who makes such segments needs them
        assert getattr(layout, names.get(name, name.upper())) == value, name


def test_a_place_word_keeps_state_kind_and_epoch_apart():
    place = layout.Place(state=3, kind=1, epoch=(1 << 48) - 1)
    assert place.pack() == 0xFFFFFFFFFFFF0103
    assert layout.Place.unpack(place.pack()) == place


def test_every_status_of_the_reference_stands_in_the_document():
    from zbref import errors

    text = SPEC.read_text(encoding="utf-8")
    for error in errors.SegmentError.__subclasses__():
        if error is not errors.RingFull:
            assert re.search(rf"`{error.status}`", text), error.status
