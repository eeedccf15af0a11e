// What a verification found: said in words to a reviewer, in members to a program.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace acb::verify {

struct Finding {
  std::optional<std::uint64_t> index;  // of the entry it is about
  std::string what;
};

// One thread.
class Findings {
 public:
  // Of each, more are counted and not kept.
  static constexpr std::size_t kMaxKept = 50;

  // Something was verified, and is right: a sentence with its counts.
  void Verified(std::string what) { verified_.push_back(std::move(what)); }
  // Something could not be verified, and why.
  void NotVerified(std::string what) { not_verified_.push_back(std::move(what)); }
  // Worth knowing, and no fault.
  void Note(std::string what) { notes_.push_back(std::move(what)); }
  // What the reviewer has to know for the verdict to be worth anything: "VERIFIED, provided that".
  void Provided(std::string what) { provided_.push_back(std::move(what)); }
  // Something is wrong.
  void Fails(std::string what) { Add({std::nullopt, std::move(what)}); }
  void EntryFails(std::uint64_t index, std::string what) { Add({index, std::move(what)}); }

  bool failed() const { return failures_ > 0; }
  std::uint64_t failures() const { return failures_; }
  // Of the least index; the first that was found when there is none of an entry.
  const Finding* first() const;
  const std::vector<std::string>& verified() const { return verified_; }
  const std::vector<std::string>& not_verified() const { return not_verified_; }
  const std::vector<std::string>& notes() const { return notes_; }
  const std::vector<std::string>& provided() const { return provided_; }
  const std::vector<Finding>& kept() const { return kept_; }

 private:
  void Add(Finding finding);

  std::vector<std::string> verified_;
  std::vector<std::string> not_verified_;
  std::vector<std::string> notes_;
  std::vector<std::string> provided_;
  std::vector<Finding> kept_;
  std::optional<Finding> least_;
  std::uint64_t failures_ = 0;
};

// Members of a report beside the findings: "origin", "tree_size", "key_sha256" ...
using Facts = std::map<std::string, std::string>;

// `text`, visible ASCII and blanks alone: all else as \uXXXX, as JSON has it. What a file holds is
// printed in no other way, so that it moves no cursor and ends no line.
std::string Printable(std::string_view text);

// One JSON object, or lines of text that end with the verdict; both Printable, but for line ends.
std::string AsJson(const Facts& facts, const Findings& findings);
std::string AsText(const Facts& facts, const Findings& findings);

}  // namespace acb::verify
