// The version of the library and of the wire protocol it speaks.
#pragma once

#include <string_view>

namespace zerobuffer {

/// Version of the library, MAJOR.MINOR.PATCH, as the file VERSION says.
[[nodiscard]] std::string_view library_version() noexcept;

/// Version of the wire protocol, e.g. "2.0" (protocol/SPEC.md).
[[nodiscard]] std::string_view protocol_version() noexcept;

}  // namespace zerobuffer
