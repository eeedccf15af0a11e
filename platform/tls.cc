#include "platform/tls.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <limits>

#include "firmware/base/ascii.h"
#include "firmware/base/secret.h"
#include "firmware/base/sha256.h"

namespace acb::platform {
namespace {

using Certificate = Handle<X509, X509_free>;

// Root, intermediate, leaf: no client's path needs more.
constexpr int kMaxPathDepth = 3;
constexpr off_t kMaxKeyFile = 64 * 1024;
// Close: what is thrown away, and for how long.
constexpr std::size_t kDrainOctets = 8 * 1024 * 1024;
constexpr std::chrono::milliseconds kDrainTime{1000};

Failure Unusable(const std::filesystem::path& file, std::string_view what) {
  return Failure{Reason::kConfiguration,
                 file.string() + ": " + std::string(what) + " (" + TlsErrorText() + ")"};
}

Status CheckKeyFile(const std::filesystem::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    return Failure{Reason::kConfiguration, file.string() + ": " + std::strerror(errno)};
  }
  if ((status.st_mode & S_IRWXO) != 0) {
    return Failure{Reason::kConfiguration,
                   file.string() + ": a private key must be closed to others (chmod o-rwx)"};
  }
  return Done{};
}

// Through no buffer but a Secret: stdio would leave the text in memory that nobody wipes.
Result<Secret> ReadKeyFile(const std::filesystem::path& file) {
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!descriptor || ::fstat(descriptor.get(), &status) != 0) {
    return Failure{Reason::kConfiguration, file.string() + ": " + std::strerror(errno)};
  }
  if (!S_ISREG(status.st_mode) || status.st_size <= 0 || status.st_size > kMaxKeyFile) {
    return Failure{Reason::kConfiguration, file.string() + ": is no file of a private key"};
  }
  Secret octets(static_cast<std::size_t>(status.st_size));
  const ssize_t got = ::read(descriptor.get(), octets.Writable().data(), octets.size());
  if (got != status.st_size) {
    return Failure{Reason::kConfiguration, file.string() + ": cannot be read whole"};
  }
  return octets;
}

TlsContext NewContext(const SSL_METHOD* method) {
  TlsContext context(SSL_CTX_new(method));
  if (!context) std::abort();  // out of memory
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_security_level(context.get(), 2);  // whatever openssl.cnf says: 112 bits at least
  // A resumed session would skip the check of the certificate (ecosystem.md section 4).
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_max_early_data(context.get(), 0);
  // Idle connections hold no record buffers (reliability.md F19).
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_verify_depth(context.get(), kMaxPathDepth);
  return context;
}

Status UseOwnCertificate(SSL_CTX& context, const TlsFiles& files) {
  if (const auto closed = CheckKeyFile(files.key); !closed) return closed.error();
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(&context, files.certificate.c_str()) != 1) {
    return Unusable(files.certificate, "no usable certificate");
  }
  const auto pem = ReadKeyFile(files.key);
  if (!pem) return pem.error();
  const Handle<BIO, BIO_free> in(
      BIO_new_mem_buf(pem->View().data(), static_cast<int>(pem->size())));
  // Never asks for a password on the terminal.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  const Handle<EVP_PKEY, EVP_PKEY_free> key(
      PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, nullptr));
  if (!key || SSL_CTX_use_PrivateKey(&context, key.get()) != 1) {
    return Unusable(files.key, "no usable private key for the certificate");
  }
  if (SSL_CTX_check_private_key(&context) != 1) {
    return Unusable(files.key, "the key is not the certificate's");
  }
  return Done{};
}

// An unreadable time is over.
UtcTime TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return UtcTime(0);
  return UtcTime::FromSeconds(::timegm(&parts));
}

UtcTime EarliestEnd(const STACK_OF(X509) * path) {
  UtcTime end(std::numeric_limits<std::int64_t>::max());
  for (int i = 0; i < sk_X509_num(path); ++i) {
    end = std::min(end, TimeOf(X509_get0_notAfter(sk_X509_value(path, i))));
  }
  return end;
}

// Of all lists of the store: one of another issuer that ends first only means an early look.
UtcTime EarliestNextUpdate(X509_STORE& store) {
  UtcTime end(std::numeric_limits<std::int64_t>::max());
  const STACK_OF(X509_OBJECT)* objects = X509_STORE_get0_objects(&store);
  for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
    const X509_CRL* list = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));
    if (list != nullptr && X509_CRL_get0_nextUpdate(list) != nullptr) {
      end = std::min(end, TimeOf(X509_CRL_get0_nextUpdate(list)));
    }
  }
  return end;
}

