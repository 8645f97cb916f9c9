#include "apps/vigil/worker_answers.hpp"

#include <mutex>
#include <utility>
#include <vector>

namespace vigil {

namespace {

/// The answer of one worker, a piece at a time: where the next is not here yet, `next` has none,
/// and is asked again.
class DistantAnswer final : public edge::LineAnswer {
public:
    DistantAnswer(const AskedWorker& worker, std::string_view request)
        : worker_(worker), shared_(std::make_shared<Shared>()) {
        shared_->request = request;
    }

    bool next(std::string& out) override {
        if (!std::exchange(asked_, true)) {
            worker_.post([shared = shared_, control = worker_.control] {
                if (!shared->answer) shared->answer = control->answer(shared->request);
                std::string piece;
                const bool more = shared->answer->next(piece);
                const std::lock_guard lock(shared->mutex);
                shared->piece = std::move(piece);
                shared->more = more;
                shared->is_there = true;
            });
            return true;
        }
        const std::lock_guard lock(shared_->mutex);
        if (!shared_->is_there) return true;
        shared_->is_there = asked_ = false;
        out += shared_->piece;
        return shared_->more;
    }
    bool waits() const override { return asked_; }

private:
    struct Shared {
        std::string request;
        std::unique_ptr<edge::LineAnswer> answer;  ///< the worker's
        std::mutex mutex;
        std::string piece;
        bool more = false, is_there = false;
    };
    const AskedWorker& worker_;
    std::shared_ptr<Shared> shared_;
    bool asked_ = false;
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
    std::vector<DistantAnswer> parts_;
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
