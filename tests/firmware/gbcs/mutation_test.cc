// Every octet of a message altered, cut off or added: refused or seen to differ, and under ASan no
// crash.
#include <gtest/gtest.h>

#include "firmware/gbcs/correlation.h"
#include "firmware/gbcs/mac.h"
#include "firmware/gbcs/message.h"
#include "firmware/gbcs/payload.h"
#include "tests/firmware/gbcs/vectors.h"
#include "tests/support/shared.h"

namespace acb::gbcs {
namespace {

using namespace acb::testing;

// Runs every parser over the octets, whatever they are; for the sanitizers.
void ParseAll(BytesView octets) {
  const auto message = Message::Parse(octets);
  const BytesView payload = message ? message->payload() : octets;
  (void)CommandPayload::Parse(payload).has_value();
  (void)ResponsePayload::Parse(payload).has_value();
  (void)AlertPayload::Parse(payload).has_value();
}

template <class Visit>
void ForEachMutation(BytesView original, Visit visit) {
  Bytes octets = ToBytes(original);
  for (std::size_t i = 0; i < octets.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      octets[i] = static_cast<std::uint8_t>(original[i] ^ (1 << bit));
      visit(octets, i);
    }
    octets[i] = original[i];
  }
  for (std::size_t size = 0; size < original.size(); ++size)
    visit(ToBytes(original.first(size)), size);
  for (std::size_t i = 0; i <= original.size(); ++i) {
    for (const std::uint8_t extra : Bytes{0x00, 0x30, 0xff}) {
      Bytes longer = ToBytes(original);
      longer.insert(longer.begin() + static_cast<std::ptrdiff_t>(i), extra);
      visit(longer, i);
    }
    if (i == original.size()) break;
    Bytes shorter = ToBytes(original);
    shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(i));
    // In a run of equal octets it does not matter which one is taken away; it is still one less.
    visit(shorter, i);
  }
}

// R-SEC3-6: no octet of what is to be signed can change unseen.
TEST(Mutation, OfAnOctetToBeSignedNeverPassesTheCorrelation) {
  ACB_NEED_SHARED();
  for (const RemotePartyRole role :
       {RemotePartyRole::kSupplier, RemotePartyRole::kNetworkOperator}) {
    const bool supplier = role == RemotePartyRole::kSupplier;
    const HandoverContent wanted = supplier ? SupplierContent() : NetworkOperatorContent();
    const ReservedCounter reserved = ReserveFor(role, 1500);
    const auto command = BuildUpdateSecurityCredentials(wanted, reserved);
    ASSERT_TRUE(command);
    ASSERT_TRUE(CheckCorrelation(command->octets(), wanted, reserved));
    ForEachMutation(command->octets(), [&](const Bytes& octets, std::size_t at) {
      const Status status = CheckCorrelation(octets, wanted, reserved);
      ASSERT_FALSE(status) << at;
      ASSERT_EQ(status.error().reason, Reason::kCorrelation);
      ParseAll(octets);
    });
  }
}

// A whole Command: what still parses has another MAC than the one it needs.
TEST(Mutation, OfACommandIsRefusedOrBreaksItsMac) {
  ACB_NEED_SHARED();
  const Bytes vector = ReadVector(kNetworkOperator621);
  const Secret z = Ecdh("90b3d51f30000002-ka", ReadPublicKey("00db1234567890a3-ka"));
  const auto genuine = [&](BytesView octets) {
    const auto message = Message::Parse(octets);
    if (!message || !message->mac()) return false;
    const Secret key = DeriveMacKey(z, message->KeyInfo());
    return EqualMacs(*message->mac(),
                     ComputeMac(key, MakeMacIv(message->header().originator), message->Aad()));
  };
  ASSERT_TRUE(genuine(vector));
  ForEachMutation(vector, [&](const Bytes& octets, std::size_t at) {
    ASSERT_FALSE(genuine(octets)) << at;
    ParseAll(octets);
  });
}

TEST(Mutation, OfAResponseIsRefusedOrBreaksItsSignature) {
  ACB_NEED_SHARED();
  const Bytes vector = ReadVector("CS02bNOByNOHandover_6.21_SUCCESS_RESPONSE");
  const PublicPoint key = ReadPublicKey("00db1234567890a3-ds");
  const auto genuine = [&](BytesView octets) {
    const auto message = Message::Parse(octets);
    return message && message->signature() &&
           VerifySignature(message->ToBeSigned(), *message->signature(), key);
  };
  ASSERT_TRUE(genuine(vector));
  ForEachMutation(vector, [&](const Bytes& octets, std::size_t at) {
    ASSERT_FALSE(genuine(octets)) << at;
    ParseAll(octets);
  });
}

// Without ../shared: the small supplier command has every element that is ever built.
TEST(Mutation, OfTheSmallCommandNeverPassesTheCorrelation) {
  const HandoverContent wanted = SmallContent(RemotePartyRole::kSupplier);
  const ReservedCounter reserved = ReserveFor(RemotePartyRole::kSupplier, 1500);
  const auto command = BuildUpdateSecurityCredentials(wanted, reserved);
  ASSERT_TRUE(command);
  ForEachMutation(command->octets(), [&](const Bytes& octets, std::size_t at) {
    ASSERT_FALSE(CheckCorrelation(octets, wanted, reserved)) << at;
  });
}

}  // namespace
}  // namespace acb::gbcs
