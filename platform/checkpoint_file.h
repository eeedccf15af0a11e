// The file that every checkpoint of the log is appended to, for whoever carries it away.
#pragma once

#include <deque>
#include <filesystem>
#include <string>

#include "firmware/base/result.h"

namespace acb::platform {

// Notes that wait for a file that cannot be written; the oldest go first.
inline constexpr std::size_t kMaxPendingNotes = 1000;

// One thread at a time. The file is opened anew for each note, so it may be moved away.
class CheckpointFile {
 public:
  // Empty: there is none, and Append does nothing.
  explicit CheckpointFile(std::filesystem::path file) : file_(std::move(file)) {}

  // Appends what could not be written before and then this note, and flushes: the file has the
  // notes in order, one after the other, each whole and once: what a kill or a loss of power left
  // of the note before is cut off first. Makes it (0640) when it is missing. Blocks as its file
  // system does. kConfiguration, with the path: what is left waits for the next call.
  Status Append(std::string note);

 private:
  const std::filesystem::path file_;
  std::deque<std::string> pending_;
};

}  // namespace acb::platform
