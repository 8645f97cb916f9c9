#pragma once

#include <cstdint>
#include <optional>

#include "sip/base/hash_groups.hpp"
#include "sip/base/slab.hpp"
#include "sip/base/tally.hpp"
#include "sip/transaction/completed_transactions.hpp"
#include "sip/transaction/invite_server.hpp"
#include "sip/transaction/non_invite_server.hpp"
#include "sip/transaction/request.hpp"
#include "sip/transaction/transaction_user.hpp"
#include "sip/transport/locator.hpp"
#include "sip/transport/transport_layer.hpp"

namespace sip {

/// The server transactions of a stack: matching (RFC 3261 17.2.3), the two machines, their timers.
class ServerTransactions {
public:
    ServerTransactions(Shard& shard, TransportLayer& transport, Locator& locator,
                       std::uint8_t part);
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
    /// What all else here finds a request by.
    RequestKeys keys_of(const MessageView& message, const Essentials& essentials) const;
    /// Looks a request up, and moves its transaction on when it is known. CANCEL finds the request
    /// that it names (no `transaction`: one that is answered); a copy of a CANCEL is `none` (it is
    /// answered without state). Of `request` no identity or tag is needed yet.
    Matched receive(const Now& now, const Request& request);

    /// RFC 3261 8.2.2.2: no To tag, and the From tag, From URI, Call-ID and CSeq of a transaction
    /// that came with another branch (and was not refused as merged itself).
    bool is_merged(const Now& now, const Request& request);

    /// A new transaction for a request that `receive` did not know. Nothing: the table or the
    /// memory is full, or its user or address has as many as one may have; to be answered 503
    /// without state.
    [[nodiscard]] ServerTransactionId create(const Now& now, const Request& request);
    /// The user's answer, kept to answer copies of the request: as a record of what cannot be made
    /// from such a copy, in the place of the transaction; by itself where that is not possible. An
    /// unknown id and a second final answer are ignored.
    void respond(const Now& now, ServerTransactionId id, std::uint16_t status,
                 const Packet& packet);
    /// An answer for which nothing is kept: the transaction is gone.
    void refuse(const Now& now, ServerTransactionId id, std::uint16_t status, const Packet& packet);
    /// The transaction is gone: a copy of its request is a new one. An unknown id is ignored.
    void forget(ServerTransactionId id);
    bool is_answered(ServerTransactionId id) const;
    bool is_live(ServerTransactionId id) const { return slab_.find(id.handle) != nullptr; }
    /// For a request that its user did not answer at once: the 100 that goes out when it is due
    /// (RFC 3261 17.2.1, RFC 4320 4.1).
    void keep_trying(const Now& now, ServerTransactionId id, const Packet& trying);

    void timer(const Now& now, Handle object);
    /// The connection of that transaction is gone. RFC 3263 5: where it was one that we opened for
    /// the response, and sent-by is a name, its other servers are tried.
    void lost(const Now& now, Handle object);
    /// The lookup of its sent-by has ended.
    void located(const Now& now, Handle object, LookupId id);
    /// All; and those of them that wait for nothing but copies of their request.
    std::size_t size() const { return slab_.size() + completed_.size(); }
    std::size_t completed() const { return completed_.size(); }
    /// Gives back memory that only a load of the past needed.
    void trim() {
        slab_.trim();
        completed_.trim();
        by_request_.trim();
        by_branch_.trim();
        by_merge_.trim();
        by_user_.trim();
        by_address_.trim();
    }
    /// The most slots that any search in the tables looks at. For tests.
    std::size_t longest_search() const;

private:
    enum class Name : std::uint8_t { hundred, h, g, i, j, l };
    struct Transaction {
        bool is_invite = false;
        bool rfc2543 = false;
        Method method = Method::unknown;
        std::uint8_t state = 0;  ///< of the machine that `is_invite` picks
        RequestKey branch, key;
        std::uint64_t tag_hash = 0;  ///< RFC 2543 ACK: of the tag we answered with
        std::uint64_t user = 0;      ///< whose quota, by_user_; 0: nobody's
        std::uint64_t address = 0;   ///< and by_address_
        bool may_merge = false;      ///< stands in by_merge_
        bool may_complete = false;   ///< its answer can be made again from a copy
        bool proved = false;         ///< its sender is no stranger
        GroupLink same_branch, same_merge;
        FlowBond bond;
        Target target;
        Endpoint reopen_at;   ///< streams: where to go when the connection is gone (18.2.2)
        SharedBytes sent_by;  ///< streams: a URI of the sent-by that is a name, of who has proved
                              ///< who he is
        Instant reopened_at = never;  ///< a connection of ours was opened for the response
        LookupId lookup{};
        Packet last;
        Packet trying;
        Duration g_interval{};
        Timers<Name, 6> timers;
    };
    RequestKey branch_key(const MessageView& message, const Essentials& essentials) const;
    static std::uint64_t branch_hash(const RequestKey& branch, bool is_invite);
    Handle find_request(const RequestKey& key);
    Handle find_branch(const RequestKey& branch, bool is_invite);
    bool find_completed(const Now& now, const RequestKeys& keys);
    void repeat(const Now& now, const CompletedTransactions::Record& record,
                const Request& request);
    bool complete(const Now& now, Handle handle);
    void trace(const Now& now, std::uint32_t number, const non_invite_server::Row& row);
    bool count_in(std::uint64_t user, std::uint64_t address, bool exempt);
    void count_out(std::uint64_t user, std::uint64_t address);
    bool make_room(Handle handle);
    void enter(Handle handle, const Request& request);
    auto same_branch() {
        return [this](std::uint32_t i) -> GroupLink& { return slab_.at(i).same_branch; };
    }
    auto same_merge() {
        return [this](std::uint32_t i) -> GroupLink& { return slab_.at(i).same_merge; };
    }
    void apply(const Now& now, Handle handle, invite_server::Event event, const Packet* given);
    void apply(const Now& now, Handle handle, non_invite_server::Event event, const Packet* given);
    void transmit(const Now& now, Handle handle, const Packet& packet);
    void keep_sent_by(Transaction& t, const Request& request);
    bool find_sent_by(const Now& now, Handle handle);
    bool send_to_first(const Now& now, Handle handle, const Locator::Targets& targets);
    void destroy(Handle handle);

    Shard& shard_;
    TransportLayer& transport_;
    Locator& locator_;
    std::uint8_t part_;
    Slab<Transaction> slab_;
    CompletedTransactions completed_;
    // A peer chooses branches, and may repeat one as often as it likes: two requests are told apart
    // by all that they are found by, and only the newest of a branch stands in an index.
    HashIndex by_request_;  ///< branch, method and content: finds copies
    HashGroups by_branch_;  ///< branch, INVITE or not: finds what an ACK or CANCEL is for
    HashGroups by_merge_;   ///< all of one group have one branch, or they would be merged
    Tally by_user_, by_address_;
};

}  // namespace sip
