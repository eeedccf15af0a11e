// R-SEC3-17: signature, right issuer, never rolled back; and which lists are superseded.
#include "firmware/feeds/revocation_lists.h"

#include <gmock/gmock.h>

#include "tests/firmware/smki/builder.h"

namespace acb::feeds {
namespace {

using namespace smki::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const UtcTime kAt = *UtcTime::FromIso("2026-11-21T12:00:00Z");

// The issuing CA T1 is held, and its list number 5 of 11:00.
class NewRevocationList : public ::testing::Test {
 protected:
  NewRevocationList() {
    settings.environment = smki::Environment::kTest;
    settings.roots.push_back(*smki::Certificate::Parse(
        CertificateBuilder::Authority(root_key, "00", "TR").Build(root_key)));
    certificates.push_back(Held(issuer_key, root_key));
    held.push_back(List(List5(), issuer_key));
  }
  ListBuilder List5() const { return {AuthorityName("07", "T1"), issuer_key.point()}; }
  ListBuilder Numbered(std::string_view number) const { return NumberedOf(issuer_key, number); }
  // Names that key in its authorityKeyIdentifier.
  static ListBuilder NumberedOf(const TestKey& key, std::string_view number) {
    ListBuilder builder(AuthorityName("07", "T1"), key.point());
    builder.number = CrlNumberExtension(Hex("0201" + std::string(number)));
    return builder;
  }
  static smki::RevocationListPtr List(const ListBuilder& builder, const TestKey& signer) {
    return *smki::RevocationList::Parse(builder.Build(signer));
  }
  // An issuing CA T1.
  smki::CertificatePtr Held(const TestKey& key, const TestKey& signer) const {
    CertificateBuilder authority = CertificateBuilder::Authority(key, "07", "T1");
    authority.IssuedBy(AuthorityName("00", "TR"), root_key.point());
    return *smki::Certificate::Parse(authority.Build(signer));
  }
  Status Check(const ListBuilder& builder, const TestKey& signer, UtcTime at = kAt) const {
    return CheckNewRevocationList(*List(builder, signer), {settings, certificates, held}, at);
  }
  std::vector<Sha256Digest> Superseded(const ListBuilder& builder, const TestKey& signer,
                                       UtcTime at = kAt) const {
    return SupersededLists(*List(builder, signer), {settings, certificates, held}, at);
  }

