#include "platform/config.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/platform/test_pki.h"

namespace acb::platform {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kWhole = R"(environment = "test"
[listen]
address = "::1"
port = 0
[tls]
certificate = "tls/server.pem"
key = "/keys/server.key"
client_ca = "tls/ca.pem"
[[client]]
identity = "DSP.acb.test"
role = "dsp"
[[client]]
identity = "auditor.acb.test"
role = "auditor"
[hsm]
module = "/usr/lib/softhsm/libsofthsm2.so"
token_label = "acb"
pin_file = "pin"
[hsm.environment]
SOFTHSM2_CONF = "/abs/softhsm2.conf"
[store]
directory = "./store"
map_size_gib = 8
[acb]
digital_signing_certificate = "acb/ds.pem"
key_agreement_certificate = "acb/ka.pem"
[trust]
roots = ["trust/root.pem", "/trust/second.pem"]
policy_oid = "1.2.3.4"
crl_max_age_hours = 12
arl_max_age_days = 100
[limits]
counter_jump = "9223372036854775807"
floor = "1"
body_octets = 2048
request_octets = 4096
feed_octets = 68719476736
connections = 10
header_octets = 8192
idle_seconds = 5
request_seconds = 6
handovers_at_once = 7
handovers_waiting = 0
handover_wait_ms = 300
[test]
validation_time = "2025-10-01T12:00:00Z"
trust_anchors = [ { name = "CN=ZA,OU=00", public_key = "04@point" } ]
issuers_without_crl = ["CN=Z1,OU=07"]
pinned_signers = ["000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"]
)";

// What a live box needs, and no more.
constexpr std::string_view kLeast = R"(environment = "live"
tls = { certificate = "a", key = "b", client_ca = "c" }
client = [ { identity = "dsp.acb.test", role = "dsp" } ]
hsm = { module = "m", token_label = "acb", pin_file = "pin" }
store = { directory = "store" }
acb = { digital_signing_certificate = "d", key_agreement_certificate = "k" }
trust = { roots = ["root.pem"] }
)";

std::string Replaced(std::string_view text, const std::string& from, const std::string& to) {
  std::string result(text);
  const std::size_t at = result.find(from);
  if (at == std::string::npos) {
    ADD_FAILURE() << "not in the text: " << from;
    return result;
  }
  return result.replace(at, from.size(), to);
}

std::string Whole() { return Replaced(kWhole, "@point", std::string(128, 'a')); }

Result<Config> Parse(std::string_view text) { return ParseConfig(text, "/etc/acb/acbd.toml"); }

std::string ErrorOf(std::string_view text) {
  const auto config = Parse(text);
  if (config) return "accepted";
  EXPECT_EQ(config.error().reason, Reason::kConfiguration);
  return config.error().explanation;
}

TEST(Configuration, ReadsTheRootsOfTheDevicePki) {
  const std::string_view roots = R"(roots = ["root.pem"])";
  const auto parsed = Parse(Replaced(
      kLeast, std::string(roots), std::string(roots) + R"(, device_roots = ["d.pem", "/e.pem"])"));
  ASSERT_TRUE(parsed) << parsed.error().explanation;
  EXPECT_THAT(parsed->device_roots, ::testing::ElementsAre("/etc/acb/d.pem", "/e.pem"));
  EXPECT_THAT(
      ErrorOf(Replaced(kLeast, std::string(roots), std::string(roots) + ", device_roots = [7]")),
      ::testing::HasSubstr("trust.device_roots"));
}

TEST(Configuration, ReadsTheWindowTheReserveAndTheLockOfTheToken) {
  const auto usual = Parse(kLeast);
  ASSERT_TRUE(usual) << usual.error().explanation;
  EXPECT_EQ(usual->anchor_every, 4096U);
  EXPECT_FALSE(usual->store_reserve);
  EXPECT_EQ(usual->hsm_lock_file, "/etc/acb/store/hsm.lock");
  // Two boxes with a store each and one token of SoftHSM have one lock.
  EXPECT_EQ(Parse(Whole())->hsm_lock_file, "/abs/softhsm2.conf.lock");

  const auto set = Parse(Replaced(
      Replaced(kLeast, R"(pin_file = "pin")", R"(pin_file = "pin", lock_file = "../token.lock")"),
      R"(store = { directory = "store" })",
      R"(store = { directory = "store", anchor_every = 2, reserve_mib = 5 })"));
  ASSERT_TRUE(set) << set.error().explanation;
  EXPECT_EQ(set->anchor_every, 2U);
  EXPECT_EQ(set->store_reserve, 5U << 20);
  EXPECT_EQ(set->hsm_lock_file, "/etc/token.lock");
  for (const std::string wrong : {"anchor_every = 1", "anchor_every = 4294967297",
                                  "reserve_mib = -1", "reserve_mib = \"1\""}) {
    EXPECT_THAT(
        ErrorOf(Replaced(kLeast, R"(directory = "store")", R"(directory = "store", )" + wrong)),
        ::testing::HasSubstr("store." + wrong.substr(0, wrong.find(' '))));
  }
}

