// The path root -> issuing CA -> leaf, with revocation, at one moment.
#include "firmware/smki/trust.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "firmware/smki/key_identifier.h"
#include "tests/firmware/smki/builder.h"

namespace acb::smki {
namespace {

using namespace testing;

const UtcTime kNow = UtcTime::FromIso("2026-11-21T12:00:00Z").value();
const Bytes kRootName = AuthorityName("00", "TR");
const Bytes kIssuingName = AuthorityName("07", "T1");

CertificatePtr Parse(const Bytes& der) {
  const auto parsed = Certificate::Parse(der);
  EXPECT_TRUE(parsed.has_value());
  return *parsed;
}

// A good hierarchy in which a test changes one thing.
class TrustPath : public ::testing::Test {
 protected:
  TrustPath() {
    settings.environment = Environment::kTest;
    issuing.IssuedBy(kRootName, root_key.point());
    issuing.serial = Hex("020150");
    leaf.IssuedBy(kIssuingName, issuing_key.point());
    leaf.serial = Hex("020142");
    leaf_der = leaf.Build(issuing_key);
    certificates = {issuing.Build(root_key), leaf_der};
    lists = {ListBuilder(kIssuingName, issuing_key.point()).Build(issuing_key),
             ListBuilder(kRootName, root_key.point()).Build(root_key)};
  }

  std::shared_ptr<const Trust> Build() {
    settings.roots = older_roots;
    settings.roots.push_back(Parse(root.Build(root_key)));
    return Trust::Build(settings, 7, certificates, lists);
  }
  Result<PathEvidence> Check(const std::vector<CertificatePtr>& offered = {}, UtcTime at = kNow) {
    return Build()->CheckPath(Parse(leaf_der), offered, at);
  }
  // The name of the reason, or "good".
  std::string Judge(const std::vector<CertificatePtr>& offered = {}, UtcTime at = kNow) {
    const auto path = Check(offered, at);
    if (path) return "good";
    EXPECT_NE(path.error().explanation.find("serial "), std::string::npos)
        << path.error().explanation;
    return std::string(Describe(path.error().reason).name);
  }
  void SetCrl(const std::function<void(ListBuilder&)>& change) {
    ListBuilder list(kIssuingName, issuing_key.point());
    change(list);
    lists[0] = list.Build(issuing_key);
  }
  void SetArl(const std::function<void(ListBuilder&)>& change) {
    ListBuilder list(kRootName, root_key.point());
    change(list);
    lists[1] = list.Build(root_key);
  }

  TestKey root_key, issuing_key, leaf_key;
  CertificateBuilder root = CertificateBuilder::Authority(root_key, "00", "TR");
  CertificateBuilder issuing = CertificateBuilder::Authority(issuing_key, "07", "T1");
  CertificateBuilder leaf{leaf_key};
  Bytes leaf_der;
  std::vector<Bytes> certificates;
  std::vector<Bytes> lists;
  std::vector<CertificatePtr> older_roots;
  TrustSettings settings;
};

TEST_F(TrustPath, ReadsACertificateOnceAndAnswersForItAlone) {
  const auto trust = Build();
  const auto first = trust->Read(leaf_der);
  ASSERT_TRUE(first);
  EXPECT_EQ(*first, trust->FindBySha256((*first)->sha256())) << "one that is held is that one";
  leaf.serial = Hex("020143");
  const Bytes other = leaf.Build(issuing_key);
  const auto parsed = trust->Read(other);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*trust->Read(other), *parsed) << "the same object, not parsed again";
  EXPECT_TRUE(Equal((*parsed)->der(), other));
  EXPECT_EQ(trust->FindBySha256((*parsed)->sha256()), nullptr) << "read is not held";
  Bytes cut = other;
  cut.pop_back();
  EXPECT_EQ(trust->Read(cut).error().reason, Reason::kProfile);
  EXPECT_EQ(trust->Read(cut).error().reason, Reason::kProfile) << "a failure is not kept";
}

// What is remembered of a certificate is not what the time decides.
TEST_F(TrustPath, JudgesTheTimeEachTimeAlsoOfACertificateItKnows) {
  const auto trust = Build();
  const CertificatePtr certificate = Parse(leaf_der);
  EXPECT_TRUE(trust->CheckPath(certificate, {}, kNow));
  const auto late =
      trust->CheckPath(certificate, {}, UtcTime::FromIso("2199-01-01T00:00:00Z").value());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, Reason::kCertExpired);
  EXPECT_TRUE(trust->CheckPath(certificate, {}, kNow));
}

