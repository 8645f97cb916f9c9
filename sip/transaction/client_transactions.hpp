#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/base/hash_index.hpp"
#include "sip/base/ring.hpp"
#include "sip/base/slab.hpp"
#include "sip/transaction/invite_client.hpp"
#include "sip/transaction/non_invite_client.hpp"
#include "sip/transaction/request.hpp"
#include "sip/transport/transport_layer.hpp"

namespace sip {

/// A branch of ours: the magic cookie and 16 hex digits of entropy (RFC 3261 8.1.1.7). Of a request
/// that is carried on, "." and 16 more behind them, by which it is known when it comes again (RFC
/// 5393 4.2.1).
struct Branch {
    std::uint64_t value = 0;
    bool carried = false;
    std::uint64_t loop = 0;  ///< where `carried`

    void write(Appender& out) const {
        (out << magic_cookie).hex(value);
        if (carried) (out << '.').hex(loop);
    }
    /// Nothing: it is none of ours.
    static std::optional<Branch> read(std::string_view text);
};

/// The branch of a request of ours, from as much of its start as is there.
std::optional<std::uint64_t> quoted_branch(std::string_view request);

/// The client transactions of a stack: matching (RFC 3261 17.1.3), the two machines, their timers.
/// RFC 3261 17.1.2.2: a request that was answered by datagram lingers for Timer K, to swallow
/// copies of its response. Without it they are dropped all the same, so at most `lingering_max`
/// linger, and only until others need their room: the one that was answered first ends early.
class ClientTransactions {
public:
    static constexpr std::size_t lingering_max = 64;

    ClientTransactions(Shard& shard, TransportLayer& transport, std::uint8_t part);
    ~ClientTransactions();

    /// Draws a branch for a request that is about to be written.
    Branch new_branch() { return {shard_.mint()}; }

    struct Outgoing {
        Target target;
        Method method = Method::unknown;
        Branch branch;  ///< as it stands in the packet's Via
        Packet packet;
        std::uint8_t user = 0;  ///< whose: the part number of its TransactionUser
        Handle object;          ///< given back with the response
    };
    /// Sends and keeps sending. An error means that nothing was sent and nobody will be called:
    /// `overloaded` (table or memory full), `internal` (no way to the target).
    Expected<ClientTransactionId> start(const Now& now, const Outgoing& outgoing);

    /// What a response or timer means for the user.
    struct Report {
        std::uint8_t user = 0;
        Handle object;
        ClientTransactionId transaction;
        bool is_response = false;
        Failure failure = Failure::timeout;
    };
    /// A response, and what Branch::read gives of its Via: the report for its user, or nothing (a
    /// copy, or no such transaction: counted).
    std::optional<Report> receive(const Now& now, const MessageView& message,
                                  const Essentials& essentials,
                                  const std::optional<Branch>& branch);
    /// RFC 3261 9.1: an INVITE is to end without an answer. The CANCEL leaves at once, or when the
    /// first provisional response comes; the INVITE is answered all the same, or times out 64*T1
    /// later. Once there was a final response, or for any other method: nothing happens. `reason`:
    /// the value of a Reason field, or empty.
    void cancel(const Now& now, ClientTransactionId id, std::string_view reason = {});
    std::optional<Report> timer(const Now& now, Handle object);
    /// The connection that this one was sent on is gone.
    std::optional<Report> lost(const Now& now, Handle object);
    /// An error message says that a datagram of ours did not arrive (ICMP). RFC 3261 18.4
    /// and 17.1.4 want the transaction failed, but anybody can send us one. So it counts when it
    /// proves that its sender saw the request: `quoted`, the start of the datagram, shows the
    /// branch, 64 bits that no third party guesses, and `to` is where it went. And it counts when
    /// the request was sent more than once: a peer that starts anew may miss one. Otherwise the
    /// timers decide.
    std::optional<Report> unreachable(const Now& now, ListenerId via, const Endpoint& to,
                                      std::string_view quoted);
    /// The user of a transaction forgets it: it runs on, and reports to nobody.
    void abandon(ClientTransactionId id);
    /// What it says must not be said any more: no further copy leaves, and a late response is one
    /// to nobody. RFC 3261 17.1.2.2, not followed: a copy must be the same bytes, and there would
    /// be copies until Timer F.
    void withdraw(ClientTransactionId id);
    std::size_t size() const { return slab_.size(); }
    /// Gives back memory that only a load of the past needed.
    void trim() {
        slab_.trim();
        by_branch_.trim();
        lingering_.trim();
    }
    /// The limit is reached, by requests that wait for their answers.
    bool full() const { return slab_.full() && lingering_.empty(); }

private:
    /// Of both machines: A and E; B and F; D, M and K.
    enum class Name : std::uint8_t { give_up, repeat, linger };
    struct Transaction {
        std::uint8_t state = 0;  ///< of the machine that the method picks
        Method method = Method::unknown;
        Branch branch;
        Target target;
        Packet packet;  ///< the request; of an INVITE that failed, its ACK
        std::uint8_t user = 0;
        bool abandoned = false;
        bool repeated = false;  ///< sent more than once
        bool cancel_wished = false, cancelled = false;
        Handle object;
        FlowBond bond;
        Duration interval{};        ///< of `repeat`
        SharedBytes cancel_reason;  ///< of a CANCEL that waits
        Timers<Name, 3> timers;
    };
    std::optional<Report> apply(const Now& now, Handle handle, non_invite_client::Event event);
    /// `response`: where `event` is one.
    std::optional<Report> apply(const Now& now, Handle handle, invite_client::Event event,
                                const MessageView* response);
    std::optional<Report> fail(const Now& now, Handle handle);
    Handle make();
    void linger(Handle handle);
    void begin(const Now& now, Handle handle);
    void send_cancel(const Now& now, Handle handle);
    void start_linger(const Now& now, Transaction& t, Duration unreliable);
    template <class State, class Row, class StateNames, class EventNames>
    void trace(const Now& now, std::string_view machine, Handle handle, State from, const Row& row,
               const StateNames& states, const EventNames& events);
    void destroy(Handle handle);

    Shard& shard_;
    TransportLayer& transport_;
    std::uint8_t part_;
    Slab<Transaction> slab_;
    HashIndex by_branch_;
    /// Timer K runs, the oldest first. The first is there; of the others some may have ended.
    Ring<Handle> lingering_;
};

}  // namespace sip
