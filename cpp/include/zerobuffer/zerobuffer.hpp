// Everything: frames in shared memory, written by one process, seen in place by others.
//
//   auto writer = zerobuffer::Writer::open("cam0", 10s).value();
//   auto claim = writer.claim(bytes, 1s).value();
//   fill(claim.data());
//   claim.commit(bytes).value();
#pragma once

#include "zerobuffer/config.hpp"
#include "zerobuffer/duplex.hpp"
#include "zerobuffer/frame.hpp"
#include "zerobuffer/inspect.hpp"
#include "zerobuffer/reader.hpp"
#include "zerobuffer/result.hpp"
#include "zerobuffer/shared_writer.hpp"
#include "zerobuffer/status.hpp"
#include "zerobuffer/version.hpp"
#include "zerobuffer/writer.hpp"
