#pragma once

#include <optional>
#include <string_view>

#include "sip/base/buffer.hpp"
#include "sip/base/error.hpp"

namespace sip {

/// One name or name=value. A quoted value has its quotes off and its escapes on.
struct Parameter {
    std::string_view name, value;
    bool has_value = false;
    bool quoted = false;
};

/// ";name=value" as it came, quotes and escapes included, without the white space.
void write_parameter(Appender& out, const Parameter& parameter);

/// The ";a=b;c" behind a header value: a view whose grammar was checked when it was made.
class Parameters {
public:
    Parameters() = default;
    /// `text` has been checked by a parser of this folder.
    explicit Parameters(std::string_view text) : text_(text) {}

    /// The first of that name, in any case.
    std::optional<Parameter> find(std::string_view name) const;
    bool has(std::string_view name) const { return find(name).has_value(); }
    /// Its value, or an empty text when it is absent or has none.
    std::string_view value_of(std::string_view name) const;

    /// The value of a parameter that identifies something (tag, id) and by its grammar is a token:
    /// an empty text when it is absent. Without a value, quoted, or there twice it is malformed,
    /// and the error has `rule`.
    Expected<std::string_view> token_of(std::string_view name, StaticText rule) const;

    /// Takes the next parameter off the front of `rest` (start with `text()`); nothing at the end.
    static std::optional<Parameter> next(std::string_view& rest);
    std::string_view text() const { return text_; }
    bool empty() const { return text_.empty(); }

private:
    std::string_view text_;
};

/// RFC 3261 25.1 `*( SEMI generic-param )`: checks all of `text`, which starts with ";" or is
/// empty. `offset` is added to an error's.
Expected<Parameters> parse_parameters(std::string_view text, std::size_t offset = 0);

}  // namespace sip