TEST_F(TrustPath, TakesTheGoodOneAndSaysWhatItRestsOn) {
  const auto path = Check();
  ASSERT_TRUE(path.has_value()) << path.error().explanation;
  EXPECT_TRUE(Equal(path->leaf->der(), leaf_der));
  EXPECT_TRUE(Equal(path->issuing->der(), certificates[0]));
  EXPECT_TRUE(path->observations.empty());
  EXPECT_EQ(Build()->generation(), 7u);
}

TEST_F(TrustPath, IsTheSameInLive) {
  settings.environment = Environment::kLive;
  EXPECT_EQ(Judge(), "good");
}

TEST_F(TrustPath, TakesTheIssuingCaFromTheRequest) {
  const CertificatePtr ca = Parse(certificates[0]);
  certificates.clear();
  EXPECT_EQ(Judge(), "CHAIN");
  EXPECT_EQ(Judge({ca}), "good");
}

TEST_F(TrustPath, NeverTrustsARootForBeingOfferedOrFed) {  // R-SEC3-12
  const TestKey other_root_key;
  CertificateBuilder other_root = CertificateBuilder::Authority(other_root_key, "00", "TR");
  const Bytes other_root_der = other_root.Build(other_root_key);
  issuing.IssuedBy(kRootName, other_root_key.point());
  certificates = {issuing.Build(other_root_key), other_root_der};
  EXPECT_EQ(Judge({Parse(certificates[0]), Parse(other_root_der)}), "CHAIN");
}

TEST_F(TrustPath, IsNotConfusedByAForgedCloneOfTheIssuingCa) {
  const TestKey forger;
  CertificateBuilder clone = CertificateBuilder::Authority(forger, "07", "T1");
  clone.IssuedBy(kRootName, root_key.point());
  clone.ski = issuing.ski;
  const Bytes forged = clone.Build(forger);
  CertificateBuilder second = CertificateBuilder::Authority(forger, "07", "T1");
  second.IssuedBy(kRootName, root_key.point());
  const Bytes forged_with_own_ski = second.Build(forger);
  certificates.insert(certificates.begin(), {forged, forged_with_own_ski});
  EXPECT_EQ(Judge({Parse(forged), Parse(forged_with_own_ski)}), "good");
  // And what the forger signed is refused.
  leaf_der = leaf.Build(forger);
  EXPECT_EQ(Judge({Parse(forged)}), "CHAIN");
}

TEST_F(TrustPath, FindsTheRealOneOfTwoWithTheSameIssuerAndSerial) {
  const Bytes forged = leaf.Build(TestKey());
  certificates.insert(certificates.begin(), forged);
  const auto trust = Build();
  const Name issuer = Name::FromText("CN=T1, OU=07").value();
  const CertificatePtr found = trust->Find(issuer, Hex("42"));
  ASSERT_NE(found, nullptr);
  EXPECT_TRUE(Equal(found->der(), leaf_der));
  const auto all = trust->FindAll(issuer, Hex("42"));
  ASSERT_EQ(all.size(), 2u) << "a second CA of that name may have given out the same number";
  EXPECT_EQ(all[0], found);
  EXPECT_TRUE(Equal(all[1]->der(), forged));
  EXPECT_TRUE(trust->FindAll(issuer, Hex("43")).empty());
  EXPECT_EQ(trust->Find(issuer, Hex("43")), nullptr);
  EXPECT_EQ(trust->Find(Name::FromText("OU=07,CN=T1").value(), Hex("42")), nullptr);
  EXPECT_NE(trust->FindBySha256(Sha256(forged)), nullptr);
  EXPECT_NE(trust->FindBySha256(Sha256(leaf_der)), nullptr);
  EXPECT_EQ(trust->FindBySha256(Sha256Digest{}), nullptr);
}

