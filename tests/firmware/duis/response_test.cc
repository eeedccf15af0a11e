// The DUIS Response: its shape, its escaping, and what it repeats of a Request (duis-6.21.md 1.7,
// 5.4). That it is valid by the public schema is tested in schema_test.cc.
#include "firmware/duis/response.h"

#include <gtest/gtest.h>

#include "firmware/duis/tree.h"
#include "tests/firmware/duis/cases.h"

namespace acb::testing {
namespace {

constexpr const char* kRequestId = "90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001";
const UtcTime kTime = *UtcTime::FromIso("2026-01-15T10:00:00Z");

std::string Build(const duis::Response& response) {
  const auto built = duis::BuildResponse(response);
  EXPECT_TRUE(built);
  return built ? *built : "";
}

// Section 5.4's sample of an acknowledgement, octet for octet but for the XML declaration.
TEST(DuisResponse, HasTheShapeOfTheSample) {
  EXPECT_EQ(
      Build({{"5.4", kRequestId}, "I99", kTime, {}}),
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<sr:Response xmlns:sr=\"http://www.dccinterface.co.uk/ServiceUserGateway\" "
      "schemaVersion=\"5.4\"><sr:Header><sr:RequestID>90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-"
      "A3:1001</sr:RequestID><sr:ResponseCode>I99</sr:ResponseCode><sr:ResponseDateTime>2026-01-"
      "15T10:00:00.000Z</sr:ResponseDateTime></sr:Header><sr:Body><sr:ResponseMessage>"
      "<sr:ServiceReference>6.21</sr:ServiceReference><sr:ServiceReferenceVariant>6.21"
      "</sr:ServiceReferenceVariant></sr:ResponseMessage></sr:Body></sr:Response>\n");
}

TEST(DuisResponse, CarriesTheCommandAsALocalCommand) {
  const Bytes command = {0xDD, 0x00, 0x01};
  EXPECT_NE(Build({{"5.4", kRequestId}, "I0", kTime, command})
                .find("</sr:ServiceReferenceVariant><sr:LocalCommand><sr:GBCSPayload>3QAB"
                      "</sr:GBCSPayload></sr:LocalCommand></sr:ResponseMessage>"),
            std::string::npos);
}

TEST(DuisResponse, LeavesOutARequestIdThatIsNotKnown) {
  const std::string xml = Build({{"5.4", std::nullopt}, "E100", kTime, {}});
  EXPECT_EQ(xml.find("RequestID"), std::string::npos);
  EXPECT_NE(xml.find("<sr:Header><sr:ResponseCode>E100<"), std::string::npos);
}

// No text of a requester's gets in unread today; this is what keeps it harmless if one does.
TEST(DuisResponse, EscapesWhatStandsInIt) {
  const std::string evil = "</sr:RequestID><x a='\"'>&amp;\xC3\xA9";
  const std::string xml = Build({{"5\"<&.4", evil}, "E1", kTime, {}});
  EXPECT_NE(xml.find("&lt;/sr:RequestID&gt;&lt;x a='\"'&gt;&amp;amp;\xC3\xA9</sr:RequestID>"),
            std::string::npos)
      << xml;
  EXPECT_NE(xml.find("schemaVersion=\"5&quot;&lt;&amp;.4\""), std::string::npos) << xml;
  EXPECT_TRUE(duis::BuildTree(AsBytes(xml)));
}

duis::Echo EchoOf(const std::string& xml) { return duis::ReadEcho(AsBytes(xml), {}); }

TEST(DuisEcho, RepeatsVersionAndRequestIdAsTheyWereSent) {
  const std::string good = MakeHandoverXml(FullFields());
  EXPECT_EQ(EchoOf(good).schema_version, "5.4");
  EXPECT_EQ(EchoOf(good).request_id, kRequestId);
  const duis::Echo other =
      EchoOf(Replaced(Replaced(good, "\"5.4\"", "\" 5.1\""), "00-DB-12", " 00-db-12"));
  EXPECT_EQ(other.schema_version, "5.1");
  EXPECT_FALSE(other.request_id) << "a blank within is not of the schema's form";
  EXPECT_EQ(EchoOf(Replaced(good, "00-DB-12", "00-db-12")).request_id,
            "90-B3-D5-1F-30-01-00-00:00-db-12-34-56-78-90-A3:1001");
  const duis::Echo unsupported = EchoOf(Replaced(good, "\"5.4\"", "\"9\""));
  EXPECT_EQ(unsupported.schema_version, "5.4") << "one that is supported here";
  EXPECT_EQ(unsupported.request_id, kRequestId);
}

TEST(DuisEcho, IsReadFromARequestThatIsRefusedForAnotherPlace) {
  const std::string other = Replaced(MakeHandoverXml(FullFields()), ">6.21<", ">6.15<");
  EXPECT_EQ(EchoOf(other).request_id, kRequestId);
  EXPECT_FALSE(duis::Parse(AsBytes(other)));
}

TEST(DuisEcho, GivesNoRequestIdThatIsNotOfTheSchemasForm) {
  for (const auto& cases : {RefusedValues(), RefusedStructure()}) {
    for (const Case& one : cases) {
      const auto id = EchoOf(Document(one)).request_id;
      EXPECT_TRUE(!id || RequestId::FromText(*id)) << one.name;
    }
  }
}

TEST(DuisEcho, KeepsItsDefaultsForWhatCannotBeRead) {
  for (const std::string& xml : {std::string(), std::string("{}"), std::string("<a/>"),
                                 Replaced(MakeHandoverXml(FullFields()), ":1001<", ":x<")}) {
    EXPECT_EQ(EchoOf(xml).schema_version, "5.4");
    EXPECT_FALSE(EchoOf(xml).request_id);
  }
}

}  // namespace
}  // namespace acb::testing
