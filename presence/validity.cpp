#include "presence/validity.hpp"

#include <algorithm>

#include "pidf/namespaces.hpp"
#include "sip/base/civil_time.hpp"

namespace presence {
namespace {

class Validity {
public:
    explicit Validity(std::int64_t now_ms) : now_ms_(now_ms) {}

    /// Whether any is left, or none was there.
    bool keep_valid(pidf::List<pidf::Element>& extensions) {
        const bool any = !extensions.empty();
        pidf::Element* next = extensions.first;
        extensions = {};
        while (next != nullptr) {
            pidf::Element* e = next;
            next = e->next;
            if (holds(*e)) extensions.push_back(e);
        }
        return !any || !extensions.empty();
    }
    std::int64_t next_change() const { return next_; }

private:
    bool holds(const pidf::Element& e) {
        if (e.ns == pidf::rpid_namespace) return is_now(e);
        return !e.is(pidf::timed_status_namespace, "timed-status") || !is_now(e);
    }
    /// Whether the time that its attributes give is the present; and when that changes.
    bool is_now(const pidf::Element& e) {
        const auto from = sip::parse_rfc3339(e.attribute("from"));
        const auto until = sip::parse_rfc3339(e.attribute("until"));
        const bool begun = !from || *from <= now_ms_, ended = until && *until <= now_ms_;
        // One that ends before it begins never holds.
        if (!begun && !(until && *until <= *from)) next_ = std::min(next_, *from);
        if (begun && until && !ended) next_ = std::min(next_, *until);
        return begun && !ended;
    }

    std::int64_t now_ms_, next_ = no_change;
};

}  // namespace

std::int64_t drop_invalid(pidf::Document& document, std::int64_t now_ms) {
    Validity validity(now_ms);
    for (pidf::Tuple& tuple : document.tuples) {
        validity.keep_valid(tuple.status_extensions);
        validity.keep_valid(tuple.extensions);
    }
    pidf::Person* next = document.persons.first;
    document.persons = {};
    while (next != nullptr) {
        pidf::Person* person = next;
        next = person->next;
        if (validity.keep_valid(person->extensions) || !person->notes.empty())
            document.persons.push_back(person);
    }
    for (pidf::Device& device : document.devices) validity.keep_valid(device.extensions);
    validity.keep_valid(document.extensions);
    return validity.next_change();
}

}  // namespace presence
