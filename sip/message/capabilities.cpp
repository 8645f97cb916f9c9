#include "sip/message/capabilities.hpp"

#include "sip/base/text.hpp"
#include "sip/message/scanner.hpp"

namespace sip {
namespace {

/// RFC 3840 9 token-nobang.
constexpr bool is_feature_token_char(char c) {
    constexpr std::string_view marks = "-.%*_+`'~";
    return is_alphanumeric(c) || marks.find(c) != std::string_view::npos;
}

/// [ "+" / "-" ] 1*DIGIT ["." 0*DIGIT] in thousandths. What lies behind them is not looked at.
std::optional<std::int64_t> take_number(Scanner& scanner) {
    const bool negative = scanner.take('-');
    if (!negative) scanner.take('+');
    const auto whole = parse_decimal(scanner.take_while(is_digit), 1'000'000'000'000);
    if (!whole) return {};
    auto value = static_cast<std::int64_t>(*whole) * 1000;
    if (scanner.take('.')) {
        std::int64_t scale = 100;
        for (char c : scanner.take_while(is_digit)) {
            value += scale * (c - '0');
            scale /= 10;
        }
    }
    return negative ? -value : value;
}

/// numeric, behind its "#".
std::optional<FeatureValue> read_number(Scanner scanner) {
    FeatureValue value;
    value.kind = FeatureValue::Kind::number;
    const bool at_least = scanner.take('>'), at_most = !at_least && scanner.take('<');
    const bool compares = scanner.take('=');
    if ((at_least || at_most) && !compares) return {};
    const auto first = take_number(scanner);
    if (!first) return {};
    if (!at_most) value.low = *first;
    if (!at_least) value.high = *first;
    if (!compares) {
        if (!scanner.take(':')) return {};
        const auto last = take_number(scanner);
        if (!last) return {};
        value.high = *last;
    }
    if (!scanner.done() || value.low > value.high) return {};
    return value;
}

std::optional<FeatureValue> read_value(std::string_view text) {
    Scanner scanner(trim(text));
    const bool negated = scanner.take('!');
    FeatureValue value;
    if (scanner.take('#')) {
        const auto number = read_number(scanner);
        if (!number) return {};
        value = *number;
    } else {
        value.text = scanner.take_while(is_feature_token_char);
        if (value.text.empty() || !scanner.done()) return {};
        value.truth = equal_ignoring_case(value.text, "TRUE");
        if (value.truth || equal_ignoring_case(value.text, "FALSE"))
            value.kind = FeatureValue::Kind::boolean;
    }
    value.negated = negated;
    return value;
}

}  // namespace

bool is_feature_tag(std::string_view name) {
    // ftag-name; RFC 3840 9 lets it start with a letter alone.
    if (name.size() > 1 && name[0] == '+') return is_alpha(name[1]);
    std::string_view tags = CalleeCapabilities::base_tags;
    while (!tags.empty()) {
        const Halves halves = split_at(tags, ' ');
        if (equal_ignoring_case(halves.before, name)) return true;
        tags = halves.after;
    }
    return false;
}

bool CalleeCapabilities::empty() const {
    std::string_view rest = contact_.text();
    while (const auto parameter = Parameters::next(rest))
        if (is_feature_tag(parameter->name)) return false;
    return true;
}

std::optional<CalleeCapabilities::Values> CalleeCapabilities::find(std::string_view tag) const {
    const auto parameter = contact_.find(tag);
    if (!parameter) return {};
    Values values;
    values.rest_ = parameter->value;
    values.bare_ = !parameter->has_value;
    return values;
}

std::optional<FeatureValue> CalleeCapabilities::Values::next() {
    if (bare_) {
        bare_ = false;
        FeatureValue value;
        value.kind = FeatureValue::Kind::boolean;
        value.truth = true;
        return value;
    }
    rest_ = trim(rest_);
    if (rest_.size() > 1 && rest_.front() == '<' && rest_.back() == '>') {
        FeatureValue value;
        value.kind = FeatureValue::Kind::string;
        value.text = slice(rest_, 1, rest_.size() - 2);
        rest_ = {};
        // RFC 3840 9 qdtext-no-abkt.
        if (value.text.find_first_of("<>") == std::string_view::npos) return value;
    }
    while (!rest_.empty()) {
        const Halves halves = split_at(rest_, ',');
        rest_ = halves.after;
        if (const auto value = read_value(halves.before)) return value;
    }
    return {};
}

bool CalleeCapabilities::supports(std::string_view tag, std::string_view value) const {
    auto values = find(tag);
    while (values) {
        const auto one = values->next();
        if (!one) break;
        if (one->kind == FeatureValue::Kind::token && !one->negated &&
            equal_ignoring_case(one->text, value))
            return true;
    }
    return false;
}

std::optional<bool> CalleeCapabilities::truth_of(std::string_view tag) const {
    auto values = find(tag);
    if (!values) return {};
    const auto value = values->next();
    if (!value || value->kind != FeatureValue::Kind::boolean) return {};
    return value->truth != value->negated;
}

}  // namespace sip