constexpr std::string_view kCosigner =
    "witness.example/1+485458a7+BP//////////////////////////////////////////";

TEST(Configuration, ReadsTheFileAndTheWitnessesOfTheLog) {
  const auto without = Parse(kLeast);
  EXPECT_TRUE(without->checkpoint_file.empty());
  EXPECT_TRUE(without->witnesses.empty());
  const std::string audit = std::string(kLeast) + "[audit]\ncheckpoint_file = \"notes\"\n";
  const auto witness = [](const std::string& url, std::string_view key, const std::string& more) {
    return "[[audit.witness]]\nurl = \"" + url + "\"\nkey = \"" + std::string(key) + "\"\n" + more;
  };
  const auto set =
      Parse(audit + witness("https://w.example:444/a/b/", kCosigner, "ca = \"c.pem\"\n"));
  ASSERT_TRUE(set) << set.error().explanation;
  EXPECT_EQ(set->checkpoint_file, "/etc/acb/notes");
  ASSERT_EQ(set->witnesses.size(), 1U);
  EXPECT_EQ(set->witnesses[0].host, "w.example");
  EXPECT_EQ(set->witnesses[0].port, 444);
  EXPECT_EQ(set->witnesses[0].prefix, "/a/b");
  EXPECT_EQ(set->witnesses[0].ca, "/etc/acb/c.pem");
  EXPECT_EQ(audit::FormatKey(set->witnesses[0].key), kCosigner);
  const auto usual = Parse(audit + witness("https://w.example", kCosigner, ""));
  EXPECT_EQ(usual->witnesses.at(0).port, 443);
  EXPECT_EQ(usual->witnesses.at(0).prefix, "");
  EXPECT_EQ(usual->witnesses.at(0).ca, kUsualAuthorities);

  EXPECT_THAT(ErrorOf(audit + witness("http://w.example", kCosigner, "")), HasSubstr("url"));
  EXPECT_THAT(ErrorOf(audit + witness("https://w.example/a?b", kCosigner, "")), HasSubstr("url"));
  EXPECT_THAT(ErrorOf(audit + witness("https://w.example", "x+1+AA==", "")), HasSubstr("key"));
  // A log's key is no witness's.
  EXPECT_THAT(ErrorOf(audit + witness("https://w.example",
                                      "PeterNeumann+c74f20a3+"
                                      "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
                                      "")),
              HasSubstr("key"));
  const std::string one = witness("https://w.example", kCosigner, "");
  EXPECT_THAT(ErrorOf(audit + one + one), HasSubstr("earlier witness"));
  EXPECT_THAT(ErrorOf(audit + witness("https://w.example", kCosigner, "x = 1\n")), HasSubstr("x"));
}

TEST(Configuration, ReadsEverySetting) {
  const auto parsed = Parse(Whole());
  ASSERT_TRUE(parsed) << parsed.error().explanation;
  const Config& config = *parsed;
  EXPECT_EQ(config.environment, smki::Environment::kTest);
  EXPECT_EQ(config.listen_address, "::1");
  EXPECT_EQ(config.listen_port, 0);
  EXPECT_EQ(config.tls_certificate, "/etc/acb/tls/server.pem");
  EXPECT_EQ(config.tls_key, "/keys/server.key");
  EXPECT_EQ(config.tls_client_ca, "/etc/acb/tls/ca.pem");
  ASSERT_EQ(config.clients.size(), 2U);
  EXPECT_EQ(config.clients[0].identity, "dsp.acb.test");
  EXPECT_EQ(config.clients[0].role, Role::kDsp);
  EXPECT_EQ(config.clients[1].role, Role::kAuditor);
  EXPECT_EQ(config.hsm_module, "/usr/lib/softhsm/libsofthsm2.so");
  EXPECT_EQ(config.hsm_token_label, "acb");
  EXPECT_EQ(config.hsm_pin_file, "/etc/acb/pin");
  EXPECT_EQ(config.hsm_environment.at("SOFTHSM2_CONF"), "/abs/softhsm2.conf");
  EXPECT_EQ(config.store_directory, "/etc/acb/store");
  EXPECT_EQ(config.store_map_size, 8ULL << 30U);
  EXPECT_EQ(config.acb_digital_signing_certificate, "/etc/acb/acb/ds.pem");
  EXPECT_EQ(config.acb_key_agreement_certificate, "/etc/acb/acb/ka.pem");
  EXPECT_THAT(config.trust_roots,
              ::testing::ElementsAre("/etc/acb/trust/root.pem", "/trust/second.pem"));
  EXPECT_TRUE(config.device_roots.empty());
  EXPECT_EQ(config.policy_oid, "1.2.3.4");
  EXPECT_EQ(config.crl_max_age, std::chrono::hours(12));
  EXPECT_EQ(config.arl_max_age, std::chrono::hours(2400));
  EXPECT_EQ(config.counter_jump, 9223372036854775807U);
  EXPECT_EQ(config.policy.requested_floor_limit, 1U);
  EXPECT_EQ(config.body_octets, 2048U);
  EXPECT_EQ(config.request_octets, 4096U);
  EXPECT_EQ(config.feed_octets, 68719476736U);
  EXPECT_EQ(config.connections, 10U);
  EXPECT_EQ(config.header_octets, 8192U);
  EXPECT_EQ(config.idle, std::chrono::seconds(5));
  EXPECT_EQ(config.request, std::chrono::seconds(6));
  EXPECT_EQ(config.admission.at_once, 7U);
  EXPECT_EQ(config.admission.waiting, 0U);
  EXPECT_EQ(config.admission.patience, std::chrono::milliseconds(300));
}

