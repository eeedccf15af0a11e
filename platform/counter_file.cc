#include "platform/counter_file.h"

#include <algorithm>
#include <boost/json.hpp>
#include <memory>

#include "firmware/base/base64.h"
#include "firmware/base/request_id.h"
#include "firmware/holder_text.h"

namespace acb::platform {
namespace {

constexpr std::string_view kFormat = "acb-counters-1";
constexpr std::size_t kBufferOctets = 256 * 1024;
constexpr std::size_t kMaxLine = 4096;  // the first and the last are below 1000 octets
constexpr std::size_t kHashedAtOnce = std::size_t{1} << 20;

std::string Quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }
std::string Quoted(std::uint64_t number) { return "\"" + std::to_string(number) + "\""; }

// Line 1 without its line end.
std::string FormatHead(const CounterFileHead& head) {
  const store::ExportHead& of = head.store;
  std::string line = "{\"format\":" + Quoted(kFormat);
  line += ",\"store_id\":" + Quoted(ToHex(of.store));
  line += ",\"environment\":" + Quoted(store::Name(of.environment));
  line += ",\"epoch\":" + Quoted(of.epoch);
  line += ",\"raise\":" + Quoted(of.raise);
  line += ",\"base\":" + Quoted(of.base);
  line += ",\"window\":" + Quoted(head.window);
  line += std::string(",\"fenced\":") + (head.fenced ? "true" : "false");
  line += ",\"created\":" + Quoted(head.created.Iso());
  line += ",\"tree_size\":" + Quoted(of.tree_size);
  line += ",\"root\":" + Quoted(ToHex(of.root));
  line += ",\"checkpoint_key\":" + Quoted(ToBase64(hsm::ToSpki(head.key)));
  return line + ",\"devices\":[";
}

std::string FormatCell(const CellState& cell) {
  const bool known = cell.holder != CellState::Holder::kUnknown;
  return "{\"holder\":" + (known ? Quoted(HolderText(cell)) : "null") +
         ",\"floor\":" + (cell.floor ? Quoted(cell.floor->value()) : "null") + "}";
}

// Without the comma.
std::string FormatRow(const store::ExportedCounters& row) {
  std::string line = "{\"device\":" + Quoted(row.device.Hyphenated());
  line += ",\"last_issued\":" + Quoted(row.last_issued);
  line += ",\"raise\":" + Quoted(row.raise);
  line += ",\"supplier\":" + FormatCell(row.supplier);
  return line + ",\"network_operator\":" + FormatCell(row.network_operator) + "}";
}

// What of the last line is hashed.
std::string FormatCount(std::uint64_t count) { return "],\"count\":" + Quoted(count) + ","; }
std::string FormatEnd(const Sha256Digest& sha256, BytesView signature) {
  return "\"sha256\":" + Quoted(ToHex(sha256)) + ",\"signature\":" + Quoted(ToBase64(signature)) +
         "}\n";
}

Failure Wrong(std::uint64_t line, const std::string& what) {
  return Failure(Reason::kMalformed, "line " + std::to_string(line) + ": " + what);
}

// The members of an object, each read once; what is missing or of another kind makes it wrong.
class Members {
 public:
  explicit Members(const boost::json::value* value)
      : object_(value == nullptr ? nullptr : value->if_object()) {}

  bool ok() const { return ok_ && object_ != nullptr; }
  const boost::json::value* Find(std::string_view name) {
    const boost::json::value* found = object_ == nullptr ? nullptr : object_->if_contains(name);
    ok_ = ok_ && found != nullptr;
    return found;
  }
  std::string_view Text(std::string_view name) {
    const boost::json::value* found = Find(name);
    const boost::json::string* text = found == nullptr ? nullptr : found->if_string();
    ok_ = ok_ && text != nullptr;
    return text == nullptr ? std::string_view{} : std::string_view(*text);
  }
  std::uint64_t Number(std::string_view name) {
    const auto number = ParseDecimal(Text(name));
    ok_ = ok_ && number;
    return number.value_or(0);
  }
  template <std::size_t N>
  std::array<std::uint8_t, N> Hex(std::string_view name) {
    std::array<std::uint8_t, N> octets{};
    const auto read = FromHex(Text(name));
    ok_ = ok_ && read && read->size() == N;
    if (ok_) std::ranges::copy(*read, octets.begin());
    return octets;
  }