std::string TextOf(const X509_NAME* name) {
  const Handle<BIO, BIO_free_all> out(BIO_new(BIO_s_mem()));
  if (!out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0)
    return "a name of no use";
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

Certificate ReadCertificate(const std::filesystem::path& file) {
  ERR_clear_error();
  const Handle<BIO, BIO_free_all> in(BIO_new_file(file.c_str(), "re"));
  return Certificate(in ? PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr) : nullptr);
}

std::string HexSha256(int size, unsigned char* der) {
  if (size <= 0) std::abort();  // out of memory: it was decoded from DER
  const auto digest = Sha256(BytesView(der, static_cast<std::size_t>(size)));
  OPENSSL_free(der);
  return ToHex(digest);
}

std::string DigestOfKey(const X509& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(&certificate), &der);
  return HexSha256(size, der);
}

int RemainingMs(Deadline deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

}  // namespace

std::string TlsErrorText() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no further information";
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "OpenSSL error " + std::to_string(code);
}

Status LoadIssuers(X509_STORE& store, const std::filesystem::path& file) {
  ERR_clear_error();
  X509_LOOKUP* lookup = X509_STORE_add_lookup(&store, X509_LOOKUP_file());
  if (lookup == nullptr || X509_load_cert_crl_file(lookup, file.c_str(), X509_FILETYPE_PEM) <= 0) {
    return Unusable(file, "no usable CA certificate");
  }
  const STACK_OF(X509_OBJECT)* objects = X509_STORE_get0_objects(&store);
  for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
    if (X509_OBJECT_get_type(sk_X509_OBJECT_value(objects, i)) == X509_LU_CRL) {
      X509_STORE_set_flags(&store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
      break;
    }
  }
  return Done{};
}

std::vector<std::string> DnsNamesOf(const X509& certificate) {
  std::vector<std::string> names;
  const Handle<GENERAL_NAMES, GENERAL_NAMES_free> all(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type != GEN_DNS) continue;
    const ASN1_STRING* text = name->d.dNSName;
    names.push_back(LowerCase({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                               static_cast<std::size_t>(ASN1_STRING_length(text))}));
  }
  return names;
}

std::string DigestOf(const X509& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(&certificate, &der);
  return HexSha256(size, der);
}

std::vector<std::string> IssuersIn(const STACK_OF(X509) * path) {
  std::vector<std::string> issuers;
  for (int i = 1; i < sk_X509_num(path); ++i) issuers.push_back(DigestOf(*sk_X509_value(path, i)));
  return issuers;
}

Result<std::string> DigestOfCertificate(const std::filesystem::path& file) {
  const auto certificate = ReadCertificate(file);
  if (certificate) return DigestOf(*certificate);
  return Unusable(file, "no usable certificate");
}

TlsEnds EndsIn(SSL_CTX& context) {
  TlsEnds ends;
  if (const X509* own = SSL_CTX_get0_certificate(&context)) {
    ends.own = TimeOf(X509_get0_notAfter(own));
  }
  const STACK_OF(X509_OBJECT)* objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(&context));
  for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
    const X509_OBJECT* object = sk_X509_OBJECT_value(objects, i);
    if (const X509* authority = X509_OBJECT_get0_X509(object)) {
      const UtcTime end = TimeOf(X509_get0_notAfter(authority));
      const auto [known, added] =
          ends.authorities.try_emplace(TextOf(X509_get_subject_name(authority)), end);
      if (!added) known->second = std::min(known->second, end);
    }
    X509_CRL* const list = X509_OBJECT_get0_X509_CRL(object);
    if (list != nullptr && X509_CRL_get0_nextUpdate(list) != nullptr) {
      const UtcTime end = TimeOf(X509_CRL_get0_nextUpdate(list));
      const auto [known, added] = ends.lists.try_emplace(TextOf(X509_CRL_get_issuer(list)), end);
      if (!added) known->second = std::max(known->second, end);
    }
  }
  return ends;
}

Result<TlsContext> MakeServerContext(const TlsFiles& files) {
  TlsContext context = NewContext(TLS_server_method());
  if (const auto own = UseOwnCertificate(*context, files); !own) return own.error();
  if (const auto issuers = LoadIssuers(*SSL_CTX_get_cert_store(context.get()), files.ca);
      !issuers) {
    return issuers.error();
  }
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(files.ca.c_str());
  if (names == nullptr) return Unusable(files.ca, "no CA certificate");
  SSL_CTX_set_client_CA_list(context.get(), names);  // takes the names
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return context;
}

