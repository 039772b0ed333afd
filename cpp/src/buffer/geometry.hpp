// Where the blocks of a segment lie: computed from a configuration by who creates it, read once and checked by
// everybody else. After this nothing of it is read from shared memory again.
#pragma once

#include <cstdint>
#include <string>

#include "buffer/shape.hpp"
#include "protocol/layout.hpp"
#include "zerobuffer/config.hpp"
#include "zerobuffer/result.hpp"

namespace zerobuffer::buffer {

struct Geometry {
  std::uint64_t segment_size = 0;
  std::uint64_t capacity = 0;
  std::uint64_t payload_offset = 0;
  std::uint64_t payload_size = 0;
  std::uint64_t metadata_offset = 0;
  std::uint64_t metadata_size = 0;
  std::uint64_t table_offset = 0;
  std::uint64_t table_size = 0;
  std::uint32_t max_readers = 0;
  std::uint32_t share_slots = 0;  ///< 0: nothing is shared, and there is no source table.
  std::uint64_t source_table_offset = 0;
  std::uint64_t source_table_size = 0;
  Shape shape;          ///< Of a duplex segment; the numbers above are then those of its door.
  DuplexLayout layout;  ///< Likewise.
};

/// Checks every value of a configuration: one clear error for each mistake.
Result<void> check_config(const BufferConfig& config);

Result<void> check_config(const DuplexConfig& config);

/// The layout of a new stream segment, and of a duplex one.
[[nodiscard]] Geometry plan(const BufferConfig& config) noexcept;
[[nodiscard]] Geometry plan(const DuplexConfig& config, bool in_place) noexcept;

/// Writes the identity of a new segment, everything of it but `state`; the magic number last. `oieb` is the first of
/// the control part, which is mapped whole.
void write_identity(protocol::Oieb& oieb, const Geometry& geometry) noexcept;

/// Whether nobody has written yet what this is: a file just made under its name, or one whose maker died there.
[[nodiscard]] bool is_blank(const protocol::Oieb& oieb) noexcept;

/// Whether these are the first bytes of a buffer of this protocol.
Result<void> check_magic(const protocol::Oieb& oieb, const std::string& what);

/// Reads and checks a segment's identity; `file_size` is what the kernel says. The caller has seen `state` ready
/// and has mapped the first page, of which `oieb` is the beginning.
Result<Geometry> read_geometry(const protocol::Oieb& oieb, std::uint64_t file_size, const std::string& what);

}  // namespace zerobuffer::buffer
