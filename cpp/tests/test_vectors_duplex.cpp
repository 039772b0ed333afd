// The golden channels of protocol/vectors/duplex, made by the reference: the library sees in them what is written down.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "support.hpp"
#include "zerobuffer/inspect.hpp"

namespace zerobuffer {
namespace {
using namespace support;
using nlohmann::json;
namespace fs = std::filesystem;

const fs::path folder = fs::path(ZEROBUFFER_SOURCE_DIR) / "protocol" / "vectors" / "duplex";

TEST(VectorsDuplex, each_channel_shows_what_is_written_down) {
  const json expected = json::parse(std::ifstream(folder / "expected.json"));
  ASSERT_EQ(expected.size(), 16U);
  for (const auto& [vector, wanted] : expected.items()) {
    SCOPED_TRACE(vector);
    const std::string name = unique_name();
    fs::copy_file(folder / (vector + ".zb"), path_of(name));
    fs::permissions(path_of(name), fs::perms::owner_read | fs::perms::owner_write);
    const auto state = dump_state(name).value();
    EXPECT_EQ(state.problem, "");
    EXPECT_EQ(state.kind, wanted.at("kind").get<std::string>());
    EXPECT_EQ(state.segment_size, wanted.at("segment_size").get<std::uint64_t>());
    EXPECT_EQ(to_string(state.writer.presence), wanted.at("server").get<std::string>());
    EXPECT_TRUE(state.stale);
    EXPECT_EQ(state.lanes.size(), wanted.at("lanes").size());
    for (std::size_t i = 0; i < state.lanes.size(); ++i) {
      const LaneState& lane = state.lanes[i];
      const json& numbers = wanted.at("lanes").at(i);
      EXPECT_EQ(lane.client, numbers.at("client").get<std::uint64_t>());
      EXPECT_EQ(lane.state, numbers.at("state").get<std::string>());
      EXPECT_EQ(lane.presence, Presence::dead);
      if (numbers.contains("problem")) {
        EXPECT_NE(lane.problem, "");
        continue;
      }
      EXPECT_EQ(lane.sent, numbers.at("sent").get<std::uint64_t>());
      EXPECT_EQ(lane.answered, numbers.at("answered").get<std::uint64_t>());
      EXPECT_EQ(lane.waiting, numbers.at("waiting").get<std::uint64_t>());
      EXPECT_EQ(lane.begun, numbers.at("begun").get<std::uint64_t>());
      EXPECT_EQ(lane.problem, "");
    }
    fs::remove(path_of(name));
  }
}

}  // namespace
}  // namespace zerobuffer