// R-063-10.
TEST(Configuration, NamesTheTableOfResponseCodes) {
  const auto without = Parse(kLeast);
  ASSERT_TRUE(without) << without.error().explanation;
  EXPECT_TRUE(without->response_codes.empty());
  const auto with = Parse(std::string(kLeast) + "answers = { response_codes = \"codes.csv\" }\n");
  ASSERT_TRUE(with) << with.error().explanation;
  EXPECT_EQ(with->response_codes, "/etc/acb/codes.csv");
  EXPECT_THAT(ErrorOf(std::string(kLeast) + "answers = { response_codes = 1 }\n"),
              HasSubstr("acbd.toml:8: answers.response_codes must be a text"));
}

// R-074-5.
TEST(Configuration, ReadsTheChannelsOfClientsAndOfHandovers) {
  const auto usual = Parse(kLeast);
  ASSERT_TRUE(usual) << usual.error().explanation;
  EXPECT_EQ(usual->clients[0].channel, "gateway");
  EXPECT_TRUE(usual->handover_channels.empty());
  const auto named =
      Parse(Replaced(kLeast, "role = \"dsp\"", "role = \"dsp\", channel = \"line-2\"") +
            "handover = { channels = [\"gateway\", \"line-2\"] }\n");
  ASSERT_TRUE(named) << named.error().explanation;
  EXPECT_EQ(named->clients[0].channel, "line-2");
  EXPECT_THAT(named->handover_channels, ::testing::ElementsAre("gateway", "line-2"));
}

TEST(Configuration, RefusesWrongChannels) {
  EXPECT_THAT(ErrorOf(Replaced(kLeast, "role = \"dsp\"", "role = \"dsp\", channel = \"A B\"")),
              HasSubstr("acbd.toml:3: client.channel must be 1 to 32 of a-z, 0-9 and -"));
  for (const char* channels : {"[]", "[\"A\"]", "\"gateway\"", "[1]"}) {
    EXPECT_THAT(ErrorOf(std::string(kLeast) + "handover = { channels = " + channels + " }\n"),
                HasSubstr("acbd.toml:8: handover.channels must"))
        << channels;
  }
}

