#include "platform/https_server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <openssl/rand.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <deque>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>

#include "platform/handshake_budget.h"
#include "platform/http_connection.h"
#include "platform/tls.h"

namespace acb::platform {
namespace {

// Where a crowd waits for its handshakes; the kernel may know better (net.core.somaxconn).
constexpr int kListenBacklog = 4096;
// Lines a second about connections that never became requests; the rest is counted.
constexpr std::uint64_t kTroubleLinesPerSecond = 10;
// A handshake takes some 2 ms of work, on a busy machine many times as long: one that is older and
// still not done waits for its client, and may be cut when there is no room. While known clients
// come through it is rather the crowd that is slow, and to cut what is under way would be work
// lost.
constexpr std::chrono::milliseconds kArrivalGrace{1000};
constexpr std::chrono::milliseconds kCrowdGrace{5000};
constexpr std::chrono::milliseconds kCrowdComesThrough{500};
// How long a known client waits for a served place before it is told 503. This also slows down
// those who come back at once: a handshake costs as much as a hundred requests (ecosystem.md
// section 4).
constexpr std::chrono::milliseconds kPlacePatience{1000};
// How long the acceptor waits for room before it looks again for an arrival to cut.
constexpr std::chrono::milliseconds kEvictionPause{50};
constexpr std::chrono::milliseconds kNoDescriptorPause{100};
// What handshakes cost is known better after each: the acceptor looks again this often.
constexpr std::chrono::milliseconds kLongestPause{100};
// One served place of so many is for the role dsp alone: no other client can keep handovers out by
// connecting often.
constexpr std::size_t kPlacesPerDspPlace = 4;
// And one of so many is for other clients than any one.
constexpr std::size_t kPlacesPerForeignPlace = 64;

Failure CannotListen(const HttpsServerSettings& settings, std::string_view why) {
  return Failure{Reason::kConfiguration, "cannot listen on " + settings.address + ":" +
                                             std::to_string(settings.port) + ": " +
                                             std::string(why)};
}

Result<Descriptor> Listen(const HttpsServerSettings& settings) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(settings.port);
  if (const int code = ::getaddrinfo(settings.address.c_str(), port.c_str(), &hints, &found);
      code != 0) {
    return CannotListen(settings, ::gai_strerror(code));
  }
  const Handle<addrinfo, ::freeaddrinfo> address(found);
  Descriptor socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      ::bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(socket.get(), kListenBacklog) != 0) {
    return CannotListen(settings, std::strerror(errno));
  }
  return socket;
}

std::uint16_t BoundPort(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

// Signals are main's business: while this lives, threads are made that take none.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    // Faults of the thread itself stay visible to whoever looks for them (sanitizers).
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) ::sigdelset(&all, fault);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

// Processor time of this thread.
std::chrono::nanoseconds ThreadTime() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// Of this run: what tells its requests from those of another one in a log of both.
std::string NewRunPrefix() {
  std::array<std::uint8_t, 4> octets{};
  if (RAND_bytes(octets.data(), static_cast<int>(octets.size())) != 1) std::abort();
  return ToHex(octets);
}

}  // namespace

class HttpsServer::Impl {
 public:
  Impl(HttpsServerSettings settings, Router router, const Log& log)
      : settings_(std::move(settings)),
        router_(std::move(router)),
        log_(log),
        budget_(settings_.handshake_share * std::max(1U, std::thread::hardware_concurrency()),
                Clock::now()) {}

  Status Open();
  Status StartThreads();
  void Stop(std::chrono::milliseconds patience);
  Status Reload(const AccessSettings& settings);

