#include "platform/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "firmware/base/request_id.h"

namespace acb::platform {
namespace {

constexpr int kFirstInherited = 3;  // SD_LISTEN_FDS_START
constexpr std::size_t kMaxStatusOctets = 200;

// The variable, which is gone afterwards; empty when it was not there.
std::string Take(const char* name) {
  const char* value = std::getenv(name);
  std::string text = value != nullptr ? value : "";
  ::unsetenv(name);
  return text;
}

bool IsForUs(const std::string& pid) {
  const auto number = ParseDecimal(pid);
  return number && *number == static_cast<std::uint64_t>(::getpid());
}

Failure CannotTell(const std::string& path, std::string_view why) {
  return Failure(Reason::kConfiguration, "NOTIFY_SOCKET names " + path + ": " + std::string(why));
}

// One line of STATUS=: nothing of it may be read as another variable.
std::string OneLine(std::string_view text) {
  std::string line(text.substr(0, kMaxStatusOctets));
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return line;
}

Result<Descriptor> ConnectTo(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path || (path.front() != '/' && path.front() != '@')) {
    return CannotTell(path, "is no path and no abstract name");
  }
  std::ranges::copy(path, address.sun_path);
  if (path.front() == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  Descriptor made(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!made || ::connect(made.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) {
    return CannotTell(path, std::strerror(errno));
  }
  return made;
}

// Of a socket of the option's level SOL_SOCKET.
int OptionOf(int socket, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  if (::getsockopt(socket, SOL_SOCKET, option, &value, &size) != 0) return -1;
  return value;
}

}  // namespace

Result<ServiceManager> ServiceManager::Connect() {
  ServiceManager manager;
  const std::string path = Take("NOTIFY_SOCKET");
  const std::string limit = Take("WATCHDOG_USEC");
  const std::string watched = Take("WATCHDOG_PID");
  if (path.empty()) return manager;
  auto socket = ConnectTo(path);
  if (!socket) return std::move(socket).error();
  manager.socket_ = *std::move(socket);
  const auto microseconds = ParseDecimal(limit);
  if (microseconds && *microseconds > 0 && *microseconds < std::uint64_t{1} << 50U &&
      (watched.empty() || IsForUs(watched))) {
    manager.watchdog_ = std::chrono::microseconds(*microseconds);
  }
  return manager;
}

void ServiceManager::Tell(std::string_view text) {
  if (!socket_) return;
  // A service manager that does not read loses a datagram; the service goes on.
  static_cast<void>(::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

void ServiceManager::ReadyBut(std::string_view why) {
  Tell("READY=1\nSTATUS=cannot sign: " + OneLine(why));
}

void ServiceManager::Reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto since = std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  const auto count = std::chrono::duration_cast<std::chrono::microseconds>(since).count();
  Tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(count));
}

void ServiceManager::Failing(std::string_view why) {
  Tell("STATUS=no progress: " + OneLine(why) + "\nWATCHDOG=trigger");
}

Result<Descriptor> InheritedListener() {
  const std::string pid = Take("LISTEN_PID");
  const std::string count = Take("LISTEN_FDS");
  ::unsetenv("LISTEN_FDNAMES");
  if (!IsForUs(pid) || count.empty() || count == "0") return Descriptor();
  const auto wrong = [](std::string_view what) {
    return Failure(Reason::kConfiguration,
                   "LISTEN_FDS: " + std::string(what) + " (acbd.socket has one ListenStream=)");
  };
  if (count != "1") return wrong("one socket is expected, not " + count);
  Descriptor socket(kFirstInherited);
  const int domain = OptionOf(kFirstInherited, SO_DOMAIN);
  if ((domain != AF_INET && domain != AF_INET6) ||
      OptionOf(kFirstInherited, SO_TYPE) != SOCK_STREAM ||
      OptionOf(kFirstInherited, SO_ACCEPTCONN) != 1) {
    return wrong("descriptor 3 is no socket that listens for TCP");
  }
  const int flags = ::fcntl(kFirstInherited, F_GETFL);
  if (flags < 0 || ::fcntl(kFirstInherited, F_SETFL, flags | O_NONBLOCK) != 0 ||
      ::fcntl(kFirstInherited, F_SETFD, FD_CLOEXEC) != 0) {
    return wrong(std::strerror(errno));
  }
  return socket;
}

}  // namespace acb::platform
