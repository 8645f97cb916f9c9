#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/edge/net/outcome.hpp"
#include "presence/local_states.hpp"

namespace vigil {

/// --hard-state: what holds for a presentity when nobody says anything of it (RFC 3903 3). A folder
/// with one PIDF document a presentity, named by its address: "alice@example.com.xml".
class HardStates final : public presence::LocalStates {
public:
    /// Documents in one folder, and bytes of one.
    static constexpr std::size_t documents_max = 100'000, document_bytes_max = 65'536;

    /// What a folder holds; an empty name: nothing. The error names the file and what is wrong.
    static edge::Outcome<HardStates> load(const std::string& folder);

    std::optional<State> state_of(std::string_view presentity) const override;
    /// Takes the states of `other`: of whom something else is said from now on.
    std::vector<std::string> take(HardStates&& other);
    std::size_t size() const { return states_.size(); }

private:
    struct Kept {
        std::string document;
        std::int64_t changed_ms = 0;
        friend bool operator==(const Kept&, const Kept&) = default;
    };
    std::map<std::string, Kept, std::less<>> states_;
};

}  // namespace vigil
