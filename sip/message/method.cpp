#include "sip/message/method.hpp"

#include <array>
#include <cstddef>

namespace sip {
namespace {

// In the order of `Method`.
constexpr std::array<std::string_view, 15> names = {
    "",          "INVITE", "ACK",     "BYE",  "CANCEL", "OPTIONS", "REGISTER", "PRACK",
    "SUBSCRIBE", "NOTIFY", "PUBLISH", "INFO", "REFER",  "MESSAGE", "UPDATE",
};
static_assert(names.size() == static_cast<std::size_t>(Method::update) + 1);

}  // namespace

Method method_of(std::string_view name) {
    for (std::size_t i = 1; i < names.size(); ++i)
        if (names[i] == name) return static_cast<Method>(i);
    return Method::unknown;
}

std::string_view name_of(Method method) { return names[static_cast<std::size_t>(method)]; }

}  // namespace sip
