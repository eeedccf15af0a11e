#include "tools/acbctl/recover.h"

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <span>
#include <vector>

#include "firmware/audit/container.h"
#include "firmware/base/sha256_stream.h"
#include "platform/acb_keys.h"
#include "platform/system_clock.h"
#include "store/store.h"
#include "tools/acbctl/operators.h"
#include "tools/acbctl/progress.h"
#include "tools/acbctl/remote.h"
#include "tools/acbctl/token.h"

namespace acb::acbctl {
namespace {

constexpr std::size_t kMaxReason = 200;
constexpr std::size_t kMaxNamed = 1'000;  // devices, in one answer
// Of one entry: the log's own limit is that of a request's record.
constexpr std::size_t kMaxLine = std::size_t{1} << 20;
constexpr std::size_t kPiece = std::size_t{1} << 16;
constexpr const char* kEntriesFile = "entries";
// Of a container (design.md section 7): only one that holds everything has disclosures.
constexpr const char* kEntriesInContainer = "entries.ndjson";
constexpr const char* kDisclosuresInContainer = "disclosures.ndjson";

Failure Wrong(std::string what) { return Failure(Reason::kConfiguration, std::move(what)); }

// The entries of an export's container, and where they are in it. Nothing when the file is none.
Result<std::optional<audit::ContainerFile>> EntriesIn(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const auto source = [&in](std::span<std::uint8_t> into) -> Result<std::size_t> {
    in.read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size()));
    return static_cast<std::size_t>(in.gcount());
  };
  const auto contents = audit::ReadContainer(source);
  if (!contents) return contents.error();
  if (contents->files.empty() || contents->files.front().name != kEntriesInContainer) {
    return std::optional<audit::ContainerFile>();
  }
  if (contents->broken) {
    return Failure(Reason::kBackupDamaged, "the export " + contents->broken->explanation);
  }
  const bool whole = std::ranges::any_of(contents->files, [](const audit::ContainerFile& file) {
    return file.name == kDisclosuresInContainer;
  });
  if (!whole) {
    return Wrong("a panel export does not hold every entry: recover from one of --redaction ssc");
  }
  return std::optional(contents->files.front());
}

// One entry a line.
class Export {
 public:
  static Result<Export> Open(std::filesystem::path path) {
    if (std::filesystem::is_directory(path)) path /= kEntriesFile;
    Export opened;
    std::ifstream whole(path, std::ios::binary);
    Sha256Stream sha256;
    Bytes piece(kPiece);
    while (whole) {  // ends with the file
      whole.read(reinterpret_cast<char*>(piece.data()), static_cast<std::streamsize>(piece.size()));
      sha256.Update(BytesView(piece).first(static_cast<std::size_t>(whole.gcount())));
    }
    if (!whole.eof()) return Wrong("cannot read " + path.string());
    opened.sha256_ = sha256.Finish();
    const auto entries = EntriesIn(path);
    if (!entries) return entries.error();
    opened.lines_.open(path, std::ios::binary);
    if (entries->has_value()) {
      opened.lines_.seekg(static_cast<std::streamoff>((*entries)->offset));
      opened.left_ = (*entries)->size;
    }
    if (!opened.lines_) return Wrong("cannot read " + path.string());
    return opened;
  }

