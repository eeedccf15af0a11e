// Reading one TOML table: every key that is asked for is known, every value in its range, every
// error named by file and line. Private to the configuration.
#pragma once

#include <toml++/toml.h>  // 1.5 s: only where configuration is read

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "firmware/base/request_id.h"
#include "firmware/base/result.h"
#include "platform/config.h"

namespace acb::platform {

inline constexpr std::size_t kMaxListEntries = 1000;
inline constexpr std::size_t kMaxTextOctets = 4096;

struct Range {
  std::uint64_t least;
  std::uint64_t most;
};

inline constexpr std::size_t kMaxConfigErrors = 100;

// What is wrong, and what was read. Reading goes on after an error, so that a reader of settings
// needs no branch for each.
class Errors {
 public:
  explicit Errors(std::string file, std::map<std::string, SettingRead>* settings = nullptr)
      : file_(std::move(file)), settings_(settings) {}
  void Add(toml::source_index line, const std::string& what) {
    if (all_.size() < kMaxConfigErrors) {
      all_.emplace_back(line, file_ + ":" + std::to_string(line) + ": " + what);
    }
  }
  std::optional<Failure> first() const {
    if (all_.empty()) return {};
    return Failure{Reason::kConfiguration, all_.front().second};
  }
  // In the order of their lines.
  std::vector<std::string> Lines() const {
    auto sorted = all_;
    std::ranges::stable_sort(sorted, {}, &std::pair<toml::source_index, std::string>::first);
    std::vector<std::string> lines;
    for (auto& [line, text] : sorted) lines.push_back(std::move(text));
    return lines;
  }
  // A setting was asked for, and this is its value: as given, else its default.
  void Asked(const std::string& name) {
    if (settings_ != nullptr) settings_->try_emplace(name);
  }
  void Took(const std::string& name, toml::source_index line, std::string value) {
    if (settings_ != nullptr)
      settings_->insert_or_assign(name, SettingRead{line, std::move(value)});
  }

 private:
  std::string file_;
  std::map<std::string, SettingRead>* settings_;
  std::vector<std::pair<toml::source_index, std::string>> all_;
};

// One table: every key that is asked for is known, Finish() refuses the rest.
class Section {
 public:
  // `table` may be nullptr: then nothing is in it.
  Section(const toml::table* table, std::string name, Errors& errors)
      : table_(table), name_(std::move(name)), errors_(errors) {}

  bool present() const { return table_ != nullptr; }
  toml::source_index line() const {
    return table_ != nullptr ? std::max<toml::source_index>(table_->source().begin.line, 1) : 1;
  }
  std::string Full(std::string_view key) const {
    return name_.empty() ? std::string(key) : name_ + "." + std::string(key);
  }

  const toml::node* Find(std::string_view key) {
    known_.emplace(key);
    errors_.Asked(Full(key));
    return table_ != nullptr ? table_->get(key) : nullptr;
  }
  Section Sub(std::string_view key) {
    const toml::node* node = Find(key);
    if (node != nullptr && !node->is_table()) Wrong(*node, key, "must be a table");
    return {node != nullptr ? node->as_table() : nullptr, Full(key), errors_};
  }

  std::string Text(std::string_view key) {
    const toml::node* node = Find(key);
    if (node != nullptr) return TextOf(*node, key);
    errors_.Add(line(), "missing setting " + Full(key));
    return {};
  }
  std::string TextOr(std::string_view key, std::string fallback) {
    const toml::node* node = Find(key);
    if (node != nullptr) return TextOf(*node, key);
    errors_.Took(Full(key), 0, fallback);
    return fallback;
  }
  std::string TextOf(const toml::node& node, std::string_view key) {
    const auto* text = node.as_string();
    if (text == nullptr || text->get().empty() || text->get().size() > kMaxTextOctets ||
        text->get().find('\0') != std::string::npos) {
      Wrong(node, key, "must be a text that is not empty");
      return {};
    }
    errors_.Took(Full(key), node.source().begin.line, text->get());
    return text->get();
  }

