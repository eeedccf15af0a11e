#include "tools/acbctl/interchange.h"

#include <openssl/pem.h>

#include <boost/json.hpp>
#include <cstdio>
#include <iostream>

#include "firmware/base/base64.h"
#include "platform/counter_file.h"
#include "platform/endpoint_table.h"
#include "tools/acbctl/download.h"
#include "tools/acbctl/operate.h"
#include "tools/acbctl/upload.h"

namespace acb::acbctl {
namespace {

constexpr std::uintmax_t kMaxKeyFile = 64 * 1024;

using Pkey = Handle<EVP_PKEY, EVP_PKEY_free>;
using Bio = Handle<BIO, BIO_free_all>;

std::string PemOf(std::string_view base64) {
  constexpr std::size_t kLine = 64;
  std::string pem = "-----BEGIN PUBLIC KEY-----\n";
  for (; !base64.empty(); base64.remove_prefix(std::min(base64.size(), kLine))) {
    pem += std::string(base64.substr(0, kLine)) + "\n";
  }
  return pem + "-----END PUBLIC KEY-----\n";
}

// SubjectPublicKeyInfo in Base64, of a PEM file.
Result<std::string> ReadKey(const std::filesystem::path& file) {
  const auto text = ReadWhole(file, kMaxKeyFile);
  if (!text) return text.error();
  const Bio in(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  const Pkey key(in ? PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr) : nullptr);
  unsigned char* der = nullptr;
  const int size = key ? i2d_PUBKEY(key.get(), &der) : 0;
  if (size <= 0) {
    return Failure(Reason::kConfiguration,
                   file.string() + " holds no public key in PEM (-----BEGIN PUBLIC KEY-----)");
  }
  const std::string base64 = ToBase64({der, static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return base64;
}

// One operator's turn. What the sink takes is the export, in an answer that it is done.
Result<platform::HttpClientResponse> AskForExport(const Connection& turn, const std::string& body,
                                                  Download& download) {
  const platform::HttpBodySink sink{.limit = platform::kMaxCounterFile,
                                    .write = [&](std::string_view piece, std::uint64_t size) {
                                      return download.Write(piece, size);
                                    }};
  return Send(turn, "operator",
              {.method = "POST",
               .target = "/v1/counters/export",
               .content_type = "application/json",
               .body = body,
               .sink = sink});
}

Status WriteKey(const platform::HttpClientResponse& response, const std::filesystem::path& file) {
  return WriteWhole(file, PemOf(response.Header(platform::kCheckpointKeyHeader).value_or("")));
}

int SayExported(const Connection& connection, const ExportOptions& options,
                const Download& download) {
  boost::json::object said{{"outcome", "done"},
                           {"file", options.out.string()},
                           {"octets", std::to_string(download.written())},
                           {"fenced", options.fence}};
  if (connection.json) {
    std::cout << boost::json::serialize(said) << "\n";
  } else {
    PrintMembers(said, "");
  }
  return kGood;
}

int KeepExport(const Connection& connection, const ExportOptions& options, Download& download,
               const platform::HttpClientResponse& answer) {
  if (Status kept = download.Finish(); !kept) return Complain(connection, kept.error());
  if (!options.key_out.empty()) {
    if (Status written = WriteKey(answer, options.key_out); !written) {
      return Complain(connection, written.error());
    }
  }
  return SayExported(connection, options, download);
}

}  // namespace

int ExportCounters(const Connection& connection, const ExportOptions& options) {
  auto download = Download::Open(options.out);
  if (!download) return Complain(connection, download.error());
  const std::string body = boost::json::serialize(boost::json::object{{"fenced", options.fence}});
  return TakeTurns(
      connection, options.as,
      [&](const Connection& turn) { return AskForExport(turn, body, *download); }, {},
      [&](const platform::HttpClientResponse& answer) {
        return KeepExport(connection, options, *download, answer);
      });
}

int ImportCounters(const Connection& connection, const CountersImportOptions& options) {
  const auto key = ReadKey(options.key);
  if (!key) return Complain(connection, key.error());
  return TakeTurns(
      connection, options.as, [&](const Connection& turn) -> Result<platform::HttpClientResponse> {
        auto upload = Upload::Open(options.file, platform::kMaxCounterFile);
        if (!upload) return std::move(upload).error();
        const platform::HttpBodySource source{
            .size = upload->size(),
            .read = [&upload](std::span<std::uint8_t> into) { return upload->Read(into); }};
        auto response = Send(turn, "operator",
                             {.method = "POST",
                              .target = "/v1/counters/import",
                              .headers = {{platform::kCheckpointKeyHeader, *key}},
                              .content_type = "application/json",
                              .source = source});
        upload->EndProgress();
        return response;
      });
}

}  // namespace acb::acbctl
