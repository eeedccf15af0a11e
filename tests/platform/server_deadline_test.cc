// Deadlines, limits on connections, and the end (reliability.md F18).
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/json.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "platform/https_client.h"
#include "tests/platform/server_fixture.h"

namespace acb::platform {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kGet = "GET /v1/items/a HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr milliseconds kShort{300};
// Above kShort by what a loaded machine may take; far below the deadlines that are not shortened.
constexpr milliseconds kSoon{9000};

Descriptor BareConnection(std::uint16_t port) {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Descriptor();
  }
  return socket;
}

bool WaitUntil(const std::function<bool()>& holds) {
  for (const auto end = Clock::now() + seconds(10); Clock::now() < end;) {
    if (holds()) return true;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return holds();
}

class Deadlines : public ServerTest {};

TEST_F(Deadlines, CloseAConnectionThatNeverShakesHands) {
  settings_.handshake_deadline = kShort;
  StartServer();
  const auto start = Clock::now();
  const Descriptor silent = BareConnection(server_->port());
  std::array<char, 16> octets{};
  EXPECT_LE(::recv(silent.get(), octets.data(), octets.size(), 0), 0);
  EXPECT_GE(Clock::now() - start, kShort / 2);
  EXPECT_LT(Clock::now() - start, kSoon);
}

TEST_F(Deadlines, CloseAnIdleConnectionWithoutAWord) {
  settings_.idle_deadline = kShort;
  StartServer();
  RawClient client = Raw();
  client.Send(kGet);
  EXPECT_EQ(client.Receive().status, 200);
  EXPECT_TRUE(client.IsClosed(kSoon));
}

TEST_F(Deadlines, EndAHeaderThatDoesNotCome) {
  settings_.header_deadline = kShort;
  StartServer();
  RawClient client = Raw();
  client.Send("GET /v1/items/a HTTP/1.1\r\nHost:");
  const auto response = client.Receive(kSoon);
  EXPECT_EQ(response.status, 408);
  EXPECT_TRUE(client.IsClosed(kSoon));
}

// Slowloris: each octet comes in time, the header never does.
TEST_F(Deadlines, EndAHeaderThatTricklesIn) {
  settings_.header_deadline = milliseconds(600);
  StartServer();
  RawClient client = Raw();
  ASSERT_TRUE(client.Send("GET /v1/items/a HTTP/1.1\r\n"));
  const auto start = Clock::now();
  // Sending fails once the server has closed.
  for (int i = 0; i < 100 && client.Send("A: b\r\n"); ++i) {
    std::this_thread::sleep_for(milliseconds(100));
  }
  EXPECT_LT(Clock::now() - start, kSoon);
  EXPECT_EQ(handled_, 0);
}

TEST_F(Deadlines, EndABodyThatDoesNotCome) {
  settings_.body_deadline = kShort;
  StartServer();
  RawClient client = Raw();
  client.Send(
      "POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: "
      "5\r\n\r\nhe");
  EXPECT_EQ(client.Receive(kSoon).status, 408);
  EXPECT_EQ(handled_, 0);
}

TEST_F(Deadlines, DoNotCountTheTimeBetweenRequestsAgainstAHeader) {
  settings_.header_deadline = kShort;
  StartServer();
  RawClient client = Raw();
  std::this_thread::sleep_for(kShort * 2);
  client.Send(kGet);
  EXPECT_EQ(client.Receive().status, 200);
}

TEST_F(Deadlines, CloseAnOldConnectionAfterAnAnswer) {
  settings_.connection_lifetime = kShort;
  StartServer();
  RawClient client = Raw();
  std::this_thread::sleep_for(kShort * 2);
  client.Send(kGet);
  const auto response = client.Receive();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.Header("Connection"), "close");
}

class Connections : public ServerTest {};

