// A file that must not be there yet.
#pragma once

#include <sys/types.h>

#include <filesystem>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"

namespace acb::acbctl {

// Never over an old file and never through a symbolic link; on the disk when this returns. Fails
// with kConfiguration, naming the file and the system's word (errno).
Status WriteNewFile(const std::filesystem::path& file, BytesView content, mode_t mode);

}  // namespace acb::acbctl
