// Property 1: any bytes end in a ruleset or in an error whose offset lies within them.
// Property 2: the answer to one question is always the same, its permissions are what their bytes
// say, its rules are of the document and none twice, and its next change is to come.
// Property 3: to filter again changes nothing, to grant everything changes nothing and brings
// nothing back, and what is left is written, read and written equal.
// Property 4: all memory comes back, also where its end comes early.
//
// An input is a rule document; behind a line of dashes, lines "URI", "at NUMBER" and "sphere NAME";
// behind another, the presence document that is filtered. What is missing has a default.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "pidf/reader.hpp"
#include "pidf/writer.hpp"
#include "presence/rules/privacy_filter.hpp"
#include "presence/rules/ruleset.hpp"
#include "sip/base/assert.hpp"
#include "sip/base/text.hpp"

namespace {

using presence::Permissions;
using presence::Ruleset;

constexpr std::size_t input_max = 16'384, identities_max = 8;
constexpr std::string_view dashes = "\n----\n";
using Room = std::array<char, 24 * input_max>;

constexpr std::string_view default_document =
    "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:x='urn:x' "
    "xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' xmlns:r='urn:ietf:params:xml:ns:pidf:rpid' "
    "entity='sip:a@b.c'><tuple id='t'><status><basic>open</basic></status><r:class>biz</r:class>"
    "<dm:deviceID>urn:x:1</dm:deviceID><r:user-input idle-threshold='5'>idle</r:user-input>"
    "<x:foo><r:mood/></x:foo><contact>sip:a@b.c</contact><note>n</note></tuple><note>m</note>"
    "<dm:person id='p'><r:activities><r:away/></r:activities><r:sphere><r:home/></r:sphere>"
    "<dm:note>o</dm:note></dm:person><dm:device id='d'><dm:deviceID>urn:x:1</dm:deviceID>"
    "</dm:device><x:foo/></presence>";

struct Input {
    std::string_view rules, document = default_document;
    std::array<std::string_view, identities_max> identities;
    presence::Circumstances circumstances;

    explicit Input(std::string_view text) {
        rules = text.substr(0, text.find(dashes));
        text.remove_prefix(rules.size());
        if (text.empty()) {
            ask("sip:bob@example.com");
            return;
        }
        text.remove_prefix(dashes.size());
        const auto end = text.find(dashes);
        ask(text.substr(0, end));
        if (end != std::string_view::npos) document = text.substr(end + dashes.size());
    }
    void ask(std::string_view lines) {
        std::size_t count = 0;
        while (!lines.empty()) {
            const sip::Halves line = sip::split_at(lines, '\n');
            lines = line.after;
            if (line.before.starts_with("at ")) {
                const auto at = sip::parse_decimal(line.before.substr(3), 1ULL << 50U);
                circumstances.wall_ms = static_cast<std::int64_t>(at.value_or(0));
            } else if (line.before.starts_with("sphere ")) {
                circumstances.sphere = line.before.substr(7);
            } else if (count < identities.size() && !line.before.empty()) {
                identities[count++] = line.before;
            }
        }
        circumstances.identities = std::span(identities).first(count);
    }
};

std::string_view packed(const Permissions& permissions, std::span<char> room) {
    sip::Appender out(room);
    SIP_ASSERT(presence::pack(permissions, out));
    return out.view();
}

/// Property 2.
void check_verdict(const Ruleset& rules, const Input& input, const presence::Verdict& verdict,
                   pidf::Arena& arena) {
    static Room first, second;
    const std::string_view bytes = packed(verdict.permissions, first);
    Permissions back;
    SIP_ASSERT(presence::unpack(bytes, arena, back));
    SIP_ASSERT(packed(back, second) == bytes);
    const auto again = rules.evaluate(input.circumstances, arena);
    SIP_ASSERT(again && packed(again->permissions, second) == bytes);
    SIP_ASSERT(again->rules.size() == verdict.rules.size() && verdict.rules.size() <= rules.size());
    for (std::size_t i = 0; i < verdict.rules.size(); ++i)
        for (std::size_t k = 0; k < i; ++k) SIP_ASSERT(verdict.rules[i] != verdict.rules[k]);
    SIP_ASSERT(!verdict.until_wall_ms || *verdict.until_wall_ms > input.circumstances.wall_ms);
    SIP_ASSERT(!verdict.until_wall_ms || rules.uses_validity());
    presence::Circumstances other = input.circumstances;
    other.sphere = {};
    const auto without = rules.evaluate(other, arena);
    SIP_ASSERT(without && without->until_wall_ms == verdict.until_wall_ms);
    SIP_ASSERT(rules.uses_sphere() || packed(without->permissions, second) == bytes);
}

/// Empty: more namespaces than the writer declares.
std::string_view written(const pidf::Document& document, Room& room) {
    sip::Appender out(room);
    if (const auto done = pidf::write(document, out); !done) return {};
    return out.view();
}

/// Property 3.
void check_filter(const Permissions& permissions, std::string_view text) {
    static Room whole, once, twice;
    sip::Memory memory;
    pidf::Arena arena(memory, 16U << 20U);
    const auto read = pidf::read(text, arena);
    if (!read) return;
    static_cast<void>(presence::sphere_of(**read));
    const std::string_view all = written(**read, whole);
    if (all.empty()) return;
    presence::filter(Permissions::everything(), **read);
    SIP_ASSERT(written(**read, once) == all);
    presence::filter(permissions, **read);
    const std::string_view left = written(**read, once);
    SIP_ASSERT(!left.empty() && left.size() <= all.size());
    presence::filter(permissions, **read);
    SIP_ASSERT(written(**read, twice) == left);
    presence::filter(Permissions::everything(), **read);
    SIP_ASSERT(written(**read, twice) == left);
    pidf::ReadOptions widest;
    widest.xml = {.bytes = sizeof(Room), .depth = 64, .elements = 65'536, .attributes = 64};
    const auto again = pidf::read(left, arena, widest);
    SIP_ASSERT(again && written(**again, twice) == left);
    // Nothing granted: what always comes with a component, and no component.
    presence::filter({}, **read);
    SIP_ASSERT((*read)->tuples.empty() && (*read)->persons.empty() && (*read)->devices.empty());
    SIP_ASSERT((*read)->notes.empty() && (*read)->extensions.empty());
}

/// Property 4.
void check_refusals(std::string_view text, std::uint8_t choice) {
    sip::Memory memory;
    memory.refuse_after(choice % 16U);
    {
        const auto rules = Ruleset::read(text, memory, {});
        SIP_ASSERT(!rules || memory.refusals() == 0);
    }
    SIP_ASSERT(memory.used() == 0);
    Ruleset::Limits narrow;
    narrow.bytes = 4U * choice;
    narrow.rules = choice % 4U;
    const auto rules = Ruleset::read(text, memory, narrow);
    SIP_ASSERT(!rules || (text.size() <= narrow.bytes && rules->size() <= narrow.rules));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > input_max) return 0;
    const Input input({reinterpret_cast<const char*>(data), size});
    check_refusals(input.rules, size == 0 ? std::uint8_t{0} : data[size / 2]);
    sip::Memory memory;
    const auto rules = Ruleset::read(input.rules, memory, {});
    if (!rules) {
        SIP_ASSERT(rules.error().offset <= input.rules.size() && !rules.error().rule.empty());
        return 0;
    }
    pidf::Arena arena(memory, 16U << 20U);
    const auto verdict = rules->evaluate(input.circumstances, arena);
    SIP_ASSERT(verdict);
    check_verdict(*rules, input, *verdict, arena);
    check_filter(verdict->permissions, input.document);
    return 0;
}
