// Who gets in, what they may do, and how they are told no (design.md section 8, reliability.md
// F23).
#include "platform/https_server.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <fstream>
#include <future>
#include <iterator>
#include <thread>

#include "firmware/base/sha256.h"
#include "tests/platform/server_fixture.h"

namespace acb::platform {
namespace {

using acb::testing::PemPair;
using acb::testing::TestCa;

class TlsFront : public ServerTest {
 protected:
  // The server's answer to a good request from that client; 0 when TLS let nothing through.
  int StatusFor(const PemPair& identity) {
    RawClient client = Raw(identity);
    if (!client.connected()) return 0;
    client.Send("GET /v1/items/a HTTP/1.1\r\nHost: x\r\n\r\n");
    return client.Receive().status;
  }
};

TEST_F(TlsFront, AnswersAClientThatConfigurationNames) {
  StartServer();
  EXPECT_EQ(StatusFor(dsp_), 200);
  EXPECT_EQ(handled_, 1);
}

TEST_F(TlsFront, RefusesAClientWithoutACertificate) {
  StartServer();
  EXPECT_EQ(StatusFor({}), 0);
  EXPECT_EQ(handled_, 0);
}

TEST_F(TlsFront, RefusesTheRightNameFromAnotherCa) {
  StartServer();
  TestCa other(directory_, "other");
  EXPECT_EQ(StatusFor(other.Issue({"impostor", {"dsp.acb.test"}})), 0);
  EXPECT_EQ(handled_, 0);
}

TEST_F(TlsFront, RefusesAnotherCaOfTheSameName) {
  StartServer();
  acb::testing::TemporaryDirectory elsewhere;
  TestCa twin(elsewhere, "ca");
  EXPECT_EQ(StatusFor(twin.Issue({"impostor", {"dsp.acb.test"}})), 0);
  EXPECT_EQ(handled_, 0);
}

TEST_F(TlsFront, RefusesAnExpiredCertificate) {
  StartServer();
  EXPECT_EQ(StatusFor(ca_.Issue({"old", {"dsp.acb.test"}, {}, "clientAuth", -7200, -60})), 0);
  EXPECT_EQ(handled_, 0);
}

TEST_F(TlsFront, RefusesACertificateThatIsNotYetValid) {
  StartServer();
  EXPECT_EQ(StatusFor(ca_.Issue({"early", {"dsp.acb.test"}, {}, "clientAuth", 600, 7200})), 0);
  EXPECT_EQ(handled_, 0);
}

TEST_F(TlsFront, RefusesACertificateThatIsForServers) {
  StartServer();
  EXPECT_EQ(StatusFor(ca_.Issue({"misused", {"dsp.acb.test"}, {}, "serverAuth"})), 0);
  EXPECT_EQ(handled_, 0);
}

TEST_F(TlsFront, RefusesARevokedCertificateAndTakesItsNeighbour) {
  const PemPair revoked = ca_.Issue({"revoked", {"dsp.acb.test"}});
  settings_.access.tls.ca = ca_.PemWithCrl({revoked});
  StartServer();
  EXPECT_EQ(StatusFor(revoked), 0);
  EXPECT_EQ(handled_, 0);
  EXPECT_EQ(StatusFor(dsp_), 200);
}

// TLS 1.3 only: what an older client offers is refused in the handshake.
TEST_F(TlsFront, RefusesTls12) {
  StartServer();
  const auto connect = [&](int version) {
    TlsContext context = MakeClientContext({dsp_.certificate, dsp_.key, ca_.pem()}).value();
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(context.get(), version);
    const Handle<BIO, BIO_free_all> bio(BIO_new_ssl_connect(context.get()));
    const std::string where = "127.0.0.1:" + std::to_string(server_->port());
    BIO_set_conn_hostname(bio.get(), where.c_str());
    return BIO_do_connect(bio.get()) == 1;
  };
  EXPECT_FALSE(connect(TLS1_2_VERSION));
  EXPECT_TRUE(connect(TLS1_3_VERSION));
}

TEST_F(TlsFront, GivesNoTicketToResumeWith) {
  StartServer();
  TlsContext context = MakeClientContext({dsp_.certificate, dsp_.key, ca_.pem()}).value();
  const Handle<BIO, BIO_free_all> bio(BIO_new_ssl_connect(context.get()));
  BIO_set_conn_hostname(bio.get(), ("127.0.0.1:" + std::to_string(server_->port())).c_str());
  ASSERT_EQ(BIO_do_connect(bio.get()), 1);
  BIO_puts(bio.get(), "GET /v1/items/a HTTP/1.1\r\nHost: x\r\n\r\n");
  std::array<char, 1024> answer{};
  ASSERT_GT(BIO_read(bio.get(), answer.data(), answer.size()), 0);
  SSL* ssl = nullptr;
  BIO_get_ssl(bio.get(), &ssl);
  EXPECT_EQ(SSL_SESSION_is_resumable(SSL_get0_session(ssl)), 0);
}

TEST_F(TlsFront, RefusesToStartWithAKeyThatOthersMayRead) {
  std::filesystem::permissions(server_pair_.key, std::filesystem::perms(0644));
  const auto server = HttpsServer::Start(settings_, Router(), *log_);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().reason, Reason::kConfiguration);
  EXPECT_THAT(server.error().explanation, ::testing::HasSubstr("server.key"));
}

TEST_F(TlsFront, RefusesToStartWithTheKeyOfAnotherCertificate) {
  settings_.access.tls.key = dsp_.key;
  const auto server = HttpsServer::Start(settings_, Router(), *log_);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().reason, Reason::kConfiguration);
}

