// A preloaded library that stands between a program and the kernel, to count, fail, end at, or
// write down each call that changes a file under one directory. For tests only:
// test_syscall_faults.py and test_power_cut.py, which drive it through fault_shim.py.
//
//   LD_PRELOAD           this library
//   ACB_FAULT_DIRECTORY  absolute path: only calls on files under it are looked at
//   ACB_FAULT_CONTROL    a file that both sides map: struct Control. Without it nothing happens
//   ACB_FAULT_RECORD     an empty file that records are appended to, when Control::armed has
//   kRecord
//
// A preloaded function misses what the C library calls within itself: SoftHSM writes its objects
// with fwrite. So calls are not caught by name: a seccomp filter traps each system call that can
// change a file, the SIGSYS handler decides, and makes the call itself from a page that the filter
// lets pass. What strace sees is therefore what is counted (a test compares). x86-64 only.
#include <elf.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

constexpr std::size_t kMaxPath = 512;
constexpr std::size_t kMaxRows = 16'384;
constexpr std::size_t kMaxVectors = 1024;  // IOV_MAX

// What a call is on. Bits: those set in Control::armed count.
enum Class : std::uint32_t { kNothing = 0, kState = 1, kToken = 2, kLog = 4, kRecord = 8 };
// kLie is for durable writes alone, and counts them alone: LMDB's meta pages, each of them a
// commit.
enum class Action : std::uint32_t { kCount = 0, kFail = 1, kKill = 2, kLie = 3 };

struct Row {
  std::uint32_t call;
  std::uint32_t process;
  std::uint32_t flush;  // 1: when it returns, what it wrote is on the disk
  std::uint32_t place;  // Class
  char path[kMaxPath - 16];
};
static_assert(sizeof(Row) == kMaxPath);

// fault_shim.py has the same offsets.
struct Control {
  std::atomic<std::uint32_t> armed;
  std::atomic<std::uint32_t> action;
  std::atomic<std::uint32_t> error;
  std::atomic<std::uint32_t> fired;
  std::atomic<std::uint64_t> at;             // the call to act on, 1 is the next; 0: none
  std::atomic<std::uint64_t> count;          // calls since armed
  std::atomic<std::uint64_t> flushes_after;  // of the store's data file, after the one acted on
  std::atomic<std::uint64_t> records;        // written down
  std::atomic<std::uint32_t> lock;           // around a record and its number
  std::uint32_t reserved;
  Row rows[kMaxRows];  // of the calls counted
};
static_assert(offsetof(Control, rows) == 56);

// In the record file, followed by the path and the data.
struct Record {
  std::uint32_t size;  // of all, this included
  std::uint32_t call;
  std::uint64_t number;  // of this record
  std::uint64_t begin;   // of an end: the number of its begin; 0 of a begin
  std::int64_t result;   // of an end
  std::uint64_t offset;  // of a write; of a truncation: the new length
  std::uint64_t length;  // of the data
  std::uint32_t flags;   // kCreates, kFlushes
  std::uint32_t path_length;
  std::uint32_t second_length;  // of a rename: the new name, after the path
  std::uint32_t peer_port;      // of an answer that leaves by a socket
};
constexpr std::uint32_t kCreates = 1;
constexpr std::uint32_t kTruncates = 2;
constexpr std::uint32_t kFlushes = 4;
constexpr std::uint32_t kAnswer = 8;

// Signal handlers have no argument of ours: the one place for the library's state.
struct State {
  Control* control = nullptr;
  std::string_view directory;
  const char* record_file = nullptr;
  long program = 0;  // the process that loaded this library; its children inherit it
  std::array<iovec, kMaxVectors + 3> vectors{};  // under Control::lock: too long for a small stack
};
State state;

// -- the page from which calls pass the filter --

constexpr std::uintptr_t kGatePage = 0x2ACB'0000'0000;
constexpr std::size_t kGateOctets = 4096;
// mov rax,rdi; mov rdi,rsi; mov rsi,rdx; mov rdx,rcx; mov r10,r8; mov r8,r9; mov r9,[rsp+8];
// syscall; ret
constexpr std::array<unsigned char, 29> kGateCode = {
    0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x48, 0x89, 0xca, 0x4d, 0x89, 0xc2,
    0x4d, 0x89, 0xc8, 0x4c, 0x8b, 0x4c, 0x24, 0x08, 0x0f, 0x05, 0xc3, 0x90, 0x90, 0x90};

