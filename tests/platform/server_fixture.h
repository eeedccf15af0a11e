// A real server on a loopback port, with the certificates and routes that the tests use.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/sha256_stream.h"
#include "platform/http_message.h"
#include "platform/https_client.h"
#include "platform/https_server.h"
#include "platform/log.h"
#include "platform/system_clock.h"
#include "platform/tls.h"
#include "tests/platform/test_pki.h"

namespace acb::platform {

struct RawResponse {
  int status = 0;  // 0: nothing came, or what came is no response
  std::vector<HttpHeader> headers;
  std::string body;
  std::string Header(std::string_view name) const {
    return std::string(FindHeader(headers, name).value_or(std::string_view{}));
  }
};

// A TLS client that sends just the octets it is given.
class RawClient {
 public:
  RawClient(const acb::testing::PemPair& identity, const std::filesystem::path& ca,
            std::uint16_t port);
  bool connected() const { return connected_; }
  bool Send(std::string_view octets);
  // The next response, also an interim one (100).
  RawResponse Receive(std::chrono::milliseconds patience = std::chrono::seconds(10));
  // The server closes without another octet.
  bool IsClosed(std::chrono::milliseconds patience = std::chrono::seconds(10));
  const std::string& error() const { return stream_->error(); }

 private:
  bool More(Deadline deadline);

  TlsContext context_;
  std::unique_ptr<TlsStream> stream_;
  bool connected_ = false;
  std::string pending_;
};

// Hashes what it takes, until it has more than kFull; `alive` counts those that are there.
class HashingIntake final : public BodyIntake {
 public:
  explicit HashingIntake(std::atomic<int>& alive) : alive_(alive) { ++alive_; }
  ~HashingIntake() override { --alive_; }
  static constexpr std::uint64_t kFull = 4'000'000;
  bool Take(std::string_view piece) override {
    size_ += piece.size();
    hash_.Update(AsBytes(piece));
    return size_ <= kFull;
  }
  Failure WhyNot() override { return {Reason::kStoreUnavailable, {}, "the intake is full"}; }
  std::uint64_t size() const override { return size_; }
  Sha256Digest Finish() { return hash_.Finish(); }

 private:
  std::atomic<int>& alive_;
  std::uint64_t size_ = 0;
  Sha256Stream hash_;
};

class ServerTest : public ::testing::Test {
 protected:
  ServerTest();
  ~ServerTest() override;

  // Routes:
  //   POST /v1/echo          dsp              text/plain, up to 1000 octets; answers the body
  //   GET  /v1/items/{item}  dsp, auditor     answers "item|query parameter q"
  //   POST /v1/files         feed             up to 4 MiB, spooled; answers "size file|memory
  //   sha256"
  //   POST /v1/taken         feed             likewise, by a HashingIntake; answers "size 0 sha256"
  //   GET  /v1/slow          dsp              answers "slow" once Release() was called GET
  //   /v1/large         dsp              answers 1 MiB
  //   GET /v1/file      dsp              answers FileText() from a file; "cut_off": says one more
  // Port, certificate paths and clients are set; `settings` may change the rest before.
  void StartServer();
  static std::string FileText();  // 3 MiB
  void Release() { released_.count_down(); }

  HttpsClient Client(const acb::testing::PemPair& identity);
  RawClient Raw() { return RawClient(dsp_, ca_.pem(), server_->port()); }
  RawClient Raw(const acb::testing::PemPair& identity) {
    return RawClient(identity, ca_.pem(), server_->port());
  }
  // Sends the octets on a new connection of `dsp`, and gives the first answer.
  RawResponse Ask(std::string_view octets);
  std::vector<std::string> SeenExchanges();

  acb::testing::TemporaryDirectory directory_;
  acb::testing::TestCa ca_{directory_, "ca"};
  acb::testing::PemPair server_pair_ =
      ca_.Issue({"server", {"localhost"}, {"127.0.0.1"}, "serverAuth"});
  acb::testing::PemPair dsp_ = ca_.Issue({"dsp", {"dsp.acb.test"}});
  acb::testing::PemPair feed_ = ca_.Issue({"feed", {"FEED.acb.test"}});
  acb::testing::PemPair auditor_ = ca_.Issue({"auditor", {"auditor.acb.test"}});
  HttpsServerSettings settings_;
  SystemClock clock_;
  Descriptor log_file_;
  std::unique_ptr<Log> log_;
  std::atomic<int> handled_ = 0;
  std::atomic<int> intakes_ = 0;  // that are there
  std::atomic<int> waiting_ = 0;
  std::latch released_{1};
  std::mutex exchanges_mutex_;
  std::vector<std::string> exchanges_;  // "client method path route status"
  std::unique_ptr<HttpsServer> server_;

 private:
  Router Routes();
};

}  // namespace acb::platform
