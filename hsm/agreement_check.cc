#include "hsm/agreement_check.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "firmware/base/handle.h"
#include "hsm/breaker.h"

namespace acb::hsm {
namespace {

using Context = Handle<BN_CTX, BN_CTX_free>;
using Point = Handle<EC_POINT, EC_POINT_clear_free>;
using Number = Handle<BIGNUM, BN_clear_free>;

constexpr unsigned kCoefficientBits = 8;

Failure CryptoFailure() {
  ERR_clear_error();
  return Failure{Reason::kHsmUnavailable, {}, "OpenSSL failed in the check of a key agreement"};
}

// Different from each other, so that two secrets that were exchanged are seen; from 1 to 251.
std::vector<unsigned> Coefficients(std::size_t count, std::uint8_t start) {
  constexpr unsigned kPrime = 251;
  constexpr unsigned kStep = 37;
  std::vector<unsigned> coefficients;
  for (std::size_t i = 0; i < count; ++i) {
    coefficients.push_back(1 + (start + kStep * static_cast<unsigned>(i)) % kPrime);
  }
  return coefficients;
}

// Made once: parsing the curve's parameters costs as much as a multiplication. Never freed: a
// thread that hangs in the module may outlive all else.
const EC_GROUP* P256() {
  static const EC_GROUP* const group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
  return group;
}

// Arithmetic on P-256 whose steps are told by one flag: false once any has failed.
class Curve {
 public:
  Curve() : group_(P256()), context_(BN_CTX_new()) {
    good_ = group_ != nullptr && context_ != nullptr;
  }
  bool good() const { return good_; }

  Point New() {
    Point point(good_ ? EC_POINT_new(group_) : nullptr);
    good_ = point != nullptr;
    return point;
  }
  Point Copy(const Point& point) {
    Point copy = New();
    good_ = good_ && EC_POINT_copy(copy.get(), point.get()) == 1;
    return copy;
  }
  Point From(const PublicPoint& octets) {
    Point point = New();
    good_ = good_ && EC_POINT_oct2point(group_, point.get(), octets.data(), octets.size(),
                                        context_.get()) == 1;
    return point;
  }
  // The point with this x coordinate and an even y; nothing when there is none.
  Point Lift(BytesView x) {
    Point point = New();
    const Number number(BN_bin2bn(x.data(), static_cast<int>(x.size()), nullptr));
    if (!good_ || number == nullptr) return nullptr;
    const bool there = EC_POINT_set_compressed_coordinates(group_, point.get(), number.get(), 0,
                                                           context_.get()) == 1;
    if (there) return point;
    ERR_clear_error();
    return nullptr;
  }
  Number RandomScalar() {
    Number scalar(BN_new());
    good_ = good_ && scalar != nullptr &&
            BN_priv_rand_range(scalar.get(), EC_GROUP_get0_order(group_)) == 1;
    return scalar;
  }
  // scalar * point, of the generator without one.
  Point Multiply(const Number& scalar, const Point* point = nullptr) {
    Point product = New();
    if (!good_) return product;
    const BIGNUM* of_generator = point == nullptr ? scalar.get() : nullptr;
    const BIGNUM* of_point = point == nullptr ? nullptr : scalar.get();
    good_ = EC_POINT_mul(group_, product.get(), of_generator,
                         point == nullptr ? nullptr : point->get(), of_point, context_.get()) == 1;
    return product;
  }
  // The sum of each coefficient * its point, the coefficients being small.
  Point Combine(const std::vector<unsigned>& coefficients,
                const std::vector<const Point*>& points) {
    Point sum = New();
    good_ = good_ && EC_POINT_set_to_infinity(group_, sum.get()) == 1;
    for (unsigned bit = kCoefficientBits; good_ && bit-- > 0;) {
      good_ = EC_POINT_dbl(group_, sum.get(), sum.get(), context_.get()) == 1;
      for (std::size_t i = 0; good_ && i < points.size(); ++i) {
        if ((coefficients[i] >> bit & 1U) != 0) Add(sum, *points[i]);
      }
    }
    return sum;
  }
  void Add(Point& sum, const Point& point) {
    good_ = good_ && EC_POINT_add(group_, sum.get(), sum.get(), point.get(), context_.get()) == 1;
  }
  void Negate(Point& point) {
    good_ = good_ && EC_POINT_invert(group_, point.get(), context_.get()) == 1;
  }
  bool AreEqual(const Point& one, const Point& other) {
    const int compared = good_ ? EC_POINT_cmp(group_, one.get(), other.get(), context_.get()) : -1;
    good_ = compared >= 0;
    return compared == 0;
  }
  PublicPoint Octets(const Point& point) {
    PublicPoint octets{};
    good_ =
        good_ && EC_POINT_point2oct(group_, point.get(), POINT_CONVERSION_UNCOMPRESSED,
                                    octets.data(), octets.size(), context_.get()) == octets.size();
    return octets;
  }

