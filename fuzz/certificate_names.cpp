// Property 1: every identity is the host of a URI that parses, and holds no wildcard and no NUL.
// Property 2: a certificate proves each of its identities, in any case, and nothing else.
// Property 3: where a URI names a domain no DNS name does; a CN does where there is nothing else.
// Property 4: to be the same domain is symmetric.
//
// The input is the subjectAltName of a certificate, a value a line: its type ("u" a URI, "d" a DNS
// name, "i" the bytes of an address, "c" a CN, anything else another) and the value behind it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sip/base/assert.hpp"
#include "sip/base/buffer.hpp"
#include "sip/base/small_vector.hpp"
#include "sip/base/text.hpp"
#include "sip/message/uri.hpp"
#include "sip/transport/certificate_names.hpp"

namespace {

using namespace sip;
using Type = AlternativeName::Type;

Type type_of(char letter) {
    switch (letter) {
        case 'u': return Type::uri;
        case 'd': return Type::dns;
        case 'i': return Type::ip;
        default: return Type::other;
    }
}

void check(std::string_view identity, const CertificateNames& names) {
    std::array<char, 300> room{};
    Appender uri(room);
    uri << "sip:" << identity;
    SIP_ASSERT(!uri.overflowed());
    const auto parsed = parse_uri(uri.view());
    SIP_ASSERT(parsed && parsed->host == identity && !parsed->has_user);
    for (char c : identity) SIP_ASSERT(c != '*' && c != '\0' && c != '\n');
    SIP_ASSERT(proves(names, identity));
    std::array<char, 300> other_case{};
    for (std::size_t i = 0; i < identity.size(); ++i)
        other_case[i] = to_lower(identity[i]) == identity[i] && is_alpha(identity[i])
                            ? static_cast<char>(identity[i] - 'a' + 'A')
                            : to_lower(identity[i]);
    const std::string_view same(other_case.data(), identity.size());
    SIP_ASSERT(proves(names, same) && is_same_domain(same, identity));
    std::array<char, 310> longer_room{};
    Appender longer(longer_room);
    longer << "a." << identity;
    SIP_ASSERT(!is_same_domain(longer.view(), identity));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    SmallVector<AlternativeName, 64> values;
    std::string_view common_name;
    bool by_dns = false;
    while (!rest.empty()) {
        const Halves line = split_at(rest, '\n');
        rest = line.after;
        if (line.before.empty()) continue;
        const std::string_view value = line.before.substr(1);
        if (line.before.front() == 'c')
            common_name = value;
        else if (!values.push({type_of(line.before.front()), value}))
            break;
    }
    const CertificateNames names{{values.begin(), values.size()}, !values.empty(), common_name};
    std::array<bool, 4> by{};
    for (std::size_t i = 0; i < values.size(); ++i) {
        const CertificateNames alone{{values.begin() + i, 1}, true, {}};
        by[static_cast<std::size_t>(values[i].type)] |= DomainIdentities(alone).next().has_value();
    }
    DomainIdentities reader(names);
    while (const auto identity = reader.next()) {
        check(*identity, names);
        for (const AlternativeName& value : values)
            by_dns |= value.type == Type::dns && value.value.data() == identity->data();
        if (!values.empty()) SIP_ASSERT(identity->data() != common_name.data());
    }
    if (by[static_cast<std::size_t>(Type::uri)]) SIP_ASSERT(!by_dns);
    for (std::size_t i = 0; i + 1 < values.size(); ++i)
        SIP_ASSERT(is_same_domain(values[i].value, values[i + 1].value) ==
                   is_same_domain(values[i + 1].value, values[i].value));
    SIP_ASSERT(!proves(names, ""));
    return 0;
}