TEST(Configuration, HasSafeRulesInLive) {
  const Config config = Parse(kLeast).value();
  EXPECT_TRUE(config.policy.network_operator_registration);
  EXPECT_TRUE(config.policy.repository_required);
  EXPECT_TRUE(config.policy.products_required);
  EXPECT_EQ(config.policy.feed_max_age.at(Feed::kRegistrations), std::chrono::hours(48));
  EXPECT_EQ(config.policy.feed_max_age.at(Feed::kRepositoryStatus), std::chrono::hours(24));
  EXPECT_EQ(config.volume.user_hour, 2000u);
  EXPECT_EQ(config.volume.total_day, 100'000u);
}

TEST(Configuration, AsksForFeedsInTestOnlyWhereTheyAreNamed) {
  const std::string test = Replaced(kLeast, "live", "test");
  const Config config = Parse(test).value();
  EXPECT_TRUE(config.policy.network_operator_registration);
  EXPECT_FALSE(config.policy.repository_required);
  EXPECT_TRUE(config.policy.feed_max_age.empty());
  const Config named = Parse(test + "feeds = { max_age_hours = { parties = 2 } }\n").value();
  EXPECT_EQ(named.policy.feed_max_age.size(), 1u);
  EXPECT_EQ(named.policy.feed_max_age.at(Feed::kParties), std::chrono::hours(2));
}

TEST(Configuration, ReadsRulesAgesAndThresholds) {
  const Config config =
      Parse(std::string(kLeast) +
            "[checks]\nnetwork_operator_registration = false\nrefuse_absent_floor = true\n"
            "repository_required = false\ncertified_products_required = false\n"
            "[feeds.max_age_hours]\nregistrations = 0\nmpan-prefixes = 3\n"
            "[volume]\nuser_hour = 1\nuser_day = 0\ntotal_hour = 3\ntotal_day = 4\n")
          .value();
  EXPECT_FALSE(config.policy.network_operator_registration);
  EXPECT_TRUE(config.policy.refuse_absent_floor);
  EXPECT_FALSE(config.policy.repository_required);
  EXPECT_FALSE(config.policy.products_required);
  EXPECT_FALSE(config.policy.feed_max_age.contains(Feed::kRegistrations)) << "0 takes it away";
  EXPECT_EQ(config.policy.feed_max_age.at(Feed::kMpanPrefixes), std::chrono::hours(3));
  EXPECT_EQ(config.volume.user_hour, 1u);
  EXPECT_EQ(config.volume.user_day, 0u);
  EXPECT_EQ(config.volume.total_hour, 3u);
  EXPECT_EQ(config.volume.total_day, 4u);
}

TEST(Configuration, RefusesWrongRulesAgesAndThresholds) {
  for (const char* wrong :
       {"[checks]\nnetwork_operator_registration = 1\n", "[checks]\nno_such_rule = true\n",
        "[feeds]\nmax_age_hours = 3\n", "[feeds.max_age_hours]\ntariffs = 3\n",
        "[feeds.max_age_hours]\nparties = -1\n", "[volume]\nuser_hour = \"3\"\n",
        "[volume]\nuser_hour = -1\n", "[volume]\nuser_week = 1\n"}) {
    EXPECT_FALSE(Parse(std::string(kLeast) + wrong)) << wrong;
  }
}

// R-SEC3-21.
TEST(Configuration, HasLimitsOfAKeyThatNothingTakesAway) {
  const Config usual = Parse(kLeast).value();
  EXPECT_EQ(usual.key_limits.max_age, std::chrono::days(1826));
  EXPECT_EQ(usual.key_limits.max_operations, 100'000'000u);
  EXPECT_EQ(usual.key_limits.warn_percent, 90u);
  const Config set = Parse(std::string(kLeast) +
                           "[keys]\nmax_age_days = 3653\nmax_operations = 1000000000\n"
                           "warn_percent = 50\n")
                         .value();
  EXPECT_EQ(set.key_limits.max_age, std::chrono::days(3653));
  EXPECT_EQ(set.key_limits.max_operations, 1'000'000'000u);
  EXPECT_EQ(set.key_limits.warn_percent, 50u);
  for (const char* wrong :
       {"max_age_days = 0", "max_age_days = 3654", "max_operations = 0",
        "max_operations = 1000000001", "warn_percent = 0", "warn_percent = 100", "max_uses = 1"}) {
    EXPECT_FALSE(Parse(std::string(kLeast) + "[keys]\n" + wrong + "\n")) << wrong;
  }
}

// R-SEC3-14, R-SEC3-16: 12 hours with a tolerance, 12 months.
TEST(Configuration, BoundsTheAgeOfRevocationListsInLive) {
  const auto with = [](const std::string& setting) {
    return Replaced(kLeast, "roots = [\"root.pem\"]", "roots = [\"root.pem\"], " + setting);
  };
  EXPECT_TRUE(Parse(with("crl_max_age_hours = 24")));
  EXPECT_FALSE(Parse(with("crl_max_age_hours = 25")));
  EXPECT_TRUE(Parse(with("arl_max_age_days = 366")));
  EXPECT_FALSE(Parse(with("arl_max_age_days = 367")));
  EXPECT_TRUE(Parse(Replaced(with("crl_max_age_hours = 25"), "live", "test")));
}

TEST(Configuration, ReadsTheTestSettings) {
  const auto config = Parse(Whole());
  ASSERT_TRUE(config) << config.error().explanation;
  EXPECT_EQ(config->test.validation_time, UtcTime::FromIso("2025-10-01T12:00:00Z"));
  ASSERT_EQ(config->test.trust_anchors.size(), 1U);
  EXPECT_EQ(config->test.trust_anchors[0].name, "CN=ZA,OU=00");
  EXPECT_EQ(config->test.trust_anchors[0].public_key.size(), 65U);
  EXPECT_THAT(config->test.issuers_without_crl, ::testing::ElementsAre("CN=Z1,OU=07"));
  ASSERT_EQ(config->test.pinned_signers.size(), 1U);
  EXPECT_EQ(config->test.pinned_signers[0][31], 0x1f);
}

TEST(Configuration, HasTheDefaultsOfTheDesign) {
  const auto config = Parse(kLeast);
  ASSERT_TRUE(config) << config.error().explanation;
  EXPECT_EQ(config->environment, smki::Environment::kLive);
  EXPECT_EQ(config->listen_address, "127.0.0.1");
  EXPECT_EQ(config->listen_port, 8621);
  EXPECT_EQ(config->store_map_size, 64ULL << 30U);
  EXPECT_EQ(config->policy_oid, "1.2.826.0.1.8641679.1.2.1.4");
  EXPECT_EQ(config->crl_max_age, std::nullopt);
  EXPECT_EQ(config->arl_max_age, std::chrono::hours(366 * 24));
  EXPECT_EQ(config->counter_jump, 281474976710656U);
  EXPECT_EQ(config->policy.requested_floor_limit, 281474976710656U);
  EXPECT_EQ(config->body_octets, 1048576U);
  EXPECT_EQ(config->request_octets, 262144U);
  EXPECT_EQ(config->feed_octets, 17179869184U);
  EXPECT_EQ(config->connections, 1024U);
  EXPECT_EQ(config->admission.at_once, 64U);
  EXPECT_EQ(config->admission.waiting, 256U);
  EXPECT_EQ(config->admission.patience, std::chrono::seconds(1));
  EXPECT_EQ(config->header_octets, 16384U);
  EXPECT_EQ(config->idle, std::chrono::seconds(60));
  EXPECT_EQ(config->request, std::chrono::seconds(10));
}

struct Wrong {
  std::string from;
  std::string to;
  std::string error;  // how the explanation begins
};

class WrongSetting : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongSetting, IsRefusedWithItsLine) {
  EXPECT_THAT(ErrorOf(Replaced(Whole(), GetParam().from, GetParam().to)),
              StartsWith(GetParam().error));
}

INSTANTIATE_TEST_SUITE_P(
    Configuration, WrongSetting,
    ::testing::Values(
        Wrong{"environment = \"test\"", "", "acbd.toml:1: missing setting environment"},
        Wrong{"\"test\"", "\"staging\"", "acbd.toml:1: environment must be"},
        Wrong{"\"::1\"", "\"localhost\"", "acbd.toml:3: listen.address must be an IPv4"},
        Wrong{"port = 0", "port = 65536", "acbd.toml:4: listen.port must be a whole number from 0"},
        Wrong{"port = 0", "port = -1", "acbd.toml:4: listen.port"},
        Wrong{"port = 0", "port = \"0\"", "acbd.toml:4: listen.port"},
        Wrong{"port = 0", "prot = 0", "acbd.toml:4: unknown setting listen.prot"},
        Wrong{"client_ca = \"tls/ca.pem\"", "", "acbd.toml:5: missing setting tls.client_ca"},
        Wrong{"\"tls/ca.pem\"", "7", "acbd.toml:8: tls.client_ca must be a text"},
        Wrong{"\"tls/ca.pem\"", "\"\"", "acbd.toml:8: tls.client_ca must be a text"},
        Wrong{"\"DSP.acb.test\"", "\"dsp acb\"", "acbd.toml:10: client.identity must be a DNS"},
        Wrong{"role = \"dsp\"", "role = \"admin\"", "acbd.toml:11: client.role must be dsp"},
        Wrong{"role = \"dsp\"", "", "acbd.toml:9: missing setting client.role"},
        Wrong{"role = \"dsp\"", "role = \"dsp\"\nx = 1", "acbd.toml:12: unknown setting client.x"},
        Wrong{"\"auditor.acb.test\"", "\"dsp.acb.TEST\"",
              "acbd.toml:13: client.identity is given to an earlier client"},
        Wrong{"token_label = \"acb\"", "token_label = \"123456789012345678901234567890123\"",
              "acbd.toml:17: hsm.token_label must have 32"},
        Wrong{"pin_file = \"pin\"", "pin = \"1234\"", "acbd.toml:15: missing setting hsm.pin_file"},
        Wrong{"\"/abs/softhsm2.conf\"", "1", "acbd.toml:20: hsm.environment.SOFTHSM2_CONF"},
        Wrong{"SOFTHSM2_CONF", "\"A=B\"", "acbd.toml:20: hsm.environment.A=B is not a variable"},
        Wrong{"map_size_gib = 8", "map_size_gib = 0", "acbd.toml:23: store.map_size_gib"},
        Wrong{"[\"trust/root.pem\", ", "[1, ", "acbd.toml:28: trust.roots must be a text"},
        Wrong{"\"1.2.3.4\"", "\"1.2.x\"", "acbd.toml:29: trust.policy_oid must be an object"},
        Wrong{"\"9223372036854775807\"", "\"9223372036854775808\"",
              "acbd.toml:33: limits.counter_jump must be a decimal number in quotes from 1 to"},
        Wrong{"\"9223372036854775807\"", "1000", "acbd.toml:33: limits.counter_jump"},
        Wrong{"floor = \"1\"", "floor = \"01\"", "acbd.toml:34: limits.floor"},
        Wrong{"floor = \"1\"", "floor = \"0\"", "acbd.toml:34: limits.floor"},
        Wrong{"connections = 10", "connections = 10001", "acbd.toml:38: limits.connections"},
        Wrong{"connections = 10", "connections = 1.5", "acbd.toml:38: limits.connections"},
        Wrong{"idle_seconds = 5", "idle_seconds = 0", "acbd.toml:40: limits.idle_seconds"},
        Wrong{"at_once = 7", "at_once = 0", "acbd.toml:42: limits.handovers_at_once"},
        Wrong{"waiting = 0", "waiting = 10001", "acbd.toml:43: limits.handovers_waiting"},
        Wrong{"wait_ms = 300", "wait_ms = 0", "acbd.toml:44: limits.handover_wait_ms"},
        Wrong{"\"2025-10-01T12:00:00Z\"", "\"2025-10-01T12:00:00\"",
              "acbd.toml:46: test.validation_time must be a time"},
        Wrong{"public_key = \"04", "public_key = \"02",
              "acbd.toml:47: test.trust_anchors.public_key must be an uncompressed"},
        Wrong{"public_key = \"04", "public_key = \"04aa",
              "acbd.toml:47: test.trust_anchors.public_key"},
        Wrong{"name = \"CN=ZA,OU=00\"", "name = \"zz\"",
              "acbd.toml:47: test.trust_anchors.name must be a name"},
        Wrong{"[\"CN=Z1,OU=07\"]", "[\"zz\"]",
              "acbd.toml:48: test.issuers_without_crl must hold names such as \"CN=Z1,OU=07\", not "
              "'zz'"},
        Wrong{"\"0001", "\"01", "acbd.toml:49: test.pinned_signers must hold SHA-256"},
        Wrong{"[test]", "[tests]", "acbd.toml:45: unknown setting tests"},
        Wrong{"[listen]", "[listen", "acbd.toml:2: "},
        Wrong{"port = 0", "port = 0\nport = 1", "acbd.toml:5: "}));

TEST(Configuration, RefusesATableThatIsAValue) {
  EXPECT_EQ(ErrorOf("environment = \"live\"\ntls = 3\n"), "acbd.toml:2: tls must be a table");
}

TEST(Configuration, NarrowsAClient) {
  const auto with = [](const std::string& settings) {
    return Replaced(kLeast, "role = \"dsp\"", "role = \"dsp\", " + settings);
  };
  const auto config = Parse(
      with("endpoints = [\"POST /v1/handovers\"], originators = [\"90-B3-D5-1F-30-01-00-00\"], "
           "connections = 3"));
  ASSERT_TRUE(config) << config.error().explanation;
  const KnownClient& client = config->clients.front();
  EXPECT_EQ(client.endpoints, std::vector<std::string>{"POST /v1/handovers"});
  ASSERT_EQ(client.originators.size(), 1U);
  EXPECT_EQ(client.originators.front().Hyphenated(), "90-B3-D5-1F-30-01-00-00");
  EXPECT_EQ(client.connections, 3U);
  EXPECT_THAT(ErrorOf(with("endpoints = []")), HasSubstr("client.endpoints must name an endpoint"));
  EXPECT_THAT(ErrorOf(with("originators = []")), HasSubstr("client.originators must name a User"));
  EXPECT_THAT(ErrorOf(with("originators = [\"SUPA\"]")),
              HasSubstr("client.originators must hold EUI-64s"));
  EXPECT_THAT(ErrorOf(Replaced(kLeast, "role = \"dsp\"",
                               "role = \"feed\", originators = [\"90B3D51F30010000\"]")),
              HasSubstr("client.originators is for the role dsp alone"));
  EXPECT_THAT(ErrorOf(with("connections = 0")), HasSubstr("client.connections must be a whole"));
}

TEST(Configuration, DemandsAClient) {
  EXPECT_THAT(ErrorOf(Replaced(kLeast, "{ identity = \"dsp.acb.test\", role = \"dsp\" }", "")),
              HasSubstr("client is missing"));
}

TEST(Configuration, DemandsARootInLiveOnly) {
  const std::string without = Replaced(kLeast, "roots = [\"root.pem\"]", "");
  EXPECT_EQ(ErrorOf(without),
            "acbd.toml:7: trust.roots must name at least one root certificate "
            "in live");
  EXPECT_TRUE(Parse(Replaced(without, "live", "test")));
}

// design.md section 10: in live each of these is refused at start with the name of the setting.
TEST(Configuration, RefusesEachTestSettingInLive) {
  for (const std::string setting :
       {"validation_time = \"2025-10-01T12:00:00Z\"", "trust_anchors = []",
        "issuers_without_crl = [\"CN=Z1,OU=07\"]", "pinned_signers = []"}) {
    const std::string name = setting.substr(0, setting.find(' '));
    EXPECT_EQ(ErrorOf(std::string(kLeast) + "[test]\n" + setting + "\n"),
              "acbd.toml:9: test." + name + " has no place in environment live");
    EXPECT_TRUE(Parse(Replaced(kLeast, "live", "test") + "[test]\n" + setting + "\n"));
  }
  EXPECT_EQ(ErrorOf(std::string(kLeast) + "[test]\n"),
            "acbd.toml:8: [test] has no place in environment live");
}

TEST(Configuration, SetsUpTheServer) {
  const HttpsServerSettings settings = ServerSettings(Parse(Whole()).value());
  EXPECT_EQ(settings.address, "::1");
  EXPECT_EQ(settings.connections, 10U);
  EXPECT_EQ(settings.header_octets, 8192U);
  EXPECT_EQ(settings.idle_deadline, std::chrono::seconds(5));
  EXPECT_EQ(settings.header_deadline, std::chrono::seconds(6));
  EXPECT_EQ(settings.body_deadline, std::chrono::seconds(6));
  EXPECT_EQ(settings.spool_directory, "/etc/acb/store/tmp");
  EXPECT_EQ(settings.access.clients.size(), 2U);
}

class ConfigurationFile : public ::testing::Test {
 protected:
  acb::testing::TemporaryDirectory directory_;
};

TEST_F(ConfigurationFile, IsReadAndItsDirectoryIsWherePathsStart) {
  const auto file = directory_.Write("acbd.toml", Whole());
  const auto config = LoadConfig(file);
  ASSERT_TRUE(config) << config.error().explanation;
  EXPECT_EQ(config->store_directory, directory_.path() / "store");
}

TEST_F(ConfigurationFile, ThatCannotBeReadIsNamed) {
  EXPECT_THAT(LoadConfig(directory_.path() / "none.toml").error().explanation,
              HasSubstr("none.toml: No such file or directory"));
  EXPECT_THAT(LoadConfig(directory_.path()).error().explanation, HasSubstr("Is a directory"));
  const auto large = directory_.Write("large.toml", std::string(1024 * 1024 + 1, '#'));
  EXPECT_THAT(LoadConfig(large).error().explanation, HasSubstr("has more than"));
}

// R-063-10.
TEST_F(ConfigurationFile, BringsTheTableOfResponseCodesWithIt) {
  const auto file = directory_.Write(
      "acbd.toml", std::string(kLeast) + "answers = { response_codes = \"codes.csv\" }\n");
  EXPECT_THAT(LoadConfig(file).error().explanation,
              HasSubstr("codes.csv: No such file or directory"));
  directory_.Write("codes.csv", "reason,response_code,sentence\nNO_NOT_REGISTERED,E062105,\n");
  const auto config = LoadConfig(file);
  ASSERT_TRUE(config) << config.error().explanation;
  EXPECT_EQ(config->answers.Of(Reason::kNoNotRegistered).response_code, "E062105");
  EXPECT_EQ(config->answers.Of(Reason::kNoUnmapped).response_code, "E100");
  directory_.Write("codes.csv", "reason,response_code,sentence\nNO_NOT_REGISTERED,E062104,\n");
  const auto wrong = LoadConfig(file);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().reason, Reason::kConfiguration);
  EXPECT_THAT(wrong.error().explanation,
              HasSubstr("codes.csv:2: 'E062104' is not a response code"));
}

