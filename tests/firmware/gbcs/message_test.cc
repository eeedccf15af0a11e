#include "firmware/gbcs/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/firmware/gbcs/vectors.h"

namespace acb::gbcs {
namespace {

using acb::testing::Hex;
using ::testing::HasSubstr;

// The CS02a command of gbcs-cs02b.md section 5.5.
constexpr std::string_view kMaced =
    "dd000000000000 47 11 00000000"
    "df 09 01 0000000000000516 08 90b3d51f30000002 08 00db1234567890a0 00 02 0008 13"
    "30113007020104030203083006020102020103 00 a3e451cdc680b824b9dae4cf";

constexpr std::string_view kHeader =
    "df 09 01 0000000000000516 08 90b3d51f30000002 08 00db1234567890a0";
const std::string kSignature = "40" + std::string(128, '7');

std::string Join(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text.append(part);
  return text;
}
std::string PreCommand() { return Join({kHeader, "00 02 0102 02 0500"}); }
std::string Response(std::string_view date_time) {
  return Join({"df 09 02 0000000000000516 08 00db1234567890a0 08 90b3d51f30000002", date_time,
               "02 0102 02 0500"});
}

void ExpectRefused(std::string_view hex, std::string_view field) {
  const Bytes octets = Hex(hex);
  const auto message = Message::Parse(octets);
  ASSERT_FALSE(message) << hex;
  EXPECT_EQ(message.error().reason, Reason::kMalformed);
  EXPECT_THAT(message.error().explanation, HasSubstr(std::string(field))) << hex;
}
void ExpectForm(std::string_view hex, MessageForm form) {
  const Bytes octets = Hex(hex);
  const auto message = Message::Parse(octets);
  ASSERT_TRUE(message) << message.error().explanation;
  EXPECT_EQ(message->form(), form);
}
// Replaces octets at an offset.
std::string At(std::string_view hex, std::size_t offset, std::string_view octets) {
  std::string text = ToHex(Hex(hex));
  text.replace(2 * offset, octets.size(), octets);
  return text;
}

TEST(Message, ReadsEveryFieldOfTheSmallCommand) {
  const Bytes octets = Hex(kMaced);
  const auto message = Message::Parse(octets);
  ASSERT_TRUE(message) << message.error().explanation;
  EXPECT_EQ(message->form(), MessageForm::kMaced);
  EXPECT_EQ(message->header().cra, CraFlag::kCommand);
  EXPECT_EQ(message->header().counter, 0x516u);
  EXPECT_EQ(message->header().originator, Eui64(0x90B3D51F30000002));
  EXPECT_EQ(message->header().target, Eui64(0x00DB1234567890A0));
  EXPECT_FALSE(message->header().date_time);
  EXPECT_EQ(message->header().message_code, 8);
  EXPECT_EQ(ToHex(message->payload()), "30113007020104030203083006020102020103");
  EXPECT_TRUE(Equal(message->ToBeSigned(), BytesView(octets).subspan(14, 34 - 1 + 19)));
  EXPECT_EQ(message->Body().size(), message->ToBeSigned().size() + 2);
  EXPECT_FALSE(message->signature());
  EXPECT_EQ(ToHex(message->mac().value()), "a3e451cdc680b824b9dae4cf");
  EXPECT_EQ(ToHex(message->Aad()), "110000000000" + ToHex(message->Body()));
}

TEST(Message, TellsTheFormsApart) {
  ExpectForm(PreCommand(), MessageForm::kPreCommand);
  ExpectForm(PreCommand() + "00", MessageForm::kPreCommand);
  ExpectForm(PreCommand() + kSignature, MessageForm::kSigned);
  ExpectForm(kMaced, MessageForm::kMaced);
  const std::string body = PreCommand() + kSignature;
  ExpectForm("dd000000000000 76 11 00000000" + body + std::string(24, 'a'),
             MessageForm::kSignedAndMaced);
}

TEST(Message, DropsTheEmptySignatureOfAPreCommand) {
  const Bytes with = Hex(PreCommand() + "00"), without = Hex(PreCommand());
  const auto message = Message::Parse(with);
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->signature());
  EXPECT_EQ(ToHex(message->Body()), ToHex(without));
  EXPECT_EQ(ToHex(message->ToBeSigned()), ToHex(BytesView(without).subspan(1)));
}

TEST(Message, OnlyAResponseMayHaveADateTime) {
  const std::string time = "0c 07df0101ff000000008000ff";
  ExpectForm(Response(time) + kSignature, MessageForm::kSigned);
  ExpectForm(Response("00") + kSignature, MessageForm::kSigned);
  ExpectRefused(Join({kHeader, time, "02 0102 02 0500", kSignature}), "date-time");
  ExpectRefused(At(Response(time) + kSignature, 2, "03"), "date-time");
  ExpectRefused(Response("0b 07df0101ff000000008000") + kSignature, "date-time");
}

TEST(Message, AResponseOrAlertIsNeverUnsigned) {
  ExpectRefused(Response("00"), "signature: missing");
  ExpectRefused(Response("00") + "00", "signature: missing");
  ExpectRefused(At(Response("00"), 2, "03"), "signature: missing");
  ExpectForm(At(Response("00") + kSignature, 2, "03"), MessageForm::kSigned);
}

TEST(Message, RefusesEveryWrongOctetOfTheMacHeader) {
  ExpectRefused("", "tag");
  ExpectRefused("dd", "MAC Header");
  for (std::size_t i = 1; i <= 6; ++i) ExpectRefused(At(kMaced, i, "01"), "MAC Header");
  ExpectRefused(At(kMaced, 7, "46"), "ciphered-service length");
  ExpectRefused(At(kMaced, 7, "48"), "ciphered-service length");
  ExpectRefused(At(kMaced, 8, "10"), "security control");
  for (std::size_t i = 9; i <= 12; ++i) ExpectRefused(At(kMaced, i, "01"), "invocation counter");
}

TEST(Message, RefusesEveryWrongOctetOfTheGroupingHeader) {
  ExpectRefused(At(kMaced, 13, "de"), "tag general-signing");
  ExpectRefused(At(kMaced, 14, "08"), "transaction-id length");
  ExpectRefused(At(kMaced, 15, "00"), "CRA Flag");
  ExpectRefused(At(kMaced, 15, "04"), "CRA Flag");
  ExpectRefused(At(kMaced, 24, "07"), "originator-system-title");
  ExpectRefused(At(kMaced, 33, "09"), "recipient-system-title");
  ExpectRefused(At(kMaced, 42, "01"), "date-time");
  ExpectRefused(At(kMaced, 43, "03"), "other-information");
  ExpectRefused(At(kMaced, 46, "80"), "content length");
  ExpectRefused(At(kMaced, 46, "7f"), "payload");
}

TEST(Message, RefusesLengthsThatAreNotInTheShortestForm) {
  ExpectRefused(Join({kHeader, "00 02 0102 8102 0500"}), "content length");
  ExpectRefused(Join({kHeader, "00 02 0102 820002 0500"}), "content length");
  ExpectRefused(Join({kHeader, "00 02 0102 83000002 0500"}), "content length");
  std::string longer = ToHex(Hex(kMaced));
  longer.replace(14, 2, "8147");
  ExpectRefused(longer, "ciphered-service length");
  // The greatest of each form and the least of the next are taken.
  for (const auto& [length, octets] : {std::pair("7f", 127), std::pair("8180", 128),
                                       std::pair("81ff", 255), std::pair("820100", 256)}) {
    const std::string payload(2 * static_cast<std::size_t>(octets), '0');
    ExpectForm(Join({kHeader, "00 02 0102", length, payload}), MessageForm::kPreCommand);
  }
}

TEST(Message, RefusesASignatureLengthThatIsNeither40Nor00) {
  ExpectRefused(PreCommand() + "3f" + std::string(126, '7'), "signature length");
  ExpectRefused(PreCommand() + "41" + std::string(130, '7'), "signature length");
  ExpectRefused(PreCommand() + kSignature.substr(2), "signature length");
}

TEST(Message, RefusesEveryTrimAndEveryExtension) {
  const std::string signed_and_maced =
      "dd000000000000 76 11 00000000" + PreCommand() + kSignature + std::string(24, 'a');
  for (const std::string& text :
       {std::string(kMaced), signed_and_maced, Response("00") + kSignature}) {
    const Bytes whole = Hex(text);
    ASSERT_TRUE(Message::Parse(whole));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(Message::Parse(BytesView(whole).first(size))) << size;
    }
    for (const std::uint8_t extra : Bytes{0x00, 0x40, 0xff}) {
      Bytes longer = whole;
      longer.push_back(extra);
      EXPECT_FALSE(Message::Parse(longer));
    }
  }
}

