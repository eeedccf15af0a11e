#include "platform/https_client.h"

#include <gmock/gmock.h>

#include <thread>

#include "firmware/base/sha256.h"
#include "tests/platform/server_fixture.h"

namespace acb::platform {
namespace {

using ::testing::HasSubstr;

class HttpsClientTest : public ServerTest {
 protected:
  HttpsClientSettings Settings() {
    HttpsClientSettings settings;
    settings.port = server_->port();
    settings.ca = ca_.pem();
    settings.certificate = dsp_.certificate;
    settings.key = dsp_.key;
    return settings;
  }
  Result<HttpClientResponse> Get(const HttpsClientSettings& settings) {
    auto client = HttpsClient::Create(settings);
    if (!client) return client.error();
    return client->Send({.target = "/v1/items/a"});
  }
};

TEST_F(HttpsClientTest, VerifiesTheServerByAddressAndByName) {
  StartServer();
  auto settings = Settings();
  EXPECT_EQ(Get(settings).value().status, 200);
  settings.host = "localhost";
  EXPECT_EQ(Get(settings).value().status, 200);
}

TEST_F(HttpsClientTest, RefusesAServerOfAnotherCa) {
  StartServer();
  acb::testing::TestCa other(directory_, "other");
  auto settings = Settings();
  settings.ca = other.pem();
  const auto response = Get(settings);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().reason, Reason::kForbidden);
  EXPECT_THAT(response.error().explanation, HasSubstr("the server's certificate"));
}

TEST_F(HttpsClientTest, RefusesAServerOfAnotherName) {
  server_pair_ = ca_.Issue({"elsewhere", {"elsewhere.example"}, {"127.0.0.2"}, "serverAuth"});
  settings_.access.tls.certificate = server_pair_.certificate;
  settings_.access.tls.key = server_pair_.key;
  StartServer();
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    auto settings = Settings();
    settings.host = host;
    const auto response = Get(settings);
    ASSERT_FALSE(response) << host;
    EXPECT_EQ(response.error().reason, Reason::kForbidden);
    EXPECT_THAT(response.error().explanation, HasSubstr("mismatch"));
  }
}

TEST_F(HttpsClientTest, SaysThatTheServerRefusedItsCertificate) {
  StartServer();
  auto settings = Settings();
  settings.certificate.clear();
  settings.key.clear();
  const auto response = Get(settings);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().reason, Reason::kForbidden);
  EXPECT_THAT(response.error().explanation, HasSubstr("refused the client certificate"));
}

TEST_F(HttpsClientTest, SaysThatNobodyListens) {
  StartServer();
  const auto settings = Settings();
  server_.reset();
  const auto response = Get(settings);
  ASSERT_FALSE(response);
  // One who is not there is not busy.
  EXPECT_EQ(response.error().reason, Reason::kConfiguration);
  EXPECT_THAT(response.error().explanation, HasSubstr("cannot connect to 127.0.0.1:"));
  EXPECT_THAT(response.error().explanation, HasSubstr("Connection refused"));
}

TEST_F(HttpsClientTest, SaysWhichFileItCannotUse) {
  StartServer();
  auto settings = Settings();
  settings.ca = directory_.path() / "none.pem";
  auto client = HttpsClient::Create(settings);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().reason, Reason::kConfiguration);
  EXPECT_THAT(client.error().explanation, HasSubstr("none.pem"));
  settings = Settings();
  settings.key = auditor_.key;
  EXPECT_FALSE(HttpsClient::Create(settings));
}

