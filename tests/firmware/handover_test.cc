// The order of the path, and what each failure leaves behind.
#include "firmware/handover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/checks/suspension.h"
#include "firmware/duis/signature.h"
#include "firmware/gbcs/message.h"
#include "tests/fakes/fake_records.h"
#include "tests/fakes/salts.h"
#include "tests/support/test_pki.h"

namespace acb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TestPki;

using Events = std::vector<std::string>;

class FixedClock final : public Clock {
 public:
  UtcTime Now() const override { return testing::At(TestPki::kNow); }
};

constexpr std::int64_t kSecondsOfDay = 86'400;

class FixedTrust final : public TrustSource {
 public:
  explicit FixedTrust(std::shared_ptr<const smki::Trust> trust) : trust_(std::move(trust)) {}
  std::shared_ptr<const smki::Trust> Current() const override { return trust_; }

 private:
  std::shared_ptr<const smki::Trust> trust_;
};

class FakeSource final : public RecordSource {
 public:
  explicit FakeSource(const testing::FakeRecordsData& data) : data_(data) {}
  Result<std::unique_ptr<Records>> Open() const override {
    return std::unique_ptr<Records>(std::make_unique<testing::FakeRecords>(data_));
  }

 private:
  const testing::FakeRecordsData& data_;
};

// Each fake writes down what was asked of it, and fails when told to.
class FakeCounters final : public CounterStore {
 public:
  explicit FakeCounters(Events& events) : events_(events) {}
  Result<ReservedCounter> Reserve(const ReservationWish& wish) override {
    if (fails_with) return Failure(*fails_with);
    acb_key = wish.acb_key;
    events_.push_back("reserve");
    return Mint(wish.request, wish.role, *OriginatorCounter::From(++last));
  }
  Result<OriginatorCounter> Preview(const ReservationWish&) const override {
    if (fails_with) return Failure(*fails_with);
    return *OriginatorCounter::From(last + 1);
  }
  Status Abandon(ReservedCounter&& counter, const Failure& why, UtcTime) override {
    events_.push_back("abandon " + std::to_string(counter.counter().value()) + " " +
                      std::string(Describe(why.reason).name));
    return Done{};
  }
  Status AbandonWithAlarm(ReservedCounter&& counter, const Failure& why, std::string_view what,
                          UtcTime at) override {
    events_.push_back("alarm " + std::string(what));
    return Abandon(std::move(counter), why, at);
  }
  std::optional<Reason> fails_with;
  std::uint64_t last = 1300;
  std::optional<AcbKeyId> acb_key;

 private:
  Events& events_;
};

class FakeLog final : public AuditLog {
 public:
  explicit FakeLog(Events& events) : events_(events) {}
  Result<audit::Receipt> AppendSigned(const ReservedCounter&, const audit::Entry& entry, Eui64,
                                      const gbcs::SignedCommand&, BytesView) override {
    if (signed_fails_with) return Failure(*signed_fails_with);
    events_.push_back("record signed");
    return Keep(entry);
  }
  Result<audit::Receipt> AppendRefused(const RequestId&, const Sha256Digest&,
                                       const audit::Entry& entry, const Failure& why,
                                       BytesView) override {
    if (refused_fails_with) return Failure(*refused_fails_with);
    events_.push_back("bind " + std::string(Describe(why.reason).name));
    return Keep(entry);
  }
  Result<audit::Receipt> AppendQuarantined(const RequestId&, const Sha256Digest&, RemotePartyRole,
                                           const audit::Entry& entry, const Failure&,
                                           BytesView) override {
    events_.push_back("quarantine");
    return Keep(entry);
  }
  Status Confirm() override {
    if (confirm_fails_with) return Failure(*confirm_fails_with);
    return Done{};
  }
  std::optional<Reason> confirm_fails_with;
  Result<audit::Receipt> Append(const audit::Entry& entry) override {
    if (refused_fails_with) return Failure(*refused_fails_with);
    events_.push_back("record refused");
    return Keep(entry);
  }
  std::optional<Reason> signed_fails_with;
  std::optional<Reason> refused_fails_with;
  std::vector<std::string> entries;

 private:
  audit::Receipt Keep(const audit::Entry& entry) {
    entries.push_back(entry.Serialise(entries.size(), testing::NoSalt).octets);
    return {entries.size() - 1, audit::LeafHash(entries.back())};
  }
  Events& events_;
};

class FakeSigner final : public CommandSigner {
 public:
  explicit FakeSigner(Events& events) : events_(events) {}
  Status CheckAvailable() const override {
    if (available) return Done{};
    return Failure(Reason::kHsmUnavailable);
  }
  Result<gbcs::SignedCommand> SignAndMac(const gbcs::UnsignedCommand& command, const PublicPoint&,
                                         bool& lied) override {
    events_.push_back("sign " + std::to_string(command.counter().value()));
    lied = lies;
    if (fails || lies) return Failure(Reason::kHsmUnavailable);
    return gbcs::Assemble(command, {}, {});
  }
  bool available = true;
  bool fails = false;
  bool lies = false;  // a signature that does not verify

