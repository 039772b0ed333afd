// Hostile descriptors, source tables and sources: a reader answers with a frame, `frame_lost` or `corrupt`, reads
// nothing outside what is mapped, and ends.
#include <fcntl.h>
#include <sys/mman.h>

#include <random>

#include "protocol/layout.hpp"
#include "share_support.hpp"

namespace zerobuffer {
namespace {
using namespace support;

// A whole segment, writable, as a hostile peer of the same user has it.
class Segment {
 public:
  explicit Segment(const std::string& name) {
    const int fd = ::open(path_of(name).c_str(), O_RDWR | O_CLOEXEC);
    size_ = static_cast<std::size_t>(::lseek(fd, 0, SEEK_END));
    bytes_ = static_cast<std::byte*>(::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    ::close(fd);
    if (bytes_ == MAP_FAILED) std::abort();
  }
  ~Segment() { ::munmap(bytes_, size_); }
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;
  [[nodiscard]] protocol::Oieb& oieb() const { return *reinterpret_cast<protocol::Oieb*>(bytes_); }
  [[nodiscard]] protocol::SourceEntry& source(std::size_t i) const {
    return reinterpret_cast<protocol::SourceEntry*>(bytes_ + oieb().source_table_offset)[i];
  }
  [[nodiscard]] std::byte* record(std::uint64_t position) const {
    return bytes_ + oieb().payload_offset + protocol::payload_lead + position % oieb().capacity;
  }
  [[nodiscard]] protocol::Descriptor& descriptor(std::uint64_t position) const {
    return *reinterpret_cast<protocol::Descriptor*>(record(position) + protocol::header_size);
  }

 private:
  std::byte* bytes_;
  std::size_t size_;
};

std::uint64_t nasty(std::mt19937_64& random) {
  constexpr std::uint64_t values[] = {
      0, 1, 2, 31, 32, 63, 64, 65, 128, 4096, 32768, 0xffffffff, 1ULL << 37, 1ULL << 62, 1ULL << 63, ~0ULL - 63, ~0ULL};
  return random() % 4 == 0 ? random() : values[random() % std::size(values)];
}

// Scenario 5.1
TEST(ShareHostile, forged_descriptors_tables_and_sources_never_lead_outside) {
  std::mt19937_64 random(7);
  std::uint64_t frames = 0;
  std::uint64_t lost = 0;
  std::uint64_t corrupt = 0;
  for (int round = 0; round < 400; ++round) {
    Chain chain;
    const Segment a(chain.a_name);
    const Segment b(chain.b_name);
    for (std::uint64_t i = 1; i <= 3; ++i) {
      ASSERT_OK(chain.write(i, 500));
      ASSERT_OK(chain.forward());
    }
    {
      const std::uint64_t i = random() % 3;
      protocol::Descriptor& descriptor = b.descriptor(64 * i);
      switch (random() % 10) {
        case 0:
          descriptor.position = nasty(random);
          break;
        case 1:
          descriptor.size = nasty(random);
          break;
        case 2:
          descriptor.sequence = nasty(random);
          break;
        case 3:
          descriptor.source = static_cast<std::uint32_t>(nasty(random));
          break;
        case 4:
          descriptor.source_version = static_cast<std::uint32_t>(nasty(random));
          break;
        case 5:
          b.source(0).name_size = static_cast<std::uint32_t>(nasty(random));
          break;
        case 6:
          b.source(0).name[random() % 60] = static_cast<std::uint8_t>(random());
          break;
        case 7:
          a.oieb().reclaim_pos = nasty(random);
          break;
        case 8:
          reinterpret_cast<protocol::RecordHeader*>(a.record(576 * i))->size = nasty(random);
          break;
        default:
          b.source(0).segment_id[random() % 16] ^= 1;
      }
    }
    for (int i = 0; i < 4; ++i) {
      auto frame = chain.b_reader.try_read();
      if (frame) {
        ++frames;
        ASSERT_LE(frame->size(), chain.a_writer.info().max_frame_size);
        std::uint64_t sum = 0;
        for (const std::byte byte : frame->data()) sum += std::to_integer<unsigned>(byte);
        ASSERT_LE(sum, 255 * frame->size());
      } else {
        lost += frame.status() == Status::frame_lost ? 1 : 0;
        corrupt += frame.status() == Status::corrupt ? 1 : 0;
        ASSERT_TRUE(frame.status() == Status::frame_lost || frame.status() == Status::corrupt ||
                    frame.status() == Status::would_block)
            << to_string(frame.status());
      }
    }
    a.oieb().reclaim_pos = 0;
  }
  EXPECT_GT(frames, 50U);
  EXPECT_GT(lost, 50U);
  EXPECT_GT(corrupt, 50U);
}

// Scenario 5.1: a pin at a position that cannot be does not stop the source's writer.
TEST(ShareHostile, a_pin_ahead_of_the_writer_is_taken_away) {
  for (const std::uint64_t forged : {std::uint64_t{1} << 40, std::uint64_t{100}}) {
    Chain chain(sharing(3000));
    const Segment a(chain.a_name);
    ASSERT_OK(chain.write(1, 1000));
    ASSERT_OK(chain.forward());
    auto held = chain.b_reader.read(generous);
    ASSERT_OK(held);
    reinterpret_cast<protocol::ReaderSlot*>(reinterpret_cast<std::byte*>(&a.oieb()) + a.oieb().reader_table_offset)[1]
        .read_pos = forged;
    static_cast<void>(chain.shared.close());
    for (std::uint64_t i = 2; i <= 8; ++i) {
      ASSERT_OK(chain.write(i, 1000));
      ASSERT_OK(chain.source.read(generous));
    }
  }
}

}  // namespace
}  // namespace zerobuffer
