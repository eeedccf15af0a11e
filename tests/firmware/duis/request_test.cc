// Parse: what a Request may be (duis-6.21.md section 1).
#include "firmware/duis/request.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/firmware/duis/cases.h"
#include "tests/firmware/duis/fixture.h"
#include "tests/support/cpu_time.h"

namespace acb::testing {
namespace {

std::string Good() { return Supplier().Sign(MakeHandoverXml(FullFields())); }

duis::HandoverRequest ContentOf(const std::string& xml) {
  auto verified = ParseAndVerify(xml, Supplier().certificate);
  if (!verified) throw std::runtime_error(verified.error().explanation);
  return verified->content();
}

TEST(DuisRequest, GivesEveryField) {
  const duis::HandoverRequest content = ContentOf(Good());
  EXPECT_EQ(content.request_id.Text(), "90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001");
  EXPECT_EQ(content.schema_version, "5.4");
  EXPECT_EQ(content.command_variant, 1);
  EXPECT_EQ(content.execution, UtcTime::FromIso("2026-12-01T00:00:00Z"));
  EXPECT_EQ(content.role, RemotePartyRole::kSupplier);
  EXPECT_EQ(content.floor, FloorSeqNumber::From(5));
  EXPECT_EQ(content.prepayment_top_up_floor, FloorSeqNumber::From(6));
  EXPECT_EQ(content.digital_signing_certificate, (Bytes{1, 2}));
  EXPECT_EQ(content.key_agreement_certificate, (Bytes{3, 4}));
  EXPECT_EQ(content.key_agreement_top_up_certificate, (Bytes{5, 6}));
  EXPECT_EQ(content.certification_path, (std::vector<Bytes>{{7, 8}}));
  EXPECT_TRUE(content.apply_time_based_cpv_checks);
}

TEST(DuisRequest, LeavesOutWhatIsNotThere) {
  HandoverFields fields;
  fields.digital_signing_certificate = "AQI=";
  fields.floor = std::nullopt;
  fields.certification_path = {"Bwg=", "BQY=", "AwQ="};
  fields.apply_time_based_cpv_checks = "0";
  fields.command_variant = "+03";
  const duis::HandoverRequest content = ContentOf(Supplier().Sign(MakeHandoverXml(fields)));
  EXPECT_EQ(content.execution, std::nullopt);
  EXPECT_EQ(content.role, RemotePartyRole::kNetworkOperator);
  EXPECT_EQ(content.floor, std::nullopt);
  EXPECT_EQ(content.prepayment_top_up_floor, std::nullopt);
  EXPECT_EQ(content.key_agreement_certificate, std::nullopt);
  EXPECT_EQ(content.key_agreement_top_up_certificate, std::nullopt);
  EXPECT_EQ(content.certification_path, (std::vector<Bytes>{{7, 8}, {5, 6}, {3, 4}}));
  EXPECT_FALSE(content.apply_time_based_cpv_checks);
  EXPECT_EQ(content.command_variant, 3);
}

TEST(DuisRequest, AcceptsTheSameAskInAnotherSpelling) {
  for (const Case& accepted : AcceptedCases()) {
    SCOPED_TRACE(accepted.name);
    const auto verified =
        ParseAndVerify(Supplier().Sign(Document(accepted)), Supplier().certificate);
    EXPECT_TRUE(verified) << verified.error().explanation;
  }
}

TEST(DuisRequest, ReadsOddSpellingsAsTheValueTheyMean) {
  const auto content = [](const char* from, const char* to) {
    return ContentOf(Supplier().Sign(Replaced(MakeHandoverXml(FullFields()), from, to)));
  };
  EXPECT_EQ(content(":1001<", ":1001 \n<").request_id.counter, 1001u);
  EXPECT_EQ(content("<sr:CommandVariant>1", "<sr:CommandVariant>002").command_variant, 2);
  EXPECT_EQ(content("SeqNumber>5<", "SeqNumber>+007<").floor, FloorSeqNumber::From(7));
  EXPECT_EQ(content("SeqNumber>5<", "SeqNumber>9223372036854775807<").floor,
            FloorSeqNumber::From(kMaxSeqNumber));
  EXPECT_EQ(content("AQI=", " A Q\r\nI = ").digital_signing_certificate, (Bytes{1, 2}));
  EXPECT_EQ(content("2026-12-01T00:00:00.00Z", "3000-12-31T00:00:00.00Z").execution,
            UtcTime::FromIso("3000-12-31T00:00:00Z"));
  EXPECT_EQ(content("2026-12-01T00:00:00.00Z", "2026-12-01T01:30:00+01:30").execution,
            UtcTime::FromIso("2026-12-01T00:00:00Z"));
  EXPECT_EQ(content(":1001<", ":18446744073709551615<").request_id.counter, UINT64_MAX);
}

TEST(DuisRequest, RefusesWrongValues) {
  for (const Case& refused : RefusedValues()) {
    SCOPED_TRACE(refused.name);
    ExpectRefused(duis::Parse(AsBytes(Supplier().Sign(Document(refused)))), *refused.refused,
                  refused.says);
  }
}

TEST(DuisRequest, RefusesWrongStructure) {
  for (const Case& refused : RefusedStructure()) {
    SCOPED_TRACE(refused.name);
    ExpectRefused(duis::Parse(AsBytes(Supplier().Sign(Document(refused)))), *refused.refused,
                  refused.says);
  }
}

TEST(DuisRequest, AcceptsAnyPrefix) {
  std::string xml = MakeHandoverXml(FullFields());
  for (std::size_t at = xml.find("sr:"); at != std::string::npos; at = xml.find("sr:", at)) {
    xml.erase(at, 3);
  }
  xml = Replaced(xml, "xmlns:sr", "xmlns");
  EXPECT_EQ(ContentOf(Supplier().Sign(xml)).floor, FloorSeqNumber::From(5));
}

TEST(DuisRequest, NamesTheClaimedRequestAndSigner) {
  auto parsed = duis::Parse(AsBytes(Good()));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->claimed_request_id().counter, 1001u);
  EXPECT_EQ(parsed->signer().issuer, Supplier().certificate->issuer());
  EXPECT_TRUE(Equal(parsed->signer().serial, Supplier().certificate->serial()));
}

// Octets before XML.

TEST(DuisMarkup, AcceptsDeclarationAndByteOrderMark) {
  for (const char* begin :
       {"", "\n", "\xEF\xBB\xBF", "<?xml version=\"1.0\"?>",
        "<?xml version='1.0' encoding='utf-8' ?>\r\n",
        "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"}) {
    SCOPED_TRACE(begin);
    const auto parsed = duis::Parse(AsBytes(begin + Good() + "\n"));
    EXPECT_TRUE(parsed) << parsed.error().explanation;
  }
}

TEST(DuisMarkup, RefusesWhatNoRequestNeeds) {
  struct Prefix {
    std::string begin;
    const char* says;
  };
  const std::string gzip = "\x1f\x8b\x08";
  for (const Prefix& prefix : std::vector<Prefix>{
           {"<?xml version=\"1.1\"?>", "XML 1.0"},
           {"<?xml version=\"1.0\" encoding=\"UTF-7\"?>", "encoding"},
           {"<?xml version=\"1.0\" encoding=\"UTF-16\"?>", "encoding"},
           {"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>", "encoding"},
           {"<?xml encoding=\"UTF-8\"?>", "not well-formed"},
           {"<?xml version=\"1.0\" encoding=\"UTF-8", "encoding"},
           {"<?xml version=\"1.0\"", "no end"},
           {"<?xml version=\"1.0\"?><?xml version=\"1.0\"?>", "processing instruction"},
           {"<?xml-stylesheet href=\"http://example.org/a.xsl\"?>", "processing instruction"},
           {" <?xml version=\"1.0\"?>", "processing instruction"},
           {"<!DOCTYPE a>", "DOCTYPE"},
           {"<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>", "DOCTYPE"},
           {"<!ENTITY x \"y\">", "declarations"},
           {"<!-- hello -->", "comment"},
           {"\xFE\xFF", "UTF-8"},
           {"\xFF\xFE", "UTF-8"},
           {gzip, "UTF-8"},
           {std::string(1, '\0'), "UTF-8"},
           {"x", "not well-formed"}}) {
    SCOPED_TRACE(prefix.begin);
    ExpectRefused(duis::Parse(AsBytes(prefix.begin + Good())), Reason::kMalformed, prefix.says);
  }
}

TEST(DuisMarkup, RefusesCommentsAndInstructionsInside) {
  ExpectRefused(duis::Parse(AsBytes(Replaced(Good(), ":1001<", ":10<!---->01<"))),
                Reason::kMalformed, "comment");
  ExpectRefused(duis::Parse(AsBytes(Replaced(Good(), ":1001<", ":10<?x y?>01<"))),
                Reason::kMalformed, "processing instruction");
  ExpectRefused(duis::Parse(AsBytes(Replaced(Good(), "<ds:KeyInfo>", "<ds:KeyInfo><!--x-->"))),
                Reason::kMalformed, "comment");
}

TEST(DuisMarkup, RefusesWhatIsNotUtf8) {
  // Overlong, surrogate, above U+10FFFF, cut short, continuation alone, Latin-1, NUL.
  for (const std::string octets : {"\xC0\xB1", "\xE0\x80\xB1", "\xF0\x80\x80\xB1", "\xED\xA0\x80",
                                   "\xF4\x90\x80\x80", "\xE2\x82", "\x80", "\xE9", "\xFF"}) {
    SCOPED_TRACE(ToHex(AsBytes(octets)));
    ExpectRefused(duis::Parse(AsBytes(Replaced(Good(), ":1001<", ":1001" + octets + "<"))),
                  Reason::kMalformed, "UTF-8");
  }
  ExpectRefused(
      duis::Parse(AsBytes(Replaced(Good(), ":1001<", ":1001" + std::string(1, '\0') + "<"))),
      Reason::kMalformed, "UTF-8");
}

TEST(DuisMarkup, PassesOtherUtf8OnToTheNextRule) {
  for (const char* octets : {"\xC3\xA9", "\xEF\xBC\x91", "\xF0\x9F\x92\xA1", "\xF4\x8F\xBF\xBD"}) {
    ExpectRefused(
        duis::Parse(AsBytes(Replaced(Good(), ":1001<", std::string(":1001") + octets + "<"))),
        Reason::kMalformed, "sr:RequestID");
  }
}

TEST(DuisMarkup, RefusesWhatIsNotWellFormed) {
  const std::string good = Good();
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"</sr:Header>", "</sr:Heade>"},
           {"</sr:Header>", ""},
           {"<sr:Header>", "<zz:Header>"},
           {"\"5.4\"", "\"5.4\" schemaVersion=\"5.4\""},
           {"\"5.4\"", "5.4"},
           {":1001<", ":&x;<"},
           {":1001<", ":&#0;<"},
           {":1001<", ":\x01<"},
           {":1001<", ":]]>1001<"},
           {"</sr:Request>", "</sr:Request><a/>"},
           {"</sr:Request>", "</sr:Request>x"},
           {" schemaVersion", " xmlns:x=\"relative\" schemaVersion"}}) {
    SCOPED_TRACE(to);
    ExpectRefused(duis::Parse(AsBytes(Replaced(good, from, to))), Reason::kMalformed,
                  "not well-formed");
  }
  ExpectRefused(duis::Parse(AsBytes(good + good)), Reason::kMalformed, "not well-formed");
  ExpectRefused(duis::Parse(AsBytes("{\"a\":1}")), Reason::kMalformed, "no element");
  ExpectRefused(duis::Parse({}), Reason::kMalformed, "no element");
  ExpectRefused(duis::Parse(AsBytes("</a>")), Reason::kMalformed, "end tag");
  ExpectRefused(duis::Parse(AsBytes("<a b=\"<\"/>")), Reason::kMalformed, "inside a tag");
  ExpectRefused(duis::Parse(AsBytes("<a><![CDATA[x</a>")), Reason::kMalformed, "CDATA");
}

