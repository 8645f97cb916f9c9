#pragma once

/// A bug in our own code, never something a peer sent. Kept on in release builds; traps.
#define SIP_ASSERT(condition)               \
    do {                                    \
        if (!(condition)) __builtin_trap(); \
    } while (false)
