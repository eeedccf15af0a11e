// acbctl: the operator's tool.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "firmware/base/request_id.h"
#include "tools/acbctl/audit.h"
#include "tools/acbctl/audit_export.h"
#include "tools/acbctl/backup.h"
#include "tools/acbctl/counters.h"
#include "tools/acbctl/firmware.h"
#include "tools/acbctl/interchange.h"
#include "tools/acbctl/key.h"
#include "tools/acbctl/observe.h"
#include "tools/acbctl/operate.h"
#include "tools/acbctl/order_list.h"
#include "tools/acbctl/provision.h"
#include "tools/acbctl/recover.h"
#include "tools/acbctl/remote.h"
#include "tools/acbctl/report.h"
#include "tools/acbctl/restore.h"
#include "tools/acbctl/rules.h"

namespace acb::acbctl {
namespace {

// A number as the service reads it; what is wrong with it otherwise.
std::string CheckDecimal(const std::string& text) {
  if (ParseDecimal(text)) return {};
  return "'" + text + "' is not a decimal number of 64 bits";
}

void AddProvision(CLI::App& app, ProvisionOptions& options) {
  CLI::App* command =
      app.add_subcommand("provision", "Make a box: token, keys, store, TLS, acbd.toml");
  command->add_option("--directory", options.directory, "Where; must not exist, or be empty")
      ->required();
  command->add_option("--environment", options.environment, "test or live; fixed for good")
      ->required()
      ->check(CLI::IsMember({"test", "live"}));
  command->add_option("--module", options.module, "PKCS#11 module")->capture_default_str();
  command->add_option("--token-label", options.token_label, "Label of the new token")
      ->capture_default_str();
  command
      ->add_option("--module-test-rounds", options.module_test_rounds,
                   "How often the module has to show two processes each other's objects")
      ->check(CLI::Range(1, hsm::kMaxAcceptanceRounds))
      ->capture_default_str();
  command->add_option("--port", options.port, "Port of the service on 127.0.0.1")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  command->add_option("--acb-ds-certificate", options.acb_ds_certificate,
                      "The ACB's digital signing certificate, PEM or DER");
  command->add_option("--acb-ka-certificate", options.acb_ka_certificate,
                      "The ACB's key agreement certificate, PEM or DER");
  command->add_option(
      "--import-key", options.import_keys,
      "ds=FILE or ka=FILE: a private key in PEM (test only; else keys are generated in the token)");
  command->add_option("--root", options.roots, "Root certificate of the organisation PKI");
  command->add_option("--trust-anchor", options.trust_anchors,
                      "NAME=HEX: a root known by name and public key only (test only), "
                      "as CN=ZA,OU=00=04...");
  command->add_option("--validation-time", options.validation_time,
                      "Judge validity at this instant (test only)");
  command->add_option("--issuer-without-crl", options.issuers_without_crl,
                      "Name of an issuer that has no CRL (test only)");
  command->add_option("--pinned-signer", options.pinned_signers,
                      "XML signing certificate trusted without a path (test only)");
  command->add_option("--backup-key", options.backup_key,
                      "PEM: P-256 public key or certificate that backups are encrypted to; its "
                      "private key is kept off the box (test: a pair is made when not given)");
  command->footer(
      "Example:\n  acbctl provision --directory /tmp/box --environment test --root root.pem \\\n"
      "    --acb-ds-certificate acb-ds.pem --acb-ka-certificate acb-ka.pem \\\n"
      "    --import-key ds=acb-ds.key --import-key ka=acb-ka.key");
}

CLI::App* AddFirmware(CLI::App& app, FirmwareOptions& options) {
  CLI::App* firmware = app.add_subcommand("firmware", "The installed software; needs no box");
  firmware->require_subcommand(1);
  CLI::App* verify = firmware->add_subcommand(
      "verify", "Is this release signed, whole, and not older than the installed one?");
  verify
      ->add_option("manifest", options.manifest, "manifest.json; manifest.json.sig lies beside it")
      ->required();
  verify->add_option("--key", options.key, "Public release key, PEM, from a trusted hand")
      ->required();
  verify->add_option("--root", options.root, "Where its files are")->capture_default_str();
  verify->add_option("--installed", options.installed, "Manifest of the installed release")
      ->capture_default_str();
  verify->footer(
      "Before an installation, on the packages unpacked elsewhere; afterwards without --root.\n"
      "Example:\n  for package in *.deb; do dpkg-deb -x $package unpacked || exit 1; done\n"
      "  acbctl firmware verify manifest.json --key release-key.pem --root unpacked");
  return verify;
}

struct CounterOptions {
  std::string device;  // to show
  ReserveOptions reserve;
  RaiseOptions raise;
};

void AddCounterShow(CLI::App& counter, CounterOptions& options) {
  CLI::App* show = counter.add_subcommand(
      "show", "Cells, floors, what was issued, and what the next counter would be");
  show->add_option("device", options.device, "EUI-64")->required();
  show->footer("Example:\n  acbctl counter show 00-DB-12-34-56-78-90-A0");
}

void AddCounterReserve(CLI::App& counter, ReserveOptions& options) {
  CLI::App* reserve = counter.add_subcommand(
      "reserve", "Spend one counter for a command of the ACB that this box does not sign");
  reserve->add_option("device", options.device, "EUI-64")->required();
  reserve->add_option("--purpose", options.purpose, "What it is for, such as a service reference")
      ->required();
  reserve
      ->add_option("--proposed-counter", options.proposed_counter,
                   "Propose this originator counter")
      ->check(CheckDecimal);
  reserve->footer(
      "Asked again, it spends another one: keep the answer. Send its command after the answers of\n"
      "handovers of this device that are under way: they have lower counters.\n"
      "Example:\n  acbctl counter reserve 00-DB-12-34-56-78-90-A0 --purpose 6.24.1");
}

void AddCounterRaise(CLI::App& counter, RaiseOptions& options) {
  CLI::App* raise = counter.add_subcommand(
      "raise", "Repair: raise what is recorded of a device; takes two operators, only goes up");
  raise->add_option("device", options.device, "EUI-64")->required();
  raise->add_option("to,--to", options.to, "The number that is recorded afterwards")->required();
  raise
      ->add_option("--role", options.role,
                   "supplier or networkoperator: the floor of that role's cells; all: the greatest "
                   "counter issued")
      ->capture_default_str()
      ->check(CLI::IsMember({"all", "supplier", "networkoperator"}));
  raise->add_option("--reason", options.reason, "Why; it is recorded")->required();
  raise->add_option("--as", options.as, "Client certificate of an operator; twice for both");
  raise->footer(
      "Example:\n  acbctl counter raise 00-DB-12-34-56-78-90-A0 70000 --role supplier \\\n"
      "    --reason 'floor of 6.15.1 as the supplier logged it' \\\n"
      "    --as tls/operator.pem --as tls/operator2.pem");
}

void AddExportCounters(CLI::App& app, ExportOptions& options) {
  CLI::App* command =
      app.add_subcommand("export-counters", "The counters of all devices, signed, for another box");
  command->add_option("--out", options.out, "The file to write")->required();
  command->add_option("--key-out", options.key_out,
                      "Write the public key that signed it here, PEM: who imports needs it, and "
                      "should have it another way");
  command->add_flag("--fence", options.fence,
                    "For good, this box signs no more and gives out no counter; two operators");
  command->add_option("--as", options.as, "Client certificate of an operator; twice for both");
  command->footer(
      "Examples:\n  acbctl export-counters --out counters.json --key-out counters.pem\n"
      "  acbctl export-counters --out counters.json --fence \\\n"
      "    --as tls/operator.pem --as tls/operator2.pem");
}

void AddImportCounters(CLI::App& app, CountersImportOptions& options) {
  CLI::App* command = app.add_subcommand(
      "import-counters", "Raise this box's counters by another's export; takes two operators");
  command->add_option("file", options.file, "What 'export-counters' wrote")->required();
  command->add_option("--key", options.key, "The other box's checkpoint key, PEM")->required();
  command->add_option("--as", options.as, "Client certificate of an operator; twice for both");
  command->footer(
      "Example:\n  acbctl import-counters counters.json --key other-box.pem \\\n"
      "    --as tls/operator.pem --as tls/operator2.pem");
}

// Both work on a box that is stopped, by its configuration.
void AddRestore(CLI::App& app, RestoreOptions& options) {
  CLI::App* command = app.add_subcommand("restore", "A backup becomes the store of a stopped box");
  command
      ->add_option("file", options.backups,
                   "As 'backup' made it: a full one, then any incremental ones in their order")
      ->required();
  command->add_option("--key", options.key, "PEM: private half of the backup key")->required();
  command
      ->add_option("--config", options.config,
                   "acbd.toml: its [store] directory must be absent or empty")
      ->required();
  command->add_option("--checkpoint-key", options.checkpoint_key,
                      "PEM: public key that signed the backup, when it is not the token's");
  command->add_flag("--recover", options.recover,
                    "Leave a store in place that the token's anchor does not let start; signing is "
                    "off until 'acbctl recover'");
  command->add_flag("--progress", options.progress, "Also when standard error is no terminal");
  command->footer(
      "Example:\n  acbctl restore box-2026-11-21.backup --key backup-private.pem --config "
      "/etc/acbd/acbd.toml\n"
      "  acbctl restore sunday.backup monday.backup tuesday.backup --key backup-private.pem "
      "--config /etc/acbd/acbd.toml");
}

void AddRecover(CLI::App& app, RecoverOptions& options) {
  CLI::App* command = app.add_subcommand("recover", "Two operators let a stopped box sign again");
  command->add_option("--config", options.config, "acbd.toml")->required();
  command->add_option("--base", options.base,
                      "Stated to be above every counter ever signed for any device");
  command->add_option("--from", options.from,
                      "The log's entries, one a line as GET /v1/audit/entries gives them; a file, "
                      "or a directory with 'entries'");
  command->add_option("--reason", options.reason, "Why; it is recorded")->required();
  command->add_option("--as", options.as, "Client certificate of an operator, twice; keys beside")
      ->required();
  command->add_flag("--progress", options.progress, "Also when standard error is no terminal");
  command->footer(
      "Example:\n  acbctl recover --config /etc/acbd/acbd.toml --base 5000000 --reason 'disk lost' "
      "\\\n    --as tls/operator.pem --as tls/operator2.pem");
}

// One for each act: what is not said stays empty.
struct KeyCommands {
  CLI::App* key = nullptr;
  KeyOptions options;
};

CLI::App* AddCeremony(KeyCommands& commands, const std::string& name, const std::string& about,
                      const std::string& example) {
  CLI::App* command = commands.key->add_subcommand(name, about);
  CeremonyOptions& ceremony = commands.options.ceremony;
  command->add_option("--config", ceremony.config, "acbd.toml; else that in --directory");
  command->add_option("--as", ceremony.as, "Client certificate of an operator, twice; keys beside")
      ->required();
  command->add_option("--witness", ceremony.witness,
                      "Reference of a recording, or of others who were there; it is recorded");
  command->add_option("--record", ceremony.record, "Also write the record to this new file");
  command->footer("The service must be stopped.\nExample:\n  acbctl key " + name +
                  " --config /etc/acbd/acbd.toml " + example +
                  " \\\n    --as tls/operator.pem --as tls/operator2.pem");
  return command;
}

void AddPathMaterial(CLI::App& command, KeyOptions& options) {
  command.add_option("--certificates", options.certificates,
                     "Issuing certificates that the box has not imported yet, PEM");
  command.add_option("--revocation-lists", options.revocation_lists,
                     "CRL and ARL that the box has not imported yet, PEM");
}

void AddKeyCertification(KeyCommands& commands) {
  KeyOptions& options = commands.options;
  CLI::App* csr = AddCeremony(commands, "csr", "A certificate request, signed by the key itself",
                              "--key acb-ds-2 --out ds-2.csr --channel 'DCC Gateway' \\\n    "
                              "--person 'A. Smith' --organisation DCC --approval 'CHG-1017'");
  csr->add_option("--key", options.label, "Label, as 'acbctl key list' shows it")->required();
  csr->add_option("--out", options.file, "The file to write: PKCS#10 in PEM")->required();
  csr->add_option("--channel", options.channel, "By which the request goes to the DCC")->required();
  csr->add_option("--person", options.person, "The authorised person who sends it")->required();
  csr->add_option("--organisation", options.organisation, "The applicant")->required();
  csr->add_option("--approval", options.approval, "Reference of the approval")->required();
  csr->add_option("--common-name", options.common_name, "For the subject; else it has none");
  csr->add_option("--eui64", options.eui64, "The ACB's, while no certificate on record says it");

  CLI::App* accept = AddCeremony(commands, "accept", "The certificate that came for a key",
                                 "--key acb-ds-2 acb-ds-2.pem");
  accept->add_option("--key", options.label, "Label")->required();
  accept->add_option("certificate", options.file, "PEM or DER")->required();
  AddPathMaterial(*accept, options);
  accept->add_option("--eui64", options.eui64, "The ACB's, while no certificate on record says it");
}

void AddKey(CLI::App& app, KeyCommands& commands) {
  commands.key =
      app.add_subcommand("key", "The ACB's keys: ceremonies on a stopped box, inventory");
  commands.key->require_subcommand(1);
  KeyOptions& options = commands.options;
  CLI::App* generate =
      AddCeremony(commands, "generate", "A new key pair of the ACB, in the token",
                  "--role digital-signing --place 'Data centre 1' --custodians 'HSM team'");
  generate->add_option("--role", options.role, "digital-signing or key-agreement; no other is held")
      ->required();
  generate->add_option("--generation", options.generation, "1 .. 9999; else the next")
      ->check(CLI::Range(1U, keys::kMaxGeneration));
  generate->add_option("--place", options.place, "Where the module stands")->required();
  generate->add_option("--custodians", options.custodians, "Who keeps module and credentials")
      ->required();
  AddKeyCertification(commands);
  for (const auto& [name, about] :
       {std::pair("activate", "Both keys of a generation come into use"),
        std::pair("retire",
                  "Both keys of a generation go out of use; another one must be in use")}) {
    CLI::App* command = AddCeremony(commands, name, about, "--generation 2");
    if (std::string_view(name) == "activate") AddPathMaterial(*command, options);
    command->add_option("--generation", options.generation, "Of the pair")
        ->required()
        ->check(CLI::Range(1U, keys::kMaxGeneration));
  }
  CLI::App* destroy = AddCeremony(commands, "destroy", "Destroy a key in the token, for good",
                                  "--key acb-ds --backups 'none were made'");
  destroy->add_option("--key", options.label, "Label; also of one that is on no record")
      ->required();
  destroy->add_option("--backups", options.backups, "What became of its backups")->required();

  CLI::App* list = commands.key->add_subcommand(
      "list", "Register and token side by side (stopped box); exit code 1 when they differ");
  list->add_option("--config", options.ceremony.config, "acbd.toml; else that in --directory");
  list->footer(
      "While acbd runs: acbctl report keys.\nExample:\n  acbctl key list --config "
      "/etc/acbd/acbd.toml");
}

int RunKey(KeyCommands& commands, const Connection& connection) {
  KeyOptions& options = commands.options;
  options.ceremony.json = connection.json;
  if (options.ceremony.config.empty()) {
    if (connection.directory.empty()) {
      return Misused(connection, "say which box: --config FILE, or --directory DIR before 'key'");
    }
    options.ceremony.config = connection.directory / "acbd.toml";
  }
  const std::pair<const char*, int (*)(const KeyOptions&)> acts[] = {
      {"generate", GenerateKey},  {"csr", RequestCertificate}, {"accept", AcceptCertificate},
      {"activate", ActivateKeys}, {"retire", RetireKeys},      {"destroy", DestroyKey},
      {"list", ListKeys}};
  for (const auto& [name, act] : acts) {
    if (commands.key->got_subcommand(name)) return act(options);
  }
  return kUsage;
}

// What each feed's file holds: README.md says what the values are.
constexpr std::string_view kFeedsHelp = R"(Feeds (CSV: a header row, columns in any order):
  parties                    user_id,party,role,status,from,to,uept,notice_to_cease
  registrations              mpxn,supplier,network_operator,from,to
  devices                    device_id,type,smets,model,smi_status,commissioned,mpxn,
                             key_agreement_certificate,supplier_cell,supplier_floor,
                             network_operator_cell,network_operator_floor
                             and, if wanted, communications_hub,
                             supplier_acb_key, network_operator_acb_key
  mpan-prefixes              prefix,party                                    (replaces all)
  working-days               date,working                                    (replaces all)
  certified-products         model,firmware,firmware_sha256,from,to          (replaces all;
                             takes the good entries, lists the others on
                             standard error and then exits with 1)
  proxy-certificates         device_id,source,owner,certificate     (replaces each source)
  repository-status          certificate_sha256,status,reason,since
  organisation-certificates  certificates, PEM or one DER
  device-certificates        certificates, PEM or one DER
  revocation-lists           CRLs and ARLs, PEM or one DER
Example:
  acbctl --directory /tmp/box import mpan-prefixes prefixes.csv)";

void AddAuditExport(CLI::App& audit, AuditExportOptions& options) {
  CLI::App* command =
      audit.add_subcommand("export", "The log as one signed file, for acb-verify elsewhere");
  command->add_option("out", options.out, "The file to make")->required();
  command
      ->add_option("--redaction", options.redaction,
                   "ssc: everything; panel: no meter points, free text, requests or commands")
      ->required()
      ->check(CLI::IsMember({"ssc", "panel"}));
  command->add_option("--from", options.from,
                      "First entry: an index, 2026-11-21T12:00:00Z or 2026-11-21 (UTC)");
  command->add_option("--to", options.to, "Where it ends, itself not in it; as --from");
  command->add_flag("--replace", options.replace, "Replace a file of that name");
  command->footer(
      "Without --from and --to: the whole log, up to a checkpoint that is made for it.\n"
      "The export is an entry of the log itself, behind what it holds.\n"
      "Example:\n  acbctl --directory /tmp/box audit export --from 2026-11-01 --to 2026-12-01 "
      "--redaction ssc november.tar\n  acb-verify november.tar --key checkpoint.pem");
}

CLI::App* AddReport(CLI::App& app, ReportOptions& options) {
  CLI::App* report = app.add_subcommand("report", "A report for auditors, all its pages");
  report->add_option("name", options.name, "as below")->required();
  report->add_option("--from", options.from, "day or time it begins: 2026-10-01");
  report->add_option("--to", options.to, "day or time it ends, not in it; without: now");
  report->add_option("--month", options.month, "in place of both: 2026-10");
  report->add_option("--figure", options.figure, "the audit entries behind one figure, by its id");
  report->add_option("--seed", options.seed, "of report sample: any text of your own");
  report->add_option("--signed", options.drawn_signed, "of it: commands to draw, 25");
  report->add_option("--refused", options.drawn_refused, "of it: refused requests to draw, 25");
  report->add_option("--format", options.format, "text, json, csv or html")
      ->check(CLI::IsMember({"text", "json", "csv", "html"}));
  report->add_option("--out", options.out, "file to write it to");
  report->footer(
      "  network-certificates  refusals per supplier and code, for the Panel\n"
      "  post-commissioning    who is past seven Working Days\n"
      "  mismatches            handovers whose MPAN prefix names another party\n"
      "  deadlocks             SMETS1 devices whose recorded owner is not the registered operator\n"
      "  reconciliation        proxy records on which DSP, S1SP and the devices feed differ\n"
      "  orphans               cells held by a defunct party or with revoked certificates\n"
      "  gnp-leaving           GPFs that still hold a leaving gas network party's certificate\n"
      "  wrong-certificates    devices with another operator's certificate, by month\n"
      "  counters, keys, trust, volume, non-compliance, notifications, access\n"
      "  signing, refusals, observations, feeds, starts, operators   registers\n"
      "  annual-statement      controls, exceptions, and whether the period can be certified\n"
      "  sample                entries drawn by a seed, to check for oneself\n"
      "With --json: the service's answers, one page a line.\n"
      "Example:\n  acbctl --directory /tmp/box report network-certificates --month 2026-10 "
      "--format csv --out october.csv");
  return report;
}

// Of a command line that does not parse, or that asks for help or the version. With --json one
// document on standard output, whatever came of it.
int ExitOf(const CLI::App& app, const CLI::ParseError& error,
           const std::vector<std::string>& words) {
  if (error.get_exit_code() == 0) return app.exit(error) == 0 ? kGood : kUsage;
  const bool json = std::ranges::find(words, "--json") != words.end();
  // A word that is no command is what is missing one for CLI11.
  const std::vector<std::string> rest = app.remaining(true);
  const auto unknown =
      std::ranges::find_if(rest, [](const auto& w) { return !w.starts_with('-'); });
  if (error.get_name() != "RequiredError" || unknown == rest.end()) {
    app.exit(error);
    if (json) Refuse(Failure(Reason::kMalformed, error.what()), true);
    return kUsage;
  }
  Connection connection;
  connection.json = json;
  return Misused(connection,
                 "there is no command '" + *unknown + "': 'acbctl --help' names them all");
}

int Main(int argc, char** argv) {
  CLI::App app("The operator's tool of the ACB handover-signing appliance");
  app.require_subcommand(1);
  app.fallthrough();  // --json is as good behind the command's name as before it
  app.footer(
      "Exit code: 0 good, 1 refused or failed, 2 usage.\n"
      "Example:\n  acbctl --directory /tmp/box import devices devices.csv\n"
      "  acbctl --directory /tmp/box submit request.xml");

  Connection connection;
  if (const char* directory = std::getenv("ACB_DIRECTORY")) connection.directory = directory;
  app.add_option("--directory", connection.directory,
                 "The directory that 'provision' made (default: $ACB_DIRECTORY)");
  app.add_option("--url", connection.url, "https://host:port, instead of what the directory says");
  app.add_option("--cacert", connection.ca, "PEM: who issued the service's certificate");
  app.add_option("--cert", connection.certificate, "PEM: client certificate");
  app.add_option("--key", connection.key, "PEM: its key");
  app.add_flag("--json", connection.json, "Print the service's answer as it is");
  app.set_version_flag("--version", "acbctl " ACB_VERSION);

  ProvisionOptions provision;
  AddProvision(app, provision);

  std::string feed;
  std::filesystem::path feed_file;
  CLI::App* import = app.add_subcommand("import", "Import a feed: all or nothing");
  import->footer(std::string(kFeedsHelp));
  import->add_option("feed", feed, "One of the feeds below")->required();
  import->add_option("file", feed_file, "CSV with a header row, or PEM/DER")->required();

  SubmitOptions submit;
  CLI::App* submit_command = app.add_subcommand("submit", "Submit a DUIS 6.21 request");
  submit_command->add_option("file", submit.file, "The signed request, XML")->required();
  submit_command->add_option("--out", submit.out, "Write the command here, in hex");
  submit_command
      ->add_option("--proposed-counter", submit.proposed_counter, "Propose this originator counter")
      ->check(CheckDecimal);
  submit_command->add_flag("--dry-run", submit.dry_run,
                           "Every check with its outcome; nothing is spent, signed or recorded");

  ObserveOptions observe;
  CLI::App* observe_command =
      app.add_subcommand("observe", "Record an observed command and the device's answer");
  observe_command->add_option("--command", observe.command, "GBCS command: octets, hex or base64");
  observe_command->add_option("--response", observe.response,
                              "GBCS response or alert, likewise; alone when the command was "
                              "observed earlier");
  observe_command->add_option("--service-request", observe.service_request, "DUIS request, XML");
  observe_command->footer(
      "Example:\n  acbctl --directory /tmp/box observe --command command.hex --response "
      "response.hex");

  QuarantineOptions decide;
  CLI::App* quarantine = app.add_subcommand("quarantine", "What waits for two operators");
  quarantine->require_subcommand(1);
  CLI::App* quarantine_list = quarantine->add_subcommand("list", "What is in quarantine");
  std::string quarantine_from;
  quarantine_list
      ->add_option("--from", quarantine_from, "Go on with this number: 1,000 come at once")
      ->check(CheckDecimal);
  for (const char* act : {"release", "delete"}) {
    CLI::App* command = quarantine->add_subcommand(
        act, std::string(act) == "release" ? "Let it go on: every check anew, and signed"
                                           : "Refuse it for good");
    command->add_option("number", decide.id, "As 'quarantine list' gives it")
        ->required()
        ->check(CheckDecimal);
    command->add_option("--as", decide.as, "Client certificate of an operator; twice for both");
    command->callback([&decide, act] { decide.act = act; });
    command->footer("Example:\n  acbctl quarantine " + std::string(act) +
                    " 42 --as tls/operator.pem --as tls/operator2.pem");
  }

  SuspendOptions suspend;
  CLI::App* suspend_command = app.add_subcommand("suspend", "Stop signing: all, or for one");
  CLI::App* suspend_list = suspend_command->add_subcommand("list", "What is suspended");
  for (const bool lift : {false, true}) {
    CLI::App* command = suspend_command->add_subcommand(
        lift ? "lift" : "now", lift ? "Go on; takes two operators" : "Stop at once");
    command->add_option("scope", suspend.scope, "all, party, device, subject or issuer")
        ->required()
        ->check(CLI::IsMember({"all", "party", "device", "subject", "issuer"}));
    CLI::Option* one = command->add_option("subject", suspend.subject,
                                           "Party's short name, EUI-64, or issuer (CN=...,OU=...)");
    command->add_option("--subjects", suspend.subjects, "A file instead: one of them a line")
        ->excludes(one);
    command->add_option("--authority", suspend.authority, "Who ordered it")->required();
    if (!lift) {
      command->add_option("--suspect-key", suspend.suspect_key,
                          "With scope all: the key that others may know; recorded as an alarm");
    }
    command->add_option("--as", suspend.as, "Client certificate of an operator; twice for both");
    command->callback([&suspend, lift] { suspend.lift = lift; });
    command->footer(
        lift ? "Example:\n  acbctl suspend lift party SUPA --authority 'SSC 2026-12-01' "
               "--as tls/operator.pem --as tls/operator2.pem"
             : "Examples:\n  acbctl suspend now party SUPA --authority 'SSC 2026-11-21'\n"
               "  acbctl suspend now device --subjects lost.txt --authority 'SSC 7'");
  }
  suspend_command->require_subcommand(1);

  std::string device_id;
  CLI::App* device = app.add_subcommand("device", "Devices");
  device->require_subcommand(1);
  CLI::App* device_show = device->add_subcommand("show", "What is known of a device");
  device_show->add_option("device", device_id, "EUI-64")->required();

  CounterOptions counters;
  CLI::App* counter = app.add_subcommand("counter", "Originator counters of a device");
  counter->require_subcommand(1);
  AddCounterShow(*counter, counters);
  AddCounterReserve(*counter, counters.reserve);
  AddCounterRaise(*counter, counters.raise);

  ExportOptions counters_export;
  AddExportCounters(app, counters_export);
  CountersImportOptions counters_import;
  AddImportCounters(app, counters_import);

  ReportOptions report_options;
  CLI::App* report = AddReport(app, report_options);

  AuditOptions audit;
  CLI::App* audit_command = AddAudit(app, audit);
  AuditExportOptions audit_export;
  AddAuditExport(*audit_command, audit_export);

  CLI::App* rules = app.add_subcommand(
      "rules", "What a handover has to pass, and where each rule comes from; needs no box");

  FirmwareOptions firmware;
  CLI::App* firmware_verify = AddFirmware(app, firmware);

  BackupOptions backup;
  CLI::App* backup_command =
      app.add_subcommand("backup", "A backup of the running box, encrypted to [backup] public_key");
  backup_command->add_option("--out", backup.out, "The file to make; must not exist")->required();
  backup_command->add_option("--since", backup.since,
                             "Only what has changed since this earlier backup: its file, or the "
                             "SHA-256 that was printed for it");
  backup_command->footer(
      "Without --since a full backup. With it an incremental one, which is worth nothing without "
      "the\nearlier one, and that one's, back to a full one. A box knows the last 8 backups that "
      "it made\nitself.\n"
      "Example:\n  acbctl --directory /tmp/box backup --out /media/safe/sunday.backup\n"
      "  acbctl --directory /tmp/box backup --since /media/safe/sunday.backup --out "
      "/media/safe/monday.backup");

  RestoreOptions restore;
  AddRestore(app, restore);
  RecoverOptions recover;
  AddRecover(app, recover);
  KeyCommands key;
  AddKey(app, key);

  CLI::App* status = app.add_subcommand("status", "Is the box ready, and if not, why");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return ExitOf(app, error, {argv, argv + argc});
  }
  if (app.got_subcommand("provision")) {
    provision.json = connection.json;
    return Provision(provision);
  }
  if (app.got_subcommand("restore")) {
    restore.json = connection.json;
    return Restore(restore);
  }
  if (app.got_subcommand("recover")) {
    recover.json = connection.json;
    return Recover(recover);
  }
  if (app.got_subcommand("key")) return RunKey(key, connection);
  if (rules->parsed()) return ShowRules(connection.json);
  if (firmware_verify->parsed()) {
    firmware.json = connection.json;
    return VerifyFirmware(firmware);
  }
  if (connection.directory.empty() && (connection.url.empty() || connection.ca.empty() ||
                                       connection.certificate.empty() || connection.key.empty())) {
    return Misused(connection,
                   "say which box: --directory DIR, or --url, --cacert, --cert and --key");
  }
  if (import->parsed()) return Import(connection, feed, feed_file);
  if (submit_command->parsed()) return Submit(connection, submit);
  if (observe_command->parsed()) return Observe(connection, observe);
  if (quarantine_list->parsed()) return ListQuarantine(connection, quarantine_from);
  if (quarantine->parsed()) return DecideQuarantined(connection, decide);
  if (suspend_list->parsed()) return ListSuspensions(connection);
  if (suspend_command->parsed()) {
    return suspend.subjects.empty() ? Suspend(connection, suspend)
                                    : SuspendList(connection, suspend);
  }
  if (device_show->parsed()) return ShowDevice(connection, device_id);
  if (counter->got_subcommand("show")) return ShowCounters(connection, counters.device);
  if (counter->got_subcommand("reserve")) return ReserveCounter(connection, counters.reserve);
  if (counter->got_subcommand("raise")) return RaiseCounter(connection, counters.raise);
  if (app.got_subcommand("export-counters")) return ExportCounters(connection, counters_export);
  if (app.got_subcommand("import-counters")) return ImportCounters(connection, counters_import);
  if (audit_command->got_subcommand("export")) return ExportAudit(connection, audit_export);
  if (audit_command->got_subcommand("checkpoint")) return ShowCheckpoint(connection, audit);
  if (audit_command->got_subcommand("proof")) return ShowProof(connection, audit);
  if (report->parsed()) return ShowReport(connection, report_options);
  if (backup_command->parsed()) return Backup(connection, backup);
  if (status->parsed()) return ShowStatus(connection);
  return kUsage;
}

}  // namespace
}  // namespace acb::acbctl

int main(int argc, char** argv) { return acb::acbctl::Main(argc, argv); }
