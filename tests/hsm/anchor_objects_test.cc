// The anchors' objects, in one process and between several (design.md sections 4 and 5, R-NOW-7).
#include "hsm/anchor_objects.h"

#include <atomic>
#include <chrono>
#include <iostream>
#include <thread>

#include "hsm/software_key.h"
#include "tests/hsm/forked.h"
#include "tests/hsm/test_token.h"

namespace acb::hsm {
namespace {

using std::chrono::steady_clock;
using testing::Forked;
using testing::SomeCommand;
using testing::Why;

// As long as an anchor.
Bytes SomeAnchor(int number) {
  Bytes octets(190, 0x41);
  octets[0] = static_cast<std::uint8_t>(number >> 8);
  octets[1] = static_cast<std::uint8_t>(number);
  return octets;
}

std::vector<Bytes> Sorted(Result<std::vector<Bytes>> listed) {
  EXPECT_TRUE(listed) << Why(listed);
  if (!listed) return {};
  std::ranges::sort(*listed);
  return *std::move(listed);
}

class AnchorObjectsOfAToken : public testing::TokenTest {
 protected:
  void SetUp() override {
    TokenTest::SetUp();
    Provision();
  }
};

TEST_F(AnchorObjectsOfAToken, AreCreatedListedAndDestroyed) {
  const auto hsm = OpenHsmWithLister();
  ASSERT_TRUE(hsm);
  AnchorObjects& anchors = hsm->anchors();
  EXPECT_TRUE(Sorted(anchors.List()).empty());
  EXPECT_TRUE(Sorted(anchors.ListAnew()).empty());
  for (int i = 1; i <= 2; ++i) {
    const auto created = anchors.Create(SomeAnchor(i));
    ASSERT_TRUE(created) << Why(created);
  }
  const std::vector<Bytes> both = {SomeAnchor(1), SomeAnchor(2)};
  EXPECT_EQ(Sorted(anchors.List()), both);
  EXPECT_EQ(Sorted(anchors.ListAnew()), both);
  EXPECT_EQ(Sorted(anchors.List()), both) << "through the session";
  EXPECT_TRUE(anchors.Destroy(SomeAnchor(1)));
  EXPECT_TRUE(anchors.Destroy(SomeAnchor(1))) << "good when there is none";
  EXPECT_EQ(Sorted(anchors.List()), std::vector<Bytes>{SomeAnchor(2)});
  EXPECT_EQ(anchors.token_serial(), hsm->token().serial);
  EXPECT_EQ(anchors.token_serial().size(), 16U);
}

TEST_F(AnchorObjectsOfAToken, OutliveTheProcessAndThoseThatAreTwiceThereGoTogether) {
  {
    const auto hsm = OpenHsm();
    ASSERT_TRUE(hsm);
    for (const int number : {1, 2, 1}) ASSERT_TRUE(hsm->anchors().Create(SomeAnchor(number)));
  }
  const auto hsm = OpenHsm();
  ASSERT_TRUE(hsm);
  EXPECT_EQ(Sorted(hsm->anchors().List()).size(), 3U);
  EXPECT_TRUE(hsm->anchors().Destroy(SomeAnchor(1)));
  EXPECT_EQ(Sorted(hsm->anchors().List()), std::vector<Bytes>{SomeAnchor(2)});
}

TEST_F(AnchorObjectsOfAToken, ArePrivateAndNotModifiable) {
  HsmSettings settings = Settings();
  auto opened = OpenToken(settings, SessionAccess::kReadWrite);
  ASSERT_TRUE(opened) << Why(opened);
  Session& session = opened->login->session();
  ASSERT_TRUE(CreateDataObject(session, kAnchorApplication, SomeAnchor(1)));
  const auto objects = ReadDataObjects(session, kAnchorApplication);
  ASSERT_TRUE(objects) << Why(objects);
  ASSERT_EQ(objects->size(), 1U);
  const CK_OBJECT_HANDLE object = objects->front().handle;
  EXPECT_TRUE(*session.ReadFlag(object, CKA_PRIVATE));
  EXPECT_FALSE(*session.ReadFlag(object, CKA_MODIFIABLE));
  Bytes other = SomeAnchor(2);
  CK_ATTRIBUTE value{CKA_VALUE, other.data(), other.size()};
  EXPECT_FALSE(session.Call(&CK_FUNCTION_LIST::C_SetAttributeValue, object, &value, 1UL).ok());
  EXPECT_EQ(ReadDataObjects(session, kAnchorApplication)->front().octets, SomeAnchor(1));
}

// To a session that is not logged in they do not exist: absent is not zero.
TEST_F(AnchorObjectsOfAToken, AreNotAnEmptyListWithoutALogin) {
  HsmSettings settings = Settings();
  auto opened = OpenToken(settings, SessionAccess::kReadWrite);
  ASSERT_TRUE(opened) << Why(opened);
  Session& session = opened->login->session();
  ASSERT_TRUE(CreateDataObject(session, kAnchorApplication, SomeAnchor(1)));
  ASSERT_TRUE(session.Call(&CK_FUNCTION_LIST::C_Logout).ok());
  const auto listed = ReadDataObjects(session, kAnchorApplication);
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().detail, "the session with the token is not logged in");
}

TEST_F(AnchorObjectsOfAToken, MoreThanTheLimitIsAFailureAndTheLimitIsNot) {
  const auto hsm = OpenHsmWithLister();
  ASSERT_TRUE(hsm);
  for (int i = 0; i < static_cast<int>(kMaxDataObjects); ++i) {
    ASSERT_TRUE(hsm->anchors().Create(SomeAnchor(i)));
  }
  EXPECT_EQ(Sorted(hsm->anchors().ListAnew()).size(), kMaxDataObjects);
  EXPECT_EQ(Sorted(hsm->anchors().List()).size(), kMaxDataObjects);
  ASSERT_TRUE(hsm->anchors().Create(SomeAnchor(1000)));
  for (const auto& listed : {hsm->anchors().ListAnew(), hsm->anchors().List()}) {
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().reason, Reason::kHsmUnavailable);
    EXPECT_EQ(listed.error().detail, "more objects than the 512 expected");
  }
}

