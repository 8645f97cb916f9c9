#include <algorithm>

#include "apps/vigil/control_text.hpp"
#include "apps/vigil/text.hpp"

namespace vigil {

namespace {

std::string address_of(const std::string& uri) {
    return escape(uri.starts_with("sip:") ? uri.substr(4) : uri);
}

std::string joined(const std::vector<std::string>& texts, std::string_view between) {
    std::string all;
    for (const std::string& each : texts) {
        if (!all.empty()) all += between;
        all += escape(each);
    }
    return all;
}

std::string number(const Record& record, std::string_view key) {
    return std::to_string(record.number(key));
}

std::string ago(const Record& record, std::string_view key) {
    return span_text(record.number(key)) + " ago";
}

/// Why, in words; servers that keep no reasons give none.
std::string reason(const Record& record) {
    const std::string because = record.text("because");
    return because.empty() ? "not kept" : escape(because);
}

std::string who(const Record& s) {
    const std::string by = s.text("proved_by");
    if (by == "digest") return "proved by digest";
    if (by == "asserted") return "asserted by a trusted peer (P-Asserted-Identity)";
    if (by == "from") return "believed from From, since nobody is asked (--auth none)";
    return "not proved: nobody in particular";
}

std::string connection(const Record& s) {
    const std::string how = s.text("connection");
    if (how == "lost") return ", whose connection is gone; one try is made at its Contact";
    if (how == "silent")
        return ", whose connection is gone, and its Contact does not answer; it "
               "is kept until it runs out or comes back";
    return {};
}

std::string last_notify(const Record& s) {
    const std::string how = s.text("notify");
    if (how == "none") return "none yet";
    std::string text =
        ago(s, "notify_age") + ", CSeq " + number(s, "notify_cseq") + ", " +
        (s.number("notify_bytes") == 0 ? "without a document"
                                       : "a document of " + number(s, "notify_bytes") + " bytes");
    if (how == "answered") return text + "; answered " + number(s, "notify_status");
    if (how == "on-its-way") return text + "; not answered yet";
    if (how == "timeout") return text + "; no answer came";
    if (how == "failed") return text + "; the transport could not carry it";
    if (how == "withdrawn") return text + "; withdrawn, since it may not be seen any more";
    return ago(s, "notify_age") + ", not sent: there was no way to the watcher";
}

std::string next(const Record& s) {
    const std::string what = s.text("next");
    const std::string in = " in " + number(s, "next_in") + " s";
    const std::string more = s.flag("notify_due") ? "; a NOTIFY is due" : "";
    if (what == "expiry") return "it runs out" + in + " unless it is refreshed" + more;
    if (what == "retry") return "the NOTIFY that failed is tried again" + in;
    if (what == "hold") return "changes are told again" + in + " (the rate of the package)" + more;
    if (what == "proof") return "the first NOTIFY to this host is given up" + in;
    return "nothing is waited for" + more;
}

std::string document_text(const Record& document) {
    std::string text = document.text("basic");
    if (text.empty()) text = "no status";
    if (const std::string doing = joined(document.list("activities"), ", "); !doing.empty())
        text += ", " + doing;
    if (const std::string notes = joined(document.list("notes"), "\", \""); !notes.empty())
        text += ", \"" + notes + "\"";
    return text;
}

class Explanation {
public:
    Explanation(const std::vector<Record>& records, const std::string& watcher,
                const std::string& presentity)
        : records_(records), watcher_(escape(watcher)), presentity_(escape(presentity)) {}

    std::vector<std::string> write() {
        const bool watches = tell_subscriptions();
        if (!watches) tell_decision();
        tell_refusals();
        tell_rules();
        tell_sources();
        tell_composition();
        return std::move(lines_);
    }

private:
    template <class Tell>
    std::size_t each(std::string_view kind, Tell tell) {
        std::size_t count = 0;
        for (const Record& record : records_) {
            if (record.text("kind") != kind) continue;
            tell(record);
            ++count;
        }
        return count;
    }
    void say(std::string line) { lines_.push_back(std::move(line)); }
    void detail(std::string_view label, const std::string& text) {
        std::string line = "  " + std::string(label) + ":";
        line.resize(std::max<std::size_t>(line.size() + 1, 17), ' ');
        say(line + text);
    }

