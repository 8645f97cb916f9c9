#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sip/base/clock.hpp"
#include "sip/transport/effects.hpp"
#include "sip/transport/listeners.hpp"
#include "tests/support/scripted_names.hpp"

/// A request as a test writes it. What is left empty is filled in by the world that sends it.
struct RawRequest {
    std::string method, uri;
    std::string from = "<sip:alice@example.com>;tag=from-tag";
    std::string to;  ///< empty: the Request-URI in <>
    std::string call_id = "call-1";
    unsigned cseq = 1;
    std::string branch;               ///< empty: a new one
    std::vector<std::string> fields;  ///< whole lines without CRLF
    std::string content_type, body;

    RawRequest& with(std::string field) {
        fields.push_back(std::move(field));
        return *this;
    }
    RawRequest& with_body(std::string type, std::string text) {
        content_type = std::move(type);
        body = std::move(text);
        return *this;
    }
};

/// A message that left, in the order that the engine gave it out.
struct RawMessage {
    std::string text;
    sip::Endpoint to;    ///< datagrams
    sip::FlowId flow{};  ///< streams
    sip::Instant at{};

    /// 0 for a request.
    int status() const { return text.starts_with("SIP/2.0 ") ? std::stoi(text.substr(8, 3)) : 0; }
    std::string reason() const { return text.substr(12, text.find("\r\n") - 12); }
    std::string method() const { return text.substr(0, text.find(' ')); }
    std::string request_uri() const {
        const auto start = text.find(' ') + 1;
        return text.substr(start, text.find(' ', start) - start);
    }
    /// The values of all fields of that exact name, in order.
    std::vector<std::string> fields(std::string_view name) const {
        std::vector<std::string> values;
        const std::string start = "\r\n" + std::string(name) + ": ";
        const auto end = text.find("\r\n\r\n");
        for (auto i = text.find(start); i < end; i = text.find(start, i + 2))
            values.push_back(
                text.substr(i + start.size(), text.find("\r\n", i + 2) - i - start.size()));
        return values;
    }
    /// The first of them, or an empty text.
    std::string field(std::string_view name) const {
        const auto all = fields(name);
        return all.empty() ? std::string{} : all.front();
    }
    bool has(std::string_view name) const { return !fields(name).empty(); }
    std::string body() const { return text.substr(text.find("\r\n\r\n") + 4); }
    /// "tag" of To, as the peer needs it for the next request of the dialog.
    std::string to_tag() const {
        const std::string value = field("To");
        const auto start = value.find(";tag=");
        return start == std::string::npos ? std::string{} : value.substr(start + 5);
    }
    explicit operator bool() const { return !text.empty(); }
};

/// One engine (a Stack, or anything driven like one) under virtual time, and peers that speak to
/// it in raw messages. The engine has the listener `udp` on 192.0.2.1:5060 and `tcp` on the same.
template <class Engine>
class RawWorld {
public:
    explicit RawWorld(Engine& engine_given) : engine(engine_given) {
        (void)engine.add_listener({udp, sip::Transport::udp, server, {}});
        (void)engine.add_listener({sip::ListenerId{2}, sip::Transport::tcp, server, {}});
    }

    static constexpr sip::ListenerId udp{1};
    sip::Endpoint server{sip::Address::v4(192, 0, 2, 1), 5060};
    sip::Endpoint peer{sip::Address::v4(192, 0, 2, 99), 5062};

    Engine& engine;
    sip::Now now{sip::Instant{} + sip::seconds{1000}, 1'767'225'600'000};
    std::deque<RawMessage> sent;
    std::deque<sip::CommitId> commits;
    std::string records;  ///< of all commits, one behind the other
    std::deque<sip::FlowId> closed;
    std::deque<sip::OpenFlow> opened;
    ScriptedNames* names = nullptr;  ///< answers questions as soon as they are out
    std::vector<std::string> asked;  ///< "SRV _sip._udp.example.com"
    std::deque<sip::Resolve> unanswered;
    bool answer_notify = true;  ///< 200 to each NOTIFY as soon as it is out

    /// The whole text of a request from `peer`; an empty branch gets a new number.
    std::string text_of(RawRequest request, std::string_view transport = "UDP") {
        if (request.branch.empty()) request.branch = "z9hG4bKraw" + std::to_string(++branches_);
        if (request.to.empty()) request.to = "<" + request.uri + ">";
        std::string text =
            request.method + " " + request.uri + " SIP/2.0\r\nVia: SIP/2.0/" +
            std::string(transport) + " 192.0.2.99:5062;rport;branch=" + request.branch +
            "\r\nMax-Forwards: 70\r\nFrom: " + request.from + "\r\nTo: " + request.to +
            "\r\nCall-ID: " + request.call_id + "\r\nCSeq: " + std::to_string(request.cseq) + " " +
            request.method + "\r\n";
        for (const std::string& field : request.fields) text += field + "\r\n";
        if (!request.content_type.empty()) text += "Content-Type: " + request.content_type + "\r\n";
        return text + "Content-Length: " + std::to_string(request.body.size()) + "\r\n\r\n" +
               request.body;
    }

