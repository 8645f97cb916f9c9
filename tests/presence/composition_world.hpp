#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "presence/composition.hpp"

inline constexpr std::string_view composition_head =
    "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" "
    "xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" "
    "xmlns:r=\"urn:ietf:params:xml:ns:pidf:rpid\" "
    "xmlns:ts=\"urn:ietf:params:xml:ns:pidf:timed-status\" xmlns:x=\"urn:example:x\" "
    "entity=\"sip:alice@example.com\">";

inline std::string document(std::string_view inside) {
    return std::string(composition_head) + std::string(inside) + "</presence>";
}
inline std::string tuple(std::string_view id, std::string_view basic, std::string_view rest = {}) {
    return "<tuple id=\"" + std::string(id) + "\"><status><basic>" + std::string(basic) +
           "</basic></status>" + std::string(rest) + "</tuple>";
}
inline sip::Instant at(int second) { return sip::Instant{} + sip::seconds{second}; }

/// What is composed of what: owns its texts.
struct CompositionWorld {
    struct Entry {
        std::string text;
        std::uint64_t chain;
        sip::Instant changed;
        presence::Origin origin = presence::Origin::own;
    };
    std::vector<Entry> entries;
    std::vector<presence::Registered> registered;
    presence::CompositionPolicy policy;
    std::optional<std::int64_t> now_ms;
    sip::Memory memory;
    sip::HashKey key{1, 2};
    std::string presentity = "alice@example.com";
    std::int64_t changes_ms = 0;
    presence::CompositionObserver* observer = nullptr;

    CompositionWorld& publish(std::string text, std::uint64_t chain, int second,
                              presence::Origin origin = presence::Origin::own) {
        entries.push_back({std::move(text), chain, at(second), origin});
        return *this;
    }
    sip::Expected<std::size_t> compose_into(std::span<char> room) {
        std::vector<presence::Published> published;
        for (const Entry& entry : entries)
            published.push_back(
                {entry.text, entry.chain, entry.changed, 1'767'225'600'000, entry.origin});
        presence::Inputs inputs;
        inputs.presentity = presentity;
        inputs.published = published;
        inputs.registered = registered;
        inputs.policy = policy;
        inputs.now_ms = now_ms;
        inputs.observer = observer;
        const auto composed = presence::compose(inputs, key, memory, room);
        if (!composed) return tl::unexpected(composed.error());
        changes_ms = composed->changes_ms;
        return composed->size;
    }
    std::string compose() {
        std::string room(65536, '?');
        const auto size = compose_into(room);
        REQUIRE(size);
        room.resize(*size);
        return room;
    }
};

inline std::size_t count_of(std::string_view text, std::string_view part) {
    std::size_t n = 0;
    for (auto i = text.find(part); i != std::string_view::npos; i = text.find(part, i + 1)) ++n;
    return n;
}
/// The values of every attribute ` id="..."`, in order.
inline std::vector<std::string> ids_of(const std::string& text) {
    std::vector<std::string> ids;
    for (auto i = text.find(" id=\""); i != std::string::npos; i = text.find(" id=\"", i + 1))
        ids.push_back(text.substr(i + 5, text.find('"', i + 5) - i - 5));
    return ids;
}
inline bool in_order(const std::string& text, const std::vector<std::string>& parts) {
    std::size_t i = 0;
    for (const std::string& part : parts) {
        i = text.find(part, i);
        if (i == std::string::npos) return false;
    }
    return true;
}
