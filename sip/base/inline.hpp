#pragma once

/// For small functions on the paths that every message takes: inlined even where the compiler
/// thinks that it costs more than it saves, but for builds for size.
#if defined(__OPTIMIZE__) && !defined(__OPTIMIZE_SIZE__)
#define SIP_ALWAYS_INLINE [[gnu::always_inline]] inline
#else
#define SIP_ALWAYS_INLINE inline
#endif