    void input(const std::string& text) {
        // A copy of exact size, so that a sanitizer sees what is read behind its end.
        const std::vector<char> bytes(text.begin(), text.end());
        engine.input(now, sip::Datagram{udp, peer, bytes});
        drain();
    }
    void input(sip::FlowId flow, const std::string& text) {
        const std::vector<char> bytes(text.begin(), text.end());
        engine.input(now, sip::Chunk{flow, bytes});
        drain();
    }
    sip::FlowId connect() { return engine.accepted(now, sip::Transport::tcp, server, peer); }
    /// Sends a request; what came back first, taken out of `sent`.
    RawMessage ask(const RawRequest& request) {
        sent.clear();
        input(text_of(request));
        return take();
    }
    RawMessage ask(sip::FlowId flow, const RawRequest& request) {
        sent.clear();
        input(flow, text_of(request, "TCP"));
        return take();
    }
    /// The message that left first and was not taken yet; an empty one when there is none.
    RawMessage take() {
        if (sent.empty()) return {};
        RawMessage first = std::move(sent.front());
        sent.pop_front();
        return first;
    }
    /// The same for the first of that method ("" for a response); others stay.
    RawMessage take(std::string_view method) {
        for (auto at = sent.begin(); at != sent.end(); ++at) {
            if (method.empty() ? at->status() == 0 : at->method() != method) continue;
            RawMessage found = std::move(*at);
            sent.erase(at);
            return found;
        }
        return {};
    }
    /// Answers a request that the engine sent.
    void answer(const RawMessage& request, int status = 200, const std::string& reason = "Said",
                const std::vector<std::string>& fields = {}) {
        std::string text = "SIP/2.0 " + std::to_string(status) + " " + reason + "\r\n";
        for (const char* name : {"Via", "From", "To", "Call-ID", "CSeq"})
            for (const std::string& value : request.fields(name))
                text += std::string(name) + ": " + value + "\r\n";
        for (const std::string& field : fields) text += field + "\r\n";
        text += "Content-Length: 0\r\n\r\n";
        if (request.flow != sip::FlowId{})
            input(request.flow, text);
        else
            input(text);
    }

    /// Time moves on by `by`, deadline by deadline.
    void pass(sip::Duration by) {
        const sip::Instant end = now.mono + by;
        for (auto next = engine.deadline(); next && *next <= end; next = engine.deadline()) {
            if (*next > now.mono) move_to(*next);
            engine.advance(now);
            drain();
        }
        move_to(end);
        engine.advance(now);
        drain();
    }
    /// Answers the questions that were asked while `names` was not set.
    void answer_names(ScriptedNames& from) {
        while (!unanswered.empty()) {
            const sip::Resolve question = unanswered.front();
            unanswered.pop_front();
            from.answer(question, [&](const auto& told) { engine.resolved(now, told); });
        }
        drain();
    }
    void commit(bool durable = true) {
        const sip::CommitId id = commits.front();
        commits.pop_front();
        if (durable)
            engine.committed(now, id);
        else
            engine.failed(now, id);
        drain();
    }
    void drain() {
        std::vector<RawMessage> to_answer;
        for (;;) {
            auto effect = engine.poll(now);
            if (!effect && unfinished()) continue;
            if (!effect) break;
            if (const auto* out = std::get_if<sip::Transmit>(&*effect)) {
                RawMessage message;
                message.text = std::string(out->packet.head.view());
                message.text += out->packet.body.view();
                message.at = now.mono;
                if (const auto* to = std::get_if<sip::ToEndpoint>(&out->where))
                    message.to = to->to;
                else
                    message.flow = std::get<sip::FlowId>(out->where);
                if (answer_notify && message.method() == "NOTIFY") to_answer.push_back(message);
                sent.push_back(std::move(message));
            } else if (const auto* staged = std::get_if<sip::Commit>(&*effect)) {
                commits.push_back(staged->id);
                records += staged->records.view();
            } else if (const auto* gone = std::get_if<sip::CloseFlow>(&*effect)) {
                closed.push_back(gone->flow);
            } else if (const auto* wanted = std::get_if<sip::OpenFlow>(&*effect)) {
                opened.push_back(*wanted);
            } else if (const auto* question = std::get_if<sip::Resolve>(&*effect)) {
                asked.push_back(ScriptedNames::text_of(*question));
                if (names == nullptr)
                    unanswered.push_back(*question);
                else
                    names->answer(*question, [&](const auto& told) { engine.resolved(now, told); });
            }
        }
        for (const RawMessage& message : to_answer) answer(message);
    }

private:
    bool unfinished() const {
        const auto next = engine.deadline();
        return next && *next <= now.mono;
    }
    void move_to(sip::Instant at) {
        now.wall_ms += std::chrono::duration_cast<sip::milliseconds>(at - now.mono).count();
        now.mono = at;
    }
    unsigned branches_ = 0;
};
