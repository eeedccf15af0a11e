// Reserves and signs in a loop, on two cells of one device, until it is killed. Before each line
// that it writes the store has said that the line is true: "R <request> <counter>" or "S <request>
// <counter>".
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/fakes/directory_objects.h"
#include "tests/store/crash_values.h"

namespace {

bool Report(char what, std::uint64_t request, std::uint64_t counter) {
  const std::string line =
      std::string(1, what) + " " + std::to_string(request) + " " + std::to_string(counter) + "\n";
  return ::write(STDOUT_FILENO, line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

}  // namespace

int main(int argc, char** argv) {
  using namespace acb;
  if (argc != 4) return 2;
  DirectoryObjects token(argv[2]);  // outlives the store
  auto opened = store::Store::Open({.directory = argv[1], .map_size = std::uint64_t{1} << 30});
  if (!opened) return 3;
  store::Store& store = **opened;
  if (!store.Start(token, {audit::Entry("start", UtcTime(0))})) return 4;
  for (std::uint64_t number = std::strtoull(argv[3], nullptr, 10);; ++number) {
    const RequestId request = store::CrashRequest(number);
    const auto role =
        number % 2 == 0 ? RemotePartyRole::kSupplier : RemotePartyRole::kNetworkOperator;
    const std::string body = request.Text();
    const auto counter = store.Reserve(
        {request, Sha256(AsBytes(body)), role, std::nullopt, *store.TrustGeneration(), UtcTime(0)});
    if (!counter) return 5;
    const std::uint64_t value = counter->counter().value();
    if (!Report('R', number, value)) return 6;
    audit::Entry entry("signed", UtcTime(0));
    entry.Set("device", request.target.Hyphenated())
        .Set("originator_counter", std::to_string(value));
    if (!store.AppendSigned(*counter, entry, Eui64(1), {store::CrashCommand(value)},
                            AsBytes(body))) {
      return 7;
    }
    if (!Report('S', number, value)) return 6;
  }
}
