// Our own check of structure and values against the public XSD: what we accept the schema accepts,
// and where we refuse more than it does, the case says so. (A program of its own: the XML libraries
// of the appliance open no files, and a schema is read from files.)
#include <gtest/gtest.h>
#include <libxml/xmlschemas.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "firmware/duis/response.h"
#include "firmware/duis/response_code.h"
#include "tests/firmware/duis/cases.h"
#include "tests/support/shared.h"

namespace acb::testing {
namespace {

using Schema = Handle<xmlSchema, xmlSchemaFree>;

void Ignore(void*, xmlErrorPtr) {}

void Write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

// The two stubs of duis-6.21.md 4.7, under the names that the DUIS schema imports; blanks in a
// schemaLocation are a fault to work around.
Schema Compile() {
  namespace fs = std::filesystem;
  const fs::path directory =
      fs::temp_directory_path() / ("acb-duis-schema-" + std::to_string(::getpid()));
  fs::create_directories(directory);
  Write(directory / "duis.xsd", Replaced(ReadText(SharedDir() / "rtds/DUIS Schema V5.4.xsd"),
                                         "\"MMC Schema V5.4.xsd\"", "\"mmc.xsd\""));
  const std::string any =
      "<xs:any minOccurs=\"0\" maxOccurs=\"unbounded\" processContents=\"skip\"/>";
  std::string types;
  for (const char* name : {"HeaderType", "ResponsePayload", "DeviceAlertMessageType"}) {
    types += "<xs:complexType name=\"" + std::string(name) + "\"><xs:sequence>" + any +
             "</xs:sequence></xs:complexType>";
  }
  const auto schema = [](const std::string& target, const std::string& content) {
    return "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" targetNamespace=\"" + target +
           "\" elementFormDefault=\"qualified\">" + content + "</xs:schema>";
  };
  Write(directory / "mmc.xsd", schema("http://www.dccinterface.co.uk/ResponseAndAlert", types));
  Write(directory / "xmldsig-core-schema.xsd",
        schema("http://www.w3.org/2000/09/xmldsig#",
               "<xs:element name=\"Signature\"><xs:complexType><xs:sequence>" + any +
                   "</xs:sequence></xs:complexType></xs:element>"));
  xmlSetStructuredErrorFunc(nullptr, Ignore);
  const Handle<xmlSchemaParserCtxt, xmlSchemaFreeParserCtxt> parser(
      xmlSchemaNewParserCtxt((directory / "duis.xsd").c_str()));
  xmlSchemaSetParserStructuredErrors(parser.get(), Ignore, nullptr);
  Schema compiled(xmlSchemaParse(parser.get()));
  fs::remove_all(directory);
  return compiled;
}

// Compiled by the first test, before anything of ours has closed the library's way to files.
const Schema& TheSchema() {
  static const Schema kSchema = Compile();
  return kSchema;
}

bool Valid(xmlSchema* schema, const std::string& xml) {
  const Handle<xmlDoc, xmlFreeDoc> document(
      xmlReadMemory(xml.data(), static_cast<int>(xml.size()), nullptr, nullptr, XML_PARSE_NONET));
  if (!document) return false;
  const Handle<xmlSchemaValidCtxt, xmlSchemaFreeValidCtxt> context(xmlSchemaNewValidCtxt(schema));
  xmlSchemaSetValidStructuredErrors(context.get(), Ignore, nullptr);
  return xmlSchemaValidateDoc(context.get(), document.get()) == 0;
}

TEST(DuisSchema, AgreesWithOurOwnCheckOrTheCaseSaysWhyNot) {
  ACB_NEED_SHARED();
  const Schema& schema = TheSchema();
  ASSERT_NE(schema, nullptr);
  int valid = 0, invalid = 0;
  for (const auto& cases : {AcceptedCases(), RefusedValues(), RefusedStructure()}) {
    for (const Case& one : cases) {
      SCOPED_TRACE(one.name);
      const bool accepted = Valid(schema.get(), Document(one));
      EXPECT_EQ(accepted, one.schema_valid);
      EXPECT_TRUE(accepted || one.refused) << "we accept what the schema refuses";
      ++(accepted ? valid : invalid);
    }
  }
  EXPECT_GT(valid, 40);
  EXPECT_GT(invalid, 50);
}

// Each form that an answer to a 6.21 has (duis-6.21.md 1.7).
TEST(DuisSchema, TakesEveryResponseThatWeBuild) {
  ACB_NEED_SHARED();
  const Schema& schema = TheSchema();
  ASSERT_NE(schema, nullptr);
  const UtcTime time = *UtcTime::FromIso("2026-01-15T10:00:00.5Z");
  const Bytes command(1421, 0xDD);
  const std::string id = "90-B3-D5-1F-30-01-00-00:00-db-12-34-56-78-90-a3:18446744073709551615";
  int built = 0;
  for (const std::string version : {"5.0", "5.4"}) {
    for (const auto& request_id : {std::optional<std::string>(), std::optional(id)}) {
      for (const std::string_view code : duis::AllResponseCodes()) {
        for (const BytesView octets : {BytesView(), BytesView(command)}) {
          const auto xml = duis::BuildResponse({{version, request_id}, code, time, octets});
          ASSERT_TRUE(xml);
          ASSERT_TRUE(Valid(schema.get(), *xml)) << *xml;
          ++built;
        }
      }
    }
  }
  EXPECT_GT(built, 8 * 100);
  // That the schema looks at all: one step beside each.
  for (const auto& [request_id, code] :
       {std::pair(id + "0", "I0"), std::pair(id, "E062104"), std::pair(id, "")}) {
    const auto xml = duis::BuildResponse({{"5.4", request_id}, code, time, command});
    ASSERT_TRUE(xml);
    EXPECT_FALSE(Valid(schema.get(), *xml)) << *xml;
  }
}

}  // namespace
}  // namespace acb::testing