 private:
  Events& events_;
};

class HandoverPath : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(duis::InitialiseXml()); }

  Handover Path() {
    const TestPki& pki = TestPki::Get();
    return Handover({clock_, trust_, source_, counters_, log_, signer_},
                    {.parse = {},
                     .validation_time = std::nullopt,
                     .policy = policy_,
                     .acb = *checks::AcbCertificates::From(pki.Certificate("acb-ds"),
                                                           pki.Certificate("acb-ka")),
                     .later = later_,
                     .channels = channels_,
                     .in_use_since = in_use_since_,
                     .key_limits = key_limits_,
                     .module_exception_until = module_exception_until_,
                     .software = software_});
  }
  HandoverAnswer Send(const std::string& xml, std::optional<std::string_view> proposed = {}) {
    return Path().Handle({AsBytes(xml), "dsp-1", proposed, "gateway"});
  }
  DryRunAnswer DryRun(const std::string& xml) {
    return Path().DryRun({AsBytes(xml), "dsp-1", std::nullopt, "gateway"});
  }
  Reason ReasonOf(const HandoverAnswer& answer) {
    EXPECT_TRUE(answer.failure);
    return answer.failure ? answer.failure->reason : Reason::kBusy;
  }
  std::string Good() { return TestPki::Get().Sign(TestPki::Get().NetworkOperatorFields()); }

  Events events_;
  testing::FakeRecordsData data_ = testing::FakeRecordsData::Usual();
  std::vector<std::string> channels_;  // empty: every one
  std::vector<HandoverSettings::LaterKeys> later_;
  std::optional<UtcTime> in_use_since_;
  keys::Limits key_limits_;
  std::optional<UtcTime> module_exception_until_;
  std::optional<Failure> software_;
  FixedClock clock_;
  FixedTrust trust_{TestPki::Get().Trust()};
  FakeSource source_{data_};
  FakeCounters counters_{events_};
  FakeLog log_{events_};
  FakeSigner signer_{events_};
  checks::Policy policy_;
};

TEST_F(HandoverPath, ReservesThenSignsThenRecordsThenAnswers) {
  const HandoverAnswer answer = Send(Good());
  ASSERT_TRUE(answer.handed) << answer.failure->explanation;
  EXPECT_THAT(events_, ElementsAre("reserve", "sign 1301", "record signed"));
  EXPECT_EQ(answer.handed->counter->value(), 1301u);
  EXPECT_EQ(answer.request_id->Text(), "90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001");
  EXPECT_EQ(answer.audit->leaf, audit::LeafHash(log_.entries.at(0)));
}

// reliability.md F6: what is known to be lost is not asked, and costs no counter.
TEST_F(HandoverPath, SpendsNoCounterWhileTheHsmIsKnownNotToSign) {
  signer_.available = false;
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kHsmUnavailable);
  EXPECT_THAT(events_, ElementsAre("record refused"));  // the RequestID stays open
  signer_.available = true;
  EXPECT_TRUE(Send(Good()).handed);
}

TEST_F(HandoverPath, AsksTheSignerOfThePairThatTheCellHoldsWhetherItSigns) {
  const TestPki& pki = TestPki::Get();
  FakeSigner newer(events_);
  checks::AcbCertificates pair =
      *checks::AcbCertificates::From(pki.Certificate("acb-ds"), pki.Certificate("acb-ka"));
  pair.key_id = AcbKeyId{pair.key_id.value + 1};
  later_ = {{pair, &newer}};
  newer.available = false;
  EXPECT_TRUE(Send(Good()).handed) << "the cell does not say: the oldest pair signs";
  events_.clear();
  for (auto& [id, device] : data_.devices) device.network_operator.acb_key = pair.key_id;
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kHsmUnavailable);
  EXPECT_THAT(events_, ElementsAre("record refused"));
  newer.available = true;
  signer_.available = false;
  EXPECT_TRUE(Send(Good()).handed);
}

TEST_F(HandoverPath, RecordsWhoAskedForWhatWithWhichCertificates) {
  ASSERT_TRUE(Send(Good()).handed);
  const std::string& entry = log_.entries.at(0);
  for (const char* part :
       {"\"kind\":\"signed\"", "\"user\":\"90-B3-D5-1F-30-01-00-00\"", "\"party\":\"SUPA\"",
        "\"device\":\"00-DB-12-34-56-78-90-A3\"", "\"role\":\"NetworkOperator\"",
        "\"originator_counter\":\"1301\"", "\"recorded_floor\":\"0\"", "\"client\":\"dsp-1\"",
        "\"channel\":\"gateway\""}) {
    EXPECT_THAT(entry, HasSubstr(part));
  }
  EXPECT_THAT(entry, HasSubstr(ToHex(TestPki::Get().Certificate("no-a-ka")->sha256())));
  // The meter point is personal data: only its hash is in the log.
  EXPECT_EQ(entry.find(testing::kMprn), std::string::npos);
}

