#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/message/parameters.hpp"

namespace sip {

/// One value of a feature tag. RFC 3840 5 and 9.
struct FeatureValue {
    enum class Kind : std::uint8_t {
        token,    ///< a method, an event package, ...
        boolean,  ///< `truth`; a tag without any value is TRUE
        number,   ///< what lies between `low` and `high`
        string,   ///< `<...>`, the only value of its tag
    };
    /// A bound that is not there.
    static constexpr std::int64_t no_low = INT64_MIN, no_high = INT64_MAX;

    Kind kind = Kind::token;
    bool negated = false;                       ///< "!": every value but this one
    bool truth = false;                         ///< of a boolean, before it is negated
    std::string_view text;                      ///< of a string without <> and with its escapes on
    std::int64_t low = no_low, high = no_high;  ///< thousandths, both included
};

/// What a Contact says of its UA: the feature parameters of RFC 3840 among its parameters. A view;
/// a value that is malformed is as good as not there.
class CalleeCapabilities {
public:
    /// Feature tags that stand without "+" and "sip." (RFC 3840 9).
    static constexpr std::string_view base_tags =
        "audio automata class duplex data control mobility description events priority methods "
        "schemes application video language type isfocus actor text extensions";

    CalleeCapabilities() = default;
    explicit CalleeCapabilities(Parameters contact) : contact_(contact) {}
    /// Of parameters whose grammar was checked: those of `Registrar::Binding`.
    explicit CalleeCapabilities(std::string_view parameters) : contact_(Parameters(parameters)) {}

    /// No feature parameter is there: nothing was said, which is not that nothing can be done.
    bool empty() const;

    /// The values of one tag, by its base name or with "+" before it ("+sip.message").
    class Values {
    public:
        Values() = default;
        /// The next that can be read; nothing at the end.
        std::optional<FeatureValue> next();

    private:
        friend class CalleeCapabilities;
        std::string_view rest_;
        bool bare_ = false;  ///< the tag has no value
    };
    /// Of a tag that is there twice the first counts. Nothing: it is not there.
    std::optional<Values> find(std::string_view tag) const;

    /// Whether `value` is listed as one that is supported. Tokens are equal in any case (RFC 3841
    /// 7.2.4), and what is not `value` by a negation alone says nothing of it.
    bool supports(std::string_view tag, std::string_view value) const;
    bool has_method(std::string_view method) const { return supports("methods", method); }
    bool has_event(std::string_view package) const { return supports("events", package); }
    /// Of a boolean tag (audio, automata, ...). Nothing: it does not say.
    std::optional<bool> truth_of(std::string_view tag) const;

private:
    Parameters contact_;
};

/// Whether a parameter of Contact is a feature parameter.
bool is_feature_tag(std::string_view name);

}  // namespace sip