TEST_F(TrustPath, WantsTheSignatureOfTheIssuingCa) {
  leaf_der = leaf.Build(TestKey());
  EXPECT_EQ(Judge(), "CHAIN");
}

TEST_F(TrustPath, WantsTheKeyIdentifierOfTheIssuingCa) {
  leaf.IssuedBy(kIssuingName, TestKey().point());
  leaf_der = leaf.Build(issuing_key);
  EXPECT_EQ(Judge(), "CHAIN");
}

TEST_F(TrustPath, WantsTheNameOfTheIssuingCa) {
  leaf.IssuedBy(AuthorityName("07", "T2"), issuing_key.point());
  leaf_der = leaf.Build(issuing_key);
  EXPECT_EQ(Judge(), "CHAIN");
  leaf.IssuedBy(Seq({Rdn("2.5.4.11", Utf8("07")), Rdn("2.5.4.3", Utf8("t1"))}),
                issuing_key.point());
  leaf_der = leaf.Build(issuing_key);
  EXPECT_EQ(Judge(), "good");
}

TEST_F(TrustPath, WantsTheIssuingCaUnderTheRoot) {  // R-SEC3-11
  const auto with = [&](const std::function<void(CertificateBuilder&)>& change) {
    CertificateBuilder changed = issuing;
    change(changed);
    certificates[0] = changed.Build(root_key);
    return Judge();
  };
  EXPECT_EQ(with([](auto&) {}), "good");
  EXPECT_EQ(with([](auto& b) { b.basic_constraints = {}; }), "CHAIN");
  EXPECT_EQ(
      with([](auto& b) { b.basic_constraints = Ext("2.5.29.19", Hex("30060101ff020100"), false); }),
      "CHAIN");
  EXPECT_EQ(with([](auto& b) { b.basic_constraints = Ext("2.5.29.19", Hex("3000"), true); }),
            "CHAIN");
  EXPECT_EQ(
      with([](auto& b) { b.basic_constraints = Ext("2.5.29.19", Hex("30060101ff020101"), true); }),
      "CHAIN");
  EXPECT_EQ(with([](auto& b) { b.basic_constraints = Ext("2.5.29.19", Hex("30030101ff"), true); }),
            "CHAIN");
  EXPECT_EQ(with([](auto& b) { b.key_usage = Ext("2.5.29.15", Hex("03020102"), true); }), "CHAIN");
  EXPECT_EQ(with([](auto& b) { b.key_usage = Ext("2.5.29.15", Hex("03020106"), false); }), "CHAIN");
  EXPECT_EQ(with([](auto& b) { b.policies = Ext("2.5.29.32", Seq({Seq({Oid("1.2.3")})}), true); }),
            "CHAIN");
  EXPECT_EQ(with([](auto& b) { b.ski = {}; }), "CHAIN");
  EXPECT_EQ(with([](auto& b) { b.aki = {}; }), "CHAIN");
  EXPECT_EQ(with([](auto& b) { b.version = Hex("a003020101"); }), "CHAIN");
  EXPECT_EQ(with([](auto& b) { b.more_extensions = Ext("1.2.3", Hex("0500"), true); }), "CHAIN");
  EXPECT_EQ(with([](auto& b) { b.more_extensions = Ext("1.2.3", Hex("0500"), false); }), "good");
  EXPECT_EQ(with([](auto& b) { b.issuer = AuthorityName("00", "TX"); }), "CHAIN");
}

TEST_F(TrustPath, WantsOu07InTheIssuingCa) {
  const Bytes name = AuthorityName("02", "T1");
  issuing.subject = name;
  certificates[0] = issuing.Build(root_key);
  leaf.IssuedBy(name, issuing_key.point());
  leaf_der = leaf.Build(issuing_key);
  lists[0] = ListBuilder(name, issuing_key.point()).Build(issuing_key);
  EXPECT_EQ(Judge(), "CHAIN");
}

