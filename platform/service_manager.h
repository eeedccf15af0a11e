// The service manager's side of a unit with Type=notify: the sockets it opened, what it is told,
// and its watchdog. The protocols of sd_notify(3) and sd_listen_fds(3), which are a datagram and
// three environment variables: libsystemd would bring four compression libraries into the process
// that holds the keys.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/base/descriptor.h"
#include "firmware/base/result.h"

namespace acb::platform {

// One thread at a time. Without a service manager every call does nothing.
class ServiceManager {
 public:
  // Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and takes them out of the environment, so
  // that no child speaks for the service; connects now, as no socket can be made later. Before any
  // thread. kConfiguration: it is named and cannot be reached.
  static Result<ServiceManager> Connect();

  void Ready() { Tell("READY=1\nSTATUS=ready to sign"); }
  // Serves, and says why it cannot sign.
  void ReadyBut(std::string_view why);
  // Type=notify of systemd 252 knows no end of a reload but READY=1.
  void Reloading();
  void Stopping() { Tell("STOPPING=1\nSTATUS=stopping"); }
  void Alive() { Tell("WATCHDOG=1"); }
  // The service manager may kill the service for it at once (WatchdogSec and its core limit apply).
  void Failing(std::string_view why);

  // Whether one is there, which starts a service again that has failed.
  bool there() const { return static_cast<bool>(socket_); }
  // How long it waits for Alive() before it ends the service; nothing: it does not.
  std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }

 private:
  void Tell(std::string_view text);
  Descriptor socket_;
  std::optional<std::chrono::microseconds> watchdog_;
};

// The one listening TCP socket that the service manager opened (LISTEN_PID, LISTEN_FDS), with
// close-on-exec and not blocking; invalid when there is none. Takes the variables out of the
// environment. kConfiguration: more than one, or it is none that listens for TCP.
Result<Descriptor> InheritedListener();

}  // namespace acb::platform