class Pin : public ConfigurationFile {
 protected:
  std::string ErrorOfPin(const std::filesystem::path& file) {
    const auto pin = ReadPin(file);
    if (pin) return "accepted";
    EXPECT_EQ(pin.error().reason, Reason::kConfiguration);
    return pin.error().explanation;
  }
};

TEST_F(Pin, IsTheFilesOneLine) {
  for (const std::string end : {"", "\n", "\r\n"}) {
    const auto pin = ReadPin(directory_.Write("pin", "12 34" + end));
    ASSERT_TRUE(pin) << pin.error().explanation;
    EXPECT_EQ(AsText(pin->View()), "12 34");
  }
}

TEST_F(Pin, IsRefusedWhenEmptyLongOrSeveralLines) {
  EXPECT_THAT(ErrorOfPin(directory_.Write("pin", "")), HasSubstr("a PIN of 1 to 255"));
  EXPECT_THAT(ErrorOfPin(directory_.Write("pin", "\n")), HasSubstr("a PIN of 1 to 255"));
  EXPECT_THAT(ErrorOfPin(directory_.Write("pin", "1\n2\n")), HasSubstr("one line"));
  EXPECT_EQ(ErrorOfPin(directory_.Write("pin", std::string(255, '1') + "\n")), "accepted");
  EXPECT_THAT(ErrorOfPin(directory_.Write("pin", std::string(256, '1'))), HasSubstr("255"));
  EXPECT_THAT(ErrorOfPin(directory_.Write("pin", std::string(5000, '1'))),
              HasSubstr("has more than"));
}