  const Sha256Digest& sha256() const { return sha256_; }
  Result<std::optional<std::string>> Next() {
    if (left_ == 0) return std::optional<std::string>();
    // What does not fit is never read.
    lines_.getline(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    if (lines_.bad()) return Wrong("cannot read the export");
    const auto read = static_cast<std::size_t>(lines_.gcount());
    if (lines_.fail() && read > 0) {
      return Failure(Reason::kBackupDamaged, "a line of the export is longer than an entry");
    }
    if (lines_.fail()) return std::optional<std::string>();
    if (read > 1 && buffer_[read - 2] == '\r') {
      return Failure(
          Reason::kBackupDamaged,
          "the export's lines end in CR LF: something has rewritten it; take the original");
    }
    left_ -= std::min<std::uint64_t>(left_, read);
    return std::optional(std::string(buffer_.data(), lines_.eof() ? read : read - 1));
  }

 private:
  std::ifstream lines_;
  // Room for the line end, and for the octet that getline puts behind.
  std::vector<char> buffer_ = std::vector<char>(kMaxLine + 2);
  Sha256Digest sha256_{};
  std::uint64_t left_ = ~std::uint64_t{0};  // octets of the entries, where more is behind them
};

// acbd keeps the store's lock while it runs.
Result<std::unique_ptr<store::Store>> OpenStopped(const platform::Config& config) {
  const bool live = config.environment == smki::Environment::kLive;
  return store::Store::Open(
      {.directory = config.store_directory,
       .map_size = config.store_map_size,
       .environment = live ? store::Environment::kLive : store::Environment::kTest,
       .counter_jump = config.counter_jump});
}

// A recovery, and what is to be done about the keys.
struct Outcome {
  store::Recovery recovery;
  std::vector<std::string> keys_differ;  // register and token, in words
};

// What was recovered is recovered, whatever can be said of the keys.
std::vector<std::string> CompareKeys(const store::Store& store, hsm::Provisioning& token) {
  const auto keys = platform::ReadKeys(store);
  if (!keys) return {"the register of keys cannot be read: " + keys.error().detail};
  const auto objects = token.ListKeys();
  if (!objects) return {"the token does not list its keys: " + objects.error().detail};
  return platform::CompareWithToken(*keys, *objects);
}

Result<Outcome> Run(const RecoverOptions& options) {
  const auto config = platform::LoadConfig(options.config);
  if (!config) return config.error();
  store::RecoverOrder order;
  if (!options.base.empty()) order.base = ParseDecimal(options.base);
  order.reason = options.reason;
  auto operators = ProveTwoOperators(*config, options.as);
  if (!operators) return std::move(operators).error();
  for (ProvenOperator& one : *operators) order.operators.push_back(std::move(one.identity));
  std::optional<Export> from;
  if (!order.base) {
    auto opened = Export::Open(options.from);
    if (!opened) return std::move(opened).error();
    from = *std::move(opened);
    order.export_sha256 = from->sha256();
    order.next_line = [&from] { return from->Next(); };
  }
  // Before the store is opened: it makes threads.
  auto token = OpenToken(*config);
  if (!token) return std::move(token).error();
  if (auto key = CheckpointKeyOf(**token); !key) return std::move(key).error();
  auto store = OpenStopped(*config);
  if (!store) return std::move(store).error();
  order.at = platform::SystemClock().Now();
  Progress progress(order.base ? "recover: devices" : "recover: entries", Progress::Unit::kRows,
                    options.progress);
  order.progress = [&progress](std::uint64_t done, std::uint64_t total) {
    progress.Show(done, total);
  };
  auto recovery = (*store)->Recover((*token)->anchors(), order, config->anchor_every);
  if (!recovery) return std::move(recovery).error();
  return Outcome{*std::move(recovery), CompareKeys(**store, **token)};
}

boost::json::array ListOf(const std::vector<std::string>& names) {
  return boost::json::array(names.begin(), names.end());
}

boost::json::object ResultOf(const RecoverOptions& options, const Outcome& outcome) {
  const store::Recovery& done = outcome.recovery;
  boost::json::object result{
      {"epoch", std::to_string(done.epoch)},
      {"raise", std::to_string(done.raise)},
      {"base", std::to_string(done.base)},
      {"tree_size", std::to_string(done.tree_size)},
      {"root", ToHex(done.root)},
      {"audit",
       {{"index", std::to_string(done.receipt.index)}, {"leaf", ToHex(done.receipt.leaf)}}}};
  if (options.base.empty()) {
    result["appended"] = std::to_string(done.appended);
    result["taken_in"] = std::to_string(done.taken_in);
  }
  result["cells_unknown"] = done.cells_unknown;
  if (done.fenced) result["fenced"] = true;
  if (!done.feeds.empty()) result["import_again"] = ListOf(done.feeds);
  if (!done.lifted.empty()) result["lift_again"] = ListOf(done.lifted);
  if (!done.ceremonies.empty()) result["ceremonies_not_taken_in"] = ListOf(done.ceremonies);
  if (!done.quarantine.empty()) result["quarantine_not_taken_in"] = ListOf(done.quarantine);
  if (!done.exhausted.empty()) {
    boost::json::array devices;
    for (const Eui64 device :
         std::span(done.exhausted).first(std::min(done.exhausted.size(), kMaxNamed))) {
      devices.emplace_back(device.Hyphenated());
    }
    result["exhausted"] = std::move(devices);
  }
  if (!outcome.keys_differ.empty()) result["keys_differ"] = ListOf(outcome.keys_differ);
  result["next"] = "acbd --config " + options.config.string();
  return result;
}

}  // namespace

int Recover(const RecoverOptions& options) {
  if (options.base.empty() == options.from.empty()) {
    return Misused("recover takes either --base N or --from EXPORT", options.json);
  }
  if (!options.base.empty() && !ParseDecimal(options.base)) {
    return Misused("--base takes a decimal number, not '" + options.base + "'", options.json);
  }
  if (options.reason.empty() || options.reason.size() > kMaxReason) {
    return Misused("--reason takes a text of 1 to " + std::to_string(kMaxReason) + " octets",
                   options.json);
  }
  const auto done = Run(options);
  if (!done) return Refuse(done.error(), options.json);
  const boost::json::object result = ResultOf(options, *done);
  if (options.json) {
    std::cout << boost::json::serialize(result) << "\n";
    return kGood;
  }
  PrintMembers(result, "");
  if (!done->keys_differ.empty()) {
    std::cout << "the register of keys is not what the token holds: 'acbctl key list' shows both, "
                 "and key ceremonies put them in order before the box can sign\n";
  }
  if (!done->recovery.feeds.empty()) {
    std::cout
        << "imports were lost with the disk: nothing is signed (FEED_STALE) until every file "
           "of the feeds of import_again is imported again that the export has since the "
           "backup (entries of kind 'feed'; report feeds has those that an anchor proves), in "
           "their order\n";
  } else if (!options.base.empty()) {
    std::cout << "what feeds and operators brought since that backup went with the disk: import "
                 "every feed again, revocation lists first, and give orders to suspend again\n";
  }
  if (done->recovery.fenced) {
    std::cout << "the counters of this store were exported with --fence: it signs for none of its "
                 "devices again (COUNTERS_EXPORTED); the box that imported them does\n";
  }
  if (!done->recovery.exhausted.empty()) {
    std::cout << done->recovery.exhausted.size()
              << " devices had a number above every base: nothing is signed for them any more "
                 "(COUNTER_EXHAUSTED)\n";
  }
  if (done->recovery.cells_unknown) {
    std::cout << "every cell is unknown, and not signed for, until an observation or an import of "
                 "devices gives its floor\n";
  }
  return kGood;
}

}  // namespace acb::acbctl
