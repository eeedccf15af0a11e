#include "platform/access.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "firmware/base/ascii.h"
#include "platform/system_clock.h"

namespace acb::platform {
Failure NoSuchEndpoint(const KnownClient& client, const std::string& endpoint) {
  return {Reason::kConfiguration, "client " + client.identity + ": the role " +
                                      std::string(Name(client.role)) + " has no endpoint '" +
                                      endpoint + "'"};
}

Result<std::shared_ptr<const Access>> Access::Load(const AccessSettings& settings,
                                                   const Router& router) {
  auto tls = MakeServerContext(settings.tls);
  if (!tls) return std::move(tls).error();
  const auto access = std::make_shared<Access>();
  access->tls_ = *std::move(tls);
  access->replaced_ = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!access->replaced_) return Failure(Reason::kConfiguration, "no descriptor is left");
  for (const KnownClient& client : settings.clients) {
    for (const std::string& endpoint : client.endpoints) {
      if (!router.Has(endpoint, client.role)) return NoSuchEndpoint(client, endpoint);
    }
    auto rights = std::make_shared<const ClientRights>(
        ClientRights{.endpoints = client.endpoints, .originators = client.originators});
    std::string issuer;
    if (!client.issuer.empty()) {
      auto digest = DigestOfCertificate(client.issuer);
      if (!digest) return std::move(digest).error();
      issuer = *std::move(digest);
    }
    access->clients_.emplace(LowerCase(client.identity),
                             Entry{client, std::move(issuer), std::move(rights)});
  }
  return std::shared_ptr<const Access>(access);
}

std::optional<ClientIdentity> Access::Identify(const PeerCertificate& peer) const {
  std::optional<ClientIdentity> found;
  for (const std::string& name : peer.dns_names) {
    const auto known = clients_.find(name);
    if (known == clients_.end() || (found && found->name == name)) continue;
    // A certificate for two clients would have two roles: it has none.
    if (found) return std::nullopt;
    const Entry& entry = known->second;
    // Before the roles are weighed: for that CA's word the name is nobody's.
    if (!entry.issuer.empty() && std::ranges::count(peer.issuers, entry.issuer) == 0) {
      return std::nullopt;
    }
    found = ClientIdentity{.name = name,
                           .role = entry.client.role,
                           .sha256 = peer.sha256,
                           .key_sha256 = peer.key_sha256,
                           .channel = entry.client.channel,
                           .rights = entry.rights};
  }
  return found;
}

std::size_t Access::ConnectionsOf(std::string_view client) const {
  const auto known = clients_.find(client);
  return known == clients_.end() ? 0 : known->second.client.connections;
}

void Access::Replaced() const {
  const std::uint64_t one = 1;
  if (::write(replaced_.get(), &one, sizeof one) != sizeof one) std::abort();
}

std::shared_ptr<const Access> LiveAccess::Current() const {
  const std::scoped_lock lock(mutex_);
  return current_;
}

void LiveAccess::Replace(std::shared_ptr<const Access> next) {
  {
    const std::scoped_lock lock(mutex_);
    current_.swap(next);
  }
  // Now: who is woken finds the new one.
  next->Replaced();
}

Standing::Standing(TlsStream& stream, const LiveAccess& live, std::shared_ptr<const Access> access)
    : stream_(stream),
      live_(live),
      access_(std::move(access)),
      good_until_(stream.AcceptedUntil()) {
  Identify();
}

// By access_, whose replacement wakes the stream from now on.
void Standing::Identify() {
  const auto peer = stream_.Peer();
  client_ = peer ? access_->Identify(*peer) : std::nullopt;
  stream_.WakeOn(access_->replaced());
}

bool Standing::Holds() {
  if (lost_ || !client_) return false;
  auto current = live_.Current();
  if (current == access_ && SystemClock().Now() < good_until_) return true;
  access_ = std::move(current);
  Identify();
  const auto until = stream_.VerifyPeer(access_->context());
  good_until_ = until.value_or(UtcTime(0));
  lost_ = !until || !client_;
  return !lost_;
}

std::chrono::milliseconds Standing::Remaining() const {
  constexpr std::int64_t kHour = 3'600'000;
  const std::int64_t left = good_until_.milliseconds() - SystemClock().Now().milliseconds();
  return std::chrono::milliseconds(std::clamp<std::int64_t>(left, 0, kHour));
}

}  // namespace acb::platform
