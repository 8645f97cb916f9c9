#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/base/hash_index.hpp"
#include "sip/base/slab.hpp"
#include "sip/transaction/request.hpp"
#include "sip/transport/effects.hpp"
#include "sip/transport/transport_layer.hpp"

namespace sip {

/// Changes of state wait here until the store says that they are durable. While a resource has a
/// change staged, requests for it wait behind it.
class Staging {
public:
    Staging(Shard& shard, TransportLayer& transport, bool has_store);
    ~Staging();

    /// Without a store a change is applied by its user at once, and never staged.
    bool has_store() const { return has_store_; }
    /// Stages one change: `records` (of record.hpp; empty where memory refused them) go to the
    /// store, `on_committed(object)` of part `user` is due when it answers. `resource`: a hash of
    /// what the change is about. False: no memory, or more stand here than
    /// `Limits::waiting_requests`; to be answered 503.
    [[nodiscard]] bool stage(std::uint8_t user, Handle object, std::uint64_t resource,
                             SharedBytes records);
    /// Whether a change of `resource` is staged, so that the request has to wait: `wait` it.
    bool is_busy(std::uint64_t resource) const;
    /// Keeps a copy of a request until the resource is free. False: refused, to be answered 503.
    [[nodiscard]] bool wait(std::uint64_t resource, const Request& request);

    /// A store's answer, or with no store our own: whose change it was, and what became of it.
    struct Settled {
        std::uint8_t user = 0;
        Handle object;
        bool durable = false;
    };
    void committed(CommitId id) { settle(id, true); }
    void failed(CommitId id) { settle(id, false); }
    /// The next change whose fate is known: its resource is busy until then. After it the waiting
    /// requests that are free to go on.
    std::optional<Settled> next_settled();
    struct Waiting {
        Source source;
        ServerTransactionId transaction;
        Block identity, bytes;
        bool authenticated = false;
        ProvedBy proved_by = ProvedBy::nothing;
        std::uint64_t resource = 0;
        Handle next;  ///< in the line of its resource, or of those that may go on
    };
    /// The next request that need not wait any more; taken out. `finished` follows.
    std::optional<Waiting> next_waiting();
    /// A request that had waited for `resource` was handled: if it staged nothing, the next may go.
    void finished(std::uint64_t resource);
    bool has_work() const { return settled_.first || free_.first; }
    std::size_t size() const { return changes_.size(); }
    /// Gives back memory that only a load of the past needed.
    void trim() {
        changes_.trim();
        waiting_.trim();
        resources_.trim();
        by_resource_.trim();
    }

private:
    struct Change {
        std::uint8_t user = 0;
        Handle object;
        std::uint64_t resource = 0;
        bool settled = false, durable = false;
        Handle next;  ///< in the line of those that are settled, which takes no memory
    };
    /// A line of objects of one slab, first come first served. Takes no memory.
    struct Line {
        Handle first, last;
    };
    template <class T>
    static void join(Line& line, Slab<T>& slab, Handle handle) {
        if (line.last)
            slab.find(line.last)->next = handle;
        else
            line.first = handle;
        line.last = handle;
    }
    template <class T>
    static Handle leave(Line& line, Slab<T>& slab) {
        const Handle handle = line.first;
        T& object = *slab.find(handle);
        line.first = object.next;
        object.next = {};
        if (!line.first) line.last = {};
        return handle;
    }
    /// What is staged, or waits, or may go on and did not yet. Gone with the last of it.
    struct Resource {
        std::uint64_t hash = 0;
        std::size_t changes = 0, free = 0;
        Line waiting;
    };
    std::uint32_t find(std::uint64_t resource) const;
    Resource* obtain(std::uint64_t resource);
    void let_go(std::uint64_t resource);
    void settle(CommitId id, bool durable);
    void release(std::uint64_t resource);

    Shard& shard_;
    TransportLayer& transport_;
    bool has_store_;
    std::uint64_t resuming_ = 0;  ///< the resource whose next in line is being handled
    Slab<Change> changes_;
    Slab<Waiting> waiting_;
    Slab<Resource> resources_;
    HashIndex by_resource_;
    Line settled_;  ///< of changes_
    Line free_;     ///< of waiting_: those that may go on
};

}  // namespace sip
