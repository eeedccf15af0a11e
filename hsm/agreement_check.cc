#include "hsm/agreement_check.h"

#include <openssl/err.h>

#include <algorithm>
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

// The place of each in its group.
std::vector<unsigned> Factors(std::size_t count) {
  static_assert(kMaxAgreementGroup < 1U << Curve::kFactorBits);
  std::vector<unsigned> factors;
  for (unsigned i = 1; i <= count; ++i) factors.push_back(i);
  return factors;
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

// Two multiplications made anew for each check would cost half of what it costs without them. r of
// the next is 2*r of this one: whoever does not know r knows neither. Thread-safe.
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
      const Curve::Number r = curve.RandomScalar();
      const Point key = curve.From(key_);
      if (curve.good()) pair_ = {curve.Multiply(r), curve.Multiply(r, &key)};
    } else if (curve.good()) {
      curve.Double(pair_.of_generator);
      curve.Double(pair_.of_key);
    }
    if (curve.good()) return {curve.Copy(pair_.of_generator), curve.Copy(pair_.of_key)};
    used_ = 0;  // whatever failed left no pair that could be relied on
    return {};
  }

 private:
  static constexpr unsigned kUses = 128;

  const PublicPoint key_;
  std::mutex mutex_;  // guards what follows
  unsigned used_ = 0;
  Pair pair_;
};

AgreementChecker::AgreementChecker(const Key& key, VerifyAgreements mode)
    : key_(key), mode_(mode), blinds_(std::make_unique<Blinds>(ToPoint(key.public_key()))) {}

AgreementChecker::~AgreementChecker() = default;

AgreementChecker::OnTheWay::OnTheWay(AgreementChecker& checker) : checker_(checker) {
  const std::lock_guard lock(checker_.mutex_);
  ++checker_.on_the_way_;
}

AgreementChecker::OnTheWay::~OnTheWay() {
  const std::lock_guard lock(checker_.mutex_);
  checker_.Arrive(*this);
}

void AgreementChecker::Arrive(OnTheWay& here) {
  if (std::exchange(here.arrived_, true)) return;
  --on_the_way_;
  gathered_.notify_one();
}

Status AgreementChecker::CheckGroup(Session& session,
                                    const std::vector<std::shared_ptr<const AgreementClaim>>& group,
                                    bool* lied) {
  Curve curve;
  const std::vector<unsigned> factors = Factors(group.size());

  const auto wrong = [&]() -> Status {
    Failure failure{Reason::kHsmUnavailable,
                    {},
                    "key \"" + key_.label() + "\": the module derived a secret that is wrong"};
    session.module().NoteDeviceError(failure.detail);
    if (lied != nullptr) *lied = true;
    return failure;
  };

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
  if (!curve.good()) return CryptoFailure();

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

// What is not due is not checked at all.
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
  const bool due = IsDue(session);
  std::unique_lock lock(mutex_);
  Arrive(here);
  if (!due) return Done{};
  auto own = std::make_shared<Waiting>();
  own->claim = std::move(claim);
  waiting_.push_back(own);
  gathered_.notify_one();
  while (!own->verdict) {
    if (!leading_) {
      Lead(session, own, lock);
      continue;
    }
    if (own->changed.wait_for(lock, kPatience, [&] { return own->verdict || !leading_; })) continue;
    // Whoever leads is slow, or hangs: nobody waits for it any longer.
    std::erase(waiting_, own);
    leading_ = false;
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
  leading_ = true;
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
  std::vector<std::shared_ptr<const AgreementClaim>> claims;
  for (const auto& one : taken) claims.push_back(one->claim);
  bool lied = false;
  const Status verdict = CheckGroup(session, claims, &lied);
  lock.lock();
  leading_ = false;
  for (const auto& one : taken) {
    one->verdict = verdict;
    one->lied = lied;
    one->changed.notify_one();
  }
  if (!waiting_.empty()) waiting_.front()->changed.notify_one();  // leads the next group
}

}  // namespace acb::hsm
