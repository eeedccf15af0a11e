#include "platform/system_calls.h"

#include <linux/prctl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <span>
#include <string>
#include <system_error>

#include "firmware/base/handle.h"

namespace acb::platform {
namespace {

using Filter = std::remove_pointer_t<scmp_filter_ctx>;
using FilterHandle = std::unique_ptr<Filter, FreeWith<seccomp_release>>;

// Whatever its arguments. Not in it, and so refused: exec, fork, ptrace and process_vm_*, mount,
// namespaces, keys, BPF, io_uring (which would pass this list by), time and hostname, modules,
// userfaultfd, personality, truncate(2), and every one that a later kernel adds.
constexpr int kAlways[] = {
    // open files
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64),
    SCMP_SYS(pwrite64), SCMP_SYS(preadv), SCMP_SYS(pwritev), SCMP_SYS(preadv2), SCMP_SYS(pwritev2),
    SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(dup), SCMP_SYS(fcntl), SCMP_SYS(flock),
    SCMP_SYS(fstat), SCMP_SYS(fstatfs), SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(fsync),
    SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range), SCMP_SYS(fadvise64), SCMP_SYS(getdents64),
    SCMP_SYS(copy_file_range), SCMP_SYS(sendfile), SCMP_SYS(fchmod),
    // files by name: Landlock says which
    SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(newfstatat), SCMP_SYS(stat), SCMP_SYS(lstat),
    SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
    SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(umask), SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename),
    SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(linkat),
    // memory
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(msync),
    SCMP_SYS(mlock), SCMP_SYS(mlock2), SCMP_SYS(munlock),
    // threads, time, waiting
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(set_tid_address),
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(getppid),
    SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(membarrier), SCMP_SYS(getcpu),
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select),
    SCMP_SYS(pselect6), SCMP_SYS(wait4), SCMP_SYS(pipe2), SCMP_SYS(eventfd2),
    SCMP_SYS(restart_syscall),
    // signals to itself
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait), SCMP_SYS(rt_sigpending), SCMP_SYS(sigaltstack), SCMP_SYS(alarm),
    // what it is
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(uname),
    SCMP_SYS(sysinfo), SCMP_SYS(getrlimit), SCMP_SYS(getrusage), SCMP_SYS(times),
    SCMP_SYS(getrandom)};

// Connections that are open, and those that come.
constexpr int kConnections[] = {SCMP_SYS(accept4),    SCMP_SYS(getsockname), SCMP_SYS(getpeername),
                                SCMP_SYS(setsockopt), SCMP_SYS(getsockopt),  SCMP_SYS(shutdown),
                                SCMP_SYS(recvfrom),   SCMP_SYS(recvmsg)};

// Outgoing ones: a name is asked for (UDP), then TCP.
constexpr int kOutgoing[] = {SCMP_SYS(connect), SCMP_SYS(recvmmsg), SCMP_SYS(sendmmsg)};

constexpr int kChildren[] = {SCMP_SYS(dup2),    SCMP_SYS(dup3),   SCMP_SYS(close_range),
                             SCMP_SYS(kill),    SCMP_SYS(tgkill), SCMP_SYS(mmap),
                             SCMP_SYS(mprotect)};

constexpr std::uint64_t kAllNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                         CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

Failure Refused(const std::string& what, int code) {
  return Failure(Reason::kConfiguration, "the list of system calls could not be put in force: " +
                                             what + ": " + std::generic_category().message(-code));
}

constexpr std::uint64_t kWhole = ~std::uint64_t{0};

// libseccomp's own macros for this are C.
constexpr scmp_arg_cmp Masked(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}
// Of an argument of type int: the kernel looks at no other bits.
constexpr scmp_arg_cmp Is(unsigned argument, int value) {
  constexpr std::uint64_t kInt = 0xFFFF'FFFF;
  return Masked(argument, kInt, static_cast<std::uint32_t>(value));
}

class Builder {
 public:
  explicit Builder(Filter* filter) : filter_(filter) {}