TEST_F(HandoverPath, SignsTheSupplierHandoverWithItsThreeCertificates) {
  const HandoverAnswer answer = Send(TestPki::Get().Sign(TestPki::Get().SupplierFields()));
  ASSERT_TRUE(answer.handed) << answer.failure->explanation;
  EXPECT_EQ(answer.handed->role, RemotePartyRole::kSupplier);
}

TEST_F(HandoverPath, ChangesNothingWhenACheckFails) {
  testing::HandoverFields wrong_operator = TestPki::Get().NetworkOperatorFields();
  wrong_operator.digital_signing_certificate = TestPki::Get().Base64("no-b-ds");
  wrong_operator.key_agreement_certificate = TestPki::Get().Base64("no-b-ka");
  EXPECT_EQ(ReasonOf(Send(TestPki::Get().Sign(wrong_operator))), Reason::kNoNotRegistered);
  EXPECT_THAT(events_, ElementsAre("bind NO_NOT_REGISTERED"));
}

// R-SEC3-21: the hard stop by age, by the time of the log.
// R-SEC3-55.
TEST_F(HandoverPath, SignsNothingWhileTheInstalledSoftwareIsNotTheRelease) {
  software_ = Failure(Reason::kFirmwareHash, "changed since its release: /usr/sbin/acbd");
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kFirmwareHash);
  EXPECT_THAT(events_, ElementsAre("record refused"));
  software_.reset();
  EXPECT_TRUE(Send(Good()).handed) << "a fault leaves the RequestID open";
}

TEST_F(HandoverPath, SignsWithAKeyUpToItsAgeAndNotBeyond) {
  key_limits_.max_age = std::chrono::days(30);
  in_use_since_ = clock_.Now().PlusSeconds(-30 * kSecondsOfDay + 1);
  EXPECT_TRUE(Send(Good()).handed);
  events_.clear();
  in_use_since_ = clock_.Now().PlusSeconds(-30 * kSecondsOfDay);
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kKeyLimit);
  EXPECT_THAT(events_, ElementsAre("record refused"));  // the RequestID stays open
}

// R-NOW-9: "an exception with an owner and end date" ends while the box runs too.
TEST_F(HandoverPath, SignsByAnExceptionForTheHsmUntilItEnds) {
  module_exception_until_ = clock_.Now().PlusSeconds(1);
  EXPECT_TRUE(Send(Good()).handed);
  events_.clear();
  module_exception_until_ = clock_.Now();
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kHsmNotApproved);
  EXPECT_THAT(events_, ElementsAre("record refused"));  // the RequestID stays open
}

// R-063-9: the answer names the request, whatever is wrong with it, where that much can be read.
TEST_F(HandoverPath, NamesTheRequestThatItCouldNotTakeApart) {
  std::string variant = Good();
  variant.replace(variant.find("<sr:CommandVariant>") + 19, 1, "4");
  const HandoverAnswer answer = Send(variant);
  EXPECT_EQ(ReasonOf(answer), Reason::kCommandVariant);
  ASSERT_TRUE(answer.request_id);
  EXPECT_NE(variant.find(answer.request_id->Text()), std::string::npos);
  EXPECT_THAT(log_.entries.at(0),
              HasSubstr("\"claimed_request_id\":\"" + answer.request_id->Text()));
  EXPECT_THAT(events_, ElementsAre("record refused")) << "unverified: bound to nothing";
  EXPECT_FALSE(Send("<not xml").request_id);
}

// R-SEC3-21: which pair is to sign is told with the reservation, which counts it.
TEST_F(HandoverPath, ReservesForThePairThatIsToSign) {
  ASSERT_TRUE(Send(Good()).handed);
  const auto acb = checks::AcbCertificates::From(TestPki::Get().Certificate("acb-ds"),
                                                 TestPki::Get().Certificate("acb-ka"));
  ASSERT_TRUE(counters_.acb_key);
  EXPECT_EQ(*counters_.acb_key, acb->key_id);
}

// R-074-5.
TEST_F(HandoverPath, RefusesAChannelThatIsNotAllowedAndRecordsIt) {
  channels_ = {"line-2"};
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kChannel);
  EXPECT_THAT(events_, ElementsAre("record refused"));  // the RequestID stays open
  EXPECT_THAT(log_.entries.at(0), HasSubstr("\"channel\":\"gateway\""));
  channels_ = {"line-2", "gateway"};
  EXPECT_TRUE(Send(Good()).handed);
}

// Found by an attack on this code: a time in the past must not stand for now.
TEST_F(HandoverPath, JudgesTheNetworkOperatorNowAndAtTheExecutionTime) {
  data_.registrations[1].to = testing::At("2025-01-01T00:00:00Z");
  Registration now = data_.registrations[1];
  now.network_operator = "NOB";
  now.from = testing::At("2025-01-01T00:00:00Z");
  now.to.reset();
  data_.registrations.push_back(now);
  testing::HandoverFields fields = TestPki::Get().NetworkOperatorFields();
  fields.execution = "2024-06-01T00:00:00Z";
  EXPECT_EQ(ReasonOf(Send(TestPki::Get().Sign(fields))), Reason::kNoNotRegistered);
}

