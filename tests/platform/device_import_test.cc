#include "platform/device_import.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <limits>
#include <map>

#include "store/packed_device.h"
#include "tests/platform/test_pki.h"

namespace acb::platform {
namespace {

// Without device roots no path is asked for.
Status AnyPath(const smki::Certificate&) { return Done{}; }

using ::testing::HasSubstr;

constexpr std::string_view kHeader =
    "device_id,type,smets,model,smi_status,commissioned,mpxn,key_agreement_certificate,"
    "supplier_cell,supplier_floor,network_operator_cell,network_operator_floor\n";
// More than two blocks.
constexpr std::uint64_t kManyRows = 40'000;

std::string RowOf(std::uint64_t device, std::string_view model = "Model") {
  return Eui64(device).Plain() + ",ESME,SMETS2," + std::string(model) +
         ",Commissioned,2024-02-03,1312345678111,,acb,1200,90b3d51f30010000,\n";
}

class DeviceImport : public ::testing::Test {
 protected:
  Result<PreparedDevices> Prepare(const std::string& text) {
    file_ = HttpBody(ToBytes(AsBytes(text)));
    return PreparedDevices::From(file_, directory_.path(), AnyPath);
  }
  // As a large body comes: mapped, so that its pages can be let go of.
  Result<PreparedDevices> PrepareMapped(const std::string& text) {
    const Descriptor file(::open(directory_.path().c_str(), O_TMPFILE | O_RDWR, 0600));
    EXPECT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    file_ = HttpBody::Map(file, text.size()).value();
    return PreparedDevices::From(file_, directory_.path(), AnyPath);
  }
  static std::vector<Device> All(const PreparedDevices& prepared) {
    std::vector<Device> devices;
    const auto next = prepared.Source();
    while (true) {
      const auto packed = next();
      EXPECT_TRUE(packed);
      if (!packed || !packed->has_value()) return devices;
      const auto unpacked = store::UnpackDevice(**packed);
      EXPECT_TRUE(unpacked);
      if (!unpacked) return devices;
      devices.push_back(unpacked->device);
    }
  }