TEST_F(TlsFront, RefusesToStartOnAPortThatIsTaken) {
  StartServer();
  settings_.port = server_->port();
  const auto second = HttpsServer::Start(settings_, Router(), *log_);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().explanation, ::testing::HasSubstr("cannot listen on 127.0.0.1:"));
}

// The kernel takes the connection; nobody reads from it until the process has given up what it does
// not need.
TEST_F(TlsFront, ServesNobodyBeforeItIsReady) {
  StartServer();
  settings_.port = server_->port();
  server_.reset();
  std::future<RawResponse> asked;
  bool early = true;
  settings_.before_first_connection = [&]() -> Status {
    asked = std::async(std::launch::async, [this] {
      RawClient client(dsp_, ca_.pem(), settings_.port);
      if (!client.Send("GET /v1/items/a HTTP/1.1\r\nHost: x\r\n\r\n")) return RawResponse{};
      return client.Receive();
    });
    early = asked.wait_for(std::chrono::milliseconds(300)) == std::future_status::ready;
    return Done{};
  };
  StartServer();
  EXPECT_FALSE(early);
  EXPECT_EQ(asked.get().status, 200);
}

TEST_F(TlsFront, DoesNotStartWhenItCannotBeMadeReady) {
  settings_.before_first_connection = [] { return Status(Failure{Reason::kConfiguration, "no"}); };
  const auto server = HttpsServer::Start(settings_, Router(), *log_);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().explanation, "no");
}

// Of what is in force, not of what lies in the files.
TEST_F(TlsFront, SaysWhenWhatItRestsOnEnds) {
  const std::filesystem::path bare = settings_.access.tls.ca;
  settings_.access.tls.ca = ca_.PemWithCrl({});
  TlsEnds ends;
  settings_.in_force = [&ends](const TlsEnds& now) { ends = now; };
  StartServer();
  const UtcTime now = clock_.Now();
  EXPECT_GT(ends.own, now);
  ASSERT_EQ(ends.authorities.size(), 1U);
  ASSERT_EQ(ends.lists.size(), 1U);
  EXPECT_EQ(ends.authorities.begin()->first, ends.lists.begin()->first);
  EXPECT_THAT(ends.lists.begin()->first, ::testing::StartsWith("CN="));
  EXPECT_GT(ends.lists.begin()->second, now);
  EXPECT_LT(ends.lists.begin()->second, ends.authorities.begin()->second);

  const TlsEnds before = ends;
  AccessSettings next = settings_.access;
  next.tls.certificate = directory_.path() / "none.pem";
  EXPECT_FALSE(server_->Reload(next));
  EXPECT_EQ(ends.lists, before.lists);
  next = settings_.access;
  next.tls.ca = bare;
  EXPECT_TRUE(server_->Reload(next));
  EXPECT_TRUE(ends.lists.empty());
  EXPECT_EQ(ends.authorities, before.authorities);
}