TEST_F(Pin, ComesFromACredentialOfSystemds) {
  const std::string folder = directory_.Write("hsm-pin", "1234\n").parent_path().string();
  const auto pin = ReadPinCredential(folder.c_str(), "hsm-pin");
  ASSERT_TRUE(pin) << pin.error().explanation;
  EXPECT_EQ(AsText(pin->View()), "1234");
  for (const char* nowhere : {static_cast<const char*>(nullptr), "", "relative"}) {
    const auto refused = ReadPinCredential(nowhere, "hsm-pin");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, Reason::kConfiguration);
    EXPECT_THAT(refused.error().explanation, HasSubstr("LoadCredential=hsm-pin"));
  }
  EXPECT_FALSE(ReadPinCredential(folder.c_str(), "another"));
}

TEST_F(Pin, ComesFromAnInheritedDescriptorThatIsClosedThen) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "12 34\n", 6), 6);
  ::close(ends[1]);
  const auto pin = ReadPinDescriptor(ends[0]);
  ASSERT_TRUE(pin) << pin.error().explanation;
  EXPECT_EQ(AsText(pin->View()), "12 34");
  EXPECT_EQ(::fcntl(ends[0], F_GETFD), -1);
  const auto closed = ReadPinDescriptor(ends[0]);
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().reason, Reason::kConfiguration);
}

