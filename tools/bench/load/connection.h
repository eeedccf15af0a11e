// One keep-alive connection of the load driver: never waits, is told by epoll when to go on.
#pragma once

#include <openssl/ssl.h>

#include <optional>
#include <string>

#include "firmware/base/descriptor.h"
#include "firmware/base/handle.h"

namespace acb::bench {

struct HttpAnswer {
  int status = 0;
  std::optional<unsigned> retry_after;  // seconds
  bool close = false;
  std::string body;
};

class Connection {
 public:
  enum class Progress {
    kWaiting,   // for the socket
    kReady,     // the handshake is done: Send
    kAnswered,  // answer() has it; ready for the next unless it says close
    kLost,      // closed or failed: Open it anew
  };

  // Begins to connect. The context and address must outlive it. False: no socket.
  bool Open(SSL_CTX* context, const std::string& address, std::uint16_t port);
  // As much of `request` as the socket takes; Continue sends the rest.
  Progress Send(std::string request);
  Progress Continue();
  void Close();

  int socket() const { return socket_.get(); }
  bool wants_to_write() const { return wants_to_write_; }
  const HttpAnswer& answer() const { return answer_; }

 private:
  enum class State { kClosed, kHandshake, kReady, kSending, kReceiving };

  Progress Handshake();
  Progress Write();
  Progress Read();
  // kWaiting or kLost, after an SSL call gave `code`.
  Progress After(int code);
  bool ParseAnswer();

  State state_ = State::kClosed;
  Descriptor socket_;
  Handle<SSL, SSL_free> ssl_;
  bool wants_to_write_ = false;
  std::string out_;
  std::size_t sent_ = 0;
  std::string in_;
  HttpAnswer answer_;
};

}  // namespace acb::bench