TEST_F(TlsFront, LogsARefusedHandshake) {
  StartServer();
  EXPECT_EQ(StatusFor({}), 0);
  server_.reset();
  std::ifstream in(directory_.path() / "log");
  const std::string log(std::istreambuf_iterator<char>(in), {});
  EXPECT_THAT(log, ::testing::ContainsRegex(
                       "\"event\":\"handshake_failed\",\"connection\":\"[0-9a-f]{8}-1\","
                       "\"peer\":\"127.0.0.1:"));
}

class Roles : public ServerTest {};

TEST_F(Roles, AClientOfTheCaThatNobodyConfiguredGetsAProblemDocument) {
  StartServer();
  HttpsClient client = Client(ca_.Issue({"stranger", {"stranger.acb.test"}}));
  const auto response = client.Send({.target = "/v1/items/a"});
  ASSERT_TRUE(response) << response.error().explanation;
  EXPECT_EQ(response->status, 403);
  EXPECT_EQ(response->Header("Content-Type"), "application/problem+json");
  EXPECT_EQ(boost::json::parse(response->body).at("reason"), "FORBIDDEN");
  EXPECT_EQ(handled_, 0);
}

TEST_F(Roles, ACertificateForTwoClientsHasNoRole) {
  StartServer();
  HttpsClient both = Client(ca_.Issue({"both", {"dsp.acb.test", "auditor.acb.test"}}));
  EXPECT_EQ(both.Send({.target = "/v1/items/a"}).value().status, 403);
  HttpsClient one = Client(ca_.Issue({"one", {"other.acb.test", "DSP.acb.test"}}));
  EXPECT_EQ(one.Send({.target = "/v1/items/a"}).value().status, 200);
}

// A dNSName is compared whole.
TEST_F(Roles, ANameThatOnlyBeginsAsAKnownOneIsUnknown) {
  StartServer();
  HttpsClient client = Client(ca_.Issue({"longer", {"dsp.acb.test.evil.example"}}));
  EXPECT_EQ(client.Send({.target = "/v1/items/a"}).value().status, 403);
}

TEST_F(Roles, EveryPairOfRouteAndRoleIsAsTheRouteSays) {
  StartServer();
  struct Pair {
    const PemPair& identity;
    std::string method;
    std::string target;
    int status;
  };
  const Pair pairs[] = {
      {dsp_, "POST", "/v1/echo", 200},      {feed_, "POST", "/v1/echo", 403},
      {auditor_, "POST", "/v1/echo", 403},  {dsp_, "GET", "/v1/items/a", 200},
      {feed_, "GET", "/v1/items/a", 403},   {auditor_, "GET", "/v1/items/a", 200},
      {dsp_, "POST", "/v1/files", 403},     {feed_, "POST", "/v1/files", 200},
      {auditor_, "POST", "/v1/files", 403},
  };
  for (const Pair& pair : pairs) {
    HttpsClient client = Client(pair.identity);
    const auto response = client.Send({.method = pair.method, .target = pair.target}).value();
    EXPECT_EQ(response.status, pair.status) << pair.target << " by " << pair.identity.certificate;
  }
  EXPECT_EQ(handled_, 4);
}

class Routing : public ServerTest {
 protected:
  boost::json::value ProblemOf(const RawResponse& response) {
    EXPECT_EQ(response.Header("Content-Type"), "application/problem+json");
    return boost::json::parse(response.body);
  }
};

