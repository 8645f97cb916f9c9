#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "sip/base/common_counts.hpp"
#include "sip/base/limits.hpp"

namespace edge {

/// What the workers of one server count together, in tables of fixed size that all their threads
/// use at once. No lock: each change is one exchange of a word, tried again where another thread
/// came first, and readers see one value or the other. Whoever has nothing in it takes no memory:
/// pages are the kernel's until they are written to.
class WorkerCounts final : public sip::CommonCounts {
public:
    /// As many keys as `limits` of each of `workers` allow, nearly.
    WorkerCounts(const sip::Limits& limits, unsigned workers);

    std::uint32_t count(std::uint64_t key) override;
    Counted add(std::uint64_t key, std::uint32_t most) override;
    void remove(std::uint64_t key) override;

    Taken take(sip::Instant now, std::uint64_t key, const sip::Rate& rate,
               std::uint8_t told_max) override;
    bool keep(sip::Instant now, std::uint64_t key, sip::Instant until) override;
    bool is_kept(sip::Instant now, std::uint64_t key) override;

    bool use_nonce(std::uint64_t key, sip::Instant until,
                   std::optional<std::uint32_t> count) override;

    /// A nonce is good for counts below this; a bit for each, so that they may come in any order.
    static constexpr std::uint32_t nonce_counts = 384;

private:
    using Word = std::uint64_t;
    using Ref = std::atomic_ref<Word>;
    static constexpr std::size_t words_a_line = 8;  ///< of the cache; sets begin at one

    /// Zeroes, in sets of so many lines. Their number is a power of two.
    class Table {
    public:
        Table(std::size_t sets, std::size_t lines_a_set);
        std::span<Word> set(std::uint64_t key) const {
            return {start_ + (key & mask_) * words_a_set_, words_a_set_};
        }

        std::span<Word> other_set(std::uint64_t key) const;

    private:
        struct Free {
            void operator()(void* block) const { std::free(block); }
        };
        std::size_t words_a_set_;
        std::uint64_t mask_;
        std::unique_ptr<void, Free> block_;
        Word* start_ = nullptr;
    };

    struct Cell;  // of `rates_` and `kept_`
    Counted keep_if_few(Ref place, std::uint64_t key, std::uint32_t most);
    static Cell find(std::span<Word> set, std::uint64_t key);
    static Taken take_from(Ref bucket, sip::Instant now, const sip::Rate& rate,
                           std::uint8_t told_max);
    static bool use(std::span<Word> nonce, std::uint64_t key, std::uint32_t bit);
    static std::span<Word> find_nonce(std::span<Word> set, std::uint64_t key);
    bool enter_nonce(std::span<Word> set, std::uint64_t key, Word until, std::uint32_t bit);
    bool enter_alone(std::span<Word> set, std::uint64_t key, Word until, std::uint32_t bit);

    Table counts_, rates_, kept_, nonces_;
    alignas(64) Word others_ = 0;  ///< the bucket of all that find no place
    struct alignas(64) Own {
        Word bucket = 0;
    };
    Own own_[keys_kept];
};

}  // namespace edge
