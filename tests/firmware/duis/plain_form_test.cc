#include "firmware/duis/plain_form.h"

#include <gtest/gtest.h>
#include <libxml/c14n.h>

#include <array>
#include <random>

#include "firmware/duis/reading.h"
#include "firmware/duis/tree.h"
#include "tests/support/duis_signer.h"

namespace acb::duis {
namespace {

using testing::HandoverFields;
using testing::Replaced;
xmlNode* Child(xmlNode* parent, const char* name) {
  for (xmlNode* node = parent->children; node != nullptr; node = node->next) {
    if (node->type == XML_ELEMENT_NODE && xmlStrEqual(node->name, BAD_CAST name)) return node;
  }
  return nullptr;
}

// Everything below the element `user`, or everything but it.
struct Selection {
  const xmlNode* element;
  bool below;
};
int IsSelected(void* user, xmlNode* node, xmlNode* parent) {
  const auto& selection = *static_cast<const Selection*>(user);
  // A namespace node has no parent of its own.
  for (const xmlNode* at = node->type == XML_NAMESPACE_DECL ? parent : node; at != nullptr;
       at = at->parent) {
    if (at == selection.element) return selection.below ? 1 : 0;
  }
  return selection.below ? 0 : 1;
}

std::string Canonical(const Tree& document, Selection selection, int mode) {
  const Handle<xmlOutputBuffer, [](xmlOutputBuffer* buffer) { xmlOutputBufferClose(buffer); }> out(
      xmlAllocOutputBuffer(nullptr));
  EXPECT_GE(xmlC14NExecute(document.get(), IsSelected, &selection, mode, nullptr, 0, out.get()), 0);
  return {reinterpret_cast<const char*>(xmlOutputBufferGetContent(out.get())),
          xmlOutputBufferGetSize(out.get())};
}

bool IsOfXmlSignature(const xmlNode* element) {
  return element->ns != nullptr &&
         reinterpret_cast<const char*>(element->ns->href) == kXmlSignature.uri;
}

// What libxml2 makes of it; empty when it is no document that FindPlainForm may be asked about: not
// well-formed, or without a SignedInfo in a Signature of XML Signature.
struct Expected {
  std::string request;
  std::string signed_info;
};
Expected ByLibxml2(std::string_view text) {
  const auto tree = BuildTree(AsBytes(text));
  xmlNode* signature = tree ? Child(xmlDocGetRootElement(tree->get()), "Signature") : nullptr;
  const xmlNode* signed_info = signature ? Child(signature, "SignedInfo") : nullptr;
  if (signed_info == nullptr || !IsOfXmlSignature(signature) || !IsOfXmlSignature(signed_info)) {
    return {};
  }
  return {Canonical(*tree, {signature, false}, XML_C14N_1_0),
          Canonical(*tree, {signed_info, true}, XML_C14N_EXCLUSIVE_1_0)};
}

std::string SignedDocument() {
  const HandoverFields fields{.digital_signing_certificate = "QUFB",
                              .key_agreement_certificate = "QkJC",
                              .certification_path = {"Q0ND"}};
  const testing::KeyHandle key(EVP_EC_gen("P-256"));
  return testing::SignRequest(testing::MakeHandoverXml(fields), key.get(), "CN=Z1,OU=07", "1234");
}

void ExpectPlain(const std::string& document) {
  const auto form = FindPlainForm(document);
  ASSERT_TRUE(form) << document;
  const Expected expected = ByLibxml2(document);
  EXPECT_EQ(std::string(form->before_signature) + std::string(form->after_signature),
            expected.request);
  EXPECT_EQ(form->signed_info, expected.signed_info);
}

TEST(PlainForm, IsFoundInWhatSendersWrite) {
  const std::string compact = SignedDocument();
  ExpectPlain(compact);
  ExpectPlain("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + compact + "\n");
  // The DCC's templates: more namespaces than are used, indented, empty elements in SignedInfo.
  const std::string declared =
      Replaced(compact, "<sr:Request xmlns:sr",
               "<sr:Request xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" xmlns:sr");
  ExpectPlain(declared);
  ExpectPlain(Replaced(declared, "<sr:Header>", "\n  <sr:Header>\n\t"));
  ExpectPlain(Replaced(declared, "<ds:SignedInfo>", "\n <ds:SignedInfo>\n  "));
  ExpectPlain(Replaced(declared, "</ds:Signature>", "\n </ds:Signature>\n"));
  ExpectPlain(Replaced(declared, "#ecdsa-sha256\"></ds:SignatureMethod>", "#ecdsa-sha256\"/>"));
  ExpectPlain(Replaced(declared, "<sr:CommandVariant>1", "<sr:CommandVariant>\xC3\xA9"));
}

TEST(PlainForm, IsNotFoundWhereCanonicalisationWouldChangeAnOctet) {
  const std::string plain = SignedDocument();
  const std::array<std::pair<const char*, const char*>, 22> changes = {{
      {"<sr:CommandVariant>1", "<sr:CommandVariant>&#49;"},
      {"<sr:CommandVariant>1", "<sr:CommandVariant>1\r\n"},
      {"<sr:CommandVariant>1", "<sr:CommandVariant>1>"},
      {"<sr:CommandVariant>1", "<sr:CommandVariant><![CDATA[1]]>"},
      {"<sr:CommandVariant>1", "<sr:CommandVariant><!--c-->1"},
      {"<sr:CommandVariant>1", "<sr:CommandVariant ><?p i?>1"},
      {"<sr:CommandVariant>1", "<sr:CommandVariant >1"},
      {"<sr:CommandVariant>1", "<sr:CommandVariant a=\"1\" >1"},
      {"<sr:CommandVariant>1", "<sr:CommandVariant xmlns:b=\"urn:b\">1"},
      {"<sr:CommandVariant>1</sr:CommandVariant>", "<sr:CommandVariant/>"},
      {"1</sr:CommandVariant>", "1</sr:CommandVariant >"},
      {"<sr:Request xmlns:sr", "<sr:Request xmlns:zz=\"urn:z\" xmlns:sr"},
      {"<sr:Request xmlns:sr", "<sr:Request xmlns=\"urn:d\" xmlns:sr"},
      {"<sr:Request xmlns:sr", "<sr:Request xmlns:a='urn:a' xmlns:sr"},
      {"<sr:Request xmlns:sr", "<sr:Request  xmlns:sr"},
      {" schemaVersion=\"5.4\"", " schemaVersion=\"5.4\t\""},
      {" schemaVersion=\"5.4\"", " schemaVersion=\"5.4\" a=\"b\""},
      {"schemaVersion=\"5.4\">", "schemaVersion=\"5.4\" >"},
      {"<ds:Transforms>", "<ds:Transforms xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">"},
      {"<ds:Transforms>", "<ds:Transforms b=\"2\" a=\"1\">"},
      {"<ds:Transforms>", "<ds:Transforms xml:space=\"preserve\">"},
      {"<ds:Transforms>", "<ds:Transforms a='1'>"},
  }};
  for (const auto& [from, to] : changes) {
    const std::string changed = Replaced(plain, from, to);
    ASSERT_TRUE(BuildTree(AsBytes(changed))) << to;
    EXPECT_FALSE(FindPlainForm(changed)) << to;
  }
}

TEST(PlainForm, HasNothingBehindTheSignature) {
  const std::string plain = SignedDocument();
  EXPECT_FALSE(FindPlainForm(Replaced(plain, "</sr:Request>", "<sr:Body></sr:Body></sr:Request>")));
  EXPECT_FALSE(FindPlainForm(plain + "<!--c-->"));
  // A second Signature, and an element between two.
  const std::string signature = plain.substr(plain.find("<ds:Signature"));
  EXPECT_FALSE(FindPlainForm(Replaced(plain, "<ds:Signature",
                                      "<sr:Body></sr:Body>" +
                                          signature.substr(0, signature.find("</sr:Request>")) +
                                          "<ds:Signature")));
  EXPECT_FALSE(FindPlainForm(plain.substr(0, plain.find("<ds:Signature")) + "</sr:Request>"));
}

// Whatever is done to a document: what is found is what libxml2 makes of it.
TEST(PlainForm, IsWhatLibxml2MakesOfTheDocument) {
  constexpr int kChanges = 200'000;
  constexpr std::string_view kPieces[] = {" ",
                                          "\n",
                                          "\t",
                                          "\r",
                                          "<",
                                          ">",
                                          "/",
                                          "\"",
                                          "'",
                                          "=",
                                          "&",
                                          "&#65;",
                                          "a",
                                          "ds:",
                                          "sr:",
                                          "xmlns:a=\"urn:a\" ",
                                          " xmlns:ds=\"urn:x\"",
                                          "<sr:A>",
                                          "</sr:A>",
                                          "<ds:Signature>",
                                          "</ds:Signature>",
                                          "<!--x-->",
                                          "<![CDATA[x]]>",
                                          "<?p i?>",
                                          "<sr:A/>",
                                          "\xC3\xA9"};
  const std::string plain = SignedDocument();
  std::mt19937 random(62'621);
  int found = 0;
  int well_formed = 0;
  for (int i = 0; i < kChanges; ++i) {
    std::string changed = plain;
    for (unsigned edits = 1 + random() % 2; edits != 0; --edits) {
      const std::string_view piece = kPieces[random() % std::size(kPieces)];
      changed.replace(random() % changed.size(), random() % 3, piece);
    }
    const auto form = FindPlainForm(changed);
    if (!form) continue;
    const Expected expected = ByLibxml2(changed);
    if (expected.signed_info.empty()) continue;  // not well-formed: never asked about
    ++well_formed;
    const std::string request =
        std::string(form->before_signature) + std::string(form->after_signature);
    if (request != expected.request || form->signed_info != expected.signed_info) {
      ++found;
      ADD_FAILURE() << changed;
    }
    if (found > 3) break;
  }
  EXPECT_GT(well_formed, kChanges / 100);
}

}  // namespace
}  // namespace acb::duis
