#include "hsm/data_objects.h"

#include <array>
#include <optional>
#include <string>
#include <utility>

namespace acb::hsm {
namespace {

// Each time another process must have destroyed an object between two calls of ours.
constexpr int kReadTries = 8;

Failure Unfit(std::string detail) {
  return Failure{Reason::kHsmUnavailable, {}, std::move(detail)};
}

// A session that is not logged in finds no private object and says nothing: absent is not zero.
Status CheckLoggedIn(Session& session) {
  const auto logged_in = session.IsLoggedIn();
  if (!logged_in) return logged_in.error();
  if (*logged_in) return Done{};
  return Unfit("the session with the token is not logged in");
}

Result<std::vector<CK_OBJECT_HANDLE>> FindAll(Session& session, std::string_view application) {
  CK_OBJECT_CLASS object_class = CKO_DATA;
  unsigned char yes = CK_TRUE;
  std::array<CK_ATTRIBUTE, 4> wanted{
      {{CKA_CLASS, &object_class, sizeof object_class},
       {CKA_TOKEN, &yes, sizeof yes},
       // One that is not private was made without the PIN: not ours.
       {CKA_PRIVATE, &yes, sizeof yes},
       {CKA_APPLICATION, Octets(AsBytes(application)), application.size()}}};
  return session.Find(wanted, kMaxDataObjects);
}

// Nothing when an object went away between the two.
Result<std::optional<std::vector<DataObject>>> TryRead(Session& session,
                                                       std::string_view application) {
  if (auto logged_in = CheckLoggedIn(session); !logged_in) return std::move(logged_in).error();
  auto found = FindAll(session, application);
  if (!found) return std::move(found).error();
  std::vector<DataObject> objects;
  for (const CK_OBJECT_HANDLE handle : *found) {
    Bytes octets(kMaxDataOctets);
    CK_ATTRIBUTE value{CKA_VALUE, octets.data(), octets.size()};
    const ReturnValue read =
        session.Call(&CK_FUNCTION_LIST::C_GetAttributeValue, handle, &value, 1UL);
    if (read.code() == CKR_OBJECT_HANDLE_INVALID) return std::optional<std::vector<DataObject>>();
    if (!read.ok()) return ToFailure("C_GetAttributeValue (data object)", read);
    if (value.ulValueLen > octets.size()) return Unfit("a data object is of no length");
    octets.resize(value.ulValueLen);
    objects.push_back({handle, std::move(octets)});
  }
  // Looked at again: a logout in between would have hidden what was not found yet.
  if (auto logged_in = CheckLoggedIn(session); !logged_in) return std::move(logged_in).error();
  return std::optional(std::move(objects));
}

Status CompareWithWritten(Session& session, CK_OBJECT_HANDLE object, BytesView octets) {
  auto read = session.Read(object, CKA_VALUE, kMaxDataOctets);
  if (!read) return std::move(read).error();
  if (Equal(*read, octets)) return Done{};
  // Best effort: what it holds is no anchor of anyone (its digest fails).
  static_cast<void>(session.Destroy(object));
  return Unfit("a data object was created, and reads back with other octets");
}

}  // namespace

Result<std::vector<DataObject>> ReadDataObjects(Session& session, std::string_view application) {
  for (int i = 0; i < kReadTries; ++i) {
    auto objects = TryRead(session, application);
    if (!objects) return std::move(objects).error();
    if (*objects) return **std::move(objects);
    if (auto renewed = session.Renew(); !renewed) return std::move(renewed).error();
  }
  return Unfit("data objects went away while they were read, again and again");
}

Status CreateDataObject(Session& session, std::string_view application, BytesView octets) {
  if (octets.size() > kMaxDataOctets) return Unfit("a data object would be too long");
  CK_OBJECT_CLASS object_class = CKO_DATA;
  unsigned char yes = CK_TRUE;
  unsigned char no = CK_FALSE;
  std::array<CK_ATTRIBUTE, 7> wanted{
      {{CKA_CLASS, &object_class, sizeof object_class},
       {CKA_TOKEN, &yes, sizeof yes},
       {CKA_PRIVATE, &yes, sizeof yes},
       {CKA_MODIFIABLE, &no, sizeof no},
       {CKA_APPLICATION, Octets(AsBytes(application)), application.size()},
       {CKA_LABEL, Octets(AsBytes(application)), application.size()},
       {CKA_VALUE, Octets(octets), octets.size()}}};
  CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
  const ReturnValue created =
      session.Call(&CK_FUNCTION_LIST::C_CreateObject, wanted.data(), wanted.size(), &object);
  if (!created.ok()) return ToFailure("C_CreateObject (data object)", created);
  return CompareWithWritten(session, object, octets);
}

Status DestroyDataObjects(Session& session, std::string_view application, BytesView octets) {
  auto objects = ReadDataObjects(session, application);
  if (!objects) return std::move(objects).error();
  for (const DataObject& object : *objects) {
    if (!Equal(object.octets, octets)) continue;
    const ReturnValue destroyed = session.Call(&CK_FUNCTION_LIST::C_DestroyObject, object.handle);
    if (destroyed.ok()) continue;
    // Not one of ours any more: under the lock only a process that does not take it can do that.
    if (destroyed.code() != CKR_OBJECT_HANDLE_INVALID) {
      return ToFailure("C_DestroyObject (data object)", destroyed);
    }
    if (auto renewed = session.Renew(); !renewed) return std::move(renewed).error();
  }
  return Done{};
}

}  // namespace acb::hsm
