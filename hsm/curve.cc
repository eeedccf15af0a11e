#include "hsm/curve.h"

#include <openssl/ecerr.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>

namespace acb::hsm {
namespace {

// Made once: parsing the curve's parameters costs as much as a multiplication. Never freed: a
// thread that hangs in the module may outlive all else.
const EC_GROUP* P256() {
  static const EC_GROUP* const group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
  return group;
}

}  // namespace

Curve::Curve() : group_(P256()), context_(BN_CTX_new()) {
  good_ = group_ != nullptr && context_ != nullptr;
}

Curve::Point Curve::New() {
  Point point(good_ ? EC_POINT_new(group_) : nullptr);
  good_ = point != nullptr;
  return point;
}

Curve::Point Curve::Copy(const Point& point) {
  Point copy = New();
  good_ = good_ && EC_POINT_copy(copy.get(), point.get()) == 1;
  return copy;
}

Curve::Point Curve::From(const PublicPoint& octets) {
  Point point = New();
  good_ = good_ && EC_POINT_oct2point(group_, point.get(), octets.data(), octets.size(),
                                      context_.get()) == 1;
  return point;
}

Curve::Point Curve::Lift(BytesView x) {
  Point point = New();
  const Number number(BN_bin2bn(x.data(), static_cast<int>(x.size()), nullptr));
  good_ = good_ && number != nullptr;
  if (!good_ || BN_cmp(number.get(), EC_GROUP_get0_field(group_)) >= 0) return nullptr;
  const bool there = EC_POINT_set_compressed_coordinates(group_, point.get(), number.get(), 0,
                                                         context_.get()) == 1;
  if (there) return point;
  good_ = ERR_GET_REASON(ERR_peek_last_error()) == EC_R_INVALID_COMPRESSED_POINT;
  ERR_clear_error();
  return nullptr;
}

Curve::Number Curve::RandomScalar() {
  Number scalar(BN_new());
  good_ = good_ && scalar != nullptr;
  do {
    good_ = good_ && BN_priv_rand_range(scalar.get(), EC_GROUP_get0_order(group_)) == 1;
  } while (good_ && BN_is_zero(scalar.get()));
  return scalar;
}

Curve::Point Curve::Multiply(const Number& scalar, const Point* point) {
  Point product = New();
  if (!good_) return product;
  const BIGNUM* of_generator = point == nullptr ? scalar.get() : nullptr;
  const BIGNUM* of_point = point == nullptr ? nullptr : scalar.get();
  good_ = EC_POINT_mul(group_, product.get(), of_generator,
                       point == nullptr ? nullptr : point->get(), of_point, context_.get()) == 1;
  return product;
}

Curve::Point Curve::Combine(const std::vector<unsigned>& factors,
                            const std::vector<const Point*>& points) {
  Point sum = New();
  good_ = good_ && EC_POINT_set_to_infinity(group_, sum.get()) == 1;
  for (unsigned bit = kFactorBits; good_ && bit-- > 0;) {
    Double(sum);
    for (std::size_t i = 0; good_ && i < points.size(); ++i) {
      if ((factors[i] >> bit & 1U) != 0) Add(sum, *points[i]);
    }
  }
  return sum;
}

void Curve::Double(Point& point) {
  good_ = good_ && EC_POINT_dbl(group_, point.get(), point.get(), context_.get()) == 1;
}

void Curve::Add(Point& sum, const Point& point) {
  good_ = good_ && EC_POINT_add(group_, sum.get(), sum.get(), point.get(), context_.get()) == 1;
}

void Curve::Negate(Point& point) {
  good_ = good_ && EC_POINT_invert(group_, point.get(), context_.get()) == 1;
}

bool Curve::AreEqual(const Point& one, const Point& other) {
  const int compared = good_ ? EC_POINT_cmp(group_, one.get(), other.get(), context_.get()) : -1;
  good_ = compared >= 0;
  return compared == 0;
}

PublicPoint Curve::Octets(const Point& point) {
  PublicPoint octets{};
  good_ =
      good_ && EC_POINT_point2oct(group_, point.get(), POINT_CONVERSION_UNCOMPRESSED, octets.data(),
                                  octets.size(), context_.get()) == octets.size();
  return octets;
}

}  // namespace acb::hsm