 private:
  const boost::json::object* object_;
  bool ok_ = true;
};

std::optional<boost::json::value> ParseJson(const std::string& text) {
  boost::json::error_code error;
  boost::json::value value = boost::json::parse(text, error);
  if (error) return std::nullopt;
  return value;
}

std::optional<CounterFileHead> ParseHead(std::string_view line) {
  const auto json = ParseJson(std::string(line) + "]}");
  if (!json) return std::nullopt;
  Members members(&*json);
  CounterFileHead head;
  head.store.store = members.Hex<16>("store_id");
  const std::string_view environment = members.Text("environment");
  head.store.environment =
      environment == "live" ? store::Environment::kLive : store::Environment::kTest;
  head.store.epoch = members.Number("epoch");
  head.store.raise = members.Number("raise");
  head.store.base = members.Number("base");
  head.window = members.Number("window");
  const boost::json::value* fenced = members.Find("fenced");
  head.fenced = fenced != nullptr && fenced->is_bool() && fenced->get_bool();
  head.created = UtcTime::FromIso(members.Text("created")).value_or(UtcTime(0));
  head.store.tree_size = members.Number("tree_size");
  head.store.root = members.Hex<32>("root");
  const auto spki = FromBase64(members.Text("checkpoint_key"));
  auto key = spki ? hsm::FromSpki(*spki) : std::nullopt;
  if (!members.ok() || !key) return std::nullopt;
  head.key = *std::move(key);
  const bool in_range = head.store.raise <= kMaxSeqNumber && head.store.base <= kMaxSeqNumber &&
                        head.window <= kMaxSeqNumber;
  // One form only: what was left out or spelt otherwise shows here.
  if (!in_range || FormatHead(head) != line) return std::nullopt;
  return head;
}

std::optional<CellState> ParseCell(const boost::json::value* value) {
  Members members(value);
  CellState cell;
  const boost::json::value* holder = members.Find("holder");
  const boost::json::value* floor = members.Find("floor");
  if (!members.ok()) return std::nullopt;
  if (const boost::json::string* text = holder->if_string()) {
    const auto party = Eui64::FromText(std::string_view(*text));
    if (*text != "acb" && !party) return std::nullopt;
    cell.holder = party ? CellState::Holder::kParty : CellState::Holder::kAcb;
    cell.party = party.value_or(Eui64(0));
  }
  if (!floor->is_null()) {
    const std::uint64_t number = members.Number("floor");
    cell.floor = FloorSeqNumber::From(number);
    if (!members.ok() || !cell.floor) return std::nullopt;
  }
  return cell;
}

std::optional<store::ExportedCounters> ParseRow(std::string_view line) {
  const auto json = ParseJson(std::string(line));
  if (!json) return std::nullopt;
  Members members(&*json);
  store::ExportedCounters row;
  const auto device = Eui64::FromText(members.Text("device"));
  row.last_issued = members.Number("last_issued");
  row.raise = members.Number("raise");
  const auto supplier = ParseCell(members.Find("supplier"));
  const auto network_operator = ParseCell(members.Find("network_operator"));
  if (!members.ok() || !device || !supplier || !network_operator) return std::nullopt;
  row.device = *device;
  row.supplier = *supplier;
  row.network_operator = *network_operator;
  if (row.last_issued > kMaxSeqNumber || FormatRow(row) != line) return std::nullopt;
  return row;
}

struct Tail {
  std::uint64_t count = 0;
  Sha256Digest sha256{};
  Bytes signature;
  std::size_t hashed = 0;  // octets of the last line
};

std::optional<Tail> ParseTail(std::string_view line) {
  const auto json = ParseJson("{\"devices\":[" + std::string(line));
  if (!json) return std::nullopt;
  Members members(&*json);
  Tail tail;
  tail.count = members.Number("count");
  tail.sha256 = members.Hex<32>("sha256");
  auto signature = FromBase64(members.Text("signature"));
  if (!members.ok() || !signature) return std::nullopt;
  tail.signature = *std::move(signature);
  const std::string count = FormatCount(tail.count);
  tail.hashed = count.size();
  if (count + FormatEnd(tail.sha256, tail.signature) != std::string(line) + "\n") {
    return std::nullopt;
  }
  return tail;
}

Bytes SignedOctets(const Sha256Digest& sha256) {
  return ByteWriter().Raw(AsBytes(kCounterFileContext)).Raw(sha256).bytes();
}

void HashAndLetGo(const HttpBody& body, std::string_view text, Sha256Stream& hash) {
  while (!text.empty()) {
    const auto piece = AsBytes(text.substr(0, kHashedAtOnce));
    hash.Update(piece);
    body.LetGo(piece);
    text.remove_prefix(piece.size());
  }
}

// The lines between the first and the last, one a call.
class RowReader {
 public:
  RowReader(const HttpBody& body, std::string_view rows, std::uint64_t count)
      : body_(body), rest_(rows), begun_(rows), count_(count) {}

  Result<std::optional<store::ExportedCounters>> Next();

