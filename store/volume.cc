#include "store/volume.h"

#include <array>

#include "store/reading.h"

namespace acb::store {
namespace {

// Stored numbers.
enum class Window : std::uint8_t { kHour = 1, kDay = 2 };
constexpr std::array kWindows = {Window::kHour, Window::kDay};

constexpr Eui64 kTotal{0};  // never a User's
// Of old buckets, in one reservation: the rest go with later ones.
constexpr std::size_t kMaxDropped = 16;

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

constexpr std::int64_t BucketSize(Window window) {
  return window == Window::kHour ? kMinute : kHour;
}
constexpr std::int64_t Length(Window window) { return window == Window::kHour ? kHour : kDay; }

// Octets sort as instants, also before 1970.
constexpr std::uint64_t kBias = std::uint64_t{1} << 63;
std::uint64_t BucketOf(Window window, std::int64_t milliseconds) {
  const std::int64_t size = BucketSize(window);
  const std::int64_t bucket = milliseconds / size - (milliseconds % size < 0 ? 1 : 0);
  return static_cast<std::uint64_t>(bucket) ^ kBias;
}

Bytes PrefixOf(Window window, Eui64 user) {
  return ByteWriter().U8(static_cast<std::uint8_t>(window)).U64(user.value()).bytes();
}
Bytes KeyOf(Window window, Eui64 user, std::uint64_t bucket) {
  return ByteWriter().Raw(PrefixOf(window, user)).U64(bucket).bytes();
}
std::uint64_t BucketOfKey(BytesView key) {
  ByteReader in(key.last(sizeof(std::uint64_t)));
  return in.U64();
}

Result<std::uint64_t> Counted(const Transaction& transaction, Window window, Eui64 user,
                              UtcTime at) {
  const std::uint64_t first = BucketOf(window, at.milliseconds() - Length(window));
  const std::uint64_t last = BucketOf(window, at.milliseconds() + kDay);
  std::uint64_t sum = 0;
  Status walked =
      transaction.Walk(Table::kVolume, KeyOf(window, user, first), PrefixOf(window, user),
                       [&](BytesView key, BytesView payload) -> Result<bool> {
                         const auto count = DecodeNumber(payload);
                         if (!count)
                           return Damaged(Table::kVolume, key, "does not have the table's form");
                         if (BucketOfKey(key) > last) return false;
                         sum += *count;
                         return true;
                       });
  if (!walked) return std::move(walked).error();
  return sum;
}

Status CheckOne(const Transaction& transaction, Window window, Eui64 user, UtcTime at,
                std::uint64_t limit) {
  if (limit == 0) return Done{};
  const auto counted = Counted(transaction, window, user, at);
  if (!counted) return counted.error();
  if (*counted < limit) return Done{};
  // How much others asked for is not said.
  return Failure(Reason::kVolumeExceeded,
                 std::string(user == kTotal ? "the threshold for all Users together"
                                            : "the User's threshold") +
                     " of " + std::to_string(limit) +
                     (window == Window::kHour ? " handovers an hour" : " handovers a day") +
                     " is reached");
}

Status DropOld(WriteTransaction& transaction, Window window, Eui64 user, UtcTime at) {
  const std::uint64_t first = BucketOf(window, at.milliseconds() - 2 * Length(window));
  std::vector<Bytes> old;
  const Bytes prefix = PrefixOf(window, user);
  Status walked = transaction.Walk(Table::kVolume, prefix, prefix,
                                   [&](BytesView key, BytesView) -> Result<bool> {
                                     if (BucketOfKey(key) >= first) return false;
                                     old.push_back(ToBytes(key));
                                     return old.size() < kMaxDropped;
                                   });
  if (!walked) return walked;
  for (const Bytes& key : old) {
    if (Status dropped = transaction.Delete(Table::kVolume, key); !dropped) return dropped;
  }
  return Done{};
}

Status CountOne(WriteTransaction& transaction, Window window, Eui64 user, UtcTime at) {
  const Bytes key = KeyOf(window, user, BucketOf(window, at.milliseconds()));
  const auto known = Find(transaction, Table::kVolume, key, DecodeNumber);
  if (!known) return known.error();
  if (!known->has_value()) {
    if (Status dropped = DropOld(transaction, window, user, at); !dropped) return dropped;
  }
  return transaction.Put(Table::kVolume, key, EncodeNumber(known->value_or(0) + 1));
}

}  // namespace

Status CheckVolume(const Transaction& transaction, Eui64 user, UtcTime at,
                   const VolumeLimits& limits) {
  struct Threshold {
    Window window;
    Eui64 user;
    std::uint64_t limit;
  };
  const Threshold thresholds[] = {{Window::kHour, user, limits.user_hour},
                                  {Window::kDay, user, limits.user_day},
                                  {Window::kHour, kTotal, limits.total_hour},
                                  {Window::kDay, kTotal, limits.total_day}};
  for (const Threshold& one : thresholds) {
    Status below = CheckOne(transaction, one.window, one.user, at, one.limit);
    if (!below) return below;
  }
  return Done{};
}

Status CountVolume(WriteTransaction& transaction, Eui64 user, UtcTime at) {
  for (const Window window : kWindows) {
    for (const Eui64 whose : {user, kTotal}) {
      if (Status counted = CountOne(transaction, window, whose, at); !counted) return counted;
    }
  }
  return Done{};
}

}  // namespace acb::store
