#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "presence/watcher_info/watcher_reader.hpp"
#include "sip/base/hash_index.hpp"
#include "sip/base/siphash.hpp"
#include "sip/base/slab.hpp"

namespace presence {

/// What a subscriber to watcher information knows: the documents of one subscription put together
/// (RFC 3858 4). Where several notifiers answered it (RFC 3857 4.9), each counts its documents for
/// itself, and their rows stand side by side.
class WatcherTable {
public:
    struct Limits {
        std::size_t rows = 10'000;  ///< over: left out, and counted
    };
    static constexpr std::size_t forks_max = 16;  ///< over: their documents are `overloaded`

    /// Views live until the row changes.
    struct Row {
        std::uint32_t fork = 0;
        std::string_view resource, package, id, display_name, uri;
        watcher_machine::State status{};
        watcher_machine::Event event{};
        std::optional<std::uint64_t> expiration, duration_subscribed;
    };
    enum class Taken : std::uint8_t {
        processed,
        with_gap,  ///< processed, and documents are missing: SHOULD ask for the full state
        discarded  ///< old, or a copy
    };

    WatcherTable(sip::Memory& memory, const sip::HashKey& key, const Limits& limits);

    /// `visit(const Row&)` for each row that is new or says something else than before, a status of
    /// terminated included, after which the row is gone. A row that a full document has no more is
    /// visited as terminated, with the event it had. Errors: `overloaded`.
    template <class Visit>
    sip::Expected<Taken> take(std::uint32_t fork, const ReadWatcherInfo& info, Visit visit) {
        const auto taken = begin(fork, info);
        if (!taken || *taken == Taken::discarded) return taken;
        for (const ReadWatcherList& list : info.lists)
            for (const ReadWatcher& watcher : list.watchers)
                if (const auto changed = put(fork, list, watcher)) {
                    visit(view_of(*rows_.find(*changed)));
                    if (rows_.find(*changed)->status == State::terminated) drop(*changed);
                }
        if (info.full) flush(fork, visit);
        return taken;
    }
    /// The full state was asked for: the document that brings it counts, whatever its version.
    void refreshing(std::uint32_t fork);
    /// That notifier's subscription is over: its rows are gone.
    void forget(std::uint32_t fork);

    template <class Visit>
    void for_each(Visit visit) {
        rows_.for_each([&](sip::Handle, const Stored& row) { visit(view_of(row)); });
    }
    std::size_t size() const { return rows_.size(); }
    /// Rows that there was no room for.
    std::uint64_t left_out() const { return left_out_; }

private:
    using State = watcher_machine::State;
    struct Stored {
        std::uint32_t fork = 0;
        std::uint64_t hash = 0;
        bool fresh = false;  ///< stands in the document at hand
        State status{};
        watcher_machine::Event event{};
        std::optional<std::uint64_t> expiration, duration_subscribed;
        std::uint32_t sizes[5] = {};
        sip::Block text;  ///< resource, package, id, display name, URI
    };
    struct Fork {
        std::uint32_t number = 0, version = 0;
        bool asked = false;  ///< for the full state
    };
    sip::Expected<Taken> begin(std::uint32_t fork, const ReadWatcherInfo& info);
    /// Nothing: it says what it said, or there was no room.
    std::optional<sip::Handle> put(std::uint32_t fork, const ReadWatcherList& list,
                                   const ReadWatcher& watcher);
    static Row view_of(const Stored& row);
    [[nodiscard]] bool set_text(Stored& row, const ReadWatcherList& list,
                                const ReadWatcher& watcher);
    void drop(sip::Handle handle);
    template <class Visit>
    void flush(std::uint32_t fork, Visit visit) {
        rows_.for_each([&](sip::Handle handle, Stored& row) {
            if (row.fork != fork || row.fresh) return;
            row.status = State::terminated;
            row.expiration.reset();
            visit(view_of(row));
            drop(handle);
        });
    }
    Fork* find(std::uint32_t fork);

    sip::Memory& memory_;
    sip::HashKey key_;
    sip::Slab<Stored> rows_;
    sip::HashIndex by_id_;
    sip::Vector<Fork> forks_;
    std::uint64_t left_out_ = 0;
};

}  // namespace presence