TEST_F(Pin, HasOnePlaceInTheConfiguration) {
  const auto with = [](const std::string& setting) {
    return ParseConfig(Replaced(kLeast, R"(pin_file = "pin")", setting), "/etc/acb/acbd.toml");
  };
  const auto credential = with(R"(pin_credential = "hsm-pin")");
  ASSERT_TRUE(credential) << credential.error().explanation;
  EXPECT_EQ(credential->hsm_pin_credential, "hsm-pin");
  const auto descriptor = with("pin_fd = 3");
  ASSERT_TRUE(descriptor) << descriptor.error().explanation;
  EXPECT_EQ(descriptor->hsm_pin_descriptor, 3U);
  for (const auto& [setting, why] :
       {std::pair{R"(pin_credential = "../x")", "pin_credential must be"},
        std::pair{"pin_fd = 2", "pin_fd must be"},
        std::pair{R"(pin_fd = 3, pin_file = "pin")", "second place"},
        std::pair{R"(pin_fd = 3, pin_credential = "a")", "second place"},
        std::pair{R"(token_label2 = "x")", "missing setting hsm.pin_file"}}) {
    const auto refused = with(setting);
    ASSERT_FALSE(refused) << setting;
    EXPECT_THAT(refused.error().explanation, HasSubstr(why));
  }
}

