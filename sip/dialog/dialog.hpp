#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "sip/base/interner.hpp"
#include "sip/base/memory.hpp"
#include "sip/message/message_writer.hpp"
#include "sip/transaction/core.hpp"
#include "sip/transaction/record.hpp"

namespace sip {

/// A dialog (RFC 3261 12), the same on both sides. All of it is one block of exact size; its URIs
/// are shared with whoever has the same ones. Who made it decides the order of the route set;
/// afterwards both sides are alike.
class Dialog {
public:
    Dialog() = default;
    Dialog(Dialog&& other) noexcept : body_(std::exchange(other.body_, nullptr)) {}
    Dialog& operator=(Dialog&& other) noexcept {
        std::swap(body_, other.body_);
        return *this;
    }
    ~Dialog();

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

    // Of one that was made by either of these.
    // Of one that was made by either of these:
    std::string_view call_id() const { return body_->text(0, body_->call_id_end); }
    std::string_view local_tag() const {
        return body_->text(body_->call_id_end, body_->local_tag_end);
    }
    std::string_view remote_tag() const {
        return body_->text(body_->local_tag_end, body_->remote_tag_end);
    }
    std::string_view local_uri() const { return body_->local_uri.view(); }
    std::string_view remote_uri() const { return body_->remote_uri.view(); }
    std::string_view remote_target() const { return body_->remote_target.view(); }
    /// RFC 3261 12.1: made over TLS with a SIPS Request-URI. Nothing of it ever leaves by another
    /// transport.
    bool is_secure() const { return body_->secure; }
    /// RFC 3261 12.1.1, RFC 5630 5.1.2: our Contact in it is a SIPS URI.
    bool has_sips_contact() const;
    bool matches(std::string_view call_id, std::string_view local, std::string_view remote) const;

    /// RFC 3261 12.2.2: false when `number` is not above the last one of the peer (to be answered
    /// 500); otherwise it is the last one now. Gaps are fine. The first always passes.
    [[nodiscard]] bool accept_cseq(std::uint32_t number);
    std::uint32_t next_cseq() { return ++body_->local_cseq; }
    std::uint32_t local_cseq() const { return body_->local_cseq; }
    /// A dialog that a NOTIFY made goes on from the CSeq of our SUBSCRIBE.
    void continue_from(std::uint32_t cseq) { body_->local_cseq = cseq; }

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
    bool is_direct() const { return body_->direct; }
    /// The way that its latest request came.
    Source path() const;
    Transport transport() const { return body_->transport; }

    /// Request line, Route, Max-Forwards, From, To, Call-ID, CSeq of a request of ours (RFC 3261
    /// 12.2.1.1), loose and strict routing alike. `via` is written behind the request line.
    void write_request(MessageWriter& writer, const Listeners& listeners, const Target& target,
                       Branch branch, Method method, std::uint32_t cseq) const;
    /// Writes what a store keeps of the dialog as it is, or once `refresh` is applied. Views last
    /// as long as both stay as they are.
    void describe(SubscriptionRecord& record, const Refresh& refresh) const;
    /// Of all its strings.
    std::size_t bytes() const;

private:
    struct Path {
        Source source;
        bool direct = false;
        static Path of(const Request& request);
    };
    /// Behind it stand Call-ID, local tag and remote tag, and the path's numbers.
    struct Body {
        Memory* memory;
        Interned local_uri, remote_uri, remote_target;
        Interned routes;  ///< "<a><b>", in the order of our requests
        std::uint32_t local_cseq = 0, remote_cseq = 0;
        std::uint16_t call_id_end = 0, local_tag_end = 0, remote_tag_end = 0;
        ListenerId listener{};
        Transport transport = Transport::udp;
        bool direct : 1 = false;
        bool heard : 1 = false;  ///< remote_cseq holds one
        bool secure : 1 = false;
        bool local_is_v4 : 1 = false, remote_is_v4 : 1 = false;

        char* bytes() { return reinterpret_cast<char*>(this + 1); }
        const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
        std::string_view text(std::size_t begin, std::size_t end) const {
            return {bytes() + begin, end - begin};
        }
        std::size_t path_size() const;
        void set_path(const Path& path);
        Path path() const;
    };
    struct Parts {
        std::string_view call_id, local_tag, remote_tag;
        std::string_view local_uri, remote_uri, remote_target, routes;
    };
    static Expected<Dialog> make(Shard& shard, const Parts& parts, const Path& path);
    static Body* allocate(Memory& memory, std::string_view call_id, std::string_view local_tag,
                          std::string_view remote_tag, const Path& path);

    Body* body_ = nullptr;
};

/// Empty: changes nothing.
class Dialog::Refresh {
public:
    Refresh() = default;

private:
    friend class Dialog;
    Dialog moved_;  ///< the dialog with another target or path, where one of them is another
};

}  // namespace sip
