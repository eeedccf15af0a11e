// From the octets of an observation to what is handed to the store, or a refusal that is recorded.
#include "firmware/observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/duis/signature.h"
#include "tests/fakes/fake_records.h"
#include "tests/fakes/salts.h"
#include "tests/firmware/made_messages.h"
#include "tests/support/shared.h"

namespace acb {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using namespace acb::testing;

constexpr std::string_view k615 = "CS02bNOByNO_6.15.1_SUCCESS";
constexpr std::string_view kSupplier615 = "CS02bSupplierBySupplier_6.15.1_IMMEDIATE_SUCCESS";
constexpr std::string_view k621 = "CS02bNOByNOHandover_6.21_SUCCESS";

std::string NameOf(Reason reason) { return std::string(Describe(reason).name); }

class FixedClock final : public Clock {
 public:
  UtcTime Now() const override { return At("2026-11-21T12:00:00Z"); }
};

class FixedTrust final : public TrustSource {
 public:
  std::shared_ptr<const smki::Trust> Current() const override { return trust; }
  std::shared_ptr<const smki::Trust> trust;
};

class FakeSource final : public RecordSource {
 public:
  Result<std::unique_ptr<Records>> Open() const override {
    return std::unique_ptr<Records>(std::make_unique<FakeRecords>(data));
  }
  FakeRecordsData data = FakeRecordsData::Usual();
};

class FakeObservations final : public ObservationLog {
 public:
  Result<RecordedObservation> Record(const Observation& seen) override {
    records.push_back(seen);
    RecordedObservation recorded;
    recorded.observations = seen.observations;
    return recorded;
  }
  Result<std::optional<Bytes>> FindPendingCommand(Eui64 device, Eui64 originator,
                                                  std::uint64_t counter) const override {
    const bool is_it =
        device == testing::kEsme && originator == kNetworkOperator && counter == 1200;
    return is_it ? pending : std::nullopt;
  }
  Result<std::optional<PublicPoint>> FindDeviceSigningKey(Eui64) const override { return key; }

  std::vector<Observation> records;
  std::optional<Bytes> pending;
  std::optional<PublicPoint> key;
};

class FakeLog final : public AuditLog {
 public:
  Result<audit::Receipt> AppendSigned(const ReservedCounter&, const audit::Entry&, Eui64,
                                      const gbcs::SignedCommand&, BytesView) override {
    return Failure(Reason::kStoreUnavailable);
  }
  Result<audit::Receipt> AppendRefused(const RequestId&, const Sha256Digest&, const audit::Entry&,
                                       const Failure&, BytesView) override {
    return Failure(Reason::kStoreUnavailable);
  }
  Result<audit::Receipt> AppendQuarantined(const RequestId&, const Sha256Digest&, RemotePartyRole,
                                           const audit::Entry&, const Failure&,
                                           BytesView) override {
    return Failure(Reason::kStoreUnavailable);
  }
  Result<audit::Receipt> Append(const audit::Entry& entry) override {
    entries.push_back(entry.Serialise(entries.size(), testing::NoSalt).octets);
    return audit::Receipt{entries.size() - 1, {}};
  }
  Status Confirm() override { return Done{}; }

  std::vector<std::string> entries;
};

smki::CertificatePtr Parsed(std::string_view name) {
  return smki::Certificate::Parse(ReadCertificate(name)).value();
}

class Observing : public ::testing::Test {
 protected:
  // The public data: root by name and key, as it has none as a certificate.
  void Hold(std::initializer_list<std::string_view> names) {
    smki::TrustSettings settings;
    settings.environment = smki::Environment::kTest;
    smki::NamedAnchor anchor{
        .name = *smki::Name::FromText("CN=ZA,OU=00"), .key = {}, .key_identifier = {}};
    const Bytes key =
        Hex("040691e68b45c57e2ec7974ef6d1360a50da01576e0ee0b3b4c67f64127120e63f"
            "31771cc9dcbd5ae007d0c6170951d7035bcefc8b1f81805e0fd0f7a555dcca78");
    std::ranges::copy(key, anchor.key.begin());
    settings.named_anchors.push_back(anchor);
    std::vector<Bytes> certificates = {NetworkOperatorContent().certification_path.front()};
    for (const std::string_view name : names) certificates.push_back(ReadCertificate(name));
    trust_.trust = smki::Trust::Build(settings, 1, certificates, {});
  }

