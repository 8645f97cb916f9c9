#include "apps/vigil/config_file.hpp"

#include <algorithm>
#include <exception>
#include <sstream>
#include <toml.hpp>

#include "apps/vigil/text.hpp"

namespace vigil {

namespace {

using edge::failure;
using edge::Outcome;

const OptionSpec* find_spec(std::span<const OptionSpec> specs, std::string_view name) {
    for (const OptionSpec& spec : specs)
        if (spec.in_file && spec.name == name) return &spec;
    return nullptr;
}

std::string_view wanted(OptionKind kind) {
    switch (kind) {
        case OptionKind::text: return "a string in quotes";
        case OptionKind::list: return "a string in quotes or an array of them";
        case OptionKind::number: return "a number";
        case OptionKind::flag: return "true or false";
    }
    return "";
}

/// The texts of a value, or none when it is not of that kind.
std::vector<std::string> texts_of(const toml::value& value, OptionKind kind) {
    switch (kind) {
        case OptionKind::list:
            if (value.is_array()) {
                std::vector<std::string> texts;
                for (const auto& each : value.as_array()) {
                    if (!each.is_string()) return {};
                    texts.push_back(each.as_string().str);
                }
                return texts;
            }
            [[fallthrough]];
        case OptionKind::text:
            if (value.is_string()) return {value.as_string().str};
            return {};
        case OptionKind::number:
            if (value.is_integer()) return {std::to_string(value.as_integer())};
            if (value.is_floating()) {
                std::ostringstream text;
                text << value.as_floating();
                return {text.str()};
            }
            return {};
        case OptionKind::flag:
            if (value.is_boolean()) return {value.as_boolean() ? "true" : "false"};
            return {};
    }
    return {};
}

Outcome<RawOptions> take(const toml::value& document, const std::string& origin,
                         std::span<const OptionSpec> specs) {
    RawOptions options;
    std::vector<std::string_view> names;
    for (const OptionSpec& spec : specs)
        if (spec.in_file) names.push_back(spec.name);
    // By line, so that the first thing that is wrong is told first.
    std::vector<std::pair<std::string, const toml::value*>> entries;
    for (const auto& [key, value] : document.as_table()) entries.emplace_back(key, &value);
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
        return a.second->location().line() < b.second->location().line();
    });
    for (const auto& [key, value] : entries) {
        const std::string at = origin + ":" + std::to_string(value->location().line()) + ": ";
        const OptionSpec* spec = find_spec(specs, key);
        if (spec == nullptr)
            return failure(at + "there is no option \"" + escape(key, 60) + "\"" +
                           suggestion(key, names) +
                           "; the names are those of vigil serve --help, without dashes in front");
        auto texts = texts_of(*value, spec->kind);
        if (texts.empty()) return failure(at + key + " wants " + std::string(wanted(spec->kind)));
        options[key] = {std::move(texts), at + key};
    }
    return options;
}

/// The first line of toml11's many.
std::string first_line(const std::string& text) {
    std::string line = text.substr(0, text.find('\n'));
    for (const std::string_view prefix : {"[error] ", "toml::"})
        if (line.starts_with(prefix)) line.erase(0, prefix.size());
    return line;
}

}  // namespace

Outcome<RawOptions> read_config(const std::string& text, const std::string& origin,
                                std::span<const OptionSpec> specs) {
    try {
        std::istringstream stream(text);
        return take(toml::parse(stream, origin), origin, specs);
    } catch (const toml::exception& error) {
        return failure(origin + ":" + std::to_string(error.location().line()) +
                       ": not TOML: " + escape(first_line(error.what()), 200));
    } catch (const std::exception& error) {
        return failure(origin + ": not TOML: " + escape(first_line(error.what()), 200));
    }
}

}  // namespace vigil
