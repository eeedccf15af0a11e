// ../shared/vectors/xml-conformance and xmldsig-interop: documents that are no Request at all.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "firmware/duis/markup.h"
#include "firmware/duis/request.h"
#include "firmware/duis/tree.h"
#include "tests/support/shared.h"

namespace acb::testing {
namespace {

namespace fs = std::filesystem;

fs::path Extract(const std::string& name, const std::string& archive) {
  const char* binary = std::getenv("ACB_BINARY_DIR");
  const fs::path into = fs::path(binary != nullptr ? binary : ".") / "Testing" / name;
  fs::create_directories(into);
  const std::string command = "tar -xzf '" + (SharedDir() / "vectors" / name / archive).string() +
                              "' -C '" + into.string() + "'";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  return into;
}

bool MarkupAndTree(BytesView octets) {
  duis::ParseLimits limits;
  limits.octets = 1024 * 1024;
  return duis::CheckMarkup(octets, limits).has_value() && duis::BuildTree(octets).has_value();
}

TEST(XmlConformance, NoDocumentThatIsNotWellFormedPasses) {
  ACB_NEED_SHARED();
  int refused = 0, doctype = 0, passed = 0;
  for (const auto& entry :
       fs::recursive_directory_iterator(Extract("xml-conformance", "xmlconf-xmltest-sun.tar.gz"))) {
    if (entry.path().extension() != ".xml" || !entry.is_regular_file()) continue;
    SCOPED_TRACE(entry.path());
    const Bytes octets = ReadFile(entry.path());
    const bool good = MarkupAndTree(octets);
    if (entry.path().string().find("/not-wf/") != std::string::npos) {
      ++refused;
      EXPECT_FALSE(good);
    } else if (AsText(octets).find("<!DOCTYPE") != std::string::npos) {
      ++doctype;
      EXPECT_FALSE(good);
    } else {
      passed += good ? 1 : 0;
    }
    EXPECT_FALSE(duis::Parse(octets));
  }
  EXPECT_GT(refused, 150);
  EXPECT_GT(doctype, 100);
  RecordProperty("passed", passed);
}

TEST(XmlConformance, SmallWellFormedDocumentsPass) {
  for (const char* document :
       {"<a/>", "<a></a>", "<a b='>'/>", "<a b=\"'\"/>", "<a>&lt;&#65;</a>",
        "<a><![CDATA[<b>]]></a>", "<?xml version='1.0'?>\n<a\n/>\n", "<a xmlns='urn:x'><b/></a>"}) {
    EXPECT_TRUE(MarkupAndTree(AsBytes(document))) << document;
  }
}

TEST(XmldsigInterop, EveryOtherProfileIsRefused) {
  ACB_NEED_SHARED();
  int documents = 0;
  for (const auto& entry : fs::recursive_directory_iterator(
           Extract("xmldsig-interop", "xmldsig-interop-open.tar.gz"))) {
    if (!entry.is_regular_file()) continue;
    ++documents;
    const auto parsed = duis::Parse(ReadFile(entry.path()));
    ASSERT_FALSE(parsed) << entry.path();
    EXPECT_FALSE(parsed.error().explanation.empty()) << entry.path();
  }
  EXPECT_GT(documents, 10);
}

}  // namespace
}  // namespace acb::testing
