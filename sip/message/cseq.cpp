#include "sip/message/cseq.hpp"

#include "sip/message/scanner.hpp"

namespace sip {

Expected<Cseq> parse_cseq(std::string_view value) {
    Scanner scanner(value);
    Expected<Cseq> read;
    Cseq& cseq = *read;
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