    bool tell_subscriptions() {
        const std::size_t count = each("subscription", [&](const Record& s) {
            const std::string id = s.text("event_id");
            say(watcher_ + " watches " + presentity_ + " (" + escape(s.text("package")) +
                (id.empty() ? "" : ";id=" + escape(id)) + "): " + escape(s.text("state")) +
                (s.has("reason") ? ", " + escape(s.text("reason")) : ""));
            detail("since", escape(s.text("since")) + ", " + number(s, "expires") + " s of " +
                                number(s, "granted") + " s are left");
            detail("who", who(s) + ", from " + escape(s.text("remote")) + connection(s));
            detail("decided by", reason(s));
            detail("sees", escape(s.text("sees")));
            detail("last NOTIFY", last_notify(s));
            detail("next", next(s));
        });
        if (count == 0) say(watcher_ + " does not watch " + presentity_ + ".");
        return count > 0;
    }
    void tell_decision() {
        each("decision", [&](const Record& d) {
            const std::string state = d.text("state");
            const std::string answer = "answered " + number(d, "status");
            if (d.number("status") == 404)
                detail("a SUBSCRIBE", "would be " + answer + ": there is no such address here");
            else if (state == "rejected")
                detail("a SUBSCRIBE", "would be " + answer);
            else
                detail("a SUBSCRIBE", "would be " + answer + ", and be " + escape(state));
            detail("decided by", reason(d));
            detail("would see", escape(d.text("sees")));
        });
    }
    void tell_refusals() {
        bool first = true;
        each("refusal", [&](const Record& r) {
            if (std::exchange(first, false)) say("Refused or given up lately, the last one first:");
            const std::string status = r.has("status") ? " " + number(r, "status") : "";
            const std::string often =
                r.number("count") > 1 ? ", " + number(r, "count") + " times" : "";
            const bool claimed = r.number("status") == 401 || r.number("status") == 407;
            say("  " + ago(r, "age") + ": " + escape(r.text("what")) + status + ", " + reason(r) +
                (claimed ? " (by one who only said to be " + watcher_ + ")" : "") + often);
        });
    }
    void tell_rules() {
        each("presentity", [&](const Record& r) {
            if (!r.has("rules_file")) return;
            const std::string count = number(r, "rules");
            say("The rules of " + presentity_ + ":");
            detail("file", escape(r.text("rules_file")) + ", " + count +
                               (count == "1" ? " rule" : " rules") + " in force");
            if (r.has("rules_error"))
                detail("not in force", "the file as it is now: " + escape(r.text("rules_error")));
        });
    }
    void tell_sources() {
        say("What is known of " + presentity_ + ":");
        const std::size_t published = each("publication", [&](const Record& p) {
            detail("publication", escape(p.text("etag")) + " by " +
                                      address_of(p.text("publisher")) + ": " + document_text(p) +
                                      "; " + ago(p, "age") + ", runs out in " +
                                      number(p, "expires") + " s");
        });
        const std::size_t registered = each("registration", [&](const Record& r) {
            detail("registration", escape(r.text("contact")) + "; " + ago(r, "age") +
                                       ", runs out in " + number(r, "expires") + " s");
        });
        const bool local = std::any_of(records_.begin(), records_.end(), [](const Record& record) {
            return record.flag("local_state");
        });
        if (local) detail("local state", "this server itself says something of it");
        if (published + registered == 0 && !local) say("  nothing is published or registered");
    }
    void tell_composition() {
        each("left-out", [&](const Record& l) {
            std::string text = escape(l.text("what")) + " " + escape(l.text("name"));
            if (l.has("of")) text += " of " + escape(l.text("of"));
            text += ": " + reason(l);
            if (l.has("in_favour_of")) text += " (" + escape(l.text("in_favour_of")) + ")";
            detail("left out", text);
        });
        each("document", [&](const Record& d) {
            if (d.has("failed"))
                detail("composed", "failed: " + escape(d.text("failed")));
            else
                detail("composed", document_text(d) + "; " + number(d, "tuples") +
                                       (d.number("tuples") == 1 ? " tuple, " : " tuples, ") +
                                       number(d, "bytes") + " bytes");
        });
    }

    const std::vector<Record>& records_;
    std::string watcher_, presentity_;
    std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> explanation_of(const std::vector<Record>& records,
                                        const std::string& watcher, const std::string& presentity) {
    return Explanation(records, watcher, presentity).write();
}

}  // namespace vigil