  ObservationAnswer Post(const Bytes& command, const Bytes& response,
                         std::string_view request = {}) {
    const auto acb =
        checks::AcbCertificates::From(Parsed("90b3d51f30000002-ds"), Parsed("90b3d51f30000002-ka"));
    const Observer observer({.clock = clock_,
                             .trust = trust_,
                             .records = source_,
                             .observations = observations_,
                             .log = log_},
                            ObserverSettings{checks::Policy(), *acb, duis::ParseLimits()});
    return observer.Handle({.service_request = AsBytes(request),
                            .command = command,
                            .response = response,
                            .client = "northbound-1"});
  }
  ObservationAnswer PostVector(std::string_view stem) {
    return Post(ReadVector(std::string(stem) + "_COMMAND"),
                ReadVector(std::string(stem) + "_RESPONSE"));
  }
  void ExpectRefused(const ObservationAnswer& answer, Reason reason) {
    ASSERT_TRUE(answer.failure);
    EXPECT_EQ(answer.failure->reason, reason) << answer.failure->explanation;
    EXPECT_THAT(observations_.records, IsEmpty());
    ASSERT_TRUE(answer.audit) << "recorded before it is answered";
    EXPECT_THAT(log_.entries.back(), HasSubstr("\"reason\":\"" + NameOf(reason) + "\""));
  }