  void Allow(int call) { Keep(seccomp_rule_add(filter_, SCMP_ACT_ALLOW, call, 0)); }
  void Allow(std::span<const int> calls) {
    for (const int call : calls) Allow(call);
  }
  // Only where the argument is as compared.
  void AllowIf(int call, scmp_arg_cmp argument) {
    Keep(seccomp_rule_add_array(filter_, SCMP_ACT_ALLOW, call, 1, &argument));
  }
  void Answer(int call, std::uint32_t error) {
    Keep(seccomp_rule_add(filter_, SCMP_ACT_ERRNO(error), call, 0));
  }
  void Set(scmp_filter_attr attribute, std::uint32_t value) {
    Keep(seccomp_attr_set(filter_, attribute, value));
  }
  int code() const { return code_; }

 private:
  void Keep(int code) {
    if (code_ == 0) code_ = code;
  }
  Filter* filter_;
  int code_ = 0;
};

// New program code: in no memory that may be written, and none at all is mapped.
void AllowDataMemory(Builder& builder) {
  builder.AllowIf(SCMP_SYS(mmap), Masked(2, PROT_EXEC, 0));
  builder.AllowIf(SCMP_SYS(mprotect), Masked(2, PROT_EXEC, 0));
}

void AllowThreads(Builder& builder, bool children) {
  // clone3(2) has its flags in memory, where no filter sees them: glibc falls back to clone(2).
  builder.Answer(SCMP_SYS(clone3), ENOSYS);
  if (children) {
    builder.AllowIf(SCMP_SYS(clone), Masked(0, kAllNamespaces, 0));
  } else {
    builder.AllowIf(SCMP_SYS(clone), Masked(0, CLONE_THREAD, CLONE_THREAD));
  }
}

void AllowSignals(Builder& builder, const CallRules& rules) {
  if (rules.children) return;
  const pid_t self = getpid();
  builder.AllowIf(SCMP_SYS(tgkill), Is(0, self));
  builder.AllowIf(SCMP_SYS(kill), Is(0, self));
  if (rules.signals_to > 0) {
    builder.AllowIf(SCMP_SYS(kill), Is(0, rules.signals_to));
  }
}

// A name of a thread, and looking at limits: nothing that changes what the process may do.
void AllowHarmless(Builder& builder) {
  for (const int option : {PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_SET_VMA}) {
    builder.AllowIf(SCMP_SYS(prctl), Is(0, option));
  }
  builder.AllowIf(SCMP_SYS(prlimit64), Masked(2, kWhole, 0));
  // A notification to systemd: on a socket that is connected already.
  builder.AllowIf(SCMP_SYS(sendto), Masked(4, kWhole, 0));
}

void AllowOutgoing(Builder& builder) {
  builder.Allow(kOutgoing);
  for (const int family : {AF_INET, AF_INET6}) {
    builder.AllowIf(SCMP_SYS(socket), Is(0, family));
  }
}

}  // namespace

Status ApplyCallList(const CallRules& rules) {
  const FilterHandle filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (!filter) return Refused("seccomp_init", -ENOMEM);
  Builder builder(filter.get());
  // Every thread (TSYNC); each refusal in the kernel's audit log; a call of another architecture
  // ends the process, nothing here can make one by accident.
  builder.Set(SCMP_FLTATR_CTL_TSYNC, 1);
  builder.Set(SCMP_FLTATR_CTL_LOG, 1);
  builder.Set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  builder.Set(SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a tree, not a chain of comparisons
  builder.Allow(kAlways);
  AllowThreads(builder, rules.children);
  AllowSignals(builder, rules);
  AllowHarmless(builder);
  if (rules.children) {
    builder.Allow(kChildren);
  } else {
    AllowDataMemory(builder);
    builder.Allow(kConnections);
  }
  if (rules.sockets) AllowOutgoing(builder);
  if (builder.code() != 0) return Refused("its rules", builder.code());
  if (const int code = seccomp_load(filter.get()); code != 0) return Refused("seccomp_load", code);
  return Done{};
}

}  // namespace acb::platform
