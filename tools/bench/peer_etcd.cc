#include "tools/bench/peer_etcd.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/handle.h"

namespace acb::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::string_view kPath = "/etcdserverpb.KV/Put";
constexpr std::size_t kReadOctets = 64 * 1024;

Failure Failed(std::string_view what) {
  return Failure(Reason::kStoreUnavailable, {}, "etcd: " + std::string(what));
}

// gRPC: uncompressed, length (4, big-endian); then PutRequest: field 1 the key, field 2 the value.
constexpr std::size_t kMessage = 2 * (2 + 8);
using Body = std::array<std::uint8_t, 1 + 4 + kMessage>;

Body PutRequest(std::uint64_t key, std::uint64_t value) {
  Body body{0, 0, 0, 0, kMessage};
  constexpr std::uint8_t kKeyField = 1 << 3 | 2;
  constexpr std::uint8_t kValueField = 2 << 3 | 2;
  std::size_t at = 5;
  for (const auto& [field, number] : {std::pair(kKeyField, key), std::pair(kValueField, value)}) {
    body[at++] = field;
    body[at++] = sizeof number;
    for (int shift = 56; shift >= 0; shift -= 8) {
      body[at++] = static_cast<std::uint8_t>(number >> shift);
    }
  }
  return body;
}

// One connection, used by one thread.
class Connection {
 public:
  Connection(const EtcdWish& wish, std::uint64_t seed) : wish_(wish), random_(seed) {}
  ~Connection() {
    if (socket_ >= 0) close(socket_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Status Open();
  // Until `end`; what is under way then is brought to its end.
  Status Run(std::size_t streams, Clock::time_point end);
  const std::vector<double>& taken_ms() const { return taken_ms_; }

 private:
  struct Put {
    Body body;
    std::size_t sent = 0;
    Clock::time_point began;
    bool good = false;  // grpc-status: 0
  };

  static Connection& Of(void* user) { return *static_cast<Connection*>(user); }
  static ssize_t ReadBody(nghttp2_session*, std::int32_t, std::uint8_t* out, std::size_t size,
                          std::uint32_t* flags, nghttp2_data_source* source, void*);
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t, void* user);
  static int OnClose(nghttp2_session*, std::int32_t stream, std::uint32_t, void* user);
  Status Submit();
  Status SendAll();
  Status Receive();

  const EtcdWish& wish_;
  std::mt19937_64 random_;
  int socket_ = -1;
  Handle<nghttp2_session, nghttp2_session_del> session_;
  std::map<std::int32_t, Put> puts_;
  Clock::time_point end_;
  std::vector<double> taken_ms_;
  std::optional<Failure> failure_;
};

Status Connection::Open() {
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(wish_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int yes = 1;
  if (socket_ < 0 ||
      connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0) {
    return Failed("cannot connect");
  }
  nghttp2_session_callbacks* made = nullptr;
  if (nghttp2_session_callbacks_new(&made) != 0) return Failed("nghttp2");
  const Handle<nghttp2_session_callbacks, nghttp2_session_callbacks_del> callbacks(made);
  nghttp2_session_callbacks_set_on_header_callback(made, OnHeader);
  nghttp2_session_callbacks_set_on_stream_close_callback(made, OnClose);
  nghttp2_session* session = nullptr;
  if (nghttp2_session_client_new(&session, made, this) != 0) return Failed("nghttp2");
  session_.reset(session);
  if (nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, nullptr, 0) != 0) {
    return Failed("nghttp2");
  }
  return Done{};
}

ssize_t Connection::ReadBody(nghttp2_session*, std::int32_t, std::uint8_t* out, std::size_t size,
                             std::uint32_t* flags, nghttp2_data_source* source, void*) {
  Put& put = *static_cast<Put*>(source->ptr);
  const std::size_t count = std::min(size, put.body.size() - put.sent);
  std::copy_n(put.body.data() + put.sent, count, out);
  put.sent += count;
  if (put.sent == put.body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(count);
}

int Connection::OnHeader(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                         std::uint8_t, void* user) {
  if (!Equal(BytesView(name, name_size), AsBytes("grpc-status"))) return 0;
  const auto put = Of(user).puts_.find(frame->hd.stream_id);
  if (put != Of(user).puts_.end()) {
    put->second.good = Equal(BytesView(value, value_size), AsBytes("0"));
  }
  return 0;
}

int Connection::OnClose(nghttp2_session*, std::int32_t stream, std::uint32_t, void* user) {
  Connection& own = Of(user);
  const auto put = own.puts_.find(stream);
  if (put == own.puts_.end()) return 0;
  if (!put->second.good) own.failure_ = Failed("a put was refused");
  const Clock::time_point now = Clock::now();
  own.taken_ms_.push_back(
      std::chrono::duration<double, std::milli>(now - put->second.began).count());
  own.puts_.erase(put);
  if (now < own.end_ && !own.failure_) {
    if (Status next = own.Submit(); !next) own.failure_ = std::move(next).error();
  }
  return 0;
}

Status Connection::Submit() {
  const auto header = [](std::string_view name, std::string_view value) {
    return nghttp2_nv{reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                      reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
                      value.size(), NGHTTP2_NV_FLAG_NONE};
  };
  const std::array<nghttp2_nv, 6> headers{header(":method", "POST"),
                                          header(":scheme", "http"),
                                          header(":path", kPath),
                                          header(":authority", "127.0.0.1"),
                                          header("content-type", "application/grpc"),
                                          header("te", "trailers")};
  // Known before nghttp2 reads from it: a node of a map stays where it is.
  const auto stream = static_cast<std::int32_t>(nghttp2_session_get_next_stream_id(session_.get()));
  Put& put = puts_[stream];
  put.body = PutRequest(random_() % wish_.devices, random_());
  put.began = Clock::now();
  nghttp2_data_provider body{};
  body.source.ptr = &put;
  body.read_callback = ReadBody;
  const std::int32_t given = nghttp2_submit_request(session_.get(), nullptr, headers.data(),
                                                    headers.size(), &body, nullptr);
  if (given != stream) return Failed("nghttp2 takes no request");
  return Done{};
}

Status Connection::SendAll() {
  Bytes out;
  for (;;) {
    const std::uint8_t* octets = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_.get(), &octets);
    if (size < 0) return Failed("nghttp2 cannot send");
    if (size == 0) break;
    out.insert(out.end(), octets, octets + size);
  }
  for (std::size_t at = 0; at < out.size();) {
    const ssize_t sent = send(socket_, out.data() + at, out.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) return Failed("the connection is gone");
    at += static_cast<std::size_t>(sent);
  }
  return Done{};
}

Status Connection::Receive() {
  std::array<std::uint8_t, kReadOctets> octets;
  const ssize_t size = recv(socket_, octets.data(), octets.size(), 0);
  if (size <= 0) return Failed("the connection is gone");
  if (nghttp2_session_mem_recv(session_.get(), octets.data(), static_cast<std::size_t>(size)) !=
      size) {
    return Failed("it does not speak HTTP/2");
  }
  if (failure_) return *failure_;
  return Done{};
}

Status Connection::Run(std::size_t streams, Clock::time_point end) {
  end_ = end;
  for (std::size_t i = 0; i < streams; ++i) {
    if (Status begun = Submit(); !begun) return begun;
  }
  while (!puts_.empty()) {
    if (Status sent = SendAll(); !sent) return sent;
    if (Status received = Receive(); !received) return received;
  }
  return Done{};
}

}  // namespace

