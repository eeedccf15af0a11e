// A PKCS#11 module that stands between the appliance and another one, to watch it and to make it
// lie. For tests only: fault tests here, kill -9 tests in tests/end_to_end.
//
//   ACB_SHIM_MODULE
//       the module that does the work (absolute path); without it nothing loads
//   ACB_SHIM_LOG
//       one line per signature made: "<key label> <input hex> <output hex>\n", appended with a
//       single write BEFORE the signature is returned, so that no signature is ever in use that the
//       file does not hold
//   ACB_SHIM_SIGN_DELAY_US
//       sleep before signing (nothing has happened yet)
//   ACB_SHIM_SIGN_DELAY_AFTER_US
//       sleep after signing and logging, before the return
//   ACB_SHIM_CORRUPT_SIGN
//       a number n: the nth C_Sign of the process gives a signature with one bit wrong
//   ACB_SHIM_FAIL
//       "C_CreateObject:3:before" or "C_CreateObject:3:after", several with commas: the 3rd call of
//       that function in the process returns CKR_DEVICE_ERROR, before or after doing its work. 0
//       for every call. Functions: those at the end of this file
//   ACB_SHIM_DELAY
//       "C_FindObjects:20000", several with commas: microseconds of sleep before each call
//   ACB_SHIM_CALLS
//       a file: "C_Login begins" and "C_Login ends", a line each, appended around each call
//   ACB_SHIM_PROCESS
//       ACB_SHIM_FAIL, ACB_SHIM_DELAY and ACB_SHIM_CALLS are only for processes of that name
//       (/proc/<pid>/comm): acb-listing is the lister's child, which loads the module for one
//       listing
//   ACB_SHIM_GONE_FILE
//       a file: while it exists the device is gone, every call returns CKR_DEVICE_REMOVED and does
//       nothing. With the word "sessions" in it, every session and the login are lost when it is
//       back
//   ACB_SHIM_FAULT
//       a file, read at each call; while it exists its first word is the fault:
//       error            C_Sign does nothing and returns CKR_DEVICE_ERROR
//       wrong-signature  the signature has one bit wrong (the log holds the true one)
//       wrong-length     C_Sign says 63 octets
//       wrong-secret     a secret (any CKA_VALUE) that is read out has one bit wrong
//       short-secret     a secret that is read out is one octet short
//       wrong-derived    as wrong-secret, only of what has the 32 octets of a shared secret
//       stale-secret     each secret that is read out is the one of the time before
//       zero-secret      a secret that is read out is all zero
//       wrong-check      as wrong-derived, only of the first secret after a signature: the answer
//       to
//                        the check of a secret. stale-check: it is the one of the time before
//       hang-check       the first C_DeriveKey after a signature waits until the file says
//       something
//                        else; no other does
//       no-eddsa         the module has neither Ed25519 mechanism
//       hide-data        C_FindObjectsInit finds no data objects
//       hang             every call waits until the file says something else
//       hang:C_Sign      the same of that function alone
//       delay:C_Sign:20000    microseconds of sleep before each call of that function
//       ckr:C_Sign:0x30  that function does nothing and returns that value
//       gone             every call returns CKR_DEVICE_REMOVED and does nothing; sessions and login
//                        are lost
//       close-sessions   once, when it is first seen: sessions and login are lost
//       dead, dead:0xb3  what lives behind the module has died: every call returns
//                        CKR_DEVICE_ERROR, or that value, and goes on doing so, however long the
//                        fault is over, until C_Finalize and C_Initialize
//       renumbered       once, when it is first seen: the handles of keys are other objects' until
//                        somebody looks for objects
//       other-token      the token says another serial number
//       before:C_CreateObject, after:C_CreateObject    and so with every function at the end of
//                        this file: it returns CKR_DEVICE_ERROR, before or after doing its work
#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>

