// The short form of the soak (tests/soak/soak.sh is the long one): the same program, for a few seconds.
#include "support.hpp"

namespace {
using namespace zerobuffer::support;

// The soak: row 8.4 of the scenarios, counted when chapter 8 is whole.
TEST(processes_killed_and_stopped, at_random_for_some_seconds_never_cost_a_frame_untold) {
  const int status = std::system(ZEROBUFFER_HELPER_DIR "/soak 4 > /dev/null");
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << "its standard error above says why, and the seed";
}

}  // namespace
