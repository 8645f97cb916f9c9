#include "sip/message/cseq.hpp"

#include "sip/message/scanner.hpp"

namespace sip {

bool read_cseq(Cseq& cseq, std::string_view value, Error& error) {
    Scanner scanner(value);
    const auto fail = [&error](StaticText rule, std::size_t at) {
        error = {Condition::malformed, rule, static_cast<std::uint32_t>(at)};
        return false;
    };
    scanner.skip_lws();
    const auto number = scanner.take_decimal(UINT32_MAX);
    if (!number) return fail("CSeq: number is malformed or above 2^32-1", 0);
    cseq.number = static_cast<std::uint32_t>(*number);
    if (!is_lws(scanner.peek())) return fail("CSeq: method is missing", scanner.at());
    scanner.skip_lws();
    cseq.method_name = scanner.rest();
    cseq.method = method_of(cseq.method_name);
    if (cseq.method != Method::unknown) return true;  // a token, and all there is
    cseq.method_name = scanner.take_token();
    cseq.method = method_of(cseq.method_name);
    scanner.skip_lws();
    if (!cseq.method_name.empty() && scanner.done()) return true;
    return fail("CSeq: method is malformed", scanner.at());
}

Expected<Cseq> parse_cseq(std::string_view value) {
    Cseq cseq;
    Error error;
    if (read_cseq(cseq, value, error)) return cseq;
    return tl::unexpected(error);
}

}  // namespace sip
