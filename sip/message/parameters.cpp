#include "sip/message/parameters.hpp"

#include "sip/message/scanner.hpp"

namespace sip {
namespace {

constexpr bool is_value_char(char c) { return is(c, Class::value); }

/// One parameter behind its semicolon; nothing when the grammar is broken.
std::optional<Parameter> take_parameter(Scanner& scanner) {
    Parameter parameter;
    parameter.name = scanner.take_token();
    if (parameter.name.empty()) return {};
    if (!scanner.take_separator('=')) return parameter;
    parameter.has_value = true;
    if (scanner.peek() == '"') {
        const auto inside = scanner.take_quoted();
        if (!inside) return {};
        parameter.value = *inside;
        parameter.quoted = true;
        return parameter;
    }
    parameter.value = scanner.take_while(is_value_char);
    if (parameter.value.empty()) return {};
    return parameter;
}

}  // namespace

void write_parameter(Appender& out, const Parameter& parameter) {
    out << ';' << parameter.name;
    if (!parameter.has_value) return;
    const std::string_view quote = parameter.quoted ? "\"" : "";
    out << '=' << quote << parameter.value << quote;
}

Expected<Parameters> parse_parameters(std::string_view text, std::size_t offset) {
    Scanner scanner(text);
    std::size_t end = 0;
    while (!scanner.done()) {
        if (!scanner.take_separator(';')) {
            scanner.skip_lws();
            if (scanner.done()) break;
            return failure(Condition::malformed, "Parameter: semicolon expected",
                           offset + scanner.at());
        }
        if (!take_parameter(scanner))
            return failure(Condition::malformed, "Parameter: name or value is malformed",
                           offset + scanner.at());
        end = scanner.at();
    }
    return Parameters(text.substr(0, end));
}

std::optional<Parameter> Parameters::next(std::string_view& rest) {
    Scanner scanner(rest);
    if (!scanner.take_separator(';')) return {};
    const auto parameter = take_parameter(scanner);
    rest = scanner.rest();
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

Expected<std::string_view> Parameters::token_of(std::string_view name,
                                                std::string_view rule) const {
    std::string_view token, rest = text_;
    while (const auto parameter = next(rest)) {
        if (!equal_ignoring_case(parameter->name, name)) continue;
        if (!token.empty() || !parameter->has_value || parameter->quoted)
            return failure(Condition::malformed, rule,
                           static_cast<std::size_t>(parameter->name.data() - text_.data()));
        token = parameter->value;
    }
    return token;
}

}  // namespace sip