TEST_F(HandoverPath, BindsNoRequestIdToARequestThatIsNotProvenToBeTheUsers) {
  std::string tampered = Good();
  tampered.replace(tampered.find(":1001"), 5, ":1002");
  EXPECT_EQ(ReasonOf(Send(tampered)), Reason::kSignatureInvalid);
  EXPECT_EQ(ReasonOf(Send("<not xml")), Reason::kMalformed);
  EXPECT_THAT(events_, ElementsAre("record refused", "record refused"));
}

TEST_F(HandoverPath, RefusesOtherOctetsUnderAnAnsweredRequestIdWithoutTouchingItsAnswer) {
  StoredRequest stored;
  stored.state = StoredRequest::State::kSigned;
  stored.body = Sha256(AsBytes("other octets"));
  data_.requests.insert_or_assign(
      *RequestId::FromText("90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001"), stored);
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kReplay);
  EXPECT_THAT(events_, ElementsAre("record refused"));
}

TEST_F(HandoverPath, GivesTheStoredAnswerWithoutSigning) {
  const std::string request = Good();
  StoredRequest stored;
  stored.state = StoredRequest::State::kSigned;
  stored.body = Sha256(AsBytes(request));
  stored.counter = OriginatorCounter::From(77);
  stored.command = {1, 2, 3};
  data_.requests.insert_or_assign(
      *RequestId::FromText("90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001"), stored);
  const HandoverAnswer answer = Send(request);
  ASSERT_TRUE(answer.handed);
  EXPECT_EQ(answer.handed->command, stored.command);
  EXPECT_THAT(events_, IsEmpty());
}

// P5: what was answered stays answered, though the signer's certificate or a list has run out
// since.
TEST_F(HandoverPath, GivesTheStoredAnswerWhenTheSignerIsNoLongerTrusted) {
  const std::string request = Good();
  StoredRequest stored;
  stored.state = StoredRequest::State::kSigned;
  stored.body = Sha256(AsBytes(request));
  stored.counter = OriginatorCounter::From(77);
  data_.requests.insert_or_assign(
      *RequestId::FromText("90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001"), stored);
  trust_ =
      FixedTrust(smki::Trust::Build(TestPki::Get().Settings(smki::Environment::kTest), 2, {}, {}));
  EXPECT_TRUE(Send(request).handed);
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(HandoverPath, GivesTheStoredRefusalAgainToTheSameOctets) {
  const std::string request = Good();
  StoredRequest stored;
  stored.state = StoredRequest::State::kRefused;
  stored.body = Sha256(AsBytes(request));
  stored.reason = Reason::kCellNotAcb;
  stored.explanation = "as then";
  data_.requests.insert_or_assign(
      *RequestId::FromText("90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001"), stored);
  const HandoverAnswer answer = Send(request);
  EXPECT_EQ(ReasonOf(answer), Reason::kCellNotAcb);
  EXPECT_EQ(answer.failure->explanation, "as then");
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(HandoverPath, SignsNothingWhenTheReservationFails) {
  counters_.fails_with = Reason::kStoreUnavailable;
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kStoreUnavailable);
  EXPECT_THAT(events_, ElementsAre("record refused"));
}

TEST_F(HandoverPath, AbandonsTheCounterWhenTheHsmFailsAndLeavesTheRequestOpen) {
  signer_.fails = true;
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kHsmUnavailable);
  EXPECT_THAT(events_, ElementsAre("reserve", "sign 1301", "abandon 1301 HSM_UNAVAILABLE",
                                   "record refused"));
}

TEST_F(HandoverPath, RaisesAnAlarmWhenTheHsmGivesAWrongSignature) {
  signer_.lies = true;
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kHsmUnavailable);
  EXPECT_THAT(events_,
              ElementsAre("reserve", "sign 1301", "alarm the HSM gave a wrong signature or secret",
                          "abandon 1301 HSM_UNAVAILABLE", "record refused"));
}

TEST_F(HandoverPath, SendsNoCommandThatCouldNotBeRecorded) {
  log_.signed_fails_with = Reason::kStoreUnavailable;
  const HandoverAnswer answer = Send(Good());
  EXPECT_FALSE(answer.handed);
  EXPECT_THAT(events_, ElementsAre("reserve", "sign 1301", "abandon 1301 STORE_UNAVAILABLE",
                                   "record refused"));
}

TEST_F(HandoverPath, WritesNothingMoreWhenTheStoreIsInDoubt) {
  log_.signed_fails_with = Reason::kStoreInDoubt;
  log_.refused_fails_with = Reason::kStoreInDoubt;
  const HandoverAnswer answer = Send(Good());
  EXPECT_FALSE(answer.handed);
  EXPECT_EQ(ReasonOf(answer), Reason::kStoreInDoubt);
  EXPECT_THAT(events_, ElementsAre("reserve", "sign 1301"));
}