namespace {

constexpr std::size_t kMaxLabel = 256;

// PKCS#11 is a C interface without a context argument: this is the one place for a module's state.
struct Shim {
  CK_FUNCTION_LIST* real = nullptr;
  CK_FUNCTION_LIST inner{};  // the real one's, but for those that lie
  CK_FUNCTION_LIST ours{};   // guards around the inner ones
  std::atomic<bool> sessions_lost{false};
  std::atomic<bool> once_done{false};  // of a fault that happens once
  std::atomic<CK_RV> dead{CKR_OK};     // what every call returns then
  std::atomic<bool> renumbered{false};
  std::atomic<bool> just_signed{false};  // and derived nothing since
  std::atomic<bool> one_hangs{false};
  unsigned char last_secret[32] = {};  // with the mutex held
  std::atomic<CK_SLOT_ID> slot{0};
  std::atomic<unsigned long> signs{0};
  std::shared_mutex inside;  // shared: a call of the real module; alone: its sessions are closed
  std::mutex mutex;
  std::map<CK_SESSION_HANDLE, std::string> signing;  // label of the key of each C_SignInit
};

Shim& TheShim() {
  static Shim shim;
  return shim;
}

// What a file named by an environment variable begins with; nothing when there is none.
std::string TextOf(const char* variable) {
  const char* path = std::getenv(variable);
  if (path == nullptr) return {};
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  char text[64] = {};
  const ssize_t size = read(file, text, sizeof text);
  close(file);
  return size <= 0 ? std::string(" ") : std::string(text, static_cast<std::size_t>(size));
}

std::string Fault() {
  const std::string all = TextOf("ACB_SHIM_FAULT");
  return all.substr(0, all.find_first_of(" \n"));
}

// What follows "<kind>:<function>:" in the fault, or "<kind>:all:"; nothing for another.
std::string FaultOf(std::string_view kind, const char* function) {
  const std::string fault = Fault();
  for (const std::string& name : {std::string(function), std::string("all")}) {
    const std::string begin = std::string(kind) + ":" + name + ":";
    if (fault.starts_with(begin)) return fault.substr(begin.size());
  }
  return {};
}

bool IsMeant() {
  const char* wanted = std::getenv("ACB_SHIM_PROCESS");
  if (wanted == nullptr) return true;
  char name[32] = {};
  const int file = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t size = read(file, name, sizeof name);
  close(file);
  return size > 0 && std::string_view(name, static_cast<std::size_t>(size) - 1) == wanted;
}

// The part after "<function>:" in a list with commas; nothing when it is not in there.
std::string Setting(const char* variable, std::string_view function) {
  const char* text = std::getenv(variable);
  if (text == nullptr || !IsMeant()) return {};
  std::string_view rest(text);
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(item.size() == rest.size() ? rest.size() : item.size() + 1);
    const bool it_is =
        item.size() > function.size() && item.starts_with(function) && item[function.size()] == ':';
    if (it_is) return std::string(item.substr(function.size() + 1));
  }
  return {};
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

// False when it cannot be had.
bool AppendTo(const char* path, const std::string& line) {
  const int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const ssize_t written = write(file, line.data(), line.size());
  return close(file) == 0 && written == static_cast<ssize_t>(line.size());
}

// A signature that cannot be logged must not be used: false then.
bool Log(const std::string& line) {
  const char* path = std::getenv("ACB_SHIM_LOG");
  return path == nullptr || AppendTo(path, line);
}

void NoteCall(const char* function, const char* what) {
  const char* path = std::getenv("ACB_SHIM_CALLS");
  if (path == nullptr || !IsMeant()) return;
  if (!AppendTo(path, std::string(function) + " " + what + "\n")) {
    std::fprintf(stderr, "shim: cannot write ACB_SHIM_CALLS\n");
  }
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
  shim.just_signed = true;
  const std::string made = Hex(signature, *signature_size);
  if (!Log(label + " " + Hex(data, data_size) + " " + made + "\n")) return CKR_DEVICE_ERROR;
  SleepFor("ACB_SHIM_SIGN_DELAY_AFTER_US");
  const char* corrupt = std::getenv("ACB_SHIM_CORRUPT_SIGN");
  const bool is_nth = ++shim.signs == (corrupt ? std::strtoul(corrupt, nullptr, 10) : 0);
  if (fault == "wrong-signature" || is_nth) signature[*signature_size - 1] ^= 1;
  if (fault == "wrong-length") --*signature_size;
  return CKR_OK;
}

// Only a shared secret has 32 octets here.
void LieAboutSecret(const std::string& fault, CK_ATTRIBUTE& value) {
  Shim& shim = TheShim();
  if (value.ulValueLen != sizeof shim.last_secret) return;
  const std::scoped_lock lock(shim.mutex);
  unsigned char truth[sizeof shim.last_secret];
  std::memcpy(truth, value.pValue, sizeof truth);
  const bool of_check = shim.just_signed.exchange(false);
  if (fault == "wrong-derived" || (fault == "wrong-check" && of_check))
    *static_cast<unsigned char*>(value.pValue) ^= 1;
  if (fault == "zero-secret") std::memset(value.pValue, 0, sizeof truth);
  if (fault == "stale-secret" || (fault == "stale-check" && of_check))
    std::memcpy(value.pValue, shim.last_secret, sizeof truth);
  std::memcpy(shim.last_secret, truth, sizeof truth);
}

CK_RV GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                        CK_ATTRIBUTE* attributes, unsigned long count) {
  const CK_RV result = TheShim().real->C_GetAttributeValue(session, object, attributes, count);
  if (result != CKR_OK || count != 1 || attributes->type != CKA_VALUE) return result;
  if (attributes->pValue == nullptr || attributes->ulValueLen == 0) return result;
  const std::string fault = Fault();
  if (fault == "wrong-secret") *static_cast<unsigned char*>(attributes->pValue) ^= 1;
  LieAboutSecret(fault, *attributes);
  if (fault == "short-secret") --attributes->ulValueLen;
  return CKR_OK;
}

