// A preloaded library that tries, from inside acbd and from inside its lister, what nobody who got
// into them may do. For tests only: test_sandbox.py, which reads what it says on standard error.
//
//   ACB_INTRUDER     a file: as soon as it is there, each place below tries everything once
//   ACB_INTRUDER_OK  a file that may be read, the accepted neighbour of each refused one
//   ACB_INTRUDER_PORT  a TCP port of 127.0.0.1 where somebody listens
//
// Places: the main thread (sigtimedwait), a thread of the server that was there before the list of
// system calls (accept4), the lister (fork). A line: "intruder PLACE WHAT ERRNO", 0 when it was
// done.
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

void Say(const char* place, const char* what, int error) {
  char line[128];
  const int size = std::snprintf(line, sizeof line, "intruder %s %s %d\n", place, what, error);
  if (write(STDERR_FILENO, line, static_cast<std::size_t>(size)) < 0) return;
}

int Outcome(long result) { return result < 0 ? errno : 0; }

int TryOpen(const char* path, int flags) {
  const int descriptor = open(path, flags | O_CLOEXEC | O_NONBLOCK, 0600);
  if (descriptor < 0) return errno;
  close(descriptor);
  return 0;
}

int TryConnect() {
  const char* port = std::getenv("ACB_INTRUDER_PORT");
  const int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (made < 0) return errno;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<in_port_t>(std::atoi(port)));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int outcome = Outcome(connect(made, reinterpret_cast<sockaddr*>(&to), sizeof to));
  close(made);
  return outcome;
}

// In place of the descriptor that nobody has: with the call allowed it is EBADF.
int TryConnectCall() {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  return Outcome(connect(-1, reinterpret_cast<sockaddr*>(&to), sizeof to));
}

int TryExec() {
  char name[] = "/bin/true";
  char* const words[] = {name, nullptr};
  return Outcome(execve(name, words, environ));
}

int TryFork() {
  const pid_t child = static_cast<pid_t>(syscall(SYS_fork));
  if (child == 0) _exit(0);
  return Outcome(child);
}

int TryCodeInMemory() {
  void* const at =
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return at == MAP_FAILED ? errno : 0;
}

void TryAll(const char* place) {
  // The box's own files are open to it as before.
  Say(place, "open-own", TryOpen(std::getenv("ACB_INTRUDER_OK"), O_RDONLY));
  Say(place, "open-passwd", TryOpen("/etc/passwd", O_RDONLY));
  Say(place, "open-root", TryOpen("/", O_RDONLY | O_DIRECTORY));
  Say(place, "write-tmp", TryOpen("/tmp/acb-intruder", O_WRONLY | O_CREAT));
  Say(place, "open-memory", TryOpen("/proc/self/mem", O_RDWR));
  Say(place, "truncate", Outcome(truncate("/tmp/acb-intruder-none", 0)));
  Say(place, "exec", TryExec());
  Say(place, "ptrace", Outcome(ptrace(PTRACE_ATTACH, getppid(), nullptr, nullptr)));
  Say(place, "ptrace-me", Outcome(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)));
  Say(place, "connect", TryConnect());
  Say(place, "connect-call", TryConnectCall());
  Say(place, "kill-parent", Outcome(kill(getppid(), 0)));
  Say(place, "mount", Outcome(syscall(SYS_mount, "none", "/", "none", 0, nullptr)));
  Say(place, "unshare", Outcome(syscall(SYS_unshare, 0x10000000)));
  Say(place, "io-uring", Outcome(syscall(SYS_io_uring_setup, 1, nullptr)));
  if (std::strcmp(place, "lister") != 0) {
    Say(place, "fork", TryFork());
    Say(place, "code-in-memory", TryCodeInMemory());
  }
  Say(place, "end", 0);
}

void TryOnce(const char* place, std::atomic<bool>& tried) {
  const char* const sign = std::getenv("ACB_INTRUDER");
  if (sign == nullptr || access(sign, F_OK) != 0 || tried.exchange(true)) return;
  TryAll(place);
}

template <class Function>
Function Next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

std::atomic<bool> main_tried{false};
std::atomic<bool> thread_tried{false};
std::atomic<bool> lister_tried{false};

}  // namespace

extern "C" {

int sigtimedwait(const sigset_t* set, siginfo_t* info, const timespec* timeout) {
  static const auto next = Next<decltype(&sigtimedwait)>("sigtimedwait");
  TryOnce("main", main_tried);
  return next(set, info, timeout);
}

int accept4(int listener, sockaddr* address, socklen_t* size, int flags) {
  static const auto next = Next<decltype(&accept4)>("accept4");
  TryOnce("thread", thread_tried);
  return next(listener, address, size, flags);
}

pid_t fork() {
  static const auto next = Next<decltype(&fork)>("fork");
  char name[17] = {};
  prctl(PR_GET_NAME, name);
  if (std::strcmp(name, "acb-lister") == 0) TryOnce("lister", lister_tried);
  return next();
}
}
