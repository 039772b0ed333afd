// See ring_drawing.hpp.
#include "ring_drawing.hpp"

#include <algorithm>

namespace zerobuffer::cli {
namespace {

class Canvas {
 public:
  Canvas(const BufferState& state, std::size_t width)
      : origin_(state.origin_pos), capacity_(state.capacity), cells_(width, '.') {}

  [[nodiscard]] std::uint64_t offset_of(std::uint64_t position) const { return (position - origin_) % capacity_; }

  [[nodiscard]] std::size_t cell_of(std::uint64_t position) const {
    const long double share = static_cast<long double>(offset_of(position)) / static_cast<long double>(capacity_);
    return std::min(static_cast<std::size_t>(share * static_cast<long double>(cells_.size())), cells_.size() - 1);
  }

  /// Marks the bytes from `position` on; whatever is longer than the ring fills it.
  void mark(std::uint64_t position, std::uint64_t length, char sign) {
    if (length == 0) return;
    if (length >= capacity_) {
      std::fill(cells_.begin(), cells_.end(), sign);
      return;
    }
    const std::size_t last = cell_of(position + length - 1);
    for (std::size_t cell = cell_of(position);; cell = (cell + 1) % cells_.size()) {
      cells_[cell] = sign;
      if (cell == last) break;
    }
  }

  [[nodiscard]] const std::string& cells() const { return cells_; }

 private:
  std::uint64_t origin_;
  std::uint64_t capacity_;
  std::string cells_;
};

std::string place_row(const Canvas& canvas, std::uint64_t position, char sign, const std::string& who) {
  std::string row(canvas.cells().size() + 2, ' ');
  row[canvas.cell_of(position) + 1] = sign;
  return row + "  " + who + " at offset " + std::to_string(canvas.offset_of(position)) + " (position " +
         std::to_string(position) + ")\n";
}

}  // namespace

std::string draw_ring(const BufferState& state, std::size_t width) {
  if (state.capacity == 0 || width == 0) return "";
  Canvas canvas(state, width);
  canvas.mark(state.write_pos - state.used_bytes, state.used_bytes, '+');
  for (const RecordState& record : state.records) {
    if (record.padding) canvas.mark(record.position, record.length, '~');
  }
  for (const RecordState& record : state.records) {
    if (!record.padding) canvas.mark(record.position, record.length, '#');
  }
  std::string text = "[" + canvas.cells() + "]  # frames, ~ padding, + more of both, . free\n";
  text += place_row(canvas, state.write_pos, 'W', "writer");
  for (const ReaderState& reader : state.readers) {
    if (reader.presence != Presence::attached && reader.presence != Presence::dead) continue;
    text += place_row(canvas, reader.read_pos, 'R', "reader " + std::to_string(reader.slot));
  }
  return text;
}

}  // namespace zerobuffer::cli