TEST_F(Routing, AnUnknownPathIs404) {
  StartServer();
  const auto response = Ask("GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(ProblemOf(response).at("reason"), "NOT_FOUND");
  EXPECT_EQ(ProblemOf(response).at("reason_number"), "131");
  EXPECT_EQ(ProblemOf(response).at("status"), 404);
  EXPECT_EQ(ProblemOf(response).at("title"), "There is no such resource.");
}

TEST_F(Routing, AMissingOrFurtherSegmentIs404) {
  StartServer();
  for (const std::string path : {"/v1/items", "/v1/items/", "/v1/items/a/b", "/v1/items/a/", "/"}) {
    EXPECT_EQ(Ask("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n").status, 404) << path;
  }
  EXPECT_EQ(Ask("GET /v1/items/a HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
}

TEST_F(Routing, AnotherMethodIs405WithAllow) {
  StartServer();
  for (const std::string method : {"GET", "PUT", "OPTIONS", "DELETE", "BREW", "post"}) {
    const auto response = Ask(method + " /v1/echo HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_EQ(response.Header("Allow"), "POST") << method;
    EXPECT_EQ(ProblemOf(response).at("reason"), "METHOD_NOT_ALLOWED");
  }
}

TEST_F(Routing, HeadIs405WithoutABody) {
  StartServer();
  HttpsClient client = Client(dsp_);
  const auto response = client.Send({.method = "HEAD", .target = "/v1/items/a"}).value();
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.Header("Allow"), "GET");
  EXPECT_TRUE(response.body.empty());
  // Nothing is left on the connection that the next answer could be mistaken for.
  EXPECT_EQ(client.Send({.target = "/v1/items/a"}).value().body, "a|-");
}

TEST_F(Routing, DecodesPathAndQuery) {
  StartServer();
  EXPECT_EQ(Ask("GET /v1/items/90-B3%3AD5?q=a%20b%2Bc+d HTTP/1.1\r\nHost: x\r\n\r\n").body,
            "90-B3:D5|a b+c+d");
}

TEST_F(Routing, TellsWhatItAnswered) {
  StartServer();
  EXPECT_EQ(Ask("GET /v1/items/a HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  EXPECT_EQ(Ask("GET /v1/none HTTP/1.1\r\nHost: x\r\n\r\n").status, 404);
  server_->Stop(std::chrono::seconds(5));
  EXPECT_THAT(SeenExchanges(),
              ::testing::ElementsAre("dsp.acb.test GET /v1/items/a /v1/items/{item} 200",
                                     "dsp.acb.test GET /v1/none  404"));
}

class Bodies : public ServerTest {
 protected:
  RawResponse Post(const std::string& headers, const std::string& body) {
    return Ask("POST /v1/echo HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n" + body);
  }
};

TEST_F(Bodies, TakesABodyOfJustTheLimit) {
  StartServer();
  const std::string body(1000, 'b');
  const auto response = Post("Content-Type: text/plain\r\nContent-Length: 1000\r\n", body);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, body);
}

// F12: 413 before the body is read.
TEST_F(Bodies, RefusesALargerContentLengthBeforeTheBodyIsSent) {
  StartServer();
  const auto response = Post("Content-Type: text/plain\r\nContent-Length: 1001\r\n", "");
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(boost::json::parse(response.body).at("reason"), "TOO_LARGE");
  EXPECT_EQ(response.Header("Connection"), "close");
  EXPECT_EQ(handled_, 0);
}

TEST_F(Bodies, RefusesTheLargestContentLengthThereIs) {
  StartServer();
  const std::string type = "Content-Type: text/plain\r\n";
  EXPECT_EQ(Post(type + "Content-Length: 18446744073709551615\r\n", "").status, 413);
  EXPECT_EQ(Post(type + "Content-Length: 18446744073709551616\r\n", "").status, 400);
}

TEST_F(Bodies, TakesChunksUpToTheLimit) {
  StartServer();
  const auto response = Post("Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n",
                             "3e7\r\n" + std::string(999, 'c') + "\r\n1\r\nd\r\n0\r\n\r\n");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, std::string(999, 'c') + "d");
}

TEST_F(Bodies, RefusesChunksBeyondTheLimitAsSoonAsOneIsAnnounced) {
  StartServer();
  // The octets of the second chunk are never sent.
  const auto response = Post("Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n",
                             "3e7\r\n" + std::string(999, 'c') + "\r\n2\r\n");
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(handled_, 0);
}

TEST_F(Bodies, ReadsTheAnswerEvenWhenMoreThanTheLimitWasSent) {
  StartServer();
  const auto response =
      Post("Content-Type: text/plain\r\nContent-Length: 1000000\r\n", std::string(1'000'000, 'x'));
  EXPECT_EQ(response.status, 413);
}

TEST_F(Bodies, RefusesABodyWhereNoneIsTaken) {
  StartServer();
  EXPECT_EQ(Ask("GET /v1/items/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx").status, 413);
  EXPECT_EQ(Ask("GET /v1/items/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                "0\r\n\r\n")
                .status,
            413);
  EXPECT_EQ(Ask("GET /v1/items/a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").status, 200);
}

TEST_F(Bodies, RefusesAnotherContentType) {
  StartServer();
  const auto response = Post("Content-Type: application/xml\r\nContent-Length: 1\r\n", "x");
  EXPECT_EQ(response.status, 415);
  EXPECT_EQ(boost::json::parse(response.body).at("reason"), "MEDIA_TYPE");
  EXPECT_EQ(Post("Content-Length: 1\r\n", "x").status, 415);
  EXPECT_EQ(Post("Content-Type: Text/Plain ; charset=utf-8\r\nContent-Length: 1\r\n", "x").status,
            200);
}

// A browser sends such a form with the certificate of whoever looks at the page.
TEST_F(Bodies, RefusesWhatAPageOfAnotherSiteAsksFor) {
  StartServer();
  const std::string rest = "Content-Type: text/plain\r\nContent-Length: 1\r\n";
  for (const std::string from :
       {"Origin: https://evil.example\r\n", "Origin: null\r\n", "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n", "Origin: http://x\r\n"}) {
    const auto response = Post(from + rest, "x");
    EXPECT_EQ(response.status, 403) << from;
    EXPECT_EQ(boost::json::parse(response.body).at("reason"), "FORBIDDEN");
  }
  EXPECT_EQ(handled_, 0);
  for (const std::string from :
       {"Origin: https://x\r\nSec-Fetch-Site: same-origin\r\n", "Sec-Fetch-Site: none\r\n"}) {
    EXPECT_EQ(Post(from + rest, "x").status, 200) << from;
  }
}

// reliability.md, traps: gzip bodies.
TEST_F(Bodies, RefusesAnyContentEncoding) {
  StartServer();
  for (const std::string coding : {"gzip", "identity", "br"}) {
    EXPECT_EQ(Post("Content-Type: text/plain\r\nContent-Encoding: " + coding +
                       "\r\nContent-Length: 1\r\n",
                   "x")
                  .status,
              415)
        << coding;
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(Bodies, SpoolsALargeFileAndKeepsASmallOneInMemory) {
  StartServer();
  HttpsClient client = Client(feed_);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1000}, std::size_t{kSpoolThreshold},
                                 std::size_t{kSpoolThreshold + 1}, std::size_t{3'000'001}}) {
    std::string body(size, 'f');
    if (size > 0) body.back() = 'e';
    const auto response =
        client.Send({.method = "POST", .target = "/v1/files", .body = body}).value();
    EXPECT_EQ(response.body, std::to_string(size) +
                                 (size > kSpoolThreshold ? " file " : " memory ") +
                                 ToHex(Sha256(AsBytes(body))));
  }
}

TEST_F(Bodies, GoToARoutesIntakeWhileTheyCome) {
  settings_.spool_directory = directory_.path() / "missing";
  StartServer();
  HttpsClient client = Client(feed_);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1000}, std::size_t{3'000'001}}) {
    const std::string body(size, 'f');
    const auto response =
        client.Send({.method = "POST", .target = "/v1/taken", .body = body}).value();
    EXPECT_EQ(response.body, std::to_string(size) + " 0 " + ToHex(Sha256(AsBytes(body))));
  }
  const std::string large(4 * kSpoolThreshold + 1, 'f');
  EXPECT_EQ(
      Client(feed_).Send({.method = "POST", .target = "/v1/taken", .body = large}).value().status,
      413);
  // Not before the client is known to be welcome.
  EXPECT_EQ(
      Client(dsp_).Send({.method = "POST", .target = "/v1/taken", .body = "x"}).value().status,
      403);
  // Nor any longer than the intake goes on.
  const std::string more(HashingIntake::kFull + 1, 'f');
  EXPECT_EQ(
      Client(feed_).Send({.method = "POST", .target = "/v1/taken", .body = more}).value().status,
      503);
  EXPECT_EQ(handled_, 3);
  server_.reset();
  EXPECT_EQ(intakes_, 0);
}

