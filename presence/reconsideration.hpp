#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/base/hash_index.hpp"
#include "sip/base/slab.hpp"
#include "sip/transaction/transaction_user.hpp"
#include "sip/transport/shard.hpp"

namespace presence {

/// Who decides about watchers again.
class Reconsiderer {
public:
    /// Everybody who watches `presentity` (a canonical address-of-record).
    virtual void decide_again(const sip::Now& now, std::string_view presentity) = 0;
    /// Whether anybody does, or waits for a decision.
    virtual bool is_watched(std::string_view presentity) const = 0;

protected:
    ~Reconsiderer() = default;
};

/// Decisions that are other ones later, though nobody changed a rule: a validity begins or ends
/// (RFC 4745 7.4), the presentity enters another sphere (7.3), or there was no memory to decide.
/// One entry for each presentity that is watched by such rules.
class Reconsideration final : public sip::TransactionUser {
public:
    Reconsideration(sip::Shard& shard, Reconsiderer& who);
    ~Reconsideration();
    void attach_as(std::uint8_t part) { part_ = part; }

    /// What a decision rested on.
    struct Basis {
        std::optional<std::int64_t> until_wall_ms;  ///< it may be another one from then on
        bool by_sphere = false;                     ///< the rules ask for the sphere
        std::optional<std::string_view> sphere;
    };
    /// It was decided about a watcher of `presentity`. Without memory for it, it is decided anew
    /// with the next one.
    void expect(const sip::Now& now, std::string_view presentity, const Basis& basis);
    /// There was no memory to decide: once more in a moment.
    void expect_soon(const sip::Now& now, std::string_view presentity);
    /// Whether decisions about `presentity` rested on a sphere, and on another one than `sphere`.
    bool is_other_sphere(std::string_view presentity, std::optional<std::string_view> sphere);
    /// Whether they rested on one.
    bool asks_for_sphere(std::string_view presentity);
    std::size_t size() const { return slab_.size(); }

    void on_request(const sip::Now&, const sip::Request&) override {}
    void on_timer(const sip::Now& now, sip::Handle object) override;
    void trim() override {
        slab_.trim();
        by_name_.trim();
    }

private:
    enum class Name : std::uint8_t { look };
    struct Entry {
        sip::Block presentity, sphere;
        std::uint64_t hash = 0;
        bool by_sphere = false, has_sphere = false;
        bool soon = false;             ///< to be decided anew at once
        bool short_of_memory = false;  ///< in a while
        std::optional<std::int64_t> until_wall_ms;
        std::int64_t decided_wall_ms = 0;
        sip::Timers<Name, 1> timers;
    };
    Entry* find(std::string_view presentity);
    Entry* obtain(std::string_view presentity);
    static bool has_passed(const sip::Now& now, const Entry& entry);
    void set_timer(const sip::Now& now, Entry& entry);
    void drop(sip::Handle handle);

    sip::Shard& shard_;
    Reconsiderer& who_;
    std::uint8_t part_ = 0;
    sip::Slab<Entry> slab_;
    sip::HashIndex by_name_;
};

}  // namespace presence
