#include "sip/message/method.hpp"

#include "sip/message/method_table.hpp"

namespace sip {
namespace {

/// By its word alone.
Method likely_method(std::string_view name) {
    switch (word_of(name)) {
        using enum Method;
        case word_of("INVITE"): return invite;
        case word_of("ACK"): return ack;
        case word_of("BYE"): return bye;
        case word_of("CANCEL"): return cancel;
        case word_of("OPTIONS"): return options;
        case word_of("REGISTER"): return register_;
        case word_of("PRACK"): return prack;
        case word_of("NOTIFY"): return notify;
        case word_of("PUBLISH"): return publish;
        case word_of("INFO"): return info;
        case word_of("REFER"): return refer;
        case word_of("MESSAGE"): return message;
        case word_of("UPDATE"): return update;
        default: return name == "SUBSCRIBE" ? subscribe : unknown;
    }
}

}  // namespace

Method method_of(std::string_view name) {
    const Method method = likely_method(name);
    // NUL bytes behind it would leave the word the same.
    return name_of(method).size() == name.size() ? method : Method::unknown;
}

std::string_view name_of(Method method) {
    return detail::method_names[static_cast<std::size_t>(method)];
}

}  // namespace sip