TEST_F(Bodies, LeavesNothingInTheSpoolDirectory) {
  settings_.spool_directory = directory_.path() / "spool";
  std::filesystem::create_directory(settings_.spool_directory);
  StartServer();
  const std::string body(2 * kSpoolThreshold, 'f');
  EXPECT_EQ(
      Client(feed_).Send({.method = "POST", .target = "/v1/files", .body = body}).value().status,
      200);
  EXPECT_TRUE(std::filesystem::is_empty(settings_.spool_directory));
}

TEST_F(Bodies, IsAFaultWhenThereIsNowhereToSpool) {
  settings_.spool_directory = directory_.path() / "missing";
  StartServer();
  const std::string large(2 * kSpoolThreshold, 'f');
  HttpsClient client = Client(feed_);
  const auto response =
      client.Send({.method = "POST", .target = "/v1/files", .body = large}).value();
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(boost::json::parse(response.body).at("reason"), "STORE_UNAVAILABLE");
  EXPECT_TRUE(response.Header("Retry-After"));
  EXPECT_EQ(response.body.find("missing"), std::string::npos);  // the path is for the operator
  EXPECT_EQ(client.Send({.method = "POST", .target = "/v1/files", .body = "small"}).value().status,
            200);
}

class Continue : public ServerTest {};