TEST_F(Pin, IsRefusedWhenOthersMayReachTheFile) {
  const auto file = directory_.Write("pin", "1234\n");
  for (const mode_t mode : {0604U, 0602U, 0601U, 0620U}) {
    ::chmod(file.c_str(), mode);
    EXPECT_THAT(ErrorOfPin(file), HasSubstr("closed to others")) << std::oct << mode;
  }
  for (const mode_t mode : {0600U, 0400U, 0640U}) {
    ::chmod(file.c_str(), mode);
    EXPECT_EQ(ErrorOfPin(file), "accepted") << std::oct << mode;
  }
}

// reliability.md, traps: symlinked paths.
TEST_F(Pin, IsRefusedWhenTheFileIsNotARegularOne) {
  const auto file = directory_.Write("pin", "1234\n");
  std::filesystem::create_symlink(file, directory_.path() / "link");
  EXPECT_THAT(ErrorOfPin(directory_.path() / "link"), HasSubstr("symbolic link"));
  EXPECT_THAT(ErrorOfPin(directory_.path()), HasSubstr("not a regular file"));
  ::mkfifo((directory_.path() / "fifo").c_str(), 0600);
  EXPECT_THAT(ErrorOfPin(directory_.path() / "fifo"), HasSubstr("not a regular file"));
  EXPECT_THAT(ErrorOfPin(directory_.path() / "none"), HasSubstr("No such file"));
}

// R-SEC3-39, R-NOW-9.
TEST(ConfigApprovedModules, AreReadWhole) {
  const std::string module =
      "[[hsm.approved]]\nmanufacturer = \"M\"\nmodel = \"T1\"\nfirmware = \"2.6\"\n"
      "certificate = \"4321\"\nlevel = 3\n";
  const auto with = [&](const std::string& more) {
    return Replaced(kLeast, "hsm = { module = \"m\", token_label = \"acb\", pin_file = \"pin\" }\n",
                    "") +
           "[hsm]\nmodule = \"m\"\ntoken_label = \"acb\"\npin_file = \"pin\"\n" + module + more;
  };
  const auto config = Parse(with("exception_owner = \"A\"\nexception_until = \"2027-01-31\"\n"));
  ASSERT_TRUE(config) << config.error().explanation;
  ASSERT_EQ(config->approved_modules.size(), 1u);
  const ApprovedModule& read = config->approved_modules.front();
  EXPECT_EQ(read.manufacturer, "M");
  EXPECT_EQ(read.standard, "140-3");
  EXPECT_EQ(read.level, 3u);
  EXPECT_EQ(read.exception_until, UtcTime::FromIsoDate("2027-01-31"));
  EXPECT_TRUE(Parse(std::string(kLeast))->approved_modules.empty());
  for (const char* wrong :
       {"standard = \"140-1\"\n", "exception_owner = \"A\"\nexception_until = \"soon\"\n",
        "exception_owner = \"A\"\n", "exception_until = \"2027-01-31\"\n", "serial = \"1\"\n"}) {
    EXPECT_FALSE(Parse(with(wrong))) << wrong;
  }
  EXPECT_FALSE(Parse(Replaced(with(""), "level = 3", "level = 5")));
  EXPECT_FALSE(Parse(Replaced(with(""), "level = 3\n", "")));
}

}  // namespace
}  // namespace acb::platform