TEST_F(HttpsClientTest, OpensANewConnectionWhenTheKeptOneWasClosed) {
  settings_.idle_deadline = std::chrono::seconds(2);
  StartServer();
  HttpsClient client = HttpsClient::Create(Settings()).value();
  EXPECT_EQ(client.Send({.target = "/v1/items/a"}).value().status, 200);
  while (server_->connections() != 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(client.Send({.target = "/v1/items/a"}).value().status, 200);
}

// A body that is neither in the server's memory nor in the client's (exports, backups).
TEST_F(HttpsClientTest, TakesAFileThatTheServerSendsInPieces) {
  StartServer();
  HttpsClient client = HttpsClient::Create(Settings()).value();
  std::string got;
  std::uint64_t said = 0;
  const HttpBodySink sink{.limit = FileText().size(),
                          .write = [&](std::string_view piece, std::uint64_t size) -> Status {
                            got += piece;
                            said = size;
                            return Done{};
                          }};
  const auto response = client.Send({.target = "/v1/file", .sink = sink});
  ASSERT_TRUE(response) << response.error().explanation;
  EXPECT_TRUE(response->body.empty());
  EXPECT_EQ(said, FileText().size());
  EXPECT_TRUE(got == FileText());
  // The connection goes on, with HEAD, and without a sink.
  EXPECT_EQ(client.Send({.method = "HEAD", .target = "/v1/items/a"}).value().status, 405);
  EXPECT_EQ(client.Send({.target = "/v1/file"}).value().body.size(), FileText().size());
}

TEST_F(HttpsClientTest, RefusesAFileThatIsCutOffTooLargeOrNotWanted) {
  StartServer();
  HttpsClient client = HttpsClient::Create(Settings()).value();
  HttpBodySink sink{.limit = FileText().size() + 1,
                    .write = [](std::string_view, std::uint64_t) -> Status { return Done{}; }};
  EXPECT_TRUE(client.Send({.target = "/v1/file", .sink = sink}));
  const auto cut_off = client.Send({.target = "/v1/file?cut_off=1", .sink = sink});
  ASSERT_FALSE(cut_off);
  EXPECT_THAT(cut_off.error().explanation, HasSubstr("closed the connection"));
  sink.limit = FileText().size() - 1;
  const auto large = client.Send({.target = "/v1/file", .sink = sink});
  ASSERT_FALSE(large);
  EXPECT_THAT(large.error().explanation, HasSubstr("too large"));
  sink.limit = FileText().size();
  sink.write = [](std::string_view, std::uint64_t) -> Status {
    return Failure(Reason::kConfiguration, "the disk is full");
  };
  const auto unwanted = client.Send({.target = "/v1/file", .sink = sink});
  ASSERT_FALSE(unwanted);
  EXPECT_EQ(unwanted.error().explanation, "the disk is full");
}

// A problem document is an answer, not a part of the file.
TEST_F(HttpsClientTest, GivesARefusalToTheCallerAndNotToTheSink) {
  StartServer();
  HttpsClient client = HttpsClient::Create(Settings()).value();
  const HttpBodySink sink{.limit = 1, .write = [](std::string_view, std::uint64_t) -> Status {
                            return Failure(Reason::kMalformed, "nothing should come here");
                          }};
  const auto response = client.Send({.target = "/v1/nothing", .sink = sink});
  ASSERT_TRUE(response) << response.error().explanation;
  EXPECT_EQ(response->status, 404);
  EXPECT_THAT(response->body, HasSubstr("NOT_FOUND"));
}

TEST_F(HttpsClientTest, EndsAtTheLimitOfTheResponse) {
  StartServer();
  auto settings = Settings();
  settings.response_limit = 1024 * 1024;
  HttpsClient enough = HttpsClient::Create(settings).value();
  EXPECT_EQ(enough.Send({.target = "/v1/large"}).value().body.size(), 1024U * 1024U);
  settings.response_limit = 1024 * 1024 - 1;
  HttpsClient client = HttpsClient::Create(settings).value();
  const auto response = client.Send({.target = "/v1/large"});
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().explanation, HasSubstr("too large"));
}

TEST_F(HttpsClientTest, EndsAtItsDeadlineAndDoesNotAskTwice) {
  StartServer();
  auto settings = Settings();
  settings.response_deadline = std::chrono::seconds(3);
  HttpsClient client = HttpsClient::Create(settings).value();
  EXPECT_EQ(client.Send({.target = "/v1/items/a"}).value().status, 200);
  const auto response = client.Send({.target = "/v1/slow"});
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().explanation, HasSubstr("in time"));
  Release();
  server_->Stop(std::chrono::seconds(60));  // by now all that was asked has been begun
  EXPECT_EQ(waiting_, 1);
}