TEST_F(Continue, IsSaidOnceTheRequestIsAdmitted) {
  StartServer();
  RawClient client = Raw();
  client.Send(
      "POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n"
      "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.Receive().status, 100);
  client.Send("body");
  const auto response = client.Receive();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "body");
}

TEST_F(Continue, IsNotSaidToARequestThatIsRefused) {
  StartServer();
  const std::string rest = "Content-Type: text/plain\r\nExpect: 100-continue\r\n";
  const auto post = [&](const std::string& path, const std::string& length) {
    return Ask("POST " + path + " HTTP/1.1\r\nHost: x\r\n" + rest + "Content-Length: " + length +
               "\r\n\r\n")
        .status;
  };
  EXPECT_EQ(post("/v1/echo", "1001"), 413);
  EXPECT_EQ(post("/v1/files", "4"), 403);
  EXPECT_EQ(post("/v1/none", "4"), 404);
  EXPECT_EQ(post("/v1/echo", "4"), 100);
}

TEST_F(Continue, AnyOtherExpectationIs417) {
  StartServer();
  EXPECT_EQ(Ask("POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
                "Content-Length: 4\r\nExpect: miracles\r\n\r\nbody")
                .status,
            417);
  EXPECT_EQ(handled_, 0);
}

class KeepAlive : public ServerTest {};

TEST_F(KeepAlive, ServesAHundredRequestsOnOneConnection) {
  StartServer();
  RawClient client = Raw();
  for (int i = 0; i < 100; ++i) {
    const std::string item = std::to_string(i);
    ASSERT_TRUE(client.Send("GET /v1/items/" + item + " HTTP/1.1\r\nHost: x\r\n\r\n"));
    const auto response = client.Receive();
    ASSERT_EQ(response.status, 200);
    EXPECT_EQ(response.body, item + "|-");
    EXPECT_EQ(response.Header("Connection"), "");
  }
  EXPECT_EQ(handled_, 100);
}

