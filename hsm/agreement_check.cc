#include "hsm/agreement_check.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <utility>

#include "hsm/breaker.h"
#include "hsm/curve.h"

namespace acb::hsm {
namespace {

using Point = Curve::Point;

Failure CryptoFailure() {
  ERR_clear_error();
  return Failure{Reason::kHsmUnavailable, {}, "OpenSSL failed in the check of a key agreement"};
}

// By the place in the group.
constexpr std::array<unsigned, kMaxAgreementGroup> kFactors = {5, 7, 8, 9, 11, 13};
static_assert(kFactors.back() < 1U << Curve::kFactorBits);

using Claims = std::vector<std::shared_ptr<const AgreementClaim>>;

// Points with one x coordinate have one secret: such claims are compared, and stand for each other
// in a sum. False when two differ.
bool TakeTwinsOut(Claims& group) {
  const auto x_of = [](const AgreementClaim& claim) {
    return BytesView(claim.device).subspan(1, claim.secret.size());
  };
  for (std::size_t i = 0; i < group.size(); ++i) {
    for (std::size_t j = group.size(); --j > i;) {
      if (!std::ranges::equal(x_of(*group[i]), x_of(*group[j]))) continue;
      const BytesView secret = group[i]->secret.View();
      if (CRYPTO_memcmp(secret.data(), group[j]->secret.View().data(), secret.size()) != 0) {
        return false;
      }
      group.erase(group.begin() + static_cast<std::ptrdiff_t>(j));
    }
  }
  return true;
}

// Whether `answer` is the x coordinate of `sum` + (+-m1) + ... for one choice of signs.
bool IsOneOfTheSums(Curve& curve, Point sum, std::vector<Point> terms, const Point& answer) {
  Point opposite = curve.Copy(answer);
  curve.Negate(opposite);
  for (const Point& term : terms) curve.Add(sum, term);
  // Twice each term, to be taken away next: that changes its sign in the sum.
  for (Point& term : terms) {
    const Point once = curve.Copy(term);
    curve.Add(term, once);
    curve.Negate(term);
  }
  const std::uint32_t combinations = std::uint32_t{1} << terms.size();
  for (std::uint32_t step = 1; curve.good(); ++step) {  // a Gray code: one sign changes at a time
    if (curve.AreEqual(sum, answer) || curve.AreEqual(sum, opposite)) return curve.good();
    if (step == combinations) return false;
    Point& term = terms[static_cast<std::size_t>(std::countr_zero(step))];
    curve.Add(sum, term);
    curve.Negate(term);
  }
  return false;
}

}  // namespace

// Two multiplications made anew for each check would cost half of what it costs without them: so
// each r is the one before and a step that nobody knows either. Thread-safe.
class Blinds {
 public:
  struct Pair {
    Point of_generator;
    Point of_key;
  };

  explicit Blinds(const PublicPoint& key) : key_(key) {}

  Pair Next(Curve& curve) {
    const std::lock_guard lock(mutex_);
    if (used_++ % kUses == 0) {
      const Point key = curve.From(key_);
      now_ = Random(curve, key);
      step_ = Random(curve, key);
    } else if (curve.good()) {
      curve.Add(now_.of_generator, step_.of_generator);
      curve.Add(now_.of_key, step_.of_key);
    }
    if (curve.good()) return {curve.Copy(now_.of_generator), curve.Copy(now_.of_key)};
    used_ = 0;
    return {};
  }

  // The next is made anew: one that went wrong must not be carried on.
  void Forget() {
    const std::lock_guard lock(mutex_);
    used_ = 0;
  }

 private:
  static constexpr unsigned kUses = 128;

  static Pair Random(Curve& curve, const Point& key) {
    const Curve::Number r = curve.RandomScalar();
    if (!curve.good()) return {};
    return {curve.Multiply(r), curve.Multiply(r, &key)};
  }