TEST_F(AnchorObjectsOfAToken, AreNotLongerThanTheLimit) {
  const auto hsm = OpenHsm();
  ASSERT_TRUE(hsm);
  EXPECT_TRUE(hsm->anchors().Create(Bytes(kMaxDataOctets, 1)));
  EXPECT_FALSE(hsm->anchors().Create(Bytes(kMaxDataOctets + 1, 1)));
  EXPECT_EQ(Sorted(hsm->anchors().List()).size(), 1U);
}

TEST_F(AnchorObjectsOfAToken, AreThereForProvisioning) {
  auto provisioning = Provisioning::Open(SettingsWithLister());
  ASSERT_TRUE(provisioning) << Why(provisioning);
  AnchorObjects& anchors = (*provisioning)->anchors();
  EXPECT_TRUE(Sorted(anchors.ListAnew()).empty());
  ASSERT_TRUE(anchors.Create(SomeAnchor(1)));
  EXPECT_EQ(Sorted(anchors.ListAnew()), std::vector<Bytes>{SomeAnchor(1)});
}

TEST_F(AnchorObjectsOfAToken, WithoutAListerAreNotListedAnew) {
  const auto hsm = OpenHsm();
  ASSERT_TRUE(hsm);
  const auto listed = hsm->anchors().ListAnew();
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().detail, "no lister was started for the HSM's objects");
}

// Another box: opens before ours does anything, then creates `number` when it is let go.
int CreateWhenLetGo(Forked& self, HsmSettings settings, int number) {
  const auto hsm = Hsm::Open(std::move(settings));
  if (!hsm || !self.Say(1) || !self.WaitForGo()) return 1;
  if (!(*hsm)->anchors().Create(SomeAnchor(number))) return 2;
  if (!self.Say(2) || !self.WaitForGo()) return 3;
  return (*hsm)->anchors().Destroy(SomeAnchor(number)) ? 0 : 4;
}

