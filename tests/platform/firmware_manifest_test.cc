// R-SEC3-55: what a release's manifest may hold, and what is measured by it.
#include "platform/firmware_manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <fstream>
#include <memory>

#include "firmware/base/handle.h"
#include "platform/firmware_check.h"

namespace acb::platform {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string FileJson(const std::string& path, std::string_view content,
                     const std::string& kind = "program", const std::string& package = "acbd") {
  return R"({"path":")" + path + R"(","package":")" + package + R"(","kind":")" + kind +
         R"(","size":)" + std::to_string(content.size()) + R"(,"sha256":")" +
         ToHex(Sha256(AsBytes(content))) + "\"}";
}

std::string ManifestJson(const std::string& files, const std::string& release = "10") {
  return R"({"format":1,"name":"acb-handover-signing","version":"0.1.0+)" + release +
         R"(","release":")" + release + R"(","commit":"abc","files":[)" + files + "]}";
}

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void Write(const std::filesystem::path& file, std::string_view content) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file) << content;
}

class FirmwareManifestTest : public ::testing::Test {
 protected:
  FirmwareManifestTest() : key_(EVP_EC_gen("P-256")) {
    std::string name = std::filesystem::temp_directory_path() / "acb-firmware-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    PutKey(key_.get());
  }
  ~FirmwareManifestTest() override { std::filesystem::remove_all(directory_); }

  void PutKey(EVP_PKEY* key) const {
    FILE* out = std::fopen((directory_ / "key.pem").c_str(), "w");
    ASSERT_NE(out, nullptr);
    EXPECT_EQ(PEM_write_PUBKEY(out, key), 1);
    std::fclose(out);
  }
  void PutManifest(const std::string& text) const {
    Write(directory_ / "manifest.json", text);
    const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    std::size_t size = 0;
    ASSERT_EQ(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()), 1);
    const BytesView octets = AsBytes(text);
    ASSERT_EQ(EVP_DigestSign(context.get(), nullptr, &size, octets.data(), octets.size()), 1);
    Bytes signature(size);
    ASSERT_EQ(EVP_DigestSign(context.get(), signature.data(), &size, octets.data(), octets.size()),
              1);
    signature.resize(size);
    Write(directory_ / "manifest.json.sig", AsText(signature));
  }
  Result<FirmwareManifest> Read() const {
    return ReadFirmwareManifest(directory_ / "manifest.json", directory_ / "key.pem");
  }
  std::string Refusal() const {
    const auto read = Read();
    EXPECT_FALSE(read);
    if (read) return {};
    EXPECT_EQ(read.error().reason, Reason::kFirmwareHash);
    return read.error().explanation;
  }

  Handle<EVP_PKEY, EVP_PKEY_free> key_;
  std::filesystem::path directory_;
};

TEST_F(FirmwareManifestTest, TakesOneThatTheKeySigned) {
  PutManifest(ManifestJson(FileJson("/usr/sbin/acbd", "program")));
  const auto manifest = Read();
  ASSERT_TRUE(manifest) << manifest.error().explanation;
  EXPECT_EQ(manifest->release, 10U);
  EXPECT_EQ(manifest->files.size(), 1U);
  EXPECT_EQ(manifest->files[0].path, "/usr/sbin/acbd");
}

TEST_F(FirmwareManifestTest, RefusesEachOfTheThreeFilesThatIsMissingOrWrong) {
  const std::string good = ManifestJson(FileJson("/usr/sbin/acbd", "program"));
  PutManifest(good);
  Write(directory_ / "manifest.json", good + " ");
  EXPECT_THAT(Refusal(), HasSubstr("does not verify"));
  PutManifest(good);
  Write(directory_ / "manifest.json.sig", "no signature");
  EXPECT_THAT(Refusal(), HasSubstr("does not verify"));
  std::filesystem::remove(directory_ / "manifest.json.sig");
  EXPECT_THAT(Refusal(), HasSubstr("manifest.json.sig: No such file"));
  PutManifest(good);
  const Handle<EVP_PKEY, EVP_PKEY_free> other(EVP_EC_gen("P-256"));
  PutKey(other.get());
  EXPECT_THAT(Refusal(), HasSubstr("was not signed by the key"));
  const Handle<EVP_PKEY, EVP_PKEY_free> curve(EVP_EC_gen("P-384"));
  PutKey(curve.get());
  EXPECT_THAT(Refusal(), HasSubstr("is not a key of P-256"));
  Write(directory_ / "key.pem", "no key");
  EXPECT_THAT(Refusal(), HasSubstr("holds no public key"));
}

TEST_F(FirmwareManifestTest, RefusesAFormItDoesNotKnowThoughItIsSigned) {
  const std::string file = FileJson("/usr/sbin/acbd", "program");
  const std::string good = ManifestJson(file);
  for (const std::string& wrong :
       {std::string("[]"), Replaced(good, "\"format\":1", "\"format\":2"),
        Replaced(good, "\"format\":1", "\"format\":\"1\""), Replaced(good, "acb-handover", "other"),
        Replaced(good, "\"release\":\"10\"", "\"release\":10"),
        Replaced(good, "\"release\":\"10\"", "\"release\":\"-1\""),
        Replaced(good, "\"release\":\"10\"", "\"release\":\"0\""),
        Replaced(good, "\"commit\":\"abc\"", "\"commit\":\"abc\",\"more\":1"), ManifestJson(""),
        ManifestJson(file + "," + file), Replaced(good, "/usr/sbin/acbd", "usr/sbin/acbd"),
        Replaced(good, "/usr/sbin/acbd", "/usr/../sbin/acbd"),
        Replaced(good, "/usr/sbin/acbd", "/usr//sbin/acbd"),
        Replaced(good, "/usr/sbin/acbd", "/usr/sbin/"), Replaced(good, "\"program\"", "\"other\""),
        Replaced(good, "\"sha256\":\"", "\"sha256\":\"00")}) {
    PutManifest(wrong);
    EXPECT_NE(Refusal(), "") << wrong;
  }
  PutManifest(good);
  EXPECT_TRUE(Read());
}