TEST(DuisMarkup, RefusesEveryTruncation) {
  const std::string good = Good();
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto parsed = duis::Parse(AsBytes(good).first(size));
    ASSERT_FALSE(parsed) << size;
    ASSERT_FALSE(parsed.error().explanation.empty()) << size;
  }
}

TEST(DuisMarkup, HoldsEachLimitToTheUnit) {
  const std::string good = Good();
  const auto parse = [&](const duis::ParseLimits& limits) {
    return duis::Parse(AsBytes(good), limits);
  };
  duis::ParseLimits exact;
  exact.octets = good.size();
  exact.depth = 6;  // Request, Signature, SignedInfo, Reference, Transforms, Transform
  exact.elements = 34;
  exact.attributes = 8;
  exact.text = 88;  // SignatureValue
  {
    const auto parsed = parse(exact);
    EXPECT_TRUE(parsed) << parsed.error().explanation;
  }
  const auto less = [&](std::size_t duis::ParseLimits::*limit, Reason reason, const char* says) {
    duis::ParseLimits limits = exact;
    --(limits.*limit);
    ExpectRefused(parse(limits), reason, says);
  };
  less(&duis::ParseLimits::octets, Reason::kTooLarge, "octets");
  less(&duis::ParseLimits::depth, Reason::kMalformed, "deeper than 5");
  less(&duis::ParseLimits::elements, Reason::kMalformed, "more than 33 elements");
  less(&duis::ParseLimits::attributes, Reason::kMalformed, "more than 7 attributes");
  less(&duis::ParseLimits::text, Reason::kMalformed, "more text than 87");
}