using Gate = long (*)(long, long, long, long, long, long, long);

long ToArgument(const void* pointer) {
  return static_cast<long>(reinterpret_cast<std::uintptr_t>(pointer));
}
template <std::integral Number>
long ToArgument(Number number) {
  return static_cast<long>(number);
}

// As the kernel answers: a negative number is an error, errno is not touched.
template <class... Arguments>
long Call(long number, Arguments... arguments) {
  static_assert(sizeof...(arguments) <= 6);
  std::array<long, 6> all{};
  std::size_t i = 0;
  ((all[i++] = ToArgument(arguments)), ...);
  return reinterpret_cast<Gate>(kGatePage)(number, all[0], all[1], all[2], all[3], all[4], all[5]);
}

bool OpenGate() {
  void* const page = mmap(reinterpret_cast<void*>(kGatePage), kGateOctets, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (page != reinterpret_cast<void*>(kGatePage)) return false;
  std::memcpy(page, kGateCode.data(), kGateCode.size());
  return mprotect(page, kGateOctets, PROT_READ | PROT_EXEC) == 0;
}

// -- what is trapped --

// Writes a file by its descriptor, the first argument.
constexpr std::array kByDescriptor = {
    SYS_write,     SYS_pwrite64,        SYS_writev,    SYS_pwritev,   SYS_pwritev2, SYS_fsync,
    SYS_fdatasync, SYS_sync_file_range, SYS_ftruncate, SYS_fallocate, SYS_sendfile, SYS_syncfs};

constexpr std::array kNaming = {
    SYS_rename, SYS_renameat, SYS_renameat2, SYS_unlink,   SYS_unlinkat, SYS_link,     SYS_linkat,
    SYS_mkdir,  SYS_mkdirat,  SYS_rmdir,     SYS_truncate, SYS_symlink,  SYS_symlinkat};
// By which an answer leaves; looked at when recording.
constexpr std::array kSending = {SYS_sendto, SYS_sendmsg};
// The result or the destination is not the first argument.
constexpr std::array kOthers = {SYS_msync, SYS_copy_file_range, SYS_splice, SYS_openat2};
// Would write past this library: refused, which every user of it must bear.
constexpr std::array kRefused = {SYS_io_uring_setup};

// A thread that blocks SIGSYS, or a child that gives it back its default, would end at its next
// trapped call: this library sees to it that neither happens.
constexpr std::array kMasking = {SYS_rt_sigprocmask};

constexpr std::uint32_t kWritingFlags = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;

template <class Numbers>
bool Among(const Numbers& numbers, long call) {
  return std::find(numbers.begin(), numbers.end(), call) != numbers.end();
}

constexpr std::size_t kMaxFilter = 128;

struct Filter {
  std::array<sock_filter, kMaxFilter> program{};
  unsigned short size = 0;

  void Add(std::uint16_t code, std::uint32_t value, std::uint8_t yes = 0, std::uint8_t no = 0) {
    program[size++] = {code, yes, no, value};
  }
  void Load(std::size_t offset) {
    Add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
  }
  void Return(std::uint32_t what) { Add(BPF_RET | BPF_K, what); }
  template <class Numbers>
  void TrapEach(const Numbers& numbers) {
    for (const long number : numbers) {
      Add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 1);
      Return(SECCOMP_RET_TRAP);
    }
  }
  void TrapWhenSignal(long number, std::uint32_t signal) {
    Add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 4);
    Load(offsetof(seccomp_data, args));
    Add(BPF_JMP | BPF_JEQ | BPF_K, signal, 0, 1);
    Return(SECCOMP_RET_TRAP);
    Return(SECCOMP_RET_ALLOW);
  }
  void TrapWhenFlagged(long number, int argument) {
    Add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 4);
    Load(offsetof(seccomp_data, args) + sizeof(std::uint64_t) * static_cast<std::size_t>(argument));
    Add(BPF_JMP | BPF_JSET | BPF_K, kWritingFlags, 0, 1);
    Return(SECCOMP_RET_TRAP);
    Return(SECCOMP_RET_ALLOW);
  }
};