// P4: what is not recorded is not said.
TEST_F(HandoverPath, AnswersTheFaultWhenARefusalCannotBeRecorded) {
  log_.refused_fails_with = Reason::kStoreUnavailable;
  const HandoverAnswer answer = Send("<not xml");
  EXPECT_EQ(ReasonOf(answer), Reason::kStoreUnavailable);
  EXPECT_FALSE(answer.audit);
}

TEST_F(HandoverPath, DoesNotSignWhenItsOwnCertificateIsNoLongerGood) {
  trust_ =
      FixedTrust(smki::Trust::Build(TestPki::Get().Settings(smki::Environment::kTest), 1, {}, {}));
  const HandoverAnswer answer = Send(Good());
  EXPECT_TRUE(answer.failure);
  EXPECT_THAT(events_, ElementsAre("record refused"));
}

TEST_F(HandoverPath, ReadsTheProposedCounterOnlyOfAVerifiedRequest) {
  EXPECT_EQ(ReasonOf(Send(Good(), "0")), Reason::kCounterRegression);
  EXPECT_EQ(ReasonOf(Send("<not xml", "0")), Reason::kMalformed);
}

// P9, P5; found by an attack on this code: the header is the DSP's, the signed request the User's.
TEST_F(HandoverPath, LeavesTheRequestOpenWhenOnlyTheProposedCounterIsRefused) {
  for (const char* header : {"abc", "", "-1", "0", "18446744073709551616", "9223372036854775808"}) {
    EXPECT_TRUE(Send(Good(), header).failure) << header;
    EXPECT_THAT(events_, ElementsAre("record refused")) << header;
    events_.clear();
  }
  EXPECT_THAT(log_.entries.at(0), HasSubstr("\"check\":\"proposed-counter\""));
  EXPECT_THAT(log_.entries.at(0), HasSubstr("\"final\":false"));
  for (const Reason reason : {Reason::kCounterRegression, Reason::kCounterLimit}) {
    counters_.fails_with = reason;
    EXPECT_EQ(ReasonOf(Send(Good(), "7")), reason);
    EXPECT_THAT(events_, ElementsAre("record refused"));
    events_.clear();
  }
  counters_.fails_with = Reason::kCounterExhausted;
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kCounterExhausted);
  EXPECT_THAT(events_, ElementsAre("bind COUNTER_EXHAUSTED")) << "no header would mend that";
}

// R-NOW-11: nothing is spent; a retry is told the same; two operators release it.
TEST_F(HandoverPath, QuarantinesWhatIsAboveAThreshold) {
  counters_.fails_with = Reason::kVolumeExceeded;
  const HandoverAnswer answer = Send(Good());
  EXPECT_EQ(ReasonOf(answer), Reason::kVolumeExceeded);
  EXPECT_THAT(events_, ElementsAre("quarantine"));
  EXPECT_EQ(answer.audit->index, 0u);
  EXPECT_THAT(log_.entries.at(0), HasSubstr("\"kind\":\"quarantined\""));
}

TEST_F(HandoverPath, TellsARetryThatItIsQuarantined) {
  const std::string request = Good();
  StoredRequest stored;
  stored.state = StoredRequest::State::kQuarantined;
  stored.body = Sha256(AsBytes(request));
  stored.reason = Reason::kVolumeExceeded;
  data_.requests.insert_or_assign(
      *RequestId::FromText("90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001"), stored);
  EXPECT_EQ(ReasonOf(Send(request)), Reason::kVolumeExceeded);
  EXPECT_THAT(events_, IsEmpty());
}

// Every check with what came of it, and nothing else.
TEST_F(HandoverPath, DryRunSpendsSignsAndRecordsNothing) {
  const DryRunAnswer answer = DryRun(Good());
  for (const CheckOutcome& outcome : answer.checks) {
    EXPECT_EQ(outcome.kind, CheckOutcome::Kind::kPassed)
        << outcome.check << (outcome.why ? outcome.why->explanation : "");
  }
  EXPECT_EQ(answer.next->value(), 1301u);
  EXPECT_THAT(events_, IsEmpty());
}

// Found by an attack on this code: the retry gets its command, so nothing "would be refused".
TEST_F(HandoverPath, DryRunOfOctetsThatWereAnsweredTellsTheirAnswerAndJudgesNothing) {
  const std::string request = Good();
  StoredRequest stored;
  stored.state = StoredRequest::State::kSigned;
  stored.body = Sha256(AsBytes(request));
  stored.counter = OriginatorCounter::From(77);
  const RequestId id = *RequestId::FromText("90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001");
  data_.requests.insert_or_assign(id, stored);
  const DryRunAnswer answer = DryRun(request);
  ASSERT_TRUE(answer.earlier);
  EXPECT_EQ(answer.earlier->counter->value(), 77u);
  EXPECT_FALSE(answer.next);
  ASSERT_EQ(answer.checks.size(), 1u);
  EXPECT_EQ(answer.checks[0].kind, CheckOutcome::Kind::kPassed);
  stored.body = Sha256(AsBytes("other octets"));
  data_.requests.insert_or_assign(id, stored);
  const DryRunAnswer other = DryRun(request);
  EXPECT_FALSE(other.earlier);
  EXPECT_EQ(other.checks.at(0).why->reason, Reason::kReplay);
  EXPECT_THAT(events_, IsEmpty());
}

