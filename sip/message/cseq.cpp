#include "sip/message/cseq.hpp"

#include "sip/message/scanner.hpp"

namespace sip {

namespace {

/// A number that is surely not too large, one space, a method that is known: nearly all are so.
bool read_usual(Cseq& cseq, std::string_view value) {
    std::uint32_t number = 0;
    std::size_t at = 0;
    for (; at < value.size() && is_digit(value[at]); ++at)
        number = 10 * number + static_cast<std::uint32_t>(value[at] - '0');
    if (at == 0 || at > 9 || at == value.size() || value[at] != ' ') return false;
    cseq.method_name = slice(value, at + 1);
    cseq.method = method_of(cseq.method_name);
    cseq.number = number;
    return cseq.method != Method::unknown;
}

}  // namespace

Expected<Cseq> parse_cseq(std::string_view value) {
    Expected<Cseq> read;
    Cseq& cseq = *read;
    if (read_usual(cseq, value)) return read;
    Scanner scanner(value);
    scanner.skip_lws();
    const auto number = scanner.take_decimal(UINT32_MAX);
    if (!number) return failure(Condition::malformed, "CSeq: number is malformed or above 2^32-1");
    cseq.number = static_cast<std::uint32_t>(*number);
    if (!is_lws(scanner.peek()))
        return failure(Condition::malformed, "CSeq: method is missing", scanner.at());
    scanner.skip_lws();
    cseq.method_name = scanner.rest();
    cseq.method = method_of(cseq.method_name);
    if (cseq.method != Method::unknown) return read;  // a token, and all there is
    cseq.method_name = scanner.take_token();
    cseq.method = method_of(cseq.method_name);
    scanner.skip_lws();
    if (cseq.method_name.empty() || !scanner.done())
        return failure(Condition::malformed, "CSeq: method is malformed", scanner.at());
    return read;
}

}  // namespace sip