TEST_F(KeepAlive, AnswersPipelinedRequestsInOrder) {
  StartServer();
  RawClient client = Raw();
  client.Send(
      "POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n"
      "firstGET /v1/items/second HTTP/1.1\r\nHost: x\r\n\r\n"
      "POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
      "Transfer-Encoding: chunked\r\n\r\n5\r\nthird\r\n0\r\n\r\n"
      "GET /v1/items/fourth HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.Receive().body, "first");
  EXPECT_EQ(client.Receive().body, "second|-");
  EXPECT_EQ(client.Receive().body, "third");
  EXPECT_EQ(client.Receive().body, "fourth|-");
}

TEST_F(KeepAlive, TakesARequestThatComesOctetByOctet) {
  StartServer();
  RawClient client = Raw();
  const std::string_view request =
      "POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
      "Transfer-Encoding: chunked\r\n\r\n5\r\nthird\r\n0\r\n\r\n";
  for (const char c : request) ASSERT_TRUE(client.Send({&c, 1}));
  EXPECT_EQ(client.Receive().body, "third");
}

TEST_F(KeepAlive, ClosesWhenTheClientAsksAndForHttp10) {
  StartServer();
  for (const std::string request :
       {"GET /v1/items/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /v1/items/a HTTP/1.0\r\n\r\n"}) {
    RawClient client = Raw();
    client.Send(request);
    const auto response = client.Receive();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.Header("Connection"), "close");
    EXPECT_TRUE(client.IsClosed());
  }
}

TEST_F(KeepAlive, ClosesAfterTheLimitOfRequests) {
  settings_.requests_per_connection = 3;
  StartServer();
  RawClient client = Raw();
  for (int i = 1; i <= 3; ++i) {
    client.Send("GET /v1/items/a HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.Receive().Header("Connection"), i == 3 ? "close" : "");
  }
  EXPECT_TRUE(client.IsClosed());
}

TEST_F(KeepAlive, GoesOnAfterARefusalWithoutABody) {
  StartServer();
  RawClient client = Raw();
  client.Send("GET /v1/none HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.Receive().status, 404);
  client.Send("GET /v1/items/a HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.Receive().status, 200);
}

TEST_F(KeepAlive, SendsALargeAnswerWhole) {
  StartServer();
  EXPECT_EQ(Ask("GET /v1/large HTTP/1.1\r\nHost: x\r\n\r\n").body, std::string(1024 * 1024, 'x'));
}

class ResponseHeaders : public ServerTest {};

TEST_F(ResponseHeaders, SayThatNothingIsToBeStored) {
  StartServer();
  const auto response = Ask("GET /v1/items/a HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(response.Header("Cache-Control"), "no-store");
  EXPECT_EQ(response.Header("X-Content-Type-Options"), "nosniff");
  EXPECT_THAT(response.Header("Date"), ::testing::EndsWith(" GMT"));
}

TEST_F(ResponseHeaders, AreWhatTheRouteSays) {
  StartServer();
  const auto response = Ask("GET /v1/tree/a HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(response.Header("Cache-Control"), "private, immutable");
  EXPECT_EQ(response.Header("X-Added"), "yes");
  // A route that was added afterwards, and one of another method.
  EXPECT_EQ(Ask("GET /v1/large HTTP/1.1\r\nHost: x\r\n\r\n").Header("X-Added"), "");
}

class OpenEndedRoutes : public ServerTest {};

TEST_F(OpenEndedRoutes, TakeOneSegmentOrMore) {
  StartServer();
  const auto body_of = [this](const std::string& path) {
    return Ask("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n").body;
  };
  EXPECT_EQ(body_of("/v1/tree/a"), "a");
  EXPECT_EQ(body_of("/v1/tree/a/b/c.p/7"), "a/b/c.p/7");
  for (const char* path : {"/v1/tree", "/v1/tree/", "/v1/other/a/b"}) {
    EXPECT_EQ(Ask("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n").status, 404) << path;
  }
}

}  // namespace
}  // namespace acb::platform