  std::uint16_t port() const { return port_; }
  std::uint64_t rounds() const { return rounds_; }
  std::size_t connections() const {
    const std::scoped_lock lock(mutex_);
    return served_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  enum class Phase { kFree, kArriving, kKnown, kServed };
  // What one worker is doing; guarded by mutex_.
  struct Place {
    Phase phase = Phase::kFree;
    int socket = -1;  // open as long as it stands here: what Cut may shut down
    Clock::time_point since;
    bool other = false;  // served, and not of the role dsp
    std::string client;  // served: whose connection it is
  };

  void AcceptLoop();
  bool AwaitBudget();
  void TakeIn(Descriptor socket);
  void EvictOldestArrival();  // mutex_ held
  void WorkLoop(Place& place);
  void Serve(Place& place, Descriptor socket);
  // Moves a known client's place to the served ones, as soon as there is room; false when there is
  // none in time.
  std::size_t LimitOf(const Standing& standing) const;
  bool Promote(Place& place, const ClientIdentity& client, std::size_t limit);
  void LogTrouble(std::string_view event, const std::string& connection, const std::string& peer,
                  std::string_view error);

  const HttpsServerSettings settings_;
  const Router router_;
  const Log& log_;
  HandshakeBudget budget_;
  std::optional<LiveAccess> access_;  // from Open() on
  const std::string run_ = NewRunPrefix();
  std::atomic<std::uint64_t> connection_number_ = 0;
  Descriptor listener_;
  Descriptor stop_event_;
  std::uint16_t port_ = 0;
  std::atomic<std::uint64_t> rounds_ = 0;

  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::condition_variable work_;     // a socket is queued, or stopping
  std::condition_variable changed_;  // a place became free
  std::deque<Descriptor> queue_;     // at most kArrivingConnections
  std::vector<Place> places_;
  std::size_t arriving_ = 0;  // queued, shaking hands, or to be refused
  std::size_t served_ = 0;
  std::size_t others_ = 0;                                     // of these, not of the role dsp
  std::map<std::string, std::size_t, std::less<>> by_client_;  // of these, of each client
  Clock::time_point last_known_;  // when a known client's handshake was last done

  std::mutex trouble_mutex_;
  Clock::time_point trouble_second_;
  std::uint64_t trouble_lines_ = 0;

  std::thread acceptor_;
  std::vector<std::thread> workers_;
};

Status HttpsServer::Impl::Open() {
  auto access = Access::Load(settings_.access, router_);
  if (!access) return std::move(access).error();
  if (settings_.in_force) settings_.in_force((*access)->Ends());
  access_.emplace(*std::move(access));
  stop_event_ = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_event_) return CannotListen(settings_, std::strerror(errno));
  if (settings_.listener >= 0) {
    listener_ = Descriptor(settings_.listener);
  } else {
    auto listener = Listen(settings_);
    if (!listener) return listener.error();
    listener_ = *std::move(listener);
  }
  port_ = BoundPort(listener_.get());
  return Done{};
}

Status HttpsServer::Impl::StartThreads() {
  const SignalsBlocked blocked;
  places_.resize(settings_.connections + kArrivingConnections);
  try {  // std::thread says in no other way that there is no room for it
    for (Place& place : places_) workers_.emplace_back([this, &place] { WorkLoop(place); });
    if (settings_.before_first_connection) {
      if (Status ready = settings_.before_first_connection(); !ready) return ready;
    }
    acceptor_ = std::thread([this] { AcceptLoop(); });
  } catch (const std::system_error& error) {
    return Failure{Reason::kConfiguration,
                   "cannot start " + std::to_string(places_.size()) + " threads: " + error.what()};
  }
  return Done{};
}

void HttpsServer::Impl::AcceptLoop() {
  ::prctl(PR_SET_NAME, "acb-acceptor");
  while (!stopping_) {
    ++rounds_;
    const auto until = Clock::now() + kAcceptorRound;
    const auto outcome = WaitFor(listener_.get(), POLLIN, stop_event_.get(), until);
    if (outcome != IoOutcome::kDone || !AwaitBudget()) continue;
    Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) {
      TakeIn(std::move(socket));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      LogTrouble("accept_failed", {}, {}, std::strerror(errno));
      std::this_thread::sleep_for(kNoDescriptorPause);
    }
  }
}

// False when the service stops.
bool HttpsServer::Impl::AwaitBudget() {
  for (auto wait = budget_.Wait(Clock::now()); wait.count() > 0;
       wait = budget_.Wait(Clock::now())) {
    ++rounds_;
    const auto until = Clock::now() + std::min<Clock::duration>(wait, kLongestPause);
    if (WaitFor(stop_event_.get(), POLLIN, -1, until) != IoOutcome::kTimeout) return false;
  }
  return !stopping_;
}