CK_RV FindObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE* wanted, unsigned long count) {
  bool data = false;
  for (unsigned long i = 0; i < count; ++i) {
    data = data || (wanted[i].type == CKA_CLASS &&
                    *static_cast<const CK_OBJECT_CLASS*>(wanted[i].pValue) == CKO_DATA);
  }
  if (!data || Fault() != "hide-data") {
    return TheShim().real->C_FindObjectsInit(session, wanted, count);
  }
  unsigned char label[] = "no object has this label";
  CK_ATTRIBUTE nothing{CKA_LABEL, label, sizeof label};
  return TheShim().real->C_FindObjectsInit(session, &nothing, 1);
}

CK_RV OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void* context, CK_NOTIFY notify,
                  CK_SESSION_HANDLE* session) {
  TheShim().slot = slot;
  return TheShim().real->C_OpenSession(slot, flags, context, notify, session);
}

CK_RV GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO* info) {
  const bool edwards = type == CKM_EDDSA || type == CKM_EC_EDWARDS_KEY_PAIR_GEN;
  if (edwards && Fault() == "no-eddsa") return CKR_MECHANISM_INVALID;
  return TheShim().real->C_GetMechanismInfo(slot, type, info);
}

// Says that it is of another maker: for live boxes, which take no token that calls itself SoftHSM.
CK_RV GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
  const CK_RV result = TheShim().real->C_GetTokenInfo(slot, info);
  if (result == CKR_OK && Fault() == "other-token") info->serialNumber[0] ^= 1;
  const char* maker = std::getenv("ACB_SHIM_MAKER");
  if (result != CKR_OK || maker == nullptr) return result;
  const auto write = [](auto& field, std::string_view text) {
    std::memset(field, ' ', sizeof field);
    std::memcpy(field, text.data(), std::min(text.size(), sizeof field));
  };
  write(info->manufacturerID, maker);
  write(info->model, "T1");
  return CKR_OK;
}

// SoftHSM crashes when a session that is at work is closed.
void LoseSessions() {
  const std::unique_lock alone(TheShim().inside);
  TheShim().real->C_CloseAllSessions(TheShim().slot);
}

// Also brings about what comes with the device's return.
bool IsGone() {
  Shim& shim = TheShim();
  const std::string text = TextOf("ACB_SHIM_GONE_FILE");
  if (!text.empty()) {
    if (text.find("sessions") != std::string::npos) shim.sessions_lost = true;
    return true;
  }
  if (shim.sessions_lost.exchange(false)) LoseSessions();
  return false;
}