// P4: what is wrong with how it was sent is on the record, and binds nothing.
TEST_F(HandoverPath, RefusesHowItWasSentOnTheRecordUnderTheRequestIdThatItNames) {
  const std::string request = Good();
  const HandoverAnswer answer =
      Path().Refuse({AsBytes(request), "dsp-1", std::nullopt, "gateway"}, Reason::kMalformed);
  EXPECT_EQ(ReasonOf(answer), Reason::kMalformed);
  EXPECT_EQ(answer.request_id->Text(), "90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001");
  EXPECT_THAT(events_, ElementsAre("record refused"));
  EXPECT_THAT(log_.entries.at(0), HasSubstr("\"final\":false"));
}

TEST_F(HandoverPath, DryRunGoesOnAfterAFailedCheck) {
  testing::HandoverFields fields = TestPki::Get().NetworkOperatorFields();
  fields.digital_signing_certificate = TestPki::Get().Base64("no-b-ds");
  fields.key_agreement_certificate = TestPki::Get().Base64("no-b-ka");
  data_.devices.at(testing::kGpf).smi_status = SmiStatus::kSuspended;
  std::map<std::string_view, CheckOutcome::Kind> outcomes;
  for (const CheckOutcome& one : DryRun(TestPki::Get().Sign(fields)).checks) {
    outcomes[one.check] = one.kind;
  }
  EXPECT_EQ(outcomes.at("request"), CheckOutcome::Kind::kPassed);
  EXPECT_EQ(outcomes.at("device"), CheckOutcome::Kind::kFailed);
  EXPECT_EQ(outcomes.at("requester"), CheckOutcome::Kind::kPassed);
  EXPECT_EQ(outcomes.at("target-certificates"), CheckOutcome::Kind::kPassed);
  EXPECT_EQ(outcomes.at("counter and volume"), CheckOutcome::Kind::kNotReached);
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(HandoverPath, DryRunOfAForgedRequestSaysNothingOfWhatItAsksFor) {
  std::string tampered = Good();
  tampered.replace(tampered.find(":1001"), 5, ":1002");
  const DryRunAnswer answer = DryRun(tampered);
  EXPECT_EQ(answer.checks.at(0).why->reason, Reason::kSignatureInvalid);
  for (std::size_t i = 1; i + 1 < answer.checks.size(); ++i) {
    if (answer.checks[i].check == "acb-certificates") continue;
    EXPECT_EQ(answer.checks[i].kind, CheckOutcome::Kind::kNotReached) << answer.checks[i].check;
  }
  EXPECT_THAT(events_, IsEmpty());
}

// Found by an attack on this code: what a device is, is told to who may ask about it.
TEST_F(HandoverPath, TellsNothingOfADeviceToAUserThatIsNotItsSupplier) {
  for (Registration& row : data_.registrations) row.supplier = "SUPB";
  data_.devices.at(testing::kGpf).smi_status = SmiStatus::kSuspended;
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kRequesterNotEligible);
  for (const CheckOutcome& one : DryRun(Good()).checks) {
    EXPECT_TRUE(one.check != "device" || one.kind == CheckOutcome::Kind::kNotReached);
  }
}

// R-128-7: revoked in the repository stops the signer, the issuing authority and the ACB too.
TEST_F(HandoverPath, AsksTheRepositoryOfTheSignerTheAuthorityAndTheAcb) {
  const std::pair<const char*, Reason> certificates[] = {{"supplier-xml", Reason::kCertRevoked},
                                                         {"issuing-ca", Reason::kIssuerRevoked},
                                                         {"acb-ka", Reason::kAcbCert}};
  for (const auto& [name, reason] : certificates) {
    data_.repository.clear();
    data_.repository[TestPki::Get().Certificate(name)->sha256()].status =
        RepositoryStatus::kRevoked;
    EXPECT_EQ(ReasonOf(Send(Good())), reason) << name;
  }
}

// R-SEC3-52: a block of a subject or issuer stops requests that it signs.
TEST_F(HandoverPath, BlocksASignerTooAndTheAuthorityAboveTheCertificates) {
  const auto stop = [&](SuspensionScope scope, std::string subject) {
    data_.suspensions = {{.scope = scope,
                          .subject = std::move(subject),
                          .authority = "SSC 1",
                          .by = "operator",
                          .since = testing::At(TestPki::kNow),
                          .lift_by = {}}};
  };
  stop(SuspensionScope::kSubject, testing::kSupplierUser.Hyphenated());
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kBlocked);
  const auto authority = TestPki::Get().Certificate("issuing-ca");
  stop(SuspensionScope::kIssuer, checks::IssuerSubject(authority->issuer()));
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kBlocked) << "the root's name";
}

