// Property 1: whatever bytes strangers send, by datagram or stream, beside phones that go about
//             their business, no assertion fails, effects are drained, limits hold.
// Property 2: the bytes of a stream give the same effects whole and one by one; and the same
// answers
//             where the server is polled between them.
// Property 3: nothing is told that the policy does not allow, and in the end nothing is left.
//
// The input is a script of strangers with messages of their own: see fuzz/scripts/parties.cpp.

#include <cstdint>
#include <string_view>

#include "fuzz/scripts/parties.hpp"
#include "sip/base/assert.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view script(reinterpret_cast<const char*>(data), size);
    if (!scripts::fits(script)) return 0;
    scripts::Parties whole(script);
    whole.run(script);
    // Where memory is refused depends on how often it is asked for, and so on the pieces.
    if (whole.used_streams() && !whole.refused()) {
        scripts::Parties bytes(script, {1, false});
        bytes.run(script);
        SIP_ASSERT(bytes.print() == whole.print());
        scripts::Parties pieces(script, {7, true});
        pieces.run(script);
        SIP_ASSERT(pieces.answers() == whole.answers());
    }
    whole.finish();
    return 0;
}
