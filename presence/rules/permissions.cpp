#include "presence/rules/permissions.hpp"

#include <tuple>

#include "sip/base/text.hpp"

namespace presence {
namespace {

constexpr std::uint8_t format = 1;
constexpr std::uint16_t all_bits = (1U << (static_cast<unsigned>(Provide::note) + 1U)) - 1U;

void put_number(sip::Appender& out, std::uint32_t number) {
    for (unsigned shift = 0; shift < 32; shift += 8)
        out << static_cast<char>((number >> shift) & 0xFFU);
}
void put_text(sip::Appender& out, std::string_view text) {
    put_number(out, static_cast<std::uint32_t>(text.size()));
    out << text;
}

/// Takes bytes off the front; once they run out, or are none that fit, `good` stays false.
class Taker {
public:
    explicit Taker(std::string_view bytes) : rest_(bytes) {}

    std::uint8_t byte(std::uint8_t last) {
        const auto value = rest_.empty() ? std::uint8_t{255} : static_cast<std::uint8_t>(rest_[0]);
        good = good && !rest_.empty() && value <= last;
        if (good) rest_.remove_prefix(1);
        return good ? value : std::uint8_t{0};
    }
    std::uint32_t number() {
        std::uint32_t value = 0;
        for (unsigned shift = 0; shift < 32; shift += 8)
            value |= static_cast<std::uint32_t>(byte(255)) << shift;
        return good ? value : 0;
    }
    std::string_view text() {
        const std::uint32_t size = number();
        good = good && size <= rest_.size();
        if (!good) return {};
        const std::string_view taken = sip::slice(rest_, 0, size);
        rest_.remove_prefix(size);
        return taken;
    }
    /// A count of things that have at least this many bytes each.
    std::size_t count(std::size_t bytes_each) {
        const std::uint32_t value = number();
        good = good && value <= rest_.size() / bytes_each;
        return good ? value : 0;
    }
    bool at_end() const { return rest_.empty(); }

    bool good = true;

private:
    std::string_view rest_;
};

constexpr auto key_of = [](const auto& item) {
    if constexpr (requires { item.by; })
        return std::tuple(item.of, item.by, item.value);
    else
        return std::tuple(item.ns, item.name);
};
/// Sorted, and none twice.
template <class T>
bool is_set(std::span<const T> items) {
    for (std::size_t i = 1; i < items.size(); ++i)
        if (key_of(items[i - 1]) >= key_of(items[i])) return false;
    return true;
}

constexpr std::uint8_t flag(bool on, unsigned bit) {
    return static_cast<std::uint8_t>(on ? 1U << bit : 0U);
}

}  // namespace

std::string_view name_of(SubHandling handling) {
    switch (handling) {
        case SubHandling::block: return "block";
        case SubHandling::confirm: return "confirm";
        case SubHandling::polite_block: return "polite-block";
        case SubHandling::allow: return "allow";
    }
    return "block";
}

std::size_t packed_size_max(const Permissions& permissions) {
    std::size_t size = 64;
    for (const Selector& each : permissions.selectors) size += each.value.size() + 16;
    for (const UnknownAttribute& each : permissions.unknown)
        size += each.ns.size() + each.name.size() + 24;
    return size;
}

bool pack(const Permissions& permissions, sip::Appender& out) {
    out << static_cast<char>(format) << static_cast<char>(permissions.handling)
        << static_cast<char>(permissions.user_input)
        << static_cast<char>(flag(permissions.all_services, 0) | flag(permissions.all_persons, 1) |
                             flag(permissions.all_devices, 2) |
                             flag(permissions.all_attributes, 3));
    put_number(out, permissions.attributes);
    put_number(out, static_cast<std::uint32_t>(permissions.selectors.size()));
    for (const Selector& selector : permissions.selectors) {
        out << static_cast<char>(selector.of) << static_cast<char>(selector.by);
        put_text(out, selector.value);
    }
    put_number(out, static_cast<std::uint32_t>(permissions.unknown.size()));
    for (const UnknownAttribute& attribute : permissions.unknown) {
        put_text(out, attribute.ns);
        put_text(out, attribute.name);
    }
    return !out.overflowed() && is_set(permissions.selectors) && is_set(permissions.unknown);
}

bool unpack(std::string_view bytes, pidf::Arena& arena, Permissions& out) {
    Taker from(bytes);
    out = {};
    from.good = from.byte(format) == format && from.good;
    out.handling = static_cast<SubHandling>(from.byte(3));
    out.user_input = static_cast<UserInput>(from.byte(3));
    const std::uint8_t flags = from.byte(15);
    out.all_services = (flags & 1U) != 0;
    out.all_persons = (flags & 2U) != 0;
    out.all_devices = (flags & 4U) != 0;
    out.all_attributes = (flags & 8U) != 0;
    const std::uint32_t attributes = from.number();
    from.good = from.good && attributes <= all_bits;
    out.attributes = static_cast<std::uint16_t>(attributes);
    const std::size_t selector_count = from.count(6);
    auto* selectors = arena.make_array<Selector>(selector_count);
    if (selectors == nullptr) return false;
    for (std::size_t i = 0; i < selector_count && from.good; ++i) {
        selectors[i].of = static_cast<Selector::Of>(from.byte(2));
        selectors[i].by = static_cast<Selector::By>(from.byte(4));
        selectors[i].value = from.text();
    }
    const std::size_t unknown_count = from.count(8);
    auto* unknown = arena.make_array<UnknownAttribute>(unknown_count);
    if (unknown == nullptr) return false;
    for (std::size_t i = 0; i < unknown_count && from.good; ++i) {
        unknown[i].ns = from.text();
        unknown[i].name = from.text();
    }
    out.selectors = {selectors, selector_count};
    out.unknown = {unknown, unknown_count};
    return from.good && from.at_end() && is_set(out.selectors) && is_set(out.unknown);
}

}  // namespace presence
