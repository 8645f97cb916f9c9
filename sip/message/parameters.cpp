#include "sip/message/parameters.hpp"

#include "sip/message/parameter_walk.hpp"

namespace sip {

bool take_parameter(Scanner& scanner, Parameter& parameter) {
    parameter.name = scanner.take_token();
    parameter.has_value = parameter.quoted = false;
    parameter.value = {};
    if (parameter.name.empty()) return false;
    if (!scanner.take_separator('=')) return true;
    parameter.has_value = true;
    if (scanner.peek() == '"') {
        const auto inside = scanner.take_quoted();
        if (!inside) return false;
        parameter.value = *inside;
        parameter.quoted = true;
        return true;
    }
    parameter.value = scanner.take_run(Class::value);
    return !parameter.value.empty();
}

void write_parameter(Appender& out, const Parameter& parameter) {
    out << ';' << parameter.name;
    if (!parameter.has_value) return;
    const std::string_view quote = parameter.quoted ? "\"" : "";
    out << '=' << quote << parameter.value << quote;
}

Expected<Parameters> parse_parameters(std::string_view text, std::size_t offset) {
    Scanner scanner(text);
    Parameters parameters;
    auto walked = walk_parameters(scanner, parameters, Ends::with_text, [](const Parameter&) {});
    if (walked) return parameters;
    walked.error().offset += static_cast<std::uint32_t>(offset);
    return tl::unexpected(walked.error());
}

std::optional<Parameter> Parameters::next(std::string_view& rest) {
    Scanner scanner(rest);
    if (!scanner.take_separator(';')) return {};
    std::optional<Parameter> parameter(std::in_place);
    const bool taken = take_parameter(scanner, *parameter);
    rest = scanner.rest();
    if (!taken) parameter.reset();
    return parameter;
}

std::optional<Parameter> Parameters::find(std::string_view name) const {
    std::string_view rest = text_;
    while (const auto parameter = next(rest))
        if (equal_ignoring_case(parameter->name, name)) return parameter;
    return {};
}

std::string_view Parameters::value_of(std::string_view name) const {
    const auto parameter = find(name);
    return parameter ? parameter->value : std::string_view{};
}

Expected<std::string_view> Parameters::token_of(std::string_view name, StaticText rule) const {
    std::string_view rest = text_;
    TokenParameter token;
    while (const auto parameter = next(rest))
        if (equal_ignoring_case(parameter->name, name)) token.meet(*parameter);
    if (token.fault() != nullptr)
        return failure(Condition::malformed, rule,
                       static_cast<std::size_t>(token.fault() - text_.data()));
    return token.text();
}

}  // namespace sip