  acb::testing::TemporaryDirectory directory_;
  HttpBody file_;
};

TEST_F(DeviceImport, GivesEveryRowInOrderOfDevice) {
  std::string text(kHeader);
  for (std::uint64_t i = 0; i < kManyRows; ++i) {
    text += RowOf(1 + i * 7919 % kManyRows, "M" + std::to_string(i * 7919 % kManyRows));
  }
  ASSERT_GT(text.size(), std::size_t{3} << 20);
  const auto prepared = PrepareMapped(text);
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->rows(), kManyRows);
  EXPECT_EQ(prepared->rejected(), 0u);
  EXPECT_EQ(prepared->sha256(), Sha256(AsBytes(text)));
  const auto devices = All(*prepared);
  ASSERT_EQ(devices.size(), kManyRows);
  for (std::uint64_t i = 0; i < kManyRows; ++i) {
    ASSERT_EQ(devices[i].id, Eui64(1 + i));
    ASSERT_EQ(devices[i].model, "M" + std::to_string(i));
  }
  const Device& device = devices.front();
  EXPECT_EQ(device.type, DeviceType::kEsme);
  EXPECT_EQ(device.mpxn, "1312345678111");
  EXPECT_EQ(device.supplier.holder, CellState::Holder::kAcb);
  EXPECT_EQ(device.supplier.floor->value(), 1200u);
  EXPECT_EQ(device.network_operator.party, Eui64(0x90B3D51F30010000));
  EXPECT_FALSE(device.network_operator.floor);
}

TEST_F(DeviceImport, ListsWrongRowsOfAllBlocksByTheirLine) {
  std::string text(kHeader);
  for (std::uint64_t line = 2; line < kManyRows; ++line) {
    text += line % 10'000 == 0 ? "wrong\n" : RowOf(line);
  }
  text += "00db,last";  // without a line end
  const auto prepared = PrepareMapped(text);
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->rows(), kManyRows - 1);
  EXPECT_EQ(prepared->rejected(), 4u);
  const auto& rejects = prepared->rejects();
  ASSERT_EQ(rejects.size(), 4u);
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_EQ(rejects[i].line, (i + 1) * 10'000);
  EXPECT_THAT(rejects[0].reason, HasSubstr("1 fields"));
  EXPECT_EQ(prepared->sha256(), Sha256(AsBytes(text)));
}

// However the octets come; and who goes before the end leaves nothing.
TEST_F(DeviceImport, SaysTheSameOfAFileThatComesInPieces) {
  const std::string plain = [] {
    std::string rows;
    for (std::uint64_t i = 1; i <= kManyRows; ++i) rows += i % 9'999 == 0 ? "wrong\n" : RowOf(i);
    return rows;
  }();
  const std::string quoted = plain + "\"a row\nof two lines\"\n" + RowOf(kManyRows + 1) + "wrong";
  const std::string endless = plain + std::string(std::size_t{3} << 20, 'x');
  for (const std::string& rows : {std::string(), plain, quoted, endless, quoted + plain}) {
    const std::string text = std::string(kHeader) + rows;
    const auto whole = Prepare(text);
    ASSERT_TRUE(whole);
    const std::size_t most = std::size_t{5} << 20;
    for (const std::size_t piece : {std::size_t{1009}, std::size_t{1} << 20, most}) {
      DeviceIntake intake(directory_.path(), {AnyPath});
      DeviceIntake given_up(directory_.path(), {AnyPath});
      for (std::size_t at = 0; at < text.size(); at += piece) {
        intake.Take(std::string_view(text).substr(at, piece));
        given_up.Take(std::string_view(text).substr(at, piece));
      }
      EXPECT_EQ(intake.size(), text.size());
      const auto prepared = intake.Finish();
      ASSERT_TRUE(prepared);
      EXPECT_EQ(prepared->rows(), whole->rows());
      EXPECT_EQ(prepared->rejected(), whole->rejected());
      EXPECT_EQ(prepared->octets(), text.size());
      EXPECT_EQ(prepared->sha256(), Sha256(AsBytes(text)));
      ASSERT_EQ(prepared->rejects().size(), whole->rejects().size());
      for (std::size_t i = 0; i < whole->rejects().size(); ++i) {
        EXPECT_EQ(prepared->rejects()[i].line, whole->rejects()[i].line);
        EXPECT_EQ(prepared->rejects()[i].reason, whole->rejects()[i].reason);
      }
      EXPECT_EQ(All(*prepared).size(), All(*whole).size());
    }
  }
}

// The answer is the one that a whole file would get, and comes when all has come.
TEST_F(DeviceImport, ReadsOnPastAHeaderThatIsWrong) {
  DeviceIntake intake(directory_.path(), {AnyPath});
  const std::string more(std::size_t{2} << 20, '\n');
  intake.Take("device_id,type\n");
  intake.Take(more);
  intake.Take(more);
  const auto other = intake.Finish();
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().reason, Reason::kFeedRejected);
  EXPECT_EQ(other.error().explanation, Prepare("device_id,type\n").error().explanation);
}

// Whoever sends is told at once, and nothing is kept for the rest.
TEST_F(DeviceImport, TakesNoMoreWhenItIsNotWantedAnyMore) {
  const auto unwanted = []() -> Status { return Failure(Reason::kBusy, {}, "not now"); };
  DeviceIntake intake(directory_.path(), {AnyPath, {}, unwanted});
  ASSERT_TRUE(intake.Take(kHeader));
  std::string rows;
  for (std::uint64_t i = 1; rows.size() < std::size_t{1} << 20; ++i) rows += RowOf(i);
  bool taken = true;
  for (int i = 0; i < 10'000 && taken; ++i) taken = intake.Take(rows);
  EXPECT_FALSE(taken);
  EXPECT_EQ(intake.WhyNot().detail, "not now");
}

TEST_F(DeviceImport, TakesNoMoreWhenThereIsNoRoom) {
  DeviceIntake intake(directory_.path() / "missing", {AnyPath});
  ASSERT_TRUE(intake.Take(kHeader));
  std::string rows = "\"quoted\",\n";
  for (std::uint64_t i = 1; rows.size() < std::size_t{3} << 20; ++i) rows += RowOf(i);
  EXPECT_FALSE(intake.Take(rows));
  EXPECT_EQ(intake.WhyNot().reason, Reason::kStoreUnavailable);
}

// From the first quote on only the reader knows where a row ends.
TEST_F(DeviceImport, FindsTheLinesBehindQuotedLineEndsAndStrayQuotes) {
  std::string text(kHeader);
  text += RowOf(1);                                                // 2
  text += "\"a row\nof three\nlines\"\n";                          // 3, wrong
  for (std::uint64_t i = 2; i < kManyRows; ++i) text += RowOf(i);  // 6 ...
  text += "a\"stray quote\n";
  text += RowOf(kManyRows);
  text += "wrong\n";
  const auto prepared = PrepareMapped(text);
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->rows(), kManyRows + 3);
  const auto& rejects = prepared->rejects();
  ASSERT_EQ(rejects.size(), 3u);
  EXPECT_EQ(rejects[0].line, 3u);
  EXPECT_EQ(rejects[1].line, kManyRows + 4);
  EXPECT_THAT(rejects[1].reason, HasSubstr("quote"));
  EXPECT_EQ(rejects[2].line, kManyRows + 6);
  EXPECT_EQ(prepared->sha256(), Sha256(AsBytes(text)));
}