void HttpsServer::Impl::TakeIn(Descriptor socket) {
  std::unique_lock lock(mutex_);
  while (arriving_ >= kArrivingConnections && !stopping_) {
    ++rounds_;
    EvictOldestArrival();
    changed_.wait_for(lock, kEvictionPause);
  }
  if (stopping_) return;
  ++arriving_;
  budget_.Begin();
  queue_.push_back(std::move(socket));
  work_.notify_one();
}

void HttpsServer::Impl::EvictOldestArrival() {
  const auto now = Clock::now();
  const bool crowd = now - last_known_ < kCrowdComesThrough;
  const auto old_enough = now - (crowd ? kCrowdGrace : kArrivalGrace);
  Place* oldest = nullptr;
  for (Place& place : places_) {
    if (place.phase != Phase::kArriving || place.socket < 0 || place.since > old_enough) continue;
    if (oldest == nullptr || place.since < oldest->since) oldest = &place;
  }
  if (oldest == nullptr) return;
  ::shutdown(oldest->socket, SHUT_RDWR);
  oldest->socket = -1;  // cut once; its worker is on its way out
}

void HttpsServer::Impl::WorkLoop(Place& place) {
  for (;;) {
    Descriptor socket;
    {
      std::unique_lock lock(mutex_);
      work_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      socket = std::move(queue_.front());
      queue_.pop_front();
      place = {Phase::kArriving, socket.get(), Clock::now()};
    }
    Serve(place, std::move(socket));
    const std::scoped_lock lock(mutex_);
    --(place.phase == Phase::kServed ? served_ : arriving_);
    if (place.other) --others_;
    if (const auto own = by_client_.find(place.client); own != by_client_.end()) {
      if (--own->second == 0) by_client_.erase(own);
    }
    place = {};
    changed_.notify_all();
  }
}

void HttpsServer::Impl::Serve(Place& place, Descriptor socket) {
  const std::string peer_address = PeerAddress(socket.get());
  const std::string number = run_ + "-" + std::to_string(++connection_number_);
  auto access = access_->Current();
  TlsStream stream(access->context(), std::move(socket), stop_event_.get());
  // Before the stream closes the socket its number leaves the place: nobody shuts down another's.
  const auto forget = [this, &place](const TlsStream*) {
    const std::scoped_lock lock(mutex_);
    place.socket = -1;
  };
  const std::unique_ptr<const TlsStream, decltype(forget)> forgetter(&stream, forget);

  const auto before = ThreadTime();
  const IoOutcome accepted = stream.Accept(After(settings_.handshake_deadline));
  budget_.End(ThreadTime() - before);
  if (accepted != IoOutcome::kDone) {
    // A refusal is said whatever comes; what a stop cut off is none.
    if (accepted == IoOutcome::kFailed || !stopping_) {
      LogTrouble("handshake_failed", number, peer_address, stream.error());
    }
    stream.Close(TlsStream::Unread::kDrain);  // or a reset takes our alert with it
    return;
  }
  Standing standing(stream, *access_, std::move(access));
  Refusal refusal;
  if (!standing.client()) {
    const auto peer = stream.Peer();
    LogTrouble("unknown_client", number, peer_address, peer ? peer->sha256 : "no certificate");
    refusal = Failure{Reason::kForbidden,
                      "The client certificate is not of exactly one configured client."};
  } else if (!Promote(place, *standing.client(), LimitOf(standing))) {
    refusal = Failure{Reason::kBusy, "All connections are taken."};
  }
  const bool served = !refusal;
  HttpConnection(stream, settings_, router_, stopping_, standing, {number, peer_address},
                 std::move(refusal))
      .Run();
  if (served && !standing.Holds()) {
    log_.Notice("access-ended", {{"connection", number},
                                 {"peer", peer_address},
                                 {"why",
                                  "the client certificate is refused now: revoked, out of "
                                  "date, or of no configured client"}});
  }
}

// Of the connections of this one's client.
std::size_t HttpsServer::Impl::LimitOf(const Standing& standing) const {
  const std::size_t own = standing.access().ConnectionsOf(standing.client()->name);
  if (own != 0) return own;
  if (settings_.client_connections != 0) return settings_.client_connections;
  return settings_.connections - settings_.connections / kPlacesPerForeignPlace;
}