// The MAC Header's length fits what follows, but what follows lacks its end.
TEST(Message, RefusesPartsThatAreCutOffInsideTheMacHeadersLength) {
  const auto maced = [](const std::string& rest) {
    const auto size = static_cast<std::uint8_t>(5 + Hex(rest).size());
    return "dd000000000000" + ToHex(Bytes{size}) + "1100000000" + rest;
  };
  const std::string mac(24, 'a');
  ExpectForm(maced(PreCommand() + "00" + mac), MessageForm::kMaced);
  ExpectRefused(maced(PreCommand() + "00" + mac.substr(2)), "MAC: cut off");
  ExpectRefused(maced(PreCommand() + "00"), "MAC: cut off");
  ExpectRefused(maced(PreCommand()), "signature length: missing");
  ExpectRefused(maced(PreCommand() + kSignature.substr(0, 100)), "signature: cut off");
  ExpectRefused(maced(PreCommand() + "00" + mac + "aa"), "octets after the end");
  ExpectRefused(Join({"df 09 02 0000000000000516 08 00db1234567890a0 08 90b3d51f30000002 0c 07df"}),
                "date-time: cut off");
}

TEST(Message, RefusesMoreThanTheGreatestMessage) {
  Bytes octets = Hex(Join({kHeader, "00 02 0102 82ffff"}));
  octets.resize(octets.size() + 65535);
  ASSERT_LE(octets.size(), kMaxMessageOctets + 100);
  const std::size_t header = octets.size() - 65535;
  EXPECT_EQ(Message::Parse(octets).has_value(), octets.size() <= kMaxMessageOctets);
  // One that just fits, and one octet more.
  const std::size_t fits = kMaxMessageOctets - header;
  for (const std::size_t size : {fits, fits + 1}) {
    Bytes sized(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(header + size));
    sized[header - 2] = static_cast<std::uint8_t>(size >> 8);
    sized[header - 1] = static_cast<std::uint8_t>(size);
    EXPECT_EQ(Message::Parse(sized).has_value(), size == fits);
  }
}

}  // namespace
}  // namespace acb::gbcs