bool InstallFilter() {
  constexpr std::size_t kPointer = offsetof(seccomp_data, instruction_pointer);
  Filter filter;
  filter.Load(offsetof(seccomp_data, arch));
  filter.Add(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
  filter.Return(SECCOMP_RET_KILL_PROCESS);
  filter.Load(kPointer + 4);
  filter.Add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(kGatePage >> 32U), 0, 4);
  filter.Load(kPointer);
  filter.Add(BPF_ALU | BPF_AND | BPF_K, ~static_cast<std::uint32_t>(kGateOctets - 1));
  filter.Add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(kGatePage), 0, 1);
  filter.Return(SECCOMP_RET_ALLOW);
  filter.Load(offsetof(seccomp_data, nr));
  filter.TrapEach(kByDescriptor);
  filter.TrapEach(kNaming);
  filter.TrapEach(kSending);
  filter.TrapEach(kOthers);
  filter.TrapEach(kRefused);
  filter.TrapEach(kMasking);
  filter.TrapWhenSignal(SYS_rt_sigaction, SIGSYS);
  filter.TrapEach(std::array{SYS_creat});
  filter.TrapWhenFlagged(SYS_open, 1);
  filter.TrapWhenFlagged(SYS_openat, 2);
  filter.Return(SECCOMP_RET_ALLOW);

  const sock_fprog program{filter.size, filter.program.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

// -- what a call is on --

struct Path {
  std::array<char, kMaxPath> text{};
  std::size_t size = 0;

  std::string_view view() const { return {text.data(), size}; }
  void Append(std::string_view more) {
    const std::size_t fits = std::min(more.size(), text.size() - 1 - size);
    std::memcpy(text.data() + size, more.data(), fits);
    size += fits;
    text[size] = 0;
  }
  void AppendNumber(long number) {
    std::array<char, 24> digits{};
    std::size_t at = digits.size();
    do {
      digits[--at] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number > 0);
    Append({digits.data() + at, digits.size() - at});
  }
};

Path OfLink(const Path& link) {
  Path path;
  const long size = Call(SYS_readlink, link.text.data(), path.text.data(), path.text.size() - 1);
  path.size = size > 0 ? static_cast<std::size_t>(size) : 0;
  return path;
}

Path OfDescriptor(long descriptor) {
  Path link;
  link.Append("/proc/self/fd/");
  link.AppendNumber(descriptor);
  return OfLink(link);
}

Path OfName(long directory, long name) {
  const std::string_view text(reinterpret_cast<const char*>(name));
  Path path;
  if (!text.starts_with('/')) {
    Path working;
    working.Append("/proc/self/cwd");
    path = static_cast<int>(directory) == AT_FDCWD ? OfLink(working) : OfDescriptor(directory);
    path.Append("/");
  }
  path.Append(text);
  return path;
}

Class ClassOf(const Path& path) {
  std::string_view rest = path.view();
  if (!rest.starts_with(state.directory)) return kNothing;
  rest.remove_prefix(state.directory.size());
  if (rest.starts_with("/tokens/")) return kToken;
  if (rest.ends_with(".log")) return kLog;  // where the harness sent stderr
  return rest.starts_with("/") || rest.empty() ? kState : kNothing;
}

// One trapped call.
struct Trapped {
  long call = 0;
  std::array<long, 6> arguments{};
  Path path;
  Path second;
  Class place = kNothing;
  bool flush = false;
  bool creates = false;
};

bool IsSync(long call) {
  return call == SYS_fsync || call == SYS_fdatasync || call == SYS_msync || call == SYS_syncfs ||
         call == SYS_sync_file_range;
}
bool IsWrite(long call) {
  return call == SYS_write || call == SYS_pwrite64 || call == SYS_writev || call == SYS_pwritev ||
         call == SYS_pwritev2;
}

void FindPaths(Trapped& t) {
  const auto& a = t.arguments;
  switch (t.call) {  // system call numbers are no enumeration
    case SYS_open:
    case SYS_creat:
    case SYS_unlink:
    case SYS_mkdir:
    case SYS_rmdir:
    case SYS_truncate:
      t.path = OfName(AT_FDCWD, a[0]);
      break;
    case SYS_openat:
    case SYS_openat2:
    case SYS_unlinkat:
    case SYS_mkdirat:
      t.path = OfName(a[0], a[1]);
      break;
    case SYS_rename:
    case SYS_link:
      t.path = OfName(AT_FDCWD, a[0]);
      t.second = OfName(AT_FDCWD, a[1]);
      break;
    case SYS_renameat:
    case SYS_renameat2:
    case SYS_linkat:
      t.path = OfName(a[0], a[1]);
      t.second = OfName(a[2], a[3]);
      break;
    case SYS_symlink:
      t.path = OfName(AT_FDCWD, a[1]);
      break;
    case SYS_symlinkat:
      t.path = OfName(a[1], a[2]);
      break;
    case SYS_copy_file_range:
    case SYS_splice:
      t.path = OfDescriptor(a[2]);
      break;
    case SYS_msync:  // LMDB's only with WRITEMAP, which the store never uses: of no file that is
                     // known
      t.path.Append(state.directory);
      t.path.Append("/msync");
      break;
    default:
      t.path = OfDescriptor(a[0]);
  }
}

void Understand(Trapped& t) {
  FindPaths(t);
  t.place = ClassOf(t.path);
  // What comes into the box from elsewhere, as a file without a name does by its descriptor, is
  // known by the name that it gets.
  if (t.place == kNothing && t.second.size > 0) {
    t.place = ClassOf(t.second);
    t.path = t.second;
  }
  if (t.place == kNothing) return;
  t.flush = IsSync(t.call);
  if (IsWrite(t.call)) {
    t.flush = (Call(SYS_fcntl, t.arguments[0], F_GETFL) & O_DSYNC) != 0;
  } else if (t.call == SYS_open || t.call == SYS_openat || t.call == SYS_creat) {
    t.creates = Call(SYS_faccessat, AT_FDCWD, t.path.text.data(), F_OK) != 0;
  }
}

// -- writing down --

std::uint64_t VectorLength(const iovec* vectors, long count) {
  std::uint64_t length = 0;
  for (long i = 0; i < count; ++i) length += vectors[i].iov_len;
  return length;
}

std::uint64_t OffsetOfWrite(const Trapped& t) {
  const auto& a = t.arguments;
  if (t.call == SYS_pwrite64 || t.call == SYS_pwritev || t.call == SYS_pwritev2) {
    return static_cast<std::uint64_t>(a[3]);
  }
  const bool append = (Call(SYS_fcntl, a[0], F_GETFL) & O_APPEND) != 0;
  const long here = Call(SYS_lseek, a[0], 0, SEEK_CUR);
  if (!append) return static_cast<std::uint64_t>(here);
  const long end = Call(SYS_lseek, a[0], 0, SEEK_END);
  Call(SYS_lseek, a[0], here, SEEK_SET);
  return static_cast<std::uint64_t>(end);
}

class RecordLock {
 public:
  RecordLock() {
    while (state.control->lock.exchange(1, std::memory_order_acquire) != 0) Call(SYS_sched_yield);
  }
  ~RecordLock() { state.control->lock.store(0, std::memory_order_release); }
};

// Its number; numbers begin at 1 and are in the order of the file.
std::uint64_t WriteDown(Record record, const Trapped& t, const iovec* data, long data_count) {
  auto& vectors = state.vectors;
  record.call = static_cast<std::uint32_t>(t.call);
  record.path_length = static_cast<std::uint32_t>(t.path.size);
  record.second_length = static_cast<std::uint32_t>(t.second.size);
  record.length = VectorLength(data, data_count);
  record.size =
      static_cast<std::uint32_t>(sizeof record + t.path.size + t.second.size + record.length);
  const RecordLock lock;
  vectors[0] = {&record, sizeof record};
  vectors[1] = {const_cast<char*>(t.path.text.data()), t.path.size};
  vectors[2] = {const_cast<char*>(t.second.text.data()), t.second.size};
  std::copy(data, data + data_count, vectors.begin() + 3);
  record.number = state.control->records.load() + 1;
  // Opened each time: a child may close all that it inherited.
  const long file = Call(SYS_open, state.record_file, O_WRONLY | O_APPEND | O_CLOEXEC);
  const long written = Call(SYS_writev, file, vectors.data(), data_count + 3);
  Call(SYS_close, file);
  if (written != static_cast<long>(record.size))
    Call(SYS_exit_group, 96);  // a recording with a hole
  state.control->records.store(record.number);
  return record.number;
}

std::uint64_t RecordBegin(const Trapped& t) {
  const auto& a = t.arguments;
  Record record{};
  if (t.creates) record.flags |= kCreates;
  if (t.flush) record.flags |= kFlushes;
  if ((t.call == SYS_openat && (a[2] & O_TRUNC) != 0) ||
      (t.call == SYS_open && (a[1] & O_TRUNC) != 0) || t.call == SYS_creat) {
    record.flags |= kTruncates;
  }
  if (t.call == SYS_ftruncate || t.call == SYS_truncate) {
    record.offset = static_cast<std::uint64_t>(a[1]);
  }
  if (!IsWrite(t.call)) return WriteDown(record, t, nullptr, 0);
  record.offset = OffsetOfWrite(t);
  if (t.call == SYS_write || t.call == SYS_pwrite64) {
    const iovec one{reinterpret_cast<void*>(a[1]), static_cast<std::size_t>(a[2])};
    return WriteDown(record, t, &one, 1);
  }
  return WriteDown(record, t, reinterpret_cast<const iovec*>(a[1]),
                   std::min(a[2], static_cast<long>(kMaxVectors)));
}

void RecordEnd(std::uint64_t begin, long result, const Trapped& t) {
  Record record{};
  record.begin = begin;
  record.result = result;
  Trapped plain;
  plain.call = t.call;
  WriteDown(record, plain, nullptr, 0);
}

// An answer, or a part of one, is about to leave by a socket of IPv4: whose, by the client's port.
void RecordAnswer(const Trapped& t) {
  std::array<unsigned char, 128> peer{};  // a sockaddr_in: family, port (most significant first)
  std::uint32_t size = peer.size();
  if (Call(SYS_getpeername, t.arguments[0], peer.data(), &size) != 0) return;
  Record record{};
  record.flags = kAnswer;
  record.peer_port = static_cast<std::uint32_t>(peer[2] << 8U | peer[3]);
  Trapped plain;
  plain.call = t.call;
  WriteDown(record, plain, nullptr, 0);
}

// -- what is done about it --

long Do(const Trapped& t) {
  const auto& a = t.arguments;
  return Call(t.call, a[0], a[1], a[2], a[3], a[4], a[5]);
}

// The program, when a child of it made the call, and the child.
void KillProgram() {
  Call(SYS_kill, state.program, SIGKILL);
  Call(SYS_kill, Call(SYS_getpid), SIGKILL);
}

// What the call would say had it done all it was asked.
long Success(const Trapped& t) {
  const auto& a = t.arguments;
  if (t.call == SYS_write || t.call == SYS_pwrite64) return a[2];
  if (IsWrite(t.call)) {
    return static_cast<long>(VectorLength(reinterpret_cast<const iovec*>(a[1]), a[2]));
  }
  return 0;
}

long ActOn(const Trapped& t) {
  Control& control = *state.control;
  control.fired.store(static_cast<std::uint32_t>(Call(SYS_getpid)));
  switch (static_cast<Action>(control.action.load())) {
    case Action::kCount:
      break;
    case Action::kFail:
      return -static_cast<long>(control.error.load());
    case Action::kKill: {
      const long result = Do(t);
      KillProgram();
      return result;
    }
    case Action::kLie:
      return Success(t);
  }
  return Do(t);
}

void NoteRow(std::uint64_t number, const Trapped& t) {
  if (number > kMaxRows) return;
  Row& row = state.control->rows[number - 1];
  row.call = static_cast<std::uint32_t>(t.call);
  row.process = static_cast<std::uint32_t>(Call(SYS_getpid));
  row.flush = t.flush ? 1 : 0;
  row.place = t.place;
  const std::string_view path = t.path.view().substr(0, sizeof row.path - 1);
  std::memcpy(row.path, path.data(), path.size());
  row.path[path.size()] = 0;
}

long Counted(const Trapped& t) {
  Control& control = *state.control;
  const bool lies = control.action.load() == static_cast<std::uint32_t>(Action::kLie);
  if (lies && !(t.flush && IsWrite(t.call))) return Do(t);
  const bool fired_before = control.fired.load() != 0;
  if (fired_before && t.flush && t.path.view().ends_with("/data.mdb") &&
      control.fired.load() == static_cast<std::uint32_t>(Call(SYS_getpid))) {
    ++control.flushes_after;
  }
  const std::uint64_t number = ++control.count;
  NoteRow(number, t);
  return number == control.at.load() ? ActOn(t) : Do(t);
}

long Recorded(const Trapped& t) {
  const std::uint64_t begin = RecordBegin(t);
  const long result = Do(t);
  RecordEnd(begin, result, t);
  return result;
}

long Handle(Trapped& t) {
  if (Among(kRefused, t.call)) return -ENOSYS;
  const std::uint32_t armed = state.control->armed.load();
  if (armed == kNothing) return Do(t);
  const bool sends = Among(kSending, t.call);
  if (!sends) Understand(t);
  if ((armed & kRecord) != 0) {
    if (sends || (t.place == kNothing && (t.call == SYS_write || t.call == SYS_writev))) {
      RecordAnswer(t);
      return Do(t);
    }
    return t.place == kState || t.place == kToken ? Recorded(t) : Do(t);
  }
  return (armed & t.place) != 0 ? Counted(t) : Do(t);
}

// What rt_sigprocmask does, but for SIGSYS, to the mask that the end of the handler brings back.
long Mask(const Trapped& t, sigset_t& mask) {
  using Bits = std::uint64_t;  // the kernel's
  Bits bits = 0;
  std::memcpy(&bits, &mask, sizeof bits);
  if (t.arguments[2] != 0) std::memcpy(reinterpret_cast<void*>(t.arguments[2]), &bits, sizeof bits);
  if (t.arguments[1] == 0) return 0;
  Bits wish = 0;
  std::memcpy(&wish, reinterpret_cast<const void*>(t.arguments[1]), sizeof wish);
  if (t.arguments[0] == SIG_BLOCK) wish |= bits;
  if (t.arguments[0] == SIG_UNBLOCK) wish = bits & ~wish;
  wish &= ~(Bits{1} << (SIGSYS - 1));
  std::memcpy(&mask, &wish, sizeof wish);
  return 0;
}

void OnTrap(int, siginfo_t*, void* context) {
  auto& user = *static_cast<ucontext_t*>(context);
  auto& registers = user.uc_mcontext.gregs;
  Trapped t;
  t.call = static_cast<long>(registers[REG_RAX]);
  t.arguments = {static_cast<long>(registers[REG_RDI]), static_cast<long>(registers[REG_RSI]),
                 static_cast<long>(registers[REG_RDX]), static_cast<long>(registers[REG_R10]),
                 static_cast<long>(registers[REG_R8]),  static_cast<long>(registers[REG_R9])};
  if (t.call == SYS_rt_sigprocmask) {
    registers[REG_RAX] = Mask(t, user.uc_sigmask);
  } else if (t.call == SYS_rt_sigaction) {
    registers[REG_RAX] = 0;  // said to be done
  } else {
    registers[REG_RAX] = Handle(t);
  }
}

[[noreturn]] void Die(const char* why) {
  std::fprintf(stderr, "fault shim: %s: %s\n", why, std::strerror(errno));
  _exit(97);
}

__attribute__((constructor)) void Begin() {
  const char* const directory = std::getenv("ACB_FAULT_DIRECTORY");
  const char* const control = std::getenv("ACB_FAULT_CONTROL");
  const char* const record = std::getenv("ACB_FAULT_RECORD");
  if (directory == nullptr || control == nullptr) return;
  state.directory = directory;
  const int file = open(control, O_RDWR | O_CLOEXEC);
  if (file < 0) Die("open of ACB_FAULT_CONTROL");
  void* const shared = mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (shared == MAP_FAILED) Die("mmap of ACB_FAULT_CONTROL");
  close(file);
  state.control = static_cast<Control*>(shared);
  state.record_file = record;
  state.program = getpid();
  if (!OpenGate()) Die("the page that calls pass from");
  struct sigaction trap {};
  trap.sa_sigaction = OnTrap;
  trap.sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER;
  if (sigaction(SIGSYS, &trap, nullptr) != 0) Die("sigaction");
  if (!InstallFilter()) Die("seccomp");
}

}  // namespace
