// Arithmetic with public points of P-256 and with secrets of the check of agreements.
#pragma once

#include <openssl/bn.h>
#include <openssl/ec.h>

#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/handle.h"
#include "firmware/base/p256.h"

namespace acb::hsm {

// By OpenSSL, whose errors are told by one flag: good() is false once a step has failed, and what
// was computed since is of no use. One thread at a time.
class Curve {
 public:
  using Point = Handle<EC_POINT, EC_POINT_clear_free>;
  using Number = Handle<BIGNUM, BN_clear_free>;

  // Factors of Combine are below 2 to this.
  static constexpr unsigned kFactorBits = 4;

  Curve();
  bool good() const { return good_; }

  Point Copy(const Point& point);
  // Fails for octets that are no point of the curve.
  Point From(const PublicPoint& octets);
  // The point with this x coordinate (32 octets, big-endian) and an even y; nothing when there is
  // none, which is no failure. A number that is not below p is no coordinate, though it is
  // congruent to one: a key that was made from its octets is another key.
  Point Lift(BytesView x);
  // From 1 to the order less 1, from the private generator of random numbers.
  Number RandomScalar();
  // scalar * point, of the generator without one.
  Point Multiply(const Number& scalar, const Point* point = nullptr);
  // The sum of each factor * its point.
  Point Combine(const std::vector<unsigned>& factors, const std::vector<const Point*>& points);
  void Double(Point& point);
  void Add(Point& sum, const Point& point);
  void Negate(Point& point);
  bool AreEqual(const Point& one, const Point& other);
  // Fails for the point at infinity.
  PublicPoint Octets(const Point& point);

 private:
  Point New();

  const EC_GROUP* const group_;
  const Handle<BN_CTX, BN_CTX_free> context_;
  bool good_ = false;
};

}  // namespace acb::hsm
