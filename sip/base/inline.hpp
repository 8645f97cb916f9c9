#pragma once

/// For small functions on the paths that every message takes: inlined even where the compiler
/// thinks that it costs more than it saves, but for builds for size.
#if defined(__OPTIMIZE__) && !defined(__OPTIMIZE_SIZE__)
#define SIP_ALWAYS_INLINE [[gnu::always_inline]] inline
#else
#define SIP_ALWAYS_INLINE inline
#endif

/// For what is done in many places and looks smaller than it is: a call in builds for size.
#if defined(__OPTIMIZE_SIZE__)
#define SIP_CALL_FOR_SIZE [[gnu::noinline]]
#else
#define SIP_CALL_FOR_SIZE
#endif

namespace sip {

/// In builds for size what is there only to be fast is left out.
#if defined(__OPTIMIZE_SIZE__)
inline constexpr bool built_for_size = true;
#else
inline constexpr bool built_for_size = false;
#endif

/// Built to be looked at while it runs.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool is_sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool is_sanitized = true;
#else
inline constexpr bool is_sanitized = false;
#endif
#else
inline constexpr bool is_sanitized = false;
#endif

}  // namespace sip
