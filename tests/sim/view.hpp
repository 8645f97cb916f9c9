#pragma once

#include <set>
#include <string>
#include <string_view>

#include "tests/sim/rule_book.hpp"

namespace sim {

/// What a presence document says, as far as the invariants go.
struct View {
    /// Of the publications in it, and the classes of services.
    std::multiset<std::string> marks;
    /// Of persons: "mood p1.2", "activities p1.2", "note p1.2", "sphere work", "class per0".
    std::multiset<std::string> persons;
    unsigned tuples = 0, open = 0;
    friend bool operator==(const View&, const View&) = default;
};
View view_of(std::string_view document);
std::string text_of(const View& view);

/// The classes of what a phone publishes.
std::string service_class_of(const Setup& setup, unsigned phone);
std::string person_class_of(const Setup& setup, unsigned phone);

/// What of a document about `presentity` somebody may not see to whom that is given; empty: he may
/// see all of it.
std::string too_much(const Setup& setup, unsigned presentity, const Given& given,
                     std::string_view document);

}  // namespace sim