TEST(DuisMarkup, LimitsTheLengthOfATag) {
  duis::ParseLimits limits;
  const auto document = [&](std::size_t spaces) {
    return Replaced(Good(), "<sr:Header>", "<sr:Header" + std::string(spaces, ' ') + ">");
  };
  const std::size_t name = std::string_view("<sr:Header").size();
  EXPECT_TRUE(duis::Parse(AsBytes(document(limits.tag - name)), limits));
  ExpectRefused(duis::Parse(AsBytes(document(limits.tag - name + 1)), limits), Reason::kMalformed,
                "a tag is longer");
}

TEST(DuisMarkup, CountsTextOfCdataSectionsTogether) {
  duis::ParseLimits limits;
  limits.text = 1000;
  std::string sections;
  for (int i = 0; i < 20; ++i) sections += "<![CDATA[" + std::string(50, ' ') + "]]>";
  ExpectRefused(duis::Parse(AsBytes(Replaced(Good(), ":1001<", ":1001" + sections + "<")), limits),
                Reason::kMalformed, "more text");
}

TEST(DuisMarkup, LittleWorkForABadDocumentOfFullSize) {
  const std::size_t size = duis::ParseLimits{}.octets - 100;
  std::string deep, attributes = "<a", names = "<", quotes = "<a b=\"", siblings = "<a>";
  while (deep.size() < size) deep += "<a>";
  for (int i = 0; attributes.size() < size; ++i) attributes += " a" + std::to_string(i) + "=''";
  attributes += "/>";
  names += std::string(size, 'n');
  quotes += std::string(size, 'q');
  while (siblings.size() < size) siblings += "<b/>";
  for (const std::string& bad : {deep, attributes, names, quotes, siblings}) {
    SCOPED_TRACE(bad.substr(0, 10));
    const double start = CpuSeconds();
    ExpectRefused(duis::Parse(AsBytes(bad)), Reason::kMalformed, "");
    EXPECT_LT(CpuSeconds() - start, 1.0);
  }
}

}  // namespace
}  // namespace acb::testing
