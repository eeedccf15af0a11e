// Every CS02b and CS02a message of the DCC's public test data: parsed, and checked with every
// public key.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "firmware/base/sha256.h"
#include "firmware/gbcs/mac.h"
#include "firmware/gbcs/message.h"
#include "firmware/gbcs/payload.h"
#include "tests/firmware/gbcs/vectors.h"
#include "tests/support/shared.h"

namespace acb::gbcs {
namespace {

using namespace acb::testing;

struct Vector {
  std::string name;
  Bytes octets;
};

// In the order of their names; `prefix` as CS02b, `part` as _COMMAND.
std::vector<Vector> Vectors(std::string_view prefix, std::string_view part) {
  std::map<std::string, Bytes> found;
  const std::string end = std::string(part) + "_GBCS.HEX";
  for (const auto& entry : std::filesystem::directory_iterator(SharedDir() / "rtds" / "gbcs")) {
    const std::string file = entry.path().filename();
    if (!file.starts_with(prefix) || !file.ends_with(end)) continue;
    found.emplace(file, Hex(ReadText(entry.path())));
  }
  std::vector<Vector> vectors;
  for (auto& [name, octets] : found) vectors.push_back({name, octets});
  return vectors;
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}
PublicPoint SigningKeyOf(Eui64 party) { return ReadPublicKey(Lower(party.Plain()) + "-ds"); }

// The MAC of the message, made anew with the ACB's and the device's key.
Mac MacOf(const Message& message) {
  const Eui64 device = message.header().cra == CraFlag::kCommand ? message.header().target
                                                                 : message.header().originator;
  const Secret z = Ecdh("90b3d51f30000002-ka", ReadPublicKey(Lower(device.Plain()) + "-ka"));
  return ComputeMac(DeriveMacKey(z, message.KeyInfo()), MakeMacIv(message.header().originator),
                    message.Aad());
}

TEST(RtdsCommands, AllParseAndTheirSignaturesAndMacsVerify) {
  ACB_NEED_SHARED();
  int signatures = 0, macs = 0;
  std::set<int> modes;
  const auto vectors = Vectors("CS02b", "_COMMAND");
  EXPECT_EQ(vectors.size(), 7u);
  for (const Vector& vector : vectors) {
    SCOPED_TRACE(vector.name);
    const auto message = Message::Parse(vector.octets);
    ASSERT_TRUE(message) << message.error().explanation;
    const auto payload = CommandPayload::Parse(message->payload());
    ASSERT_TRUE(payload) << payload.error().explanation;
    EXPECT_TRUE(CheckAgreement(message->header(), *payload));
    EXPECT_FALSE(message->header().date_time);
    EXPECT_FALSE(payload->execution_date_time);
    EXPECT_EQ(payload->certification_path.size(), 1u);
    modes.insert(static_cast<int>(payload->mode));
    // Section 1: only mode 4 goes unsigned.
    const bool unsigned_mode =
        payload->mode == CredentialsReplacementMode::kAccessControlBrokerByAcb;
    EXPECT_EQ(message->form(), unsigned_mode ? MessageForm::kMaced : MessageForm::kSignedAndMaced);
    EXPECT_EQ(payload->authorising_cell.has_value(), !unsigned_mode);
    if (message->signature()) {
      ++signatures;
      EXPECT_TRUE(VerifySignature(message->ToBeSigned(), *message->signature(),
                                  SigningKeyOf(message->header().originator)));
    }
    ASSERT_TRUE(message->mac());
    ++macs;
    EXPECT_TRUE(EqualMacs(*message->mac(), MacOf(*message)));
  }
  EXPECT_EQ(signatures, 6);
  EXPECT_EQ(macs, 7);
  EXPECT_EQ(modes, (std::set<int>{2, 3, 4, 7}));
}

TEST(RtdsPreCommands, AllParseAndStandUnchangedInTheirCommands) {
  ACB_NEED_SHARED();
  const auto vectors = Vectors("CS02b", "_PRECOMMAND");
  EXPECT_EQ(vectors.size(), 3u);
  for (const Vector& vector : vectors) {
    SCOPED_TRACE(vector.name);
    const auto message = Message::Parse(vector.octets);
    ASSERT_TRUE(message) << message.error().explanation;
    EXPECT_EQ(message->form(), MessageForm::kPreCommand);
    EXPECT_TRUE(Equal(message->Body(), vector.octets));
    const auto payload = CommandPayload::Parse(message->payload());
    ASSERT_TRUE(payload) << payload.error().explanation;
    EXPECT_TRUE(CheckAgreement(message->header(), *payload));
    const std::string stem = vector.name.substr(0, vector.name.find("_PRECOMMAND"));
    const Bytes whole = ReadVector(stem + "_COMMAND");
    const auto command = Message::Parse(whole);
    ASSERT_TRUE(command);
    EXPECT_TRUE(Equal(command->ToBeSigned(), message->ToBeSigned()));
  }
}

TEST(RtdsResponses, AllParseAndTheirSignaturesVerify) {
  ACB_NEED_SHARED();
  int signatures = 0;
  const auto vectors = Vectors("CS02b", "_RESPONSE");
  EXPECT_EQ(vectors.size(), 7u);
  for (const Vector& vector : vectors) {
    SCOPED_TRACE(vector.name);
    const auto message = Message::Parse(vector.octets);
    ASSERT_TRUE(message) << message.error().explanation;
    EXPECT_EQ(message->form(), MessageForm::kSigned);
    ASSERT_TRUE(message->header().date_time);
    EXPECT_EQ(ToHex(*message->header().date_time), "07df0101ff000000008000ff");
    const auto payload = ResponsePayload::Parse(message->payload());
    ASSERT_TRUE(payload) << payload.error().explanation;
    EXPECT_TRUE(payload->outcome);
    EXPECT_TRUE(CheckAgreement(message->header(), *payload));
    ASSERT_TRUE(message->signature());
    ++signatures;
    EXPECT_TRUE(VerifySignature(message->ToBeSigned(), *message->signature(),
                                SigningKeyOf(message->header().originator)));
    // It answers the Command beside it: same counter and code, parties turned round.
    const std::string stem = vector.name.substr(0, vector.name.find("_RESPONSE"));
    const Bytes asked = ReadVector(stem + "_COMMAND");
    const auto command = Message::Parse(asked);
    ASSERT_TRUE(command);
    EXPECT_EQ(command->header().counter, message->header().counter);
    EXPECT_EQ(command->header().message_code, message->header().message_code);
    EXPECT_EQ(command->header().originator, message->header().target);
    EXPECT_EQ(command->header().target, message->header().originator);
    const auto commanded = CommandPayload::Parse(command->payload());
    ASSERT_TRUE(commanded);
    ASSERT_EQ(commanded->replacements.size(), payload->outcome->replacement_outcomes.size());
    for (std::size_t i = 0; i < commanded->replacements.size(); ++i) {
      EXPECT_EQ(commanded->replacements[i].cell, payload->outcome->replacement_outcomes[i].cell);
    }
  }
  EXPECT_EQ(signatures, 7);
}

TEST(RtdsCs02a, TheMacsOfCommandsAndResponsesAreReproduced) {
  ACB_NEED_SHARED();
  int macs = 0;
  for (const std::string_view part : {"_COMMAND", "_RESPONSE"}) {
    for (const Vector& vector : Vectors("CS02a", part)) {
      SCOPED_TRACE(vector.name);
      const auto message = Message::Parse(vector.octets);
      ASSERT_TRUE(message) << message.error().explanation;
      EXPECT_EQ(message->form(), MessageForm::kMaced);
      EXPECT_EQ(message->header().message_code, kProvideSecurityCredentialDetails);
      EXPECT_TRUE(EqualMacs(message->mac().value(), MacOf(*message)));
      ++macs;
    }
  }
  EXPECT_EQ(macs, 4);
}

TEST(RtdsCommands, A621SaysWhatTheReferenceReads) {
  ACB_NEED_SHARED();
  const Bytes octets = ReadVector(kSupplier621);
  const auto message = Message::Parse(octets);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->header().cra, CraFlag::kCommand);
  EXPECT_EQ(message->header().counter, 1300u);
  EXPECT_EQ(message->header().originator, kAcb);
  EXPECT_EQ(message->header().target, kGpf);
  EXPECT_EQ(message->header().message_code, 0x0102);
  const auto payload = CommandPayload::Parse(message->payload());
  ASSERT_TRUE(payload);
  const auto role = RemotePartyRole::kSupplier;
  EXPECT_EQ(payload->mode, CredentialsReplacementMode::kSupplierBySupplier);
  EXPECT_EQ(payload->authorising_cell, (TrustAnchorCell{role, KeyUsage::kDigitalSignature}));
  EXPECT_EQ(payload->seq_number, 1300u);
  EXPECT_EQ(payload->floor, FloorSeqNumber::From(0));
  EXPECT_EQ(payload->prepayment_top_up_floor, FloorSeqNumber::From(0));
  EXPECT_TRUE(payload->apply_time_based_cpv_checks);
  EXPECT_TRUE(payload->other_changes.empty());
  ASSERT_EQ(payload->replacements.size(), 3u);
  EXPECT_EQ(payload->replacements[2].cell,
            (TrustAnchorCell{role, KeyUsage::kKeyAgreement, CellUsage::kPrepaymentTopUp}));
  EXPECT_TRUE(
      Equal(payload->replacements[2].certificate, ReadCertificate("90b3d51f30010000-pp-ka")));
}

TEST(RtdsCommands, OneRoleMayChangeAnothersNumbers) {
  ACB_NEED_SHARED();
  const Bytes octets = ReadVector("CS02bSupplierByTransCoS_6.23_IMMEDIATE_SUCCESS_COMMAND");
  const auto payload = CommandPayload::Parse(Message::Parse(octets).value().payload());
  ASSERT_TRUE(payload);
  EXPECT_EQ(payload->mode, CredentialsReplacementMode::kSupplierByTransCos);
  EXPECT_EQ(payload->authorising_cell,
            (TrustAnchorCell{RemotePartyRole::kTransitionalCos, KeyUsage::kDigitalSignature}));
  EXPECT_FALSE(payload->floor);
  EXPECT_EQ(payload->other_changes,
            (std::vector{SeqNumberChange{RemotePartyRole::kSupplier, *FloorSeqNumber::From(0),
                                         FloorSeqNumber::From(0)}}));
}

TEST(RtdsCommands, TimeChecksMayBeOff) {
  ACB_NEED_SHARED();
  const Bytes octets = ReadVector("CS02bSupplierBySupplier_6.15.1_IMMEDIATE_SUCCESS_COMMAND");
  const auto payload = CommandPayload::Parse(Message::Parse(octets).value().payload());
  ASSERT_TRUE(payload);
  EXPECT_FALSE(payload->apply_time_based_cpv_checks);
}

// gbcs-cs02b.md section 6.2.
TEST(RtdsResponses, A621ResponseSaysWhatTheReferenceReads) {
  ACB_NEED_SHARED();
  const Bytes octets = ReadVector("CS02bNOByNOHandover_6.21_SUCCESS_RESPONSE");
  const auto message = Message::Parse(octets);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->header().cra, CraFlag::kResponse);
  EXPECT_EQ(ToHex(Sha256(message->ToBeSigned())),
            "d3008e2147ad3a185d17370f98023be73d5f06dd13963dc65b8a6b6f1d6662f7");
  const auto payload = ResponsePayload::Parse(message->payload());
  ASSERT_TRUE(payload);
  const ExecutionOutcome& outcome = payload->outcome.value();
  EXPECT_EQ(outcome.seq_number, 1301u);
  EXPECT_EQ(outcome.mode, CredentialsReplacementMode::kNetworkOperatorByNetworkOperator);
  const auto role = RemotePartyRole::kNetworkOperator;
  EXPECT_EQ(outcome.seq_number_changes,
            (std::vector{SeqNumberChange{role, *FloorSeqNumber::From(0), std::nullopt}}));
  ASSERT_EQ(outcome.replacement_outcomes.size(), 2u);
  const ReplacementOutcome& signing = outcome.replacement_outcomes[0];
  EXPECT_EQ(signing.cell, (TrustAnchorCell{role, KeyUsage::kDigitalSignature}));
  EXPECT_EQ(signing.status, StatusCode::kSuccess);
  EXPECT_EQ(signing.existing_party, kAcb);
  EXPECT_EQ(ToHex(signing.existing_key), "42693535d3dde101");
  EXPECT_EQ(signing.replacing_party, Eui64(0x90B3D51F30020000));
  EXPECT_EQ(ToHex(signing.replacing_key), "48cf97fa9f827fb5");
  const ReplacementOutcome& agreement = outcome.replacement_outcomes[1];
  EXPECT_EQ(agreement.cell, (TrustAnchorCell{role, KeyUsage::kKeyAgreement}));
  EXPECT_EQ(ToHex(agreement.existing_key), "4a9ce02c39ab910b");
  EXPECT_EQ(ToHex(agreement.replacing_key), "4bc9d38d1cb49f2a");
}

// Section 6.3: outcomes are per cell.
TEST(RtdsResponses, OneCellMayFailAlone) {
  ACB_NEED_SHARED();
  const Bytes octets = ReadVector("CS02bSupplierBySupplier_6.15.1_IMMEDIATE_ERROR_RESPONSE");
  const auto payload = ResponsePayload::Parse(Message::Parse(octets).value().payload());
  ASSERT_TRUE(payload);
  const auto& outcomes = payload->outcome.value().replacement_outcomes;
  ASSERT_EQ(outcomes.size(), 3u);
  EXPECT_EQ(outcomes[0].status, StatusCode::kSuccess);
  EXPECT_EQ(outcomes[1].status, StatusCode::kNoTrustAnchor);
  EXPECT_EQ(outcomes[1].existing_key, outcomes[1].replacing_key);
  EXPECT_EQ(outcomes[2].status, StatusCode::kSuccess);
  EXPECT_EQ(outcomes[2].cell.cell_usage, CellUsage::kPrepaymentTopUp);
}

}  // namespace
}  // namespace acb::gbcs
