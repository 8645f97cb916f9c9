#include "apps/vigil/worker_answers.hpp"

#include <deque>
#include <mutex>
#include <utility>

namespace vigil {

namespace {

/// So much of an answer may lie ready that nobody has taken: the worker stops there.
constexpr std::size_t ready_bytes = std::size_t{64} << 10;

/// The answer of one worker, which makes piece after piece, each in a turn of its own, as long as
/// there is room; where none lies ready, `next` has none, and is asked again.
class DistantAnswer final : public edge::LineAnswer {
public:
    DistantAnswer(const AskedWorker& worker, std::string_view request)
        : worker_(worker), shared_(std::make_shared<Shared>()) {
        shared_->request = request;
    }
    ~DistantAnswer() override {
        const std::lock_guard lock(shared_->mutex);
        shared_->wanted = false;
    }
    DistantAnswer(const DistantAnswer&) = delete;
    DistantAnswer& operator=(const DistantAnswer&) = delete;

    bool next(std::string& out) override {
        const std::lock_guard lock(shared_->mutex);
        out += shared_->ready;
        waits_ = shared_->ready.empty();
        shared_->ready.clear();
        if (shared_->ended) return false;
        if (!std::exchange(shared_->at_work, true)) ask(worker_, shared_);
        return true;
    }
    bool waits() const override { return waits_; }

private:
    struct Shared {
        std::string request;
        std::unique_ptr<edge::LineAnswer> answer;  ///< the worker's
        std::mutex mutex;
        std::string ready;
        bool at_work = false;  ///< the worker makes a piece, or is to
        bool ended = false;
        bool wanted = true;
    };
    static void ask(const AskedWorker& worker, const std::shared_ptr<Shared>& shared) {
        worker.post([&worker, shared] { make_piece(worker, shared); });
    }
    static void make_piece(const AskedWorker& worker, const std::shared_ptr<Shared>& shared) {
        if (!shared->answer) shared->answer = worker.control->answer(shared->request);
        std::string piece;
        const bool more = shared->answer->next(piece);
        const std::lock_guard lock(shared->mutex);
        shared->ready += piece;
        shared->ended = !more;
        shared->at_work = more && shared->wanted && shared->ready.size() < ready_bytes;
        if (shared->at_work) ask(worker, shared);
    }

    const AskedWorker& worker_;
    std::shared_ptr<Shared> shared_;
    bool waits_ = false;
};

/// Those of several, one after the other, with one end.
class Joined final : public edge::LineAnswer {
public:
    Joined(std::span<const AskedWorker> workers, std::string_view request) {
        for (const AskedWorker& each : workers) parts_.emplace_back(each, request);
    }

    bool next(std::string& out) override {
        std::string piece;
        const bool more = parts_[at_].next(piece);
        const bool is_last = at_ + 1 == parts_.size();
        const std::string end = ControlServer::end_line();
        if (!more && !is_last && piece.ends_with(end)) piece.resize(piece.size() - end.size());
        out += piece;
        if (more) return true;
        ++at_;
        return !is_last;
    }
    bool waits() const override { return parts_[at_].waits(); }

private:
    std::deque<DistantAnswer> parts_;
    std::size_t at_ = 0;
};

/// "show server".
class Sum final : public edge::LineAnswer {
public:
    explicit Sum(std::span<const AskedWorker> workers)
        : first_(*workers.front().control), shared_(std::make_shared<Shared>()) {
        shared_->left = workers.size();
        for (const AskedWorker& each : workers)
            each.post([shared = shared_, control = each.control] {
                const ControlServer::Counts counts = control->counts();
                const std::lock_guard lock(shared->mutex);
                shared->sum.subscriptions += counts.subscriptions;
                shared->sum.publications += counts.publications;
                shared->sum.registrations += counts.registrations;
                --shared->left;
            });
    }

    bool next(std::string& out) override {
        const std::lock_guard lock(shared_->mutex);
        if (shared_->left > 0) return true;
        out += first_.server_line(shared_->sum) + ControlServer::end_line();
        return false;
    }
    bool waits() const override { return true; }

private:
    struct Shared {
        std::mutex mutex;
        ControlServer::Counts sum;
        std::size_t left = 0;
    };
    const ControlServer& first_;  ///< of the thread that asks
    std::shared_ptr<Shared> shared_;
};

}  // namespace

std::unique_ptr<edge::LineAnswer> answer_of_workers(
    std::span<const AskedWorker> workers, std::string_view request,
    const std::function<unsigned(std::string_view presentity)>& owner) {
    using Kind = ControlServer::Reach::Kind;
    const ControlServer::Reach reach = ControlServer::reach_of(request);
    switch (reach.kind) {
        case Kind::any: return workers.front().control->answer(request);
        case Kind::owner:
            return std::make_unique<DistantAnswer>(workers[owner(reach.presentity)], request);
        case Kind::all: return std::make_unique<Joined>(workers, request);
        case Kind::sum: return std::make_unique<Sum>(workers);
    }
    return workers.front().control->answer(request);
}

}  // namespace vigil
