#include "tools/acbctl/audit_export.h"

#include <boost/json.hpp>
#include <iostream>

#include "firmware/base/request_id.h"
#include "firmware/base/time.h"
#include "tools/acbctl/download.h"

namespace acb::acbctl {
namespace {

constexpr int kHttpOk = 200;
constexpr std::uint64_t kMaxExport = std::uint64_t{1} << 40;

// As the service reads it.
bool IsPlace(const std::string& text) {
  return ParseDecimal(text) || UtcTime::FromIso(text) || UtcTime::FromIsoDate(text);
}

std::string BodyOf(const AuditExportOptions& options) {
  boost::json::object wish{{"redaction", options.redaction}};
  if (!options.from.empty()) wish["from"] = options.from;
  if (!options.to.empty()) wish["to"] = options.to;
  return boost::json::serialize(wish);
}

int SayExported(const Connection& connection, const AuditExportOptions& options,
                const platform::HttpClientResponse& response, std::uint64_t octets) {
  boost::json::object result{{"file", options.out.string()}, {"octets", std::to_string(octets)}};
  for (const auto& member : ParseObject(std::string(response.Header("X-Export").value_or("{}")))) {
    result[member.key()] = member.value();
  }
  result["manifest_sha256"] = response.Header("X-Manifest-SHA256").value_or("");
  if (connection.json) {
    std::cout << boost::json::serialize(result) << "\n";
  } else {
    PrintMembers(result, "");
  }
  return kGood;
}

int ExportInto(const Connection& connection, const AuditExportOptions& options,
               Download& download) {
  const platform::HttpBodySink sink{.limit = kMaxExport,
                                    .write = [&](std::string_view piece, std::uint64_t size) {
                                      return download.Write(piece, size);
                                    }};
  const auto response = Send(connection, "auditor",
                             {.method = "POST",
                              .target = "/v1/audit/export",
                              .content_type = "application/json",
                              .body = BodyOf(options),
                              .sink = sink});
  if (!response) return Complain(connection, response.error());
  if (response->status != kHttpOk) return *PrintRaw(connection, *response);
  if (Status kept = download.Finish(); !kept) return Complain(connection, kept.error());
  return SayExported(connection, options, *response, download.written());
}

}  // namespace

int ExportAudit(const Connection& connection, const AuditExportOptions& options) {
  for (const auto& [name, text] : {std::pair("--from", &options.from), {"--to", &options.to}}) {
    if (text->empty() || IsPlace(*text)) continue;
    return Misused(connection,
                   std::string(name) +
                       " takes an index, a time as 2026-11-21T12:00:00Z or a date, not '" + *text +
                       "'");
  }
  std::error_code error;
  if (!options.replace && std::filesystem::exists(options.out, error)) {
    return Complain(
        connection,
        Failure(Reason::kConfiguration,
                options.out.string() + " exists: choose another name, or --replace to replace it"));
  }
  auto download = Download::Open(options.out);
  if (!download) return Complain(connection, download.error());
  return ExportInto(connection, options, *download);
}

}  // namespace acb::acbctl
