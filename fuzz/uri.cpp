// Property 1: every input ends in a URI, or an error with offset <= size and a rule.
// Property 2: views lie inside the input.
// Property 3: a URI is equivalent to itself; equivalence is symmetric; equivalent URIs hash alike.
// Property 4: the address-of-record of a URI, put into a URI again, gives the same one.
// Property 5: each parameter is found by its name, plain or escaped, and there are no more than the
//             limit; a URI is equivalent to itself with all letters of its parameters escaped.

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

void write_all_escaped(Appender& out, std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%')
            out << text.substr(i, 3), i += 2;
        else if (is_alphanumeric(text[i]))
            (out << '%').hex(static_cast<unsigned char>(text[i]), 2);
        else
            out << text[i];
    }
}

void check_parameters(const Uri& uri) {
    static std::array<char, 16'384> room;
    std::string_view rest = uri.parameters.text();
    std::size_t count = 0;
    while (const auto parameter = UriParameters::next(rest)) {
        ++count;
        Appender escaped(room);
        write_all_escaped(escaped, parameter->name);
        for (const std::string_view name : {parameter->name, escaped.view()}) {
            const auto found = uri.parameters.find(name);
            SIP_ASSERT(found && found->name.data() == parameter->name.data());
            SIP_ASSERT(found->value == parameter->value);
        }
    }
    SIP_ASSERT(count <= Limits::uri_parts);
    if (!uri.is_sip() || count == 0) return;
    const auto before = static_cast<std::size_t>(uri.parameters.text().data() - uri.text.data());
    Appender out(room);
    out << uri.text.substr(0, before);
    write_all_escaped(out, uri.parameters.text());
    out << uri.text.substr(before + uri.parameters.text().size());
    const auto again = parse_uri(out.view());
    SIP_ASSERT(again && equivalent(uri, *again) && equivalent(*again, uri));
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
    for (std::string_view part : {a->text, a->scheme_name(), a->user, a->password, a->host,
                                  a->parameters.text(), a->headers, a->opaque()})
        check_inside(part, one);
    SIP_ASSERT(equivalent(*a, *a));
    check_record(*a);
    check_parameters(*a);
    const auto b = parse_uri(other, Leniency::strict());
    if (!b) return 0;
    const HashKey key{7, 11};
    const bool same = equivalent(*a, *b);
    SIP_ASSERT(equivalent(*b, *a) == same);
    if (same) SIP_ASSERT(hash_of(key, *a) == hash_of(key, *b));
    return 0;
}
