// acbd --check-config, the commented file of every setting, and what a reload compares.
#include "platform/config_check.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "platform/config.h"
#include "platform/sandbox.h"

namespace acb::platform {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

std::string DefaultFile() {
  const char* const root = std::getenv("ACB_SOURCE_DIR");
  std::ifstream in(std::string(root != nullptr ? root : ".") + "/platform/acbd.toml");
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_FALSE(text.str().empty()) << "set ACB_SOURCE_DIR";
  return text.str();
}

enum class Uncomment { kDefaults, kExamplesToo };

// "#key = value" is a default, "#: ..." an example.
std::string Uncommented(const std::string& text, Uncomment what) {
  std::istringstream lines(text);
  std::string line;
  std::string result;
  while (std::getline(lines, line)) {
    const bool is_default = line.size() > 1 && line[0] == '#' && std::islower(line[1]) != 0;
    if (is_default) line.erase(0, 1);
    if (what == Uncomment::kExamplesToo && line.starts_with("#: ")) line.erase(0, 3);
    result += line + "\n";
  }
  return result;
}

struct Reading {
  Config config;
  ConfigReport report;
};

Reading Read(const std::string& text) {
  Reading reading;
  auto config = ParseConfig(text, "/etc/acbd/acbd.toml", &reading.report);
  EXPECT_TRUE(config) << (config ? "" : config.error().explanation);
  if (config) reading.config = *std::move(config);
  return reading;
}

TEST(DefaultConfiguration, GivesEachDefaultAsTheCodeHasIt) {
  const std::string text = DefaultFile();
  const Reading without = Read(text);
  const Reading with = Read(Uncommented(text, Uncomment::kDefaults));
  std::size_t defaults = 0;
  for (const auto& [name, value] : with.config.given) {
    if (without.config.given.contains(name)) continue;
    ++defaults;
    const std::string setting = std::regex_replace(name, std::regex(R"(\[\d+\])"), "");
    ASSERT_TRUE(without.report.settings.contains(setting)) << setting;
    EXPECT_EQ(with.report.settings.at(setting).value, without.report.settings.at(setting).value)
        << setting << " is not the default that platform/acbd.toml gives";
  }
  EXPECT_GT(defaults, 30U);
}

// The other way round: nothing can be set that the file does not tell of.
TEST(DefaultConfiguration, NamesEverySetting) {
  const std::string text = DefaultFile();
  const Reading all = Read(Uncommented(text, Uncomment::kExamplesToo));
  std::set<std::string> named;
  for (const auto& [name, value] : all.config.given) {
    named.insert(std::regex_replace(name, std::regex(R"(\[\d+\])"), ""));
  }
  for (const auto& [name, read] : all.report.settings) {
    const bool table = std::ranges::any_of(
        named, [&prefix = name](const std::string& one) { return one.starts_with(prefix + "."); });
    if (table || name == "test") continue;
    if (name == "hsm.pin_file" || name == "hsm.pin_fd") {  // in place of hsm.pin_credential
      EXPECT_THAT(text, HasSubstr(name.substr(4)));
      continue;
    }
    EXPECT_TRUE(named.contains(name)) << name << " is not in platform/acbd.toml";
  }
  // Those of [test], which a live file may not have, are named in words.
  const std::string live = "environment = \"live\"";
  std::string test = Uncommented(text, Uncomment::kDefaults);
  test.replace(test.find(live), live.size(), "environment = \"test\"");
  for (const auto& [name, read] : Read(test + "\n[test]\n").report.settings) {
    if (!name.starts_with("test.")) continue;
    EXPECT_THAT(text, HasSubstr(name.substr(5)));
  }
}

TEST(ConfigurationCheck, ListsEveryErrorWithItsLine) {
  std::string text = DefaultFile();
  text += "\n[limitz]\n";
  const auto put = [&](const std::string& from, const std::string& to) {
    ASSERT_NE(text.find(from), std::string::npos) << from;
    text.replace(text.find(from), from.size(), to);
  };
  put("#port = 8621", "port = 70000");
  put("role = \"dsp\"", "role = \"king\"");
  put("#sandbox = true ", "sandbox = false ");
  ConfigReport report;
  EXPECT_FALSE(ParseConfig(text, "/etc/acbd/acbd.toml", &report));
  ASSERT_EQ(report.errors.size(), 4U) << ::testing::PrintToString(report.errors);
  EXPECT_THAT(report.errors[0], HasSubstr("listen.port must be a whole number from 0 to 65535"));
  EXPECT_THAT(report.errors[1], HasSubstr("client.role must be dsp, northbound"));
  EXPECT_THAT(report.errors[2], HasSubstr("hardening.sandbox must be true in environment live"));
  EXPECT_THAT(report.errors[3], HasSubstr("unknown setting limitz"));
  int last = 0;
  for (const std::string& error : report.errors) {
    std::smatch match;
    ASSERT_TRUE(std::regex_search(error, match, std::regex(R"(^acbd\.toml:(\d+): )"))) << error;
    EXPECT_GT(std::stoi(match[1]), last);
    last = std::stoi(match[1]);
  }
}

class FilesOfAConfiguration : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "acb-check-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    std::ofstream(directory_ / "acbd.toml") << DefaultFile();
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::filesystem::path directory_;
};