 private:
  const EC_GROUP* const group_;
  const Context context_;
  bool good_ = false;
};

// Whether `answer` is the x coordinate of blinding + (+-m1) + ... for one choice of signs.
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

Status AgreementChecker::CheckGroup(Session& session,
                                    const std::vector<std::shared_ptr<const AgreementClaim>>& group,
                                    bool* lied) {
  Curve curve;
  std::uint8_t start = 0;
  if (RAND_bytes(&start, 1) != 1) return CryptoFailure();
  const std::vector<unsigned> coefficients = Coefficients(group.size(), start);

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
    terms.push_back(curve.Combine({coefficients[i]}, {&lifted}));
  }
  for (const Point& device : devices) of_devices.push_back(&device);

  const Number blind = curve.RandomScalar();
  const Point ours = curve.From(ToPoint(key_.public_key()));
  Point question = curve.Multiply(blind);
  curve.Add(question, curve.Combine(coefficients, of_devices));
  const PublicPoint asked = curve.Octets(question);
  Point blinding = curve.Multiply(blind, &ours);
  if (!curve.good()) return CryptoFailure();

  derivations_.fetch_add(1, std::memory_order_relaxed);
  const auto derived = session.DeriveEcdh(key_.handle(), asked);
  if (!derived) return derived.error();
  const Point answer = curve.Lift(derived->View());
  if (!curve.good()) return CryptoFailure();
  if (answer == nullptr) return wrong();
  const bool right = IsOneOfTheSums(curve, std::move(blinding), std::move(terms), answer);
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

Status AgreementChecker::Check(Session& session, std::shared_ptr<const AgreementClaim> claim,
                               bool* lied) {
  if (!IsDue(session)) return Done{};
  auto own = std::make_shared<Waiting>();
  own->claim = std::move(claim);
  std::unique_lock lock(mutex_);
  waiting_.push_back(own);
  while (!own->verdict) {
    if (!leading_) {
      Lead(session, lock);
      continue;
    }
    if (decided_.wait_for(lock, kPatience, [&] { return own->verdict || !leading_; })) continue;
    // Whoever leads is slow, or hangs: nobody waits for it any longer.
    std::erase(waiting_, own);
    leading_ = false;
    lock.unlock();
    return CheckGroup(session, {own->claim}, lied);
  }
  if (lied != nullptr) *lied = own->lied;
  return *own->verdict;
}

// Checks those that wait, the oldest first. With the lock, which is let go meanwhile.
void AgreementChecker::Lead(Session& session, std::unique_lock<std::mutex>& lock) {
  leading_ = true;
  const std::size_t count = std::min(waiting_.size(), kMaxAgreementGroup);
  const std::vector<std::shared_ptr<Waiting>> taken(
      waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
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
  }
  decided_.notify_all();
}

}  // namespace acb::hsm
