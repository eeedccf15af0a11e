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

constexpr int kHttpOk = 200;
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

// One operator's turn; nothing while another operator has to agree.
Result<std::optional<platform::HttpClientResponse>> AskForExport(const Connection& turn,
                                                                 const std::string& body,
                                                                 Download& download) {
  const platform::HttpBodySink sink{.limit = platform::kMaxCounterFile,
                                    .write = [&](std::string_view piece, std::uint64_t size) {
                                      return download.Write(piece, size);
                                    }};
  auto response = Send(turn, "operator",
                       {.method = "POST",
                        .target = "/v1/counters/export",
                        .content_type = "application/json",
                        .body = body,
                        .sink = sink});
  if (!response) return std::move(response).error();
  return std::optional(*std::move(response));
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

int ExportInto(const Connection& connection, const ExportOptions& options, Download& download) {
  const std::string body = boost::json::serialize(boost::json::object{{"fenced", options.fence}});
  const std::vector<Connection> turns = TurnsOf(connection, options.as);
  for (const Connection& turn : turns) {
    const auto response = AskForExport(turn, body, download);
    if (!response) return Complain(connection, response.error());
    const platform::HttpClientResponse& answer = **response;
    if (answer.status == kHttpOk) {
      if (Status kept = download.Finish(); !kept) return Complain(connection, kept.error());
      if (!options.key_out.empty()) {
        if (Status written = WriteKey(answer, options.key_out); !written) {
          return Complain(connection, written.error());
        }
      }
      return SayExported(connection, options, download);
    }
    const bool last = &turn == &turns.back();
    if (!last && WasSaidBefore(answer)) continue;
    const int code = PrintAct(connection, answer, last);
    if (code != kGood) return code;
  }
  return kGood;
}

}  // namespace

int ExportCounters(const Connection& connection, const ExportOptions& options) {
  auto download = Download::Open(options.out);
  if (!download) return Complain(connection, download.error());
  return ExportInto(connection, options, *download);
}

int ImportCounters(const Connection& connection, const CountersImportOptions& options) {
  const auto key = ReadKey(options.key);
  if (!key) return Complain(connection, key.error());
  const std::vector<Connection> turns = TurnsOf(connection, options.as);
  for (const Connection& turn : turns) {
    auto upload = Upload::Open(options.file, platform::kMaxCounterFile);
    if (!upload) return Complain(connection, upload.error());
    const auto response =
        Send(turn, "operator",
             {.method = "POST",
              .target = "/v1/counters/import",
              .headers = {{platform::kCheckpointKeyHeader, *key}},
              .content_type = "application/json",
              .source = platform::HttpBodySource{
                  .size = upload->size(),
                  .read = [&upload](std::span<std::uint8_t> into) { return upload->Read(into); }}});
    upload->EndProgress();
    if (!response) return Complain(connection, response.error());
    const bool last = &turn == &turns.back();
    if (!last && WasSaidBefore(*response)) continue;
    // A word after that would be the first of another import.
    const bool done = response->status == kHttpOk;
    const int code = PrintAct(connection, *response, last || done);
    if (code != kGood || done) return code;
  }
  return kGood;
}

}  // namespace acb::acbctl
