// acb-stages: what each stage of a handover costs, one thread, with real objects. Google Benchmark:
// its options choose and print (--benchmark_filter=sign, --benchmark_format=json).
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <iostream>
#include <string_view>
#include <utility>

#include "firmware/checks/signer.h"
#include "firmware/checks/target_certificates.h"
#include "firmware/duis/signature.h"
#include "firmware/gbcs/correlation.h"
#include "firmware/gbcs/mac.h"
#include "firmware/gbcs/message.h"
#include "platform/answers.h"
#include "tests/support/test_pki.h"
#include "tools/bench/in_flight.h"
#include "tools/bench/stage_world.h"
#include "tools/bench/tls_pair.h"

namespace acb::bench {
namespace {

constexpr int kGood = 0;
constexpr int kFailed = 1;

using Stage = void (*)(benchmark::State&, StageWorld&);

// Ends the measurement of a stage that did not do what it measures.
template <class T>
bool Good(benchmark::State& state, const Result<T>& result) {
  if (!result) state.SkipWithError(Explain(result.error()).c_str());
  return result.has_value();
}

void XmlParse(benchmark::State& state, StageWorld& world) {
  for (auto _ : state) {
    if (!Good(state, duis::Parse(AsBytes(world.request())))) return;
  }
}

void XmlVerify(benchmark::State& state, StageWorld& world) {
  for (auto _ : state) {
    state.PauseTiming();
    auto parsed = duis::Parse(AsBytes(world.request()));
    if (!Good(state, parsed)) return;
    state.ResumeTiming();
    if (!Good(state, duis::VerifySignature(*std::move(parsed), world.signer()))) return;
  }
}

void SignerPath(benchmark::State& state, const smki::Trust& trust, StageWorld& world) {
  const duis::SignerName name{world.signer()->issuer(), ToBytes(world.signer()->serial())};
  Good(state, checks::FindSigner(trust, name, world.now()));
}

void TargetPath(benchmark::State& state, const smki::Trust& trust, StageWorld& world) {
  Good(state, checks::CheckTargetCertificates(trust, world.file().request->content(), world.acb(),
                                              world.now()));
}

using Path = void (*)(benchmark::State&, const smki::Trust&, StageWorld&);

template <Path path>
void Warm(benchmark::State& state, StageWorld& world) {
  for (auto _ : state) path(state, world.trust(), world);
}

template <Path path>
void Cold(benchmark::State& state, StageWorld& world) {
  for (auto _ : state) {
    state.PauseTiming();
    std::shared_ptr<const smki::Trust> trust = world.FreshTrust();
    state.ResumeTiming();
    path(state, *trust, world);
    state.PauseTiming();
    trust.reset();
    state.ResumeTiming();
  }
}

// Requests of the store's one device, each under a RequestID of its own: what one writes no other
// has written.
class Requests {
 public:
  explicit Requests(StageWorld& world) : world_(world) {
    const auto generation = world.store().TrustGeneration();
    if (generation) generation_ = *generation;
  }
  Result<ReservedCounter> Reserve() {
    const std::uint64_t number = ++last_;
    octets_ = world_.request() + std::to_string(number);
    RequestId id = *world_.file().claimed_id;
    id.counter = number;
    return world_.store().Reserve({.request = id,
                                   .body = Sha256(AsBytes(octets_)),
                                   .role = RemotePartyRole::kSupplier,
                                   .proposed = {},
                                   .trust_generation = generation_,
                                   .at = world_.now()});
  }
  Result<audit::Receipt> Append(const ReservedCounter& counter) {
    gbcs::SignedCommand command = world_.signed_command();
    for (const char digit : std::to_string(last_)) {
      command.octets.push_back(static_cast<std::uint8_t>(digit));
    }
    const audit::Entry entry = world_.file().SignedEntry(counter, command, world_.acb());
    return world_.store().AppendSigned(counter, entry, world_.acb(), command, AsBytes(octets_));
  }

