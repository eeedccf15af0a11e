// acbd --check-config: all that can be known to be wrong before a start.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace acb::platform {

// Lines "acbd.toml:12: what is wrong, and what would be right", in the order of the lines; none
// when a start would find nothing to complain of. Beside what LoadConfig checks, each file that is
// named is there and can be read by this user, and is what it should be: run it as the service's
// user. Opens no store and no HSM, and changes nothing.
std::vector<std::string> CheckConfig(const std::filesystem::path& file);

// Of two readings of one file: the settings that differ, by name.
std::vector<std::string> ChangedSettings(const std::map<std::string, std::string>& before,
                                         const std::map<std::string, std::string>& after);
// Whether `kill -HUP` is enough for it.
bool TakesEffectOnReload(const std::string& setting);

}  // namespace acb::platform