TEST_F(TrustPath, LeavesOutARootThatDoesNotFollowItsProfile) {
  root.key_usage = Ext("2.5.29.15", Hex("03020780"), true);
  EXPECT_EQ(Judge(), "CHAIN");
  root = CertificateBuilder::Authority(root_key, "07", "TR");
  EXPECT_EQ(Judge(), "CHAIN");
  root = CertificateBuilder::Authority(root_key, "00", "TR");
  root.policies = {};
  EXPECT_EQ(Judge(), "good");
}

TEST_F(TrustPath, LeavesOutARootItsOwnKeyDidNotSign) {
  settings.roots = {Parse(root.Build(TestKey()))};
  const auto trust = Trust::Build(settings, 1, certificates, lists);
  EXPECT_FALSE(trust->CheckPath(Parse(leaf_der), {}, kNow));
}

TEST_F(TrustPath, RefusesALeafOfTheRootItself) {
  leaf.IssuedBy(kRootName, root_key.point());
  leaf_der = leaf.Build(root_key);
  EXPECT_EQ(Judge({Parse(root.Build(root_key))}), "CHAIN");
}

TEST_F(TrustPath, RefusesALongerPath) {
  const TestKey sub_key;
  CertificateBuilder sub = CertificateBuilder::Authority(sub_key, "07", "T2");
  sub.IssuedBy(kIssuingName, issuing_key.point());
  certificates.push_back(sub.Build(issuing_key));
  const Bytes sub_name = AuthorityName("07", "T2");
  lists.push_back(ListBuilder(sub_name, sub_key.point()).Build(sub_key));
  leaf.IssuedBy(sub_name, sub_key.point());
  leaf_der = leaf.Build(sub_key);
  EXPECT_EQ(Judge(), "CHAIN");
}

TEST_F(TrustPath, RefusesMoreOfferedCertificatesThanItTries) {
  const CertificatePtr ca = Parse(certificates[0]);
  EXPECT_EQ(Judge(std::vector<CertificatePtr>(16, ca)), "good");
  EXPECT_EQ(Judge(std::vector<CertificatePtr>(17, ca)), "CHAIN");
}