Result<Rate> PutCounters(const EtcdWish& wish) {
  if (wish.connections < 1 || wish.connections > kMaxInFlight ||
      wish.in_flight % wish.connections != 0 || wish.in_flight / wish.connections < 1) {
    return Failure(Reason::kConfiguration, "in flight: a multiple of the connections");
  }
  std::vector<std::unique_ptr<Connection>> connections;
  for (std::size_t i = 0; i < wish.connections; ++i) {
    connections.push_back(std::make_unique<Connection>(wish, i));
    if (Status opened = connections.back()->Open(); !opened) return opened.error();
  }
  std::vector<std::optional<Failure>> failures(connections.size());
  const Clock::time_point began = Clock::now();
  const auto end = began + std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(wish.seconds));
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < connections.size(); ++i) {
      threads.emplace_back([&own = *connections[i], &failure = failures[i],
                            streams = wish.in_flight / wish.connections, end] {
        if (Status run = own.Run(streams, end); !run) failure = std::move(run).error();
      });
    }
  }
  const double taken = std::chrono::duration<double>(Clock::now() - began).count();
  std::vector<double> all;
  for (std::size_t i = 0; i < connections.size(); ++i) {
    if (failures[i]) return *std::move(failures[i]);
    all.insert(all.end(), connections[i]->taken_ms().begin(), connections[i]->taken_ms().end());
  }
  return RateOf(std::move(all), taken);
}

}  // namespace acb::bench
