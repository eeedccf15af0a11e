#include "hsm/module.h"

#include <dlfcn.h>

#include <string>

#include "hsm/breaker.h"

namespace acb::hsm {
namespace {

Failure CannotLoad(const std::filesystem::path& path, const std::string& why) {
  return Failure{Reason::kHsmUnavailable, {}, "PKCS#11 module " + path.string() + ": " + why};
}

// dlerror() gives nothing when the last call of this thread did not fail.
std::string LoaderError() {
  const char* text = dlerror();
  return text == nullptr ? "unknown error" : text;
}

ReturnValue Initialise(const CK_FUNCTION_LIST& functions) {
  CK_C_INITIALIZE_ARGS arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;
  return ReturnValue(functions.C_Initialize(&arguments));
}

}  // namespace

void Module::CloseLibrary::operator()(void* library) const noexcept { dlclose(library); }

Result<std::unique_ptr<Module>> Module::Load(const std::filesystem::path& path) {
  if (!path.is_absolute()) {
    return Failure{
        Reason::kConfiguration, {}, "PKCS#11 module is not an absolute path: " + path.string()};
  }
  Library library(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!library) return CannotLoad(path, LoaderError());
  void* const entry = dlsym(library.get(), "C_GetFunctionList");
  if (entry == nullptr) return CannotLoad(path, LoaderError());

  CK_FUNCTION_LIST* functions = nullptr;
  const ReturnValue listed(reinterpret_cast<CK_C_GetFunctionList>(entry)(&functions));
  if (!listed.ok()) return CannotLoad(path, "C_GetFunctionList: " + listed.Text());
  if (functions == nullptr || functions->C_Initialize == nullptr) {
    return CannotLoad(path, "its function list is empty");
  }

  // Not through Call: a Module, whose destructor calls C_Finalize, exists only once this succeeded.
  const ReturnValue initialised = Initialise(*functions);
  if (!initialised.ok()) return CannotLoad(path, "C_Initialize: " + initialised.Text());
  return std::unique_ptr<Module>(new Module(std::move(library), functions));
}

Status Module::InitialiseAnew() const {
  const std::unique_lock alone(gate_, std::try_to_lock);
  if (!alone) {
    return Failure{Reason::kHsmUnavailable, {}, "another call is under way in the HSM's module"};
  }
  generation_.fetch_add(1);
  // One that cannot be finalised is initialised already, as the next call says.
  static_cast<void>(functions_->C_Finalize(nullptr));
  const ReturnValue initialised = Initialise(*functions_);
  if (initialised.ok()) return Done{};
  return ToFailure("C_Initialize", initialised);
}

void Module::NoteDeviceError(const std::string& what) const {
  if (breaker_ != nullptr) breaker_->NoteDeviceError(what);
}

void Module::NoteSessionError(const std::string& what) const {
  if (breaker_ != nullptr) breaker_->NoteSessionError(what);
}

void Module::Report(ReturnValue result) const {
  switch (result.code()) {
    case CKR_KEY_HANDLE_INVALID:
    case CKR_OBJECT_HANDLE_INVALID:
    case CKR_KEY_SIZE_RANGE:
    case CKR_KEY_TYPE_INCONSISTENT:
    case CKR_KEY_FUNCTION_NOT_PERMITTED:
      handles_lost_ = true;
      break;
    default:  // not an enumeration: CK_RV is a number
      break;
  }
  const ReturnClass kind = result.Class();
  if (kind == ReturnClass::kDeviceError) breaker_->NoteDeviceError(result.Text());
  if (kind == ReturnClass::kSessionError) breaker_->NoteSessionError(result.Text());
}

Module::~Module() {
  // A module that cannot be finalised is left as it is: the process is about to end.
  static_cast<void>(Call(&CK_FUNCTION_LIST::C_Finalize, nullptr));
}

}  // namespace acb::hsm
