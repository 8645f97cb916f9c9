#include "sip/message/delta_seconds.hpp"

#include "sip/message/parameters.hpp"
#include "sip/message/scanner.hpp"

namespace sip {
namespace {

/// "(" ... ")" with nested comments and quoted-pairs. False: it does not end, or a control byte
/// stands in it.
bool skip_comment(Scanner& scanner) {
    std::size_t depth = 0;
    do {
        if (scanner.done()) return false;
        if (scanner.take('\\')) {
            if (scanner.done() || scanner.peek() == '\r' || scanner.peek() == '\n') return false;
            scanner.skip(1);
        } else if (scanner.take('(')) {
            ++depth;
        } else if (scanner.take(')')) {
            --depth;
        } else if (is_control(scanner.peek()) && !is_lws(scanner.peek())) {
            return false;
        } else {
            scanner.skip(1);
        }
    } while (depth > 0);
    return true;
}

}  // namespace

Expected<std::uint32_t> parse_delta_seconds(std::string_view value) {
    const auto number = parse_decimal(trim(value), UINT32_MAX);
    if (!number) return failure(Condition::malformed, "Seconds from 0 to 2^32-1 expected");
    return static_cast<std::uint32_t>(*number);
}

Expected<RetryAfter> parse_retry_after(std::string_view value) {
    Scanner scanner(value);
    scanner.skip_lws();
    const auto number = parse_decimal(scanner.take_while(is_digit), UINT32_MAX);
    if (!number) return failure(Condition::malformed, "Retry-After: seconds expected");
    RetryAfter retry{static_cast<std::uint32_t>(*number), {}};
    scanner.skip_lws();
    if (scanner.peek() == '(' && !skip_comment(scanner))
        return failure(Condition::malformed, "Retry-After: comment is malformed", scanner.at());
    const auto parameters = parse_parameters(scanner.rest(), scanner.at());
    if (!parameters) return tl::unexpected(parameters.error());
    if (const auto duration = parse_decimal(parameters->value_of("duration"), UINT32_MAX))
        retry.duration = static_cast<std::uint32_t>(*duration);
    return retry;
}

Expected<std::uint8_t> parse_max_forwards(std::string_view value) {
    const auto number = parse_decimal(trim(value), 255);
    if (!number) return failure(Condition::malformed, "Max-Forwards: 0 to 255 expected");
    return static_cast<std::uint8_t>(*number);
}

}  // namespace sip
