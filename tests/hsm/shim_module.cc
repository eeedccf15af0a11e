// A PKCS#11 module that stands between the appliance and another one, to watch it and to make it
// lie. For tests only: fault tests here, kill -9 tests in tests/end_to_end.
//
//   ACB_SHIM_MODULE               the module that does the work (absolute path); without it nothing
//   loads ACB_SHIM_LOG                  one line per signature made: "<key label> <input hex>
//   <output hex>\n",
//                                 appended with a single write BEFORE the signature is returned, so
//                                 that no signature is ever in use that the file does not hold
//   ACB_SHIM_SIGN_DELAY_US        sleep before signing (nothing has happened yet)
//   ACB_SHIM_SIGN_DELAY_AFTER_US  sleep after signing and logging, before the return
//   ACB_SHIM_FAULT                a file, read at each call; while it exists its first word is the
//   fault:
//       error            C_Sign does nothing and returns CKR_DEVICE_ERROR
//       wrong-signature  the signature has one bit wrong (the log holds the true one)
//       wrong-length     C_Sign says 63 octets
//       wrong-secret     a secret that is read out has one bit wrong
//       short-secret     a secret that is read out is one octet short
//       no-eddsa         the module has neither Ed25519 mechanism
#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>

namespace {

constexpr std::size_t kMaxLabel = 256;

// PKCS#11 is a C interface without a context argument: this is the one place for a module's state.
struct Shim {
  CK_FUNCTION_LIST* real = nullptr;
  CK_FUNCTION_LIST ours{};
  std::mutex mutex;
  std::map<CK_SESSION_HANDLE, std::string> signing;  // label of the key of each C_SignInit
};

Shim& TheShim() {
  static Shim shim;
  return shim;
}

std::string Fault() {
  const char* path = std::getenv("ACB_SHIM_FAULT");
  if (path == nullptr) return {};
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  char text[32] = {};
  const ssize_t size = read(file, text, sizeof text);
  close(file);
  if (size <= 0) return {};
  const std::string all(text, static_cast<std::size_t>(size));
  return all.substr(0, all.find_first_of(" \n"));
}

void SleepFor(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return;
  const unsigned long microseconds = std::strtoul(text, nullptr, 10);
  if (microseconds > 0) usleep(static_cast<useconds_t>(microseconds));
}

std::string Hex(const unsigned char* octets, unsigned long size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (unsigned long i = 0; i < size; ++i) {
    hex += kDigits[octets[i] >> 4];
    hex += kDigits[octets[i] & 15];
  }
  return hex;
}

// A signature that cannot be logged must not be used: false then.
bool Log(const std::string& line) {
  const char* path = std::getenv("ACB_SHIM_LOG");
  if (path == nullptr) return true;
  const int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const ssize_t written = write(file, line.data(), line.size());
  return close(file) == 0 && written == static_cast<ssize_t>(line.size());
}

CK_RV SignInit(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
  Shim& shim = TheShim();
  char label[kMaxLabel];
  CK_ATTRIBUTE attribute{CKA_LABEL, label, sizeof label};
  const CK_RV read = shim.real->C_GetAttributeValue(session, key, &attribute, 1);
  {
    const std::scoped_lock lock(shim.mutex);
    shim.signing[session] = read == CKR_OK ? std::string(label, attribute.ulValueLen) : "?";
  }
  return shim.real->C_SignInit(session, mechanism, key);
}

CK_RV Sign(CK_SESSION_HANDLE session, unsigned char* data, unsigned long data_size,
           unsigned char* signature, unsigned long* signature_size) {
  Shim& shim = TheShim();
  SleepFor("ACB_SHIM_SIGN_DELAY_US");
  const std::string fault = Fault();
  if (fault == "error") return CKR_DEVICE_ERROR;

  const CK_RV result = shim.real->C_Sign(session, data, data_size, signature, signature_size);
  if (result != CKR_OK || signature == nullptr) return result;
  std::string label;
  {
    const std::scoped_lock lock(shim.mutex);
    label = shim.signing[session];
  }
  const std::string made = Hex(signature, *signature_size);
  if (!Log(label + " " + Hex(data, data_size) + " " + made + "\n")) return CKR_DEVICE_ERROR;
  SleepFor("ACB_SHIM_SIGN_DELAY_AFTER_US");
  if (fault == "wrong-signature") signature[*signature_size - 1] ^= 1;
  if (fault == "wrong-length") --*signature_size;
  return CKR_OK;
}

CK_RV GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                        CK_ATTRIBUTE* attributes, unsigned long count) {
  const CK_RV result = TheShim().real->C_GetAttributeValue(session, object, attributes, count);
  if (result != CKR_OK || count != 1 || attributes->type != CKA_VALUE) return result;
  if (attributes->pValue == nullptr || attributes->ulValueLen == 0) return result;
  const std::string fault = Fault();
  if (fault == "wrong-secret") *static_cast<unsigned char*>(attributes->pValue) ^= 1;
  if (fault == "short-secret") --attributes->ulValueLen;
  return CKR_OK;
}

CK_RV GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO* info) {
  const bool edwards = type == CKM_EDDSA || type == CKM_EC_EDWARDS_KEY_PAIR_GEN;
  if (edwards && Fault() == "no-eddsa") return CKR_MECHANISM_INVALID;
  return TheShim().real->C_GetMechanismInfo(slot, type, info);
}

CK_RV Load() {
  Shim& shim = TheShim();
  const char* path = std::getenv("ACB_SHIM_MODULE");
  void* const module = path == nullptr ? nullptr : dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void* const entry = module == nullptr ? nullptr : dlsym(module, "C_GetFunctionList");
  if (entry == nullptr) {
    std::fprintf(stderr, "shim: ACB_SHIM_MODULE does not name a PKCS#11 module\n");
    return CKR_GENERAL_ERROR;
  }
  const CK_RV result = reinterpret_cast<CK_C_GetFunctionList>(entry)(&shim.real);
  if (result != CKR_OK) return result;
  shim.ours = *shim.real;
  shim.ours.C_GetFunctionList = C_GetFunctionList;
  shim.ours.C_SignInit = SignInit;
  shim.ours.C_Sign = Sign;
  shim.ours.C_GetAttributeValue = GetAttributeValue;
  shim.ours.C_GetMechanismInfo = GetMechanismInfo;
  return CKR_OK;
}

}  // namespace

CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
  Shim& shim = TheShim();
  const std::scoped_lock lock(shim.mutex);
  if (shim.real == nullptr) {
    if (const CK_RV result = Load(); result != CKR_OK) return result;
  }
  *list = &shim.ours;
  return CKR_OK;
}
