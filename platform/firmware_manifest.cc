#include "platform/firmware_manifest.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>

#include "firmware/base/descriptor.h"
#include "firmware/base/request_id.h"
#include "firmware/base/sha256_stream.h"
#include "platform/backup_file.h"

namespace acb::platform {
namespace {

constexpr std::size_t kMaxManifestOctets = std::size_t{8} << 20;
constexpr std::size_t kMaxSignatureOctets = 128;
constexpr std::size_t kMaxKeyOctets = 4096;
constexpr std::uint64_t kManifestFormat = 1;
constexpr std::string_view kProduct = "acb-handover-signing";

Failure Wrong(std::string what) { return {Reason::kFirmwareHash, std::move(what)}; }

// O_NONBLOCK: a FIFO in its place must not hold the start.
Descriptor OpenRegular(const std::filesystem::path& file) {
  Descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!in || ::fstat(in.get(), &status) != 0) return Descriptor();
  if (S_ISREG(status.st_mode)) return in;
  errno = 0;
  return Descriptor();
}

// Octets read, 0 at the end, less than 0 for an error (errno).
ssize_t ReadSome(const Descriptor& in, void* into, std::size_t size) {
  for (;;) {
    const ssize_t got = ::read(in.get(), into, size);
    if (got >= 0 || errno != EINTR) return got;
  }
}

Result<std::string> ReadSmall(const std::filesystem::path& file, std::size_t limit) {
  const Descriptor in = OpenRegular(file);
  if (!in) {
    return Wrong(file.string() + ": " + (errno != 0 ? std::strerror(errno) : "no regular file"));
  }
  std::string text(limit + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ReadSome(in, text.data() + size, text.size() - size);
    if (got < 0) return Wrong(file.string() + ": " + std::strerror(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > limit) {
    return Wrong(file.string() + ": has more than " + std::to_string(limit) + " octets");
  }
  text.resize(size);
  return text;
}

Result<VerifyingKey> ReadReleaseKey(const std::filesystem::path& file) {
  const auto text = ReadSmall(file, kMaxKeyOctets);
  if (!text) return text.error();
  const Handle<BIO, BIO_free_all> memory(
      BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  const PrivateKey key(memory ? PEM_read_bio_PUBKEY(memory.get(), nullptr, nullptr, nullptr)
                              : nullptr);
  if (!key) return Wrong(file.string() + ": holds no public key in PEM");
  const auto point = PublicPointOf(*key);
  const auto verifying = point ? VerifyingKey::From(*point) : std::nullopt;
  if (!verifying) return Wrong(file.string() + ": is not a key of P-256");
  return *verifying;
}

// ---- The JSON ----

// A text member; the caller has seen that all members are known ones.
std::optional<std::string> TextOf(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_string() || value->get_string().empty()) return {};
  return std::string(value->get_string());
}

bool HasOnly(const boost::json::object& object, std::initializer_list<std::string_view> known) {
  return object.size() == known.size() &&
         std::ranges::all_of(known, [&](std::string_view name) { return object.contains(name); });
}

std::optional<ManifestKind> KindOf(std::string_view name) {
  if (name == "program") return ManifestKind::kProgram;
  if (name == "configuration") return ManifestKind::kConfiguration;
  if (name == "documentation") return ManifestKind::kDocumentation;
  return {};
}

// In its shortest form, so that it means one file and is named once.
bool IsPlainAbsolute(const std::filesystem::path& path) {
  return path.is_absolute() && path.has_filename() &&
         path.native() == path.lexically_normal().native() &&
         path.native().find('\0') == std::string::npos;
}

std::optional<ManifestFile> FileOf(const boost::json::value& value) {
  const auto* object = value.if_object();
  if (object == nullptr || !HasOnly(*object, {"path", "package", "kind", "size", "sha256"})) {
    return {};
  }
  const auto path = TextOf(*object, "path");
  const auto package = TextOf(*object, "package");
  const auto kind = KindOf(TextOf(*object, "kind").value_or(""));
  const auto digest = FromHex(TextOf(*object, "sha256").value_or(""));
  if (!path || !IsPlainAbsolute(*path) || !package || !kind || !digest) return {};
  ManifestFile file{.path = *path, .package = *package, .kind = *kind, .sha256 = {}};
  if (digest->size() != file.sha256.size()) return {};
  std::ranges::copy(*digest, file.sha256.begin());
  return file;
}

Status ReadFiles(const boost::json::value& value, std::vector<ManifestFile>& files) {
  const auto* list = value.if_array();
  if (list == nullptr || list->empty() || list->size() > kMaxManifestFiles) {
    return Wrong("the manifest has no list of 1 to " + std::to_string(kMaxManifestFiles) +
                 " files");
  }
  std::set<std::string> paths;
  for (const boost::json::value& one : *list) {
    auto file = FileOf(one);
    if (!file) return Wrong("file " + std::to_string(files.size() + 1) + " is not of the form");
    if (!paths.insert(file->path).second) return Wrong(file->path + " is listed twice");
    files.push_back(*std::move(file));
  }
  return Done{};
}

std::filesystem::path Below(const std::filesystem::path& root, const ManifestFile& file) {
  return root / std::filesystem::path(file.path).relative_path();
}

bool IsThere(const std::filesystem::path& file) {
  struct stat status {};
  return ::lstat(file.c_str(), &status) == 0;
}

void Measure(const ManifestFile& file, const std::filesystem::path& root,
             FirmwareFindings& findings) {
  const std::filesystem::path place = Below(root, file);
  if (!IsThere(place)) {
    auto& where = file.kind == ManifestKind::kProgram ? findings.missing : findings.left_out;
    where.push_back(file.path);
    return;
  }
  ++findings.measured;
  if (HashFile(place) == file.sha256) return;
  auto& where = file.kind == ManifestKind::kConfiguration ? findings.edited : findings.changed;
  where.push_back(file.path);
}

}  // namespace

Result<FirmwareManifest> ParseFirmwareManifest(std::string_view text) {
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(text, error);
  const auto* object = error ? nullptr : value.if_object();
  if (object == nullptr) return Wrong("the manifest is no JSON object");
  if (!HasOnly(*object, {"format", "name", "version", "release", "commit", "files"})) {
    return Wrong("the manifest has not the members of format 1");
  }
  const auto* format = object->at("format").if_int64();
  if (format == nullptr || *format != static_cast<std::int64_t>(kManifestFormat) ||
      TextOf(*object, "name") != kProduct) {
    return Wrong("the manifest is not of " + std::string(kProduct) + ", format 1");
  }
  const auto version = TextOf(*object, "version");
  const auto commit = TextOf(*object, "commit");
  const auto release = ParseDecimal(TextOf(*object, "release").value_or(""));
  if (!version || !commit || !release || *release == 0) {
    return Wrong("the manifest's version, commit or release is not of the form");
  }
  FirmwareManifest manifest{.version = *version,
                            .release = *release,
                            .commit = *commit,
                            .files = {},
                            .sha256 = Sha256(AsBytes(text))};
  if (Status read = ReadFiles(object->at("files"), manifest.files); !read) {
    return std::move(read).error();
  }
  return manifest;
}

Result<FirmwareManifest> ReadFirmwareManifest(const std::filesystem::path& file,
                                              const std::filesystem::path& key) {
  const auto verifying = ReadReleaseKey(key);
  if (!verifying) return verifying.error();
  const auto text = ReadSmall(file, kMaxManifestOctets);
  if (!text) return text.error();
  const std::filesystem::path beside = file.string() + ".sig";
  const auto signature = ReadSmall(beside, kMaxSignatureOctets);
  if (!signature) return signature.error();
  if (!verifying->VerifyDer(AsBytes(*text), AsBytes(*signature))) {
    return Wrong(file.string() + " was not signed by the key in " + key.string() + ": " +
                 beside.string() + " does not verify");
  }
  auto manifest = ParseFirmwareManifest(*text);
  if (!manifest) return Wrong(file.string() + ": " + manifest.error().explanation);
  manifest->signer = Sha256(verifying->point());
  return manifest;
}

FirmwareFindings MeasureFirmware(const FirmwareManifest& manifest,
                                 const std::filesystem::path& root) {
  std::map<std::string, bool> packages;
  for (const ManifestFile& file : manifest.files) {
    bool& installed = packages[file.package];
    installed = installed || (file.kind == ManifestKind::kProgram && IsThere(Below(root, file)));
  }
  FirmwareFindings findings;
  for (const auto& [name, installed] : packages) {
    (installed ? findings.installed : findings.not_installed).push_back(name);
  }
  for (const ManifestFile& file : manifest.files) {
    if (packages.at(file.package)) Measure(file, root, findings);
  }
  return findings;
}

std::optional<Sha256Digest> HashFile(const std::filesystem::path& file) {
  constexpr std::size_t kHashedAtOnce = std::size_t{256} * 1024;
  const Descriptor in = OpenRegular(file);
  if (!in) return {};
  Sha256Stream stream;
  Bytes buffer(kHashedAtOnce);
  for (;;) {
    const ssize_t got = ReadSome(in, buffer.data(), buffer.size());
    if (got < 0) return {};
    if (got == 0) return stream.Finish();
    stream.Update(BytesView(buffer).first(static_cast<std::size_t>(got)));
  }
}

}  // namespace acb::platform
