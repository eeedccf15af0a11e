// What tests of platform/checkpoints.h start from.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "platform/checkpoints.h"
#include "platform/system_clock.h"
#include "tests/platform/note_signer.h"
#include "tests/store/store_fixture.h"

namespace acb::platform {

inline std::string Read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// A folder of the test's own.
class NotesFolder : public ::testing::Test {
 protected:
  NotesFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "acb-notes-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~NotesFolder() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

// A real store, a token in memory.
class KeptLog : public store::StoreTest {
 protected:
  void SetUp() override {
    Create();
    store::Seams seams;
    seams.look_interval = std::chrono::milliseconds(5);
    Reopen(std::move(seams));
  }
  CheckpointSettings Settings() {
    CheckpointSettings settings;
    settings.key = log_key_.key();
    settings.sign = [this](BytesView text) -> Result<Bytes> { return log_key_.Sign(AsText(text)); };
    settings.file = root_ / "notes";
    return settings;
  }
  void Append() { ASSERT_TRUE(store_->Append(audit::Entry("operator", store::kNow))); }

  SystemClock clock_;
  std::filesystem::path log_file_ = root_ / "log";
  Log log_{clock_, ::open(log_file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), false};
  Signer log_key_{"log", audit::NoteKey::Type::kEd25519};
};

}  // namespace acb::platform
