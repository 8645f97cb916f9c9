#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vigil {

/// One option as somebody wrote it.
struct RawOption {
    std::vector<std::string> values;  ///< of a flag: "true" or "false"
    std::string origin;  ///< what to call it in an error: "--listen", "vigil.toml:3: listen"
};
/// By the option's name, without dashes in front.
using RawOptions = std::map<std::string, RawOption, std::less<>>;

enum class OptionKind : unsigned char {
    text,
    list,    ///< may be given several times; in a file an array
    number,  ///< in a file an integer or float
    flag,
};

/// How an option is described to the command line, the configuration file and the reader.
struct OptionSpec {
    std::string_view name;
    OptionKind kind = OptionKind::text;
    std::string_view value_name;
    std::string_view help;
    bool in_file = true;  ///< whether a configuration file may set it
};

/// The one of `names` that is nearest to `wrong`, or nothing when none is near.
std::string_view nearest_name(std::string_view wrong, const std::vector<std::string_view>& names);
/// ", did you mean --listen?", or "" when none is near. `dashes` stand before the name.
std::string suggestion(std::string_view wrong, const std::vector<std::string_view>& names,
                       std::string_view dashes = "");

}  // namespace vigil