  FixedClock clock_;
  FixedTrust trust_;
  FakeSource source_;
  FakeObservations observations_;
  FakeLog log_;
};

TEST_F(Observing, OfSignedMessagesWhoseKeysAreHeldIsRecordedWithoutReserve) {
  ACB_NEED_SHARED();
  Hold({"90b3d51f30020000-ds"});
  observations_.key = ReadPublicKey("00db1234567890a0-ds");
  const ObservationAnswer answer = PostVector(k615);
  ASSERT_TRUE(answer.recorded) << answer.failure->explanation;
  ASSERT_THAT(observations_.records, SizeIs(1));
  const Observation& seen = observations_.records[0];
  EXPECT_THAT(seen.observations, Not(Contains(NameOf(Reason::kSignatureNotChecked))));
  EXPECT_EQ(answer.request_id, "90-B3-D5-1F-30-02-00-00:00-DB-12-34-56-78-90-A0:1200")
      << "R-128-14: with its RequestID";
  EXPECT_THAT(log_.entries, IsEmpty());
}

TEST_F(Observing, OfMessagesWhoseSignersAreNotKnownIsRecordedAndSaysSo) {
  ACB_NEED_SHARED();
  Hold({});
  ASSERT_TRUE(PostVector(k615).recorded);
  EXPECT_THAT(observations_.records[0].observations,
              ElementsAre(NameOf(Reason::kSignatureNotChecked)));
}

TEST_F(Observing, OfACommandThatItsOriginatorDidNotSignIsRefused) {
  ACB_NEED_SHARED();
  Hold({"90b3d51f30020000-ds"});
  Bytes command = ReadVector(std::string(k615) + "_COMMAND");
  command[command.size() - 13] ^= 1;  // the last octet of s, before the MAC
  ExpectRefused(Post(command, {}), Reason::kSignatureInvalid);
}

TEST_F(Observing, OfAResponseThatTheDeviceDidNotSignIsRefused) {
  ACB_NEED_SHARED();
  Hold({"90b3d51f30020000-ds"});
  observations_.key = ReadPublicKey("00db1234567890a1-ds");
  ExpectRefused(PostVector(k615), Reason::kSignatureInvalid);
}

// Every command of the ACB is checked with its own certificate.
TEST_F(Observing, OfOurOwnHandoverNeedsNoFeedForTheCommand) {
  ACB_NEED_SHARED();
  Hold({});
  observations_.key = ReadPublicKey("00db1234567890a3-ds");
  ASSERT_TRUE(PostVector(k621).recorded);
  EXPECT_THAT(observations_.records[0].observations, IsEmpty());
  EXPECT_TRUE(observations_.records[0].by_acb());
}

TEST_F(Observing, OfAnAnswerToAnotherCommandIsRefused) {
  ACB_NEED_SHARED();
  Hold({});
  ExpectRefused(
      Post(ReadVector(std::string(k615) + "_COMMAND"), ReadVector(std::string(k621) + "_RESPONSE")),
      Reason::kObservationMismatch);
}

TEST_F(Observing, OfAnAnswerAloneUsesTheCommandThatWasKept) {
  ACB_NEED_SHARED();
  Hold({});
  const Bytes response = ReadVector(std::string(k615) + "_RESPONSE");
  ExpectRefused(Post({}, response), Reason::kObservationMismatch);
  observations_.pending = ReadVector(std::string(k615) + "_COMMAND");
  ASSERT_TRUE(Post({}, response).recorded);
  EXPECT_EQ(observations_.records[0].command, *observations_.pending);
}

TEST_F(Observing, OfAnUnknownDeviceOrOfNothingIsRefused) {
  ACB_NEED_SHARED();
  Hold({});
  ExpectRefused(Post({}, {}), Reason::kMalformed);
  source_.data.devices.clear();
  ExpectRefused(PostVector(k615), Reason::kDeviceUnknown);
}

// CS02a of the ACB counts for its counter; of anybody else it is nothing to this box.
TEST_F(Observing, OfAnotherUseCaseCountsOnlyWithTheAcbAsOriginator) {
  ACB_NEED_SHARED();
  Hold({});
  const Bytes command = ReadVector("CS02aMAC_6.24.1_SUCCESS_COMMAND");
  ASSERT_TRUE(Post(command, {}).recorded);
  EXPECT_EQ(observations_.records[0].stage, ObservedStage::kOther);
  EXPECT_EQ(observations_.records[0].counter, 1302u);
  observations_.records.clear();
  Bytes other = command;
  const Bytes acb = Hex("90b3d51f30000002");
  const auto at = std::search(other.begin(), other.end(), acb.begin(), acb.end());
  *(at + 5) = 0x01;
  ExpectRefused(Post(other, {}), Reason::kMalformed);
}

TEST_F(Observing, OfAServiceRequestForAnotherCommandIsRefused) {
  ACB_NEED_SHARED();
  Hold({});
  ASSERT_TRUE(duis::InitialiseXml());
  const std::string xml =
      "<sr:Request xmlns:sr=\"http://www.dccinterface.co.uk/ServiceUserGateway\" "
      "schemaVersion=\"5.4\"><sr:Header>"
      "<sr:RequestID>90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001</sr:RequestID>"
      "</sr:Header></sr:Request>";
  ExpectRefused(Post(ReadVector(std::string(k615) + "_COMMAND"), {}, xml),
                Reason::kObservationMismatch);
  const ObservationAnswer ours = Post(ReadVector(std::string(k621) + "_COMMAND"), {}, xml);
  ASSERT_TRUE(ours.recorded);
  EXPECT_EQ(ours.request_id, "90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001");
}

TEST_F(Observing, OfAServiceRequestThatIsNoXmlOrTooLongIsRefused) {
  ACB_NEED_SHARED();
  Hold({});
  ASSERT_TRUE(duis::InitialiseXml());
  const Bytes command = ReadVector(std::string(k615) + "_COMMAND");
  ExpectRefused(Post(command, {}, AsText(command)), Reason::kMalformed);
  const std::string at_limit = " \n<" + std::string(duis::ParseLimits().octets - 3, 'x');
  ExpectRefused(Post(command, {}, at_limit + "x"), Reason::kMalformed);
  EXPECT_TRUE(Post(command, {}, at_limit).recorded);
}

// R-128-11.
TEST_F(Observing, OfANetworkOperatorThatSendsAcbCertificatesSaysGnoToAcb) {
  ACB_NEED_SHARED();
  Hold({});
  ASSERT_TRUE(Post(MadeCommand({}), MadeResponse({})).recorded);
  EXPECT_THAT(observations_.records[0].observations, Contains(NameOf(Reason::kGnoToAcb)));
  ASSERT_TRUE(PostVector(k615).recorded);
  EXPECT_THAT(observations_.records[1].observations, Not(Contains(NameOf(Reason::kGnoToAcb))))
      << "certificates of its own";
  Made recovery;
  recovery.mode = 8;
  recovery.originator = Eui64(0x90B3D51F30000001);
  recovery.authorising = RemotePartyRole::kRecovery;
  ASSERT_TRUE(Post(MadeCommand(recovery), MadeResponse(recovery)).recorded);
  EXPECT_THAT(observations_.records[2].observations, Not(Contains(NameOf(Reason::kGnoToAcb))));
}

// R-107-2, R-107-4, R-107-6.
TEST_F(Observing, OfASmets1DeviceSaysWhenTheSenderInstallsAnothersCertificate) {
  ACB_NEED_SHARED();
  Hold({});
  Device& device = source_.data.devices.at(kGpf);
  source_.data.proxies = {{kGpf, ProxySource::kDsp, kNetworkOperator, "1"},
                          {kGpf, ProxySource::kS1sp, kNetworkOperator, "1"}};
  Made made;
  made.signing = "90b3d51f30010000-ds";
  made.agreement = "90b3d51f30010000-ka";
  const auto names = [&] {
    EXPECT_TRUE(Post(MadeCommand(made), MadeResponse(made)).recorded);
    return observations_.records.back().observations;
  };
  EXPECT_THAT(names(), Not(Contains(NameOf(Reason::kReplacementNotSender)))) << "SMETS2+";
  device.smets = SmetsGeneration::kSmets1;
  EXPECT_THAT(names(), Contains(NameOf(Reason::kReplacementNotSender)));
  EXPECT_THAT(observations_.records.back().alarms,
              ElementsAre(NameOf(Reason::kReplacementNotSender)));
  source_.data.proxies.pop_back();
  EXPECT_THAT(names(), Not(Contains(NameOf(Reason::kReplacementNotSender)))) << "no rightful owner";
  EXPECT_THAT(observations_.records.back().entry.Serialise(0, testing::NoSalt).octets,
              HasSubstr(R"("test":"ownership")"));
}

// R-NOW-10, R-063-7.
TEST_F(Observing, OfASuppliersCommandRunsTheRegistrationCheckAndBlocksNothing) {
  ACB_NEED_SHARED();
  Hold({});
  ASSERT_TRUE(PostVector(kSupplier615).recorded);
  Made made;
  made.mode = 2;
  made.originator = kSupplierUser;
  made.authorising = RemotePartyRole::kSupplier;
  made.signing = "90b3d51f30020000-ds";
  made.agreement = "90b3d51f30020000-ka";
  made.device = testing::kEsme;
  ASSERT_TRUE(Post(MadeCommand(made), MadeResponse(made)).recorded);
  for (const Observation& good : observations_.records) {
    EXPECT_THAT(good.observations, ElementsAre(NameOf(Reason::kSignatureNotChecked)));
  }
  for (Registration& row : source_.data.registrations) row.network_operator = "NOB";
  ASSERT_TRUE(Post(MadeCommand(made), MadeResponse(made)).recorded) << "not blocked";
  EXPECT_THAT(observations_.records.back().observations,
              Contains(NameOf(Reason::kNoNotRegistered)));
  EXPECT_THAT(observations_.records.back().entry.Serialise(0, testing::NoSalt).octets,
              HasSubstr("\"registration\":[{"));
  made.device = kGpf;
  ASSERT_TRUE(Post(MadeCommand(made), MadeResponse(made)).recorded);
  EXPECT_THAT(observations_.records.back().observations,
              Not(Contains(NameOf(Reason::kNoNotRegistered))))
      << "aimed at ESMEs";
}

}  // namespace
}  // namespace acb