  TestKey root_key;
  TestKey issuer_key;
  smki::TrustSettings settings;
  std::vector<smki::CertificatePtr> certificates;
  std::vector<smki::RevocationListPtr> held;
};

TEST_F(NewRevocationList, IsNotTakenWithALowerNumber) {
  const Status lower = Check(Numbered("04"), issuer_key);
  ASSERT_FALSE(lower);
  EXPECT_EQ(lower.error().reason, Reason::kFeedRejected);
  EXPECT_THAT(lower.error().explanation, HasSubstr("list number 4 of CN=T1,OU=07"));
  EXPECT_THAT(lower.error().explanation, HasSubstr("list number 5"));
  EXPECT_TRUE(Check(Numbered("05"), issuer_key)) << "the same again";
  EXPECT_TRUE(Check(Numbered("06"), issuer_key));
}

TEST_F(NewRevocationList, IsNotTakenWithAnEarlierThisUpdate) {
  ListBuilder list = Numbered("06");
  list.this_update = Time("261121105959Z");
  EXPECT_FALSE(Check(list, issuer_key));
  list.this_update = Time("261121110000Z");
  EXPECT_TRUE(Check(list, issuer_key));
}

TEST_F(NewRevocationList, IsNotTakenWhenAnotherKeySignedIt) {
  const Status wrong = Check(Numbered("06"), TestKey());
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().explanation, HasSubstr("its signature is not by the issuer held here"));
  EXPECT_FALSE(Check(Numbered("06"), root_key)) << "the root's key is not the issuing CA's";
  EXPECT_TRUE(Check(Numbered("06"), issuer_key));
}

TEST_F(NewRevocationList, OfAnIssuerThatIsNotHeldIsTaken) {
  const TestKey other;
  const ListBuilder list(AuthorityName("07", "T2"), other.point());
  EXPECT_TRUE(Check(list, other));
  CertificateBuilder authority = CertificateBuilder::Authority(TestKey(), "07", "T2");
  authority.IssuedBy(AuthorityName("00", "TR"), root_key.point());
  certificates.push_back(*smki::Certificate::Parse(authority.Build(root_key)));
  EXPECT_FALSE(Check(list, other)) << "now the issuer is held, with another key";
}

// Found by an attack: the feed takes any CA that is not self-signed, and its lists were believed.
TEST_F(NewRevocationList, OfACaThatNoRootSignedSaysNothingOfTheOneOfThatName) {
  const TestKey foreign;
  certificates.push_back(Held(foreign, TestKey()));
  EXPECT_FALSE(Check(NumberedOf(foreign, "06"), foreign));
  EXPECT_TRUE(Check(Numbered("06"), issuer_key));
  certificates.push_back(Held(foreign, root_key));
  EXPECT_TRUE(Check(NumberedOf(foreign, "06"), foreign)) << "a second CA of that name, by the root";
}

TEST_F(NewRevocationList, OfNobodyTrustedIsNotOneOfTheSigned) {
  const TestKey foreign;
  held.push_back(List(NumberedOf(foreign, "09"), foreign));
  held.push_back(List({AuthorityName("07", "T2"), foreign.point()}, foreign));
  EXPECT_THAT(SignedLists({settings, certificates, held}), ElementsAre(held[0]));
  certificates.push_back(Held(foreign, TestKey()));
  EXPECT_THAT(SignedLists({settings, certificates, held}), ElementsAre(held[0]));
}

TEST_F(NewRevocationList, OfTheRootIsJudgedByTheConfiguredRoot) {
  const ListBuilder arl(AuthorityName("00", "TR"), root_key.point());
  EXPECT_TRUE(Check(arl, root_key));
  EXPECT_FALSE(Check(arl, issuer_key));
}

// Two CAs of one name have a series of numbers each.
TEST_F(NewRevocationList, IsNotComparedWithThatOfAnotherKeyOfTheSameName) {
  const TestKey second;
  certificates.push_back(Held(second, root_key));
  EXPECT_TRUE(Check(NumberedOf(second, "04"), second));
  EXPECT_FALSE(Check(Numbered("04"), issuer_key));
  EXPECT_THAT(Superseded(NumberedOf(second, "06"), second), IsEmpty());
}

TEST_F(NewRevocationList, SupersedesTheOlderOnesOfItsKey) {
  EXPECT_THAT(Superseded(Numbered("06"), issuer_key), ElementsAre(held[0]->sha256()));
  EXPECT_THAT(Superseded(Numbered("05"), issuer_key), IsEmpty()) << "as high is not older";
  EXPECT_THAT(Superseded(Numbered("06"), TestKey()), IsEmpty());
}

// R-SEC3-14.
TEST_F(NewRevocationList, IsInForceWhenCertificatesAreJudgedByIt) {
  const auto in_force = [this](const ListBuilder& list, const TestKey& signer, UtcTime at) {
    return IsInForce(*List(list, signer), {settings, certificates, held}, at);
  };
  const smki::RevocationListPtr list = List(Numbered("06"), issuer_key);
  const UtcTime oldest = list->this_update().PlusSeconds(settings.crl_max_age_seconds);
  EXPECT_TRUE(in_force(Numbered("06"), issuer_key, list->this_update()));
  EXPECT_FALSE(in_force(Numbered("06"), issuer_key, list->this_update().PlusSeconds(-1)));
  EXPECT_EQ(in_force(Numbered("06"), issuer_key, oldest), oldest < list->next_update());
  EXPECT_FALSE(in_force(Numbered("06"), issuer_key, oldest.PlusSeconds(1)));
  EXPECT_FALSE(in_force(Numbered("06"), issuer_key, list->next_update()));
  EXPECT_FALSE(in_force(Numbered("06"), TestKey(), list->this_update()));
  const TestKey other;
  EXPECT_FALSE(in_force(ListBuilder(AuthorityName("07", "T2"), other.point()), other, kAt))
      << "its issuer is not held";
}

TEST_F(NewRevocationList, SupersedesNothingBeforeItHasBegun) {
  ListBuilder later = Numbered("06");
  later.this_update = Time("261121120001Z");
  EXPECT_THAT(Superseded(later, issuer_key), IsEmpty());
  EXPECT_THAT(Superseded(later, issuer_key, kAt.PlusSeconds(1)), ElementsAre(held[0]->sha256()));
}

// issuingDistributionPoint [1] onlyContainsUserCerts TRUE: it says nothing of CAs.
TEST_F(NewRevocationList, LeavesTheListOfOtherCertificates) {
  ListBuilder users = Numbered("06");
  users.more_extensions = Ext("2.5.29.28", Seq({Tlv(0x81, Hex("ff"))}), true);
  EXPECT_THAT(Superseded(users, issuer_key), IsEmpty());
  held[0] = List(users, issuer_key);
  ListBuilder newer = users;
  newer.number = CrlNumberExtension(Hex("020107"));
  EXPECT_THAT(Superseded(newer, issuer_key), ElementsAre(held[0]->sha256()));
  EXPECT_THAT(Superseded(Numbered("07"), issuer_key), ElementsAre(held[0]->sha256()));
  ListBuilder authorities = Numbered("04");
  authorities.more_extensions = Ext("2.5.29.28", Seq({Tlv(0x82, Hex("ff"))}), true);
  EXPECT_TRUE(Check(authorities, issuer_key)) << "a series of its own";
}

// Found by an attack: it was taken, said to be in force, and no certificate was judged by it.
TEST_F(NewRevocationList, IsNotTakenWhenItNamesAnotherKeyThanThatWhichSignedIt) {
  ListBuilder other = Numbered("06");
  other.aki = ListBuilder(AuthorityName("07", "T1"), TestKey().point()).aki;
  const Status wrong = Check(other, issuer_key);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().reason, Reason::kFeedRejected);
  EXPECT_THAT(wrong.error().explanation, HasSubstr("its authorityKeyIdentifier is "));
  EXPECT_FALSE(IsInForce(*List(other, issuer_key), {settings, certificates, held}, kAt));
  EXPECT_THAT(Superseded(other, issuer_key), IsEmpty());
  other.aki = {};
  EXPECT_TRUE(Check(other, issuer_key)) << "one that names no key";
  EXPECT_TRUE(IsInForce(*List(other, issuer_key), {settings, certificates, held}, kAt));
}