  const PublicPoint key_;
  std::mutex mutex_;  // guards what follows
  unsigned used_ = 0;
  Pair now_;
  Pair step_;
};

AgreementChecker::AgreementChecker(const Key& key, VerifyAgreements mode)
    : key_(key), mode_(mode), blinds_(std::make_unique<Blinds>(ToPoint(key.public_key()))) {}

AgreementChecker::~AgreementChecker() = default;

AgreementChecker::OnTheWay::OnTheWay(AgreementChecker& checker, const Session& session)
    : checker_(checker), due_(checker.IsDue(session)) {
  const std::lock_guard lock(checker_.mutex_);
  if (due_) ++checker_.on_the_way_;
}

AgreementChecker::OnTheWay::~OnTheWay() {
  const std::lock_guard lock(checker_.mutex_);
  checker_.Arrive(*this);
}

void AgreementChecker::Arrive(OnTheWay& here) {
  if (!here.due_ || std::exchange(here.arrived_, true)) return;
  --on_the_way_;
  gathered_.notify_one();
}

Status AgreementChecker::CheckGroup(Session& session, Claims group, bool* lied) {
  Curve curve;
  const auto wrong = [&]() -> Status {
    Failure failure{Reason::kHsmUnavailable,
                    {},
                    "key \"" + key_.label() + "\": the module derived a secret that is wrong"};
    blinds_->Forget();
    session.module().NoteDeviceError(failure.detail);
    if (lied != nullptr) *lied = true;
    return failure;
  };
  if (!TakeTwinsOut(group)) return wrong();

  const std::vector<unsigned> factors(kFactors.begin(), kFactors.begin() + group.size());
  std::vector<Point> devices;
  std::vector<const Point*> of_devices;
  std::vector<Point> terms;
  for (std::size_t i = 0; i < group.size(); ++i) {
    devices.push_back(curve.From(group[i]->device));
    const Point lifted = curve.Lift(group[i]->secret.View());
    if (!curve.good()) return CryptoFailure();
    if (lifted == nullptr) return wrong();  // half of all numbers are no x coordinate
    terms.push_back(curve.Combine({factors[i]}, {&lifted}));
  }
  for (const Point& device : devices) of_devices.push_back(&device);

  auto [question, blind] = blinds_->Next(curve);
  if (!curve.good()) return CryptoFailure();
  curve.Add(question, curve.Combine(factors, of_devices));
  const PublicPoint asked = curve.Octets(question);
  // A point that a flipped bit took off the curve would give the key away (quirk 7).
  if (!curve.good() || !IsOnP256(asked)) {
    blinds_->Forget();
    return CryptoFailure();
  }

  derivations_.fetch_add(1, std::memory_order_relaxed);
  const auto derived = session.DeriveEcdh(key_.handle(), asked);
  if (!derived) return derived.error();
  const Point answer = curve.Lift(derived->View());
  if (!curve.good()) return CryptoFailure();
  if (answer == nullptr) return wrong();
  const bool right = IsOneOfTheSums(curve, std::move(blind), std::move(terms), answer);
  if (!curve.good()) return CryptoFailure();
  if (!right) return wrong();
  return Done{};
}

bool AgreementChecker::IsDue(const Session& session) {
  if (mode_ == VerifyAgreements::kEvery) return true;
  const std::uint64_t number = asked_.fetch_add(1, std::memory_order_relaxed);
  const Breaker* breaker = session.module().breaker();
  const std::uint64_t errors = breaker != nullptr ? breaker->device_errors() : 0;
  if (errors_seen_.exchange(errors) != errors) suspicious_until_ = number + kSuspicious;
  return number % kSampledEvery == 0 || number < suspicious_until_;
}

Status AgreementChecker::Check(Session& session, OnTheWay& here,
                               std::shared_ptr<const AgreementClaim> claim, bool* lied) {
  if (!here.due_) return Done{};
  std::unique_lock lock(mutex_);
  Arrive(here);
  auto own = std::make_shared<Waiting>();
  own->claim = std::move(claim);
  waiting_.push_back(own);
  gathered_.notify_one();
  while (!own->verdict) {
    const Waiting* leader = leader_;
    if (leader == nullptr) {
      Lead(session, own, lock);
      continue;
    }
    const auto changed = [&] { return own->verdict || leader_ != leader; };
    if (own->changed.wait_for(lock, kPatience, changed)) continue;
    // Whoever leads is slow, or hangs: nobody waits for it any longer.
    std::erase(waiting_, own);
    leader_ = nullptr;
    WakeNext();
    lock.unlock();
    return CheckGroup(session, {own->claim}, lied);
  }
  if (lied != nullptr) *lied = own->lied;
  return *own->verdict;
}

// Checks `own` and those that wait, the oldest first, when all have come who are on the way or a
// group is full. With the lock, which is let go meanwhile.
void AgreementChecker::Lead(Session& session, const std::shared_ptr<Waiting>& own,
                            std::unique_lock<std::mutex>& lock) {
  leader_ = own.get();
  std::erase(waiting_, own);  // nobody else's to check, however long this takes
  gathered_.wait_for(lock, kGathering, [this] {
    return on_the_way_ == 0 || 1 + waiting_.size() >= kMaxAgreementGroup;
  });
  const auto end = waiting_.begin() +
                   static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kMaxAgreementGroup - 1));
  std::vector<std::shared_ptr<Waiting>> taken(waiting_.begin(), end);
  waiting_.erase(waiting_.begin(), end);
  taken.push_back(own);
  lock.unlock();
  Claims claims;
  for (const auto& one : taken) claims.push_back(one->claim);
  bool lied = false;
  const Status verdict = CheckGroup(session, std::move(claims), &lied);
  lock.lock();
  for (const auto& one : taken) {
    one->verdict = verdict;
    one->lied = lied;
    one->changed.notify_one();
  }
  if (leader_ != own.get()) return;  // it was given up, and another leads or has led
  leader_ = nullptr;
  WakeNext();
}

// To lead the next group.
void AgreementChecker::WakeNext() {
  if (!waiting_.empty()) waiting_.front()->changed.notify_one();
}

}  // namespace acb::hsm
