#include "tools/bench/floor.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <utility>
#include <vector>

#include "firmware/base/handle.h"
#include "hsm/software_key.h"
#include "tools/bench/in_flight.h"

namespace acb::bench {
namespace {

constexpr std::size_t kMaxThreads = 64;
constexpr std::uint8_t kFill = 0x3C;  // what is hashed does not matter

using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using KeyContext = Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

Failure Failed(const char* what) { return Failure(Reason::kHsmUnavailable, {}, what); }

Sha256Digest Hash(BytesView octets) {
  Sha256Digest digest;
  SHA256(octets.data(), octets.size(), digest.data());
  return digest;
}

KeyContext VerifyWith(EVP_PKEY* key) {
  KeyContext context(EVP_PKEY_CTX_new(key, nullptr));
  if (context && EVP_PKEY_verify_init(context.get()) != 1) context.reset();
  return context;
}

bool Verifies(EVP_PKEY_CTX* context, BytesView der, const Sha256Digest& digest) {
  return EVP_PKEY_verify(context, der.data(), der.size(), digest.data(), digest.size()) == 1;
}

}  // namespace

// What stands for the User's request: a key in software, as the User's is to us, and its signature.
struct CryptoFloor::Request {
  static Result<std::unique_ptr<Request>> Make(const HashedOctets& hashed);

  Key key;
  Bytes octets;
  Bytes signed_info;
  Bytes signature;  // ECDSA-Sig-Value over signed_info
  Bytes command;
  PublicPoint device{};  // of the device's key agreement key
};

Result<std::unique_ptr<CryptoFloor::Request>> CryptoFloor::Request::Make(
    const HashedOctets& hashed) {
  auto request = std::make_unique<Request>();
  request->key.reset(EVP_EC_gen("P-256"));
  request->octets.assign(hashed.request, kFill);
  request->signed_info.assign(hashed.signed_info, kFill);
  request->command.assign(hashed.command, kFill);
  const auto device = hsm::SoftwareKey::Generate();
  if (!device || !request->key) return Failed("OpenSSL makes no key");
  request->device = device->point();

  const KeyContext context(EVP_PKEY_CTX_new(request->key.get(), nullptr));
  const Sha256Digest digest = Hash(request->signed_info);
  std::size_t size = 0;
  if (!context || EVP_PKEY_sign_init(context.get()) != 1 ||
      EVP_PKEY_sign(context.get(), nullptr, &size, digest.data(), digest.size()) != 1) {
    return Failed("OpenSSL does not sign");
  }
  request->signature.resize(size);
  if (EVP_PKEY_sign(context.get(), request->signature.data(), &size, digest.data(),
                    digest.size()) != 1) {
    return Failed("OpenSSL does not sign");
  }
  request->signature.resize(size);
  return request;
}

namespace {

// What a thread has of its own.
struct Worker {
  std::unique_ptr<RawToken::Session> session;
  KeyContext request;
  KeyContext own;
};

Result<Worker> MakeWorker(const RawToken& token, EVP_PKEY* request, EVP_PKEY* own) {
  Worker worker;
  auto session = token.OpenSession();
  if (!session) return std::move(session).error();
  worker.session = *std::move(session);
  worker.request = VerifyWith(request);
  worker.own = VerifyWith(own);
  if (!worker.request || !worker.own) return Failed("OpenSSL does not verify");
  return worker;
}

template <class Request>
Status OneFloor(Worker& worker, const Request& request) {
  // The bodies of the digests are used below or belong to evidence: none can be left out.
  const Sha256Digest body = Hash(request.octets);
  const Sha256Digest canonical = Hash(request.octets);
  if (body != canonical ||
      !Verifies(worker.request.get(), request.signature, Hash(request.signed_info))) {
    return Failed("the request's signature does not verify");
  }
  const auto signature = worker.session->Sign(Hash(request.command));
  if (!signature) return signature.error();
  const auto secret = worker.session->Derive(request.device);
  if (!secret) return secret.error();
  if (!Verifies(worker.own.get(), WriteSigValue(*signature), Hash(request.command))) {
    return Failed("our own signature does not verify");
  }
  return Hash(request.command) == body ? Status(Failed("SHA-256 is broken")) : Status(Done{});
}

}  // namespace

Result<TokenPlace> TokenPlaceOf(const platform::Config& config) {
  auto pin = platform::ReadPin(config);
  if (!pin) return std::move(pin).error();
  return TokenPlace{config.hsm_module, config.hsm_token_label, *std::move(pin)};
}

CryptoFloor::CryptoFloor(std::unique_ptr<RawToken> token, std::unique_ptr<Request> request)
    : token_(std::move(token)), request_(std::move(request)) {}
CryptoFloor::~CryptoFloor() = default;

Result<std::unique_ptr<CryptoFloor>> CryptoFloor::Open(const TokenPlace& place,
                                                       const HashedOctets& hashed) {
  auto token = RawToken::Open(place);
  if (!token) return std::move(token).error();
  auto request = Request::Make(hashed);
  if (!request) return std::move(request).error();
  return std::unique_ptr<CryptoFloor>(new CryptoFloor(*std::move(token), *std::move(request)));
}

Result<double> CryptoFloor::Run(std::size_t threads, double seconds) const {
  if (threads < 1 || threads > kMaxThreads) return Failed("1 to 64 threads");
  const auto own = VerifyingKey::From(token_->signing_point());
  if (!own) return Failed("OpenSSL takes no key");
  std::vector<Worker> workers;
  for (std::size_t i = 0; i < threads; ++i) {
    auto worker = MakeWorker(*token_, request_->key.get(), own->handle());
    if (!worker) return std::move(worker).error();
    workers.push_back(*std::move(worker));
  }

  const auto rate = RunInFlight(threads, seconds, [this, &workers](std::size_t thread) {
    return OneFloor(workers[thread], *request_);
  });
  if (!rate) return rate.error();
  return rate->per_s;
}

}  // namespace acb::bench
