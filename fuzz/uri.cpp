// Property 1: every input ends in a URI, or an error with offset <= size and a rule.
// Property 2: views lie inside the input.
// Property 3: a URI is equivalent to itself; equivalence is symmetric; equivalent URIs hash alike.
// Property 4: the address-of-record of a URI, put into a URI again, gives the same one.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sip/base/assert.hpp"
#include "sip/message/uri.hpp"

namespace {

using namespace sip;

void check_inside(std::string_view part, std::string_view whole) {
    if (part.empty()) return;
    SIP_ASSERT(part.data() >= whole.data());
    SIP_ASSERT(part.data() + part.size() <= whole.data() + whole.size());
}

void check_record(const Uri& uri) {
    if (!uri.is_sip() || uri.user.empty()) return;
    static std::array<char, 16'384> first_room, second_room;
    Appender first(first_room), second(second_room);
    first << "sip:";
    write_address_of_record(first, uri);
    if (first.overflowed()) return;
    const auto again = parse_uri(first.view());
    SIP_ASSERT(again);
    second << "sip:";
    write_address_of_record(second, *again);
    SIP_ASSERT(first.view() == second.view());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 4'096) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    // The first line and the second are two URIs, to be compared.
    const auto end = input.find('\n');
    const std::string_view one = input.substr(0, end);
    const std::string_view other =
        end == std::string_view::npos ? std::string_view{} : input.substr(end + 1);
    const auto a = parse_uri(one);
    if (!a) {
        SIP_ASSERT(a.error().offset <= one.size() && !a.error().rule.empty());
        return 0;
    }
    for (std::string_view part : {a->text, a->scheme_name, a->user, a->password, a->host,
                                  a->parameters.text(), a->headers, a->opaque})
        check_inside(part, one);
    SIP_ASSERT(equivalent(*a, *a));
    check_record(*a);
    const auto b = parse_uri(other, Leniency::strict());
    if (!b) return 0;
    const HashKey key{7, 11};
    const bool same = equivalent(*a, *b);
    SIP_ASSERT(equivalent(*b, *a) == same);
    if (same) SIP_ASSERT(hash_of(key, *a) == hash_of(key, *b));
    return 0;
}