 private:
  const HttpBody& body_;
  std::string_view rest_;
  std::string_view begun_;  // what was not let go of yet
  const std::uint64_t count_;
  std::uint64_t read_ = 0;
  Eui64 last_{0};
};

Result<std::optional<store::ExportedCounters>> RowReader::Next() {
  const std::uint64_t line_number = read_ + 2;
  if (rest_.empty()) {
    if (read_ == count_) return std::optional<store::ExportedCounters>();
    return Wrong(line_number, "there are " + std::to_string(read_) + " devices, not " +
                                  std::to_string(count_) + " as the file says");
  }
  std::string_view line = rest_.substr(0, std::min(rest_.find('\n'), kMaxLine));
  rest_.remove_prefix(std::min(line.size() + 1, rest_.size()));
  if (!rest_.empty()) {
    if (!line.ends_with(',')) return Wrong(line_number, "a device's line ends with a comma");
    line.remove_suffix(1);
  }
  auto row = ParseRow(line);
  if (!row) return Wrong(line_number, "not a device's counters as this format writes them");
  if (read_ != 0 && row->device <= last_) {
    return Wrong(line_number, "device " + row->device.Hyphenated() + " is not in rising order");
  }
  last_ = row->device;
  ++read_;
  if (begun_.size() - rest_.size() >= kHashedAtOnce) {
    body_.LetGo(AsBytes(begun_.substr(0, begun_.size() - rest_.size())));
    begun_ = rest_;
  }
  return std::optional(*row);
}

}  // namespace

Status CounterFileWriter::Put(std::string_view text) {
  buffer_ += text;
  return buffer_.size() < kBufferOctets ? Status(Done{}) : Flush();
}

Status CounterFileWriter::Flush() {
  hash_.Update(AsBytes(buffer_));
  Status written = file_.Append(AsBytes(buffer_));
  buffer_.clear();
  return written;
}

Status CounterFileWriter::Begin(const CounterFileHead& head) {
  return Put(FormatHead(head) + "\n");
}

Status CounterFileWriter::Add(const store::ExportedCounters& row) {
  return Put((count_++ == 0 ? "" : ",\n") + FormatRow(row));
}

Status CounterFileWriter::Finish(const std::function<Result<Bytes>(BytesView)>& sign) {
  if (Status put = Put((count_ == 0 ? "" : "\n") + FormatCount(count_)); !put) return put;
  if (Status written = Flush(); !written) return written;
  const Sha256Digest sha256 = hash_.Finish();
  const auto signature = sign(SignedOctets(sha256));
  if (!signature) return signature.error();
  return file_.Append(AsBytes(FormatEnd(sha256, *signature)));
}

Result<CounterFile> CounterFile::Verify(const HttpBody& body, const hsm::PublicKey& key) {
  const std::string_view text = body.Text();
  const std::size_t first_end = text.substr(0, kMaxLine).find('\n');
  if (first_end == std::string_view::npos) return Wrong(1, "not an export of counters");
  auto head = ParseHead(text.substr(0, first_end));
  if (!head) return Wrong(1, "not the head of an export of counters (acb-counters-1)");
  const std::string_view rest = text.substr(first_end + 1);
  const std::string_view ending = rest.substr(rest.size() - std::min(rest.size(), kMaxLine));
  const std::size_t before = ending.ends_with('\n')
                                 ? ending.substr(0, ending.size() - 1).rfind('\n')
                                 : std::string_view::npos;
  const std::size_t tail_size =
      before == std::string_view::npos ? ending.size() : ending.size() - before - 1;
  const std::string_view last = rest.substr(rest.size() - tail_size);
  const auto tail =
      last.ends_with('\n') ? ParseTail(last.substr(0, last.size() - 1)) : std::nullopt;
  if (!tail) {
    return Failure(Reason::kMalformed,
                   "the last line does not end an export of counters: the file "
                   "is cut off or damaged");
  }

  CounterFile file(body, *std::move(head));
  file.rows_ = rest.substr(0, rest.size() - tail_size);
  if (file.rows_.ends_with('\n')) file.rows_.remove_suffix(1);
  file.count_ = tail->count;
  const std::string_view hashed = text.substr(0, text.size() - tail_size + tail->hashed);
  Sha256Stream of_all;
  HashAndLetGo(body, hashed, of_all);
  if (of_all.Finish() != tail->sha256) {
    // Where, if a line shows it.
    const auto source = file.Source();
    for (auto row = source(); !row || row->has_value(); row = source()) {
      if (!row) return Failure(Reason::kBackupDamaged, row.error().explanation);
    }
    return Failure(Reason::kBackupDamaged,
                   "the file is not the one that was signed: its SHA-256 "
                   "differs");
  }
  if (!hsm::Verify(key, SignedOctets(tail->sha256), tail->signature)) {
    return Failure(Reason::kBackupDamaged, "the signature is not that of the key that was given");
  }
  if (key.octets != file.head_.key.octets || key.algorithm != file.head_.key.algorithm) {
    return Failure(Reason::kBackupDamaged,
                   "the file names another key than the one that was given");
  }
  file.sha256_ = tail->sha256;
  return file;
}

store::CountersSource CounterFile::Source() const {
  const auto reader = std::make_shared<RowReader>(*body_, rows_, count_);
  return [reader] { return reader->Next(); };
}

}  // namespace acb::platform
