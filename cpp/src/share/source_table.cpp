// Writing the entries of the source table. Readers copy an entry out under its version, which every descriptor carries:
// a descriptor that is left of the entry's former segment finds another version, and its frame is lost.
#include "share/source_table.hpp"

#include <algorithm>

#include "buffer/machine.hpp"

namespace zerobuffer::share {
namespace {
using buffer::Machine;
}

SourceTable::SourceTable(const buffer::Segment& segment) noexcept
    : oieb_(&segment.oieb()), shared_(segment.sources()), count_(static_cast<std::uint32_t>(shared_.size())) {
  for (std::uint32_t i = 0; i < count_; ++i) {
    Entry& entry = entries_[i];
    entry.version = Machine::load_acquire(shared_[i].version);
    entry.last_end = Machine::load_relaxed(shared_[i].last_pos);
    for (std::size_t j = 0; j < entry.id.size(); ++j) entry.id[j] = Machine::load_relaxed(shared_[i].segment_id[j]);
  }
}

bool SourceTable::is(std::uint32_t index, SegmentId id) const noexcept {
  const Entry& entry = entries_[index];
  // odd: a predecessor died while it wrote this
  return entry.version != 0 && entry.version % 2 == 0 && std::equal(id.begin(), id.end(), entry.id.begin());
}

void SourceTable::write(std::uint32_t index, SegmentId id, std::string_view name) noexcept {
  protocol::SourceEntry& shared = shared_[index];
  Entry& own = entries_[index];
  const std::uint32_t writing = own.version | 1;
  const std::uint32_t written = writing + 1 != 0 ? writing + 1 : 2;
  Machine::store_relaxed(shared.version, writing);
  Machine::store_fence();
  ZEROBUFFER_POINT("forward.source_writing");
  std::copy(id.begin(), id.end(), own.id.begin());
  for (std::size_t i = 0; i < id.size(); ++i) Machine::store_relaxed(shared.segment_id[i], id[i]);
  for (std::size_t i = 0; i < sizeof shared.name; ++i) {
    Machine::store_relaxed(shared.name[i], i < name.size() ? static_cast<std::uint8_t>(name[i]) : std::uint8_t{0});
  }
  Machine::store_relaxed(shared.name_size, static_cast<std::uint32_t>(name.size()));
  Machine::store_release(shared.version, written);  // pairs with the acquire in LentFrames::open
  own.version = written;
  if (Machine::load_relaxed(oieb_->source_count) <= index) Machine::store_relaxed(oieb_->source_count, index + 1);
}

void SourceTable::used(std::uint32_t index, std::uint64_t end) noexcept {
  entries_[index].last_end = end;
  Machine::store_relaxed(shared_[index].last_pos, end);
}

}  // namespace zerobuffer::share
