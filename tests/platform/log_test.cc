#include "platform/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "firmware/base/descriptor.h"
#include "platform/system_clock.h"

namespace acb::platform {
namespace {

constexpr UtcTime kTime = UtcTime::FromSeconds(1'763'726'400);

// The value as a JSON reader gets it back.
std::string RoundTrip(std::string_view value) {
  const std::string line = FormatLogLine(kTime, LogLevel::kInfo, "e", {{"v", value}});
  return std::string(boost::json::parse(line).at("v").as_string());
}
bool IsPlainAscii(std::string_view line) {
  return std::ranges::all_of(line, [](char c) { return c >= ' ' && c < '\x7f'; });
}

TEST(LogLine, HoldsTimeLevelEventAndFields) {
  EXPECT_EQ(
      FormatLogLine(
          kTime, LogLevel::kWarning, "listening",
          {{"address", "127.0.0.1"}, {"port", std::uint16_t{8621}}, {"ok", true}, {"change", -5}}),
      "{\"time\":\"2025-11-21T12:00:00.000Z\",\"level\":\"warning\",\"event\":\"listening\","
      "\"address\":\"127.0.0.1\",\"port\":8621,\"ok\":true,\"change\":-5}");
}

// reliability.md, traps: CR LF and terminal escapes in fields.
TEST(LogLine, EscapesQuotesAndControlCharacters) {
  using namespace std::string_literals;
  const std::string nasty = "a\"b\\c\r\nd\te\0f\x1b[31mg\x7f"s;
  const std::string line = FormatLogLine(kTime, LogLevel::kInfo, nasty, {{nasty, nasty}});
  EXPECT_TRUE(IsPlainAscii(line)) << line;
  EXPECT_EQ(RoundTrip(nasty), nasty);
}

TEST(LogLine, EscapesC1ControlsAndKeepsOtherText) {
  EXPECT_TRUE(IsPlainAscii(FormatLogLine(kTime, LogLevel::kInfo, "e", {{"v", "\xC2\x9B"}})));
  EXPECT_EQ(RoundTrip("\xC2\x9B"), "\xC2\x9B");
  EXPECT_EQ(RoundTrip("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"),
            "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80");
}

// reliability.md, traps: UTF-8 overlongs.
TEST(LogLine, ReplacesWhatIsNotUtf8) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(RoundTrip("a\xFFz"), "a" + bad + "z");
  EXPECT_EQ(RoundTrip("\xC0\xAF"), bad + bad);                      // overlong slash
  EXPECT_EQ(RoundTrip("\xE0\x80\xAF"), bad + bad + bad);            // overlong
  EXPECT_EQ(RoundTrip("\xED\xA0\x80"), bad + bad + bad);            // surrogate
  EXPECT_EQ(RoundTrip("\xF4\x90\x80\x80"), bad + bad + bad + bad);  // above U+10FFFF
  EXPECT_EQ(RoundTrip("\xE2\x82"), bad + bad);                      // cut short
}

TEST(LogLine, CutsLongValuesAndSaysSo) {
  const std::string just(kMaxLogValueOctets, 'x');
  EXPECT_EQ(RoundTrip(just), just);
  EXPECT_EQ(RoundTrip(just + "y"), just + "...(cut)");
  // Never in the middle of a character.
  const std::string accents = std::string(kMaxLogValueOctets - 1, 'x') + "\xC3\xA9yy";
  EXPECT_EQ(RoundTrip(accents), std::string(kMaxLogValueOctets - 1, 'x') + "\xC3\xA9...(cut)");
}

TEST(LogLine, WritesNumbersThatJsonWouldRoundAsText) {
  const std::string line = FormatLogLine(kTime, LogLevel::kInfo, "e",
                                         {{"exact", std::uint64_t{9007199254740992}},
                                          {"large", std::uint64_t{18446744073709551615U}},
                                          {"low", std::int64_t{INT64_MIN}}});
  EXPECT_NE(line.find("\"exact\":9007199254740992"), std::string::npos);
  EXPECT_NE(line.find("\"large\":\"18446744073709551615\""), std::string::npos);
  EXPECT_NE(line.find("\"low\":\"-9223372036854775808\""), std::string::npos);
}

class LogPipe : public ::testing::Test {
 protected:
  LogPipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) std::abort();
    out_ = Descriptor(ends[0]);
    in_ = Descriptor(ends[1]);
  }
  std::string ReadAll() {
    in_.Close();
    std::string all;
    std::array<char, 4096> part{};
    for (ssize_t got = 0; (got = ::read(out_.get(), part.data(), part.size())) > 0;) {
      all.append(part.data(), static_cast<std::size_t>(got));
    }
    return all;
  }
  SystemClock clock_;
  Descriptor out_;
  Descriptor in_;
};

