#pragma once

namespace sip {

/// As those of <algorithm>, which are written out four times over where places can be counted.
template <class Range, class Predicate>
constexpr bool any_of(const Range& range, Predicate holds) {
    for (const auto& each : range)
        if (holds(each)) return true;
    return false;
}
template <class Range, class Predicate>
constexpr bool all_of(const Range& range, Predicate holds) {
    return !any_of(range, [&](const auto& each) { return !holds(each); });
}
template <class Range, class Value>
constexpr bool has(const Range& range, const Value& value) {
    return any_of(range, [&](const auto& each) { return each == value; });
}

}  // namespace sip
