// Property 1: whatever is lost, doubled, late, refused memory, cut, forged or restarted, no
// assertion
//             fails, effects are drained and no deadline lies in the past.
// Property 2: on the wire: one dialog a subscription, CSeq rises, a retransmission is the same
// bytes,
//             no NOTIFY after terminated, nothing told that the policy does not allow.
// Property 3: once the network has healed every watcher sees what is so, and what is counted is
// what
//             the users want.
// Property 4: once everybody has left nothing is left: no subscription, publication, binding,
//             transaction, timer, connection or memory.
//
// The input is a script of phones that watch one another: see fuzz/scripts/parties.cpp.

#include <cstdint>
#include <string_view>

#include "fuzz/scripts/parties.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view script(reinterpret_cast<const char*>(data), size);
    if (!scripts::fits(script)) return 0;
    scripts::Parties parties(script);
    parties.run(script);
    parties.finish();
    return 0;
}
