#include "firmware/duis/response.h"

#include <libxml/tree.h>
#include <libxml/xmlsave.h>

#include "firmware/base/base64.h"
#include "firmware/duis/handover.h"
#include "firmware/duis/markup.h"
#include "firmware/duis/reading.h"
#include "firmware/duis/signature.h"
#include "firmware/duis/tree.h"

namespace acb::duis {
namespace {

using Buffer = Handle<xmlBuffer, xmlBufferFree>;

constexpr const char* kService = "6.21";
constexpr const char* kEncoding = "UTF-8";

const xmlChar* Chars(const std::string& text) {
  return reinterpret_cast<const xmlChar*>(text.c_str());
}

// Adds elements of one namespace; libxml2 escapes what stands in them. After a first call that
// found no memory it adds nothing, and good() says so.
class Writer {
 public:
  explicit Writer(xmlDoc* document) : document_(document) {}

  xmlNode* Root(const std::string& name) {
    if (document_ == nullptr) return nullptr;
    xmlNode* root = xmlNewDocNode(document_, nullptr, Chars(name), nullptr);
    if (root == nullptr) return nullptr;
    xmlDocSetRootElement(document_, root);
    namespace_ = xmlNewNs(root, Chars(std::string(kDuis.uri)), Chars("sr"));
    good_ = namespace_ != nullptr;
    xmlSetNs(root, namespace_);
    return root;
  }
  xmlNode* Element(xmlNode* parent, const std::string& name) { return Add(parent, name, nullptr); }
  void Text(xmlNode* parent, const std::string& name, const std::string& text) {
    Add(parent, name, Chars(text));
  }
  void Attribute(xmlNode* element, const std::string& name, const std::string& value) {
    good_ = good_ && xmlNewProp(element, Chars(name), Chars(value)) != nullptr;
  }
  bool good() const { return good_; }

 private:
  xmlNode* Add(xmlNode* parent, const std::string& name, const xmlChar* text) {
    if (!good_) return nullptr;
    xmlNode* element = xmlNewTextChild(parent, namespace_, Chars(name), text);
    good_ = element != nullptr;
    return element;
  }

  xmlDoc* document_;
  xmlNs* namespace_ = nullptr;
  bool good_ = false;
};

void WriteHeader(Writer& writer, xmlNode* root, const Response& response) {
  xmlNode* header = writer.Element(root, "Header");
  if (response.echo.request_id) writer.Text(header, "RequestID", *response.echo.request_id);
  // No ResponseID: those are of what a device answers (5.4).
  writer.Text(header, "ResponseCode", std::string(response.code));
  writer.Text(header, "ResponseDateTime", response.at.Iso());
}

// The command goes to the DSP, which sends it over the SM WAN (Command Variants 1 and 3), gives it
// to the User for local delivery (2 and 3), or both. So the answer carries it for each variant, and
// as LocalCommand, which is the one branch of ResponseMessage that is for a command: GBCSPayload is
// for what a device answered (1.7).
void WriteBody(Writer& writer, xmlNode* root, const Response& response) {
  xmlNode* message = writer.Element(writer.Element(root, "Body"), "ResponseMessage");
  writer.Text(message, "ServiceReference", kService);
  writer.Text(message, "ServiceReferenceVariant", kService);
  if (response.command.empty()) return;
  writer.Text(writer.Element(message, "LocalCommand"), "GBCSPayload", ToBase64(response.command));
}

std::optional<std::string> Serialise(xmlDoc* document) {
  const Buffer buffer(xmlBufferCreate());
  if (!buffer) return std::nullopt;
  xmlSaveCtxt* save = xmlSaveToBuffer(buffer.get(), kEncoding, XML_SAVE_AS_XML);
  if (save == nullptr) return std::nullopt;
  const bool saved = xmlSaveDoc(save, document) >= 0;
  const bool closed = xmlSaveClose(save) >= 0;
  if (!saved || !closed) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(xmlBufferContent(buffer.get())),
                     static_cast<std::size_t>(xmlBufferLength(buffer.get())));
}

}  // namespace

Echo ReadEcho(BytesView octets, const ParseLimits& limits) {
  Echo echo;
  if (!InitialiseXml() || !CheckMarkup(octets, limits)) return echo;
  const auto tree = BuildTree(octets);
  if (!tree) return echo;
  Reading first;
  (void)ReadRequestElement(first, **tree);
  // The RequestID of a version that is not supported is where that of every other one is.
  const bool supported = first.ok();
  if (!supported && first.failure().reason != Reason::kDuisVersion) return echo;
  Reading reading;
  Sequence request(reading, kDuis, xmlDocGetRootElement(&**tree), {"schemaVersion"});
  if (supported) echo.schema_version = Collapse(request.Attribute("schemaVersion"));
  Sequence header(reading, kDuis, request.Element("Header"));
  const std::string request_id = Collapse(header.Text("RequestID"));
  if (reading.ok() && RequestId::FromText(request_id)) echo.request_id = request_id;
  return echo;
}

Result<std::string> BuildResponse(const Response& response) {
  if (Status ready = InitialiseXml(); !ready) return std::move(ready).error();
  const Tree document(xmlNewDoc(Chars("1.0")));
  Writer writer(document.get());
  xmlNode* root = writer.Root("Response");
  writer.Attribute(root, "schemaVersion", response.echo.schema_version);
  WriteHeader(writer, root, response);
  WriteBody(writer, root, response);
  auto text = writer.good() ? Serialise(document.get()) : std::nullopt;
  if (!text) return Failure(Reason::kBusy, {}, "no memory for a DUIS Response");
  return *std::move(text);
}

}  // namespace acb::duis