TEST_F(HttpsClientTest, ReadsTheRefusalOfALargeBody) {
  StartServer();
  HttpsClient client = HttpsClient::Create(Settings()).value();
  const std::string large(20 * 1024 * 1024, 'x');
  EXPECT_EQ(client.Send({.method = "POST", .target = "/v1/files", .body = large}).value().status,
            403);
  EXPECT_EQ(client.Send({.target = "/v1/items/a"}).value().status, 200);
}

TEST_F(HttpsClientTest, SendsABodyPieceByPiece) {
  StartServer();
  auto settings = Settings();
  settings.certificate = feed_.certificate;
  settings.key = feed_.key;
  HttpsClient client = HttpsClient::Create(settings).value();
  std::string body;
  for (std::uint32_t i = 0; body.size() < 3'000'000; ++i) body += std::to_string(i);
  std::size_t at = 0;
  HttpBodySource source{
      .size = body.size(), .read = [&](std::span<std::uint8_t> into) {
        const auto count = std::min({into.size(), body.size() - at, std::size_t{100'001}});
        std::copy_n(body.begin() + static_cast<std::ptrdiff_t>(at), count, into.begin());
        at += count;
        return Result<std::size_t>(count);
      }};
  const auto response =
      client.Send({.method = "POST", .target = "/v1/files", .source = source}).value();
  EXPECT_EQ(response.body, std::to_string(body.size()) + " file " + ToHex(Sha256(AsBytes(body))));
  // An end before the size it named.
  at = 0;
  source.size += 1;
  EXPECT_FALSE(client.Send({.method = "POST", .target = "/v1/files", .source = source}));
  source.read = [](std::span<std::uint8_t>) {
    return Result<std::size_t>(Failure(Reason::kConfiguration, "cannot read"));
  };
  const auto unread = client.Send({.method = "POST", .target = "/v1/files", .source = source});
  ASSERT_FALSE(unread);
  EXPECT_EQ(unread.error().explanation, "cannot read");
  EXPECT_EQ(handled_, 1);
}

TEST_F(HttpsClientTest, AsksForNoPieceOfABodyThatIsRefused) {
  StartServer();
  HttpsClient client = HttpsClient::Create(Settings()).value();  // not of role feed
  int asked = 0;
  const HttpBodySource source{.size = 1'000'000, .read = [&](std::span<std::uint8_t> into) {
                                ++asked;
                                return Result<std::size_t>(into.size());
                              }};
  EXPECT_EQ(client.Send({.method = "POST", .target = "/v1/files", .source = source}).value().status,
            403);
  EXPECT_EQ(asked, 0);
}

TEST_F(HttpsClientTest, SendsNoLineBreakInsideAHeader) {
  StartServer();
  HttpsClient client = HttpsClient::Create(Settings()).value();
  EXPECT_FALSE(client.Send({.target = "/v1/items/a", .headers = {{"X-A", "b\r\nX-B: c"}}}));
  EXPECT_FALSE(client.Send({.target = "/v1/items/a b"}));
  EXPECT_TRUE(client.Send({.target = "/v1/items/a", .headers = {{"X-A", "b"}}}));
}

TEST(ServerUrl, ReadsHostAndPort) {
  EXPECT_EQ(ParseServerUrl("https://127.0.0.1:8621").value().port, 8621);
  EXPECT_EQ(ParseServerUrl("https://box.example/").value().host, "box.example");
  EXPECT_EQ(ParseServerUrl("https://box.example").value().port, 8621);
  EXPECT_EQ(ParseServerUrl("https://[::1]:443").value().host, "::1");
}

TEST(ServerUrl, RefusesWhatIsNotAnHttpsServer) {
  for (const std::string url :
       {"http://127.0.0.1:8621", "127.0.0.1:8621", "https://", "https://:443", "https://a:0",
        "https://a:65536", "https://a:1x", "https://a/path", "https://u@a", "https://[::1"}) {
    EXPECT_FALSE(ParseServerUrl(url)) << url;
  }
}

}  // namespace
}  // namespace acb::platform
