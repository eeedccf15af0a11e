#include "tools/bench/load/load.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <deque>
#include <memory>
#include <queue>

#include "platform/tls.h"
#include "tools/bench/load/connection.h"

namespace acb::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kEventsAtOnce = 256;
constexpr std::size_t kExamples = 3;
constexpr std::size_t kExampleOctets = 300;
// How long answers are waited for that are still out when the time is over.
constexpr std::chrono::seconds kPatienceAfterwards{10};
// After a handshake that was cut: without a pause the driver would do nothing else.
constexpr std::chrono::milliseconds kHandshakePause{10};
constexpr std::chrono::milliseconds kLongestWait{100};

constexpr int kOk = 200;
constexpr int kUnavailable = 503;

struct Client {
  Connection connection;
  bool open = false;
  bool up = false;  // handshake done
  bool registered_for_writing = false;
  std::optional<std::size_t> request;  // number of it, sent or to be sent
  bool sent = false;
  Clock::time_point due;         // when the request was, or should have been, sent
  Clock::time_point not_before;  // as Retry-After said
};

struct Wake {
  Clock::time_point at;
  std::size_t client;
  bool operator>(const Wake& other) const { return at > other.at; }
};

std::optional<std::string_view> Member(std::string_view body, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":\"";
  const std::size_t at = body.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = body.substr(at + key.size());
  return rest.substr(0, rest.find('"'));
}

class Load {
 public:
  Load(const RequestMaker& maker, const std::vector<SignedRequest>& requests, const LoadPlan& plan,
       const LoadHooks& hooks)
      : maker_(maker), requests_(requests), plan_(plan), hooks_(hooks) {}

  Status Open();
  Result<LoadResult> Run();

 private:
  void Connect(std::size_t number);
  void Watch(std::size_t number, int operation);
  void Step(std::size_t number, Connection::Progress progress);
  void BecomeIdle(std::size_t number);
  void GiveNext(std::size_t number, Clock::time_point due);
  void Send(std::size_t number);
  void Answered(std::size_t number);
  void Lost(std::size_t number);
  void Judge(const SignedRequest& request, const HttpAnswer& answer);
  void Wrong(const std::string& what, const HttpAnswer& answer);
  void SendWhatIsDue();
  void WakeSleepers();
  void PassInstants();
  Clock::duration NextWait() const;
  bool MaySend() const { return !over_ && next_ < requests_.size(); }
  void CheckCounters();

  const RequestMaker& maker_;
  const std::vector<SignedRequest>& requests_;
  const LoadPlan& plan_;
  const LoadHooks& hooks_;
  platform::TlsContext tls_;
  Descriptor epoll_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::deque<std::size_t> idle_;
  std::priority_queue<Wake, std::vector<Wake>, std::greater<>> sleepers_;
  std::size_t next_ = 0;  // request
  std::size_t out_ = 0;   // requests given to clients and not answered
  std::uint64_t scheduled_ = 0;
  std::vector<std::pair<std::size_t, std::uint64_t>> counters_;  // device, originator counter
  Clock::time_point began_, counted_from_, ends_;
  bool counting_ = false;
  bool over_ = false;
  LoadResult result_;
};

Status Load::Open() {
  const World& world = maker_.world();
  auto context =
      platform::MakeClientContext({world.client_certificate, world.client_key, world.client_ca});
  if (!context) return context.error();
  tls_ = *std::move(context);
  SSL_CTX_set_read_ahead(tls_.get(), 1);  // one system call a record
  epoll_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return Failure{Reason::kConfiguration, std::strerror(errno)};
  for (std::size_t i = 0; i < plan_.connections; ++i) {
    clients_.push_back(std::make_unique<Client>());
  }
  return Done{};
}

void Load::Connect(std::size_t number) {
  Client& client = *clients_[number];
  client.up = false;
  client.open = client.connection.Open(tls_.get(), maker_.world().address, maker_.world().port);
  if (!client.open) {
    ++result_.failed_handshakes;
    sleepers_.push({Clock::now() + kHandshakePause, number});
    return;
  }
  client.registered_for_writing = !client.connection.wants_to_write();
  Watch(number, EPOLL_CTL_ADD);
}

// A closed socket has left the set by itself.
void Load::Watch(std::size_t number, int operation) {
  Client& client = *clients_[number];
  const bool writing = client.connection.wants_to_write();
  if (client.registered_for_writing == writing) return;
  client.registered_for_writing = writing;
  epoll_event event{};
  event.events = EPOLLIN | (writing ? EPOLLOUT : 0U);
  event.data.u64 = number;
  ::epoll_ctl(epoll_.get(), operation, client.connection.socket(), &event);
}

