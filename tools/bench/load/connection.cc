#include "tools/bench/load/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>

namespace acb::bench {
namespace {

constexpr std::size_t kReadOctets = 32 * 1024;
constexpr std::size_t kMaxAnswerOctets = 1024 * 1024;
constexpr std::string_view kStatusLine = "HTTP/1.1 ";

unsigned NumberOf(std::string_view text) {
  unsigned number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// The value of a header; the service writes each name in one way.
std::optional<std::string_view> HeaderOf(std::string_view head, std::string_view name) {
  const std::size_t at = head.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = head.substr(at + name.size());
  return rest.substr(0, rest.find("\r\n"));
}

}  // namespace

bool Connection::Open(SSL_CTX* context, const std::string& address, std::uint16_t port) {
  Close();
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &to.sin_addr) != 1) return false;
  socket_ = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) return false;
  const int yes = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 &&
      errno != EINPROGRESS) {
    return false;
  }
  ssl_.reset(SSL_new(context));
  if (!ssl_ || SSL_set_fd(ssl_.get(), socket_.get()) != 1) return false;
  SSL_set_connect_state(ssl_.get());
  state_ = State::kHandshake;
  wants_to_write_ = true;  // that is when it is connected
  return true;
}

void Connection::Close() {
  state_ = State::kClosed;
  ssl_.reset();
  socket_.Close();
  in_.clear();
}

Connection::Progress Connection::Send(std::string request) {
  out_ = std::move(request);
  sent_ = 0;
  in_.clear();
  state_ = State::kSending;
  return Write();
}

Connection::Progress Connection::Continue() {
  switch (state_) {
    case State::kHandshake:
      return Handshake();
    case State::kSending:
      return Write();
    case State::kReceiving:
    case State::kReady:  // nothing is expected: it can only be the end
      return Read();
    case State::kClosed:
      break;
  }
  return Progress::kLost;
}

Connection::Progress Connection::After(int code) {
  const int error = SSL_get_error(ssl_.get(), code);
  wants_to_write_ = error == SSL_ERROR_WANT_WRITE;
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Progress::kWaiting;
  ERR_clear_error();
  Close();
  return Progress::kLost;
}

Connection::Progress Connection::Handshake() {
  ERR_clear_error();
  const int code = SSL_do_handshake(ssl_.get());
  if (code != 1) return After(code);
  wants_to_write_ = false;
  state_ = State::kReady;
  return Progress::kReady;
}

Connection::Progress Connection::Write() {
  while (sent_ < out_.size()) {
    std::size_t written = 0;
    ERR_clear_error();
    const int code = SSL_write_ex(ssl_.get(), out_.data() + sent_, out_.size() - sent_, &written);
    if (code != 1) return After(code);
    sent_ += written;
  }
  wants_to_write_ = false;
  state_ = State::kReceiving;
  return Progress::kWaiting;
}

Connection::Progress Connection::Read() {
  std::array<char, kReadOctets> octets;
  for (;;) {
    std::size_t received = 0;
    ERR_clear_error();
    const int code = SSL_read_ex(ssl_.get(), octets.data(), octets.size(), &received);
    if (code != 1) return After(code);
    in_.append(octets.data(), received);
    if (state_ == State::kReady || in_.size() > kMaxAnswerOctets) {
      Close();
      return Progress::kLost;
    }
    // One read more would only say that there is no more.
    if (ParseAnswer()) {
      state_ = State::kReady;
      return Progress::kAnswered;
    }
  }
}

bool Connection::ParseAnswer() {
  const std::size_t end = in_.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const std::string_view head = std::string_view(in_).substr(0, end + 2);
  const std::size_t size = NumberOf(HeaderOf(head, "\r\nContent-Length: ").value_or("0"));
  if (in_.size() < end + 4 + size) return false;
  answer_ = HttpAnswer{};
  if (head.starts_with(kStatusLine)) {
    answer_.status = static_cast<int>(NumberOf(head.substr(kStatusLine.size())));
  }
  if (const auto after = HeaderOf(head, "\r\nRetry-After: "))
    answer_.retry_after = NumberOf(*after);
  answer_.close = HeaderOf(head, "\r\nConnection: ") == "close";
  answer_.body = in_.substr(end + 4, size);
  return true;
}

}  // namespace acb::bench
