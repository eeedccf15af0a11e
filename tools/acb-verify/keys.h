// Public keys as files and exports have them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "firmware/audit/note.h"
#include "firmware/base/result.h"

namespace acb::verify {

// A key that signs notes under `name`, from its SubjectPublicKeyInfo: Ed25519 or P-256.
// kMalformed.
Result<audit::NoteKey> KeyFromSpki(std::string_view name, BytesView spki);
// PEM, "PUBLIC KEY". kConfiguration: the file cannot be read or holds no such key.
Result<Bytes> ReadSpki(const std::filesystem::path& pem);
// Octets of a file, at most `limit`. kConfiguration.
Result<std::string> ReadFile(const std::filesystem::path& path, std::uint64_t limit);
// SHA-256 of SubjectPublicKeyInfo, lower-case hex: how a key is told over the telephone.
std::string Fingerprint(BytesView spki);

}  // namespace acb::verify
