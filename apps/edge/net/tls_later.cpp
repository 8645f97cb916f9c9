#include "apps/edge/net/tls.hpp"

#include <mutex>

namespace edge {

namespace {

/// Reads what the system trusts when the first connection wants it: that is a hundred times as
/// much work, and memory, as all else that a server without TLS does to start.
class Later final : public TlsContext {
public:
    explicit Later(TlsSettings settings) : settings_(std::move(settings)) {}

    std::unique_ptr<TlsSession> accept() override {
        TlsContext* made = context();
        return made == nullptr ? nullptr : made->accept();
    }
    std::unique_ptr<TlsSession> connect(std::string_view domain) override {
        TlsContext* made = context();
        return made == nullptr ? nullptr : made->connect(domain);
    }

private:
    TlsContext* context() {
        std::call_once(once_, [this] {
            std::vector<std::string> warnings;
            if (auto made = TlsContext::make(settings_, warnings)) made_ = std::move(*made);
        });
        return made_.get();
    }

    TlsSettings settings_;
    std::once_flag once_;  ///< connections of several threads may want it
    std::shared_ptr<TlsContext> made_;
};

}  // namespace

std::shared_ptr<TlsContext> TlsContext::later(TlsSettings settings) {
    if (tls_library().empty()) return nullptr;
    return std::make_shared<Later>(std::move(settings));
}

}  // namespace edge
