#pragma once

#include <cstdint>
#include <optional>

#include "sip/base/hash_index.hpp"
#include "sip/base/slab.hpp"
#include "sip/transaction/invite_server.hpp"
#include "sip/transaction/non_invite_server.hpp"
#include "sip/transaction/request.hpp"
#include "sip/transaction/transaction_user.hpp"
#include "sip/transport/transport_layer.hpp"

namespace sip {

/// The server transactions of a stack: matching (RFC 3261 17.2.3), the two machines, their timers.
class ServerTransactions {
public:
    ServerTransactions(Shard& shard, TransportLayer& transport, std::uint8_t part);
    ~ServerTransactions();

    enum class Match : std::uint8_t {
        none,      ///< a new request
        absorbed,  ///< a copy: answered again where that is due, and done with
        ack,       ///< an ACK for a 2xx: `user` may be told
        cancel,    ///< a CANCEL whose request is here: `transaction` is that request's
    };
    struct Matched {
        Match match = Match::none;
        ServerTransactionId transaction;
    };
    /// Looks a request up, and moves its transaction on when it is known. CANCEL finds the request
    /// that it names; a copy of a CANCEL is `none` (it is answered without state).
    Matched receive(Now now, const MessageView& message, const Essentials& essentials);

    /// RFC 3261 8.2.2.2: no To tag, and the From tag, From URI, Call-ID and CSeq of a live
    /// transaction that came with another branch.
    bool is_merged(const MessageView& message, const Essentials& essentials) const;

    /// A new transaction for a request that `receive` did not know. Nothing: the table or the
    /// memory is full, to be answered 503 without state.
    [[nodiscard]] ServerTransactionId create(Now now, const Request& request);
    /// The user's answer; copied nowhere, kept to answer copies of the request. An unknown id and
    /// a second final answer are ignored.
    void respond(Now now, ServerTransactionId id, std::uint16_t status, const Packet& packet);
    bool is_answered(ServerTransactionId id) const;
    bool is_live(ServerTransactionId id) const { return slab_.find(id.handle) != nullptr; }
    /// For a request that its user did not answer at once: the 100 that goes out when it is due
    /// (RFC 3261 17.2.1, RFC 4320 4.1).
    void keep_trying(Now now, ServerTransactionId id, const Packet& trying);

    void timer(Now now, Handle object);
    std::size_t size() const { return slab_.size(); }

private:
    enum class Name : std::uint8_t { hundred, g, h, i, j, l };
    /// 128 bits of keyed hash stand for the strings of the key: nobody without the secret makes
    /// two keys meet.
    struct Key {
        std::uint64_t a = 0, b = 0;
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct Transaction {
        bool is_invite = false;
        bool rfc2543 = false;
        Method method = Method::unknown;
        std::uint8_t state = 0;     ///< of the machine that `is_invite` picks
        Key by_branch;              ///< 17.2.3 items 1 and 2, or the RFC 2543 fields
        std::uint64_t content = 0;  ///< Request-URI, From URI, To tag, Call-ID, CSeq
        std::uint64_t method_hash = 0;
        std::uint64_t merge = 0;
        std::uint64_t to_tag = 0;  ///< RFC 2543 ACK: hash of the tag we answered with
        bool may_merge = false;
        Target target;
        Endpoint reopen_at;  ///< streams: where to go when the connection is gone (18.2.2)
        Packet last;
        Packet trying;
        Duration g_interval{};
        Timers<Name, 6> timers;
    };
    Key branch_key(const MessageView& message, const Essentials& essentials) const;
    std::uint64_t content_hash(const MessageView& message, const Essentials& essentials) const;
    std::uint64_t merge_hash(const Essentials& essentials) const;
    Transaction* find(const Key& key, Handle& handle, Method method, std::uint64_t method_hash,
                      const std::uint64_t* content);
    void apply(Now now, Handle handle, invite_server::Event event, const Packet* given);
    void apply(Now now, Handle handle, non_invite_server::Event event, const Packet* given);
    void transmit(Now now, Transaction& t, const Packet& packet);
    void destroy(Handle handle);

    Shard& shard_;
    TransportLayer& transport_;
    std::uint8_t part_;
    Slab<Transaction> slab_;
    HashIndex by_branch_;
    HashIndex by_merge_;
};

}  // namespace sip
