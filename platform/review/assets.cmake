# cmake -P assets.cmake -DOUT=file.cc -DFILES=a;b: writes the files as C++. Names get the first 12 digits of the SHA-256.
set(arrays "")
set(rows "")
set(number 0)
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME)
  get_filename_component(stem "${file}" NAME_WLE)
  get_filename_component(extension "${file}" LAST_EXT)
  string(TOLOWER "${stem}" stem)
  file(SHA256 "${file}" hash)
  string(SUBSTRING "${hash}" 0 12 short)
  if(extension STREQUAL ".js")
    set(type "text/javascript; charset=utf-8")
  elseif(extension STREQUAL ".css")
    set(type "text/css; charset=utf-8")
  else()
    message(FATAL_ERROR "${file}: no media type is known for it")
  endif()
  file(READ "${file}" octets HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," octets "${octets}")
  string(APPEND arrays "constexpr char kFile${number}[] = {\n${octets}};\n")
  string(APPEND rows "    {\"${stem}-${short}${extension}\", \"${name}\", \"${type}\", {kFile${number}, sizeof(kFile${number})}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUT}" "// Written by assets.cmake.
#include \"platform/review/assets.h\"

namespace acb::review {
namespace {

${arrays}
constexpr Asset kAssets[] = {
${rows}};

}  // namespace

std::span<const Asset> Assets() { return kAssets; }

}  // namespace acb::review
")