TEST_F(TrustPath, JudgesTheLeafsValidityToTheMillisecond) {
  leaf.validity = Seq({Time("261121115900Z"), Time("261121120000Z")});
  leaf_der = leaf.Build(issuing_key);
  EXPECT_EQ(Judge({}, kNow), "good");
  EXPECT_EQ(Judge({}, UtcTime(kNow.milliseconds() + 1)), "CERT_EXPIRED");
  EXPECT_EQ(Judge({}, kNow.PlusSeconds(-60)), "good");
  EXPECT_EQ(Judge({}, UtcTime(kNow.milliseconds() - 60'001)), "CERT_EXPIRED");
  const auto late = Check({}, kNow.PlusSeconds(1));
  ASSERT_FALSE(late);
  EXPECT_NE(late.error().explanation.find("notAfter 2026-11-21T12:00:00.000Z"), std::string::npos);
}

TEST_F(TrustPath, JudgesTheValidityOfIssuingCaAndRoot) {
  issuing.validity = Seq({Time("200101000000Z"), Time("261121115959Z")});
  certificates[0] = issuing.Build(root_key);
  EXPECT_EQ(Judge(), "CERT_EXPIRED");
  issuing.validity = Seq({Time("200101000000Z"), Time("261121120000Z")});
  certificates[0] = issuing.Build(root_key);
  EXPECT_EQ(Judge(), "good");
  root.validity = Seq({Time("200101000000Z"), Time("261121115959Z")});
  EXPECT_EQ(Judge(), "CERT_EXPIRED");
}

TEST_F(TrustPath, TakesARenewedRootBesideTheExpiredOne) {
  CertificateBuilder old = root;
  old.serial = Hex("020177");
  old.validity = Seq({Time("200101000000Z"), Time("261121115959Z")});
  older_roots = {Parse(old.Build(root_key))};
  EXPECT_EQ(Judge(), "good");
  std::swap(root, old);
  older_roots = {Parse(old.Build(root_key))};
  EXPECT_EQ(Judge(), "good") << "in either order";
  old.validity = root.validity;
  older_roots = {Parse(old.Build(root_key))};
  EXPECT_EQ(Judge(), "CERT_EXPIRED") << "neither is in its time";
}

// R-SEC3-7: what a command that is executed later rests on.
TEST_F(TrustPath, SaysWhichCertificateOfTheRootInForceEndsLast) {
  const auto root_until = [&](const char* year) {
    CertificateBuilder renewed = root;
    renewed.validity = Seq({Time("200101000000Z"), Time(std::string(year) + "0101000000Z")});
    return Parse(renewed.Build(root_key));
  };
  const CertificatePtr ends_2030 = root_until("30"), ends_2040 = root_until("40");
  CertificateBuilder future = root;
  future.validity = Seq({Time("280101000000Z"), Time("480101000000Z")});
  for (const auto& roots : {std::vector{ends_2030, ends_2040}, std::vector{ends_2040, ends_2030}}) {
    settings.roots = roots;
    settings.roots.push_back(Parse(future.Build(root_key)));
    const auto trust = Trust::Build(settings, 1, certificates, lists);
    EXPECT_EQ(trust->CheckPath(Parse(leaf_der), {}, kNow)->root, ends_2040);
  }
  settings.roots = {ends_2030};
  settings.named_anchors = {{Name::FromText("CN=TR,OU=00").value(), root_key.point(), {}}};
  const auto named = Trust::Build(settings, 1, certificates, lists);
  EXPECT_EQ(named->CheckPath(Parse(leaf_der), {}, kNow)->root, nullptr) << "it has no end";
}

TEST_F(TrustPath, TakesARenewedIssuingCaBesideTheExpiredOne) {
  CertificateBuilder old = issuing;
  old.serial = Hex("020151");
  old.validity = Seq({Time("200101000000Z"), Time("210101000000Z")});
  const Bytes old_der = old.Build(root_key);
  certificates.insert(certificates.begin(), old_der);
  EXPECT_EQ(Judge(), "good");
  EXPECT_EQ(Judge({Parse(old_der)}), "good");
}

TEST_F(TrustPath, RefusesARevokedLeafUnderAnyReason) {  // R-SEC3-18
  SetCrl([](ListBuilder& list) { list.Revoke(Hex("020141")); });
  EXPECT_EQ(Judge(), "good");
  SetCrl([](ListBuilder& list) { list.Revoke(Hex("020142")); });
  EXPECT_EQ(Judge(), "CERT_REVOKED");
  SetCrl([](ListBuilder& list) { list.Revoke(Hex("02020042")); });  // padded
  EXPECT_EQ(Judge(), "CERT_REVOKED");
  SetCrl([](ListBuilder& list) {
    list.Revoke(Hex("020142"), Seq({Ext("2.5.29.21", Hex("0a0108"), false)}));  // removeFromCRL
  });
  EXPECT_EQ(Judge(), "CERT_REVOKED");
}

TEST_F(TrustPath, SaysRevokedOfALeafThatHasRunOutToo) {
  leaf.validity = Seq({Time("200101000000Z"), Time("261121115959Z")});
  leaf_der = leaf.Build(issuing_key);
  EXPECT_EQ(Judge(), "CERT_EXPIRED");
  SetCrl([](ListBuilder& list) { list.Revoke(Hex("020142")); });
  EXPECT_EQ(Judge(), "CERT_REVOKED");
  lists.clear();
  EXPECT_EQ(Judge(), "CERT_EXPIRED") << "no list is missed for one that is out of its time";
}

TEST_F(TrustPath, RefusesEveryLeafOfARevokedIssuingCa) {  // R-SEC3-16
  SetArl([](ListBuilder& list) { list.Revoke(Hex("020150")); });
  EXPECT_EQ(Judge(), "ISSUER_REVOKED");
  SetArl([](ListBuilder& list) { list.Revoke(Hex("020142")); });  // a serial of the other list
  EXPECT_EQ(Judge(), "good");
}

TEST_F(TrustPath, RefusesAKeyOfWhichOneCertificateIsRevoked) {
  CertificateBuilder second = issuing;
  second.serial = Hex("020151");
  certificates.push_back(second.Build(root_key));
  EXPECT_EQ(Judge(), "good");
  SetArl([](ListBuilder& list) { list.Revoke(Hex("020151")); });
  EXPECT_EQ(Judge({Parse(certificates[0])}), "ISSUER_REVOKED");
}

TEST_F(TrustPath, LetsTheHighestNumberInForceCount) {
  ListBuilder newer(kIssuingName, issuing_key.point());
  newer.number = CrlNumberExtension(Hex("020106"));
  newer.Revoke(Hex("020142"));
  lists.push_back(newer.Build(issuing_key));
  EXPECT_EQ(Judge(), "CERT_REVOKED");
  // The older one lists it, the newer one no longer does.
  newer.entries.reset();
  lists.back() = newer.Build(issuing_key);
  SetCrl([](ListBuilder& list) { list.Revoke(Hex("020142")); });
  EXPECT_EQ(Judge(), "good");
  // A newer one that is not in force yet does not count.
  newer.this_update = Time("261121120001Z");
  lists.back() = newer.Build(issuing_key);
  EXPECT_EQ(Judge(), "CERT_REVOKED");
}

TEST_F(TrustPath, LetsEveryListOfTheHighestNumberCount) {
  ListBuilder same(kIssuingName, issuing_key.point());
  same.Revoke(Hex("020142"));
  lists.push_back(same.Build(issuing_key));
  EXPECT_EQ(Judge(), "CERT_REVOKED");
  lists = {lists[2], lists[1], lists[0]};
  EXPECT_EQ(Judge(), "CERT_REVOKED");
}

TEST_F(TrustPath, StopsWithoutACurrentCrl) {  // R-SEC3-14
  const auto at = [&](std::string_view iso) { return Judge({}, UtcTime::FromIso(iso).value()); };
  EXPECT_EQ(at("2026-11-21T10:59:59.999Z"), "ARL_STALE");  // both begin at 11:00
  EXPECT_EQ(at("2026-11-21T11:00:00Z"), "good");
  SetArl([](ListBuilder& list) {
    list.this_update = Time("261101000000Z");
    list.next_update = Time("271101000000Z");
  });
  EXPECT_EQ(at("2026-11-21T10:59:59.999Z"), "CRL_STALE");
  EXPECT_EQ(at("2026-11-21T23:59:59.999Z"), "good");
  EXPECT_EQ(at("2026-11-22T00:00:00Z"), "CRL_STALE");  // nextUpdate
  SetCrl([](ListBuilder& list) { list.next_update = Time("271101000000Z"); });
  EXPECT_EQ(at("2026-11-22T00:00:00Z"), "good");  // 13 hours old
  EXPECT_EQ(at("2026-11-22T00:00:01Z"), "CRL_STALE");
  lists.erase(lists.begin());
  EXPECT_EQ(at("2026-11-21T12:00:00Z"), "CRL_STALE");
}

TEST_F(TrustPath, StopsWithoutACurrentArl) {  // R-SEC3-16
  SetArl([](ListBuilder& list) { list.next_update = Time("261121120000Z"); });
  EXPECT_EQ(Judge(), "ARL_STALE");
  SetArl([](ListBuilder& list) { list.this_update = Time("251120115959Z"); });  // 366 days
  EXPECT_EQ(Judge(), "ARL_STALE");
  SetArl([](ListBuilder& list) { list.this_update = Time("251120120000Z"); });
  EXPECT_EQ(Judge(), "good");
  lists.pop_back();
  EXPECT_EQ(Judge(), "ARL_STALE");
}

TEST_F(TrustPath, TakesNoListOfAnotherIssuer) {  // R-SEC3-17
  const Bytes good = lists[0];
  lists[0] = ListBuilder(kIssuingName, issuing_key.point()).Build(TestKey());
  EXPECT_EQ(Judge(), "CRL_STALE");
  lists[0] = ListBuilder(kIssuingName, issuing_key.point()).Build(root_key);
  EXPECT_EQ(Judge(), "CRL_STALE");
  lists[0] = ListBuilder(AuthorityName("07", "T2"), issuing_key.point()).Build(issuing_key);
  EXPECT_EQ(Judge(), "CRL_STALE");
  lists[0] = ListBuilder(kIssuingName, root_key.point()).Build(issuing_key);  // its AKI
  EXPECT_EQ(Judge(), "CRL_STALE");
  lists[0] = good;
  EXPECT_EQ(Judge(), "good");
}

TEST_F(TrustPath, TakesListsOnlyForWhatTheyCover) {
  SetCrl([](ListBuilder& list) {
    list.more_extensions = Ext("2.5.29.28", Hex("30038201ff"), true);  // CAs only
  });
  EXPECT_EQ(Judge(), "CRL_STALE");
  SetCrl([](ListBuilder& list) {
    list.more_extensions = Ext("2.5.29.28", Hex("30038101ff"), true);  // users only
  });
  EXPECT_EQ(Judge(), "good");
  SetArl(
      [](ListBuilder& list) { list.more_extensions = Ext("2.5.29.28", Hex("30038101ff"), true); });
  EXPECT_EQ(Judge(), "ARL_STALE");
  SetArl(
      [](ListBuilder& list) { list.more_extensions = Ext("2.5.29.28", Hex("30038201ff"), true); });
  EXPECT_EQ(Judge(), "good");
}

TEST_F(TrustPath, SaysWhyAListWasLeftOut) {
  SetCrl([](ListBuilder& list) { list.number = {}; });
  const auto path = Check();
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().reason, Reason::kCrlStale);
  EXPECT_NE(path.error().detail.find("cRLNumber expected"), std::string::npos);
}

TEST_F(TrustPath, FindsTheListsOfAnOfferedIssuingCa) {
  const CertificatePtr ca = Parse(certificates[0]);
  certificates.clear();
  SetCrl([](ListBuilder& list) { list.Revoke(Hex("020142")); });
  EXPECT_EQ(Judge({ca}), "CERT_REVOKED");
  lists.erase(lists.begin());
  EXPECT_EQ(Judge({ca}), "CRL_STALE");
}

TEST_F(TrustPath, LetsATestNameAnIssuerWithoutLists) {
  settings.issuers_without_crl = {Name::FromText("CN=T1,OU=07").value()};
  const Bytes crl = lists[0];
  lists.erase(lists.begin());
  const auto path = Check();
  ASSERT_TRUE(path.has_value()) << path.error().explanation;
  EXPECT_EQ(path->observations, std::vector<std::string>{"REVOCATION_NOT_CHECKED"});
  // Both: said once.
  settings.issuers_without_crl.push_back(Name::FromText("CN=TR,OU=00").value());
  lists.clear();
  EXPECT_EQ(Check()->observations, std::vector<std::string>{"REVOCATION_NOT_CHECKED"});
  // A list that is there is used.
  ListBuilder revoking(kIssuingName, issuing_key.point());
  revoking.Revoke(Hex("020142"));
  lists = {revoking.Build(issuing_key)};
  EXPECT_EQ(Judge(), "CERT_REVOKED");
  lists = {crl};
  EXPECT_EQ(Judge({}, kNow.PlusSeconds(86400)), "CRL_STALE");
  // Live: never.
  settings.environment = Environment::kLive;
  lists.clear();
  EXPECT_EQ(Judge(), "ARL_STALE");
}

TEST_F(TrustPath, LetsATestNameAnAnchor) {
  NamedAnchor anchor{Name::FromText("CN=TR,OU=00").value(), root_key.point(), {}};
  settings.named_anchors = {anchor};
  const auto judge = [&] {
    const auto path =
        Trust::Build(settings, 1, certificates, lists)->CheckPath(Parse(leaf_der), {}, kNow);
    return path ? "good" : std::string(Describe(path.error().reason).name);
  };
  EXPECT_EQ(judge(), "good");
  settings.named_anchors[0].key = TestKey().point();
  EXPECT_EQ(judge(), "CHAIN");
  settings.named_anchors[0] = anchor;
  settings.named_anchors[0].name = Name::FromText("CN=TX,OU=00").value();
  EXPECT_EQ(judge(), "CHAIN");
  settings.named_anchors[0] = anchor;
  settings.environment = Environment::kLive;
  EXPECT_EQ(judge(), "CHAIN");
}

TEST_F(TrustPath, KnowsPinnedSignersOnlyInTest) {
  const CertificatePtr certificate = Parse(leaf.Build(TestKey()));
  EXPECT_FALSE(Build()->IsPinnedSigner(*certificate));
  settings.pinned_signers = {certificate->sha256()};
  EXPECT_TRUE(Build()->IsPinnedSigner(*certificate));
  EXPECT_FALSE(Build()->IsPinnedSigner(*Parse(leaf_der)));
  EXPECT_FALSE(Build()->CheckPath(certificate, {}, kNow));  // a pin is no path
  settings.environment = Environment::kLive;
  EXPECT_FALSE(Build()->IsPinnedSigner(*certificate));
}

// R-SEC3-13: what a device certificate may not name as its issuer's.
TEST_F(TrustPath, KnowsTheKeysOfItsRootsAndOfTheIssuingCasThatTheySigned) {
  const TestKey foreign_key, named_key;
  CertificateBuilder foreign = CertificateBuilder::Authority(foreign_key, "07", "T1");
  foreign.IssuedBy(kRootName, root_key.point());
  certificates.push_back(foreign.Build(foreign_key));
  settings.named_anchors = {{Name::FromText("CN=TN,OU=00").value(), named_key.point(), {}}};
  const auto trust = Build();
  for (const PublicPoint& key : {root_key.point(), issuing_key.point(), named_key.point()}) {
    EXPECT_TRUE(trust->IsOrganisationKey(KeyIdentifier(key)));
  }
  EXPECT_FALSE(trust->IsOrganisationKey(KeyIdentifier(leaf_key.point())));
  EXPECT_FALSE(trust->IsOrganisationKey(KeyIdentifier(foreign_key.point()))) << "no root signed it";
  EXPECT_FALSE(trust->IsOrganisationKey({}));
}

TEST_F(TrustPath, RefusesALeafWithAnyBitFlipped) {
  const auto trust = Build();
  int parsed = 0;
  for (std::size_t bit = 0; bit < leaf_der.size() * 8; ++bit) {
    Bytes mutant = leaf_der;
    mutant[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    const auto certificate = Certificate::Parse(mutant);
    if (!certificate) continue;
    ++parsed;
    EXPECT_FALSE(trust->CheckPath(*certificate, {}, kNow)) << "bit " << bit;
  }
  EXPECT_GT(parsed, 1000);  // most of them are certificates, with another content
}

TEST_F(TrustPath, TakesNoListWithAnyBitFlipped) {
  SetCrl([](ListBuilder& list) { list.Revoke(Hex("020141")); });
  const Bytes good = lists[0];
  const VerifyingKey key = VerifyingKey::From(issuing_key.point()).value();
  int parsed = 0;
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes mutant = good;
    mutant[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    const auto list = RevocationList::Parse(mutant);
    if (!list) continue;
    ++parsed;
    EXPECT_FALSE((*list)->VerifyBy(key)) << "bit " << bit;
  }
  EXPECT_GT(parsed, 500);
}

TEST_F(TrustPath, ForgetsNothingBetweenChecksAndThreads) {
  const auto trust = Build();
  const CertificatePtr good = Parse(leaf_der);
  const CertificatePtr bad = Parse(leaf.Build(TestKey()));
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 50; ++k) {
        if (!trust->CheckPath(good, {}, kNow)) ++wrong;
        if (trust->CheckPath(bad, {}, kNow)) ++wrong;
        if (trust->CheckPath(good, {}, kNow.PlusSeconds(86400))) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace acb::smki