TEST_F(DeviceImport, RefusesADeviceThatIsTwiceInTheFile) {
  const auto prepared =
      Prepare(std::string(kHeader) + RowOf(9) + RowOf(5) + RowOf(9, "Other") + RowOf(5) + RowOf(9));
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->rejected(), 3u);
  std::map<std::uint64_t, std::string> reasons;
  for (const auto& reject : prepared->rejects()) reasons[reject.line] = reject.reason;
  ASSERT_EQ(reasons.size(), 3u);
  EXPECT_EQ(prepared->rejects().front().line, 4u);
  EXPECT_EQ(reasons[4], "device_id: 0000000000000009 is twice in the file, first on line 2");
  EXPECT_THAT(reasons[5], HasSubstr("first on line 3"));
  EXPECT_THAT(reasons[6], HasSubstr("first on line 2"));
  EXPECT_EQ(Prepare(std::string(kHeader) + RowOf(9) + RowOf(5))->rejected(), 0u);
}

TEST_F(DeviceImport, ListsTheFirstRejectsAndCountsAll) {
  std::string text(kHeader);
  for (std::uint64_t i = 0; i < kManyRows; ++i) text += RowOf(7);  // lines 2 ..., twins from 3 on
  text += "wrong\n";
  const auto prepared = Prepare(text);
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->rejected(), kManyRows);
  ASSERT_EQ(prepared->rejects().size(), kMaxDeviceRejects);
  for (std::uint64_t i = 0; i < kMaxDeviceRejects; ++i) {
    EXPECT_EQ(prepared->rejects()[i].line, 3 + i);
  }
}

TEST_F(DeviceImport, RefusesAnotherHeaderAndTakesAFileOfTheHeaderAlone) {
  const auto other = Prepare("device_id,type\n");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().reason, Reason::kFeedRejected);
  const auto none = Prepare(std::string(kHeader));
  ASSERT_TRUE(none);
  EXPECT_EQ(none->rows(), 0u);
  EXPECT_TRUE(All(*none).empty());
}

TEST_F(DeviceImport, IsAFaultWithoutRoomForTheRows) {
  file_ = HttpBody(ToBytes(AsBytes(std::string(kHeader) + RowOf(1))));
  const auto prepared = PreparedDevices::From(file_, directory_.path() / "missing", AnyPath);
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().reason, Reason::kStoreUnavailable);
  EXPECT_TRUE(PreparedDevices::From(file_, directory_.path(), AnyPath));
}

// Wherever it stands: it asks often, and what it is told then is what it ends with.
TEST_F(DeviceImport, EndsWhenItIsNotWantedAnyMore) {
  std::string text(kHeader);
  for (std::uint64_t device = 1; device <= kManyRows; ++device) text += RowOf(device);
  file_ = HttpBody(ToBytes(AsBytes(text)));
  std::atomic<int> asked = 0;
  const auto prepare = [&](int wanted) {
    asked = 0;
    return PreparedDevices::From(file_, directory_.path(), AnyPath, {}, [&, wanted] {
      return asked++ < wanted ? Status(Done{}) : Status(Failure(Reason::kBusy, "no more"));
    });
  };
  ASSERT_TRUE(prepare(std::numeric_limits<int>::max()));
  const int all = asked;
  EXPECT_GT(all, static_cast<int>(
                     kManyRows));  // at each row on the way to the store, at each block before
  for (const int wanted : {0, 1, 2, 3, all / 2, all - 1}) {
    const auto prepared = prepare(wanted);
    ASSERT_FALSE(prepared) << wanted;
    EXPECT_EQ(prepared.error().explanation, "no more");
    EXPECT_LE(asked, wanted + 2);  // each parser hears it once
  }
}

}  // namespace
}  // namespace acb::platform
