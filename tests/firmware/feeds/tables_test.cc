// The feeds that are small tables: prefixes, working days, products, proxies, repository status.
#include <gtest/gtest.h>

#include "firmware/feeds/certified_products.h"
#include "firmware/feeds/mpan_prefixes.h"
#include "firmware/feeds/proxy_certificates.h"
#include "firmware/feeds/repository_status.h"
#include "firmware/feeds/working_days.h"
#include "tests/firmware/feeds/one_row.h"

namespace acb::feeds {
namespace {

const std::string kHash(64, 'a');

// Each line is refused, and the explanation begins with the column.
template <class T>
void ExpectRefused(Result<T> (*parse)(const CsvRow&), const std::vector<std::string>& columns,
                   const std::vector<std::pair<std::string, std::string>>& cases) {
  for (const auto& [line, column] : cases) {
    const auto row = One(parse, columns, line);
    ASSERT_FALSE(row) << line;
    EXPECT_EQ(row.error().reason, Reason::kFeedRejected);
    EXPECT_EQ(row.error().explanation.substr(0, column.size() + 1), column + ":") << line;
  }
}

TEST(MpanPrefixesFeed, ReadsTwoDigitsAndAParty) {
  const auto row = One(&ParseMpanPrefix, MpanPrefixColumns(), "07,NOA");
  ASSERT_TRUE(row);
  EXPECT_EQ(row->prefix, "07");
  EXPECT_EQ(row->party, "NOA");
}

TEST(MpanPrefixesFeed, RefusesEachWrongFieldAndNamesIt) {
  ExpectRefused(&ParseMpanPrefix, MpanPrefixColumns(),
                {{"7,NOA", "prefix"},
                 {"123,NOA", "prefix"},
                 {"1a,NOA", "prefix"},
                 {",NOA", "prefix"},
                 {"20,", "party"},
                 {"20," + std::string(65, 'N'), "party"}});
}

TEST(WorkingDaysFeed, ReadsADay) {
  const auto row = One(&ParseWorkingDay, WorkingDayColumns(), "2026-12-25,no");
  ASSERT_TRUE(row);
  EXPECT_EQ(row->day.Iso(), "2026-12-25T00:00:00.000Z");
  EXPECT_FALSE(row->working);
  EXPECT_TRUE(One(&ParseWorkingDay, WorkingDayColumns(), "2026-11-22,yes")->working);
}

TEST(WorkingDaysFeed, RefusesEachWrongFieldAndNamesIt) {
  ExpectRefused(&ParseWorkingDay, WorkingDayColumns(),
                {{"2026-02-29,no", "date"},
                 {"2026-12-25T00:00:00Z,no", "date"},
                 {",no", "date"},
                 {"2026-12-25,", "working"},
                 {"2026-12-25,maybe", "working"}});
}

TEST(CertifiedProductsFeed, ReadsAnEntry) {
  const auto row = One(&ParseCertifiedProduct, CertifiedProductColumns(),
                       "Model-7,1.2.3," + kHash + ",2020-01-01,2027-01-01");
  ASSERT_TRUE(row) << row.error().explanation;
  EXPECT_EQ(row->model, "Model-7");
  EXPECT_EQ(row->firmware, "1.2.3");
  EXPECT_EQ(ToHex(row->firmware_sha256), kHash);
  EXPECT_TRUE(row->InForce(*UtcTime::FromIso("2026-12-31T23:59:59Z")));
  EXPECT_FALSE(row->InForce(*UtcTime::FromIso("2027-01-01T00:00:00Z")));
}

// R-SEC3-73: the hash missing or malformed, among others.
TEST(CertifiedProductsFeed, RefusesEachWrongFieldAndNamesIt) {
  ExpectRefused(&ParseCertifiedProduct, CertifiedProductColumns(),
                {{",1," + kHash + ",2020-01-01,", "model"},
                 {"M,," + kHash + ",2020-01-01,", "firmware"},
                 {"M,1,,2020-01-01,", "firmware_sha256"},
                 {"M,1," + kHash.substr(2) + ",2020-01-01,", "firmware_sha256"},
                 {"M,1," + kHash + "aa,2020-01-01,", "firmware_sha256"},
                 {"M,1,g" + kHash.substr(1) + ",2020-01-01,", "firmware_sha256"},
                 {"M,1," + kHash + ",,", "from"},
                 {"M,1," + kHash + ",2020-01-01,2020-01-01", "to"}});
}

TEST(ProxyCertificatesFeed, ReadsARowOfEachSource) {
  for (const auto& [name, source] :
       {std::pair{"DSP", ProxySource::kDsp}, {"S1SP", ProxySource::kS1sp}}) {
    const auto row = One(&ParseProxyCertificate, ProxyCertificateColumns(),
                         "00DB1234567890A0," + std::string(name) + ",90B3D51F30020000,1234");
    ASSERT_TRUE(row) << name;
    EXPECT_EQ(row->source, source);
    EXPECT_EQ(row->device, Eui64(0x00DB1234567890A0));
    EXPECT_EQ(row->owner, Eui64(0x90B3D51F30020000));
    EXPECT_EQ(row->certificate, "1234");
  }
}

TEST(ProxyCertificatesFeed, RefusesEachWrongFieldAndNamesIt) {
  ExpectRefused(
      &ParseProxyCertificate, ProxyCertificateColumns(),
      {{"x,DSP,90B3D51F30020000,1", "device_id"},
       {"00DB1234567890A0,dsp,90B3D51F30020000,1", "source"},
       {"00DB1234567890A0,DSP,NOA,1", "owner"},
       {"00DB1234567890A0,DSP,90B3D51F30020000,", "certificate"},
       {"00DB1234567890A0,DSP,90B3D51F30020000," + std::string(129, '1'), "certificate"}});
}

TEST(RepositoryStatusFeed, ReadsEachStatusWithItsReason) {
  for (const auto& [name, status] : {std::pair{"in-use", RepositoryStatus::kInUse},
                                     {"not-in-use", RepositoryStatus::kNotInUse},
                                     {"revoked", RepositoryStatus::kRevoked},
                                     {"expired", RepositoryStatus::kExpired}}) {
    const auto row = One(&ParseRepositoryStatus, RepositoryStatusColumns(),
                         kHash + "," + name + ",ceased to be a DCC User,2026-01-31T12:00:00Z");
    ASSERT_TRUE(row) << name;
    EXPECT_EQ(row->status, status);
    EXPECT_EQ(row->reason, "ceased to be a DCC User");  // R-128-30
    EXPECT_EQ(ToHex(row->certificate), kHash);
  }
}

TEST(RepositoryStatusFeed, RefusesEachWrongFieldAndNamesIt) {
  EXPECT_TRUE(One(&ParseRepositoryStatus, RepositoryStatusColumns(),
                  kHash + ",revoked," + std::string(200, 'r') + ",2026-01-31"));
  ExpectRefused(&ParseRepositoryStatus, RepositoryStatusColumns(),
                {{"aa,revoked,,2026-01-31", "certificate_sha256"},
                 {kHash + ",gone,,2026-01-31", "status"},
                 {kHash + ",revoked," + std::string(201, 'r') + ",2026-01-31", "reason"},
                 {kHash + ",revoked,\x01,2026-01-31", "reason"},
                 {kHash + ",revoked,,", "since"}});
}

// R-128-7.
TEST(RepositoryStatusFeed, NeverPutsARevokedCertificateToUseAgain) {
  const auto entry = [](RepositoryStatus status) {
    return RepositoryEntry{{}, status, "", *UtcTime::FromIsoDate("2026-01-31")};
  };
  for (const auto held : {RepositoryStatus::kInUse, RepositoryStatus::kNotInUse,
                          RepositoryStatus::kRevoked, RepositoryStatus::kExpired}) {
    for (const auto next : {RepositoryStatus::kInUse, RepositoryStatus::kNotInUse,
                            RepositoryStatus::kRevoked, RepositoryStatus::kExpired}) {
      const Status fits = CheckRepositoryChange(entry(held), entry(next));
      EXPECT_EQ(fits.has_value(),
                held != RepositoryStatus::kRevoked || next != RepositoryStatus::kInUse)
          << Name(held) << " to " << Name(next);
    }
  }
}

}  // namespace
}  // namespace acb::feeds