TEST_F(AnchorObjectsOfAToken, OfAnotherProcessAreSeenByASessionThatChangedNothing) {
  Forked other([&](Forked& self) { return CreateWhenLetGo(self, Settings(), 7); });
  ASSERT_EQ(other.Hear(), 1);
  const auto hsm = OpenHsmWithLister();
  ASSERT_TRUE(hsm);
  EXPECT_TRUE(Sorted(hsm->anchors().List()).empty());
  ASSERT_TRUE(other.Go());
  ASSERT_EQ(other.Hear(), 2);
  EXPECT_EQ(Sorted(hsm->anchors().List()), std::vector<Bytes>{SomeAnchor(7)});
  ASSERT_TRUE(other.Go());
  EXPECT_EQ(other.Wait(), 0);
  EXPECT_TRUE(Sorted(hsm->anchors().List()).empty());
}

// The case that the lister is for: ours changes an object right after the other did.
TEST_F(AnchorObjectsOfAToken, OfAnotherProcessAreSeenAfterAChangeOfOurs) {
  Forked other([&](Forked& self) { return CreateWhenLetGo(self, Settings(), 7); });
  ASSERT_EQ(other.Hear(), 1);
  const auto hsm = OpenHsmWithLister();
  ASSERT_TRUE(hsm);
  ASSERT_TRUE(Sorted(hsm->anchors().List()).empty());
  ASSERT_TRUE(other.Go());
  ASSERT_EQ(other.Hear(), 2);
  ASSERT_TRUE(hsm->anchors().Create(SomeAnchor(8)));
  const std::vector<Bytes> both = {SomeAnchor(7), SomeAnchor(8)};
  EXPECT_EQ(Sorted(hsm->anchors().List()), both);
  EXPECT_EQ(Sorted(hsm->anchors().ListAnew()), both);
  ASSERT_TRUE(hsm->anchors().Destroy(SomeAnchor(8)));
  EXPECT_EQ(Sorted(hsm->anchors().List()), std::vector<Bytes>{SomeAnchor(7)});
  ASSERT_TRUE(other.Go());
  EXPECT_EQ(other.Wait(), 0);
  EXPECT_TRUE(Sorted(hsm->anchors().ListAnew()).empty());
}

constexpr int kChanges = 200;

// Ten objects at most at a time. The value: calls that failed, at most 100.
int CreateAndDestroy(AnchorObjects& anchors, int first) {
  int failures = 0;
  for (int i = 0; i < kChanges; ++i) {
    // The lock is asked for again and again, in no order: who wants it always lets the other in.
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const auto created = anchors.Create(SomeAnchor(first + i));
    const auto destroyed = anchors.Destroy(SomeAnchor(first + i));
    for (const Status& done : {created, destroyed}) {
      if (done) continue;
      ++failures;
      std::cerr << Why(done) << "\n";
    }
  }
  return std::min(failures, 100);
}

// 1 to 4 of 100 fail when nothing keeps them apart (ecosystem.md section 3, quirk 2).
TEST_F(AnchorObjectsOfAToken, AreCreatedByTwoProcessesAtOnceWithoutAFailure) {
  Forked other([&](Forked& self) {
    const auto opened = Hsm::Open(Settings());
    if (!opened || !self.Say(1) || !self.WaitForGo()) return 101;
    return CreateAndDestroy((*opened)->anchors(), 1000);
  });
  ASSERT_EQ(other.Hear(), 1);
  const auto hsm = OpenHsmWithLister();
  ASSERT_TRUE(hsm && other.Go());
  EXPECT_EQ(CreateAndDestroy(hsm->anchors(), 2000), 0);
  EXPECT_EQ(other.Wait(), 0);
  EXPECT_TRUE(Sorted(hsm->anchors().ListAnew()).empty());
}