void Load::Step(std::size_t number, Connection::Progress progress) {
  Client& client = *clients_[number];
  switch (progress) {
    case Connection::Progress::kWaiting:
      Watch(number, EPOLL_CTL_MOD);
      return;
    case Connection::Progress::kReady:
      Watch(number, EPOLL_CTL_MOD);
      client.up = true;
      ++result_.handshakes;
      if (!client.request) {
        BecomeIdle(number);
      } else if (Clock::now() >= client.not_before) {
        Send(number);
      }
      return;
    case Connection::Progress::kAnswered:
      Answered(number);
      return;
    case Connection::Progress::kLost:
      Lost(number);
      return;
  }
}

void Load::BecomeIdle(std::size_t number) {
  if (plan_.rate) {
    idle_.push_back(number);
    SendWhatIsDue();
  } else if (MaySend()) {
    GiveNext(number, Clock::now());
  }
}

void Load::GiveNext(std::size_t number, Clock::time_point due) {
  Client& client = *clients_[number];
  client.request = next_++;
  client.due = due;
  ++out_;
  Send(number);
}

void Load::Send(std::size_t number) {
  Client& client = *clients_[number];
  std::string body;
  body.reserve(8192);
  maker_.Append(requests_[*client.request], body);
  std::string message =
      "POST /v1/handovers HTTP/1.1\r\nHost: " + maker_.world().address +
      "\r\nContent-Type: application/xml\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\n\r\n";
  message += body;
  client.sent = true;
  Step(number, client.connection.Send(std::move(message)));
}

void Load::Answered(std::size_t number) {
  Client& client = *clients_[number];
  const HttpAnswer answer = client.connection.answer();
  const auto now = Clock::now();
  Judge(requests_[*client.request], answer);
  if (counting_) {
    ++result_.statuses[answer.status];
    if (answer.status == kOk) result_.signed_latency.Add(now - client.due);
    if (answer.status == kUnavailable) result_.refused_latency.Add(now - client.due);
    if (answer.status != kOk)
      ++result_.reasons[std::string(Member(answer.body, "reason").value_or("none"))];
  }
  client.sent = false;
  const bool refused = answer.status == kUnavailable;
  const bool again = refused && plan_.retry && !over_;
  if (!again) {
    client.request.reset();
    --out_;
  }
  if (answer.close || (refused && plan_.drops_refused)) {
    client.connection.Close();
    client.open = client.up = false;
  }
  if (again) {
    client.not_before = now + std::chrono::seconds(answer.retry_after.value_or(1));
    sleepers_.push({client.not_before, number});
  } else if (client.open) {
    BecomeIdle(number);
  } else if (!over_) {
    Connect(number);
  }
}

void Load::Lost(std::size_t number) {
  Client& client = *clients_[number];
  const bool was_up = client.up;
  client.open = client.up = false;
  std::erase(idle_, number);
  if (client.sent) {  // not sent again: what became of it is not known
    ++result_.lost;
    client.sent = false;
    client.request.reset();
    --out_;
  }
  if (!was_up) ++result_.failed_handshakes;
  if (over_ || (was_up && client.request)) return;  // which sleeps, and connects when it wakes
  if (was_up) {
    Connect(number);
  } else {
    sleepers_.push({Clock::now() + kHandshakePause, number});
  }
}

void Load::Wrong(const std::string& what, const HttpAnswer& answer) {
  ++result_.wrong;
  if (result_.examples.size() < kExamples) {
    result_.examples.push_back(what + ": " + std::to_string(answer.status) + " " +
                               answer.body.substr(0, kExampleOctets));
  }
}

void Load::Judge(const SignedRequest& request, const HttpAnswer& answer) {
  if (answer.status == kUnavailable) {
    if (!answer.retry_after) Wrong("no Retry-After", answer);
    return;
  }
  if (answer.status != kOk) return Wrong("unexpected", answer);
  const auto counter = Member(answer.body, "originator_counter");
  if (Member(answer.body, "request_id") != maker_.RequestId(request.device, request.counter)) {
    return Wrong("of another request", answer);
  }
  if (Member(answer.body, "command").value_or("").empty() || !counter) {
    return Wrong("without a command", answer);
  }
  std::uint64_t number = 0;
  std::from_chars(counter->data(), counter->data() + counter->size(), number);
  counters_.emplace_back(request.device, number);
}

