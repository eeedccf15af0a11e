#include "tools/acb-verify/side_file.h"

#include "tools/acb-verify/members.h"

namespace acb::verify {

Result<std::optional<audit::Object>> SideFile::Take(std::uint64_t index) {
  while (!ended_) {  // ends with the file
    if (!next_) {
      if (Status read = Read(); !read) return std::move(read).error();
      continue;
    }
    if (next_index_ > index) break;
    audit::Object line = *std::exchange(next_, std::nullopt);
    if (next_index_ == index) return std::optional(std::move(line));
    findings_.EntryFails(next_index_, name_ + " has a line for it that does not belong there");
  }
  return std::optional<audit::Object>();
}

Status SideFile::Finish() {
  constexpr std::uint64_t kBeyondAll = ~std::uint64_t{0};
  auto rest = Take(kBeyondAll);
  if (!rest) return std::move(rest).error();
  if (rest->has_value()) {
    findings_.EntryFails(kBeyondAll, name_ + " has a line for it that does not belong there");
  }
  return Done{};
}

Status SideFile::Read() {
  const auto line = lines_.Next();
  if (!line && line.error().reason == Reason::kConfiguration) return line.error();
  ended_ = !line || !line->has_value();
  if (!line) findings_.Fails(name_ + ": " + line.error().explanation);
  if (ended_) return Done{};
  next_ = ParseCanonical(**line);
  const auto index = next_ ? NumberOf(*next_, "index") : std::nullopt;
  if (!index || (any_ && *index <= next_index_)) {
    findings_.Fails(name_ + " line " + std::to_string(lines_.number() + 1) +
                    " is no canonical JSON, or not in order");
    ended_ = true;
    return Done{};
  }
  any_ = true;
  next_index_ = *index;
  return Done{};
}

void Absent::Add(std::uint64_t index, std::string_view what) {
  if (open_.count == 0) open_ = {index, std::string(what), 0};
  ++open_.count;
}

void Absent::SeeRecovery(std::uint64_t index) {
  recovery_ = index;
  if (!recovered_ || open_.count == 0) return;
  if (explained_.count == 0) explained_ = {open_.first, open_.what, 0};
  explained_.count += open_.count;
  open_ = {};
}

void Absent::Finish(Findings& findings) const {
  if (explained_.count > 0) {
    findings.NotVerified(std::to_string(explained_.count) +
                         " times entries before the recovery lack what lay beside them (the first "
                         "is entry " +
                         std::to_string(explained_.first) + ": " + explained_.what + ")");
  }
  if (open_.count == 0) return;
  std::string what = open_.what + "; " + std::to_string(open_.count) + " such things are not there";
  if (recovery_ && !recovered_) {
    what += "; entry " + std::to_string(*recovery_) +
            " says that the log was recovered: --recovered, when you know that it was";
  }
  findings.EntryFails(open_.first, what);
}

}  // namespace acb::verify
