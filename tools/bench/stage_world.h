// Everything the stages of a handover need, real: a PKI, signed requests, a SoftHSM token with the
// ACB's keys, a store. One per process; used by one thread.
#pragma once

#include <memory>
#include <string>

#include "firmware/case_file.h"
#include "firmware/smki/trust.h"
#include "hsm/hsm.h"
#include "tools/bench/raw_token.h"
#include "tools/bench/scratch_store.h"

namespace acb::bench {

class StageWorld {
 public:
  // Below `parent`, removed with this. Runs tests/pki/make_pki.py (ACB_SOURCE_DIR names the tree).
  static Result<std::unique_ptr<StageWorld>> Open(const std::filesystem::path& parent);
  StageWorld(const StageWorld&) = delete;
  StageWorld& operator=(const StageWorld&) = delete;

  // A supplier's 6.21 for device(), signed, and what the rules found out about it.
  const std::string& request() const { return request_; }
  const CaseFile& file() const { return *file_; }
  const smki::CertificatePtr& signer() const { return signer_; }
  const gbcs::UnsignedCommand& command() const { return *command_; }
  const gbcs::SignedCommand& signed_command() const { return *signed_; }
  const PublicPoint& device_key() const { return device_key_; }
  ReservedCounter Counter() const;

  const smki::Trust& trust() const { return *trust_; }
  // The same certificates and lists, and no path looked at yet.
  std::shared_ptr<const smki::Trust> FreshTrust() const;
  UtcTime now() const { return now_; }
  Eui64 acb() const { return acb_; }

  CommandSigner& signer_port() { return hsm_->command_signer(); }
  const RawToken& token() const { return *token_; }
  store::Store& store() { return store_->store(); }

 private:
  explicit StageWorld(const std::filesystem::path& parent);
  Status OpenToken();
  Status ReadRequest();
  Status SignCommand();
  Status FillStore(const std::filesystem::path& parent);

  const UtcTime now_;
  const AnswerTable answers_;
  ScratchDirectory directory_;
  std::string request_;
  std::shared_ptr<const smki::Trust> trust_;
  smki::CertificatePtr signer_;
  smki::CertificatePtr acb_certificate_;
  Eui64 acb_{0};
  PublicPoint device_key_{};
  std::optional<CaseFile> file_;
  std::optional<gbcs::UnsignedCommand> command_;
  std::optional<gbcs::SignedCommand> signed_;
  std::unique_ptr<hsm::Hsm> hsm_;
  std::unique_ptr<RawToken> token_;  // before the Hsm goes
  std::unique_ptr<ScratchStore> store_;
};

}  // namespace acb::bench