TEST_F(Connections, ThirtyTwoAtOnceAreServed) {
  StartServer();
  std::atomic<int> good = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 32; ++i) {
    clients.emplace_back([this, &good, i] {
      HttpsClient client = Client(dsp_);
      for (int j = 0; j < 10; ++j) {
        const std::string item = std::to_string(i) + "-" + std::to_string(j);
        const auto response = client.Send({.target = "/v1/items/" + item});
        if (response && response->body == item + "|-") ++good;
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(good, 320);
  EXPECT_EQ(handled_, 320);
}

TEST_F(Connections, OverTheLimitAreTold503AndServedOnceThereIsRoom) {
  settings_.connections = 2;
  StartServer();
  std::optional<RawClient> first(Raw());
  RawClient second = Raw();
  for (RawClient* held : {&*first, &second}) {
    held->Send(kGet);
    EXPECT_EQ(held->Receive().status, 200);
  }
  EXPECT_EQ(server_->connections(), 2U);

  RawClient third = Raw();
  third.Send(kGet);
  const auto refused = third.Receive();
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.Header("Retry-After"), "");
  EXPECT_EQ(boost::json::parse(refused.body).at("reason"), "BUSY");
  EXPECT_TRUE(third.IsClosed());
  EXPECT_EQ(handled_, 2);

  first.reset();
  ASSERT_TRUE(WaitUntil([&] { return server_->connections() == 1; }));
  EXPECT_EQ(Ask(kGet).status, 200);
  // Those that were held are not disturbed.
  second.Send(kGet);
  EXPECT_EQ(second.Receive().status, 200);
}

// A quarter of the places is for the DSP: handovers get through whatever auditors hold.
TEST_F(Connections, OfOthersLeavePlacesForTheDsp) {
  settings_.connections = 4;
  StartServer();
  std::vector<RawClient> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(Raw(auditor_));
    held.back().Send(kGet);
    ASSERT_EQ(held.back().Receive().status, 200);
  }
  RawClient one_more = Raw(auditor_);
  one_more.Send(kGet);
  EXPECT_EQ(one_more.Receive().status, 503);
  EXPECT_EQ(Ask(kGet).status, 200);  // role dsp

  held.pop_back();
  ASSERT_TRUE(WaitUntil([&] { return server_->connections() == 2; }));
  RawClient later = Raw(auditor_);
  later.Send(kGet);
  EXPECT_EQ(later.Receive().status, 200);
}

// A burst of clients is no attack: each is served, those without room after a short wait.
TEST_F(Connections, OverTheLimitWaitForAPlaceAWhile) {
  settings_.connections = 2;
  StartServer();
  std::atomic<int> good = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 12; ++i) {
    clients.emplace_back([&] {
      HttpsClient client = Client(dsp_);
      const auto response = client.Send({.target = "/v1/items/a"});
      if (response && response->status == 200) ++good;
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(good, 12);
}

// F18: 1,000 sockets that say nothing do not keep a client out.
TEST_F(Connections, StrangersThatSayNothingDoNotKeepAClientOut) {
  settings_.connections = 2;
  settings_.handshake_deadline = std::chrono::minutes(10);
  StartServer();
  std::vector<Descriptor> silent;
  for (std::size_t i = 0; i < 3 * kArrivingConnections; ++i) {
    silent.push_back(BareConnection(server_->port()));
    ASSERT_TRUE(silent.back());
  }
  EXPECT_EQ(Ask(kGet).status, 200);
}

// Refused ones of a client that has all that it may have, each of which began a request.
TEST_F(Connections, AClientOverItsLimitDoesNotKeepAnotherOut) {
  settings_.connections = 4;
  settings_.client_connections = 2;
  StartServer();
  RawClient first = Raw();
  RawClient second = Raw();
  for (RawClient* client : {&first, &second}) {
    client->Send("GET /v1/items/a HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_EQ(client->Receive().status, 200);
  }
  std::mutex mutex;
  std::vector<std::unique_ptr<RawClient>> refused;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kArrivingConnections; ++i) {
    threads.emplace_back([&] {
      auto client = std::make_unique<RawClient>(dsp_, ca_.pem(), server_->port());
      client->Send("G");
      const std::scoped_lock lock(mutex);
      refused.push_back(std::move(client));
    });
  }
  for (std::thread& thread : threads) thread.join();
  HttpsClientSettings settings;
  settings.port = server_->port();
  settings.ca = ca_.pem();
  settings.certificate = auditor_.certificate;
  settings.key = auditor_.key;
  settings.connect_deadline = seconds(40);
  auto auditor = HttpsClient::Create(settings);
  ASSERT_TRUE(auditor);
  const auto start = Clock::now();
  const auto answer = auditor->Send({.target = "/v1/items/a"});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_LT(Clock::now() - start, seconds(8));
}

class Stop : public ServerTest {};

TEST_F(Stop, LetsARequestInFlightBeAnswered) {
  StartServer();
  RawClient client = Raw();
  client.Send("GET /v1/slow HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(WaitUntil([&] { return waiting_ == 1; }));
  std::thread stopper([this] { server_->Stop(seconds(10)); });
  // The port is closed before the request is answered.
  EXPECT_TRUE(WaitUntil([&] { return !BareConnection(server_->port()); }));
  Release();
  const auto response = client.Receive();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "slow");
  EXPECT_EQ(response.Header("Connection"), "close");
  EXPECT_TRUE(client.IsClosed());
  stopper.join();
  EXPECT_EQ(handled_, 1);
}

TEST_F(Stop, ClosesIdleConnectionsAtOnce) {
  StartServer();
  RawClient client = Raw();
  client.Send(kGet);
  EXPECT_EQ(client.Receive().status, 200);
  const auto start = Clock::now();
  server_->Stop(seconds(30));
  EXPECT_LT(Clock::now() - start, kSoon);
  EXPECT_TRUE(client.IsClosed());
}

TEST_F(Stop, CutsWhatIsNotSentInTime) {
  StartServer();
  RawClient client = Raw();
  // In one record: when the first is answered, the half of the second has been read, too.
  client.Send(std::string(kGet) + "GET /v1/items/a HTTP/1.1\r\n");
  ASSERT_EQ(client.Receive().status, 200);
  const auto start = Clock::now();
  server_->Stop(kShort);
  EXPECT_GE(Clock::now() - start, kShort);
  EXPECT_LT(Clock::now() - start, kSoon);
  EXPECT_EQ(handled_, 1);
}

TEST_F(Stop, MayBeCalledTwiceAndWithoutAConnection) {
  StartServer();
  server_->Stop(seconds(1));
  server_->Stop(seconds(1));
  EXPECT_FALSE(BareConnection(server_->port()));
}

}  // namespace
}  // namespace acb::platform
