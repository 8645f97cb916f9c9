// Property 1: any bytes end in a document or in an error whose offset lies within them.
// Property 2: what is written from a document is well-formed, is read back, and is written equal.
// Property 3: what strict reading takes, lenient reading takes, and writes the same.
// Property 4: what is written is in order by the schemas (tests/pidf/structure.hpp): children in
// their places, ids that are names and stand once, times, languages, priorities, activities.
// Property 5: all memory comes back, also where the arena's cap or the memory's end comes early.
//
// The byte in the middle chooses where memory is refused.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pidf/reader.hpp"
#include "pidf/writer.hpp"
#include "sip/base/assert.hpp"
#include "tests/pidf/structure.hpp"

namespace {

using namespace pidf;

constexpr std::size_t input_max = 8'192;
using Room = std::array<char, 24 * input_max>;

/// As large as what is written may be.
ReadOptions widest() {
    ReadOptions options;
    options.xml = {.bytes = sizeof(Room), .depth = 64, .elements = 65'536, .attributes = 64};
    return options;
}

/// What a client asks of a document has an answer, what it adds is there, and narrow limits hold.
void check_as_client(std::string_view text) {
    sip::Memory memory;
    Arena arena(memory, 1U << 20U);
    ReadOptions options;
    options.watcher = true;
    const auto document = read(text, arena, options);
    if (!document) return;
    for (const Tuple& tuple : (*document)->tuples) static_cast<void>(device_of(tuple));
    for (Person& person : (*document)->persons) {
        std::size_t count = 0;
        while (!activity_of(person, count).empty()) ++count;
        SIP_ASSERT(!add_activity(person, arena, "away") || !activity_of(person, 0).empty());
        SIP_ASSERT(!add_activity(person, arena, "lunch") || !activity_of(person, 0).empty());
    }
    fit_namespaces(**document);
    std::string_view nothing;
    SIP_ASSERT(arena.copy({}, nothing) && nothing.empty());
    Person other;
    SIP_ASSERT(!add_activity(other, arena, "away") || activity_of(other, 0) == "away");
    const std::array<XmlLimits, 2> narrow{XmlLimits{.bytes = text.size() / 3},
                                          XmlLimits{.depth = 3, .elements = 4, .attributes = 3}};
    for (const XmlLimits& limits : narrow) {
        options.xml = limits;
        const auto refused = read(text, arena, options);
        SIP_ASSERT(refused || refused.error().offset <= text.size());
    }
}

/// Property 1. Null: refused.
Document* read_checked(std::string_view text, Arena& arena, const ReadOptions& options) {
    const auto document = read(text, arena, options);
    if (document) return *document;
    SIP_ASSERT(document.error().offset <= text.size() && !document.error().rule.empty());
    return nullptr;
}

/// Empty: the document has more namespaces than the writer declares.
std::string_view write_checked(const Document& document, Room& room) {
    sip::Appender out(room);
    if (const auto result = write(document, out); !result) {
        SIP_ASSERT(result.error().rule == "PIDF: too many namespaces");
        return {};
    }
    static std::array<char, sizeof(Room) + xml_padding> copy;
    SIP_ASSERT(!check_xml(out.view(), copy.data(), widest().xml));
    return out.view();
}

/// Properties 2, 3 and 4.
void check_written(std::string_view text, bool watcher) {
    static Room first, second;
    sip::Memory memory;
    Arena arena(memory, 16U << 20U);
    ReadOptions options;
    options.watcher = watcher;
    const Document* document = read_checked(text, arena, options);
    options.strict = true;
    const Document* strict = read_checked(text, arena, options);
    SIP_ASSERT(strict == nullptr || document != nullptr);
    if (document == nullptr) return;
    const std::string_view once = write_checked(*document, first);
    if (once.empty()) return;
    SIP_ASSERT(Structure::fault_of(once).empty());
    if (strict != nullptr) SIP_ASSERT(write_checked(*strict, second) == once);
    const Document* again = read_checked(once, arena, widest());
    SIP_ASSERT(again != nullptr);
    SIP_ASSERT(write_checked(*again, second) == once);
}

/// Property 5.
void check_refusals(std::string_view text, std::uint8_t choice) {
    sip::Memory memory;
    {
        Arena arena(memory, std::size_t{64} * choice);
        static_cast<void>(read_checked(text, arena, {}));
        SIP_ASSERT(memory.used() <= arena.cap());
    }
    SIP_ASSERT(memory.used() == 0);
    memory.refuse_after(choice % 8U);
    {
        Arena arena(memory, 1U << 20U);
        const Document* document = read_checked(text, arena, {});
        SIP_ASSERT(document == nullptr || memory.refusals() == 0);
    }
    SIP_ASSERT(memory.used() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > input_max) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_written(text, false);
    check_written(text, true);
    check_as_client(text);
    check_refusals(text, size == 0 ? std::uint8_t{0} : data[size / 2]);
    return 0;
}
