#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/base/memory.hpp"
#include "sip/message/message_writer.hpp"
#include "sip/transaction/core.hpp"
#include "sip/transaction/record.hpp"

namespace sip {

/// A dialog (RFC 3261 12), the same on both sides. Its strings stand packed in one block of exact
/// size. Who made it decides the order of the route set; afterwards both sides are alike.
class Dialog {
public:
    Dialog() = default;
    Dialog(Dialog&&) = default;
    Dialog& operator=(Dialog&&) = default;

    /// RFC 3261 12.1.1: we answer the request that makes it (SUBSCRIBE at a notifier). `local_tag`
    /// is the To tag of our 2xx. Also RFC 6665 4.4.1: the NOTIFY that makes a dialog at a
    /// subscriber, whose `local_tag` is the From tag of its SUBSCRIBE. Errors: `malformed` (no
    /// usable Contact, too many routes or bytes), `overloaded` (memory).
    static Expected<Dialog> as_uas(Shard& shard, const Request& request,
                                   std::string_view local_tag);
    /// RFC 3261 12.1.2: a 2xx to the request that we made it with. Errors as above.
    /// `secure`: the request went by TLS to a SIPS Request-URI.
    static Expected<Dialog> as_uac(Shard& shard, const Response& response, std::uint32_t cseq,
                                   bool secure = false);

    std::string_view call_id() const { return part(Part::call_id); }
    std::string_view local_tag() const { return part(Part::local_tag); }
    std::string_view remote_tag() const { return part(Part::remote_tag); }
    std::string_view local_uri() const { return part(Part::local_uri); }
    std::string_view remote_uri() const { return part(Part::remote_uri); }
    std::string_view remote_target() const { return part(Part::remote_target); }
    /// RFC 3261 12.1: made over TLS with a SIPS Request-URI. Nothing of it ever leaves by another
    /// transport.
    bool is_secure() const { return secure_; }
    /// RFC 3261 12.1.1, RFC 5630 5.1.2: our Contact in it is a SIPS URI.
    bool has_sips_contact() const;
    bool matches(std::string_view call_id, std::string_view local, std::string_view remote) const;

    /// RFC 3261 12.2.2: false when `number` is not above the last one of the peer (to be answered
    /// 500); otherwise it is the last one now. Gaps are fine. The first always passes.
    [[nodiscard]] bool accept_cseq(std::uint32_t number);
    std::uint32_t next_cseq() { return ++local_cseq_; }
    std::uint32_t local_cseq() const { return local_cseq_; }
    /// A dialog that a NOTIFY made goes on from the CSeq of our SUBSCRIBE.
    void continue_from(std::uint32_t cseq) { local_cseq_ = cseq; }

    class Refresh;
    /// What a target refresh request makes of the dialog once it is accepted: its Contact, where
    /// it has one, becomes the remote target; the route set stays; and when it came straight from
    /// its sender (one Via, no Record-Route), ours go back the same way. Errors: `malformed`,
    /// `overloaded`.
    Expected<Refresh> prepare_refresh(Shard& shard, const Request& request) const;
    /// It is accepted. At most one is prepared at a time.
    void apply(Refresh&& refresh);

    /// Where our requests go: the top Route, else the remote target; back by the learnt flow or
    /// socket when the peer is direct, or is that next hop itself. Who spoke to us by TLS is not
    /// spoken to without. Errors: as of `locate`.
    Expected<Target> next_hop(const TransportLayer& transport) const;
    /// The URI that says so: the top Route, else the remote target.
    std::string_view next_hop_uri() const;
    /// RFC 3261 26.2.2: what is SIPS, or came by TLS, goes by TLS alone.
    bool needs_tls() const;
    /// The peer speaks to us without anything between.
    bool is_direct() const { return path_.direct; }
    const Source& path() const { return path_.source; }

    /// Request line, Route, Max-Forwards, From, To, Call-ID, CSeq of a request of ours (RFC 3261
    /// 12.2.1.1), loose and strict routing alike. `via` is written behind the request line.
    void write_request(MessageWriter& writer, const Listeners& listeners, const Target& target,
                       Branch branch, Method method, std::uint32_t cseq) const;
    /// Writes what a store keeps of the dialog as it is, or once `refresh` is applied. Views last
    /// as long as both stay as they are.
    void describe(SubscriptionRecord& record, const Refresh& refresh) const;
    std::size_t bytes() const { return strings_.bytes.size(); }

private:
    enum class Part : std::uint8_t {
        call_id,
        local_tag,
        remote_tag,
        local_uri,
        remote_uri,
        remote_target,
        routes,
    };
    static constexpr std::size_t part_count = 7;
    using Parts = std::array<std::string_view, part_count>;
    struct Strings {
        Block bytes;
        std::array<std::uint16_t, part_count> ends{};
        std::string_view part(Part which) const;
    };
    /// The way that a request came.
    struct Path {
        Source source;
        bool direct = false;
        static Path of(const Request& request);
    };

    std::string_view part(Part which) const { return strings_.part(which); }
    static Expected<Strings> pack(Shard& shard, const Parts& parts);

    Strings strings_;
    Path path_;
    std::uint32_t local_cseq_ = 0, remote_cseq_ = 0;
    bool heard_ = false;  ///< remote_cseq_ holds one
    bool secure_ = false;
};

/// Empty: changes nothing.
class Dialog::Refresh {
public:
    Refresh() = default;

private:
    friend class Dialog;
    Strings strings_;  ///< all of the dialog's, where the target moves
    std::optional<Path> path_;
};

}  // namespace sip
