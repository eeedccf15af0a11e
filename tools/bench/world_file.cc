#include "tools/bench/world_file.h"

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace acb::bench {
namespace {

namespace json = boost::json;

std::string Text(const json::object& object, std::string_view name) {
  return std::string(object.at(name).as_string());
}

Eui64 Device(const json::object& object, std::string_view name) {
  const auto eui = Eui64::FromText(Text(object, name));
  if (!eui) throw std::invalid_argument(std::string(name) + " is not an EUI-64");
  return *eui;
}

RoleFiles FilesOf(const json::object& role) {
  RoleFiles files{Text(role, "ds"), Text(role, "ka"), std::nullopt};
  if (role.at("ka_topup").is_string()) files.key_agreement_top_up = Text(role, "ka_topup");
  return files;
}

World FromJson(const json::object& file) {
  World world;
  world.config = Text(file, "config");
  world.box = Text(file, "box");
  world.supplier = Device(file, "supplier");
  const json::object& signer = file.at("signer").as_object();
  world.signer_key = Text(signer, "key");
  world.signer_issuer = Text(signer, "issuer");
  world.signer_serial = Text(signer, "serial");
  world.first_device = Device(file, "first_device");
  world.devices = file.at("devices").to_number<std::size_t>();
  if (world.devices == 0) throw std::invalid_argument("devices is 0");
  const json::object& roles = file.at("roles").as_object();
  world.as_supplier = FilesOf(roles.at("Supplier").as_object());
  world.as_network_operator = FilesOf(roles.at("NetworkOperator").as_object());
  for (const json::value& certificate : file.at("path").as_array()) {
    world.certification_path.emplace_back(std::string(certificate.as_string()));
  }
  const json::object& client = file.at("client").as_object();
  world.client_certificate = Text(client, "certificate");
  world.client_key = Text(client, "key");
  world.client_ca = Text(client, "ca");
  world.address = Text(file, "address");
  world.port = file.at("port").to_number<std::uint16_t>();
  return world;
}

}  // namespace

Result<std::string> ReadWhole(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in) return Failure{Reason::kConfiguration, file.string() + ": cannot be read"};
  return text;
}

Result<World> ReadWorld(const std::filesystem::path& place) {
  const auto file = std::filesystem::is_directory(place) ? place / "world.json" : place;
  const auto text = ReadWhole(file);
  if (!text) {
    return Failure{Reason::kConfiguration,
                   file.string() + ": cannot be read; tools/bench/world makes one"};
  }
  try {  // Boost.JSON says in no other way what is missing
    return FromJson(json::parse(*text).as_object());
  } catch (const std::exception& error) {
    return Failure{Reason::kConfiguration, file.string() + ": " + error.what()};
  }
}

}  // namespace acb::bench