 private:
  StageWorld& world_;
  std::uint64_t generation_ = 0;
  std::string octets_;
  // Over all runs of a stage: the benchmark repeats it until the time is right.
  inline static std::uint64_t last_ = 0;
};

void Reserve(benchmark::State& state, StageWorld& world) {
  Requests requests(world);
  for (auto _ : state) {
    const auto counter = requests.Reserve();
    state.PauseTiming();
    if (!Good(state, counter) || !Good(state, requests.Append(*counter))) return;
    state.ResumeTiming();
  }
}

void AuditAppend(benchmark::State& state, StageWorld& world) {
  Requests requests(world);
  for (auto _ : state) {
    state.PauseTiming();
    const auto counter = requests.Reserve();
    if (!Good(state, counter)) return;
    state.ResumeTiming();
    if (!Good(state, requests.Append(*counter))) return;
  }
}

void BuildAndParseBack(benchmark::State& state, StageWorld& world) {
  const ReservedCounter counter = world.Counter();
  const gbcs::HandoverContent& content = world.file().target->content();
  for (auto _ : state) {
    const auto command = gbcs::BuildUpdateSecurityCredentials(content, counter);
    if (!Good(state, command)) return;
    if (!Good(state, gbcs::CheckCorrelation(*command, content, counter))) return;
  }
}

void Sign(benchmark::State& state, StageWorld& world) {
  const auto session = world.token().OpenSession();
  if (!Good(state, session)) return;
  for (auto _ : state) {
    if (!Good(state, (*session)->Sign(Sha256(world.command().ToBeSigned())))) return;
  }
}

void Derive(benchmark::State& state, StageWorld& world) {
  const auto session = world.token().OpenSession();
  if (!Good(state, session)) return;
  for (auto _ : state) {
    if (!Good(state, (*session)->Derive(world.device_key()))) return;
  }
}

void KdfAndMac(benchmark::State& state, StageWorld& world) {
  const auto message = gbcs::Message::Parse(world.signed_command().octets);
  if (!Good(state, message)) return;
  const Secret shared(gbcs::kEcdhSecretOctets);
  for (auto _ : state) {
    const Secret key = gbcs::DeriveMacKey(shared, message->KeyInfo());
    benchmark::DoNotOptimize(gbcs::ComputeMac(
        key, gbcs::MakeMacIv(world.acb()), gbcs::MacAad(world.command(), *message->signature())));
  }
}

void OwnVerify(benchmark::State& state, StageWorld& world) {
  const auto message = gbcs::Message::Parse(world.signed_command().octets);
  const auto key = VerifyingKey::From(world.token().signing_point());
  if (!Good(state, message) || !key) return;
  for (auto _ : state) {
    if (!key->VerifyRaw(world.command().ToBeSigned(), *message->signature())) {
      state.SkipWithError("the signature does not verify");
      return;
    }
  }
}

// All of the four above, as the service does them.
void SignAndMac(benchmark::State& state, StageWorld& world) {
  for (auto _ : state) {
    bool lied = false;
    if (!Good(state, world.signer_port().SignAndMac(world.command(), world.device_key(), lied))) {
      return;
    }
  }
}

HandoverAnswer AnswerOf(const StageWorld& world) {
  HandoverAnswer answer;
  answer.request_id = world.file().claimed_id;
  answer.handed.emplace();
  answer.handed->state = StoredRequest::State::kSigned;
  answer.handed->role = RemotePartyRole::kSupplier;
  answer.handed->counter = world.Counter().counter();
  answer.handed->acb = world.acb();
  answer.handed->command = world.signed_command().octets;
  answer.audit.emplace();
  return answer;
}

void JsonAnswer(benchmark::State& state, StageWorld& world) {
  const HandoverAnswer answer = AnswerOf(world);
  for (auto _ : state) {
    benchmark::DoNotOptimize(platform::ToResponse(answer, world.file().answers, "test"));
  }
}

void TlsRound(benchmark::State& state, StageWorld& world) {
  const testing::TestPki& pki = testing::TestPki::Get();
  const auto pair = TlsPair::Open(pki.Certificate("acb-ds")->der(), pki.Key("acb-ds").get());
  if (!Good(state, pair)) return;
  const std::string answer =
      platform::ToResponse(AnswerOf(world), world.file().answers, "test").body;
  for (auto _ : state) {
    if (!Good(state, (*pair)->Round(AsBytes(world.request()), AsBytes(answer)))) return;
  }
}

constexpr std::pair<const char*, Stage> kStages[] = {
    {"xml parse", XmlParse},
    {"c14n and signature verify", XmlVerify},
    {"signer path, warm", Warm<SignerPath>},
    {"signer path, cold", Cold<SignerPath>},
    {"target profile and path, warm", Warm<TargetPath>},
    {"target profile and path, cold", Cold<TargetPath>},
    {"reserve (flush 1)", Reserve},
    {"build and parse back", BuildAndParseBack},
    {"C_Sign", Sign},
    {"C_DeriveKey", Derive},
    {"KDF and MAC", KdfAndMac},
    {"own verify", OwnVerify},
    {"sign, verify, derive and MAC as the service", SignAndMac},
    {"audit append (flush 2)", AuditAppend},
    {"JSON answer", JsonAnswer},
    {"TLS record round", TlsRound},
};

int Main(int argc, char** argv) {
  if (argc > 1 && (std::string_view(argv[1]) == "--help" || std::string_view(argv[1]) == "-h")) {
    std::cout
        << "What each stage of a handover costs. Options of Google Benchmark:\n"
           "  --benchmark_filter=REGEX  --benchmark_format=console|json|csv\n"
           "  --benchmark_min_time=SECONDS  --benchmark_list_tests\n"
           "ACB_SOURCE_DIR names the source tree (for its test PKI); the store is in TMPDIR.\n"
           "Exit code: 0 measured, 1 failed.\n"
           "Example:\n  ACB_SOURCE_DIR=. acb-stages --benchmark_filter='sign|verify'\n";
    return kGood;
  }
  if (std::getenv("ACB_SOURCE_DIR") == nullptr) {
    std::cerr << "acb-stages: ACB_SOURCE_DIR names no source tree\n";
    return kFailed;
  }
  const auto world = StageWorld::Open(std::filesystem::temp_directory_path());
  if (!world) {
    std::cerr << "acb-stages: " << Explain(world.error()) << "\n";
    return kFailed;
  }
  for (const auto& [name, stage] : kStages) {
    benchmark::RegisterBenchmark(
        name, [&world, stage = stage](benchmark::State& state) { stage(state, **world); })
        ->Unit(benchmark::kMicrosecond)
        ->UseRealTime();
  }
  benchmark::Initialize(&argc, argv);
  return benchmark::RunSpecifiedBenchmarks() == 0 ? kFailed : kGood;
}

}  // namespace
}  // namespace acb::bench

int main(int argc, char** argv) { return acb::bench::Main(argc, argv); }
