// A PKCS#11 module as it is, with none of hsm/ between: what the contract test asks it with.
#pragma once

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace acb::test {

using Octets = std::vector<unsigned char>;

inline unsigned char* Data(Octets& octets) { return octets.data(); }
inline CK_ULONG Size(const Octets& octets) { return static_cast<CK_ULONG>(octets.size()); }

// Attributes that stay where they are until the call.
class Template {
 public:
  Template& Flag(CK_ATTRIBUTE_TYPE type, bool value) {
    return Raw(type, Octets{static_cast<unsigned char>(value ? CK_TRUE : CK_FALSE)});
  }
  Template& Number(CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
    const auto* octets = reinterpret_cast<const unsigned char*>(&value);
    return Raw(type, Octets(octets, octets + sizeof value));
  }
  Template& Text(CK_ATTRIBUTE_TYPE type, std::string_view text) {
    return Raw(type, Octets(text.begin(), text.end()));
  }
  Template& Raw(CK_ATTRIBUTE_TYPE type, Octets value) {
    values_.push_back(std::make_unique<Octets>(std::move(value)));
    attributes_.push_back({type, values_.back()->data(), Size(*values_.back())});
    return *this;
  }
  CK_ATTRIBUTE* data() { return attributes_.data(); }
  CK_ULONG size() const { return static_cast<CK_ULONG>(attributes_.size()); }

 private:
  std::vector<std::unique_ptr<Octets>> values_;
  std::vector<CK_ATTRIBUTE> attributes_;
};

// Loaded; not yet initialised. Ends the process where there is no such module: then nothing can be
// asked of it.
class RawModule {
 public:
  explicit RawModule(const std::string& path) : handle_(dlopen(path.c_str(), RTLD_NOW)) {
    if (handle_ == nullptr) End(dlerror());
    // POSIX: what dlsym gives may be a function.
    const auto list = reinterpret_cast<CK_C_GetFunctionList>(dlsym(handle_, "C_GetFunctionList"));
    if (list == nullptr || list(&functions_) != CKR_OK) End("no C_GetFunctionList");
  }
  RawModule(const RawModule&) = delete;
  RawModule& operator=(const RawModule&) = delete;
  // Never unloaded: NSS and opencryptoki leave threads and handlers behind.
  ~RawModule() = default;

  CK_FUNCTION_LIST* operator->() const { return functions_; }

  CK_RV Initialise(const std::string& argument) const {
    CK_C_INITIALIZE_ARGS arguments{};
    arguments.flags = CKF_OS_LOCKING_OK;
    std::string text = argument;
    if (!argument.empty()) arguments.pReserved = text.data();
    return functions_->C_Initialize(&arguments);
  }

  // The slot of the token with that label.
  std::optional<CK_SLOT_ID> Find(std::string_view label) const {
    constexpr CK_ULONG kMaxSlots = 64;
    std::vector<CK_SLOT_ID> slots(kMaxSlots);
    CK_ULONG count = kMaxSlots;
    if (functions_->C_GetSlotList(CK_TRUE, slots.data(), &count) != CKR_OK) return {};
    for (CK_ULONG i = 0; i < count; ++i) {
      CK_TOKEN_INFO info{};
      if (functions_->C_GetTokenInfo(slots[i], &info) != CKR_OK) continue;
      std::string_view padded(reinterpret_cast<const char*>(info.label), sizeof info.label);
      if (padded.substr(0, padded.find_last_not_of(' ') + 1) == label) return slots[i];
    }
    return {};
  }

 private:
  [[noreturn]] static void End(const char* why) {
    std::cerr << "module_facts: " << why << "\n";
    std::exit(2);
  }

  void* handle_;
  CK_FUNCTION_LIST* functions_ = nullptr;
};

// "yes", or the code: the ones that the tables name by name.
std::string Answer(CK_RV code);

}  // namespace acb::test
