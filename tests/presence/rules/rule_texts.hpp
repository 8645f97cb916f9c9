#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pidf/reader.hpp"
#include "pidf/writer.hpp"
#include "presence/rules/privacy_filter.hpp"
#include "presence/rules/ruleset.hpp"

/// Rule documents and presence documents as the tests write them.

inline constexpr std::string_view ruleset_tag =
    "<cr:ruleset xmlns='urn:ietf:params:xml:ns:pres-rules' "
    "xmlns:pr='urn:ietf:params:xml:ns:pres-rules' "
    "xmlns:cr='urn:ietf:params:xml:ns:common-policy' "
    "xmlns:ocp='urn:oma:xml:xdm:common-policy' xmlns:x='urn:example:x'>";
inline std::string ruleset(std::string_view inside) {
    return std::string(ruleset_tag) + std::string(inside) + "</cr:ruleset>";
}
inline std::string rule(std::string_view id, std::string_view conditions,
                        std::string_view handling = "allow",
                        std::string_view transformations = {}) {
    return "<cr:rule id='" + std::string(id) + "'><cr:conditions>" + std::string(conditions) +
           "</cr:conditions><cr:actions><sub-handling>" + std::string(handling) +
           "</sub-handling></cr:actions><cr:transformations>" + std::string(transformations) +
           "</cr:transformations></cr:rule>";
}
inline std::string identity(std::string_view inside) {
    return "<cr:identity>" + std::string(inside) + "</cr:identity>";
}
inline std::string one(std::string_view id) {
    return identity("<cr:one id='" + std::string(id) + "'/>");
}

/// A rule document that was read, and what it says. Views in a verdict live as long as this.
class Rules {
public:
    explicit Rules(std::string_view document) {
        auto read = presence::Ruleset::read(document, memory_, {});
        if (!read) FAIL(std::string(read.error().rule) << " at " << read.error().offset);
        rules_ = std::make_unique<presence::Ruleset>(std::move(*read));
    }
    const presence::Ruleset& operator*() const { return *rules_; }
    const presence::Ruleset* operator->() const { return rules_.get(); }

    presence::Verdict verdict(const std::vector<std::string_view>& identities,
                              std::int64_t wall_ms = 0,
                              std::optional<std::string_view> sphere = {}) {
        presence::Circumstances circumstances;
        circumstances.identities = identities;
        circumstances.wall_ms = wall_ms;
        circumstances.sphere = sphere;
        const auto verdict = rules_->evaluate(circumstances, arena_);
        REQUIRE(verdict);
        return *verdict;
    }
    /// "allow: a b" with the ids of the rules that applied.
    std::string says(const std::vector<std::string_view>& identities, std::int64_t wall_ms = 0,
                     std::optional<std::string_view> sphere = {}) {
        const presence::Verdict answer = verdict(identities, wall_ms, sphere);
        std::string text(presence::name_of(answer.permissions.handling));
        text += ":";
        for (std::string_view id : answer.rules) text += " " + std::string(id);
        return text;
    }

private:
    sip::Memory memory_;
    pidf::Arena arena_{memory_, 1U << 24U};
    std::unique_ptr<presence::Ruleset> rules_;
};

/// What is wrong with a rule document, "rule: id is missing" with the text that stands there; ""
/// when nothing is.
inline std::string fault_in_rules(std::string_view document,
                                  const presence::Ruleset::Limits& limits = {}) {
    sip::Memory memory;
    const auto read = presence::Ruleset::read(document, memory, limits);
    if (read) return {};
    REQUIRE(read.error().offset <= document.size());
    return std::string(read.error().rule);
}

inline constexpr std::string_view pidf_tag =
    "<presence xmlns='urn:ietf:params:xml:ns:pidf' "
    "xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' "
    "xmlns:r='urn:ietf:params:xml:ns:pidf:rpid' xmlns:x='urn:example:x' "
    "xmlns:ts='urn:ietf:params:xml:ns:pidf:timed-status' "
    "xmlns:c='urn:ietf:params:xml:ns:pidf:cipid' entity='sip:alice@example.com'>";
inline std::string pidf_document(std::string_view inside) {
    return std::string(pidf_tag) + std::string(inside) + "</presence>";
}

/// A presence document that can be filtered and written.
class Shown {
public:
    explicit Shown(std::string_view document) {
        const auto read = pidf::read(document, arena_, {});
        if (!read) FAIL(std::string(read.error().rule) << " at " << read.error().offset);
        document_ = *read;
    }
    pidf::Document& operator*() { return *document_; }
    Shown& filter(const presence::Permissions& permissions) {
        presence::filter(permissions, *document_);
        return *this;
    }
    /// All of it in one line, but for the declaration and the root's tags.
    std::string text() const { return inside(); }
    std::string whole() const {
        std::string room(1U << 18U, '\0');
        sip::Appender out(room);
        REQUIRE(pidf::write(*document_, out));
        return std::string(out.view());
    }
    /// The same as `text` with the prefixes that `pidf_document` declares.
    std::string raw() const {
        std::string text = inside();
        for (auto at = text.find("rpid:"); at != std::string::npos; at = text.find("rpid:"))
            text.replace(at, 5, "r:");
        return text;
    }

private:
    std::string inside() const {
        const std::string all = whole();
        const auto start = all.find('>', all.find("<presence"));
        if (all[start - 1] == '/') return {};
        std::string text = all.substr(start + 1, all.rfind("</presence>") - start - 1);
        std::erase(text, '\n');
        return text;
    }

    sip::Memory memory_;
    pidf::Arena arena_{memory_, 1U << 22U};
    pidf::Document* document_ = nullptr;
};