TEST_F(FirmwareManifestTest, NamesWhatIsMissingChangedEditedAndLeftOut) {
  const auto root = directory_ / "root";
  Write(root / "usr/sbin/acbd", "program");
  Write(root / "usr/share/acbd/rules", "edited in place");
  Write(root / "etc/acbd/acbd.toml", "the site's");
  PutManifest(ManifestJson(FileJson("/usr/sbin/acbd", "program") + "," +
                           FileJson("/usr/share/acbd/rules", "rules") + "," +
                           FileJson("/usr/share/acbd/gone", "gone") + "," +
                           FileJson("/etc/acbd/acbd.toml", "as it came", "configuration") + "," +
                           FileJson("/usr/share/doc/acbd/README", "text", "documentation") + "," +
                           FileJson("/usr/bin/acb-verify", "verify", "program", "acb-verify")));
  const auto manifest = Read();
  ASSERT_TRUE(manifest);
  const FirmwareFindings found = MeasureFirmware(*manifest, root);
  EXPECT_FALSE(found.good());
  EXPECT_EQ(found.measured, 3U);
  EXPECT_THAT(found.missing, ElementsAre("/usr/share/acbd/gone"));
  EXPECT_THAT(found.changed, ElementsAre("/usr/share/acbd/rules"));
  EXPECT_THAT(found.edited, ElementsAre("/etc/acbd/acbd.toml"));
  EXPECT_THAT(found.left_out, ElementsAre("/usr/share/doc/acbd/README"));
  EXPECT_THAT(found.installed, ElementsAre("acbd"));
  EXPECT_THAT(found.not_installed, ElementsAre("acb-verify"));

  Write(root / "usr/share/acbd/rules", "rules");
  Write(root / "usr/share/acbd/gone", "gone");
  EXPECT_TRUE(MeasureFirmware(*manifest, root).good());
  Write(root / "usr/share/doc/acbd/README", "changed text");
  EXPECT_THAT(MeasureFirmware(*manifest, root).changed, ElementsAre("/usr/share/doc/acbd/README"));
  EXPECT_FALSE(MeasureFirmware(*manifest, directory_ / "nothing").good());
}

TEST_F(FirmwareManifestTest, TakesNoLinkOrDirectoryForAFile) {
  const auto root = directory_ / "root";
  Write(root / "elsewhere", "program");
  std::filesystem::create_directories(root / "usr/sbin");
  std::filesystem::create_symlink(root / "elsewhere", root / "usr/sbin/acbd");
  PutManifest(ManifestJson(FileJson("/usr/sbin/acbd", "program")));
  const auto manifest = Read();
  ASSERT_TRUE(manifest);
  EXPECT_THAT(MeasureFirmware(*manifest, root).changed, ElementsAre("/usr/sbin/acbd"));
  std::filesystem::remove(root / "usr/sbin/acbd");
  std::filesystem::create_directory(root / "usr/sbin/acbd");
  EXPECT_THAT(MeasureFirmware(*manifest, root).changed, ElementsAre("/usr/sbin/acbd"));
}

TEST_F(FirmwareManifestTest, AtStartTheRunningProgramIsOneOfTheRelease) {
  const auto program = directory_ / "acbd";
  const auto copy = directory_ / "copy";
  Write(program, "program");
  Write(copy, "program");
  PutManifest(ManifestJson(FileJson(program, "program")));
  const FirmwareSettings settings{directory_ / "manifest.json", directory_ / "key.pem"};
  EXPECT_FALSE(MeasureAtStart(settings, program).failure);
  const FirmwareState elsewhere = MeasureAtStart(settings, copy);
  ASSERT_TRUE(elsewhere.failure);
  EXPECT_THAT(elsewhere.failure->explanation, HasSubstr("the running program is not"));
  EXPECT_FALSE(MeasureAtStart({}, program).checked);
}

TEST_F(FirmwareManifestTest, AtStartAnOlderReleaseThanTheNewestIsRefused) {
  const auto program = directory_ / "acbd";
  Write(program, "program");
  PutManifest(ManifestJson(FileJson(program, "program")));
  FirmwareState state =
      MeasureAtStart({directory_ / "manifest.json", directory_ / "key.pem"}, program);
  state.CompareWithNewest(std::nullopt);
  state.CompareWithNewest(10);
  EXPECT_FALSE(state.failure);
  state.CompareWithNewest(11);
  ASSERT_TRUE(state.failure);
  EXPECT_EQ(state.failure->reason, Reason::kFirmwareHash);
  EXPECT_THAT(state.failure->explanation, HasSubstr("release 10 is older than 11"));
}

}  // namespace
}  // namespace acb::platform
