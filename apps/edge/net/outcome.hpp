#pragma once

#include <string>
#include <tl/expected.hpp>

namespace edge {

/// A value, or one line for a person: what failed, why, and what to do.
template <class T>
using Outcome = tl::expected<T, std::string>;

inline tl::unexpected<std::string> failure(std::string why) {
    return tl::unexpected<std::string>(std::move(why));
}

}  // namespace edge