TEST_F(FilesOfAConfiguration, AreLookedForAndNamedByTheLineThatNamesThem) {
  const auto found = CheckConfig(directory_ / "acbd.toml");
  EXPECT_THAT(found,
              Contains(HasSubstr("tls.certificate: " + (directory_ / "tls/server.pem").string() +
                                 " cannot be opened: No such file or directory")));
  EXPECT_THAT(found, Contains(HasSubstr("store.directory: /var/lib/acbd/store")));
  EXPECT_THAT(found, Contains(HasSubstr("trust.roots: ")));
  for (const std::string& line : found) {
    EXPECT_THAT(line, StartsWith("acbd.toml:"));
    EXPECT_THAT(line, Not(StartsWith("acbd.toml:0:")));
    EXPECT_THAT(line, Not(HasSubstr("hsm.pin_file")));  // a credential: there while it runs
  }
}

TEST_F(FilesOfAConfiguration, AreWhatTheStartNeedsThemToBe) {
  std::string text = DefaultFile();
  const auto put = [&](const std::string& from, const std::string& to) {
    ASSERT_NE(text.find(from), std::string::npos) << from;
    text.replace(text.find(from), from.size(), to);
  };
  put("#: lock_file = \"hsm.lock\"", "lock_file = \"none/hsm.lock\"");
  put("roots = [\"trust/smki-root.pem\"]", "roots = [\"acbd.toml\"]");
  put("#: device_roots = [\"trust/device-root.pem\"]", "device_roots = [\"acbd.toml\"]");
  std::ofstream(directory_ / "acbd.toml") << text;
  const auto found = CheckConfig(directory_ / "acbd.toml");
  const std::string file = (directory_ / "acbd.toml").string();
  EXPECT_THAT(found, Contains(HasSubstr(": trust.roots: " + file)));
  EXPECT_THAT(found, Contains(HasSubstr(": trust.device_roots: " + file)));
  const auto missing = "hsm.lock_file: " + (directory_ / "none").string() + " cannot be opened";
  EXPECT_THAT(found, Contains(HasSubstr(missing)));

  // It need not be there itself.
  std::filesystem::create_directory(directory_ / "none");
  EXPECT_THAT(CheckConfig(directory_ / "acbd.toml"), Not(Contains(HasSubstr("hsm.lock_file"))));
}

TEST_F(FilesOfAConfiguration, ThatCannotBeReadItselfIsSaid) {
  EXPECT_THAT(CheckConfig(directory_ / "none.toml"),
              ElementsAre(HasSubstr("none.toml: No such file or directory")));
}

TEST(Reload, ComparesByTheNamesOfSettings) {
  const std::string text = DefaultFile();
  std::string other = text;
  const std::string role = "role = \"dsp\"";
  other.replace(other.find(role), role.size(), "role = \"auditor\"");
  const std::string port = "#port = 8621";
  other.replace(other.find(port), port.size(), "port = 9999");
  const auto changed = ChangedSettings(Read(text).config.given, Read(other).config.given);
  EXPECT_THAT(changed, ElementsAre("client[0].role", "listen.port"));
  EXPECT_TRUE(TakesEffectOnReload("client[0].role"));
  EXPECT_TRUE(TakesEffectOnReload("tls.client_ca"));
  EXPECT_FALSE(TakesEffectOnReload("listen.port"));
  EXPECT_THAT(ChangedSettings(Read(text).config.given, Read(text).config.given), IsEmpty());
}

// What the sandbox lets a box do follows from its settings and from nothing else.
TEST(SandboxPlan, HasNoConnectionsButThoseThatAreConfigured) {
  const std::string text = DefaultFile();
  const SandboxPlan alone = ServicePlan(Read(text).config);
  EXPECT_THAT(alone.connect_ports, IsEmpty());
  EXPECT_THAT(alone.bind_ports, ElementsAre(8621));
  EXPECT_THAT(alone.writable, Contains("/var/lib/acbd/store"));
  EXPECT_THAT(alone.readable, Not(Contains("/etc")));
  const SandboxPlan all = ServicePlan(Read(Uncommented(text, Uncomment::kExamplesToo)).config);
  EXPECT_THAT(all.connect_ports, ElementsAre(1792, 443, 53));
  EXPECT_THAT(all.writable, Contains("/var/log/acbd"));
  const SandboxPlan lister = ListerPlan(Read(text).config);
  EXPECT_THAT(lister.writable, Not(Contains("/var/lib/acbd/store")));
  EXPECT_THAT(lister.bind_ports, IsEmpty());
}

}  // namespace
}  // namespace acb::platform