// Listings beside signatures at the full rate, and the change of objects that goes with an anchor.
TEST_F(AnchorObjectsOfAToken, AreListedAndChangedWhileTwoThreadsSign) {
  constexpr int kListings = 300;
  const auto hsm = OpenHsmWithLister();
  ASSERT_TRUE(hsm);
  const auto device = SoftwareKey::Generate();
  ASSERT_TRUE(device);
  std::atomic<bool> stop = false;
  std::atomic<int> made = 0;
  std::atomic<int> failed = 0;
  std::vector<std::thread> signers;
  for (std::uint64_t t = 0; t < 2; ++t) {
    signers.emplace_back([&, t] {
      for (std::uint64_t i = 1; !stop; ++i) {
        const auto signature =
            testing::SignAndMac(hsm->command_signer(), SomeCommand(i + (t << 40)), device->point());
        if (!signature) std::cerr << Why(signature) << "\n";
        ++(signature ? made : failed);
      }
    });
  }
  int errors = 0;
  const auto count = [&errors](const auto& result) {
    if (result) return;
    ++errors;
    std::cerr << Why(result) << "\n";
  };
  const auto start = steady_clock::now();
  for (int i = 0; i < kListings; ++i) {
    if (i % 10 == 0) count(hsm->anchors().Create(SomeAnchor(i)));
    const auto listed = hsm->anchors().ListAnew();
    count(listed);
    EXPECT_TRUE(!listed || listed->size() == (i % 10 < 5 ? 1U : 0U));
    if (i % 10 == 4) count(hsm->anchors().Destroy(SomeAnchor(i - 4)));
  }
  const double seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
  stop = true;
  for (std::thread& thread : signers) thread.join();
  std::cout << made << " signatures (" << static_cast<int>(made / seconds) << " /s), " << kListings
            << " listings anew (" << static_cast<int>(kListings / seconds) << " /s)\n";
  EXPECT_EQ(errors, 0);
  EXPECT_EQ(failed, 0);
}

// The writer looks for every batch, also while an anchor's object is in the making.
TEST_F(AnchorObjectsOfAToken, AreListedByOneThreadWhileAnotherChangesThem) {
  constexpr int kAnchors = 60;
  const auto hsm = OpenHsmWithLister();
  ASSERT_TRUE(hsm);
  AnchorObjects& anchors = hsm->anchors();
  ASSERT_TRUE(anchors.Create(SomeAnchor(0)));
  std::atomic<bool> stop = false;
  std::atomic<int> listings = 0;
  std::thread looking([&] {
    for (; !stop; ++listings) {
      const auto listed = anchors.List();
      ASSERT_TRUE(listed) << Why(listed);
      EXPECT_GE(std::ranges::count_if(*listed, [](const Bytes& one) { return !one.empty(); }), 1)
          << "the old one goes when the new one is there";
    }
  });
  int last = 0;
  // Whoever changes them can be faster than whoever looks: until there were as many looks.
  while ((last < kAnchors || listings <= kAnchors) && last < 100 * kAnchors &&
         !::testing::Test::HasFailure()) {
    const int i = ++last;
    for (const Status& done : {anchors.Create(SomeAnchor(i)), anchors.Destroy(SomeAnchor(i - 1))}) {
      EXPECT_TRUE(done) << Why(done);
    }
  }
  stop = true;
  looking.join();
  EXPECT_GT(listings, kAnchors);
  EXPECT_EQ(Sorted(anchors.ListAnew()), std::vector<Bytes>{SomeAnchor(last)});
}

TEST_F(AnchorObjectsOfAToken, CostThis) {
  const auto hsm = OpenHsmWithLister();
  ASSERT_TRUE(hsm);
  AnchorObjects& anchors = hsm->anchors();
  const auto measure = [](const char* what, int rounds, const auto& call) {
    const auto start = steady_clock::now();
    for (int i = 0; i < rounds; ++i) ASSERT_TRUE(call(i));
    const auto took =
        std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - start);
    std::cout << what << ": " << took.count() / rounds << " us\n";
  };
  ASSERT_TRUE(anchors.Create(SomeAnchor(1)) && anchors.ListAnew());
  measure("List of 1", 500, [&](int) { return anchors.List(); });
  measure("ListAnew of 1", 50, [&](int) { return anchors.ListAnew(); });
  for (int i = 2; i <= 5; ++i) ASSERT_TRUE(anchors.Create(SomeAnchor(i)));
  measure("ListAnew of 5", 50, [&](int) { return anchors.ListAnew(); });
  measure("List of 5", 500, [&](int) { return anchors.List(); });
  measure("Create", 20, [&](int i) { return anchors.Create(SomeAnchor(10 + i)); });
  measure("Destroy", 20, [&](int i) { return anchors.Destroy(SomeAnchor(10 + i)); });
}

}  // namespace
}  // namespace acb::hsm