// R-SEC3-52: the ACB's own name is a subject as any other. A fault, which leaves the RequestID
// open.
TEST_F(HandoverPath, SignsNothingWhileTheAcbsOwnSubjectIsBlocked) {
  data_.suspensions = {{.scope = SuspensionScope::kSubject,
                        .subject = TestPki::Get().Certificate("acb-ds")->eui64()->Hyphenated(),
                        .authority = "SSC 1",
                        .by = "operator",
                        .since = testing::At(TestPki::kNow),
                        .lift_by = {}}};
  const HandoverAnswer answer = Send(Good());
  EXPECT_EQ(ReasonOf(answer), Reason::kAcbCert);
  EXPECT_THAT(answer.failure->explanation, HasSubstr("by order of SSC 1"));
  data_.suspensions.clear();
  EXPECT_TRUE(Send(Good()).handed);
}

// R-SEC3-64: where the answers came from.
TEST_F(HandoverPath, RecordsTheNewestImportOfEachFeedAndBothOperators) {
  data_.imports[Feed::kRegistrations].audit_index = 17;
  data_.devices.at(testing::kGpf).type = DeviceType::kEsme;
  data_.devices.at(testing::kGpf).mpxn = testing::kMpan;
  data_.prefixes = {{"13", "NOB"}};
  ASSERT_TRUE(Send(Good()).handed);
  for (const char* part :
       {"\"feeds\":{\"registrations\":\"17\"}", "\"network_operator_by_registration\":\"NOA\"",
        "\"network_operator_by_prefix\":\"NOB\"", "\"observations\":[\"PREFIX_MISMATCH\"]"}) {
    EXPECT_THAT(log_.entries.at(0), HasSubstr(part));
  }
}

// R-NOW-14: "all four present".
std::string Named(const char* name) {
  const smki::CertificatePtr certificate = TestPki::Get().Certificate(name);
  return R"({"issuer":")" + certificate->issuer().Text() + R"(","serial":")" +
         certificate->SerialDecimal() + R"(","sha256":")" + ToHex(certificate->sha256()) +
         R"(","subject":")" + certificate->eui64()->Hyphenated() + R"("})";
}

// R-SEC3-64: "for any decision", also one that an early check made.
TEST_F(HandoverPath, RecordsTheFeedsOfARefusalWhereverItWasRefused) {
  data_.imports[Feed::kRevocationLists].audit_index = 17;
  const auto expect_feeds = [&](Reason reason, const std::string& xml) {
    EXPECT_EQ(ReasonOf(Send(xml)), reason);
    EXPECT_THAT(log_.entries.back(), HasSubstr(R"("feeds":{"revocation-lists":"17"})"))
        << Describe(reason).name;
  };
  expect_feeds(Reason::kCertRevoked,
               TestPki::Get().Sign(TestPki::Get().NetworkOperatorFields(), "revoked-xml"));
  software_ = Failure(Reason::kFirmwareHash);
  expect_feeds(Reason::kFirmwareHash, Good());
  software_.reset();
  policy_.feed_max_age = {{Feed::kParties, std::chrono::hours(1)}};
  expect_feeds(Reason::kFeedStale, Good());
  policy_.feed_max_age.clear();
  data_.suspensions = {{.scope = SuspensionScope::kAll,
                        .subject = {},
                        .authority = "SSC 1",
                        .by = "operator",
                        .since = testing::At(TestPki::kNow),
                        .lift_by = {}}};
  expect_feeds(Reason::kSigningSuspended, Good());
  data_.suspensions.clear();
  data_.repository[TestPki::Get().Certificate("supplier-xml")->sha256()].status =
      RepositoryStatus::kRevoked;
  expect_feeds(Reason::kCertRevoked, Good());
}

// R-NOW-14.
TEST_F(HandoverPath, NamesTheCertificatesOfARefusalToo) {
  testing::HandoverFields fields = TestPki::Get().NetworkOperatorFields();
  fields.digital_signing_certificate = TestPki::Get().Base64("revoked-no-ds");
  EXPECT_EQ(ReasonOf(Send(TestPki::Get().Sign(fields))), Reason::kCertRevoked);
  EXPECT_THAT(log_.entries.back(), HasSubstr(R"("certificates":[)" + Named("revoked-no-ds") + "," +
                                             Named("no-a-ka") + "]"));
  EXPECT_THAT(log_.entries.back(), HasSubstr(R"("signer":)" + Named("supplier-xml")));
}

TEST_F(HandoverPath, NamesTheSetThatIsNotWholeAndWhatIsNoCertificateByItsOctets) {
  testing::HandoverFields fields = TestPki::Get().NetworkOperatorFields();
  fields.key_agreement_certificate.reset();
  fields.digital_signing_certificate = ToBase64(AsBytes("no certificate"));
  EXPECT_TRUE(Send(TestPki::Get().Sign(fields)).failure);
  EXPECT_THAT(log_.entries.back(), HasSubstr(R"("certificates":[{"sha256":")" +
                                             ToHex(Sha256(AsBytes("no certificate"))) + R"("}])"));
}