// What a fault does to any function, before it is called. CKR_OK: go on.
CK_RV Strike(const char* function) {
  Shim& shim = TheShim();
  while (true) {
    const std::string fault = Fault();
    if (fault != "hang" && fault != std::string("hang:") + function) break;
    usleep(5'000);
  }
  if (Fault() != "hang-check") {
    shim.one_hangs = false;
  } else if (std::string_view(function) == "C_DeriveKey" && shim.just_signed.exchange(false) &&
             !shim.one_hangs.exchange(true)) {
    static_cast<void>(Log("hangs\n"));
    while (Fault() == "hang-check") usleep(5'000);
  }
  const std::string fault = Fault();
  if (fault == "close-sessions" || fault == "renumbered") {
    const bool first = !shim.once_done.exchange(true);
    if (first && fault == "renumbered") shim.renumbered = true;
    if (first && fault == "close-sessions") LoseSessions();
  } else {
    shim.once_done = false;
  }
  const std::string_view name(function);
  if (name == "C_FindObjectsInit") shim.renumbered = false;
  if (shim.renumbered && (name == "C_SignInit" || name == "C_DeriveKey")) {
    return CKR_KEY_FUNCTION_NOT_PERMITTED;
  }
  if (fault == "gone") {
    shim.sessions_lost = true;
    return CKR_DEVICE_REMOVED;
  }
  if (fault == "dead") shim.dead = CKR_DEVICE_ERROR;
  if (fault.starts_with("dead:")) shim.dead = std::strtoul(fault.c_str() + 5, nullptr, 16);
  if (shim.dead != CKR_OK) return shim.dead;
  const std::string delay = FaultOf("delay", function);
  if (!delay.empty()) usleep(static_cast<useconds_t>(std::strtoul(delay.c_str(), nullptr, 10)));
  const std::string code = FaultOf("ckr", function);
  return code.empty() ? CKR_OK : std::strtoul(code.c_str(), nullptr, 16);
}

CK_RV Initialize(void* arguments) {
  if (!Fault().starts_with("dead")) TheShim().dead = CKR_OK;
  return TheShim().real->C_Initialize(arguments);
}

// One for each function that the appliance calls.
template <auto Member>
struct Guard;
template <class... Parameters, CK_RV (*CK_FUNCTION_LIST::*Member)(Parameters...)>
struct Guard<Member> {
  static inline const char* name = "";
  static inline std::atomic<unsigned long> calls{0};

  static void Put(const char* function) {
    name = function;
    TheShim().ours.*Member = &Call;
  }

  static CK_RV Call(Parameters... parameters) {
    const unsigned long call = ++calls;
    if (IsGone()) return CKR_DEVICE_REMOVED;
    NoteCall(name, "begins");
    const std::string delay = Setting("ACB_SHIM_DELAY", name);
    if (!delay.empty()) usleep(static_cast<useconds_t>(std::strtoul(delay.c_str(), nullptr, 10)));
    if (const CK_RV struck = Strike(name); struck != CKR_OK) return struck;
    if (Fails(call, "before")) return CKR_DEVICE_ERROR;
    const CK_RV result = Inside(parameters...);
    NoteCall(name, "ends");
    return Fails(call, "after") ? CKR_DEVICE_ERROR : result;
  }

  static CK_RV Inside(Parameters... parameters) {
    const std::shared_lock lock(TheShim().inside);
    return (TheShim().inner.*Member)(parameters...);
  }

  static bool Fails(unsigned long call, const std::string& when) {
    if (Fault() == when + ":" + name) return true;
    const std::string setting = Setting("ACB_SHIM_FAIL", name);
    return setting == std::to_string(call) + ":" + when || setting == "0:" + when;
  }
};

void PutGuards() {
  Guard<&CK_FUNCTION_LIST::C_GetSlotList>::Put("C_GetSlotList");
  Guard<&CK_FUNCTION_LIST::C_GetTokenInfo>::Put("C_GetTokenInfo");
  Guard<&CK_FUNCTION_LIST::C_GetMechanismInfo>::Put("C_GetMechanismInfo");
  Guard<&CK_FUNCTION_LIST::C_InitToken>::Put("C_InitToken");
  Guard<&CK_FUNCTION_LIST::C_InitPIN>::Put("C_InitPIN");
  Guard<&CK_FUNCTION_LIST::C_OpenSession>::Put("C_OpenSession");
  Guard<&CK_FUNCTION_LIST::C_CloseSession>::Put("C_CloseSession");
  Guard<&CK_FUNCTION_LIST::C_GetSessionInfo>::Put("C_GetSessionInfo");
  Guard<&CK_FUNCTION_LIST::C_Login>::Put("C_Login");
  Guard<&CK_FUNCTION_LIST::C_Logout>::Put("C_Logout");
  Guard<&CK_FUNCTION_LIST::C_CreateObject>::Put("C_CreateObject");
  Guard<&CK_FUNCTION_LIST::C_DestroyObject>::Put("C_DestroyObject");
  Guard<&CK_FUNCTION_LIST::C_GetAttributeValue>::Put("C_GetAttributeValue");
  Guard<&CK_FUNCTION_LIST::C_FindObjectsInit>::Put("C_FindObjectsInit");
  Guard<&CK_FUNCTION_LIST::C_FindObjects>::Put("C_FindObjects");
  Guard<&CK_FUNCTION_LIST::C_FindObjectsFinal>::Put("C_FindObjectsFinal");
  Guard<&CK_FUNCTION_LIST::C_SignInit>::Put("C_SignInit");
  Guard<&CK_FUNCTION_LIST::C_Sign>::Put("C_Sign");
  Guard<&CK_FUNCTION_LIST::C_DeriveKey>::Put("C_DeriveKey");
  Guard<&CK_FUNCTION_LIST::C_GenerateKeyPair>::Put("C_GenerateKeyPair");
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
  shim.inner = *shim.real;
  shim.inner.C_SignInit = SignInit;
  shim.inner.C_Sign = Sign;
  shim.inner.C_GetAttributeValue = GetAttributeValue;
  shim.inner.C_GetMechanismInfo = GetMechanismInfo;
  shim.inner.C_FindObjectsInit = FindObjectsInit;
  shim.inner.C_GetTokenInfo = GetTokenInfo;
  shim.inner.C_OpenSession = OpenSession;
  shim.inner.C_Initialize = Initialize;
  shim.ours = shim.inner;
  shim.ours.C_GetFunctionList = C_GetFunctionList;
  PutGuards();
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