Result<TlsContext> MakeClientContext(const TlsFiles& files) {
  TlsContext context = NewContext(TLS_client_method());
  if (!files.certificate.empty() || !files.key.empty()) {
    if (const auto own = UseOwnCertificate(*context, files); !own) return own.error();
  }
  if (const auto issuers = LoadIssuers(*SSL_CTX_get_cert_store(context.get()), files.ca);
      !issuers) {
    return issuers.error();
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return context;
}

IoOutcome WaitFor(int descriptor, short events, int stop, Deadline deadline, int wake) {
  for (;;) {
    // poll(2) passes over a descriptor below zero.
    std::array<pollfd, 3> waits = {pollfd{descriptor, events, 0}, pollfd{stop, POLLIN, 0},
                                   pollfd{wake, POLLIN, 0}};
    const int ready = ::poll(waits.data(), waits.size(), RemainingMs(deadline));
    if (ready < 0 && errno != EINTR) return IoOutcome::kFailed;
    if (ready > 0 && waits[0].revents != 0) return IoOutcome::kDone;
    if (ready > 0 && waits[1].revents != 0) return IoOutcome::kStopped;
    if (ready > 0 && waits[2].revents != 0) return IoOutcome::kWoken;
    if (std::chrono::steady_clock::now() >= deadline) return IoOutcome::kTimeout;
  }
}

std::string PeerAddress(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host.data(), host.size(),
                    port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return {};
  }
  return std::string(host.data()) + ":" + port.data();
}

TlsStream::TlsStream(SSL_CTX& context, Descriptor socket, int stop)
    : socket_(std::move(socket)), stop_(stop), ssl_(SSL_new(&context)) {
  if (!ssl_ || SSL_set_fd(ssl_.get(), socket_.get()) != 1) std::abort();  // out of memory
  // OpenSSL writes with write(2): to a closed socket that is a signal before it is an error.
  sigset_t broken_pipe;
  ::sigemptyset(&broken_pipe);
  ::sigaddset(&broken_pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  const int flags = ::fcntl(socket_.get(), F_GETFL);
  ::fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK);
  // Without it a handshake waits some 45 ms for a delayed ACK (ecosystem.md section 4).
  const int yes = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

IoOutcome TlsStream::Accept(Deadline deadline) { return Handshake(SSL_accept, deadline); }

IoOutcome TlsStream::Connect(const std::string& host, Deadline deadline) {
  X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl_.get());
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) != 1) {
    ERR_clear_error();
    if (X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size()) != 1 ||
        SSL_set_tlsext_host_name(ssl_.get(), host.c_str()) != 1) {
      error_ = "not a host name: " + host;
      return IoOutcome::kFailed;
    }
  }
  const IoOutcome outcome = Handshake(SSL_connect, deadline);
  const long verified = SSL_get_verify_result(ssl_.get());
  if (outcome != IoOutcome::kDone && verified != X509_V_OK) {
    error_ = std::string("the server's certificate: ") + X509_verify_cert_error_string(verified);
  }
  return outcome;
}

IoOutcome TlsStream::Handshake(int (*step)(SSL*), Deadline deadline) {
  for (;;) {
    ERR_clear_error();
    errno = 0;
    const int code = step(ssl_.get());
    if (code == 1) return IoOutcome::kDone;
    const IoOutcome outcome = WaitAfter(code, deadline, OnStop::kGiveUp);
    if (outcome != IoOutcome::kDone) return outcome;
  }
}

IoOutcome TlsStream::WaitAfter(int code, Deadline deadline, OnStop on_stop) {
  const int system_error = errno;
  const int stop = on_stop == OnStop::kGiveUp ? stop_ : -1;
  const int wake = on_stop == OnStop::kGiveUp ? wake_ : -1;
  const int error = SSL_get_error(ssl_.get(), code);
  if (error == SSL_ERROR_WANT_READ) return WaitFor(socket_.get(), POLLIN, stop, deadline, wake);
  if (error == SSL_ERROR_WANT_WRITE) return WaitFor(socket_.get(), POLLOUT, stop, deadline, wake);
  if (error == SSL_ERROR_ZERO_RETURN) return IoOutcome::kClosed;
  if (error == SSL_ERROR_SYSCALL) {
    ERR_clear_error();
    error_ = system_error != 0 ? std::strerror(system_error) : "connection closed";
    const bool closed = system_error == 0 || system_error == ECONNRESET || system_error == EPIPE;
    return closed ? IoOutcome::kClosed : IoOutcome::kFailed;
  }
  const bool cut = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  error_ = TlsErrorText();
  return cut ? IoOutcome::kClosed : IoOutcome::kFailed;
}