// R-063-11: whose certificate it was is told by the check, not by the reason.
TEST_F(HandoverPath, NamesTheCheckThatFailed) {
  const auto expect_check = [&](Reason reason, const std::string& xml, const std::string& check) {
    EXPECT_EQ(ReasonOf(Send(xml)), reason);
    EXPECT_THAT(log_.entries.back(), HasSubstr(R"("check":")" + check + "\""));
  };
  const TestPki& pki = TestPki::Get();
  expect_check(Reason::kMalformed, "<not xml", "request");
  expect_check(Reason::kCertRevoked, pki.Sign(pki.NetworkOperatorFields(), "revoked-xml"),
               "signer");
  testing::HandoverFields revoked = pki.NetworkOperatorFields();
  revoked.digital_signing_certificate = pki.Base64("revoked-no-ds");
  expect_check(Reason::kCertRevoked, pki.Sign(revoked), "target-certificates");
  data_.repository[pki.Certificate("supplier-xml")->sha256()].status = RepositoryStatus::kRevoked;
  expect_check(Reason::kCertRevoked, Good(), "signer-in-repository");
  data_.repository.clear();
  signer_.available = false;
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kHsmUnavailable);
  EXPECT_EQ(log_.entries.back().find(R"("check")"), std::string::npos) << "all have passed";
}

// R-SEC3-61: what could not be relied on.
TEST_F(HandoverPath, NamesTheFeedThatIsStaleAndTheKeyThatDoesNotSign) {
  policy_.feed_max_age = {{Feed::kParties, std::chrono::hours(1)}};
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kFeedStale);
  EXPECT_THAT(log_.entries.back(), HasSubstr(R"("stale_feed":"parties")"));
  EXPECT_EQ(log_.entries.back().find(R"("acb_certificate")"), std::string::npos);
  policy_.feed_max_age.clear();
  data_.imports[Feed::kRevocationLists].lost = true;
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kFeedStale);
  EXPECT_THAT(log_.entries.back(), HasSubstr(R"("stale_feed":"revocation-lists")"));
  data_.imports.clear();
  policy_.repository_required = true;
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kFeedStale);
  EXPECT_THAT(log_.entries.back(), HasSubstr(R"("stale_feed":"repository-status")"));
  policy_.repository_required = false;
  policy_.products_required = true;
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kFeedStale);
  EXPECT_THAT(log_.entries.back(), HasSubstr(R"("stale_feed":"certified-products")"));
  policy_.products_required = false;
  signer_.available = false;
  EXPECT_EQ(ReasonOf(Send(Good())), Reason::kHsmUnavailable);
  EXPECT_THAT(log_.entries.back(), HasSubstr(R"("acb_certificate":)" + Named("acb-ds")));
}

// R-NOW-8: final is what a retry of the same octets gets, and nothing else.
TEST_F(HandoverPath, SaysFinalOfWhatIsStoredUnderTheRequestIdAlone) {
  const auto expect_final = [&](Reason reason, const std::string& xml, bool final) {
    events_.clear();
    EXPECT_EQ(ReasonOf(Send(xml)), reason);
    const bool bound = events_.back().starts_with("bind");
    EXPECT_EQ(bound, final) << Describe(reason).name;
    EXPECT_THAT(log_.entries.back(), HasSubstr(final ? R"("final":true)" : R"("final":false)"));
  };
  const TestPki& pki = TestPki::Get();
  std::string tampered = Good();
  tampered.replace(tampered.find(":1001"), 5, ":1002");
  expect_final(Reason::kMalformed, "<not xml", false);
  expect_final(Reason::kSignatureInvalid, tampered, false);
  expect_final(Reason::kCertRevoked, pki.Sign(pki.NetworkOperatorFields(), "revoked-xml"), false);
  channels_ = {"line-2"};
  expect_final(Reason::kChannel, Good(), false);
  channels_.clear();
  StoredRequest stored;
  stored.state = StoredRequest::State::kSigned;
  stored.body = Sha256(AsBytes("other octets"));
  data_.requests.insert_or_assign(
      *RequestId::FromText("90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001"), stored);
  expect_final(Reason::kReplay, Good(), false);
  data_.requests.clear();
  data_.registrations.clear();
  expect_final(Reason::kNoUnmapped, Good(), true);
}

// R-NOW-14: who is not trusted as a signer is named as one who is.
TEST_F(HandoverPath, NamesTheSignerThatIsRevoked) {
  const std::string xml =
      TestPki::Get().Sign(TestPki::Get().NetworkOperatorFields(), "revoked-xml");
  EXPECT_EQ(ReasonOf(Send(xml)), Reason::kCertRevoked);
  EXPECT_THAT(log_.entries.back(), HasSubstr(R"("signer":)" + Named("revoked-xml")));
  EXPECT_EQ(log_.entries.back().find(R"("certificates")"), std::string::npos)
      << "of a request that is not proven to be the User's";
}

}  // namespace
}  // namespace acb
