#pragma once

#include <cstdint>
#include <string_view>

#include "sip/base/error.hpp"
#include "sip/message/name_word.hpp"
#include "sip/message/parameters.hpp"
#include "sip/message/scanner.hpp"

namespace sip {

/// What ends a value that is read: the end of the text, or a comma too.
enum class Ends : std::uint8_t { with_text, at_comma };

/// How taking one off a list went.
enum class Taken : std::uint8_t { none, value, fault };

/// What an empty element of a list breaks (", ,"), and whether a comma at its end makes one.
struct ListRule {
    StaticText empty = "List: element is empty";
    bool may_end_in_comma = false;
};

/// Takes the next comma-separated value off the front of `rest`: `read(scanner, ends)` reads one,
/// and all of it.
template <class Read>
Taken take_value(std::string_view& rest, Error& error, const ListRule& rule, Read read) {
    if (is_blank(rest)) return Taken::none;
    Scanner scanner(rest);
    scanner.skip_lws();
    if (read(scanner, Ends::at_comma)) {
        const bool more = scanner.take(',');
        rest = scanner.rest();
        if (!more || rule.may_end_in_comma || !is_blank(rest)) return Taken::value;
        error = {Condition::malformed, rule.empty, 0};
    } else {
        // What is wrong with it is told from the element as it stands between commas.
        const ListElement element = take_element(rest);
        if (element.text.empty() || (!element.last && !rule.may_end_in_comma && is_blank(rest))) {
            error = {Condition::malformed, rule.empty, 0};
        } else {
            Scanner one(element.text);
            const Expected<void> done = read(one, Ends::with_text);
            if (done) return Taken::value;
            error = done.error();
        }
    }
    rest = {};
    return Taken::fault;
}

/// One parameter behind its semicolon. False: its grammar is broken.
bool take_parameter(Scanner& scanner, Parameter& parameter);

/// RFC 3261 25.1 `*( SEMI generic-param )`, to the end of the value: each is told to `visit` as it
/// is read, before it is known whether the others are fine.
template <class Visit>
Expected<void> walk_parameters(Scanner& scanner, Parameters& parameters, Ends ends, Visit visit) {
    const char *const start = scanner.mark(), *end = start;
    Parameter parameter;
    while (scanner.take_separator(';')) {
        if (!take_parameter(scanner, parameter))
            return failure(Condition::malformed, "Parameter: name or value is malformed",
                           scanner.at());
        visit(parameter);
        end = scanner.mark();
    }
    parameters = Parameters(std::string_view{start, static_cast<std::size_t>(end - start)});
    if (!scanner.done()) scanner.skip_lws();
    if (scanner.done() || (ends == Ends::at_comma && scanner.peek() == ',')) return {};
    return failure(Condition::malformed, "Parameter: semicolon expected", scanner.at());
}

/// A parameter that identifies something (tag, id) and by its grammar is a token. Without a value,
/// quoted, or there twice it is malformed.
class TokenParameter {
public:
    void meet(const Parameter& parameter) {
        if (fault_ != nullptr) return;
        if (!value_.empty() || !parameter.has_value || parameter.quoted)
            fault_ = parameter.name.data();
        else
            value_ = parameter.value;
    }
    /// Empty when it is absent.
    std::string_view text() const { return value_; }
    /// The first that is malformed; null when none is.
    const char* fault() const { return fault_; }

private:
    std::string_view value_;
    const char* fault_ = nullptr;
};

}  // namespace sip
