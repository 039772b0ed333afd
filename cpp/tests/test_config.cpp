// Scenario 2.9 and the answers themselves: configurations, names, statuses, Result.
#include <set>

#include "support.hpp"

namespace zerobuffer {
namespace {
using namespace support;

struct Mistake {
  const char* what;
  void (*make)(BufferConfig&);
  const char* text;  ///< What its message must hold: the field and the number.
};

constexpr std::uint64_t huge = ~std::uint64_t{0};
const Mistake mistakes[] = {
    {"no payload", [](BufferConfig& c) { c.payload_size = 0; }, "payload_size is 0"},
    {"absurd payload", [](BufferConfig& c) { c.payload_size = huge; }, "payload_size is 18446744073709551615"},
    {"too large payload", [](BufferConfig& c) { c.payload_size = std::uint64_t{1} << 37; },
     "payload_size is 137438953472"},
    {"absurd metadata", [](BufferConfig& c) { c.metadata_size = huge; }, "metadata_size is 18446744073709551615"},
    {"no readers", [](BufferConfig& c) { c.max_readers = 0; }, "max_readers is 0"},
    {"too many readers", [](BufferConfig& c) { c.max_readers = 65; }, "max_readers is 65"},
    {"burst beyond the ring", [](BufferConfig& c) { c.burst_size = 4096; }, "burst_size is 4096"},
    {"hold nothing", [](BufferConfig& c) { c.max_held = 0; }, "max_held is 0"},
    {"hold too much", [](BufferConfig& c) { c.max_held = 65'537; }, "max_held is 65537"},
    {"acknowledge after no frame", [](BufferConfig& c) { c.acknowledge.frames = 0; }, "acknowledge.frames is 0"},
    {"negative interval", [](BufferConfig& c) { c.acknowledge.interval = std::chrono::microseconds(-1); },
     "acknowledge.interval is negative"},
    {"absurd spinning", [](BufferConfig& c) { c.spin_pauses = 100'000'001; }, "spin_pauses is 100000001"},
    {"no such policy", [](BufferConfig& c) { c.full = static_cast<FullPolicy>(2); }, "full, wait or join"},
    {"no such wait", [](BufferConfig& c) { c.wait = static_cast<WaitPolicy>(3); }, "full, wait or join"},
    {"no such join", [](BufferConfig& c) { c.join = static_cast<JoinAt>(4); }, "full, wait or join"},
};

// Scenario 2.9
TEST(Config, each_mistake_has_its_own_clear_error_and_leaves_nothing) {
  std::set<std::string> messages;
  for (const Mistake& mistake : mistakes) {
    SCOPED_TRACE(mistake.what);
    BufferConfig config = ring_of(1000);
    mistake.make(config);
    const std::string name = unique_name();
    auto reader = Reader::create(name, config);
    ASSERT_STATUS(reader, Status::invalid_argument);
    EXPECT_NE(reader.failure().message().find(mistake.text), std::string::npos) << reader.failure().message();
    messages.insert(reader.failure().message());
    EXPECT_STATUS(Writer::create(name, config), Status::invalid_argument);
    EXPECT_STATUS(Writer::create_anonymous(config), Status::invalid_argument);
    EXPECT_STATUS(Reader::create_anonymous(config), Status::invalid_argument);
    EXPECT_STATUS(Reader::open(name, 0s, config), Status::invalid_argument);
    EXPECT_STATUS(Writer::open_fd(0, config), Status::invalid_argument);
    EXPECT_FALSE(exists(name));
  }
  EXPECT_GE(messages.size(), std::size(mistakes) - 2);
}

// Scenario 2.9
TEST(Config, names_that_are_no_names_are_refused_with_the_reason) {
  const std::pair<std::string, const char*> names[] = {
      {"", "it is empty"},
      {"a/b", "character 47 (decimal) at index 1"},
      {"/cam0", "character 47 (decimal) at index 0"},
      {"..", "begins with a dot"},
      {".", "begins with a dot"},
      {".hidden", "begins with a dot"},
      {"../etc/passwd", "begins with a dot"},
      {std::string("cam\0x", 5), "character 0 (decimal) at index 3"},
      {"cam 0", "character 32 (decimal) at index 3"},
      {"caméra", "character 195 (decimal) at index 3"},
      {std::string(201, 'a'), "it has 201 characters"},
      {std::string(300, 'a'), "it has 300 characters"},
  };
  for (const auto& [name, reason] : names) {
    SCOPED_TRACE(name);
    for (const Status status :
         {Writer::create(name, ring_of(10)).status(), Writer::open(name, 0s).status(), Reader::open(name, 0s).status(),
          dump_state(name).status(), remove_dead(name).status()}) {
      EXPECT_EQ(to_string(status), "invalid_argument");
    }
    auto refused = Reader::create(name, ring_of(10));
    ASSERT_STATUS(refused, Status::invalid_argument);
    EXPECT_NE(refused.failure().message().find(reason), std::string::npos) << refused.failure().message();
  }
}

TEST(Config, a_name_of_200_characters_with_every_kind_of_character_works) {
  std::string name = unique_name() + ".A-Z_a-z.0-9";
  name += std::string(200 - name.size(), 'x');
  auto reader = Reader::create(name, ring_of(10));
  ASSERT_OK(reader);
  EXPECT_OK(Writer::open(name, 0s));
}

TEST(Config, for_frames_gives_a_ring_for_the_frames_in_flight_and_the_one_that_is_written) {
  const BufferConfig config = BufferConfig::for_frames(1'000'000, 3);
  auto reader = Reader::create_anonymous(config).value();
  auto writer = Writer::open_fd(reader.fd(), config).value();
  std::vector<Frame> held;
  for (std::uint64_t i = 1; i <= 4; ++i) {
    ASSERT_OK(writer.try_write(payload(1'000'000, i)));
    held.push_back(reader.try_read().value());
  }
  EXPECT_STATUS(writer.try_write(payload(1'000'000, 5)), Status::would_block);
  EXPECT_STATUS(Reader::create_anonymous(BufferConfig::for_frames(0)), Status::invalid_argument);
  EXPECT_STATUS(Reader::create_anonymous(BufferConfig::for_frames(huge)), Status::invalid_argument);
  EXPECT_STATUS(Reader::create_anonymous(BufferConfig::for_frames(std::uint64_t{1} << 36, 100)),
                Status::invalid_argument);
  // a product that is small again beyond 64 bits
  EXPECT_STATUS(Reader::create_anonymous(BufferConfig::for_frames((std::uint64_t{1} << 36) - 32, 1U << 28)),
                Status::invalid_argument);
}

TEST(Config, exist_ok_opens_a_living_buffer_of_the_same_geometry_and_refuses_another) {
  const std::string name = unique_name();
  BufferConfig config = ring_of(1000);
  config.exist_ok = true;
  config.max_readers = 2;
  auto reader = Reader::create(name, config).value();
  EXPECT_TRUE(reader.info().created);
  auto writer = Writer::create(name, config);
  ASSERT_OK(writer);
  EXPECT_FALSE(writer->info().created);
  ASSERT_OK(writer->try_write(payload(10, 1)));
  EXPECT_OK(reader.try_read());
  BufferConfig other = config;
  other.payload_size = 5000;
  auto refused = Reader::create(name, other);
  ASSERT_STATUS(refused, Status::incompatible);
  EXPECT_NE(refused.failure().message().find("1088 (asked for 5056)"), std::string::npos)
      << refused.failure().message();
  EXPECT_STATUS(Writer::create(name, config), Status::writer_exists);
  EXPECT_NE(dump_state(name).value().readers.at(1).presence, Presence::attached) << "a refused one leaves its place";
  config.exist_ok = false;
  EXPECT_STATUS(Reader::create(name, config), Status::already_exists);
}

TEST(Config, info_tells_what_the_buffer_really_is) {
  BufferConfig config = ring_of(100'000);
  config.max_readers = 5;
  config.huge_pages = true;
  auto writer = Writer::create_anonymous(config).value();
  auto reader = Reader::open_fd(writer.fd(), config).value();
  for (const BufferInfo& info : {writer.info(), reader.info()}) {
    EXPECT_EQ(info.capacity, 100'032U);
    EXPECT_EQ(info.max_frame_size, 100'000U);
    EXPECT_EQ(info.metadata_size, 256U);
    EXPECT_EQ(info.max_readers, 5U);
    EXPECT_EQ(info.segment_size % (2 << 20), 0U) << "blocks for huge pages";
    EXPECT_LE(info.huge_bytes, info.segment_size);
    EXPECT_EQ(info.huge_bytes % (2 << 20), 0U) << "whole huge pages or none";
  }
  EXPECT_TRUE(writer.info().created);
  EXPECT_FALSE(reader.info().created);
  ASSERT_OK(writer.try_write(payload(100'000, 1)));
  EXPECT_TRUE(holds(reader.try_read().value().data(), 1));
}

TEST(Answers, every_status_has_a_name_and_a_text_of_its_own) {
  std::set<std::string> names;
  std::set<std::string> texts;
  const auto last = static_cast<unsigned>(Status::system_error);
  for (unsigned i = 0; i <= last; ++i) {
    const auto status = static_cast<Status>(i);
    EXPECT_NE(to_string(status), "unknown") << i;
    names.insert(std::string(to_string(status)));
    const std::string text = Failure(status, 7, 9).message();
    EXPECT_FALSE(text.empty());
    texts.insert(text);
    EXPECT_EQ(Failure(status, "what is to be done").message(), "what is to be done");
    EXPECT_STREQ(Error(Failure(status, 7, 9)).what(), text.c_str());
    EXPECT_EQ(Error(Failure(status)).status(), status);
  }
  EXPECT_EQ(names.size(), last + 1);
  EXPECT_EQ(texts.size(), last + 1);
  EXPECT_EQ(to_string(static_cast<Status>(200)), "unknown");
}

TEST(Answers, a_result_holds_a_value_or_the_reason_and_value_throws) {
  Result<std::string> good = std::string("here");
  EXPECT_TRUE(good);
  EXPECT_EQ(*good, "here");
  EXPECT_EQ(good->size(), 4U);
  EXPECT_EQ(good.status(), Status::ok);
  Result<std::string> bad = Status::timeout;
  EXPECT_FALSE(bad);
  EXPECT_TRUE(bad.nothing_yet());
  EXPECT_THROW(static_cast<void>(bad.value()), Error);
  bad = std::move(good);
  EXPECT_EQ(bad.value(), "here");
  bad = Result<std::string>(Failure(Status::corrupt, "broken"));
  EXPECT_FALSE(bad.nothing_yet());
  EXPECT_EQ(bad.take_failure().message(), "broken");
  Result<void> nothing;
  EXPECT_TRUE(nothing);
  nothing.value();
  nothing = Failure(Status::dropped);
  EXPECT_TRUE(nothing.nothing_yet());
  EXPECT_THROW(nothing.value(), Error);
}

TEST(Answers, closed_and_default_made_handles_answer_handle_closed) {
  auto writer = Writer::create_anonymous(ring_of(100)).value();
  auto reader = Reader::open_fd(writer.fd()).value();
  Writer moved_writer = std::move(writer);
  Reader moved_reader = std::move(reader);
  Writer never_writer;
  Reader never_reader;
  for (Writer* handle : {&writer, &never_writer}) {
    EXPECT_FALSE(handle->is_open());
    EXPECT_STATUS(handle->claim(1, forever), Status::handle_closed);
    EXPECT_STATUS(handle->try_claim(1), Status::handle_closed);
    EXPECT_STATUS(handle->write({}, forever), Status::handle_closed);
    EXPECT_STATUS(handle->try_write({}), Status::handle_closed);
    EXPECT_STATUS(handle->write_metadata({}), Status::handle_closed);
    EXPECT_STATUS(handle->wait_for_readers(1, forever), Status::handle_closed);
    EXPECT_STATUS(handle->drain(forever), Status::handle_closed);
    EXPECT_STATUS(handle->forget_dead_readers(), Status::handle_closed);
    EXPECT_EQ(handle->close().value(), 0U);
    EXPECT_EQ(handle->fd(), -1);
    EXPECT_EQ(handle->stats().frames, 0U);
    EXPECT_EQ(handle->mapping(), nullptr);
    handle->interrupt();
    static_cast<void>(handle->batch());
  }
  for (Reader* handle : {&reader, &never_reader}) {
    EXPECT_FALSE(handle->is_open());
    Frame frames[2];
    EXPECT_STATUS(handle->read(forever), Status::handle_closed);
    EXPECT_STATUS(handle->try_read(), Status::handle_closed);
    EXPECT_STATUS(handle->read_many(frames, forever), Status::handle_closed);
    EXPECT_STATUS(handle->read_newest(forever), Status::handle_closed);
    EXPECT_STATUS(handle->metadata(forever), Status::handle_closed);
    handle->interrupt();
    handle->close();
  }
  EXPECT_OK(moved_writer.try_write({}));
  EXPECT_OK(moved_reader.try_read());
}

TEST(Answers, versions_are_told) {
  EXPECT_EQ(protocol_version(), "2.0");
  EXPECT_FALSE(library_version().empty());
}

}  // namespace
}  // namespace zerobuffer
