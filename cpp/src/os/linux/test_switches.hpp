// Ways of the kernel that tests force: only in the library that the tests link.
#pragma once

#include <cstdlib>

namespace zerobuffer::os::test_switches {

#ifdef ZEROBUFFER_TEST_POINTS
/// As if the file system could not make files without a name.
inline bool no_unnamed_files() noexcept { return std::getenv("ZEROBUFFER_TEST_NO_TMPFILE") != nullptr; }
#else
constexpr bool no_unnamed_files() noexcept { return false; }
#endif

}  // namespace zerobuffer::os::test_switches
