#include "tests/platform/server_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "firmware/base/sha256.h"
#include "platform/http_parser.h"
#include "platform/unnamed_file.h"

namespace acb::platform {
namespace {

Descriptor ConnectLoopback(std::uint16_t port) {
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

HttpResponse Plain(std::string text) {
  HttpResponse response;
  response.content_type = "text/plain";
  response.body = std::move(text);
  return response;
}

}  // namespace

RawClient::RawClient(const acb::testing::PemPair& identity, const std::filesystem::path& ca,
                     std::uint16_t port) {
  auto context = MakeClientContext({identity.certificate, identity.key, ca});
  if (!context) {
    ADD_FAILURE() << context.error().explanation;
    return;
  }
  context_ = *std::move(context);
  Descriptor socket = ConnectLoopback(port);
  if (!socket) return;
  stream_ = std::make_unique<TlsStream>(*context_, std::move(socket), -1);
  connected_ = stream_->Connect("127.0.0.1", After(std::chrono::seconds(10))) == IoOutcome::kDone;
}

bool RawClient::Send(std::string_view octets) {
  return stream_->Write(AsBytes(octets), After(std::chrono::seconds(10))) == IoOutcome::kDone;
}

bool RawClient::More(Deadline deadline) {
  Bytes octets(16 * 1024);
  std::size_t received = 0;
  if (stream_->Read(octets, received, deadline, OnStop::kKeepWaiting) != IoOutcome::kDone) {
    return false;
  }
  pending_ += AsText(BytesView(octets).first(received));
  return true;
}

RawResponse RawClient::Receive(std::chrono::milliseconds patience) {
  const Deadline deadline = After(patience);
  std::size_t searched = 0;
  HeaderEnd end = FindHeaderEnd(pending_, searched);
  while (end.state == HeaderEnd::State::kIncomplete && More(deadline)) {
    end = FindHeaderEnd(pending_, searched);
  }
  if (end.state != HeaderEnd::State::kComplete) return {};
  ResponseParser parser;
  auto head = parser.Head(pending_.substr(0, end.size), false);
  pending_.erase(0, end.size);
  if (!head) return {};
  RawResponse response{head->status, std::move(head->headers), {}};
  const BodySink sink = [&](std::string_view piece) {
    response.body += piece;
    return true;
  };
  for (;;) {
    std::size_t used = 0;
    const BodyState state = parser.Body(pending_, used, 1U << 30U, sink);
    pending_.erase(0, used);
    if (state == BodyState::kComplete) return response;
    if (state != BodyState::kNeedMore || !More(deadline)) return {};
  }
}

bool RawClient::IsClosed(std::chrono::milliseconds patience) {
  if (!pending_.empty()) return false;
  Bytes octets(1024);
  std::size_t received = 0;
  return stream_->Read(octets, received, After(patience), OnStop::kKeepWaiting) ==
         IoOutcome::kClosed;
}

ServerTest::ServerTest() {
  settings_.access.tls.certificate = server_pair_.certificate;
  settings_.access.tls.key = server_pair_.key;
  settings_.access.tls.ca = ca_.pem();
  settings_.access.clients = {{"dsp.acb.test", Role::kDsp},
                              {"Feed.acb.test", Role::kFeed},
                              {"auditor.acb.test", Role::kAuditor}};
  settings_.connections = 40;
  settings_.spool_directory = directory_.path();
  settings_.observe = [this](const Exchange& e) {
    const std::scoped_lock lock(exchanges_mutex_);
    exchanges_.push_back(std::string(e.client) + " " + std::string(e.method) + " " +
                         std::string(e.path) + " " + std::string(e.route) + " " +
                         std::to_string(e.status));
  };
  log_file_ = Descriptor(
      ::open((directory_.path() / "log").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600));
  log_ = std::make_unique<Log>(clock_, log_file_.get(), false);
}

ServerTest::~ServerTest() {
  // A test that failed early must not leave a handler waiting.
  if (!released_.try_wait()) Release();
}

std::string ServerTest::FileText() {
  std::string text;
  for (int line = 0; text.size() < 3 * 1024 * 1024; ++line) text += std::to_string(line) + "\n";
  return text;
}

Router ServerTest::Routes() {
  Router router;
  Route echo{"POST", "/v1/echo", {Role::kDsp}, 1000, [this](const HttpRequest& request) {
               ++handled_;
               return Plain(std::string(request.body.Text()));
             }};
  echo.content_types = {"text/plain"};
  router.Add(std::move(echo));
  router.Add("GET", "/v1/items/{item}", {Role::kDsp, Role::kAuditor}, 0,
             [this](const HttpRequest& request) {
               ++handled_;
               return Plain(std::string(request.Parameter("item")) + "|" +
                            std::string(request.QueryParameter("q").value_or("-")));
             });
  router.Add("GET", "/v1/tree/{path...}", {Role::kDsp}, 0, [this](const HttpRequest& request) {
    ++handled_;
    HttpResponse response = Plain(std::string(request.Parameter("path")));
    response.cache_control = "private, immutable";
    return response;
  });
  router.AddToAnswers("GET", [](HttpResponse& response) {
    response.headers.push_back({"X-Added", "yes"});
  });
  Route files{
      "POST", "/v1/files", {Role::kFeed}, 4 * kSpoolThreshold, [this](const HttpRequest& request) {
        ++handled_;
        return Plain(std::to_string(request.body.size()) +
                     (request.body.in_file() ? " file " : " memory ") +
                     ToHex(Sha256(request.body.View())));
      }};
  files.spool = true;
  router.Add(std::move(files));
  Route taken{
      "POST", "/v1/taken", {Role::kFeed}, 4 * kSpoolThreshold, [this](const HttpRequest& request) {
        ++handled_;
        auto* const intake = dynamic_cast<HashingIntake*>(request.intake.get());
        return Plain(std::to_string(request.BodySize()) + " " +
                     std::to_string(request.body.size()) + " " +
                     (intake != nullptr ? ToHex(intake->Finish()) : "none"));
      }};
  taken.spool = true;
  taken.intake = [this] { return std::make_shared<HashingIntake>(intakes_); };
  router.Add(std::move(taken));
  router.Add("GET", "/v1/file", {Role::kDsp}, 0, [this](const HttpRequest& request) {
    ++handled_;
    auto file = UnnamedFile::Create(directory_.path());
    if (!file) return Problem(file.error());
    if (Status written = file->Append(AsBytes(FileText())); !written) {
      return Problem(written.error());
    }
    HttpResponse response = Plain({});
    response.file = file->Share();
    // As when the disk fails under it.
    response.file_size = file->size() + (request.QueryParameter("cut_off") ? 1 : 0);
    return response;
  });
  router.Add("GET", "/v1/slow", {Role::kDsp}, 0, [this](const HttpRequest&) {
    ++waiting_;
    released_.wait();
    ++handled_;
    return Plain("slow");
  });
  router.Add("GET", "/v1/large", {Role::kDsp}, 0, [this](const HttpRequest&) {
    ++handled_;
    return Plain(std::string(1024 * 1024, 'x'));
  });
  return router;
}

void ServerTest::StartServer() {
  auto server = HttpsServer::Start(settings_, Routes(), *log_);
  ASSERT_TRUE(server) << server.error().explanation;
  server_ = *std::move(server);
}

HttpsClient ServerTest::Client(const acb::testing::PemPair& identity) {
  HttpsClientSettings settings;
  settings.port = server_->port();
  settings.ca = ca_.pem();
  settings.certificate = identity.certificate;
  settings.key = identity.key;
  settings.response_deadline = std::chrono::seconds(20);
  return HttpsClient::Create(settings).value();
}

RawResponse ServerTest::Ask(std::string_view octets) {
  RawClient client = Raw();
  if (!client.connected() || !client.Send(octets)) return {};
  return client.Receive();
}

std::vector<std::string> ServerTest::SeenExchanges() {
  const std::scoped_lock lock(exchanges_mutex_);
  return exchanges_;
}

}  // namespace acb::platform
