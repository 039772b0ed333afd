// Scenarios 5.1, 5.2 through the public classes: every field of a segment set to hostile values through another
// mapping, before and after its users attach, and at random while they work. What counts: an answer, in bounded time,
// and no access outside; which answer it is, is the business of the ring's and the files' tests where it is not said
// here.
#include <fcntl.h>
#include <sys/mman.h>

#include <atomic>
#include <vector>

#include "protocol/layout.hpp"
#include "ring/atomics.hpp"
#include "support.hpp"

namespace zerobuffer {
namespace {
using namespace support;
using Atomics = ring::NativeAtomics;

struct Field {
  const char* name;
  std::size_t offset;
  std::size_t size;
  bool geometry;  ///< Read once when attaching: bad values must be refused there.
};

#define OIEB_FIELD(field, geometry) \
  Field { #field, offsetof(protocol::Oieb, field), sizeof(protocol::Oieb::field), geometry }
#define SLOT_FIELD(field)                                                                                             \
  Field {                                                                                                             \
    "slot." #field, protocol::oieb_size + offsetof(protocol::ReaderSlot, field), sizeof(protocol::ReaderSlot::field), \
        false                                                                                                         \
  }
const Field fields[] = {
    OIEB_FIELD(oieb_size, true),
    OIEB_FIELD(magic, true),
    OIEB_FIELD(segment_size, true),
    OIEB_FIELD(ring_count, true),
    OIEB_FIELD(ring_index, true),
    OIEB_FIELD(feature_flags, true),
    OIEB_FIELD(metadata_offset, true),
    OIEB_FIELD(metadata_size, true),
    OIEB_FIELD(payload_offset, true),
    OIEB_FIELD(state, true),
    OIEB_FIELD(max_readers, true),
    OIEB_FIELD(capacity, true),
    OIEB_FIELD(payload_size, true),
    OIEB_FIELD(reader_table_offset, true),
    OIEB_FIELD(reader_table_size, true),
    OIEB_FIELD(share_slots, true),
    OIEB_FIELD(write_pos, false),
    OIEB_FIELD(counts[0].position, false),
    OIEB_FIELD(counts[0].count, false),
    OIEB_FIELD(counts[1].position, false),
    OIEB_FIELD(counts[1].count, false),
    OIEB_FIELD(last_record_pos, false),
    OIEB_FIELD(origin_pos, false),
    OIEB_FIELD(dropped, false),
    OIEB_FIELD(reclaim_pos, false),
    OIEB_FIELD(readers_waiting, false),
    OIEB_FIELD(data_futex, false),
    OIEB_FIELD(readers_fence_required, false),
    OIEB_FIELD(writer_waiting, false),
    OIEB_FIELD(space_futex, false),
    OIEB_FIELD(wanted_pos, false),
    OIEB_FIELD(writer_fence_required, false),
    OIEB_FIELD(writer_last_cpu, false),
    OIEB_FIELD(wraps, false),
    OIEB_FIELD(blocked_count, false),
    OIEB_FIELD(blocked_ns, false),
    OIEB_FIELD(readers_lost, false),
    OIEB_FIELD(last_commit_ns, false),
    OIEB_FIELD(writer_place, false),
    OIEB_FIELD(writer_pid, false),
    OIEB_FIELD(writer_start_time, false),
    OIEB_FIELD(metadata_used, false),
    OIEB_FIELD(metadata_version, false),
    OIEB_FIELD(source_count, false),
    OIEB_FIELD(source_table_offset, false),
    OIEB_FIELD(source_table_size, false),
    SLOT_FIELD(read_pos),
    SLOT_FIELD(read_count),
    SLOT_FIELD(place),
    SLOT_FIELD(pid),
    SLOT_FIELD(start_time),
    SLOT_FIELD(last_cpu),
    SLOT_FIELD(lost),
    SLOT_FIELD(skipped),
    SLOT_FIELD(evicted_epoch),
};

// Another look at the same bytes, as a hostile process of the same user has it.
class Bytes {
 public:
  explicit Bytes(const std::string& name) {
    const int fd = open(path_of(name).c_str(), O_RDWR | O_CLOEXEC);
    size_ = static_cast<std::size_t>(lseek(fd, 0, SEEK_END));
    data_ = static_cast<std::byte*>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    close(fd);
    if (data_ == MAP_FAILED) abort();
  }
  ~Bytes() { munmap(data_, size_); }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;

  [[nodiscard]] std::uint64_t get(const Field& field) const {
    std::uint64_t value = 0;
    std::memcpy(&value, data_ + field.offset, field.size);
    return value;
  }
  void set(const Field& field, std::uint64_t value) {
    if (field.size == 4) {
      Atomics::store_relaxed(*reinterpret_cast<std::uint32_t*>(data_ + field.offset),
                             static_cast<std::uint32_t>(value));
    } else {
      Atomics::store_relaxed(*reinterpret_cast<std::uint64_t*>(data_ + field.offset), value);
    }
  }
  void set_word(std::size_t index, std::uint64_t value) {
    Atomics::store_relaxed(reinterpret_cast<std::uint64_t*>(data_)[index], value);
  }
  [[nodiscard]] std::size_t words() const { return size_ / 8; }
  [[nodiscard]] std::byte* data() const { return data_; }

 private:
  std::byte* data_;
  std::size_t size_;
};

std::vector<std::uint64_t> hostile_values(std::uint64_t good) {
  constexpr std::uint64_t top = ~std::uint64_t{0};
  return {0,
          1,
          2,
          3,
          63,
          64,
          good - 1,
          good + 1,
          good + 64,
          good - 64,
          good * 2,
          good ^ (std::uint64_t{1} << 63),
          top,
          top - 1,
          top - 63,
          top - 4095,
          top / 2,
          top / 2 + 1,
          0xffffffff,
          0x80000000,
          0x7fffffff,
          std::uint64_t{1} << 37,
          std::uint64_t{1} << 62};
}

// Everything an end can do, with frames that lie anywhere in the ring; every call answers.
void exercise(Reader* reader, Writer* writer) {
  for (int i = 0; i < 12; ++i) {
    if (writer != nullptr) {
      static_cast<void>(writer->try_write(payload(static_cast<std::size_t>(i) * 40, 1)));
      auto claim = writer->try_claim(700);
      if (claim) {
        std::memset(claim->data().data(), 1, claim->data().size());
        static_cast<void>(claim->commit(600));
      }
      static_cast<void>(writer->write(payload(100, 1), 1ms));
    }
    if (reader != nullptr) {
      unsigned sum = 0;
      const auto touch = [&](const Frame& frame) {
        for (const std::byte byte : frame.data()) sum += static_cast<unsigned>(byte);
      };
      if (auto frame = reader->read(1ms)) touch(*frame);
      Frame several[3];
      if (reader->read_many(several, 0s)) touch(several[0]);
      if (auto frame = reader->read_newest(0s)) touch(*frame);
      static_cast<void>(reader->metadata(0s));
      static_cast<void>(reader->stats());
      volatile unsigned sink = sum;
      static_cast<void>(sink);
    }
  }
  if (writer != nullptr) {
    static_cast<void>(writer->write_metadata(payload(100, 1)));
    static_cast<void>(writer->stats());
    static_cast<void>(writer->drain(1ms));
    static_cast<void>(writer->wait_for_readers(1, 1ms));
    static_cast<void>(writer->forget_dead_readers());
  }
}

struct Victim {
  std::string name = unique_name();
  Reader reader = Reader::create(name, ring_of(2000)).value();
  Writer writer = Writer::open(name, 0s).value();
  Victim() {
    EXPECT_OK(writer.write_metadata(bytes_of("metadata")));
    for (std::uint64_t i = 1; i <= 3; ++i) EXPECT_OK(writer.try_write(payload(300, i)));
  }
  ~Victim() {
    reader.close();
    static_cast<void>(writer.close());
    unlink(path_of(name).c_str());  // who leaves a garbled buffer may rightly leave the file as well
  }
};

// Scenario 5.1: after attaching. Geometry is not looked at again, so that those fields change nothing at all.
TEST(Hostile, every_field_changed_under_living_ends_gives_answers_only) {
  for (const Field& field : fields) {
    SCOPED_TRACE(field.name);
    Victim probe;
    const std::uint64_t good = Bytes(probe.name).get(field);
    for (const std::uint64_t value : hostile_values(good)) {
      Victim victim;
      Bytes bytes(victim.name);
      bytes.set(field, value);
      if (field.geometry) {
        for (std::uint64_t i = 1; i <= 3; ++i) {
          auto frame = victim.reader.try_read();
          ASSERT_OK(frame);
          ASSERT_TRUE(holds(frame->data(), i));
        }
        ASSERT_OK(victim.writer.try_write(payload(300, 4)));
      }
      exercise(&victim.reader, &victim.writer);
      static_cast<void>(dump_state(victim.name));
    }
  }
}

// Scenario 5.1: before attaching; both ends, and whoever only looks.
TEST(Hostile, every_field_changed_before_attaching_gives_an_answer_and_bad_geometry_a_refusal) {
  for (const Field& field : fields) {
    SCOPED_TRACE(field.name);
    Victim probe;
    const std::uint64_t good = Bytes(probe.name).get(field);
    for (const std::uint64_t value : hostile_values(good)) {
      Victim victim;
      static_cast<void>(victim.writer.close());
      {
        Bytes bytes(victim.name);
        bytes.set(field, value);
        // the victim's own reader goes on, so that the buffer stays; its slot is the only one
        exercise(nullptr, nullptr);
        static_cast<void>(dump_state(victim.name));
        static_cast<void>(list_buffers());
        auto writer = Writer::open(victim.name, 0s);
        const bool changed = bytes.get(field) == value && value != good &&
                             !(field.size == 4 && static_cast<std::uint32_t>(value) == good);
        if (field.geometry && changed && writer.ok()) {
          // only what describes the same or a smaller segment may pass
          const BufferInfo info = writer->info();
          EXPECT_LE(info.segment_size, bytes.words() * 8);
          EXPECT_LE(info.capacity + 32, bytes.words() * 8);
        }
        victim.reader.close();
        auto reader = Reader::open(victim.name, 0s);
        exercise(reader ? &*reader : nullptr, writer ? &*writer : nullptr);
      }
      static_cast<void>(remove_dead(victim.name));
    }
  }
}

// Scenario 5.1
TEST(Hostile, a_creator_never_waits_for_ever_for_a_buffer_whose_state_somebody_changed) {
  Victim victim;
  Bytes(victim.name).set(fields[9], 2);  // retired, though it is alive
  BufferConfig config = ring_of(2000);
  EXPECT_STATUS(Reader::create(victim.name, config), Status::already_exists);
  config.exist_ok = true;
  EXPECT_STATUS(Reader::create(victim.name, config), Status::not_found);
}

// Scenario 5.1
TEST(Hostile, a_reader_with_an_impossible_position_is_evicted_and_does_not_stop_the_writer) {
  BufferConfig config = ring_of(1000);
  config.max_readers = 2;
  const std::string name = unique_name();
  auto good = Reader::create(name, config).value();
  auto bad = Reader::open(name, 0s).value();
  auto writer = Writer::open(name, 0s).value();
  Bytes(name).set({"", protocol::oieb_size + 128 + offsetof(protocol::ReaderSlot, read_pos), 8, false},
                  std::uint64_t{1} << 40);
  for (std::uint64_t i = 1; i <= 10; ++i) {
    ASSERT_OK(writer.write(payload(480, i), generous));
    ASSERT_OK(good.read(generous));
  }
  EXPECT_EQ(writer.stats().readers, 1U);
  Status status = Status::ok;
  for (int i = 0; i < 10 && status != Status::evicted && status != Status::corrupt; ++i)
    status = bad.read(10ms).status();
  EXPECT_TRUE(status == Status::evicted || status == Status::corrupt) << to_string(status);
  bad.close();
  EXPECT_OK(Reader::open(name, 0s));
}

// Scenario 5.1
TEST(Hostile, metadata_that_claims_more_than_its_block_is_corrupt) {
  Victim victim;
  Bytes bytes(victim.name);
  for (const std::uint64_t used : {std::uint64_t{257}, ~std::uint64_t{0}, std::uint64_t{1} << 40}) {
    bytes.set({"", offsetof(protocol::Oieb, metadata_used), 8, false}, used);
    auto metadata = victim.reader.metadata(0s);
    ASSERT_STATUS(metadata, Status::corrupt);
    EXPECT_NE(metadata.failure().message().find(std::to_string(used)), std::string::npos);
  }
  bytes.set({"", offsetof(protocol::Oieb, metadata_version), 8, false}, 3);  // being written, for ever
  EXPECT_STATUS(victim.reader.metadata(20ms), Status::timeout);
}

// Scenario 5.2: another thread changes everything at random while both ends work; rounds are counted, not timed.
TEST(Hostile, random_changes_by_a_second_thread_while_both_ends_work_give_answers_only) {
  for (int round = 0; round < 150; ++round) {
    Victim victim;
    Bytes bytes(victim.name);
    std::atomic<bool> done{false};
    std::atomic<std::uint64_t> changes{0};
    std::thread hostile([&] {
      std::mt19937_64 random(static_cast<unsigned>(round));
      const std::uint64_t values[] = {0,
                                      1,
                                      2,
                                      3,
                                      64,
                                      96,
                                      100,
                                      2048,
                                      ~std::uint64_t{0},
                                      ~std::uint64_t{63},
                                      0x0000000000000002,
                                      0x0001000000000003,
                                      std::uint64_t{1} << 62};
      const std::size_t hot = (protocol::oieb_size + 128) / 8;
      while (!done.load(std::memory_order_relaxed)) {
        const std::size_t at = random() % 2 != 0 ? 16 + random() % (hot - 16) : 512 + random() % (bytes.words() - 512);
        bytes.set_word(at, random() % 3 == 0 ? random() : values[random() % std::size(values)]);
        changes.fetch_add(1, std::memory_order_relaxed);
      }
    });
    while (changes.load() < 10) std::this_thread::yield();
    exercise(&victim.reader, &victim.writer);
    auto second = Writer::open(victim.name, 0s);
    auto another = Reader::open(victim.name, 0s);
    exercise(another ? &*another : nullptr, second ? &*second : nullptr);
    static_cast<void>(dump_state(victim.name));
    done = true;
    hostile.join();
  }
}

}  // namespace
}  // namespace zerobuffer
