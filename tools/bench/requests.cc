#include "tools/bench/requests.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace acb::bench {
namespace {

// Stand where each request has its own.
constexpr const char* kIdMark = "@id@";
constexpr const char* kDigestMark = "@digest@";
constexpr const char* kValueMark = "@value@";
constexpr std::string_view kRequestEnd = "</sr:Request>";

// The certificate's base64, as DUIS has it.
Result<std::string> Certificate(const std::filesystem::path& file) {
  auto der = ReadWhole(file);
  if (!der) return der.error();
  return ToBase64(AsBytes(*der));
}

Result<testing::HandoverFields> FieldsOf(const World& world, std::string role,
                                         const RoleFiles& files) {
  testing::HandoverFields fields;
  fields.request_id = kIdMark;
  fields.role = std::move(role);
  auto signing = Certificate(files.digital_signing);
  auto agreement = Certificate(files.key_agreement);
  if (!signing) return signing.error();
  if (!agreement) return agreement.error();
  fields.digital_signing_certificate = *std::move(signing);
  fields.key_agreement_certificate = *std::move(agreement);
  if (files.key_agreement_top_up) {
    auto top_up = Certificate(*files.key_agreement_top_up);
    if (!top_up) return top_up.error();
    fields.key_agreement_top_up_certificate = *std::move(top_up);
    fields.top_up_floor = "0";
  }
  for (const auto& file : world.certification_path) {
    auto certificate = Certificate(file);
    if (!certificate) return certificate.error();
    fields.certification_path.push_back(*std::move(certificate));
  }
  return fields;
}

// `text` up to `mark` and after it.
std::pair<std::string, std::string> Around(const std::string& text, const std::string& mark) {
  const std::size_t at = text.find(mark);
  if (at == std::string::npos) throw std::logic_error("no " + mark);
  return {text.substr(0, at), text.substr(at + mark.size())};
}

}  // namespace

Result<RequestMaker> RequestMaker::Open(const std::filesystem::path& world) {
  auto read = ReadWorld(world);
  if (!read) return read.error();
  return Open(*std::move(read));
}

Result<RequestMaker> RequestMaker::Open(World world) {
  RequestMaker maker;
  maker.world_ = std::move(world);
  const auto pem = ReadWhole(maker.world_.signer_key);
  if (!pem) return pem.error();
  try {
    maker.key_ = testing::KeyFromPem(*pem);
  } catch (const std::invalid_argument& error) {
    return Failure{Reason::kConfiguration, maker.world_.signer_key.string() + ": " + error.what()};
  }
  const std::string signature = testing::SignatureText(
      testing::SignedInfo(kDigestMark), kValueMark,
      testing::KeyInfo(maker.world_.signer_issuer, maker.world_.signer_serial));
  const auto [before_digest, after_digest] = Around(signature, kDigestMark);
  const auto [before_value, after_value] = Around(after_digest, kValueMark);
  const std::array<std::pair<const char*, const RoleFiles*>, 2> roles{
      {{"Supplier", &maker.world_.as_supplier},
       {"NetworkOperator", &maker.world_.as_network_operator}}};
  for (std::size_t role = 0; role < roles.size(); ++role) {
    const auto fields = FieldsOf(maker.world_, roles[role].first, *roles[role].second);
    if (!fields) return fields.error();
    auto [before_id, after_id] = Around(testing::MakeHandoverXml(*fields), kIdMark);
    after_id.erase(after_id.size() - kRequestEnd.size());
    maker.templates_[role] = {std::move(before_id), std::move(after_id), before_value,
                              before_digest, after_value + std::string(kRequestEnd)};
  }
  if (const auto proven = maker.Prove(); !proven) return proven.error();
  return maker;
}

// What is digested without an XML library has to be what one would digest.
Status RequestMaker::Prove() const {
  for (const std::uint64_t counter : {0U, 1U}) {
    const std::string document = Make(world_.devices - 1, counter);
    const std::string bare = testing::Without(document, "<ds:Signature ", "</ds:Signature>");
    const std::string canonical = testing::Canonical(bare);
    const std::string digest = ToBase64(Sha256(AsBytes(canonical)));
    if (canonical != bare || document.find(">" + digest + "<") == std::string::npos) {
      return Failure{Reason::kConfiguration, "the requests are not in canonical form"};
    }
  }
  return Done{};
}

std::string RequestMaker::RequestId(std::size_t device, std::uint64_t counter) const {
  return world_.supplier.Hyphenated() + ":" +
         Eui64(world_.first_device.value() + device).Hyphenated() + ":" + std::to_string(counter);
}

SignedRequest RequestMaker::Sign(std::size_t device, std::uint64_t counter) const {
  const Template& text = TemplateOf(counter);
  SignedRequest request{device, counter, {}, {}};
  const std::string id = RequestId(device, counter);
  request.digest =
      Sha256({AsBytes(text.before_id), AsBytes(id), AsBytes(text.after_id), AsBytes(kRequestEnd)});
  const Bytes signature =
      testing::EcdsaRaw(key_.get(), testing::SignedInfo(ToBase64(request.digest)));
  std::ranges::copy(signature, request.signature.begin());
  return request;
}

void RequestMaker::Append(const SignedRequest& request, std::string& out) const {
  const Template& text = TemplateOf(request.counter);
  out += text.before_id;
  out += RequestId(request.device, request.counter);
  out += text.after_id;
  out += text.before_digest;
  out += ToBase64(request.digest);
  out += text.before_value;
  out += ToBase64(request.signature);
  out += text.end;
}

std::string RequestMaker::Make(std::size_t device, std::uint64_t counter) const {
  std::string document;
  Append(Sign(device, counter), document);
  return document;
}

}  // namespace acb::bench
