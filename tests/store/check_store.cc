// Looks at stores that a loss of power may have left, and says what is not as it was told
// (tests/end_to_end/power_cut.py). Reads from standard input, for each store:
//
//   store DIRECTORY
//   counter DEVICE N                     a counter of this device was used: last_issued is not less
//   floor DEVICE N                       acknowledged for both cells
//   answer REQUEST COUNTER SHA256        signed, with the command of this SHA-256
//   refused REQUEST                      refused, final
//   entry INDEX LEAF                     the entry of this RFC 6962 leaf hash, in hexadecimal
//   end
//
// and answers with a line "PROBLEM ..." for each that does not hold, then "done ENTRIES". It also
// reads every record of the store, so that each check value is verified. No HSM: what start does
// with the anchors is the test's that starts acbd.
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "firmware/audit/entry.h"
#include "firmware/base/bytes.h"
#include "store/audit_log.h"
#include "store/environment.h"
#include "store/reading.h"
#include "store/snapshot.h"
#include "store/transactions.h"

namespace acb::store {
namespace {

constexpr std::uint64_t kMapSize = std::uint64_t{1} << 30;
constexpr std::uint64_t kMaxEntries = 100'000;

void Problem(const std::string& text) { std::cout << "PROBLEM " << text << "\n"; }
void Problem(const std::string& what, const Failure& why) {
  Problem(what + ": " + std::string(Describe(why.reason).name) + " " + why.explanation + " " +
          why.detail);
}

// One store, and what was told of it looked up.
class Check {
 public:
  Check(ReadTransaction transaction, ReadTransaction for_requests)
      : transaction_(std::move(transaction)),
        requests_(std::move(for_requests), *against_),
        entries_(ReadEntries(transaction_, 0, kMaxEntries)),
        leaves_(ReadLeafHashes(transaction_, 0, kMaxEntries)) {}

  std::uint64_t entries() const { return entries_ ? entries_->size() : 0; }

  void Whole() {
    for (const TableInfo& info : kTables) {
      const auto walked =
          transaction_.Walk(info.table, {}, {}, [](BytesView, BytesView) { return Result(true); });
      if (!walked) Problem("table " + std::string(info.name), walked.error());
    }
    if (auto end = CheckAuditEnd(transaction_); !end) Problem("audit log", end.error());
    if (!entries_) return Problem("audit entries", entries_.error());
    if (!leaves_) return Problem("audit leaves", leaves_.error());
    if (entries_->size() != leaves_->size()) Problem("entries and leaves differ in number");
    for (std::size_t i = 0; i < std::min(entries_->size(), leaves_->size()); ++i) {
      if (audit::LeafHash((*entries_)[i]) != (*leaves_)[i]) {
        Problem("entry " + std::to_string(i) + " is not that of its leaf");
      }
    }
  }

  void Counter(const std::string& device, std::uint64_t used) {
    const auto row = Counters(device);
    if (row && row->last_issued < used) {
      Problem("device " + device + ": last issued " + std::to_string(row->last_issued) + ", and " +
              std::to_string(used) + " was used (P1)");
    }
  }

  void Floor(const std::string& device, std::uint64_t floor) {
    const auto row = Counters(device);
    if (!row) return;
    for (const CellState* cell : {&row->supplier, &row->network_operator}) {
      if (cell->floor && cell->floor->value() >= floor) continue;
      Problem("device " + device + ": floor " + std::to_string(floor) + " was acknowledged (P2)");
    }
  }

  void Answer(const std::string& request, std::uint64_t counter, const std::string& sha256) {
    const auto row = Request(request);
    if (!row) return;
    const bool same = row->state == StoredRequest::State::kSigned && row->counter &&
                      row->counter->value() == counter && ToHex(Sha256(row->command)) == sha256;
    if (!same) {
      Problem("request " + request + ": was answered with counter " + std::to_string(counter) +
              ", and its state is " + std::to_string(static_cast<int>(row->state)) + " (P5)");
    }
  }

  void Refused(const std::string& request) {
    const auto row = Request(request);
    if (row && row->state != StoredRequest::State::kRefused) {
      Problem("request " + request + ": was refused, and its state is " +
              std::to_string(static_cast<int>(row->state)) + " (P5)");
    }
  }

  void Entry(std::uint64_t index, const std::string& leaf) {
    const bool there = leaves_ && index < leaves_->size() && ToHex((*leaves_)[index]) == leaf;
    if (!there) Problem("entry " + std::to_string(index) + " was acknowledged (P4)");
  }

 private:
  std::optional<CountersRow> Counters(const std::string& device) {
    const auto id = Eui64::FromText(device);
    auto row = FindCounters(transaction_, id ? *id : Eui64{0});
    if (row && *row) return **row;
    if (!row) Problem("counters of " + device, row.error());
    if (row) Problem("counters of " + device + " are not there");
    return std::nullopt;
  }

  std::optional<StoredRequest> Request(const std::string& text) {
    const auto id = RequestId::FromText(text);
    if (!id) {
      Problem("not a RequestID: " + text);
      return std::nullopt;
    }
    auto row = requests_.FindRequest(*id);
    if (row && *row) return **row;
    if (!row) Problem("request " + text, row.error());
    if (row) Problem("request " + text + " was answered, and is not there (P5)");
    return std::nullopt;
  }

  ReadTransaction transaction_;
  std::unique_ptr<PartiesAgainst> against_ = std::make_unique<PartiesAgainst>();
  Snapshot requests_;
  Result<std::vector<std::string>> entries_;
  Result<std::vector<Sha256Digest>> leaves_;
};

std::optional<Check> Open(const std::string& directory) {
  auto environment = LmdbEnvironment::Open(directory, kMapSize, {});
  if (!environment) {
    Problem("open", environment.error());
    return std::nullopt;
  }
  auto first = ReadTransaction::Begin(*environment);
  auto second = ReadTransaction::Begin(*environment);
  if (!first || !second) {
    Problem("no read transaction");
    return std::nullopt;
  }
  return std::optional<Check>(std::in_place, *std::move(first), *std::move(second));
}

// One line of what was told. False: not one that is known.
bool Look(Check& check, const std::string& line) {
  std::istringstream words(line);
  std::string what, name, digest;
  std::uint64_t number = 0;
  words >> what;
  if (what == "counter" && words >> name >> number) {
    check.Counter(name, number);
  } else if (what == "floor" && words >> name >> number) {
    check.Floor(name, number);
  } else if (what == "answer" && words >> name >> number >> digest) {
    check.Answer(name, number, digest);
  } else if (what == "refused" && words >> name) {
    check.Refused(name);
  } else if (what == "entry" && words >> number >> digest) {
    check.Entry(number, digest);
  } else {
    return false;
  }
  return true;
}

int CheckEach(std::istream& in) {
  std::optional<Check> check;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("store ")) {
      check = Open(line.substr(std::string_view("store ").size()));
      if (check) check->Whole();
    } else if (line == "end") {
      std::cout << "done " << (check ? check->entries() : 0) << std::endl;
      check.reset();
    } else if (check && !Look(*check, line)) {
      std::cerr << "check_store: not understood: " << line << "\n";
      return 2;
    }
  }
  return 0;
}

}  // namespace
}  // namespace acb::store

int main() { return acb::store::CheckEach(std::cin); }
