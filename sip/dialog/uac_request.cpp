#include "sip/dialog/uac_request.hpp"

#include <cstring>

#include "sip/base/text.hpp"
#include "sip/dialog/request_head.hpp"

namespace sip {
namespace {

/// RFC 3261 18.1.1: the largest request that goes by datagram where the path is unknown.
constexpr std::size_t datagram_max = 1'300;

}  // namespace

UacRequest::UacRequest(const Core& core, const Uac& uac, Method method, std::uint32_t cseq,
                       const UacAttempt& attempt, const Dialog* dialog)
    : core_(core),
      uac_(uac),
      method_(method),
      in_dialog_(dialog != nullptr),
      branch_(core.clients.new_branch()),
      target_(attempt.target),
      out_(core.shard.scratch()),
      writer_(out_) {
    const Target& target = target_;
    const Listeners& listeners = core.transport.listeners();
    if (dialog != nullptr) {
        dialog->write_request(writer_, listeners, target, branch_, method, cseq);
        assert_identity();
        return;
    }
    const std::string_view redirected = attempt.targets.current();
    writer_.request(method, redirected.empty() ? uac.uri() : redirected);
    write_via(writer_, listeners, target, branch_);
    writer_.header(HeaderId::max_forwards, std::uint64_t{70});
    writer_.begin(HeaderId::from) << '<' << uac.from() << ">;tag=" << uac.tag();
    writer_.end();
    writer_.begin(HeaderId::to) << '<' << uac.to() << '>';
    writer_.end();
    writer_.header(HeaderId::call_id, uac.call_id());
    writer_.begin(HeaderId::cseq) << cseq << ' ' << name_of(method);
    writer_.end();
    assert_identity();
}

void UacRequest::assert_identity() {
    if (uac_.asserted().empty()) return;
    writer_.begin(HeaderId::p_asserted_identity) << "<sip:" << uac_.asserted() << '>';
    writer_.end();
}

UacRequest& UacRequest::contact() {
    write_contact(writer_, core_.transport.listeners(), target_, uac_.contact_form(core_));
    return *this;
}

/// As it stands in the request line: what digest credentials are for (RFC 3261 22.4).
std::string_view UacRequest::request_uri() const {
    return split_at(split_at(out_.view(), ' ').after, ' ').before;
}

/// Turns to TCP at the same address. The Via is the one place that says which transport it is; our
/// Contact stays what it is: requests to us are no larger for that.
void UacRequest::prefer_stream(const Now& now, Target& target, UacAttempt& attempt) {
    Target stream{Transport::tcp, {}, {}, target.remote};
    if (!core_.transport.connect(now, stream)) return;
    constexpr std::string_view via = "\r\nVia: SIP/2.0/";
    const auto at = out_.view().find(via);
    if (at == std::string_view::npos) return;
    std::memcpy(core_.shard.scratch().data() + at + via.size(), "TCP", 3);
    target = stream;
    attempt.for_size = true;
}

Expected<void> UacRequest::send(const Now& now, std::uint8_t user, Handle object,
                                UacAttempt& attempt, std::string_view content_type,
                                const SharedBytes& body) {
    attempt.outstanding = false;
    attempt.in_dialog = in_dialog_;
    if (DigestClient* credentials = uac_.credentials())
        credentials->write_credentials(writer_, name_of(method_), request_uri(), body.view());
    if (body) writer_.header(HeaderId::content_type, content_type);
    writer_.finish(body.view().size());
    if (out_.overflowed()) return failure(Condition::too_large, "the request would be too long");
    ClientTransactions::Outgoing outgoing;
    outgoing.target = target_;
    attempt.for_size = false;
    attempt.remote = outgoing.target.remote;
    if (outgoing.target.transport == Transport::udp &&
        out_.size() + body.view().size() > datagram_max &&
        !core_.transport.is_udp_only(attempt.remote))
        prefer_stream(now, outgoing.target, attempt);
    if (is_reliable(outgoing.target.transport) && !core_.transport.connect(now, outgoing.target))
        return failure(Condition::internal, "no connection to the target");
    outgoing.method = method_;
    outgoing.branch = branch_;
    outgoing.packet = {SharedBytes::copy(core_.shard.memory, out_.view()), body};
    outgoing.user = user;
    outgoing.object = object;
    const auto started = core_.clients.start(now, outgoing);
    if (!started) return tl::unexpected(started.error());
    attempt.transaction = *started;
    attempt.flow = outgoing.target.flow;
    attempt.outstanding = true;
    if (uac_.keep_alive()) core_.transport.keep_alive(now, attempt.flow, ping_default, false);
    attempt.heard = false;
    ++attempt.sent;
    return {};
}

}  // namespace sip
