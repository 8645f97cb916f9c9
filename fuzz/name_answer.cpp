// Property 1: any bytes are an answer of some kind; records come with `found` alone.
// Property 2: records are of the type that was asked for and bounded in number, their texts no
//             longer than the wire allows.
// Property 3: what a record names is a name to the locator, or none; never odd bytes.
// Property 4: the same message read again says the same.

#include "apps/edge/net/name_answer.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sip/base/assert.hpp"
#include "sip/transport/name_cache.hpp"

namespace {

constexpr std::size_t records_max = 512, name_max = 253, text_max = 255;

void check(const edge::ParsedNameAnswer& answer, sip::RecordType type) {
    SIP_ASSERT(answer.records.empty() || answer.kind == sip::NameAnswer::Kind::found);
    SIP_ASSERT(answer.records.size() <= records_max);
    for (const auto& each : answer.records) {
        if (type == sip::RecordType::a) SIP_ASSERT(each.record.address.is_v4());
        SIP_ASSERT(each.target.size() <= name_max);
        SIP_ASSERT(each.flags.size() <= text_max && each.service.size() <= text_max);
        SIP_ASSERT(each.regexp.size() <= text_max);
        const sip::DomainName name(each.target);
        SIP_ASSERT(name.view().size() <= sip::DomainName::most);
        for (char c : name.view()) SIP_ASSERT(c > ' ' && c <= '~');
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    constexpr std::array<std::string_view, 4> names{"example.com", "_sip._udp.example.com", "a.b",
                                                    "A"};
    const auto type = static_cast<sip::RecordType>(data[0] % 4);
    const std::string_view name = names[data[1] % 4];
    const auto answer = edge::parse_name_answer({data + 2, size - 2}, type, name);
    check(answer, type);
    const auto again = edge::parse_name_answer({data + 2, size - 2}, type, name);
    SIP_ASSERT(again.kind == answer.kind && again.records.size() == answer.records.size());
    answer.give(sip::LookupId{1}, [&](const sip::NameAnswer& told) {
        SIP_ASSERT(told.records.size() == answer.records.size());
    });
    return 0;
}