// A box may hold one from before.
TEST_F(NewRevocationList, ThatNamesAnotherKeyKeepsNoTrueOneOut) {
  ListBuilder other = Numbered("09");
  other.aki = ListBuilder(AuthorityName("07", "T1"), TestKey().point()).aki;
  held.push_back(List(other, issuer_key));
  EXPECT_THAT(SignedLists({settings, certificates, held}), ElementsAre(held[0]));
  EXPECT_TRUE(Check(Numbered("06"), issuer_key));
  EXPECT_THAT(Superseded(Numbered("0a"), issuer_key),
              ElementsAre(held[0]->sha256(), held[1]->sha256()));
}

// R-SEC3-14: the true list of now would go back behind it.
TEST_F(NewRevocationList, IsNotTakenFromTheFuture) {
  ListBuilder ahead = Numbered("06");
  ahead.this_update = Time("261121120500Z");
  EXPECT_TRUE(Check(ahead, issuer_key)) << "a CA's clock may be five minutes ahead";
  ahead.this_update = Time("261121120501Z");
  const Status refused = Check(ahead, issuer_key);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().explanation, HasSubstr("its thisUpdate lies more than 300 seconds"));
  const TestKey other;
  ListBuilder unknown(AuthorityName("07", "T2"), other.point());
  unknown.this_update = ahead.this_update;
  EXPECT_FALSE(Check(unknown, other)) << "nor of an issuer that may come later";
  held.push_back(List(ahead, issuer_key));
  EXPECT_TRUE(Check(Numbered("05"), issuer_key)) << "held from before, it keeps no true one out";
  EXPECT_FALSE(Check(Numbered("05"), issuer_key, kAt.PlusSeconds(1))) << "once it is of now";
}

// CheckStatus would not look at it.
TEST_F(NewRevocationList, SupersedesNothingWhenItNamesAnotherKey) {
  ListBuilder other(AuthorityName("07", "T1"), TestKey().point());
  other.number = CrlNumberExtension(Hex("020106"));
  EXPECT_THAT(Superseded(other, issuer_key), IsEmpty());
}

}  // namespace
}  // namespace acb::feeds
