#pragma once

#include <cstdint>
#include <string_view>
#include <tl/expected.hpp>

namespace sip {

/// What can be wrong with what a peer sent, or with what there is left to serve it.
/// `status_of` alone turns these into SIP status codes.
enum class Condition : std::uint32_t {
    malformed,                ///< the grammar is broken
    missing_header,           ///< a mandatory header field is absent
    repeated_header,          ///< a single-value header field stands more than once
    mismatch,                 ///< two parts of the message contradict each other
    version_not_supported,    ///< SIP-Version is not 2.0
    too_large,                ///< the message is over our limit
    uri_too_long,             ///< the Request-URI is over our limit
    body_too_large,           ///< the body is over our limit
    not_authenticated,        ///< credentials are missing or wrong
    forbidden,                ///< authenticated, and not allowed
    not_found,                ///< the Request-URI names nobody here
    method_not_allowed,       ///< known method, not served here
    method_unknown,           ///< a method we do not know
    scheme_not_supported,     ///< Request-URI scheme
    sips_not_allowed,         ///< RFC 5630 5.1.2: SIPS, and a hop that is not TLS
    sips_required,            ///< RFC 5630 5.1.2: SIP, where we want SIPS alone
    extension_not_supported,  ///< Require names an option we do not have
    not_acceptable,           ///< Accept lists nothing we can make
    media_not_supported,      ///< Content-Type, Content-Encoding
    conditional_failed,       ///< SIP-If-Match names no live entity-tag
    no_outbound,              ///< a flow is to be kept, and the first hop cannot
    interval_too_brief,       ///< Expires is under our minimum
    no_dialog,                ///< the To tag or transaction is unknown
    loop_detected,            ///< merged request, or our own address
    too_many_hops,            ///< Max-Forwards is used up
    breadth_exceeded,         ///< Max-Breadth is used up
    unavailable,              ///< the user has no contact to carry a request on to
    bad_event,                ///< Event names a package we do not serve
    out_of_order,             ///< CSeq is not above the last one
    internal,                 ///< a store or a package failed
    overloaded,               ///< a table is full; comes with Retry-After
};

/// A text that stands in the program itself and ends with a zero byte: one pointer.
class StaticText {
public:
    constexpr StaticText() = default;
    constexpr StaticText(const char* text) : text_(text) {}
    constexpr bool is_null() const { return text_ == nullptr; }  ///< see Fault
    constexpr bool empty() const { return *text_ == 0; }
    constexpr std::string_view view() const { return text_; }
    constexpr operator std::string_view() const { return view(); }
    friend constexpr bool operator==(StaticText a, StaticText b) { return a.view() == b.view(); }
    friend constexpr bool operator==(StaticText a, const char* b) { return a.view() == b; }
    friend constexpr bool operator==(StaticText a, std::string_view b) { return a.view() == b; }

private:
    const char* text_ = "";
};

/// An error as a value, in two registers: what was violated, and where.
struct Error {
    constexpr Error() = default;
    constexpr Error(Condition what, StaticText fault, std::uint32_t at = 0)
        : condition(what), offset(at), rule(fault) {}

    Condition condition = Condition::malformed;
    std::uint32_t offset = 0;  ///< bytes from the start of what was parsed
    /// Names the fault in the words of the grammar, fit to be a reason phrase: "Via: sent-by is
    /// missing". Never holds bytes of the peer.
    StaticText rule;
};
static_assert(sizeof(Error) == 8 + sizeof(void*));

/// An Error, or none, in the two registers of an Error: as std::optional<Error>, which takes
/// memory.
class Fault {
public:
    constexpr Fault() = default;
    constexpr Fault(const Error& error) : error_(error) {}
    constexpr explicit operator bool() const { return !error_.rule.is_null(); }
    constexpr Error& operator*() { return error_; }
    constexpr const Error& operator*() const { return error_; }
    constexpr Error* operator->() { return &error_; }
    constexpr const Error* operator->() const { return &error_; }

private:
    Error error_{{}, nullptr};
};
static_assert(sizeof(Fault) == sizeof(Error));

/// What was to be done is done, or an Error: a Fault seen from the other side.
class Done {
public:
    constexpr Done() = default;
    constexpr Done(const tl::unexpected<Error>& unexpected) : fault_(unexpected.value()) {}
    constexpr bool has_value() const { return !fault_; }
    constexpr explicit operator bool() const { return has_value(); }
    constexpr Error& error() { return *fault_; }
    constexpr const Error& error() const { return *fault_; }

private:
    Fault fault_;
};

namespace detail {
template <class T>
struct ExpectedOf {
    using Type = tl::expected<T, Error>;
};
template <>
struct ExpectedOf<void> {
    using Type = Done;
};
}  // namespace detail

template <class T>
using Expected = typename detail::ExpectedOf<T>::Type;

inline tl::unexpected<Error> failure(Condition condition, StaticText rule, std::size_t offset = 0) {
    return tl::unexpected<Error>(Error{condition, rule, static_cast<std::uint32_t>(offset)});
}

/// The SIP status code that answers `condition`. The one place of this mapping.
std::uint16_t status_of(Condition condition);

/// The reason phrase that the RFCs print for `status`; "Unknown" for a code without one.
std::string_view reason_of(std::uint16_t status);

}  // namespace sip
