// A store is read by another process first: a damaged page may end whoever reads it.
//
// LMDB keeps no check values of its pages. It follows what it finds there, out of its map or into
// an assertion, and a box that dies so at every start tells nobody why (design.md section 3,
// Failed).
#pragma once

#include <cstdint>
#include <filesystem>

#include "firmware/base/result.h"

namespace acb::store {

// Forks a child that opens the store and reads the first rows of every table, and the list of free
// pages, for half a second at most; waits for it. Nothing is written. For a process of one thread,
// before Store::Open, which says what is wrong with a store that can be read.
//
// Fails with kRecordDamaged when the child died of it or came to no end in ten seconds.
Status TryReading(const std::filesystem::path& directory, std::uint64_t map_size);

}  // namespace acb::store