bool HttpsServer::Impl::Promote(Place& place, const ClientIdentity& client, std::size_t limit) {
  const bool other = client.role != Role::kDsp;
  const std::size_t for_others = settings_.connections - settings_.connections / kPlacesPerDspPlace;
  std::unique_lock lock(mutex_);
  place.phase = Phase::kKnown;  // no longer a stranger that may be cut
  last_known_ = Clock::now();
  const bool room = changed_.wait_for(lock, kPlacePatience, [&] {
    const auto own = by_client_.find(client.name);
    return stopping_ || (served_ < settings_.connections && (!other || others_ < for_others) &&
                         (own == by_client_.end() || own->second < limit));
  });
  if (!room || stopping_) {
    // It is only told so: it may be cut when others need the room.
    place.phase = Phase::kArriving;
    place.since = Clock::now();
    return false;
  }
  place.phase = Phase::kServed;
  place.other = other;
  place.client = client.name;
  ++by_client_[client.name];
  ++served_;
  if (other) ++others_;
  --arriving_;
  changed_.notify_all();
  return true;
}

Status HttpsServer::Impl::Reload(const AccessSettings& settings) {
  auto access = Access::Load(settings, router_);
  if (!access) return std::move(access).error();
  const TlsEnds ends = (*access)->Ends();
  access_->Replace(*std::move(access));
  if (settings_.in_force) settings_.in_force(ends);
  return Done{};
}

void HttpsServer::Impl::LogTrouble(std::string_view event, const std::string& connection,
                                   const std::string& peer, std::string_view error) {
  const std::scoped_lock lock(trouble_mutex_);
  std::uint64_t suppressed = 0;
  if (Clock::now() - trouble_second_ >= std::chrono::seconds(1)) {
    suppressed =
        trouble_lines_ > kTroubleLinesPerSecond ? trouble_lines_ - kTroubleLinesPerSecond : 0;
    trouble_second_ = Clock::now();
    trouble_lines_ = 0;
  }
  if (++trouble_lines_ > kTroubleLinesPerSecond) return;
  log_.Warning(event, {{"connection", connection},
                       {"peer", peer},
                       {"error", error},
                       {"suppressed_before", suppressed}});
}

void HttpsServer::Impl::Stop(std::chrono::milliseconds patience) {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    work_.notify_all();
    changed_.notify_all();
  }
  const std::uint64_t one = 1;
  // Readable from now on, for every wait that gives up when the service stops.
  if (::write(stop_event_.get(), &one, sizeof one) != sizeof one) std::abort();
  if (acceptor_.joinable()) acceptor_.join();
  listener_.Close();
  {
    std::unique_lock lock(mutex_);
    arriving_ -= queue_.size();
    queue_.clear();
    changed_.wait_for(lock, patience, [&] { return served_ + arriving_ == 0; });
    for (Place& place : places_) {
      if (place.socket >= 0) ::shutdown(place.socket, SHUT_RDWR);
    }
  }
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

HttpsServer::HttpsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpsServer::~HttpsServer() { Stop(std::chrono::milliseconds(0)); }

Result<std::unique_ptr<HttpsServer>> HttpsServer::Start(HttpsServerSettings settings, Router router,
                                                        const Log& log) {
  auto impl = std::make_unique<Impl>(std::move(settings), std::move(router), log);
  if (const auto open = impl->Open(); !open) return open.error();
  std::unique_ptr<HttpsServer> server(new HttpsServer(std::move(impl)));
  // A server that has only some of its threads is stopped by its destructor.
  if (const auto started = server->impl_->StartThreads(); !started) return started.error();
  return server;
}

Status HttpsServer::Reload(const AccessSettings& access) { return impl_->Reload(access); }
std::uint16_t HttpsServer::port() const { return impl_->port(); }
std::uint64_t HttpsServer::rounds() const { return impl_->rounds(); }
std::size_t HttpsServer::connections() const { return impl_->connections(); }
void HttpsServer::Stop(std::chrono::milliseconds patience) { impl_->Stop(patience); }

}  // namespace acb::platform
