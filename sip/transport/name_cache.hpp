#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "sip/base/hash_index.hpp"
#include "sip/base/linked.hpp"
#include "sip/base/packet.hpp"
#include "sip/base/slab.hpp"
#include "sip/base/small_vector.hpp"
#include "sip/transport/effects.hpp"
#include "sip/transport/shard.hpp"

namespace sip {

class TransportLayer;

/// A domain name as it is asked for: in lower case, without a final dot; letters, digits, "-" and
/// "_" in labels of 63 at most. Empty: `text` is none (an IPv4 address is none either).
class DomainName {
public:
    static constexpr std::size_t most = 253;
    DomainName() = default;
    explicit DomainName(std::string_view text) : DomainName({}, text) {}
    /// "_sip._tcp." and a name.
    DomainName(std::string_view prefix, std::string_view text);
    std::string_view view() const { return {text_.data(), size_}; }
    bool empty() const { return size_ == 0; }
    /// RFC 6761 6.4: names under "invalid" exist nowhere.
    bool is_invalid() const;

private:
    std::array<char, most> text_;
    std::size_t size_ = 0;
};

/// What a NAPTR record offers (RFC 3263 4.1).
enum class SipService : std::uint8_t { udp, tcp, tls, other };

/// One record of an answer that is kept.
struct KeptRecord {
    Address address;
    std::uint16_t priority = 0, weight = 0, port = 0;
    SipService service = SipService::other;
    std::uint32_t name_at = 0, name_size = 0;  ///< no name: the root
};

/// The records of one answer, immutable and shared.
class KeptRecords {
public:
    KeptRecords() = default;
    explicit KeptRecords(SharedBytes bytes) : bytes_(std::move(bytes)) {}
    std::size_t size() const;
    KeptRecord at(std::size_t i) const;
    std::string_view name_of(const KeptRecord& record) const;
    std::size_t bytes() const { return bytes_.view().size(); }

private:
    SharedBytes bytes_;
};

/// Somebody who waits for one answer; holds it from then on. Goes with its owner.
struct NameWaiter : Linked {
    Handle owner;
    bool pending = false;
    NameAnswer::Kind kind = NameAnswer::Kind::failed;
    KeptRecords records;
};

/// Asks the name system, and remembers what it said for as long as it said (RFC 1035 3.2.1, RFC
/// 2308 for what is not there), within bounds. A question that is under way is asked once, however
/// many wait for it. Least recently used entries make room.
class NameCache {
public:
    NameCache(Shard& shard, TransportLayer& transport);
    ~NameCache();

    /// The answer, at once or (`waiter.pending`) later. At a bound: `failed` at once.
    void ask(const Now& now, RecordType type, const DomainName& name, NameWaiter& waiter);
    /// An answer of the name system; an unknown id is ignored.
    void resolved(const Now& now, const NameAnswer& answer);
    /// The owner of the next waiter that got its answer; called until it gives nothing.
    std::optional<Handle> next_answered();

    std::size_t size() const { return entries_.size(); }
    std::size_t bytes() const { return bytes_; }
    std::size_t asking() const { return asking_; }
    /// Forgets all that is not being asked. For when it is quiet.
    void trim();

private:
    /// In the line of those that are known (least recently used first) or asked (oldest first).
    struct Entry : Linked {
        Handle self;
        RecordType type = RecordType::a;
        Block name;
        std::uint64_t hash = 0;
        bool asking = false;
        Instant until{};  ///< known: that long; asking: nobody waits longer
        NameAnswer::Kind kind = NameAnswer::Kind::failed;
        KeptRecords records;
        Linked waiting;  ///< head of NameWaiters
    };
    Entry* find(RecordType type, const DomainName& name, std::uint64_t hash);
    Entry* make(RecordType type, const DomainName& name, std::uint64_t hash);
    bool begin_question(const Now& now, Entry& entry);
    SharedBytes keep(RecordType type, std::span<const NameRecord> records, std::uint32_t& ttl_s);
    void make_room();
    void destroy(Entry& entry);

    Shard& shard_;
    TransportLayer& transport_;
    Slab<Entry> entries_;
    HashIndex by_name_;
    Linked known_, asked_, answered_;  ///< heads
    std::size_t bytes_ = 0, asking_ = 0;
};

}  // namespace sip