// No counter of a device may come twice: each request was another one.
void Load::CheckCounters() {
  std::ranges::sort(counters_);
  for (auto at = std::ranges::adjacent_find(counters_); at != counters_.end();
       at = std::adjacent_find(at + 1, counters_.end())) {
    Wrong(
        "counter " + std::to_string(at->second) + " twice for device " + std::to_string(at->first),
        {});
  }
}

void Load::SendWhatIsDue() {
  const auto now = Clock::now();
  const std::chrono::duration<double> gap(1 / *plan_.rate);
  while (MaySend()) {
    const auto due =
        began_ + std::chrono::duration_cast<Clock::duration>(gap * static_cast<double>(scheduled_));
    if (due > now) return;
    if (idle_.empty()) {
      const auto late = static_cast<std::uint64_t>((now - due) / gap) + 1;
      result_.longest_backlog = std::max(result_.longest_backlog, late);
      return;
    }
    const std::size_t number = idle_.front();
    idle_.pop_front();
    ++scheduled_;
    GiveNext(number, due);
  }
}

void Load::WakeSleepers() {
  const auto now = Clock::now();
  while (!sleepers_.empty() && sleepers_.top().at <= now) {
    const std::size_t number = sleepers_.top().client;
    sleepers_.pop();
    Client& client = *clients_[number];
    if (over_) continue;
    if (!client.open) {
      Connect(number);
    } else if (client.up && client.request && !client.sent) {
      Send(number);
    }
  }
}

void Load::PassInstants() {
  const auto now = Clock::now();
  if (!counting_ && !over_ && now >= counted_from_) {
    counting_ = true;
    counted_from_ = now;
    hooks_.begin();
  }
  if (over_ || (now < ends_ && next_ < requests_.size())) return;
  over_ = true;
  result_.ran_out = now < ends_;
  if (counting_) {
    result_.seconds = std::chrono::duration<double>(now - counted_from_).count();
    hooks_.end();
  }
  counting_ = false;
  // Those that wait for a time that Retry-After named will not send again.
  for (const auto& client : clients_) {
    if (client->request && !client->sent) {
      client->request.reset();
      --out_;
    }
  }
}

Clock::duration Load::NextWait() const {
  const auto now = Clock::now();
  Clock::duration wait = kLongestWait;
  if (!sleepers_.empty()) wait = std::min(wait, sleepers_.top().at - now);
  if (plan_.rate && MaySend() && !idle_.empty()) {
    const std::chrono::duration<double> at(static_cast<double>(scheduled_) / *plan_.rate);
    wait = std::min(wait, began_ + std::chrono::duration_cast<Clock::duration>(at) - now);
  }
  if (!over_) wait = std::min(wait, (counting_ ? ends_ : counted_from_) - now);
  return std::max(wait, Clock::duration{0});
}

Result<LoadResult> Load::Run() {
  const auto whole = [](std::chrono::duration<double> time) {
    return std::chrono::duration_cast<Clock::duration>(time);
  };
  began_ = Clock::now();
  counted_from_ = began_ + whole(plan_.warm_up);
  ends_ = counted_from_ + whole(plan_.seconds);
  for (std::size_t number = 0; number < clients_.size(); ++number) Connect(number);
  std::array<epoll_event, kEventsAtOnce> events;
  while (!over_ || (out_ != 0 && Clock::now() < ends_ + kPatienceAfterwards)) {
    const auto nanoseconds =
        std::chrono::duration_cast<std::chrono::nanoseconds>(NextWait()).count();
    const timespec wait{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
    const int ready = ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                     &wait, nullptr);
    if (ready < 0 && errno != EINTR) return Failure{Reason::kConfiguration, std::strerror(errno)};
    for (int i = 0; i < ready; ++i) {
      const std::size_t number = events[static_cast<std::size_t>(i)].data.u64;
      if (clients_[number]->open) Step(number, clients_[number]->connection.Continue());
    }
    WakeSleepers();
    PassInstants();
    if (plan_.rate) SendWhatIsDue();
  }
  result_.unanswered = out_;
  CheckCounters();
  return std::move(result_);
}

}  // namespace

Result<LoadResult> RunLoad(const RequestMaker& maker, const std::vector<SignedRequest>& requests,
                           const LoadPlan& plan, const LoadHooks& hooks) {
  Load load(maker, requests, plan, hooks);
  if (const auto open = load.Open(); !open) return open.error();
  return load.Run();
}

}  // namespace acb::bench
