// The whole verification of an export: no network, no other file than those that are named.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "firmware/base/result.h"
#include "tools/acb-verify/findings.h"

namespace acb::verify {

struct Order {
  std::filesystem::path file;
  std::filesystem::path since;         // a checkpoint that the reviewer kept; empty: none
  std::filesystem::path key;           // PEM; empty: the one that came with the export
  std::vector<std::string> witnesses;  // vkeys
  // Root certificates, PEM or DER; empty: those that came with the export.
  std::vector<std::filesystem::path> roots;
  // The reviewer knows of a recovery; the box's word for it is not enough.
  bool recovered = false;
  // What is being done, how much of how much.
  std::function<void(const std::string&, std::uint64_t, std::uint64_t)> progress;
};

struct Report {
  Facts facts;
  Findings findings;
};

// What is wrong is in the findings. kConfiguration: a file cannot be read, or a key that was named
// is none.
Result<Report> VerifyExport(const Order& order);
// `file`: the answer of GET /v1/audit/proof/{index}.
Result<Report> VerifyReceipt(const Order& order);

}  // namespace acb::verify
