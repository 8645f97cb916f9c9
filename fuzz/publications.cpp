// Property 1: with a store that is slow or fails, and memory that is refused, no assertion fails,
//             effects are drained and no deadline lies in the past.
// Property 2: an entity-tag is accepted at most once and never comes again; what is not stored is
//             not told.
// Property 3: once the network has healed every watcher sees what is so; once everybody has left
//             nothing is left.
//
// The input is a script of phones and strangers that publish, with a store that `commit` and `fail`
// speak for: see fuzz/scripts/parties.cpp.

#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/scripts/parties.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string script =
        "setup store\n" + std::string(reinterpret_cast<const char*>(data), size);
    if (!scripts::fits(script)) return 0;
    scripts::Parties parties(script);
    parties.run(script);
    parties.finish();
    return 0;
}