  bool TruthOr(std::string_view key, bool fallback) {
    const toml::node* node = Find(key);
    errors_.Took(Full(key), 0, fallback ? "true" : "false");
    if (node == nullptr) return fallback;
    if (const auto* truth = node->as_boolean()) {
      errors_.Took(Full(key), node->source().begin.line, truth->get() ? "true" : "false");
      return truth->get();
    }
    Wrong(*node, key, "must be true or false");
    return fallback;
  }
  std::uint64_t IntegerOr(std::string_view key, Range range, std::uint64_t fallback) {
    const toml::node* node = Find(key);
    errors_.Took(Full(key), 0, std::to_string(fallback));
    if (node == nullptr) return fallback;
    const auto* number = node->as_integer();
    if (number == nullptr || number->get() < 0 ||
        static_cast<std::uint64_t>(number->get()) < range.least ||
        static_cast<std::uint64_t>(number->get()) > range.most) {
      Wrong(*node, key, "must be a whole number" + Text(range));
      return fallback;
    }
    errors_.Took(Full(key), node->source().begin.line, std::to_string(number->get()));
    return static_cast<std::uint64_t>(number->get());
  }
  // 64-bit counters stand as text everywhere, as in JSON.
  std::uint64_t DecimalOr(std::string_view key, Range range, std::uint64_t fallback) {
    const toml::node* node = Find(key);
    errors_.Took(Full(key), 0, std::to_string(fallback));
    if (node == nullptr) return fallback;
    const auto* text = node->as_string();
    const auto number = text != nullptr ? ParseDecimal(text->get()) : std::nullopt;
    if (!number || *number < range.least || *number > range.most) {
      Wrong(*node, key, "must be a decimal number in quotes" + Text(range));
      return fallback;
    }
    errors_.Took(Full(key), node->source().begin.line, text->get());
    return *number;
  }

  // The entries of a list, none when it is absent.
  std::vector<const toml::node*> List(std::string_view key) {
    std::vector<const toml::node*> entries;
    const toml::node* node = Find(key);
    if (node == nullptr) return entries;
    const auto* list = node->as_array();
    if (list == nullptr || list->size() > kMaxListEntries) {
      Wrong(*node, key, "must be a list of at most " + std::to_string(kMaxListEntries));
      return entries;
    }
    for (const toml::node& entry : *list) entries.push_back(&entry);
    return entries;
  }
  std::vector<std::string> Texts(std::string_view key) {
    std::vector<std::string> texts;
    for (const toml::node* entry : List(key)) texts.push_back(TextOf(*entry, key));
    return texts;
  }

  void Wrong(const toml::node& node, std::string_view key, const std::string& what) {
    errors_.Add(node.source().begin.line, Full(key) + " " + what);
  }
  void Missing(std::string_view key, const std::string& what) {
    errors_.Add(line(), Full(key) + " " + what);
  }

  void Finish() const {
    if (table_ == nullptr) return;
    for (const auto& [key, node] : *table_) {
      if (known_.contains(std::string(key.str()))) continue;
      errors_.Add(key.source().begin.line, "unknown setting " + Full(key.str()));
    }
  }

 private:
  static std::string Text(Range range) {
    return " from " + std::to_string(range.least) + " to " + std::to_string(range.most);
  }

  const toml::table* table_;
  std::string name_;
  Errors& errors_;
  std::set<std::string, std::less<>> known_;
};

// Relative paths start where the file is, not where the process was started.
class Paths {
 public:
  explicit Paths(const std::filesystem::path& file)
      : base_(std::filesystem::absolute(file).parent_path()) {}
  std::filesystem::path Resolve(const std::string& text) const {
    return text.empty() ? std::filesystem::path{} : (base_ / text).lexically_normal();
  }

 private:
  std::filesystem::path base_;
};

}  // namespace acb::platform