IoOutcome TlsStream::Read(std::span<std::uint8_t> into, std::size_t& received, Deadline deadline,
                          OnStop on_stop) {
  for (;;) {
    ERR_clear_error();
    errno = 0;
    const int code = SSL_read_ex(ssl_.get(), into.data(), into.size(), &received);
    if (code == 1) return IoOutcome::kDone;
    const IoOutcome outcome = WaitAfter(code, deadline, on_stop);
    if (outcome != IoOutcome::kDone) return outcome;
    // A peer that sends one octet a record, or only TLS alerts, must not outlive the deadline.
    if (std::chrono::steady_clock::now() >= deadline) return IoOutcome::kTimeout;
  }
}

IoOutcome TlsStream::Write(BytesView octets, Deadline deadline) {
  while (!octets.empty()) {
    ERR_clear_error();
    errno = 0;
    std::size_t written = 0;
    const int code = SSL_write_ex(ssl_.get(), octets.data(), octets.size(), &written);
    if (code == 1) {
      octets = octets.subspan(written);
      continue;
    }
    const IoOutcome outcome = WaitAfter(code, deadline, OnStop::kKeepWaiting);
    if (outcome != IoOutcome::kDone) return outcome;
    if (std::chrono::steady_clock::now() >= deadline) return IoOutcome::kTimeout;
  }
  return IoOutcome::kDone;
}

void TlsStream::Close(Unread unread) {
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
  ::shutdown(socket_.get(), SHUT_WR);
  if (unread == Unread::kForget) return;
  const Deadline deadline = After(kDrainTime);
  std::array<char, 16 * 1024> waste;
  std::size_t drained = 0;
  while (drained < kDrainOctets &&
         WaitFor(socket_.get(), POLLIN, -1, deadline) == IoOutcome::kDone) {
    const ssize_t got = ::recv(socket_.get(), waste.data(), waste.size(), MSG_DONTWAIT);
    if (got <= 0) return;
    drained += static_cast<std::size_t>(got);
  }
}

UtcTime TlsStream::AcceptedUntil() const {
  return std::min(EarliestEnd(SSL_get0_verified_chain(ssl_.get())),
                  EarliestNextUpdate(*SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl_.get()))));
}

std::optional<UtcTime> TlsStream::VerifyPeer(SSL_CTX& context) const {
  X509* leaf = SSL_get0_peer_certificate(ssl_.get());
  const Handle<X509_STORE_CTX, X509_STORE_CTX_free> check(X509_STORE_CTX_new());
  if (leaf == nullptr || !check ||
      X509_STORE_CTX_init(check.get(), SSL_CTX_get_cert_store(&context), leaf,
                          SSL_get_peer_cert_chain(ssl_.get())) != 1) {
    return std::nullopt;
  }
  // As libssl does in a handshake (ssl_verify_cert_chain): its purpose, its level, its depth.
  X509_STORE_CTX_set_default(check.get(), "ssl_client");
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(check.get());
  X509_VERIFY_PARAM_set_auth_level(parameters, SSL_CTX_get_security_level(&context));
  X509_VERIFY_PARAM_set1(parameters, SSL_CTX_get0_param(&context));
  const bool good = X509_verify_cert(check.get()) == 1;
  ERR_clear_error();
  if (!good) return std::nullopt;
  return std::min(EarliestEnd(X509_STORE_CTX_get0_chain(check.get())),
                  EarliestNextUpdate(*SSL_CTX_get_cert_store(&context)));
}

std::optional<PeerCertificate> TlsStream::Peer() const {
  const Certificate certificate(SSL_get1_peer_certificate(ssl_.get()));
  if (!certificate) return std::nullopt;
  return PeerCertificate{.dns_names = DnsNamesOf(*certificate),
                         .sha256 = DigestOf(*certificate),
                         .key_sha256 = DigestOfKey(*certificate),
                         .issuers = IssuersIn(SSL_get0_verified_chain(ssl_.get()))};
}

}  // namespace acb::platform