using LogOutput = LogPipe;

TEST_F(LogOutput, BeginsWithTheLevelForTheJournal) {
  Log(clock_, in_.get(), true).Error("stopping");
  const std::string line = ReadAll();
  EXPECT_TRUE(line.starts_with("<3>{\"time\":\"")) << line;
  EXPECT_TRUE(line.ends_with("}\n"));
}

TEST_F(LogOutput, WritesAFailureWithItsDetail) {
  Log(clock_, in_.get(), false)
      .Failed(LogLevel::kWarning, "refused", {Reason::kHsmPin, "explained", "CKR_PIN_INCORRECT"});
  const auto line = boost::json::parse(ReadAll());
  EXPECT_EQ(line.at("reason"), "HSM_PIN");
  EXPECT_EQ(line.at("explanation"), "explained");
  EXPECT_EQ(line.at("detail"), "CKR_PIN_INCORRECT");
}

TEST_F(LogOutput, KeepsLinesOfSeveralThreadsApart) {
  const Log log(clock_, in_.get(), false);
  std::string all;
  std::thread reader([&] {
    std::array<char, 4096> part{};
    for (ssize_t got = 0; (got = ::read(out_.get(), part.data(), part.size())) > 0;) {
      all.append(part.data(), static_cast<std::size_t>(got));
    }
  });
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&log, w] {
      for (int i = 0; i < 250; ++i) log.Info("line", {{"n", w * 250 + i}});
    });
  }
  for (auto& writer : writers) writer.join();
  in_.Close();
  reader.join();
  std::istringstream lines(all);
  std::set<std::int64_t> seen;
  for (std::string line; std::getline(lines, line);) {
    seen.insert(boost::json::parse(line).at("n").as_int64());
  }
  EXPECT_EQ(seen.size(), 1000U);
}

// A journal that hangs, a serial line: logging never stops the work, and says afterwards what it
// lost.
TEST_F(LogOutput, LosesLinesThatNobodyTakesAndSaysHowMany) {
  constexpr int kLines = 5000;
  const Log log(clock_, in_.get(), true);
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < kLines; ++i) log.Info("line", {{"text", std::string(200, 'x')}});
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(120));
  std::array<char, 1 << 20> held{};
  const ssize_t got = ::read(out_.get(), held.data(), held.size());
  ASSERT_GT(got, 0);
  log.Notice("after");
  std::istringstream lines(std::string(held.data(), static_cast<std::size_t>(got)) + ReadAll());
  std::uint64_t whole = 0;
  std::uint64_t lost = 0;
  std::vector<std::string> events;
  for (std::string line; std::getline(lines, line);) {
    ASSERT_EQ(line.find('<'), 0U) << line;
    boost::system::error_code error;
    const auto value = boost::json::parse(std::string_view(line).substr(3), error);
    if (error) continue;  // the one line that nobody took the end of
    events.emplace_back(value.at("event").as_string());
    if (events.back() == "line") ++whole;
    if (events.back() == "log-lines-lost") lost = value.at("lines").to_number<std::uint64_t>();
  }
  EXPECT_GT(whole, 100U);
  EXPECT_GT(lost, 0U);
  EXPECT_EQ(whole + lost, std::uint64_t{kLines});
  ASSERT_GE(events.size(), 2U);
  EXPECT_EQ(events[events.size() - 2], "log-lines-lost");
  EXPECT_EQ(events.back(), "after");
}

TEST(TheSystemClock, GivesTheTimeOfTheMachine) {
  const auto before = std::time(nullptr);
  const auto now = SystemClock().Now().seconds();
  EXPECT_GE(now, before);
  EXPECT_LE(now, std::time(nullptr) + 1);  // time() is a tick behind
}

}  // namespace
}  // namespace acb::platform
