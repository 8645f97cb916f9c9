#include "apps/vigil/client_session.hpp"
#include "apps/vigil/commands.hpp"
#include "apps/vigil/console.hpp"
#include "apps/vigil/file.hpp"
#include "apps/vigil/json_output.hpp"
#include "apps/vigil/presence_document.hpp"
#include "apps/vigil/text.hpp"
#include "sip/event/publisher.hpp"
#include "sip/message/uri.hpp"

namespace vigil {

namespace {

/// RFC 3863 4.1.1: the presentity, without what belongs to one way of reaching it.
std::string entity_of(const std::string& uri) {
    const auto parsed = sip::parse_uri(uri);
    if (!parsed) return uri;
    return "sip:" + std::string(parsed->user) + "@" + std::string(parsed->host);
}

class Publish {
public:
    Publish(const PublishOptions& options, ClientSession& session)
        : options_(options), session_(session), publisher_(session.stack().core()) {
        publisher_.attach_as(session.stack().attach(publisher_, sip::Publisher::methods));
    }

    ExitCode run(const std::string& body) {
        sip::PublishOptions publication;
        publication.peer = session_.peer(options_.uri);
        publication.event = "presence";
        publication.expires_s = options_.client.expires_s;
        publication.once = options_.once;
        if (options_.remove) {
            publication.etag = *options_.remove;
        } else {
            publication.content_type = "application/pidf+xml";
            publication.body = body;
        }
        const sip::Now now = session_.now();
        const auto made = options_.remove ? publisher_.remove_tag(now, publication)
                                          : publisher_.publish(now, publication);
        if (!made) {
            session_.complain(options_.uri,
                              "PUBLISH could not be sent: " + std::string(made.error().rule));
            return ExitCode::failed;
        }
        id_ = *made;
        session_.on_timeout([this] { timed_out(); });
        return session_.run([this] { read_news(); }, [this] { leave(); });
    }

private:
    void read_news() {
        while (auto notice = publisher_.next_notice()) take(*notice);
    }

    void take(const sip::PublicationNotice& notice) {
        using Kind = sip::PublicationNotice::Kind;
        switch (notice.kind) {
            case Kind::published:
                published_ = true;
                tell(notice);
                if (options_.once) session_.finish(ExitCode::done);
                return;
            case Kind::waiting:
                if (!session_.is_leaving())
                    print_error(escape(options_.uri) + ": PUBLISH failed with " +
                                std::to_string(notice.status) + "; trying again in " +
                                std::to_string(notice.retry_after_s) + " s");
                return;
            case Kind::removed:
                // Gone already: fine when we leave, not when that one was to be removed.
                if (options_.remove && notice.status >= 300) {
                    refused(notice);
                    return;
                }
                tell(notice);
                session_.finish(ExitCode::done);
                return;
            case Kind::refused:
            case Kind::failed: refused(notice); return;
        }
    }

    void refused(const sip::PublicationNotice& notice) {
        session_.complain(
            {"PUBLISH", options_.uri, notice.status, std::string(notice.phrase.view())});
        session_.finish(ExitCode::failed);
    }

    void tell(const sip::PublicationNotice& notice) const {
        const bool removed = notice.kind == sip::PublicationNotice::Kind::removed;
        const std::string etag(removed ? std::string_view() : notice.etag.view());
        if (session_.json())
            print_line(json_of(PublishFields{time_text(wall_clock_ms()), options_.uri,
                                             notice.status, etag, removed ? 0 : notice.expires_s}));
        else
            print_line(removed ? "removed" : "etag " + escape(etag));
    }

    void timed_out() {
        if (!published_)
            session_.complain(options_.uri, "no answer to PUBLISH came before --timeout");
        session_.begin_to_leave(published_ ? ExitCode::done : ExitCode::failed);
    }

    void leave() {
        if (options_.remove || !publisher_.remove(session_.now(), id_))
            session_.finish(ExitCode::failed);
    }

    const PublishOptions& options_;
    ClientSession& session_;
    sip::Publisher publisher_;
    sip::PublishId id_;
    bool published_ = false;
};

edge::Outcome<std::string> body_of(const PublishOptions& options, const std::string& tuple_id) {
    if (options.remove) return std::string();
    if (options.body) {
        auto body = read_file(*options.body);
        if (body && body->empty())
            return edge::failure("--body " + *options.body + ": the file is empty");
        return body;
    }
    PresenceWish wish;
    wish.entity = entity_of(options.uri);
    wish.tuple_id = tuple_id;
    wish.open = options.status.value_or("open") == "open";
    wish.activity = options.activity;
    wish.note = options.note;
    wish.contact = options.contact;
    wish.wall_ms = wall_clock_ms();
    const auto document = make_document(wish);
    if (!document) return edge::failure(std::string(document.error().rule));
    return *document;
}

}  // namespace

ExitCode run_publish(const PublishOptions& options) {
    const auto wrong = [&](const std::string& error, ExitCode code = ExitCode::wrong_usage) {
        return fail(code, {"vigil publish: " + error, {}, 0, {}}, options.client.json);
    };
    if (const auto checked = check_address(options.uri); !checked) return wrong(checked.error());
    if (options.client.expires_s && *options.client.expires_s == 0)
        return wrong("--expires wants 1 or more; --remove ETAG takes a publication away");
    if (options.contact)
        if (const auto contact = sip::parse_uri(*options.contact); !contact)
            return wrong("--contact \"" + escape(*options.contact, 100) +
                         "\": " + std::string(contact.error().rule));
    auto session = ClientSession::open(options.client, options.uri);
    if (!session) return wrong(session.error().error, session.error().code);
    const auto body = body_of(options, (*session)->random_name());
    if (!body) return wrong(body.error());
    return Publish(options, **session).run(*body);
}

}  // namespace vigil
